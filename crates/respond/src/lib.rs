//! 响 — the stage that responds: it opens cases from findings, grades them, hands out tasks and runs playbooks.

mod cases;
mod grading;

pub use cases::{CaseError, Cases, Intake};
pub use grading::{ResponseRules, RulesError};
