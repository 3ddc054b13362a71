//! Opening cases from findings, and keeping them true.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use hudun_core::{
    Finding, Grade, Incident, IncidentId, IncidentState, LedgerDraft, RecordError, Recorder, Task,
    TaskState, TenantId, TimelineMark, Timestamp,
};
use hudun_store::{Collection, Store, StoreError};
use serde_json::json;
use tokio::sync::Mutex;

use crate::ResponseRules;

/// How long a finding that opened no case waits for one of the same actor.
const MEMORY_MS: i64 = 60 * 60_000;
/// How many such findings wait.
const WAITING: usize = 10_000;
/// A new finding joins a case of the same actor that opened at most this long ago.
const JOIN_MS: i64 = 24 * 60 * 60_000;

/// All cases.
pub struct Cases {
    rules: ResponseRules,
    incidents: Collection<Incident>,
    findings: Collection<Finding>,
    tasks: Collection<Task>,
    recorder: Arc<dyn Recorder>,
    state: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    waiting: VecDeque<Finding>,
    open: HashMap<(TenantId, String), IncidentId>,
}

/// What a finding led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It was noted; no case.
    Noted,
    /// It joined an open case.
    Joined {
        /// The case as it is now.
        incident: Box<Incident>,
        /// Whether the grade went up.
        graver: bool,
    },
    /// It opened a case.
    Opened(Box<Incident>),
}

impl Cases {
    /// The cases of the store.
    ///
    /// # Errors
    /// [`CaseError::Store`].
    pub async fn open(
        store: &Store,
        rules: ResponseRules,
        recorder: Arc<dyn Recorder>,
    ) -> Result<Self, CaseError> {
        let incidents = store.collection::<Incident>();
        let findings = store.collection::<Finding>();
        let mut memory = Memory::default();
        // Newest first: what comes next joins the newest case of its actor.
        for incident in incidents.newest(1_000).await? {
            if incident.state == IncidentState::Closed {
                continue;
            }
            let mut actors: BTreeSet<String> =
                incident.suspects.iter().map(ToString::to_string).collect();
            // An asset, an address: not every actor is an account that can be suspected.
            for id in &incident.findings {
                let finding = findings.get(&id.to_string()).await?;
                actors.extend(finding.map(|finding| finding.actor.name()));
            }
            for actor in actors {
                let key = (incident.tenant.clone(), actor);
                memory.open.entry(key).or_insert(incident.id);
            }
        }
        Ok(Self {
            rules,
            incidents,
            findings,
            tasks: store.collection(),
            recorder,
            state: Mutex::new(memory),
        })
    }

    /// Takes a finding in: opens a case, joins one, or only notes it.
    ///
    /// # Errors
    /// [`CaseError`]; the finding is then not taken in and may be given again.
    pub async fn take_in(
        &self,
        finding: Finding,
        playbook: Option<&str>,
        drill: bool,
    ) -> Result<Intake, CaseError> {
        let mut memory = self.state.lock().await;
        self.findings.put(&finding).await?;
        let key = (finding.tenant.clone(), finding.actor.name());
        if let Some(&open) = memory.open.get(&key)
            && let Some(intake) = self.join(open, &finding).await?
        {
            return Ok(intake);
        }
        if !self.rules.opens(finding.level) {
            if memory.waiting.len() == WAITING {
                memory.waiting.pop_front();
            }
            memory.waiting.push_back(finding);
            return Ok(Intake::Noted);
        }
        let mut chain: Vec<Finding> = memory
            .waiting
            .iter()
            .filter(|earlier| {
                earlier.tenant == finding.tenant && earlier.actor.name() == finding.actor.name()
            })
            .filter(|earlier| finding.at.millis_since(earlier.at) <= MEMORY_MS)
            .cloned()
            .collect();
        chain.push(finding);
        let incident = self.open_case(&chain, playbook, drill).await?;
        memory
            .waiting
            .retain(|earlier| !incident.findings.contains(&earlier.id));
        memory.open.insert(key, incident.id);
        Ok(Intake::Opened(Box::new(incident)))
    }

    /// One case.
    ///
    /// # Errors
    /// [`CaseError::NoSuchCase`], [`CaseError::Store`].
    pub async fn get(&self, id: IncidentId) -> Result<Incident, CaseError> {
        self.incidents
            .get(&id.to_string())
            .await?
            .ok_or(CaseError::NoSuchCase(id))
    }

    /// The newest cases, newest first.
    ///
    /// # Errors
    /// [`CaseError::Store`].
    pub async fn newest(&self, limit: u32) -> Result<Vec<Incident>, CaseError> {
        Ok(self.incidents.newest(limit).await?)
    }

    /// The newest findings, newest first.
    ///
    /// # Errors
    /// [`CaseError::Store`].
    pub async fn newest_findings(&self, limit: u32) -> Result<Vec<Finding>, CaseError> {
        Ok(self.findings.newest(limit).await?)
    }

    /// The findings of a case, oldest first.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn findings(&self, incident: &Incident) -> Result<Vec<Finding>, CaseError> {
        let mut found = Vec::new();
        for id in &incident.findings {
            found.extend(self.findings.get(&id.to_string()).await?);
        }
        Ok(found)
    }

    /// Sets a mark of the case's timeline, once.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn mark(
        &self,
        id: IncidentId,
        mark: TimelineMark,
        at: Timestamp,
    ) -> Result<Incident, CaseError> {
        self.change(id, |incident| {
            incident.set_mark(mark, at);
        })
        .await
    }

    /// Changes a case; the caller records why.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn change(
        &self,
        id: IncidentId,
        change: impl FnMut(&mut Incident) + Send,
    ) -> Result<Incident, CaseError> {
        self.incidents
            .update(&id.to_string(), change)
            .await?
            .ok_or(CaseError::NoSuchCase(id))
    }

    /// A person takes the case.
    ///
    /// # Errors
    /// [`CaseError`].
    pub async fn acknowledge(
        &self,
        id: IncidentId,
        by: &str,
        at: Timestamp,
    ) -> Result<Incident, CaseError> {
        let before = self.get(id).await?;
        if before.mark(TimelineMark::Acknowledged).is_some() {
            return Ok(before);
        }
        self.record(&before, "incident.acknowledged", by, at, json!({}))?;
        self.change(id, |incident| {
            incident.set_mark(TimelineMark::Acknowledged, at);
            if incident.state == IncidentState::Open {
                incident.state = IncidentState::Handling;
            }
        })
        .await
    }

    /// Closes a case.
    ///
    /// # Errors
    /// [`CaseError::OpenTasks`] while tasks are open.
    pub async fn close(
        &self,
        id: IncidentId,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Incident, CaseError> {
        let open = self
            .tasks(id)
            .await?
            .iter()
            .filter(|task| !task.is_over())
            .count();
        if open > 0 {
            return Err(CaseError::OpenTasks(open));
        }
        let before = self.get(id).await?;
        self.record(&before, "incident.closed", by, at, json!({ "note": note }))?;
        let closed = self
            .change(id, |incident| {
                incident.set_mark(TimelineMark::Closed, at);
                incident.state = IncidentState::Closed;
            })
            .await?;
        self.state.lock().await.open.retain(|_, open| *open != id);
        Ok(closed)
    }

    /// The tasks of a case, the most urgent first.
    ///
    /// # Errors
    /// [`CaseError::Store`].
    pub async fn tasks(&self, incident: IncidentId) -> Result<Vec<Task>, CaseError> {
        Ok(self.tasks.of(&incident.to_string()).await?)
    }

    /// Gives a case one more task. `why` says on the ledger where it came from; it may hold nothing personal.
    ///
    /// # Errors
    /// [`CaseError::NoSuchCase`], [`CaseError::Record`], [`CaseError::Store`].
    pub async fn add_task(
        &self,
        task: &Task,
        kind: &str,
        by: &str,
        why: serde_json::Value,
    ) -> Result<(), CaseError> {
        let incident = self.get(task.incident).await?;
        let body = json!({ "task": task.id, "department": task.department, "due_at": task.due_at, "why": why });
        self.record(&incident, kind, by, task.changed_at, body)?;
        self.tasks.put(task).await?;
        Ok(())
    }

    /// A person moves a task.
    ///
    /// # Errors
    /// [`CaseError::NoSuchTask`], [`CaseError::NoteNeeded`] when it is dropped without saying why.
    pub async fn move_task(
        &self,
        id: &str,
        to: TaskState,
        by: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Task, CaseError> {
        if to == TaskState::Dropped && note.trim().is_empty() {
            return Err(CaseError::NoteNeeded);
        }
        let task = self
            .tasks
            .update(id, |task| {
                task.state = to;
                task.by = Some(by.to_owned());
                task.changed_at = at;
                if !note.is_empty() {
                    note.clone_into(&mut task.note);
                }
            })
            .await?
            .ok_or_else(|| CaseError::NoSuchTask(id.to_owned()))?;
        let incident = self.get(task.incident).await?;
        let body =
            json!({ "task": task.id, "department": task.department, "state": to, "note": note });
        self.record(&incident, "task.changed", by, at, body)?;
        Ok(task)
    }

    async fn join(&self, id: IncidentId, finding: &Finding) -> Result<Option<Intake>, CaseError> {
        let Some(before) = self.incidents.get(&id.to_string()).await? else {
            return Ok(None);
        };
        let too_late = finding.at.millis_since(before.opened_at) > JOIN_MS;
        if before.state == IncidentState::Closed || too_late {
            return Ok(None);
        }
        let mut fired: BTreeSet<String> = self
            .findings(&before)
            .await?
            .into_iter()
            .map(|earlier| earlier.rule)
            .collect();
        fired.insert(finding.rule.clone());
        let (grade, rows) = self.rules.grade(&fired);
        let body = json!({ "finding": finding.id, "rule": finding.rule, "why": finding.why, "grade": grade });
        self.record(
            &before,
            "incident.finding-joined",
            "hudun",
            finding.at,
            body,
        )?;
        let incident = self
            .change(id, |incident| {
                if !incident.findings.contains(&finding.id) {
                    incident.findings.push(finding.id);
                }
                if !incident.modules.contains(&finding.module) {
                    incident.modules.push(finding.module.clone());
                }
                incident.grade = incident.grade.max(grade);
                incident.rows.clone_from(&rows);
            })
            .await?;
        let graver = incident.grade > before.grade;
        Ok(Some(Intake::Joined {
            incident: Box::new(incident),
            graver,
        }))
    }

    async fn open_case(
        &self,
        chain: &[Finding],
        playbook: Option<&str>,
        drill: bool,
    ) -> Result<Incident, CaseError> {
        let Some(last) = chain.last() else {
            return Err(CaseError::NoFinding);
        };
        let fired: BTreeSet<String> = chain.iter().map(|finding| finding.rule.clone()).collect();
        let (grade, rows) = self.rules.grade(&fired);
        let mut modules = Vec::new();
        for finding in chain.iter().rev() {
            if !modules.contains(&finding.module) {
                modules.push(finding.module.clone());
            }
        }
        let mut incident = Incident {
            id: IncidentId::new(),
            tenant: last.tenant.clone(),
            title: last.title.clone(),
            grade,
            rows,
            state: IncidentState::Open,
            suspects: last.actor.account.iter().cloned().collect(),
            modules,
            findings: chain.iter().map(|finding| finding.id).collect(),
            playbook: (grade == Grade::High)
                .then(|| playbook.map(str::to_owned))
                .flatten(),
            run: None,
            opened_at: last.at,
            marks: Vec::new(),
            drill,
        };
        let onset = chain
            .iter()
            .map(|finding| finding.triggered_at)
            .min()
            .unwrap_or(last.triggered_at);
        incident.set_mark(TimelineMark::Onset, onset);
        incident.set_mark(
            TimelineMark::Detected,
            chain.first().map_or(last.at, |first| first.at),
        );
        for finding in chain {
            let body = json!({
                "finding": finding.id, "rule": finding.rule, "level": finding.level, "title": finding.title,
                "why": finding.why, "actor": finding.actor, "evidence": finding.evidence,
            });
            self.record(&incident, "finding.concluded", "hudun", finding.at, body)?;
        }
        let body = json!({ "title": incident.title, "grade": grade, "rows": incident.rows, "suspects": incident.suspects,
            "modules": incident.modules });
        self.record(&incident, "incident.opened", "hudun", last.at, body)?;
        self.incidents.put(&incident).await?;
        for task in self.rules.tasks(incident.id, last.at) {
            self.tasks.put(&task).await?;
        }
        Ok(incident)
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

/// What can go wrong with a case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is no such case.
    #[error("there is no case {0}")]
    NoSuchCase(IncidentId),
    /// There is no such task.
    #[error("there is no task {0}")]
    NoSuchTask(String),
    /// A task was dropped without a word.
    #[error("say why the task is not needed")]
    NoteNeeded,
    /// The case still has open tasks.
    #[error("{0} tasks are still open; finish them or drop them with a note")]
    OpenTasks(usize),
    /// A case without a finding.
    #[error("a case needs a finding")]
    NoFinding,
}
