//! Puts handlers on endpoints. The types of the endpoint are the types of the handler, and its access is checked here
//! and nowhere else, before a byte of the body is read.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use http::{StatusCode, header};
use hudun_console_api::Caller;
use hudun_console_api::endpoint::{Endpoint, HAND_IN, Method, Seen};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::auth::Session;
use crate::server::App;
use crate::server::admit::{address, admit};
use crate::server::refusal::Refusal;

/// A request that was admitted.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) session: Option<Session>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) last_event: Option<u64>,
    params: HashMap<String, String>,
}

impl Call {
    /// A parameter of the path.
    pub(crate) fn param<T: FromStr>(&self, name: &str) -> Result<T, Refusal> {
        self.params
            .get(name)
            .and_then(|text| text.parse().ok())
            .ok_or_else(Refusal::not_found)
    }

    /// The session. There always is one unless the endpoint is public.
    pub(crate) fn session(&self) -> Result<&Session, Refusal> {
        self.session.as_ref().ok_or_else(Refusal::unauthenticated)
    }

    /// The person.
    pub(crate) fn caller(&self) -> Result<Caller, Refusal> {
        Ok(self.session()?.caller())
    }
}

/// Collects the routes.
pub(crate) struct Routes {
    app: Arc<App>,
    router: Router,
}

impl Routes {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self {
            app,
            router: Router::new(),
        }
    }

    pub(crate) fn finish(self) -> Router {
        self.router
    }

    /// A handler that answers with JSON.
    pub(crate) fn json<B, R, H, F>(&mut self, endpoint: Endpoint<B, R>, handler: H)
    where
        B: DeserializeOwned + Send + 'static,
        R: Serialize,
        H: Fn(Call, B) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<R, Refusal>> + Send,
    {
        self.raw(endpoint, move |call, body| {
            let answer = handler(call, body);
            async move { Ok(Json(answer.await?).into_response()) }
        });
    }

    /// A handler that makes its own answer: cookies, files, streams.
    pub(crate) fn raw<B, R, H, F>(&mut self, endpoint: Endpoint<B, R>, handler: H)
    where
        B: DeserializeOwned + Send + 'static,
        H: Fn(Call, B) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Response, Refusal>> + Send,
    {
        let seen = seen(&endpoint);
        let app = Arc::clone(&self.app);
        let filter = match seen.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        let serve = move |request: Request| {
            let app = Arc::clone(&app);
            let handler = handler.clone();
            async move {
                match accept::<B>(app, &seen, request).await {
                    Ok((call, body)) => handler(call, body)
                        .await
                        .unwrap_or_else(IntoResponse::into_response),
                    Err(refusal) => refusal.into_response(),
                }
            }
        };
        let served = on(filter, serve);
        // A proof is a picture; everything else is a few words.
        let served = if seen.path == HAND_IN.path {
            served.layer(DefaultBodyLimit::max(LONGEST_PROOF))
        } else {
            served
        };
        let router = std::mem::take(&mut self.router);
        self.router = router.route(seen.path, served);
    }
}

fn seen<B, R>(endpoint: &Endpoint<B, R>) -> Seen {
    **endpoint
}

async fn accept<B: DeserializeOwned>(
    app: Arc<App>,
    seen: &Seen,
    request: Request,
) -> Result<(Call, B), Refusal> {
    let (mut parts, body) = request.into_parts();
    let session = admit(&app, seen, &parts).await?;
    let params = Path::<HashMap<String, String>>::from_request_parts(&mut parts, &()).await;
    let params = params.map(|Path(params)| params).unwrap_or_default();
    let last_event = parts
        .headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let address = address(&parts);
    let taken = match (seen.takes_something(), seen.method) {
        (false, _) => serde_json::from_value(serde_json::Value::Null)
            .map_err(|error| Refusal::internal(&error))?,
        (true, Method::Get) => {
            Query::<B>::try_from_uri(&parts.uri)
                .map_err(|error| bad("query", &error.body_text()))?
                .0
        }
        (true, Method::Post) => {
            let json = parts
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|kind| kind.to_str().ok());
            if json.and_then(|kind| kind.split(';').next()) != Some("application/json") {
                return Err(Refusal::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "invalid",
                    "请求内容须为 application/json。",
                    "The body must be application/json.",
                ));
            }
            let bytes = Bytes::from_request(Request::from_parts(parts, body), &())
                .await
                .map_err(|_| {
                    Refusal::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "invalid",
                        "请求内容过大。",
                        "The body is too large.",
                    )
                })?;
            serde_json::from_slice(&bytes).map_err(|error| bad("body", &error.to_string()))?
        }
    };
    Ok((
        Call {
            app,
            session,
            address,
            last_event,
            params,
        },
        taken,
    ))
}

/// Longest body with a proof: 5 MiB in base64, and a little.
const LONGEST_PROOF: usize = 7 << 20;

fn bad(place: &str, cause: &str) -> Refusal {
    Refusal::invalid(
        place,
        format!("请求格式有误：{cause}"),
        format!("The request is malformed: {cause}"),
    )
}
