use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeHead, KindSet, Release, ScopeQuestion,
    ScopeSource, Sighting, SubjectToken, Window,
};

use super::*;
use crate::{JournalError, JournalOptions, LakeOptions, Record};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_795_420_800_000 + millis)
}

fn records(n: u8, over: bool) -> Vec<Record> {
    let id = ExchangeId::new();
    let head = ExchangeHead {
        id,
        at: at(i64::from(n) * 1_000_000),
        tenant: "a/../b".parse().unwrap(),
        actor: Actor {
            account: Some("thief".parse().unwrap()),
            ..Actor::unknown("203.0.113.7".parse().unwrap())
        },
        module: "customers".parse().unwrap(),
        route: "list".parse().unwrap(),
        method: "GET".into(),
        path: "/customers".into(),
        export: false,
        login: false,
        signals: vec![],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    let release = Release {
        exchange: id,
        group: 0,
        at: head.at,
        bytes: 10,
        explained: 10,
        rows: 1,
        foreign_rows: 0,
        sightings: vec![Sighting::new(
            SubjectToken::from_bytes([n; 16]),
            KindSet::of(&[DataKind::Name]),
        )],
    };
    let end = ExchangeEnd {
        exchange: id,
        at: head.at,
        status: 200,
        success: true,
        delivery: Delivery::Delivered,
        groups: 1,
        request_bytes: 0,
        response_bytes: 10,
        millis: 1,
        refusal: None,
    };
    let mut records = vec![Record::Small(Box::new(head), release)];
    records.extend(over.then_some(Record::End(end)));
    records
}

/// Persons of the low and likely set.
fn answer(lake: &Lake) -> (u64, u64) {
    let question = ScopeQuestion {
        tenant: "a/../b".parse().unwrap(),
        source: ScopeSource {
            accounts: vec!["thief".parse().unwrap()],
            ..ScopeSource::default()
        },
        window: Window {
            from: at(0),
            to: at(i64::from(u32::MAX)),
        },
    };
    let scope = lake.scope(&question).unwrap();
    (scope.low, scope.likely)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files_below(folder: &Path) -> usize {
    let count = |entry: fs::DirEntry| {
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path())
        } else {
            1
        }
    };
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| count(entry.unwrap()))
        .sum()
}

#[tokio::test]
async fn a_crash_between_any_two_steps_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    for n in 0..20 {
        for record in records(n, n % 4 != 0) {
            lake.journal().append(record).await.unwrap();
        }
    }
    assert_eq!(answer(&lake), (15, 20));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watch = {
        let (seen, from, to) = (
            Arc::clone(&seen),
            folder.path().to_owned(),
            copies.path().to_owned(),
        );
        Arc::new(move |step: Step| {
            copy(&from, &to.join(format!("{step:?}")));
            seen.lock().unwrap().push(step);
        })
    };
    let report = lake.compact_watched(watch).await.unwrap();
    assert_eq!(
        (report.exchanges, report.carried, report.orphans),
        (15, 5, 0)
    );
    assert_eq!(answer(&lake), (15, 20));
    let seen = seen.lock().unwrap().clone();
    assert_eq!(
        seen,
        [
            Step::Carried,
            Step::Written,
            Step::Committed,
            Step::Forgotten
        ]
    );
    for step in seen {
        let crashed = copies.path().join(format!("{step:?}"));
        let (lake, report) = Lake::open(&crashed, LakeOptions::default()).unwrap();
        assert!(report.repairs.is_empty() && report.missing.is_empty());
        assert_eq!(answer(&lake), (15, 20), "after {step:?}");
        let stats = lake.stats();
        let whole = stats.tail_exchanges + stats.rows;
        assert_eq!(whole, 20, "after {step:?}: each exchange is in one place");
        lake.compact().await.unwrap();
        assert_eq!(
            answer(&lake),
            (15, 20),
            "after {step:?} and another compaction"
        );
        let stats = lake.stats();
        assert_eq!((stats.tail_exchanges, stats.rows), (0, 20));
        let there = files_below(&crashed.join("lake"));
        assert_eq!(
            there as u64,
            2 * stats.files + 1,
            "after {step:?}: nothing left over"
        );
    }
}

#[tokio::test]
async fn a_torn_manifest_line_is_a_compaction_that_did_not_happen() {
    let folder = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    for record in records(1, true) {
        lake.journal().append(record).await.unwrap();
    }
    let watch = {
        let (from, to) = (folder.path().to_owned(), copies.path().to_owned());
        Arc::new(move |step: Step| {
            if step == Step::Committed {
                copy(&from, &to.join("crashed"));
            }
        })
    };
    lake.compact_watched(watch).await.unwrap();
    let crashed = copies.path().join("crashed");
    let manifest = crashed.join("lake/manifest.jsonl");
    let bytes = fs::read(&manifest).unwrap();
    fs::write(&manifest, &bytes[..bytes.len() - 7]).unwrap();
    let (lake, report) = Lake::open(&crashed, LakeOptions::default()).unwrap();
    assert_eq!(report.manifest_torn, bytes.len() as u64 - 7);
    assert_eq!((answer(&lake), lake.stats().files), ((1, 1), 0));
}

#[tokio::test]
async fn what_is_held_in_memory_is_bounded_and_a_compaction_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let journal = JournalOptions {
        held_bytes: 20_000,
        ..JournalOptions::default()
    };
    let options = LakeOptions {
        journal,
        ..LakeOptions::default()
    };
    let (lake, _) = Lake::open(folder.path(), options.clone()).unwrap();
    let mut taken: u8 = 0;
    let refused = 'full: loop {
        // Ends without a head are held, too.
        for record in records(taken, true)
            .into_iter()
            .skip(usize::from(taken % 2 == 1))
        {
            if let Err(error) = lake.journal().append(record).await {
                break 'full error;
            }
        }
        taken += 1;
        assert!(taken < 100, "nothing was refused");
    };
    assert!(matches!(refused, JournalError::HeldFull { held, limit: 20_000 } if held > 20_000));
    let metrics = lake.journal().metrics();
    assert_eq!(metrics.failed_strict.load(Ordering::Relaxed), 1);
    let relaxed = lake
        .journal()
        .append_relaxed(records(taken, true).remove(0));
    assert!(matches!(relaxed, Err(JournalError::HeldFull { .. })));
    assert_eq!(metrics.lost_relaxed.load(Ordering::Relaxed), 1);

    drop(lake);
    let (lake, _) = Lake::open(folder.path(), options).unwrap();
    let record = records(taken, true).remove(0);
    let early = lake.journal().append(record.clone()).await;
    assert!(matches!(early, Err(JournalError::HeldFull { .. })));
    lake.compact().await.unwrap();
    assert_eq!(lake.stats().tail_bytes, 0);
    lake.journal().append(record).await.unwrap();
}
