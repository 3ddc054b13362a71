//! Opening the database and bringing it to the newest schema.

use std::path::Path;

use sqlx::AnyPool;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};

use crate::{Collection, Keyed, Outbox, Policies, RunJournal};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Which database engine holds the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in the data folder.
    Sqlite,
    /// A server shared by many machines.
    Postgres,
}

/// The open database. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: AnyPool,
    backend: Backend,
}

impl Store {
    /// Opens the SQLite file, and creates it when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file can't be opened or written, [`StoreError::Migrate`] when its schema is newer
    /// than this program.
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        let url = format!("sqlite://{}?mode=rwc", path.display());
        // SQLite takes one writer at a time. One connection queues fairly; several would wait for each other by sleeping.
        Self::connect(&url, Backend::Sqlite, 1).await
    }

    /// A database that lives as long as the value; for tests and examples.
    ///
    /// # Errors
    /// As [`Store::open_file`].
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::connect("sqlite::memory:", Backend::Sqlite, 1).await
    }

    /// Opens what the URL names: `sqlite://PATH` or `postgres://…`.
    ///
    /// # Errors
    /// As [`Store::open_file`]; [`StoreError::Scheme`] for any other URL.
    pub async fn open_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::connect(url, Backend::Postgres, 16).await;
        }
        match url.strip_prefix("sqlite://") {
            Some(path) => Self::open_file(Path::new(path)).await,
            None => Err(StoreError::Scheme(url.chars().take(40).collect())),
        }
    }

    async fn connect(url: &str, backend: Backend, connections: u32) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            // A connection of an in-memory database must not be recycled: its data would be gone.
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if backend == Backend::Sqlite {
                        for pragma in [
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = FULL",
                            "PRAGMA busy_timeout = 10000",
                            "PRAGMA foreign_keys = ON",
                        ] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect(url)
            .await
            .map_err(StoreError::Open)?;
        MIGRATIONS.run(&pool).await.map_err(StoreError::Migrate)?;
        Ok(Self { pool, backend })
    }

    /// Which engine this is.
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The collection of a type.
    pub fn collection<T: Keyed>(&self) -> Collection<T> {
        Collection::new(self.pool.clone())
    }

    /// Revisions of the policy.
    pub fn policies(&self) -> Policies {
        Policies::new(self.pool.clone(), self.backend)
    }

    /// Journal of playbook runs.
    pub fn run_journal(&self) -> RunJournal {
        RunJournal::new(self.pool.clone())
    }

    /// Messages waiting to go out.
    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.pool.clone())
    }

    /// Waits for work in progress and closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// What can go wrong with state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no engine that we know.
    #[error("{0:?} names no database; write sqlite://PATH or postgres://USER@HOST/NAME")]
    Scheme(String),
    /// The database could not be opened.
    #[error(
        "the database could not be opened: {0}; check that the folder is writable or the server runs"
    )]
    Open(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error(
        "the database's schema does not fit this program: {0}; was it written by a newer version?"
    )]
    Migrate(#[source] MigrateError),
    /// A statement failed.
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// A stored document is not what its type says.
    #[error("{collection} {id}: stored document is unreadable: {cause}")]
    Unreadable {
        /// Its collection.
        collection: &'static str,
        /// Its id.
        id: String,
        /// What serde said.
        cause: serde_json::Error,
    },
    /// Somebody else changed the document since it was read.
    #[error("{collection} {id} was changed by somebody else; read it again")]
    Changed {
        /// Its collection.
        collection: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody else made this revision first.
    #[error("policy revision {0} was made by somebody else; read the newest and try again")]
    RevisionTaken(u64),
    /// The lease of a run went to another worker.
    #[error("run {0} is led by another worker now")]
    LeaseLost(String),
}
