//! The words of Hudun as types.
//!
//! Every other crate speaks in these words, so they stand on the lowest floor: no I/O, no clock but
//! [`Timestamp::now`], no dependency on another crate of the workspace. One word means one thing; the list of words is
//! the one in the design, and this crate adds no synonyms.
//!
//! Three kinds of value can't be mixed up: what came from the wire and may be personal ([`Raw`]), what has been made
//! unreadable but keeps its shape ([`Masked`]), and the keyed name of a person ([`SubjectToken`]). Only the last one
//! may be stored.
//!
//! ```
//! use hudun_core::{DataKind, KindSet, Sighting, SubjectToken};
//!
//! let who = SubjectToken::from_bytes([7; 16]);
//! let seen = Sighting::new(who, KindSet::of(&[DataKind::Name, DataKind::Mobile]));
//! assert!(seen.kinds.contains(DataKind::Mobile));
//! assert_eq!(seen.kinds.to_string(), "name,mobile");
//! ```

mod action;
mod actor;
mod exchange;
mod finding;
mod id;
mod incident;
mod kind;
mod loss;
mod policy;
mod record;
mod rule;
mod scope;
mod subject;
mod text;
mod time;

pub use action::{Action, ActionError, ActionOutcome, ActionReceipt, BoxFuture, Catalogue};
pub use actor::{Actor, Role};
pub use exchange::{
    Delivery, Exchange, ExchangeEnd, ExchangeEvent, ExchangeHead, Push, Refusal, RefusalCause,
    Release, Signal, SignalKind,
};
pub use finding::{Finding, Level};
pub use id::{
    AccountId, DrillId, ExchangeId, FindingId, IdError, IncidentId, ModuleId, NoticeId, PatchId,
    RestrictionId, RouteId, RunId, SessionKey, StepId, TaskId, TenantId, TokenKey,
};
pub use incident::{
    Department, Grade, GradeRow, Incident, IncidentState, Stage, Task, TaskState, TimelineMark,
};
pub use kind::{DataKind, KindSet, RecordClass, Sensitivity, UnknownKind};
pub use loss::LossReason;
pub use policy::{
    AccessRule, Expiry, Isolation, IsolationMode, Limits, Policy, PolicyError, Restriction,
    Revocation, RevocationTarget,
};
pub use record::{LedgerDraft, RecordError, Recorder};
pub use rule::{Check, Condition, Effect, Patch, PatchScope, PatchState, Place, ResponseCheck};
pub use scope::{KindCount, Scope, ScopeQuestion, ScopeSource};
pub use subject::{Masked, Raw, Sighting, SubjectToken, TokenError};
pub use text::{Lang, Text};
pub use time::{Timestamp, TimestampError, Window};
