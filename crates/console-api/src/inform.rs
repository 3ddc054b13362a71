//! 通: messages to regulator, persons, tenants, staff and the public.

use hudun_core::{NoticeId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Role;
use crate::schema::TextWord;

/// A notice.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: NoticeId,
    /// To whom.
    pub audience: Audience,
    /// `zh-CN` or `en`.
    pub lang: String,
    /// Its title, in its own language.
    pub title: String,
    /// Its parts, in its own language.
    pub sections: Vec<NoticeSection>,
    /// What forbids it to go out.
    pub refusals: Vec<LintRefusal>,
    /// Where it stands.
    pub state: NoticeState,
    /// The roles whose approval it needs, each from another person.
    pub needs: Vec<Role>,
    /// The approvals given.
    pub approvals: Vec<NoticeApproval>,
    /// How many receive it.
    pub recipients: u64,
    /// When it was sent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// The deadline of the duty that it answers.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// SHA-256 of its text; an approval holds for this text only.
    pub sha256: String,
    /// How its letters ended.
    pub letters: LetterCounts,
    /// The text message to persons who have no e-mail address, in its own language.
    pub message: Option<String>,
    /// Whether a person hands it in or publishes it; the others go out by letter.
    pub by_hand: bool,
    /// What it is, such as `regulator_first` or `tenant_letter`.
    pub kind: String,
    /// For the letter to a tenant: to which one.
    pub to: Option<LetterTo>,
    /// For the letter to a tenant: the vendor's duties that it answers.
    pub duties: Vec<AnsweredDuty>,
    /// Number of the receipt, once handed in.
    pub receipt: Option<String>,
    /// Proofs of the hand-in.
    pub proofs: Vec<ProofView>,
}

/// The tenant that a vendor's letter goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterTo {
    /// Its identifier.
    pub tenant: String,
    /// The firm's name; empty when the configuration does not say it.
    pub firm: String,
    /// Who receives it there; without one a person hands it over.
    pub contact: Option<String>,
}

/// A duty that a letter answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnsweredDuty {
    /// The rule.
    pub rule: String,
    /// Law and article.
    pub article: String,
    /// When it was met towards this tenant.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub met_at: Option<Timestamp>,
}

/// Approves letters to tenants that the person has read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LettersApprove {
    /// The role in which they are approved.
    pub role: Role,
    /// The letters, at most 400.
    pub letters: Vec<ReadLetter>,
}

impl LettersApprove {
    /// As many letters are approved at once; with 400 the request stays below the 64 KiB that the console reads.
    pub const MOST: usize = 400;
}

/// A letter as it was read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadLetter {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: NoticeId,
    /// SHA-256 of the text that was read; refused when the draft has changed since.
    pub sha256: String,
}

/// A file that proves a hand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofView {
    /// SHA-256 of its bytes in hexadecimal digits: its name.
    pub sha256: String,
    /// What it was called.
    pub name: String,
    /// Its media type, by its content.
    pub media: String,
    /// Bytes.
    pub size: u64,
}

/// A notice was handed in or published by a person.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandIn {
    /// Number of the receipt, at most 200 characters.
    pub receipt: String,
    /// A screenshot or a document that proves it.
    #[serde(default)]
    pub proof: Option<ProofUpload>,
}

/// A file that proves a hand-in: PNG, JPEG or PDF of at most 5 MiB.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofUpload {
    /// What it is called, at most 100 characters.
    pub name: String,
    /// Its bytes in base64.
    pub content: String,
}

/// Letters of a notice by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterCounts {
    /// Still to go.
    pub waiting: u64,
    /// Taken by the mail server or the SMS gateway.
    pub sent: u64,
    /// Of those taken, reported to have arrived.
    pub delivered: u64,
    /// Of those taken, reported not to have arrived.
    pub undelivered: u64,
    /// Refused or given up.
    pub failed: u64,
    /// Stopped by a person before they left.
    pub stopped: u64,
    /// Cut off while they were handed over; nobody can tell.
    pub unknown: u64,
}

/// Letters of which nobody can tell whether the channel took them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLetters {
    /// At most a thousand.
    pub items: Vec<OpenLetter>,
}

/// A letter of which nobody can tell whether the channel took it. Neither address nor person is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLetter {
    /// Its name.
    pub letter: String,
    /// What to look for: the Message-ID in the mail server's log, or the out-id (OutId, SessionContext, id) in the records
    /// of the provider of text messages.
    pub message_id: String,
    /// `email` or `sms`.
    pub channel: String,
}

/// What a person found in the log of the mail server or of the provider of text messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterDecision {
    /// The letter's name.
    pub letter: String,
    /// It was not taken and goes out again; else it counts as taken.
    pub again: bool,
}

/// To whom a notice speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// 内部通报
    Staff,
    /// 监管报告
    Regulator,
    /// 个人告知
    Person,
    /// 租户通报
    Tenant,
    /// 公开声明
    Public,
}

/// A part of a notice.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NoticeSection {
    /// Its heading.
    pub heading: String,
    /// Its text; lines are paragraphs.
    pub body: String,
    /// The record entries that its figures come from.
    pub evidence: Vec<String>,
}

/// Why a notice may not go out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LintRefusal {
    /// The rule of the lint.
    pub rule: String,
    /// What is wrong.
    #[schema(value_type = TextWord)]
    pub text: Text,
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeState {
    /// Waits for approvals.
    Draft,
    /// All approvals given.
    Approved,
    /// On its way.
    Sending,
    /// Sent.
    Sent,
    /// A person stopped what had not left yet.
    Stopped,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeApproval {
    /// In which role.
    pub role: Role,
    /// Who.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// The notice as its reader will get it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Subject line or headline.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Approves the text that the person has read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeApprove {
    /// The role in which it is approved.
    pub role: Role,
    /// SHA-256 of the text that was read; refused when the draft has changed since.
    pub sha256: String,
}
