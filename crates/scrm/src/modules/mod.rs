//! The modules of the product: one file, one route prefix and one set of tables each.

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod customer;
pub(crate) mod export;
pub(crate) mod token;

use axum::Router;

use crate::app::App;

/// The JSON API.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(auth::routes())
        .merge(customer::routes())
        .merge(export::routes())
        .merge(admin::routes())
        .merge(token::routes())
}
