//! The SCRM itself, past the gateway: where a repair is proven.

use std::sync::Arc;

use bytes::Bytes;
use http::header;
use hudun_core::BoxFuture;
use hudun_gateway::Gateway;
use hudun_profile::{BodyView, RequestView};
use hudun_repair::{Direct, DirectAnswer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// Largest answer that is read, bytes.
const ANSWER: usize = 32 << 20;
/// Of the answer to the log-in as much is read.
const LOG_IN_ANSWER: usize = 1 << 20;
const LOG_IN: &str = "/api/auth/login";
/// Says to who operates the product what the request was.
const MARK: &str = "hudun-verify/1 (replays an attack to prove that it is repaired)";

/// As whom to knock.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// An account that may see only its own rows.
    pub account: String,
    /// Its password.
    pub password: String,
}

/// Enters the SCRM with a log-in of its own, over the connections that the gateway has to it (TLS with its authorities, where the
/// upstream is https), and reads the answers as the gateway would. The log-in is that of products that take `{account, password}`
/// as JSON on the path that their profile names.
pub struct StraightAtScrm {
    verifier: Mutex<Option<Verifier>>,
    gateway: Arc<Gateway>,
}

/// What a log-in gave.
struct Session {
    cookie: String,
    csrf: String,
}

impl StraightAtScrm {
    /// Reads answers with the profile of this gateway.
    pub fn new(gateway: Arc<Gateway>, verifier: Option<Verifier>) -> Self {
        Self {
            verifier: Mutex::new(verifier),
            gateway,
        }
    }

    /// Changes the account that is used.
    pub async fn use_account(&self, verifier: Verifier) {
        *self.verifier.lock().await = Some(verifier);
    }

    async fn replay(&self, request: &RequestView) -> Result<DirectAnswer, String> {
        let verifier = self.verifier.lock().await.clone();
        let verifier =
            verifier.ok_or("no account to verify with; set `verifier` in the configuration")?;
        let session = self.log_in(&verifier).await?;
        let mut headers = vec![
            ("user-agent", MARK),
            ("cookie", session.cookie.as_str()),
            ("x-csrf-token", session.csrf.as_str()),
        ];
        let (kind, body) = match &request.body {
            BodyView::Absent => (None, String::new()),
            BodyView::Json(body) => (Some("application/json"), body.to_string()),
            BodyView::Form(fields) => (Some("application/x-www-form-urlencoded"), pairs(fields)),
            BodyView::GraphQl(document) => (Some("application/graphql"), document.clone()),
            // An attack without its body would fail, and prove nothing.
            BodyView::Unread | BodyView::Opaque | BodyView::Xml(_) | BodyView::Multipart { .. } => {
                return Err(
                    "the body of the request is not kept in a way that could be sent again"
                        .to_owned(),
                );
            }
        };
        headers.extend(kind.map(|kind| ("content-type", kind)));
        let target = target_of(request);
        let answer = self
            .gateway
            .ask_straight(&request.method, &target, &headers, body.into(), ANSWER)
            .await?;
        let status = answer.status.as_u16();
        let kind = answer.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let facts = self
            .gateway
            .read_answer(request, kind, &answer.body, &verifier.account);
        Ok(DirectAnswer {
            status,
            foreign_rows: if status < 400 { facts.foreign_rows } else { 0 },
        })
    }

    async fn log_in(&self, verifier: &Verifier) -> Result<Session, String> {
        let ask = json!({ "account": verifier.account, "password": verifier.password });
        let headers = [("user-agent", MARK), ("content-type", "application/json")];
        let body = Bytes::from(ask.to_string());
        let answer = self
            .gateway
            .ask_straight("POST", LOG_IN, &headers, body, LOG_IN_ANSWER)
            .await
            .map_err(|cause| format!("the SCRM does not answer: {cause}"))?;
        if !answer.status.is_success() {
            return Err(format!(
                "the account {} can't log in at the SCRM: status {}",
                verifier.account,
                answer.status.as_u16()
            ));
        }
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|cause| format!("the answer to the log-in can't be read: {cause}"))?;
        let cookies = answer.headers.get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
        let csrf = body.get("csrf").and_then(Value::as_str);
        Ok(Session {
            cookie: cookies.map(str::trim).collect::<Vec<_>>().join("; "),
            csrf: csrf.unwrap_or_default().to_owned(),
        })
    }
}

impl Direct for StraightAtScrm {
    fn send<'a>(&'a self, request: &'a RequestView) -> BoxFuture<'a, Result<DirectAnswer, String>> {
        Box::pin(self.replay(request))
    }
}

/// Path and query, as they were sent.
fn target_of(request: &RequestView) -> String {
    let mut target = String::new();
    for segment in request.path.segments() {
        target.push('/');
        target.extend(utf8_percent_encode(segment, NON_ALPHANUMERIC));
    }
    if target.is_empty() {
        target.push('/');
    }
    if !request.query.is_empty() {
        target.push('?');
        target.push_str(&pairs(&request.query));
    }
    target
}

fn pairs(fields: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}
