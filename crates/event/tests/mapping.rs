//! Mappings: what they make, and what is wrong with them.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use hudun_event::{Format, Item, Limits, Mapping, Reader};
use serde_json::{Value, json};

const OWN: &str = r"
description: Audit lines of our CRM
fields:
  when: time
  who.login: [actor.user.uid, user.uid]
  what: { to: scrm.operation, values: { T1: tag, T2: assign, 7: send }, otherwise: other }
  result: { to: status_id, values: { ok: 1, 'no': 2 } }
  customers: scrm.subject
constants: { class_uid: 6001, scrm.module: customers, scrm.export: false }
";

fn map(mapping: &str, line: &Value) -> (Value, u64) {
    let line = line.to_string();
    let mut reader = Reader::new(line.as_bytes(), Format::Json, Limits::default())
        .with_mapping(Mapping::read("m.yml", mapping).unwrap());
    let Some(Item::Event(record)) = reader.next_item().unwrap() else {
        panic!("an event")
    };
    let json = record.to_json();
    (json, reader.counts().values_left_out)
}

#[test]
fn names_constants_and_values_are_made() {
    let line = json!({
        "when": 1_767_607_200, "who": {"login": "ann"}, "what": 7, "result": "ok",
        "customers": ["a", "b"], "class_uid": 3002, "else": 1,
    });
    let (made, left_out) = map(OWN, &line);
    assert_eq!(
        made,
        json!({
            "class_uid": 6001, "time": 1_767_607_200, "status_id": 1,
            "actor": {"user": {"uid": "ann"}}, "user": {"uid": "ann"},
            "scrm": {"module": "customers", "export": false, "operation": "send", "subject": ["a", "b"]},
        })
    );
    assert_eq!(left_out, 0);
}

#[test]
fn a_word_that_is_unknown_is_counted_or_becomes_the_other() {
    let (made, left_out) = map(OWN, &json!({"what": "T9", "result": "perhaps"}));
    assert_eq!(made["scrm"]["operation"], "other");
    assert_eq!(made.get("status_id"), None);
    assert_eq!(left_out, 1);
}

#[test]
fn what_stays_cannot_pass_for_what_is_made() {
    let keep = "keep: true\nfields: { a: scrm.module }\nconstants: { class_uid: 6001 }\n";
    let line = json!({
        "a": "m", "else": {"x": 1}, "class_uid": 1, "scrm": {"module": "forged", "rows": 3},
        "class_uid.deep": 1, "scrm.module.deep": 1,
    });
    let (made, _) = map(keep, &line);
    assert_eq!(
        made,
        json!({"class_uid": 6001, "scrm": {"module": "m", "rows": 3}, "else": {"x": 1}})
    );
}

#[test]
fn faults_name_file_and_field() {
    for (text, said) in [
        ("", "m.yml: "),
        ("fields: {a: b", "m.yml: "),
        ("[]", "m.yml: is no mapping"),
        ("{}", "m.yml: fields: is missing or empty"),
        ("fields: {a: b}\nfield: {}", "m.yml: field: is unknown"),
        ("fields: {a: b}\nkeep: often", "m.yml: keep: is neither"),
        ("fields: {a: 1}", "m.yml: fields.a: is no name"),
        ("fields: {a: []}", "m.yml: fields.a: is empty"),
        ("fields: {a: b..c}", "m.yml: fields.a: has an empty part"),
        ("fields: {a.: b}", "m.yml: fields.a.: has an empty part"),
        ("fields: {a: {too: b}}", "m.yml: fields.a.too: is unknown"),
        (
            "fields: {a: {values: {x: 1}}}",
            "m.yml: fields.a.to: is missing",
        ),
        (
            "fields: {a: {to: b, values: {}}}",
            "m.yml: fields.a.values: is empty",
        ),
        (
            "fields: {a: {to: b, values: {x: [1]}}}",
            "m.yml: fields.a.values.x: is no text",
        ),
        (
            "fields: {a: {to: b, otherwise: 1}}",
            "m.yml: fields.a.otherwise: means nothing",
        ),
        (
            "fields: {a: b}\nconstants: {b: 1}",
            "m.yml: constants.b: is filled by the field a",
        ),
        (
            "fields: {a: b}\nconstants: {c: null}",
            "m.yml: constants.c: is no text",
        ),
        (
            "fields: {a: b, c: b.d}",
            "m.yml: b: can't be a value and hold b.d",
        ),
    ] {
        let error = Mapping::read("m.yml", text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{text:?}: {error}");
    }
    // The same field twice.
    let error = Mapping::read("m.yml", "fields:\n  a: b\n  a: c\n").unwrap_err();
    assert!(error.to_string().contains("uplicate"), "{error}");
    Mapping::ecs().unwrap();
}
