//! The tags that a firm uses.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    error::ApiError,
    http::{Actor, Body},
    policy::{Action, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/tag", get(list).post(create))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::TagRead)?;
    actor.note("tag.list", Vec::new());
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(
        "SELECT g.id, g.name, (SELECT count(*) FROM customer_token k WHERE k.tenant_id = g.tenant_id AND k.token = g.name)
         FROM tag g WHERE g.tenant_id = ?1 ORDER BY g.id LIMIT 500",
    )
    .bind(grant.tenant)
    .fetch_all(&app.db)
    .await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(id, name, customers)| json!({"id": id, "name": name, "customers": customers}))
        .collect();
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::TagWrite)?;
    actor.note("tag.create", Vec::new());
    let name = ask.name.trim();
    if !(1..=20).contains(&name.chars().count()) || name.contains(['|', ':']) {
        return Err(ApiError::invalid(
            "name",
            "要有 1 到 20 字，不含 | 和冒号",
            "has 1 to 20 characters, no | and no colon",
        ));
    }
    let id: Option<i64> = sqlx::query_scalar(
        "INSERT INTO tag (tenant_id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(grant.tenant)
    .bind(name)
    .fetch_optional(&app.db)
    .await?;
    let id = id.ok_or(ApiError::Conflict {
        zh: "这个标签已经有了",
        en: "this tag exists",
    })?;
    Ok((StatusCode::CREATED, Json(json!({"id": id, "name": name}))))
}
