//! The journal under bad luck: torn ends, damage, a full disk, a full queue.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun_core::{Delivery, ExchangeId};
use hudun_lake::{Journal, JournalError, JournalOptions, OpenReport, Record, Repair};

type Collected = Arc<Mutex<Vec<Record>>>;

fn open(folder: &Path, options: JournalOptions) -> (Journal, OpenReport, Collected) {
    let collected = Collected::default();
    let sink = Arc::clone(&collected);
    let sink = move |_, records: Vec<Record>| sink.lock().unwrap().extend(records);
    let (journal, report) = Journal::open(folder, options, sink).unwrap();
    (journal, report, collected)
}

fn records(count: usize) -> Vec<Record> {
    (0..count)
        .map(|n| {
            let id = ExchangeId::new();
            match n % 3 {
                0 => Record::Head(Box::new(common::head(id, "acme", "a", "s", 0))),
                1 => Record::Release(common::release(
                    id,
                    0,
                    1,
                    vec![common::sighting(1, &[2, 3])],
                )),
                _ => Record::End(common::end(id, 1, 1, 1, Delivery::Withheld)),
            }
        })
        .collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

/// Writes these records into one segment and returns its path.
async fn written(folder: &Path, records: &[Record]) -> PathBuf {
    let (journal, ..) = open(folder, JournalOptions::default());
    for record in records {
        journal.append(record.clone()).await.unwrap();
    }
    drop(journal);
    segments(folder).remove(0)
}

#[tokio::test]
async fn records_come_back_in_order_over_restarts_and_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let all = records(300);
    let options = JournalOptions {
        segment_bytes: 2000,
        ..JournalOptions::default()
    };
    for part in all.chunks(100) {
        let (journal, ..) = open(folder.path(), options.clone());
        for record in part {
            journal.append(record.clone()).await.unwrap();
        }
    }
    assert!(segments(folder.path()).len() > 10);
    let (_journal, report, back) = open(folder.path(), options);
    assert_eq!(*back.lock().unwrap(), all);
    assert_eq!((report.records, report.repairs.len()), (300, 0));
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_of_the_last_frame_costs_that_record_alone() {
    let template = tempfile::tempdir().unwrap();
    let all = records(4);
    let short = written(template.path(), &all[..3]).await;
    let without_last = fs::read(&short).unwrap().len();
    fs::remove_file(&short).unwrap();
    let bytes = fs::read(written(template.path(), &all).await).unwrap();
    for length in without_last..bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        fs::create_dir_all(&journal).unwrap();
        // The header names the number of the segment, so the copy keeps its name.
        let name = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        fs::write(journal.join(format!("{name:06}.seg")), &bytes[..length]).unwrap();
        let (_journal, report, back) = open(folder.path(), JournalOptions::default());
        assert_eq!(*back.lock().unwrap(), all[..3]);
        let cut = (length - without_last) as u64;
        assert_eq!(report.torn(), (cut, u64::from(cut > 0)), "cut at {length}");
    }
}

#[tokio::test]
async fn damage_in_the_middle_is_reported_and_what_follows_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let all = records(9);
    let path = written(folder.path(), &all).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[60] ^= 0xFF;
    fs::write(&path, &bytes).unwrap();
    let (journal, report, back) = open(folder.path(), JournalOptions::default());
    assert_eq!(*back.lock().unwrap(), all[1..]);
    assert!(matches!(
        report.repairs[..],
        [Repair::Damage { offset: 32, .. }]
    ));
    let counted = journal.metrics().damaged_bytes.load(Ordering::Relaxed);
    assert_eq!(counted, report.damaged_bytes());
}

#[tokio::test]
async fn a_segment_with_a_broken_header_is_set_aside_and_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &records(3)).await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[17] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (_journal, report, back) = open(folder.path(), JournalOptions::default());
    assert!(back.lock().unwrap().is_empty());
    assert!(matches!(report.repairs[..], [Repair::SetAside { .. }]));
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes);
}

#[tokio::test]
async fn a_record_longer_than_a_frame_is_refused_with_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, ..) = open(folder.path(), JournalOptions::default());
    let id = ExchangeId::new();
    let crowd = (0..1_000_000).map(|n| common::sighting(n, &[])).collect();
    let refused = journal.append(common_release(id, crowd)).await;
    assert!(matches!(refused, Err(JournalError::TooLong { .. })));
    journal.append(records(1).remove(0)).await.unwrap();
}

fn common_release(id: ExchangeId, sightings: Vec<hudun_core::Sighting>) -> Record {
    Record::Release(common::release(id, 0, 0, sightings))
}

#[tokio::test]
async fn a_full_queue_refuses_relaxed_records_and_lets_strict_ones_wait() {
    let folder = tempfile::tempdir().unwrap();
    let options = JournalOptions {
        queue_bytes: 4096,
        ..JournalOptions::default()
    };
    let (journal, _, back) = open(folder.path(), options);
    let (mut taken, mut refused) = (0, 0);
    for record in records(20_000) {
        match journal.append_relaxed(record) {
            Ok(()) => taken += 1,
            Err(JournalError::QueueFull) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0, "a queue of 4 KB held 20,000 records");
    let full = journal.metrics().queue_full.load(Ordering::Relaxed);
    assert_eq!(full, refused);
    let waiting: Vec<_> = records(200)
        .into_iter()
        .map(|record| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.append(record).await })
        })
        .collect();
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    drop(journal);
    assert_eq!(back.lock().unwrap().len(), taken + 200);
}

/// A file system of one megabyte; taken down when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "hudun-test"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!(
                "SKIPPED: the full-disk test must be allowed to mount a tmpfs (run it as root)"
            );
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .output();
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_until_there_is_room_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let folder = disk.0.path();
    let options = JournalOptions {
        retry: Duration::from_millis(20),
        ..JournalOptions::default()
    };
    fs::write(folder.join("ballast"), vec![0; 600 << 10]).unwrap();
    let (journal, ..) = open(folder, options.clone());
    let mut durable = Vec::new();
    let refusal = loop {
        let record = records(1).remove(0);
        match journal.append(record.clone()).await {
            Ok(_) => durable.push(record),
            Err(error) => break error,
        }
        assert!(durable.len() < 100_000, "the disk never got full");
    };
    assert!(
        matches!(refusal, JournalError::DiskFull { .. }),
        "{refusal}"
    );
    assert!(journal.metrics().is_failing());
    let again = journal.append(records(1).remove(0)).await;
    assert!(matches!(
        again,
        Err(JournalError::Failed(_) | JournalError::DiskFull { .. })
    ));
    assert!(journal.append_relaxed(records(1).remove(0)).is_err());

    fs::remove_file(folder.join("ballast")).unwrap();
    loop {
        let record = records(1).remove(0);
        if journal.append(record.clone()).await.is_ok() {
            durable.push(record);
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!journal.metrics().is_failing());
    drop(journal);
    let (_journal, report, back) = open(folder, options);
    assert_eq!(*back.lock().unwrap(), durable);
    assert_eq!(report.repairs, []);
}
