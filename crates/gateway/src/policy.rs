//! The policy in force.

use std::sync::Arc;

use arc_swap::ArcSwap;
use hudun_core::{Policy, PolicyError};
use hudun_policy::Compiled;

/// The policy in force, shared by everyone who asks or changes it. A change is one swap of a pointer: a request that
/// began before finishes on the policy that it began with, every later one sees the new one, no connection notices.
#[derive(Clone, Debug)]
pub struct PolicyHandle(Arc<ArcSwap<Compiled>>);

impl PolicyHandle {
    /// Begins with this policy.
    ///
    /// # Errors
    /// [`PolicyError`] when it can't be enforced.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(Compiled::new(
            policy,
        )?))))
    }

    /// The policy in force at this moment.
    pub fn load(&self) -> Arc<Compiled> {
        self.0.load_full()
    }

    /// Puts a policy in force. When this returns, every request that begins is judged by it.
    ///
    /// # Errors
    /// [`PolicyError`] when it can't be enforced; the old one stays in force.
    pub fn swap(&self, policy: Policy) -> Result<u64, PolicyError> {
        let compiled = Compiled::new(policy)?;
        let revision = compiled.revision();
        self.0.store(Arc::new(compiled));
        Ok(revision)
    }
}
