//! Lifting restrictions: asked by one person, approved by another.

use hudun_core::{RestrictionId, Timestamp};
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{ContainError, Keeper};

/// Somebody wants a restriction lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiftRequest {
    /// Which.
    pub restriction: RestrictionId,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Why.
    pub reason: String,
    /// How it ended.
    pub state: LiftState,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LiftState {
    /// Waits for the second person.
    Waiting,
    /// Lifted.
    Lifted {
        /// Who approved.
        by: String,
        /// When.
        at: Timestamp,
    },
}

impl Keyed for LiftRequest {
    const COLLECTION: &'static str = "lift-request";

    fn id(&self) -> String {
        self.restriction.to_string()
    }

    fn at(&self) -> i64 {
        self.asked_at.as_millis()
    }
}

impl Keeper {
    /// Undoes a revocation at once, or asks for an isolation or a patch to be lifted, which needs a second person.
    ///
    /// # Errors
    /// [`ContainError::Policy`] when there is no such restriction.
    pub async fn undo(
        &self,
        id: RestrictionId,
        by: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<LiftState, ContainError> {
        let policy = self.current();
        let Some(restriction) = policy
            .restrictions()
            .find(|restriction| restriction.id == id)
        else {
            return Err(hudun_core::PolicyError::NoSuchRestriction(id).into());
        };
        if policy
            .revocations
            .iter()
            .any(|revocation| revocation.restriction.id == id)
        {
            self.drop_restriction(id, by, reason, at, "containment.lifted")
                .await?;
            return Ok(LiftState::Lifted {
                by: by.to_owned(),
                at,
            });
        }
        let request = LiftRequest {
            restriction: id,
            asked_by: by.to_owned(),
            asked_at: at,
            reason: reason.to_owned(),
            state: LiftState::Waiting,
        };
        self.lifts.put(&request).await?;
        let body = json!({ "restriction": id, "reason": reason });
        self.record(
            restriction.incident,
            None,
            by,
            at,
            "containment.lift-asked",
            body,
        )?;
        Ok(LiftState::Waiting)
    }

    /// The second person's approval, which lifts the restriction. `repaired` says whether the case's hole is proven
    /// shut (or the case is a false alarm).
    ///
    /// # Errors
    /// [`ContainError::SecondPersonNeeded`], [`ContainError::NotRepaired`], [`ContainError::NotAsked`].
    pub async fn approve_lift(
        &self,
        id: RestrictionId,
        by: &str,
        repaired: bool,
        at: Timestamp,
    ) -> Result<(), ContainError> {
        let request = self.lift_request(id).await?.ok_or(ContainError::NotAsked)?;
        if request.state != LiftState::Waiting {
            return Err(ContainError::NotAsked);
        }
        if request.asked_by == by {
            return Err(ContainError::SecondPersonNeeded(by.to_owned()));
        }
        if !repaired {
            return Err(ContainError::NotRepaired);
        }
        let reason = format!("{} (asked by {})", request.reason, request.asked_by);
        self.drop_restriction(id, by, &reason, at, "containment.lifted")
            .await?;
        self.lifts
            .update(&id.to_string(), |request| {
                request.state = LiftState::Lifted {
                    by: by.to_owned(),
                    at,
                }
            })
            .await?;
        Ok(())
    }

    /// The request to lift this restriction, if there was one.
    ///
    /// # Errors
    /// [`ContainError::Store`].
    pub async fn lift_request(
        &self,
        id: RestrictionId,
    ) -> Result<Option<LiftRequest>, ContainError> {
        Ok(self.lifts.get(&id.to_string()).await?)
    }
}
