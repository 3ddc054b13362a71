//! The chat archive. The owner reads the chats with own customers; a compliance officer reads any, for a case.

use axum::{Json, Router, extract::State, routing::get};
use serde::{Deserialize, Serialize};
use sqlx::Row;

use crate::{
    app::{App, Inner},
    clock,
    error::ApiError,
    http::{Actor, Page, Params},
    modules::customer::{self, Listed},
    policy::{Action, Role, decide},
    vault::Slot,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/chat", get(list))
}

/// A message as the API and the pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: i64,
    pub(crate) customer_id: i64,
    /// `in`: from the customer; `out`: from staff.
    pub(crate) direction: String,
    pub(crate) text: String,
    pub(crate) created_at: String,
}

/// Whose chat, and for which case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Of {
    pub(crate) customer_id: i64,
    /// Required of a compliance officer; goes into the audit log.
    #[serde(default)]
    pub(crate) case: String,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Params(of): Params<Of>,
    Params(page): Params<Page>,
) -> Result<Json<Listed<Message>>, ApiError> {
    Ok(Json(messages(&app, &actor, &of, page).await?))
}

/// A page of one customer's chat, oldest first.
pub(crate) async fn messages(
    app: &Inner,
    actor: &Actor,
    of: &Of,
    page: Page,
) -> Result<Listed<Message>, ApiError> {
    actor.note("chat.list", Vec::new());
    let grant = if actor.role == Role::Compliance {
        let grant = decide(actor, Action::ChatForCase)?;
        let case = of.case.trim();
        if !(4..=40).contains(&case.chars().count()) {
            return Err(ApiError::invalid(
                "case",
                "调阅存档要填案件编号（4 到 40 字）",
                "reading the archive takes a case number of 4 to 40 characters",
            ));
        }
        actor.trail.because(format!("case:{case}"));
        grant
    } else {
        decide(actor, Action::ChatRead)?
    };
    customer::require(app, grant, of.customer_id).await?;
    let total = sqlx::query_scalar(
        "SELECT count(*) FROM chat_message WHERE tenant_id = ?1 AND customer_id = ?2",
    )
    .bind(grant.tenant)
    .bind(of.customer_id)
    .fetch_one(&app.db)
    .await?;
    let rows = sqlx::query(
        "SELECT * FROM chat_message WHERE tenant_id = ?1 AND customer_id = ?2 ORDER BY created_at, id LIMIT ?3 OFFSET ?4",
    )
    .bind(grant.tenant)
    .bind(of.customer_id)
    .bind(page.size())
    .bind(page.offset())
    .fetch_all(&app.db)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let id: i64 = row.try_get("id")?;
        let slot = Slot {
            tenant: grant.tenant,
            table: "chat_message",
            id,
            field: "body",
        };
        items.push(Message {
            id,
            customer_id: of.customer_id,
            direction: row.try_get("direction")?,
            text: app.vault.open_value(slot, row.try_get("body")?)?,
            created_at: clock::text(row.try_get("created_at")?),
        });
    }
    actor.note("chat.list", vec![of.customer_id]);
    actor.trail.entry().rows = items.len() as u64;
    Ok(Listed {
        items,
        page: page.number(),
        size: page.size(),
        total,
    })
}
