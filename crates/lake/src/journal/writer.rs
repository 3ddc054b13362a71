//! The one thread that writes: it takes everything that waits, writes it in one go, calls fdatasync once, and then
//! tells all who waited.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hudun_core::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::metrics::JournalMetrics;
use super::segment::{self, Active};
use super::{Durable, JournalOptions, Sink};
use crate::error::JournalError;
use crate::record::Record;

/// A record on its way to the disk.
pub(crate) struct Pending {
    pub(crate) record: Record,
    pub(crate) payload: Vec<u8>,
    /// Who waits for it to be durable; nobody, for a relaxed one.
    pub(crate) waiter: Option<oneshot::Sender<Result<Durable, JournalError>>>,
    /// Its share of the queue; given back once it is written.
    pub(crate) room: OwnedSemaphorePermit,
}

/// What the callers and the writer share.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) metrics: JournalMetrics,
    /// Bytes that the sink holds in memory.
    pub(crate) held: AtomicUsize,
    pub(crate) folder: PathBuf,
    pub(crate) options: JournalOptions,
}

#[derive(Default)]
struct Queue {
    pending: Vec<Pending>,
    /// Who wants the active segment closed, so that it can be compacted.
    rotate: Vec<oneshot::Sender<Result<u64, JournalError>>>,
    closed: bool,
}

impl Shared {
    pub(crate) fn new(folder: PathBuf, options: JournalOptions) -> Self {
        Self {
            queue: Mutex::default(),
            wake: Condvar::new(),
            room: Arc::new(Semaphore::new((options.queue_bytes / ROOM_UNIT).max(1))),
            metrics: JournalMetrics::default(),
            held: AtomicUsize::new(0),
            folder,
            options,
        }
    }

    /// Whether there is room in memory for one more record.
    pub(crate) fn check_held(&self) -> Result<(), JournalError> {
        let (held, limit) = (self.held.load(Ordering::Relaxed), self.options.held_bytes);
        if held > limit {
            return Err(JournalError::HeldFull { held, limit });
        }
        Ok(())
    }

    pub(crate) fn push(&self, pending: Pending) -> Result<(), JournalError> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(JournalError::Closed);
        }
        queue.pending.push(pending);
        drop(queue);
        self.wake.notify_one();
        Ok(())
    }

    pub(crate) fn rotate(
        &self,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        let (told, answer) = oneshot::channel();
        let mut queue = self.lock();
        if queue.closed {
            return Err(JournalError::Closed);
        }
        queue.rotate.push(told);
        drop(queue);
        self.wake.notify_one();
        Ok(answer)
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is work, the time is up, or the journal is closed.
    fn wait(&self, patience: Duration) -> Queue {
        let idle = |queue: &mut Queue| {
            queue.pending.is_empty() && queue.rotate.is_empty() && !queue.closed
        };
        let (mut queue, _) = self
            .wake
            .wait_timeout_while(self.lock(), patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        let closed = queue.closed;
        let taken = std::mem::take(&mut *queue);
        queue.closed = closed;
        Queue { closed, ..taken }
    }
}

/// How many units of the queue's semaphore a record takes.
pub(crate) fn units(payload: usize, options: &JournalOptions) -> u32 {
    let most = options.queue_bytes / ROOM_UNIT;
    // A record is held twice, as a value and as bytes.
    ((payload * 2).div_ceil(ROOM_UNIT)).clamp(1, most.max(1)) as u32
}

/// Writes until the journal is closed and its queue is empty.
pub(crate) struct WriterThread {
    shared: Arc<Shared>,
    sink: Box<dyn Sink>,
    state: State,
    /// Segments with bytes behind their last whole record that could not be cut off yet.
    uncut: Vec<Active>,
    next_number: u64,
    begun: Instant,
    /// Since when relaxed records wait for their fdatasync.
    unsynced: Option<Instant>,
    buffer: Vec<u8>,
}

enum State {
    Writing(Active),
    Failing { why: JournalError, retry: Instant },
}

impl WriterThread {
    pub(crate) fn new(shared: Arc<Shared>, active: Active, sink: Box<dyn Sink>) -> Self {
        Self {
            next_number: active.number + 1,
            state: State::Writing(active),
            shared,
            sink,
            uncut: Vec::new(),
            begun: Instant::now(),
            unsynced: None,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            let queue = self.shared.wait(self.patience());
            self.recover_when_due();
            if !queue.pending.is_empty() {
                self.commit(queue.pending);
            }
            self.sync_when_due(queue.closed);
            if !queue.rotate.is_empty() {
                let sealed = self.rotate();
                for told in queue.rotate {
                    // Whoever no longer waits does not need the answer.
                    let _ = told.send(sealed.clone());
                }
            }
            if queue.closed {
                return;
            }
        }
    }

    fn patience(&self) -> Duration {
        match &self.state {
            State::Failing { retry, .. } => retry.saturating_duration_since(Instant::now()),
            State::Writing(_) => self.unsynced.map_or(IDLE, |since| {
                self.shared
                    .options
                    .relaxed_sync
                    .saturating_sub(since.elapsed())
            }),
        }
    }

    fn commit(&mut self, batch: Vec<Pending>) {
        // In pieces, so that a long queue neither outgrows a segment nor makes its first record wait for its last.
        let mut piece = Vec::new();
        let mut bytes = 0;
        for pending in batch {
            bytes += pending.payload.len();
            piece.push(pending);
            if bytes >= PIECE {
                self.commit_piece(std::mem::take(&mut piece));
                bytes = 0;
            }
        }
        if !piece.is_empty() {
            self.commit_piece(piece);
        }
    }

    fn commit_piece(&mut self, batch: Vec<Pending>) {
        let strict = batch.iter().any(|pending| pending.waiter.is_some());
        let written = self.write(&batch, strict);
        let metrics = &self.shared.metrics;
        let number = match written {
            Ok(number) => number,
            Err(error) => {
                for pending in batch {
                    match pending.waiter {
                        Some(waiter) => {
                            JournalMetrics::add(&metrics.failed_strict, 1);
                            let _ = waiter.send(Err(error.clone()));
                        }
                        None => JournalMetrics::add(&metrics.lost_relaxed, 1),
                    }
                }
                return;
            }
        };
        JournalMetrics::add(&metrics.records, batch.len() as u64);
        let mut records = Vec::with_capacity(batch.len());
        let mut told = Vec::with_capacity(batch.len());
        for pending in batch {
            records.push(pending.record);
            told.push((pending.waiter, pending.room));
        }
        // First into the hot tail, then the answer: who has been told that a record is durable finds it there.
        let held = self.sink.committed(number, records);
        self.shared.held.store(held, Ordering::Relaxed);
        for (waiter, room) in told {
            drop(room);
            if let Some(waiter) = waiter {
                let _ = waiter.send(Ok(Durable { segment: number }));
            }
        }
    }

    /// Writes one batch. After an error nothing of it counts as written.
    fn write(&mut self, batch: &[Pending], strict: bool) -> Result<u64, JournalError> {
        self.begin_segment_when_due()?;
        let active = match &mut self.state {
            State::Writing(active) => active,
            State::Failing { why, .. } => return Err(JournalError::Failed(why.to_string())),
        };
        self.buffer.clear();
        for pending in batch {
            active
                .seal
                .frame(&mut self.buffer, pending.record.kind(), &pending.payload);
        }
        let metrics = &self.shared.metrics;
        let mut written = active.file.write_all(&self.buffer);
        if strict && written.is_ok() {
            written = sync(active, metrics);
        }
        if let Err(error) = written {
            let path = segment::path(&self.shared.folder, active.number);
            let error = JournalError::io("append to", &path, error);
            self.fail(error.clone());
            return Err(error);
        }
        active.length += self.buffer.len() as u64;
        JournalMetrics::add(&metrics.bytes, self.buffer.len() as u64);
        JournalMetrics::add(&metrics.batches, 1);
        if strict {
            self.unsynced = None;
        } else {
            self.unsynced.get_or_insert_with(Instant::now);
        }
        if self.buffer.capacity() > 4 * PIECE {
            self.buffer = Vec::new();
        }
        Ok(active.number)
    }

    fn sync_when_due(&mut self, now: bool) {
        let State::Writing(active) = &mut self.state else {
            return;
        };
        let due = self
            .unsynced
            .is_some_and(|since| now || since.elapsed() >= self.shared.options.relaxed_sync);
        if !due {
            return;
        }
        self.unsynced = None;
        if let Err(error) = sync(active, &self.shared.metrics) {
            let path = segment::path(&self.shared.folder, active.number);
            self.fail(JournalError::io("sync", &path, error));
        }
    }

    fn begin_segment_when_due(&mut self) -> Result<(), JournalError> {
        let options = &self.shared.options;
        let State::Writing(active) = &self.state else {
            return Ok(());
        };
        let full = active.length >= options.segment_bytes;
        let old = self.begun.elapsed() >= options.segment_age;
        if active.is_empty() || !(full || old) {
            return Ok(());
        }
        self.rotate().map(drop)
    }

    /// Closes the active segment and begins the next; tells the number of the last closed one.
    fn rotate(&mut self) -> Result<u64, JournalError> {
        let active = match &mut self.state {
            State::Writing(active) => active,
            State::Failing { why, .. } => return Err(JournalError::Failed(why.to_string())),
        };
        if active.is_empty() {
            return Ok(active.number - 1);
        }
        if self.unsynced.take().is_some()
            && let Err(error) = sync(active, &self.shared.metrics)
        {
            let path = segment::path(&self.shared.folder, active.number);
            let error = JournalError::io("sync", &path, error);
            self.fail(error.clone());
            return Err(error);
        }
        let sealed = active.number;
        match self.create() {
            Ok(active) => self.state = State::Writing(active),
            Err(error) => {
                self.fail(error.clone());
                return Err(error);
            }
        }
        Ok(sealed)
    }

    fn create(&mut self) -> Result<Active, JournalError> {
        let number = self.next_number;
        let active = Active::create(&self.shared.folder, number).map_err(|error| {
            let path = segment::path(&self.shared.folder, number);
            JournalError::io("begin", &path, error)
        })?;
        self.next_number += 1;
        self.begun = Instant::now();
        JournalMetrics::add(&self.shared.metrics.segments, 1);
        Ok(active)
    }

    /// After a failed write or fdatasync the segment is never written again: what the system has of it is unknown.
    /// Its half-written end is cut off, now or before the next segment begins.
    fn fail(&mut self, why: JournalError) {
        tracing::error!(error = %why, "the journal can't write; it tries again by itself");
        self.shared.metrics.failing.store(true, Ordering::Relaxed);
        let retry = Instant::now() + self.shared.options.retry;
        self.unsynced = None;
        let state = std::mem::replace(&mut self.state, State::Failing { why, retry });
        if let State::Writing(active) = state {
            self.uncut.push(active);
        }
        self.cut();
    }

    /// Cuts half-written ends; whether all are cut.
    fn cut(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.uncut);
        for active in waiting {
            let done = match active.cut() {
                Ok(()) if active.is_empty() => active.discard().is_ok(),
                Ok(()) => true,
                Err(_) => {
                    self.uncut.push(active);
                    continue;
                }
            };
            if !done {
                tracing::warn!("an empty segment could not be removed; the next start removes it");
            }
        }
        self.uncut.is_empty()
    }

    fn recover_when_due(&mut self) {
        match &self.state {
            State::Failing { retry, .. } if *retry <= Instant::now() => {}
            _ => return,
        }
        let recovered = if self.cut() { self.create().ok() } else { None };
        match recovered {
            Some(active) => {
                tracing::info!(segment = active.number, at = %Timestamp::now(), "the journal writes again");
                self.state = State::Writing(active);
                self.shared.metrics.failing.store(false, Ordering::Relaxed);
            }
            None => {
                let next = Instant::now() + self.shared.options.retry;
                if let State::Failing { retry, .. } = &mut self.state {
                    *retry = next;
                }
            }
        }
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.shared.close();
        let left = std::mem::take(&mut *self.shared.lock());
        let numbers: BTreeSet<_> = self.uncut.iter().map(|active| active.number).collect();
        if !numbers.is_empty() {
            tracing::warn!(
                ?numbers,
                "segments keep a half-written end; the next start cuts it"
            );
        }
        self.shared.lock().closed = true;
        // Dropping their senders tells all who still wait that the journal is closed.
        drop(left);
    }
}

/// One unit of the queue's room, in bytes.
pub(crate) const ROOM_UNIT: usize = 256;
/// Payload bytes written and made durable together at most (one record may be longer).
const PIECE: usize = 4 << 20;
/// How long the writer sleeps when nothing is to be done.
const IDLE: Duration = Duration::from_secs(3600);

fn sync(active: &Active, metrics: &JournalMetrics) -> std::io::Result<()> {
    let begun = Instant::now();
    active.file.sync_data()?;
    JournalMetrics::add(&metrics.syncs, 1);
    JournalMetrics::add(&metrics.sync_micros, begun.elapsed().as_micros() as u64);
    Ok(())
}
