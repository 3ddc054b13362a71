//! 析 — the stage that answers: whose data left, through which door, with whom, and which duties follow.
//!
//! The [`Analyst`] narrows the accounts under suspicion to the sessions of the attacker ([`Narrowing`]), so that what
//! the rightful owner of a stolen account read is not counted; puts the scope question to the lake; and builds the
//! fact base that law is asked with from the record alone. What the record does not tell stays unknown, and a rule
//! that needs it says so.
//!
//! The ledger receives counts, kinds, the window, the coverage and one digest over the affected persons, never the
//! persons' tokens.
//!
//! ```
//! use hudun_analyze::{affected_set_digest, to_duty_kind};
//! use hudun_core::{DataKind, SubjectToken};
//!
//! assert_eq!(to_duty_kind(DataKind::Conversation), Some(hudun_duty::DataKind::Chat));
//! let one = SubjectToken::from_bytes([1; 16]);
//! let two = SubjectToken::from_bytes([2; 16]);
//! assert_eq!(affected_set_digest([one, two]), affected_set_digest([two, one, one]));
//! ```

mod analyst;
mod cause;
mod decisions;
mod facts;
mod kinds;
mod source;

pub use analyst::{Analyst, AnalyzeError, DutyRecord, ScopeRecord};
pub use decisions::{
    Awareness, DecisionError, Evidence, GateAct, MOST_EVIDENCE, NewAwareness, NewRelease,
};
pub use facts::{Circumstances, OrganisationSettings, build_facts};
pub use kinds::{affected_set_digest, to_duty_kind};
pub use source::Narrowing;
