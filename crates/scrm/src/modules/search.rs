//! How customers are found: sealed fields by blind index, tags and stage in clear.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{error::ApiError, modules::customer::Filter, vault::Vault};

/// Adds the tag and stage filters.
pub(crate) fn keep_to(sql: &mut QueryBuilder<Sqlite>, tenant: i64, filter: &Filter) {
    if !filter.tag.is_empty() {
        sql.push(" AND c.id IN (SELECT customer_id FROM customer_token WHERE tenant_id = ")
            .push_bind(tenant)
            .push(" AND token = ")
            .push_bind(filter.tag.clone())
            .push(")");
    }
    if !filter.stage.is_empty() {
        sql.push(" AND c.stage = ").push_bind(filter.stage.clone());
    }
}

/// Adds the search: all pairs of a name, or the mobile, or a tag or stage in clear.
pub(crate) fn keep_to_search(
    sql: &mut QueryBuilder<Sqlite>,
    tenant: i64,
    term: &str,
    indexed: &[String],
) {
    if term.is_empty() {
        return;
    }
    sql.push(" AND (c.id IN (SELECT customer_id FROM customer_token WHERE tenant_id = ")
        .push_bind(tenant);
    sql.push(" AND token IN (");
    let mut list = sql.separated(", ");
    for token in indexed {
        list.push_bind(token.clone());
    }
    sql.push(") GROUP BY customer_id HAVING count(*) = ")
        .push_bind(i64::try_from(indexed.len()).unwrap_or(i64::MAX));
    sql.push(") OR c.id IN (SELECT customer_id FROM customer_token WHERE tenant_id = ")
        .push_bind(tenant);
    sql.push(" AND token = ")
        .push_bind(term.to_owned())
        .push("))");
}

/// The blind indexes that a search term asks for.
pub(crate) fn search_tokens(vault: &Vault, tenant: i64, term: &str) -> Vec<String> {
    if term.len() == 11 && term.bytes().all(|b| b.is_ascii_digit()) {
        vault.mobile_token(tenant, term).into_iter().collect()
    } else {
        vault.name_tokens(tenant, term)
    }
}

/// The words by which a customer is found: blind for name and mobile, clear for tags and stage.
pub(crate) fn words(
    vault: &Vault,
    tenant: i64,
    name: &str,
    mobile: &str,
    tags: &str,
    stage: &str,
) -> Vec<String> {
    let mut words = vault.name_tokens(tenant, name);
    words.extend(vault.surname_token(tenant, name));
    words.extend(vault.mobile_token(tenant, mobile));
    words.extend(tags.split('|').filter(|t| !t.is_empty()).map(String::from));
    words.push(stage.into());
    words.sort();
    words.dedup();
    words
}

/// Writes the words of one customer anew.
pub(crate) async fn index(
    vault: &Vault,
    work: &mut SqliteConnection,
    tenant: i64,
    id: i64,
    name: &str,
    mobile: &str,
) -> Result<(), ApiError> {
    sqlx::query("DELETE FROM customer_token WHERE customer_id = ?1")
        .bind(id)
        .execute(&mut *work)
        .await?;
    let (tags, stage): (String, String) =
        sqlx::query_as("SELECT tags, stage FROM customer WHERE id = ?1")
            .bind(id)
            .fetch_one(&mut *work)
            .await?;
    for word in words(vault, tenant, name, mobile, &tags, &stage) {
        sqlx::query(
            "INSERT INTO customer_token (tenant_id, token, customer_id) VALUES (?1, ?2, ?3)",
        )
        .bind(tenant)
        .bind(word)
        .bind(id)
        .execute(&mut *work)
        .await?;
    }
    Ok(())
}
