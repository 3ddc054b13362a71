//! Every rule of the data folder on events made from the rules, here and in rsigma-eval: the same rules must match.
//!
//! `cargo run --release -p hudun-sigma --example differential -- 10000000` compares ten million pairs.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Generator, PROVEN, collection, files, ours, rules_folder};
use hudun_sigma::Scratch;
use rsigma_eval::{Engine, JsonEvent};
use serde_json::json;

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
        mine.retain(|rule| {
            theirs.contains(rule) || !PROVEN.iter().any(|(proven, _)| proven == rule)
        });
        mine.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(mine, theirs, "event {n}: {event}");
    }
    let never = fired.iter().filter(|fired| !**fired).count();
    assert!(
        never * 20 < fired.len(),
        "{never} rules never fired: the generator is too weak"
    );
    assert!(quiet > 400, "only {quiet} events matched nothing");
}

/// Modifiers that the data folder doesn't use, in one rule each.
const MODIFIERS: [&str; 26] = [
    "f|cased: Admin",
    "f|contains|cased: AbC",
    "f|startswith: [Straße, ÄÖ]",
    "f|re: 'a+b.?c'",
    "f|re|i: '^get /x'",
    "f|cidr: [10.0.0.0/8, '2001:db8::/32']",
    "f|gt: 10",
    "f|gte: 10",
    "f|lt: 10",
    "f|lte: 10.5",
    "f|neq: [red, blue]",
    "f: null",
    "f: ''",
    "f: true",
    "f: 4625",
    "f: '4625'",
    "f|fieldref: g",
    "f|fieldref|contains: g",
    "f|base64: secret word",
    "f|utf16le|base64: cmd",
    "f: 'a*b?c'",
    "f: 'C:\\Win\\\\*'",
    "f|contains: 'x*y'",
    "f|endswith|all: ['c', 'bc']",
    "f|hour: 10",
    "f|contains|all: [one, two, three]",
];

#[test]
fn modifiers_agree_with_the_other_engine() {
    let values = [
        json!("Admin"),
        json!("admin"),
        json!("xAbCx"),
        json!("xabcx"),
        json!("STRASSE"),
        json!("STRAßE 1"),
        json!("äö"),
        json!("aabxc"),
        json!("GET /x"),
        json!("get /x"),
        json!("10.2.3.4"),
        json!("2001:db8::1"),
        json!("2001:db9::1"),
        json!(10),
        json!(10.5),
        json!(11),
        json!("9"),
        json!("10"),
        json!(-3),
        json!("red"),
        json!("green"),
        json!(null),
        json!(""),
        json!(true),
        json!("TRUE"),
        json!("yes"),
        json!(false),
        json!(4625),
        json!("4625"),
        json!(4625.0),
        json!("c2VjcmV0IHdvcmQ="),
        json!("YwBtAGQA"),
        json!("aXbYc"),
        json!("abc"),
        json!("c:\\win\\x"),
        json!("C:\\Win\\"),
        json!("_x..y_"),
        json!("abc"),
        json!("2026-01-05T10:20:00Z"),
        json!("2026-01-05 10:20:00"),
        json!(1_767_607_200),
        json!("two ONE Three"),
        json!(["red", "green"]),
        json!([]),
        json!({"h": 1}),
        json!([null]),
        json!([1, "Admin", 11]),
    ];
    let text: String = MODIFIERS
        .iter()
        .enumerate()
        .map(|(n, item)| {
            format!(
                "title: m{n}\nid: {n}\nlogsource: {{ category: x }}\ndetection:\n  s: {{ {item} }}\n  condition: s\n---\ntitle: not m{n}\nid: not {n}\nlogsource: {{ category: x }}\ndetection:\n  s: {{ {item} }}\n  t: {{ e: 1 }}\n  condition: t and not s\n---\n"
            )
        })
        .collect();
    let files = [(
        "modifiers.yml".to_owned(),
        text.trim_end_matches("---\n").to_owned(),
    )];
    let set = ours(&files);
    let collection = collection(&files);
    let mut oracle = Engine::new();
    assert!(oracle.add_rules(&collection.rules).is_empty());
    let mut scratch = Scratch::default();
    let mut fired = vec![false; collection.rules.len()];
    let mut compared = 0;
    let absent = json!({"e": 1});
    let events = values
        .iter()
        .flat_map(|f| values.iter().map(move |g| json!({"e": 1, "f": f, "g": g})))
        .chain([absent]);
    for event in events {
        let mine: Vec<&str> = set
            .matches(&event, None, &mut scratch)
            .iter()
            .map(|&rule| {
                fired[rule as usize] = true;
                collection.rules[rule as usize].title.as_str()
            })
            .collect();
        let results = oracle.evaluate(&JsonEvent::borrow(&event));
        let theirs: Vec<&str> = collection
            .rules
            .iter()
            .map(|rule| rule.title.as_str())
            .filter(|title| {
                results
                    .iter()
                    .any(|result| result.header.rule_title == *title)
            })
            .collect();
        compared += collection.rules.len();
        // A field against a list: we compare members, rsigma-eval whole values. The specification doesn't say.
        let composite =
            |value: &serde_json::Value| value.is_array() || value.is_object() || value.is_null();
        let comparable = |title: &&str| {
            !(title.ends_with("m16") || title.ends_with("m17"))
                || !composite(&event["f"]) && !composite(&event["g"])
        };
        let mine: Vec<&str> = mine.into_iter().filter(comparable).collect();
        let theirs: Vec<&str> = theirs.into_iter().filter(comparable).collect();
        assert_eq!(mine, theirs, "{event}");
    }
    assert!(compared > 100_000);
    for (rule, fired) in collection.rules.iter().zip(fired) {
        assert!(fired, "{} never fired", rule.title);
    }
}
