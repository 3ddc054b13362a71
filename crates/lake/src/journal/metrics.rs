//! What the journal counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters since start; read them with `load(Ordering::Relaxed)`.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct JournalMetrics {
    /// Records written.
    pub records: AtomicU64,
    /// Bytes written, frames included.
    pub bytes: AtomicU64,
    /// Batches written: one group commit each.
    pub batches: AtomicU64,
    /// Calls of fdatasync.
    pub syncs: AtomicU64,
    /// Microseconds spent in fdatasync.
    pub sync_micros: AtomicU64,
    /// Segments begun.
    pub segments: AtomicU64,
    /// Relaxed records refused because the queue was full (`queue-full`).
    pub queue_full: AtomicU64,
    /// Relaxed records lost because the disk refused them after they had been accepted.
    pub lost_relaxed: AtomicU64,
    /// Strict records whose write failed; each caller was told.
    pub failed_strict: AtomicU64,
    /// Records cut off a torn end at start (`torn-tail`).
    pub torn_records: AtomicU64,
    /// Bytes skipped as damaged at start.
    pub damaged_bytes: AtomicU64,
    /// Whether the journal can't write at the moment.
    pub failing: AtomicBool,
}

impl JournalMetrics {
    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// Whether the journal can't write at the moment.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}
