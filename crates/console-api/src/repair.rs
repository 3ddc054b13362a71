//! 修: hot patches with their proof, and the proof of the root fix.

use hudun_core::{PatchId, PatchState, RestrictionId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{PatchStateWord, TextWord};

/// A hot patch.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PatchView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: PatchId,
    /// The restriction that carries it, once it is in the policy; undo names it.
    #[schema(value_type = Option<String>)]
    pub restriction: Option<RestrictionId>,
    /// Short name.
    pub name: String,
    /// What it does.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// Each condition in words.
    #[schema(value_type = Vec<TextWord>)]
    pub conditions: Vec<Text>,
    /// What happens when one fails.
    #[schema(value_type = TextWord)]
    pub effect: Text,
    /// Whether it acts; none while it is only proposed.
    #[schema(value_type = Option<PatchStateWord>)]
    pub state: Option<PatchState>,
    /// The proof.
    pub proof: Option<PatchProof>,
}

/// What a patch did to recorded traffic.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PatchProof {
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Requests of the attack that it stops.
    pub attack: ProofCount,
    /// Requests of real traffic that it lets pass.
    pub real: ProofCount,
    /// Whether it may be put in force.
    pub verdict: Verdict,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofCount {
    /// As they should be.
    pub good: u64,
    /// All.
    pub all: u64,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Proven.
    Pass,
    /// Refuted.
    Fail,
    /// Not tried, or not to be told.
    Open,
}

/// Whether the hole is shut in the product itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RepairView {
    /// The verdict.
    pub verdict: Verdict,
    /// One sentence.
    #[schema(value_type = TextWord)]
    pub summary: Text,
    /// When the attack was last replayed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The requests of the last replay.
    pub replay: Vec<ReplayRow>,
}

/// One request replayed straight at the SCRM.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayRow {
    /// What was tried.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// Method and path template.
    pub request: String,
    /// Status that came back.
    pub status: u16,
    /// Whether the SCRM itself refused it.
    pub refused: bool,
}
