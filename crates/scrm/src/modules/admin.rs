//! Staff, sessions and the audit log: what administrators do, and what Hudun does to end an attack.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::{App, Inner},
    clock,
    error::ApiError,
    http::{Actor, Body, Params, SESSION_LIFE},
    password,
    policy::{Action, Role, decide},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/admin/staff", get(list).post(create))
        .route("/api/admin/staff/{account}/disable", post(disable))
        .route("/api/admin/staff/{account}/enable", post(enable))
        .route("/api/admin/staff/{account}/role", post(set_role))
        .route("/api/admin/session", get(sessions))
        .route("/api/admin/session/revoke", post(revoke))
        .route("/api/admin/audit", get(audit))
}

async fn list(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    actor.note("staff.list", Vec::new());
    Ok(Json(json!({"items": staff(&app, &actor).await?})))
}

/// The tenant's accounts with the number of their live sessions.
pub(crate) async fn staff(app: &Inner, actor: &Actor) -> Result<Vec<Value>, ApiError> {
    let grant = decide(actor, Action::StaffRead)?;
    let rows: Vec<(String, String, String, i64, Option<i64>, i64)> = sqlx::query_as(
        "SELECT s.account, s.display_name, s.role, s.department, s.disabled_at,
                (SELECT count(*) FROM session k WHERE k.staff_id = s.id AND k.ended_at IS NULL AND k.created_at > ?2)
         FROM staff s WHERE s.tenant_id = ?1 ORDER BY s.id LIMIT 1000",
    )
    .bind(grant.tenant)
    .bind(clock::now() - SESSION_LIFE)
    .fetch_all(&app.db)
    .await?;
    let show = |(account, name, role, department, disabled, sessions): (
        String,
        String,
        String,
        i64,
        Option<i64>,
        i64,
    )| {
        json!({"account": account, "display_name": name, "role": role, "department": department,
               "disabled": disabled.is_some(), "disabled_at": disabled.map(clock::text), "sessions": sessions})
    };
    Ok(rows.into_iter().map(show).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    /// The part before `@`.
    name: String,
    display_name: String,
    role: Role,
    department: i64,
    password: String,
}

async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Create>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let grant = decide(&actor, Action::StaffWrite)?;
    actor.note("staff.create", Vec::new());
    let name = ask.name.to_lowercase();
    if !(1..=40).contains(&name.len())
        || !name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    {
        return Err(ApiError::invalid(
            "name",
            "只能用字母、数字和 . _ -",
            "letters, digits and . _ - only",
        ));
    }
    if !(1..=40).contains(&ask.display_name.chars().count()) {
        return Err(ApiError::invalid(
            "display_name",
            "要有 1 到 40 字",
            "has 1 to 40 characters",
        ));
    }
    password::acceptable(&ask.password)?;
    let hash = password::hash_async(&app, ask.password).await?;
    let account = format!("{name}@{}", actor.tenant_key);
    let made = sqlx::query(
        "INSERT INTO staff (tenant_id, account, password, role, department, display_name)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account) DO NOTHING",
    )
    .bind(grant.tenant)
    .bind(&account)
    .bind(hash)
    .bind(ask.role.key())
    .bind(ask.department)
    .bind(&ask.display_name)
    .execute(&app.db)
    .await?
    .rows_affected();
    if made == 0 {
        return Err(ApiError::Conflict {
            zh: "这个账号已经有了",
            en: "this account exists",
        });
    }
    actor.trail.because(account.clone());
    Ok((
        StatusCode::CREATED,
        Json(json!({"account": account, "role": ask.role})),
    ))
}

async fn disable(
    State(app): State<App>,
    actor: Actor,
    Path(account): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::SessionKill)?;
    actor.note("staff.disable", Vec::new());
    actor.trail.because(account.clone());
    let staff = named(&app, grant.tenant, &account).await?;
    if staff == actor.staff {
        return Err(ApiError::Conflict {
            zh: "不能停用自己",
            en: "you can't disable yourself",
        });
    }
    // Every request looks at disabled_at, so this alone ends all sessions and tokens; ending them as well keeps them
    // ended when the account is enabled again.
    sqlx::query("UPDATE staff SET disabled_at = coalesce(disabled_at, ?1) WHERE id = ?2")
        .bind(clock::now())
        .bind(staff)
        .execute(&app.db)
        .await?;
    let ended = end_sessions(&app, staff).await?;
    let tokens =
        sqlx::query("UPDATE api_token SET ended_at = ?1 WHERE staff_id = ?2 AND ended_at IS NULL")
            .bind(clock::now())
            .bind(staff)
            .execute(&app.db)
            .await?
            .rows_affected();
    Ok(Json(
        json!({"account": account, "disabled": true, "ended_sessions": ended, "ended_tokens": tokens}),
    ))
}

async fn enable(
    State(app): State<App>,
    actor: Actor,
    Path(account): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::SessionKill)?;
    actor.note("staff.enable", Vec::new());
    actor.trail.because(account.clone());
    let staff = named(&app, grant.tenant, &account).await?;
    sqlx::query("UPDATE staff SET disabled_at = NULL WHERE id = ?1")
        .bind(staff)
        .execute(&app.db)
        .await?;
    Ok(Json(json!({"account": account, "disabled": false})))
}

#[derive(Deserialize)]
struct SetRole {
    role: Role,
}

async fn set_role(
    State(app): State<App>,
    actor: Actor,
    Path(account): Path<String>,
    Body(ask): Body<SetRole>,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::StaffWrite)?;
    actor.note("staff.role", Vec::new());
    actor
        .trail
        .because(format!("{account} -> {}", ask.role.key()));
    let staff = named(&app, grant.tenant, &account).await?;
    if staff == actor.staff {
        return Err(ApiError::Conflict {
            zh: "不能改自己的角色",
            en: "you can't change your own role",
        });
    }
    sqlx::query("UPDATE staff SET role = ?1 WHERE id = ?2")
        .bind(ask.role.key())
        .bind(staff)
        .execute(&app.db)
        .await?;
    Ok(Json(json!({"account": account, "role": ask.role})))
}

async fn sessions(State(app): State<App>, actor: Actor) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::SessionKill)?;
    actor.note("session.list", Vec::new());
    let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as(
        "SELECT k.id, s.account, k.address, k.created_at, k.seen_at FROM session k JOIN staff s ON s.id = k.staff_id
         WHERE s.tenant_id = ?1 AND k.ended_at IS NULL AND k.created_at > ?2 ORDER BY k.id DESC LIMIT 500",
    )
    .bind(grant.tenant)
    .bind(clock::now() - SESSION_LIFE)
    .fetch_all(&app.db)
    .await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(id, account, address, created, seen)| {
            json!({"session": id, "account": account, "address": address,
                   "created_at": clock::text(created), "seen_at": clock::text(seen)})
        })
        .collect();
    Ok(Json(json!({"items": items})))
}

/// All sessions of an account, or one session by its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Revoke {
    Account { account: String },
    Session { session: i64 },
}

async fn revoke(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<Revoke>,
) -> Result<Json<Value>, ApiError> {
    let grant = decide(&actor, Action::SessionKill)?;
    actor.note("session.revoke", Vec::new());
    let ended = match ask {
        Revoke::Account { account } => {
            actor.trail.because(account.clone());
            end_sessions(&app, named(&app, grant.tenant, &account).await?).await?
        }
        Revoke::Session { session } => {
            actor.trail.because(format!("session:{session}"));
            sqlx::query(
                "UPDATE session SET ended_at = ?1 WHERE id = ?2 AND ended_at IS NULL
                 AND staff_id IN (SELECT id FROM staff WHERE tenant_id = ?3)",
            )
            .bind(clock::now())
            .bind(session)
            .bind(grant.tenant)
            .execute(&app.db)
            .await?
            .rows_affected()
        }
    };
    Ok(Json(json!({"ended_sessions": ended})))
}

#[derive(Deserialize)]
#[serde(default)]
struct After {
    after: u64,
    limit: usize,
}

impl Default for After {
    fn default() -> Self {
        Self {
            after: 0,
            limit: 500,
        }
    }
}

async fn audit(
    State(app): State<App>,
    actor: Actor,
    Params(ask): Params<After>,
) -> Result<Json<Value>, ApiError> {
    decide(&actor, Action::AuditRead)?;
    actor.note("audit.read", Vec::new());
    let tenant = actor.tenant_key.clone();
    let read = tokio::task::spawn_blocking(move || {
        app.audit
            .after(&tenant, ask.after, ask.limit.clamp(1, 1_000))
    });
    let (items, upto) = read
        .await
        .map_err(|e| ApiError::Internal(e.to_string()))?
        .map_err(|e| ApiError::Internal(format!("audit log: {e}")))?;
    Ok(Json(json!({"items": items, "after": upto})))
}

async fn named(app: &Inner, tenant: i64, account: &str) -> Result<i64, ApiError> {
    Ok(
        sqlx::query_scalar("SELECT id FROM staff WHERE account = ?1 AND tenant_id = ?2")
            .bind(account)
            .bind(tenant)
            .fetch_one(&app.db)
            .await?,
    )
}

async fn end_sessions(app: &Inner, staff: i64) -> Result<u64, ApiError> {
    Ok(
        sqlx::query("UPDATE session SET ended_at = ?1 WHERE staff_id = ?2 AND ended_at IS NULL")
            .bind(clock::now())
            .bind(staff)
            .execute(&app.db)
            .await?
            .rows_affected(),
    )
}
