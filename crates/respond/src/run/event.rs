//! The lines of a run's journal. State is nothing but a fold over them.

use hudun_cacao::Outcome;
use hudun_core::{ActionReceipt, IncidentId, RunId};
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RunEvent {
    /// The run began, on exactly this playbook: a later edit does not touch it.
    Started {
        /// The run.
        run: RunId,
        /// The case.
        incident: IncidentId,
        /// SHA-256 of the playbook's canonical form (RFC 8785).
        sha256: String,
        /// The playbook in its canonical form.
        playbook: String,
        /// Values of its external variables.
        variables: Vec<(String, String)>,
        /// Who started it.
        by: String,
    },
    /// A step is about to be done.
    Intended {
        /// The thread of control.
        token: u64,
        /// The step.
        step: String,
        /// The key under which its action is done at most once.
        key: String,
    },
    /// A step waits for a person: it is manual, or the world can't tell whether it was done.
    Waiting {
        /// The thread of control.
        token: u64,
        /// The step.
        step: String,
        /// What the person must know.
        because: String,
    },
    /// A step is over.
    Ended {
        /// The thread of control.
        token: u64,
        /// The step.
        step: String,
        /// How.
        outcome: Outcome,
        /// Who did or decided it.
        by: String,
        /// What the action left behind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<ActionReceipt>,
        /// What went wrong, or what the person wrote.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
}
