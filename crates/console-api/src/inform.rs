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
}

/// Letters of a notice by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterCounts {
    /// Still to go.
    pub waiting: u64,
    /// Taken by the mail server.
    pub sent: u64,
    /// Refused or given up.
    pub failed: u64,
    /// Stopped by a person before they left.
    pub stopped: u64,
    /// Cut off while they were handed over; nobody can tell.
    pub unknown: u64,
}

/// Letters of which nobody can tell whether the mail server took them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLetters {
    /// At most a thousand.
    pub items: Vec<OpenLetter>,
}

/// A letter of which nobody can tell whether the mail server took it. Neither address nor person is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenLetter {
    /// Its name.
    pub letter: String,
    /// What to look for in the mail server's log.
    pub message_id: String,
}

/// What a person found in the mail server's log.
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
    /// Sending failed; the timeline says why.
    Failed,
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
