//! Follow-ups: what staff noted about a customer.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Row;

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body, Params},
    modules::customer,
    policy::{Action, decide},
    vault::Slot,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/follow", get(list).post(create))
}

#[derive(Deserialize)]
struct Of {
    customer_id: i64,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Params(of): Params<Of>,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::FollowRead)?;
    actor.note("follow.list", Vec::new());
    customer::require(&app, grant, of.customer_id).await?;
    let rows = sqlx::query(
        "SELECT f.*, s.display_name FROM follow_up f JOIN staff s ON s.id = f.staff_id
         WHERE f.tenant_id = ?1 AND f.customer_id = ?2 ORDER BY f.id DESC LIMIT 100",
    )
    .bind(grant.tenant)
    .bind(of.customer_id)
    .fetch_all(&app.db)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let id: i64 = row.try_get("id")?;
        let slot = Slot {
            tenant: grant.tenant,
            table: TABLE,
            id,
            field: "note",
        };
        items.push(json!({
            "id": id,
            "customer_id": of.customer_id,
            "staff": row.try_get::<String, _>("display_name")?,
            "kind": row.try_get::<String, _>("kind")?,
            "note": app.vault.open_value(slot, row.try_get("note")?)?,
            "created_at": clock::text(row.try_get("created_at")?),
        }));
    }
    actor.note("follow.list", vec![of.customer_id]);
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    customer_id: i64,
    kind: String,
    note: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::FollowWrite)?;
    actor.note("follow.create", Vec::new());
    if !["call", "message", "visit"].contains(&ask.kind.as_str()) {
        return Err(ApiError::invalid(
            "kind",
            "应为 call、message 或 visit",
            "is call, message or visit",
        ));
    }
    if !(1..=1_000).contains(&ask.note.trim().chars().count()) {
        return Err(ApiError::invalid(
            "note",
            "要有 1 到 1000 字",
            "has 1 to 1000 characters",
        ));
    }
    customer::require(&app, grant, ask.customer_id).await?;
    let mut work = app.db.begin_with("BEGIN IMMEDIATE").await?;
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO follow_up (tenant_id, customer_id, staff_id, kind, note, created_at)
         VALUES (?1, ?2, ?3, ?4, x'', ?5) RETURNING id",
    )
    .bind(grant.tenant)
    .bind(ask.customer_id)
    .bind(actor.staff)
    .bind(&ask.kind)
    .bind(clock::now())
    .fetch_one(&mut *work)
    .await?;
    let slot = Slot {
        tenant: grant.tenant,
        table: TABLE,
        id,
        field: "note",
    };
    let note = app
        .vault
        .seal(slot, ask.note.trim())
        .map_err(|e| ApiError::Internal(e.to_string()))?;
    sqlx::query("UPDATE follow_up SET note = ?1 WHERE id = ?2")
        .bind(note)
        .bind(id)
        .execute(&mut *work)
        .await?;
    work.commit().await?;
    actor.note("follow.create", vec![ask.customer_id]);
    Ok((
        StatusCode::CREATED,
        Json(json!({"id": id, "customer_id": ask.customer_id})),
    ))
}

const TABLE: &str = "follow_up";
