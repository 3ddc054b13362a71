//! Facts that cannot be true together are refused, by name; clocks and severity on known ground.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that panics has failed

mod common;

use hudun_duty::{
    Band, Clock, DutyError, FactBase, FactError, GateState, Holidays, Lang, NoticeKind, Pace,
    RenderOptions, RuleSet, StartEvent, Text, Times, Unit, assess, assess_group, assess_json,
    render,
};
use serde_json::{Value, json};

fn refused(patch: Value) -> FactError {
    let mut v: Value = serde_json::from_str(common::FULL).unwrap();
    common::merge(&mut v, &patch);
    match FactBase::from_json(&v.to_string()) {
        Err(DutyError::Facts(e)) => e,
        other => panic!("{patch}: {other:?}"),
    }
}

#[test]
fn contradictions_name_both_fields() {
    for (patch, left, right) in [
        (
            json!({"persons": {"likely": 2_000_000}}),
            "persons.likely",
            "persons.high",
        ),
        (
            json!({"persons": {"low": 1_100_000}}),
            "persons.low",
            "persons.likely",
        ),
        (
            json!({"minors": {"low": 0, "likely": 0, "high": 9_000_000}}),
            "minors.high",
            "persons.high",
        ),
        (
            json!({"times": {"contained": "2026-11-23T01:00:00Z"}}),
            "times.detected",
            "times.contained",
        ),
        (
            json!({"times": {"occurred_to": "2026-11-22T01:00:00Z"}}),
            "times.occurred_from",
            "times.occurred_to",
        ),
        (
            json!({"times": {"aware": {"at": "2026-11-22T01:00:00Z"}}}),
            "times.detected",
            "times.aware.at",
        ),
        (
            json!({"kinds_not_involved": ["name"]}),
            "kinds.name",
            "kinds_not_involved",
        ),
        (
            json!({"breach": {"leaked": false, "possible": false}}),
            "breach",
            "persons.low",
        ),
    ] {
        match refused(patch) {
            FactError::Contradiction {
                left: l, right: r, ..
            } => assert_eq!((l.as_str(), r.as_str()), (left, right)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn bounds_and_shape() {
    assert!(
        matches!(refused(json!({"format": 2})), FactError::Bounds { field, .. } if field == "format")
    );
    let country = refused(json!({"organisation": {"countries": ["China"]}}));
    assert!(
        matches!(country, FactError::Bounds { field, .. } if field == "organisation.countries")
    );
    let by = refused(json!({"times": {"aware": {"by": " "}}}));
    assert!(matches!(by, FactError::Bounds { field, .. } if field == "times.aware.by"));
    let unknown = refused(json!({"person": 3}));
    assert!(matches!(unknown, FactError::Shape { message, .. } if message.contains("person")));
    let kind = refused(json!({"kinds": {"shoe_size": {"low": 0, "likely": 0, "high": 0}}}));
    assert!(matches!(kind, FactError::Shape { message, .. } if message.contains("shoe_size")));
}

#[test]
fn the_scrm_scrape_scores_three_and_with_chats_four() {
    let set = RuleSet::embedded().unwrap();
    let a = assess(&common::full(), &set, common::now()).unwrap();
    let e = a.severity.enisa.unwrap();
    assert_eq!(
        (e.se.as_str(), e.band, e.formula.as_str()),
        ("3", Band::High, "2 × 1 + 1 = 3")
    );
    assert!(e.near_edge.is_some() && e.many_persons);

    let mut v: Value = serde_json::from_str(common::FULL).unwrap();
    common::merge(
        &mut v,
        &json!({"kinds": {"chat": {"low": 1, "likely": 1, "high": 1}}, "kinds_not_involved": ["bank_card"]}),
    );
    let with_chats = FactBase::from_json(&v.to_string()).unwrap();
    let b = assess(&with_chats, &set, common::now()).unwrap();
    let e = b.severity.enisa.clone().unwrap();
    assert_eq!((e.se.as_str(), e.band), ("4", Band::VeryHigh));
    let told = b.severity.crossed(&a_severity(&set));
    assert_eq!(told.len(), 1, "{told:?}");

    let mut own = common::full();
    own.enisa = Some(hudun_duty::EnisaInputs {
        dpc: Some(1),
        by: "王芳".into(),
        reason: "仅为公开信息".into(),
        ..Default::default()
    });
    let e = assess(&own, &set, common::now())
        .unwrap()
        .severity
        .enisa
        .unwrap();
    assert_eq!(e.se, "2");
    assert!(e.steps[0].by_person && e.steps[0].why.zh.contains("仅为公开信息"));
}

fn a_severity(set: &RuleSet) -> hudun_duty::Severity {
    assess(&common::full(), set, common::now())
        .unwrap()
        .severity
}

#[test]
fn gates_stop_and_counsel_releases() {
    let set = RuleSet::embedded().unwrap();
    let state = |patch: Value, id: &str| {
        let mut v: Value = serde_json::from_str(common::FULL).unwrap();
        common::merge(&mut v, &patch);
        let f = FactBase::from_json(&v.to_string()).unwrap();
        let a = assess(&f, &set, common::now()).unwrap();
        a.gates.into_iter().find(|g| g.id == id).unwrap().state
    };
    assert_eq!(state(json!({}), "vulnerability-abroad"), GateState::Clear);
    assert_eq!(
        state(
            json!({"abroad": {"vulnerability_detail": true}}),
            "vulnerability-abroad"
        ),
        GateState::Stop
    );
    assert_eq!(
        state(
            json!({"abroad": {"vulnerability_detail": null}}),
            "vulnerability-abroad"
        ),
        GateState::Unknown
    );
    assert_eq!(
        state(
            json!({"abroad": {"vulnerability_detail": true}, "vulnerability": {"disclosed": true}}),
            "vulnerability-abroad"
        ),
        GateState::Clear
    );
    assert_eq!(
        state(
            json!({"abroad": {"vulnerability_detail": true, "counsel_release": "ref 7"}}),
            "vulnerability-abroad"
        ),
        GateState::Released
    );
    // Released one by one: this gate and no other, and what is not known counts as released with it.
    for detail in [json!(true), json!(null)] {
        let one = json!({"abroad": {"vulnerability_detail": detail, "evidence": true,
            "counsel_releases": {"vulnerability-abroad": "han, ref 7"}}});
        let of_one = |id: &str| state(one.clone(), id);
        assert_eq!(of_one("vulnerability-abroad"), GateState::Released);
        assert_eq!(of_one("evidence-abroad"), GateState::Stop);
    }
    assert_eq!(
        state(
            json!({"abroad": {"vulnerability_detail": true, "counsel_releases": {"vulnerability-abroad": " "}}}),
            "vulnerability-abroad"
        ),
        GateState::Stop
    );
    let cra = json!({"organisation": {"roles": ["supplier"]}, "vulnerability": {"own_product": true, "eu_product": true}});
    assert_eq!(state(cra, "vulnerability-abroad"), GateState::Stop);
    assert_eq!(
        state(json!({"abroad": {"evidence": true}}), "evidence-abroad"),
        GateState::Stop
    );
}

#[test]
fn a_vendor_gets_its_own_duties_and_each_tenant_its_own() {
    let set = RuleSet::embedded().unwrap();
    let full: Value = serde_json::from_str(common::FULL).unwrap();
    let mut v = full.clone();
    let mut tenant_org = full["organisation"].clone();
    tenant_org["name"] = json!("客户甲");
    let tenant = |persons: u64| {
        json!({"id": "t", "organisation": tenant_org, "persons": {"low": 1, "likely": 1, "high": persons},
               "kinds": {"name": {"low": 1, "likely": 1, "high": 1}}, "places": [{"country": "CN", "persons": {"low": 1, "likely": 1, "high": 1}}]})
    };
    v["organisation"]["roles"] = json!(["processor"]);
    v["tenants"] = json!([tenant(5), tenant(1_000_000)]);
    let facts = FactBase::from_json(&v.to_string()).unwrap();
    let g = assess_group(&facts, &set, common::now()).unwrap();
    let applies = |a: &hudun_duty::Assessment, r: &str| {
        a.duty(r).unwrap().verdict == hudun_duty::Verdict::Applies
    };
    assert!(
        applies(&g.own, "CN-PIPL-59")
            && applies(&g.own, "CN-NCIR-5")
            && !applies(&g.own, "CN-PIPL-57")
    );
    assert!(
        applies(&g.tenants[0].assessment, "CN-PIPL-57")
            && !applies(&g.tenants[0].assessment, "CN-NCIR-4")
    );
    assert!(applies(&g.tenants[1].assessment, "CN-NCIR-4"));
    assert_eq!(g.tenants[0].assessment.organisation, "客户甲");
    let json = assess_json(&v.to_string(), &set, common::now()).unwrap();
    assert_eq!(json["tenants"].as_array().unwrap().len(), 2);
}

#[test]
fn working_days_skip_weekends_and_listed_holidays_and_say_where_the_list_ends() {
    let china = Holidays {
        id: "X".into(),
        covers_from: "2026-01-01".parse().unwrap(),
        covers_to: "2026-10-31".parse().unwrap(),
        source: Text::new("x", "x"),
        verified_at: "2026-11-23".parse().unwrap(),
        evidence: hudun_duty::Evidence::M,
        off: [
            "2026-10-01",
            "2026-10-02",
            "2026-10-05",
            "2026-10-06",
            "2026-10-07",
        ]
        .map(|d| d.parse().unwrap())
        .into(),
        worked: ["2026-10-10".parse().unwrap()].into(),
    };
    let clock = |length| Clock {
        start: StartEvent::Detected,
        pace: Pace::Within,
        length: Some(length),
        unit: Some(Unit::WorkingDays),
        zone: "Asia/Shanghai".into(),
        holidays: Some("X".into()),
        text: Text::default(),
    };
    let run = |from: &str, n| {
        let times = Times {
            detected: Some(from.parse().unwrap()),
            ..Default::default()
        };
        clock(n).run(&times, std::slice::from_ref(&china), common::now())
    };
    // Wednesday 30 September; 8, 9 and the worked Saturday 10 October follow the holidays.
    let r = run("2026-09-30T02:00:00Z", 3);
    assert_eq!(r.deadline.as_deref(), Some("2026-10-10T23:59:59+08:00"));
    assert!(r.warning.is_none());
    let r = run("2026-10-30T02:00:00Z", 1);
    assert_eq!(r.deadline.as_deref(), Some("2026-11-02T23:59:59+08:00"));
    assert!(r.warning.unwrap().en.contains("2026-10-31"));
    // 23:30 UTC is already the next day in Shanghai.
    assert_eq!(
        run("2026-09-14T23:30:00Z", 1).deadline.as_deref(),
        Some("2026-09-16T23:59:59+08:00")
    );
}

#[test]
fn escalations_precede_the_deadline() {
    let set = RuleSet::embedded().unwrap();
    let a = assess(&common::full(), &set, common::now()).unwrap();
    let clock = &a
        .duty("CN-NCIR-4")
        .unwrap()
        .phases
        .iter()
        .find(|p| p.id == "operator")
        .unwrap()
        .clock;
    assert_eq!(
        clock.escalate_at,
        [
            "2026-11-23T12:00:00+08:00",
            "2026-11-23T13:00:00+08:00",
            "2026-11-23T13:36:00+08:00"
        ]
    );
    assert_eq!(
        clock.seconds_left,
        Some(-5 * 3600),
        "overdue at the test's moment"
    );
    assert!(!clock.provisional);
}

#[test]
fn a_wrong_variable_names_template_and_line() {
    let mut set = RuleSet::embedded().unwrap();
    let t = set
        .templates
        .iter_mut()
        .find(|t| t.kind == NoticeKind::PersonalNotice && t.lang == Lang::Zh)
        .unwrap();
    t.sections[1].body = "第一行\n{{ incident.sumary }}\n".into();
    let e = render(
        NoticeKind::PersonalNotice,
        Lang::Zh,
        &common::full(),
        &set,
        common::now(),
        &RenderOptions::default(),
    )
    .unwrap_err();
    match e {
        DutyError::Template {
            template,
            section,
            line,
            why,
        } => {
            assert_eq!(
                (template.as_str(), section.as_str(), line),
                ("templates/personal_notice.zh-CN.yaml", "what_happened", 2)
            );
            assert!(why.contains("sumary"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_of_rules_is_checked_like_the_embedded_ones() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../duties");
    let set = RuleSet::from_folder(&folder).unwrap();
    assert_eq!(set.digest, RuleSet::embedded().unwrap().digest);
    assert!(RuleSet::from_folder(&folder.join("nowhere")).is_err());
}
