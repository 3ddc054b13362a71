//! Numbers, no persons. Groups of fewer than five are left out, so that a number does not point at someone.

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};
use sqlx::QueryBuilder;

use crate::{
    app::App,
    error::ApiError,
    http::Actor,
    policy::{Action, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/stats", get(stats))
}

async fn stats(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::Stats)?;
    actor.note("stats", Vec::new());
    let mut by_stage = QueryBuilder::new("SELECT c.stage, count(*) FROM customer c WHERE 1");
    grant.keep_inside(&mut by_stage);
    by_stage.push(" GROUP BY c.stage HAVING count(*) >= 5 ORDER BY 2 DESC");
    let by_stage: Vec<(String, i64)> = by_stage.build_query_as().fetch_all(&app.db).await?;
    let mut orders = QueryBuilder::new(
        "SELECT count(*), coalesce(sum(o.amount), 0) FROM sales_order o JOIN customer c ON c.id = o.customer_id WHERE 1",
    );
    grant.keep_inside(&mut orders);
    let (orders, amount): (i64, i64) = orders.build_query_as().fetch_one(&app.db).await?;
    let stages: Vec<Value> = by_stage
        .iter()
        .map(|(stage, n)| json!({"stage": stage, "customers": n}))
        .collect();
    let customers: i64 = by_stage.iter().map(|(_, n)| n).sum();
    Ok(Json(
        json!({"customers": customers, "by_stage": stages, "orders": orders, "amount": amount}),
    ))
}
