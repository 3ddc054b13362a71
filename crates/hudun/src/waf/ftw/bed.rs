//! A real gateway before a test backend, and a client that sends bytes as they are.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hudun_core::{BoxFuture, ExchangeId, Policy, TenantId, Timestamp};
use hudun_ftw::Seen;
use hudun_gateway::{
    Accounting, AccountingError, ForgetSessions, Gateway, GatewayConfig, GatewayParts, HttpLimits,
    JournalRecord, PolicyHandle, RecentTraffic, Waf, WafLog, WafMode, WafSettings,
};
use hudun_pii::Keyer;
use hudun_profile::Profile;
use hudun_seclang::{Judging, Outcome, RuleSet};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// An SCRM of which nothing is known but one route, on which exceptions are tried.
pub(crate) const PROFILE: &str = "{format: 1, product: ftw, title: {zh: 测试, en: test}, verified: false, \
    modules: [{id: proof, title: {zh: 例外, en: exceptions}, accounting: relaxed, fail: open}], \
    routes: [{id: proof.search, module: proof, match: [{method: GET, path: /hudun-proof}], public: true}]}";
/// Outcomes that wait for the test to look.
const OUTCOMES: usize = 1_024;
/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A gateway before a backend that answers as tests ask.
pub struct Through {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its inspection.
    pub waf: Arc<Waf>,
    outcomes: tokio::sync::Mutex<mpsc::Receiver<Outcome>>,
    stop: CancellationToken,
}

struct Outcomes(mpsc::Sender<Outcome>);

impl WafLog for Outcomes {
    fn judged(&self, _: ExchangeId, outcome: &Outcome) {
        // One request is under way at a time; a full queue shows as a failing test.
        let _ = self.0.try_send(outcome.clone());
    }
}

/// Nothing is kept: the suite is about inspection.
struct Nothing;

impl Accounting for Nothing {
    fn record(&self, _: JournalRecord) -> BoxFuture<'_, Result<(), AccountingError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn record_relaxed(&self, _: JournalRecord) -> Result<(), AccountingError> {
        Ok(())
    }
}

impl Through {
    /// Starts backend and gateway on free ports of this machine.
    ///
    /// # Errors
    /// When there is no port, or the gateway can't be made.
    pub async fn start(rules: RuleSet) -> anyhow::Result<Self> {
        Self::with(rules, Judging::Exact).await
    }

    /// The same with another way of judging.
    ///
    /// # Errors
    /// When there is no port, or the gateway can't be made.
    pub async fn with(rules: RuleSet, judging: Judging) -> anyhow::Result<Self> {
        let settings = WafSettings {
            mode: WafMode::Block,
            judging,
            answers: true,
            ..WafSettings::default()
        };
        Self::set(rules, settings).await
    }

    /// The same with any settings.
    ///
    /// # Errors
    /// When there is no port, or the gateway can't be made.
    pub async fn set(rules: RuleSet, settings: WafSettings) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let upstream = backend(stop.clone()).await?;
        let (sender, outcomes) = mpsc::channel(OUTCOMES);
        let waf = Arc::new(Waf::new(
            rules,
            "test",
            Duration::ZERO,
            settings,
            Some(Arc::new(Outcomes(sender))),
        ));
        let (events, mut told) = mpsc::channel(OUTCOMES);
        tokio::spawn(async move { while told.recv().await.is_some() {} });
        let parts = GatewayParts {
            config: GatewayConfig {
                upstream: format!("http://{upstream}").parse()?,
                standby: None,
                upstream_ca: None,
                trusted_proxies: Vec::new(),
                tenant: "default".parse()?,
                key: [7; 32],
                limits: HttpLimits {
                    // CRS's own rules judge how many headers and how long.
                    headers: 500,
                    // Some tests announce more than they send.
                    head_time: Duration::from_secs(1),
                    body_time: Duration::from_secs(1),
                    ..HttpLimits::default()
                },
            },
            profile: Arc::new(Profile::parse(PROFILE, "ftw.yaml")?),
            policy: PolicyHandle::new(Policy::empty(Timestamp::now()))?,
            accounting: Arc::new(Nothing),
            sessions: Arc::new(ForgetSessions),
            keys: Arc::new(|_: &TenantId| Keyer::new(&[1; 32])),
            events,
            recent: RecentTraffic::new(1),
            inspectors: Vec::new(),
        };
        let gateway = Gateway::with_rules(parts, Some(Arc::clone(&waf)))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(gateway.serve(listener, None, stop.clone()));
        Ok(Self {
            address,
            waf,
            outcomes: tokio::sync::Mutex::new(outcomes),
            stop,
        })
    }

    /// Sends bytes over a connection of their own and waits for the answer.
    ///
    /// # Errors
    /// When the gateway can't be reached or does not answer in time.
    pub async fn send(&self, bytes: &[u8]) -> anyhow::Result<Seen> {
        let mut outcomes = self.outcomes.lock().await;
        while outcomes.try_recv().is_ok() {}
        let status = tokio::time::timeout(ANSWER, answer(self.address, bytes))
            .await
            .context("no answer in time")??;
        let outcome = outcomes.try_recv().ok();
        let log = match &outcome {
            Some(outcome) => hudun_ftw::log_of(&outcome.matches),
            None => format!("the gateway refused it before any rule ran: status {status}"),
        };
        Ok(Seen {
            status,
            log,
            outcome,
        })
    }

    /// Stops gateway and backend.
    pub async fn stop(self) {
        self.stop.cancel();
    }
}

/// The status of the answer to these bytes; 0 when the connection closes without one.
async fn answer(address: SocketAddr, bytes: &[u8]) -> anyhow::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // The gateway may refuse, and close, before it has read everything.
    let _ = stream.write_all(bytes).await;
    let head_only = bytes.starts_with(b"HEAD ");
    let mut got = Vec::new();
    let mut piece = [0_u8; 16 << 10];
    loop {
        if is_whole(&got, head_only) {
            break;
        }
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => got.extend_from_slice(&piece[..count]),
        }
        if got.len() > 64 << 20 {
            bail!("an answer without end");
        }
    }
    let line = got.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    Ok(line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0))
}

/// Whether an answer is here to its end.
fn is_whole(got: &[u8], head_only: bool) -> bool {
    let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&got[..end]).to_ascii_lowercase();
    let body = &got[end + 4..];
    let none = head_only
        || [" 204", " 304", " 1"]
            .iter()
            .any(|kind| head[..head.len().min(14)].contains(kind));
    if none {
        return true;
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|value| value.trim().parse::<usize>().ok());
    match length {
        Some(length) => body.len() >= length,
        None => head.contains("transfer-encoding: chunked") && body.ends_with(b"0\r\n\r\n"),
    }
}

/// The suite's backend, over real sockets.
async fn backend(stop: CancellationToken) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => return,
                taken = listener.accept() => match taken {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "the test backend could not take a connection");
                        return;
                    }
                },
            };
            tokio::spawn(async move {
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(reflect))
                    .await;
                if let Err(error) = served {
                    tracing::debug!(%error, "a connection of the test backend ended");
                }
            });
        }
    });
    Ok(address)
}

async fn reflect(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, 64 << 20)
        .collect()
        .await
        .map(|whole| whole.to_bytes())
        .unwrap_or_default();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let (status, headers, body) =
        hudun_ftw::backend(parts.method.as_str().as_bytes(), target.as_bytes(), &body);
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::from_bytes(name.as_bytes()),
            http::HeaderValue::from_bytes(value.as_bytes()),
        ) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}
