//! Campaigns go to a tag. Marketing sees how many they reach, never whom.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body},
    policy::{Action, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/campaign", get(list).post(create))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::CampaignRead)?;
    actor.note("campaign.list", Vec::new());
    let rows: Vec<(i64, String, String, String, i64, String, i64)> = sqlx::query_as(
        "SELECT id, title, body, audience, reach, state, created_at FROM campaign WHERE tenant_id = ?1 ORDER BY id DESC LIMIT 100",
    )
    .bind(grant.tenant)
    .fetch_all(&app.db)
    .await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(id, title, body, audience, reach, state, created)| {
            json!({"id": id, "title": title, "body": body, "audience": audience, "reach": reach, "state": state,
                   "created_at": clock::text(created)})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    title: String,
    body: String,
    /// The tag that it goes to.
    audience: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::CampaignWrite)?;
    actor.note("campaign.create", Vec::new());
    for (field, text, most) in [
        ("title", &ask.title, 60),
        ("body", &ask.body, 2_000),
        ("audience", &ask.audience, 20),
    ] {
        if !(1..=most).contains(&text.trim().chars().count()) {
            return Err(ApiError::invalid(
                field,
                format!("要有 1 到 {most} 字"),
                format!("has 1 to {most} characters"),
            ));
        }
    }
    let (id, reach): (i64, i64) = sqlx::query_as(
        "INSERT INTO campaign (tenant_id, title, body, audience, reach, state, created_by, created_at)
         VALUES (?1, ?2, ?3, ?4, (SELECT count(*) FROM customer_token WHERE tenant_id = ?1 AND token = ?4), 'draft', ?5, ?6)
         RETURNING id, reach",
    )
    .bind(grant.tenant)
    .bind(ask.title.trim())
    .bind(ask.body.trim())
    .bind(ask.audience.trim())
    .bind(actor.staff)
    .bind(clock::now())
    .fetch_one(&app.db)
    .await?;
    Ok((
        StatusCode::CREATED,
        Json(json!({"id": id, "reach": reach, "state": "draft"})),
    ))
}
