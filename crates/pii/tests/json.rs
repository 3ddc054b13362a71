//! JSON: whose data, settled up to where, and what goes out.
#![allow(clippy::unwrap_used)]

mod common;

use common::{keyer, run, scan};
use hudun_core::{DataKind as K, KindSet, Sighting};
use hudun_pii::{Bounds, FieldMap, Format, ScanMode, Scanner};

fn customers() -> FieldMap {
    FieldMap::builder()
        .subject_key("id")
        .field("name", K::Name)
        .field("mobile", K::Mobile)
        .field("email", K::Email)
        .field("remark", K::Profile)
        .owner("owner_id")
        .rows_at("/items")
        .build()
        .unwrap()
}

fn seen(subject: &str, kinds: &[K], aliases: &[(&str, &str)]) -> Sighting {
    Sighting {
        subject: keyer().subject("customer", subject),
        kinds: KindSet::of(kinds),
        aliases: aliases
            .iter()
            .map(|(ns, v)| keyer().subject(ns, v))
            .collect(),
    }
}

#[test]
fn the_key_may_come_after_the_fields() {
    let body = r#"{"id":1,"total":2,"items":[
        {"name":"张三","mobile":"13800000001","id":"7","owner_id":"sales_a"},
        {"id":8,"email":"a@b.cn","detail":{"mobile":13800000002},"owner_id":"sales_b"}]}"#;
    let fed = run(
        Scanner::new(
            Format::Json,
            &customers(),
            &keyer(),
            ScanMode::Observe,
            Bounds::default(),
        )
        .asked_by("sales_a"),
        body.as_bytes(),
        usize::MAX,
    );
    assert_eq!(
        fed.sightings,
        [
            seen("7", &[K::Name, K::Mobile], &[("mobile", "13800000001")]),
            seen(
                "8",
                &[K::Email, K::Mobile],
                &[("email", "a@b.cn"), ("mobile", "13800000002")]
            ),
        ]
    );
    assert_eq!((fed.rows, fed.foreign_rows), (2, 1));
    assert_eq!(fed.settled, body.len() as u64);
    assert_eq!(fed.explained, body.len() as u64);
}

#[test]
fn text_adds_kinds_to_the_row_without_alias() {
    let fed = scan(
        &customers(),
        r#"{"items":[{"id":7,"remark":"他太太 13900000002","note":"zhang@x.com"}]}"#,
    );
    assert_eq!(
        fed.sightings,
        [seen("7", &[K::Mobile, K::Email, K::Profile], &[])]
    );
}

#[test]
fn empty_and_masked_values_are_no_sightings() {
    let fed = scan(
        &customers(),
        r#"{"items":[{"id":7,"name":"张*","mobile":"138****0001","email":null,"remark":""}]}"#,
    );
    assert_eq!(fed.sightings, []);
    assert_eq!(fed.rows, 1);
}

#[test]
fn outside_rows_values_speak_for_themselves() {
    let fed = scan(
        &FieldMap::empty(),
        r#"["13800000001", 13800000002, "1\u00338 0000 0003"]"#,
    );
    let want: Vec<_> = ["13800000001", "13800000002", "13800000003"]
        .iter()
        .map(|n| Sighting::new(keyer().subject("mobile", n), KindSet::of(&[K::Mobile])))
        .collect();
    assert_eq!(fed.sightings, want);
}

#[test]
fn a_keyless_row_is_named_by_its_best_identifier() {
    let fed = scan(
        &customers(),
        r#"{"items":[{"name":"张三","email":"a@b.cn","mobile":"13800000001"}]}"#,
    );
    assert_eq!(
        fed.sightings,
        [Sighting {
            subject: keyer().subject("mobile", "13800000001"),
            kinds: KindSet::of(&[K::Name, K::Email, K::Mobile]),
            aliases: vec![keyer().subject("email", "a@b.cn")],
        }]
    );
}

#[test]
fn columns_of_the_request_name_the_cells() {
    let map = FieldMap::builder()
        .subject_key("id")
        .field("name", K::Name)
        .field("mobile", K::Mobile)
        .rows_at("/result")
        .build()
        .unwrap()
        .with_columns(&["id", "name", "mobile"]);
    let fed = scan(
        &map,
        r#"{"id":4,"result":[[1,"张三","13800000001"],[2,"李四",null]]}"#,
    );
    assert_eq!(
        fed.sightings,
        [
            seen("1", &[K::Name, K::Mobile], &[("mobile", "13800000001")]),
            seen("2", &[K::Name], &[]),
        ]
    );
}

#[test]
fn an_order_around_one_customer_is_the_customers() {
    let map = FieldMap::builder()
        .subject_key("customer/id")
        .field("amount", K::Transaction)
        .field("customer/name", K::Name)
        .rows_at("/")
        .build()
        .unwrap();
    let fed = scan(
        &map,
        r#"[{"id":1,"amount":9.5,"customer":{"id":7,"name":"张三"}}]"#,
    );
    let all = fed
        .sightings
        .iter()
        .fold(KindSet::EMPTY, |set, s| set.union(s.kinds));
    assert_eq!(all, KindSet::of(&[K::Transaction, K::Name]));
    assert!(
        fed.sightings
            .iter()
            .all(|s| s.subject == keyer().subject("customer", "7"))
    );
}

#[test]
fn a_long_row_is_settled_by_force_and_completed_later() {
    let filler = "长".repeat(40_000);
    let body = format!(
        r#"{{"items":[{{"mobile":"13800000001","note":"{filler}","id":7,"name":"张三"}}]}}"#
    );
    let fed = scan(&customers(), &body);
    assert_eq!(fed.losses.forced, 1);
    assert_eq!(
        fed.sightings,
        [
            Sighting::new(
                keyer().subject("mobile", "13800000001"),
                KindSet::of(&[K::Mobile])
            ),
            seen("7", &[K::Name, K::Mobile], &[("mobile", "13800000001")]),
        ]
    );
}

#[test]
fn broken_json_is_read_as_text() {
    let fed = scan(
        &customers(),
        r#"{"items":[{"id":7,"mobile":"13800000001"},}} tel 13900000002"#,
    );
    assert_eq!(fed.losses.malformed, 1);
    assert_eq!(fed.sightings.len(), 2);
    assert!(fed.explained < fed.settled);
}

#[test]
fn hostile_documents() {
    let deep = "[".repeat(100_000) + "\"13800000001\"" + &"]".repeat(100_000);
    let fed = scan(&FieldMap::empty(), &deep);
    assert_eq!(fed.sightings.len(), 1);
    assert_eq!(fed.losses.too_deep, 1);
    let mut bytes = b"{\"a\":\"\xff\xfe\0 13800000001 \xe5\"}".to_vec();
    bytes.extend(b"\0\0");
    let fed = run(
        Scanner::new(
            Format::Json,
            &FieldMap::empty(),
            &keyer(),
            ScanMode::Mask,
            Bounds::default(),
        ),
        &bytes,
        3,
    );
    assert_eq!(fed.sightings.len(), 1);
    assert_eq!(fed.settled, bytes.len() as u64);
}

#[test]
fn a_row_of_titles_above_named_columns_is_nobody() {
    let map = FieldMap::builder()
        .subject_key("id")
        .field("mobile", K::Mobile)
        .rows_at("/result")
        .build()
        .unwrap()
        .with_columns(&["id", "mobile"])
        .with_header_row(true);
    let keyer = keyer();
    let seen = |format, text: &str| {
        let mut scanner = Scanner::new(format, &map, &keyer, ScanMode::Observe, Bounds::default());
        let mut sightings = scanner.feed(text.as_bytes()).sightings;
        sightings.extend(scanner.finish().sightings);
        sightings
            .into_iter()
            .map(|seen| seen.subject)
            .collect::<Vec<_>>()
    };
    let five = vec![keyer.subject("customer", "5")];
    let json = r#"{"id":1,"result":[["编号","手机"],[5,"13800000001"]]}"#;
    assert_eq!(seen(Format::Json, json), five);
    assert_eq!(seen(Format::Csv, "编号,手机\r\n5,13800000001\r\n"), five);
}
