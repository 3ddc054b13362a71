//! 隔: what is restricted now, and the second person's word.

use hudun_core::{IncidentId, RestrictionId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Role;
use crate::schema::TextWord;

/// A line of the containment register.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RestrictionView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: RestrictionId,
    /// What sort it is.
    pub kind: RestrictionKind,
    /// What is restricted: the module, the account, the patch.
    pub target: String,
    /// What is restricted, for a person.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// The mode of an isolation, the effect of a patch.
    pub mode: Option<String>,
    /// Only for this tenant; for all when absent.
    pub tenant: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Why it never ends by itself, when it does not.
    pub endless_because: Option<String>,
    /// Whether the gateways were seen to enforce it; none while nobody has looked.
    pub verified: Option<bool>,
    /// Whether it can be lifted now.
    pub lift: LiftState,
    /// Why it can't be lifted now, when it can't (such as: root fix not proven).
    #[schema(value_type = Option<TextWord>)]
    pub lift_blocked: Option<Text>,
    /// The request to lift it that waits for a second person.
    pub approval: Option<Approval>,
}

/// Sorts of restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestrictionKind {
    /// A module set apart.
    Isolation,
    /// A session, account, token or address refused.
    Revocation,
    /// Which role may use a route.
    AccessRule,
    /// A hot patch.
    Patch,
}

/// Whether a restriction can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LiftState {
    /// In force; one person asks, a second one approves.
    NeedsTwo,
    /// In force; one person lifts it.
    NeedsOne,
    /// Asked for; waits for the second person.
    Asked,
    /// In force and not to be lifted yet.
    Blocked,
    /// Lifted or expired.
    Gone,
}

/// Why somebody asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// One sentence, at most 500 characters.
    pub reason: String,
}

/// What became of an undo.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct UndoAnswer {
    /// Whether it is lifted already.
    pub lifted: bool,
    /// The request that waits for a second person, when it is not.
    pub approval: Option<Approval>,
    /// The policy revision in force.
    pub revision: u64,
}

/// Something that one person asked for and another one decides.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its identifier.
    pub id: String,
    /// What it is about.
    pub kind: ApprovalKind,
    /// The thing: the restriction's identifier, the revision.
    pub target: String,
    /// The case, when there is one.
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentId>,
    /// What is asked, for a person.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// Who asked: their account. This person can't approve.
    pub asked_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// Why.
    pub reason: String,
    /// Who may decide.
    pub roles: Vec<Role>,
    /// Where it stands.
    pub state: ApprovalState,
    /// Who decided.
    pub decided_by: Option<String>,
}

/// What an approval is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalKind {
    /// Lifting a restriction.
    Lift,
    /// Going back to an earlier revision of the policy.
    RollBack,
}

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// Waits.
    Waiting,
    /// Approved and carried out.
    Approved,
    /// Declined.
    Declined,
}

/// Approvals that wait, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ApprovalList {
    /// The approvals.
    pub approvals: Vec<Approval>,
}

/// A second person's word.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Approve or decline.
    pub approve: bool,
    /// Why.
    #[serde(default)]
    pub note: String,
}
