//! What correlations remember goes on after a restart, and a damaged file is refused whole.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::{Arc, OnceLock};

use hudun_sigma::{Engine, Evidence, KeptError, Limits, Loader, Meta, RuleSet, Scratch};
use proptest::prelude::*;
use serde_json::json;

const BASE: &str = "title: opened\nid: 1\nname: opened\nlogsource: { category: x }\ndetection: { s: { a: open }, condition: s }\n---\ntitle: exported\nid: 2\nname: exported\nlogsource: { category: x }\ndetection: { s: { a: export }, condition: s }\n";

/// One correlation of every kind, those with estimates included.
const KINDS: &[(&str, &str, &str)] = &[
    ("event_count", "[opened]", "condition: { gte: 4 }"),
    ("event_count", "[opened]", "condition: { gte: 5000 }"),
    ("value_count", "[opened]", "condition: { field: v, gte: 4 }"),
    (
        "value_count",
        "[opened]",
        "condition: { field: v, gte: 5000 }",
    ),
    ("value_sum", "[opened]", "condition: { field: v, gte: 20 }"),
    ("value_avg", "[opened]", "condition: { field: v, gte: 6 }"),
    (
        "value_percentile",
        "[opened]",
        "condition: { field: v, gte: 6, percentile: 80 }",
    ),
    ("temporal", "[opened, exported]", ""),
    ("temporal_ordered", "[opened, exported]", ""),
];

fn all() -> Arc<RuleSet> {
    let mut text = BASE.to_owned();
    for (n, (kind, rules, condition)) in KINDS.iter().enumerate() {
        text.push_str(&format!(
            "---\ntitle: c{n}\nid: c{n}\ncorrelation:\n  type: {kind}\n  rules: {rules}\n  group-by: [u]\n  timespan: 60s\n  {condition}\n"
        ));
    }
    let loaded = Loader::new().source("kept.yml", &text).load();
    Arc::new(loaded.unwrap_or_else(|errors| panic!("{errors}")))
}

/// Seconds, user, value, whether it is an export.
type Step = (i64, u8, u8, bool);

fn tell(engine: &Engine, steps: &[Step], from: i64) -> Vec<String> {
    let mut out = Vec::new();
    let mut scratch = Scratch::default();
    let mut at = from;
    for (after, user, value, export) in steps {
        at += after * 1_000;
        let event = json!({ "a": if *export { "export" } else { "open" }, "u": user, "v": value });
        let meta = Meta {
            tenant: if user % 2 == 0 { "even" } else { "odd" },
            time: at,
            ..Meta::default()
        };
        engine.observe(&event, &meta, None, &mut scratch, &mut out);
    }
    out.iter()
        .filter_map(|found| match &found.evidence {
            Evidence::Correlation { group, value, .. } => Some(format!(
                "{} {group:?} {value} {}",
                found.rule.title, found.time
            )),
            Evidence::Event { .. } => None,
        })
        .collect()
}

fn saved(engine: &Engine, now: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.save(now, &mut bytes).unwrap();
    bytes
}

fn step() -> impl Strategy<Value = Step> {
    (-3_i64..9, 0_u8..5, 0_u8..12, any::<bool>())
}

proptest! {
    #[test]
    fn a_restart_changes_no_finding(
        before in prop::collection::vec(step(), 0..80),
        after in prop::collection::vec(step(), 0..80),
    ) {
        static RULES: OnceLock<Arc<RuleSet>> = OnceLock::new();
        let rules = RULES.get_or_init(all);
        let whole = Engine::new(Arc::clone(rules), Limits::default());
        let start = 1_800_000_000_000;
        tell(&whole, &before, start);
        let now = start + before.iter().map(|step| step.0).sum::<i64>() * 1_000;
        let bytes = saved(&whole, now);
        let (resumed, restored) =
            Engine::resumed(rules, Limits::default(), now, &bytes).unwrap();
        prop_assert_eq!(restored.groups, resumed.stats().groups);
        prop_assert_eq!(restored.changed, 0);
        prop_assert_eq!(tell(&resumed, &after, now), tell(&whole, &after, now));
    }

    #[test]
    fn a_damaged_file_is_refused(cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()) {
        static FILE: OnceLock<(Arc<RuleSet>, Vec<u8>)> = OnceLock::new();
        let (rules, bytes) = FILE.get_or_init(|| {
            let rules = all();
            let engine = Engine::new(Arc::clone(&rules), Limits::default());
            let steps: Vec<Step> = (0..40).map(|n| (1, n % 3, n, n % 7 == 0)).collect();
            tell(&engine, &steps, 1_800_000_000_000);
            let bytes = saved(&engine, 1_800_000_040_000);
            (rules, bytes)
        });
        let read = |bytes: &[u8]| {
            Engine::resumed(rules, Limits::default(), 1_800_000_040_000, bytes).map(|_| ())
        };
        prop_assert!(read(bytes).is_ok());
        prop_assert!(read(&bytes[..cut.index(bytes.len())]).is_err());
        let mut flipped = bytes.clone();
        flipped[flip.index(bytes.len())] ^= 0x41;
        prop_assert!(read(&flipped).is_err());
    }
}

#[test]
fn other_rules_and_other_times_leave_their_part_out() {
    let rules = all();
    let engine = Engine::new(Arc::clone(&rules), Limits::default());
    let start = 1_800_000_000_000;
    tell(&engine, &[(1, 1, 1, false), (1, 1, 2, false)], start);
    let groups = engine.stats().groups;
    assert_eq!(groups, 9);
    let bytes = saved(&engine, start);
    let read = |rules: &Arc<RuleSet>, now| {
        Engine::resumed(rules, Limits::default(), now, &bytes)
            .unwrap()
            .1
    };
    assert_eq!(read(&rules, start + 3_000).groups, groups);
    assert_eq!(
        read(&rules, start + 123_000).past,
        groups,
        "windows that are over"
    );
    assert_eq!(
        read(&rules, start - 3_600_000).past,
        groups,
        "a clock that was set back"
    );
    let fewer = Arc::new(Loader::new().source("kept.yml", BASE).load().unwrap());
    assert_eq!(read(&fewer, start).changed, groups);
    // And what is over is not even written.
    assert!(saved(&engine, start + 123_000).len() < bytes.len() / 4);
    let mut other = bytes.clone();
    other[8] = 2;
    let refused = Engine::resumed(&rules, Limits::default(), start, &other);
    assert!(matches!(refused, Err(KeptError::Format)));
}

#[test]
fn a_file_within_smaller_bounds_is_cut_to_them() {
    let rules = all();
    let engine = Engine::new(Arc::clone(&rules), Limits::default());
    let start = 1_800_000_000_000;
    let steps: Vec<Step> = (0..200).map(|n| (0, n, 1, false)).collect();
    tell(&engine, &steps, start);
    let bytes = saved(&engine, start);
    let small = Limits {
        shards: 1,
        groups_per_rule: 10,
        ..Limits::default()
    };
    let (cut, _) = Engine::resumed(&rules, small, start, &bytes).unwrap();
    assert!(cut.stats().groups <= 10 * 9 * 2, "{:?}", cut.stats());
}
