//! What the specification says, on small sets.

#![allow(clippy::unwrap_used, clippy::panic)]

use hudun_sigma::{
    Engine, Evidence, Finding, Limits, LoadErrorKind, Loader, Meta, RuleSet, Scratch, Source,
};
use serde_json::{Value, json};

fn rule(detection: &str) -> String {
    format!("title: t\nid: t\nlogsource: {{ category: webserver }}\ndetection:\n{detection}\n")
}

fn load(text: &str) -> RuleSet {
    Loader::new()
        .source("test.yml", text)
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn refused(text: &str) -> Vec<LoadErrorKind> {
    Loader::new()
        .source("test.yml", text)
        .load()
        .unwrap_err()
        .0
        .into_iter()
        .map(|error| error.kind)
        .collect()
}

fn holds(detection: &str, event: &Value) -> bool {
    !load(&rule(detection))
        .matches(event, None, &mut Scratch::default())
        .is_empty()
}

fn one(item: &str, event: &Value) -> bool {
    holds(&format!("  s: {{ {item} }}\n  condition: s"), event)
}

#[test]
fn encodings_are_found_where_they_stand() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    for before in ["", "a", "ab", "abc"] {
        for after in ["", "x", "xy"] {
            let whole = encode(format!("{before}http://evil{after}").as_bytes());
            assert!(
                one(
                    "f|base64offset|contains: 'http://evil'",
                    &json!({"f": whole})
                ),
                "{before} {after}"
            );
        }
    }
    let wide: Vec<u8> = "cmd".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(one("f|utf16be|base64: cmd", &json!({"f": encode(&wide)})));
    assert!(one("f|wide: cmd", &json!({"f": "c\0m\0d\0"})));
    let marked: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain("cmd".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert!(one(
        "f|utf16|base64|contains: cmd",
        &json!({"f": encode(&marked)})
    ));
}

#[test]
fn dashes_stand_for_one_another() {
    for dash in ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'] {
        assert!(
            one(
                "f|windash|contains: ' -enc '",
                &json!({"f": format!("x {dash}enc y")})
            ),
            "{dash}"
        );
        assert!(
            one(
                "f|windash|contains: ' /enc '",
                &json!({"f": format!("x {dash}enc y")})
            ),
            "{dash}"
        );
    }
    assert!(!one(
        "f|windash|contains: ' -enc '",
        &json!({"f": "x +enc y"})
    ));
}

#[test]
fn wildcards_cover_line_breaks_and_single_characters() {
    assert!(one("f: 'a*z'", &json!({"f": "A\nb\nZ"})));
    assert!(one("f: 'a?z'", &json!({"f": "aéz"})));
    assert!(!one("f: 'a?z'", &json!({"f": "az"})));
    assert!(one(r"f: 'a\*z'", &json!({"f": "a*z"})));
    assert!(!one(r"f: 'a\*z'", &json!({"f": "abz"})));
}

#[test]
fn presence_is_not_value() {
    assert!(one("f|exists: true", &json!({"f": null})));
    assert!(one("f|exists: true", &json!({"f": {"g": 1}})));
    assert!(one("f|exists: false", &json!({"g": 1})));
    assert!(one("f: null", &json!({"g": 1})));
    assert!(!one("f: null", &json!({"f": "x"})));
}

#[test]
fn nested_dotted_and_listed_fields_are_one() {
    for event in [
        json!({"a": {"b": {"c": "x"}}}),
        json!({"a.b.c": "x"}),
        json!({"a": {"b.c": "x"}}),
        json!({"a": [{"b": {"c": "y"}}, {"b": {"c": "x"}}]}),
        json!({"a": {"b": {"c": ["y", "x"]}}}),
    ] {
        assert!(one("a.b.c: X", &event), "{event}");
    }
}

#[test]
fn conditions_of_every_form() {
    let detection = "  sel_a: { a: 1 }\n  sel_b: { b: 1 }\n  sel_c: { c: 1 }\n  filter: { x: 1 }\n  condition: CONDITION";
    let on =
        |condition: &str, event: Value| holds(&detection.replace("CONDITION", condition), &event);
    assert!(on("1 of sel_*", json!({"b": 1})));
    assert!(on(
        "all of sel_* and not filter",
        json!({"a": 1, "b": 1, "c": 1})
    ));
    assert!(!on(
        "all of sel_* and not filter",
        json!({"a": 1, "b": 1, "c": 1, "x": 1})
    ));
    assert!(on("2 of sel_*", json!({"a": 1, "c": 1})));
    assert!(!on("2 of sel_*", json!({"a": 1})));
    assert!(on("any of them", json!({"x": 1})));
    assert!(on(
        "(sel_a or sel_b) and not (sel_c or filter)",
        json!({"b": 1})
    ));
    assert!(on("not 1 of them", json!({})));
    assert!(on("[sel_a, sel_b]", json!({"b": 1})));
}

#[test]
fn filters_and_placeholders_and_pipelines() {
    let text = "title: t\nid: t\nlogsource: { category: webserver }\ndetection:\n  s: { cs-user|expand: '%staff%' }\n  condition: s\n---\ntitle: not from us\nlogsource: { category: webserver }\nfilter:\n  rules: any\n  ours: { scrm.blocked_by: hudun }\n  condition: not ours\n";
    let load = |vars: &str| {
        Loader::new()
            .source("test.yml", text)
            .placeholders("vars.yml", vars)
            .pipeline("p.yml", "name: p\ntransformations:\n- type: field_name_mapping\n  mapping: { cs-user: [user.name, user.id] }\n  rule_conditions: [{ type: logsource, category: webserver }]\n")
            .load()
    };
    let set = load("staff: [ann, bob]").unwrap();
    let mut scratch = Scratch::default();
    assert_eq!(
        set.matches(&json!({"user": {"id": "Bob"}}), None, &mut scratch)
            .len(),
        1
    );
    assert_eq!(
        set.matches(&json!({"user.name": "ann"}), None, &mut scratch)
            .len(),
        1
    );
    assert!(
        set.matches(&json!({"cs-user": "ann"}), None, &mut scratch)
            .is_empty()
    );
    assert!(
        set.matches(
            &json!({"user.name": "ann", "scrm": {"blocked_by": "hudun"}}),
            None,
            &mut scratch
        )
        .is_empty()
    );
    let errors = load("other: x").unwrap_err();
    assert!(matches!(&errors.0[0].kind, LoadErrorKind::Placeholder(name) if name == "staff"));
}

#[test]
fn routes_follow_the_log_source() {
    let set = load(
        "title: a\nid: a\nlogsource: { category: webserver }\ndetection: { s: { x: 1 }, condition: s }\n---\ntitle: b\nid: b\nlogsource: { product: windows }\ndetection: { s: { x: 1 }, condition: s }\n---\ntitle: c\nid: c\nlogsource: { category: webserver, product: apache }\ndetection: { s: { x: 1 }, condition: s }\n",
    );
    let source = |category: Option<&str>, product: Option<&str>| Source {
        category: category.map(str::to_owned),
        product: product.map(str::to_owned),
        service: None,
    };
    let mut scratch = Scratch::default();
    let event = json!({"x": 1});
    let mut on = |source: Source| {
        set.matches(&event, Some(&set.route(&source)), &mut scratch)
            .to_vec()
    };
    assert_eq!(on(source(Some("WebServer"), None)), [0, 2]);
    assert_eq!(on(source(Some("webserver"), Some("nginx"))), [0]);
    assert_eq!(on(source(None, Some("windows"))), [1]);
}

#[test]
fn faults_name_file_line_and_rule() {
    let hostile = "title: hostile\nid: h\nlogsource: { category: x }\ndetection:\n  s:\n    a: 1\n    path|re: '(?=x)y'\n  condition: s\n";
    let errors = Loader::new()
        .source("rules/h.yml", hostile)
        .load()
        .unwrap_err();
    let said = errors.to_string();
    assert!(
        said.starts_with("rules/h.yml:7 (hostile): field path|re: regular expression refused"),
        "{said}"
    );
    for pattern in [
        "'((a{1,30}){1,30}){1,30}!'",
        "'(a{1000}){1000}{1000}'",
        r"'(\w{500}){500}'",
        "'[a'",
    ] {
        let text = hostile.replace("'(?=x)y'", pattern);
        assert!(
            matches!(refused(&text)[0], LoadErrorKind::Regex { .. }),
            "{pattern}"
        );
    }
    assert!(matches!(
        refused(&rule("  s: { a: 1 }\n  condition: s and missing"))[0],
        LoadErrorKind::UnknownSearch(_)
    ));
    assert!(matches!(
        refused(&rule("  s: { 'a|re|contains': x }\n  condition: s"))[0],
        LoadErrorKind::Item { .. }
    ));
    assert!(matches!(
        refused(&rule("  s: { 'a|cidr': 10.0.0.0/99 }\n  condition: s"))[0],
        LoadErrorKind::Item { .. }
    ));
    // A file that is still being written: cut anywhere, it loads as something whole or not at all.
    let whole = rule("  s: { 'a|contains': [one, two] }\n  condition: s");
    for end in 0..whole.len() {
        if let Ok(set) = Loader::new().source("cut.yml", &whole[..end]).load() {
            assert_eq!(set.rules().len(), 1, "{}", &whole[..end]);
        }
    }
    assert!(matches!(refused("")[0], LoadErrorKind::Empty));
    assert!(!refused(&format!("title: {}", "[".repeat(100_000))).is_empty());
    assert!(
        !refused(&rule(&format!(
            "  s: {{ a: 1 }}\n  condition: {}s{}",
            "(".repeat(5000),
            ")".repeat(5000)
        )))
        .is_empty()
    );
}

const BASE: &str = "title: opened\nid: 1\nname: opened\nlogsource: { category: x }\ndetection: { s: { a: open }, condition: s }\n---\ntitle: exported\nid: 2\nname: exported\nlogsource: { category: x }\ndetection: { s: { a: export }, condition: s }\n---\n";

struct Run {
    engine: Engine,
    scratch: Scratch,
}

impl Run {
    fn new(correlation: &str) -> Self {
        Self {
            engine: Engine::new(load(&format!("{BASE}{correlation}")), Limits::default()),
            scratch: Scratch::default(),
        }
    }

    fn at(&mut self, seconds: i64, event: Value) -> Vec<Finding> {
        let mut out = Vec::new();
        let meta = Meta {
            tenant: "a",
            time: seconds * 1000,
            ..Meta::default()
        };
        self.engine
            .observe(&event, &meta, None, &mut self.scratch, &mut out);
        out
    }
}

fn correlation(kind: &str, rules: &str, timespan: &str, rest: &str) -> String {
    format!(
        "title: c\nid: c\ncorrelation: {{ type: {kind}, rules: {rules}, group-by: [u], timespan: {timespan}, {rest} }}\n"
    )
}

#[test]
fn windows_slide_and_are_exact() {
    let mut run = Run::new(&correlation(
        "event_count",
        "[opened]",
        "10s",
        "condition: { gte: 3 }",
    ));
    let open = json!({"a": "open", "u": 1});
    assert!(run.at(0, open.clone()).is_empty());
    assert!(run.at(5, open.clone()).is_empty());
    // The first has left the window: ten seconds are (t - 10 s, t].
    assert!(run.at(10, open.clone()).is_empty());
    assert!(run.at(12, json!({"a": "open", "u": 2})).is_empty());
    let found = run.at(14, open.clone());
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].evidence,
        Evidence::Correlation {
            group: vec![("u".into(), "1".into())],
            value: 3.0,
            timespan: 10
        }
    );
    // Once, until it was false or a timespan has passed.
    assert!(run.at(14, open.clone()).is_empty());
    assert!(run.at(30, open.clone()).is_empty());
    assert!(run.at(30, open.clone()).is_empty());
    assert_eq!(run.at(31, open).len(), 1);
}

#[test]
fn values_count_once_however_often_they_come() {
    let mut run = Run::new(&correlation(
        "value_count",
        "[opened]",
        "60s",
        "condition: { field: c, gte: 3 }",
    ));
    for n in 0..50 {
        assert!(
            run.at(n, json!({"a": "open", "u": 1, "c": n % 2}))
                .is_empty()
        );
    }
    assert!(
        run.at(50, json!({"a": "open", "u": 1})).is_empty(),
        "no value, no count"
    );
    assert_eq!(
        run.at(51, json!({"a": "open", "u": 1, "c": "third"})).len(),
        1
    );
    assert_eq!(run.engine.stats().incomplete, 1);
}

#[test]
fn sums_averages_and_percentiles() {
    let mut sum = Run::new(&correlation(
        "value_sum",
        "[exported]",
        "60s",
        "condition: { field: n, gt: 100 }",
    ));
    assert!(
        sum.at(0, json!({"a": "export", "u": 1, "n": 60}))
            .is_empty()
    );
    assert!(
        sum.at(1, json!({"a": "export", "u": 1, "n": "40"}))
            .is_empty()
    );
    assert_eq!(sum.at(2, json!({"a": "export", "u": 1, "n": 1})).len(), 1);
    let mut avg = Run::new(&correlation(
        "value_avg",
        "[exported]",
        "60s",
        "condition: { field: n, gte: 10 }",
    ));
    assert!(avg.at(0, json!({"a": "export", "u": 1, "n": 5})).is_empty());
    assert_eq!(avg.at(1, json!({"a": "export", "u": 1, "n": 15})).len(), 1);
    let mut high = Run::new(&correlation(
        "value_percentile",
        "[exported]",
        "60s",
        "condition: { field: n, percentile: 90, gte: 100 }",
    ));
    for n in 0..20 {
        assert!(
            high.at(n, json!({"a": "export", "u": 1, "n": 10}))
                .is_empty()
        );
    }
    let mut fired = 0;
    for n in 20..24 {
        fired += high.at(n, json!({"a": "export", "u": 1, "n": 500})).len();
    }
    assert_eq!(fired, 1);
}

#[test]
fn temporal_in_any_order_and_in_order() {
    let any = correlation("temporal", "[opened, exported]", "10s", "aliases: {}");
    let mut run = Run::new(&any);
    assert!(run.at(0, json!({"a": "export", "u": 1})).is_empty());
    assert!(run.at(11, json!({"a": "open", "u": 1})).is_empty());
    assert!(run.at(12, json!({"a": "export", "u": 2})).is_empty());
    assert_eq!(run.at(13, json!({"a": "export", "u": 1})).len(), 1);

    let ordered = correlation(
        "temporal_ordered",
        "[opened, exported]",
        "10s",
        "aliases: {}",
    );
    let mut run = Run::new(&ordered);
    assert!(run.at(0, json!({"a": "export", "u": 1})).is_empty());
    assert!(run.at(1, json!({"a": "open", "u": 1})).is_empty());
    assert_eq!(run.at(2, json!({"a": "export", "u": 1})).len(), 1);
    // A late first step is sorted in before the second.
    assert!(run.at(101, json!({"a": "export", "u": 3})).is_empty());
    assert_eq!(run.at(100, json!({"a": "open", "u": 3})).len(), 1);
    assert_eq!(run.engine.stats().out_of_order, 1);

    let either = correlation(
        "temporal",
        "[opened, exported]",
        "10s",
        "condition: 'exported and not opened'",
    );
    let mut run = Run::new(&either);
    assert_eq!(run.at(0, json!({"a": "export", "u": 1})).len(), 1);
    assert!(run.at(1, json!({"a": "open", "u": 1})).is_empty());
}

#[test]
fn chains_aliases_and_generate() {
    let text = "title: many\nid: m\nname: many\ncorrelation:\n  type: event_count\n  rules: [opened]\n  group-by: [u, h]\n  timespan: 10s\n  condition: { gte: 2 }\n---\ntitle: then\nid: t\ncorrelation:\n  type: temporal_ordered\n  rules: [many, exported]\n  group-by: [who]\n  timespan: 60s\n  aliases: { who: { many: u, exported: actor } }\n";
    let mut run = Run::new(text);
    assert!(run.at(0, json!({"a": "open", "u": "x", "h": 1})).is_empty());
    assert!(
        run.at(1, json!({"a": "open", "u": "x", "h": 1})).is_empty(),
        "many is only counted"
    );
    let found = run.at(5, json!({"a": "export", "actor": "x"}));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule.title, "then");
    let mut loud = Run::new(&text.replace("  timespan: 60s", "  timespan: 60s\n  generate: true"));
    loud.at(0, json!({"a": "open", "u": "x", "h": 1}));
    assert_eq!(
        loud.at(1, json!({"a": "open", "u": "x", "h": 1}))[0]
            .rule
            .title,
        "many"
    );
}

#[test]
fn a_correlation_must_name_rules_that_exist() {
    let text = format!(
        "{BASE}{}",
        correlation("event_count", "[nobody]", "10s", "condition: { gte: 3 }")
    );
    assert!(matches!(&refused(&text)[0], LoadErrorKind::UnknownRule(name) if name == "nobody"));
    let cycle = format!(
        "{BASE}title: a\nname: a\ncorrelation: {{ type: event_count, rules: [b], group-by: [u], timespan: 1m, condition: {{ gte: 1 }} }}\n---\ntitle: b\nname: b\ncorrelation: {{ type: event_count, rules: [a], group-by: [u], timespan: 1m, condition: {{ gte: 1 }} }}\n"
    );
    assert!(matches!(&refused(&cycle)[0], LoadErrorKind::Cycle(_)));
    // A reference by name to a rule without an id: elsewhere silent, here it fires.
    let named = format!(
        "title: n\nname: n\nlogsource: {{ category: x }}\ndetection: {{ s: {{ a: 1 }}, condition: s }}\n---\n{}",
        correlation("event_count", "[n]", "10s", "condition: { gte: 1 }")
    );
    let engine = Engine::new(load(&named), Limits::default());
    let mut out = Vec::new();
    engine.observe(
        &json!({"a": 1, "u": 1}),
        &Meta::default(),
        None,
        &mut Scratch::default(),
        &mut out,
    );
    assert_eq!(out.len(), 1);
}

#[test]
fn a_reload_keeps_what_did_not_change() {
    let counted = correlation("event_count", "[opened]", "60s", "condition: { gte: 3 }");
    let mut run = Run::new(&counted);
    let open = json!({"a": "open", "u": 1});
    run.at(0, open.clone());
    run.at(1, open.clone());
    let other = "---\ntitle: new\nid: n\nlogsource: { category: x }\ndetection: { s: { b: 1 }, condition: s }\n";
    run.engine = run
        .engine
        .reloaded(load(&format!("{BASE}{counted}{other}")));
    assert_eq!(
        run.at(2, open.clone()).len(),
        1,
        "two from before the reload, one after"
    );
    // A change of the rule below starts anew.
    let changed = BASE.replace("a: open", "a: [open, look]");
    run.engine = run.engine.reloaded(load(&format!("{changed}{counted}")));
    assert_eq!(run.engine.stats().groups, 0);
    assert!(run.at(3, open).is_empty());
}

#[test]
fn late_duplicate_and_future_events_are_counted() {
    let engine = Engine::new(
        load(&format!(
            "{BASE}{}",
            correlation("event_count", "[opened]", "1h", "condition: { gte: 3 }")
        )),
        Limits {
            lateness_ms: 60_000,
            ..Limits::default()
        },
    );
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let mut see = |time: i64, now: Option<i64>, id: Option<&str>| {
        let meta = Meta {
            tenant: "a",
            time,
            now,
            id,
        };
        engine.observe(
            &json!({"a": "open", "u": 1}),
            &meta,
            None,
            &mut scratch,
            &mut out,
        );
        out.len()
    };
    assert_eq!(see(1_000_000, Some(1_000_000), Some("e1")), 0);
    assert_eq!(see(1_000_000, Some(1_000_000), Some("e1")), 0);
    assert_eq!(see(1_000_000 - 120_000, Some(1_000_000), Some("e2")), 0);
    // A year ahead: set to the clock, so that it can't push out what is now.
    assert_eq!(see(32_000_000_000, Some(1_001_000), Some("e3")), 0);
    assert_eq!(see(999_000, Some(1_002_000), Some("e4")), 1);
    let stats = engine.stats();
    assert_eq!(
        (
            stats.duplicates,
            stats.late,
            stats.ahead,
            stats.out_of_order
        ),
        (1, 1, 1, 1)
    );
}

#[test]
fn a_flood_of_keys_stays_under_its_cap_and_harms_nobody_else() {
    let limits = Limits {
        shards: 2,
        groups_per_rule: 1000,
        bytes_per_tenant: 1 << 20,
        bytes: 2 << 20,
        ..Limits::default()
    };
    let engine = Engine::new(
        load(&format!(
            "{BASE}{}",
            correlation(
                "value_count",
                "[opened]",
                "1h",
                "condition: { field: c, gte: 5 }"
            )
        )),
        limits,
    );
    let mut scratch = Scratch::default();
    let mut out = Vec::new();
    let mut quiet = 0;
    for n in 0..20_000_i64 {
        let meta = Meta {
            tenant: "hostile",
            time: n,
            ..Meta::default()
        };
        engine.observe(
            &json!({"a": "open", "u": n, "c": n}),
            &meta,
            None,
            &mut scratch,
            &mut out,
        );
        // The same tenant's real attack goes on beside its flood, slowly.
        if n % 900 == 0 {
            engine.observe(
                &json!({"a": "open", "u": "slow", "c": n}),
                &meta,
                None,
                &mut scratch,
                &mut out,
            );
        }
        if n % 5000 == 0 {
            for tenant in ["quiet", "other"] {
                let meta = Meta {
                    tenant,
                    time: n,
                    ..Meta::default()
                };
                engine.observe(
                    &json!({"a": "open", "u": 1, "c": n}),
                    &meta,
                    None,
                    &mut scratch,
                    &mut out,
                );
            }
        }
        quiet += 0;
    }
    quiet += out.len();
    let stats = engine.stats();
    assert!(stats.bytes <= 2 << 20, "{stats:?}");
    assert!(stats.groups <= 1010, "{stats:?}");
    assert!(stats.evicted > 18_000, "{stats:?}");
    assert_eq!(
        quiet, 1,
        "the slow attack inside the flood was found, {out:?}"
    );
}

#[test]
fn many_values_are_estimated_and_bounded() {
    let mut run = Run::new(&correlation(
        "value_count",
        "[opened]",
        "1h",
        "condition: { field: c, gte: 20000 }",
    ));
    let mut at = 0;
    for n in 0..40_000 {
        if !run
            .at(n / 100, json!({"a": "open", "u": 1, "c": n}))
            .is_empty()
        {
            at = n;
            break;
        }
    }
    assert!((17_000..23_000).contains(&at), "reported at {at}");
    assert!(run.engine.stats().bytes < 100_000);
}

#[test]
fn findings_show_the_fields_that_matched() {
    let engine = Engine::new(
        load(&rule(
            "  s: { 'path|contains': '../', method: get }\n  k: [evil]\n  condition: s and k",
        )),
        Limits::default(),
    );
    let mut out = Vec::new();
    let event = json!({"path": "/a/../b", "method": "GET", "note": "EVIL things", "other": 1});
    engine.observe(
        &event,
        &Meta::default(),
        None,
        &mut Scratch::default(),
        &mut out,
    );
    let Evidence::Event { fields } = &out[0].evidence else {
        panic!("{out:?}")
    };
    let mut fields = fields.clone();
    fields.sort();
    let shown: Vec<(&str, &str)> = fields
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("method", "GET"),
            ("note", "EVIL things"),
            ("path", "/a/../b")
        ]
    );
    assert!(
        serde_json::to_string(&out[0])
            .unwrap()
            .contains("\"kind\":\"event\"")
    );
}

#[test]
fn hostile_events_are_bounded() {
    let set = load(&rule(
        "  s: { 'f|cased|contains': aA }\n  t: { 'g|fieldref': h }\n  condition: s or t",
    ));
    let mut scratch = Scratch::default();
    // A text full of what is looked for, in the wrong case.
    assert!(
        set.matches(&json!({"f": "aa".repeat(500_000)}), None, &mut scratch)
            .is_empty()
    );
    let long: Vec<u32> = (0..20_000).collect();
    let other: Vec<u32> = (20_000..40_000).collect();
    assert!(
        set.matches(&json!({"g": long, "h": other}), None, &mut scratch)
            .is_empty()
    );
    let mut deep = json!("x");
    for _ in 0..120 {
        deep = json!({"a": deep});
    }
    assert!(set.matches(&deep, None, &mut scratch).is_empty());
}

#[test]
fn a_hostile_regex_is_refused_or_runs_in_linear_time() {
    let with = |pattern: &str| {
        let detection = format!("  s: {{ 'f|re': '{pattern}' }}\n  condition: s");
        Loader::new()
            .source("test.yml", &rule(&detection))
            .load()
            .map(|_| ())
    };
    for refused in [
        "(?=a)b",
        r"(a)\1",
        "(?<!x)y",
        "((a{1000}){1000}){1000}",
        "(",
        "[z-a]",
        "a{99999999999}",
    ] {
        let errors = with(refused).unwrap_err();
        assert!(
            errors.to_string().contains("test.yml"),
            "{refused}: {errors}"
        );
    }
    // What makes a backtracking engine stand still is over at once here.
    let set = load(&rule("  s: { 'f|re': '^(a+)+(b|c*)*$' }\n  condition: s"));
    let long = json!({ "f": "a".repeat(200_000) + "!" });
    assert!(set.matches(&long, None, &mut Scratch::default()).is_empty());
    let fits = json!({ "f": "a".repeat(200_000) });
    assert_eq!(set.matches(&fits, None, &mut Scratch::default()).len(), 1);
}

/// What a correlation counts reports nothing itself, by the specification. Of a rule that was written to report, that is told.
#[test]
fn a_reporting_rule_that_is_counted_is_told_of() {
    let rule = |role: &str| {
        format!(
            "title: Opened\nname: opened\nlogsource: {{ product: shop }}\ndetection: {{ s: {{ a: 1 }}, condition: s }}\nhudun: {{ {role} }}\n---\ntitle: Many\ncorrelation:\n  type: event_count\n  rules: [opened]\n  group-by: [who]\n  timespan: 1m\n  condition: {{ gte: 3 }}\n"
        )
    };
    let warned = |text: &str| {
        let set = Loader::new().source("own.yml", text).load().unwrap();
        (set.warnings().len(), set.reporting().count())
    };
    assert_eq!(warned(&rule("why: { en: x, zh: x }")), (1, 1));
    assert_eq!(warned(&rule("role: base")), (0, 1));
    let loud = rule("why: { en: x, zh: x }").replace("timespan", "generate: true\n  timespan");
    assert_eq!(warned(&loud), (0, 2));
    // Rules of others say nothing of it.
    let plain = rule("role: base").replace("hudun: { role: base }\n", "");
    assert_eq!(warned(&plain), (0, 1));
}
