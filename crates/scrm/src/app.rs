//! Opening, serving and stopping.

use std::{
    fs::{self, File, TryLockError},
    future::Future,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    SqlSafeStr, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{
    audit::AuditLog,
    clock,
    directory::Directory,
    error::Error,
    http::router,
    modules::token,
    seed::{self, SeedPlan, SeedProgress},
    throttle::Throttle,
    vault::Vault,
    vulnerable::Drill,
};

/// How to open the SCRM.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where database, keys and audit log live. Made when absent.
    pub data_dir: PathBuf,
    /// Opens the three holes that drills attack. Never for real data.
    pub vulnerable: bool,
    /// Synthetic data to fill an empty data folder with. A folder that holds data is left as it is.
    pub seed: Option<SeedPlan>,
    /// Proxies, besides loopback, whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Config {
    /// The safe defaults: not vulnerable, no seed, only loopback trusted.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            vulnerable: false,
            seed: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// An opened SCRM. The data folder stays locked until it is dropped or has been served to the end.
pub struct Scrm {
    app: App,
}

impl Scrm {
    /// Opens the data folder, brings the schema up to date and seeds it when it is empty and a plan is given.
    ///
    /// # Errors
    /// A folder that can't be written or is in use, a key file that others can read, a database that fails.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::open_with_progress(config, |_| {}).await
    }

    /// Like [`open`](Self::open); tells `progress` how far the seeding is.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with_progress(
        config: Config,
        progress: impl FnMut(SeedProgress) + Send,
    ) -> Result<Self, Error> {
        let dir = &config.data_dir;
        fs::create_dir_all(dir).map_err(|source| Error::Io {
            path: dir.clone(),
            source,
        })?;
        let lock = lock(&dir.join("scrm.lock"))?;
        seed::discard_unfinished(dir)?;
        let db = connect(&dir.join(DATABASE)).await?;
        migrations().run(&db).await?;
        let keys = dir.join("keys.json");
        let vault = match &config.seed {
            Some(plan) => seed::fill_if_empty(plan, &db, &keys, dir, progress).await?,
            None => Vault::open(&keys, &tenants(&db).await?)?,
        };
        let audit = AuditLog::open(&dir.join("audit.jsonl"))?;
        let inner = Inner {
            drill: Drill::new(config.vulnerable, db.clone()),
            db,
            vault,
            audit,
            throttle: Throttle::default(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            trusted_proxies: config.trusted_proxies,
            lock,
        };
        Ok(Self {
            app: Arc::new(inner),
        })
    }

    /// Serves HTTP until `shutdown` is ready, lets running requests finish for at most ten seconds, and closes the data.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        if self.app.drill.is_on() {
            tracing::warn!(
                "THIS SCRM IS VULNERABLE ON PURPOSE (drill): any customer of the tenant can be read, the search takes SQL, \
                 sales export without approval. Never put real data into it."
            );
        }
        let (ask, asked) = tokio::sync::watch::channel(());
        let app = self.app;
        let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            shutdown.await;
            drop(ask);
        });
        let deadline = async {
            let mut asked = asked;
            // The sender sends nothing: `changed` returns when it is dropped, that is when the stop was asked for.
            let _ = asked.changed().await;
            tokio::time::sleep(GRACE).await;
        };
        let outcome = tokio::select! {
            outcome = server => outcome,
            () = deadline => {
                tracing::warn!("requests were still running ten seconds after the stop was asked for; their connections are cut");
                Ok(())
            }
        };
        app.db.close().await;
        // A connection that was cut short may keep its share of the app for a while; the folder is free now.
        app.lock.unlock().map_err(|source| Error::Io {
            path: "scrm.lock".into(),
            source,
        })?;
        outcome.map_err(|source| Error::Io {
            path: "listener".into(),
            source,
        })
    }

    /// The way to the addresses of customers, while the SCRM is open.
    pub fn directory(&self) -> Directory {
        Directory::new(&self.app)
    }

    /// Makes an API token for the integration account `hudun@TENANT`. It is shown this once; the database keeps a hash.
    ///
    /// # Errors
    /// No such tenant, or the database fails.
    pub async fn issue_integration_token(
        &self,
        tenant: &str,
        label: &str,
    ) -> Result<String, Error> {
        let account = format!("hudun@{tenant}");
        let staff: Option<i64> =
            sqlx::query_scalar("SELECT id FROM staff WHERE account = ?1 AND role = 'integration' AND disabled_at IS NULL")
                .bind(&account)
                .fetch_optional(&self.app.db)
                .await?;
        let staff = staff.ok_or(Error::Unknown {
            what: "integration account",
            name: account,
        })?;
        Ok(token::issue(&self.app.db, staff, label, clock::now()).await?)
    }
}

/// What every handler shares.
pub(crate) type App = Arc<Inner>;

pub(crate) struct Inner {
    pub(crate) db: SqlitePool,
    pub(crate) vault: Vault,
    pub(crate) audit: AuditLog,
    pub(crate) drill: Drill,
    pub(crate) throttle: Throttle,
    /// Argon2 takes 19 MiB and a core: log-ins beyond this many wait.
    pub(crate) hashing: Semaphore,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    lock: File,
}

fn lock(path: &Path) -> Result<File, Error> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

async fn connect(path: &Path) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-16000");
    Ok(SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await?)
}

/// Steps that bring a database up to date. A step that has been released is never edited: add the next one.
fn migrations() -> Migrator {
    let base = include_str!("../migrations/0001_base.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "base".into(),
        MigrationType::Simple,
        base,
        false,
    )])
}

async fn tenants(db: &SqlitePool) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar("SELECT id FROM tenant ORDER BY id")
        .fetch_all(db)
        .await?)
}

/// File name of the database in the data folder.
pub(crate) const DATABASE: &str = "scrm.db";
const CONNECTIONS: u32 = 6;
const HASHES_AT_ONCE: usize = 2;
const GRACE: Duration = Duration::from_secs(10);
