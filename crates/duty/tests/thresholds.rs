//! Every number in every rule is tried just below, at and just above by a case in `duties/tests`.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hudun_duty::{Expr, FactBase, RiskResult, RuleSet, Severity};
use serde_json::Value;

/// The thresholds of a condition: fact, number, and whether the number itself counts.
fn thresholds(expr: &Expr, out: &mut BTreeSet<(String, u64)>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| thresholds(part, out)),
        Expr::Not(part) => thresholds(part, out),
        Expr::AtLeast(one) | Expr::Above(one) => {
            out.insert((one.fact.clone(), one.value));
        }
        Expr::Is(_) | Expr::Has(_) | Expr::Always(_) => {}
    }
}

/// What a case gives for a fact.
fn value(fact: &str, facts: &FactBase, severity: &Severity) -> Option<u64> {
    let at = |count: Option<hudun_duty::Count>| count.map(|count| count.high);
    if let Some(place) = fact.strip_prefix("persons_in.") {
        let (country, region) = place.split_once('-').unwrap_or((place, ""));
        let of = facts.places.iter().flatten();
        let here =
            of.filter(|one| one.country == country && (region.is_empty() || one.region == region));
        return Some(here.map(|one| one.persons.high).sum());
    }
    match fact {
        "persons.high" => at(facts.persons),
        "records.high" => at(facts.records),
        "sensitive_persons.high" => at(facts.sensitive_persons),
        "organisation.pi_subject_count" => facts.organisation.pi_subject_count,
        "organisation.tenants" => Some(facts.tenants.len() as u64),
        "impact.outage_minutes" => facts.impact.outage_minutes,
        "cac.grade" => Some(severity.cac.grade.into()),
        "crime.converted" => severity.crime.converted,
        "risk.level" => risk(&severity.risk),
        other => panic!("no case value for {other}: add it here"),
    }
}

fn risk(risk: &RiskResult) -> Option<u64> {
    risk.level.map(|level| level as u64)
}

#[test]
fn every_threshold_is_tried_below_at_and_above() {
    let set = RuleSet::embedded().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../duties/tests");
    let mut seen: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    let mut wanted: BTreeMap<String, BTreeSet<(String, u64)>> = BTreeMap::new();
    for rule in &set.rules {
        let out = wanted.entry(rule.id.clone()).or_default();
        thresholds(&rule.trigger, out);
        for phase in &rule.phases {
            if let Some(when) = &phase.when {
                thresholds(when, out);
            }
        }
        for exemption in &rule.exemptions {
            thresholds(&exemption.when, out);
        }
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        let file: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let rule = file["rule"].as_str().unwrap().to_owned();
        for case in file["cases"].as_array().unwrap() {
            let mut facts = common::base();
            common::merge(&mut facts, &case["patch"]);
            let facts: FactBase = serde_json::from_value(facts).unwrap();
            let severity = Severity::of(&facts, &set);
            for (fact, _) in wanted.get(&rule).into_iter().flatten() {
                if let Some(value) = value(fact, &facts, &severity) {
                    let key = (rule.clone(), fact.clone());
                    seen.entry(key).or_default().insert(value);
                }
            }
        }
    }
    let mut missing = vec![];
    let mut count = 0;
    for (rule, all) in &wanted {
        for (fact, number) in all {
            count += 1;
            let values = seen
                .get(&(rule.clone(), fact.clone()))
                .cloned()
                .unwrap_or_default();
            // Risk has no level above high.
            let highest = if fact == "risk.level" { 2 } else { u64::MAX };
            let tried = [number - 1, *number, number + 1];
            for value in tried.into_iter().filter(|value| *value <= highest) {
                if !values.contains(&value) {
                    missing.push(format!("{rule}: {fact} {number} is not tried with {value}"));
                }
            }
        }
    }
    assert!(count >= 27, "only {count} thresholds were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
