//! One file over HTTP: through a proxy or straight, with bounds on bytes and time, and asked for only where it changed.
//!
//! Each request has a connection of its own: feeds are fetched once an hour, and a connection that was kept would be closed by
//! then. What comes is written to a file, so that no answer fills the memory, and what broke off is asked for from there on.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{HeaderName, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::error::FeedsError;
use super::shelf::Validator;

/// A connection, with TLS, is there within this time.
const CONNECT: Duration = Duration::from_secs(15);
/// Redirections of one request.
const HOPS: usize = 5;
const AGENT: &str = concat!("hudun/", env!("CARGO_PKG_VERSION"));

/// Fetches.
pub(super) struct Fetcher {
    proxy: Option<Uri>,
    tls: TlsConnector,
}

/// What to fetch, and how patiently.
pub(super) struct Ask<'a> {
    pub(super) url: &'a str,
    pub(super) headers: &'a BTreeMap<String, String>,
    /// Of the answer that is held.
    pub(super) held: Option<Validator>,
    pub(super) max_bytes: u64,
    pub(super) total: Duration,
    pub(super) idle: Duration,
    /// It is one of many pages: 403 means that they were asked for too fast.
    pub(super) pages: bool,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing new.
    Unchanged,
    /// The file is written.
    Changed(Validator),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("it is no address that can be asked")]
    Address,
    #[error("{host} can't be reached: {reason}")]
    Connect { host: String, reason: String },
    #[error("the proxy refused the way: {0}")]
    Proxy(String),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it has had enough for now, and answered {status}")]
    Later {
        status: StatusCode,
        /// How long it wants to be left alone.
        after: Option<Duration>,
    },
    #[error("it led to another place in a way that is not followed: {0}")]
    Redirect(String),
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    #[error("nothing came for {} s", .0.as_secs_f32())]
    Idle(Duration),
    #[error("it took longer than {} s", .0.as_secs_f32())]
    Total(Duration),
    #[error("it broke off after {got} bytes: {reason}")]
    Broken { got: u64, reason: String },
    #[error("it can't be written: {0}")]
    Write(#[from] io::Error),
}

impl FetchError {
    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::Later { .. }
            | Self::Proxy(_)
            | Self::Idle(_)
            | Self::Total(_)
            | Self::Broken { .. } => true,
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Address | Self::Redirect(_) | Self::TooLong(_) | Self::Write(_) => false,
        }
    }
}

/// What came so far of a file, for the next try.
#[derive(Default)]
pub(super) struct Partial {
    got: u64,
    /// What the rest has to fit.
    fits: Option<HeaderValue>,
    said: Validator,
}

impl Fetcher {
    pub(super) fn new(proxy: Option<&str>, ca: Option<&Path>) -> Result<Self, FeedsError> {
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let wrong = |reason: String| FeedsError::Config {
                    field: "intel.ca".to_owned(),
                    reason: format!("{}: {reason}", path.display()),
                };
                let found = CertificateDer::pem_file_iter(path)
                    .map_err(|error| wrong(error.to_string()))?;
                for one in found {
                    let one = one.map_err(|error| wrong(error.to_string()))?;
                    roots.add(one).map_err(|error| wrong(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(wrong("it holds no certificate".to_owned()));
                }
            }
        }
        let config = ClientConfig::builder_with_provider(crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| FeedsError::Stopped(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let proxy = match proxy {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| FeedsError::Config {
                field: "intel.proxy".to_owned(),
                reason: "it is no address".to_owned(),
            })?),
        };
        Ok(Self {
            proxy,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Fetches into a file, going on from what an earlier try of the same address left in it.
    pub(super) async fn get(
        &self,
        ask: &Ask<'_>,
        into: &Path,
        partial: &mut Partial,
    ) -> Result<Answer, FetchError> {
        match tokio::time::timeout(ask.total, self.follow(ask, into, partial)).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchError::Total(ask.total)),
        }
    }

    async fn follow(
        &self,
        ask: &Ask<'_>,
        into: &Path,
        partial: &mut Partial,
    ) -> Result<Answer, FetchError> {
        let first: Uri = ask.url.parse().map_err(|_| FetchError::Address)?;
        let mut uri = first.clone();
        for _ in 0..=HOPS {
            let headers = headers(ask, partial, uri.authority() == first.authority());
            let (response, connection) = self.send(&uri, headers, ask.idle).await?;
            let _connection = Ending(connection);
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED && ask.held.is_some() {
                return Ok(Answer::Unchanged);
            }
            if status.is_redirection()
                && let Some(place) = response.headers().get(header::LOCATION)
            {
                uri = place
                    .to_str()
                    .ok()
                    .and_then(|place| join(&uri, place))
                    .ok_or_else(|| FetchError::Redirect("no address".to_owned()))?;
                if first.scheme_str() == Some("https") && uri.scheme_str() != Some("https") {
                    return Err(FetchError::Redirect("from https to http".to_owned()));
                }
                continue;
            }
            return receive(ask, response, into, partial).await;
        }
        Err(FetchError::Redirect(format!("more than {HOPS} times")))
    }

    async fn send(
        &self,
        uri: &Uri,
        headers: HeaderMap,
        idle: Duration,
    ) -> Result<(Response<Incoming>, tokio::task::JoinHandle<()>), FetchError> {
        let host = uri.host().ok_or(FetchError::Address)?;
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let connect = async {
            let stream = match &self.proxy {
                None => dial(host, port).await?,
                Some(proxy) => {
                    let at = proxy.host().ok_or(FetchError::Address)?;
                    let stream = dial(at, proxy.port_u16().unwrap_or(3128)).await?;
                    if secure {
                        tunnel(stream, host, port).await?
                    } else {
                        stream
                    }
                }
            };
            if !secure {
                return Ok::<_, FetchError>(Way::Plain(stream));
            }
            let name =
                ServerName::try_from(bare(host).to_owned()).map_err(|_| FetchError::Address)?;
            let secured = self.tls.connect(name, stream).await;
            let stream = secured.map_err(|error| FetchError::Connect {
                host: host.to_owned(),
                reason: error.to_string(),
            })?;
            Ok(Way::Secure(Box::new(stream)))
        };
        let way =
            tokio::time::timeout(CONNECT, connect)
                .await
                .map_err(|_| FetchError::Connect {
                    host: host.to_owned(),
                    reason: format!("no connection within {} s", CONNECT.as_secs()),
                })??;
        // A proxy is told the whole address, a server only the path.
        let target = if self.proxy.is_some() && !secure {
            uri.clone()
        } else {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            path.parse().map_err(|_| FetchError::Address)?
        };
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = target;
        *request.headers_mut() = headers;
        let authority = uri.authority().ok_or(FetchError::Address)?;
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| FetchError::Address)?;
        request.headers_mut().insert(header::HOST, value);
        let exchange = async {
            match way {
                Way::Plain(stream) => exchange(stream, request).await,
                Way::Secure(stream) => exchange(*stream, request).await,
            }
        };
        tokio::time::timeout(idle, exchange)
            .await
            .map_err(|_| FetchError::Idle(idle))?
            .map_err(|error| FetchError::Broken {
                got: 0,
                reason: error.to_string(),
            })
    }
}

/// A way to the server.
enum Way {
    Plain(TcpStream),
    Secure(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Ends a connection with the request that it was made for.
struct Ending(tokio::task::JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, FetchError> {
    TcpStream::connect((bare(host), port))
        .await
        .map_err(|error| FetchError::Connect {
            host: host.to_owned(),
            reason: error.to_string(),
        })
}

/// An address of IPv6 without its brackets.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Asks a proxy for a way to a server.
async fn tunnel(stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, FetchError> {
    let refused = |error: hyper::Error| FetchError::Proxy(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(refused)?;
    let connection = tokio::spawn(connection.with_upgrades());
    let _connection = AbortOnDrop(connection.abort_handle());
    let target = format!("{host}:{port}");
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(header::HOST, &target)
        .header(header::USER_AGENT, AGENT)
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Proxy(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(refused)?;
    if !response.status().is_success() {
        return Err(FetchError::Proxy(response.status().to_string()));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(refused)?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| FetchError::Proxy("it can't be used as a way".to_owned()))?;
    if !parts.read_buf.is_empty() {
        // TLS begins with us: whoever speaks first is no server.
        return Err(FetchError::Proxy("it spoke out of turn".to_owned()));
    }
    Ok(parts.io.into_inner())
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Empty<Bytes>>,
) -> Result<(Response<Incoming>, tokio::task::JoinHandle<()>), hyper::Error> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(async move {
        // What goes wrong with it is seen where the body is read.
        let _ = connection.await;
    });
    match sender.send_request(request).await {
        Ok(response) => Ok((response, connection)),
        Err(error) => {
            connection.abort();
            Err(error)
        }
    }
}

fn headers(ask: &Ask<'_>, partial: &Partial, own_host: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if own_host {
        for (name, value) in ask.headers {
            let both = HeaderName::try_from(name.as_str())
                .ok()
                .zip(HeaderValue::try_from(value.as_str()).ok());
            if let Some((name, mut value)) = both {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
    }
    if let Some(fits) = partial.fits.as_ref().filter(|_| partial.got > 0) {
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", partial.got)) {
            headers.insert(header::RANGE, range);
            headers.insert(header::IF_RANGE, fits.clone());
        }
    } else if let Some(held) = &ask.held {
        for (name, value) in [
            (header::IF_NONE_MATCH, &held.etag),
            (header::IF_MODIFIED_SINCE, &held.last_modified),
        ] {
            let value = value
                .as_deref()
                .and_then(|text| HeaderValue::from_str(text).ok());
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }
    headers
}

/// Writes the body to the file.
async fn receive(
    ask: &Ask<'_>,
    response: Response<Incoming>,
    into: &Path,
    partial: &mut Partial,
) -> Result<Answer, FetchError> {
    let (head, mut body) = response.into_parts();
    let mut file = tokio::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(into)
        .await?;
    match head.status {
        StatusCode::OK => {
            let text = |name: HeaderName| {
                let value = head.headers.get(name)?.to_str().ok()?;
                Some(value.to_owned())
            };
            let said = Validator {
                etag: text(header::ETAG),
                last_modified: text(header::LAST_MODIFIED),
            };
            // A weak tag holds for files that differ in bytes: nothing can be joined to it.
            let fits = head
                .headers
                .get(header::ETAG)
                .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
                .cloned();
            *partial = Partial { got: 0, fits, said };
            file.set_len(0).await?;
        }
        StatusCode::PARTIAL_CONTENT if begins_at(&head.headers) == Some(partial.got) => {
            file.set_len(partial.got).await?;
            file.seek(io::SeekFrom::Start(partial.got)).await?;
        }
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            *partial = Partial::default();
            return Err(FetchError::Broken {
                got: 0,
                reason: "the rest that it sent does not fit: it will be fetched anew".to_owned(),
            });
        }
        status => {
            let after = head.headers.get(header::RETRY_AFTER).and_then(until);
            // The NVD says 403 to who asks too often, and does not say until when.
            let full = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            let forbidden = status == StatusCode::FORBIDDEN && (after.is_some() || ask.pages);
            if full || forbidden {
                return Err(FetchError::Later { status, after });
            }
            return Err(FetchError::Status(status));
        }
    }
    let coming = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if coming.is_some_and(|coming| partial.got.saturating_add(coming) > ask.max_bytes) {
        return Err(FetchError::TooLong(ask.max_bytes));
    }
    loop {
        let frame = match tokio::time::timeout(ask.idle, body.frame()).await {
            Err(_) => {
                file.flush().await?;
                return Err(FetchError::Idle(ask.idle));
            }
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                file.flush().await?;
                return Err(FetchError::Broken {
                    got: partial.got,
                    reason: reason(&error),
                });
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if partial.got.saturating_add(data.len() as u64) > ask.max_bytes {
            return Err(FetchError::TooLong(ask.max_bytes));
        }
        file.write_all(&data).await?;
        partial.got += data.len() as u64;
    }
    file.flush().await?;
    let said = std::mem::take(partial).said;
    Ok(Answer::Changed(said))
}

/// The innermost cause: the outer ones say only that something went wrong.
fn reason(error: &hyper::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// `Retry-After`: seconds, or a date.
fn until(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = at.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or_default())
}

/// `bytes 100-199/200`
fn begins_at(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let range = text.strip_prefix("bytes ")?;
    range.split('-').next()?.trim().parse().ok()
}

/// Where a redirection leads.
fn join(from: &Uri, place: &str) -> Option<Uri> {
    let scheme = from.scheme_str()?;
    let authority = from.authority()?;
    let text = if place.starts_with("http://") || place.starts_with("https://") {
        place.to_owned()
    } else if let Some(rest) = place.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if place.starts_with('/') {
        format!("{scheme}://{authority}{place}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(front, _)| front);
        format!("{scheme}://{authority}{folder}/{place}")
    };
    let uri: Uri = text.split('#').next()?.parse().ok()?;
    uri.authority()
        .is_some_and(|who| !who.as_str().contains('@'))
        .then_some(uri)
}

/// An address as people may see it: without what may hold a key.
pub(super) fn shown(url: &str) -> String {
    let plain = url.split(['?', '#']).next().unwrap_or(url);
    plain.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_joined_and_names_in_them_refused() {
        let from: Uri = "https://a.example/x/y?k=1".parse().unwrap();
        for (place, wanted) in [
            ("https://b.example/z", Some("https://b.example/z")),
            ("//b.example/z", Some("https://b.example/z")),
            ("/z?q#f", Some("https://a.example/z?q")),
            ("z", Some("https://a.example/x/z")),
            ("https://me:secret@b.example/z", None),
        ] {
            let found = join(&from, place).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), wanted, "{place}");
        }
        assert_eq!(shown("https://a.example/x?apiKey=1"), "https://a.example/x");
    }
}
