//! The 18 cases of EDPB Guidelines 01/2021 as golden tests of the decision on GDPR 33 and 34.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use hudun_duty::{FactBase, RuleSet, Verdict, assess};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: u32,
    name: String,
    authority: bool,
    subjects: bool,
    patch: Value,
}

#[test]
fn outcome_matrix() {
    let text = include_str!("../../../duties/tests/edpb/cases.yaml");
    let cases: Vec<Case> = serde_saphyr::from_str(text).unwrap();
    assert_eq!(cases.len(), 18);
    let set = RuleSet::embedded().unwrap();
    let mut wrong = vec![];
    for c in &cases {
        let mut facts = common::base();
        facts["kinds"] = Value::Null;
        common::merge(&mut facts, &c.patch);
        let facts: FactBase = serde_json::from_value(facts).unwrap();
        let a = assess(&facts, &set, common::now()).unwrap();
        let applies = |rule: &str| a.duty(rule).unwrap().verdict == Verdict::Applies;
        let got = (
            applies("EU-GDPR-33-5"),
            applies("EU-GDPR-33"),
            applies("EU-GDPR-34"),
        );
        if got != (true, c.authority, c.subjects) {
            let why = &a.severity.risk.reason.en;
            wrong.push(format!("{} {}: {got:?}: {why}", c.case, c.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
