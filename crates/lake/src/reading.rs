//! A data folder read without being touched, also while another process works on it.
//!
//! No lock is taken and nothing is written or repaired. That is sound because of how the folder is written: Parquet files
//! never change once the manifest names them, the manifest only grows by whole lines, and a segment of the journal only
//! grows by records with checksums. What could go wrong is a compaction between reading the manifest and reading the
//! journal; the manifest is therefore read again afterwards, and when it has grown, everything is read anew.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hudun_core::{Exchange, ExchangeEvent, ExchangeId, TenantId, Timestamp, Window};
use serde::Serialize;

use crate::cold::{ColdFile, Contents};
use crate::error::LakeError;
use crate::journal;
use crate::tail::Tail;

/// What a data folder held at one moment.
pub struct Reading {
    folder: PathBuf,
    files: Vec<ColdFile>,
    hot: Vec<Arc<Exchange>>,
    report: ReadingReport,
}

/// What there was to read, and what was not readable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadingReport {
    /// Exchanges in Parquet files.
    pub in_files: u64,
    /// Exchanges in the journal.
    pub in_journal: u64,
    /// Exchanges of the journal without a head: nobody can be named as their actor.
    pub orphans: u64,
    /// Records of the journal that are damaged or half written.
    pub senseless: u64,
}

/// What a replay handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Exchanges.
    pub exchanges: u64,
    /// Their events.
    pub events: u64,
    /// Exchanges in files that the retention removed meanwhile.
    pub gone: u64,
}

impl Reading {
    /// Reads the manifest and the journal of a lake's folder.
    ///
    /// # Errors
    /// [`LakeError::Nothing`] when there is no lake; what can't be read; [`LakeError::Unsteady`].
    pub fn of(folder: &Path) -> Result<Self, LakeError> {
        let segments = folder.join("journal");
        if !segments.is_dir() && !folder.join("lake").is_dir() {
            return Err(LakeError::Nothing {
                path: folder.to_owned(),
            });
        }
        for _ in 0..TRIES {
            let (contents, head) = Contents::peruse(folder)?;
            let mut tail = Tail::default();
            let mut report = ReadingReport::default();
            let numbers = if segments.is_dir() {
                journal::numbers(&segments)?
            } else {
                Vec::new()
            };
            for number in numbers.into_iter().filter(|n| *n > contents.through) {
                let take = |record| tail.apply(number, record, false);
                report.senseless += journal::peruse(&segments, number, take)?.unwrap_or(0);
            }
            if Contents::peruse(folder)?.1 != head {
                continue;
            }
            let files: Vec<_> = contents
                .files
                .into_values()
                .map(|meta| ColdFile::new(folder, meta))
                .collect();
            let hot: Vec<_> = tail.all().cloned().collect();
            report.in_files = files.iter().map(|file| file.meta.rows).sum();
            report.in_journal = hot.len() as u64;
            report.orphans = tail.orphans().len() as u64;
            return Ok(Self {
                folder: folder.to_owned(),
                files,
                hot,
                report,
            });
        }
        Err(LakeError::Unsteady {
            path: folder.to_owned(),
        })
    }

    /// What there is.
    pub const fn report(&self) -> ReadingReport {
        self.report
    }

    /// Whose exchanges there are.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        let cold = self.files.iter().map(|file| &file.meta.tenant);
        let hot = self.hot.iter().map(|exchange| &exchange.head.tenant);
        cold.chain(hot).cloned().collect()
    }

    /// From the first request to the last moment of any record; `None` when there is nothing.
    pub fn span(&self) -> Option<Window> {
        let cold = self.files.iter().map(|file| (file.meta.from, file.meta.to));
        let hot = self
            .hot
            .iter()
            .map(|exchange| (exchange.head.at, crate::scope::last_moment(exchange)));
        cold.chain(hot)
            .reduce(|(from, to), (a, b)| (from.min(a), to.max(b)))
            .map(|(from, to)| Window { from, to })
    }

    /// Exchanges of a tenant in files that touch the window and in the journal, about: for a bar of progress.
    pub fn about(&self, tenant: &TenantId, window: Window) -> u64 {
        let cold = self.files(tenant, window).map(|file| file.meta.rows);
        cold.sum::<u64>() + self.hot(tenant, window).count() as u64
    }

    /// Hands over what happened to one tenant's exchanges that began in the window, in the order in which it happened: as
    /// the stages were told while it did. One hour of exchanges is in memory at a time, and what is in the journal.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn replay(
        &self,
        tenant: &TenantId,
        window: Window,
        mut take: impl FnMut(ExchangeEvent),
    ) -> Result<Replay, LakeError> {
        let mut replay = Replay::default();
        let mut files: Vec<&ColdFile> = self.files(tenant, window).collect();
        files.sort_by_key(|file| Reverse(file.meta.from));
        let mut coming: BinaryHeap<Reverse<Next>> = self
            .hot(tenant, window)
            .map(|exchange| Reverse(Next::of(Arc::clone(exchange))))
            .collect();
        replay.exchanges += coming.len() as u64;
        loop {
            // A file comes in as soon as something in it may come before what is next.
            while let Some(file) = files.pop_if(|file| {
                coming
                    .peek()
                    .is_none_or(|Reverse(next)| file.meta.from <= next.at)
            }) {
                if !file.path.is_file() && self.is_gone(file)? {
                    replay.gone += file.meta.rows;
                    continue;
                }
                file.exchanges(None, |exchange| {
                    if window.contains(exchange.head.at) {
                        replay.exchanges += 1;
                        coming.push(Reverse(Next::of(Arc::new(exchange))));
                    }
                    Ok(())
                })?;
            }
            let Some(Reverse(next)) = coming.pop() else {
                return Ok(replay);
            };
            replay.events += 1;
            take(next.event());
            coming.extend(next.then().map(Reverse));
        }
    }

    fn files(&self, tenant: &TenantId, window: Window) -> impl Iterator<Item = &ColdFile> {
        self.files.iter().filter(move |file| {
            file.meta.tenant == *tenant
                && file.meta.from <= window.to
                && file.meta.to >= window.from
        })
    }

    fn hot(&self, tenant: &TenantId, window: Window) -> impl Iterator<Item = &Arc<Exchange>> {
        self.hot.iter().filter(move |exchange| {
            exchange.head.tenant == *tenant && window.contains(exchange.head.at)
        })
    }

    /// Whether a file that isn't there was removed in good order.
    fn is_gone(&self, file: &ColdFile) -> Result<bool, LakeError> {
        let (contents, _) = Contents::peruse(&self.folder)?;
        Ok(!contents.files.contains_key(&file.meta.path))
    }
}

/// How often a folder that is being compacted is read.
const TRIES: usize = 5;

/// What comes next of one exchange: the head (0), a release, or the end.
struct Next {
    at: Timestamp,
    exchange: Arc<Exchange>,
    step: usize,
}

impl Next {
    fn of(exchange: Arc<Exchange>) -> Self {
        Self {
            at: exchange.head.at,
            exchange,
            step: 0,
        }
    }

    fn event(&self) -> ExchangeEvent {
        let exchange = &*self.exchange;
        match self.step.checked_sub(1) {
            None => ExchangeEvent::Head(Box::new(exchange.head.clone())),
            Some(n) => match (exchange.releases.get(n), &exchange.end) {
                (Some(release), _) => ExchangeEvent::Release(release.clone()),
                (None, Some(end)) => ExchangeEvent::End(end.clone()),
                // `then` never goes so far.
                (None, None) => ExchangeEvent::Head(Box::new(exchange.head.clone())),
            },
        }
    }

    fn then(self) -> Option<Self> {
        let releases = &self.exchange.releases;
        let at = match releases.get(self.step) {
            Some(release) => release.at,
            None if self.step == releases.len() => self.exchange.end.as_ref()?.at,
            None => return None,
        };
        Some(Self {
            // A clock that was set back must not put an end before its beginning.
            at: at.max(self.at),
            step: self.step + 1,
            exchange: self.exchange,
        })
    }

    fn key(&self) -> (Timestamp, ExchangeId, usize) {
        (self.at, self.exchange.head.id, self.step)
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Next {}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
