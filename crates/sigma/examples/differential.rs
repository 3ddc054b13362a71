//! Compares this engine with rsigma-eval on generated rule × event pairs, and prints what differs.
//!
//! `cargo run --release -p hudun-sigma --example differential -- [PAIRS] [SEED] [FOLDER]`

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Generator, PROVEN, collection, files, ours, rules_folder};
use hudun_sigma::Scratch;
use rsigma_eval::{Engine, JsonEvent};

fn main() {
    let mut args = std::env::args().skip(1);
    let pairs: usize = args.next().map_or(1_000_000, |text| text.parse().unwrap());
    let seed: u64 = args.next().map_or(1, |text| text.parse().unwrap());
    let folder = args.next().map(Into::into).or_else(rules_folder);
    let Some(folder) = folder else { return };

    let files = files(&folder);
    let set = ours(&files);
    let collection = collection(&files);
    let mut oracle = Engine::new();
    let refused = oracle.add_rules(&collection.rules);
    assert!(refused.is_empty(), "{refused:?}");
    let mut generator = Generator::new(&collection.rules, seed);
    let mut scratch = Scratch::default();
    let rules = collection.rules.len();
    let events = pairs.div_ceil(rules);
    let (mut matched, mut proven, mut differ) =
        (0_usize, 0_usize, BTreeMap::<String, (usize, String)>::new());
    let mut fired = BTreeSet::new();
    for _ in 0..events {
        let event = generator.event();
        let mine: BTreeSet<&str> = set
            .matches(&event, None, &mut scratch)
            .iter()
            .map(|&rule| collection.rules[rule as usize].id.as_deref().unwrap())
            .collect();
        matched += mine.len();
        let results = oracle.evaluate(&JsonEvent::borrow(&event));
        let theirs: BTreeSet<&str> = results
            .iter()
            .map(|result| result.header.rule_id.as_deref().unwrap())
            .collect();
        for rule in mine.symmetric_difference(&theirs) {
            if mine.contains(rule) && PROVEN.iter().any(|(proven, _)| proven == rule) {
                proven += 1;
                continue;
            }
            let who = if mine.contains(rule) {
                "only here"
            } else {
                "only there"
            };
            let entry = differ
                .entry(format!("{rule} {who}"))
                .or_insert_with(|| (0, event.to_string()));
            entry.0 += 1;
        }
        fired.extend(mine.into_iter().map(str::to_owned));
    }
    println!(
        "{} pairs ({rules} rules, {events} events, seed {seed}): {matched} matches, {} of {rules} rules fired, {} disagreements, and {proven} that the specification decides for us",
        rules * events,
        fired.len(),
        differ.values().map(|(number, _)| number).sum::<usize>()
    );
    for (rule, clause) in PROVEN {
        println!("  {rule}: {clause}");
    }
    for (rule, (number, event)) in &differ {
        println!("{number:8} {rule}: {event}");
    }
    assert!(differ.is_empty(), "the engines disagree");
}
