//! What a playbook can make Hudun do. Stages offer actions, runs ask for them, the binary wires the two.

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

use crate::{AccountId, IncidentId, ModuleId, RestrictionId, TenantId};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An action of the catalogue, as a playbook's `http-api` command with the address `hudun:ACTION` names it.
/// Every action here is idempotent under its key, or reads back what it did before it does it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// 隔: sets the modules of the case apart.
    IsolateModule {
        /// Only for this tenant; for all when absent.
        #[serde(default)]
        tenant: Option<TenantId>,
        /// The module.
        module: ModuleId,
        /// Mode by name (`off`, `read-only`, `mask`, …).
        mode: String,
        /// Minutes until it ends by itself.
        minutes: u32,
    },
    /// 隔: ends every session and token of an account.
    RevokeSessions {
        /// The account.
        account: AccountId,
    },
    /// 隔: refuses the account altogether, log-in included.
    FreezeAccount {
        /// The account.
        account: AccountId,
        /// Minutes until it ends by itself.
        minutes: u32,
    },
    /// 隔: asks each gateway whether the next request is really refused.
    VerifyContainment,
    /// 隔: lifts a restriction.
    Lift {
        /// The restriction.
        restriction: RestrictionId,
    },
    /// 析: computes the scope from the lake.
    AssessScope,
    /// 析: computes the duties and the severity.
    AssessDuties,
    /// 修: drafts a hot patch for the hole and proves it on the attack and on recent traffic.
    DraftPatch,
    /// 修: puts a proven patch in force.
    EnforcePatch,
    /// 修: replays the attack straight at the SCRM.
    VerifyRepair,
    /// 通: drafts every notice that the duties ask for.
    DraftNotices,
    /// 防: writes the retrospective.
    WriteRetrospective,
}

impl Action {
    /// Its name in playbooks and on the ledger.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::IsolateModule { .. } => "isolate-module",
            Self::RevokeSessions { .. } => "revoke-sessions",
            Self::FreezeAccount { .. } => "freeze-account",
            Self::VerifyContainment => "verify-containment",
            Self::Lift { .. } => "lift",
            Self::AssessScope => "assess-scope",
            Self::AssessDuties => "assess-duties",
            Self::DraftPatch => "draft-patch",
            Self::EnforcePatch => "enforce-patch",
            Self::VerifyRepair => "verify-repair",
            Self::DraftNotices => "draft-notices",
            Self::WriteRetrospective => "write-retrospective",
        }
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionOutcome {
    /// Done now.
    Done,
    /// It had been done under this key before; nothing was done twice.
    AlreadyDone,
}

/// What an action leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionReceipt {
    /// How it ended.
    pub outcome: ActionOutcome,
    /// One sentence for the timeline, Chinese and English.
    pub summary: crate::Text,
    /// What undoes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Action>,
    /// Particulars for the run's journal.
    #[serde(default)]
    pub detail: serde_json::Value,
}

/// An action that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// It failed and nothing was changed; the run takes its failure branch.
    #[error("{action}: {cause}")]
    Failed {
        /// The action's name.
        action: &'static str,
        /// Why.
        cause: String,
    },
    /// The world can't tell whether it was done; a person must look.
    #[error("{action}: outcome unknown: {cause}")]
    Unknown {
        /// The action's name.
        action: &'static str,
        /// What is known.
        cause: String,
    },
}

/// The catalogue of actions.
pub trait Catalogue: Send + Sync {
    /// Performs an action once under `key`: a second call with the same key finds it done.
    fn perform<'a>(
        &'a self,
        incident: IncidentId,
        key: &'a str,
        by: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<ActionReceipt, ActionError>>;
}
