//! Carrying runs out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hudun_cacao::{Mode, Outcome, Playbook, is_runnable, validate};
use hudun_core::{
    Action, ActionError, ActionReceipt, Catalogue, IncidentId, LedgerDraft, RecordError, Recorder,
    RunId, TenantId, Timestamp,
};
use hudun_store::{Lease, RunEventRow, RunJournal, StoreError};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, broadcast};
use tokio::task::JoinSet;

use super::command::{Work, work};
use super::event::RunEvent;
use super::state::{RunState, RunView};

/// A run that nobody writes to for this long may be taken by another worker.
const LEASE_MS: i64 = 10 * 60_000;
/// A step without a time-out of its own.
const STEP_TIME: Duration = Duration::from_secs(300);
/// How many changes a slow listener may lag behind before it must look for itself.
const CHANGES: usize = 256;

/// Carries out playbook runs, each exactly once, across crashes.
///
/// Before an action its intent is in the journal, after it its outcome. A run that is resumed does a step again whose
/// outcome is missing, under the same key; the catalogue finds what it did before. Where the world can't tell, the step
/// waits for a person.
pub struct Runner {
    journal: RunJournal,
    catalogue: Arc<dyn Catalogue>,
    recorder: Arc<dyn Recorder>,
    holder: String,
    runs: Mutex<HashMap<RunId, Arc<Mutex<Live>>>>,
    changes: broadcast::Sender<RunId>,
}

struct Live {
    state: RunState,
    tenant: TenantId,
    lease: Lease,
    /// Threads of control that a task of this process works on.
    busy: Vec<u64>,
}

impl Runner {
    /// A runner. `holder` names this worker and stays the same across its restarts.
    pub fn new(
        journal: RunJournal,
        catalogue: Arc<dyn Catalogue>,
        recorder: Arc<dyn Recorder>,
        holder: impl Into<String>,
    ) -> Arc<Self> {
        Arc::new(Self {
            journal,
            catalogue,
            recorder,
            holder: holder.into(),
            runs: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES),
        })
    }

    /// Tells of every run that changed.
    pub fn changes(&self) -> broadcast::Receiver<RunId> {
        self.changes.subscribe()
    }

    /// Starts a run of this playbook.
    ///
    /// # Errors
    /// [`RunError::Playbook`] when the playbook has faults; nothing has started then.
    pub async fn start(
        self: &Arc<Self>,
        incident: IncidentId,
        tenant: TenantId,
        playbook: &[u8],
        variables: Vec<(String, String)>,
        by: &str,
    ) -> Result<RunId, RunError> {
        let canonical = check(playbook)?;
        let run = RunId::new();
        let event = RunEvent::Started {
            run,
            incident,
            sha256: hex::encode(Sha256::digest(&canonical)),
            playbook: canonical,
            variables,
            by: by.to_owned(),
        };
        let now = Timestamp::now();
        let state = RunState::begin(&event, now)?;
        let lease = self.take(run, now).await?;
        self.journal
            .append(&lease, now.as_millis() + LEASE_MS, &row(0, now, &event)?)
            .await?;
        self.record(&state, &tenant, by, "run.started", now, json!({
            "run": run, "playbook": state.playbook.id, "version": state.playbook.modified, "sha256": state.sha256,
        }))?;
        self.adopt(Live {
            state,
            tenant,
            lease,
            busy: Vec::new(),
        })
        .await;
        Ok(run)
    }

    /// Goes on with a run that this or another process left, unless another worker holds it.
    ///
    /// # Errors
    /// [`RunError::Held`], [`RunError::Journal`] when its journal can't be read.
    pub async fn resume(self: &Arc<Self>, run: RunId, tenant: TenantId) -> Result<(), RunError> {
        if self.runs.lock().await.contains_key(&run) {
            return Ok(());
        }
        // The lease first: what another worker still wrote until then must be in the state.
        let lease = self.take(run, Timestamp::now()).await?;
        let state = self.fold(run).await?;
        self.adopt(Live {
            state,
            tenant,
            lease,
            busy: Vec::new(),
        })
        .await;
        Ok(())
    }

    /// A person approves or declines the step that waits.
    ///
    /// # Errors
    /// [`RunError::NotWaiting`].
    pub async fn decide(
        self: &Arc<Self>,
        run: RunId,
        step: &str,
        approve: bool,
        by: &str,
        note: &str,
    ) -> Result<(), RunError> {
        let live = self
            .runs
            .lock()
            .await
            .get(&run)
            .cloned()
            .ok_or(RunError::NoSuchRun(run))?;
        {
            let mut live = live.lock().await;
            let token = live
                .state
                .waiting_at(step)
                .ok_or_else(|| RunError::NotWaiting(step.to_owned()))?;
            let outcome = if approve {
                Outcome::Succeeded
            } else {
                Outcome::Failed
            };
            let event = RunEvent::Ended {
                token,
                step: step.to_owned(),
                outcome,
                by: by.to_owned(),
                receipt: None,
                note: note.to_owned(),
            };
            self.write(&mut live, &event).await?;
        }
        self.go_on(live);
        Ok(())
    }

    /// The run as it stands.
    ///
    /// # Errors
    /// [`RunError::Journal`] when its journal can't be read.
    pub async fn view(&self, run: RunId) -> Result<RunView, RunError> {
        let live = self.runs.lock().await.get(&run).cloned();
        match live {
            Some(live) => Ok(live.lock().await.state.to_view()),
            None => Ok(self.fold(run).await?.to_view()),
        }
    }

    async fn take(&self, run: RunId, now: Timestamp) -> Result<Lease, RunError> {
        let until = now.as_millis() + LEASE_MS;
        let lease = self
            .journal
            .take(&run.to_string(), &self.holder, now.as_millis(), until)
            .await?;
        lease.ok_or(RunError::Held(run))
    }

    async fn fold(&self, run: RunId) -> Result<RunState, RunError> {
        let rows = self.journal.events(&run.to_string()).await?;
        let mut rows = rows.iter();
        let first = rows.next().ok_or(RunError::NoSuchRun(run))?;
        let mut state = RunState::begin(&read(first)?, Timestamp::from_millis(first.at))?;
        for row in rows {
            state.apply(&read(row)?, Timestamp::from_millis(row.at))?;
        }
        Ok(state)
    }

    async fn adopt(self: &Arc<Self>, live: Live) {
        let run = live.state.run;
        let live = Arc::new(Mutex::new(live));
        self.runs.lock().await.insert(run, Arc::clone(&live));
        self.go_on(live);
    }

    /// Works on everything that is ready, until the run is over or waits for people.
    fn go_on(self: &Arc<Self>, live: Arc<Mutex<Live>>) {
        let runner = Arc::clone(self);
        tokio::spawn(async move {
            let mut under_way = JoinSet::new();
            loop {
                let ready = {
                    let mut live = live.lock().await;
                    let ready: Vec<_> = live
                        .state
                        .ready()
                        .into_iter()
                        .filter(|(token, _)| !live.busy.contains(token))
                        .collect();
                    live.busy.extend(ready.iter().map(|(token, _)| *token));
                    ready
                };
                for (token, step) in ready {
                    let (runner, live) = (Arc::clone(&runner), Arc::clone(&live));
                    under_way.spawn(async move {
                        let result = runner.do_step(&live, token, &step).await;
                        live.lock().await.busy.retain(|busy| *busy != token);
                        result
                    });
                }
                match under_way.join_next().await {
                    None => return,
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => {
                        tracing::error!(%error, "a run can't go on; it is resumed at the next start");
                        return;
                    }
                    Some(Err(error)) => {
                        tracing::error!(%error, "a step's task died; the run is resumed at the next start");
                        return;
                    }
                }
            }
        });
    }

    async fn do_step(&self, live: &Mutex<Live>, token: u64, step_id: &str) -> Result<(), RunError> {
        let (todo, key, incident, by, time, delay) = {
            let mut live = live.lock().await;
            let step = live.state.step(step_id)?.clone();
            let todo = work(&step, &live.state.variables);
            let key = format!("{}/{step_id}/{token}", live.state.run);
            if !matches!(todo, Ok(Work::Nothing)) {
                let event = RunEvent::Intended {
                    token,
                    step: step_id.to_owned(),
                    key: key.clone(),
                };
                self.write(&mut live, &event).await?;
            }
            let time = step
                .timeout
                .and_then(|millis| u64::try_from(millis).ok())
                .map_or(STEP_TIME, Duration::from_millis);
            let delay = step
                .delay
                .and_then(|millis| u64::try_from(millis).ok())
                .map(Duration::from_millis);
            (
                todo,
                key,
                live.state.incident,
                live.state.started_by.clone(),
                time,
                delay,
            )
        };
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let event = match todo {
            Ok(Work::Nothing) => ended(token, step_id, Outcome::Succeeded, None, String::new()),
            Ok(Work::Person(because)) => RunEvent::Waiting {
                token,
                step: step_id.to_owned(),
                because,
            },
            Ok(Work::Act(action)) => {
                self.act(token, step_id, incident, &key, &by, action, time)
                    .await
            }
            Err(problem) => ended(token, step_id, Outcome::Failed, None, problem),
        };
        self.write(&mut *live.lock().await, &event).await
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one call, every argument a different thing"
    )]
    async fn act(
        &self,
        token: u64,
        step: &str,
        incident: IncidentId,
        key: &str,
        by: &str,
        action: Action,
        time: Duration,
    ) -> RunEvent {
        match tokio::time::timeout(time, self.catalogue.perform(incident, key, by, action)).await {
            Ok(Ok(receipt)) => ended(
                token,
                step,
                Outcome::Succeeded,
                Some(receipt),
                String::new(),
            ),
            Ok(Err(error @ ActionError::Unknown { .. })) => RunEvent::Waiting {
                token,
                step: step.to_owned(),
                because: format!("结果不明，请人工核实后批准或拒绝：{error}"),
            },
            Ok(Err(error)) => ended(token, step, Outcome::Failed, None, error.to_string()),
            Err(_) => ended(
                token,
                step,
                Outcome::TimedOut,
                None,
                format!("not done within {} s", time.as_secs()),
            ),
        }
    }

    /// Journals the event, then takes it into the state, then tells.
    async fn write(&self, live: &mut Live, event: &RunEvent) -> Result<(), RunError> {
        let now = Timestamp::now();
        let line = row(live.state.next_seq, now, event)?;
        self.journal
            .append(&live.lease, now.as_millis() + LEASE_MS, &line)
            .await?;
        live.state.apply(event, now)?;
        if let RunEvent::Ended {
            step,
            outcome,
            by,
            receipt,
            note,
            ..
        } = event
            && (receipt.is_some() || !note.is_empty() || by != "hudun")
        {
            let name = live.state.step(step)?.name.clone();
            let summary = receipt.as_ref().map(|receipt| receipt.summary.clone());
            let body = json!({
                "run": live.state.run, "step": step, "name": name, "outcome": outcome, "summary": summary, "note": note,
            });
            self.record(&live.state, &live.tenant, by, "run.step-ended", now, body)?;
        }
        if live.state.ended_at.is_some() {
            let body = json!({ "run": live.state.run, "ending": live.state.flow.ending() });
            self.record(&live.state, &live.tenant, "hudun", "run.ended", now, body)?;
            self.journal.give_back(&live.lease).await?;
        }
        let _nobody_listens = self.changes.send(live.state.run);
        Ok(())
    }

    fn record(
        &self,
        state: &RunState,
        tenant: &TenantId,
        by: &str,
        kind: &str,
        at: Timestamp,
        body: serde_json::Value,
    ) -> Result<(), RecordError> {
        self.recorder.record(LedgerDraft {
            at,
            tenant: Some(tenant.clone()),
            incident: Some(state.incident),
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        })?;
        Ok(())
    }
}

/// Checks a playbook and returns its canonical form.
fn check(playbook: &[u8]) -> Result<String, RunError> {
    let parsed =
        Playbook::parse(playbook).map_err(|cause| RunError::Playbook(cause.to_string()))?;
    let value = parsed
        .to_value()
        .map_err(|cause| RunError::Playbook(cause.to_string()))?;
    let problems = validate(&value, Mode::default());
    if !is_runnable(&problems) {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        return Err(RunError::Playbook(lines.join("; ")));
    }
    let canonical = parsed
        .canonical()
        .map_err(|cause| RunError::Playbook(cause.to_string()))?;
    String::from_utf8(canonical).map_err(|cause| RunError::Playbook(cause.to_string()))
}

fn ended(
    token: u64,
    step: &str,
    outcome: Outcome,
    receipt: Option<ActionReceipt>,
    note: String,
) -> RunEvent {
    RunEvent::Ended {
        token,
        step: step.to_owned(),
        outcome,
        by: "hudun".to_owned(),
        receipt,
        note,
    }
}

fn row(seq: u64, at: Timestamp, event: &RunEvent) -> Result<RunEventRow, RunError> {
    let body =
        serde_json::to_string(event).map_err(|cause| RunError::Journal(cause.to_string()))?;
    Ok(RunEventRow {
        seq,
        at: at.as_millis(),
        body,
    })
}

fn read(row: &RunEventRow) -> Result<RunEvent, RunError> {
    serde_json::from_str(&row.body)
        .map_err(|cause| RunError::Journal(format!("event {}: {cause}", row.seq)))
}

/// Why a run does not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The playbook has faults.
    #[error("the playbook can't be run: {0}")]
    Playbook(String),
    /// The journal is damaged.
    #[error("the run's journal is damaged: {0}")]
    Journal(String),
    /// There is no such run.
    #[error("there is no run {0}")]
    NoSuchRun(RunId),
    /// The step does not wait for anybody.
    #[error("step {0} does not wait for a decision; it may have been decided already")]
    NotWaiting(String),
    /// Another worker has it.
    #[error("run {0} is led by another worker")]
    Held(RunId),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
}
