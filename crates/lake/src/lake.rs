//! The lake: hot tail and Parquet files as one, and the questions asked of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hudun_core::{Exchange, ExchangeId, Scope, ScopeQuestion};

use crate::error::LakeError;
use crate::journal::{self, Journal, JournalOptions, OpenReport, Sink};
use crate::record::Record;
use crate::scope::ScopeBuilder;
use crate::tail::Tail;

/// Exchanges at rest. Clones are the same lake.
///
/// Questions read files and may take seconds: in async code ask them through [`Lake::ask`].
#[derive(Clone)]
pub struct Lake {
    pub(crate) shared: Arc<Shared>,
    journal: Journal,
}

pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    state: RwLock<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) tail: Tail,
}

/// The measures of the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeOptions {
    /// Those of the journal.
    pub journal: JournalOptions,
}

impl Lake {
    /// Opens the lake in `folder`, which is made when absent: one process at a time.
    pub fn open(folder: &Path, options: LakeOptions) -> Result<(Self, OpenReport), LakeError> {
        let lock = journal::lock(folder)?;
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            state: RwLock::default(),
        });
        let sink = TailSink {
            shared: Arc::clone(&shared),
            live: false,
        };
        let (journal, report) =
            Journal::open_after(folder, lock, options.journal, 0, Box::new(sink))?;
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

    /// These exchanges, as far as the lake has them, in no particular order.
    pub fn fetch(&self, ids: &[ExchangeId]) -> Result<Vec<Arc<Exchange>>, LakeError> {
        let state = self.shared.read();
        Ok(ids
            .iter()
            .filter_map(|&id| state.tail.get(id).cloned())
            .collect())
    }

    /// Whose data left to this source.
    pub fn scope(&self, question: &ScopeQuestion) -> Result<Scope, LakeError> {
        let mut builder = ScopeBuilder::new(question);
        let matching = self.shared.read().tail.of_source(&question.source);
        for exchange in &matching {
            builder.take(exchange);
        }
        if builder.wants_aliases() {
            let state = self.shared.read();
            for exchange in state.tail.all() {
                builder.learn_from(exchange);
            }
        }
        Ok(builder.finish())
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
    fn committed(&mut self, segment: u64, records: Vec<Record>) {
        let mut state = self.shared.write();
        for record in records {
            state.tail.apply(segment, record, self.live);
        }
    }

    fn replayed(&mut self) {
        self.live = true;
    }
}
