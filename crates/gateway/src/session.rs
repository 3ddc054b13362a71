//! Who a session belongs to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use hudun_core::{AccountId, Role, TenantId, Timestamp};
use hudun_profile::Identity;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Most sessions that are remembered.
const MOST: usize = 200_000;
/// How long a session that the SCRM did not know is not asked for again, in milliseconds.
const UNKNOWN_FOR: i64 = 5_000;

/// A session or token that the gateway knows, under its keyed name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The account.
    pub account: AccountId,
    /// Its role.
    pub role: Option<Role>,
    /// Its tenant.
    pub tenant: Option<TenantId>,
    /// When it began; `None` when the gateway did not see the log-in.
    pub since: Option<Timestamp>,
}

/// Where sessions outlive a restart. Calls must not block for long: the binary writes behind.
pub trait SessionStore: Send + Sync {
    /// Every session that was kept.
    fn load(&self) -> Vec<(String, Session)>;
    /// A session was learned or changed.
    fn learned(&self, key: &str, session: &Session);
    /// A session ended.
    fn ended(&self, key: &str);
}

/// Keeps nothing: after a restart the gateway asks the SCRM's `me` end point, or waits for the next log-in.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForgetSessions;

impl SessionStore for ForgetSessions {
    fn load(&self) -> Vec<(String, Session)> {
        Vec::new()
    }

    fn learned(&self, _: &str, _: &Session) {}

    fn ended(&self, _: &str) {}
}

/// The sessions that the gateway knows.
pub(crate) struct Sessions {
    table: Mutex<HashMap<String, Entry>>,
    store: Arc<dyn SessionStore>,
    mac: Hmac<Sha256>,
}

struct Entry {
    known: Option<Session>,
    seen: Timestamp,
}

/// What the table says about a credential.
pub(crate) enum Known {
    /// It belongs to somebody.
    Session(Session),
    /// The SCRM did not know it a moment ago.
    Nobody,
    /// Never seen.
    Never,
}

impl Sessions {
    pub(crate) fn new(key: &[u8; 32], store: Arc<dyn SessionStore>) -> Self {
        let now = Timestamp::now();
        let table = store
            .load()
            .into_iter()
            .take(MOST)
            .map(|(key, session)| {
                let known = Some(session);
                (key, Entry { known, seen: now })
            })
            .collect();
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        Self {
            table: Mutex::new(table),
            store,
            mac: Hmac::<Sha256>::new(&block.into()),
        }
    }

    /// The keyed name of a credential; equal after a restart, meaningless without the key.
    pub(crate) fn name(&self, what: &str, secret: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(secret.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..16])
    }

    pub(crate) fn find(&self, key: &str, now: Timestamp) -> Known {
        let mut table = self.lock();
        let Some(entry) = table.get_mut(key) else {
            return Known::Never;
        };
        match &entry.known {
            Some(session) => {
                entry.seen = now;
                Known::Session(session.clone())
            }
            None if now.millis_since(entry.seen) < UNKNOWN_FOR => Known::Nobody,
            None => Known::Never,
        }
    }

    /// Remembers who a credential belongs to. The value counts sessions that were forgotten for it.
    pub(crate) fn learn(
        &self,
        key: &str,
        identity: &Identity,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> usize {
        let Some(account) = identity.account.clone() else {
            return 0;
        };
        let session = Session {
            account,
            role: identity.role.clone(),
            tenant: identity.tenant.clone(),
            since,
        };
        self.store.learned(key, &session);
        self.put(key, Some(session), now)
    }

    /// Remembers for a moment that the SCRM does not know a credential.
    pub(crate) fn unknown(&self, key: &str, now: Timestamp) -> usize {
        self.put(key, None, now)
    }

    pub(crate) fn end(&self, key: &str) {
        let ended = self.lock().remove(key);
        if ended.is_some_and(|entry| entry.known.is_some()) {
            self.store.ended(key);
        }
    }

    fn put(&self, key: &str, known: Option<Session>, now: Timestamp) -> usize {
        let mut table = self.lock();
        let forgotten = if table.len() >= MOST && !table.contains_key(key) {
            forget(&mut table)
        } else {
            0
        };
        table.insert(key.to_owned(), Entry { known, seen: now });
        forgotten
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what nobody is known for, then the tenth that was not seen for longest.
fn forget(table: &mut HashMap<String, Entry>) -> usize {
    table.retain(|_, entry| entry.known.is_some());
    if table.len() < MOST {
        return 0;
    }
    let before = table.len();
    let mut ages: Vec<Timestamp> = table.values().map(|entry| entry.seen).collect();
    let (_, &mut oldest, _) = ages.select_nth_unstable(MOST / 10);
    table.retain(|_, entry| entry.seen > oldest);
    before - table.len()
}
