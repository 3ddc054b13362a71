//! A folder read beside the process that works on it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use hudun_core::{Delivery, ExchangeEnd, ExchangeEvent, ExchangeId, Release, Window};
use hudun_lake::{Lake, LakeError, LakeOptions, Reading, Record};

use common::{at, end, head, sighting, with_more};

fn whole() -> Window {
    Window {
        from: at(-1_000_000_000),
        to: at(1_000_000_000),
    }
}

/// Everything below a folder with length and change, to see that nothing was touched.
fn state(folder: &Path) -> BTreeMap<std::path::PathBuf, (u64, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let about = path.metadata().unwrap();
            if about.is_dir() {
                open.push(path);
            } else {
                found.insert(path, (about.len(), about.modified().unwrap()));
            }
        }
    }
    found
}

async fn exchange(lake: &Lake, tenant: &str, when: i64, ended: Option<i64>) -> ExchangeId {
    let id = ExchangeId::new();
    let journal = lake.journal();
    journal
        .append(Record::Head(Box::new(head(id, tenant, "mei", "s-1", when))))
        .await
        .unwrap();
    let release = |group: u32, when| Release {
        exchange: id,
        group,
        at: at(when),
        bytes: 10,
        explained: 10,
        rows: 1,
        foreign_rows: 0,
        sightings: vec![sighting(group, &[])],
    };
    journal
        .append(release_record(release(0, when + 1)))
        .await
        .unwrap();
    journal
        .append(release_record(release(1, when + 5)))
        .await
        .unwrap();
    if let Some(ended) = ended {
        let end = ExchangeEnd {
            exchange: id,
            at: at(ended),
            status: 200,
            success: true,
            delivery: Delivery::Delivered,
            groups: 2,
            request_bytes: 0,
            response_bytes: 20,
            millis: 3,
            refusal: None,
        };
        journal.append(Record::End(end)).await.unwrap();
    }
    id
}

fn release_record(release: Release) -> Record {
    Record::Release(release)
}

fn told(reading: &Reading, tenant: &str, window: Window) -> Vec<(char, ExchangeId)> {
    let mut told = Vec::new();
    reading
        .replay(&tenant.parse().unwrap(), window, |event| {
            told.push(match event {
                ExchangeEvent::Head(head) => ('h', head.id),
                ExchangeEvent::Release(release) => ('r', release.exchange),
                ExchangeEvent::End(end) => ('e', end.exchange),
            });
        })
        .unwrap();
    told
}

#[tokio::test]
async fn what_happened_is_told_in_its_order_from_files_and_journal_beside_a_running_process() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    // Two that overlap, one of another tenant, one that runs on through a compaction, one behind it.
    let a = exchange(&lake, "shop", 0, Some(100)).await;
    let b = exchange(&lake, "shop", 2, Some(50)).await;
    let other = exchange(&lake, "else", 1, Some(60)).await;
    let long = exchange(&lake, "shop", 3_600_000, None).await;
    lake.compact().await.unwrap();
    let c = exchange(&lake, "shop", 7_200_000, Some(7_200_100)).await;

    let before = state(folder.path());
    let reading = Reading::of(folder.path()).unwrap();
    assert_eq!(
        told(&reading, "shop", whole()),
        [
            ('h', a),
            ('r', a),
            ('h', b),
            ('r', b),
            ('r', a),
            ('r', b),
            ('e', b),
            ('e', a),
            ('h', long),
            ('r', long),
            ('r', long),
            ('h', c),
            ('r', c),
            ('r', c),
            ('e', c),
        ]
    );
    assert_eq!(told(&reading, "else", whole()).len(), 4);
    assert_eq!(told(&reading, "else", whole())[0].1, other);
    let late = Window {
        from: at(3_600_000),
        to: at(3_600_001),
    };
    assert_eq!(told(&reading, "shop", late).len(), 3);
    let span = reading.span().unwrap();
    assert_eq!((span.from, span.to), (at(0), at(7_200_100)));
    let tenants: Vec<_> = reading.tenants().iter().map(ToString::to_string).collect();
    assert_eq!(tenants, ["else", "shop"]);
    let report = reading.report();
    assert_eq!(
        (report.in_files, report.in_journal, report.senseless),
        (3, 2, 0)
    );
    assert_eq!(state(folder.path()), before);

    // The same once the process is gone.
    let told_before = told(&reading, "shop", whole());
    drop(lake);
    assert_eq!(
        told(&Reading::of(folder.path()).unwrap(), "shop", whole()),
        told_before
    );
}

/// What detection read in a request is there when rules are asked about the past: in the journal and in Parquet.
#[tokio::test]
async fn heads_are_told_with_all_that_was_known_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    let mut written = Vec::new();
    for when in 0..4 {
        let plain = head(ExchangeId::new(), "shop", "mei", "s-1", when);
        written.push(if when % 2 == 0 {
            with_more(plain)
        } else {
            plain
        });
    }
    for head in &written {
        let id = head.id;
        let record = Record::Head(Box::new(head.clone()));
        lake.journal().append(record).await.unwrap();
        let over = end(id, 10, 0, 0, Delivery::Delivered);
        lake.journal().append(Record::End(over)).await.unwrap();
    }
    let told = || {
        let reading = Reading::of(folder.path()).unwrap();
        let mut heads = Vec::new();
        let tenant = "shop".parse().unwrap();
        let take = |event| {
            if let ExchangeEvent::Head(head) = event {
                heads.push(*head);
            }
        };
        reading.replay(&tenant, whole(), take).unwrap();
        heads
    };
    assert_eq!(told(), written);
    lake.compact().await.unwrap();
    assert_eq!(told(), written);
}

#[tokio::test]
async fn a_half_written_record_is_counted_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    let a = exchange(&lake, "shop", 0, Some(100)).await;
    drop(lake);
    let segment = folder.path().join("journal/000001.seg");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 5]).unwrap();
    let before = state(folder.path());
    let reading = Reading::of(folder.path()).unwrap();
    assert_eq!(reading.report().senseless, 1);
    assert_eq!(
        told(&reading, "shop", whole()),
        [('h', a), ('r', a), ('r', a)]
    );
    assert_eq!(state(folder.path()), before);
}

#[tokio::test]
async fn a_folder_without_exchanges_is_named_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Reading::of(folder.path()) else {
        panic!("nothing to read")
    };
    assert!(matches!(error, LakeError::Nothing { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_the_retention_removed_is_counted_and_one_that_is_lost_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    exchange(&lake, "shop", 0, Some(100)).await;
    lake.compact().await.unwrap();
    let reading = Reading::of(folder.path()).unwrap();
    let far = at(400 * 86_400_000);
    lake.retain(far, |_| ()).await.unwrap().unwrap();
    let replay = reading
        .replay(&"shop".parse().unwrap(), whole(), |_| ())
        .unwrap();
    assert_eq!((replay.exchanges, replay.gone), (0, 1));

    exchange(&lake, "shop", 200, Some(300)).await;
    lake.compact().await.unwrap();
    let reading = Reading::of(folder.path()).unwrap();
    for path in state(folder.path()).into_keys() {
        if path.extension().is_some_and(|end| end == "parquet") {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert!(
        reading
            .replay(&"shop".parse().unwrap(), whole(), |_| ())
            .is_err()
    );
}
