//! 监: what the inspection stopped, by rule and parameter, and which rules don't count where.

use hudun_core::{Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::TextWord;

/// The inspection at one glance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InspectionView {
    /// The rules in force; none when nothing is inspected.
    pub rules: Option<RulesInForce>,
    /// What was stopped, or would have been where rules only detect: the last days' requests, grouped, the newest group first.
    pub stops: Vec<StopGroup>,
    /// How many stopped requests are remembered: those of eight days.
    pub remembered: u64,
    /// Rules that don't count in some places.
    pub exceptions: Vec<ExceptionView>,
    /// What parameters normally look like, by route.
    pub parameters: Vec<ParameterView>,
}

/// A rule set.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RulesInForce {
    /// What it is called.
    pub name: String,
    /// Number of the swap that brought it.
    pub version: u64,
    /// Rules in it.
    pub rules: u64,
    /// How long it took to compile, milliseconds.
    pub compiled_ms: u64,
    /// `exact`, `balanced` or `strict`.
    pub judging: String,
    /// What happens to a request that the rules would stop: `off`, `detect` or `block`.
    pub mode: String,
    /// Modules with another mode.
    pub modules: Vec<ModuleMode>,
    /// The set before, to which one can go back.
    pub previous: Option<String>,
    /// Requests judged since the start.
    pub inspected: u64,
    /// Those that were stopped, or would have been.
    pub stopped: u64,
}

/// The mode of one module.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ModuleMode {
    /// The module.
    pub module: String,
    /// Its mode.
    pub mode: String,
}

/// Stopped requests with the same rule, place and route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StopGroup {
    /// The rule.
    pub rule: u64,
    /// What it looked at, such as `ARGS:note`; empty when the parameter has no name that could be written.
    pub place: String,
    /// The module.
    pub module: String,
    /// The route.
    pub route: String,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that passed because the module only detects.
    pub passed: u64,
    /// Of both, those in which no other rule matched.
    pub alone: u64,
    /// Whether an exception can name it: the judgement of a value by what it is has none.
    pub exceptable: bool,
    /// The newest.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// Why the newest was stopped, in one sentence without its values.
    #[schema(value_type = TextWord)]
    pub why: Text,
}

/// What is known of one parameter of a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ParameterView {
    /// The route.
    pub route: String,
    /// The parameter; of JSON `json.` and the way to it.
    pub parameter: String,
    /// `learning`, `learned`, `only` (fixed by a person, anything else is refused) or `anything` (nothing is expected of it).
    pub state: String,
    /// Values of ordinary exchanges seen.
    pub seen: u64,
    /// `digits`, `token`, `words` or `text`; none before the first value.
    pub kind: Option<String>,
    /// Classes of signs in its values.
    pub signs: Vec<String>,
    /// Bytes of the longest usual value; learned ones are rounded up to a power of two less one.
    pub longest: Option<u32>,
}

/// Decides about a parameter.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterRule {
    /// The route.
    pub route: String,
    /// The parameter.
    pub parameter: String,
    /// `only` (values of these signs and at most this long; anything else is refused), `anything`, `learn` (a decision is taken
    /// back) or `forget` (what was learned is dropped, too).
    pub rule: String,
    /// With `only`: classes of signs.
    #[serde(default)]
    pub signs: Vec<String>,
    /// With `only`: bytes.
    #[serde(default)]
    pub longest: Option<u32>,
    /// Why: one sentence, at most 500 characters.
    pub reason: String,
}

/// A rule that doesn't count somewhere.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExceptionView {
    /// Its identifier; none for those of the configuration and the profile, which are changed there.
    pub id: Option<String>,
    /// The rule.
    pub rule: u64,
    /// What it must not look at; the whole rule when none.
    pub place: Option<String>,
    /// Only in this module.
    pub module: Option<String>,
    /// Only on this route.
    pub route: Option<String>,
    /// Who made it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// An exception that somebody thinks of: this rule, for this parameter, on this route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionDraft {
    /// The rule.
    pub rule: u64,
    /// What it must not look at, such as `ARGS:note`.
    pub place: String,
    /// The route.
    pub route: String,
}

/// What an exception would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExceptionPreview {
    /// Stops of the last days on this route that name the rule and the place.
    pub stops: u64,
    /// Those of them in which no other rule matched. They pass, unless values are judged by what they are and this one works as an
    /// attack.
    pub alone: u64,
    /// Attacks of the proof tried in this parameter; 0 when they can't be put there.
    pub tried: u64,
    /// Those that are stopped now and would pass.
    pub attacks: Vec<String>,
}

/// Puts an exception in force.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewException {
    /// The rule.
    pub rule: u64,
    /// What it must not look at.
    pub place: String,
    /// The route.
    pub route: String,
    /// Why: one sentence, at most 500 characters.
    pub reason: String,
    /// How many attacks the preview said would pass; another number is refused, so that nobody excepts what they have not read.
    pub attacks: u64,
}
