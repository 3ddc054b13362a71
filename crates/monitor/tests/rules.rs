//! Detection rules within the monitor: Hudun's own pack on exchanges.

#![allow(clippy::unwrap_used)]

mod story;

use std::fs;
use std::path::Path;

use hudun_core::Level;
use hudun_monitor::{Backtest, Behaviour, Monitor, Rules, Thresholds};
use hudun_sigma::{Loader, RuleSet};
use story::{Request, Story, WORK};

/// The pack, with `more` beside it.
fn pack(more: &str) -> RuleSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/detect");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut loader = Loader::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        loader = loader.source(&file.display().to_string(), &text);
    }
    if !more.is_empty() {
        loader = loader.source("more.yml", more);
    }
    loader.load().unwrap()
}

/// The rules watch alone.
fn alone() -> Story {
    Story::with(|thresholds| {
        let thresholds = Thresholds {
            detectors: false,
            ..thresholds
        };
        Monitor::new(thresholds).with_rules(Rules::new(pack("")))
    })
}

/// The rules with the behaviour engine, whose scores they may match.
fn with_scores(more: &str) -> Story {
    Story::with(|thresholds| {
        let thresholds = Thresholds {
            detectors: false,
            ..thresholds
        };
        let roles = thresholds.own_scope_roles.clone();
        let behaviour = Behaviour::new(&thresholds.behaviour, roles).unwrap();
        let monitor = Monitor::new(thresholds).with_behaviour(behaviour);
        monitor.with_rules(Rules::new(pack(more)))
    })
}

/// The score is there before the rules are asked, and what a rule says is nothing to the engine.
#[test]
fn a_rule_matches_the_score_of_its_event_and_feeds_none() {
    let loud = "title: Ours\nname: scrm_ours\nlevel: high\nlogsource: { product: hudun, service: scrm }\ndetection:\n  s: { scrm.risk.operation|gte: 0.75, scrm.risk.operation_part.colleagues|gt: 0 }\n  condition: s\n";
    let (mut with, mut without) = (with_scores(loud), with_scores(""));
    for story in [&mut with, &mut without] {
        for person in 0..80 {
            story.tell(&foreign(person));
        }
    }
    let first = |story: &Story, rule: &str| {
        let mut spoken = story.findings.iter().filter(|one| one.rule == rule);
        spoken.next().map(|one| one.triggered_at)
    };
    let score = first(&with, "scrm.behaviour-operation");
    assert!(score.is_some());
    assert_eq!(first(&with, "scrm.ours"), score);
    assert_eq!(first(&without, "scrm.behaviour-operation"), score);
    let learnt = |story: &Story| {
        let mut bytes = Vec::new();
        let behaviour = story.monitor.behaviour().unwrap();
        behaviour.engine().save(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(learnt(&with), learnt(&without));
}

fn foreign(person: u8) -> Request {
    Request {
        persons: person..person + 1,
        foreign: 1,
        ..WORK
    }
}

#[test]
fn a_walk_through_customers_of_others_fires_at_the_third_with_its_evidence() {
    let mut story = alone();
    story.tell(&foreign(0)).tell(&foreign(1)).tell(&foreign(1));
    assert!(story.findings.is_empty());
    story.tell(&foreign(2));
    assert_eq!(story.rules(), ["scrm.id-walk"]);
    let finding = &story.findings[0];
    assert_eq!(finding.level, Level::High);
    assert_eq!(finding.evidence.len(), 4);
    assert_eq!(finding.triggered_at.as_millis(), story.at);
    assert!(
        finding.why.en.contains("within 600 s: 3"),
        "{}",
        finding.why.en
    );
    assert!(
        finding.tags.contains(&"API1:2023".to_owned()),
        "{:?}",
        finding.tags
    );
}

/// Where all data has one URL, the path names no object.
#[test]
fn a_walk_over_one_url_is_a_walk() {
    let mut story = alone();
    for person in 0..3 {
        story.tell(&Request {
            path: "/rpc",
            ..foreign(person)
        });
    }
    assert_eq!(story.rules(), ["scrm.id-walk"]);
}

#[test]
fn a_manager_and_a_list_are_no_walk() {
    let mut story = alone();
    for person in 0..20 {
        story.tell(&Request {
            role: "manager",
            ..foreign(person)
        });
    }
    for page in 0..5 {
        story.tell(&Request {
            path: "/api/customer",
            persons: page * 50..page * 50 + 50,
            ..WORK
        });
    }
    assert!(story.findings.is_empty(), "{:?}", story.rules());
}

#[test]
fn a_service_account_at_its_work_is_no_finding() {
    let night_import = Request {
        account: "sync@yunxi",
        role: "integration",
        path: "/api/export/{id}/file",
        export: true,
        persons: 0..250,
        ..WORK
    };
    for (module, network, silent) in [
        ("customers", "10.1.", true),
        ("customers", "10.2.", false),
        ("orders", "10.1.", false),
    ] {
        let mut story = Story::with(|mut thresholds| {
            thresholds.detectors = false;
            let allow = serde_json::json!([{ "actor": "sync@yunxi", "modules": [module], "networks": [network],
                "rows_a_day": 5_000, "reason": "nightly" }]);
            thresholds.behaviour.engine.allow = serde_json::from_value(allow).unwrap();
            Monitor::new(thresholds).with_rules(Rules::new(pack("")))
        });
        for _ in 0..10 {
            story.tell(&night_import);
        }
        assert_eq!(
            story.findings.is_empty(),
            silent,
            "{module} {network}: {:?}",
            story.rules()
        );
    }
}

#[test]
fn one_fact_speaks_once_beside_the_fixed_detections() {
    let mut story =
        Story::with(|thresholds| Monitor::new(thresholds).with_rules(Rules::new(pack(""))));
    for person in 0..30 {
        story.tell(&foreign(person));
    }
    assert_eq!(story.rules(), ["scrm.id-walk"]);
}

#[test]
fn an_export_is_seen_while_it_leaves_and_pieces_add_up() {
    let mut story = alone();
    let export = Request {
        path: "/api/export/{id}/file",
        export: true,
        persons: 0..30,
        foreign: 25,
        ..WORK
    };
    story.tell(&export);
    assert_eq!(story.rules(), ["scrm.bulk-export"]);
    // The finding stands when the group leaves, before the end of the exchange: one group told it.
    assert_eq!(story.findings[0].evidence.len(), 1);
    let mut pieces = alone();
    for _ in 0..4 {
        pieces.tell(&Request {
            persons: 0..200,
            foreign: 0,
            ..export.clone()
        });
        assert!(pieces.findings.is_empty());
    }
    pieces.tell(&Request {
        persons: 0..200,
        foreign: 0,
        ..export
    });
    assert_eq!(pieces.rules(), ["scrm.bulk-export"]);
}

#[test]
fn what_hudun_refused_counts_for_nothing() {
    let failed = Request {
        path: "/api/login",
        login: true,
        status: 401,
        persons: 0..0,
        ..WORK
    };
    let mut story = alone();
    for _ in 0..40 {
        story.tell(&Request {
            refused: true,
            ..failed.clone()
        });
    }
    assert!(story.findings.is_empty(), "{:?}", story.rules());
    for _ in 0..10 {
        story.tell(&failed);
    }
    assert_eq!(story.rules(), ["scrm.brute-force"]);
    let rules = story.monitor.rules().unwrap();
    assert_eq!(rules.events(), 50);
    assert_eq!(rules.matches()["scrm.brute-force"], 1);
}

#[test]
fn an_injection_that_worked_is_graver_than_a_try() {
    let mut story = alone();
    let search = Request {
        path: "/api/customer",
        sqli: true,
        persons: 0..0,
        ..WORK
    };
    story.tell(&search);
    assert_eq!(story.rules(), ["scrm.injection"]);
    story.tell(&Request {
        persons: 0..20,
        foreign: 20,
        ..search
    });
    assert_eq!(story.rules(), ["scrm.injection", "scrm.injection-success"]);
}

#[test]
fn a_reload_keeps_what_unchanged_rules_know() {
    let mut story = alone();
    story.tell(&foreign(0)).tell(&foreign(1));
    let more = "title: Ours\nname: ours\nlogsource: { product: hudun, service: scrm }\ndetection:\n  selection: { scrm.module: customers, http_request.http_method: GET }\n  condition: selection\nlevel: low\n";
    story.monitor.rules_mut().unwrap().reload(pack(more));
    story.tell(&foreign(2));
    let rules = story.rules();
    assert!(
        rules.contains(&"scrm.id-walk") && rules.contains(&"ours"),
        "{rules:?}"
    );
    // A rule without Hudun's own attribute speaks with its title.
    let ours = story.findings.iter().find(|finding| finding.rule == "ours");
    assert_eq!(ours.unwrap().title.zh, "Ours");
}

#[test]
fn a_token_from_a_new_network_and_a_long_sleep_are_noticed() {
    let mut story = alone();
    let login = Request {
        path: "/api/login",
        login: true,
        persons: 0..0,
        ..WORK
    };
    story.tell(&login);
    story.at += 59 * 86_400_000;
    story.tell(&login);
    assert!(story.findings.is_empty());
    story.at += 61 * 86_400_000;
    story.tell(&login);
    assert_eq!(story.rules(), ["scrm.dormant-login"]);
}

/// What a back-test says is what the rules said while it happened.
#[test]
fn a_backtest_sees_what_the_running_rules_saw() {
    let mut story = with_scores("");
    for ip in ["10.1.1.7", "203.0.113.9"] {
        for person in 0..60 {
            story.tell(&Request {
                ip,
                ..foreign(person)
            });
        }
        for _ in 0..12 {
            story.tell(&Request {
                login: true,
                status: 401,
                persons: 0..0,
                ip,
                ..WORK
            });
        }
        story.tell(&Request {
            login: true,
            persons: 0..0,
            ip,
            ..WORK
        });
        story.tell(&Request {
            export: true,
            path: "/api/customer/export",
            persons: 0..200,
            refused: ip == "10.1.1.7",
            ..WORK
        });
        // The second falls into the quiet time after the first.
        for _ in 0..2 {
            story.tell(&Request {
                sqli: true,
                ip,
                ..WORK
            });
        }
        story.at += 40 * 60_000;
    }
    let thresholds = Thresholds {
        own_scope_roles: vec!["sales".into()],
        ..Thresholds::default()
    };
    let mut test = Backtest::new(thresholds, pack(""))
        .unwrap()
        .counting_fields();
    let mut spoken = Vec::new();
    let mut silent = 0;
    for event in story.events.clone() {
        for reported in test.observe(event) {
            if reported.speaks {
                spoken.push((reported.name, reported.at, reported.actor));
            } else {
                silent += 1;
            }
        }
    }
    let said: Vec<_> = story
        .findings
        .iter()
        .filter(|finding| !finding.rule.starts_with("scrm.behaviour-"))
        .map(|finding| {
            (
                finding.rule.clone(),
                finding.triggered_at,
                finding.actor.name(),
            )
        })
        .collect();
    assert_eq!(spoken, said);
    assert!(said.len() >= 6 && silent > 0, "{said:?}, {silent}");
    assert_eq!(test.events(), story.monitor.rules().unwrap().events());
    let fields = test.fields().unwrap();
    assert_eq!(fields["class_uid"], test.events());
    assert!(fields["scrm.subject"] >= 120 && !fields.contains_key("scrm.canary"));
    assert!(fields["scrm.risk.operation"] >= 120 && fields["scrm.risk.login"] >= 2);
}

/// Without care every group would take what comes after a clock was set back for late, and be blind for an hour.
#[test]
fn a_clock_that_is_set_back_blinds_no_rule() {
    for back in [0, 30_000, 3_600_000, 400 * 86_400_000] {
        let mut story = alone();
        story.at = 1_800_000_000_000;
        story.tell(&foreign(0)).tell(&foreign(1));
        story.at -= back;
        story.tell(&foreign(2));
        assert_eq!(story.rules(), ["scrm.id-walk"], "{back}");
        // And when it is right again, windows are not longer than they should be.
        let mut story = alone();
        story.at = 1_800_000_000_000;
        story.tell(&foreign(0));
        story.at -= back;
        story.tell(&foreign(1));
        story.at = 1_800_000_000_000 + 700_000;
        story.tell(&foreign(2)).tell(&foreign(3));
        assert!(story.findings.is_empty(), "{back}: {:?}", story.rules());
    }
}

/// The same event twice, as after a broken connection, counts its person once.
#[test]
fn persons_told_twice_and_late_count_once() {
    let mut story = alone();
    story.at = 1_800_000_000_000;
    for _ in 0..5 {
        story.tell(&foreign(0)).tell(&foreign(1));
        story.at -= 900;
    }
    assert!(story.findings.is_empty(), "{:?}", story.rules());
    story.tell(&foreign(2));
    assert_eq!(story.rules(), ["scrm.id-walk"]);
}
