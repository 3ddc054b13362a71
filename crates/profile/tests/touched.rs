//! Persons whom a request names.

#![allow(clippy::unwrap_used, missing_docs)]

use hudun_profile::{Profile, RequestView, Resolver};

const PROFILE: &str = r#"
format: 1
product: small
title: { zh: 小, en: Small }
verified: false
carriers: [{ kind: session, in: { cookie: s } }]
modules: [{ id: customers, title: { zh: 客户, en: Customers }, work_of: [sales] }]
fields: { lead: { subject: id, namespace: lead, rows: [""] } }
routes:
  - id: customer.tag
    module: customers
    match: [{ method: PUT, path: "/c/{id}/tags" }]
    operation: tag
    touches: ["path:id"]
  - id: customer.assign
    module: customers
    match: [{ method: POST, path: /assign }]
    touches: ["json:/ids", "query:also", "form:ids"]
  - id: lead.close
    module: customers
    match: [{ method: POST, path: /leads }]
    touches: ["json:/lead"]
    response: { fields: lead }
"#;

fn touched(method: &str, path: &str, query: &str, body: &str) -> (Vec<(String, String)>, usize) {
    let profile: Profile = Profile::parse(PROFILE, "small.yaml").unwrap();
    assert!(profile.check().is_empty(), "{:?}", profile.check());
    let kind = if body.starts_with(['{', '[']) {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    let mut view = RequestView::new(method, path, Some(query), headers).unwrap();
    view.read_body(body.as_bytes()).unwrap();
    let resolution = Resolver::new(&profile).unwrap().resolve(&view).unwrap();
    let (found, left_out) = profile.touched(&resolution, &view);
    let found = found
        .into_iter()
        .map(|(space, key)| (space.to_owned(), key));
    (found.collect(), left_out)
}

fn keys(found: &(Vec<(String, String)>, usize)) -> Vec<&str> {
    found.0.iter().map(|(_, key)| key.as_str()).collect()
}

#[test]
fn persons_are_read_from_path_query_form_and_body_each_once() {
    assert_eq!(keys(&touched("PUT", "/c/7/tags", "", "{}")), ["7"]);
    let both = touched(
        "POST",
        "/assign",
        "also=9,7&also=10",
        r#"{"ids": [7, "8", [7, 11]]}"#,
    );
    assert_eq!(keys(&both), ["7", "8", "11", "9", "10"]);
    assert_eq!(
        keys(&touched("POST", "/assign", "", "ids=1,2&ids=3")),
        ["1", "2", "3"]
    );
    let lead = touched("POST", "/leads", "", r#"{"lead": 4}"#);
    assert_eq!(lead.0, [("lead".to_owned(), "4".to_owned())]);
}

#[test]
fn what_names_nobody_names_nobody() {
    for body in [
        r#"{"ids": null}"#,
        r#"{"ids": {"a": 1}}"#,
        r#"{"ids": [[[[1]]]]}"#,
        r#"{"ids": ["", true]}"#,
    ] {
        assert!(touched("POST", "/assign", "", body).0.is_empty(), "{body}");
    }
    assert!(touched("GET", "/elsewhere", "also=1", "{}").0.is_empty());
}

#[test]
fn a_request_names_at_most_two_thousand_and_the_rest_is_counted() {
    let ids: Vec<String> = (0..2_500).map(|n| n.to_string()).collect();
    let (found, left_out) = touched(
        "POST",
        "/assign",
        "",
        &format!("{{\"ids\": [{}]}}", ids.join(",")),
    );
    assert_eq!((found.len(), left_out), (2_000, 500));
}

#[test]
fn a_place_that_can_not_be_is_an_error() {
    for (from, to) in [
        ("path:id", "path:customer"),
        ("json:/ids", "json:ids"),
        ("query:also", "also"),
        ("query:also", "cookie:also"),
        ("operation: tag", "operation: two words"),
    ] {
        let text = PROFILE.replace(from, to);
        let profile = Profile::parse(&text, "small.yaml");
        assert!(
            profile.is_err() || !profile.unwrap().check().is_empty(),
            "{to} was taken"
        );
    }
}
