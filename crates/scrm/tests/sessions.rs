//! Log-in, CSRF, and the several ways in which a session ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail too")]

mod common;

use common::{Server, plan};
use hudun_scrm::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn csrf_is_needed_to_change_and_only_then() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let other = server.login("yunxi", Role::Sales, 1).await;
    let ask = json!({"object": "customer"});
    let url = server.url("/api/export");
    assert_eq!(
        sales
            .client
            .post(&url)
            .json(&ask)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::FORBIDDEN
    );
    let foreign = sales
        .client
        .post(&url)
        .header("x-csrf-token", &other.csrf)
        .json(&ask)
        .send()
        .await
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        foreign.json::<Value>().await.unwrap()["error"]["code"],
        "csrf"
    );
    assert_eq!(
        sales.client.get(&url).send().await.unwrap().status(),
        StatusCode::OK
    );
    assert_eq!(
        sales.post("/api/export", ask).await.status(),
        StatusCode::CREATED
    );
    let answer = sales.get("/api/auth/me").await;
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    server.stop().await;
}

#[tokio::test]
async fn every_way_out_ends_the_session_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let staff = plan().demo_staff();
    let who = &staff[0];
    let admin = server.login("yunxi", Role::Admin, 0).await;
    let stranger = server.login("shanhe", Role::Admin, 0).await;
    let gone = StatusCode::UNAUTHORIZED;

    // Log-out ends it in the server, not only in the browser.
    let person = server.login_as(who).await;
    let cookie = format!("scrm_session=x{}", person.csrf);
    assert_eq!(
        reqwest::Client::new()
            .get(server.url("/api/auth/me"))
            .header("cookie", cookie)
            .send()
            .await
            .unwrap()
            .status(),
        gone
    );
    let second = server.login_as(who).await;
    person.post_ok("/api/auth/logout", json!({})).await;
    assert_eq!(person.status("/api/auth/me").await, gone);
    assert_eq!(second.status("/api/auth/me").await, StatusCode::OK);

    // Another firm's administrator can't; the own one and Hudun can.
    let revoke = json!({"account": who.account});
    assert_eq!(
        stranger
            .post("/api/admin/session/revoke", revoke.clone())
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        second
            .post("/api/admin/session/revoke", revoke.clone())
            .await
            .status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        admin
            .post_ok("/api/admin/session/revoke", revoke.clone())
            .await["ended_sessions"],
        1
    );
    assert_eq!(second.status("/api/auth/me").await, gone);
    let third = server.login_as(who).await;
    let answer = server
        .hudun(Method::POST, "/api/admin/session/revoke")
        .json(&revoke)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<Value>().await.unwrap()["ended_sessions"], 1);
    assert_eq!(third.status("/api/auth/me").await, gone);

    // One session by its number.
    let fourth = server.login_as(who).await;
    let live = admin.json("/api/admin/session").await;
    let number = live["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["account"] == who.account)
        .unwrap()["session"]
        .clone();
    admin
        .post_ok("/api/admin/session/revoke", json!({"session": number}))
        .await;
    assert_eq!(fourth.status("/api/auth/me").await, gone);

    // Disabled: every session ends, log-in fails, and enabling does not bring old sessions back.
    let (a, b) = (server.login_as(who).await, server.login_as(who).await);
    let path = format!("/api/admin/staff/{}/disable", who.account);
    assert_eq!(
        server
            .hudun(Method::POST, &path)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );
    for session in [&a, &b] {
        assert_eq!(session.status("/api/customer").await, gone);
    }
    let again = json!({"account": who.account, "password": who.password});
    let client = reqwest::Client::new();
    assert_eq!(
        client
            .post(server.url("/api/auth/login"))
            .json(&again)
            .send()
            .await
            .unwrap()
            .status(),
        gone
    );
    admin
        .post_ok(
            &format!("/api/admin/staff/{}/enable", who.account),
            json!({}),
        )
        .await;
    assert_eq!(a.status("/api/auth/me").await, gone);
    let back = server.login_as(who).await;

    // A new role counts at the next request.
    admin
        .post_ok(
            &format!("/api/admin/staff/{}/role", who.account),
            json!({"role": "marketing"}),
        )
        .await;
    assert_eq!(back.status("/api/customer").await, StatusCode::FORBIDDEN);
    admin
        .post_ok(
            &format!("/api/admin/staff/{}/role", who.account),
            json!({"role": who.role}),
        )
        .await;
    assert_eq!(back.status("/api/customer").await, StatusCode::OK);

    // A new password ends the others when asked to.
    let elsewhere = server.login_as(who).await;
    let wrong = back
        .post(
            "/api/auth/password",
            json!({"old": "x", "new": "long-enough-now"}),
        )
        .await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let change =
        json!({"old": who.password, "new": "a-new-passphrase", "end_other_sessions": true});
    assert_eq!(
        back.post_ok("/api/auth/password", change).await["ended_sessions"],
        1
    );
    assert_eq!(elsewhere.status("/api/auth/me").await, gone);
    assert_eq!(back.status("/api/auth/me").await, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_and_tokens_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let client = reqwest::Client::new();
    for account in ["li.na@yunxi", "nobody@yunxi"] {
        for attempt in 0..6 {
            let ask = json!({"account": account, "password": "wrong"});
            let answer = client
                .post(server.url("/api/auth/login"))
                .json(&ask)
                .send()
                .await
                .unwrap();
            let expected = if attempt < 5 {
                StatusCode::UNAUTHORIZED
            } else {
                StatusCode::TOO_MANY_REQUESTS
            };
            assert_eq!(answer.status(), expected, "{account} {attempt}");
            assert_eq!(answer.headers().contains_key("retry-after"), attempt == 5);
        }
    }
    // The integration token reads the audit log, needs no CSRF header, and does not log in or write customers.
    let audit: Value = server
        .hudun(Method::GET, "/api/admin/audit")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(audit["after"].as_u64().unwrap() >= 12);
    let denied = server
        .hudun(Method::POST, "/api/customer")
        .json(&json!({"name": "甲", "mobile": "13800000001"}));
    assert_eq!(denied.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let garbage = client
        .get(server.url("/api/auth/me"))
        .bearer_auth("scrm_nonsense")
        .send()
        .await
        .unwrap();
    assert_eq!(garbage.status(), StatusCode::UNAUTHORIZED);
    let malformed = client
        .post(server.url("/api/auth/login"))
        .header("content-type", "application/json")
        .body("{\"account\":")
        .send()
        .await
        .unwrap();
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    let huge = client
        .post(server.url("/api/auth/login"))
        .json(&json!({"account": "a".repeat(100_000), "password": ""}))
        .send()
        .await
        .unwrap();
    assert_eq!(huge.status(), StatusCode::BAD_REQUEST);
    server.stop().await;
}
