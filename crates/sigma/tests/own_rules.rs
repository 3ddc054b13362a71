//! Rules of ours: inline tests and what lint asks of them.

#![allow(clippy::unwrap_used)]

use hudun_sigma::{Engine, Fault, Limits, Loader, Severity, lint, run_cases};

const PACK: &str = r#"
title: A customer is opened
id: 3f1f6a5e-0a39-4f0e-9a0b-2f6ad5a9d001
name: opened
status: test
description: A customer is opened.
author: Hudun
date: 2026-11-27
tags: [attack.collection]
logsource: { category: application }
detection:
    selection: { class_uid: 6001, scrm.outcome: ok }
    condition: selection
falsepositives: [Everybody's work]
level: informational
hudun: { role: base }
---
title: One account opens many customers
id: 3f1f6a5e-0a39-4f0e-9a0b-2f6ad5a9d002
status: test
description: One account opens forty customers in ten minutes.
author: Hudun
date: 2026-11-27
tags: [attack.collection, attack.t1213.004]
correlation:
    type: value_count
    rules: [opened]
    group-by: [actor.user.uid]
    timespan: 10m
    condition: { field: scrm.subject, gte: 40 }
falsepositives: [A handover]
level: high
hudun:
    why: { zh: 一个账号十分钟内打开四十位客户。, en: One account opens forty customers in ten minutes. }
    tests:
        fire:
            - name: forty in four minutes
              events:
                  - { repeat: 40, every: 6s, event: { class_uid: 6001, scrm: { outcome: ok, subject: "c-{n}" }, actor.user.uid: s3 } }
              expect: 1
        quiet:
            - name: one again and again
              events:
                  - { repeat: 60, every: 2s, event: { class_uid: 6001, scrm.outcome: ok, actor.user.uid: s3, scrm.subject: c-1 } }
            - name: thirty-nine, a pause, one more
              events:
                  - { repeat: 39, every: 6s, event: { class_uid: 6001, scrm.outcome: ok, actor.user.uid: s3, scrm.subject: "c-{n}" } }
                  - { after: 11m, event: { class_uid: 6001, scrm.outcome: ok, actor.user.uid: s3, scrm.subject: c-100 } }
"#;

fn outcomes(text: &str) -> Vec<(String, usize, bool)> {
    let engine = Engine::new(
        Loader::new().source("p.yml", text).load().unwrap(),
        Limits::default(),
    );
    let rule = engine.rules().correlations().next().unwrap().clone();
    run_cases(&engine, &rule)
        .unwrap()
        .into_iter()
        .map(|outcome| (outcome.case, outcome.found, outcome.passed))
        .collect()
}

fn errors(text: &str) -> Vec<Fault> {
    lint(
        &[("p.yml".to_owned(), text.to_owned())],
        Loader::new(),
        false,
    )
    .into_iter()
    .filter(|fault| fault.severity == Severity::Error)
    .collect()
}

#[test]
fn inline_tests_run_both_ways() {
    let good = outcomes(PACK);
    assert_eq!(good.len(), 3);
    assert!(good.iter().all(|(_, _, passed)| *passed), "{good:?}");
    // A rule that is too eager fails its quiet cases, one that is too lazy its fire case.
    let eager = outcomes(&PACK.replace("gte: 40", "gte: 1"));
    assert_eq!(
        eager.iter().filter(|(_, _, passed)| !passed).count(),
        2,
        "{eager:?}"
    );
    let lazy = outcomes(&PACK.replace("gte: 40", "gte: 41"));
    assert_eq!(
        lazy.iter().filter(|(_, _, passed)| !passed).count(),
        1,
        "{lazy:?}"
    );
}

#[test]
fn lint_accepts_a_whole_rule_and_refuses_one_that_lacks_something() {
    let faults = errors(PACK);
    assert!(faults.is_empty(), "{faults:#?}");
    for (from, to, check) in [
        ("        fire:\n", "        quiet:\n", "load"),
        (
            "why: { zh: 一个账号十分钟内打开四十位客户。, en:",
            "why: { en:",
            "own_why",
        ),
        ("falsepositives: [A handover]\n", "", "own_falsepositives"),
        ("rules: [opened]", "rules: [closed]", "load"),
        ("repeat: 60", "repeat: often", "own_tests"),
        (
            "tags: [attack.collection, attack.t1213.004]\n",
            "",
            "own_tags",
        ),
        ("id: 3f1f6a5e-0a39-4f0e-9a0b-2f6ad5a9d002\n", "", "own_id"),
    ] {
        let text = PACK.replace(from, to);
        assert_ne!(text, PACK, "{from}");
        let faults = errors(&text);
        assert!(
            faults.iter().any(|fault| fault.check == check),
            "{check}: {faults:#?}"
        );
    }
    let cut = PACK.find("        quiet:").unwrap();
    let faults = errors(&PACK[..cut]);
    assert!(
        faults
            .iter()
            .any(|fault| fault.message.contains("hudun.tests.quiet is missing")),
        "{faults:#?}"
    );
}
