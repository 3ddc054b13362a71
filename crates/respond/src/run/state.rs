//! A run's state: the fold over its journal.

use std::collections::BTreeMap;

use hudun_cacao::{Ending, Outcome, Playbook, Run, Step, Variable, Variables, Walker};
use hudun_core::{ActionReceipt, IncidentId, RunId, Timestamp};
use serde::Serialize;

use super::event::RunEvent;
use super::runner::RunError;

/// Everything known about a run.
#[derive(Clone, Debug)]
pub(super) struct RunState {
    pub(super) run: RunId,
    pub(super) incident: IncidentId,
    pub(super) playbook: Playbook,
    pub(super) sha256: String,
    pub(super) started_by: String,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) flow: Run,
    pub(super) variables: Variables,
    pub(super) next_seq: u64,
    pub(super) steps: Vec<StepView>,
    waiting: BTreeMap<u64, String>,
}

/// A run for people to look at.
#[derive(Clone, Debug, Serialize)]
pub struct RunView {
    /// The run.
    pub run: RunId,
    /// The case.
    pub incident: IncidentId,
    /// The playbook's name.
    pub playbook: String,
    /// The playbook's CACAO id.
    pub playbook_id: String,
    /// Its version: the `modified` moment.
    pub version: String,
    /// SHA-256 of its canonical form.
    pub sha256: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How it ended: `completed`, `handled`, `failed`.
    pub ending: Option<Ending>,
    /// The steps that were reached, in order.
    pub steps: Vec<StepView>,
}

/// One step that was reached.
#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    /// The thread of control; two rounds of one step have two.
    pub token: u64,
    /// The step's CACAO id.
    pub step: String,
    /// Its name.
    pub name: String,
    /// Who does it: `hudun`, or a department.
    pub agent: String,
    /// Where it stands.
    pub state: StepState,
    /// Since when.
    pub began_at: Timestamp,
    /// Until when.
    pub ended_at: Option<Timestamp>,
    /// Who did or decided it.
    pub by: Option<String>,
    /// What it left behind.
    pub receipt: Option<ActionReceipt>,
    /// What it waits for, what went wrong, or what the person wrote.
    pub note: String,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Being done.
    Running,
    /// Waits for a person.
    Waiting,
    /// Done.
    Done,
    /// Failed or declined.
    Failed,
}

impl RunState {
    pub(super) fn begin(event: &RunEvent, at: Timestamp) -> Result<Self, RunError> {
        let RunEvent::Started {
            run,
            incident,
            sha256,
            playbook,
            variables,
            by,
        } = event
        else {
            return Err(RunError::Journal(
                "a run's journal begins with its start".to_owned(),
            ));
        };
        let playbook = Playbook::parse(playbook.as_bytes())
            .map_err(|cause| RunError::Playbook(cause.to_string()))?;
        let mut values = playbook.playbook_variables.clone().unwrap_or_default();
        for (name, value) in variables {
            values.insert(name.clone(), Variable::new("string", value));
        }
        let flow = Run::begin(&Walker::new(&playbook));
        Ok(Self {
            run: *run,
            incident: *incident,
            playbook,
            sha256: sha256.clone(),
            started_by: by.clone(),
            started_at: at,
            ended_at: None,
            flow,
            variables: values,
            next_seq: 1,
            steps: Vec::new(),
            waiting: BTreeMap::new(),
        })
    }

    /// Takes in one more line of the journal.
    pub(super) fn apply(&mut self, event: &RunEvent, at: Timestamp) -> Result<(), RunError> {
        self.next_seq += 1;
        match event {
            RunEvent::Started { .. } => Err(RunError::Journal("a run starts once".to_owned())),
            RunEvent::Intended { token, step, .. } => {
                self.view(*token, step, at).state = StepState::Running;
                Ok(())
            }
            RunEvent::Waiting {
                token,
                step,
                because,
            } => {
                let view = self.view(*token, step, at);
                view.state = StepState::Waiting;
                view.note.clone_from(because);
                self.waiting.insert(*token, step.clone());
                Ok(())
            }
            RunEvent::Ended {
                token,
                step,
                outcome,
                by,
                receipt,
                note,
            } => {
                let view = self.view(*token, step, at);
                view.state = if *outcome == Outcome::Succeeded {
                    StepState::Done
                } else {
                    StepState::Failed
                };
                view.ended_at = Some(at);
                view.by = Some(by.clone());
                view.receipt.clone_from(receipt);
                view.note.clone_from(note);
                self.waiting.remove(token);
                self.advance(*token, *outcome, at)
            }
        }
    }

    fn advance(&mut self, token: u64, outcome: Outcome, at: Timestamp) -> Result<(), RunError> {
        let walker = Walker::new(&self.playbook);
        let moved = self.flow.advance(&walker, token, outcome, &self.variables).or_else(|error| {
            // An undecidable condition or a reached bound is a failure of the step, not of the program.
            tracing::warn!(run = %self.run, token, %error, "the step's way on can't be decided; it counts as failed");
            self.flow.advance(&walker, token, Outcome::Failed, &self.variables)
        });
        let moved = moved.map_err(|cause| RunError::Journal(cause.to_string()))?;
        for given_up in moved.given_up {
            self.waiting.remove(&given_up);
        }
        if moved.ended.is_some() {
            self.ended_at = Some(at);
        }
        Ok(())
    }

    /// Threads of control that nobody works on and that don't wait for a person, with their steps.
    pub(super) fn ready(&self) -> Vec<(u64, String)> {
        self.flow
            .active()
            .iter()
            .filter(|(token, _)| !self.waiting.contains_key(token))
            .map(|(&token, position)| (token, position.step.clone()))
            .collect()
    }

    /// The thread of control in which this step waits.
    pub(super) fn waiting_at(&self, step: &str) -> Option<u64> {
        self.waiting
            .iter()
            .find(|(_, at)| at.as_str() == step)
            .map(|(&token, _)| token)
    }

    pub(super) fn step(&self, id: &str) -> Result<&Step, RunError> {
        self.playbook
            .workflow
            .get(id)
            .ok_or_else(|| RunError::Journal(format!("the playbook has no step {id}")))
    }

    pub(super) fn to_view(&self) -> RunView {
        RunView {
            run: self.run,
            incident: self.incident,
            playbook: self.playbook.name.clone(),
            playbook_id: self.playbook.id.clone(),
            version: self.playbook.modified.clone(),
            sha256: self.sha256.clone(),
            started_by: self.started_by.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            ending: self.flow.ending(),
            steps: self.steps.clone(),
        }
    }

    fn view(&mut self, token: u64, step: &str, at: Timestamp) -> &mut StepView {
        let known = self.steps.iter().position(|view| view.token == token);
        let index = known.unwrap_or_else(|| {
            let definition = self.playbook.workflow.get(step);
            let name = definition
                .and_then(|step| step.name.clone())
                .unwrap_or_else(|| step.to_owned());
            let agent = definition
                .and_then(|step| step.agent.as_ref())
                .and_then(|agent| self.playbook.agent_definitions.as_ref()?.get(agent))
                .map_or_else(|| "hudun".to_owned(), |agent| agent.name.clone());
            self.steps.push(StepView {
                token,
                step: step.to_owned(),
                name,
                agent,
                state: StepState::Running,
                began_at: at,
                ended_at: None,
                by: None,
                receipt: None,
                note: String::new(),
            });
            self.steps.len() - 1
        });
        &mut self.steps[index]
    }
}
