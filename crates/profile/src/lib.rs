//! Teaches Hudun one SCRM product.
//!
//! Hudun guards products that it has never seen. What it must know of one of them stands in a *profile*, a YAML file:
//! which request belongs to which module, how a session and an account are read, which route logs in, exports or ends
//! a session, how many rows an answer may hold, and which fields hold which personal data.
//!
//! The part that decides most is the [`Resolver`]. A module that is isolated in one spelling and open in another is
//! not isolated, so one route may be spelled in four dialects: by path template, by query or form parameter, by
//! JSON-RPC or XML-RPC method, by GraphQL root field. Every request is first made into a [`RequestView`], which reads
//! it in one way only: the path is decoded to a fixed point and its dots are resolved, an encoding that servers read
//! differently is refused, and so is a JSON object that says one key twice.
//!
//! ```
//! use hudun_profile::{Profile, RequestView, Resolver};
//!
//! let text = r#"
//! format: 1
//! product: small-crm
//! title: { zh: 小客户系统, en: Small CRM }
//! verified: false
//! modules:
//!   - { id: customers, title: { zh: 客户, en: Customers } }
//! routes:
//!   - id: customer.read
//!     module: customers
//!     match:
//!       - { method: GET, path: "/api/customer/{id}" }
//!       - { path: /index.php, params: { module: Contacts, action: DetailView } }
//! "#;
//! let profile = Profile::parse(text, "small-crm.yaml")?;
//! let resolver = Resolver::new(&profile)?;
//! let view = RequestView::new("GET", "/api//%63ustomer/7", None, vec![])?;
//! let found = resolver.resolve(&view)?;
//! assert_eq!(found.module().as_str(), "customers");
//! assert_eq!(found.param("id"), Some("7"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod check;
mod columns;
mod graphql;
mod identity;
mod json;
mod model;
mod multipart;
mod parse;
mod path;
mod pattern;
mod resolve;
mod touched;
mod view;
mod xmlrpc;

pub use body::{BodyView, File};
pub use check::{Gravity, Problem};
pub use identity::{Answer, Credential, CredentialKind, Identity, LoginRead};
pub use model::{
    Accounting, AnswerFormat, BodyRule, Carrier, CarrierKind, CarrierPlace, Columns, Decode,
    FailMode, Fields, Login, Matcher, Me, Modes, Module, OneOrMany, Part, Profile, PushRoute,
    Response, Route, Runs, Source, Success,
};
pub use parse::ProfileError;
pub use path::CanonicalPath;
pub use resolve::{OTHER, Resolution, ResolvedRoute, Resolver};
pub use view::{Malformed, RequestView};
