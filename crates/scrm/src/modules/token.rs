//! API tokens of the integration account. An administrator makes and ends them; the database keeps hashes.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{delete, get},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Row, SqlitePool};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body, Id, TOKEN_PREFIX},
    policy::{Action, decide},
    vault,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/admin/token", get(list).post(create))
        .route("/api/admin/token/{id}", delete(end))
}

/// Makes a token for a staff row and gives its text, this once.
pub(crate) async fn issue(
    db: &SqlitePool,
    staff: i64,
    label: &str,
    now: i64,
) -> Result<String, sqlx::Error> {
    let (secret, hash) = vault::new_secret();
    sqlx::query(
        "INSERT INTO api_token (hash, staff_id, label, created_at) VALUES (?1, ?2, ?3, ?4)",
    )
    .bind(hash)
    .bind(staff)
    .bind(label)
    .bind(now)
    .execute(db)
    .await?;
    Ok(format!("{TOKEN_PREFIX}{secret}"))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::StaffWrite)?;
    actor.note("token.list", Vec::new());
    let rows = sqlx::query(
        "SELECT k.id, s.account, k.label, k.created_at, k.seen_at, k.ended_at
         FROM api_token k JOIN staff s ON s.id = k.staff_id WHERE s.tenant_id = ?1 ORDER BY k.id",
    )
    .bind(grant.tenant)
    .fetch_all(&app.db)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(json!({
            "id": row.try_get::<i64, _>("id")?,
            "account": row.try_get::<String, _>("account")?,
            "label": row.try_get::<String, _>("label")?,
            "created_at": clock::text(row.try_get("created_at")?),
            "seen_at": row.try_get::<Option<i64>, _>("seen_at")?.map(clock::text),
            "ended_at": row.try_get::<Option<i64>, _>("ended_at")?.map(clock::text),
        }));
    }
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
struct Create {
    account: String,
    label: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::StaffWrite)?;
    actor.note("token.create", Vec::new());
    if ask.label.is_empty() || ask.label.chars().count() > 60 {
        return Err(ApiError::invalid(
            "label",
            "用途要有 1 到 60 字",
            "a label has 1 to 60 characters",
        ));
    }
    let staff: i64 = sqlx::query_scalar(
        "SELECT id FROM staff WHERE account = ?1 AND tenant_id = ?2 AND role = 'integration' AND disabled_at IS NULL",
    )
    .bind(&ask.account)
    .bind(grant.tenant)
    .fetch_one(&app.db)
    .await?;
    let token = issue(&app.db, staff, &ask.label, clock::now()).await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({"account": ask.account, "label": ask.label, "token": token})),
    ))
}

async fn end(State(app): State<App>, actor: Actor, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::SessionKill)?;
    actor.note("token.end", Vec::new());
    actor.trail.because(format!("token:{id}"));
    let ended = sqlx::query(
        "UPDATE api_token SET ended_at = ?1 WHERE id = ?2 AND ended_at IS NULL
         AND staff_id IN (SELECT id FROM staff WHERE tenant_id = ?3)",
    )
    .bind(clock::now())
    .bind(id)
    .bind(grant.tenant)
    .execute(&app.db)
    .await?
    .rows_affected();
    if ended == 0 {
        Err(ApiError::NotFound)
    } else {
        Ok(Json(json!({"ended": ended})))
    }
}
