//! Log-in, log-out, own password. Sessions live in the database only; the cookie is 256 random bits.

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderValue, header},
    response::{AppendHeaders, IntoResponse},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Actor, Body, Client, Credential, SESSION_COOKIE, SESSION_LIFE, Trail},
    password, vault,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/auth/login", post(login))
        .route("/api/auth/logout", post(logout))
        .route("/api/auth/me", get(me))
        .route("/api/auth/password", post(change_password))
}

#[derive(Deserialize)]
struct Login {
    account: String,
    password: String,
}

async fn login(
    State(app): State<App>,
    Extension(client): Extension<Client>,
    Extension(trail): Extension<Trail>,
    Body(ask): Body<Login>,
) -> Result<impl IntoResponse, ApiError> {
    let account = ask.account.trim().to_lowercase();
    if account.is_empty() || account.len() > MOST_TEXT {
        return Err(ApiError::invalid(
            "account",
            "账号写成 名字@租户",
            "an account is name@tenant",
        ));
    }
    if ask.password.len() > MOST_TEXT {
        return Err(ApiError::invalid(
            "password",
            "密码太长",
            "the password is too long",
        ));
    }
    trail.note("auth.login", Vec::new());
    trail.entry().account = Some(account.clone());
    let now = clock::now();
    let wait = app.throttle.wait(&account, now);
    if wait > 0 {
        return Err(ApiError::Throttled(wait));
    }

    let known: Option<(i64, String, String, String, Option<String>)> = sqlx::query_as(
        "SELECT s.id, t.key, s.role, s.display_name, s.password FROM staff s JOIN tenant t ON t.id = s.tenant_id
         WHERE s.account = ?1 AND s.disabled_at IS NULL",
    )
    .bind(&account)
    .fetch_optional(&app.db)
    .await?;
    let stored = known.as_ref().and_then(|(.., stored)| stored.clone());
    let right = password::verify(&app, ask.password, stored).await?;
    let Some((staff, tenant, role, display_name, _)) = known.filter(|_| right) else {
        app.throttle.failed(&account, now);
        return Err(ApiError::BadCredentials);
    };
    app.throttle.succeeded(&account);

    let (cookie, hash) = vault::new_secret();
    let session: i64 = sqlx::query_scalar(
        "INSERT INTO session (hash, staff_id, address, created_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?4) RETURNING id",
    )
    .bind(hash)
    .bind(staff)
    .bind(client.address.to_string())
    .bind(now)
    .fetch_one(&app.db)
    .await?;
    {
        let mut entry = trail.entry();
        entry.tenant = Some(tenant.clone());
        entry.role = Some(role.clone());
        entry.credential = Some(format!("session:{session}"));
    }
    let csrf = app.vault.csrf_token(&cookie);
    let cookie = set_cookie(&cookie, SESSION_LIFE / clock::SECOND, client.tls)?;
    let answer = json!({"account": account, "role": role, "tenant": tenant, "display_name": display_name, "csrf": csrf});
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), Json(answer)))
}

async fn logout(State(app): State<App>, actor: Actor) -> Result<impl IntoResponse, ApiError> {
    actor.note("auth.logout", Vec::new());
    let Credential::Session(session) = actor.credential else {
        return Err(ApiError::Conflict {
            zh: "令牌要由管理员停用",
            en: "a token is ended by an administrator",
        });
    };
    sqlx::query("UPDATE session SET ended_at = ?1 WHERE id = ?2 AND ended_at IS NULL")
        .bind(clock::now())
        .bind(session)
        .execute(&app.db)
        .await?;
    let gone = set_cookie("", 0, actor.client.tls)?;
    Ok((
        AppendHeaders([(header::SET_COOKIE, gone)]),
        Json(json!({"ended_sessions": 1})),
    ))
}

async fn me(actor: Actor) -> Json<Value> {
    actor.note("auth.me", Vec::new());
    Json(json!({
        "account": actor.account, "role": actor.role, "tenant": actor.tenant_key,
        "display_name": actor.display_name, "csrf": actor.csrf,
    }))
}

#[derive(Deserialize)]
struct ChangePassword {
    old: String,
    new: String,
    #[serde(default)]
    end_other_sessions: bool,
}

async fn change_password(
    State(app): State<App>,
    actor: Actor,
    Body(ask): Body<ChangePassword>,
) -> Result<Json<Value>, ApiError> {
    actor.note("auth.password", Vec::new());
    let Credential::Session(session) = actor.credential else {
        return Err(ApiError::Forbidden);
    };
    password::acceptable(&ask.new)?;
    let now = clock::now();
    let wait = app.throttle.wait(&actor.account, now);
    if wait > 0 {
        return Err(ApiError::Throttled(wait));
    }
    let stored: Option<String> = sqlx::query_scalar("SELECT password FROM staff WHERE id = ?1")
        .bind(actor.staff)
        .fetch_one(&app.db)
        .await?;
    if !password::verify(&app, ask.old, stored).await? {
        app.throttle.failed(&actor.account, now);
        return Err(ApiError::invalid(
            "old",
            "原密码不对",
            "the old password is wrong",
        ));
    }
    let fresh = password::hash_async(&app, ask.new).await?;
    sqlx::query("UPDATE staff SET password = ?1 WHERE id = ?2")
        .bind(fresh)
        .bind(actor.staff)
        .execute(&app.db)
        .await?;
    let ended = if ask.end_other_sessions {
        sqlx::query("UPDATE session SET ended_at = ?1 WHERE staff_id = ?2 AND id <> ?3 AND ended_at IS NULL")
            .bind(now)
            .bind(actor.staff)
            .bind(session)
            .execute(&app.db)
            .await?
            .rows_affected()
    } else {
        0
    };
    let others: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM session WHERE staff_id = ?1 AND id <> ?2 AND ended_at IS NULL AND created_at > ?3",
    )
    .bind(actor.staff)
    .bind(session)
    .bind(now - SESSION_LIFE)
    .fetch_one(&app.db)
    .await?;
    Ok(Json(
        json!({"changed": true, "ended_sessions": ended, "other_sessions": others}),
    ))
}

fn set_cookie(value: &str, seconds: i64, tls: bool) -> Result<HeaderValue, ApiError> {
    let secure = if tls { "; Secure" } else { "" };
    HeaderValue::from_str(&format!(
        "{SESSION_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    ))
    .map_err(|e| ApiError::Internal(e.to_string()))
}

const MOST_TEXT: usize = 200;
