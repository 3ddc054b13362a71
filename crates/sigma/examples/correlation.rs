//! Correlations at their worst: 200 busy accounts with windows of thousands of values, and memory and a quiet tenant's
//! finding under a million hostile keys.
//!
//! `cargo run --release -p hudun-sigma --example correlation`

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "../tests/common/clock.rs"]
mod clock;
#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use clock::Clock;
use common::Rng;
use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
use serde_json::{Value, json};

const ROUNDS: usize = 5;

fn main() {
    for _ in 0..ROUNDS {
        correlation("200 busy accounts", 200, 500_000);
    }
    correlation("20,000 accounts", 20_000, 500_000);
    hostile();
}

/// The correlations of the reference: event_count, two value_count, value_sum, temporal_ordered over four base rules.
const CORRELATIONS: &str = r"
title: opened
name: opened
logsource: { category: application }
detection: { s: { action: open }, condition: s }
---
title: exported
name: exported
logsource: { category: application }
detection: { s: { action: export }, condition: s }
---
title: failed
name: failed
logsource: { category: application }
detection: { s: { action: login, ok: false }, condition: s }
---
title: entered
name: entered
logsource: { category: application }
detection: { s: { action: login, ok: true }, condition: s }
---
title: many failures
correlation: { type: event_count, rules: [failed], group-by: [user], timespan: 10m, condition: { gte: 20 } }
---
title: many customers
correlation: { type: value_count, rules: [opened], group-by: [user], timespan: 10m, condition: { field: customer, gte: 4000 } }
---
title: many addresses
correlation: { type: value_count, rules: [opened], group-by: [user], timespan: 10m, condition: { field: ip, gte: 3000 } }
---
title: many rows
correlation: { type: value_sum, rules: [exported], group-by: [user], timespan: 10m, condition: { field: rows, gte: 100000000 } }
---
title: in after failures
correlation: { type: temporal_ordered, rules: [failed, entered], group-by: [user], timespan: 10m }
";

fn correlation(what: &str, users: usize, number: usize) {
    let engine = Engine::new(
        Loader::new()
            .source("bench.yml", CORRELATIONS)
            .load()
            .unwrap(),
        Limits::default(),
    );
    let mut rng = Rng::new(5);
    let events: Vec<Value> = (0..number)
        .map(|_| {
            let action = *rng.pick(&[
                "open", "open", "open", "open", "open", "open", "export", "login",
            ]);
            json!({
                "action": action,
                "ok": rng.one_in(2),
                "user": format!("u{}", rng.below(users)),
                "customer": format!("c{}", rng.below(300_000)),
                "ip": format!("10.0.{}.{}", rng.below(250), rng.below(250)),
                "rows": rng.below(500),
            })
        })
        .collect();
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let mut nanos: Vec<u64> = Vec::with_capacity(number);
    let start = Clock::now();
    for (n, event) in events.iter().enumerate() {
        let meta = Meta {
            tenant: "shop",
            time: n as i64,
            ..Meta::default()
        };
        let before = Instant::now();
        engine.observe(event, &meta, None, &mut scratch, &mut out);
        nanos.push(u64::try_from(before.elapsed().as_nanos()).unwrap());
    }
    let seconds = start.seconds();
    nanos.sort_unstable();
    let at = |part: f64| nanos[((nanos.len() - 1) as f64 * part) as usize] as f64 / 1000.0;
    let stats = engine.stats();
    println!(
        "{what}: {:.0} events/s, p50 {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs, max {:.0} µs; {} findings, {} groups, {:.1} MB",
        number as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        out.len(),
        stats.groups,
        stats.bytes as f64 / 1e6
    );
}

/// A tenant that invents a million accounts, and one that is attacked quietly meanwhile.
fn hostile() {
    let limits = Limits {
        bytes: 64 << 20,
        bytes_per_tenant: 32 << 20,
        ..Limits::default()
    };
    let engine = Engine::new(
        Loader::new()
            .source("bench.yml", CORRELATIONS)
            .load()
            .unwrap(),
        limits,
    );
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let before = resident();
    let start = Clock::now();
    let mut caught = 0;
    for n in 0..1_000_000_i64 {
        let event = json!({"action": "open", "user": format!("x{n}"), "customer": n, "ip": "10.0.0.1", "rows": 1});
        let meta = Meta {
            tenant: "hostile",
            time: n / 4,
            ..Meta::default()
        };
        engine.observe(&event, &meta, None, &mut scratch, &mut out);
        if n % 50_000 == 0 {
            let event = json!({"action": "login", "ok": false, "user": "boss"});
            let meta = Meta {
                tenant: "quiet",
                time: n / 4,
                ..Meta::default()
            };
            engine.observe(&event, &meta, None, &mut scratch, &mut out);
            caught += out.len();
            out.clear();
        }
    }
    let stats = engine.stats();
    println!(
        "a million hostile keys: {:.0} events/s, {} groups, {:.1} MB of {:.0} MB counted, {:.1} MB resident more, {} evicted; the quiet tenant's finding: {caught}",
        1e6 / start.seconds(),
        stats.groups,
        stats.bytes as f64 / 1e6,
        limits.bytes as f64 / 1e6,
        (resident() - before) / 1e6,
        stats.evicted
    );
    assert_eq!(
        caught, 1,
        "the quiet tenant's twentieth failure was not found"
    );
}

/// Resident memory in bytes, where the system tells.
fn resident() -> f64 {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<f64>().ok())
        .map_or(0.0, |pages| pages * 4096.0)
}
