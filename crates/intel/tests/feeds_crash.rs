//! Kills: whenever it happens, what was held is there, or what came is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{cnvd, kev, of};
use hudun_intel::feeds::{FeedState, Feeds, FeedsConfig};

fn quick() -> FeedsConfig {
    FeedsConfig {
        settle_ms: 0,
        ..FeedsConfig::default()
    }
}

fn take(feeds: &Feeds, name: &str, text: &str) {
    let path = feeds.drop_folder().join(name);
    std::fs::write(&path, text).unwrap();
    while path.exists() {
        feeds.look().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn week(number: usize) -> String {
    let ids: Vec<String> = (0..20)
        .map(|at| format!("CNVD-2026-{number}{at:02}"))
        .collect();
    let records: Vec<(&str, &str, &str)> = ids
        .iter()
        .map(|id| (id.as_str(), "Acme CRM <1.0", "2026-10-01"))
        .collect();
    cnvd(&records)
}

/// The process that is killed: takes file after file. Run by the test below, not by itself.
#[test]
fn worker() {
    let Some(folder) = std::env::var_os("HUDUN_TEST_WORKER") else {
        return;
    };
    let feeds = Feeds::open(Path::new(&folder), quick()).unwrap();
    loop {
        feeds.look().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_process_that_is_killed_at_any_moment_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(Feeds::open(folder.path(), quick()).unwrap());
    let place = folder.path().join("drop");
    let files = 120;
    let mut dropped = 0;
    let mut round = 0;
    while dropped < files {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker", "--exact", "--nocapture"])
            .env("HUDUN_TEST_WORKER", folder.path())
            .spawn()
            .unwrap();
        // More files than it gets through, and killed a little later each time.
        for _ in 0..6 {
            std::fs::write(place.join(format!(".{dropped}")), week(dropped)).unwrap();
            std::fs::rename(
                place.join(format!(".{dropped}")),
                place.join(format!("{dropped}.xml")),
            )
            .unwrap();
            dropped += 1;
        }
        std::thread::sleep(Duration::from_millis(120 + round * 17));
        round += 1;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    assert_eq!(feeds.snapshots().borrow().trouble, []);
    while std::fs::read_dir(&place)
        .unwrap()
        .flatten()
        .any(|entry| entry.file_type().unwrap().is_file())
    {
        feeds.look().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(std::fs::read_dir(place.join("refused")).unwrap().count(), 0);
    let now = feeds.snapshots().borrow().clone();
    assert_eq!(now.index.counts().records, files as u64 * 20);
    assert_eq!(
        now.index.records().filter(|record| record.is_ok()).count(),
        files * 20
    );
    // Few segments, and nothing that no state names.
    let kept = std::fs::read_dir(folder.path().join("feeds/drop-cnvd"))
        .unwrap()
        .count();
    assert!(kept < 20, "{kept} files");
}

#[test]
fn what_a_crash_left_half_written_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    take(&feeds, "kev.json", &kev(10, "2026-10-01"));
    drop(feeds);
    let place = folder.path().join("feeds/drop-kev");
    // Between a segment and the state that names it; within a segment; within the state; within a download.
    std::fs::copy(place.join("0.seg"), place.join("7.seg")).unwrap();
    for name in ["8.seg.new", "state.json.new", "download.new"] {
        std::fs::write(place.join(name), b"half").unwrap();
    }
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    assert_eq!(feeds.snapshots().borrow().index.counts().kev, 10);
    let mut names: Vec<String> = std::fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["0.seg", "format", "state.json"]);
}

#[test]
fn damage_costs_the_feed_that_it_befell_and_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    take(&feeds, "kev.json", &kev(10, "2026-10-01"));
    take(&feeds, "week.xml", &week(1));
    let revision = feeds.snapshots().borrow().revision;
    drop(feeds);
    let segment = folder.path().join("feeds/drop-kev/0.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    let now = feeds.snapshots().borrow().clone();
    assert_eq!(
        (now.index.counts().kev, now.index.counts().records),
        (0, 20)
    );
    assert!(now.revision > revision);
    let status = of(&feeds, "drop-kev");
    assert_eq!(status.state, FeedState::Failing);
    assert!(
        status.sentence.en.contains("damaged") && status.sentence.en.contains("checksum"),
        "{}",
        status.sentence.en
    );
    // The same file counts again.
    take(&feeds, "again.json", &kev(10, "2026-10-01"));
    assert_eq!(feeds.snapshots().borrow().index.counts().kev, 10);
    drop(feeds);
    // A state file that can't be read: the segments are there.
    std::fs::write(
        folder.path().join("feeds/drop-cnvd/state.json"),
        b"{\"next\": 1",
    )
    .unwrap();
    let feeds = Feeds::open(folder.path(), quick()).unwrap();
    assert_eq!(feeds.snapshots().borrow().index.counts().records, 20);
    assert_eq!(of(&feeds, "drop-cnvd").state, FeedState::Failing);
}
