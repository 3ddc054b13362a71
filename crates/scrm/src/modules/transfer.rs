//! 离职继承: the customers of someone who leaves go to a colleague. The leaver's sessions end first.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body},
    policy::{Action, Reach, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/transfer", get(list).post(create))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::Transfer)?;
    actor.note("transfer.list", Vec::new());
    let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as(
        "SELECT r.id, a.account, b.account, r.customers, r.created_at FROM transfer r
         JOIN staff a ON a.id = r.from_id JOIN staff b ON b.id = r.to_id
         WHERE r.tenant_id = ?1 AND a.department = ?2 ORDER BY r.id DESC LIMIT 100",
    )
    .bind(grant.tenant)
    .bind(actor.department)
    .fetch_all(&app.db)
    .await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(id, from, to, customers, at)| {
            json!({"id": id, "from": from, "to": to, "customers": customers, "created_at": clock::text(at)})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    from: String,
    to: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::Transfer)?;
    actor.note("transfer.create", Vec::new());
    let Reach::Department(department) = grant.reach else {
        return Err(ApiError::Forbidden);
    };
    let mut work = app.db.begin_with("BEGIN IMMEDIATE").await?;
    let mut pair = Vec::with_capacity(2);
    for (field, account) in [("from", &ask.from), ("to", &ask.to)] {
        let staff: Option<i64> = sqlx::query_scalar(
            "SELECT id FROM staff WHERE account = ?1 AND tenant_id = ?2 AND department = ?3 AND role = 'sales'
             AND (?4 OR disabled_at IS NULL)",
        )
        .bind(account)
        .bind(grant.tenant)
        .bind(department)
        .bind(field == "from")
        .fetch_optional(&mut *work)
        .await?;
        pair.push(staff.ok_or_else(|| {
            ApiError::invalid(
                field,
                "本部门没有这位销售",
                "no such sales in your department",
            )
        })?);
    }
    let [from, to] = pair[..] else {
        return Err(ApiError::Internal("transfer without two sides".into()));
    };
    if from == to {
        return Err(ApiError::invalid(
            "to",
            "不能移交给本人",
            "is the same person",
        ));
    }
    let now = clock::now();
    sqlx::query("UPDATE session SET ended_at = ?1 WHERE staff_id = ?2 AND ended_at IS NULL")
        .bind(now)
        .bind(from)
        .execute(&mut *work)
        .await?;
    let moved: Vec<i64> = sqlx::query_scalar(
        "UPDATE customer SET owner_id = ?1, updated_at = ?2 WHERE tenant_id = ?3 AND owner_id = ?4 AND canary = 0 RETURNING id",
    )
    .bind(to)
    .bind(now)
    .bind(grant.tenant)
    .bind(from)
    .fetch_all(&mut *work)
    .await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO transfer (tenant_id, from_id, to_id, customers, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
    )
    .bind(grant.tenant)
    .bind(from)
    .bind(to)
    .bind(moved.len() as i64)
    .bind(actor.staff)
    .bind(now)
    .fetch_one(&mut *work)
    .await?;
    work.commit().await?;
    let customers = moved.len();
    let items: Vec<Value> = moved
        .iter()
        .map(|customer| json!({"customer_id": customer}))
        .collect();
    actor.note("transfer.create", moved);
    Ok((
        StatusCode::CREATED,
        Json(json!({"id": id, "customers": customers, "items": items})),
    ))
}
