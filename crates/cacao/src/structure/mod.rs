//! The structural layer: what the OASIS JSON schemas say.

mod check;
mod names;
mod tables;

pub(crate) use names::is_id;

use serde_json::Value;

use crate::problem::Problem;
use crate::validate::Mode;

pub(crate) fn check(playbook: &Value, mode: Mode) -> Vec<Problem> {
    let mut check = check::Check {
        mode,
        path: String::new(),
        problems: Vec::new(),
    };
    check.rule(&check::Rule::Record(&tables::PLAYBOOK), playbook);
    check.problems
}
