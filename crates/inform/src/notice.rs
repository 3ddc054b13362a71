//! A notice and its life: draft, approved, sending, sent or handed in.

use hudun_core::{IncidentId, NoticeId, TenantId, Text, Timestamp};
use hudun_duty::{ApprovalRole, Draft, Lang, NoticeKind};
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};

use crate::message::Message;

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeStatus {
    /// Waits for approvals.
    Draft,
    /// Every role has approved.
    Approved,
    /// Letters are on their way.
    Sending,
    /// Every letter has ended: see the receipts.
    Sent,
    /// A person handed it in, and wrote down the receipt number.
    Recorded,
    /// A person stopped it; letters that had left are among the receipts.
    Stopped,
}

/// One approval, of one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeApproval {
    /// In which role.
    pub role: ApprovalRole,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Digest of the text.
    pub sha256: String,
}

/// Why a notice may not go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintRefusal {
    /// The check.
    pub check: String,
    /// The section, empty for the whole.
    pub section: String,
    /// What is wrong.
    pub text: Text,
}

/// How the letters of a notice ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// Still to go.
    pub waiting: u64,
    /// Taken by the channel.
    pub sent: u64,
    /// Of those taken, reported to have arrived.
    #[serde(default)]
    pub delivered: u64,
    /// Of those taken, reported not to have arrived.
    #[serde(default)]
    pub undelivered: u64,
    /// Refused or given up.
    pub failed: u64,
    /// Stopped by a person before they left.
    pub stopped: u64,
    /// Cut off by a crash; nobody can tell.
    pub unknown: u64,
}

/// The tenant that a vendor's letter goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterTo {
    /// The tenant's identifier.
    pub tenant: String,
    /// The firm's name; empty when the configuration does not say it.
    pub firm: String,
    /// Who receives it there; without a contact in the configuration a person hands it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// A file that proves a hand-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// SHA-256 of its bytes, `sha256:…`.
    pub sha256: String,
    /// `image/png`, `image/jpeg` or `application/pdf`.
    pub media: String,
    /// Its name, for lists.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its identifier.
    pub id: NoticeId,
    /// The case.
    pub incident: IncidentId,
    /// Whose customers.
    pub tenant: TenantId,
    /// From 1; a new version voids the approvals.
    pub version: u32,
    /// What it is for.
    pub kind: NoticeKind,
    /// Its language.
    pub lang: Lang,
    /// For the letter to a tenant: to which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LetterTo>,
    /// Its text, in sections.
    pub draft: Draft,
    /// The text message to persons who have no e-mail address, with every kind of data of the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Digest of letter and message: what an approval is bound to.
    pub sha256: String,
    /// What the linter holds against it, approvals apart.
    pub refusals: Vec<LintRefusal>,
    /// The approvals of this version.
    pub approvals: Vec<NoticeApproval>,
    /// Where it stands.
    pub status: NoticeStatus,
    /// Digest of the affected set that a send list must equal.
    pub affected_set_digest: String,
    /// Letters posted.
    pub recipients: u64,
    /// Affected persons for whom no address was found.
    pub unreachable: u64,
    /// How the letters ended.
    pub receipts: Receipts,
    /// Receipt number of the authority, once handed in.
    pub receipt_number: Option<String>,
    /// Proof of the hand-in, such as a screenshot: its digest, media type and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
    /// When it was handed in, or its last letter ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// Drafted at.
    pub at: Timestamp,
}

impl Notice {
    /// The roles whose approval it needs, each from another person.
    pub const fn needs(kind: NoticeKind) -> &'static [ApprovalRole] {
        match kind {
            NoticeKind::InternalBulletin => &[ApprovalRole::Commander],
            _ => &[ApprovalRole::Legal, ApprovalRole::Commander],
        }
    }

    /// Whether every role has approved this very text, each in another person.
    pub fn is_approved(&self) -> bool {
        let mut persons = std::collections::BTreeSet::new();
        Self::needs(self.kind).iter().all(|role| {
            self.approvals.iter().any(|approval| {
                approval.role == *role
                    && approval.sha256 == self.sha256
                    && persons.insert(approval.by.as_str())
            })
        })
    }

    /// Whether it goes out by letters; the others are handed in, handed over or published by a person.
    pub fn goes_by_letter(&self) -> bool {
        match self.kind {
            NoticeKind::InternalBulletin | NoticeKind::PersonalNotice => true,
            NoticeKind::TenantLetter => self.to.as_ref().is_some_and(|to| to.contact.is_some()),
            _ => false,
        }
    }

    /// When it reached the outside: handed in or over, or taken by the channel for at least one receiver. `None` while it
    /// has not, and where every letter failed or is reported not to have arrived.
    pub fn out_at(&self) -> Option<Timestamp> {
        let arrived = self.receipts.sent > self.receipts.undelivered;
        match self.status {
            NoticeStatus::Recorded => self.sent_at,
            NoticeStatus::Sent if arrived => self.sent_at,
            _ => None,
        }
    }

    /// Whether it is the same notice to the same receiver, in whatever version.
    pub(crate) fn is_of(&self, kind: NoticeKind, lang: Lang, to: Option<&LetterTo>) -> bool {
        let tenant = |to: &LetterTo| to.tenant.clone();
        self.kind == kind && self.lang == lang && self.to.as_ref().map(tenant) == to.map(tenant)
    }

    /// What keys of its letters begin with.
    pub(crate) fn letters(&self) -> String {
        format!("notice/{}/", self.id)
    }
}

impl Keyed for Notice {
    const COLLECTION: &'static str = "notice";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}
