//! Validation: structure first, then meaning.

use serde_json::Value;

use crate::model::Playbook;
use crate::problem::{Fault, Problem, Severity};
use crate::{semantics, structure};

/// How the structural layer reads the OASIS schemas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As JSON Schema draft-07, which the schemas declare: `unevaluatedProperties` means nothing, so
    /// unknown fields and vendors' own identifiers pass.
    #[default]
    Lenient,
    /// As the schemas seem meant: unknown fields and keys are problems, and commands are held against
    /// the schema of their type.
    Strict,
}

/// Checks structure and, where that allows to read the playbook, meaning.
pub fn validate(playbook: &Value, mode: Mode) -> Vec<Problem> {
    let mut problems = validate_structure(playbook, mode);
    match Playbook::from_value(playbook) {
        Ok(playbook) => problems.extend(validate_semantics(&playbook)),
        Err(error) if problems.is_empty() => {
            problems.push(Problem {
                path: String::new(),
                fault: Fault::Shape(error.to_string()),
            });
        }
        Err(_) => {}
    }
    problems
}

/// The structural layer alone: the verdict of the OASIS schemas.
pub fn validate_structure(playbook: &Value, mode: Mode) -> Vec<Problem> {
    structure::check(playbook, mode)
}

/// The semantic layer alone: what no schema sees.
pub fn validate_semantics(playbook: &Playbook) -> Vec<Problem> {
    semantics::check(playbook)
}

/// Whether a playbook with these problems may run.
pub fn is_runnable(problems: &[Problem]) -> bool {
    problems
        .iter()
        .all(|problem| problem.fault.severity() < Severity::Error)
}
