//! 通 — the stage that informs: staff, regulators, affected persons, tenants, the public.
//!
//! The [`Informer`] drafts every notice from the facts, binds approvals to the exact text, and posts letters only when
//! every role that the notice needs has approved it, each in another person. The [`Postman`] carries letters out of
//! the outbox: mail by SMTP, webhooks with a signature ([`signature`]). A letter that went out is emptied: what
//! remains is its key and how it ended, never an address.
//!
//! A letter is sent at most once to a person: its try is written down before it begins, so that a crash in the middle
//! leaves a letter whose outcome is unknown, which a person decides on. An alert is sent again instead.
//!
//! ```
//! use hudun_inform::signature;
//!
//! // What a receiver checks: the header `X-Hudun-Signature: t=1795420800,v1=…` over `1795420800.` and the body.
//! let made = signature(b"secret", 1_795_420_800, b"{}");
//! assert!(made.starts_with("t=1795420800,v1=") && made.len() == 16 + 64);
//! ```

mod informer;
mod letter;
mod notice;
mod postman;

pub use informer::{Addressees, InformError, InformSettings, Informer};
pub use letter::{AlertTarget, MailLetter, WebhookLetter, alert_letters, signature};
pub use notice::{LintRefusal, Notice, NoticeApproval, NoticeStatus, Receipts};
pub use postman::{
    Delivered, MailSecurity, MailSettings, Postman, PostmanError, PostmanSettings, WebhookTarget,
};
