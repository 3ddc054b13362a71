//! A web server, one with TLS, and a forward proxy, all real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What a site serves, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Site(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    body: Vec<u8>,
    etag: Option<String>,
    status: u16,
    /// Breaks off after so many bytes, once for each.
    breaks: Vec<usize>,
    /// Never goes on after so many bytes.
    stalls: Option<usize>,
    ranges: bool,
    location: Option<String>,
    asked: Vec<(String, HeaderMap, u16)>,
}

impl Site {
    pub(crate) fn serves(&self, body: impl Into<Vec<u8>>, etag: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.body = body.into();
        inner.etag = (!etag.is_empty()).then(|| etag.to_owned());
    }

    pub(crate) fn answers(&self, status: u16) {
        self.0.lock().unwrap().status = status;
    }

    pub(crate) fn leads_to(&self, place: &str) {
        let mut inner = self.0.lock().unwrap();
        inner.status = 302;
        inner.location = Some(place.to_owned());
    }

    pub(crate) fn breaks_after(&self, bytes: &[usize], ranges: bool) {
        let mut inner = self.0.lock().unwrap();
        inner.breaks = bytes.to_vec();
        inner.ranges = ranges;
    }

    pub(crate) fn stalls_after(&self, bytes: usize) {
        self.0.lock().unwrap().stalls = Some(bytes);
    }

    /// The statuses of its answers so far.
    pub(crate) fn answered(&self) -> Vec<u16> {
        let inner = self.0.lock().unwrap();
        inner.asked.iter().map(|(_, _, status)| *status).collect()
    }

    pub(crate) fn headers(&self, at: usize) -> HeaderMap {
        self.0.lock().unwrap().asked[at].1.clone()
    }

    pub(crate) fn targets(&self) -> Vec<String> {
        let inner = self.0.lock().unwrap();
        inner
            .asked
            .iter()
            .map(|(target, ..)| target.clone())
            .collect()
    }

    fn answer(&self, request: &Request<Body>) -> Response {
        let mut inner = self.0.lock().unwrap();
        let headers = request.headers();
        let same = |name: header::HeaderName| {
            inner.etag.is_some()
                && headers.get(name).and_then(|tag| tag.to_str().ok()) == inner.etag.as_deref()
        };
        let from = headers
            .get(header::RANGE)
            .filter(|_| inner.ranges && same(header::IF_RANGE))
            .and_then(|range| {
                range
                    .to_str()
                    .ok()?
                    .strip_prefix("bytes=")?
                    .strip_suffix('-')?
                    .parse::<usize>()
                    .ok()
            });
        let status = match (inner.status, from) {
            (0, _) if same(header::IF_NONE_MATCH) => 304,
            (0, Some(_)) => 206,
            (0, None) => 200,
            (status, _) => status,
        };
        inner
            .asked
            .push((request.uri().to_string(), headers.clone(), status));
        let mut response = StatusCode::from_u16(status).unwrap().into_response();
        if let Some(etag) = &inner.etag {
            response
                .headers_mut()
                .insert(header::ETAG, etag.parse().unwrap());
        }
        if let Some(place) = &inner.location {
            response
                .headers_mut()
                .insert(header::LOCATION, place.parse().unwrap());
        }
        if !matches!(status, 200 | 206) {
            return response;
        }
        let from = from.unwrap_or_default();
        let total = inner.body.len();
        let rest = inner.body[from..].to_vec();
        response.headers_mut().insert(
            header::CONTENT_LENGTH,
            rest.len().to_string().parse().unwrap(),
        );
        response.headers_mut().insert(
            header::CONTENT_RANGE,
            format!("bytes {from}-{}/{total}", total.saturating_sub(1))
                .parse()
                .unwrap(),
        );
        let breaks = (!inner.breaks.is_empty()).then(|| inner.breaks.remove(0));
        let stalls = inner.stalls;
        *response.body_mut() = match (breaks, stalls) {
            (Some(at), _) => Body::new(Parts::new(&rest, at, false)),
            (_, Some(at)) => Body::new(Parts::new(&rest, at, true)),
            _ => Body::from(rest),
        };
        response
    }
}

/// A body that breaks off, or never goes on, after its first bytes.
struct Parts {
    first: Option<Bytes>,
    stalls: bool,
    /// Time for the first bytes to leave before it breaks.
    rest: Option<std::pin::Pin<Box<tokio::time::Sleep>>>,
}

impl Parts {
    fn new(body: &[u8], at: usize, stalls: bool) -> Self {
        Self {
            first: Some(Bytes::copy_from_slice(&body[..at.min(body.len())])),
            stalls,
            rest: None,
        }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        use std::task::Poll;
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(http_body::Frame::data(first)))),
            None if self.stalls => Poll::Pending,
            None => {
                let rest = self.rest.get_or_insert_with(|| {
                    Box::pin(tokio::time::sleep(std::time::Duration::from_millis(200)))
                });
                match std::future::Future::poll(rest.as_mut(), context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => {
                        Poll::Ready(Some(Err(std::io::Error::other("broken on purpose"))))
                    }
                }
            }
        }
    }
}

async fn handle(State(site): State<Site>, request: Request<Body>) -> Response {
    site.answer(&request)
}

fn router(site: &Site) -> axum::Router {
    axum::Router::new()
        .fallback(handle)
        .with_state(site.clone())
}

/// Serves over HTTP; the address is `http://127.0.0.1:port`.
pub(crate) async fn serve(site: &Site) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(site);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Serves over HTTPS with a certificate of an authority of its own: the address, and the authority's certificate as PEM.
pub(crate) async fn serve_tls(site: &Site) -> (String, String) {
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let pem = certificate.pem();
    let config = ServerConfig::builder_with_provider(
        tokio_rustls::rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![certificate.der().clone()],
        PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    )
    .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = router(site);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = hyper_util::service::TowerToHyperService::new(router);
                let _ = hyper_util::server::conn::auto::Builder::new(
                    hyper_util::rt::TokioExecutor::new(),
                )
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                .await;
            });
        }
    });
    (format!("https://localhost:{port}"), pem)
}

/// A forward proxy: its address, and the first line of each request that it saw.
pub(crate) async fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let lines = Arc::clone(&lines);
            tokio::spawn(async move {
                let _ = forward(stream, &lines).await;
            });
        }
    });
    (format!("http://{address}"), seen)
}

async fn forward(mut client: TcpStream, lines: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next().unwrap_or_default().to_owned();
    lines.lock().unwrap().push(line.clone());
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    if method == "CONNECT" {
        let mut server = TcpStream::connect(target).await?;
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
        copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    }
    let rest = target.strip_prefix("http://").expect("the whole address");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut server = TcpStream::connect(host).await?;
    let head = text.replacen(target, &format!("/{path}"), 1);
    server.write_all(head.as_bytes()).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
