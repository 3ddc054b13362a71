//! Each role against each module: what the policy table says holds over HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail too")]

mod common;

use common::{Server, ids};
use hudun_scrm::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const OK: StatusCode = StatusCode::OK;

#[tokio::test]
async fn deny_by_default() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    use Role::{Admin, Compliance, Manager, Marketing, Sales, Service};
    let table: [(&str, &[Role]); 9] = [
        ("/api/customer", &[Sales, Manager, Service]),
        ("/api/order", &[Sales, Manager, Service]),
        ("/api/tag", &[Sales, Manager, Service, Marketing]),
        ("/api/campaign", &[Sales, Manager, Marketing]),
        ("/api/ticket", &[Manager, Service]),
        ("/api/stats", &[Manager, Marketing]),
        ("/api/admin/staff", &[Admin]),
        ("/api/admin/audit", &[Compliance, Admin]),
        ("/api/reveal", &[Compliance]),
    ];
    for role in [Sales, Manager, Service, Marketing, Compliance, Admin] {
        let person = server.login("yunxi", role, 0).await;
        for (path, allowed) in table {
            let expected = if allowed.contains(&role) {
                OK
            } else {
                FORBIDDEN
            };
            assert_eq!(person.status(path).await, expected, "{role:?} {path}");
        }
    }
    for path in [
        "/api/customer",
        "/api/auth/me",
        "/api/export",
        "/api/chat?customer_id=100001",
    ] {
        assert_eq!(
            reqwest::get(server.url(path)).await.unwrap().status(),
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    let login = reqwest::get(server.url("/customers")).await.unwrap();
    assert_eq!(login.url().path(), "/login");
    assert_eq!(
        reqwest::get(server.url("/healthz")).await.unwrap().status(),
        OK
    );
    server.stop().await;
}

#[tokio::test]
async fn scopes_and_masks() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let manager = server.login("yunxi", Role::Manager, 0).await;
    let service = server.login("yunxi", Role::Service, 0).await;
    let compliance = server.login("yunxi", Role::Compliance, 0).await;

    let (own, total) = sales.customers(&[("size", "100")]).await;
    let page = sales.json("/api/customer?size=100").await;
    let first = &page["items"][0];
    let mobile = first["mobile"].as_str().unwrap();
    assert!(mobile.len() == 11 && !mobile.contains('*'));
    assert_eq!(sales.customers(&[("search", mobile)]).await.0, [own[0]]);
    let name = first["name"].as_str().unwrap();
    assert!(
        sales
            .customers(&[("search", name)])
            .await
            .0
            .contains(&own[0])
    );
    let tag = first["tags"][0].as_str().unwrap();
    assert!(
        sales
            .customers(&[("tag", tag), ("size", "100")])
            .await
            .0
            .contains(&own[0])
    );

    let (_, department) = manager.customers(&[]).await;
    assert!(department > total);
    let masked = manager.json("/api/customer").await["items"][0].clone();
    assert!(
        masked["mobile"].as_str().unwrap().contains("****"),
        "{masked}"
    );
    let id = masked["id"].as_i64().unwrap();
    assert_eq!(
        manager
            .post(&format!("/api/customer/{id}/reveal"), json!({"reason": ""}))
            .await
            .status(),
        StatusCode::BAD_REQUEST
    );
    let clear = manager
        .post_ok(
            &format!("/api/customer/{id}/reveal"),
            json!({"reason": "客户投诉回访"}),
        )
        .await;
    assert!(!clear["mobile"].as_str().unwrap().contains('*'));
    assert_eq!(
        compliance.json("/api/reveal").await["items"][0]["customer_id"],
        id
    );

    // Service sees a customer exactly as long as a ticket is open.
    let tickets = service.json("/api/ticket").await;
    let seen = service.customers(&[("size", "100")]).await.0;
    assert!(!seen.is_empty() && seen.len() < total as usize);
    let ticket = tickets["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["customer_id"] == seen[0])
        .unwrap()
        .clone();
    service
        .post_ok(&format!("/api/ticket/{}/close", ticket["id"]), json!({}))
        .await;
    assert_eq!(
        service.status(&format!("/api/customer/{}", seen[0])).await,
        StatusCode::NOT_FOUND
    );
    sales
        .post_ok(
            "/api/ticket",
            json!({"customer_id": own[0], "title": "补发赠品"}),
        )
        .await;

    // The archive: the owner, or a case.
    let chat = sales
        .json(&format!("/api/chat?customer_id={}", own[0]))
        .await;
    assert!(chat["total"].as_i64().is_some());
    assert_eq!(
        compliance
            .status(&format!("/api/chat?customer_id={}", own[0]))
            .await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        compliance
            .status(&format!(
                "/api/chat?customer_id={}&case=AJ-2026-017",
                own[0]
            ))
            .await,
        OK
    );
    assert_eq!(
        manager
            .status(&format!("/api/chat?customer_id={}", own[0]))
            .await,
        FORBIDDEN
    );

    // Orders carry the customer they belong to, and none of somebody else's.
    let orders = sales.json("/api/order?size=100").await;
    for order in orders["items"].as_array().unwrap() {
        assert!(own.contains(&order["customer_id"].as_i64().unwrap()) || total > 100);
        assert_eq!(order["order_no"].as_str().unwrap().len(), 18);
    }
    let other = server
        .login("yunxi", Role::Sales, 1)
        .await
        .customers(&[])
        .await
        .0[0];
    assert_eq!(
        sales.json(&format!("/api/order?customer_id={other}")).await["total"],
        0
    );

    // Follow-ups, changes, timeline.
    sales
        .post_ok(
            "/api/follow",
            json!({"customer_id": own[0], "kind": "call", "note": "约了周五"}),
        )
        .await;
    let follow = sales
        .json(&format!("/api/follow?customer_id={}", own[0]))
        .await;
    assert_eq!(follow["items"][0]["note"], "约了周五");
    assert_eq!(
        sales
            .post(
                "/api/follow",
                json!({"customer_id": other, "kind": "call", "note": "x"})
            )
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    let made = sales
        .post_ok(
            "/api/customer",
            json!({"name": "欧阳若雨", "mobile": "13800000001", "tags": ["金卡"]}),
        )
        .await;
    let made = made["id"].as_i64().unwrap();
    assert_eq!(sales.customers(&[("search", "若雨")]).await.0, [made]);
    let changed = sales
        .ask(Method::PATCH, &format!("/api/customer/{made}"))
        .json(&json!({"name": "欧阳晴", "stage": "成交"}))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["stage"], "成交");
    assert_eq!(sales.customers(&[("search", "若雨")]).await.1, 0);
    assert_eq!(
        sales.customers(&[("search", "13800000001")]).await.0,
        [made]
    );
    let bad = sales
        .post("/api/customer", json!({"name": "甲", "mobile": "123"}))
        .await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    let bad: Value = bad.json().await.unwrap();
    assert_eq!(bad["error"]["field"], "mobile");
    let bad = sales
        .post(
            "/api/customer",
            json!({"name": "甲", "mobile": "13800000001", "owner_id": 1}),
        )
        .await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        bad.json::<Value>().await.unwrap()["error"]["field"],
        "owner_id"
    );
    assert!(
        !sales
            .json(&format!("/api/customer/{}/timeline", own[0]))
            .await["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    // Pages show the same, with ids that a program can read.
    let html = sales.get("/customers?size=100").await.text().await.unwrap();
    assert!(
        own.iter()
            .all(|id| html.contains(&format!("data-customer-id=\"{id}\"")))
    );
    assert!(
        html.contains("客户")
            && sales
                .get("/customers?lang=en")
                .await
                .text()
                .await
                .unwrap()
                .contains("Customers")
    );
    for (person, path) in [
        (&sales, "/orders"),
        (&sales, "/exports"),
        (&compliance, "/chat"),
    ] {
        assert_eq!(person.status(path).await, OK, "{path}");
    }
    assert_eq!(sales.status("/admin").await, FORBIDDEN);
    server.stop().await;
}

#[tokio::test]
async fn export_takes_two_people() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let manager = server.login("yunxi", Role::Manager, 0).await;
    let stranger = server.login("shanhe", Role::Manager, 0).await;
    let (own, total) = sales.customers(&[("size", "100")]).await;

    let asked = sales
        .post_ok(
            "/api/export",
            json!({"object": "customer", "reason": "年终回访"}),
        )
        .await;
    let (id, state) = (
        asked["id"].as_i64().unwrap(),
        asked["state"].as_str().unwrap(),
    );
    assert_eq!((state, asked["rows"].as_i64()), ("pending", Some(total)));
    let file = format!("/api/export/{id}/file");
    let approve = format!("/api/export/{id}/approve");
    assert_eq!(sales.status(&file).await, StatusCode::CONFLICT);
    assert_eq!(sales.post(&approve, json!({})).await.status(), FORBIDDEN);
    assert_eq!(
        stranger.post(&approve, json!({})).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        manager.post_ok(&approve, json!({})).await["state"],
        "approved"
    );
    assert_eq!(
        manager.post(&approve, json!({})).await.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        manager.status(&file).await,
        StatusCode::NOT_FOUND,
        "only who asked may fetch"
    );

    let answer = sales.get(&file).await;
    assert!(answer.headers().get("content-length").is_none() && answer.status() == OK);
    let csv = answer.text().await.unwrap();
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].starts_with("customer_id,name,mobile,"));
    assert_eq!(lines.len() as i64, 1 + total + 1);
    let listed: Vec<i64> = lines[1..]
        .iter()
        .map(|l| l.split(',').next().unwrap().parse().unwrap())
        .collect();
    let planted: Vec<i64> = listed
        .iter()
        .copied()
        .filter(|id| !own.contains(id))
        .collect();
    if total <= 100 {
        assert_eq!(planted.len(), 1);
        assert_eq!(
            sales.status(&format!("/api/customer/{}", planted[0])).await,
            StatusCode::NOT_FOUND
        );
    }
    assert!(
        lines[1..]
            .iter()
            .all(|line| line.ends_with(&format!("E{id} {}", sales.account)))
    );
    assert_eq!(
        sales.customers(&[]).await.1,
        total,
        "the canary is not counted"
    );

    let own_request = manager
        .post_ok("/api/export", json!({"object": "customer"}))
        .await;
    let refused = manager
        .post(
            &format!("/api/export/{}/approve", own_request["id"]),
            json!({}),
        )
        .await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    server.stop().await;
}

#[tokio::test]
async fn a_leaver_is_locked_out_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let manager = server.login("yunxi", Role::Manager, 0).await;
    let (leaver, heir) = (
        server.login("yunxi", Role::Sales, 0).await,
        server.login("yunxi", Role::Sales, 2).await,
    );
    let (before, moved) = (
        heir.customers(&[]).await.1,
        leaver.customers(&[("size", "100")]).await,
    );
    let done = manager
        .post_ok(
            "/api/transfer",
            json!({"from": leaver.account, "to": heir.account}),
        )
        .await;
    assert_eq!(done["customers"].as_i64(), Some(moved.1));
    assert_eq!(
        leaver.status("/api/customer").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(heir.customers(&[]).await.1, before + moved.1);
    let kept: Vec<i64> = ids(&heir.json("/api/customer?size=100").await);
    assert!(!kept.is_empty());
    server.stop().await;
}
