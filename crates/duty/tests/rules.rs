//! Every rule against its own cases in `duties/tests`: below, at and above thresholds, exemptions, clock starts.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hudun_duty::{FactBase, RuleSet, Truth, Verdict, assess};
use serde::Deserialize;
use serde_json::Value;

use common::merge;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    expect: String,
    deadline: Option<String>,
    #[serde(default)]
    phases: BTreeMap<String, String>,
    would_apply: Option<String>,
    patch: Value,
}

#[test]
fn every_rule_answers_its_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../duties/tests");
    let set = RuleSet::embedded().unwrap();
    let base: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("base.json")).unwrap()).unwrap();
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut wrong = vec![];
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(file) = serde_saphyr::from_str::<File>(&text)
            .inspect_err(|e| wrong.push(format!("{path:?}: {e}")))
        else {
            continue;
        };
        for c in file.cases {
            cases += 1;
            let mut facts = base.clone();
            merge(&mut facts, &c.patch);
            let at = format!("{}: {}", file.rule, c.name);
            let facts: FactBase = match serde_json::from_value(facts) {
                Ok(f) => f,
                Err(e) => {
                    wrong.push(format!("{at}: {e}"));
                    continue;
                }
            };
            let a = match assess(&facts, &set, common::now()) {
                Ok(a) => a,
                Err(e) => {
                    wrong.push(format!("{at}: {e}"));
                    continue;
                }
            };
            let Some(d) = a.duty(&file.rule) else {
                wrong.push(format!("{at}: no such rule"));
                continue;
            };
            let verdict = word(d.verdict);
            let outcome = c.would_apply.clone().unwrap_or_else(|| c.expect.clone());
            seen.entry(file.rule.clone()).or_default().insert(outcome);
            if verdict != c.expect {
                wrong.push(format!(
                    "{at}: {verdict}, not {}: {}",
                    c.expect, d.reason.en
                ));
            }
            if d.deadline != c.deadline {
                wrong.push(format!(
                    "{at}: deadline {:?}, not {:?}",
                    d.deadline, c.deadline
                ));
            }
            for (phase, expect) in &c.phases {
                match d.phases.iter().find(|p| &p.id == phase) {
                    Some(p) if &word(p.verdict) == expect => {}
                    Some(p) => wrong.push(format!(
                        "{at}: phase {phase} is {}, not {expect}",
                        word(p.verdict)
                    )),
                    None => wrong.push(format!("{at}: no phase {phase}")),
                }
            }
            if let Some(w) = &c.would_apply {
                let would = if d.would_apply == Some(Truth::True) {
                    "true"
                } else {
                    "false"
                };
                if would != w {
                    wrong.push(format!("{at}: would apply {would}, not {w}"));
                }
            }
        }
    }
    for rule in &set.rules {
        let outcomes = seen.get(&rule.id).cloned().unwrap_or_default();
        let yes = outcomes.contains("applies") || outcomes.contains("true");
        let no = outcomes.contains("does_not_apply") || outcomes.contains("false");
        if !(yes && no) {
            wrong.push(format!(
                "{}: needs a case that applies and one that does not, has {outcomes:?}",
                rule.id
            ));
        }
        for e in &rule.exemptions {
            if !outcomes.contains("exempt") && e.phases.is_empty() {
                wrong.push(format!("{}: exemption {} has no case", rule.id, e.id));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 150, "only {cases} cases were read");
}

fn word(v: Verdict) -> String {
    serde_json::to_value(v)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}
