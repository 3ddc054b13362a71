//! What a rule or the behaviour engine concluded, with its evidence.

use serde::{Deserialize, Serialize};

use crate::{Actor, ExchangeId, FindingId, ModuleId, TenantId, Text, Timestamp};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth a line in the record.
    Informational,
    /// Worth a look today.
    Low,
    /// Worth a look now.
    Medium,
    /// Wakes the security lead.
    High,
    /// Wakes everybody.
    Critical,
}

/// A conclusion with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its identifier.
    pub id: FindingId,
    /// When it was concluded.
    pub at: Timestamp,
    /// When the exchange that completed it was read; the alert clock starts here.
    pub triggered_at: Timestamp,
    /// Whose customers are concerned.
    pub tenant: TenantId,
    /// The rule, such as `scrm.id-walk`.
    pub rule: String,
    /// What happened, for a person.
    pub title: Text,
    /// Why the rule fired, with its numbers, for a person.
    pub why: Text,
    /// How grave it is.
    pub level: Level,
    /// Who did it.
    pub actor: Actor,
    /// Where.
    pub module: ModuleId,
    /// The exchanges that prove it, oldest first, at most 100.
    pub evidence: Vec<ExchangeId>,
    /// ATT&CK techniques and OWASP API ids, such as `T1213` or `API1:2023`.
    #[serde(default)]
    pub tags: Vec<String>,
}
