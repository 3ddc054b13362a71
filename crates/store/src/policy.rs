//! Revisions of the policy: each is written once and never changed.

use hudun_core::Policy;
use sqlx::{AnyPool, Row};

use crate::{Backend, StoreError};

/// Channel on which PostgreSQL tells gateways that there is a new revision.
const CHANNEL: &str = "hudun_policy";

/// Every revision of the policy.
#[derive(Clone, Debug)]
pub struct Policies {
    pool: AnyPool,
    backend: Backend,
}

impl Policies {
    pub(crate) const fn new(pool: AnyPool, backend: Backend) -> Self {
        Self { pool, backend }
    }

    /// Writes a new revision. Two writers can't make the same one: the second is refused.
    ///
    /// # Errors
    /// [`StoreError::RevisionTaken`], [`StoreError::Sql`].
    pub async fn append(&self, policy: &Policy) -> Result<(), StoreError> {
        let body =
            serde_json::to_string(policy).map_err(|cause| unreadable(policy.revision, cause))?;
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(
            "INSERT INTO policy (revision, at, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(policy.revision.cast_signed())
        .bind(policy.at.as_millis())
        .bind(body)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::RevisionTaken(policy.revision));
        }
        if self.backend == Backend::Postgres {
            sqlx::query("SELECT 1 FROM (SELECT pg_notify($1, $2)) AS sent")
                .bind(CHANNEL)
                .bind(policy.revision.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The newest revision, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn newest(&self) -> Result<Option<Policy>, StoreError> {
        let row = sqlx::query("SELECT revision, body FROM policy ORDER BY revision DESC LIMIT 1")
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// One revision.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn get(&self, revision: u64) -> Result<Option<Policy>, StoreError> {
        let row = sqlx::query("SELECT revision, body FROM policy WHERE revision = $1")
            .bind(revision.cast_signed())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(decode).transpose()
    }

    /// The newest revisions, newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn history(&self, limit: u32) -> Result<Vec<Policy>, StoreError> {
        let rows = sqlx::query("SELECT revision, body FROM policy ORDER BY revision DESC LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(decode).collect()
    }
}

fn decode(row: &sqlx::any::AnyRow) -> Result<Policy, StoreError> {
    let revision: i64 = row.try_get(0)?;
    let body: String = row.try_get(1)?;
    serde_json::from_str(&body).map_err(|cause| unreadable(revision.cast_unsigned(), cause))
}

fn unreadable(revision: u64, cause: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        collection: "policy",
        id: revision.to_string(),
        cause,
    }
}
