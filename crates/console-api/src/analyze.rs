//! 析: whose data left, and what follows from it. Persons are counted here and never named; no token leaves.

use hudun_core::{Text, Timestamp, Window};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{TextWord, WindowWord};

/// The scope of a case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScopeView {
    /// When it was computed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whose customers.
    pub tenant: String,
    /// Who the attacker was.
    pub source: SourceView,
    /// First and last exchange that carried personal data.
    #[schema(value_type = Option<WindowWord>)]
    pub window: Option<Window>,
    /// Modules through which data left.
    pub modules: Vec<String>,
    /// Exchanges counted.
    pub exchanges: u64,
    /// Persons whose data was confirmed delivered.
    pub low: u64,
    /// Persons whose data was released to the source.
    pub likely: u64,
    /// Persons who can't be ruled out.
    pub high: u64,
    /// Persons by kind of data.
    pub kinds: Vec<KindRow>,
    /// Bytes released to the source.
    pub bytes_released: u64,
    /// Share of these that the count explains, 0 to 1.
    pub coverage: f64,
    /// How the counts were made.
    pub method: String,
    /// SHA-256 over the sorted likely set, so that it can be compared without showing it.
    pub likely_sha256: Option<String>,
}

/// The attacker as the exchanges show them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// Accounts.
    pub accounts: Vec<String>,
    /// Keyed names of sessions.
    pub sessions: Vec<String>,
    /// Keyed names of API tokens.
    pub tokens: Vec<String>,
    /// Addresses.
    pub addresses: Vec<String>,
}

/// Persons whose data of one kind left.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KindRow {
    /// The kind's stable name.
    pub kind: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// `pseudonymous`, `ordinary`, `sensitive`.
    pub sensitivity: String,
    /// Low.
    pub low: u64,
    /// Likely.
    pub likely: u64,
    /// High.
    pub high: u64,
}

/// The duties that follow.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct DutiesView {
    /// When they were computed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Version of the rules.
    pub rules_version: String,
    /// The day on which the rules were last checked against their sources.
    pub checked_on: String,
    /// Each rule with its answer, those that apply first.
    pub obligations: Vec<ObligationView>,
    /// Where two laws pull apart: every gate that stops, or that counsel has released.
    pub gates: Vec<GateView>,
}

/// A conflict gate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GateView {
    /// The gate, such as `vulnerability-abroad`.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// Whether it stops.
    pub state: GateWord,
    /// Why it exists.
    #[schema(value_type = TextWord)]
    pub why: Text,
    /// What to do now.
    #[schema(value_type = TextWord)]
    pub next: Text,
    /// The facts that decided, or the names of those that are missing.
    #[schema(value_type = Vec<TextWord>)]
    pub because: Vec<Text>,
    /// The laws on both sides.
    #[schema(value_type = TextWord)]
    pub articles: Text,
    /// The rules whose notices it holds back.
    pub rules: Vec<String>,
    /// Whether counsel can release it.
    pub releasable: bool,
    /// What counsel has decided, oldest first; the last one counts.
    pub acts: Vec<GateActView>,
}

/// Whether a gate stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateWord {
    /// It stops.
    Stop,
    /// Facts are missing, so it stops.
    Unknown,
    /// Counsel has released it.
    Released,
}

/// Counsel released a gate, or took the release back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GateActView {
    /// Released, or taken back.
    pub release: bool,
    /// What may go.
    pub what: String,
    /// Why.
    pub reason: String,
    /// Where the written word lies.
    pub reference: String,
    /// Who.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Counsel releases a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateRelease {
    /// What may go, to whom.
    pub what: String,
    /// Why it may.
    pub reason: String,
    /// Where the written word lies, such as a file number.
    pub reference: String,
}

/// A named person decided when the case became an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AwarenessView {
    /// From 1; the highest counts.
    pub number: u32,
    /// Whether the clocks run from it.
    pub current: bool,
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub moment: Timestamp,
    /// The moment as it was written, with its zone.
    pub written: String,
    /// Why it was then.
    pub reason: String,
    /// What it stands on.
    pub evidence: Vec<String>,
    /// Why it is before the first evidence of the case.
    pub early: String,
    /// Who decided.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A person decides when the case became an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAwareness {
    /// The moment with its offset from UTC, such as `2026-11-30T09:30:00+08:00`.
    pub moment: String,
    /// Why it was then.
    pub reason: String,
    /// What it stands on: `#12` for an entry of the case's ledger, the identifier of one of its findings, or words.
    pub evidence: Vec<String>,
    /// Why the moment is before the first evidence of the case, when it is.
    #[serde(default)]
    pub early: String,
}

/// A legal duty, whether it applies or not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ObligationView {
    /// The rule, such as `cn.pipl.57.notify-authority`.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// Whether it applies.
    pub applies: Applies,
    /// Why it does or doesn't.
    #[schema(value_type = TextWord)]
    pub reason: Text,
    /// What starts the clock.
    #[schema(value_type = TextWord)]
    pub trigger: Text,
    /// When the trigger happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub triggered_at: Option<Timestamp>,
    /// From which decision the clock runs, or that none has been taken yet.
    #[schema(value_type = TextWord)]
    pub clock_from: Text,
    /// Whether the start stands in for a decision that nobody has taken yet.
    pub provisional: bool,
    /// Who must be told.
    #[schema(value_type = TextWord)]
    pub recipient: Text,
    /// Until when; none when the law gives no number, or the duty doesn't apply.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// The time allowed in words, such as 72 小时 or 及时.
    #[schema(value_type = TextWord)]
    pub within: Text,
    /// The fields that the report must hold.
    pub fields: Vec<FieldState>,
    /// The article, such as 个人信息保护法 第五十七条.
    #[schema(value_type = TextWord)]
    pub article: Text,
    /// Where the text stands.
    pub source: String,
    /// How well the rule is evidenced: `verified`, `secondary`, `memory`.
    pub evidence: String,
}

/// Whether a duty applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Applies {
    /// Yes.
    Yes,
    /// No.
    No,
    /// A fact is missing; the reason says which.
    Unknown,
    /// Not in force yet.
    Coming,
}

/// A field of a report.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldState {
    /// The field.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// Whether the record fills it.
    pub filled: bool,
}

/// How grave the breach is, with its arithmetic.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SeverityView {
    /// The ENISA terms, in order.
    pub terms: Vec<SeverityTerm>,
    /// The formula with the numbers in it, such as `3 × 1.00 + 0.50 = 3.50`.
    pub formula: String,
    /// Its result.
    pub score: f64,
    /// `low`, `medium`, `high`, `very-high`.
    pub level: String,
    /// The level for a person.
    #[schema(value_type = TextWord)]
    pub level_text: Text,
    /// The CAC grade and how near each threshold is.
    pub cac: Vec<CacThreshold>,
    /// The CAC grade reached: `general`, `larger`, `major`, `especially-major`.
    pub cac_grade: String,
    /// The CAC grade for a person.
    #[schema(value_type = TextWord)]
    pub cac_text: Text,
}

/// One term of the arithmetic.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SeverityTerm {
    /// `DPC`, `EI`, `CB`, …
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// Its value.
    pub value: f64,
    /// Why it has this value.
    #[schema(value_type = TextWord)]
    pub why: Text,
}

/// One threshold of the CAC grades.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CacThreshold {
    /// The grade that it leads to.
    #[schema(value_type = TextWord)]
    pub grade: Text,
    /// What is counted.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// The threshold.
    pub threshold: u64,
    /// The count of this case.
    pub value: u64,
    /// Whether it is reached.
    pub reached: bool,
}
