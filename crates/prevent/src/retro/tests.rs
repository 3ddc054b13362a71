use hudun_core::{FindingId, Grade, IncidentState, Lang, Level, TimelineMark};
use serde_json::json;

use super::*;

const PLAYBOOK: &str = include_str!("../../../../playbooks/stolen-account.json");

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_420_800_000 + millis)
}

fn case() -> Incident {
    let mut incident = Incident {
        id: IncidentId::new(),
        tenant: "yunxi".parse().unwrap(),
        title: Text::new("越权", "walk"),
        grade: Grade::High,
        rows: vec![],
        state: IncidentState::Repaired,
        suspects: vec![],
        modules: vec![],
        findings: vec![],
        playbook: None,
        run: None,
        opened_at: at(0),
        marks: vec![],
        drill: true,
    };
    incident.set_mark(TimelineMark::Onset, at(0));
    incident.set_mark(TimelineMark::Detected, at(90_000));
    incident.set_mark(TimelineMark::Contained, at(91_250));
    incident
}

#[test]
fn it_is_written_from_the_record() {
    let incident = case();
    let actor = hudun_core::Actor::unknown("203.0.113.9".parse().unwrap());
    let findings = [Finding {
        id: FindingId::new(),
        at: at(0),
        triggered_at: at(0),
        tenant: incident.tenant.clone(),
        rule: "scrm.bulk-export".into(),
        title: Text::new("导出", "export"),
        why: Text::new("一次导出 500 行", "one export of 500 rows"),
        level: Level::High,
        actor,
        module: "exports".parse().unwrap(),
        evidence: vec![],
        tags: vec![],
    }];
    let entries = [
        Entry {
            seq: 2,
            at: at(5),
            by: "hudun".into(),
            kind: "containment.isolate".into(),
            body: json!({"module": "exports", "mode": "off"}),
        },
        Entry {
            seq: 1,
            at: at(1),
            by: "hudun".into(),
            kind: "analysis.scope".into(),
            body: json!({"likely": 7, "low": 6, "high": 8}),
        },
    ];
    let steps = [
        StepFact {
            step: "a".into(),
            name: "A".into(),
            manual: false,
            millis: 10,
            succeeded: true,
        },
        StepFact {
            step: "b".into(),
            name: "B".into(),
            manual: true,
            millis: 60_000,
            succeeded: true,
        },
    ];
    let file = CaseFile {
        incident: &incident,
        findings: &findings,
        entries: &entries,
        persons: None,
        leaked_through: &[],
        duties: &[],
        steps: &steps,
    };
    let retro = Retrospective::write(&file, at(100_000));
    assert_eq!(retro.timeline[0].seq, 1);
    assert!(retro.timeline[0].text.zh.contains("最可能 7 人"));
    let of = |id: &str| retro.measures.iter().find(|m| m.id == id).unwrap();
    assert_eq!(
        (
            of("detect").millis,
            of("contain").millis,
            of("scope").millis
        ),
        (Some(90_000), Some(1_250), None)
    );
    assert!(of("detect").missed() && retro.badly.len() == 1 && retro.well.len() == 1);
    let ids: Vec<&str> = retro.actions.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["export-approval", "detect-sooner"]);
    assert_eq!(retro.automated_percent(), Some(50));
    for (lang, words) in [
        (Lang::Zh, "隔离模块 exports"),
        (Lang::En, "Module exports isolated"),
    ] {
        assert!(retro.to_markdown(lang).contains(words));
    }
}

#[test]
fn words_of_the_record_are_no_markup() {
    let text = sentence("incident.closed", &json!({ "note": "ok\n# <script>|" }));
    assert!(!text.zh.contains(['\n', '<', '|']), "{text:?}");
    assert!(sentence("x.y", &Value::Null).en.contains("x.y"));
}

#[test]
fn the_next_playbook_is_tighter_wider_and_valid() {
    let before: Value = serde_json::from_str(PLAYBOOK).unwrap();
    let step = "action--6c760d49-79d8-5828-988e-56f8fb617966";
    let steps = [StepFact {
        step: step.into(),
        name: "freeze".into(),
        manual: false,
        millis: 4_000,
        succeeded: true,
    }];
    let leaked = ["customers".parse().unwrap(), "orders".parse().unwrap()];
    let next = next_playbook(
        &before,
        RunFacts {
            steps: &steps,
            leaked_through: &leaked,
        },
        at(0),
    )
    .unwrap();
    assert_eq!(next.playbook["workflow"][step]["timeout"], 12_000);
    assert_eq!(
        next.reasons.len(),
        2,
        "customers is set apart already: {:?}",
        next.reasons
    );
    assert!(next.changes.len() >= 2);
    assert!(next.playbook["modified"].as_str() > before["modified"].as_str());

    let again = next_playbook(
        &next.playbook,
        RunFacts {
            steps: &steps,
            leaked_through: &leaked,
        },
        at(1),
    )
    .unwrap();
    assert!(
        again.changes.is_empty() && again.playbook == next.playbook,
        "nothing more to learn"
    );
}
