//! Nothing personal leaves unrecorded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::*;
use http_body_util::BodyExt as _;
use hudun_core::{DataKind, Delivery, ExchangeEvent};
use hudun_gateway::JournalRecord;
use hudun_pii::Keyer;

fn who(id: usize) -> hudun_core::SubjectToken {
    Keyer::new(&[1; 32]).subject("customer", &id.to_string())
}

#[tokio::test]
async fn a_small_answer_is_one_record_with_actor_module_and_subjects() {
    let mut bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let got = client.get("/api/customer?rows=3").await;
    assert_eq!(got.status, 200);
    assert!(got.text().contains(&mobile(3)));
    let ends = bed.journal.ended(2).await;
    assert!(ends.iter().all(delivered), "{ends:?}");
    let records = bed.journal.records.lock().unwrap().clone();
    let Some(JournalRecord::Small(head, release)) = records
        .iter()
        .find(|record| matches!(record, JournalRecord::Small(head, _) if head.route.as_str() == "customer.list"))
    else {
        panic!("no small record in {records:?}")
    };
    assert_eq!(head.actor.account.as_ref().unwrap().as_str(), ME);
    assert_eq!(head.actor.role.as_deref(), Some("sales"));
    assert_eq!(head.tenant.as_str(), "north");
    assert_eq!(head.module.as_str(), "customers");
    assert_eq!((release.rows, release.foreign_rows), (3, 0));
    let mut expected = [who(1), who(2), who(3)];
    expected.sort();
    assert_eq!(
        release
            .sightings
            .iter()
            .map(|seen| seen.subject)
            .collect::<Vec<_>>(),
        expected
    );
    assert!(release.sightings[0].kinds.contains(DataKind::Mobile));
    assert_eq!(release.explained, release.bytes);
    // The stages hear head, release, end in this order.
    let mut heard = Vec::new();
    while let Ok(event) = bed.events.try_recv() {
        heard.push(match event {
            ExchangeEvent::Head(_) => 'h',
            ExchangeEvent::Release(_) => 'r',
            ExchangeEvent::End(_) => 'e',
        });
    }
    assert_eq!(heard, ['h', 'r', 'e', 'h', 'r', 'e']);
}

#[tokio::test]
async fn strict_accounting_is_durable_before_the_client_sees_a_byte() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    bed.journal.shut();
    {
        let asking = client.begin("GET", "/api/customer", &[], "");
        tokio::pin!(asking);
        tokio::select! {
            _ = &mut asking => panic!("the answer came before its record was durable"),
            () = until(|| bed.journal.waiting.load(Ordering::SeqCst) == 1) => {}
        }
        tokio::select! {
            _ = &mut asking => panic!("the answer came before its record was durable"),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
        bed.journal.open();
        assert_eq!(asking.await.unwrap().status(), 200);
    }
    assert!(
        bed.journal
            .releases()
            .iter()
            .any(|release| release.sightings.len() == 2)
    );
}

#[tokio::test]
async fn a_long_answer_stops_at_the_group_that_is_not_durable_and_asks_for_no_more() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let (first, mut body) = client.export(400_000).await;
    let mut got = first.to_vec();
    bed.journal.shut();
    // What was recorded before may still come; then nothing does.
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_millis(300), body.frame()).await
    {
        got.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    let recorded: u64 = bed
        .journal
        .releases()
        .iter()
        .filter(|release| release.rows > 0 || release.group > 0)
        .map(|release| release.bytes)
        .sum();
    let released = bed
        .journal
        .releases()
        .iter()
        .skip(1)
        .map(|release| release.bytes)
        .sum::<u64>()
        .max(recorded);
    assert!(
        got.len() as u64 <= released,
        "{} bytes came, {released} were recorded",
        got.len()
    );
    let produced = bed.upstream.produced.load(Ordering::SeqCst);
    assert!(
        produced < 3_000,
        "the SCRM was asked for {produced} of 4,001 groups though the client got none"
    );
    bed.journal.open();
    while let Some(frame) = body.frame().await {
        got.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    let lines = got.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, 400_001);
    let ends = bed.journal.ended(2).await;
    assert!(delivered(ends.last().unwrap()));
    let subjects: std::collections::HashSet<_> = bed
        .journal
        .releases()
        .iter()
        .flat_map(|release| &release.sightings)
        .map(|seen| seen.subject)
        .collect();
    assert_eq!(subjects.len(), 400_000);
}

#[tokio::test]
async fn a_client_that_goes_away_is_aborted() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let (_, body) = client.export(400_000).await;
    drop((body, client));
    let ends = bed.journal.ended(2).await;
    let end = ends.last().unwrap();
    assert_eq!(end.delivery, Delivery::Aborted);
    let released: u64 = bed
        .journal
        .releases()
        .iter()
        .filter(|release| release.exchange == end.exchange)
        .map(|release| release.bytes)
        .sum();
    assert!(released >= end.response_bytes);
}

#[tokio::test]
async fn every_coding_is_read_and_arrives() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let mut count = 1;
    for coding in ["gzip", "deflate", "br", "zstd", "plain-gzip", ""] {
        for path in [
            "/api/customer?rows=2",
            "/api/customer?rows=2&chunked=1",
            "/customers?x=1",
        ] {
            for accept in ["gzip, deflate, br, zstd", "identity"] {
                let got = client
                    .send(
                        "GET",
                        &format!("{path}&enc={coding}"),
                        &[("accept-encoding", accept)],
                        "",
                    )
                    .await;
                count += 1;
                assert_eq!(got.status, 200, "{path} {coding} {accept}");
                let text = match got.header("content-encoding") {
                    Some(sent) => {
                        assert_ne!(accept, "identity", "{coding} was not asked for");
                        assert_eq!(got.body, encode_again(path, sent).await, "{path} {coding}");
                        continue;
                    }
                    None => got.text(),
                };
                assert!(
                    text.contains(&mobile(1)),
                    "{path} {coding} {accept}: {text}"
                );
            }
        }
    }
    bed.journal.ended(count).await;
    let releases = bed.journal.releases();
    let small: Vec<_> = releases
        .iter()
        .filter(|release| release.bytes > 0 && !release.sightings.is_empty())
        .collect();
    assert!(small.len() >= 36, "{}", small.len());
    // A slow answer may leave in several groups: the exchange as a whole names the first customer.
    for release in &small {
        let of_exchange = small
            .iter()
            .filter(|other| other.exchange == release.exchange);
        let first = of_exchange
            .flat_map(|other| &other.sightings)
            .any(|seen| seen.subject == who(1));
        assert!(first, "{release:?}");
    }
}

async fn encode_again(path: &str, coding: &str) -> Vec<u8> {
    let text = if path.starts_with("/customers") {
        format!(
            "<!doctype html><html><body><table><tr data-customer-id=\"1\"><td>张三</td><td>{}</td></tr></table></body></html>",
            mobile(1)
        )
    } else {
        let items: Vec<String> = (1..=2)
            .map(|id| {
                format!(
                    r#"{{"id":{id},"name":"张三","mobile":"{}","owner":"{ME}"}}"#,
                    mobile(id)
                )
            })
            .collect();
        format!(r#"{{"items":[{}],"total":2}}"#, items.join(","))
    };
    encode(text.as_bytes(), Some(coding)).await
}

#[tokio::test]
async fn a_full_disk_closes_what_fails_closed() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    bed.journal.full.store(true, Ordering::SeqCst);
    let got = client.get("/api/customer").await;
    assert_eq!(got.status, 503);
    assert!(!got.text().contains("138"));
    bed.journal.full.store(false, Ordering::SeqCst);
    assert_eq!(client.get("/api/customer").await.status, 200);
    let ends = bed.journal.ended(3).await;
    assert_eq!(ends[1].delivery, Delivery::Withheld);
}

#[tokio::test]
async fn a_module_that_fails_open_passes_and_counts() {
    let bed = Bed::with(|parts| {
        let mut profile = (*parts.profile).clone();
        for module in &mut profile.modules {
            module.fail = hudun_profile::FailMode::Open;
        }
        parts.profile = std::sync::Arc::new(profile);
    })
    .await;
    let mut client = bed.logged_in().await;
    bed.journal.full.store(true, Ordering::SeqCst);
    assert_eq!(client.get("/api/customer").await.status, 200);
    assert_eq!(bed.gateway.metrics().accounting_failures.get(), 1);
}

#[tokio::test]
async fn an_event_stream_passes_piece_by_piece() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let got = client.get("/events").await;
    assert_eq!(
        got.text(),
        "data: {\"n\":0}\n\ndata: {\"n\":1}\n\ndata: {\"n\":2}\n\n"
    );
    bed.journal.ended(2).await;
    let groups = bed.journal.releases().len() - 1;
    assert!(groups >= 2, "{groups} groups");
}

#[tokio::test]
async fn an_scrm_that_breaks_off_never_looks_complete() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let got = client.begin("GET", "/broken", &[], "").await;
    let complete = match got {
        Ok(response) => {
            let status = response.status();
            status == 200 && response.into_body().collect().await.is_ok()
        }
        Err(_) => false,
    };
    assert!(!complete);
}

#[tokio::test]
async fn after_a_restart_the_scrm_is_asked_who_a_session_belongs_to() {
    let bed = Bed::new().await;
    let mut client = bed.client().await;
    client.cookie = Some("scrm_session=S-carl@north-9".to_owned());
    client.get("/api/customer").await;
    client.get("/api/customer").await;
    let asked = bed
        .upstream
        .seen
        .lock()
        .unwrap()
        .iter()
        .filter(|(line, ..)| line.contains("/me"))
        .count();
    assert_eq!(asked, 1);
    let records = bed.journal.records.lock().unwrap();
    let JournalRecord::Small(head, _) = &records[0] else {
        panic!()
    };
    assert_eq!(head.actor.account.as_ref().unwrap().as_str(), "carl@north");
}
