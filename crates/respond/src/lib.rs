//! 响 — the stage that responds: it opens cases from findings, grades them, hands out tasks and runs playbooks.

mod cases;
mod grading;
mod run;

pub use cases::{CaseError, Cases, Intake};
pub use grading::{ResponseRules, RulesError};
pub use run::{RunError, RunEvent, RunView, Runner, StepState, StepView};
