//! The lake: hot tail and Parquet files as one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hudun_core::{TenantId, Window};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::cold::{ColdFile, Manifest};
use crate::error::LakeError;
use crate::journal::{self, Journal, JournalOptions, OpenReport, Sink};
use crate::record::Record;
use crate::retention::Retention;
use crate::tail::Tail;

/// Exchanges at rest. Clones are the same lake.
///
/// Questions read files and may take seconds: in async code ask them through [`Lake::ask`].
#[derive(Clone)]
pub struct Lake {
    pub(crate) shared: Arc<Shared>,
    journal: Journal,
}

/// The measures of the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeOptions {
    /// Those of the journal.
    pub journal: JournalOptions,
    /// How long exchanges are kept.
    pub retention: Retention,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LakeStats {
    /// Exchanges in the hot tail.
    pub tail_exchanges: u64,
    /// About how much memory the hot tail takes; compact when it grows too large.
    pub tail_bytes: u64,
    /// Exchanges whose records lack a head, so that nobody can be named as their actor.
    pub orphans: u64,
    /// Parquet files.
    pub files: u64,
    /// Exchanges in them.
    pub rows: u64,
    /// Their length in bytes.
    pub bytes: u64,
}

impl Lake {
    /// Opens the lake in `folder`, which is made when absent: one process at a time. Whatever a crash left behind is
    /// repaired; the report says what.
    pub fn open(folder: &Path, options: LakeOptions) -> Result<(Self, OpenReport), LakeError> {
        options.retention.check()?;
        let lock = journal::lock(folder)?;
        let (manifest, contents) = Manifest::open(folder)?;
        let files: Vec<_> = contents
            .files
            .into_values()
            .map(|meta| Arc::new(ColdFile::new(folder, meta)))
            .collect();
        let missing = tidy(folder, &files)?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            retention: options.retention,
            state: RwLock::new(State {
                tail: Tail::default(),
                files: Arc::new(files),
            }),
            manifest: Arc::new(Mutex::new(manifest)),
        });
        let sink = TailSink {
            shared: Arc::clone(&shared),
            live: false,
        };
        let through = contents.through;
        let (journal, mut report) =
            Journal::open_after(folder, lock, options.journal, through, Box::new(sink))?;
        report.manifest_torn = contents.torn;
        report.missing = missing;
        for path in &report.missing {
            tracing::error!(
                path,
                "a file of the lake is missing: questions about its time can't be answered"
            );
        }
        Ok((Self { shared, journal }, report))
    }

    /// Where records are appended.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Asks a question on a thread that may block.
    pub async fn ask<T, F>(&self, question: F) -> Result<T, LakeError>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, LakeError> + Send + 'static,
    {
        let lake = self.clone();
        tokio::task::spawn_blocking(move || question(&lake))
            .await
            .map_err(|_| LakeError::Interrupted)?
    }

    /// How much there is.
    pub fn stats(&self) -> LakeStats {
        let state = self.shared.read();
        LakeStats {
            tail_exchanges: state.tail.len() as u64,
            tail_bytes: state.tail.bytes() as u64,
            orphans: state.tail.orphans().len() as u64,
            files: state.files.len() as u64,
            rows: state.files.iter().map(|file| file.meta.rows).sum(),
            bytes: state.files.iter().map(|file| file.meta.bytes).sum(),
        }
    }

    /// The hash of the manifest's last line, which vouches for every file; the ledger keeps it.
    pub async fn manifest_head(&self) -> String {
        self.shared.manifest.lock().await.head.clone()
    }
}

pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) retention: Retention,
    state: RwLock<State>,
    /// Held through a compaction or a removal: one at a time.
    pub(crate) manifest: Arc<Mutex<Manifest>>,
}

/// What questions read. An exchange is in the tail or in a file, and moves from one to the other under the lock.
pub(crate) struct State {
    pub(crate) tail: Tail,
    pub(crate) files: Arc<Vec<Arc<ColdFile>>>,
}

impl State {
    /// The files that may hold exchanges of this time.
    pub(crate) fn files(&self, tenant: Option<&TenantId>, window: &Window) -> Vec<Arc<ColdFile>> {
        let wanted = |file: &&Arc<ColdFile>| {
            let meta = &file.meta;
            tenant.is_none_or(|tenant| meta.tenant == *tenant)
                && meta.from <= window.to
                && meta.to >= window.from
        };
        self.files.iter().filter(wanted).cloned().collect()
    }
}

impl Shared {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings what the journal has written into the hot tail.
struct TailSink {
    shared: Arc<Shared>,
    live: bool,
}

impl Sink for TailSink {
    fn committed(&mut self, segment: u64, records: Vec<Record>) -> usize {
        let mut state = self.shared.write();
        for record in records {
            state.tail.apply(segment, record, self.live);
        }
        state.tail.bytes()
    }

    fn replayed(&mut self) {
        self.live = true;
    }
}

/// Removes what an interrupted compaction or removal left: files that the manifest does not name. Tells which named
/// files are missing.
fn tidy(folder: &Path, files: &[Arc<ColdFile>]) -> Result<Vec<String>, LakeError> {
    let mut known: BTreeSet<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    known.extend(files.iter().map(|file| file.index_path()));
    let mut folders = vec![(folder.join("lake"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| LakeError::io("list", &folder, e))? {
            let entry = entry.map_err(|e| LakeError::io("list", &folder, e))?;
            let path = entry.path();
            let kind = entry
                .file_type()
                .map_err(|e| LakeError::io("look at", &path, e))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && depth < 2 && name.contains('=') {
                folders.push((path, depth + 1));
            } else if kind.is_file() && depth == 2 && !known.contains(&path) && ours(&name) {
                fs::remove_file(&path).map_err(|e| LakeError::io("remove", &path, e))?;
            }
        }
    }
    Ok(files
        .iter()
        .filter(|file| !file.path.is_file())
        .map(|file| file.meta.path.clone())
        .collect())
}

fn ours(name: &str) -> bool {
    name.starts_with("hour=")
        && (name.ends_with(".parquet") || name.ends_with(".subjects") || name.ends_with(".tmp"))
}
