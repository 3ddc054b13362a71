//! The three holes that `vulnerable` opens, for drills. This is the whole of them: each is one function here, each does
//! nothing when the switch is off, and none reaches beyond the tenant or writes.
//!
//! | hole | function | where it is used |
//! | --- | --- | --- |
//! | broken object-level authorisation | [`Drill::skip_owner_check`] | one customer: API and page |
//! | SQL injection | [`Drill::search_by_concatenated_sql`] | customer search of the API |
//! | export without approval | [`Drill::export_unchecked`] | export: ask and fetch |

use std::collections::BTreeMap;

use sqlx::{
    AssertSqlSafe, Connection, QueryBuilder, Row, SqliteConnection, SqlitePool,
    sqlite::SqliteConnectOptions,
};
use tokio::sync::Mutex;

use crate::{
    error::ApiError,
    http::Actor,
    policy::{Grant, Reach, Role},
};

/// The switch.
pub(crate) struct Drill {
    on: bool,
    db: SqlitePool,
    copies: Mutex<BTreeMap<i64, SearchCopy>>,
}

impl Drill {
    pub(crate) fn new(on: bool, db: SqlitePool) -> Self {
        Self {
            on,
            db,
            copies: Mutex::default(),
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// VULNERABLE (BOLA): a grant for one customer forgets whose customer it is. The tenant stays.
    pub(crate) const fn skip_owner_check(&self, grant: Grant) -> Grant {
        if self.on {
            Grant {
                reach: Reach::Tenant,
                ..grant
            }
        } else {
            grant
        }
    }

    /// VULNERABLE: sales export the whole tenant, and nobody has to approve. True when that applies.
    pub(crate) fn export_unchecked(&self, actor: &Actor) -> bool {
        self.on && actor.role == Role::Sales
    }

    /// VULNERABLE (SQL injection): the search term becomes part of the SQL text. Gives the ids that the query found, or
    /// nothing when the switch is off.
    ///
    /// `' OR '1'='1` finds every customer of the tenant. The damage is bounded by what the query runs on: a copy in
    /// memory that holds this tenant's ids, owners and search words, and nothing else. One statement, no writing, and a
    /// budget of work.
    pub(crate) async fn search_by_concatenated_sql(
        &self,
        grant: Grant,
        indexed: &[String],
        search: &str,
    ) -> Result<Option<Vec<i64>>, ApiError> {
        if !self.on || search.is_empty() {
            return Ok(None);
        }
        if search.contains(';') || search.contains('\0') {
            return Err(ApiError::invalid(
                "search",
                "搜索词里不能有分号",
                "a search has no semicolon",
            ));
        }
        let owner = match grant.reach {
            Reach::Own(staff) => format!("c.owner_id = {staff}"),
            Reach::Department(department) => format!("c.department = {department}"),
            Reach::Tickets(_) => return Ok(None),
            Reach::Tenant => "1".into(),
        };
        // The blind indexes are our own base64 text; only `search` comes from outside, and it is not escaped.
        let words = indexed
            .iter()
            .map(|token| format!("'{token}'"))
            .collect::<Vec<_>>()
            .join(", ");
        let sql = format!(
            "SELECT id FROM customer c WHERE {owner} AND {count} > 0 AND {count} =
                 (SELECT count(*) FROM customer_token k WHERE k.customer_id = c.id AND k.token IN ({words}))
             UNION
             SELECT c.id FROM customer c JOIN customer_token k ON k.customer_id = c.id
             WHERE {owner} AND k.token = '{search}'
             ORDER BY 1",
            count = indexed.len(),
        );
        let mut copies = self.copies.lock().await;
        let connection = self.fresh_copy(&mut copies, grant.tenant).await?;
        let mut left: u32 = WORK_BUDGET;
        connection
            .lock_handle()
            .await?
            .set_progress_handler(10_000, move || {
                left = left.saturating_sub(1);
                left > 0
            });
        let rows = sqlx::query(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_all(connection)
            .await
            .map_err(|error| {
                ApiError::invalid("search", "搜索语句出错", format!("SQL error: {error}"))
            })?;
        Ok(Some(
            rows.iter().filter_map(|row| row.try_get(0).ok()).collect(),
        ))
    }

    /// The tenant's copy, made anew when its customers have changed since.
    async fn fresh_copy<'a>(
        &self,
        copies: &'a mut BTreeMap<i64, SearchCopy>,
        tenant: i64,
    ) -> Result<&'a mut SqliteConnection, ApiError> {
        let as_of: (i64, Option<i64>) = sqlx::query_as(
            "SELECT count(*), max(updated_at) FROM customer WHERE tenant_id = ?1 AND canary = 0",
        )
        .bind(tenant)
        .fetch_one(&self.db)
        .await?;
        if copies.get(&tenant).is_none_or(|copy| copy.as_of != as_of) {
            let connection = self.copy_of_tenant(tenant).await?;
            copies.insert(tenant, SearchCopy { as_of, connection });
        }
        let copy = copies
            .get_mut(&tenant)
            .ok_or_else(|| ApiError::Internal("no search copy".into()))?;
        Ok(&mut copy.connection)
    }

    /// A database in memory with what one tenant's search needs.
    async fn copy_of_tenant(&self, tenant: i64) -> Result<SqliteConnection, ApiError> {
        let mut copy =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().in_memory(true)).await?;
        sqlx::raw_sql(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, owner_id INTEGER, department INTEGER, stage TEXT, tags TEXT);
             CREATE TABLE customer_token (customer_id INTEGER, token TEXT);",
        )
        .execute(&mut copy)
        .await?;
        let customers: Vec<(i64, i64, i64, String, String)> = sqlx::query_as(
            "SELECT id, owner_id, department, stage, tags FROM customer WHERE tenant_id = ?1 AND canary = 0",
        )
        .bind(tenant)
        .fetch_all(&self.db)
        .await?;
        let tokens: Vec<(i64, String)> =
            sqlx::query_as("SELECT customer_id, token FROM customer_token WHERE tenant_id = ?1")
                .bind(tenant)
                .fetch_all(&self.db)
                .await?;
        let mut fill = copy.begin().await?;
        for some in customers.chunks(500) {
            let mut insert = QueryBuilder::new("INSERT INTO customer ");
            insert.push_values(some, |mut row, (id, owner, department, stage, tags)| {
                row.push_bind(id)
                    .push_bind(owner)
                    .push_bind(department)
                    .push_bind(stage)
                    .push_bind(tags);
            });
            insert.build().execute(&mut *fill).await?;
        }
        for some in tokens.chunks(2_000) {
            let mut insert = QueryBuilder::new("INSERT INTO customer_token ");
            insert.push_values(some, |mut row, (id, token)| {
                row.push_bind(id).push_bind(token);
            });
            insert.build().execute(&mut *fill).await?;
        }
        fill.commit().await?;
        sqlx::raw_sql(
            "CREATE INDEX by_token ON customer_token (token, customer_id);
             CREATE INDEX by_customer ON customer_token (customer_id);
             PRAGMA query_only = 1;",
        )
        .execute(&mut copy)
        .await?;
        Ok(copy)
    }
}

/// What the injectable search runs on, and the state of the customers that it was copied from.
struct SearchCopy {
    as_of: (i64, Option<i64>),
    connection: SqliteConnection,
}

/// Times 10,000 SQLite steps: about a second.
const WORK_BUDGET: u32 = 5_000;
