//! Events per second on one core beside rsigma-eval: the same events, the same rules, each round in turn.
//!
//! `cargo run --release -p hudun-sigma --example throughput -- [--rounds N] [--only WAY] [FOLDER]`

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "../tests/common/clock.rs"]
mod clock;
#[path = "../tests/common/mod.rs"]
mod common;

use clock::{Rounds, median};
use common::{Rng, collection, files, ours, rules_folder, scrm_event};
use hudun_sigma::{Engine, Limits, Meta, Scratch, Source};
use rsigma_eval::JsonEvent;
use rsigma_parser::{LogSource, SigmaCollection};
use serde_json::Value;

/// Times that the pool is gone through in a round.
const TIMES: usize = 200;
const EVENTS: usize = POOL * TIMES;
/// Different events. A few hundred again and again: one that has just been parsed is in the cache, as these are.
const POOL: usize = 256;
const ROUNDS: usize = 15;

/// One way to get from events to findings.
struct Way<'a> {
    name: &'a str,
    work: Box<dyn FnMut() -> usize + 'a>,
    rounds: Rounds,
    findings: usize,
}

fn main() {
    let (mut rounds, mut only, mut folder) = (ROUNDS, None, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => rounds = args.next().unwrap().parse().unwrap(),
            "--only" => only = args.next(),
            _ => folder = Some(arg.into()),
        }
    }
    let Some(folder) = folder.or_else(rules_folder) else {
        return;
    };
    let files = files(&folder);
    let mut rng = Rng::new(3);
    let events: Vec<Value> = (0..POOL).map(|n| scrm_event(&mut rng, n as u64)).collect();
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    let engine = Engine::new(ours(&files), Limits::default());
    let collection = collection(&files);
    println!(
        "{} rules, {POOL} events of {} bytes {TIMES} times, {rounds} rounds, {} rules without index",
        collection.rules.len(),
        lines.iter().map(String::len).sum::<usize>() / POOL,
        engine.rules().unindexed().count()
    );

    let mut ways = here(&engine, &events, &lines);
    ways.extend(there(&collection, &events));
    ways.retain(|way| {
        only.as_deref()
            .is_none_or(|only| way.name.starts_with(only))
    });
    for _ in 0..rounds {
        for way in &mut ways {
            way.rounds.time(|| way.findings = (way.work)());
        }
    }
    println!("events per second of one core: median, best");
    let rate = |seconds: f64| EVENTS as f64 / seconds;
    for way in &ways {
        println!(
            "  {:38} {:>10.0} {:>10.0}   {} findings",
            way.name,
            rate(way.rounds.median()),
            rate(way.rounds.best()),
            way.findings
        );
    }
    for (mine, theirs) in [
        ("event to findings", "rsigma-eval, every rule"),
        ("event to findings, routed", "rsigma-eval, routed"),
    ] {
        let Some(mine) = ways.iter().find(|way| way.name == mine) else {
            continue;
        };
        // The one that was fastest in this run.
        let Some(theirs) = ways
            .iter()
            .filter(|way| way.name.starts_with(theirs))
            .min_by(|a, b| a.rounds.median().total_cmp(&b.rounds.median()))
        else {
            continue;
        };
        assert_eq!(mine.findings, theirs.findings);
        let mut ratios = theirs.rounds.against(&mine.rounds);
        ratios.sort_unstable_by(f64::total_cmp);
        println!(
            "{} against {}: {:.1} times (median of {rounds} rounds; {:.1} to {:.1})",
            mine.name,
            theirs.name,
            median(ratios.clone()),
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
}

fn here<'a>(engine: &'a Engine, events: &'a [Value], lines: &'a [String]) -> Vec<Way<'a>> {
    let route = engine.rules().route(&Source {
        category: Some("webserver".into()),
        ..Source::default()
    });
    let mut scratch = Scratch::default();
    let matches = move || {
        (0..TIMES)
            .flat_map(|_| events)
            .map(|event| engine.rules().matches(event, None, &mut scratch).len())
            .sum()
    };
    let observe = |routed: bool| {
        let route = routed.then(|| route.clone());
        let mut scratch = Scratch::default();
        let mut out = Vec::new();
        move || {
            let mut found = 0;
            for event in (0..TIMES).flat_map(|_| events) {
                engine.observe(
                    event,
                    &Meta::default(),
                    route.as_ref(),
                    &mut scratch,
                    &mut out,
                );
                found += out.len();
                out.clear();
            }
            found
        }
    };
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let parse = move || {
        let mut found = 0;
        for line in (0..TIMES).flat_map(|_| lines) {
            let event: Value = serde_json::from_str(line).unwrap();
            engine.observe(&event, &Meta::default(), None, &mut scratch, &mut out);
            found += out.len();
            out.clear();
        }
        found
    };
    vec![
        way("event to matches", matches),
        way("event to findings", observe(false)),
        way("event to findings, routed", observe(true)),
        way("JSON to findings", parse),
    ]
}

/// The other engine as its documentation recommends: one `add_rules` for all, borrowed events, nothing else on, and its
/// two options beside, which it advises to measure: the bloom filter, and log sources.
fn there<'a>(collection: &'a SigmaCollection, events: &'a [Value]) -> Vec<Way<'a>> {
    let source = LogSource {
        category: Some("webserver".into()),
        ..LogSource::default()
    };
    let mut ways = Vec::new();
    for (name, bloom, routed) in [
        ("rsigma-eval, every rule", false, false),
        ("rsigma-eval, every rule, bloom filter", true, false),
        ("rsigma-eval, routed", false, true),
        ("rsigma-eval, routed, bloom filter", true, true),
    ] {
        let mut engine = rsigma_eval::Engine::new();
        engine.set_bloom_prefilter(bloom);
        assert!(engine.add_rules(&collection.rules).is_empty());
        let source = source.clone();
        ways.push(way(name, move || {
            (0..TIMES)
                .flat_map(|_| events)
                .map(|event| {
                    let event = JsonEvent::borrow(event);
                    if routed {
                        engine.evaluate_pruned(&event, &source).len()
                    } else {
                        engine.evaluate(&event).len()
                    }
                })
                .sum()
        }));
    }
    ways
}

fn way<'a>(name: &'a str, work: impl FnMut() -> usize + 'a) -> Way<'a> {
    Way {
        name,
        work: Box::new(work),
        rounds: Rounds::default(),
        findings: 0,
    }
}
