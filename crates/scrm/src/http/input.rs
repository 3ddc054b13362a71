//! Extractors that turn malformed input into one typed error which names the field.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::request::Parts,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::error::ApiError;

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::invalid(
                "content-type",
                "请求体应为 application/json",
                "the body must be application/json",
            )),
            Err(error) => Err(malformed(
                &error.body_text(),
                "请求体不对",
                "malformed body",
            )),
        }
    }
}

/// Query parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|error| malformed(&error.body_text(), "查询参数不对", "malformed query"))
    }
}

/// A record number in the path. What is no number names no record.
pub(crate) struct Id(pub(crate) i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Path::<i64>::from_request_parts(parts, state)
            .await
            .map(|Path(id)| Self(id))
            .map_err(|_| ApiError::NotFound)
    }
}

/// `?page=&size=`: pages count from 1, `size` is at most 100.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Page {
    page: i64,
    size: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self { page: 1, size: 20 }
    }
}

impl Page {
    /// The page number from 1 on.
    pub(crate) fn number(self) -> i64 {
        self.page.clamp(1, 1_000_000)
    }

    /// How many rows.
    pub(crate) fn size(self) -> i64 {
        self.size.clamp(1, 100)
    }

    /// How many rows come before.
    pub(crate) fn offset(self) -> i64 {
        (self.number() - 1) * self.size()
    }
}

/// Serde names the field in back-quotes; the JSON path comes before the colon.
fn malformed(text: &str, zh: &str, en: &str) -> ApiError {
    let field = text.split('`').nth(1).unwrap_or_default();
    let detail: String = text.chars().take(200).collect();
    ApiError::invalid(field, zh, format!("{en}: {detail}"))
}
