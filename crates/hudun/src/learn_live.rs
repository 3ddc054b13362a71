//! Learning a product from live traffic: a plain proxy on a port of its own that passes everything on and looks at it.
//!
//! It guards nothing and records nothing but what a proposal needs. WebSockets are not passed on.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hudun_learn::{Learner, Sample};
use reqwest::{Client, Url};
use tokio::net::TcpListener;

/// Largest request that is passed on, bytes; uploads of an ordinary working day fit.
const LARGEST_REQUEST: usize = 64 << 20;
/// Largest answer that is passed on, bytes.
const LARGEST_ANSWER: usize = 256 << 20;
/// How long the SCRM may take for one answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Headers that speak of one connection (RFC 9110, section 7.6.1), or of a body that is sent anew. `Host` stays: some
/// products hold it against `Origin`.
const OF_THE_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    UPGRADE,
];

struct Proxy {
    upstream: Url,
    client: Client,
    learner: Mutex<Learner>,
}

/// Passes requests on to `upstream` until `stop`, and gives back what was learned.
///
/// # Errors
/// When the port can't be opened or the address of the upstream can't be used.
pub(crate) async fn learn(
    upstream: &str,
    listen: SocketAddr,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<Learner> {
    let upstream = Url::parse(upstream).with_context(|| format!("--upstream {upstream}"))?;
    anyhow::ensure!(
        upstream.has_host() && upstream.path() == "/",
        "--upstream {upstream}: give scheme, host and port only, such as http://127.0.0.1:8069"
    );
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("--listen {listen}"))?;
    eprintln!(
        "学习中 learning: 用浏览器打开 open http://{} ，在其中工作 and work in it; Ctrl-C 结束并打印草稿 prints the proposal",
        listener.local_addr()?
    );
    let proxy = Arc::new(Proxy {
        upstream,
        client,
        learner: Mutex::default(),
    });
    let app = Router::new().fallback(pass).with_state(Arc::clone(&proxy));
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    let mut learner = proxy.learner.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut learner))
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            "hudun profile learn: this request is too large to be passed on\n",
        )
            .into_response();
    };
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let Ok(url) = proxy.upstream.join(target) else {
        return (
            StatusCode::BAD_REQUEST,
            "hudun profile learn: this address can't be passed on\n",
        )
            .into_response();
    };
    // `//host/…` would lead elsewhere.
    if url.origin() != proxy.upstream.origin() {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut headers = end_to_end(&parts.headers);
    // The client decodes what it asked for itself.
    headers.remove(ACCEPT_ENCODING);
    let sent = proxy
        .client
        .request(parts.method.clone(), url)
        .headers(headers)
        .body(body.clone())
        .send()
        .await;
    let (status, answer_headers, answer) = match sent {
        Ok(response) => {
            let (status, headers) = (response.status(), response.headers().clone());
            match bounded(response).await {
                Ok(answer) => (status, headers, answer),
                Err(cause) => return unreachable_upstream(&cause),
            }
        }
        Err(cause) => return unreachable_upstream(&cause.to_string()),
    };
    proxy
        .learner
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .see(&Sample {
            method: parts.method.as_str(),
            target,
            headers: &pairs(&parts.headers),
            body: (!body.is_empty()).then_some(&body),
            status: status.as_u16(),
            answer_headers: &pairs(&answer_headers),
            answer: Some(&answer),
        });
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    *response.headers_mut() = end_to_end(&answer_headers);
    response
}

async fn bounded(mut response: reqwest::Response) -> Result<Bytes, String> {
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|cause| cause.to_string())? {
        if whole.len() + chunk.len() > LARGEST_ANSWER {
            return Err(format!("the answer is larger than {LARGEST_ANSWER} bytes"));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

fn unreachable_upstream(cause: &str) -> Response {
    let text = format!("hudun profile learn: the SCRM did not answer: {cause}\n");
    (StatusCode::BAD_GATEWAY, text).into_response()
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !OF_THE_CONNECTION.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::extract::Path;
    use axum::routing::get;
    use serde_json::json;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_passes_is_learned_and_arrives_unchanged() {
        let product = Router::new().route(
            "/api/customer/{id}",
            get(|Path(id): Path<u32>| async move {
                Json(json!({ "id": id, "name": "张三", "mobile": format!("1380000{id}") }))
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, product).await });

        let spare = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = spare.local_addr().unwrap();
        drop(spare);
        let (stop, stopped) = oneshot::channel::<()>();
        let learning = tokio::spawn(async move {
            learn(&upstream, listen, async {
                let _ = stopped.await;
            })
            .await
        });
        let client = Client::builder().no_proxy().build().unwrap();
        for id in 1000..1040 {
            let url = format!("http://{listen}/api/customer/{id}");
            let answer = loop {
                match client.get(&url).send().await {
                    Ok(answer) => break answer,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            let body: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(body["id"], id);
        }
        drop(client);
        stop.send(()).unwrap();
        let mut learner = learning.await.unwrap().unwrap();
        assert_eq!(learner.counts().samples, 40);
        let proposal = learner.propose("small-crm");
        assert!(
            proposal.contains("mobile") && proposal.contains("/api/customer/{"),
            "{proposal}"
        );
        assert!(!proposal.contains("1380000"));
    }

    #[tokio::test]
    async fn an_upstream_with_a_path_is_refused() {
        let refused = learn(
            "http://127.0.0.1:1/crm",
            ([127, 0, 0, 1], 0).into(),
            async {},
        )
        .await;
        assert!(format!("{:#}", refused.err().unwrap()).contains("--upstream"));
    }
}
