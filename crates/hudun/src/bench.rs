//! 修: the work-bench where patches are drafted, proven and put in force, and the root fix is proven.

use std::sync::Arc;

use hudun_analyze::Analyst;
use hudun_contain::{ContainError, Keeper, Order};
use hudun_core::{
    Finding, Incident, IncidentId, IncidentState, LedgerDraft, PatchId, PolicyError, RecordError,
    Recorder, RestrictionId, SessionKey, TimelineMark, Timestamp, Window,
};
use hudun_policy::Recorded;
use hudun_profile::Profile;
use hudun_repair::{
    Direct, Proposal, ProposalState, RepairProof, attack_of, draft, prove, prove_on, verify,
};
use hudun_store::{Collection, Store, StoreError};
use serde_json::json;

use crate::attacks::Attacks;
use crate::intel::KnownHoles;
use crate::office::Recent;

/// Patches and proofs.
pub struct Bench {
    proposals: Collection<Proposal>,
    proofs: Collection<RepairProof>,
    keeper: Keeper,
    analyst: Arc<Analyst>,
    recorder: Arc<dyn Recorder>,
    tools: Tools,
    attacks: Attacks,
    /// One draft at a time, so that no hole gets two patches.
    drafting: tokio::sync::Mutex<()>,
}

/// What the bench needs from where the gateway is.
pub struct Tools {
    /// The last minutes of real traffic.
    pub recent: Arc<dyn Recent>,
    /// The SCRM itself; absent when no account for it is configured.
    pub direct: Option<Arc<dyn Direct>>,
    /// The profile of the SCRM.
    pub profile: Arc<Profile>,
    /// Roles that may see only their own rows.
    pub own_scope_roles: Vec<String>,
    /// Holes that were published, for cases that an exposure opened.
    pub known: Arc<KnownHoles>,
}

impl Bench {
    /// A bench.
    pub fn new(
        store: &Store,
        keeper: Keeper,
        analyst: Arc<Analyst>,
        recorder: Arc<dyn Recorder>,
        attacks: Attacks,
        tools: Tools,
    ) -> Self {
        Self {
            proposals: store.collection(),
            proofs: store.collection(),
            keeper,
            analyst,
            recorder,
            tools,
            attacks,
            drafting: tokio::sync::Mutex::default(),
        }
    }

    /// The proposals of a case, oldest first.
    ///
    /// # Errors
    /// [`BenchError::Store`].
    pub async fn proposals(&self, incident: IncidentId) -> Result<Vec<Proposal>, BenchError> {
        Ok(self.proposals.of(&incident.to_string()).await?)
    }

    /// The newest proof of the root fix.
    ///
    /// # Errors
    /// [`BenchError::Store`].
    pub async fn last_proof(
        &self,
        incident: IncidentId,
    ) -> Result<Option<RepairProof>, BenchError> {
        Ok(self.proofs.of(&incident.to_string()).await?.pop())
    }

    /// Drafts a patch for each hole that the attack shows and proves it on the attack and on real traffic. Earlier
    /// drafts that are not in force are replaced.
    ///
    /// # Errors
    /// [`BenchError::NoAttack`] when nothing of the attack is in the recent traffic.
    pub async fn propose(
        &self,
        incident: &Incident,
        findings: &[Finding],
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Proposal>, BenchError> {
        let _alone = self.drafting.lock().await;
        self.draft_all(incident, findings, by, now).await
    }

    /// The same for a case without patches, whose attack was still on its way when they were asked for. Nothing is made
    /// when the case has some, or when nothing of the attack has shown up yet.
    ///
    /// # Errors
    /// [`BenchError`].
    pub async fn propose_late(
        &self,
        incident: &Incident,
        findings: &[Finding],
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Proposal>, BenchError> {
        let _alone = self.drafting.lock().await;
        if !self.proposals(incident.id).await?.is_empty() {
            return Ok(Vec::new());
        }
        match self.draft_all(incident, findings, by, now).await {
            Err(BenchError::NoAttack) => Ok(Vec::new()),
            made => made,
        }
    }

    async fn draft_all(
        &self,
        incident: &Incident,
        findings: &[Finding],
        by: &str,
        now: Timestamp,
    ) -> Result<Vec<Proposal>, BenchError> {
        let sessions = self.sessions(incident, findings).await?;
        let recorded = self.recorded(incident, now);
        let attack = self
            .attacks
            .remember(incident.id, attack_of(&recorded, &sessions))
            .await?;
        let mine = |exchange: &Recorded| {
            let actor = &exchange.actor;
            actor
                .session
                .as_ref()
                .is_some_and(|session| sessions.contains(session))
        };
        let real: Vec<_> = recorded
            .iter()
            .filter(|exchange| !mine(exchange))
            .cloned()
            .collect();
        let drafts = draft(&attack, &self.tools.own_scope_roles, incident.id, by, now);
        let profile = &self.tools.profile;
        let mut tried = Vec::new();
        for (hole, patch) in drafts {
            let proof = prove(&hole, &patch, &attack, &real, profile, now)?;
            tried.push((patch, proof));
        }
        let known = &self.tools.known;
        for one in known.patches(incident.id, &incident.tenant, by, now).await {
            let mut honest = real.clone();
            honest.push(one.honest);
            let proof = prove_on(&one.patch, &[one.attack], &honest, profile, now)?;
            tried.push((one.patch, proof));
        }
        if tried.is_empty() {
            return Err(BenchError::NoAttack);
        }
        let mut before = self.proposals(incident.id).await?;
        let mut made = Vec::new();
        for (patch, proof) in tried {
            let in_force = before.iter().any(|earlier| {
                earlier.patch.name == patch.name
                    && matches!(earlier.state, ProposalState::Enforced(id) if self.holds(id))
            });
            if in_force {
                continue;
            }
            let state = if proof.holds() {
                ProposalState::Proven
            } else {
                ProposalState::Unproven
            };
            let proposal = Proposal {
                incident: incident.id,
                patch,
                proof,
                state,
            };
            let body = json!({
                "patch": proposal.id(), "name": proposal.patch.name, "title": proposal.patch.title,
                "attack": proposal.proof.attack, "real": proposal.proof.real, "proven": proposal.proof.holds(),
            });
            self.record(incident, "repair.patch-drafted", by, now, body)?;
            for earlier in
                before.extract_if(.., |earlier| earlier.patch.name == proposal.patch.name)
            {
                self.proposals.remove(&earlier.id().to_string()).await?;
            }
            self.proposals.put(&proposal).await?;
            made.push(proposal);
        }
        Ok(made)
    }

    /// Puts one proven patch in force. Returns the proposal as it is now and whether something was done.
    ///
    /// # Errors
    /// [`BenchError::NoSuchPatch`], [`BenchError::Unproven`], [`BenchError::Contain`].
    pub async fn enforce(
        &self,
        incident: &Incident,
        patch: PatchId,
        by: &str,
        now: Timestamp,
    ) -> Result<(Proposal, bool), BenchError> {
        let id = patch.to_string();
        let proposal = self
            .proposals
            .get(&id)
            .await?
            .filter(|proposal| proposal.incident == incident.id)
            .ok_or(BenchError::NoSuchPatch(patch))?;
        match proposal.state {
            ProposalState::Enforced(restriction) if self.holds(restriction) => {
                return Ok((proposal, false));
            }
            // In force once and lifted or rolled back since: its proof still stands, so it may come back.
            ProposalState::Enforced(_) | ProposalState::Proven if proposal.proof.holds() => {}
            _ => return Err(BenchError::Unproven(proposal.patch.name)),
        }
        let key = format!("enforce/{id}");
        let order = Order {
            key: &key,
            by,
            reason: &format!("hot patch {}", proposal.patch.name),
            incident: Some(incident.id),
            tenant: Some(incident.tenant.clone()),
            at: now,
            minutes: PATCH_MINUTES,
        };
        let (restriction, new) = self.keeper.patch(&order, proposal.patch.clone()).await?;
        let proposal = self
            .proposals
            .update(&id, |proposal| {
                proposal.state = ProposalState::Enforced(restriction);
            })
            .await?
            .ok_or(BenchError::NoSuchPatch(patch))?;
        Ok((proposal, new))
    }

    /// Replays the attack straight at the SCRM, keeps and records the proof.
    ///
    /// # Errors
    /// [`BenchError::NoDirect`] when no account for it is configured.
    pub async fn verify(
        &self,
        incident: &Incident,
        findings: &[Finding],
        by: &str,
        now: Timestamp,
    ) -> Result<RepairProof, BenchError> {
        let checks = self.tools.known.prove(incident.id, now).await;
        let checks = checks.map_err(|cause| BenchError::Known(cause.to_string()))?;
        let sessions = self.sessions(incident, findings).await?;
        let fresh = attack_of(&self.recorded(incident, now), &sessions);
        let attack = self.attacks.remember(incident.id, fresh).await?;
        // Where nobody attacked and the hole was published, the checks are the proof.
        let proof = if attack.is_empty() && !checks.is_empty() {
            RepairProof::of_checks(incident.id, checks, now)
        } else {
            let direct = self.tools.direct.as_ref().ok_or(BenchError::NoDirect)?;
            let replayed = verify(incident.id, &attack, direct.as_ref(), now).await;
            replayed.with_checks(checks)
        };
        self.keep(incident, proof, by, now).await
    }

    async fn keep(
        &self,
        incident: &Incident,
        proof: RepairProof,
        by: &str,
        now: Timestamp,
    ) -> Result<RepairProof, BenchError> {
        let kind = if proof.fixed {
            "repair.fix-proven"
        } else {
            "repair.fix-refuted"
        };
        let stopped = proof.rows.iter().filter(|row| row.failed).count();
        let body =
            json!({ "replayed": proof.rows.len(), "stopped": stopped, "summary": proof.summary });
        self.record(incident, kind, by, now, body)?;
        self.proofs.put(&proof).await?;
        Ok(proof)
    }

    /// Forgets the attack of a case that is closed.
    ///
    /// # Errors
    /// [`BenchError::Store`].
    pub async fn forget(&self, incident: IncidentId) -> Result<(), BenchError> {
        Ok(self.attacks.forget(incident).await?)
    }

    /// Forgets the attacks of cases that were closed while this process was not there to forget them.
    ///
    /// # Errors
    /// [`BenchError::Store`].
    pub async fn forget_closed(&self, cases: &hudun_respond::Cases) -> Result<(), BenchError> {
        let is_closed = async |incident| {
            let case = cases.get(incident).await;
            case.is_ok_and(|case| case.state == IncidentState::Closed)
        };
        Ok(self.attacks.sweep(is_closed).await?)
    }

    /// Whether the policy holds this restriction.
    fn holds(&self, id: RestrictionId) -> bool {
        self.keeper
            .current()
            .restrictions()
            .any(|restriction| restriction.id == id)
    }

    /// The attacker's sessions: those of the scope, else those that the findings name.
    async fn sessions(
        &self,
        incident: &Incident,
        findings: &[Finding],
    ) -> Result<Vec<SessionKey>, BenchError> {
        let scope = self
            .analyst
            .scope(incident.id)
            .await
            .map_err(|cause| BenchError::Scope(cause.to_string()))?;
        let mut sessions = scope
            .map(|record| record.scope.question.source.sessions)
            .unwrap_or_default();
        for session in findings
            .iter()
            .filter_map(|finding| finding.actor.session.as_ref())
        {
            if !sessions.contains(session) {
                sessions.push(session.clone());
            }
        }
        Ok(sessions)
    }

    fn recorded(&self, incident: &Incident, now: Timestamp) -> Vec<Arc<Recorded>> {
        let onset = incident
            .mark(TimelineMark::Onset)
            .unwrap_or(incident.opened_at);
        let window = Window {
            from: onset.plus_millis(-HOUR_MS),
            to: now,
        };
        let mut recorded = self.tools.recent.snapshot(window);
        recorded.retain(|exchange| exchange.tenant == incident.tenant);
        recorded
    }

    fn record(
        &self,
        incident: &Incident,
        kind: &str,
        by: &str,
        at: Timestamp,
        body: serde_json::Value,
    ) -> Result<(), RecordError> {
        self.recorder.record(LedgerDraft {
            at,
            tenant: Some(incident.tenant.clone()),
            incident: Some(incident.id),
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        })?;
        Ok(())
    }
}

/// How long before the onset traffic is looked at.
const HOUR_MS: i64 = 60 * 60_000;
/// Minutes for which a patch is in force: thirty days.
const PATCH_MINUTES: u32 = 30 * 24 * 60;

/// Why the bench did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Nothing of the attack is recorded any more.
    #[error(
        "nothing of the attack is in the recent traffic, so there is nothing to draft a patch from"
    )]
    NoAttack,
    /// No account for the SCRM itself.
    #[error("no account of the SCRM is configured with which the attack could be replayed")]
    NoDirect,
    /// There is no such patch in the case.
    #[error("the case has no patch {0}")]
    NoSuchPatch(PatchId),
    /// The proof does not hold.
    #[error("patch {0} is not proven; it can't be put in force")]
    Unproven(String),
    /// The scope could not be read.
    #[error("the scope could not be read: {0}")]
    Scope(String),
    /// What a check of a known hole came to could not be written down.
    #[error("the checks of the known holes: {0}")]
    Known(String),
    /// The patch can't be compiled.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy did not take it.
    #[error(transparent)]
    Contain(#[from] ContainError),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
}
