//! 防 behind the desk: the retrospective from the record, and the playbook's next version.

use std::sync::{Arc, OnceLock};

use hudun_analyze::Analyst;
use hudun_console::DeskError;
use hudun_console::api::{self, PlaybookDiff};
use hudun_core::{
    BoxFuture, Incident, IncidentId, LedgerDraft, ModuleId, Recorder, Text, TimelineMark, Timestamp,
};
use hudun_duty::Verdict;
use hudun_prevent::retro::{
    CaseFile, DutyFact, Entry, Persons, Retrospective, RunFacts, StepFact, next_playbook,
};
use hudun_respond::{Cases, Runner, StepState};
use hudun_store::{Collection, Keyed};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::LedgerService;
use crate::office::{Historian, Playbooks};
use crate::stages::Needs;

/// Writes and keeps retrospectives.
pub struct History {
    ledger: Arc<LedgerService>,
    cases: Arc<Cases>,
    analyst: Arc<Analyst>,
    playbooks: Arc<Playbooks>,
    kept: Collection<Retrospective>,
    proposals: Collection<NextVersion>,
    runner: OnceLock<Arc<Runner>>,
}

/// The next version of the playbook that a case proposes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct NextVersion {
    incident: IncidentId,
    from: String,
    to: String,
    changes: Vec<Text>,
    reasons: Vec<Text>,
    playbook: Value,
}

impl Keyed for NextVersion {
    const COLLECTION: &'static str = "next-playbook";

    fn id(&self) -> String {
        self.incident.to_string()
    }
}

impl History {
    /// A historian over these stages; it reads runs once it knows the runner.
    pub fn new(needs: &Needs<'_>) -> Self {
        Self {
            ledger: Arc::clone(needs.ledger),
            cases: Arc::clone(needs.cases),
            analyst: Arc::clone(needs.analyst),
            playbooks: Arc::clone(needs.playbooks),
            kept: needs.store.collection(),
            proposals: needs.store.collection(),
            runner: OnceLock::new(),
        }
    }

    /// Makes the runner known.
    pub fn read_runs_of(&self, runner: Arc<Runner>) {
        let _known_already = self.runner.set(runner);
    }

    async fn write_down(
        &self,
        incident: &Incident,
        by: &str,
        now: Timestamp,
    ) -> anyhow::Result<bool> {
        let findings = self.cases.findings(incident).await?;
        let entries: Vec<Entry> = self
            .ledger
            .entries(incident.id)?
            .into_iter()
            .map(|line| entry(&line.entry))
            .collect();
        let steps = self.steps(incident).await?;
        let scope = self
            .analyst
            .scope(incident.id)
            .await?
            .map(|record| record.scope);
        let persons = scope.as_ref().map(|scope| Persons {
            low: scope.low,
            likely: scope.likely,
            high: scope.high,
            coverage: scope.coverage(),
        });
        let leaked_through: Vec<ModuleId> = scope.map(|scope| scope.modules).unwrap_or_default();
        let duties = self.duties(incident).await?;
        let file = CaseFile {
            incident,
            findings: &findings,
            entries: &entries,
            persons,
            leaked_through: &leaked_through,
            duties: &duties,
            steps: &steps,
        };
        let retrospective = Retrospective::write(&file, now);
        let new = self.kept.get(&incident.id.to_string()).await?.is_none();
        self.kept.put(&retrospective).await?;
        let facts = RunFacts {
            steps: &steps,
            leaked_through: &leaked_through,
        };
        let proposed = self.propose(incident, facts, now).await?;
        self.ledger.record(LedgerDraft {
            at: now,
            tenant: Some(incident.tenant.clone()),
            incident: Some(incident.id),
            by: by.to_owned(),
            kind: "prevent.retrospective".to_owned(),
            body: json!({ "actions": retrospective.actions.len(), "playbook_changes": proposed }),
        })?;
        Ok(new)
    }

    async fn propose(
        &self,
        incident: &Incident,
        facts: RunFacts<'_>,
        now: Timestamp,
    ) -> anyhow::Result<usize> {
        let Some((bytes, playbook)) = incident
            .playbook
            .as_deref()
            .and_then(|id| self.playbooks.get(id))
        else {
            return Ok(0);
        };
        let present: Value = serde_json::from_slice(bytes)?;
        let next = next_playbook(&present, facts, now)?;
        if next.changes.is_empty() {
            return Ok(0);
        }
        let to = next
            .playbook
            .get("modified")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let changes = next.changes.len();
        self.proposals
            .put(&NextVersion {
                incident: incident.id,
                from: playbook.modified.clone(),
                to,
                changes: next.changes,
                reasons: next.reasons,
                playbook: next.playbook,
            })
            .await?;
        Ok(changes)
    }

    async fn steps(&self, incident: &Incident) -> anyhow::Result<Vec<StepFact>> {
        let (Some(run), Some(runner)) = (incident.run, self.runner.get()) else {
            return Ok(Vec::new());
        };
        let view = runner.view(run).await?;
        let over = view
            .steps
            .into_iter()
            .filter(|step| matches!(step.state, StepState::Done | StepState::Failed));
        let named = over.filter(|step| step.name != step.step);
        Ok(named
            .map(|step| StepFact {
                millis: step
                    .ended_at
                    .map_or(0, |ended| ended.millis_since(step.began_at).unsigned_abs()),
                manual: step.agent != "hudun",
                succeeded: step.state == StepState::Done,
                step: step.step,
                name: step.name,
            })
            .collect())
    }

    async fn duties(&self, incident: &Incident) -> anyhow::Result<Vec<DutyFact>> {
        let Some(record) = self.analyst.duties(incident.id).await? else {
            return Ok(Vec::new());
        };
        let assessment = record.assess(self.analyst.rules())?;
        let applying = assessment
            .duties
            .iter()
            .filter(|duty| duty.verdict == Verdict::Applies);
        Ok(applying
            .map(|duty| DutyFact {
                rule: duty.rule.clone(),
                title: Text::new(duty.title.zh.clone(), duty.title.en.clone()),
                deadline: duty
                    .deadline_at
                    .map(|at| Timestamp::from_millis(at.as_millisecond())),
                met_at: None,
            })
            .collect())
    }

    async fn view(&self, id: IncidentId) -> anyhow::Result<Option<api::RetrospectiveView>> {
        let Some(kept) = self.kept.get(&id.to_string()).await? else {
            return Ok(None);
        };
        let next = self.proposals.get(&id.to_string()).await?;
        let incident = self.cases.get(id).await?;
        let automated = kept.automated_percent();
        let markdown = Text::new(
            kept.to_markdown(hudun_core::Lang::Zh),
            kept.to_markdown(hudun_core::Lang::En),
        );
        let measures = kept.measures.iter().map(|measure| api::MeasureView {
            id: measure.id.clone(),
            label: measure.label.clone(),
            ms: measure.millis.and_then(|millis| u64::try_from(millis).ok()),
            target_ms: measure
                .target_millis
                .and_then(|millis| u64::try_from(millis).ok()),
        });
        let actions = kept.actions.iter().map(|action| api::ActionItem {
            department: action.department,
            what: action.what.clone(),
            because: action.because.clone(),
            due_at: Some(action.due_at),
        });
        Ok(Some(api::RetrospectiveView {
            at: kept.at,
            markdown,
            measures: measures.collect(),
            actions: actions.collect(),
            playbook: next.map(diff),
            assessment: assessment(&kept, automated, &incident),
        }))
    }
}

impl Historian for History {
    fn write<'a>(
        &'a self,
        incident: &'a Incident,
        by: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<bool, DeskError>> {
        Box::pin(async move {
            self.write_down(incident, by, now)
                .await
                .map_err(|cause| DeskError::Internal(cause.to_string()))
        })
    }

    fn retrospective(
        &self,
        incident: IncidentId,
    ) -> BoxFuture<'_, Result<Option<api::RetrospectiveView>, DeskError>> {
        Box::pin(async move {
            self.view(incident)
                .await
                .map_err(|cause| DeskError::Internal(cause.to_string()))
        })
    }
}

fn entry(entry: &hudun_ledger::Entry) -> Entry {
    Entry {
        seq: entry.seq,
        at: Timestamp::from_millis(entry.at),
        by: entry.actor.clone(),
        kind: entry.kind.clone(),
        body: entry.body.clone(),
    }
}

fn diff(next: NextVersion) -> PlaybookDiff {
    let lines: Vec<String> = next
        .changes
        .iter()
        .map(|change| format!("{} / {}", change.zh, change.en))
        .collect();
    PlaybookDiff {
        from: next.from,
        to: next.to,
        diff: lines.join("\n"),
        reasons: next.reasons,
    }
}

/// The assessment: line by line, whether the case was handled as it should be.
fn assessment(
    kept: &Retrospective,
    automated: Option<usize>,
    incident: &Incident,
) -> Vec<api::AssessmentLine> {
    let mut lines: Vec<api::AssessmentLine> = kept
        .measures
        .iter()
        .map(|measure| api::AssessmentLine {
            item: measure.label.clone(),
            met: measure.millis.map(|_| !measure.missed()),
            note: match measure.millis {
                Some(millis) => Text::new(format!("{millis} 毫秒"), format!("{millis} ms")),
                None => Text::new("尚未到达", "not reached yet"),
            },
        })
        .collect();
    if let Some(percent) = automated {
        lines.push(api::AssessmentLine {
            item: Text::new("自动完成的步骤", "steps done without a person"),
            met: None,
            note: Text::new(format!("{percent}%"), format!("{percent}%")),
        });
    }
    lines.push(api::AssessmentLine {
        item: Text::new("根因修复已验证", "root fix proven"),
        met: Some(incident.mark(TimelineMark::Repaired).is_some()),
        note: Text::default(),
    });
    if let Some(persons) = kept.persons {
        lines.push(api::AssessmentLine {
            item: Text::new("泄露范围的解释率", "coverage of the scope"),
            met: Some(persons.coverage >= 0.99),
            note: Text::new(
                format!(
                    "{:.1}%，可能受影响 {} 人",
                    persons.coverage * 100.0,
                    persons.likely
                ),
                format!(
                    "{:.1}%, {} persons likely",
                    persons.coverage * 100.0,
                    persons.likely
                ),
            ),
        });
    }
    lines
}
