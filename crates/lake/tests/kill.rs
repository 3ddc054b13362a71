//! Kill the process at any moment: every record that was acknowledged as durable is there afterwards.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests
#![cfg(unix)]

mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_core::{Delivery, ExchangeId, ScopeQuestion, ScopeSource, Window};
use hudun_lake::{Journal, JournalOptions, Lake, LakeOptions, Record};
use uuid::Uuid;

const ROUNDS: usize = 60;
const FOLDER: &str = "HUDUN_LAKE_KILL_FOLDER";

/// Not a test by itself: the process that is killed. It works only when the test below starts it.
#[test]
fn child_appends_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = LakeOptions {
            journal: JournalOptions {
                segment_bytes: 64 << 10, // many segments, so that rotation is hit too
                ..JournalOptions::default()
            },
            ..LakeOptions::default()
        };
        let (lake, _) = Lake::open(folder.as_ref(), options).unwrap();
        for worker in 0..8 {
            let lake = lake.clone();
            tokio::spawn(async move { work(&lake, worker).await });
        }
        compact_for_ever(&lake).await;
    });
}

async fn compact_for_ever(lake: &Lake) {
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        lake.compact().await.unwrap();
    }
}

/// Small answers and long streams; every acknowledged release is written down outside.
async fn work(lake: &Lake, worker: u32) {
    let say = |id: ExchangeId, group: u32| {
        let line = format!("ack {id} {group}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    };
    for turn in 0.. {
        let id = ExchangeId::new();
        let head = common::head(id, "acme", "thief", "s1", 0);
        if turn % 3 == 0 {
            lake.journal()
                .append(Record::Head(Box::new(head)))
                .await
                .unwrap();
            for group in 0..40 {
                let people = (0..20)
                    .map(|n| common::sighting(n + group * 20, &[]))
                    .collect();
                let release = common::release(id, group, 1, people);
                lake.journal()
                    .append(Record::Release(release))
                    .await
                    .unwrap();
                say(id, group);
            }
        } else {
            let release = common::release(id, 0, 1, vec![common::sighting(worker, &[])]);
            lake.journal().append_small(head, release).await.unwrap();
            say(id, 0);
        }
        let end = common::end(id, 2, 1, 200, Delivery::Delivered);
        lake.journal().append_relaxed(Record::End(end)).unwrap();
    }
}

#[test]
fn every_acknowledged_record_survives_sixty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    let (mut torn, mut busy) = (0, 0);
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_appends_until_it_is_killed", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (first, begun) = sync_channel(1);
        let reader = std::thread::spawn(move || {
            let mut said = Vec::new();
            for line in stdout.lines() {
                let line = line.unwrap();
                if line.contains("ack ") {
                    let _ = first.try_send(());
                }
                said.push(line);
            }
            said
        });
        // Most kills fall into full work, some into the opening of the folder.
        let random = u64::from(Uuid::new_v4().as_bytes()[0]);
        if round % 6 != 0 {
            let _ = begun.recv();
        }
        std::thread::sleep(Duration::from_millis(random / 3));
        child.kill().unwrap();
        child.wait().unwrap();
        let before = acknowledged.len();
        for line in reader.join().unwrap() {
            // The test harness writes its own words before the first one.
            let Some((_, said)) = line.split_once("ack ") else {
                continue;
            };
            let (id, group) = said.split_once(' ').unwrap();
            let id: ExchangeId = id.parse().unwrap();
            acknowledged.insert((id, group.parse::<u32>().unwrap()));
        }
        busy += usize::from(acknowledged.len() > before);

        let (lake, report) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
        torn += report.torn().0;
        assert_eq!(report.damaged_bytes(), 0);
        let missing = missing(&lake, &acknowledged);
        assert!(missing.is_empty(), "{} missing: {missing:?}", missing.len());
    }
    println!(
        "{ROUNDS} kills, {} acknowledged releases, none missing; {torn} torn bytes repaired",
        acknowledged.len()
    );
    assert!(
        busy > ROUNDS / 2,
        "only {busy} rounds acknowledged anything"
    );
}

fn missing(lake: &Lake, acknowledged: &HashSet<(ExchangeId, u32)>) -> Vec<(ExchangeId, u32)> {
    let mut ids: Vec<_> = acknowledged.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = lake.fetch(&ids).unwrap();
    let there: HashSet<_> = found
        .iter()
        .flat_map(|exchange| exchange.releases.iter().map(|r| (r.exchange, r.group)))
        .collect();
    acknowledged.difference(&there).copied().collect()
}

/// The same through the journal alone, and that its lock keeps a second process out.
#[test]
fn a_journal_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let sink = move |_, records: Vec<Record>| *count.lock().unwrap() += records.len();
    let (first, _) = Journal::open(folder.path(), JournalOptions::default(), sink).unwrap();
    let second = Journal::open(folder.path(), JournalOptions::default(), |_, _| {});
    let error = second.map(drop).unwrap_err().to_string();
    assert!(
        error.contains("another process works on the data folder"),
        "{error}"
    );
    drop(first);
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    let question = ScopeQuestion {
        tenant: "acme".parse().unwrap(),
        source: ScopeSource::default(),
        window: Window {
            from: common::at(0),
            to: common::at(1),
        },
    };
    assert_eq!(lake.scope(&question).unwrap().likely, 0);
}
