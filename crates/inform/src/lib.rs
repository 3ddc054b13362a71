//! 通 — the stage that informs: staff, regulators, affected persons, tenants, the public.
//!
//! The [`Informer`] drafts every notice from the facts, binds approvals to the exact text, and posts letters only when
//! every role that the notice needs has approved it, each in another person. The [`Postman`] carries letters out of
//! the outbox: mail by SMTP, text messages by a provider's gateway ([`SmsForm`]), webhooks with a signature
//! ([`signature`]). A letter lies in the outbox sealed ([`LetterSeal`]), and one that went out is emptied: what remains is
//! its key and how it ended, never an address or a number. A person has one key in a notice whatever the channel, so
//! nobody is told by both.
//!
//! A letter is taken at most once for a person: the moment before its text is handed to the channel is written down,
//! and so is the answer. What is cut off between the two (SMTP can promise no more: RFC 5321, 4.2.5) has an outcome
//! that nobody can tell; a person looks for its [`message_id`] in the mail server's log, or for its [`letter_name`] with
//! the provider of text messages, and decides. What fails
//! earlier is tried again. An alert is sent again in both cases.
//!
//! ```
//! use hudun_inform::signature;
//!
//! // What a receiver checks: the header `X-Hudun-Signature: t=1795420800,v1=…` over `1795420800.` and the body.
//! let made = signature(b"secret", 1_795_420_800, b"{}");
//! assert!(made.starts_with("t=1795420800,v1=") && made.len() == 16 + 64);
//! ```

mod addressee;
mod alert;
mod approve;
mod bounce;
mod clock;
mod draft;
mod error;
mod informer;
mod letter;
mod mail;
mod message;
mod names;
mod notice;
mod outcome;
mod personal;
mod postman;
mod proof;
mod returned;
mod seal;
mod send;
mod sms;
mod told;
mod wanted;

pub use addressee::{Addressee, Addressees, Contact};
pub use bounce::{BounceReport, LONGEST_MAIL, Returned, read_returned};
pub use clock::{Reminder, class_of, clocks_running_out};
pub use error::InformError;
pub use informer::{InformSettings, Informer, TenantContact};
pub use letter::{AlertTarget, MailLetter, WebhookLetter, alert_letters, letter_name, signature};
pub use mail::{MailSecurity, MailSettings, is_address, message_id};
pub use message::{Channel, Message, MessageTemplate, TemplateError, Ways};
pub use notice::{LetterTo, LintRefusal, Notice, NoticeApproval, NoticeStatus, Proof, Receipts};
pub use personal::KindsOfEach;
pub use postman::{Delivered, Postman, PostmanError, PostmanSettings, Reported, WebhookTarget};
pub use returned::{ReturnedCount, ReturnedLetters};
pub use seal::{LetterSeal, SealError};
pub use sms::{
    MessageReport, ReportError, ReportOf, SmsForm, SmsLetter, SmsSettings, read_reports,
};
pub use told::Told;
