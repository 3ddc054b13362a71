//! The HTTP server: admission, endpoints, live stream, web app.

mod admit;
mod auth;
mod commands;
mod docs;
mod events;
mod headers;
mod mount;
mod refusal;
mod rules;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use hudun_core::{LedgerDraft, Recorder, Timestamp};
use tokio::sync::Semaphore;

use crate::auth::{Accounts, Sessions, Throttle};
use crate::{Desk, Live};
use refusal::Refusal;

/// Longest request body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
/// Live streams open at one time.
const STREAMS: usize = 256;

/// What the console is made of.
pub struct Console {
    /// Questions and commands go here.
    pub desk: Arc<dyn Desk>,
    /// The accounts; give the same to whoever opens accounts at start.
    pub accounts: Accounts,
    /// Log-ins, failures and refusals go here.
    pub recorder: Arc<dyn Recorder>,
    /// The stream that the desk publishes to.
    pub live: Live,
    /// The rest.
    pub settings: Settings,
}

/// How the console behaves.
#[derive(Clone)]
pub struct Settings {
    /// Marks the cookie `Secure`: set it wherever the console is reached over TLS.
    pub secure_cookie: bool,
    /// Minutes without a request after which a session ends.
    pub idle_minutes: u32,
    /// Minutes after which a session ends anyway.
    pub absolute_minutes: u32,
    /// Whether every account must set up an authenticator. Without it, only accounts that have one are asked.
    pub second_step_required: bool,
    /// The name that authenticators show.
    pub issuer: String,
    /// The clock.
    pub clock: fn() -> Timestamp,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secure_cookie: true,
            idle_minutes: 60,
            absolute_minutes: 12 * 60,
            second_step_required: true,
            issuer: "Hudun".to_owned(),
            clock: Timestamp::now,
        }
    }
}

impl Console {
    /// The whole console as one service. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, so that
    /// log-in throttling sees addresses.
    pub fn router(self) -> Router {
        let minutes = |minutes: u32| i64::from(minutes) * 60_000;
        let sessions = Sessions {
            store: self.accounts.store_handle(),
            idle_ms: minutes(self.settings.idle_minutes),
            absolute_ms: minutes(self.settings.absolute_minutes),
        };
        let app = Arc::new(App {
            desk: self.desk,
            accounts: self.accounts,
            sessions,
            recorder: self.recorder,
            live: self.live,
            throttle: Throttle::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            settings: self.settings,
        });
        let mut routes = mount::Routes::new(app);
        auth::mount(&mut routes);
        commands::mount(&mut routes);
        events::mount(&mut routes);
        routes
            .finish()
            .route("/api/openapi.json", get(docs::document))
            .route("/api/docs", get(docs::page))
            .route("/api/{*rest}", axum::routing::any(docs::no_such_endpoint))
            .fallback(web::serve)
            .layer(axum::middleware::from_fn(headers::guard))
            .layer(DefaultBodyLimit::max(LONGEST_BODY))
    }
}

/// What every handler can reach.
pub(crate) struct App {
    pub(crate) desk: Arc<dyn Desk>,
    pub(crate) accounts: Accounts,
    pub(crate) sessions: Sessions,
    pub(crate) recorder: Arc<dyn Recorder>,
    pub(crate) live: Live,
    pub(crate) throttle: Throttle,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) settings: Settings,
}

impl App {
    pub(crate) fn now(&self) -> Timestamp {
        (self.settings.clock)()
    }

    /// Puts an act of the console itself on the ledger. What can't be recorded is not done.
    pub(crate) async fn record(
        &self,
        by: &str,
        kind: &str,
        body: serde_json::Value,
    ) -> Result<(), Refusal> {
        let draft = LedgerDraft {
            at: self.now(),
            tenant: None,
            incident: None,
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        };
        let recorder = Arc::clone(&self.recorder);
        tokio::task::spawn_blocking(move || recorder.record(draft))
            .await
            .map_err(|error| Refusal::internal(&error))?
            .map_err(|error| Refusal::internal(&error))?;
        Ok(())
    }
}
