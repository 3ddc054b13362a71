//! The analyst: computes, keeps and records scope and duties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hudun_core::{
    Finding, Incident, IncidentId, LedgerDraft, RecordError, Recorder, Scope, ScopeQuestion,
    ScopeSource, SessionKey, TenantId, Timestamp,
};
use hudun_duty::{
    Assessment, Band, DutyError, FactBase, GateState, RuleSet, Severity, TenantAssessment, Verdict,
    assess, assess_group,
};
use hudun_lake::{Lake, LakeError};
use hudun_store::{Collection, Keyed, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::decisions::{self, Awareness, DecisionError, GateAct, NewAwareness, NewRelease};
use crate::source::Suspicion;
use crate::{Circumstances, Narrowing, OrganisationSettings, affected_set_digest, build_facts};

/// Earlier cases whose sessions are not gathered again.
const OTHER_CASES: u32 = 1_000;

/// The scope of a case, newest revision. Earlier ones stand on the ledger, without persons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeRecord {
    /// The case.
    pub incident: IncidentId,
    /// From 1; a new one only when the answer changed.
    pub revision: u32,
    /// The answer, with the affected persons as tokens.
    pub scope: Scope,
    /// How the attacker was told from the account's owner.
    pub narrowing: Narrowing,
    /// What left of other tenants of a vendor, in the order of their names: by the addresses that the attacker alone used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<Scope>,
    /// SHA-256 over the likely set.
    pub likely_sha256: String,
    /// When this answer was computed.
    pub computed_at: Timestamp,
}

impl ScopeRecord {
    /// The likely set of each tenant by its digest: what a later answer is told by from an earlier one.
    pub fn affected(&self) -> Vec<(TenantId, String)> {
        let own = (
            self.scope.question.tenant.clone(),
            self.likely_sha256.clone(),
        );
        let others = self.tenants.iter().map(|scope| {
            let tokens = scope.subjects.iter().map(|(token, _)| *token);
            (scope.question.tenant.clone(), affected_set_digest(tokens))
        });
        std::iter::once(own).chain(others).collect()
    }
}

impl Keyed for ScopeRecord {
    const COLLECTION: &'static str = "scope";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.computed_at.as_millis()
    }
}

/// The sessions that a case answers for.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SourceRecord {
    incident: IncidentId,
    tenant: TenantId,
    sessions: Vec<SessionKey>,
    at: Timestamp,
}

impl Keyed for SourceRecord {
    const COLLECTION: &'static str = "scope-source";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

/// The duties of a case, newest revision, with everything that the decision stood on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DutyRecord {
    /// The case.
    pub incident: IncidentId,
    /// From 1; a new one only when facts or rules changed.
    pub revision: u32,
    /// When they were computed.
    pub computed_at: Timestamp,
    /// The facts that law was asked with.
    pub facts: FactBase,
    /// Digest of the facts.
    pub facts_digest: String,
    /// Digest of the rules.
    pub rules_digest: String,
    /// The CAC grade, 0 for below the lowest.
    pub cac_grade: u8,
    /// The ENISA band, when it can be scored.
    pub enisa_band: Option<Band>,
    /// The answers as they were given, gates among them.
    pub assessment: Value,
    /// The answers for each tenant of a vendor.
    pub tenants: Value,
}

impl DutyRecord {
    /// The answers as types, made again from the same facts at the same moment.
    ///
    /// # Errors
    /// [`AnalyzeError::Duty`] when the facts do not stand, [`AnalyzeError::Moment`] for a moment out of range.
    pub fn assess(&self, rules: &RuleSet) -> Result<Assessment, AnalyzeError> {
        Ok(assess(&self.facts, rules, instant(self.computed_at)?)?)
    }

    /// The same for each tenant of a vendor.
    ///
    /// # Errors
    /// As [`DutyRecord::assess`].
    pub fn assess_tenants(&self, rules: &RuleSet) -> Result<Vec<TenantAssessment>, AnalyzeError> {
        Ok(assess_group(&self.facts, rules, instant(self.computed_at)?)?.tenants)
    }
}

impl Keyed for DutyRecord {
    const COLLECTION: &'static str = "duties";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.computed_at.as_millis()
    }
}

/// Answers for cases.
pub struct Analyst {
    scopes: Collection<ScopeRecord>,
    sources: Collection<SourceRecord>,
    duties: Collection<DutyRecord>,
    awareness: Collection<Awareness>,
    gates: Collection<GateAct>,
    lake: Arc<Lake>,
    rules: Arc<RuleSet>,
    organisations: OrganisationSettings,
    recorder: Arc<dyn Recorder>,
    /// One answer at a time, so that revisions follow each other.
    turn: Mutex<()>,
}

impl Analyst {
    /// An analyst over the lake.
    pub fn new(
        store: &Store,
        lake: Arc<Lake>,
        rules: Arc<RuleSet>,
        organisations: OrganisationSettings,
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        Self {
            scopes: store.collection(),
            sources: store.collection(),
            duties: store.collection(),
            awareness: store.collection(),
            gates: store.collection(),
            lake,
            rules,
            organisations,
            recorder,
            turn: Mutex::new(()),
        }
    }

    /// Whose data left: asks the lake, keeps the answer, and records it when it is new.
    ///
    /// # Errors
    /// [`AnalyzeError`]; the earlier answer then stands.
    pub async fn assess_scope(
        &self,
        incident: &Incident,
        findings: &[Finding],
        now: Timestamp,
    ) -> Result<ScopeRecord, AnalyzeError> {
        let _turn = self.turn.lock().await;
        let taken = self.sessions_of_others(incident).await?;
        let suspicion = Suspicion::of(incident, findings, now);
        let others = self.other_tenants(incident).await?;
        let (scope, narrowing, tenants) = self
            .lake
            .ask(move |lake| {
                let (question, narrowing) = suspicion.question(lake, &taken)?;
                let tenants = tenants_of(lake, &question, &others)?;
                Ok((lake.scope(&question)?, narrowing, tenants))
            })
            .await?;
        let before = self.scopes.get(&incident.id.to_string()).await?;
        if let Some(before) = &before
            && before.narrowing == narrowing
            && same_answer(&before.scope, &scope)
            && before.tenants.len() == tenants.len()
            && before
                .tenants
                .iter()
                .zip(&tenants)
                .all(|(before, after)| same_answer(before, after))
        {
            return Ok(before.clone());
        }
        let record = ScopeRecord {
            incident: incident.id,
            revision: before.map_or(0, |before| before.revision) + 1,
            likely_sha256: affected_set_digest(scope.subjects.iter().map(|(token, _)| *token)),
            scope,
            narrowing,
            tenants,
            computed_at: now,
        };
        self.record(incident, "analysis.scope", now, scope_body(&record))?;
        self.sources
            .put(&SourceRecord {
                incident: incident.id,
                tenant: incident.tenant.clone(),
                sessions: record.scope.question.source.sessions.clone(),
                at: now,
            })
            .await?;
        self.scopes.put(&record).await?;
        Ok(record)
    }

    /// Which duties follow: builds the facts, asks every rule, keeps and records the answers when they are new, and
    /// records beside it when the grade or the severity changed its class. What persons have decided about the case
    /// ([`Self::decide_aware`], [`Self::release_gate`]) counts wherever `known` says nothing else.
    ///
    /// # Errors
    /// [`AnalyzeError`]; the earlier answer then stands.
    pub async fn assess_duties(
        &self,
        incident: &Incident,
        findings: &[Finding],
        scope: &ScopeRecord,
        known: &Circumstances,
        now: Timestamp,
    ) -> Result<DutyRecord, AnalyzeError> {
        let _turn = self.turn.lock().await;
        let mut known = known.clone();
        if known.aware.is_none() {
            let decided = self.awareness(incident.id).await?;
            known.aware = decided.last().and_then(Awareness::aware);
        }
        if known.releases.is_empty() {
            known.releases = decisions::releases(&self.gate_acts(incident.id).await?);
        }
        let ids: Vec<_> = findings
            .iter()
            .flat_map(|finding| finding.evidence.iter().copied())
            .collect();
        let evidence: Vec<_> = self
            .lake
            .ask(move |lake| lake.fetch(&ids))
            .await?
            .iter()
            .map(|exchange| hudun_core::Exchange::clone(exchange))
            .collect();
        let facts = build_facts(
            incident,
            findings,
            &evidence,
            scope,
            &self.organisations,
            &known,
        );
        let facts_digest = facts.digest()?;
        let before = self.duties.get(&incident.id.to_string()).await?;
        if let Some(before) = &before
            && before.facts_digest == facts_digest
            && before.rules_digest == self.rules.digest
        {
            return Ok(before.clone());
        }
        let group = assess_group(&facts, &self.rules, instant(now)?)?;
        let severity = &group.own.severity;
        let record = DutyRecord {
            incident: incident.id,
            revision: before.as_ref().map_or(0, |before| before.revision) + 1,
            computed_at: now,
            cac_grade: severity.cac.grade,
            enisa_band: severity.enisa.as_ref().map(|enisa| enisa.band),
            assessment: serde_json::to_value(&group.own)?,
            tenants: serde_json::to_value(&group.tenants)?,
            facts,
            facts_digest,
            rules_digest: self.rules.digest.clone(),
        };
        let body = duties_body(&record, &group.own);
        self.record(incident, "analysis.duties", now, body)?;
        if let Some(before) = before
            && (before.cac_grade, before.enisa_band) != (record.cac_grade, record.enisa_band)
        {
            let earlier = Severity::of(&before.facts, &self.rules);
            let body = json!({
                "revision": record.revision,
                "cac": { "before": before.cac_grade, "after": record.cac_grade },
                "enisa": { "before": before.enisa_band, "after": record.enisa_band },
                "said": severity.crossed(&earlier),
            });
            self.record(incident, "analysis.class-crossed", now, body)?;
        }
        self.duties.put(&record).await?;
        Ok(record)
    }

    /// The newest scope of a case.
    ///
    /// # Errors
    /// [`AnalyzeError::Store`].
    pub async fn scope(&self, incident: IncidentId) -> Result<Option<ScopeRecord>, AnalyzeError> {
        Ok(self.scopes.get(&incident.to_string()).await?)
    }

    /// The newest duties of a case.
    ///
    /// # Errors
    /// [`AnalyzeError::Store`].
    pub async fn duties(&self, incident: IncidentId) -> Result<Option<DutyRecord>, AnalyzeError> {
        Ok(self.duties.get(&incident.to_string()).await?)
    }

    /// A named person decides when the case became an incident. A later decision corrects an earlier one, which stays.
    /// The same decision twice is one. The clocks follow with the next [`Self::assess_duties`].
    ///
    /// # Errors
    /// [`DecisionError`]; nothing is decided then.
    pub async fn decide_aware(
        &self,
        incident: &Incident,
        wanted: NewAwareness,
        by: &str,
        now: Timestamp,
    ) -> Result<Awareness, DecisionError> {
        let _turn = self.turn.lock().await;
        let before = self.decided(incident.id).await?;
        let number = decisions::next(before.len())?;
        let made = Awareness::new(incident, wanted, number, by, now)?;
        if let Some(last) = before.last()
            && *last
                == (Awareness {
                    number: last.number,
                    at: last.at,
                    ..made.clone()
                })
        {
            return Ok(last.clone());
        }
        let body = json!({
            "decision": made.number, "moment": made.moment, "written": made.written, "reason": made.reason,
            "evidence": made.evidence, "early": made.early,
            "before": before.last().map(|last| json!({ "decision": last.number, "moment": last.moment, "by": last.by })),
        });
        self.record_by(incident, by, "analysis.aware-decided", now, body)?;
        self.awareness.put(&made).await?;
        Ok(made)
    }

    /// When the case became an incident, as persons have decided, oldest first; the last one counts.
    ///
    /// # Errors
    /// [`AnalyzeError::Store`].
    pub async fn awareness(&self, incident: IncidentId) -> Result<Vec<Awareness>, AnalyzeError> {
        Ok(self.decided(incident).await?)
    }

    async fn decided(&self, incident: IncidentId) -> Result<Vec<Awareness>, StoreError> {
        let mut all = self.awareness.of(&incident.to_string()).await?;
        all.sort_by_key(|one| one.number);
        Ok(all)
    }

    /// Counsel releases a gate that stops (or of which facts are missing, which stops too). The notices that it holds
    /// back follow with the next [`Self::assess_duties`].
    ///
    /// # Errors
    /// [`DecisionError`]; nothing is released then.
    pub async fn release_gate(
        &self,
        incident: &Incident,
        gate: &str,
        release: NewRelease,
        by: &str,
        now: Timestamp,
    ) -> Result<GateAct, DecisionError> {
        let known = self.rules.gates.iter().find(|known| known.id == gate);
        let known = known.ok_or_else(|| DecisionError::NoSuchGate(gate.to_owned()))?;
        if known.released_by.is_none() {
            return Err(DecisionError::NeverReleased(gate.to_owned()));
        }
        let duties = self.duties.get(&incident.id.to_string()).await?;
        let duties = duties.ok_or(DecisionError::NoDuties)?;
        let answers = duties
            .assess(&self.rules)
            .map_err(|cause| DecisionError::Duties(cause.to_string()))?;
        let clear = |known: &&hudun_duty::Gate| known.id == gate && known.state == GateState::Clear;
        if answers.gates.iter().any(|known| clear(&known)) {
            return Err(DecisionError::NotStopping(gate.to_owned()));
        }
        let reason = release.reason.clone();
        self.act_on_gate(incident, gate, Some(release), &reason, by, now)
            .await
    }

    /// Counsel takes a release back: the gate stops again.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub async fn revoke_gate(
        &self,
        incident: &Incident,
        gate: &str,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<GateAct, DecisionError> {
        if !self.rules.gates.iter().any(|known| known.id == gate) {
            return Err(DecisionError::NoSuchGate(gate.to_owned()));
        }
        self.act_on_gate(incident, gate, None, reason, by, now)
            .await
    }

    async fn act_on_gate(
        &self,
        incident: &Incident,
        gate: &str,
        release: Option<NewRelease>,
        reason: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<GateAct, DecisionError> {
        let _turn = self.turn.lock().await;
        let before = self.acts(incident.id).await?;
        let act = GateAct::new(incident, gate, release, reason, &before, by, now)?;
        let kind = if act.release {
            "analysis.gate-released"
        } else {
            "analysis.gate-revoked"
        };
        let body = json!({ "gate": act.gate, "number": act.number, "what": act.what, "reason": act.reason,
            "reference": act.reference });
        self.record_by(incident, by, kind, now, body)?;
        self.gates.put(&act).await?;
        Ok(act)
    }

    /// What counsel has decided about the gates of a case, oldest first; of each gate the last one counts.
    ///
    /// # Errors
    /// [`AnalyzeError::Store`].
    pub async fn gate_acts(&self, incident: IncidentId) -> Result<Vec<GateAct>, AnalyzeError> {
        Ok(self.acts(incident).await?)
    }

    async fn acts(&self, incident: IncidentId) -> Result<Vec<GateAct>, StoreError> {
        let mut all = self.gates.of(&incident.to_string()).await?;
        all.sort_by_key(|one| one.number);
        Ok(all)
    }

    /// The rules that law is asked with.
    pub const fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    async fn sessions_of_others(
        &self,
        incident: &Incident,
    ) -> Result<BTreeSet<SessionKey>, StoreError> {
        Ok(self
            .sources
            .newest(OTHER_CASES)
            .await?
            .into_iter()
            .filter(|other| other.incident != incident.id && other.tenant == incident.tenant)
            .flat_map(|other| other.sessions)
            .collect())
    }

    /// A vendor's other tenants, each with the sessions there that a case of its own answers for.
    async fn other_tenants(
        &self,
        incident: &Incident,
    ) -> Result<BTreeMap<TenantId, BTreeSet<SessionKey>>, StoreError> {
        if self.organisations.vendor.is_none() {
            return Ok(BTreeMap::new());
        }
        let others = self.organisations.tenants.keys();
        let mut others: BTreeMap<TenantId, BTreeSet<SessionKey>> = others
            .filter(|tenant| **tenant != incident.tenant)
            .map(|tenant| (tenant.clone(), BTreeSet::new()))
            .collect();
        for source in self.sources.newest(OTHER_CASES).await? {
            if let Some(taken) = others.get_mut(&source.tenant) {
                taken.extend(source.sessions);
            }
        }
        Ok(others)
    }

    fn record(
        &self,
        incident: &Incident,
        kind: &str,
        at: Timestamp,
        body: Value,
    ) -> Result<(), RecordError> {
        self.record_by(incident, "hudun", kind, at, body)
    }

    fn record_by(
        &self,
        incident: &Incident,
        by: &str,
        kind: &str,
        at: Timestamp,
        body: Value,
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

/// What the same attacker took of other tenants. Accounts and sessions are a tenant's own, so only addresses lead from one
/// to another, and only those that nobody but the attacker used. A tenant whose sessions from there are all answered for
/// by cases of its own is left out: it hears of it from those.
fn tenants_of(
    lake: &Lake,
    question: &ScopeQuestion,
    others: &BTreeMap<TenantId, BTreeSet<SessionKey>>,
) -> Result<Vec<Scope>, LakeError> {
    let mut scopes = Vec::new();
    if question.source.addresses.is_empty() {
        return Ok(scopes);
    }
    for (tenant, taken) in others {
        let scope = lake.scope(&ScopeQuestion {
            tenant: tenant.clone(),
            source: ScopeSource {
                addresses: question.source.addresses.clone(),
                ..ScopeSource::default()
            },
            window: question.window,
        })?;
        let sessions = &scope.seen.sessions;
        let answered = !sessions.is_empty() && sessions.iter().all(|one| taken.contains(one));
        if scope.high > 0 && !answered {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

/// Whether two answers say the same; that the second was asked later changes nothing.
fn same_answer(before: &Scope, after: &Scope) -> bool {
    let mut question = after.question.clone();
    question.window.to = before.question.window.to;
    let after = Scope {
        question,
        ..after.clone()
    };
    *before == after
}

/// What the ledger keeps of a scope: counts and a digest, no person.
fn scope_body(record: &ScopeRecord) -> Value {
    let scope = &record.scope;
    json!({
        "revision": record.revision,
        "low": scope.low, "likely": scope.likely, "high": scope.high,
        "kinds": scope.kinds,
        "question_window": scope.question.window,
        "window": scope.window,
        "modules": scope.modules,
        "accounts": scope.seen.accounts,
        "sessions": scope.seen.sessions.len(),
        "addresses": scope.seen.addresses,
        "exchanges": scope.exchanges,
        "bytes_released": scope.bytes_released,
        "bytes_explained": scope.bytes_explained,
        "coverage": scope.coverage(),
        "narrowing": record.narrowing,
        "method": scope.method,
        "likely_sha256": record.likely_sha256,
        "tenants": record.tenants.iter().zip(record.affected().into_iter().skip(1)).map(|(scope, (tenant, sha256))| json!({
            "tenant": tenant, "low": scope.low, "likely": scope.likely, "high": scope.high, "coverage": scope.coverage(),
            "likely_sha256": sha256,
        })).collect::<Vec<_>>(),
    })
}

/// What the ledger keeps of the duties: inputs by digest, and what applies until when.
fn duties_body(record: &DutyRecord, own: &Assessment) -> Value {
    let rows = |wanted: Verdict| -> Vec<Value> {
        own.duties
            .iter()
            .filter(|duty| duty.verdict == wanted)
            .map(|duty| {
                json!({ "rule": duty.rule, "version": duty.version, "deadline": duty.deadline, "missing": duty.missing })
            })
            .collect()
    };
    json!({
        "revision": record.revision,
        "rules_sha256": record.rules_digest,
        "facts_sha256": record.facts_digest,
        "organisation": own.organisation,
        "applies": rows(Verdict::Applies),
        "unknown": rows(Verdict::Unknown),
        "gates": own.gates.iter().map(|gate| json!({ "id": gate.id, "state": gate.state })).collect::<Vec<_>>(),
        "cac_grade": record.cac_grade,
        "enisa": own.severity.enisa.as_ref().map(|enisa| json!({ "se": enisa.se, "band": enisa.band, "formula": enisa.formula })),
        "aware": record.facts.times.aware,
    })
}

fn instant(at: Timestamp) -> Result<jiff::Timestamp, AnalyzeError> {
    jiff::Timestamp::from_millisecond(at.as_millis()).map_err(|_| AnalyzeError::Moment(at))
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnalyzeError {
    /// The lake could not answer.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The facts or the rules do not stand.
    #[error(transparent)]
    Duty(#[from] DutyError),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An answer could not be written as JSON.
    #[error("an answer could not be written down: {0}")]
    Json(#[from] serde_json::Error),
    /// A moment that no calendar knows.
    #[error("{0} is out of range")]
    Moment(Timestamp),
}
