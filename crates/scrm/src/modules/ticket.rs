//! Service tickets. An open ticket is what lets a service agent see a customer.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body, Id},
    modules::customer,
    policy::{Action, Role, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/ticket", get(list).post(create))
        .route("/api/ticket/{id}/close", post(close))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::TicketRead)?;
    actor.note("ticket.list", Vec::new());
    let mut sql = QueryBuilder::new(
        "SELECT k.id, k.customer_id, k.title, k.state, k.created_at, s.account AS assignee
         FROM ticket k JOIN customer c ON c.id = k.customer_id JOIN staff s ON s.id = k.assignee_id WHERE k.tenant_id = ",
    );
    sql.push_bind(grant.tenant);
    if actor.role == Role::Service {
        sql.push(" AND k.assignee_id = ").push_bind(actor.staff);
    }
    grant.keep_inside(&mut sql);
    sql.push(" ORDER BY k.id DESC LIMIT 100");
    let mut items = Vec::new();
    let mut customers = Vec::new();
    for row in sql.build().fetch_all(&app.db).await? {
        let customer: i64 = row.try_get("customer_id")?;
        customers.push(customer);
        items.push(json!({
            "id": row.try_get::<i64, _>("id")?,
            "customer_id": customer,
            "title": row.try_get::<String, _>("title")?,
            "state": row.try_get::<String, _>("state")?,
            "assignee": row.try_get::<String, _>("assignee")?,
            "created_at": clock::text(row.try_get("created_at")?),
        }));
    }
    actor.note("ticket.list", customers);
    Ok(Json(json!({"items": items})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    customer_id: i64,
    title: String,
}

/// Opens a ticket with the service agent of the tenant who has the fewest.
async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::TicketWrite)?;
    actor.note("ticket.create", Vec::new());
    if !(1..=60).contains(&ask.title.trim().chars().count()) {
        return Err(ApiError::invalid(
            "title",
            "要有 1 到 60 字",
            "has 1 to 60 characters",
        ));
    }
    customer::require(&app, grant, ask.customer_id).await?;
    let made: Option<i64> = sqlx::query_scalar(
        "INSERT INTO ticket (tenant_id, customer_id, assignee_id, title, state, created_at)
         SELECT ?1, ?2, s.id, ?3, 'open', ?4 FROM staff s
         WHERE s.tenant_id = ?1 AND s.role = 'service' AND s.disabled_at IS NULL
         ORDER BY (SELECT count(*) FROM ticket t WHERE t.tenant_id = ?1 AND t.assignee_id = s.id AND t.state = 'open'), s.id
         LIMIT 1 RETURNING id",
    )
    .bind(grant.tenant)
    .bind(ask.customer_id)
    .bind(ask.title.trim())
    .bind(clock::now())
    .fetch_optional(&app.db)
    .await?;
    let id = made.ok_or(ApiError::Conflict {
        zh: "没有在岗的客服",
        en: "no service agent is available",
    })?;
    actor.note("ticket.create", vec![ask.customer_id]);
    Ok((
        StatusCode::CREATED,
        Json(json!({"id": id, "state": "open"})),
    ))
}

async fn close(State(app): State<App>, actor: Actor, Id(id): Id) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::TicketWrite)?;
    actor.note("ticket.close", Vec::new());
    let customer: i64 = sqlx::query_scalar(
        "SELECT customer_id FROM ticket WHERE id = ?1 AND tenant_id = ?2 AND state = 'open'",
    )
    .bind(id)
    .bind(grant.tenant)
    .fetch_one(&app.db)
    .await?;
    customer::require(&app, grant, customer).await?;
    let anyones = actor.role != Role::Service;
    let closed = sqlx::query(
        "UPDATE ticket SET state = 'closed' WHERE id = ?1 AND (?2 OR assignee_id = ?3)",
    )
    .bind(id)
    .bind(anyones)
    .bind(actor.staff)
    .execute(&app.db)
    .await?
    .rows_affected();
    if closed == 0 {
        return Err(ApiError::NotFound);
    }
    actor.note("ticket.close", vec![customer]);
    Ok(Json(json!({"id": id, "state": "closed"})))
}
