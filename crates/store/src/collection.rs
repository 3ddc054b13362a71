//! Documents of one type.

use std::marker::PhantomData;

use hudun_core::{Finding, Incident, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{AnyPool, Row};

use crate::StoreError;

/// A type that can be stored in a collection of its own.
pub trait Keyed: Serialize + DeserializeOwned + Send + Sync {
    /// Name of the collection; never changes once released.
    const COLLECTION: &'static str;

    /// The document's id, unique in the collection.
    fn id(&self) -> String;

    /// What it belongs to (mostly a case), empty when to nothing.
    fn parent(&self) -> String {
        String::new()
    }

    /// Its time, milliseconds since the epoch, by which lists are ordered.
    fn at(&self) -> i64 {
        0
    }
}

impl Keyed for Incident {
    const COLLECTION: &'static str = "incident";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn at(&self) -> i64 {
        self.opened_at.as_millis()
    }
}

impl Keyed for Finding {
    const COLLECTION: &'static str = "finding";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

impl Keyed for Task {
    const COLLECTION: &'static str = "task";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.due_at.as_millis()
    }
}

/// Documents of one type, by id, by parent and by time.
#[derive(Clone, Debug)]
pub struct Collection<T> {
    pool: AnyPool,
    of: PhantomData<fn() -> T>,
}

impl<T: Keyed> Collection<T> {
    pub(crate) fn new(pool: AnyPool) -> Self {
        Self {
            pool,
            of: PhantomData,
        }
    }

    /// Writes the document, whether it was there or not.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn put(&self, document: &T) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO document (collection, id, parent, at, version, body) VALUES ($1, $2, $3, $4, 1, $5)
             ON CONFLICT (collection, id) DO UPDATE SET parent = excluded.parent, at = excluded.at,
                version = document.version + 1, body = excluded.body",
        )
        .bind(T::COLLECTION)
        .bind(document.id())
        .bind(document.parent())
        .bind(document.at())
        .bind(encode(document)?)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes the document only if its id is new. Returns whether it was.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn insert(&self, document: &T) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO document (collection, id, parent, at, version, body) VALUES ($1, $2, $3, $4, 1, $5)
             ON CONFLICT (collection, id) DO NOTHING",
        )
        .bind(T::COLLECTION)
        .bind(document.id())
        .bind(document.parent())
        .bind(document.at())
        .bind(encode(document)?)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Reads, changes and writes a document so that no change of somebody else is lost: on a conflict the change is
    /// made again on the newer document. Returns the new document, or `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Changed`] after eight conflicts, [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn update(
        &self,
        id: &str,
        mut change: impl FnMut(&mut T),
    ) -> Result<Option<T>, StoreError> {
        for _ in 0..8 {
            let row =
                sqlx::query("SELECT body, version FROM document WHERE collection = $1 AND id = $2")
                    .bind(T::COLLECTION)
                    .bind(id)
                    .fetch_optional(&self.pool)
                    .await?;
            let Some(row) = row else { return Ok(None) };
            let mut document: T = decode(id, &row.try_get::<String, _>(0)?)?;
            change(&mut document);
            let done = sqlx::query(
                "UPDATE document SET parent = $1, at = $2, version = version + 1, body = $3
                 WHERE collection = $4 AND id = $5 AND version = $6",
            )
            .bind(document.parent())
            .bind(document.at())
            .bind(encode(&document)?)
            .bind(T::COLLECTION)
            .bind(id)
            .bind(row.try_get::<i64, _>(1)?)
            .execute(&self.pool)
            .await?;
            if done.rows_affected() == 1 {
                return Ok(Some(document));
            }
        }
        Err(StoreError::Changed {
            collection: T::COLLECTION,
            id: id.to_owned(),
        })
    }

    /// One document.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn get(&self, id: &str) -> Result<Option<T>, StoreError> {
        let row = sqlx::query("SELECT body FROM document WHERE collection = $1 AND id = $2")
            .bind(T::COLLECTION)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| decode(id, &row.try_get::<String, _>(0)?))
            .transpose()
    }

    /// All documents of a parent, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn of(&self, parent: &str) -> Result<Vec<T>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, body FROM document WHERE collection = $1 AND parent = $2 ORDER BY at, id LIMIT 10000",
        )
        .bind(T::COLLECTION)
        .bind(parent)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| decode(&row.try_get::<String, _>(0)?, &row.try_get::<String, _>(1)?))
            .collect()
    }

    /// The newest documents, newest first.
    ///
    /// # Errors
    /// [`StoreError::Sql`], [`StoreError::Unreadable`].
    pub async fn newest(&self, limit: u32) -> Result<Vec<T>, StoreError> {
        let rows = sqlx::query("SELECT id, body FROM document WHERE collection = $1 ORDER BY at DESC, id DESC LIMIT $2")
            .bind(T::COLLECTION)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| decode(&row.try_get::<String, _>(0)?, &row.try_get::<String, _>(1)?))
            .collect()
    }

    /// How many documents a parent has.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn count(&self, parent: &str) -> Result<u64, StoreError> {
        let row =
            sqlx::query("SELECT count(*) FROM document WHERE collection = $1 AND parent = $2")
                .bind(T::COLLECTION)
                .bind(parent)
                .fetch_one(&self.pool)
                .await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
    }

    /// Removes a document. Returns whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM document WHERE collection = $1 AND id = $2")
            .bind(T::COLLECTION)
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}

fn encode<T: Keyed>(document: &T) -> Result<String, StoreError> {
    serde_json::to_string(document).map_err(|cause| StoreError::Unreadable {
        collection: T::COLLECTION,
        id: document.id(),
        cause,
    })
}

fn decode<T: Keyed>(id: &str, body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|cause| StoreError::Unreadable {
        collection: T::COLLECTION,
        id: id.to_owned(),
        cause,
    })
}
