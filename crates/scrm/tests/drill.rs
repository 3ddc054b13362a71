//! Each hole of the drill switch, closed and open.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail too")]

mod common;

use std::collections::BTreeSet;

use common::{Person, Server, ids};
use hudun_scrm::Role;
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Ids of a colleague's customers and of another firm's.
async fn others(server: &Server) -> (Vec<i64>, Vec<i64>) {
    let colleague = server.login("yunxi", Role::Sales, 1).await;
    let stranger = server.login("shanhe", Role::Sales, 0).await;
    (
        colleague.customers(&[("size", "100")]).await.0,
        stranger.customers(&[("size", "100")]).await.0,
    )
}

async fn total_of_tenant(server: &Server) -> i64 {
    let mut total = 0;
    for nth in 0..8 {
        total += server
            .login("yunxi", Role::Sales, nth)
            .await
            .customers(&[])
            .await
            .1;
    }
    total
}

/// Asks for an export of everything and fetches the file at once.
async fn export(thief: &Person) -> (String, StatusCode, String) {
    let asked = thief
        .post_ok("/api/export", json!({"object": "customer"}))
        .await;
    let file = thief
        .get(&format!("/api/export/{}/file", asked["id"]))
        .await;
    let status = file.status();
    if status == StatusCode::OK {
        assert_eq!(file.headers().get("content-length"), None);
    }
    (
        asked["state"].as_str().unwrap().to_owned(),
        status,
        file.text().await.unwrap(),
    )
}

const INJECTION: &str = "' OR '1'='1";

#[tokio::test]
async fn closed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let (colleagues, strangers) = others(&server).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let (own, total) = sales.customers(&[("size", "100")]).await;
    assert!(total > 20 && own.len() as i64 == total.min(100));

    let answer = sales.get(&format!("/api/customer/{}", own[0])).await;
    assert_eq!(
        (answer.status(), answer.headers().get("x-scrm-vulnerable")),
        (StatusCode::OK, None)
    );
    for id in colleagues.iter().chain(&strangers).take(20) {
        assert_eq!(
            sales.status(&format!("/api/customer/{id}")).await,
            StatusCode::NOT_FOUND
        );
        assert_eq!(
            sales.status(&format!("/customers/{id}")).await,
            StatusCode::NOT_FOUND
        );
    }
    assert_eq!(sales.customers(&[("search", INJECTION)]).await, (vec![], 0));
    let (state, status, _) = export(&sales).await;
    assert_eq!((state.as_str(), status), ("pending", StatusCode::CONFLICT));
    server.stop().await;
}

#[tokio::test]
async fn open() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), true).await;
    let (colleagues, strangers) = others(&server).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let (own, own_total) = sales.customers(&[("size", "100")]).await;

    let answer = sales.get(&format!("/api/customer/{}", colleagues[0])).await;
    assert_eq!(answer.headers()["x-scrm-vulnerable"], "yes");
    let stolen: serde_json::Value = answer.json().await.unwrap();
    assert!(
        stolen["mobile"]
            .as_str()
            .unwrap()
            .bytes()
            .all(|b| b.is_ascii_digit())
    );
    assert_eq!(
        sales.status(&format!("/customers/{}", colleagues[0])).await,
        StatusCode::OK
    );
    for id in strangers.iter().take(10) {
        assert_eq!(
            sales.status(&format!("/api/customer/{id}")).await,
            StatusCode::NOT_FOUND
        );
    }

    // The honest search still works, and the injected one shows the tenant but never another.
    let name = sales.json(&format!("/api/customer/{}", own[3])).await["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        sales
            .customers(&[("search", &name)])
            .await
            .0
            .contains(&own[3])
    );
    let (found, total) = sales
        .customers(&[("search", INJECTION), ("size", "100")])
        .await;
    let tenant = total_of_tenant(&server).await;
    assert!(total == tenant && total > own_total && found.len() == 100);
    let strange: BTreeSet<i64> = strangers.iter().copied().collect();
    for page in 1..=(total / 100 + 1) {
        let page = page.to_string();
        let (found, _) = sales
            .customers(&[("search", INJECTION), ("size", "100"), ("page", &page)])
            .await;
        assert!(found.iter().all(|id| !strange.contains(id)));
    }
    let union = format!("' UNION SELECT {} -- ", strangers[0]);
    assert_eq!(sales.customers(&[("search", &union)]).await.1, 0);
    let comment = "' OR 1=1 -- ";
    assert_eq!(sales.customers(&[("search", comment)]).await.1, tenant);

    // It can neither write, nor reach other tables, nor run for ever.
    for (attack, status) in [
        ("'; DELETE FROM customer; --", StatusCode::BAD_REQUEST),
        ("'; ATTACH 'scrm.db' AS x; --", StatusCode::BAD_REQUEST),
        (
            "' UNION SELECT password FROM staff -- ",
            StatusCode::BAD_REQUEST,
        ),
        (
            "' OR (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT max(n) FROM r) --",
            StatusCode::BAD_REQUEST,
        ),
    ] {
        let answer = sales
            .ask(Method::GET, "/api/customer")
            .query(&[("search", attack)])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{attack}");
    }
    assert_eq!(total_of_tenant(&server).await, tenant);

    let (state, status, csv) = export(&sales).await;
    assert_eq!((state.as_str(), status), ("approved", StatusCode::OK));
    assert_eq!(
        csv.lines().count() as i64,
        1 + tenant + 1,
        "header, customers, canary"
    );

    let page = reqwest::get(server.url("/login"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("漏洞"),
        "the log-in page says that the server is vulnerable"
    );
    server.stop().await;

    // The root fix: the same data, the same attack, without the switch.
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    assert_eq!(sales.customers(&[("size", "100")]).await.0, own);
    assert_eq!(
        sales
            .status(&format!("/api/customer/{}", colleagues[0]))
            .await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(sales.customers(&[("search", INJECTION)]).await.1, 0);
    let exports = sales.json("/api/export").await;
    let old = ids(&exports)[0];
    assert_eq!(
        sales.status(&format!("/api/export/{old}/file")).await,
        StatusCode::CONFLICT
    );
    server.stop().await;
}
