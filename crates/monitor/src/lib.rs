//! 监 — the stage that watches: it turns exchanges into findings.
//!
//! The [`Monitor`] reads every [`ExchangeEvent`] while it happens, in the process of the gateway, so a finding stands
//! before the bytes that complete it have left. Its detections count **persons and rows, not requests** (a list page
//! that fans out into fifty calls is ordinary work), read only what is true of an exchange (never what a drill says
//! about itself), and leave out whatever Hudun refused, so that a block can't feed the detection that caused it.
//!
//! State is bounded: so many actors per tenant, so many persons per actor; what is evicted is counted. One actor can't
//! push out another's state, because each tenant evicts its own least recently seen first.
//!
//! Beside the fixed detections stand the behaviour engine ([`Behaviour`]): what is unlike the person and the role; and
//! detection rules in the language of Sigma ([`Rules`]). A rule that says the same as a fixed detection carries its name,
//! and one fact speaks once.
//!
//! ```
//! use hudun_monitor::{Monitor, Thresholds};
//!
//! let monitor = Monitor::new(Thresholds { own_scope_roles: vec!["sales".into()], ..Thresholds::default() });
//! assert_eq!(monitor.evicted(), 0);
//! ```

mod account;
mod backtest;
mod behaviour;
mod detect;
mod kept;
mod rules;
mod silence;
mod site;
mod thresholds;
mod travel;
mod window;

pub use backtest::{Backtest, Reported};
pub use behaviour::{Behaviour, BehaviourSettings, StepUp};
pub use detect::Monitor;
pub use hudun_behaviour as engine;
pub use kept::{Kept, KeptError, Restored};
pub use rules::{RuleSettings, Rules};
pub use silence::LogSource;
pub use site::{Place, Point, Regions, Site, SiteRoute};
pub use thresholds::Thresholds;

#[cfg(doc)]
use hudun_core::ExchangeEvent;
