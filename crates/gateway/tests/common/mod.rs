//! A small SCRM, a journal that can be stopped, and a client on one connection.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hudun_core::{
    BoxFuture, Delivery, ExchangeEnd, ExchangeEvent, Expiry, Isolation, IsolationMode, Policy,
    Release, Restriction, RestrictionId, Timestamp,
};
use hudun_gateway::{
    Accounting, AccountingError, ForgetSessions, Gateway, GatewayConfig, GatewayParts, HttpLimits,
    JournalRecord, PolicyHandle, RecentTraffic, Tls,
};
use hudun_pii::Keyer;
use hudun_profile::Profile;
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub const ME: &str = "anna@north";
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A journal in memory. While its door is shut, nothing becomes durable.
#[derive(Clone)]
pub struct Journal {
    pub records: Arc<Mutex<Vec<JournalRecord>>>,
    door: watch::Sender<bool>,
    pub waiting: Arc<AtomicU64>,
    pub full: Arc<AtomicBool>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            records: Arc::default(),
            door: watch::channel(true).0,
            waiting: Arc::default(),
            full: Arc::default(),
        }
    }
}

impl Journal {
    pub fn shut(&self) {
        self.door.send_replace(false);
    }

    pub fn open(&self) {
        self.door.send_replace(true);
    }

    pub fn releases(&self) -> Vec<Release> {
        let records = self.records.lock().unwrap();
        records
            .iter()
            .filter_map(|record| match record {
                JournalRecord::Release(release) | JournalRecord::Small(_, release) => {
                    Some(release.clone())
                }
                _ => None,
            })
            .collect()
    }

    pub fn ends(&self) -> Vec<ExchangeEnd> {
        let records = self.records.lock().unwrap();
        records
            .iter()
            .filter_map(|record| match record {
                JournalRecord::End(end) => Some(end.clone()),
                _ => None,
            })
            .collect()
    }

    /// Waits until so many exchanges have ended.
    pub async fn ended(&self, count: usize) -> Vec<ExchangeEnd> {
        until(|| self.ends().len() >= count).await;
        self.ends()
    }
}

impl Accounting for Journal {
    fn record(&self, record: JournalRecord) -> BoxFuture<'_, Result<(), AccountingError>> {
        Box::pin(async move {
            if self.full.load(Ordering::SeqCst) {
                return Err(AccountingError("no space left on device".to_owned()));
            }
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let mut door = self.door.subscribe();
            door.wait_for(|open| *open).await.unwrap();
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            self.records.lock().unwrap().push(record);
            Ok(())
        })
    }

    fn record_relaxed(&self, record: JournalRecord) -> Result<(), AccountingError> {
        self.records.lock().unwrap().push(record);
        Ok(())
    }
}

/// A gateway before the small SCRM.
pub struct Bed {
    pub gateway: Arc<Gateway>,
    pub address: SocketAddr,
    pub upstream: Arc<Scrm>,
    pub journal: Journal,
    pub policy: PolicyHandle,
    pub events: mpsc::Receiver<ExchangeEvent>,
    pub stop: CancellationToken,
    pub served: tokio::task::JoinHandle<()>,
}

impl Bed {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut GatewayParts)) -> Self {
        Self::start(change, None).await
    }

    pub async fn start(change: impl FnOnce(&mut GatewayParts), tls: Option<Tls>) -> Self {
        let upstream = Scrm::start("main").await;
        let (sender, events) = mpsc::channel(100_000);
        let journal = Journal::default();
        let text = include_str!("../../../../profiles/hudun-scrm.yaml");
        let policy = PolicyHandle::new(Policy::empty(Timestamp::now())).unwrap();
        let mut parts = GatewayParts {
            config: GatewayConfig {
                upstream: format!("http://{}", upstream.address).parse().unwrap(),
                standby: None,
                upstream_ca: None,
                trusted_proxies: vec![],
                tenant: "default".parse().unwrap(),
                key: [7; 32],
                limits: HttpLimits::default(),
            },
            profile: Arc::new(Profile::parse(text, "hudun-scrm.yaml").unwrap()),
            policy: policy.clone(),
            accounting: Arc::new(journal.clone()),
            sessions: Arc::new(ForgetSessions),
            keys: Arc::new(|_: &hudun_core::TenantId| Keyer::new(&[1; 32])),
            events: sender,
            recent: RecentTraffic::new(5),
            inspectors: vec![],
        };
        change(&mut parts);
        let gateway = Gateway::new(parts).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(Arc::clone(&gateway).serve(listener, tls, stop.clone()));
        Self {
            gateway,
            address,
            upstream,
            journal,
            policy,
            events,
            stop,
            served,
        }
    }

    pub async fn client(&self) -> Client {
        Client::new(self.address).await
    }

    /// A client that has logged in.
    pub async fn logged_in(&self) -> Client {
        let mut client = self.client().await;
        client.log_in(ME).await;
        client
    }

    /// Changes the policy; in force when this returns.
    pub fn change(&self, change: impl FnOnce(&mut Policy)) {
        let mut next = self
            .policy
            .load()
            .policy()
            .next(Timestamp::now(), "test", "test");
        change(&mut next);
        self.policy.swap(next).unwrap();
    }

    pub fn isolate(&self, module: &str, mode: IsolationMode) -> RestrictionId {
        let restriction = restriction();
        let id = restriction.id;
        self.change(|policy| {
            policy.isolations = vec![Isolation {
                restriction,
                tenant: None,
                module: module.parse().unwrap(),
                mode,
            }];
        });
        id
    }
}

pub fn restriction() -> Restriction {
    Restriction {
        id: RestrictionId::new(),
        owner: "li.lei".to_owned(),
        reason: "演练".to_owned(),
        incident: None,
        since: Timestamp::from_millis(0),
        expiry: Expiry::Never {
            because: "test".to_owned(),
        },
    }
}

/// One connection.
pub struct Client {
    pub sender: SendRequest<Full<Bytes>>,
    pub cookie: Option<String>,
    pub address: SocketAddr,
}

pub struct Got {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Client {
    pub async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection.with_upgrades());
        Self {
            sender,
            cookie: None,
            address,
        }
    }

    pub async fn log_in(&mut self, account: &str) -> Got {
        let body = format!(r#"{{"account":"{account}","password":"x"}}"#);
        let got = self
            .send(
                "POST",
                "/api/auth/login",
                &[("content-type", "application/json")],
                &body,
            )
            .await;
        if let Some(cookie) = got.header("set-cookie") {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        got
    }

    /// Begins a long file; its first bytes, and the rest of its body.
    pub async fn export(&mut self, rows: usize) -> (Bytes, Incoming) {
        let path = format!("/api/export/1/file?rows={rows}");
        let response = self.begin("GET", &path, &[], "").await.unwrap();
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        (first, body)
    }

    pub async fn get(&mut self, path: &str) -> Got {
        self.send("GET", path, &[], "").await
    }

    pub async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "crm.test");
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let (parts, body) = self
            .begin(method, path, headers, body)
            .await
            .unwrap()
            .into_parts();
        Got {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }
}

/// The small SCRM.
pub struct Scrm {
    pub address: SocketAddr,
    pub requests: AtomicU64,
    /// Groups of a long file that it has produced.
    pub produced: AtomicU64,
    pub seen: Mutex<Vec<(String, http::HeaderMap, Bytes)>>,
    pub name: &'static str,
}

impl Scrm {
    pub async fn start(name: &'static str) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scrm = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            requests: AtomicU64::new(0),
            produced: AtomicU64::new(0),
            seen: Mutex::default(),
            name,
        });
        let this = Arc::clone(&scrm);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let this = Arc::clone(&this);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let this = Arc::clone(&this);
                        async move { Ok::<_, Infallible>(this.answer(request).await) }
                    });
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection_with_upgrades(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        scrm
    }

    pub fn count(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let param = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        if path == "/ws" {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let (mut read, mut write) = tokio::io::split(&mut io);
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
            return Response::builder()
                .status(101)
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .body(full(""))
                .unwrap();
        }
        let headers = request.headers().clone();
        let target = request.uri().to_string();
        let method = request.method().to_string();
        let body = request
            .into_body()
            .collect()
            .await
            .map(|all| all.to_bytes())
            .unwrap_or_default();
        self.seen.lock().unwrap().push((
            format!("{method} {target}"),
            headers.clone(),
            body.clone(),
        ));
        let logged = headers.get("cookie").and_then(|value| {
            value
                .to_str()
                .unwrap()
                .strip_prefix("scrm_session=S-")
                .map(str::to_owned)
        });
        match path.as_str() {
            "/api/auth/login" => {
                let ask: serde_json::Value = serde_json::from_slice(&body).unwrap();
                let account = ask["account"].as_str().unwrap();
                if ask["password"] == "wrong" {
                    return json(
                        StatusCode::UNAUTHORIZED,
                        r#"{"error":{"code":"bad_credentials"}}"#,
                    );
                }
                let mut response = json(
                    StatusCode::OK,
                    &format!(
                        r#"{{"account":"{account}","role":"sales","tenant":"north","csrf":"c"}}"#
                    ),
                );
                let cookie = format!(
                    "scrm_session=S-{account}-{}; Path=/; HttpOnly",
                    self.count()
                );
                response
                    .headers_mut()
                    .insert("set-cookie", cookie.parse().unwrap());
                response
            }
            "/api/auth/me" => match logged {
                Some(session) if session.contains('@') => {
                    let account = session.rsplit_once('-').unwrap().0;
                    json(
                        StatusCode::OK,
                        &format!(r#"{{"account":"{account}","role":"sales","tenant":"north"}}"#),
                    )
                }
                _ => json(StatusCode::UNAUTHORIZED, "{}"),
            },
            "/api/customer" if method == "GET" => {
                let rows: usize = param("rows")
                    .and_then(|rows| rows.parse().ok())
                    .unwrap_or(2);
                let owner = param("owner").unwrap_or_else(|| ME.to_owned());
                let items: Vec<String> = (1..=rows).map(|id| customer(id, &owner)).collect();
                let text = format!(r#"{{"items":[{}],"total":{rows}}}"#, items.join(","));
                coded(
                    &text,
                    "application/json",
                    param("enc").filter(|coding| !coding.is_empty()).as_deref(),
                    param("chunked").is_some(),
                )
                .await
            }
            "/customers" => {
                let text = format!(
                    "<!doctype html><html><body><table><tr data-customer-id=\"1\"><td>张三</td><td>{}</td></tr></table></body></html>",
                    mobile(1)
                );
                coded(
                    &text,
                    "text/html; charset=utf-8",
                    param("enc").filter(|coding| !coding.is_empty()).as_deref(),
                    true,
                )
                .await
            }
            "/api/stats" => json(StatusCode::OK, r#"{"customers":3}"#),
            "/broken" => Response::builder()
                .header("content-type", "application/json")
                .body(
                    StreamBody::new(stream::iter(vec![
                        Ok(Frame::data(Bytes::from_static(b"{"))),
                        Err(std::io::Error::other("gone")),
                    ]))
                    .boxed_unsync(),
                )
                .unwrap(),
            "/where" => json(
                StatusCode::OK,
                &format!(r#"{{"upstream":"{}"}}"#, self.name),
            ),
            "/events" => {
                let events = stream::unfold(0, |n| async move {
                    if n > 0 {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    (n < 3).then(|| {
                        (
                            Ok(Frame::data(Bytes::from(format!("data: {{\"n\":{n}}}\n\n")))),
                            n + 1,
                        )
                    })
                });
                Response::builder()
                    .header("content-type", "text/event-stream")
                    .body(StreamBody::new(events).boxed_unsync())
                    .unwrap()
            }
            "/api/export/1/file" => {
                let rows: usize = param("rows")
                    .and_then(|rows| rows.parse().ok())
                    .unwrap_or(2_000);
                let this = Arc::clone(&self);
                let lines = stream::iter(0..=rows / 100).map(move |group| {
                    this.produced.fetch_add(1, Ordering::SeqCst);
                    let mut text = String::new();
                    if group == 0 {
                        text.push_str("customer_id,name,mobile,owner\r\n");
                    } else {
                        for id in (group - 1) * 100 + 1..=group * 100 {
                            text.push_str(&format!("{id},张三,{},{ME}\r\n", mobile(id)));
                        }
                    }
                    Ok(Frame::data(Bytes::from(text)))
                });
                Response::builder()
                    .header("content-type", "text/csv; charset=utf-8")
                    .body(StreamBody::new(lines).boxed_unsync())
                    .unwrap()
            }
            _ if path.starts_with("/api/customer/") && method == "GET" => {
                let id: usize = path.rsplit('/').next().unwrap().parse().unwrap_or(0);
                json(
                    StatusCode::OK,
                    &customer(id, if id < 100 { ME } else { "bob@north" }),
                )
            }
            _ => json(StatusCode::OK, r#"{"ok":true}"#),
        }
    }
}

pub fn mobile(id: usize) -> String {
    format!("138{id:08}")
}

fn customer(id: usize, owner: &str) -> String {
    format!(
        r#"{{"id":{id},"name":"张三","mobile":"{}","owner":"{owner}"}}"#,
        mobile(id)
    )
}

fn full(text: &str) -> Body {
    Full::new(Bytes::from(text.to_owned()))
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn json(status: StatusCode, text: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(full(text))
        .unwrap()
}

async fn coded(text: &str, kind: &str, coding: Option<&str>, chunked: bool) -> Response<Body> {
    let bytes = encode(text.as_bytes(), coding).await;
    let mut response = Response::builder().header("content-type", kind);
    // "plain-gzip" says gzip and is plain, as some servers do.
    if let Some(coding) = coding {
        response = response.header(
            "content-encoding",
            coding.strip_prefix("plain-").unwrap_or(coding),
        );
    }
    let body = if chunked {
        let pieces: Vec<_> = bytes
            .chunks(7)
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        StreamBody::new(stream::iter(pieces)).boxed_unsync()
    } else {
        Full::new(Bytes::from(bytes))
            .map_err(|never| match never {})
            .boxed_unsync()
    };
    response.body(body).unwrap()
}

pub async fn encode(bytes: &[u8], coding: Option<&str>) -> Vec<u8> {
    use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
    use tokio::io::AsyncReadExt as _;
    let mut out = Vec::new();
    let done = match coding {
        Some("gzip") => GzipEncoder::new(bytes).read_to_end(&mut out).await,
        Some("deflate") => ZlibEncoder::new(bytes).read_to_end(&mut out).await,
        Some("br") => BrotliEncoder::new(bytes).read_to_end(&mut out).await,
        Some("zstd") => ZstdEncoder::new(bytes).read_to_end(&mut out).await,
        _ => return bytes.to_vec(),
    };
    done.unwrap();
    out
}

/// Waits for something that must come true.
pub async fn until(mut true_now: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if true_now() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came true");
}

pub fn delivered(end: &ExchangeEnd) -> bool {
    end.delivery == Delivery::Delivered
}
