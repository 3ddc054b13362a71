//! Export: ask, approval by another person, then a CSV file for the one who asked, marked and for a limited time.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body as HttpBody,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{QueryBuilder, Row};

use crate::{
    app::{App, Inner},
    clock,
    error::ApiError,
    http::{Actor, Body, Id},
    modules::{
        customer::{self, Customer, Filter},
        search,
    },
    policy::{Action, Grant, decide},
    seed,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/export", get(list).post(ask))
        .route("/api/export/{id}", get(detail))
        .route("/api/export/{id}/approve", post(approve))
        .route("/api/export/{id}/reject", post(reject))
        .route("/api/export/{id}/file", get(file))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    object: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    reason: String,
}

async fn ask(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = grant_for(&app, &actor)?;
    actor.note("export.ask", Vec::new());
    if ask.object != "customer" {
        return Err(ApiError::invalid(
            "object",
            "目前只能导出 customer",
            "only customer can be exported",
        ));
    }
    if [&ask.tag, &ask.stage, &ask.reason]
        .into_iter()
        .any(|text| text.chars().count() > 200)
    {
        return Err(ApiError::invalid("reason", "太长", "is too long"));
    }
    let filter = Filter {
        search: String::new(),
        tag: ask.tag,
        stage: ask.stage,
    };
    let mut count = QueryBuilder::new("SELECT count(*) FROM customer c WHERE 1");
    grant.keep_inside(&mut count);
    search::keep_to(&mut count, grant.tenant, &filter);
    let rows: i64 = count.build_query_scalar().fetch_one(&app.db).await?;
    if rows > MOST_ROWS {
        return Err(ApiError::invalid(
            "object",
            format!("超过 {MOST_ROWS} 行，请缩小范围"),
            format!("more than {MOST_ROWS} rows: narrow it"),
        ));
    }
    let now = clock::now();
    let id: i64 = sqlx::query_scalar(
        "INSERT INTO export_request (tenant_id, requester_id, object, tag, stage, reason, rows, state, created_at, expires_at)
         VALUES (?1, ?2, 'customer', ?3, ?4, ?5, ?6, 'pending', ?7, ?8) RETURNING id",
    )
    .bind(actor.tenant)
    .bind(actor.staff)
    .bind(&filter.tag)
    .bind(&filter.stage)
    .bind(&ask.reason)
    .bind(rows)
    .bind(now)
    .bind(now + LIFE)
    .fetch_one(&app.db)
    .await?;
    if app.drill.export_unchecked(&actor) {
        settle(&app, &actor, id, "approved").await?;
    }
    actor.trail.because(format!("export:{id} rows:{rows}"));
    Ok((StatusCode::CREATED, Json(show(&app, &actor, id).await?)))
}

async fn approve(
    State(app): State<App>,
    actor: Actor,
    Id(id): Id,
) -> Result<Json<Value>, ApiError> {
    decide_on(&app, &actor, id, "approved").await
}

async fn reject(State(app): State<App>, actor: Actor, Id(id): Id) -> Result<Json<Value>, ApiError> {
    decide_on(&app, &actor, id, "rejected").await
}

/// A manager decides, and never about the own request.
async fn decide_on(
    app: &App,
    actor: &Actor,
    id: i64,
    state: &str,
) -> Result<Json<Value>, ApiError> {
    decide(actor, Action::ExportDecide)?;
    actor.note(&format!("export.{state}"), Vec::new());
    actor.trail.because(format!("export:{id}"));
    let request = load(app, actor, id).await?;
    if request.requester == actor.staff {
        return Err(ApiError::Conflict {
            zh: "要由另一个人审批",
            en: "another person has to decide",
        });
    }
    settle(app, actor, id, state).await?;
    Ok(Json(show(app, actor, id).await?))
}

/// Moves a pending request on, once. Approval plants the canary.
async fn settle(app: &App, actor: &Actor, id: i64, state: &str) -> Result<(), ApiError> {
    let mut work = app.db.begin_with("BEGIN IMMEDIATE").await?;
    let now = clock::now();
    let requester: Option<i64> = sqlx::query_scalar(
        "UPDATE export_request SET state = ?1, decided_by = ?2, decided_at = ?3
         WHERE id = ?4 AND tenant_id = ?5 AND state = 'pending' AND expires_at > ?3 RETURNING requester_id",
    )
    .bind(state)
    .bind(actor.staff)
    .bind(now)
    .bind(id)
    .bind(actor.tenant)
    .fetch_optional(&mut *work)
    .await?;
    let Some(requester) = requester else {
        return Err(ApiError::Conflict {
            zh: "这个申请已经处理过或过期",
            en: "this request was decided already or has expired",
        });
    };
    if state == "approved" {
        let canary =
            seed::plant_canary(&app.vault, &mut work, actor.tenant, requester, now).await?;
        sqlx::query("UPDATE export_request SET canary_id = ?1 WHERE id = ?2")
            .bind(canary)
            .bind(id)
            .execute(&mut *work)
            .await?;
    }
    work.commit().await?;
    Ok(())
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    actor.note("export.list", Vec::new());
    Ok(Json(json!({"items": visible(&app, &actor).await?})))
}

/// The newest requests that this person may see: managers the tenant's, others their own.
pub(crate) async fn visible(app: &Inner, actor: &Actor) -> Result<Vec<Value>, ApiError> {
    decide(actor, Action::ExportSee)?;
    let all = decide(actor, Action::ExportDecide).is_ok();
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM export_request WHERE tenant_id = ?1 AND (?2 OR requester_id = ?3) ORDER BY id DESC LIMIT 50",
    )
    .bind(actor.tenant)
    .bind(all)
    .bind(actor.staff)
    .fetch_all(&app.db)
    .await?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(show(app, actor, id).await?);
    }
    Ok(items)
}

async fn detail(State(app): State<App>, actor: Actor, Id(id): Id) -> Result<Json<Value>, ApiError> {
    decide(&actor, Action::ExportSee)?;
    actor.note("export.read", Vec::new());
    Ok(Json(show(&app, &actor, id).await?))
}

/// The file, in pages of rows as they are read: there is no length in advance and never more than a page in memory.
async fn file(State(app): State<App>, actor: Actor, Id(id): Id) -> Result<Response, ApiError> {
    let grant = grant_for(&app, &actor)?;
    actor.note("export.file", Vec::new());
    actor.trail.because(format!("export:{id}"));
    let request = load(&app, &actor, id).await?;
    if request.requester != actor.staff {
        return Err(ApiError::NotFound);
    }
    let approved = request.state == "approved"
        && (request
            .decided_by
            .is_some_and(|who| who != request.requester)
            || app.drill.export_unchecked(&actor));
    if !approved || request.expires_at < clock::now() {
        return Err(ApiError::Conflict {
            zh: "还没有批准，或已过期",
            en: "not approved, or expired",
        });
    }
    actor.trail.entry().rows = u64::try_from(request.rows).unwrap_or_default();
    let canary = match request.canary {
        Some(id) => Some(read_canary(&app, grant, id).await?),
        None => None,
    };
    let name = format!("attachment; filename=\"customers-{id}.csv\"");
    let rows = Rows {
        app,
        grant,
        request,
        canary,
        after: 0,
        sent: 0,
        mark: format!("E{id} {}", actor.account),
    };
    let body = futures_util::stream::try_unfold(Step::Header(rows), next_chunk);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, HttpBody::from_stream(body)).into_response())
}

/// Sales export their own customers, managers those of their department; in a drill sales export the tenant.
fn grant_for(app: &Inner, actor: &Actor) -> Result<Grant, ApiError> {
    let grant = decide(actor, Action::ExportAsk)?;
    Ok(if app.drill.export_unchecked(actor) {
        app.drill.skip_owner_check(grant)
    } else {
        grant
    })
}

struct Request {
    requester: i64,
    state: String,
    decided_by: Option<i64>,
    canary: Option<i64>,
    expires_at: i64,
    rows: i64,
    filter: Filter,
}

async fn load(app: &Inner, actor: &Actor, id: i64) -> Result<Request, ApiError> {
    let row = sqlx::query("SELECT * FROM export_request WHERE id = ?1 AND tenant_id = ?2")
        .bind(id)
        .bind(actor.tenant)
        .fetch_one(&app.db)
        .await?;
    Ok(Request {
        requester: row.try_get("requester_id")?,
        state: row.try_get("state")?,
        decided_by: row.try_get("decided_by")?,
        canary: row.try_get("canary_id")?,
        expires_at: row.try_get("expires_at")?,
        rows: row.try_get("rows")?,
        filter: Filter {
            search: String::new(),
            tag: row.try_get("tag")?,
            stage: row.try_get("stage")?,
        },
    })
}

async fn show(app: &Inner, actor: &Actor, id: i64) -> Result<Value, ApiError> {
    let row = sqlx::query(
        "SELECT e.*, s.account AS requester, d.account AS decider FROM export_request e
         JOIN staff s ON s.id = e.requester_id LEFT JOIN staff d ON d.id = e.decided_by
         WHERE e.id = ?1 AND e.tenant_id = ?2",
    )
    .bind(id)
    .bind(actor.tenant)
    .fetch_one(&app.db)
    .await?;
    if row.try_get::<i64, _>("requester_id")? != actor.staff
        && decide(actor, Action::ExportDecide).is_err()
    {
        return Err(ApiError::NotFound);
    }
    let expires_at: i64 = row.try_get("expires_at")?;
    let state: String = if expires_at < clock::now() {
        "expired".into()
    } else {
        row.try_get("state")?
    };
    Ok(json!({
        "id": id,
        "object": row.try_get::<String, _>("object")?,
        "tag": row.try_get::<String, _>("tag")?,
        "stage": row.try_get::<String, _>("stage")?,
        "reason": row.try_get::<String, _>("reason")?,
        "rows": row.try_get::<i64, _>("rows")?,
        "state": state,
        "requester": row.try_get::<String, _>("requester")?,
        "decided_by": row.try_get::<Option<String>, _>("decider")?,
        "created_at": clock::text(row.try_get("created_at")?),
        "expires_at": clock::text(expires_at),
    }))
}

async fn read_canary(app: &Inner, grant: Grant, id: i64) -> Result<Customer, ApiError> {
    let mut sql = QueryBuilder::new(customer::SELECT);
    sql.push(" AND c.canary = 1 AND c.id = ")
        .push_bind(id)
        .push(" AND c.tenant_id = ")
        .push_bind(grant.tenant);
    customer::read(
        &app.vault,
        grant,
        &sql.build().fetch_one(&app.db).await?,
        false,
    )
}

/// Where the stream stands.
struct Rows {
    app: Arc<Inner>,
    grant: Grant,
    request: Request,
    canary: Option<Customer>,
    after: i64,
    sent: i64,
    mark: String,
}

enum Step {
    Header(Rows),
    Rows(Rows),
    End,
}

async fn next_chunk(step: Step) -> Result<Option<(Bytes, Step)>, std::io::Error> {
    match step {
        // The byte order mark makes spreadsheets read it as UTF-8.
        Step::Header(rows) => Ok(Some((
            Bytes::from(format!("\u{feff}{HEADER}\r\n")),
            Step::Rows(rows),
        ))),
        Step::Rows(mut rows) => {
            let page = next_page(&rows)
                .await
                .map_err(|e| std::io::Error::other(format!("{e:?}")))?;
            let mut text = String::new();
            let full = page.len() == PAGE;
            let wanted = rows.canary.as_ref().map_or(0, |c| c.id % 150);
            for customer in &page {
                if rows.sent >= wanted
                    && let Some(canary) = rows.canary.take()
                {
                    line(&mut text, &canary, &rows.mark);
                }
                line(&mut text, customer, &rows.mark);
                rows.after = customer.id;
                rows.sent += 1;
            }
            if !full && let Some(canary) = rows.canary.take() {
                line(&mut text, &canary, &rows.mark);
            }
            let next = if full && rows.sent < MOST_ROWS {
                Step::Rows(rows)
            } else {
                Step::End
            };
            Ok(Some((Bytes::from(text), next)))
        }
        Step::End => Ok(None),
    }
}

async fn next_page(rows: &Rows) -> Result<Vec<Customer>, ApiError> {
    let mut sql = QueryBuilder::new(customer::SELECT);
    rows.grant.keep_inside(&mut sql);
    search::keep_to(&mut sql, rows.grant.tenant, &rows.request.filter);
    sql.push(" AND c.id > ")
        .push_bind(rows.after)
        .push(" ORDER BY c.id LIMIT ")
        .push_bind(PAGE as i64);
    let found = sql.build().fetch_all(&rows.app.db).await?;
    found
        .iter()
        .map(|row| customer::read(&rows.app.vault, rows.grant, row, false))
        .collect()
}

fn line(out: &mut String, c: &Customer, mark: &str) {
    let none = String::new();
    let id = c.id.to_string();
    let tags = c.tags.join(" ");
    let fields = [
        &id,
        &c.name,
        &c.mobile,
        c.email.as_ref().unwrap_or(&none),
        &c.gender,
        c.birthday.as_ref().unwrap_or(&none),
        c.address.as_ref().unwrap_or(&none),
        c.external_userid.as_ref().unwrap_or(&none),
        c.unionid.as_ref().unwrap_or(&none),
        &tags,
        &c.stage,
        &c.owner,
    ];
    for field in fields {
        cell(out, field);
        out.push(',');
    }
    cell(out, mark);
    out.push_str("\r\n");
}

/// Quotes where CSV needs it, and disarms what a spreadsheet would take for a formula.
fn cell(out: &mut String, text: &str) {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(&text);
    }
}

const HEADER: &str = "customer_id,name,mobile,email,gender,birthday,address,external_userid,unionid,tags,stage,owner,watermark";
/// The most that one export holds.
const MOST_ROWS: i64 = 10_000;
const PAGE: usize = 200;
const LIFE: i64 = clock::DAY;
