//! The journal: what is recorded here is durable before anything else happens.

mod frame;
mod metrics;
mod segment;
mod writer;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hudun_core::{ExchangeHead, LossReason, Release};
use serde::Serialize;
use tokio::sync::oneshot;

pub use self::metrics::JournalMetrics;
use self::segment::Active;
pub use self::segment::Repair;
pub(crate) use self::segment::{numbers, peruse, sync_folder};
use self::writer::{Pending, Shared, WriterThread};
use crate::error::JournalError;
use crate::record::Record;

/// Appends records and says when they are durable. Clones write to the same journal; the last one to be dropped writes
/// what is left and closes it.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as the journal is open: one process per data folder.
    _lock: File,
}

impl Journal {
    /// Opens the journal in `folder`/`journal`: takes the lock, repairs what a crash left, hands all records to the
    /// sink in their order, and begins a new segment.
    pub fn open(
        folder: &Path,
        options: JournalOptions,
        sink: impl Sink + 'static,
    ) -> Result<(Self, OpenReport), JournalError> {
        let lock = lock(folder)?;
        Self::open_after(folder, lock, options, 0, Box::new(sink))
    }

    /// Like [`Journal::open`], for a folder whose lock is held already. Segments up to `through` are in Parquet and
    /// are removed unread.
    pub(crate) fn open_after(
        folder: &Path,
        lock: File,
        options: JournalOptions,
        through: u64,
        mut sink: Box<dyn Sink>,
    ) -> Result<(Self, OpenReport), JournalError> {
        let folder = folder.join("journal");
        fs::create_dir_all(&folder).map_err(|e| JournalError::io("make", &folder, e))?;
        let mut report = OpenReport::default();
        let mut last = through;
        let mut held = 0;
        for number in segment::numbers(&folder)? {
            last = last.max(number);
            if number <= through {
                let path = segment::path(&folder, number);
                fs::remove_file(&path).map_err(|e| JournalError::io("remove", &path, e))?;
                continue;
            }
            let mut batch = Vec::new();
            report.records += segment::replay(&folder, number, &mut report.repairs, |record| {
                batch.push(record);
                if batch.len() == REPLAY_BATCH {
                    held = sink.committed(number, std::mem::take(&mut batch));
                }
            })?;
            held = sink.committed(number, batch);
            report.segments += 1;
        }
        sink.replayed();
        let active = Active::create(&folder, last + 1)
            .map_err(|e| JournalError::io("begin", &segment::path(&folder, last + 1), e))?;
        let shared = Arc::new(Shared::new(folder.clone(), options));
        shared.held.store(held, Ordering::Relaxed);
        report.count(&shared.metrics);
        let writer = WriterThread::new(Arc::clone(&shared), active, sink);
        let thread = thread::Builder::new()
            .name("hudun-journal".into())
            .spawn(move || writer.run())
            .map_err(|e| JournalError::io("start the writer of", &folder, e))?;
        let inner = Inner {
            shared,
            thread: Some(thread),
            _lock: lock,
        };
        Ok((
            Self {
                inner: Arc::new(inner),
            },
            report,
        ))
    }

    /// Appends a record and waits until it is durable. When this returns `Ok`, the record survives any crash, and
    /// every question finds it. Waits while the queue is full; refused while [`JournalOptions::held_bytes`] are held.
    pub async fn append(&self, record: impl Into<Record>) -> Result<Durable, JournalError> {
        let shared = &self.inner.shared;
        shared
            .check_held()
            .inspect_err(|_| JournalMetrics::add(&shared.metrics.failed_strict, 1))?;
        let answer = self.submit(record.into()).await?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Hands a record to the writer, waiting for room in the queue only; the answer comes when it is durable.
    pub(crate) async fn submit(
        &self,
        record: Record,
    ) -> Result<oneshot::Receiver<Result<Durable, JournalError>>, JournalError> {
        let payload = encode(&record)?;
        let shared = &self.inner.shared;
        let units = writer::units(payload.len(), &shared.options);
        let room = Arc::clone(&shared.room)
            .acquire_many_owned(units)
            .await
            .map_err(|_| JournalError::Closed)?;
        let (waiter, answer) = oneshot::channel();
        shared.push(Pending {
            record,
            payload,
            waiter: Some(waiter),
            room,
        })?;
        Ok(answer)
    }

    /// What the sink holds in memory now, bytes: a compaction has made room there.
    pub(crate) fn held(&self, bytes: usize) {
        self.inner.shared.held.store(bytes, Ordering::Relaxed);
    }

    /// Deletes the segments up to this one, which are in Parquet.
    pub(crate) fn delete_through(&self, through: u64) -> Result<(), JournalError> {
        let folder = &self.inner.shared.folder;
        for number in segment::numbers(folder)? {
            if number <= through {
                let path = segment::path(folder, number);
                fs::remove_file(&path).map_err(|e| JournalError::io("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// A small answer as one record: head and only release together.
    pub async fn append_small(
        &self,
        head: ExchangeHead,
        release: Release,
    ) -> Result<Durable, JournalError> {
        self.append(Record::Small(Box::new(head), release)).await
    }

    /// Appends a record without waiting for the disk: it is durable some [`JournalOptions::relaxed_sync`] later. A full
    /// queue refuses it at once ([`JournalError::QueueFull`], counted as [`LossReason::QueueFull`]); so does a journal
    /// that can't write. The caller chooses: let it go, or wait with [`Journal::append`].
    pub fn append_relaxed(&self, record: impl Into<Record>) -> Result<(), JournalError> {
        let record = record.into();
        let payload = encode(&record)?;
        let shared = &self.inner.shared;
        if shared.metrics.is_failing() {
            JournalMetrics::add(&shared.metrics.lost_relaxed, 1);
            return Err(JournalError::Failed(
                "an earlier write failed and the next try is still to come".into(),
            ));
        }
        shared
            .check_held()
            .inspect_err(|_| JournalMetrics::add(&shared.metrics.lost_relaxed, 1))?;
        let units = writer::units(payload.len(), &shared.options);
        let Ok(room) = Arc::clone(&shared.room).try_acquire_many_owned(units) else {
            JournalMetrics::add(&shared.metrics.queue_full, 1);
            tracing::debug!(
                reason = LossReason::QueueFull.name(),
                "relaxed record refused"
            );
            return Err(JournalError::QueueFull);
        };
        shared.push(Pending {
            record,
            payload,
            waiter: None,
            room,
        })
    }

    /// Closes the active segment and begins the next, so that all before can be compacted. Returns the number of the
    /// last closed segment.
    pub async fn rotate(&self) -> Result<u64, JournalError> {
        let answer = self.inner.shared.rotate()?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// The counters.
    pub fn metrics(&self) -> &JournalMetrics {
        &self.inner.shared.metrics
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // The writer does not panic; if it did, there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

/// Takes the records once they are written, in order, on the journal's own thread; at start also the old ones.
pub trait Sink: Send {
    /// Records of one segment have been written. Returns how much of the journal is held in memory now, bytes.
    fn committed(&mut self, segment: u64, records: Vec<Record>) -> usize;

    /// All old records have been handed over; what follows is new.
    fn replayed(&mut self) {}
}

impl<F: FnMut(u64, Vec<Record>) + Send> Sink for F {
    fn committed(&mut self, segment: u64, records: Vec<Record>) -> usize {
        self(segment, records);
        0
    }
}

/// A record is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The segment that holds it.
    pub segment: u64,
}

/// The measures of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// A segment of this length is closed.
    pub segment_bytes: u64,
    /// A segment of this age is closed at the next record.
    pub segment_age: Duration,
    /// Bytes that may wait for the disk.
    pub queue_bytes: usize,
    /// How long relaxed records may wait for their fdatasync.
    pub relaxed_sync: Duration,
    /// After a failed write, how long until the next try.
    pub retry: Duration,
    /// Bytes that may be held in memory until a compaction; beyond, nothing more is taken in. Far above the size at
    /// which a lake is compacted: it is reached when compactions fail.
    pub held_bytes: usize,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: Duration::from_secs(3600),
            queue_bytes: 64 << 20,
            relaxed_sync: Duration::from_millis(50),
            retry: Duration::from_millis(250),
            held_bytes: 1 << 30,
        }
    }
}

/// What opening the journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OpenReport {
    /// Segments read.
    pub segments: u64,
    /// Records read.
    pub records: u64,
    /// What was wrong, and what was done.
    pub repairs: Vec<Repair>,
    /// Bytes of a torn last line cut off the lake's manifest: a compaction that did not come to count.
    pub manifest_torn: u64,
    /// Files that the lake's manifest names and that are not there. Questions about their time fail.
    pub missing: Vec<String>,
}

impl OpenReport {
    /// Bytes and records cut off torn ends.
    pub fn torn(&self) -> (u64, u64) {
        self.repairs
            .iter()
            .fold((0, 0), |(all_bytes, all_records), repair| match repair {
                Repair::TornTail { bytes, records, .. } => {
                    (all_bytes + bytes, all_records + records)
                }
                _ => (all_bytes, all_records),
            })
    }

    /// Bytes that could not be read because they are damaged.
    pub fn damaged_bytes(&self) -> u64 {
        self.repairs
            .iter()
            .map(|repair| match repair {
                Repair::Damage { bytes, .. } | Repair::SetAside { bytes, .. } => *bytes,
                _ => 0,
            })
            .sum()
    }

    fn count(&self, metrics: &JournalMetrics) {
        JournalMetrics::add(&metrics.torn_records, self.torn().1);
        JournalMetrics::add(&metrics.damaged_bytes, self.damaged_bytes());
        for repair in &self.repairs {
            tracing::warn!(?repair, "the journal has been repaired");
        }
    }
}

/// Takes the lock of a data folder, which is made when absent.
pub(crate) fn lock(folder: &Path) -> Result<File, JournalError> {
    fs::create_dir_all(folder).map_err(|e| JournalError::io("make", folder, e))?;
    let path: PathBuf = folder.join("lake.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| JournalError::io("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::Locked {
            path: folder.to_owned(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(JournalError::io("lock", &path, error)),
    }
}

/// Records handed to the sink at once while the journal is read at start.
const REPLAY_BATCH: usize = 4096;

fn encode(record: &Record) -> Result<Vec<u8>, JournalError> {
    let payload = record.encode();
    if payload.len() > frame::LONGEST {
        return Err(JournalError::TooLong {
            bytes: payload.len(),
            limit: frame::LONGEST,
        });
    }
    Ok(payload)
}
