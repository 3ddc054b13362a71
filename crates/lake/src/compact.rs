//! Compaction: closed journal segments become Parquet files.
//!
//! Every step may be the last before a crash:
//!
//! 1. The active segment is closed. Exchanges that are not over are *carried*: their records are appended again to the
//!    new segment. A crash leaves records twice; records that come twice change nothing.
//! 2. The rest is written to Parquet files. A crash leaves files that the manifest does not name; the next start
//!    removes them.
//! 3. A line of the manifest names the files and the last segment in them. From here on they count, and the segments
//!    do not: the next start deletes them unread.
//! 4. Questions turn from the tail to the files, in one step.
//! 5. The segments are deleted.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::Arc;

use hudun_core::{Exchange, ExchangeId, Timestamp};
use serde::Serialize;

use crate::cold::{self, Act, ColdFile, FileMeta};
use crate::error::LakeError;
use crate::lake::{Lake, Shared};
use crate::record::Record;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompactReport {
    /// Exchanges written to Parquet.
    pub exchanges: u64,
    /// Files written.
    pub files: u64,
    /// Exchanges not over yet, carried on in the journal.
    pub carried: u64,
    /// Exchanges left out because their head is missing, so that no actor and tenant can be named.
    pub orphans: u64,
}

/// The moments between two steps of a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Carried,
    Written,
    Committed,
    Forgotten,
}

/// Called between two steps; tests look at the folder there.
pub(crate) type Watch = Arc<dyn Fn(Step) + Send + Sync>;

impl Lake {
    /// Turns what is in the journal into Parquet files. Appending and asking go on meanwhile. After an error nothing
    /// is lost, and the next call does it all again.
    pub async fn compact(&self) -> Result<CompactReport, LakeError> {
        self.compact_watched(Arc::new(|_| ())).await
    }

    pub(crate) async fn compact_watched(&self, watch: Watch) -> Result<CompactReport, LakeError> {
        let mut manifest = Arc::clone(&self.shared.manifest).lock_owned().await;
        let through = self.journal().rotate().await?;
        let sorted = Sorted::of(&self.shared, through);
        self.carry(&sorted.carry).await?;
        watch(Step::Carried);
        let report = CompactReport {
            exchanges: sorted.done.len() as u64,
            files: 0,
            carried: sorted.carry.len() as u64,
            orphans: sorted.orphans,
        };
        if sorted.is_empty() {
            return Ok(report);
        }
        let lake = self.clone();
        let work = move || {
            let shared = &lake.shared;
            let files = write_files(shared, &sorted.done, manifest.next)?;
            watch(Step::Written);
            let act = Act::Compacted {
                through,
                files: files.clone(),
                orphans: sorted.orphans,
            };
            if let Err(error) = manifest.commit(Timestamp::now(), act) {
                remove(shared, &files);
                return Err(error);
            }
            watch(Step::Committed);
            let gone: HashSet<ExchangeId> = sorted.done.iter().map(|done| done.head.id).collect();
            let written = files.len() as u64;
            let mut state = shared.write();
            state.tail.forget(&gone, through);
            lake.journal().held(state.tail.bytes());
            let new = files
                .into_iter()
                .map(|meta| Arc::new(ColdFile::new(&shared.folder, meta)));
            state.files = Arc::new(state.files.iter().cloned().chain(new).collect());
            drop(state);
            watch(Step::Forgotten);
            lake.journal().delete_through(through)?;
            if sorted.orphans > 0 {
                tracing::warn!(
                    sorted.orphans,
                    "exchanges without a head were left out of the lake"
                );
            }
            Ok(CompactReport {
                files: written,
                ..report
            })
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| LakeError::Interrupted)?
    }

    /// Appends the records of these exchanges once more and waits until they are durable.
    async fn carry(&self, exchanges: &[Arc<Exchange>]) -> Result<(), LakeError> {
        let mut answers = Vec::new();
        for exchange in exchanges {
            let head = Record::Head(Box::new(exchange.head.clone()));
            let releases = exchange.releases.iter().cloned().map(Record::Release);
            let end = exchange.end.clone().map(Record::End);
            for record in std::iter::once(head).chain(releases).chain(end) {
                answers.push(self.journal().submit(record).await?);
            }
        }
        for answer in answers {
            answer
                .await
                .map_err(|_| crate::JournalError::Closed)
                .flatten()?;
        }
        Ok(())
    }
}

/// What to do with the exchanges that have records in segments up to the last closed one.
struct Sorted {
    done: Vec<Arc<Exchange>>,
    carry: Vec<Arc<Exchange>>,
    orphans: u64,
}

impl Sorted {
    fn of(shared: &Shared, through: u64) -> Self {
        let state = shared.read();
        let (mut done, mut carry) = (Vec::new(), Vec::new());
        for entry in state.tail.entries() {
            // What an earlier process did not end will never end.
            let over = entry.exchange.end.is_some() || !entry.live;
            if over && entry.last <= through {
                done.push(Arc::clone(&entry.exchange));
            } else if entry.first <= through {
                carry.push(Arc::clone(&entry.exchange));
            }
        }
        let lost = |orphan: &&crate::tail::Orphan| orphan.last <= through;
        let orphans = state.tail.orphans().values().filter(lost).count() as u64;
        Self {
            done,
            carry,
            orphans,
        }
    }

    /// Whether there is nothing to write down. Carried exchanges alone leave their old segments for the next time.
    const fn is_empty(&self) -> bool {
        self.done.is_empty() && self.orphans == 0
    }
}

/// One file for each tenant and hour, sorted by session and time, so that one session's rows lie together.
fn write_files(
    shared: &Shared,
    exchanges: &[Arc<Exchange>],
    seq: u64,
) -> Result<Vec<FileMeta>, LakeError> {
    let mut partitions: BTreeMap<(String, String), Vec<Arc<Exchange>>> = BTreeMap::new();
    for exchange in exchanges {
        let key = cold::partition(&exchange.head.tenant, exchange.head.at);
        partitions
            .entry(key)
            .or_default()
            .push(Arc::clone(exchange));
    }
    let mut files = Vec::new();
    for ((folder, hour), mut rows) in partitions {
        rows.sort_by(|a, b| {
            let key = |row: &Exchange| (row.head.at, row.head.id);
            let session = a.head.actor.session.cmp(&b.head.actor.session);
            session.then_with(|| key(a).cmp(&key(b)))
        });
        let path = format!("lake/{folder}/{hour}-{seq:06}.parquet");
        match cold::write(&shared.folder, path, &rows) {
            Ok(meta) => files.push(meta),
            Err(error) => {
                remove(shared, &files);
                return Err(error);
            }
        }
    }
    Ok(files)
}

/// Takes back files that don't count; what can't be removed now, the next start removes.
fn remove(shared: &Shared, files: &[FileMeta]) {
    for meta in files {
        let file = ColdFile::new(&shared.folder, meta.clone());
        let _ = fs::remove_file(file.index_path());
        let _ = fs::remove_file(&file.path);
    }
}

#[cfg(test)]
mod tests;
