//! What must hold for every body at every cut.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Customer, Seed, add, customer, keyer, run};
use hudun_core::{DataKind as K, SubjectToken};
use hudun_pii::{Bounds, Fed, FieldMap, Format, ScanMode, Scanner};
use proptest::prelude::*;
use serde_json::{Value, json};

const FORMATS: [Format; 5] = [
    Format::Json,
    Format::Ndjson,
    Format::Html,
    Format::Csv,
    Format::Text,
];

fn map() -> FieldMap {
    FieldMap::builder()
        .subject_key("id")
        .field("name", K::Name)
        .field("mobile", K::Mobile)
        .field("email", K::Email)
        .field("resident_id", K::ResidentId)
        .field("remark", K::Profile)
        .rows_at("/items")
        .build()
        .unwrap()
}

/// Few bytes, so that short bodies reach the bounds.
fn tight() -> Bounds {
    Bounds {
        max_unsettled: 600,
        max_value: 1_024,
        max_depth: 8,
    }
}

fn scanner(format: Format, mode: ScanMode, bounds: Bounds) -> Scanner {
    Scanner::new(format, &map(), &keyer(), mode, bounds)
}

type Whose = BTreeMap<SubjectToken, (u32, BTreeSet<SubjectToken>)>;

fn whose(fed: &Fed) -> Whose {
    let mut whose = Whose::new();
    for sighting in &fed.sightings {
        let entry = whose.entry(sighting.subject).or_default();
        entry.0 |= sighting.kinds.bits();
        entry.1.extend(&sighting.aliases);
    }
    whose
}

fn document(seed: u64, rows: usize, pretty: bool) -> (Vec<Customer>, String) {
    let mut seed = Seed(seed);
    let customers: Vec<_> = (0..rows).map(|_| customer(&mut seed)).collect();
    let items: Vec<Value> = customers
        .iter()
        .map(|c| {
            // serde_json sorts names, so the key stands in the middle; a nested object and a list stand around it.
            json!({"email": c.email, "a": {"resident_id": c.resident_id}, "id": c.id, "mobile": c.mobile,
                   "name": c.name, "remark": c.remark, "z_no": [c.other, null, 1.5, true]})
        })
        .collect();
    let body = json!({"code": 0, "items": items, "total": rows});
    let body = if pretty {
        serde_json::to_string_pretty(&body).unwrap()
    } else {
        body.to_string()
    };
    (customers, body)
}

fn html(seed: u64, rows: usize) -> (Vec<Customer>, String) {
    let mut seed = Seed(seed);
    let customers: Vec<_> = (0..rows).map(|_| customer(&mut seed)).collect();
    let mut body =
        "<!DOCTYPE html><table><!-- 13912345678 --><script>var a = \"<b>\";</script>".to_owned();
    for c in &customers {
        body += &format!(
            "<tr data-id='{}'><td data-field=name>{}</td><td data-mobile=\"{}\">…</td><td>{}&nbsp;<a href=\"mailto:{}\">@</a></td><td>{}</td></tr>",
            c.id, c.name, c.mobile, c.resident_id, c.email, c.remark
        );
    }
    (customers, body + "</table>")
}

fn csv(seed: u64, rows: usize) -> (Vec<Customer>, String) {
    let mut seed = Seed(seed);
    let customers: Vec<_> = (0..rows).map(|_| customer(&mut seed)).collect();
    let mut body = "\u{FEFF}id,Name,mobile,\"Resident_ID\",email,remark\r\n".to_owned();
    for c in &customers {
        body += &format!(
            "{},{},{},\"{}\",{},\"他说 \"\"好\"\"\n{}\"\r\n",
            c.id, c.name, c.mobile, c.resident_id, c.email, c.remark
        );
    }
    (customers, body)
}

fn bodies(seed: u64, rows: usize) -> Vec<(Format, Vec<Customer>, String)> {
    let (a, json) = document(seed, rows, seed.is_multiple_of(2));
    let (b, html) = html(seed, rows);
    let (c, csv) = csv(seed, rows);
    vec![
        (Format::Json, a, json),
        (Format::Html, b, html),
        (Format::Csv, c, csv),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_depends_on_the_cut(seed: u64, rows in 0usize..12, piece in 1usize..700, tightly: bool) {
        let bounds = if tightly { tight() } else { Bounds::default() };
        for (format, _, body) in bodies(seed, rows) {
            let whole = run(scanner(format, ScanMode::Mask, bounds), body.as_bytes(), usize::MAX);
            let cut = run(scanner(format, ScanMode::Mask, bounds), body.as_bytes(), piece);
            let seen = run(scanner(format, ScanMode::Observe, bounds), body.as_bytes(), piece);
            prop_assert_eq!(whose(&whole), whose(&cut), "{:?}", format);
            prop_assert_eq!(whose(&whole), whose(&seen), "{:?}", format);
            prop_assert_eq!(String::from_utf8_lossy(&whole.output), String::from_utf8_lossy(&cut.output));
            prop_assert_eq!(
                (whole.rows, whole.explained, whole.losses, whole.settled),
                (cut.rows, cut.explained, cut.losses, cut.settled),
                "{:?}", format
            );
            prop_assert!(seen.output.is_empty());
        }
    }

    /// The oracle parses the whole document: whoever stands in the settled part has been named.
    #[test]
    fn settled_never_passes_an_unreported_person(seed: u64, rows in 1usize..12, piece in 1usize..400, tightly: bool) {
        let bounds = if tightly { tight() } else { Bounds::default() };
        for (format, customers, body) in bodies(seed, rows) {
            let mut scanner = scanner(format, ScanMode::Observe, bounds);
            let mut sum = Fed::default();
            for chunk in body.as_bytes().chunks(piece) {
                add(&mut sum, scanner.feed(chunk));
                let seen = whose(&sum);
                let out = String::from_utf8_lossy(&body.as_bytes()[..sum.settled as usize]).into_owned();
                for c in &customers {
                    for (kind, value) in [(K::Mobile, &c.mobile), (K::ResidentId, &c.resident_id), (K::Email, &c.email)] {
                        if out.contains(value.as_str()) {
                            let own = [keyer().subject("customer", &c.id), keyer().subject(kind.name(), value)];
                            prop_assert!(
                                own.iter().any(|s| seen.get(s).is_some_and(|(kinds, _)| kinds & 1 << kind as u32 != 0)),
                                "{:?}: {} of {} left unreported", format, kind.name(), c.id
                            );
                        }
                    }
                }
            }
        }
    }

    /// With room for a row, every customer is named exactly, by key, with all kinds and aliases, and nobody else.
    #[test]
    fn the_persons_are_exactly_those_of_the_document(seed: u64, rows in 0usize..12, piece in 1usize..400) {
        let (customers, body) = document(seed, rows, true);
        let fed = run(scanner(Format::Json, ScanMode::Observe, Bounds::default()), body.as_bytes(), piece);
        let want: BTreeSet<_> = customers.iter().map(|c| keyer().subject("customer", &c.id)).collect();
        let seen = whose(&fed);
        prop_assert_eq!(seen.keys().copied().collect::<BTreeSet<_>>(), want);
        prop_assert_eq!(fed.rows as usize, rows);
        for c in &customers {
            let (kinds, aliases) = &seen[&keyer().subject("customer", &c.id)];
            for kind in [K::Name, K::Mobile, K::Email, K::ResidentId, K::Profile] {
                prop_assert!(kinds & 1 << kind as u32 != 0, "{:?}", kind);
            }
            for (ns, value) in [("mobile", &c.mobile), ("email", &c.email), ("resident-id", &c.resident_id)] {
                prop_assert!(aliases.contains(&keyer().subject(ns, value)));
            }
        }
    }

    #[test]
    fn masked_documents_keep_their_shape_and_no_value(seed: u64, rows in 0usize..12, piece in 1usize..400) {
        for (format, customers, body) in bodies(seed, rows) {
            let fed = run(scanner(format, ScanMode::Mask, Bounds::default()), body.as_bytes(), piece);
            let out = String::from_utf8(fed.output).unwrap();
            prop_assert_eq!(out.chars().count(), body.chars().count(), "{:?}", format);
            for c in &customers {
                for value in [&c.mobile, &c.resident_id, &c.email, &c.name] {
                    prop_assert!(!out.contains(value.as_str()), "{:?}: {} in {}", format, value, out);
                }
                prop_assert!(out.contains(c.id.as_str()));
            }
            if format == Format::Json {
                prop_assert_eq!(shape(&serde_json::from_str(&out).unwrap()), shape(&serde_json::from_str(&body).unwrap()));
            }
        }
    }

    /// What was masked is no data that left: a second reading sees nobody in it.
    #[test]
    fn masked_values_are_no_sightings(kind in proptest::sample::select(K::ALL.to_vec()), value in written()) {
        if !value.chars().any(char::is_alphanumeric) {
            return Ok(());
        }
        let map = FieldMap::builder().subject_key("id").field("value", kind).build().unwrap();
        let body = json!({ "id": "c-1", "value": value }).to_string();
        let read = |mode, body: &[u8]| run(Scanner::new(Format::Json, &map, &keyer(), mode, Bounds::default()), body, 64);
        let masked = read(ScanMode::Mask, body.as_bytes()).output;
        let seen = read(ScanMode::Observe, &masked).sightings;
        prop_assert!(
            seen.iter().all(|seen| seen.kinds.is_empty()),
            "{:?} {:?} in {}, from {}", kind, seen, String::from_utf8_lossy(&masked), body
        );
    }

    #[test]
    fn no_bytes_break_it(bytes in hostile(), piece in 1usize..50, tightly: bool) {
        let bounds = if tightly { tight() } else { Bounds::default() };
        for format in FORMATS {
            let whole = run(scanner(format, ScanMode::Mask, bounds), &bytes, usize::MAX);
            let cut = run(scanner(format, ScanMode::Observe, bounds), &bytes, piece);
            prop_assert_eq!(whose(&whole), whose(&cut), "{:?}", format);
            prop_assert_eq!(whole.settled, bytes.len() as u64);
            prop_assert_eq!(cut.settled, bytes.len() as u64);
            prop_assert!(whole.explained <= whole.settled);
        }
    }

    #[test]
    fn nested_json_of_any_shape_masks_to_the_same_shape(value in any_json()) {
        let body = value.to_string();
        let fed = run(scanner(Format::Json, ScanMode::Mask, Bounds::default()), body.as_bytes(), 7);
        let out: Value = serde_json::from_slice(&fed.output).unwrap();
        prop_assert_eq!(shape(&out), shape(&value));
    }
}

/// Values as they stand in fields: of each kind, with punctuation, short, in several scripts.
fn written() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,3}@[a-z]{1,9}\\.(com|cn)",
        "1[3-9][0-9]{9}",
        "[0-9 -]{1,18}",
        "[\\u{4e00}-\\u{4e2f}，。、（）A-Za-z0-9 ,.:;/|+-]{1,24}",
        "[A-Za-z0-9_-]{1,40}",
        "\\PC{0,20}",
    ]
}

/// Bytes near the syntax of all formats.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        proptest::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            ",",
            "\\",
            "\\u00",
            "\\\"",
            "<",
            ">",
            "</",
            "<!--",
            "-->",
            "<tr data-id=1>",
            "</tr>",
            "<script>",
            "</script>",
            "=",
            "'",
            "&#49;",
            "&",
            "\n",
            "\r\n",
            ";",
            "\"id\"",
            "\"mobile\"",
            "\"items\"",
            "13800000001",
            "138 0000 0001",
            "１３８",
            "11010519491231002X",
            "a@b.cn",
            "@",
            "姓名：张三",
            "北京市朝阳区某路1号",
            "true",
            "null",
            "-1.5e3",
            " ",
            "QQ:12345",
            "微信",
            "wm",
            "6222 0212 3456 7890 128",
            "卡",
        ])
        .prop_map(|s: &str| s.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
        (1usize..400).prop_map(|n| vec![b'1'; n]),
    ];
    proptest::collection::vec(token, 0..60).prop_map(|parts| parts.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[\\PC\"\\\\]{0,12}",
        proptest::sample::select(vec![
            "13800000001",
            "张三",
            "a@b.cn",
            "11010519491231002X",
            "😀138"
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!(13_800_000_001u64)),
        text.prop_map(Value::from),
    ];
    let name = proptest::sample::select(vec!["id", "name", "mobile", "items", "remark", "x"]);
    leaf.prop_recursive(12, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A document with every value replaced by its type and length.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(k, v)| (k.clone(), shape(v))).collect())
        }
        Value::String(text) => json!(text.chars().count()),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

#[test]
fn a_huge_string_passes_in_bounded_memory() {
    let bounds = Bounds::default();
    let mut scanner = scanner(Format::Json, ScanMode::Mask, bounds);
    let mut fed_bytes = 0_u64;
    let mut sum = Fed::default();
    let mut feed = |scanner: &mut Scanner, bytes: &[u8], sum: &mut Fed| {
        fed_bytes += bytes.len() as u64;
        let fed = scanner.feed(bytes);
        let waits = fed_bytes - fed.settled;
        assert!(
            waits <= (bounds.max_unsettled + 2 * bounds.max_value) as u64,
            "{waits} bytes wait"
        );
        sum.sightings.extend(fed.sightings);
        sum.losses.forced += fed.losses.forced;
        assert!(fed.output.len() <= 200_000);
    };
    feed(&mut scanner, br#"{"items":[{"remark":""#, &mut sum);
    let chunk = "客户说下周再联系 and nothing else ".repeat(500);
    for n in 0..400 {
        feed(&mut scanner, chunk.as_bytes(), &mut sum);
        if n % 100 == 7 {
            feed(
                &mut scanner,
                format!(" 1380000{n:04} ").as_bytes(),
                &mut sum,
            );
        }
    }
    feed(&mut scanner, br#"","id":7}]}"#, &mut sum);
    add(&mut Fed::default(), scanner.finish());
    for n in [7, 107, 207, 307] {
        let token = keyer().subject("mobile", &format!("1380000{n:04}"));
        assert!(sum.sightings.iter().any(|s| s.subject == token), "{n}");
    }
    assert!(sum.losses.forced > 0);
    let last = sum.sightings.last().unwrap();
    assert_eq!(last.subject, keyer().subject("customer", "7"));
    assert!(last.kinds.contains(K::Mobile) && last.kinds.contains(K::Profile));
}

/// `</` before a letter that is none of a tag's is text: the name behind it belongs to the number before it, wherever
/// the bytes are cut.
#[test]
fn what_only_looks_like_a_tag_does_not_part_a_text() {
    let bytes = "\\\"13800000001</姓名：张三".as_bytes();
    let whole = run(
        scanner(Format::Html, ScanMode::Observe, Bounds::default()),
        bytes,
        usize::MAX,
    );
    assert!(!whose(&whole).is_empty());
    for piece in 1..bytes.len() {
        let cut = run(
            scanner(Format::Html, ScanMode::Observe, Bounds::default()),
            bytes,
            piece,
        );
        assert_eq!(whose(&whole), whose(&cut), "{piece}");
    }
}
