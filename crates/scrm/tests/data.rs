//! The data folder: sealed at rest, seeded the same every time, kept over a restart, used by one process.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail too")]

mod common;

use std::{fs, path::Path};

use common::{Server, plan};
use hudun_scrm::{
    AuditEntry, Config, Error, Role, Scrm,
    seed::{FIRST_CUSTOMER, Person},
};
use reqwest::Method;
use serde_json::Value;

fn holds(dir: &Path, needle: &str) -> bool {
    fs::read_dir(dir).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    })
}

#[tokio::test]
async fn personal_data_is_sealed_at_rest_and_stays_out_of_the_audit_log() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let page = sales.json("/api/customer?size=100").await;
    let order = sales.json("/api/order").await["items"][0].clone();
    let shown = page["items"][0].clone();
    sales
        .customers(&[("search", shown["mobile"].as_str().unwrap())])
        .await;
    assert!(
        holds(dir.path(), order["order_no"].as_str().unwrap()),
        "what is not personal is found, so the search works"
    );
    for field in ["name", "mobile", "address", "external_userid", "unionid"] {
        let value = shown[field].as_str().unwrap();
        if value.chars().count() > 2 {
            assert!(!holds(dir.path(), value), "{field}");
        }
    }
    assert!(!holds(dir.path(), &sales.password));
    server.stop().await;
}

#[tokio::test]
async fn the_same_plan_gives_the_same_data_and_a_restart_keeps_it() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut seen: Vec<Value> = Vec::new();
    for dir in [one.path(), two.path(), one.path()] {
        let server = Server::start(dir, false).await;
        let sales = server.login("qingyou", Role::Sales, 1).await;
        let mut all = sales.json("/api/customer?size=100").await;
        all["orders"] = sales.json("/api/order?size=100").await;
        all["chat"] = sales
            .json(&format!("/api/chat?customer_id={}", all["items"][0]["id"]))
            .await;
        seen.push(all);
        server.stop().await;
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    let first = &seen[0]["items"][0];
    let person = Person::synthetic(plan().seed, first["id"].as_i64().unwrap());
    assert_eq!(
        (first["name"].as_str(), first["mobile"].as_str()),
        (Some(&*person.name), Some(&*person.mobile))
    );
    assert!(first["id"].as_i64().unwrap() >= FIRST_CUSTOMER);
}

#[tokio::test]
async fn one_process_per_folder() {
    let dir = tempfile::tempdir().unwrap();
    let held = Scrm::open(Config::new(dir.path())).await.unwrap();
    assert!(matches!(
        Scrm::open(Config::new(dir.path())).await,
        Err(Error::InUse { .. })
    ));
    drop(held);
    assert!(Scrm::open(Config::new(dir.path())).await.is_ok());
    fs::write(dir.path().join("keys.json"), "{").unwrap();
    assert!(matches!(
        Scrm::open(Config::new(dir.path())).await,
        Err(Error::Keys { .. })
    ));
}

#[tokio::test]
async fn an_interrupted_seeding_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["seeding", "scrm.db", "keys.json"] {
        fs::write(dir.path().join(file), "torn").unwrap();
    }
    let server = Server::start(dir.path(), false).await;
    assert!(
        server
            .login("yunxi", Role::Sales, 0)
            .await
            .customers(&[])
            .await
            .1
            > 0
    );
    assert!(!dir.path().join("seeding").exists());
    server.stop().await;
}

#[tokio::test]
async fn the_audit_log_says_who_saw_whom_from_where() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    let sales = server.login("yunxi", Role::Sales, 0).await;
    let request = sales
        .ask(Method::GET, "/api/customer?size=3&search=")
        .header("x-forwarded-for", "198.51.100.7");
    let shown: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(sales.status("/api/admin/staff").await, 403);

    let log: Value = server
        .hudun(Method::GET, "/api/admin/audit?after=0")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let entries: Vec<AuditEntry> = serde_json::from_value(log["items"].clone()).unwrap();
    let listed = entries
        .iter()
        .find(|e| e.action == "customer.list")
        .unwrap();
    assert_eq!(listed.ids, common::ids(&shown));
    assert_eq!(
        (listed.rows, listed.status, listed.address.as_str()),
        (3, 200, "198.51.100.7")
    );
    assert_eq!(listed.account.as_deref(), Some(sales.account.as_str()));
    assert_eq!(listed.request, "GET /api/customer");
    let refused = entries.iter().find(|e| e.status == 403).unwrap();
    assert_eq!(refused.account.as_deref(), Some(sales.account.as_str()));
    let next = format!("/api/admin/audit?after={}", log["after"]);
    let log: Value = server
        .hudun(Method::GET, &next)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        log["items"].as_array().unwrap().len(),
        1,
        "only the reading itself is new"
    );
    server.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_when_the_client_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), false).await;
    // A client that leaves the body as it came.
    let client = reqwest::Client::builder()
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .build()
        .unwrap();
    for coding in ["gzip", "br", "zstd"] {
        let ask = client
            .get(server.url("/api/customer?size=100"))
            .bearer_auth(&server.token);
        let answer = ask.header("accept-encoding", coding).send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
    }
    server.stop().await;
}
