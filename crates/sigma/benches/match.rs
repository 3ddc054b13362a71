//! `cargo bench -p hudun-sigma`: one event against the rules of the data folder here and in rsigma-eval, and one event of
//! a busy account through a distinct count.

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Rng, collection, files, ours, rules_folder, scrm_event};
use divan::Bencher;
use divan::counter::ItemsCount;
use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
use rsigma_eval::JsonEvent;
use serde_json::{Value, json};

fn main() {
    divan::main();
}

fn events() -> Vec<Value> {
    let mut rng = Rng::new(3);
    (0..1000).map(|n| scrm_event(&mut rng, n)).collect()
}

#[divan::bench]
fn here(bencher: Bencher<'_, '_>) {
    let Some(folder) = rules_folder() else { return };
    let engine = Engine::new(ours(&files(&folder)), Limits::default());
    let events = events();
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(events.len()))
        .bench_local(|| {
            let mut out = Vec::new();
            for event in &events {
                engine.observe(event, &Meta::default(), None, &mut scratch, &mut out);
            }
            out.len()
        });
}

#[divan::bench]
fn rsigma_eval(bencher: Bencher<'_, '_>) {
    let Some(folder) = rules_folder() else { return };
    let mut engine = rsigma_eval::Engine::new();
    assert!(
        engine
            .add_rules(&collection(&files(&folder)).rules)
            .is_empty()
    );
    let events = events();
    bencher
        .counter(ItemsCount::new(events.len()))
        .bench_local(|| {
            events
                .iter()
                .map(|event| engine.evaluate(&JsonEvent::borrow(event)).len())
                .sum::<usize>()
        });
}

#[divan::bench]
fn busy_accounts(bencher: Bencher<'_, '_>) {
    let text = "title: o\nname: o\nlogsource: { category: x }\ndetection: { s: { a: open }, condition: s }\n---\ntitle: c\ncorrelation: { type: value_count, rules: [o], group-by: [u], timespan: 10m, condition: { field: c, gte: 4000 } }\n";
    let engine = Engine::new(
        Loader::new().source("bench.yml", text).load().unwrap(),
        Limits::default(),
    );
    let mut rng = Rng::new(4);
    let events: Vec<Value> = (0..20_000)
        .map(|_| json!({"a": "open", "u": rng.below(200), "c": rng.below(300_000)}))
        .collect();
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let mut time = 0;
    bencher
        .counter(ItemsCount::new(events.len()))
        .bench_local(|| {
            for event in &events {
                time += 1;
                let meta = Meta {
                    time,
                    ..Meta::default()
                };
                engine.observe(event, &meta, None, &mut scratch, &mut out);
            }
            out.clear();
        });
}
