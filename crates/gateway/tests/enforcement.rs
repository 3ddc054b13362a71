//! The policy in force is in force: every mode, every kill, on open connections, without breaking any.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::*;
use hudun_core::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn every_isolation_mode_on_an_open_connection() {
    let standby = Scrm::start("standby").await;
    let address = standby.address;
    let bed = Bed::with(move |parts| {
        parts.config.standby = Some(format!("http://{address}").parse().unwrap())
    })
    .await;
    let mut client = bed.logged_in().await;
    let customers = "/api/customer/5";

    bed.isolate("customers", IsolationMode::Off);
    let got = client.get(customers).await;
    assert_eq!(got.status, 503);
    assert!(
        got.text().contains("演练") && got.text().contains("exchange-"),
        "{}",
        got.text()
    );
    assert_eq!(
        client.get("/api/stats").await.status,
        200,
        "other modules go on"
    );
    assert_eq!(
        client.get("/customers/5").await.status,
        503,
        "the page is the same module"
    );

    bed.isolate("customers", IsolationMode::ReadOnly);
    assert_eq!(client.get(customers).await.status, 200);
    assert_eq!(
        client
            .send(
                "PATCH",
                customers,
                &[("content-type", "application/json")],
                "{}"
            )
            .await
            .status,
        403
    );

    bed.isolate("customers", IsolationMode::Mask);
    let got = client.get(customers).await;
    assert_eq!(got.status, 200);
    assert!(
        got.text().contains("138****0005") && !got.text().contains(&mobile(5)),
        "{}",
        got.text()
    );
    bed.isolate("exports", IsolationMode::Mask);
    assert_eq!(client.get("/api/export/1/file").await.status, 403);

    bed.isolate("customers", IsolationMode::Throttle { per_minute: 2 });
    assert_eq!(client.get(customers).await.status, 200);
    assert_eq!(client.get(customers).await.status, 200);
    let got = client.get(customers).await;
    assert_eq!(got.status, 429);
    assert!(got.header("retry-after").is_some());

    bed.isolate(
        "customers",
        IsolationMode::StepUp {
            since: Timestamp::now().plus_millis(1),
        },
    );
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let got = client.get(customers).await;
    assert_eq!(got.status, 401);
    assert!(
        got.header("set-cookie")
            .unwrap()
            .starts_with("scrm_session=; Max-Age=0")
    );
    client.log_in(ME).await;
    assert_eq!(
        client.get(customers).await.status,
        200,
        "a fresh log-in goes on"
    );

    bed.isolate("customers", IsolationMode::Standby);
    let before = standby.count();
    assert_eq!(client.get(customers).await.status, 200);
    assert_eq!(standby.count(), before + 1);

    bed.isolate(
        "customers",
        IsolationMode::AllowList {
            accounts: vec!["bob@north".parse().unwrap()],
            addresses: vec![],
        },
    );
    assert_eq!(client.get(customers).await.status, 403);
    bed.isolate(
        "customers",
        IsolationMode::AllowList {
            accounts: vec![ME.parse().unwrap()],
            addresses: vec![],
        },
    );
    assert_eq!(client.get(customers).await.status, 200);
}

#[tokio::test]
async fn an_isolation_ends_by_itself_and_keeps_to_its_tenant() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    bed.isolate("customers", IsolationMode::Off);
    bed.change(|policy| policy.isolations[0].tenant = Some("south".parse().unwrap()));
    assert_eq!(client.get("/api/customer/5").await.status, 200);
    bed.change(|policy| policy.isolations[0].tenant = Some("north".parse().unwrap()));
    assert_eq!(client.get("/api/customer/5").await.status, 503);
    bed.change(|policy| {
        policy.isolations[0].restriction.expiry = Expiry::At(Timestamp::now().plus_millis(-1))
    });
    assert_eq!(client.get("/api/customer/5").await.status, 200);
}

#[tokio::test]
async fn every_kill_acts_on_the_next_request_of_an_open_connection() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let mut other = bed.client().await;
    other.log_in("bob@north").await;
    client.get("/api/customer/5").await;
    let session =
        bed.journal
            .records
            .lock()
            .unwrap()
            .iter()
            .rev()
            .find_map(|record| match record {
                hudun_gateway::JournalRecord::Small(head, _) => head.actor.session.clone(),
                _ => None,
            });
    let account: AccountId = ME.parse().unwrap();
    for (target, status, again) in [
        (RevocationTarget::Session(session.unwrap()), 401, 200),
        (
            RevocationTarget::SessionsOf {
                account: account.clone(),
                before: Timestamp::now(),
            },
            401,
            200,
        ),
        (RevocationTarget::Account(account), 403, 403),
        (RevocationTarget::Address([127, 0, 0, 1].into()), 403, 403),
    ] {
        assert_eq!(client.get("/api/customer/5").await.status, 200);
        // From this moment on, not from when the list above was made.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let target = match target {
            RevocationTarget::SessionsOf { account, .. } => RevocationTarget::SessionsOf {
                account,
                before: Timestamp::now(),
            },
            other => other,
        };
        let by_address = matches!(target, RevocationTarget::Address(_));
        bed.change(|policy| {
            policy.revocations = vec![Revocation {
                restriction: restriction(),
                target: target.clone(),
            }]
        });
        let before = bed.upstream.count();
        assert_eq!(
            client.get("/api/customer/5").await.status,
            status,
            "{target:?}"
        );
        assert_eq!(bed.upstream.count(), before, "nothing reached the SCRM");
        assert_eq!(
            other.get("/api/stats").await.status,
            if by_address { 403 } else { 200 },
            "nobody else is hit"
        );
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        assert_eq!(client.log_in(ME).await.status, again, "{target:?}");
        bed.change(|policy| policy.revocations.clear());
        client.log_in(ME).await;
    }
}

#[tokio::test]
async fn patches_block_before_a_byte_leaves_and_only_watch_while_observing() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let patch = |conditions, checks, effect, state| Patch {
        restriction: restriction(),
        patch: PatchId::new(),
        name: "own-customers-only".to_owned(),
        title: Text::new("只看自己的客户", "Own customers only"),
        scope: PatchScope {
            modules: vec!["customers".parse().unwrap()],
            ..PatchScope::default()
        },
        conditions,
        response_checks: checks,
        effect,
        state,
    };
    let watching = patch(
        vec![],
        vec![ResponseCheck::OwnRowsOnly],
        Effect::Block,
        PatchState::Observe,
    );
    let id = watching.patch;
    bed.change(|policy| policy.patches = vec![watching]);
    assert_eq!(client.get("/api/customer/500").await.status, 200);
    assert_eq!(bed.gateway.metrics().patches()[&id].observed, 1);
    bed.change(|policy| policy.patches[0].state = PatchState::Enforce);
    let got = client.get("/api/customer/500").await;
    assert_eq!(got.status, 403);
    assert!(!got.text().contains(&mobile(500)));
    assert_eq!(
        client.get("/api/customer/5").await.status,
        200,
        "one's own customer passes"
    );
    bed.change(|policy| policy.patches[0].effect = Effect::Mask);
    assert!(
        client
            .get("/api/customer/500")
            .await
            .text()
            .contains("138****0500")
    );

    let query = |name: &str, check| {
        vec![Condition {
            place: Place::Query(name.to_owned()),
            check,
        }]
    };
    bed.change(|policy| {
        policy.patches = vec![patch(
            query("search", Check::NotSqli),
            vec![],
            Effect::Block,
            PatchState::Enforce,
        )]
    });
    assert_eq!(
        client
            .get("/api/customer?search=%27%20OR%20%271%27=%271")
            .await
            .status,
        403
    );
    assert_eq!(
        client.get("/api/customer?search=%E5%BC%A0").await.status,
        200
    );
    bed.change(|policy| {
        policy.patches = vec![patch(
            query("debug", Check::Absent),
            vec![],
            Effect::Strip,
            PatchState::Enforce,
        )]
    });
    assert_eq!(client.get("/api/customer?page=1&debug=1").await.status, 200);
    let seen = bed.upstream.seen.lock().unwrap().last().unwrap().0.clone();
    assert_eq!(seen, "GET /api/customer?page=1");

    // The ring of recent traffic proves a candidate without touching anybody.
    let all = Window {
        from: Timestamp::from_millis(0),
        to: Timestamp::now().plus_millis(1_000),
    };
    until(|| bed.gateway.recent().snapshot(all).len() >= 7).await;
    let mut candidate = Policy::empty(Timestamp::now());
    candidate.patches = vec![patch(
        vec![],
        vec![ResponseCheck::OwnRowsOnly],
        Effect::Block,
        PatchState::Enforce,
    )];
    let candidate = hudun_policy::Compiled::new(candidate).unwrap();
    let profile =
        hudun_profile::Profile::parse(include_str!("../../../profiles/hudun-scrm.yaml"), "p")
            .unwrap();
    let refused = bed
        .gateway
        .recent()
        .snapshot(all)
        .iter()
        .filter(|recorded| {
            recorded.replay(&candidate, &profile, Timestamp::now()) == hudun_policy::Replay::Refused
        })
        .count();
    assert!(
        refused >= 1,
        "the attack is in the ring and would be refused"
    );
}

#[tokio::test]
async fn a_swap_under_load_fails_nothing_and_binds_every_later_request() {
    let bed = Arc::new(Bed::new().await);
    let (stop, failures, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (bed, stop, failures, done) = (
            Arc::clone(&bed),
            Arc::clone(&stop),
            Arc::clone(&failures),
            Arc::clone(&done),
        );
        tasks.push(tokio::spawn(async move {
            let mut client = bed.logged_in().await;
            while !stop.load(Ordering::SeqCst) {
                let got = client.get("/api/stats").await;
                if got.status != 200 {
                    failures.fetch_add(1, Ordering::SeqCst);
                }
                done.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    let mut watcher = bed.logged_in().await;
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let began = Instant::now();
        bed.isolate("customers", IsolationMode::Off);
        slowest = slowest.max(began.elapsed());
        assert_eq!(watcher.get("/api/customer/5").await.status, 503);
        bed.change(|policy| policy.isolations.clear());
        assert_eq!(watcher.get("/api/customer/5").await.status, 200);
    }
    until(|| done.load(Ordering::SeqCst) > 200).await;
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(failures.load(Ordering::SeqCst), 0);
    println!(
        "50 isolations under load, each in force for the next request; the slowest took {slowest:?} to compile and swap"
    );
}

#[tokio::test]
async fn a_web_socket_passes_both_ways() {
    let bed = Bed::new().await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream.write_all(b"\x81\x02hi").await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"\x81\x02hi");
    drop(stream);
    let ends = bed.journal.ended(1).await;
    assert_eq!(ends[0].response_bytes, 4);
}

#[tokio::test]
async fn broken_framing_is_answered_400_and_closed_before_routing() {
    let bed = Bed::new().await;
    let host = "Host: x\r\n";
    for request in [
        format!(
            "POST /api/stats HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("GET /api/stats HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
        format!("GET /api/stats HTTP/1.1\r\n{host}Host: y\r\n\r\n"),
        format!("GET /api/stats HTTP/1.1\r\n{host}A : b\r\n\r\n"),
        format!(
            "POST /api/stats HTTP/1.1\r\n{host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"
        ),
        format!(
            "POST /api/stats HTTP/1.1\r\n{host}Transfer-Encoding: xchunked, chunked\r\n\r\n0\r\n\r\n"
        ),
        "GET /api/stats HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /api%2fstats HTTP/1.1\r\n{host}\r\n"),
    ] {
        let mut stream = TcpStream::connect(bed.address).await.unwrap();
        // A sound request goes first: its answer must not be lost.
        stream
            .write_all(
                format!(
                    "GET /healthz HTTP/1.1\r\n{host}\r\n{request}GET /late HTTP/1.1\r\n{host}\r\n"
                )
                .as_bytes(),
            )
            .await
            .unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        let text = String::from_utf8_lossy(&all);
        assert!(text.starts_with("HTTP/1.1 200"), "{request}: {text}");
        assert_eq!(text.matches("HTTP/1.1 400").count(), 1, "{request}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 2, "{request}: {text}");
    }
    let seen: Vec<_> = bed
        .upstream
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|(line, ..)| line.clone())
        .collect();
    assert!(seen.iter().all(|line| line == "GET /healthz"), "{seen:?}");
}

#[tokio::test]
async fn giant_headers_and_foreign_forwarding_headers() {
    let bed = Bed::new().await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    let giant = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
        "a".repeat(200_000)
    );
    let _ = stream.write_all(giant.as_bytes()).await;
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    assert!(
        all.is_empty() || all.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&all)
    );
    let mut client = bed.client().await;
    client
        .send(
            "GET",
            "/healthz",
            &[
                ("x-forwarded-for", "203.0.113.9"),
                ("forwarded", "for=1.2.3.4"),
            ],
            "",
        )
        .await;
    let seen = bed.upstream.seen.lock().unwrap().last().unwrap().1.clone();
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["host"], "crm.test");
    assert!(!seen.contains_key("forwarded"));
}
