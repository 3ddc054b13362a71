//! Playbook runs: the shipped playbook, branches, waiting, failure, and a crash at every line of the journal.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_core::{
    Action, ActionError, ActionOutcome, ActionReceipt, BoxFuture, Catalogue, IncidentId,
    LedgerDraft, RecordError, Recorder, RunId, Text,
};
use hudun_respond::{RunView, Runner, StepState};
use hudun_store::Store;

const PLAYBOOK: &[u8] = include_bytes!("../../../playbooks/stolen-account.json");

/// A world that remembers what was done under which key, as every action of the catalogue must.
#[derive(Default)]
struct World {
    done: Mutex<HashMap<String, u32>>,
    effects: Mutex<Vec<&'static str>>,
    fails: Mutex<Vec<&'static str>>,
}

impl Catalogue for World {
    fn perform<'a>(
        &'a self,
        _incident: IncidentId,
        key: &'a str,
        _by: &'a str,
        action: Action,
    ) -> BoxFuture<'a, Result<ActionReceipt, ActionError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut fails = self.fails.lock().unwrap();
            if let Some(at) = fails.iter().position(|name| *name == action.name()) {
                fails.remove(at);
                return Err(ActionError::Failed {
                    action: action.name(),
                    cause: "as told".to_owned(),
                });
            }
            let mut done = self.done.lock().unwrap();
            let times = done.entry(key.to_owned()).or_default();
            *times += 1;
            let outcome = if *times == 1 {
                self.effects.lock().unwrap().push(action.name());
                ActionOutcome::Done
            } else {
                ActionOutcome::AlreadyDone
            };
            let summary = Text::new("完成", "done");
            Ok(ActionReceipt {
                outcome,
                summary,
                undo: None,
                detail: serde_json::Value::Null,
            })
        })
    }
}

struct Silent;

impl Recorder for Silent {
    fn record(&self, _: LedgerDraft) -> Result<u64, RecordError> {
        Ok(0)
    }
}

fn variables() -> Vec<(String, String)> {
    vec![
        ("__account__".into(), "mei@yunxi".into()),
        ("__tenant__".into(), "yunxi".into()),
        ("__incident__".into(), "i".into()),
    ]
}

async fn until(runner: &Runner, run: RunId, ready: impl Fn(&RunView) -> bool) -> RunView {
    for _ in 0..2_000 {
        let view = runner.view(run).await.unwrap();
        if ready(&view) {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("stuck: {:#?}", runner.view(run).await.unwrap());
}

fn waiting(view: &RunView) -> Option<String> {
    view.steps
        .iter()
        .find(|step| step.state == StepState::Waiting)
        .map(|step| step.step.clone())
}

async fn approve_all(runner: &Arc<Runner>, run: RunId) -> RunView {
    loop {
        let view = until(runner, run, |view| {
            view.ended_at.is_some() || waiting(view).is_some()
        })
        .await;
        let Some(step) = waiting(&view) else {
            return view;
        };
        runner
            .decide(run, &step, true, "gao.yuan", "checked")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_shipped_playbook_runs_to_its_end() {
    let store = Store::in_memory().await.unwrap();
    let world = Arc::new(World::default());
    let runner = Runner::new(store.run_journal(), world.clone(), Arc::new(Silent), "a");
    let run = runner
        .start(
            IncidentId::new(),
            "yunxi".parse().unwrap(),
            PLAYBOOK,
            variables(),
            "lin.lan",
        )
        .await
        .unwrap();
    let view = approve_all(&runner, run).await;
    assert_eq!(view.ending, Some(hudun_cacao::Ending::Completed));
    let effects = world.effects.lock().unwrap().clone();
    let place = |name| effects.iter().position(|done| *done == name).unwrap();
    assert!(place("freeze-account") < place("verify-containment"));
    assert!(place("isolate-module") < place("verify-containment"));
    assert!(place("assess-scope") < place("draft-notices"));
    assert!(place("enforce-patch") < place("verify-repair"));
    assert_eq!(effects.last(), Some(&"write-retrospective"));
}

#[tokio::test]
async fn a_failure_takes_its_branch() {
    let store = Store::in_memory().await.unwrap();
    let world = Arc::new(World::default());
    world
        .fails
        .lock()
        .unwrap()
        .extend(["freeze-account", "verify-repair"]);
    let runner = Runner::new(store.run_journal(), world.clone(), Arc::new(Silent), "a");
    let run = runner
        .start(
            IncidentId::new(),
            "yunxi".parse().unwrap(),
            PLAYBOOK,
            variables(),
            "lin.lan",
        )
        .await
        .unwrap();
    let view = until(&runner, run, |view| waiting(view).is_some()).await;
    let by_hand = view
        .steps
        .iter()
        .find(|step| step.state == StepState::Waiting)
        .unwrap();
    assert!(by_hand.name.contains("Contain by hand"), "{}", by_hand.name);
    let view = approve_all(&runner, run).await;
    assert_eq!(view.ending, Some(hudun_cacao::Ending::Completed));
    let fixes = view
        .steps
        .iter()
        .filter(|step| step.name.contains("Fix the SCRM"))
        .count();
    assert_eq!(
        fixes, 2,
        "a repair that is not proven goes back to the people who repair"
    );
}

/// The process dies after any number of journal lines; another one goes on. Nothing is done twice, nothing is lost.
#[tokio::test]
async fn a_crash_at_any_line_of_the_journal_is_survived() {
    for lines in 1..60 {
        let store = Store::in_memory().await.unwrap();
        let world = Arc::new(World::default());
        let journal = store.run_journal();
        let tenant = || "yunxi".parse().unwrap();
        let run = {
            let first = Runner::new(journal.clone(), world.clone(), Arc::new(Silent), "node");
            let run = first
                .start(
                    IncidentId::new(),
                    tenant(),
                    PLAYBOOK,
                    variables(),
                    "lin.lan",
                )
                .await
                .unwrap();
            loop {
                let view = first.view(run).await.unwrap();
                if view.ended_at.is_some()
                    || journal.events(&run.to_string()).await.unwrap().len() >= lines
                {
                    break;
                }
                match waiting(&view) {
                    Some(step) => first
                        .decide(run, &step, true, "gao.yuan", "")
                        .await
                        .unwrap(),
                    None => tokio::task::yield_now().await,
                }
            }
            run
        };
        // The first runner is not told to stop: its next write must be refused, for the fence has moved on.
        let second = Runner::new(journal, world.clone(), Arc::new(Silent), "node");
        second.resume(run, tenant()).await.unwrap();
        let view = approve_all(&second, run).await;
        assert_eq!(
            view.ending,
            Some(hudun_cacao::Ending::Completed),
            "after {lines} lines"
        );
        let mut effects = world.effects.lock().unwrap().clone();
        effects.sort_unstable();
        let all = effects.len();
        effects.dedup();
        assert_eq!(
            (all, effects.len()),
            (12, 11),
            "after {lines} lines: isolate-module twice, everything else once"
        );
    }
}

#[tokio::test]
async fn a_playbook_with_faults_does_not_start() {
    let store = Store::in_memory().await.unwrap();
    let runner = Runner::new(
        store.run_journal(),
        Arc::new(World::default()),
        Arc::new(Silent),
        "a",
    );
    let broken = String::from_utf8_lossy(PLAYBOOK).replace(
        "\"workflow_start\": \"start--",
        "\"workflow_start\": \"start--0",
    );
    let started = runner
        .start(
            IncidentId::new(),
            "t".parse().unwrap(),
            broken.as_bytes(),
            variables(),
            "x",
        )
        .await;
    assert!(started.is_err());
}
