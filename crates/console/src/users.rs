//! Where accounts and sessions of the console are kept: a trait, and an implementation in memory for tests.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hudun_console_api::{NextStep, Role};
use hudun_core::{BoxFuture, Timestamp};

/// An account with its secrets. It does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The account, lower case.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// The authenticator's secret, base32, once confirmed.
    pub totp_secret: Option<String>,
    /// The secret that waits for its first six digits.
    pub totp_pending: Option<String>,
    /// Whether the password was for one use.
    pub must_change: bool,
    /// Whether it is shut.
    pub disabled: bool,
    /// Last finished log-in.
    pub last_login: Option<Timestamp>,
}

impl fmt::Debug for AccountRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRecord")
            .field("account", &self.account)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// A session. Its token is known to the browser alone; here stands the token's SHA-256.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Whose it is.
    pub account: String,
    /// What the log-in still needs.
    pub next: NextStep,
    /// When it began.
    pub began_at: Timestamp,
    /// Last request.
    pub seen_at: Timestamp,
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("account", &self.account)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The store did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the account store: {0}")]
pub struct UserStoreError(pub String);

/// What a store call comes to.
pub type Stored<'a, T> = BoxFuture<'a, Result<T, UserStoreError>>;

/// Accounts and sessions at rest.
pub trait UserStore: Send + Sync + 'static {
    /// An account.
    fn account<'a>(&'a self, account: &'a str) -> Stored<'a, Option<AccountRecord>>;

    /// Every account, sorted.
    fn accounts(&self) -> Stored<'_, Vec<AccountRecord>>;

    /// Writes a new account; `false` when it exists already, and then nothing is changed.
    fn insert_account(&self, record: AccountRecord) -> Stored<'_, bool>;

    /// Overwrites an account.
    fn update_account(&self, record: AccountRecord) -> Stored<'_, ()>;

    /// Marks an authenticator's time step as used, in one atomic statement; `false` when this step or a later one had
    /// been used before.
    fn use_totp_step<'a>(&'a self, account: &'a str, step: u64) -> Stored<'a, bool>;

    /// A session.
    fn session(&self, hash: [u8; 32]) -> Stored<'_, Option<SessionRecord>>;

    /// Writes a session, new or changed.
    fn put_session(&self, record: SessionRecord) -> Stored<'_, ()>;

    /// Forgets a session.
    fn drop_session(&self, hash: [u8; 32]) -> Stored<'_, ()>;

    /// Forgets every session of an account but this one.
    fn drop_sessions_of<'a>(&'a self, account: &'a str, but: Option<[u8; 32]>) -> Stored<'a, ()>;

    /// Forgets every session that began before this moment. Called now and then.
    fn drop_sessions_before(&self, began: Timestamp) -> Stored<'_, ()>;
}

/// Accounts and sessions that end with the process.
#[derive(Default)]
pub struct MemoryUsers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<String, AccountRecord>,
    steps: HashMap<String, u64>,
    sessions: HashMap<[u8; 32], SessionRecord>,
}

impl MemoryUsers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Stored<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl UserStore for MemoryUsers {
    fn account<'a>(&'a self, account: &'a str) -> Stored<'a, Option<AccountRecord>> {
        ready(self.state().accounts.get(account).cloned())
    }

    fn accounts(&self) -> Stored<'_, Vec<AccountRecord>> {
        let mut all: Vec<_> = self.state().accounts.values().cloned().collect();
        all.sort_by(|a, b| a.account.cmp(&b.account));
        ready(all)
    }

    fn insert_account(&self, record: AccountRecord) -> Stored<'_, bool> {
        let mut state = self.state();
        let new = !state.accounts.contains_key(&record.account);
        if new {
            state.accounts.insert(record.account.clone(), record);
        }
        ready(new)
    }

    fn update_account(&self, record: AccountRecord) -> Stored<'_, ()> {
        self.state().accounts.insert(record.account.clone(), record);
        ready(())
    }

    fn use_totp_step<'a>(&'a self, account: &'a str, step: u64) -> Stored<'a, bool> {
        let mut state = self.state();
        let fresh = state.steps.get(account).is_none_or(|&last| step > last);
        if fresh {
            state.steps.insert(account.to_owned(), step);
        }
        ready(fresh)
    }

    fn session(&self, hash: [u8; 32]) -> Stored<'_, Option<SessionRecord>> {
        ready(self.state().sessions.get(&hash).cloned())
    }

    fn put_session(&self, record: SessionRecord) -> Stored<'_, ()> {
        self.state().sessions.insert(record.hash, record);
        ready(())
    }

    fn drop_session(&self, hash: [u8; 32]) -> Stored<'_, ()> {
        self.state().sessions.remove(&hash);
        ready(())
    }

    fn drop_sessions_of<'a>(&'a self, account: &'a str, but: Option<[u8; 32]>) -> Stored<'a, ()> {
        self.state()
            .sessions
            .retain(|hash, session| session.account != account || Some(*hash) == but);
        ready(())
    }

    fn drop_sessions_before(&self, began: Timestamp) -> Stored<'_, ()> {
        self.state()
            .sessions
            .retain(|_, session| session.began_at >= began);
        ready(())
    }
}
