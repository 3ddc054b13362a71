//! A run for people to look at: the steps that were reached, and those that would follow.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hudun_cacao::{CommandType, Ending, Playbook, Step, StepType};
use hudun_console::{DeskError, api, api::Role};
use hudun_core::{Incident, IncidentId, Stage, StepId, Text};
use hudun_respond::{RunView, StepState, StepView};

use super::error::{self, Got};
use crate::office::Office;

impl Office {
    /// The run of a case, once started.
    pub(super) async fn run_of(&self, incident: &Incident) -> Got<Option<RunView>> {
        match incident.run {
            Some(run) => Ok(Some(self.runner.view(run).await.map_err(error::run)?)),
            None => Ok(None),
        }
    }

    pub(super) async fn waiting(&self, id: IncidentId, step: StepId) -> Got<api::Waiting> {
        let incident = self.cases.get(id).await.map_err(error::case)?;
        let run = self
            .run_of(&incident)
            .await?
            .ok_or(DeskError::NotFound("run"))?;
        run.steps
            .iter()
            .find(|view| view.step == step.as_str() && view.state == StepState::Waiting)
            .map(waiting)
            .ok_or(DeskError::NotFound("waiting step"))
    }

    pub(super) fn run_view(&self, run: &RunView) -> api::RunView {
        let playbook = self
            .playbooks
            .get(&run.playbook_id)
            .map(|(_, playbook)| playbook);
        let mut steps: Vec<api::StepView> = Vec::new();
        for reached in &run.steps {
            let step = playbook.and_then(|playbook| playbook.workflow.get(&reached.step));
            if step.is_some_and(|step| step.type_ != StepType::Action)
                || (step.is_none() && !reached.step.starts_with("action--"))
            {
                continue;
            }
            let view = reached_step(reached, step);
            // A step that was done again shows its last round.
            match steps.iter_mut().find(|known| known.id == view.id) {
                Some(known) => *known = view,
                None => steps.push(view),
            }
        }
        let over = run.ended_at.is_some();
        if let Some(playbook) = playbook {
            let reached: BTreeSet<_> = steps.iter().map(|step| step.id.clone()).collect();
            let later = in_order(playbook)
                .into_iter()
                .filter(|(id, _)| !reached.contains(*id));
            steps.extend(later.map(|(id, step)| pending_step(id, step, over)));
        }
        let waits = steps.iter().any(|step| step.waiting.is_some());
        let runs = steps
            .iter()
            .any(|step| step.state == api::StepState::Running);
        let state = match (&run.ending, over) {
            (Some(Ending::Failed), _) => api::RunState::Failed,
            (Some(_), _) | (None, true) => api::RunState::Done,
            (None, false) if waits && !runs => api::RunState::Waiting,
            (None, false) => api::RunState::Running,
        };
        api::RunView {
            id: run.run,
            playbook: run.playbook_id.clone(),
            name: two_languages(&run.playbook),
            version: run.version.clone(),
            sha256: run.sha256.clone(),
            state,
            started_by: run.started_by.clone(),
            started_at: run.started_at,
            ended_at: run.ended_at,
            steps,
        }
    }

    /// The playbook that a case offers.
    pub(super) fn offer(&self, incident: &Incident) -> Option<api::PlaybookOffer> {
        let id = incident
            .playbook
            .as_deref()
            .or_else(|| self.playbooks.first())?;
        let (_, playbook) = self.playbooks.get(id)?;
        Some(api::PlaybookOffer {
            id: playbook.id.clone(),
            name: two_languages(&playbook.name),
            version: playbook.modified.clone(),
            steps: in_order(playbook)
                .into_iter()
                .map(|(id, step)| step.name.clone().unwrap_or_else(|| id.to_owned()))
                .collect(),
        })
    }
}

/// How many steps wait for a person.
pub(super) fn waiting_steps(run: &RunView) -> u32 {
    let waiting = run
        .steps
        .iter()
        .filter(|step| step.state == StepState::Waiting)
        .count();
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

fn reached_step(view: &StepView, step: Option<&Step>) -> api::StepView {
    let action = step.and_then(action_of);
    let state = match view.state {
        StepState::Running => api::StepState::Running,
        StepState::Waiting if action.is_some() => api::StepState::Unknown,
        StepState::Waiting => api::StepState::Waiting,
        StepState::Done => api::StepState::Done,
        StepState::Failed => api::StepState::Failed,
    };
    let failed = view.state == StepState::Failed;
    api::StepView {
        id: view.step.clone(),
        name: two_languages(&view.name),
        stage: stage_of(action.as_deref(), &view.agent),
        action,
        state,
        started_at: Some(view.began_at),
        ended_at: view.ended_at,
        waiting: (view.state == StepState::Waiting).then(|| waiting(view)),
        receipt: view.receipt.as_ref().map_or_else(
            || {
                let note = view.note.trim();
                (view.state == StepState::Done && !note.is_empty()).then(|| two_languages(note))
            },
            |receipt| Some(receipt.summary.clone()),
        ),
        error: (failed && !view.note.is_empty()).then(|| view.note.clone()),
    }
}

fn pending_step(id: &str, step: &Step, over: bool) -> api::StepView {
    let action = action_of(step);
    api::StepView {
        id: id.to_owned(),
        name: two_languages(step.name.as_deref().unwrap_or(id)),
        stage: stage_of(action.as_deref(), ""),
        action,
        state: if over {
            api::StepState::Skipped
        } else {
            api::StepState::Pending
        },
        started_at: None,
        ended_at: None,
        waiting: None,
        receipt: None,
        error: None,
    }
}

fn waiting(view: &StepView) -> api::Waiting {
    let roles = match view.agent.as_str() {
        "it" => vec![Role::Commander, Role::It],
        "legal" => vec![Role::Commander, Role::Legal],
        "pr" => vec![Role::Commander, Role::Pr],
        "business" => vec![Role::Commander, Role::Business],
        _ => vec![Role::Commander, Role::Security],
    };
    api::Waiting {
        roles,
        question: two_languages(&view.note),
        since: view.began_at,
        due_at: None,
    }
}

/// The steps that do something, in the order in which they run when nothing fails; those of failure branches last.
fn in_order(playbook: &Playbook) -> Vec<(&str, &Step)> {
    let mut queue = VecDeque::from([playbook.workflow_start.as_str()]);
    let mut failures = VecDeque::new();
    let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
    let mut ordered = Vec::new();
    while let Some(id) = queue.pop_front().or_else(|| failures.pop_front()) {
        let Some((id, step)) = playbook.workflow.get_key_value(id) else {
            continue;
        };
        if seen.insert(id, ()).is_some() {
            continue;
        }
        if step.type_ == StepType::Action {
            ordered.push((id.as_str(), step));
        }
        queue.extend(step.next_steps.iter().flatten().map(String::as_str));
        queue.extend(
            [&step.on_completion, &step.on_success, &step.on_true]
                .into_iter()
                .flatten()
                .map(String::as_str),
        );
        queue.extend(
            step.cases
                .iter()
                .flat_map(|cases| cases.values())
                .map(String::as_str),
        );
        failures.extend(
            [&step.on_failure, &step.on_false]
                .into_iter()
                .flatten()
                .map(String::as_str),
        );
    }
    ordered
}

fn action_of(step: &Step) -> Option<String> {
    let command = step.commands.as_ref()?.first()?;
    if command.type_ != CommandType::HttpApi {
        return None;
    }
    let content: serde_json::Value = serde_json::from_str(command.content.as_deref()?).ok()?;
    Some(content.get("action")?.as_str()?.to_owned())
}

fn stage_of(action: Option<&str>, agent: &str) -> Option<Stage> {
    match action {
        Some(
            "isolate-module" | "revoke-sessions" | "freeze-account" | "verify-containment" | "lift",
        ) => Some(Stage::Contain),
        Some("assess-scope" | "assess-duties") => Some(Stage::Analyze),
        Some("draft-patch" | "enforce-patch" | "verify-repair") => Some(Stage::Repair),
        Some("draft-notices") => Some(Stage::Inform),
        Some("write-retrospective") => Some(Stage::Prevent),
        Some(_) => None,
        None if agent == "it" => Some(Stage::Repair),
        None => Some(Stage::Respond),
    }
}

/// `中文 / English` in two; text without the mark is the same in both.
pub(super) fn two_languages(text: &str) -> Text {
    match text.split_once(" / ") {
        Some((zh, en)) => Text::new(zh.trim(), en.trim()),
        None => Text::new(text, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_built_in_playbook_come_in_the_order_of_work() {
        let text = include_bytes!("../../../../playbooks/stolen-account.json");
        let playbook = Playbook::parse(text).unwrap();
        let actions: Vec<_> = in_order(&playbook)
            .iter()
            .filter_map(|(_, step)| action_of(step))
            .collect();
        let place = |name: &str| actions.iter().position(|action| action == name).unwrap();
        assert!(place("freeze-account") < place("verify-containment"));
        assert!(place("verify-containment") < place("assess-scope"));
        assert!(place("assess-duties") < place("draft-patch"));
        assert!(place("enforce-patch") < place("verify-repair"));
        assert_eq!(place("write-retrospective"), actions.len() - 1);
    }
}
