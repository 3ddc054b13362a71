//! Who may pass: session, access of the endpoint, and the proof that our own page asks.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use hudun_console_api::endpoint::{Method, Seen};
use hudun_console_api::{Access, NextStep};

use crate::auth::Session;
use crate::server::App;
use crate::server::refusal::Refusal;

/// The session cookie.
pub(crate) const COOKIE: &str = "hudun_session";
/// The header that a foreign page can't set on a form or link.
const OWN_PAGE: &str = "x-hudun-request";

/// Admits a request to an endpoint, or says why not.
pub(crate) async fn admit(
    app: &App,
    endpoint: &Seen,
    parts: &Parts,
) -> Result<Option<Session>, Refusal> {
    let session = match cookie(&parts.headers) {
        Some(token) => app.sessions.find(token, app.now()).await?,
        None => None,
    };
    match (&session, endpoint.access) {
        (_, Access::Public) | (Some(_), Access::Signing) => {}
        (None, _) => return Err(Refusal::unauthenticated()),
        (Some(session), _) if session.record.next != NextStep::Done => {
            return Err(Refusal::unfinished());
        }
        (Some(_), Access::SignedIn) => {}
        (Some(session), Access::Roles(roles)) => {
            if !endpoint.access.allows(&session.account.roles) {
                return Err(Refusal::forbidden(roles));
            }
        }
    }
    if endpoint.method == Method::Post {
        own_page(&parts.headers)?;
    }
    Ok(session)
}

/// The address of the client.
pub(crate) fn address(parts: &Parts) -> Option<IpAddr> {
    parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip())
}

/// The token of the session, when exactly one cookie carries it.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// A request that changes something must come from a page of ours: it carries a header that only a script of the same
/// origin can set, and what the browser says of its origin does not contradict that. The cookie is `SameSite=Strict`
/// besides.
fn own_page(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let marked = text(OWN_PAGE) == Some("1");
    let same_site =
        text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let same_origin = match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
        (None, _) => true,
    };
    if marked && same_site && same_origin {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "foreign-page",
        "请求不是从控制台页面发出的。程序调用请带上请求头 X-Hudun-Request: 1。",
        "The request does not come from the console's own page. Programs send the header X-Hudun-Request: 1.",
    ))
}
