//! The promise of strict accounting, through the sockets of real clients: `hudun serve` is killed with SIGKILL at random
//! moments under load, and whatever a client holds in its hands afterwards is in the lake.
//!
//! Every answer shows customers of its own, so a single lost record is a missing person. Clients read as bytes come: half
//! an answer counts for what it shows. Small JSON, compressed JSON, HTML and long streams are in flight at each kill.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod served;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use hudun::keys::MasterKey;
use hudun_core::{Delivery, ScopeQuestion, ScopeSource, SubjectToken, Timestamp, Window};
use hudun_gateway::TenantKeys as _;
use hudun_lake::{ExchangeFilter, Lake, LakeOptions, Page};
use serde::Deserialize;
use serde_json::{Value, json};
use served::Served;
use tokio::net::TcpListener;
use uuid::Uuid;

const KILLS: usize = 52;
const WORKERS: u32 = 6;
const TENANT: &str = "north";
/// Rows of a long stream; at some hundred kilobytes it leaves in several groups.
const LONG: u64 = 6_000;

/// Persons that answers may show; every answer takes new ones.
#[derive(Clone, Default)]
struct Persons(Arc<AtomicU64>);

impl Persons {
    fn take(&self, rows: u64) -> std::ops::Range<u64> {
        let first = self.0.fetch_add(rows, Ordering::SeqCst);
        first..first + rows
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_shown_to_a_client_is_in_the_lake_after_any_kill() {
    let upstream = scrm().await;
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), &upstream);
    let persons = Persons::default();
    let mut received: Vec<BTreeSet<u64>> = vec![BTreeSet::new(); WORKERS as usize];
    let (mut busy, mut torn) = (0, 0);
    for round in 0..KILLS {
        let mut child = served.start();
        // One kill in eight falls into the start itself.
        let random = u64::from(Uuid::new_v4().as_bytes()[0]);
        let early = round % 8 == 7;
        if early {
            tokio::time::sleep(Duration::from_millis(random)).await;
        } else {
            child.wait_for_gateway().await;
        }
        let workers: Vec<_> = (0..WORKERS)
            .map(|n| tokio::spawn(work(served.gateway(), n, persons.clone())))
            .collect();
        if !early {
            tokio::time::sleep(Duration::from_millis(60 + random * 2)).await;
        }
        let said = child.kill();
        torn += usize::from(said.contains("ended in the middle of a record and was repaired"));
        let before: usize = received.iter().map(BTreeSet::len).sum();
        for (worker, all) in workers.into_iter().zip(&mut received) {
            all.extend(worker.await.unwrap());
        }
        busy += usize::from(received.iter().map(BTreeSet::len).sum::<usize>() > before);
        if round == KILLS / 2 {
            compare(folder.path(), &received);
        }
    }
    // A last start repairs what the last kill tore.
    let mut child = served.start();
    child.wait_for_gateway().await;
    child.kill();
    let (shown, released) = compare(folder.path(), &received);
    println!(
        "{KILLS} kills, {shown} persons received, none missing; {released} released; {torn} starts repaired a torn tail"
    );
    assert!(busy > KILLS / 2, "only {busy} rounds received anything");
    assert!(released >= shown);
}

/// Holds what each client received against the lake: persons received, persons released.
fn compare(data: &std::path::Path, received: &[BTreeSet<u64>]) -> (u64, u64) {
    let keyer = MasterKey::open(&data.join("data/master.key"))
        .unwrap()
        .keyer(&TENANT.parse().unwrap());
    let (lake, report) = Lake::open(&data.join("data/lake"), LakeOptions::default()).unwrap();
    assert_eq!(report.damaged_bytes(), 0);
    let (mut shown, mut released) = (0, 0);
    for (worker, persons) in received.iter().enumerate() {
        let scope = lake
            .scope(&ScopeQuestion {
                tenant: TENANT.parse().unwrap(),
                source: ScopeSource {
                    accounts: vec![account(worker as u32).parse().unwrap()],
                    ..ScopeSource::default()
                },
                window: Window {
                    from: Timestamp::from_millis(0),
                    to: Timestamp::now(),
                },
            })
            .unwrap();
        let known: BTreeSet<SubjectToken> =
            scope.subjects.iter().map(|(token, _)| *token).collect();
        let missing: Vec<u64> = persons
            .iter()
            .copied()
            .filter(|id| !known.contains(&keyer.subject("customer", &id.to_string())))
            .collect();
        assert!(
            missing.is_empty(),
            "client {worker} received {} persons that the lake does not know: {:?} …",
            missing.len(),
            &missing[..missing.len().min(5)]
        );
        // What was released but perhaps not received is not confirmed.
        let held: HashSet<SubjectToken> = persons
            .iter()
            .map(|id| keyer.subject("customer", &id.to_string()))
            .collect();
        let confirmed = confirmed(&lake, worker as u32);
        assert_eq!(confirmed.len() as u64, scope.low);
        let unheld = confirmed.difference(&held).count();
        assert_eq!(unheld, 0, "client {worker}: confirmed and never received");
        shown += persons.len() as u64;
        released += scope.likely;
    }
    (shown, released)
}

/// Persons in the answers that this client is said to have received whole.
fn confirmed(lake: &Lake, worker: u32) -> HashSet<SubjectToken> {
    let filter = ExchangeFilter {
        account: Some(account(worker).parse().unwrap()),
        ..ExchangeFilter::of(Window {
            from: Timestamp::from_millis(0),
            to: Timestamp::now(),
        })
    };
    let mut persons = HashSet::new();
    let mut page = Page {
        after: None,
        newest_first: false,
        limit: 1_000,
    };
    loop {
        let exchanges = lake.exchanges(&filter, &page).unwrap();
        let Some(last) = exchanges.last() else {
            return persons;
        };
        page.after = Some((last.head.at, last.head.id));
        for exchange in exchanges.iter().filter(|exchange| {
            exchange
                .end
                .as_ref()
                .is_some_and(|end| end.delivery == Delivery::Delivered)
        }) {
            let sightings = exchange
                .releases
                .iter()
                .flat_map(|release| &release.sightings);
            persons.extend(sightings.map(|sighting| sighting.subject));
        }
    }
}

fn account(worker: u32) -> String {
    format!("w{worker}@{TENANT}")
}

/// Asks until the gateway is gone; the persons that arrived.
async fn work(gateway: String, worker: u32, persons: Persons) -> BTreeSet<u64> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .cookie_store(true)
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let mut received = BTreeSet::new();
    let login = client
        .post(format!("{gateway}/api/auth/login"))
        .json(&json!({ "account": account(worker), "password": "x" }))
        .send()
        .await;
    if login.is_err() {
        return received;
    }
    for turn in u64::from(worker).. {
        let (path, rows) = match turn % 4 {
            0 => ("api/export/1/file", LONG),
            1 => ("customers", 7),
            _ => ("api/customer", 20),
        };
        let range = persons.take(rows);
        let asked = client
            .get(format!("{gateway}/{path}?from={}&rows={rows}", range.start))
            .send()
            .await;
        let Ok(mut response) = asked else {
            return received;
        };
        assert_eq!(response.status(), 200, "{path}");
        let mut text = Vec::new();
        let ended = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        received.extend(shown(&text));
        if !ended {
            return received;
        }
    }
    received
}

/// The persons whose number stands whole in these bytes.
fn shown(text: &[u8]) -> impl Iterator<Item = u64> + '_ {
    text.windows(12).filter_map(|window| {
        // "T138" marks a number's beginning, so that no other digits pass for one.
        let digits = window.strip_prefix(b"T138")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    })
}

fn mobile(id: u64) -> String {
    format!("138{id:08}")
}

#[derive(Deserialize)]
struct Ask {
    from: u64,
    rows: u64,
}

impl Ask {
    fn persons(&self) -> std::ops::Range<u64> {
        self.from..self.from + self.rows
    }
}

/// An SCRM with the routes of the bundled one, whose answers show whom the client asks for.
async fn scrm() -> String {
    let app = Router::new()
        .route("/api/auth/login", post(log_in))
        .route("/api/auth/me", get(me))
        .route("/api/customer", get(list))
        .route("/customers", get(page))
        .route("/api/export/{id}/file", get(export));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn log_in(axum::Json(ask): axum::Json<Value>) -> Response {
    let account = ask["account"].as_str().unwrap().to_owned();
    let cookie = format!("scrm_session=S-{account}; Path=/; HttpOnly");
    let body = json!({ "account": account, "role": "sales", "tenant": TENANT, "csrf": "c" });
    ([(header::SET_COOKIE, cookie)], axum::Json(body)).into_response()
}

async fn me(headers: HeaderMap) -> axum::Json<Value> {
    let cookie = headers[header::COOKIE].to_str().unwrap();
    let account = cookie.strip_prefix("scrm_session=S-").unwrap();
    axum::Json(json!({ "account": account, "role": "sales", "tenant": TENANT }))
}

async fn list(Query(ask): Query<Ask>, headers: HeaderMap) -> Response {
    let items: Vec<Value> = ask
        .persons()
        .map(|id| json!({ "id": id, "name": "张三", "mobile": mobile(id), "note": format!("T{}", mobile(id)) }))
        .collect();
    let text = json!({ "items": items }).to_string();
    let zipped = headers
        .get(header::ACCEPT_ENCODING)
        .is_some_and(|value| value.to_str().unwrap().contains("gzip"));
    if zipped && ask.from % 2 == 0 {
        let body = served::gzip(text.as_bytes()).await;
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CONTENT_ENCODING, "gzip"),
        ];
        return (headers, body).into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn page(Query(ask): Query<Ask>) -> Html<String> {
    let rows: String = ask
        .persons()
        .map(|id| {
            let mobile = mobile(id);
            format!("<tr data-customer-id=\"{id}\"><td>张三</td><td>{mobile}</td><td>T{mobile}</td></tr>")
        })
        .collect();
    Html(format!(
        "<!doctype html><html><body><table>{rows}</table></body></html>"
    ))
}

async fn export(Query(ask): Query<Ask>) -> Response {
    let lines = pieces(ask.persons());
    (
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8")],
        Body::from_stream(lines),
    )
        .into_response()
}

/// A long file, a piece every millisecond, so that kills fall into its middle.
fn pieces(
    persons: std::ops::Range<u64>,
) -> impl futures_util::Stream<Item = Result<String, std::io::Error>> {
    let head = "customer_id,name,mobile,note\r\n".to_owned();
    futures_util::stream::unfold((persons, Some(head)), |(mut left, head)| async move {
        if let Some(head) = head {
            return Some((Ok(head), (left, None)));
        }
        let piece: String = left
            .by_ref()
            .take(60)
            .map(|id| format!("{id},张三,{},T{}\r\n", mobile(id), mobile(id)))
            .collect();
        if piece.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        Some((Ok(piece), (left, None)))
    })
}
