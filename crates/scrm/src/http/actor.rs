//! Who is asking: read from the session cookie or the bearer token, freshly from the database at every request, so
//! that a changed right, a log-out or a disabled account counts at once.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use sqlx::Row;

use crate::{
    app::App,
    clock,
    error::ApiError,
    http::{Client, Trail},
    policy::Role,
    vault,
};

/// A person or program that has proved who it is, and that its state-changing request is its own will.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) staff: i64,
    pub(crate) tenant: i64,
    pub(crate) tenant_key: String,
    pub(crate) account: String,
    pub(crate) display_name: String,
    pub(crate) role: Role,
    pub(crate) department: i64,
    pub(crate) credential: Credential,
    pub(crate) csrf: String,
    pub(crate) client: Client,
    pub(crate) trail: Trail,
}

/// With what it was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Session(i64),
    Token(i64),
}

impl FromRequestParts<App> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let missing = || ApiError::Internal("the request has no trail".into());
        let trail = parts
            .extensions
            .get::<Trail>()
            .cloned()
            .ok_or_else(missing)?;
        let client = parts
            .extensions
            .get::<Client>()
            .copied()
            .ok_or_else(missing)?;
        let (secret, is_token) = credential(&parts.headers).ok_or(ApiError::Unauthenticated)?;
        let row = find(app, secret, is_token)
            .await?
            .ok_or(ApiError::Unauthenticated)?;
        let credential_id: i64 = row.try_get("credential")?;
        let role: String = row.try_get("role")?;
        let actor = Self {
            staff: row.try_get("staff")?,
            tenant: row.try_get("tenant_id")?,
            tenant_key: row.try_get("tenant_key")?,
            account: row.try_get("account")?,
            display_name: row.try_get("display_name")?,
            role: Role::parse(&role).ok_or(ApiError::Unauthenticated)?,
            department: row.try_get("department")?,
            credential: if is_token {
                Credential::Token(credential_id)
            } else {
                Credential::Session(credential_id)
            },
            csrf: if is_token {
                String::new()
            } else {
                app.vault.csrf_token(secret)
            },
            client,
            trail,
        };
        actor.sign_trail();
        let changes_state = !matches!(parts.method, Method::GET | Method::HEAD);
        if changes_state && !is_token {
            let given = parts
                .headers
                .get("x-csrf-token")
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default();
            if !app.vault.csrf_matches(secret, given) {
                return Err(ApiError::Csrf);
            }
        }
        touch(app, actor.credential, row.try_get("seen_at")?).await?;
        Ok(actor)
    }
}

impl Actor {
    /// Notes for the audit line which act this is and which records it touches.
    pub(crate) fn note(&self, action: &str, ids: Vec<i64>) {
        self.trail.note(action, ids);
    }

    fn sign_trail(&self) {
        let mut entry = self.trail.entry();
        entry.tenant = Some(self.tenant_key.clone());
        entry.account = Some(self.account.clone());
        entry.role = Some(self.role.key().into());
        entry.credential = Some(match self.credential {
            Credential::Session(id) => format!("session:{id}"),
            Credential::Token(id) => format!("token:{id}"),
        });
    }
}

/// The bearer token if there is one, else the session cookie.
fn credential(headers: &HeaderMap) -> Option<(&str, bool)> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok()?.strip_prefix("Bearer ")?.trim();
        return token
            .strip_prefix(TOKEN_PREFIX)
            .map(|secret| (secret, true));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='))
        .map(|secret| (secret, false))
}

async fn find(
    app: &App,
    secret: &str,
    is_token: bool,
) -> Result<Option<sqlx::sqlite::SqliteRow>, sqlx::Error> {
    let now = clock::now();
    let query = if is_token {
        sqlx::query(
            "SELECT k.id AS credential, coalesce(k.seen_at, 0) AS seen_at, s.id AS staff, s.tenant_id, s.account, s.role,
                    s.department, s.display_name, t.key AS tenant_key
             FROM api_token k JOIN staff s ON s.id = k.staff_id JOIN tenant t ON t.id = s.tenant_id
             WHERE k.hash = ?1 AND k.ended_at IS NULL AND s.disabled_at IS NULL AND s.role = 'integration'",
        )
        .bind(vault::secret_hash(secret))
    } else {
        sqlx::query(
            "SELECT k.id AS credential, k.seen_at, s.id AS staff, s.tenant_id, s.account, s.role,
                    s.department, s.display_name, t.key AS tenant_key
             FROM session k JOIN staff s ON s.id = k.staff_id JOIN tenant t ON t.id = s.tenant_id
             WHERE k.hash = ?1 AND k.ended_at IS NULL AND s.disabled_at IS NULL
               AND k.seen_at > ?2 AND k.created_at > ?3",
        )
        .bind(vault::secret_hash(secret))
        .bind(now - SESSION_IDLE)
        .bind(now - SESSION_LIFE)
    };
    query.fetch_optional(&app.db).await
}

/// Moves the idle clock, at most once a minute, so that reading does not mean writing.
async fn touch(app: &App, credential: Credential, seen_at: i64) -> Result<(), sqlx::Error> {
    let now = clock::now();
    if now - seen_at < clock::MINUTE {
        return Ok(());
    }
    let query = match credential {
        Credential::Session(id) => sqlx::query("UPDATE session SET seen_at = ?1 WHERE id = ?2")
            .bind(now)
            .bind(id),
        Credential::Token(id) => sqlx::query("UPDATE api_token SET seen_at = ?1 WHERE id = ?2")
            .bind(now)
            .bind(id),
    };
    query.execute(&app.db).await.map(|_| ())
}

/// Name of the session cookie.
pub(crate) const SESSION_COOKIE: &str = "scrm_session";
/// What every API token begins with, so that a leaked one can be recognised.
pub(crate) const TOKEN_PREFIX: &str = "scrm_";
const SESSION_IDLE: i64 = clock::HOUR;
pub(crate) const SESSION_LIFE: i64 = 12 * clock::HOUR;
