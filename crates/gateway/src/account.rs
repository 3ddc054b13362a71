//! The door to the journal.

use hudun_core::{BoxFuture, ExchangeEnd, ExchangeHead, Release};

/// What is written down about an exchange. Order within one exchange: head (or small), releases, end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalRecord {
    /// The request has been read.
    Head(Box<ExchangeHead>),
    /// A part of a long answer is about to leave.
    Release(Release),
    /// A small answer is about to leave: head and only release in one record.
    Small(Box<ExchangeHead>, Release),
    /// The exchange is over.
    End(ExchangeEnd),
}

/// Where the gateway writes down who is about to receive what. The binary puts the lake behind it.
pub trait Accounting: Send + Sync {
    /// Makes a record durable; with it everything that was recorded before.
    fn record(&self, record: JournalRecord) -> BoxFuture<'_, Result<(), AccountingError>>;

    /// Takes a record without waiting for the disk.
    ///
    /// # Errors
    /// [`AccountingError`] when it can't be taken at all.
    fn record_relaxed(&self, record: JournalRecord) -> Result<(), AccountingError>;
}

/// A record could not be made durable.
#[derive(Clone, Debug, thiserror::Error)]
#[error("accounting: {0}")]
pub struct AccountingError(pub String);
