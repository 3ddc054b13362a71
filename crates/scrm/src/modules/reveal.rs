//! Whoever sees masked values may ask for one customer in clear, with a reason and a daily quota, and it is logged.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body, Id},
    modules::customer::{self, Customer},
    policy::{Action, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/customer/{id}/reveal", post(reveal))
        .route("/api/reveal", get(log))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reveal {
    reason: String,
}

async fn reveal(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
    Body(ask): Body<Reveal>,
) -> Result<Json<Customer>, ApiError> {
    let grant = decide(&actor, Action::Reveal)?;
    actor.note("customer.reveal", Vec::new());
    let reason = ask.reason.trim();
    if !(4..=200).contains(&reason.chars().count()) {
        return Err(ApiError::invalid(
            "reason",
            "请写明原因（4 到 200 字）",
            "give a reason of 4 to 200 characters",
        ));
    }
    let customer = customer::find(&app, grant, id).await?;
    let now = clock::now();
    // Count and insert are one statement, so that two requests at once can't both take the last place.
    let logged = sqlx::query(
        "INSERT INTO reveal_log (tenant_id, staff_id, customer_id, reason, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM reveal_log WHERE staff_id = ?2 AND created_at > ?6) < ?7",
    )
    .bind(grant.tenant)
    .bind(actor.staff)
    .bind(id)
    .bind(reason)
    .bind(now)
    .bind(now - clock::DAY)
    .bind(QUOTA)
    .execute(&app.db)
    .await?
    .rows_affected();
    if logged == 0 {
        return Err(ApiError::Conflict {
            zh: "今天查看明文的次数已用完",
            en: "today's quota of clear views is used up",
        });
    }
    actor.note("customer.reveal", vec![id]);
    Ok(Json(customer))
}

async fn log(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::RevealLog)?;
    actor.note("reveal.list", Vec::new());
    let rows: Vec<(i64, String, i64, String, i64)> = sqlx::query_as(
        "SELECT r.id, s.account, r.customer_id, r.reason, r.created_at FROM reveal_log r JOIN staff s ON s.id = r.staff_id
         WHERE r.tenant_id = ?1 ORDER BY r.id DESC LIMIT 200",
    )
    .bind(grant.tenant)
    .fetch_all(&app.db)
    .await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(id, account, customer, reason, at)| {
            json!({"id": id, "account": account, "customer_id": customer, "reason": reason, "created_at": clock::text(at)})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// Clear views per person and day.
const QUOTA: i64 = 50;
