//! Why a notice did not move.

use hudun_core::{NoticeId, RecordError};
use hudun_duty::{DutyError, NoticeKind};
use hudun_store::StoreError;

use crate::message::TemplateError;
use crate::notice::{LintRefusal, NoticeStatus};
use crate::seal::SealError;

/// Why a notice did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InformError {
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The facts or the templates do not stand.
    #[error(transparent)]
    Duty(#[from] DutyError),
    /// A letter could not be written.
    #[error("a letter could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A letter could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The template of the text message does not go with the facts.
    #[error("the text message: {0}")]
    Template(#[from] TemplateError),
    /// Nobody is named.
    #[error("name the person who decides")]
    Nobody,
    /// A later notice has gone out.
    #[error(
        "version {0} of this notice has gone out since; what this one says is no longer what is known"
    )]
    Superseded(u32),
    /// There is no such notice.
    #[error("there is no notice {0}")]
    NoSuchNotice(NoticeId),
    /// The draft is another than the one that was read.
    #[error("the draft has changed since it was read; read it again")]
    OtherText,
    /// One person can't approve twice.
    #[error("{0} has approved already; a second person must approve in the other role")]
    SamePerson(String),
    /// That role does not approve this notice, or nobody is named.
    #[error("this notice does not need that approval, or the person is not named")]
    NotNeeded,
    /// It is past that.
    #[error("the notice is {0:?} already")]
    TooLate(NoticeStatus),
    /// Approvals are missing.
    #[error("not every role has approved this text")]
    NotApproved,
    /// The linter holds something against it.
    #[error("{} things stand against this notice; see its refusals", .0.len())]
    Refused(Vec<LintRefusal>),
    /// A person hands it in.
    #[error("{} is handed in or published by a person; export it and record the receipt", .0.id())]
    NotByLetter(NoticeKind),
    /// The send list is not the affected set.
    #[error("the send list is not the affected set that the notice speaks of")]
    OtherPersons,
    /// The addresses could not be found.
    #[error("the addresses could not be read from the SCRM: {0}")]
    Addressees(String),
    /// Nobody has an address.
    #[error("there is nobody to tell: no address was found")]
    NobodyToTell,
    /// There is nothing to decide, or nobody is named.
    #[error("that letter's outcome is not unknown, or the person who decides is not named")]
    NotUnknown,
    /// That is no proof.
    #[error("{0}")]
    NotProof(&'static str),
    /// There is no such proof.
    #[error("there is no such proof")]
    NoSuchProof,
    /// The receipt number is empty.
    #[error("write down the receipt number")]
    ReceiptNeeded,
}
