//! A hyper service with the engine in front of it: attacks get 403 and a sentence, everything else an echo.
//!
//! `cargo run -p hudun-seclang --example hyper -- 'rules/waf/*.conf'`, then
//! `curl -i 'http://127.0.0.1:8095/?q=1%27%20or%20%271%27=%271'`.
//!
//! What matters: one [`RuleSet`] for all connections, one [`Transaction`] for each request, fed in the order of the wire;
//! the body is bounded before it is read; a request that the engine stops never reaches the service behind.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hudun_seclang::{Judging, RuleSet, Start, Strategy, Transaction};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Bytes of a body that are taken; a longer one gets 413.
const MOST: usize = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pattern = std::env::args()
        .nth(1)
        .ok_or("usage: hyper 'RULES/*.conf'")?;
    let rules = Arc::new(RuleSet::builder().glob(pattern).build()?);
    let listener = TcpListener::bind("127.0.0.1:8095").await?;
    println!(
        "{} rules in front of http://{}",
        rules.len(),
        listener.local_addr()?
    );
    loop {
        let (stream, peer) = listener.accept().await?;
        let rules = Arc::clone(&rules);
        tokio::spawn(async move {
            let service = service_fn(move |request| guarded(Arc::clone(&rules), peer, request));
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn guarded(
    rules: Arc<RuleSet>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return Ok(answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too long".into(),
        ));
    };
    let body = body.to_bytes();
    if let Some(stop) = judge(&rules, peer, &parts, &body) {
        return Ok(stop);
    }
    Ok(answer(
        StatusCode::OK,
        format!("{} {} passed\n", parts.method, parts.uri),
    ))
}

/// Phases 1 and 2. No await stands between the steps, so the transaction may borrow the rules.
fn judge(
    rules: &RuleSet,
    peer: SocketAddr,
    parts: &hyper::http::request::Parts,
    body: &[u8],
) -> Option<Response<Full<Bytes>>> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    #[allow(
        clippy::disallowed_methods,
        reason = "an example stands alone; it has no clock but the system's"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let mut exchange = Transaction::new(
        rules,
        Start {
            now: now as i64,
            unique_id: &name,
            client: (peer.ip(), peer.port()),
            server: ([127, 0, 0, 1].into(), 8095),
            records: None,
            strategy: Strategy::Compiled,
            judging: Judging::Balanced,
        },
    );
    exchange.request_line(
        parts.method.as_str().as_bytes(),
        parts.uri.to_string().as_bytes(),
        format!("{:?}", parts.version).as_bytes(),
    );
    for (name, value) in &parts.headers {
        exchange.request_header(name.as_str().as_bytes(), value.as_bytes());
    }
    if exchange.request_headers_end().is_none() {
        exchange.request_body(body);
        exchange.request_end();
    }
    let outcome = exchange.finish();
    for found in &outcome.matches {
        eprintln!("{}", found.log_line());
    }
    let stop = outcome.intervention?;
    let status = StatusCode::from_u16(stop.status).unwrap_or(StatusCode::FORBIDDEN);
    Some(answer(status, stop.explanation + "\n"))
}

fn answer(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
