//! Exchanges told to a monitor, one after another.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)] // each test file uses its part

use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Finding,
    KindSet, Refusal, RefusalCause, Release, Sighting, Signal, SignalKind, SubjectToken, Timestamp,
};
use hudun_monitor::{Monitor, Thresholds};

pub struct Story {
    pub monitor: Monitor,
    pub at: i64,
    pub findings: Vec<Finding>,
    pub events: Vec<ExchangeEvent>,
}

#[derive(Clone)]
pub struct Request {
    pub account: &'static str,
    pub role: &'static str,
    pub ip: &'static str,
    pub path: &'static str,
    pub persons: std::ops::Range<u8>,
    pub foreign: u32,
    pub status: u16,
    pub login: bool,
    pub export: bool,
    pub sqli: bool,
    pub refused: bool,
}

pub const WORK: Request = Request {
    account: "mei@yunxi",
    role: "sales",
    ip: "10.1.1.7",
    path: "/api/customer/{id}",
    persons: 0..1,
    foreign: 0,
    status: 200,
    login: false,
    export: false,
    sqli: false,
    refused: false,
};

impl Story {
    pub fn new() -> Self {
        Self::with(Monitor::new)
    }

    pub fn with(monitor: impl FnOnce(Thresholds) -> Monitor) -> Self {
        let thresholds = Thresholds {
            own_scope_roles: vec!["sales".into()],
            ..Thresholds::default()
        };
        Self {
            monitor: monitor(thresholds),
            at: 0,
            findings: Vec::new(),
            events: Vec::new(),
        }
    }

    pub fn tell(&mut self, request: &Request) -> &mut Self {
        self.at += 500;
        let now = Timestamp::from_millis(self.at);
        let id = ExchangeId::new();
        let mut actor = Actor::unknown(request.ip.parse().unwrap());
        actor.account = Some(request.account.parse().unwrap());
        actor.role = Some(request.role.to_owned());
        let signals = if request.sqli {
            vec![Signal {
                kind: SignalKind::Sqli,
                place: "query:search".into(),
                mark: "s&1".into(),
            }]
        } else {
            Vec::new()
        };
        let head = ExchangeHead {
            id,
            at: now,
            tenant: "yunxi".parse().unwrap(),
            actor,
            module: "customers".parse().unwrap(),
            route: "customer".parse().unwrap(),
            method: "GET".into(),
            path: request.path.into(),
            export: request.export,
            login: request.login,
            signals,
            drill: None,
            touched: Vec::new(),
            rtt_ms: None,
            about: None,
            push: None,
        };
        let sightings: Vec<_> = request
            .persons
            .clone()
            .map(|person| {
                Sighting::new(
                    SubjectToken::from_bytes([person; 16]),
                    KindSet::of(&[DataKind::Name]),
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
            status: request.status,
            success: request.status < 400,
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
        if request.status < 400 {
            events.push(ExchangeEvent::Release(release));
        }
        events.push(ExchangeEvent::End(end));
        for event in events {
            self.events.push(event.clone());
            self.findings.extend(self.monitor.observe(event, now));
        }
        self
    }

    pub fn rules(&self) -> Vec<&str> {
        self.findings
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect()
    }
}
