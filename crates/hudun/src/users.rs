//! Accounts and sessions of the console, and sessions of the SCRM, in the store.

use std::sync::Arc;

use hudun_console::api::{NextStep, Role};
use hudun_console::{AccountRecord, SessionRecord, Stored, UserStore, UserStoreError};
use hudun_core::Timestamp;
use hudun_gateway::{Session, SessionStore};
use hudun_store::{Collection, Keyed, Store};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Changes of SCRM sessions that may wait to be written.
const WAITING: usize = 10_000;

#[derive(Clone, Serialize, Deserialize)]
struct StoredAccount {
    account: String,
    name: String,
    roles: Vec<Role>,
    password_hash: String,
    totp_secret: Option<String>,
    totp_pending: Option<String>,
    must_change: bool,
    disabled: bool,
    last_login: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredSession {
    hash: String,
    account: String,
    next: NextStep,
    began_at: Timestamp,
    seen_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredStep {
    account: String,
    step: u64,
}

impl Keyed for StoredAccount {
    const COLLECTION: &'static str = "console-account";

    fn id(&self) -> String {
        self.account.clone()
    }
}

impl Keyed for StoredSession {
    const COLLECTION: &'static str = "console-session";

    fn id(&self) -> String {
        self.hash.clone()
    }

    fn parent(&self) -> String {
        self.account.clone()
    }

    fn at(&self) -> i64 {
        self.began_at.as_millis()
    }
}

impl Keyed for StoredStep {
    const COLLECTION: &'static str = "console-totp-step";

    fn id(&self) -> String {
        self.account.clone()
    }
}

/// The console's accounts and sessions in the store.
pub struct StoreUsers {
    accounts: Collection<StoredAccount>,
    sessions: Collection<StoredSession>,
    steps: Collection<StoredStep>,
}

impl StoreUsers {
    /// Over the store.
    pub fn new(store: &Store) -> Self {
        Self {
            accounts: store.collection(),
            sessions: store.collection(),
            steps: store.collection(),
        }
    }
}

impl UserStore for StoreUsers {
    fn account<'a>(&'a self, account: &'a str) -> Stored<'a, Option<AccountRecord>> {
        Box::pin(async move {
            Ok(self
                .accounts
                .get(account)
                .await
                .map_err(failed)?
                .map(from_account))
        })
    }

    fn accounts(&self) -> Stored<'_, Vec<AccountRecord>> {
        Box::pin(async move {
            let mut all: Vec<_> = self
                .accounts
                .newest(10_000)
                .await
                .map_err(failed)?
                .into_iter()
                .map(from_account)
                .collect();
            all.sort_by(|one, other| one.account.cmp(&other.account));
            Ok(all)
        })
    }

    fn insert_account(&self, record: AccountRecord) -> Stored<'_, bool> {
        Box::pin(async move {
            self.accounts
                .insert(&to_account(record))
                .await
                .map_err(failed)
        })
    }

    fn update_account(&self, record: AccountRecord) -> Stored<'_, ()> {
        Box::pin(async move { self.accounts.put(&to_account(record)).await.map_err(failed) })
    }

    fn use_totp_step<'a>(&'a self, account: &'a str, step: u64) -> Stored<'a, bool> {
        Box::pin(async move {
            let first = StoredStep {
                account: account.to_owned(),
                step,
            };
            if self.steps.insert(&first).await.map_err(failed)? {
                return Ok(true);
            }
            let mut fresh = false;
            self.steps
                .update(account, |stored| {
                    fresh = step > stored.step;
                    stored.step = stored.step.max(step);
                })
                .await
                .map_err(failed)?;
            Ok(fresh)
        })
    }

    fn session(&self, hash: [u8; 32]) -> Stored<'_, Option<SessionRecord>> {
        Box::pin(async move {
            let found = self
                .sessions
                .get(&hex::encode(hash))
                .await
                .map_err(failed)?;
            Ok(found.map(|stored| SessionRecord {
                hash,
                account: stored.account,
                next: stored.next,
                began_at: stored.began_at,
                seen_at: stored.seen_at,
            }))
        })
    }

    fn put_session(&self, record: SessionRecord) -> Stored<'_, ()> {
        Box::pin(async move {
            let stored = StoredSession {
                hash: hex::encode(record.hash),
                account: record.account,
                next: record.next,
                began_at: record.began_at,
                seen_at: record.seen_at,
            };
            self.sessions.put(&stored).await.map_err(failed)
        })
    }

    fn drop_session(&self, hash: [u8; 32]) -> Stored<'_, ()> {
        Box::pin(async move {
            self.sessions
                .remove(&hex::encode(hash))
                .await
                .map(|_| ())
                .map_err(failed)
        })
    }

    fn drop_sessions_of<'a>(&'a self, account: &'a str, but: Option<[u8; 32]>) -> Stored<'a, ()> {
        Box::pin(async move {
            let kept = but.map(hex::encode);
            for session in self.sessions.of(account).await.map_err(failed)? {
                if Some(&session.hash) != kept.as_ref() {
                    self.sessions.remove(&session.hash).await.map_err(failed)?;
                }
            }
            Ok(())
        })
    }

    fn drop_sessions_before(&self, began: Timestamp) -> Stored<'_, ()> {
        Box::pin(async move {
            for session in self.sessions.newest(100_000).await.map_err(failed)? {
                if session.began_at < began {
                    self.sessions.remove(&session.hash).await.map_err(failed)?;
                }
            }
            Ok(())
        })
    }
}

fn from_account(stored: StoredAccount) -> AccountRecord {
    AccountRecord {
        account: stored.account,
        name: stored.name,
        roles: stored.roles,
        password_hash: stored.password_hash,
        totp_secret: stored.totp_secret,
        totp_pending: stored.totp_pending,
        must_change: stored.must_change,
        disabled: stored.disabled,
        last_login: stored.last_login,
    }
}

fn to_account(record: AccountRecord) -> StoredAccount {
    StoredAccount {
        account: record.account,
        name: record.name,
        roles: record.roles,
        password_hash: record.password_hash,
        totp_secret: record.totp_secret,
        totp_pending: record.totp_pending,
        must_change: record.must_change,
        disabled: record.disabled,
        last_login: record.last_login,
    }
}

fn failed(cause: hudun_store::StoreError) -> UserStoreError {
    UserStoreError(cause.to_string())
}

#[derive(Clone, Serialize, Deserialize)]
struct ScrmSession {
    key: String,
    session: Session,
}

impl Keyed for ScrmSession {
    const COLLECTION: &'static str = "scrm-session";

    fn id(&self) -> String {
        self.key.clone()
    }

    fn at(&self) -> i64 {
        self.session.since.map_or(0, Timestamp::as_millis)
    }
}

enum Change {
    Learned(String, Session),
    Ended(String),
}

/// Who is who at the SCRM, kept across restarts. Writing happens behind; a full queue only means that a session is
/// asked for again after a restart.
pub struct StoreSessions {
    known: Vec<(String, Session)>,
    changes: mpsc::Sender<Change>,
}

impl StoreSessions {
    /// Loads what was kept and starts the writer, which ends with the last handle.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn open(store: &Store) -> Result<Arc<Self>, hudun_store::StoreError> {
        let kept: Collection<ScrmSession> = store.collection();
        let known = kept
            .newest(100_000)
            .await?
            .into_iter()
            .map(|stored| (stored.key, stored.session))
            .collect();
        let (changes, mut todo) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Some(change) = todo.recv().await {
                let written = match change {
                    Change::Learned(key, session) => kept.put(&ScrmSession { key, session }).await,
                    Change::Ended(key) => kept.remove(&key).await.map(|_| ()),
                };
                if let Err(error) = written {
                    tracing::warn!(%error, "a session of the SCRM could not be kept; it will be asked for again");
                }
            }
        });
        Ok(Arc::new(Self { known, changes }))
    }
}

impl SessionStore for StoreSessions {
    fn load(&self) -> Vec<(String, Session)> {
        self.known.clone()
    }

    fn learned(&self, key: &str, session: &Session) {
        let _kept_at_next_sight = self
            .changes
            .try_send(Change::Learned(key.to_owned(), session.clone()));
    }

    fn ended(&self, key: &str) {
        let _refused_by_the_scrm_anyway = self.changes.try_send(Change::Ended(key.to_owned()));
    }
}
