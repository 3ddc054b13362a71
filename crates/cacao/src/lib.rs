//! CACAO v2.0 security playbooks: read, check, compare, sign, and walk.
//!
//! A playbook is data: a graph of steps. This crate holds it without loss ([`Playbook`]), says what is
//! wrong with it ([`validate`]), checks who signed it ([`signature`]), says what changed between two
//! versions ([`diff`]), and answers, without doing anything itself, which steps come next ([`Walker`],
//! [`Run`]). It reads no clock and no file.
//!
//! ```
//! use hudun_cacao::{Outcome, Playbook, Run, Variables, Walker};
//!
//! let playbook = Playbook::parse(br#"{
//!   "type": "playbook", "spec_version": "cacao-2.0", "name": "two steps",
//!   "id": "playbook--61a6c41e-6efc-4516-a242-dfbc5c89d562",
//!   "created_by": "identity--5abe695c-7bd5-4c31-8824-2528696cdbf1",
//!   "created": "2026-11-23T08:00:00Z", "modified": "2026-11-23T08:00:00Z",
//!   "workflow_start": "start--07bea005-4a36-4a77-bd1f-79a6e4682a13",
//!   "workflow": {
//!     "start--07bea005-4a36-4a77-bd1f-79a6e4682a13":
//!       { "type": "start", "on_completion": "end--6b23c237-ade8-4d00-9aa1-75999738d557" },
//!     "end--6b23c237-ade8-4d00-9aa1-75999738d557": { "type": "end" }
//!   }
//! }"#)?;
//! assert!(hudun_cacao::validate(&playbook.to_value()?, Default::default()).is_empty());
//!
//! let walker = Walker::new(&playbook);
//! let mut run = Run::begin(&walker);
//! while let Some((&token, _position)) = run.active().first_key_value() {
//!     run.advance(&walker, token, Outcome::Succeeded, &Variables::new())?;
//! }
//! assert!(run.ending().is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod condition;
mod diff;
mod model;
mod problem;
mod semantics;
pub mod signature;
mod structure;
mod validate;
mod walk;

pub use condition::{Condition, ConditionError};
pub use diff::{Change as Difference, diff};
pub use model::{
    AgentTarget, AgentType, Authentication, Command, CommandType, Contact, Marking, Playbook,
    Signature, Step, StepType, Variable, Variables, parse_json,
};
pub use problem::{Fault, Problem, Severity};
pub use validate::{Mode, is_runnable, validate, validate_semantics, validate_structure};
pub use walk::{Change, Ending, Frame, Move, Outcome, Position, Run, WalkError, Walker};

/// Why a playbook can't be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseError {
    /// More than 4 MiB.
    #[error("{0} bytes; a playbook has at most 4 MiB")]
    TooLong(usize),
    /// More than 10,000 steps.
    #[error("{0} steps; a playbook has at most 10000")]
    Steps(usize),
    /// Not JSON.
    #[error("line {line} column {column}: {message}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column.
        column: usize,
        /// What the reader says.
        message: String,
    },
    /// JSON, but no playbook.
    #[error("not a playbook: {0}")]
    Shape(String),
    /// A value that would not be written back as it was read, such as a `null` where there must be a text.
    #[error("{0}: can't be kept as it is")]
    Lossy(String),
}
