//! The SCRM itself, past the gateway: where a repair is proven.

use std::sync::Arc;
use std::time::Duration;

use hudun_core::BoxFuture;
use hudun_gateway::Gateway;
use hudun_profile::{BodyView, RequestView};
use hudun_repair::{Direct, DirectAnswer};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// Largest answer that is read, bytes.
const ANSWER: usize = 32 << 20;

/// Where to knock and as whom.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Address of the SCRM, such as `http://127.0.0.1:8069`.
    pub upstream: String,
    /// An account that may see only its own rows.
    pub account: String,
    /// Its password.
    pub password: String,
}

/// Enters the SCRM with a log-in of its own and reads the answers as the gateway would. The log-in is that of products
/// that take `{account, password}` as JSON on the path that their profile names.
pub struct StraightAtScrm {
    verifier: Mutex<Option<Verifier>>,
    gateway: Arc<Gateway>,
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
        let client = Client::builder()
            .cookie_store(true)
            .gzip(true)
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|cause| cause.to_string())?;
        let csrf = log_in(&client, &verifier).await?;
        let method =
            Method::from_bytes(request.method.as_bytes()).map_err(|cause| cause.to_string())?;
        let url = format!("{}{}", verifier.upstream, path_of(request));
        let mut again = client
            .request(method, url)
            .query(&request.query)
            .header("x-csrf-token", csrf);
        if let BodyView::Json(body) = &request.body {
            again = again.json(body);
        }
        let answer = again.send().await.map_err(|cause| cause.to_string())?;
        let status = answer.status().as_u16();
        let kind = answer
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .map(str::to_owned);
        let body = answer.bytes().await.map_err(|cause| cause.to_string())?;
        let read = body.get(..ANSWER).unwrap_or(&body);
        let facts = self
            .gateway
            .read_answer(request, kind.as_deref(), read, &verifier.account);
        Ok(DirectAnswer {
            status,
            foreign_rows: if status < 400 { facts.foreign_rows } else { 0 },
        })
    }
}

impl Direct for StraightAtScrm {
    fn send<'a>(&'a self, request: &'a RequestView) -> BoxFuture<'a, Result<DirectAnswer, String>> {
        Box::pin(self.replay(request))
    }
}

async fn log_in(client: &Client, verifier: &Verifier) -> Result<String, String> {
    let answer = client
        .post(format!("{}/api/auth/login", verifier.upstream))
        .json(&json!({ "account": verifier.account, "password": verifier.password }))
        .send()
        .await
        .map_err(|cause| format!("the SCRM does not answer: {cause}"))?;
    if !answer.status().is_success() {
        return Err(format!(
            "the account {} can't log in at the SCRM: status {}",
            verifier.account,
            answer.status()
        ));
    }
    let body: Value = answer.json().await.map_err(|cause| cause.to_string())?;
    Ok(body
        .get("csrf")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned())
}

fn path_of(request: &RequestView) -> String {
    let mut path = String::new();
    for segment in request.path.segments() {
        path.push('/');
        path.extend(percent_encoding::utf8_percent_encode(
            segment,
            percent_encoding::NON_ALPHANUMERIC,
        ));
    }
    if path.is_empty() {
        "/".to_owned()
    } else {
        path
    }
}
