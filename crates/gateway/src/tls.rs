//! Certificates from files, read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::GatewayError;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// TLS towards clients. A changed certificate is in force for the next handshake; open connections stay.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    /// When the files had last changed before they were read.
    read_of: [Option<SystemTime>; 2],
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`GatewayError::Certificate`] naming the file.
    pub fn load(files: TlsFiles) -> Result<Self, GatewayError> {
        let read_of = changed(&files);
        let current = Arc::new(Current(ArcSwap::new(read(&files)?)));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| GatewayError::Certificate {
                file: files.cert.clone(),
                problem: error.to_string(),
            })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            files,
            read_of,
            current,
            config: Arc::new(config),
        })
    }

    /// Shakes hands, and measures the way to the client and back: from the client's first words being read to its last
    /// ones, between which lie our answer, one round trip and the client's own arithmetic. Nothing of the kernel is asked,
    /// and whoever wants to seem far away can: a client can only answer later, never sooner.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<(TlsStream<TcpStream>, Duration)> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let heard = Instant::now();
        let stream = hello.into_stream(Arc::clone(&self.config)).await?;
        Ok((stream, heard.elapsed()))
    }

    /// Reads the files again. When they can't be used, the certificate in force stays.
    ///
    /// # Errors
    /// [`GatewayError::Certificate`] naming the file.
    pub fn reload(&self) -> Result<(), GatewayError> {
        self.current.0.store(read(&self.files)?);
        Ok(())
    }

    /// Looks at the files until stopped, and reads them again when they have changed.
    pub async fn watch(&self, stop: CancellationToken) {
        let mut seen = self.read_of;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = changed(&self.files);
            if now == seen {
                continue;
            }
            match self.reload() {
                Ok(()) => {
                    seen = now;
                    tracing::info!(file = %self.files.cert.display(), "the certificate was read again");
                }
                // Perhaps only one of the two files has been written so far: look again.
                Err(error) => {
                    tracing::warn!(%error, "the certificate has changed but can't be used")
                }
            }
        }
    }
}

fn changed(files: &TlsFiles) -> [Option<SystemTime>; 2] {
    let of = |file: &Path| {
        std::fs::metadata(file)
            .and_then(|meta| meta.modified())
            .ok()
    };
    [of(&files.cert), of(&files.key)]
}

fn read(files: &TlsFiles) -> Result<Arc<CertifiedKey>, GatewayError> {
    let bad = |file: &Path, problem: String| GatewayError::Certificate {
        file: file.to_owned(),
        problem,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|error| bad(&files.cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(bad(&files.cert, "holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad(&files.key, error.to_string()))?;
    let key = any_supported_type(&key).map_err(|error| bad(&files.key, error.to_string()))?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|error| {
        bad(
            &files.key,
            format!("does not belong to the certificate: {error}"),
        )
    })?;
    Ok(Arc::new(certified))
}
