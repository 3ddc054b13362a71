//! Decides requests and answers by the policy in force.
//!
//! A [`hudun_core::Policy`] says what is restricted; [`Compiled`] is the same policy made ready to be asked for every
//! request. It is pure: no clock (the moment is an argument, so that a restriction ends by itself on the dot), no
//! state (counting requests for a throttle is left to the gateway), no I/O. The same code that refuses an attack in
//! the gateway therefore replays recorded traffic against a candidate patch: see [`Recorded`].
//!
//! Order of judgement: revocations, isolations (the hardest first), access rules and roles, hot patches, limits.
//!
//! ```
//! use hudun_core::{Actor, Policy, Timestamp};
//! use hudun_policy::{Compiled, RequestFacts};
//! use hudun_profile::{Profile, RequestView, Resolver};
//!
//! let profile = Profile::parse(
//!     "{format: 1, product: p, title: {zh: 例, en: example}, verified: false, modules: [], routes: []}",
//!     "p.yaml",
//! )?;
//! let view = RequestView::new("GET", "/", None, vec![])?;
//! let resolution = Resolver::new(&profile)?.resolve(&view)?;
//! let now = Timestamp::from_millis(0);
//! let policy = Compiled::new(Policy::empty(now))?;
//! let decision = policy.decide_request(
//!     &RequestFacts {
//!         view: &view,
//!         resolution: &resolution,
//!         profile: &profile,
//!         actor: &Actor::unknown([192, 0, 2, 1].into()),
//!         tenant: &"default".parse()?,
//!         session_since: None,
//!         login_account: None,
//!     },
//!     now,
//! );
//! assert!(decision.denied.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod compile;
mod decide;
mod patch;
mod replay;

pub use check::{is_sqli, is_xss, traverses};
pub use compile::Compiled;
pub use decide::{
    Denied, RequestDecision, RequestFacts, ResponseDecision, ResponseFacts, StripPlace, Throttle,
};
pub use replay::{Recorded, Replay};
