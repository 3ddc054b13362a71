//! Messages waiting to go out: written with what caused them, sent at least once, each under a key of its own.

use sqlx::{AnyPool, Row};

use crate::StoreError;

/// Where a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// Not yet sent, or to be tried again.
    Waiting,
    /// The channel took it.
    Sent,
    /// Given up after the last try.
    Failed,
    /// Stopped by a person.
    Stopped,
    /// A try has begun; nothing has been handed to the channel yet.
    Trying,
    /// The channel is being handed the letter; until its answer is written, nobody can tell whether it took it.
    Handing,
    /// A try was cut off; whether the channel took it, nobody can tell. A person decides.
    Unknown,
    /// The channel took it, and says that it arrived.
    Delivered,
    /// The channel took it, and says that it did not arrive.
    Undelivered,
}

impl LetterState {
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Trying => "trying",
            Self::Handing => "handing",
            Self::Unknown => "unknown",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "sent" => Self::Sent,
            "failed" => Self::Failed,
            "stopped" => Self::Stopped,
            "trying" => Self::Trying,
            "handing" => Self::Handing,
            "unknown" => Self::Unknown,
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            _ => Self::Waiting,
        }
    }
}

/// One message to one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Unique; a second letter under the same key is not written, so nobody is told twice.
    pub dedupe: String,
    /// `smtp`, `webhook`, ….
    pub channel: String,
    /// The channel's own form of the message, as JSON.
    pub body: String,
    /// Where it stands.
    pub state: LetterState,
    /// Tries so far.
    pub attempts: u32,
    /// When to try next, milliseconds since the epoch.
    pub due_at: i64,
    /// What the channel said last, empty when nothing.
    pub last_error: String,
}

/// The letters.
#[derive(Clone, Debug)]
pub struct Outbox {
    pool: AnyPool,
}

impl Outbox {
    pub(crate) const fn new(pool: AnyPool) -> Self {
        Self { pool }
    }

    /// Puts a letter in, unless its key is known. Returns whether it was new.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn post(
        &self,
        dedupe: &str,
        channel: &str,
        body: &str,
        due_at: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO outbox (dedupe, channel, body, state, attempts, due_at, last_error)
             VALUES ($1, $2, $3, 'waiting', 0, $4, '') ON CONFLICT (dedupe) DO NOTHING",
        )
        .bind(dedupe)
        .bind(channel)
        .bind(body)
        .bind(due_at)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Puts letters in, all or none, but for those whose key is known. Each is (key, channel, body). Returns how many
    /// were new.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; nothing is put in then.
    pub async fn post_all(
        &self,
        letters: &[(String, &str, String)],
        due_at: i64,
    ) -> Result<u64, StoreError> {
        let mut new = 0;
        let mut transaction = self.pool.begin().await?;
        for (dedupe, channel, body) in letters {
            let done = sqlx::query(
                "INSERT INTO outbox (dedupe, channel, body, state, attempts, due_at, last_error)
                 VALUES ($1, $2, $3, 'waiting', 0, $4, '') ON CONFLICT (dedupe) DO NOTHING",
            )
            .bind(dedupe.as_str())
            .bind(*channel)
            .bind(body.as_str())
            .bind(due_at)
            .execute(&mut *transaction)
            .await?;
            new += done.rows_affected();
        }
        transaction.commit().await?;
        Ok(new)
    }

    /// Puts letters of a stopped notice out again, all or none: those that are stopped wait anew with what they say now.
    /// With `new`, those whose key is not known are put in too; all others stay as they are. Returns how many wait.
    ///
    /// # Errors
    /// [`StoreError::Sql`]; nothing is changed then.
    pub async fn resume_all(
        &self,
        letters: &[(String, &str, String)],
        new: bool,
        due_at: i64,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        let mut transaction = self.pool.begin().await?;
        for (dedupe, channel, body) in letters {
            let query = if new {
                sqlx::query(
                    "INSERT INTO outbox (dedupe, channel, body, state, attempts, due_at, last_error)
                     VALUES ($1, $2, $3, 'waiting', 0, $4, '') ON CONFLICT (dedupe) DO NOTHING",
                )
            } else {
                sqlx::query(
                    "UPDATE outbox SET channel = $2, body = $3, state = 'waiting', attempts = 0, due_at = $4,
                     last_error = '' WHERE dedupe = $1 AND state = 'stopped'",
                )
            };
            let done = query
                .bind(dedupe.as_str())
                .bind(*channel)
                .bind(body.as_str())
                .bind(due_at)
                .execute(&mut *transaction)
                .await?;
            changed += done.rows_affected();
        }
        transaction.commit().await?;
        Ok(changed)
    }

    /// The letters due at `now`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn due(&self, now: i64, limit: u32) -> Result<Vec<Letter>, StoreError> {
        let rows = sqlx::query(
            "SELECT dedupe, channel, body, state, attempts, due_at, last_error FROM outbox
             WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, dedupe LIMIT $2",
        )
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(letter).collect()
    }

    /// As [`Self::due`], only letters of one channel: a channel with very many must not hold up the others.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn due_on(
        &self,
        channel: &str,
        now: i64,
        limit: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        let rows = sqlx::query(
            "SELECT dedupe, channel, body, state, attempts, due_at, last_error FROM outbox
             WHERE state = 'waiting' AND due_at <= $1 AND channel = $2 ORDER BY due_at, dedupe LIMIT $3",
        )
        .bind(now)
        .bind(channel)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(letter).collect()
    }

    /// As [`Self::due`], only letters whose key begins so: what must not wait behind many others.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn due_under(
        &self,
        prefix: &str,
        now: i64,
        limit: u32,
    ) -> Result<Vec<Letter>, StoreError> {
        let rows = sqlx::query(
            "SELECT dedupe, channel, body, state, attempts, due_at, last_error FROM outbox
             WHERE state = 'waiting' AND due_at <= $1 AND substr(dedupe, 1, $2) = $3
             ORDER BY due_at, dedupe LIMIT $4",
        )
        .bind(now)
        .bind(length(prefix))
        .bind(prefix)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(letter).collect()
    }

    /// Removes the letters whose key begins so and that have ended, keys included. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn forget(&self, prefix: &str) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM outbox WHERE substr(dedupe, 1, $1) = $2
             AND state IN ('sent', 'failed', 'stopped', 'unknown', 'delivered', 'undelivered')",
        )
        .bind(length(prefix))
        .bind(prefix)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// One letter by its key.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn get(&self, dedupe: &str) -> Result<Option<Letter>, StoreError> {
        let row = sqlx::query(
            "SELECT dedupe, channel, body, state, attempts, due_at, last_error FROM outbox WHERE dedupe = $1",
        )
        .bind(dedupe)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(letter).transpose()
    }

    /// Begins a try. Returns false when somebody else has it, or it was stopped in between.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn begin(&self, dedupe: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = 'trying' WHERE dedupe = $1 AND state = 'waiting'",
        )
        .bind(dedupe)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes down that the channel is about to be handed a letter whose try has begun. Returns false when it was
    /// stopped in between.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn hand(&self, dedupe: &str) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = 'handing' WHERE dedupe = $1 AND state = 'trying'",
        )
        .bind(dedupe)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The keys of at most `limit` letters whose key begins so and whose outcome nobody can tell.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn unknown(&self, prefix: &str, limit: u32) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT dedupe FROM outbox WHERE state = 'unknown' AND substr(dedupe, 1, $1) = $2
             ORDER BY dedupe LIMIT $3",
        )
        .bind(length(prefix))
        .bind(prefix)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// A person decides on a letter whose outcome nobody could tell: it goes out again at `due_at`, or it counts as
    /// taken and what it said is forgotten. Returns false when its outcome is not unknown.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn decide(&self, dedupe: &str, again_at: Option<i64>) -> Result<bool, StoreError> {
        let query = match again_at {
            Some(due_at) => sqlx::query(
                "UPDATE outbox SET state = 'waiting', attempts = 0, due_at = $1
                 WHERE dedupe = $2 AND state = 'unknown'",
            )
            .bind(due_at),
            None => sqlx::query(
                "UPDATE outbox SET state = 'sent', body = '', last_error = $1
                 WHERE dedupe = $2 AND state = 'unknown'",
            )
            .bind("a person found that it was taken"),
        };
        let done = query.bind(dedupe).execute(&self.pool).await?;
        Ok(done.rows_affected() == 1)
    }

    /// The channel reports whether a letter that it took has arrived; what it said and to whom is forgotten. Of a letter
    /// whose outcome nobody could tell, it proves that the channel took it. Returns false for a letter that it can't have.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn report(
        &self,
        dedupe: &str,
        delivered: bool,
        said: &str,
    ) -> Result<bool, StoreError> {
        let state = if delivered {
            LetterState::Delivered
        } else {
            LetterState::Undelivered
        };
        let done = sqlx::query(
            "UPDATE outbox SET state = $1, body = '', last_error = $2
             WHERE dedupe = $3 AND state IN ('sent', 'unknown', 'undelivered')",
        )
        .bind(state.name())
        .bind(said)
        .bind(dedupe)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The keys of at most `limit` letters whose key begins so and lies behind `after`, that this channel did not take or that
    /// were given up, in their order.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn failed(
        &self,
        prefix: &str,
        channel: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT dedupe FROM outbox WHERE state = 'failed' AND substr(dedupe, 1, $1) = $2
             AND channel = $3 AND dedupe > $4 ORDER BY dedupe LIMIT $5",
        )
        .bind(length(prefix))
        .bind(prefix)
        .bind(channel)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// A letter that one channel could not deliver goes out by another one, at `due_at`, with what it says there. Returns
    /// false when that channel has neither refused it nor given it back.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn redirect(
        &self,
        dedupe: &str,
        from: &str,
        channel: &str,
        body: &str,
        due_at: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET channel = $1, body = $2, state = 'waiting', attempts = 0, due_at = $3
             WHERE dedupe = $4 AND channel = $5 AND state IN ('undelivered', 'failed')",
        )
        .bind(channel)
        .bind(body)
        .bind(due_at)
        .bind(dedupe)
        .bind(from)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a letter for good and forgets what it said and to whom.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn close(
        &self,
        dedupe: &str,
        state: LetterState,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = $1, attempts = attempts + 1, body = '', last_error = $2 WHERE dedupe = $3",
        )
        .bind(state.name())
        .bind(error)
        .bind(dedupe)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Stops every waiting letter whose key begins so, and forgets what they said. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn stop(&self, prefix: &str) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = 'stopped', body = ''
             WHERE state = 'waiting' AND substr(dedupe, 1, $1) = $2",
        )
        .bind(length(prefix))
        .bind(prefix)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Letters that a crash left in state `from`: those whose key begins so become `to`.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn recover(
        &self,
        prefix: &str,
        from: LetterState,
        to: LetterState,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = $1 WHERE state = $2 AND substr(dedupe, 1, $3) = $4",
        )
        .bind(to.name())
        .bind(from.name())
        .bind(length(prefix))
        .bind(prefix)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// How many letters whose key begins so stand in each state.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn tally(&self, prefix: &str) -> Result<Vec<(LetterState, u64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT state, count(*) FROM outbox WHERE substr(dedupe, 1, $1) = $2 GROUP BY state",
        )
        .bind(length(prefix))
        .bind(prefix)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let count = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
                Ok((LetterState::named(&row.try_get::<String, _>(0)?), count))
            })
            .collect()
    }

    /// Writes how a try ended.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn settle(
        &self,
        dedupe: &str,
        state: LetterState,
        next_due_at: i64,
        error: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = $1, attempts = attempts + 1, due_at = $2, last_error = $3 WHERE dedupe = $4",
        )
        .bind(state.name())
        .bind(next_due_at)
        .bind(error)
        .bind(dedupe)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Characters of a key's beginning. PostgreSQL's `substr` takes no larger number.
fn length(prefix: &str) -> i32 {
    i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX)
}

fn letter(row: &sqlx::any::AnyRow) -> Result<Letter, StoreError> {
    Ok(Letter {
        dedupe: row.try_get(0)?,
        channel: row.try_get(1)?,
        body: row.try_get(2)?,
        state: LetterState::named(&row.try_get::<String, _>(3)?),
        attempts: u32::try_from(row.try_get::<i64, _>(4)?).unwrap_or(u32::MAX),
        due_at: row.try_get(5)?,
        last_error: row.try_get(6)?,
    })
}
