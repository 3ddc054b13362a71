//! A medium that fails: whatever happens, memory and disk hold the same whole entries.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use serde_json::json;

use crate::disk::Medium;
use crate::{Error, Log, NewEntry, Repair};

/// Lets `room` more bytes through, then fails like a full disk; `dead` fails everything.
struct Failing {
    inner: Box<dyn Medium>,
    room: Arc<AtomicU64>,
    sync_fails: bool,
    cut_fails: bool,
}

impl Medium for Failing {
    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::Relaxed);
        let fits = (bytes.len() as u64).min(room);
        self.inner.write_at_end(&bytes[..fits as usize])?;
        self.room.store(room - fits, Ordering::Relaxed);
        if fits < bytes.len() as u64 {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.sync_fails {
            Err(io::Error::other("sync"))
        } else {
            self.inner.sync()
        }
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.cut_fails {
            Err(io::Error::other("cut"))
        } else {
            self.inner.cut(length)
        }
    }
}

fn entry(n: u64) -> NewEntry {
    NewEntry {
        at: n as i64,
        tenant: "t".into(),
        incident: (!n.is_multiple_of(3)).then(|| format!("INC-{}", n % 2)),
        actor: "hudun".into(),
        kind: "test".into(),
        body: json!({ "n": n }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_full_disk_leaves_nothing_half_applied(room in 0u64..1500, groups in prop::collection::vec(1u64..5, 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), "o").unwrap();
        let left = Arc::new(AtomicU64::new(room));
        let wrap = Arc::clone(&left);
        log.entries.replace(|inner| Box::new(Failing { inner, room: wrap, sync_fails: false, cut_fails: false }));
        let mut n = 0;
        let mut failed = false;
        for group in groups {
            let before = (log.len(), log.root());
            match log.append_many((n..n + group).map(entry).collect()) {
                Ok(written) => n += written.len() as u64,
                Err(Error::Io { what: "append to", .. }) => {
                    failed = true;
                    prop_assert_eq!((log.len(), log.root()), before);
                    left.store(1 << 20, Ordering::Relaxed); // room again: the same log goes on
                }
                Err(other) => return Err(TestCaseError::fail(other.to_string())),
            }
        }
        let _ = failed;
        let (len, root) = (log.len(), log.root());
        prop_assert_eq!(len, n);
        prop_assert_eq!(log.audit().map(|_| ()).map_err(|e| e.to_string()), Ok(()));
        drop(log);
        let (log, repair) = Log::open(dir.path(), "o").unwrap();
        prop_assert_eq!(repair, Repair::default());
        prop_assert_eq!((log.len(), log.root()), (len, root));
    }
}

#[test]
fn a_failed_sync_or_cut_stops_writing_until_opened_again() {
    for (sync_fails, cut_fails, room) in [(true, false, 1 << 20), (false, true, 30)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path(), "o").unwrap();
        log.append(entry(0)).unwrap();
        let room = Arc::new(AtomicU64::new(room));
        log.entries.replace(|inner| {
            Box::new(Failing {
                inner,
                room,
                sync_fails,
                cut_fails,
            })
        });
        assert!(matches!(log.append(entry(1)), Err(Error::Io { .. })));
        assert!(matches!(log.append(entry(1)), Err(Error::InDoubt { .. })));
        assert_eq!(log.len(), 1);
        drop(log);
        let (mut log, repair) = Log::open(dir.path(), "o").unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(repair.torn_entry.is_some(), cut_fails);
        log.append(entry(1)).unwrap();
    }
}

#[test]
fn a_checkpoint_that_could_not_be_written_is_signed_later() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(dir.path(), "o").unwrap();
    let room = Arc::new(AtomicU64::new(20));
    let wrap = Arc::clone(&room);
    log.checkpoints.replace(|inner| {
        Box::new(Failing {
            inner,
            room: wrap,
            sync_fails: false,
            cut_fails: false,
        })
    });
    log.append(entry(0)).unwrap();
    assert_eq!(log.unsealed(), 1);
    assert!(log.seal().is_err());
    room.store(1 << 20, Ordering::Relaxed);
    log.append(entry(1)).unwrap();
    assert_eq!(log.unsealed(), 0);
    room.store(0, Ordering::Relaxed);
    log.append(entry(2)).unwrap();
    drop(log);
    let (log, repair) = Log::open(dir.path(), "o").unwrap();
    assert_eq!(
        repair,
        Repair {
            sealed_late: 1,
            ..Repair::default()
        }
    );
    assert_eq!((log.len(), log.unsealed()), (3, 0));
}
