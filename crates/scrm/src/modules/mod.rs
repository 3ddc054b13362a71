//! The modules of the product: one file, one route prefix and one set of tables each.

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod campaign;
pub(crate) mod chat;
pub(crate) mod customer;
pub(crate) mod export;
pub(crate) mod follow;
pub(crate) mod order;
pub(crate) mod reveal;
pub(crate) mod search;
pub(crate) mod stats;
pub(crate) mod tag;
pub(crate) mod ticket;
pub(crate) mod token;
pub(crate) mod transfer;

use axum::Router;

use crate::app::App;

/// The JSON API.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(auth::routes())
        .merge(customer::routes())
        .merge(reveal::routes())
        .merge(follow::routes())
        .merge(order::routes())
        .merge(chat::routes())
        .merge(tag::routes())
        .merge(campaign::routes())
        .merge(ticket::routes())
        .merge(transfer::routes())
        .merge(export::routes())
        .merge(stats::routes())
        .merge(admin::routes())
        .merge(token::routes())
}
