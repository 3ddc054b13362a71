//! Random valid graphs: they validate, survive a round trip, and the walker does what a plain reading of
//! the same program does.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;

use hudun_cacao::{
    Difference, Ending, Fault, Mode, Outcome, Playbook, Run, StepType, Variable, Variables, Walker,
    diff, validate,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A program that has the shape of a playbook.
#[derive(Clone, Debug)]
enum Block {
    /// Whether it succeeds, and what is done about a failure.
    Action(bool, Option<Vec<Self>>),
    If(bool, Vec<Self>, Option<Vec<Self>>),
    /// Rounds.
    While(u8, Vec<Self>),
    Switch(u8, Vec<Vec<Self>>),
    Parallel(Vec<Vec<Self>>),
}

fn programs() -> impl Strategy<Value = Vec<Block>> {
    let action =
        prop_oneof![4 => Just(true), 1 => Just(false)].prop_map(|ok| Block::Action(ok, None));
    let block = action.prop_recursive(4, 24, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            2 => (any::<bool>(), prop::option::of(list())).prop_map(|(ok, h)| Block::Action(ok, h)),
            1 => (any::<bool>(), list(), prop::option::of(list())).prop_map(|(c, t, e)| Block::If(c, t, e)),
            1 => (0u8..3, list()).prop_map(|(n, body)| Block::While(n, body)),
            1 => (0u8..4, prop::collection::vec(list(), 1..3)).prop_map(|(n, cases)| Block::Switch(n, cases)),
            1 => prop::collection::vec(list(), 2..4).prop_map(Block::Parallel),
        ]
    });
    prop::collection::vec(block, 0..5)
}

/// Builds the workflow; every branch gets an end of its own.
#[derive(Default)]
struct Builder {
    steps: serde_json::Map<String, Value>,
    variables: serde_json::Map<String, Value>,
    outcomes: BTreeMap<String, bool>,
    count: u32,
}

impl Builder {
    fn id(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}--61a6c41e-6efc-4516-a242-{:012x}", self.count)
    }

    fn put(&mut self, id: String, kind: &str, mut step: Value) -> String {
        step["type"] = json!(kind);
        self.steps.insert(id.clone(), step);
        id
    }

    fn sequence(&mut self, blocks: &[Block]) -> String {
        let Some((block, rest)) = blocks.split_first() else {
            let id = self.id("end");
            return self.put(id, "end", json!({}));
        };
        let next = self.sequence(rest);
        self.block(block, &next)
    }

    fn block(&mut self, block: &Block, next: &str) -> String {
        match block {
            Block::Action(ok, handler) => {
                let id = self.id("action");
                self.outcomes.insert(id.clone(), *ok);
                let agent = "group--61a6c41e-6efc-4516-a242-dfbc5c89d562";
                let mut step = json!({ "commands": [{ "type": "manual", "command": "x" }], "agent": agent, "on_success": next });
                if let Some(handler) = handler {
                    step["on_failure"] = json!(self.sequence(handler));
                }
                self.put(id, "action", step)
            }
            Block::If(truth, then, other) => {
                let id = self.id("if-condition");
                let condition = if *truth {
                    "__yes__:value = true"
                } else {
                    "__yes__:value = false"
                };
                let mut step = json!({ "condition": condition, "on_true": self.sequence(then), "on_completion": next });
                if let Some(other) = other {
                    step["on_false"] = json!(self.sequence(other));
                }
                self.put(id, "if-condition", step)
            }
            Block::While(rounds, body) => {
                let id = self.id("while-condition");
                let name = format!("__n{}__", self.count);
                self.variables
                    .insert(name.clone(), json!({ "type": "integer", "value": "0" }));
                let step = json!({ "condition": format!("{name}:value < {rounds}"), "on_true": self.sequence(body),
                    "on_completion": next, "name": name });
                self.put(id, "while-condition", step)
            }
            Block::Switch(n, cases) => {
                let id = self.id("switch-condition");
                let name = format!("__c{}__", self.count);
                self.variables.insert(
                    name.clone(),
                    json!({ "type": "string", "value": n.to_string() }),
                );
                let cases: serde_json::Map<_, _> = cases
                    .iter()
                    .enumerate()
                    .map(|(n, case)| (n.to_string(), json!(self.sequence(case))))
                    .collect();
                self.put(id, "switch-condition", json!({ "switch": format!("{name}:value"), "cases": cases, "on_completion": next }))
            }
            Block::Parallel(branches) => {
                let id = self.id("parallel");
                let branches: Vec<_> = branches
                    .iter()
                    .map(|branch| self.sequence(branch))
                    .collect();
                self.put(
                    id,
                    "parallel",
                    json!({ "next_steps": branches, "on_completion": next }),
                )
            }
        }
    }
}

fn build(program: &[Block], exception: bool) -> (Value, BTreeMap<String, bool>) {
    let mut builder = Builder::default();
    let first = builder.sequence(program);
    let start = builder.id("start");
    let start = builder.put(start, "start", json!({ "on_completion": first }));
    builder
        .variables
        .insert("__yes__".into(), json!({ "type": "bool", "value": "true" }));
    let mut playbook = json!({
        "type": "playbook", "spec_version": "cacao-2.0", "id": "playbook--61a6c41e-6efc-4516-a242-dfbc5c89d562", "name": "p",
        "created_by": "identity--5abe695c-7bd5-4c31-8824-2528696cdbf1",
        "created": "2026-11-23T08:00:00Z", "modified": "2026-11-23T08:00:00Z",
        "agent_definitions": { "group--61a6c41e-6efc-4516-a242-dfbc5c89d562": { "type": "group", "name": "g" } },
        "workflow_start": start, "playbook_variables": builder.variables,
    });
    if exception {
        playbook["workflow_exception"] = json!(builder.sequence(&[Block::Action(true, None)]));
    }
    playbook["workflow"] = Value::Object(builder.steps);
    (playbook, builder.outcomes)
}

/// How a plain reading of the program ends: the number of actions done, and whether it failed. Counting is
/// exact only without failures inside parallel branches, whose order is free.
fn read(program: &[Block]) -> (usize, Flow) {
    let mut done = 0;
    for block in program {
        let (count, flow) = match block {
            Block::Action(true, _) => (1, Flow::On),
            Block::Action(false, None) => (1, Flow::Failed),
            Block::Action(false, Some(handler)) => {
                let (count, flow) = read(handler);
                // The handler is the rest of this branch: it ends with an end of its own.
                (
                    count + 1,
                    if flow == Flow::Failed {
                        Flow::Failed
                    } else {
                        Flow::Ended
                    },
                )
            }
            Block::If(true, branch, _) | Block::If(false, _, Some(branch)) => inner(read(branch)),
            Block::If(false, _, None) => (0, Flow::On),
            Block::While(rounds, body) => {
                let mut sum = (0, Flow::On);
                for _ in 0..*rounds {
                    let (count, flow) = inner(read(body));
                    sum = (sum.0 + count, flow);
                    if flow == Flow::Failed {
                        break;
                    }
                }
                sum
            }
            Block::Switch(n, cases) => cases
                .get(usize::from(*n))
                .map_or((0, Flow::On), |case| inner(read(case))),
            Block::Parallel(branches) => {
                branches
                    .iter()
                    .map(|branch| inner(read(branch)))
                    .fold((0, Flow::On), |sum, one| {
                        (
                            sum.0 + one.0,
                            if one.1 == Flow::Failed {
                                Flow::Failed
                            } else {
                                sum.1
                            },
                        )
                    })
            }
        };
        done += count;
        if flow != Flow::On {
            return (done, flow);
        }
    }
    (done, Flow::On)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    On,
    Ended,
    Failed,
}

/// A branch that ended goes on after the step that opened it.
fn inner((count, flow): (usize, Flow)) -> (usize, Flow) {
    (count, if flow == Flow::Ended { Flow::On } else { flow })
}

fn walk(playbook: &Playbook, outcomes: &BTreeMap<String, bool>, pick: &[u8]) -> (usize, Ending) {
    let walker = Walker::new(playbook);
    let mut run = Run::begin(&walker);
    let defaults: Variables = playbook.playbook_variables.clone().unwrap();
    let (mut actions, mut turn) = (0, 0);
    while run.ending().is_none() {
        let nth = usize::from(pick[turn % pick.len()]) % run.active().len();
        turn += 1;
        let (&token, position) = run.active().iter().nth(nth).unwrap();
        let step = walker.step(position).unwrap();
        let mut variables = defaults.clone();
        if step.type_ == StepType::WhileCondition {
            variables.insert(
                step.name.clone().unwrap(),
                Variable::new("integer", &position.round.to_string()),
            );
        }
        let action = step.type_ == StepType::Action;
        actions += usize::from(action);
        let ok = !action || outcomes.get(&position.step).copied().unwrap_or(true);
        run.advance(
            &walker,
            token,
            if ok {
                Outcome::Succeeded
            } else {
                Outcome::TimedOut
            },
            &variables,
        )
        .unwrap();
        // What is journaled is enough: a run read back is the same run.
        let again: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        assert_eq!(again, run);
        assert!(turn < 100_000, "does not end");
    }
    assert!(run.active().is_empty());
    (actions, run.ending().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_program_validates_survives_and_runs(program in programs(), exception in any::<bool>(), pick in prop::collection::vec(any::<u8>(), 1..20)) {
        let (value, mut outcomes) = build(&program, exception);
        let problems = validate(&value, Mode::Strict);
        prop_assert!(problems.is_empty(), "{:?}", problems);
        let playbook = Playbook::from_value(&value).unwrap();
        prop_assert_eq!(playbook.canonical().unwrap(), serde_jcs::to_vec(&value).unwrap());
        prop_assert!(diff(&playbook, &playbook).is_empty());

        let (count, flow) = read(&program);
        let (actions, ending) = walk(&playbook, &outcomes, &pick);
        let expected = match (flow, exception) {
            (Flow::On | Flow::Ended, _) => Ending::Completed,
            (Flow::Failed, true) => Ending::Handled,
            (Flow::Failed, false) => Ending::Failed,
        };
        prop_assert_eq!(ending, expected);
        prop_assert_eq!(actions, count + usize::from(ending == Ending::Handled));
        // Whatever the order of parallel branches, the same is done.
        prop_assert_eq!(walk(&playbook, &outcomes, &[0]), (actions, ending));
        outcomes.values_mut().for_each(|ok| *ok = true);
        prop_assert_eq!(walk(&playbook, &outcomes, &pick).1, Ending::Completed);
    }

    #[test]
    fn a_dangling_edge_is_found(program in programs(), which in any::<prop::sample::Index>()) {
        let (mut value, _) = build(&program, false);
        let playbook = Playbook::from_value(&value).unwrap();
        let edges: Vec<(String, String)> = playbook.workflow.iter()
            .flat_map(|(id, step)| step.edges().into_iter().map(move |(way, _)| (id.clone(), way))).collect();
        let (id, way) = &edges[which.index(edges.len())];
        let gone = "end--61a6c41e-6efc-4516-a242-ffffffffffff";
        let path = format!("/workflow/{id}/{way}");
        *value.pointer_mut(&path).unwrap() = json!(gone);
        let problems = validate(&value, Mode::Strict);
        prop_assert!(problems.iter().any(|p| p.path == path && p.fault == Fault::NoStep(gone.into())), "{:?}", problems);
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Playbook::parse(&bytes);
    }
}

#[test]
fn what_no_schema_sees() {
    let action = |n: u32| format!("action--61a6c41e-6efc-4516-a242-{n:012x}");
    let (good, _) = build(
        &[
            Block::Action(true, None),
            Block::Action(true, None),
            Block::If(true, vec![], None),
        ],
        false,
    );
    let ids: Vec<String> = good["workflow"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|id| id.starts_with("action"))
        .cloned()
        .collect();
    let faults = |change: &dyn Fn(&mut Value)| -> Vec<Fault> {
        let mut value = good.clone();
        change(&mut value);
        assert!(hudun_cacao::validate_structure(&value, Mode::Lenient).is_empty());
        validate(&value, Mode::Lenient)
            .into_iter()
            .map(|p| p.fault)
            .collect()
    };
    let group = "group--61a6c41e-6efc-4516-a242-dfbc5c89d562";
    assert_eq!(faults(&|_| {}), []);
    // Two actions that lead to each other and nowhere else.
    let endless = faults(&|v| {
        v["workflow"][&ids[0]]["on_success"] = json!(ids[1]);
        v["workflow"][&ids[1]]["on_success"] = json!(ids[0]);
    });
    assert!(
        endless.contains(&Fault::Endless) && endless.contains(&Fault::Unreached),
        "{endless:?}"
    );
    assert!(
        faults(&|v| v["workflow"][&ids[0]]["on_failure"] = json!(ids[0])).contains(&Fault::Loop)
    );
    assert!(
        faults(&|v| v["workflow"][&ids[0]]["on_completion"] = json!(ids[1]))
            .contains(&Fault::CompletionAndMore)
    );
    assert!(
        faults(&|v| v["workflow"][action(99)] = v["workflow"][&ids[0]].clone())
            .contains(&Fault::Unreached)
    );
    assert!(
        faults(&|v| v["agent_definitions"][group]["contact"] =
            json!({ "email": { "a": "no at sign" } }))
        .contains(&Fault::NotEmail)
    );
    assert!(
        faults(&|v| v["workflow"][&ids[0]]["in_args"] = json!(["__gone__"]))
            .contains(&Fault::NoVariable("__gone__".into()))
    );
    assert!(
        faults(&|v| v["playbook_variables"]["__yes__"]["value"] = json!("perhaps"))
            .contains(&Fault::NotOfType("bool".into()))
    );
    assert!(
        faults(&|v| v["workflow"][&ids[0]]["commands"][0]["command"] = json!("__gone__:value"))
            .contains(&Fault::NoVariable("__gone__".into()))
    );
    assert!(
        faults(&|v| v["workflow"][&ids[0]]["agent"] =
            json!("group--61a6c41e-6efc-4516-a242-000000000000"))
        .iter()
        .any(|f| matches!(f, Fault::NoAgent(_)))
    );
    assert!(faults(&|v| v["workflow_start"] = json!(ids[0])).contains(&Fault::NotStart));
}

#[test]
fn a_difference_reads_in_both_languages() {
    let (value, _) = build(
        &[Block::Action(true, None), Block::Action(true, None)],
        false,
    );
    let before = Playbook::from_value(&value).unwrap();
    let mut after = before.clone();
    let ids: Vec<String> = before
        .workflow
        .keys()
        .filter(|id| id.starts_with("action"))
        .cloned()
        .collect();
    let end = before
        .workflow
        .keys()
        .find(|id| id.starts_with("end"))
        .unwrap()
        .clone();
    let step = after.workflow.get_mut(&ids[0]).unwrap();
    step.timeout = Some(5000);
    step.on_failure = Some(end.clone());
    step.name = Some("隔离".into());
    after.workflow.get_mut(&ids[1]).unwrap().name = Some("通知".into());
    let mut new = after.workflow[&ids[1]].clone();
    new.name = Some("留证".into());
    after
        .workflow
        .insert("action--61a6c41e-6efc-4516-a242-0000000000aa".into(), new);
    after
        .playbook_variables
        .as_mut()
        .unwrap()
        .insert("__t__".into(), Variable::new("string", "x"));
    after.description = Some("d".into());
    let changes = diff(&before, &after);
    let zh: Vec<String> = changes.iter().map(Difference::zh).collect();
    let en: Vec<String> = changes.iter().map(Difference::en).collect();
    for line in [
        "新增步骤:留证",
        "隔离:超时改为 5000 毫秒,原为 未设",
        "新增变量:__t__(string = x)",
        "字段有改动:description",
    ] {
        assert!(zh.iter().any(|l| l == line), "{line}: {zh:?}");
    }
    for line in [
        "step added: 留证",
        "隔离: timeout is 5000 ms, before none",
        "variable added: __t__ (string = x)",
    ] {
        assert!(en.iter().any(|l| l == line), "{line}: {en:?}");
    }
    assert!(
        zh.iter().any(|l| l.starts_with("隔离:on_failure 改为通往")),
        "{zh:?}"
    );
    assert!(
        diff(&after, &before)
            .iter()
            .any(|c| matches!(c, Difference::StepRemoved { .. }))
    );
}

#[test]
fn a_loop_of_failures_ends() {
    let (mut value, _) = build(&[Block::Action(false, None)], false);
    let id = value["workflow"]
        .as_object()
        .unwrap()
        .keys()
        .find(|id| id.starts_with("action"))
        .unwrap()
        .clone();
    value["workflow"][&id]["on_failure"] = json!(id);
    let playbook = Playbook::from_value(&value).unwrap();
    let walker = Walker::new(&playbook);
    let mut run = Run::begin(&walker);
    let mut steps = 0;
    while let Some((&token, at)) = run.active().first_key_value() {
        let outcome = if at.step == id {
            Outcome::Failed
        } else {
            Outcome::Succeeded
        };
        run.advance(&walker, token, outcome, &Variables::new())
            .unwrap();
        steps += 1;
        assert!(steps <= 1_100_000);
    }
    assert_eq!(run.ending(), Some(Ending::Failed));
}
