//! 监: what the rules and the behaviour engine concluded.

use hudun_core::{FindingId, IncidentId, Level, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{LevelWord, TextWord};

/// Who acted, as far as it is known. Sessions appear by their keyed names only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActorView {
    /// The strongest name there is.
    pub name: String,
    /// The account.
    pub account: Option<String>,
    /// Its role in the SCRM.
    pub role: Option<String>,
    /// The address.
    pub ip: String,
    /// The user agent.
    pub agent: String,
}

/// A conclusion with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: FindingId,
    /// When it was concluded.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the request that completed it was read.
    #[schema(value_type = String, format = DateTime)]
    pub triggered_at: Timestamp,
    /// Whose customers are concerned.
    pub tenant: String,
    /// The rule.
    pub rule: String,
    /// What happened.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// Why the rule fired, with its numbers.
    #[schema(value_type = TextWord)]
    pub why: Text,
    /// How grave it is.
    #[schema(value_type = LevelWord)]
    pub level: Level,
    /// Who did it.
    pub actor: ActorView,
    /// Where.
    pub module: String,
    /// How many exchanges prove it.
    pub evidence: u32,
    /// ATT&CK techniques and OWASP API ids.
    pub tags: Vec<String>,
    /// The case that it belongs to.
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentId>,
}

impl FindingView {
    /// The view of a finding that belongs to this case, if to any.
    pub fn of(finding: &hudun_core::Finding, incident: Option<IncidentId>) -> Self {
        let actor = &finding.actor;
        Self {
            id: finding.id,
            at: finding.at,
            triggered_at: finding.triggered_at,
            tenant: finding.tenant.to_string(),
            rule: finding.rule.clone(),
            title: finding.title.clone(),
            why: finding.why.clone(),
            level: finding.level,
            actor: ActorView {
                name: actor.name(),
                account: actor.account.as_ref().map(ToString::to_string),
                role: actor.role.clone(),
                ip: actor.ip.to_string(),
                agent: actor.agent.clone(),
            },
            module: finding.module.to_string(),
            evidence: u32::try_from(finding.evidence.len()).unwrap_or(u32::MAX),
            tags: finding.tags.clone(),
            incident,
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Only items before this one: the `next` of the page before.
    #[serde(default)]
    pub before: Option<String>,
    /// At most this many, 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The limit within its bounds.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(50).clamp(1, 200) as usize
    }
}

/// Findings, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct FindingPage {
    /// The findings.
    pub items: Vec<FindingView>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<String>,
}
