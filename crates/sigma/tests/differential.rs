//! Every rule of the data folder on events made from the rules, here and in rsigma-eval: the same rules must match.
//!
//! `cargo run --release -p hudun-sigma --example differential -- 10000000` compares ten million pairs.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Generator, PROVEN, collection, files, ours, rules_folder};
use hudun_sigma::Scratch;
use rsigma_eval::{Engine, JsonEvent};

#[test]
fn every_rule_of_the_data_folder_agrees_with_the_other_engine() {
    let Some(folder) = rules_folder() else { return };
    let files = files(&folder);
    let set = ours(&files);
    let collection = collection(&files);
    assert_eq!(set.rules().len(), collection.rules.len());
    assert!(set.rules().len() >= 140, "{}", set.rules().len());

    let mut oracle = Engine::new();
    oracle.add_rules(&collection.rules);
    let mut generator = Generator::new(&collection.rules, 7);
    let mut scratch = Scratch::default();
    let mut fired = vec![false; collection.rules.len()];
    let mut quiet = 0;
    for n in 0..4000 {
        let event = generator.event();
        let mut mine: Vec<&str> = set
            .matches(&event, None, &mut scratch)
            .iter()
            .map(|&rule| {
                fired[rule as usize] = true;
                collection.rules[rule as usize].id.as_deref().unwrap()
            })
            .collect();
        quiet += usize::from(mine.is_empty());
        let results = oracle.evaluate(&JsonEvent::borrow(&event));
        let mut theirs: Vec<&str> = results
            .iter()
            .map(|result| result.header.rule_id.as_deref().unwrap())
            .collect();
        mine.retain(|rule| theirs.contains(rule) || !PROVEN.iter().any(|(proven, _)| proven == rule));
        mine.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(mine, theirs, "event {n}: {event}");
    }
    let never = fired.iter().filter(|fired| !**fired).count();
    assert!(never * 20 < fired.len(), "{never} rules never fired: the generator is too weak");
    assert!(quiet > 400, "only {quiet} events matched nothing");
}
