//! A policy, made ready to be asked for every request.

use std::collections::HashMap;

use hudun_core::{AccountId, ModuleId, Policy, PolicyError, RevocationTarget, Timestamp};

use crate::patch::CompiledPatch;

/// A policy that has been checked and compiled. It never changes: the next revision is another one.
#[derive(Debug)]
pub struct Compiled {
    policy: Policy,
    pub(crate) patches: Vec<CompiledPatch>,
    /// Isolations by module, the hardest first.
    pub(crate) isolations: HashMap<ModuleId, Vec<usize>>,
}

impl Compiled {
    /// Checks and compiles a policy.
    ///
    /// # Errors
    /// [`PolicyError`] naming the restriction or the patch and its field.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        let patches = policy
            .patches
            .iter()
            .map(CompiledPatch::new)
            .collect::<Result<_, _>>()?;
        let mut isolations: HashMap<ModuleId, Vec<usize>> = HashMap::new();
        for (at, isolation) in policy.isolations.iter().enumerate() {
            isolations
                .entry(isolation.module.clone())
                .or_default()
                .push(at);
        }
        for list in isolations.values_mut() {
            list.sort_by_key(|&at| std::cmp::Reverse(policy.isolations[at].mode.severity()));
        }
        Ok(Self {
            policy,
            patches,
            isolations,
        })
    }

    /// The policy itself.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether every request of this account is refused at this moment, log-in included.
    pub fn refuses_account(&self, account: &AccountId, now: Timestamp) -> bool {
        self.policy.revocations.iter().any(|revocation| {
            revocation.restriction.holds_at(now)
                && matches!(&revocation.target, RevocationTarget::Account(refused) if refused == account)
        })
    }

    /// Its revision.
    pub const fn revision(&self) -> u64 {
        self.policy.revision
    }
}
