//! The way of a request, from top to bottom: client address → audit line → security headers → body limit → routes.

mod actor;
mod headers;
mod input;
mod trail;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    middleware,
    routing::get,
};
use tower_http::compression::CompressionLayer;

pub(crate) use self::{
    actor::{Actor, Credential, SESSION_COOKIE, SESSION_LIFE, TOKEN_PREFIX},
    input::{Body, Id, Page, Params},
    trail::{Client, Trail},
};
use crate::{app::App, modules, pages};

/// All routes with all layers. The last layer added is the first that a request meets.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/api/version", get(version))
        .merge(modules::routes())
        .merge(pages::routes())
        .fallback(|| async { crate::error::ApiError::NotFound })
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(app.clone(), headers::set))
        .layer(middleware::from_fn_with_state(app.clone(), trail::record))
        .with_state(app)
}

/// Which version runs. The one with the drill's holes is the one before they were mended.
async fn version(State(app): State<App>) -> Json<serde_json::Value> {
    let version = if app.drill.is_on() { BEFORE } else { MENDED };
    Json(serde_json::json!({ "product": "hudun-scrm", "version": version }))
}

/// The version with the holes of the drill.
const BEFORE: &str = "1.0.0";
/// The version without them.
const MENDED: &str = "1.0.1";
/// No request of this product needs more.
const MOST_BODY: usize = 64 * 1024;
