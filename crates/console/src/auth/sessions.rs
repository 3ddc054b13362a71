//! Sessions: a random token in the browser, its hash at rest, an idle and an absolute end.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hudun_console_api::{Caller, NextStep};
use hudun_core::Timestamp;
use sha2::{Digest, Sha256};

use crate::users::{AccountRecord, SessionRecord, UserStore, UserStoreError};

/// How often a session in use is written back.
const TOUCH_MS: i64 = 60_000;

/// Who made a request.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) record: SessionRecord,
    pub(crate) account: AccountRecord,
}

impl Session {
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            account: self.account.account.clone(),
            name: self.account.name.clone(),
            roles: self.account.roles.clone(),
        }
    }
}

/// Opens, finds and ends sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(crate) store: Arc<dyn UserStore>,
    pub(crate) idle_ms: i64,
    pub(crate) absolute_ms: i64,
}

impl Sessions {
    /// Opens a session and returns its token, which is kept nowhere here.
    pub(crate) async fn open(
        &self,
        account: &str,
        next: NextStep,
        now: Timestamp,
    ) -> Result<String, UserStoreError> {
        let token: [u8; 32] = rand::random();
        let token = URL_SAFE_NO_PAD.encode(token);
        let record = SessionRecord {
            hash: hash(&token),
            account: account.to_owned(),
            next,
            began_at: now,
            seen_at: now,
        };
        self.store.put_session(record).await?;
        self.store
            .drop_sessions_before(now.plus_millis(-self.absolute_ms))
            .await?;
        Ok(token)
    }

    /// The session of a token, unless it ended, its account is shut or gone.
    pub(crate) async fn find(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, UserStoreError> {
        if token.len() != 43 {
            return Ok(None);
        }
        let Some(mut record) = self.store.session(hash(token)).await? else {
            return Ok(None);
        };
        let ended = now.millis_since(record.began_at) >= self.absolute_ms
            || now.millis_since(record.seen_at) >= self.idle_ms;
        let account = self
            .store
            .account(&record.account)
            .await?
            .filter(|account| !account.disabled);
        let Some(account) = account.filter(|_| !ended) else {
            self.store.drop_session(record.hash).await?;
            return Ok(None);
        };
        if now.millis_since(record.seen_at) >= TOUCH_MS {
            record.seen_at = now;
            self.store.put_session(record.clone()).await?;
        }
        Ok(Some(Session { record, account }))
    }

    /// Whether a session still stands, without counting as use of it.
    pub(crate) async fn stands(
        &self,
        session: &SessionRecord,
        now: Timestamp,
    ) -> Result<bool, UserStoreError> {
        let Some(record) = self.store.session(session.hash).await? else {
            return Ok(false);
        };
        let account = self.store.account(&record.account).await?;
        Ok(now.millis_since(record.began_at) < self.absolute_ms
            && now.millis_since(record.seen_at) < self.idle_ms
            && account.is_some_and(|account| !account.disabled))
    }

    /// The last moment of a session that is used all the time.
    pub(crate) fn ends_at(&self, session: &SessionRecord) -> Timestamp {
        session.began_at.plus_millis(self.absolute_ms)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
