//! From synthetic traffic to a profile, and back: what was learned resolves what was seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;

use hudun_core::DataKind;
use hudun_learn::{HarError, Learner, Sample};
use hudun_profile::{CarrierPlace, Gravity, Profile, RequestView, Resolver};
use serde_json::{Value, json};

fn entry(
    method: &str,
    url: &str,
    cookie: &str,
    body: Option<(&str, String)>,
    answer: (&str, String),
) -> Value {
    let mut headers = vec![json!({"name": "Host", "value": "crm.test"})];
    if !cookie.is_empty() {
        headers.push(json!({"name": "Cookie", "value": cookie}));
    }
    let mut request =
        json!({"method": method, "url": format!("https://crm.test{url}"), "headers": headers});
    if let Some((kind, text)) = body {
        request["postData"] = json!({"mimeType": kind, "text": text});
    }
    let mut answer_headers = vec![json!({"name": "Content-Type", "value": answer.0})];
    if url.contains("login") {
        answer_headers.push(json!({"name": "Set-Cookie", "value": "scrm_session=s3cr3ts3cr3ts3cr3t; HttpOnly; Path=/"}));
    }
    if url.ends_with("/file") {
        answer_headers
            .push(json!({"name": "Content-Disposition", "value": "attachment; filename=a.csv"}));
    }
    json!({"request": request, "response": {
        "status": 200, "headers": answer_headers, "content": {"mimeType": answer.0, "text": answer.1}}})
}

fn mobile(n: u32) -> String {
    format!("138{:08}", 17 * n)
}

/// Traffic of the shape of the bundled SCRM.
fn bundled() -> Vec<u8> {
    let cookie = "scrm_session=s3cr3ts3cr3ts3cr3t";
    let json_kind = "application/json";
    let name = |n: u32| ["张三", "李小龙", "王建国", "赵敏", "陈静"][n as usize % 5];
    let mut entries = vec![entry(
        "POST",
        "/api/auth/login",
        "",
        Some((
            json_kind,
            json!({"account": "anna@north", "password": "x"}).to_string(),
        )),
        (
            json_kind,
            json!({"account": "anna@north", "role": "sales"}).to_string(),
        ),
    )];
    for page in 0..20 {
        let row = |n: u32| {
            json!({"id": 100_000 + n, "owner": "anna@north", "name": name(n), "mobile": mobile(n),
                "email": format!("c{n}@example.invalid"), "created_at": "2026-01-01"})
        };
        let items: Vec<Value> = (page * 10..page * 10 + 10).map(row).collect();
        let list = json!({"items": items, "total": 200}).to_string();
        entries.push(entry(
            "GET",
            &format!("/api/customer?page={page}"),
            cookie,
            None,
            (json_kind, list),
        ));
        let one = row(page).to_string();
        entries.push(entry(
            "GET",
            &format!("/api/customer/{}", 100_000 + page),
            cookie,
            None,
            (json_kind, one),
        ));
        entries.push(entry(
            "GET",
            "/customers",
            cookie,
            None,
            ("text/html", "<html></html>".to_owned()),
        ));
        let orders: Vec<Value> = (0..10)
            .map(|n| json!({"id": 7_000 + n, "customer_id": 100_000 + page * 10 + n, "receiver": name(n), "mobile": mobile(n)}))
            .collect();
        let orders = json!({ "items": orders }).to_string();
        entries.push(entry(
            "GET",
            "/api/order?page=1",
            cookie,
            None,
            (json_kind, orders),
        ));
        let chats =
            json!({"items": [{"id": page, "customer_id": 100_000 + page, "text": "好的，明天见"}]})
                .to_string();
        entries.push(entry(
            "GET",
            &format!("/api/chat?customer_id={}", 100_000 + page),
            cookie,
            None,
            (json_kind, chats),
        ));
        let mut csv = "customer_id,name,mobile\n".to_owned();
        for n in 0..10 {
            let _ = writeln!(csv, "{},{},{}", 100_000 + n, name(n), mobile(n));
        }
        entries.push(entry(
            "GET",
            &format!("/api/export/{page}/file"),
            cookie,
            None,
            ("text/csv", csv),
        ));
        entries.push(entry(
            "GET",
            "/static/app.css",
            "",
            None,
            ("text/css", String::new()),
        ));
    }
    entries.push(entry(
        "POST",
        "/api/auth/logout",
        cookie,
        Some((json_kind, "{}".to_owned())),
        (json_kind, "{}".to_owned()),
    ));
    json!({"log": {"version": "1.2", "entries": entries}})
        .to_string()
        .into_bytes()
}

fn sound(text: &str) -> Profile {
    let profile =
        Profile::parse(text, "learned.yaml").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let errors: Vec<_> = profile
        .check()
        .into_iter()
        .filter(|found| found.gravity == Gravity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    profile
}

fn module(profile: &Profile, method: &str, target: &str, body: Option<&str>) -> String {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let mut view = RequestView::new(method, path, query, headers).unwrap();
    if let Some(body) = body {
        view.read_body(body.as_bytes()).unwrap();
    }
    Resolver::new(profile)
        .unwrap()
        .resolve(&view)
        .unwrap()
        .module()
        .to_string()
}

#[test]
fn the_shape_of_the_bundled_scrm_is_learned() {
    let mut learner = Learner::default();
    learner.read_har(&bundled()).unwrap();
    assert_eq!(learner.counts().unreadable, 0);
    let text = learner.propose("learned");
    let profile = sound(&text);
    let modules: Vec<_> = profile
        .modules
        .iter()
        .map(|module| module.id.as_str())
        .collect();
    for wanted in ["customers", "orders", "chats", "exports", "login", "static"] {
        assert!(modules.contains(&wanted), "{wanted}: {modules:?}");
    }
    for (method, target, wanted) in [
        ("GET", "/api/customer?page=3", "customers"),
        ("GET", "/api/customer/123", "customers"),
        ("GET", "/customers", "customers"),
        ("PATCH", "/api/customer/123/anything", "customers"),
        ("GET", "/api/order?page=9", "orders"),
        ("GET", "/api/chat?customer_id=5", "chats"),
        ("GET", "/api/export/9/file", "exports"),
        ("POST", "/api/auth/login", "login"),
        ("GET", "/unknown", "other"),
    ] {
        assert_eq!(
            module(&profile, method, target, None),
            wanted,
            "{method} {target}\n{text}"
        );
    }
    // Fields, subject, owner and rows.
    let of = |path: &str| {
        let route = profile.routes.iter().find(|route| {
            route.matchers[0].path.as_deref() == Some(path) && route.matchers[0].method.is_some()
        });
        profile
            .fields_of(route.unwrap_or_else(|| panic!("{path}\n{text}")))
            .unwrap_or_else(|| panic!("{path}\n{text}"))
    };
    let customers = of("/api/customer");
    assert_eq!(customers.kinds["mobile"], DataKind::Mobile);
    assert_eq!(customers.kinds["name"], DataKind::Name);
    assert_eq!(customers.kinds["email"], DataKind::Email);
    assert!(!customers.kinds.contains_key("id"));
    assert_eq!(customers.rows, ["/items"]);
    assert_eq!(customers.owner.as_deref(), Some("owner"));
    assert_eq!(
        customers.subject.as_ref().unwrap().iter().next(),
        Some("id")
    );
    assert_eq!(
        of("/api/order").subject.as_ref().unwrap().iter().next(),
        Some("customer_id")
    );
    assert_eq!(
        of("/api/export/{id}/file").kinds["mobile"],
        DataKind::Mobile
    );
    // Session, log-in, log-out, export.
    assert_eq!(
        profile.carriers[0].place,
        CarrierPlace::Cookie("scrm_session".to_owned())
    );
    assert_eq!(profile.logins.len(), 1);
    assert!(profile.routes.iter().any(|route| route.logout));
    assert!(
        profile
            .routes
            .iter()
            .any(|route| route.export && route.module.as_str() == "exports")
    );
    // Counts, never values.
    for value in [
        "138",
        "张三",
        "s3cr3t",
        "anna",
        "example.invalid",
        "明天",
        "100001",
    ] {
        assert!(!text.contains(value), "{value}\n{text}");
    }
}

#[test]
fn a_product_that_routes_by_parameter_is_learned_from_its_log() {
    let mut log = String::new();
    for n in 0..50 {
        for (module, action) in [("Contacts", "DetailView"), ("Orders", "index")] {
            let _ = writeln!(
                log,
                "192.0.2.{n} - - [01/Jan/2026:00:00:00 +0800] \"GET /index.php?module={module}&action={action}&record={n} HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (x)\""
            );
        }
    }
    log.push_str("garbage\n192.0.2.1 - - [x] \"\\x16\\x03\" 400 0 \"-\" \"-\"\n");
    log.push_str(&"x".repeat(200_000));
    log.push('\n');
    let mut learner = Learner::default();
    learner.read_log(log.as_bytes()).unwrap();
    assert_eq!(
        (learner.counts().samples, learner.counts().unreadable),
        (100, 3)
    );
    let text = learner.propose("php");
    let profile = sound(&text);
    assert_eq!(
        module(
            &profile,
            "GET",
            "/index.php?module=Contacts&action=EditView",
            None
        ),
        "contacts"
    );
    assert_eq!(
        module(&profile, "GET", "/index.php?module=Orders", None),
        "orders"
    );
    assert!(!text.contains("192.0.2"), "{text}");
}

#[test]
fn rpc_models_and_methods_are_learned() {
    let mut learner = Learner::default();
    let kind = [("content-type".to_owned(), "application/json".to_owned())];
    let mut see = |target: &str, body: &str, answer: &str, auth: &str| {
        let mut headers = kind.to_vec();
        if !auth.is_empty() {
            headers.push(("authorization".to_owned(), auth.to_owned()));
        }
        learner.see(&Sample {
            method: "POST",
            target,
            headers: &headers,
            body: Some(body.as_bytes()),
            status: 200,
            answer_headers: &kind,
            answer: Some(answer.as_bytes()),
        });
    };
    let token = "0123456789abcdef0123";
    see(
        "/crm/rpc/",
        r#"{"method":"common.db.login","params":["anna",{"password":"x"},"en"]}"#,
        &format!(r#"{{"result":[2,"{token}",null]}}"#),
        "",
    );
    for n in 0..20 {
        let call = r#"{"method":"model.party.party.search_read","params":[[],0,20]}"#;
        let answer = format!(
            r#"{{"result":[{{"id":{n},"name":"李小龙","mobile":"{}"}}]}}"#,
            mobile(n)
        );
        see("/crm/rpc/", call, &answer, &format!("Bearer {token}"));
        see(
            "/crm/rpc/",
            r#"{"method":"model.sale.sale.read","params":[[1]]}"#,
            r#"{"result":[]}"#,
            "Bearer x",
        );
        let odoo =
            r#"{"method":"call","params":{"model":"res.partner","method":"read","args":[]}}"#;
        see("/web/dataset/call_kw", odoo, r#"{"error":{"code":1}}"#, "");
    }
    let text = learner.propose("rpc");
    let profile = sound(&text);
    let at = |body: &str| module(&profile, "POST", "/crm/rpc/", Some(body));
    assert_eq!(
        at(r#"{"method":"model.party.party.search_read","params":[]}"#),
        "parties",
        "{text}"
    );
    assert_eq!(
        at(r#"{"method":"model.party.address.export_data","params":[]}"#),
        "parties",
        "never seen, same family"
    );
    assert_eq!(
        at(r#"{"method":"model.sale.sale.read","params":[]}"#),
        "sales"
    );
    let odoo = r#"{"method":"call","params":{"model":"res.partner","method":"unlink"}}"#;
    assert_eq!(
        module(&profile, "POST", "/web/dataset/call_kw", Some(odoo)),
        "res-partners"
    );
    // The session stands in the log-in's answer and came back after `Bearer`.
    assert!(text.contains("{ body: \"/result/1\" }"), "{text}");
    assert!(text.contains("request-json: \"/params/0\""), "{text}");
    assert!(text.contains("absent: /error"), "{text}");
    assert!(!text.contains(token) && !text.contains("138"), "{text}");
}

#[test]
fn names_of_people_in_paths_are_clustered() {
    let mut learner = Learner::default();
    for n in 0..60_u32 {
        let who: String = (0..6)
            .map(|at| char::from(b'a' + ((n * 7 + at * n) % 26) as u8))
            .collect();
        learner.see(&Sample {
            method: "GET",
            target: &format!("/space/{who}{}/card", char::from(b'a' + (n % 26) as u8)),
            status: 200,
            ..Sample::default()
        });
    }
    let text = learner.propose("people");
    sound(&text);
    assert!(text.contains("/space/{id}/card"), "{text}");
    assert!(learner.counts().left_out == 0);
}

#[test]
fn a_file_is_read_by_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic");
    std::fs::write(&file, bundled()).unwrap();
    let mut learner = Learner::default();
    learner.read_file(&file).unwrap();
    assert_eq!(learner.counts().samples, 142);
    std::fs::write(
        &file,
        "1.2.3.4 - - [x] \"GET /a HTTP/1.1\" 200 1 \"-\" \"-\"\n",
    )
    .unwrap();
    learner.read_file(&file).unwrap();
    assert_eq!(learner.counts().samples, 143);
    for (text, part) in [
        ("no log\n", "no request"),
        ("{", "no JSON: line 1"),
        ("{}", "/log/entries"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = learner.read_file(&file).unwrap_err().to_string();
        assert!(error.contains("traffic") && error.contains(part), "{error}");
    }
    assert!(
        learner
            .read_file(&folder.path().join("absent"))
            .unwrap_err()
            .to_string()
            .contains("absent")
    );
}

#[test]
fn hostile_input_is_bounded_and_counted() {
    assert!(matches!(
        Learner::default().read_har(b"{"),
        Err(HarError::Json { line: 1, .. })
    ));
    assert!(matches!(
        Learner::default().read_har(b"{}"),
        Err(HarError::Form)
    ));
    let mut learner = Learner::default();
    learner.read_har(br#"{"log":{"entries":[1,{},{"request":{"url":"/a"}},{"request":{"url":"/..","method":"GET"},"response":{"status":200}}]}}"#).unwrap();
    assert_eq!(learner.counts().unreadable, 4);
    let deep = "[".repeat(50_000);
    let kind = [("content-type".to_owned(), "application/json".to_owned())];
    for n in 0..5_000 {
        let target = format!("/{}/{}", word(n), "a/".repeat(100));
        learner.see(&Sample {
            method: "GET",
            target: &target,
            headers: &kind,
            body: Some(deep.as_bytes()),
            status: 200,
            answer_headers: &kind,
            answer: Some(deep.as_bytes()),
        });
    }
    assert!(learner.counts().bodies >= 10_000 && learner.counts().left_out > 0);
    let text = learner.propose("hostile \" }\n: {");
    assert!(text.len() < 4 << 20);
    sound(&text);
}

fn word(mut n: u32) -> String {
    let mut text = "w".to_owned();
    while n > 0 {
        text.push(char::from(b'a' + (n % 26) as u8));
        n /= 26;
    }
    text
}

proptest::proptest! {
    #[test]
    fn whatever_comes_the_proposal_can_be_read(
        targets in proptest::collection::vec("/[a-zA-Z0-9{}*=\"'#:&?/._%-]{0,40}", 1..20),
        keys in proptest::collection::vec("[a-zA-Z_\"\\\\:#-]{0,12}", 1..6),
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
    ) {
        let mut learner = Learner::default();
        let kind = [("content-type".to_owned(), "application/json".to_owned())];
        let object: Value = keys.iter().map(|key| (key.clone(), json!("13800000001"))).collect::<serde_json::Map<_, _>>().into();
        let answer = json!({"rows": [object]}).to_string();
        for target in &targets {
            for body in [answer.as_bytes(), &bytes] {
                learner.see(&Sample { method: "POST", target, headers: &kind, body: Some(body), status: 200, answer_headers: &kind, answer: Some(body) });
            }
        }
        let _ = learner.read_log(&bytes[..]);
        let _ = learner.read_har(&bytes);
        let text = learner.propose("any");
        proptest::prop_assert!(Profile::parse(&text, "any.yaml").is_ok(), "{}\n{}", Profile::parse(&text, "any.yaml").unwrap_err(), text);
        proptest::prop_assert!(!text.contains("13800000001"));
    }
}
