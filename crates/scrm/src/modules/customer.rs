//! Customers: list and search, one customer with timeline, add, change.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    app::{App, Inner},
    clock,
    error::ApiError,
    http::{Actor, Body, Id, Page, Params},
    modules::search::{index, keep_to, keep_to_search, search_tokens},
    policy::{Action, Grant, decide, mask},
    vault::{Slot, Vault},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/customer", get(list).post(create))
        .route("/api/customer/{id}", get(detail).patch(change))
        .route("/api/customer/{id}/timeline", get(timeline))
}

/// A customer as the API and the pages show it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Customer {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) mobile: String,
    pub(crate) email: Option<String>,
    pub(crate) gender: String,
    pub(crate) birthday: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) external_userid: Option<String>,
    pub(crate) unionid: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) owner: String,
    pub(crate) owner_name: String,
    pub(crate) stage: String,
    pub(crate) remark: Option<String>,
    /// Only in the detail view, and only when the firm has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resident_id: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

/// A page of anything.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) page: i64,
    pub(crate) size: i64,
    pub(crate) total: i64,
}

/// What a list of customers is narrowed by.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filter {
    pub(crate) search: String,
    pub(crate) tag: String,
    pub(crate) stage: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Params(filter): Params<Filter>,
    Params(page): Params<Page>,
) -> Result<Json<Listed<Customer>>, ApiError> {
    let grant = decide(&actor, Action::CustomerRead)?;
    actor.note("customer.list", Vec::new());
    let term = filter.search.trim();
    let indexed = search_tokens(&app.vault, grant.tenant, term);
    let found = app
        .drill
        .search_by_concatenated_sql(grant, &indexed, term)
        .await?;
    let listed = search(&app, grant, &filter, page, found).await?;
    actor.note("customer.list", listed.items.iter().map(|c| c.id).collect());
    Ok(Json(listed))
}

/// The customers inside `grant` that fit the filter, newest ids last. `found` is what a drill's search found instead.
pub(crate) async fn search(
    app: &Inner,
    grant: Grant,
    filter: &Filter,
    page: Page,
    found: Option<Vec<i64>>,
) -> Result<Listed<Customer>, ApiError> {
    let term = filter.search.trim();
    if term.chars().count() > MOST_SEARCH {
        return Err(ApiError::invalid(
            "search",
            "搜索词太长",
            "the search is too long",
        ));
    }
    let indexed = search_tokens(&app.vault, grant.tenant, term);
    let grant = if found.is_some() {
        app.drill.skip_owner_check(grant)
    } else {
        grant
    };
    let narrow = |sql: &mut QueryBuilder<Sqlite>| {
        grant.keep_inside(sql);
        keep_to(sql, grant.tenant, filter);
        match &found {
            Some(ids) => {
                let ids = serde_json::to_string(ids).unwrap_or_default();
                sql.push(" AND c.id IN (SELECT value FROM json_each(")
                    .push_bind(ids)
                    .push("))");
            }
            None => keep_to_search(sql, grant.tenant, term, &indexed),
        }
    };
    let mut count = QueryBuilder::new("SELECT count(*) FROM customer c WHERE 1");
    narrow(&mut count);
    let total = count.build_query_scalar().fetch_one(&app.db).await?;
    let mut rows = QueryBuilder::new(SELECT);
    narrow(&mut rows);
    rows.push(" ORDER BY c.id LIMIT ")
        .push_bind(page.size())
        .push(" OFFSET ")
        .push_bind(page.offset());
    let rows = rows.build().fetch_all(&app.db).await?;
    let items = rows
        .iter()
        .map(|row| read(&app.vault, grant, row, false))
        .collect::<Result<_, _>>()?;
    Ok(Listed {
        items,
        page: page.number(),
        size: page.size(),
        total,
    })
}

async fn detail(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
) -> Result<Json<Customer>, ApiError> {
    let customer = one(&app, &actor, id).await?;
    actor.note("customer.read", vec![id]);
    Ok(Json(customer))
}

/// One customer, if this person may see it.
pub(crate) async fn one(app: &Inner, actor: &Actor, id: i64) -> Result<Customer, ApiError> {
    actor.note("customer.read", Vec::new());
    let grant = app
        .drill
        .skip_owner_check(decide(actor, Action::CustomerRead)?);
    find(app, grant, id).await
}

/// One customer inside `grant`, with the fields that lists leave out.
pub(crate) async fn find(app: &Inner, grant: Grant, id: i64) -> Result<Customer, ApiError> {
    let mut sql = QueryBuilder::new(SELECT);
    sql.push(" AND c.id = ").push_bind(id);
    grant.keep_inside(&mut sql);
    let row = sql.build().fetch_one(&app.db).await?;
    read(&app.vault, grant, &row, true)
}

/// Whether the customer is inside `grant`; else *not found*, so that ids tell nothing.
pub(crate) async fn require(app: &Inner, grant: Grant, id: i64) -> Result<(), ApiError> {
    let mut sql = QueryBuilder::new("SELECT c.id FROM customer c WHERE c.id = ");
    sql.push_bind(id);
    grant.keep_inside(&mut sql);
    sql.build().fetch_one(&app.db).await?;
    Ok(())
}

/// What can be written. Everything else in a body is refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Draft {
    pub(crate) name: Option<String>,
    pub(crate) mobile: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) gender: Option<String>,
    pub(crate) birthday: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) remark: Option<String>,
    pub(crate) stage: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<Customer>), ApiError> {
    let grant = decide(&actor, Action::CustomerWrite)?;
    actor.note("customer.create", Vec::new());
    check(&draft)?;
    let (Some(name), Some(mobile)) = (&draft.name, &draft.mobile) else {
        let missing = if draft.name.is_none() {
            "name"
        } else {
            "mobile"
        };
        return Err(ApiError::invalid(missing, "必填", "is required"));
    };
    let now = clock::now();
    let mut work = app.db.begin_with("BEGIN IMMEDIATE").await?;
    // The id is part of what each field is sealed with, so the row comes first.
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO customer (tenant_id, owner_id, department, stage, gender, name, mobile, created_at, updated_at)
         VALUES (?1, ?2, ?3, '新客', 'unknown', x'', x'', ?4, ?4) RETURNING id",
    )
    .bind(grant.tenant)
    .bind(actor.staff)
    .bind(actor.department)
    .bind(now)
    .fetch_one(&mut *work)
    .await?;
    write(&app.vault, &mut work, grant.tenant, id, &draft).await?;
    index(&app.vault, &mut work, grant.tenant, id, name, mobile).await?;
    work.commit().await?;
    actor.note("customer.create", vec![id]);
    Ok((StatusCode::CREATED, Json(find(&app, grant, id).await?)))
}

async fn change(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Body(draft): Body<Draft>,
) -> Result<Json<Customer>, ApiError> {
    let grant = decide(&actor, Action::CustomerWrite)?;
    actor.note("customer.change", Vec::new());
    check(&draft)?;
    require(&app, grant, id).await?;
    let mut work = app.db.begin_with("BEGIN IMMEDIATE").await?;
    write(&app.vault, &mut work, grant.tenant, id, &draft).await?;
    let row = sqlx::query("SELECT name, mobile FROM customer WHERE id = ?1")
        .bind(id)
        .fetch_one(&mut *work)
        .await?;
    let name = opened(&app.vault, grant.tenant, id, &row, "name")?.unwrap_or_default();
    let mobile = opened(&app.vault, grant.tenant, id, &row, "mobile")?.unwrap_or_default();
    index(&app.vault, &mut work, grant.tenant, id, &name, &mobile).await?;
    work.commit().await?;
    actor.note("customer.change", vec![id]);
    Ok(Json(find(&app, grant, id).await?))
}

async fn timeline(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::CustomerRead)?;
    actor.note("customer.timeline", Vec::new());
    require(&app, grant, id).await?;
    let rows: Vec<(String, i64, String, i64)> = sqlx::query_as(
        "SELECT 'follow', id, kind, created_at FROM follow_up WHERE tenant_id = ?1 AND customer_id = ?2
         UNION ALL SELECT 'order', id, state, created_at FROM sales_order WHERE tenant_id = ?1 AND customer_id = ?2
         UNION ALL SELECT 'ticket', id, title, created_at FROM ticket WHERE tenant_id = ?1 AND customer_id = ?2
         ORDER BY 4 DESC LIMIT 100",
    )
    .bind(grant.tenant)
    .bind(id)
    .fetch_all(&app.db)
    .await?;
    actor.note("customer.timeline", vec![id]);
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(kind, id, what, at)| json!({"kind": kind, "id": id, "what": what, "at": clock::text(at)}))
        .collect();
    Ok(Json(json!({"customer_id": id, "items": items})))
}

/// The columns that [`read`] reads. The owner may have left: their account stays.
pub(crate) const SELECT: &str = "SELECT c.*, s.account AS owner, s.display_name AS owner_name
     FROM customer c JOIN staff s ON s.id = c.owner_id WHERE 1";

/// Opens a row, masked unless the grant shows clear values.
pub(crate) fn read(
    vault: &Vault,
    grant: Grant,
    row: &SqliteRow,
    detail: bool,
) -> Result<Customer, ApiError> {
    let id: i64 = row.try_get("id")?;
    let show = |field, hide: fn(&str) -> String| -> Result<Option<String>, ApiError> {
        let value = opened(vault, grant.tenant, id, row, field)?;
        Ok(if grant.clear {
            value
        } else {
            value.map(|text| hide(&text))
        })
    };
    let tags: String = row.try_get("tags")?;
    Ok(Customer {
        id,
        name: show("name", mask::name)?.unwrap_or_default(),
        mobile: show("mobile", mask::mobile)?.unwrap_or_default(),
        email: show("email", mask::email)?,
        gender: row.try_get("gender")?,
        birthday: show("birthday", mask::id)?,
        address: show("address", mask::address)?,
        external_userid: show("external_userid", mask::id)?,
        unionid: show("unionid", mask::id)?,
        tags: tags
            .split('|')
            .filter(|t| !t.is_empty())
            .map(String::from)
            .collect(),
        owner: row.try_get("owner")?,
        owner_name: row.try_get("owner_name")?,
        stage: row.try_get("stage")?,
        remark: show("remark", mask::id)?,
        resident_id: if detail {
            show("resident_id", mask::id)?
        } else {
            None
        },
        created_at: clock::text(row.try_get("created_at")?),
        updated_at: clock::text(row.try_get("updated_at")?),
    })
}

/// A sealed column of a customer row.
fn opened(
    vault: &Vault,
    tenant: i64,
    id: i64,
    row: &SqliteRow,
    field: &'static str,
) -> Result<Option<String>, ApiError> {
    let value: Option<&[u8]> = row.try_get(field)?;
    value
        .map(|value| {
            vault.open_value(
                Slot {
                    tenant,
                    table: TABLE,
                    id,
                    field,
                },
                value,
            )
        })
        .transpose()
}

async fn write(
    vault: &Vault,
    work: &mut SqliteConnection,
    tenant: i64,
    id: i64,
    draft: &Draft,
) -> Result<(), ApiError> {
    let seal = |field, value: &Option<String>| {
        let sealed = value.as_ref().map(|text| {
            vault.seal(
                Slot {
                    tenant,
                    table: TABLE,
                    id,
                    field,
                },
                text.trim(),
            )
        });
        sealed
            .transpose()
            .map_err(|e| ApiError::Internal(e.to_string()))
    };
    let tags = draft.tags.as_ref().map(|tags| tags.join("|"));
    sqlx::query(
        "UPDATE customer SET name = coalesce(?1, name), mobile = coalesce(?2, mobile), email = coalesce(?3, email),
             birthday = coalesce(?4, birthday), address = coalesce(?5, address), remark = coalesce(?6, remark),
             gender = coalesce(?7, gender), stage = coalesce(?8, stage), tags = coalesce(?9, tags), updated_at = ?10
         WHERE id = ?11 AND tenant_id = ?12",
    )
    .bind(seal("name", &draft.name)?)
    .bind(seal("mobile", &draft.mobile)?)
    .bind(seal("email", &draft.email)?)
    .bind(seal("birthday", &draft.birthday)?)
    .bind(seal("address", &draft.address)?)
    .bind(seal("remark", &draft.remark)?)
    .bind(&draft.gender)
    .bind(&draft.stage)
    .bind(tags)
    .bind(clock::now())
    .bind(id)
    .bind(tenant)
    .execute(work)
    .await?;
    Ok(())
}

fn check(draft: &Draft) -> Result<(), ApiError> {
    let texts = [
        ("name", &draft.name, 40),
        ("email", &draft.email, 200),
        ("birthday", &draft.birthday, 10),
        ("address", &draft.address, 200),
        ("remark", &draft.remark, 1_000),
        ("stage", &draft.stage, 20),
    ];
    for (field, text, most) in texts {
        if text
            .as_ref()
            .is_some_and(|t| t.trim().is_empty() || t.chars().count() > most)
        {
            return Err(ApiError::invalid(
                field,
                format!("要有 1 到 {most} 个字符"),
                format!("has 1 to {most} characters"),
            ));
        }
    }
    if draft.mobile.as_ref().is_some_and(|m| !is_mobile(m.trim())) {
        return Err(ApiError::invalid(
            "mobile",
            "应为 11 位手机号",
            "a mobile number has 11 digits and begins with 1",
        ));
    }
    if draft
        .gender
        .as_ref()
        .is_some_and(|g| !["female", "male", "unknown"].contains(&g.as_str()))
    {
        return Err(ApiError::invalid(
            "gender",
            "应为 female、male 或 unknown",
            "is female, male or unknown",
        ));
    }
    if draft.tags.as_ref().is_some_and(|tags| {
        tags.len() > 20
            || tags.iter().any(|t| {
                t.is_empty() || t.chars().count() > 20 || t.contains('|') || t.contains(':')
            })
    }) {
        return Err(ApiError::invalid(
            "tags",
            "最多 20 个标签，每个 1 到 20 字",
            "at most 20 tags of 1 to 20 characters",
        ));
    }
    Ok(())
}

fn is_mobile(text: &str) -> bool {
    text.len() == 11 && text.starts_with('1') && text.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) const TABLE: &str = "customer";
const MOST_SEARCH: usize = 200;
