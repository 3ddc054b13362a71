//! The bars of the engine in one run: events per second on one core beside rsigma-eval, the worst correlation case, and
//! memory under a million hostile keys.
//!
//! `cargo run --release -p hudun-sigma --example throughput -- [FOLDER]`

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{Rng, collection, files, ours, rules_folder, scrm_event};
use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
use rsigma_eval::JsonEvent;
use serde_json::{Value, json};

/// Times that the pool is gone through in a round.
const TIMES: usize = 400;
const EVENTS: usize = POOL * TIMES;
/// Different events.
const POOL: usize = 256;
const ROUNDS: usize = 5;

fn main() {
    let folder = std::env::args()
        .nth(1)
        .map(Into::into)
        .or_else(rules_folder);
    if let Some(folder) = folder {
        matching(&files(&folder));
    }
    correlation("20,000 accounts", 20_000, 500_000);
    correlation("200 busy accounts", 200, 500_000);
    hostile();
}

/// The same events through both engines, in turn.
fn matching(files: &[(String, String)]) {
    let mut rng = Rng::new(3);
    // A few hundred different events again and again: one that has just been parsed is in the cache, as these are.
    let events: Vec<Value> = (0..POOL).map(|n| scrm_event(&mut rng, n as u64)).collect();
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let bytes: usize = lines.iter().map(String::len).sum();
    let engine = Engine::new(ours(files), Limits::default());
    let collection = collection(files);
    let mut oracle = rsigma_eval::Engine::new();
    assert!(oracle.add_rules(&collection.rules).is_empty());
    println!(
        "{} rules, {EVENTS} events of {} bytes, {} rules without index; events per second of one core",
        collection.rules.len(),
        bytes / POOL,
        engine.rules().unindexed().count()
    );

    let mut best = [f64::INFINITY; 4];
    let mut counts = [0; 4];
    for _ in 0..ROUNDS {
        let mut scratch = Scratch::default();
        time(&mut best[0], || {
            counts[0] = (0..TIMES)
                .flat_map(|_| &events)
                .map(|event| engine.rules().matches(event, None, &mut scratch).len())
                .sum();
        });
        let mut out = Vec::new();
        time(&mut best[1], || {
            counts[1] = 0;
            for event in (0..TIMES).flat_map(|_| &events) {
                engine.observe(event, &Meta::default(), None, &mut scratch, &mut out);
                counts[1] += out.len();
                out.clear();
            }
        });
        time(&mut best[2], || {
            counts[2] = 0;
            for line in (0..TIMES).flat_map(|_| &lines) {
                let event: Value = serde_json::from_str(line).unwrap();
                engine.observe(&event, &Meta::default(), None, &mut scratch, &mut out);
                counts[2] += out.len();
                out.clear();
            }
        });
        time(&mut best[3], || {
            counts[3] = (0..TIMES)
                .flat_map(|_| &events)
                .map(|event| oracle.evaluate(&JsonEvent::borrow(event)).len())
                .sum();
        });
    }
    assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    let rate = |seconds: f64| EVENTS as f64 / seconds;
    println!("  matches          {:>10.0} events/s", rate(best[0]));
    println!("  findings         {:>10.0} events/s", rate(best[1]));
    println!("  JSON to findings {:>10.0} events/s", rate(best[2]));
    println!("  rsigma-eval      {:>10.0} events/s", rate(best[3]));
    println!(
        "  ratio            {:>10.1} (findings to findings); {} findings each",
        best[3] / best[1],
        counts[0]
    );
}

fn time(best: &mut f64, work: impl FnOnce()) {
    let start = Clock::now();
    work();
    *best = best.min(start.seconds());
}

/// Time of this thread on a core, so that what else the machine does counts little; wall time where the system can't tell.
struct Clock(Instant, Option<u64>);

impl Clock {
    fn now() -> Self {
        Self(Instant::now(), Self::on_core())
    }

    fn seconds(&self) -> f64 {
        match (self.1, Self::on_core()) {
            (Some(before), Some(after)) => (after - before) as f64 / 1e9,
            _ => self.0.elapsed().as_secs_f64(),
        }
    }

    fn on_core() -> Option<u64> {
        // The account of a running thread is as old as the last tick; giving way brings it up to date.
        std::thread::yield_now();
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok()
    }
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
