//! The bus: policy out to the gateways.
//!
//! A revision goes through [`PolicyBus::publish`] in this order: every [`PolicySink`] says whether it could enforce it,
//! the store makes it durable, every sink swaps it in. When the call returns, the next request of every gateway of this
//! process meets the new policy. Gateways in other processes follow the store ([`PolicyBus::follow`]): they read the
//! newest revision whole, and keep the last one while the store is away.
//!
//! Events come in through the bounded channel of the gateway itself; at scale its journal is shipped instead.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hudun_core::{Policy, PolicyError, Timestamp};
use hudun_store::{Policies, Store, StoreError};
use tokio::sync::{Mutex, watch};

/// How often a gateway in another process looks for a new revision.
const POLL: Duration = Duration::from_secs(1);

/// Something that enforces policy.
pub trait PolicySink: Send + Sync {
    /// Whether this policy can be enforced; changes nothing.
    ///
    /// # Errors
    /// One sentence that says why not.
    fn accept(&self, policy: &Policy) -> Result<(), String>;

    /// Swaps the policy in. Called only with a policy that was accepted.
    fn enforce(&self, policy: &Arc<Policy>);
}

/// Where policy comes from, for everybody.
pub struct PolicyBus {
    policies: Policies,
    sinks: RwLock<Vec<Arc<dyn PolicySink>>>,
    current: watch::Sender<Arc<Policy>>,
    one_writer: Mutex<()>,
}

impl PolicyBus {
    /// A bus that begins with the newest revision of the store.
    ///
    /// # Errors
    /// [`BusError::Store`].
    pub async fn open(store: &Store, now: Timestamp) -> Result<Self, BusError> {
        let policies = store.policies();
        let newest = policies
            .newest()
            .await?
            .unwrap_or_else(|| Policy::empty(now));
        Ok(Self {
            policies,
            sinks: RwLock::default(),
            current: watch::Sender::new(Arc::new(newest)),
            one_writer: Mutex::new(()),
        })
    }

    /// Adds an enforcer and gives it the policy in force.
    pub fn attach(&self, sink: Arc<dyn PolicySink>) {
        let mut sinks = self.sinks.write().unwrap_or_else(PoisonError::into_inner);
        sink.enforce(&self.current());
        sinks.push(sink);
    }

    /// The policy in force.
    pub fn current(&self) -> Arc<Policy> {
        Arc::clone(&self.current.borrow())
    }

    /// Wakes on every new revision.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Policy>> {
        self.current.subscribe()
    }

    /// Every revision there was, newest first.
    ///
    /// # Errors
    /// [`BusError::Store`].
    pub async fn history(&self, limit: u32) -> Result<Vec<Policy>, BusError> {
        Ok(self.policies.history(limit).await?)
    }

    /// One revision.
    ///
    /// # Errors
    /// [`BusError::Store`].
    pub async fn revision(&self, revision: u64) -> Result<Option<Policy>, BusError> {
        Ok(self.policies.get(revision).await?)
    }

    /// Makes the next revision from the newest one and puts it in force everywhere in this process. `change` may
    /// decide that nothing is to be done by returning `None`.
    ///
    /// # Errors
    /// [`BusError::Refused`] when the policy breaks a rule or a sink can't enforce it; nothing has changed then.
    /// [`BusError::Store`] when it could not be made durable; nothing has changed then either.
    pub async fn publish(
        &self,
        change: impl FnOnce(&Policy) -> Option<Result<Policy, PolicyError>> + Send,
    ) -> Result<Arc<Policy>, BusError> {
        let _one = self.one_writer.lock().await;
        let newest = match self.policies.newest().await? {
            Some(newest) => Arc::new(newest),
            None => self.current(),
        };
        let Some(next) = change(&newest) else {
            return Ok(newest);
        };
        let next = next?;
        next.check()?;
        for sink in self
            .sinks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            sink.accept(&next).map_err(BusError::Refused)?;
        }
        self.policies.append(&next).await?;
        let next = Arc::new(next);
        self.put_in_force(&next);
        Ok(next)
    }

    /// Follows the store until the future is dropped: for gateways whose policy is made in another process.
    pub async fn follow(&self) {
        let mut tick = tokio::time::interval(POLL);
        loop {
            tick.tick().await;
            match self.policies.newest().await {
                Ok(Some(newest)) if newest.revision > self.current().revision => {
                    self.put_in_force(&Arc::new(newest));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the store is away; the last policy stays in force")
                }
            }
        }
    }

    fn put_in_force(&self, policy: &Arc<Policy>) {
        for sink in self
            .sinks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            sink.enforce(policy);
        }
        self.current.send_replace(Arc::clone(policy));
    }
}

/// A revision that did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError {
    /// A gateway can't enforce it.
    #[error("the policy can't be enforced: {0}")]
    Refused(String),
    /// It breaks a rule of the policy itself.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}
