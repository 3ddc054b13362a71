//! How slow a value can make the rules: for each value of each rule, texts of 64 KB made of its pieces, and regular
//! expressions that were written to be slow. What counts is the time per byte, beside that of ordinary text.
//!
//! `cargo run --release -p hudun-sigma --example worst_values -- [FOLDER]`

#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

#[path = "../tests/common/clock.rs"]
mod clock;
#[path = "../tests/common/mod.rs"]
mod common;

use clock::{Clock, median};
use common::{Rng, collection, files, ours, rules_folder};
use hudun_sigma::{Loader, RuleSet, Scratch};
use rsigma_parser::{Detection, SigmaValue};
use serde_json::json;

const BYTES: usize = 64 << 10;
const TRIES: usize = 3;
/// Text as it mostly is.
const ORDINARY: &str = "GET /api/v1/customers/4711?page=2&sort=name Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                        (KHTML, like Gecko) Chrome/126.0 Safari/537.36 zhang.wei@shop.example called about order 88213. ";

fn main() {
    let folder = std::env::args()
        .nth(1)
        .map(Into::into)
        .or_else(rules_folder);
    if let Some(folder) = folder {
        let files = files(&folder);
        let set = ours(&files);
        let mut items = Vec::new();
        for rule in &collection(&files).rules {
            for detection in rule.detection.named.values() {
                literals(detection, &mut items);
            }
        }
        search(&set, items);
    }
    expressions();
}

/// Fields with the values that rules look for in them.
fn literals(detection: &Detection, out: &mut Vec<(String, String)>) {
    let mut add = |field: &str, values: &[SigmaValue]| {
        for value in values {
            let text = match value {
                SigmaValue::String(text) => text.original.clone(),
                value => value.to_string(),
            };
            out.push((field.to_owned(), text));
        }
    };
    match detection {
        Detection::AllOf(items) => {
            for item in items {
                add(
                    item.field.name.as_deref().unwrap_or("message"),
                    &item.values,
                );
            }
        }
        Detection::Keywords(values) => add("message", values),
        Detection::AnyOf(inner) | Detection::And(inner) => {
            for inner in inner {
                literals(inner, out);
            }
        }
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

fn search(set: &RuleSet, mut items: Vec<(String, String)>) {
    items.sort();
    items.dedup();
    let mut fields: Vec<&str> = items.iter().map(|(field, _)| field.as_str()).collect();
    fields.dedup();
    let ordinary = median(
        fields
            .iter()
            .map(|field| nanos(set, field, ORDINARY))
            .collect(),
    );
    let mut found: Vec<(f64, String)> = Vec::new();
    for (field, text) in &items {
        let chars: Vec<char> = text.chars().collect();
        let cut = |to: usize| chars[..to.min(chars.len())].iter().collect::<String>();
        let mut pieces = vec![
            text.clone(),
            cut(1),
            cut(3),
            cut(4),
            cut(chars.len().saturating_sub(1)),
            chars.iter().rev().collect(),
            format!("é{}", cut(chars.len().saturating_sub(1))),
        ];
        // Of a pattern, what it says literally.
        pieces.push(
            chars
                .iter()
                .filter(|c| c.is_alphanumeric() || **c == '/')
                .collect(),
        );
        pieces.retain(|piece| !piece.is_empty());
        pieces.sort();
        pieces.dedup();
        for piece in pieces {
            let shown: String = piece.chars().take(60).collect();
            found.push((
                nanos(set, field, &piece),
                format!("{field}: {shown:?} again and again"),
            ));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let middle = median(found.iter().map(|(nanos, _)| *nanos).collect());
    println!(
        "{} hostile values of 64 KB for {} fields; ns per byte: ordinary text {ordinary:.2}, hostile median {middle:.2}, worst {:.2} ({:.1} times the hostile median, {:.1} times ordinary text)",
        found.len(),
        fields.len(),
        found[0].0,
        found[0].0 / middle,
        found[0].0 / ordinary
    );
    for (nanos, what) in found.iter().take(8) {
        println!("  {nanos:6.2}  {what}");
    }
}

/// Nanoseconds for each byte of a text made of one piece, in one field.
fn nanos(set: &RuleSet, field: &str, piece: &str) -> f64 {
    of_text(set, field, &piece.repeat(BYTES.div_ceil(piece.len())))
}

/// The best of some tries.
fn of_text(set: &RuleSet, field: &str, text: &str) -> f64 {
    let event = json!({ field: text });
    let mut scratch = Scratch::default();
    let mut best = f64::INFINITY;
    for _ in 0..TRIES {
        let start = Clock::now();
        std::hint::black_box(set.matches(&event, None, &mut scratch));
        best = best.min(start.seconds());
    }
    best * 1e9 / text.len() as f64
}

/// Patterns that make other engines slow, and the largest that load, on their letters again and again and at random. None
/// ends with one character, whose absence would answer at once.
fn expressions() {
    let large = format!("({})+[!?]", "(a|b|ab)".repeat(400));
    let words = format!("({})[xy]", vec![r"\w{1,40}\d"; 30].join("|"));
    let list = (0..480)
        .map(|n| format!("a{n}"))
        .collect::<Vec<_>>()
        .join("|");
    let patterns: Vec<(&str, String, &str)> = vec![
        ("nested repetition", "(a+)+[$%]".into(), "a"),
        ("alternatives that overlap", "(a|aa)+[!?]".into(), "a"),
        ("stars in a row", "(.*a){20}[!?]".into(), "a"),
        ("a counted repetition", "a{1,490}[!?]".into(), "a"),
        ("counted in counted", "((a{1,22}){1,22})[!?]".into(), "a"),
        (
            "counted thrice",
            "(((a{1,30}){1,30}){1,30})[!?]".into(),
            "a",
        ),
        ("memory of the last 20", "a.{20}b[$%]".into(), "ab"),
        ("memory of the last 30", "a.{28}b[$%]".into(), "ab"),
        (
            "memory of the last 200",
            "[ab]*a[ab]{200}[cd]".into(),
            "aab",
        ),
        ("memory of the last 490", "(?s).*a.{490}[cd]".into(), "aab"),
        (
            "counts side by side",
            "(?s)a.{1,240}b.{1,240}[cd]".into(),
            "aab",
        ),
        (
            "memory of the last 2,000, bytes",
            "(?s-u)a[ab]{2000}[cd]".into(),
            "aab",
        ),
        ("Unicode words", r"\w{1,60}\s\w{1,60}[!?]".into(), "é漢a "),
        ("many alternatives", large, "ab"),
        ("anything, sometimes", "(?s)(a.{1,6}){1,4}[!?]".into(), "ab"),
        ("anything, often", "(?s)(a.{1,9}){1,49}[!?]".into(), "ab"),
        ("boundaries", r"(\b|\B)".repeat(249) + "[!?]", "a é"),
        ("words at a boundary", format!(r"\b({})[!?]", list), "a é"),
        ("many counted words", words, "a1"),
    ];
    println!("regular expressions on 64 KB; ns per byte:");
    for (what, pattern, piece) in patterns {
        let quoted = pattern.replace('\'', "''");
        let rule = format!(
            "title: hostile\nid: h\nlogsource: {{ category: x }}\ndetection:\n  s:\n    f|re: '{quoted}'\n  condition: s\n"
        );
        match Loader::new().source("h.yml", &rule).load() {
            Ok(set) => {
                let letters: Vec<char> = piece.chars().collect();
                let mut rng = Rng::new(9);
                let random: String = (0..BYTES).map(|_| *rng.pick(&letters)).collect();
                let worst = nanos(&set, "f", piece).max(of_text(&set, "f", &random));
                println!("  {worst:10.1}  {what}");
            }
            Err(errors) => {
                let said = errors.to_string();
                println!(
                    "     refused  {what}: {}",
                    said.chars().take(110).collect::<String>()
                );
            }
        }
    }
}
