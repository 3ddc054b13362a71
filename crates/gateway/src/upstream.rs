//! Connections to the SCRM: pooled, bounded in time, over TLS where the address says so.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::body::SentBody;
use crate::{GatewayConfig, GatewayError};

pub(crate) type UpstreamClient = Client<Connector, SentBody>;

pub(crate) fn client(config: &GatewayConfig) -> Result<UpstreamClient, GatewayError> {
    let tls = connector(config.upstream_ca.as_deref())?;
    for uri in std::iter::once(&config.upstream).chain(&config.standby) {
        let fine = matches!(uri.scheme_str(), Some("http" | "https"));
        if !fine || uri.authority().is_none() {
            return Err(GatewayError::Upstream {
                uri: uri.clone(),
                problem: "write http://host:port or https://host:port",
            });
        }
    }
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(20))
        .pool_max_idle_per_host(256)
        .http1_max_headers(200)
        .set_host(false)
        .build(Connector {
            tls,
            time: config.limits.connect_time,
        }))
}

/// Checks the SCRM's certificate against `ca`, or against the public authorities.
fn connector(ca: Option<&Path>) -> Result<TlsConnector, GatewayError> {
    let bad = |problem: String| GatewayError::Certificate {
        file: ca.unwrap_or_else(|| Path::new("")).to_owned(),
        problem,
    };
    let roots = match ca {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for cert in
                CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))?
            {
                let cert = cert.map_err(|error| bad(error.to_string()))?;
                roots.add(cert).map_err(|error| bad(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(bad("there is no certificate in it (PEM)".to_owned()));
            }
            roots
        }
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Opens connections to the SCRM.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
    time: Duration,
}

impl tower::Service<Uri> for Connector {
    type Response = Upstream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Upstream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tls, time) = (self.tls.clone(), self.time);
        Box::pin(async move {
            tokio::time::timeout(time, connect(uri, tls))
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "connecting took too long"))?
        })
    }
}

async fn connect(uri: Uri, tls: TlsConnector) -> io::Result<Upstream> {
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let host = uri.host().ok_or_else(|| invalid("no host"))?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    if !secure {
        return Ok(Upstream::Plain(TokioIo::new(tcp)));
    }
    let name = ServerName::try_from(host).map_err(|_| invalid("no server name"))?;
    let stream = tls.connect(name, tcp).await?;
    Ok(Upstream::Tls(Box::new(TokioIo::new(stream))))
}

/// A connection to the SCRM.
pub(crate) enum Upstream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Upstream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Upstream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl hyper::rt::Write for Upstream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
