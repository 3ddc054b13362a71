//! A million hostile keys: memory stays under its cap, and who is quiet is still heard.

#![allow(clippy::unwrap_used)]

use hudun_sigma::{Engine, Finding, Flat, Limits, Loader, Meta, Scratch, Value};

const RULES: &str = "
title: failed
name: failed
logsource: { category: application }
detection: { s: { action: login, ok: false }, condition: s }
---
title: opened
name: opened
logsource: { category: application }
detection: { s: { action: open }, condition: s }
---
title: many failures
correlation: { type: event_count, rules: [failed], group-by: [user], timespan: 1h, condition: { gte: 20 } }
---
title: many customers
correlation: { type: value_count, rules: [opened], group-by: [user], timespan: 1h, condition: { field: customer, gte: 20 } }
";

struct Guard {
    engine: Engine,
    scratch: Scratch,
    found: Vec<Finding>,
}

impl Guard {
    fn new(limits: Limits) -> Self {
        let rules = Loader::new().source("quotas.yml", RULES).load().unwrap();
        Self {
            engine: Engine::new(rules, limits),
            scratch: Scratch::default(),
            found: Vec::new(),
        }
    }

    fn event(&mut self, tenant: &str, time: i64, failed: bool, user: &str, customer: i64) {
        let mut event = Flat::new();
        event
            .push("action", Value::Text(if failed { "login" } else { "open" }))
            .push("ok", Value::Bool(false))
            .push("user", Value::Text(user))
            .push("customer", Value::Int(customer));
        let meta = Meta {
            tenant,
            time,
            ..Meta::default()
        };
        self.engine
            .observe(&event, &meta, None, &mut self.scratch, &mut self.found);
    }

    fn titles(&self) -> Vec<&str> {
        self.found
            .iter()
            .map(|finding| finding.rule.title.as_str())
            .collect()
    }
}

/// Resident memory in bytes, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

#[test]
fn a_million_keys_of_one_tenant_cost_no_more_than_its_cap_and_hide_nothing_of_another() {
    let limits = Limits {
        bytes_per_tenant: 16 << 20,
        bytes: 64 << 20,
        ..Limits::default()
    };
    let mut guard = Guard::new(limits);
    let before = resident();
    for n in 0..1_000_000_i64 {
        guard.event("hostile", n, n % 2 == 0, &format!("x{n}"), n);
        // Every three minutes of an hour: twenty failures of one, twenty customers of another.
        if n % 50_000 == 0 {
            guard.event("quiet", n, true, "boss", 0);
            guard.event("quiet", n, false, "sales-3", n);
        }
        if n % 10_000 == 0 {
            let stats = guard.engine.stats();
            assert!(stats.bytes <= (16 << 20) + 8192, "at {n}: {stats:?}");
        }
    }
    assert_eq!(guard.titles(), ["many failures", "many customers"]);
    let stats = guard.engine.stats();
    assert!(stats.evicted > 800_000, "{stats:?}");
    assert_eq!(stats.refused, 0);
    if let (Some(before), Some(after)) = (before, resident()) {
        let more = after.saturating_sub(before);
        assert!(more < 64 << 20, "{more} bytes resident for a cap of 16 MiB");
    }
}

#[test]
fn many_hostile_tenants_fill_the_whole_cap_and_pay_for_it_themselves() {
    let limits = Limits {
        bytes_per_tenant: 1 << 20,
        bytes: 2 << 20,
        ..Limits::default()
    };
    let mut guard = Guard::new(limits);
    // Twenty, so that each holds more than the quiet one: the largest pays.
    for n in 0..60_000_i64 {
        guard.event(
            &format!("hostile {}", n % 20),
            n,
            n % 2 == 0,
            &format!("x{n}"),
            n,
        );
        if n % 3_000 == 0 {
            guard.event("quiet", n, true, "boss", 0);
            guard.event("quiet", n, false, "sales-3", n);
            let stats = guard.engine.stats();
            assert!(stats.bytes <= 2 << 20, "at {n}: {stats:?}");
        }
    }
    assert_eq!(guard.titles(), ["many failures", "many customers"]);
    let stats = guard.engine.stats();
    assert!(stats.evicted > 40_000, "{stats:?}");
    assert_eq!(stats.refused, 0);
}
