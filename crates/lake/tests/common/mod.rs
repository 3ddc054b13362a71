//! Made-up exchanges for the tests.
#![allow(dead_code)] // each test binary uses a part

use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeHead, ExchangeId, KindSet, Push, Refusal,
    RefusalCause, Release, Sighting, Signal, SignalKind, SubjectToken, Timestamp,
};

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_420_800_000 + millis)
}

pub(crate) fn head(
    id: ExchangeId,
    tenant: &str,
    account: &str,
    session: &str,
    when: i64,
) -> ExchangeHead {
    ExchangeHead {
        id,
        at: at(when),
        tenant: tenant.parse().unwrap(),
        actor: Actor {
            account: Some(account.parse().unwrap()),
            role: Some("sales".into()),
            session: Some(session.parse().unwrap()),
            token: None,
            ip: "203.0.113.7".parse().unwrap(),
            agent: "curl/8".into(),
        },
        module: "customers".parse().unwrap(),
        route: "customer".parse().unwrap(),
        method: "GET".into(),
        path: "/api/customers/{id}".into(),
        export: false,
        login: false,
        signals: vec![Signal {
            kind: SignalKind::Sqli,
            place: "query:q".into(),
            mark: "942100".into(),
        }],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    }
}

/// The same with everything that only few requests have.
pub(crate) fn with_more(head: ExchangeHead) -> ExchangeHead {
    ExchangeHead {
        touched: vec![token(70), token(71)],
        rtt_ms: Some(42),
        about: Some("mei@yunxi".parse().unwrap()),
        push: Some(Push::Unanswered),
        ..head
    }
}

pub(crate) fn token(n: u32) -> SubjectToken {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    SubjectToken::from_bytes(bytes)
}

pub(crate) fn sighting(subject: u32, aliases: &[u32]) -> Sighting {
    Sighting {
        subject: token(subject),
        kinds: KindSet::of(&[DataKind::Name, DataKind::Mobile]),
        aliases: aliases.iter().map(|&n| token(n)).collect(),
    }
}

pub(crate) fn release(id: ExchangeId, group: u32, when: i64, sightings: Vec<Sighting>) -> Release {
    let bytes = 200 * sightings.len() as u64;
    Release {
        exchange: id,
        group,
        at: at(when),
        bytes,
        explained: bytes,
        rows: sightings.len() as u32,
        foreign_rows: 0,
        sightings,
    }
}

pub(crate) fn end(
    id: ExchangeId,
    when: i64,
    groups: u32,
    bytes: u64,
    delivery: Delivery,
) -> ExchangeEnd {
    ExchangeEnd {
        exchange: id,
        at: at(when),
        status: if delivery == Delivery::Withheld {
            403
        } else {
            200
        },
        success: delivery != Delivery::Withheld,
        delivery,
        groups,
        request_bytes: 10,
        response_bytes: bytes,
        millis: 5,
        refusal: (delivery == Delivery::Withheld).then(|| Refusal {
            cause: RefusalCause::Isolation,
            restriction: None,
            patch: None,
            reason: "模块已隔离".into(),
        }),
    }
}
