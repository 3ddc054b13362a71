//! Putting restrictions in force.

use std::sync::Arc;

use hudun_bus::{BusError, PolicyBus};
use hudun_core::{
    AccountId, Expiry, IncidentId, Isolation, IsolationMode, LedgerDraft, ModuleId, Patch, Policy,
    RecordError, Recorder, Restriction, RestrictionId, Revocation, RevocationTarget, TenantId,
    Timestamp,
};
use hudun_store::{Collection, Store, StoreError};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::LiftRequest;

/// Makes and lifts restrictions.
#[derive(Clone)]
pub struct Keeper {
    pub(crate) bus: Arc<PolicyBus>,
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) lifts: Collection<LiftRequest>,
}

/// Who wants a restriction, why, for which case, until when.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Makes the act idempotent: the same key is the same restriction.
    pub key: &'a str,
    /// Who answers for it.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The case.
    pub incident: Option<IncidentId>,
    /// Whose customers, for the ledger.
    pub tenant: Option<TenantId>,
    /// When it is ordered.
    pub at: Timestamp,
    /// Minutes until it ends by itself.
    pub minutes: u32,
}

impl Keeper {
    /// A keeper over the bus.
    pub fn new(bus: Arc<PolicyBus>, recorder: Arc<dyn Recorder>, store: &Store) -> Self {
        Self {
            bus,
            recorder,
            lifts: store.collection(),
        }
    }

    /// The policy in force.
    pub fn current(&self) -> Arc<Policy> {
        self.bus.current()
    }

    /// Sets a module apart. Returns the restriction and whether it is new.
    ///
    /// # Errors
    /// [`ContainError`]; nothing has changed then.
    pub async fn isolate(
        &self,
        order: &Order<'_>,
        module: ModuleId,
        mode: IsolationMode,
    ) -> Result<(RestrictionId, bool), ContainError> {
        let body = json!({ "module": module, "mode": mode.name(), "minutes": order.minutes });
        let tenant = order.tenant.clone();
        self.add(order, "containment.isolate", body, |policy, restriction| {
            policy.isolations.push(Isolation {
                restriction,
                tenant,
                module,
                mode,
            });
        })
        .await
    }

    /// Ends every session of an account that began before now. The rightful owner may log in again.
    ///
    /// # Errors
    /// [`ContainError`]; nothing has changed then.
    pub async fn revoke_sessions(
        &self,
        order: &Order<'_>,
        account: AccountId,
    ) -> Result<(RestrictionId, bool), ContainError> {
        let body = json!({ "account": account });
        let target = RevocationTarget::SessionsOf {
            account,
            before: order.at,
        };
        self.revoke(order, "containment.revoke-sessions", body, target)
            .await
    }

    /// Refuses an account altogether, log-in included.
    ///
    /// # Errors
    /// [`ContainError`]; nothing has changed then.
    pub async fn freeze(
        &self,
        order: &Order<'_>,
        account: AccountId,
    ) -> Result<(RestrictionId, bool), ContainError> {
        let body = json!({ "account": account, "minutes": order.minutes });
        self.revoke(
            order,
            "containment.freeze-account",
            body,
            RevocationTarget::Account(account),
        )
        .await
    }

    /// Refuses anything else that a revocation can name.
    ///
    /// # Errors
    /// [`ContainError`]; nothing has changed then.
    pub async fn revoke(
        &self,
        order: &Order<'_>,
        kind: &str,
        body: serde_json::Value,
        target: RevocationTarget,
    ) -> Result<(RestrictionId, bool), ContainError> {
        self.add(order, kind, body, |policy, restriction| {
            policy.revocations.push(Revocation {
                restriction,
                target,
            });
        })
        .await
    }

    /// Puts a hot patch in force. Its restriction is replaced by one made from the order.
    ///
    /// # Errors
    /// [`ContainError`]; nothing has changed then.
    pub async fn patch(
        &self,
        order: &Order<'_>,
        mut patch: Patch,
    ) -> Result<(RestrictionId, bool), ContainError> {
        let body = json!({ "patch": patch.patch, "name": patch.name, "effect": patch.effect, "state": patch.state });
        self.add(
            order,
            "repair.patch-enforced",
            body,
            |policy, restriction| {
                patch.restriction = restriction;
                policy.patches.push(patch);
            },
        )
        .await
    }

    /// Brings an earlier revision back, as a new one.
    ///
    /// # Errors
    /// [`ContainError::NoSuchRevision`], or as the others.
    pub async fn roll_back(
        &self,
        to: u64,
        by: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<Arc<Policy>, ContainError> {
        let earlier = self
            .bus
            .revision(to)
            .await?
            .ok_or(ContainError::NoSuchRevision(to))?;
        let made = self
            .bus
            .publish(|newest| {
                let mut next = newest.next(at, by, reason);
                next.isolations = earlier.isolations;
                next.revocations = earlier.revocations;
                next.access_rules = earlier.access_rules;
                next.patches = earlier.patches;
                next.limits = earlier.limits;
                Some(Ok(next))
            })
            .await?;
        self.record(
            None,
            None,
            by,
            at,
            "policy.roll-back",
            json!({ "to": to, "revision": made.revision, "reason": reason }),
        )?;
        Ok(made)
    }

    /// Takes restrictions out of the document that ended by themselves (they stopped acting at their expiry).
    /// Returns which.
    ///
    /// # Errors
    /// [`ContainError`].
    pub async fn sweep(&self, now: Timestamp) -> Result<Vec<RestrictionId>, ContainError> {
        let expired: Vec<RestrictionId> = self
            .current()
            .restrictions()
            .filter(|restriction| !restriction.holds_at(now))
            .map(|found| found.id)
            .collect();
        for &id in &expired {
            self.drop_restriction(id, "hudun", "expired", now, "containment.expired")
                .await?;
        }
        Ok(expired)
    }

    pub(crate) async fn drop_restriction(
        &self,
        id: RestrictionId,
        by: &str,
        reason: &str,
        at: Timestamp,
        kind: &str,
    ) -> Result<(), ContainError> {
        let before = self.current();
        let Some(restriction) = before
            .restrictions()
            .find(|restriction| restriction.id == id)
            .cloned()
        else {
            return Err(hudun_core::PolicyError::NoSuchRestriction(id).into());
        };
        let made = self
            .bus
            .publish(|newest| Some(newest.next(at, by, reason).without(id)))
            .await?;
        let body = json!({ "restriction": id, "reason": reason, "revision": made.revision });
        self.record(restriction.incident, None, by, at, kind, body)?;
        Ok(())
    }

    async fn add(
        &self,
        order: &Order<'_>,
        kind: &str,
        mut body: serde_json::Value,
        put: impl FnOnce(&mut Policy, Restriction) + Send,
    ) -> Result<(RestrictionId, bool), ContainError> {
        let id = id_from(order.key);
        let mut new = false;
        let made = self
            .bus
            .publish(|newest| {
                if newest
                    .restrictions()
                    .any(|restriction| restriction.id == id)
                {
                    return None;
                }
                new = true;
                let mut next = newest.next(order.at, order.by, order.reason);
                let restriction = Restriction {
                    id,
                    owner: order.by.to_owned(),
                    reason: order.reason.to_owned(),
                    incident: order.incident,
                    since: order.at,
                    expiry: Expiry::At(
                        order
                            .at
                            .plus_millis(i64::from(order.minutes.max(1)) * 60_000),
                    ),
                };
                put(&mut next, restriction);
                Some(Ok(next))
            })
            .await?;
        if new {
            if let Some(fields) = body.as_object_mut() {
                fields.insert("restriction".to_owned(), json!(id));
                fields.insert("revision".to_owned(), json!(made.revision));
                fields.insert("reason".to_owned(), json!(order.reason));
            }
            self.record(
                order.incident,
                order.tenant.clone(),
                order.by,
                order.at,
                kind,
                body,
            )?;
        }
        Ok((id, new))
    }

    pub(crate) fn record(
        &self,
        incident: Option<IncidentId>,
        tenant: Option<TenantId>,
        by: &str,
        at: Timestamp,
        kind: &str,
        body: serde_json::Value,
    ) -> Result<u64, RecordError> {
        self.recorder.record(LedgerDraft {
            at,
            tenant,
            incident,
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        })
    }
}

/// The restriction that this key stands for: the same key, the same id, on every machine.
fn id_from(key: &str) -> RestrictionId {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    RestrictionId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// Why containment did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainError {
    /// The policy was refused or not stored.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The restriction is not there.
    #[error(transparent)]
    Policy(#[from] hudun_core::PolicyError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such revision.
    #[error("there is no policy revision {0}")]
    NoSuchRevision(u64),
    /// The same person asked and wants to approve.
    #[error("{0} asked for this; a second person must approve it")]
    SecondPersonNeeded(String),
    /// The hole is not proven shut.
    #[error(
        "the repair is not proven yet; the isolation and the patch stay until the attack fails on the SCRM itself"
    )]
    NotRepaired,
    /// Nobody asked.
    #[error("nobody has asked to lift this restriction")]
    NotAsked,
}
