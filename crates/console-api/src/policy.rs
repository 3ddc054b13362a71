//! What the gateways enforce, revision by revision.

use hudun_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One revision of the policy, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevisionSummary {
    /// Its number.
    pub revision: u64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Restrictions in it.
    pub restrictions: u64,
}

impl From<&hudun_core::Policy> for RevisionSummary {
    fn from(policy: &hudun_core::Policy) -> Self {
        Self {
            revision: policy.revision,
            at: policy.at,
            by: policy.by.clone(),
            reason: policy.reason.clone(),
            restrictions: policy.restrictions().count() as u64,
        }
    }
}

/// Revisions, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RevisionList {
    /// The revision in force.
    pub current: u64,
    /// The latest revisions, at most 200.
    pub revisions: Vec<RevisionSummary>,
}

/// One revision, whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyDocument {
    /// What the list shows of it.
    #[serde(flatten)]
    pub summary: RevisionSummary,
    /// The document as the gateways read it.
    #[schema(value_type = Object)]
    pub document: hudun_core::Policy,
}

/// Which two revisions to compare.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// The earlier one.
    pub from: u64,
    /// The later one.
    pub to: u64,
}

/// What changed between two revisions.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyDiff {
    /// The earlier one.
    pub from: u64,
    /// The later one.
    pub to: u64,
    /// Unified diff of the two documents as indented JSON.
    pub diff: String,
}

/// Asks to go back to an earlier revision. What it holds becomes the next revision once a second person has approved.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// The revision to go back to.
    pub revision: u64,
    /// Why, at most 500 characters.
    pub reason: String,
}
