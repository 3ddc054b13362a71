//! Walks every endpoint of the OpenAPI document without a session, with an unfinished one, and with every role.

// An endpoint that nobody has covered must fail the test.
#![allow(clippy::panic, clippy::unwrap_used)]

mod support;

use axum::body::Body;
use http::{Request, StatusCode};
use hudun_console::Settings;
use hudun_console::api::endpoint::{Method, Seen, all};
use hudun_console::api::{Access, Role, openapi};
use serde_json::{Value, json};

use support::{Client, House, PASSWORD, SECRET};

/// Endpoints that anybody may call. A new one has to be added here by hand, and argued for.
const PUBLIC: [&str; 1] = ["login"];
/// Endpoints that a log-in in progress may call.
/// What those do who only read: files for themselves, each on the ledger, and pages.
const READING: [&str; 4] = [
    "export-evidence",
    "export-notice pdf",
    "open-proof",
    "intelligence",
];

const SIGNING: [&str; 6] = [
    "secondStep",
    "enrol",
    "confirmEnrol",
    "changePassword",
    "logout",
    "me",
];

fn path_of(endpoint: &Seen, house: &House) -> String {
    let mut path = endpoint.path.to_owned();
    for name in endpoint.path_params() {
        let value = match name {
            "account" => "nobody.here".to_owned(),
            "approval" => "approval-9".to_owned(),
            "exception" | "exposure" | "asset" | "feed" | "subscription" => "one".to_owned(),
            "incident" => house.desk.incident().to_string(),
            "notice" => house.desk.notice_id().to_string(),
            "patch" => hudun_core::PatchId::new().to_string(),
            "restriction" => house.desk.restriction().to_string(),
            "revision" => "1".to_owned(),
            "form" => "pdf".to_owned(),
            "gate" => "vulnerability-abroad".to_owned(),
            "proof" => "00".to_owned(),
            "step" => "enforce-patch".to_owned(),
            "task" => house
                .desk
                .task_of(hudun_core::Department::Legal)
                .to_string(),
            other => panic!("path parameter {other} is not covered: add a value for it"),
        };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    path
}

/// A body that the endpoint accepts. An endpoint that is missing here fails the test.
fn body_of(endpoint: &Seen, house: &House) -> Value {
    match endpoint.id {
        "login" => json!({ "account": "nobody", "password": "wrong" }),
        "secondStep" | "confirmEnrol" => json!({ "code": "000000" }),
        "changePassword" => json!({ "old": "x", "new": "y" }),
        "stateExposure" => json!({ "reason": "turned off", "until": "2026-12-31" }),
        "unstateExposure" | "removeAsset" | "acceptFeed" => json!({ "reason": "a try" }),
        "putAsset" => json!({ "name": "mail", "product": "Postfix" }),
        "subscribe" => json!({ "about": "product", "text": "nginx" }),
        "openAccount" => json!({ "account": "new.one", "name": "New", "roles": ["it"] }),
        "disableAccount" => json!({ "disabled": true }),
        "startDrill" => json!({ "name": "stolen-account" }),
        "startRun" => json!({}),
        "decideStep" | "decideApproval" => json!({ "approve": true }),
        "changeTask" => json!({ "move": "take" }),
        "close" | "undo" | "removeException" | "rollBackRules" | "stopNotice" | "resumeNotice" => {
            json!({ "reason": "because" })
        }
        "decideAware" => {
            json!({ "moment": "2026-11-20T08:00:00+08:00", "reason": "because", "evidence": ["#1"] })
        }
        "releaseGate" => json!({ "what": "the number", "reason": "because", "reference": "17" }),
        "revokeGate" => json!({ "reason": "because" }),
        "handIn" => {
            json!({ "receipt": "12387-1", "proof": { "name": "a.png", "content": "iVBORw==" } })
        }
        "decideLetter" => json!({ "letter": "0a1b", "again": false }),
        "previewException" => json!({ "rule": 1, "place": "ARGS:q", "route": "order.list" }),
        "addException" => {
            json!({ "rule": 1, "place": "ARGS:q", "route": "order.list", "reason": "because", "attacks": 1 })
        }
        "ruleParameter" => {
            json!({ "route": "order.list", "parameter": "page", "rule": "learn", "reason": "because" })
        }
        "rollBack" => json!({ "revision": 0, "reason": "because" }),
        "approveLetters" => json!({ "role": "legal", "letters": [
            { "id": house.desk.notice_id().to_string(), "sha256": house.desk.notice_sha() },
        ] }),
        "approveNotice" => json!({ "role": "legal", "sha256": house.desk.notice_sha() }),
        id if endpoint.takes_something() => {
            panic!("endpoint {id} is not covered: add a body for it")
        }
        _ => Value::Null,
    }
}

async fn call(client: &mut Client<'_>, endpoint: &Seen) -> (StatusCode, Value) {
    let mut path = path_of(endpoint, client.house);
    match endpoint.method {
        Method::Get if endpoint.id == "policyDiff" => {
            path.push_str("?from=0&to=1");
            client.get(&path).await
        }
        // The stream never ends: only its head is of interest.
        Method::Get if endpoint.id == "events" => {
            let request = Request::get(&path)
                .header("last-event-id", "1")
                .body(Body::empty())
                .unwrap();
            let response = client.raw(request).await;
            if response.status().is_success() {
                return (response.status(), Value::Null);
            }
            client.get(&path).await
        }
        Method::Get => client.get(&path).await,
        Method::Post => {
            let body = body_of(endpoint, client.house);
            client.post(&path, body).await
        }
    }
}

#[test]
fn the_document_and_the_list_name_the_same_endpoints() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut documented = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.push(format!("{method} {path}"));
        }
    }
    let mut listed: Vec<_> = all()
        .iter()
        .map(|endpoint| format!("{:?} {}", endpoint.method, endpoint.path).to_lowercase())
        .collect();
    documented
        .iter_mut()
        .for_each(|line| *line = line.to_lowercase());
    documented.sort();
    listed.sort();
    assert_eq!(documented, listed);
}

#[tokio::test]
async fn without_a_session_everything_but_signing_in_answers_401() {
    let house = House::new();
    for endpoint in all() {
        let (status, body) = call(&mut house.client(), &endpoint).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {body}", endpoint.id);
        if endpoint.access == Access::Public {
            assert!(
                PUBLIC.contains(&endpoint.id),
                "{} is public and not on the list",
                endpoint.id
            );
            assert_eq!(body["code"], "wrong-credentials", "{}", endpoint.id);
        } else {
            assert_eq!(body["code"], "unauthenticated", "{}", endpoint.id);
        }
        assert!(
            body["message"]["zh"]
                .as_str()
                .is_some_and(|zh| !zh.is_empty())
        );
    }
    assert!(
        house.desk.commands().is_empty(),
        "{:?}",
        house.desk.commands()
    );
}

#[tokio::test]
async fn an_unfinished_log_in_reaches_nothing_but_its_own_steps() {
    let house = House::with(Settings {
        secure_cookie: false,
        ..Settings::default()
    });
    house.open("li.lei", &Role::ALL, false, Some(SECRET)).await;
    let mut client = house.sign_in("li.lei").await;
    for endpoint in all() {
        match endpoint.access {
            Access::Public => continue,
            Access::Signing => assert!(
                SIGNING.contains(&endpoint.id),
                "{} is open to log-ins in progress",
                endpoint.id
            ),
            Access::SignedIn | Access::Roles(_) => {
                let (status, body) = call(&mut client, &endpoint).await;
                assert_eq!(
                    (status, &body["code"]),
                    (StatusCode::FORBIDDEN, &json!("unfinished")),
                    "{}",
                    endpoint.id
                );
            }
        }
    }
    assert!(
        house.desk.commands().is_empty(),
        "{:?}",
        house.desk.commands()
    );
}

#[tokio::test]
async fn every_role_passes_where_it_may_and_nowhere_else() {
    let house = House::new();
    for role in Role::ALL {
        house.account(role.name(), &[role]).await;
    }
    let mut refused = 0;
    for role in Role::ALL {
        let mut client = house.sign_in(role.name()).await;
        for endpoint in all() {
            if matches!(endpoint.access, Access::Public | Access::Signing) {
                continue;
            }
            let (status, body) = call(&mut client, &endpoint).await;
            let line = format!("{role} {} {status} {body}", endpoint.id);
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{line}");
            if endpoint.access.allows(&[role]) {
                // Further rules (departments, second persons) may refuse, but by name of the roles that they want.
                let by_rule = [
                    "decideStep",
                    "changeTask",
                    "openCare",
                    "approveNotice",
                    "approveLetters",
                ]
                .contains(&endpoint.id);
                assert!(status != StatusCode::FORBIDDEN || by_rule, "{line}");
                assert!(!status.is_server_error(), "{line}");
            } else {
                assert_eq!(
                    (status, &body["code"]),
                    (StatusCode::FORBIDDEN, &json!("forbidden")),
                    "{line}"
                );
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "only {refused} refusals were seen");
    let acted: Vec<_> = house.desk.commands();
    for role in ["auditor", "admin"] {
        let by: Vec<_> = acted.iter().filter(|line| line.starts_with(role)).collect();
        assert!(
            by.iter()
                .all(|line| READING.iter().any(|what| line.ends_with(what))),
            "{by:?}"
        );
    }
}

#[tokio::test]
async fn a_foreign_page_can_do_nothing() {
    let house = House::new();
    let mut client = house.signed_in("li.lei", &Role::ALL).await;
    let path = format!("/api/incidents/{}/acknowledge", house.desk.incident());
    let attempts = [
        vec![],
        vec![("x-hudun-request", "0")],
        vec![("x-hudun-request", "1"), ("sec-fetch-site", "cross-site")],
        vec![("x-hudun-request", "1"), ("sec-fetch-site", "same-site")],
        vec![
            ("x-hudun-request", "1"),
            ("origin", "https://evil.example"),
            ("host", "hudun.example"),
        ],
        vec![
            ("x-hudun-request", "1"),
            ("origin", "null"),
            ("host", "hudun.example"),
        ],
    ];
    for headers in attempts {
        let mut request = Request::post(&path);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let (status, body) = client.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("foreign-page")),
            "{headers:?}"
        );
    }
    assert!(house.desk.commands().is_empty());
    let own = Request::post(&path)
        .header("x-hudun-request", "1")
        .header("sec-fetch-site", "same-origin")
        .header("origin", "https://hudun.example")
        .header("host", "hudun.example");
    assert_eq!(
        client.send(own.body(Body::empty()).unwrap()).await.0,
        StatusCode::OK
    );
    // Signing in is protected too: a foreign page must not sign a viewer in as somebody else.
    let login = Request::post("/api/auth/login")
        .header("content-type", "application/json")
        .body(Body::from(
            json!({ "account": "li.lei", "password": PASSWORD }).to_string(),
        ))
        .unwrap();
    assert_eq!(house.client().send(login).await.0, StatusCode::FORBIDDEN);
}
