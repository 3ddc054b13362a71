//! The proof of a patch: it stops the attack and leaves real traffic alone.

use std::sync::Arc;

use hudun_core::{IncidentId, Patch, PatchId, Policy, PolicyError, SessionKey, Timestamp};
use hudun_policy::{Compiled, Recorded, Replay, is_sqli};
use hudun_profile::Profile;
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};

use crate::Hole;

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// As wanted.
    pub good: u64,
    /// All.
    pub all: u64,
}

impl Count {
    const fn add(&mut self, good: bool) {
        self.all += 1;
        self.good += good as u64;
    }

    /// Whether there was something to count and all of it was as wanted.
    pub const fn is_whole(&self) -> bool {
        self.all > 0 && self.good == self.all
    }
}

/// What was tried and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When.
    pub at: Timestamp,
    /// Exchanges of the attack through this hole that the patch stops.
    pub attack: Count,
    /// Real exchanges of the last minutes that it leaves exactly as they were.
    pub real: Count,
}

impl Proof {
    /// Whether the patch may go in force: it stops the whole attack, and no real exchange is touched.
    pub const fn holds(&self) -> bool {
        self.attack.is_whole() && self.real.good == self.real.all
    }
}

/// A drafted patch with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The case.
    pub incident: IncidentId,
    /// The patch.
    pub patch: Patch,
    /// The proof.
    pub proof: Proof,
    /// Where it stands.
    pub state: ProposalState,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalState {
    /// The proof does not hold; it can't be put in force.
    Unproven,
    /// Proven; waits for a person.
    Proven,
    /// In force, under this restriction.
    Enforced(hudun_core::RestrictionId),
}

impl Keyed for Proposal {
    const COLLECTION: &'static str = "patch-proposal";

    fn id(&self) -> String {
        self.patch.patch.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.proof.at.as_millis()
    }
}

impl Proposal {
    /// The patch's identifier.
    pub const fn id(&self) -> PatchId {
        self.patch.patch
    }
}

/// Those of the recorded exchanges that were the attack: by these sessions, answered with rows of others or carrying an
/// injection. What the sessions did of ordinary work is no attack.
pub fn attack_of(recorded: &[Arc<Recorded>], sessions: &[SessionKey]) -> Vec<Arc<Recorded>> {
    recorded
        .iter()
        .filter(|exchange| {
            exchange
                .actor
                .session
                .as_ref()
                .is_some_and(|session| sessions.contains(session))
        })
        .filter(|exchange| {
            exchange
                .answer
                .is_some_and(|answer| answer.foreign_rows > 0)
                || exchange
                    .view
                    .query
                    .iter()
                    .any(|(_, value)| is_sqli(value).is_some())
        })
        .cloned()
        .collect()
}

/// Tries a patch on the attack through its hole and on real traffic (everything that was not the attacker's).
///
/// # Errors
/// [`PolicyError`] when the patch can't be compiled.
pub fn prove(
    hole: &Hole,
    patch: &Patch,
    attack: &[Arc<Recorded>],
    real: &[Arc<Recorded>],
    profile: &Profile,
    now: Timestamp,
) -> Result<Proof, PolicyError> {
    let through: Vec<_> = attack
        .iter()
        .filter(|exchange| went_through(hole, exchange))
        .cloned()
        .collect();
    prove_on(patch, &through, real, profile, now)
}

/// Tries a patch on requests that it has to stop and on those that it has to leave alone.
///
/// # Errors
/// [`PolicyError`] when the patch can't be compiled.
pub fn prove_on(
    patch: &Patch,
    attack: &[Arc<Recorded>],
    real: &[Arc<Recorded>],
    profile: &Profile,
    now: Timestamp,
) -> Result<Proof, PolicyError> {
    let nothing = Compiled::new(Policy::empty(now))?;
    let mut policy = Policy::empty(now).next(now, "hudun", "proof");
    policy.patches.push(patch.clone());
    let patched = Compiled::new(policy)?;
    let mut proof = Proof {
        at: now,
        attack: Count::default(),
        real: Count::default(),
    };
    for exchange in attack {
        proof
            .attack
            .add(exchange.replay(&patched, profile, now) == Replay::Refused);
    }
    for exchange in real {
        proof.real.add(
            exchange.replay(&patched, profile, now) == exchange.replay(&nothing, profile, now),
        );
    }
    Ok(proof)
}

fn went_through(hole: &Hole, exchange: &Recorded) -> bool {
    match hole {
        Hole::ForeignRows(_) => exchange
            .answer
            .is_some_and(|answer| answer.foreign_rows > 0),
        Hole::Injection { parameters, .. } => exchange
            .view
            .query
            .iter()
            .any(|(name, value)| parameters.contains(name) && is_sqli(value).is_some()),
    }
}
