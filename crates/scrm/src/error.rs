//! What can go wrong: [`Error`] for whoever embeds the SCRM, `ApiError` for whoever calls it over HTTP.

use std::{io, path::PathBuf};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why the SCRM could not be opened or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file in the data folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses the data folder.
    #[error("{path}: another process uses this data folder")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The key file is unusable.
    #[error("{path}: {what}")]
    Keys {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The database refused.
    #[error("scrm database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database has a schema that this version can't bring up to date.
    #[error("scrm database: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The plan asks for more than the generator gives.
    #[error("seed plan: {field} = {value} is over the limit of {limit}")]
    SeedPlan {
        /// The field of the plan.
        field: &'static str,
        /// What it says.
        value: u32,
        /// The most that it may say.
        limit: u32,
    },
    /// The SCRM has been stopped.
    #[error("the SCRM is stopped")]
    Closed,
    /// A password could not be hashed.
    #[error("password hashing: {0}")]
    Password(String),
    /// A sealed value could not be made.
    #[error("sealing: {0}")]
    Seal(String),
    /// No such tenant or account.
    #[error("no such {what}: {name}")]
    Unknown {
        /// Tenant or account.
        what: &'static str,
        /// The name asked for.
        name: String,
    },
}

/// What an HTTP caller is told. Each variant has one code, one status and a sentence in each language.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// No session or token, or one that has ended.
    Unauthenticated,
    /// Wrong account or password; which of the two is not said.
    BadCredentials,
    /// Too many failures; seconds to wait.
    Throttled(i64),
    /// The CSRF header is absent or wrong.
    Csrf,
    /// The role does not allow it.
    Forbidden,
    /// It is not there, or not there for this person.
    NotFound,
    /// The request is malformed.
    Invalid {
        field: String,
        zh: String,
        en: String,
    },
    /// The request is well-formed but does not fit the state of things.
    Conflict { zh: &'static str, en: &'static str },
    /// Our own failure. The cause goes to the log, never to the caller.
    Internal(String),
}

impl ApiError {
    /// A malformed field.
    pub(crate) fn invalid(field: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The status that the caller sees.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated | Self::BadCredentials => StatusCode::UNAUTHORIZED,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Csrf | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Writes our own failures to the log. The cause is for us, never for the caller.
    pub(crate) fn log(&self) {
        if let Self::Internal(cause) = self {
            tracing::error!(%cause, "a request failed inside the SCRM");
        }
    }

    /// Code, sentence in Chinese, sentence in English.
    pub(crate) fn words(&self) -> (&'static str, &str, &str) {
        match self {
            Self::Unauthenticated => ("unauthenticated", "请先登录", "log in first"),
            Self::BadCredentials => (
                "bad_credentials",
                "账号或密码不对",
                "wrong account or password",
            ),
            Self::Throttled(_) => (
                "throttled",
                "失败次数太多，请稍后再试",
                "too many failures, try again later",
            ),
            Self::Csrf => (
                "csrf",
                "请求头 x-csrf-token 缺失或不对",
                "header x-csrf-token is absent or wrong",
            ),
            Self::Forbidden => (
                "forbidden",
                "你的角色不能做这件事",
                "your role may not do this",
            ),
            Self::NotFound => ("not_found", "没有这条记录", "no such record"),
            Self::Invalid { zh, en, .. } => ("invalid", zh, en),
            Self::Conflict { zh, en } => ("conflict", zh, en),
            Self::Internal(_) => ("internal", "服务器出错，已记录", "server error, recorded"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let (code, zh, en) = self.words();
        let field = match &self {
            Self::Invalid { field, .. } if !field.is_empty() => Some(field.as_str()),
            _ => None,
        };
        let body =
            json!({"error": {"code": code, "message_zh": zh, "message_en": en, "field": field}});
        let mut response = (self.status(), Json(body)).into_response();
        if let Self::Throttled(seconds) = self {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            other => Self::Internal(other.to_string()),
        }
    }
}
