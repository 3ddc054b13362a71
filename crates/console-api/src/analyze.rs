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
