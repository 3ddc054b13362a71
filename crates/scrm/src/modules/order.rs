//! Orders. Each row names the customer it belongs to and where it was sent.

use axum::{Json, Router, extract::State, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{QueryBuilder, Row, Sqlite, sqlite::SqliteRow};

use crate::{
    app::{App, Inner},
    clock,
    error::ApiError,
    http::{Actor, Page, Params},
    modules::customer::{self, Listed},
    policy::{Action, Grant, decide, mask},
    vault::Slot,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/order", get(list))
}

/// An order as the API and the pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) order_no: String,
    /// A 63-bit number as text, because JavaScript would round it.
    pub(crate) trade_id: String,
    pub(crate) customer_id: i64,
    pub(crate) customer_name: String,
    pub(crate) receiver: String,
    pub(crate) mobile: String,
    pub(crate) address: String,
    /// Fen.
    pub(crate) amount: i64,
    pub(crate) items: Value,
    pub(crate) state: String,
    pub(crate) created_at: String,
    /// Milliseconds since 1970.
    pub(crate) created_ms: i64,
}

/// All orders that this person may see, or those of one customer.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Of {
    pub(crate) customer_id: Option<i64>,
}

async fn list(
    State(app): State<App>,
    actor: Actor,
    Params(of): Params<Of>,
    Params(page): Params<Page>,
) -> Result<Json<Listed<Order>>, ApiError> {
    Ok(Json(orders(&app, &actor, of, page).await?))
}

/// A page of orders, newest first.
pub(crate) async fn orders(
    app: &Inner,
    actor: &Actor,
    of: Of,
    page: Page,
) -> Result<Listed<Order>, ApiError> {
    actor.note("order.list", Vec::new());
    let grant = decide(actor, Action::OrderRead)?;
    let narrow = |sql: &mut QueryBuilder<Sqlite>| {
        sql.push(
            " FROM sales_order o JOIN customer c ON c.id = o.customer_id WHERE o.tenant_id = ",
        )
        .push_bind(grant.tenant);
        if let Some(customer) = of.customer_id {
            sql.push(" AND o.customer_id = ").push_bind(customer);
        }
        grant.keep_inside(sql);
    };
    let mut count = QueryBuilder::new("SELECT count(*)");
    narrow(&mut count);
    let total = count.build_query_scalar().fetch_one(&app.db).await?;
    let mut rows = QueryBuilder::new("SELECT o.*, c.name AS customer_name");
    narrow(&mut rows);
    rows.push(" ORDER BY o.id DESC LIMIT ")
        .push_bind(page.size())
        .push(" OFFSET ")
        .push_bind(page.offset());
    let rows = rows.build().fetch_all(&app.db).await?;
    let items = rows
        .iter()
        .map(|row| read(app, grant, row))
        .collect::<Result<Vec<_>, _>>()?;
    let mut customers: Vec<i64> = items.iter().map(|order| order.customer_id).collect();
    customers.sort_unstable();
    customers.dedup();
    actor.note("order.list", customers);
    actor.trail.entry().rows = items.len() as u64;
    Ok(Listed {
        items,
        page: page.number(),
        size: page.size(),
        total,
    })
}

/// What is sealed in `ship_to`.
#[derive(Deserialize)]
struct ShipTo {
    receiver: String,
    mobile: String,
    address: String,
}

fn read(app: &Inner, grant: Grant, row: &SqliteRow) -> Result<Order, ApiError> {
    let id: i64 = row.try_get("id")?;
    let customer_id: i64 = row.try_get("customer_id")?;
    let tenant = grant.tenant;
    let name = Slot {
        tenant,
        table: customer::TABLE,
        id: customer_id,
        field: "name",
    };
    let ship_to = Slot {
        tenant,
        table: "sales_order",
        id,
        field: "ship_to",
    };
    let name = app.vault.open_value(name, row.try_get("customer_name")?)?;
    let ship_to = app.vault.open_value(ship_to, row.try_get("ship_to")?)?;
    let broken = |e: serde_json::Error| ApiError::Internal(format!("sales_order/{id}: {e}"));
    let ship_to: ShipTo = serde_json::from_str(&ship_to).map_err(broken)?;
    let show =
        |text: String, hide: fn(&str) -> String| if grant.clear { text } else { hide(&text) };
    let created: i64 = row.try_get("created_at")?;
    Ok(Order {
        id,
        order_no: row.try_get("order_no")?,
        trade_id: row.try_get::<i64, _>("trade_id")?.to_string(),
        customer_id,
        customer_name: show(name, mask::name),
        receiver: show(ship_to.receiver, mask::name),
        mobile: show(ship_to.mobile, mask::mobile),
        address: show(ship_to.address, mask::address),
        amount: row.try_get("amount")?,
        items: serde_json::from_str(row.try_get("items")?).map_err(broken)?,
        state: row.try_get("state")?,
        created_at: clock::text(created),
        created_ms: created,
    })
}
