//! What the scope counts, and what the lake refuses.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use std::sync::{Arc, Mutex};

use hudun_core::{Delivery, ExchangeId, LossReason, Scope, ScopeQuestion, ScopeSource, Window};
use hudun_lake::{Lake, LakeError, LakeOptions, Record, Retention, verify_manifest};

fn open(folder: &tempfile::TempDir) -> Lake {
    Lake::open(folder.path(), LakeOptions::default()).unwrap().0
}

fn ask(lake: &Lake) -> Scope {
    let question = ScopeQuestion {
        tenant: "acme".parse().unwrap(),
        source: ScopeSource {
            accounts: vec!["thief".parse().unwrap()],
            ..ScopeSource::default()
        },
        window: Window {
            from: common::at(0),
            to: common::at(1000),
        },
    };
    lake.scope(&question).unwrap()
}

/// An exchange of the thief with one release for each list of subjects.
async fn exchange(lake: &Lake, groups: &[&[u32]], delivery: Option<Delivery>) -> ExchangeId {
    let id = ExchangeId::new();
    let head = common::head(id, "acme", "thief", "s1", 1);
    lake.journal()
        .append(Record::Head(Box::new(head)))
        .await
        .unwrap();
    let mut bytes = 0;
    for (group, subjects) in (0..).zip(groups) {
        let sightings = subjects.iter().map(|&n| common::sighting(n, &[])).collect();
        let release = common::release(id, group, 2, sightings);
        bytes += release.bytes;
        lake.journal()
            .append(Record::Release(release))
            .await
            .unwrap();
    }
    if let Some(delivery) = delivery {
        let end = common::end(id, 3, groups.len() as u32, bytes, delivery);
        lake.journal().append(Record::End(end)).await.unwrap();
    }
    id
}

#[tokio::test]
async fn delivered_is_low_released_is_likely_and_the_last_group_of_a_broken_one_is_high() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(&folder);
    exchange(&lake, &[&[1, 2], &[2, 3]], Some(Delivery::Delivered)).await;
    exchange(&lake, &[&[4], &[5, 1]], Some(Delivery::Aborted)).await;
    exchange(&lake, &[&[6], &[7]], None).await;
    exchange(&lake, &[&[8]], Some(Delivery::Withheld)).await;
    let scope = ask(&lake);
    assert_eq!((scope.low, scope.likely, scope.high), (3, 6, 7));
    let names: Vec<_> = scope.subjects.iter().map(|(token, _)| *token).collect();
    assert_eq!(names, [1, 2, 3, 4, 6, 7].map(common::token));
    assert_eq!((scope.exchanges, scope.evidence.len()), (3, 3));
    assert_eq!(scope.coverage(), 1.0);
    assert_eq!(scope.seen.sessions.len(), 1);
    lake.compact().await.unwrap();
    assert_eq!(ask(&lake), scope);
}

#[tokio::test]
async fn unexplained_bytes_raise_the_high_count_by_the_route_s_own_measure() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(&folder);
    exchange(&lake, &[&[1, 2]], Some(Delivery::Delivered)).await; // 200 bytes a person
    let id = ExchangeId::new();
    let head = common::head(id, "acme", "thief", "s1", 1);
    let mut release = common::release(id, 0, 2, vec![]);
    release.bytes = 2001;
    lake.journal().append_small(head, release).await.unwrap();
    let scope = ask(&lake);
    assert_eq!((scope.low, scope.likely, scope.high), (2, 2, 2 + 11));
    assert_eq!((scope.bytes_released, scope.bytes_explained), (2401, 400));
    assert!(
        scope.method.contains("2001") && scope.method.contains("11"),
        "{}",
        scope.method
    );
}

#[tokio::test]
async fn bytes_that_only_the_end_tells_of_are_unexplained() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(&folder);
    let id = ExchangeId::new();
    let head = common::head(id, "acme", "thief", "s1", 1);
    let release = common::release(id, 0, 2, vec![common::sighting(1, &[])]);
    lake.journal().append_small(head, release).await.unwrap();
    let end = common::end(id, 3, 2, 10_200, Delivery::Delivered);
    lake.journal().append(Record::End(end)).await.unwrap();
    let scope = ask(&lake);
    assert_eq!(
        (scope.likely, scope.high, scope.bytes_released),
        (1, 1 + 50, 10_200)
    );
}

#[tokio::test]
async fn retention_removes_what_is_old_tells_the_ledger_and_keeps_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(&folder);
    exchange(&lake, &[&[1]], Some(Delivery::Delivered)).await;
    lake.compact().await.unwrap();
    let day = 86_400_000;
    let told = Arc::new(Mutex::new(0));
    let count = Arc::clone(&told);
    let early = lake.retain(common::at(189 * day), |_| ()).await.unwrap();
    assert_eq!(early, None);
    let removal = lake
        .retain(common::at(191 * day), move |removal| {
            *count.lock().unwrap() = removal.exchanges
        })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (removal.exchanges, removal.reason),
        (1, LossReason::Retention)
    );
    assert_eq!(*told.lock().unwrap(), 1);
    assert!(!folder.path().join(&removal.files[0].0).exists());
    assert_eq!((ask(&lake).likely, lake.stats().files), (0, 0));
    let head = lake.manifest_head().await;
    drop(lake);
    let bytes = std::fs::read(folder.path().join("lake/manifest.jsonl")).unwrap();
    let (entries, last) = verify_manifest(&bytes).unwrap();
    assert_eq!((entries.len(), last), (2, head));
    // A changed byte anywhere breaks the chain, and then the lake does not open.
    let mut changed = bytes.clone();
    let at = changed.windows(4).position(|w| w == b"acme").unwrap();
    changed[at] = b'b';
    assert!(verify_manifest(&changed).is_err());
    std::fs::write(folder.path().join("lake/manifest.jsonl"), changed).unwrap();
    let refused = Lake::open(folder.path(), LakeOptions::default());
    assert!(matches!(refused.map(drop), Err(LakeError::Manifest(_))));
}

#[test]
fn a_retention_below_the_law_must_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = LakeOptions {
        retention: Retention {
            days: 30,
            below_legal_minimum: false,
        },
        ..LakeOptions::default()
    };
    let refused = Lake::open(folder.path(), options.clone());
    assert!(matches!(
        refused.map(drop),
        Err(LakeError::RetentionTooShort { days: 30 })
    ));
    options.retention.below_legal_minimum = true;
    Lake::open(folder.path(), options).unwrap();
}

#[tokio::test]
async fn an_export_speaks_ocsf() {
    let folder = tempfile::tempdir().unwrap();
    let lake = open(&folder);
    let id = exchange(&lake, &[&[1]], Some(Delivery::Delivered)).await;
    lake.compact().await.unwrap();
    let events = lake.export(&[id]).unwrap();
    assert_eq!(events[0]["class_uid"], 4002);
    assert_eq!(events[0]["actor"]["user"]["uid"], "thief");
    assert_eq!(events[0]["http_response"]["code"], 200);
}
