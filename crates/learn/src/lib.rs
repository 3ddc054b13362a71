//! Proposes a profile of an SCRM product from its traffic, for a person to correct.
//!
//! A product that nobody has heard of is guarded the same day: a [`Learner`] looks at requests and answers, from access
//! logs ([`Learner::read_log`]), from a browser's recording ([`Learner::read_har`]) or live ([`Learner::see`],
//! [`Learner::see_view`]), and
//! writes a profile that names what it found: path templates, the parameter or the RPC method that names the module,
//! log-in and session, exports, personal fields by kind. Each finding carries how often it was seen. Values are never
//! kept and never written: a proposal can be shown to anybody.
//!
//! All input is hostile: every table has a bound, and what goes beyond it is counted ([`Counts`]).
//!
//! ```
//! use hudun_learn::{Learner, Sample};
//! use hudun_profile::{Profile, RequestView, Resolver};
//!
//! let mut learner = Learner::default();
//! for id in 1000..1040 {
//!     let answer = format!(r#"{{"id":{id},"name":"张三","mobile":"1380000{id}"}}"#);
//!     learner.see(&Sample {
//!         method: "GET",
//!         target: &format!("/api/customer/{id}"),
//!         status: 200,
//!         answer_headers: &[("content-type".to_owned(), "application/json".to_owned())],
//!         answer: Some(answer.as_bytes()),
//!         ..Sample::default()
//!     });
//! }
//! let text = learner.propose("small-crm");
//! assert!(text.contains("mobile") && !text.contains("138"));
//! let profile = Profile::parse(&text, "small-crm.yaml")?;
//! let view = RequestView::new("GET", "/api/customer/5", None, vec![])?;
//! assert_eq!(Resolver::new(&profile)?.resolve(&view)?.module().as_str(), "customers");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod call;
mod endpoint;
mod file;
mod har;
mod learner;
mod log;
mod names;
mod propose;
mod session;
mod tree;
mod write;

pub use file::LearnError;
pub use har::HarError;
pub use learner::{Counts, Learner, Sample};
