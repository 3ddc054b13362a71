//! Writing to the ledger, from wherever something is done.

use serde::{Deserialize, Serialize};

use crate::{IncidentId, TenantId, Timestamp};

/// An act, before the ledger has given it a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerDraft {
    /// When it was done.
    pub at: Timestamp,
    /// Whose customers are concerned, when one tenant is.
    pub tenant: Option<TenantId>,
    /// The case that it belongs to.
    pub incident: Option<IncidentId>,
    /// Who did it: a person's account, `hudun` for the machine.
    pub by: String,
    /// What was done, such as `containment.isolate`. The part before the dot is the stage or subsystem.
    pub kind: String,
    /// The particulars. Never personal data in clear.
    pub body: serde_json::Value,
}

/// The door to the ledger. An act counts as done only when [`Recorder::record`] has returned.
pub trait Recorder: Send + Sync {
    /// Makes the act durable and returns its sequence number.
    ///
    /// # Errors
    /// [`RecordError`] when it could not be made durable; the caller must not go on as if it were.
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError>;
}

/// The ledger did not take an entry.
#[derive(Debug, thiserror::Error)]
#[error("the ledger could not record {kind}: {cause}")]
pub struct RecordError {
    /// The kind of act.
    pub kind: String,
    /// Why not.
    pub cause: String,
}
