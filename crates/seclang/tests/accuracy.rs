//! How many attacks are stopped and how many honest requests, in every mode, under CRS at paranoia 1 and under Hudun's own
//! rules.
//!
//! The texts lie in `tests/corpus`. Each travels in the query, a form, JSON, XML and a multipart body. Attacks are also
//! spelt in other ways (upper case, comments, double encoding); honest texts are also joined by twos and threes, as people
//! fill in forms. A quarter of all texts is held out: nobody looks at them when the judgement is changed, and a failing test
//! names no text of theirs.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use common::corpus::{CARRIERS, encode};
use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, Parameters, RuleSet, Start, Transaction, Usual};

type Texts = BTreeMap<String, Vec<String>>;

fn texts(name: &str) -> Texts {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a text is held out: one of four, by its own bytes.
fn is_held_out(text: &str) -> bool {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash >> 32) % 4 == 0
}

/// An attack and other ways to write it that an upstream would still run.
fn spellings(class: &str, text: &str) -> Vec<String> {
    let mut out = vec![text.to_owned()];
    match class {
        "sqli" => {
            out.push(text.to_uppercase());
            if !text.contains("/*") && !text.contains('"') {
                out.push(text.replace(' ', "/**/"));
            }
            out.push(text.replace(' ', "\t"));
        }
        "xss" => out.push(text.replace("alert", "confirm")),
        _ => {}
    }
    // Decoded once more behind the gateway.
    out.push(encode(text).replace('+', "%20"));
    out.dedup();
    out
}

/// Honest texts alone and joined, as fields of one form are.
fn honest(texts: &Texts) -> Vec<String> {
    let all: Vec<&String> = texts.values().flatten().collect();
    let mut out: Vec<String> = all.iter().map(|text| (*text).clone()).collect();
    for (at, text) in all.iter().enumerate() {
        let second = all[(at * 7 + 3) % all.len()];
        let third = all[(at * 13 + 5) % all.len()];
        out.push(format!("{text}\n{second}"));
        out.push(format!("{second} {text}"));
        out.push(format!("{text};{third};{second}"));
        out.push(format!("“{text}”({third})"));
    }
    out
}

#[derive(Default, Clone, Copy)]
struct Rate {
    stopped: usize,
    total: usize,
}

impl Rate {
    fn add(&mut self, stopped: bool) {
        self.total += 1;
        self.stopped += usize::from(stopped);
    }

    fn percent(self) -> f64 {
        self.stopped as f64 * 100.0 / self.total.max(1) as f64
    }
}

fn begin(rules: &RuleSet, judging: Judging) -> Transaction<'_> {
    let start = Start {
        judging,
        ..Start::example()
    };
    Transaction::new(rules, start)
}

fn feed(transaction: &mut Transaction<'_>, request: &[u8]) {
    RawRequest::parse(request).unwrap().feed(transaction);
}

struct Measured {
    open: Rate,
    held: Rate,
    /// Open texts that came out wrong.
    wrong: Vec<String>,
}

/// `usual` holds what the parameters of each carrier normally look like.
fn measure(
    rules: &RuleSet,
    judging: Judging,
    list: &[(String, bool)],
    attack: bool,
    usual: &[Arc<Usual>],
) -> Measured {
    let mut measured = Measured {
        open: Rate::default(),
        held: Rate::default(),
        wrong: Vec::new(),
    };
    for (text, held) in list {
        for (at, (name, carry)) in CARRIERS.into_iter().enumerate() {
            let mut transaction = begin(rules, judging);
            if let Some(usual) = usual.get(at) {
                transaction.expect(Arc::clone(usual));
            }
            feed(&mut transaction, &carry(text));
            let stop = transaction.finish().intervention;
            let rate = if *held {
                &mut measured.held
            } else {
                &mut measured.open
            };
            rate.add(stop.is_some());
            if !held && stop.is_some() != attack {
                measured.wrong.push(format!(
                    "{name}: {text:?} {}",
                    stop.map(|stop| stop.explanation).unwrap_or_default()
                ));
            }
        }
    }
    measured
}

fn attacks() -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for (class, list) in &texts("attacks") {
        for text in list {
            let held = is_held_out(text);
            out.extend(spellings(class, text).into_iter().map(|text| (text, held)));
        }
    }
    out
}

fn report(name: &str, rules: &RuleSet) -> BTreeMap<&'static str, [f64; 4]> {
    let attacks = attacks();
    let ordinary: Vec<(String, bool)> = honest(&texts("honest"))
        .into_iter()
        .map(|text| {
            let held = is_held_out(&text);
            (text, held)
        })
        .collect();
    let mut out = BTreeMap::new();
    for (mode, judging) in [
        ("exact", Judging::Exact),
        ("balanced", Judging::Balanced),
        ("strict", Judging::Strict),
    ] {
        let bad = measure(rules, judging, &attacks, true, &[]);
        let good = measure(rules, judging, &ordinary, false, &[]);
        println!(
            "{name} {mode}: attacks stopped {:.2} % of {} (held out {:.2} % of {}), honest stopped {:.3} % of {} (held out {:.3} % of {})",
            bad.open.percent(),
            bad.open.total,
            bad.held.percent(),
            bad.held.total,
            good.open.percent(),
            good.open.total,
            good.held.percent(),
            good.held.total
        );
        if std::env::var_os("HUDUN_SHOW").is_some() && judging != Judging::Exact {
            for line in bad
                .wrong
                .iter()
                .filter(|line| line.starts_with("json"))
                .take(60)
            {
                println!("  missed {line}");
            }
            for line in good
                .wrong
                .iter()
                .filter(|line| line.starts_with("json"))
                .take(60)
            {
                println!("  blocked {line}");
            }
        }
        out.insert(
            mode,
            [
                bad.open.percent(),
                bad.held.percent(),
                good.open.percent(),
                good.held.percent(),
            ],
        );
    }
    out
}

/// What six hundred values of a kind look like: teaching, and others of the same kind that were not taught.
fn values(kind: &str) -> (Vec<String>, Vec<(String, bool)>) {
    let names = texts("honest").remove("names").unwrap();
    let prose = texts("honest").remove("text").unwrap();
    let value = |n: usize| match kind {
        "numbers" => (n * 37 % 9_973).to_string(),
        "ids" => format!("c-{:05}_{}", n * 7_919 % 100_000, n % 7),
        "names" => format!("{} {}", names[n % names.len()], names[n * 7 % names.len()]),
        _ => format!("{}，{}", prose[n % prose.len()], prose[n * 7 % prose.len()]),
    };
    let untaught = (600..700).map(|n| (value(n), false)).collect();
    ((0..600).map(value).collect(), untaught)
}

/// The share of attacks that was missed without, and is found with, what a parameter normally looks like. Nothing that was
/// stopped passes because of it, and no other value of the same kind is stopped for it.
fn learning(name: &str, rules: &RuleSet) {
    let attacks = attacks();
    let judging = Judging::Balanced;
    let without = measure(rules, judging, &attacks, true, &[]);
    for kind in ["numbers", "ids", "names", "prose"] {
        let (taught, untaught) = values(kind);
        let usual: Vec<_> = CARRIERS
            .iter()
            .map(|(_, carry)| {
                let mut parameters = Parameters::default();
                for value in &taught {
                    let mut transaction = begin(rules, judging);
                    feed(&mut transaction, &carry(value));
                    let lesson = transaction.lesson();
                    if transaction.finish().intervention.is_none() {
                        parameters.learn(&lesson);
                    }
                }
                parameters.usual()
            })
            .collect();
        let with = measure(rules, judging, &attacks, true, &usual);
        let good = measure(rules, judging, &untaught, false, &usual);
        let good_without = measure(rules, judging, &untaught, false, &[]);
        println!(
            "{name} balanced, parameters of {kind}: attacks missed {} and {} held out, {} and {} without; ordinary values stopped {} of {}, {} without",
            with.open.total - with.open.stopped,
            with.held.total - with.held.stopped,
            without.open.total - without.open.stopped,
            without.held.total - without.held.stopped,
            good.open.stopped,
            good.open.total,
            good_without.open.stopped
        );
        assert!(with.open.stopped >= without.open.stopped, "{kind}");
        assert!(with.held.stopped >= without.held.stopped, "{kind}");
        assert_eq!(good.wrong, good_without.wrong, "{kind}");
    }
}

/// The public claims to beat: 71.7 % of attacks at 0.07 % of honest requests (balanced), 76.2 % at 0.22 % (strict).
fn beats(rates: &BTreeMap<&'static str, [f64; 4]>) {
    let balanced = rates["balanced"];
    assert!(balanced[0] > 71.7 && balanced[1] > 71.7, "{balanced:?}");
    assert!(balanced[2] <= 0.07 && balanced[3] <= 0.07, "{balanced:?}");
    let strict = rates["strict"];
    assert!(strict[0] > 76.2 && strict[1] > 76.2, "{strict:?}");
    assert!(strict[2] <= 0.22 && strict[3] <= 0.22, "{strict:?}");
}

#[test]
fn own_rules() {
    let pattern = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/waf/*.conf");
    let rules = RuleSet::builder()
        .glob(pattern.to_string_lossy())
        .build()
        .unwrap();
    beats(&report("own rules", &rules));
    learning("own rules", &rules);
}

#[test]
fn core_rule_set() {
    let Some(rules) = common::crs("") else { return };
    beats(&report("CRS paranoia 1", &rules));
    learning("CRS paranoia 1", &rules);
}
