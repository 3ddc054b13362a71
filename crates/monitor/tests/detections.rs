//! Each detection with events that must fire and events that must not.

#![allow(clippy::unwrap_used)]

mod story;

use hudun_core::{
    Actor, Delivery, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Level, Refusal,
    RefusalCause, Timestamp,
};
use hudun_monitor::{Monitor, Thresholds};
use story::{Request, Story, WORK};

#[test]
fn walking_through_other_peoples_customers_fires_at_the_third() {
    let mut story = Story::new();
    for person in 0..2 {
        story.tell(&Request {
            persons: person..person + 1,
            foreign: 1,
            ..WORK
        });
    }
    assert!(story.findings.is_empty());
    story.tell(&Request {
        persons: 2..3,
        foreign: 1,
        ..WORK
    });
    assert_eq!(story.rules(), ["scrm.id-walk"]);
    assert_eq!(story.findings[0].level, Level::High);
    assert_eq!(story.findings[0].evidence.len(), 3);
    assert_eq!(story.findings[0].triggered_at.as_millis(), story.at);
}

#[test]
fn the_same_alarm_is_not_raised_twice() {
    let mut story = Story::new();
    for person in 0..50 {
        story.tell(&Request {
            persons: person..person + 1,
            foreign: 1,
            ..WORK
        });
    }
    assert_eq!(story.rules(), ["scrm.id-walk"]);
}

#[test]
fn after_a_closed_case_the_alarm_speaks_again() {
    let mut story = Story::new();
    for round in 0..2 {
        for person in 0..5 {
            story.tell(&Request {
                persons: person..person + 1,
                foreign: 1,
                ..WORK
            });
        }
        assert_eq!(story.findings.len(), round + 1);
        story.monitor.forget(&"yunxi".parse().unwrap(), "mei@yunxi");
    }
}

#[test]
fn a_manager_and_ones_own_customers_are_ordinary_work() {
    let mut story = Story::new();
    for person in 0..100 {
        story.tell(&Request {
            persons: person..person + 1,
            ..WORK
        });
        story.tell(&Request {
            role: "manager",
            persons: person..person + 1,
            foreign: 1,
            ..WORK
        });
    }
    assert!(story.findings.is_empty(), "{:?}", story.rules());
}

#[test]
fn injection_is_seen_in_the_request_and_again_when_it_succeeds() {
    let mut story = Story::new();
    story.tell(&Request {
        path: "/api/customer",
        persons: 0..0,
        sqli: true,
        ..WORK
    });
    assert_eq!(story.rules(), ["scrm.injection"]);
    story.tell(&Request {
        path: "/api/customer",
        persons: 10..60,
        foreign: 50,
        sqli: true,
        ..WORK
    });
    assert_eq!(story.rules(), ["scrm.injection", "scrm.injection-success"]);
}

#[test]
fn an_export_of_others_rows_fires_and_one_of_own_rows_does_not() {
    let mut story = Story::new();
    story.tell(&Request {
        path: "/api/export/{id}/file",
        export: true,
        persons: 0..50,
        ..WORK
    });
    assert!(story.findings.is_empty());
    story.tell(&Request {
        path: "/api/export/{id}/file",
        export: true,
        persons: 0..50,
        foreign: 40,
        ..WORK
    });
    assert_eq!(story.rules(), ["scrm.bulk-export"]);
}

#[test]
fn a_log_in_from_a_new_network_is_noted_but_wakes_nobody() {
    let mut story = Story::new();
    let login = Request {
        login: true,
        path: "/api/auth/login",
        persons: 0..0,
        ..WORK
    };
    story.tell(&login);
    story.tell(&Request {
        ip: "10.1.1.99",
        ..login.clone()
    });
    assert!(story.findings.is_empty(), "same network");
    story.tell(&Request {
        ip: "203.0.113.9",
        ..login
    });
    assert_eq!(story.rules(), ["scrm.new-network"]);
    assert_eq!(story.findings[0].level, Level::Low);
}

#[test]
fn guessing_and_stuffing_are_told_apart() {
    let mut story = Story::new();
    let failed = Request {
        login: true,
        path: "/api/auth/login",
        persons: 0..0,
        status: 401,
        ..WORK
    };
    for _ in 0..12 {
        story.tell(&failed);
    }
    assert_eq!(story.rules(), ["scrm.brute-force"]);
    const NAMES: [&str; 16] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
    ];
    let mut story = Story::new();
    for account in NAMES {
        story.tell(&Request {
            account,
            ..failed.clone()
        });
    }
    assert_eq!(story.rules(), ["scrm.credential-stuffing"]);
}

#[test]
fn what_hudun_refused_feeds_no_detection() {
    let mut story = Story::new();
    for _ in 0..100 {
        story.tell(&Request {
            status: 403,
            refused: true,
            ..WORK
        });
    }
    assert!(story.findings.is_empty());
    for _ in 0..15 {
        story.tell(&Request {
            status: 404,
            ..WORK
        });
    }
    assert_eq!(story.rules(), ["scrm.object-probing"]);
}

#[test]
fn one_actor_cannot_push_out_another_tenants_state() {
    let thresholds = Thresholds {
        own_scope_roles: vec!["sales".into()],
        actors_per_tenant: 100,
        ..Thresholds::default()
    };
    let mut story = Story {
        monitor: Monitor::new(thresholds),
        at: 0,
        findings: Vec::new(),
        events: Vec::new(),
    };
    static NAMES: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| (0..500).map(|n| format!("account-{n}")).collect());
    for name in NAMES.iter() {
        story.tell(&Request {
            account: name,
            ..WORK
        });
    }
    assert!(story.monitor.evicted() > 0, "what is evicted is counted");
}

#[test]
fn an_attack_that_was_stopped_is_told_once_with_its_reason() {
    let mut story = Story::new();
    for _ in 0..5 {
        story.refuse(
            RefusalCause::Inspection,
            "请求被拦截 / The request was stopped [rules 942100]",
        );
    }
    let told: Vec<_> = story
        .findings
        .iter()
        .map(|finding| {
            (
                finding.rule.as_str(),
                finding.level,
                finding.why.zh.as_str(),
            )
        })
        .collect();
    assert_eq!(told, [("inspection.stopped", Level::Medium, "请求被拦截")]);
    let mut story = Story::new();
    story.refuse(RefusalCause::Isolation, "isolated");
    assert!(story.findings.is_empty());
}

impl Story {
    fn refuse(&mut self, cause: RefusalCause, reason: &str) {
        self.at += 500;
        let now = Timestamp::from_millis(self.at);
        let id = ExchangeId::new();
        let head = ExchangeHead {
            id,
            at: now,
            tenant: "yunxi".parse().unwrap(),
            actor: Actor::unknown("10.1.1.7".parse().unwrap()),
            module: "customers".parse().unwrap(),
            route: "customer".parse().unwrap(),
            method: "GET".into(),
            path: "/api/customer".into(),
            export: false,
            login: false,
            signals: Vec::new(),
            drill: None,
            touched: Vec::new(),
            rtt_ms: None,
            about: None,
            push: None,
        };
        let end = ExchangeEnd {
            exchange: id,
            at: now,
            status: 403,
            success: false,
            delivery: Delivery::Withheld,
            groups: 0,
            request_bytes: 0,
            response_bytes: 0,
            millis: 1,
            refusal: Some(Refusal {
                cause,
                restriction: None,
                patch: None,
                reason: reason.to_owned(),
            }),
        };
        for event in [ExchangeEvent::Head(Box::new(head)), ExchangeEvent::End(end)] {
            self.findings.extend(self.monitor.observe(event, now));
        }
    }
}
