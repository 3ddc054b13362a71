//! The answer of a leak assessment: whose data left, how sure, how much of it is explained.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, DataKind, ExchangeId, KindSet, ModuleId, SessionKey, SubjectToken, TenantId,
    TokenKey, Window,
};

/// Who the attacker was and when: everything that they received is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScopeSource {
    /// Accounts; all exchanges of the account in the window count, unless `sessions` narrows them.
    pub accounts: Vec<AccountId>,
    /// Sessions of the attacker. When given, an account's other sessions (the rightful owner's) do not count.
    pub sessions: Vec<SessionKey>,
    /// API tokens.
    pub tokens: Vec<TokenKey>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

/// The question put to the lake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeQuestion {
    /// Whose customers.
    pub tenant: TenantId,
    /// From whom.
    pub source: ScopeSource,
    /// When.
    pub window: Window,
}

/// Subjects that hold one kind, by confidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCount {
    /// The kind.
    pub kind: DataKind,
    /// Persons of the low set.
    pub low: u64,
    /// Persons of the likely set.
    pub likely: u64,
    /// Persons of the high set.
    pub high: u64,
}

/// The answer. The sets nest: low ⊆ likely ⊆ high.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// What was asked.
    pub question: ScopeQuestion,
    /// Accounts, sessions, addresses that the exchanges of the source really showed.
    pub seen: ScopeSource,
    /// First and last exchange that carried personal data.
    pub window: Option<Window>,
    /// Modules through which data left.
    pub modules: Vec<ModuleId>,
    /// Exchanges counted.
    pub exchanges: u64,
    /// Some of them as evidence, oldest first, at most 1,000.
    pub evidence: Vec<ExchangeId>,
    /// Persons whose data was confirmed delivered.
    pub low: u64,
    /// Persons whose data was released to the source.
    pub likely: u64,
    /// Persons who can't be ruled out: released but perhaps not received, and an estimate for unexplained bytes.
    pub high: u64,
    /// The likely set itself, sorted, with the kinds of each person.
    pub subjects: Vec<(SubjectToken, KindSet)>,
    /// Persons by kind.
    pub kinds: Vec<KindCount>,
    /// Bytes released to the source.
    pub bytes_released: u64,
    /// Bytes of these that sightings and known structure explain.
    pub bytes_explained: u64,
    /// How the counts were made, one sentence.
    pub method: String,
}

impl Scope {
    /// The share of released bytes that the count explains, 0 to 1; 1 when nothing was released.
    pub fn coverage(&self) -> f64 {
        if self.bytes_released == 0 {
            return 1.0;
        }
        self.bytes_explained as f64 / self.bytes_released as f64
    }
}
