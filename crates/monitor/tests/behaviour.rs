//! The behaviour engine within the monitor, with the fixed detections switched off.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Finding,
    KindSet, Level, Refusal, RefusalCause, Release, Sighting, SubjectToken, Timestamp,
};
use hudun_monitor::{Behaviour, BehaviourSettings, Monitor, Thresholds};

/// Friday 2026-11-27, 10:00 in China.
const MORNING: i64 = 1_795_737_600_000 + 2 * 3_600_000;

struct Office {
    monitor: Monitor,
    findings: Vec<Finding>,
}

struct Request<'a> {
    at: i64,
    account: &'a str,
    role: &'a str,
    ip: &'a str,
    path: &'a str,
    persons: Vec<u32>,
    foreign: u32,
    login: bool,
    export: bool,
    refused: bool,
}

impl Office {
    fn open(step_up: bool) -> Self {
        let thresholds = Thresholds {
            own_scope_roles: vec!["sales".into()],
            detectors: false,
            behaviour: BehaviourSettings {
                step_up,
                ..BehaviourSettings::default()
            },
            ..Thresholds::default()
        };
        let behaviour =
            Behaviour::new(&thresholds.behaviour, thresholds.own_scope_roles.clone()).unwrap();
        Self {
            monitor: Monitor::new(thresholds).with_behaviour(behaviour),
            findings: Vec::new(),
        }
    }

    fn tell(&mut self, request: &Request<'_>) {
        let now = Timestamp::from_millis(request.at);
        let id = ExchangeId::new();
        let mut actor = Actor::unknown(request.ip.parse().unwrap());
        actor.account = Some(request.account.parse().unwrap());
        actor.role = Some(request.role.to_owned());
        actor.agent = "Chrome/142.0".to_owned();
        let head = ExchangeHead {
            id,
            at: now,
            tenant: "yunxi".parse().unwrap(),
            actor,
            module: "customers".parse().unwrap(),
            route: "customer".parse().unwrap(),
            method: if request.login { "POST" } else { "GET" }.into(),
            path: request.path.into(),
            export: request.export,
            login: request.login,
            signals: Vec::new(),
            drill: None,
            touched: Vec::new(),
            rtt_ms: None,
            about: None,
            push: None,
        };
        let sightings: Vec<_> = request
            .persons
            .iter()
            .map(|person| {
                let mut bytes = [9; 16];
                bytes[..4].copy_from_slice(&person.to_be_bytes());
                Sighting::new(
                    SubjectToken::from_bytes(bytes),
                    KindSet::of(&[DataKind::Name, DataKind::Mobile]),
                )
            })
            .collect();
        let release = Release {
            exchange: id,
            group: 0,
            at: now,
            bytes: 100,
            explained: 100,
            rows: sightings.len() as u32,
            foreign_rows: request.foreign,
            sightings,
        };
        let end = ExchangeEnd {
            exchange: id,
            at: now,
            status: 200,
            success: true,
            delivery: Delivery::Delivered,
            groups: 1,
            request_bytes: 0,
            response_bytes: 100,
            millis: 3,
            refusal: request.refused.then(|| Refusal {
                cause: RefusalCause::Isolation,
                restriction: None,
                patch: None,
                reason: "isolated".into(),
            }),
        };
        let mut events = vec![ExchangeEvent::Head(Box::new(head))];
        if !request.refused && !request.login {
            events.push(ExchangeEvent::Release(release));
        }
        events.push(ExchangeEvent::End(end));
        for event in events {
            self.findings.extend(self.monitor.observe(event, now));
        }
    }

    /// Forty members of staff as the demo has them: a brisk pace, lists and customers of their own.
    fn work(&mut self, minutes: i64) {
        for person in 0..40_u32 {
            let account = format!("staff-{person}@yunxi");
            let ip = format!("127.0.1.{}", person + 10);
            let login = Request {
                at: MORNING + i64::from(person),
                account: &account,
                role: "sales",
                ip: &ip,
                path: "/api/auth/login",
                persons: Vec::new(),
                foreign: 0,
                login: true,
                export: false,
                refused: false,
            };
            self.tell(&login);
        }
        let mut dice = 7_u64;
        for second in 0..minutes * 60 {
            for person in 0..40_u32 {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let roll = dice >> 40;
                if roll.is_multiple_of(3) {
                    continue;
                }
                let own = person * 1_000;
                let persons = if roll.is_multiple_of(5) {
                    let page = (roll as u32 / 7) % 3 * 20;
                    (own + page..own + page + 20).collect()
                } else {
                    vec![own + (roll as u32 / 11) % 60]
                };
                let manager = person % 8 == 0;
                self.tell(&Request {
                    at: MORNING + second * 1_000 + i64::from(person) * 20,
                    account: &format!("staff-{person}@yunxi"),
                    role: if manager { "manager" } else { "sales" },
                    ip: &format!("127.0.1.{}", person + 10),
                    path: "/api/customer/{id}",
                    foreign: if manager { persons.len() as u32 } else { 0 },
                    persons,
                    login: false,
                    export: false,
                    refused: false,
                });
            }
        }
    }

    fn steal(&mut self, from: i64, refused: bool) {
        for step in 0..60_u32 {
            self.tell(&Request {
                at: from + i64::from(step) * 300,
                account: "staff-3@yunxi",
                role: "sales",
                ip: "127.66.6.6",
                path: "/api/customer/{id}",
                persons: vec![900_000 + step],
                foreign: 1,
                login: false,
                export: false,
                refused,
            });
        }
    }
}

#[test]
fn staff_at_a_brisk_pace_on_their_first_morning_stay_silent_and_the_thief_does_not() {
    let mut office = Office::open(true);
    office.work(30);
    assert!(office.findings.is_empty(), "{:?}", office.findings.first());
    assert_eq!(
        office.monitor.behaviour_mut().unwrap().step_ups().count(),
        0
    );
    office.steal(MORNING + 1_900_000, false);
    let [finding] = &office.findings[..] else {
        panic!("{} findings", office.findings.len())
    };
    assert_eq!(
        (finding.rule.as_str(), finding.level),
        ("scrm.behaviour-operation", Level::High)
    );
    assert_eq!(
        finding.actor.account.as_ref().unwrap().as_str(),
        "staff-3@yunxi"
    );
    assert!(
        finding.why.en.contains("customers of colleagues"),
        "{}",
        finding.why.en
    );
    assert!(
        finding.why.zh.contains("同事的客户") && finding.why.zh.contains("风险分"),
        "{}",
        finding.why.zh
    );
    // The exchanges of the finding are real ones, the one that completed it among them.
    let evidence: BTreeSet<_> = finding.evidence.iter().collect();
    assert!(
        evidence.len() == finding.evidence.len() && !evidence.is_empty() && evidence.len() <= 100
    );
    let gone = (finding.triggered_at.as_millis() - (MORNING + 1_900_000)) / 300 + 1;
    assert!(gone < 60, "{gone} customers were gone");
    let asked: Vec<_> = office.monitor.behaviour_mut().unwrap().step_ups().collect();
    assert_eq!(asked.len(), 1, "one account is asked once to log in again");
}

#[test]
fn what_hudun_refused_is_no_behaviour() {
    let mut office = Office::open(true);
    office.work(2);
    office.steal(MORNING + 200_000, true);
    assert!(office.findings.is_empty());
}

#[test]
fn once_the_case_is_closed_the_next_theft_speaks_again() {
    let mut office = Office::open(false);
    office.work(2);
    office.steal(MORNING + 200_000, false);
    assert_eq!(office.findings.len(), 1);
    office
        .monitor
        .forget(&"yunxi".parse().unwrap(), "staff-3@yunxi");
    office.steal(MORNING + 3_600_000, false);
    assert_eq!(office.findings.len(), 2);
}

#[test]
fn without_the_engine_and_without_detections_nothing_speaks() {
    let thresholds = Thresholds {
        detectors: false,
        ..Thresholds::default()
    };
    let mut office = Office {
        monitor: Monitor::new(thresholds),
        findings: Vec::new(),
    };
    office.steal(MORNING, false);
    assert!(office.findings.is_empty());
}

/// Middle: a fresh log-in is asked for, and nobody is woken. High: a finding.
#[test]
fn a_fresh_login_is_asked_for_before_anybody_is_woken() {
    let mut office = Office::open(true);
    office.work(2);
    let (mut asked, mut told) = (None, None);
    for step in 0..60_u32 {
        office.tell(&Request {
            at: MORNING + 200_000 + i64::from(step) * 20_000,
            account: "staff-3@yunxi",
            role: "sales",
            ip: "127.0.1.13",
            path: "/api/customer/{id}",
            persons: vec![900_000 + step],
            foreign: 1,
            login: false,
            export: false,
            refused: false,
        });
        if office.monitor.behaviour_mut().unwrap().step_ups().count() > 0 {
            assert!(asked.is_none(), "asked once, then left in peace");
            asked = Some(step);
        }
        if told.is_none() && !office.findings.is_empty() {
            told = Some(step);
        }
    }
    let (asked, told) = (asked.unwrap(), told.unwrap());
    assert!(asked < told, "asked at {asked}, told at {told}");
}

/// The region of the address is asked for at a log-in.
#[test]
fn a_login_is_judged_with_its_region() {
    use std::sync::{Arc, Mutex};
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&seen);
    let site = hudun_monitor::Site {
        regions: Some(hudun_monitor::Regions::new(move |ip| {
            told.lock().unwrap().push(ip.to_string());
            let home = ip.to_string().starts_with("127.0.");
            Some(hudun_monitor::Place {
                region: Some(if home { "CN-ZJ" } else { "XX" }.to_owned()),
                point: None,
            })
        })),
        ..hudun_monitor::Site::default()
    };
    let mut office = Office::open(false);
    office.monitor =
        std::mem::replace(&mut office.monitor, Monitor::new(Thresholds::default())).at(site);
    office.tell(&Request {
        at: MORNING,
        account: "staff-3@yunxi",
        role: "sales",
        ip: "127.0.1.13",
        path: "/api/auth/login",
        persons: Vec::new(),
        foreign: 0,
        login: true,
        export: false,
        refused: false,
    });
    assert_eq!(*seen.lock().unwrap(), ["127.0.1.13"]);
}
