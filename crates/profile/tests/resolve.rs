//! Requests in every spelling, and requests that are no requests at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use hudun_profile::{Gravity, Profile, RequestView, Resolver};
use proptest::prelude::*;

const FOUR: &str = r#"
format: 1
product: four
title: { zh: 四种写法, en: four dialects }
verified: false
carriers: [{ kind: session, in: { cookie: sid } }]
modules:
  - { id: customers, title: { zh: 客户, en: Customers } }
  - { id: orders, title: { zh: 订单, en: Orders } }
routes:
  - id: customer.list
    module: customers
    match:
      - { method: GET, path: /api/customer }
      - { path: /index.php, params: { module: Contacts, action: index } }
      - { path: "/{db}/rpc/", rpc: "model.party.party.*" }
      - { path: "/web/dataset/call_kw/res.partner/{method}" }
      - { path: /jsonrpc, rpc: call, json: { /params/args/3: res.partner } }
      - { path: /web/export/csv, nested: { data: { /model: res.partner } } }
      - { path: /graphql, graphql: [people, person] }
  - id: order.list
    module: orders
    match:
      - { method: GET, path: /api/order }
      - { path: /index.php, params: { module: Orders } }
      - { path: "/{db}/rpc/", rpc: "model.sale.*" }
      - { path: /graphql, graphql: orders }
"#;

fn resolver() -> Resolver {
    Resolver::new(&Profile::parse(FOUR, "four.yaml").unwrap()).unwrap()
}

fn modules(method: &str, target: &str, kind: &str, body: &str) -> Result<Vec<String>, String> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    let mut view = RequestView::new(method, path, query, headers).map_err(|e| e.to_string())?;
    view.read_body(body.as_bytes()).map_err(|e| e.to_string())?;
    let found = resolver().resolve(&view).map_err(|e| e.to_string())?;
    Ok(found
        .routes
        .iter()
        .map(|route| route.module.to_string())
        .collect())
}

#[test]
fn every_spelling_of_a_route_is_the_same_module() {
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let xml = "<?xml version='1.0'?><methodCall><methodName>model.party.party.search</methodName></methodCall>";
    let spellings = [
        ("GET", "/api/customer", "", ""),
        ("GET", "/api//customer/", "", ""),
        ("GET", "/api/./x/../%63ustomer", "", ""),
        ("GET", "/api/customer;jsessionid=1?page=2", "", ""),
        ("HEAD", "/api/customer", "", ""),
        ("GET", "/index.php?module=Contacts&action=index", "", ""),
        ("POST", "/index.php", form, "action=index&module=Contacts"),
        ("POST", "/index.php?module=Contacts", form, "action=index"),
        (
            "POST",
            "/index.php?%6dodule=Contacts&action[]=index",
            "",
            "",
        ),
        (
            "POST",
            "/crm/rpc/",
            json,
            r#"{"id":1,"method":"model.party.party.search_read","params":[]}"#,
        ),
        (
            "POST",
            "/crm/rpc/",
            "text/plain",
            r#"{"\u006dethod":"model.\u0070arty.party.search"}"#,
        ),
        ("POST", "/crm/rpc", "text/xml", xml),
        ("POST", "/web/dataset/call_kw/res.partner/read", json, "{}"),
        (
            "POST",
            "/jsonrpc",
            json,
            r#"{"method":"call","params":{"args":["db",2,"pw","res.partner","read"]}}"#,
        ),
        (
            "POST",
            "/web/export/csv",
            form,
            "data=%7B%22model%22%3A%22res.partner%22%7D",
        ),
        (
            "POST",
            "/graphql",
            json,
            r#"{"query":"query { harmless: people { name } }"}"#,
        ),
        ("GET", "/graphql?query={person(id:1){name}}", "", ""),
    ];
    for (method, target, kind, body) in spellings {
        assert_eq!(
            modules(method, target, kind, body).as_deref(),
            Ok(&["customers".to_owned()][..]),
            "{method} {target} {body}"
        );
    }
}

#[test]
fn a_batch_names_every_module_in_it() {
    let batch = r#"[{"method":"model.sale.sale.read"},{"method":"model.party.party.read"},{"method":"model.res.user.read"}]"#;
    let mut found = modules("POST", "/crm/rpc/", "application/json", batch).unwrap();
    found.sort();
    assert_eq!(found, ["customers", "orders", "other"]);
    let mut found = modules(
        "POST",
        "/graphql",
        "application/json",
        r#"{"query":"{ orders { id } ...F } fragment F on Q { people { id } }"}"#,
    )
    .unwrap();
    found.sort();
    assert_eq!(found, ["customers", "orders"]);
}

#[test]
fn a_request_that_says_two_things_is_refused() {
    for (method, target, kind, body) in [
        (
            "POST",
            "/crm/rpc/",
            "application/json",
            r#"{"method":"model.sale.sale.read","method":"model.party.party.read"}"#,
        ),
        (
            "GET",
            "/index.php?module=Orders&module=Contacts&action=index",
            "",
            "",
        ),
        (
            "POST",
            "/index.php?module=Orders",
            "application/x-www-form-urlencoded",
            "module=Contacts&action=index",
        ),
        (
            "POST",
            "/graphql",
            "application/json",
            r#"{"query":"{ people "}"#,
        ),
        (
            "POST",
            "/crm/rpc/",
            "application/octet-stream",
            "\u{1}\u{2}",
        ),
        ("GET", "/api%2fcustomer", "", ""),
    ] {
        assert!(
            modules(method, target, kind, body).is_err(),
            "{target} {body}"
        );
    }
}

#[test]
fn a_body_that_decides_is_asked_for() {
    let resolver = resolver();
    let needs = |path: &str| {
        let mut view = RequestView::new("POST", path, None, vec![]).unwrap();
        view.body = hudun_profile::BodyView::Unread;
        resolver.resolve(&view).unwrap().needs_body
    };
    assert!(needs("/crm/rpc/"));
    assert!(needs("/index.php"));
    assert!(!needs("/upload"));
}

#[test]
fn a_profile_error_names_file_line_and_field() {
    let error = Profile::parse(
        &FOUR.replace("verified: false", "verifed: false"),
        "four.yaml",
    )
    .unwrap_err()
    .to_string();
    assert!(error.starts_with("four.yaml:5:"), "{error}");
    assert!(error.contains("verifed"), "{error}");
    let error = Profile::parse(
        &FOUR.replace("module: orders", "module: orderz"),
        "four.yaml",
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("routes[1].module"), "{error}");
    let error = Profile::parse(
        &FOUR.replace("path: /api/order", "path: api/order"),
        "four.yaml",
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("routes[1].match[0].path"), "{error}");
    let error = Profile::parse(
        &FOUR.replace("{ id: orders, ", "{ id: orders, accountnig: relaxed, "),
        "f",
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("accountnig"), "{error}");
}

#[test]
fn the_bundled_profile_is_sound() {
    let text = include_str!("../../../profiles/hudun-scrm.yaml");
    let profile = Profile::parse(text, "hudun-scrm.yaml").unwrap();
    let bad: Vec<_> = profile
        .check()
        .into_iter()
        .filter(|p| p.gravity == Gravity::Error)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
    let resolver = Resolver::new(&profile).unwrap();
    for (method, path, module, route) in [
        ("GET", "/api/customer/100001", "customers", "customer.read"),
        ("GET", "/customers", "customers", "customer.list"),
        ("GET", "/api/export/7/file", "exports", "export.file"),
        ("POST", "/api/auth/login", "login", "auth.login"),
        ("GET", "/static/app.js", "login", "static"),
        ("DELETE", "/api/customer/1", "other", "other"),
    ] {
        let view = RequestView::new(method, path, None, vec![]).unwrap();
        let found = resolver.resolve(&view).unwrap();
        assert_eq!(
            (found.module().as_str(), found.primary().id.as_str()),
            (module, route),
            "{path}"
        );
    }
}

proptest! {
    #[test]
    fn any_path_any_body_never_panics(path in ".{0,80}", query in ".{0,80}", kind in "[a-z/+-]{0,30}", body in prop::collection::vec(any::<u8>(), 0..300)) {
        let resolver = resolver();
        if let Ok(mut view) = RequestView::new("POST", &format!("/{path}"), Some(&query), vec![("content-type".to_owned(), kind)])
            && view.read_body(&body).is_ok()
        {
            let _ = resolver.resolve(&view);
        }
    }

    #[test]
    fn structured_bodies_never_panic(kind in prop::sample::select(vec!["text/xml", "application/json", "multipart/form-data; boundary=x", "application/graphql"]), body in "[-<>/{}\\[\\]\":,a-z&;#x0-9\\r\\n .()@$!]{0,200}") {
        let mut view = RequestView::new("POST", "/graphql", None, vec![("content-type".to_owned(), kind.to_owned())]).unwrap();
        if view.read_body(body.as_bytes()).is_ok() {
            let _ = resolver().resolve(&view);
        }
    }

    /// However letters are encoded and whatever empty segments stand between: same module.
    #[test]
    fn random_encodings_resolve_alike(choices in prop::collection::vec(0_u8..4, 13)) {
        let mut target = String::new();
        for (letter, choice) in "/api/customer".chars().zip(choices) {
            match (letter, choice) {
                ('/', 1) => target.push_str("//"),
                ('/', 2) => target.push_str("/./"),
                ('/', 3) => target.push_str("/x/../"),
                ('/', _) => target.push('/'),
                (letter, 1) => target.push_str(&format!("%{:02x}", letter as u32)),
                (letter, 2) => target.push_str(&format!("%25{:02X}", letter as u32)),
                (letter, _) => target.push(letter),
            }
        }
        prop_assert_eq!(modules("GET", &target, "", ""), Ok(vec!["customers".to_owned()]), "{}", target);
    }
}
