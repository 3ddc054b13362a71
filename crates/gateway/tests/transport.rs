//! The way to the gateway and from it to the SCRM: TLS, HTTP/2, certificates that change, standby, slow clients, draining.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::*;
use http_body_util::{BodyExt as _, Empty};
use hudun_gateway::{JournalRecord, Tls, TlsFiles};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Writes a certificate for `localhost` and its key.
fn certificate(files: &TlsFiles, name: &str) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    std::fs::write(&files.cert, made.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        cert: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    }
}

/// A TLS connection that trusts exactly this certificate.
async fn secure(bed: &Bed, cert: &Path, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(cert).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(bed.address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

#[tokio::test]
async fn http2_by_alpn_shares_one_connection_among_many_requests() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    certificate(&files, "one");
    let bed = Bed::start(|_| {}, Some(Tls::load(files.clone()).unwrap())).await;
    let stream = secure(&bed, &files.cert, &[b"h2", b"http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let asked = (0..50).map(|id| {
        let mut sender = sender.clone();
        async move {
            let request = http::Request::get(format!("https://localhost/api/customer/{id}"))
                .header("cookie", format!("scrm_session=S-{ME}-1"))
                .body(Empty::<Bytes>::new())
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap().to_bytes()
        }
    });
    for (id, body) in futures_util::future::join_all(asked)
        .await
        .iter()
        .enumerate()
    {
        assert!(String::from_utf8_lossy(body).contains(&mobile(id)));
    }
    assert_eq!(bed.gateway.metrics().connections.get(), 1);
    let seen = bed.journal.ended(50).await;
    assert!(seen.iter().all(delivered));
}

#[tokio::test]
async fn a_changed_certificate_serves_new_handshakes_and_old_connections_stay() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    certificate(&files, "old");
    let old = folder.path().join("old.pem");
    std::fs::copy(&files.cert, &old).unwrap();
    let tls = Tls::load(files.clone()).unwrap();
    let bed = Bed::start(|_| {}, Some(tls.clone())).await;
    let mut kept = secure(&bed, &old, &[]).await.unwrap();
    let ask = b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut answer = [0; 12];
    kept.write_all(ask).await.unwrap();
    kept.read_exact(&mut answer).await.unwrap();

    // Half a change, key and certificate that don't fit, leaves the old one in force.
    let key = std::fs::read(&files.key).unwrap();
    certificate(&files, "new");
    let new_key = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, key).unwrap();
    assert!(tls.reload().is_err());
    secure(&bed, &old, &[]).await.unwrap();

    std::fs::write(&files.key, new_key).unwrap();
    // The gateway looks by itself; nobody calls reload.
    let mut served_new = false;
    for _ in 0..100 {
        if secure(&bed, &files.cert, &[]).await.is_ok() {
            served_new = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(served_new, "the new certificate never came into force");
    assert!(secure(&bed, &old, &[]).await.is_err());
    let mut rest = [0; 4096];
    let _ = kept.read(&mut rest).await.unwrap();
    kept.write_all(ask).await.unwrap();
    kept.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// Puts TLS before a plain server; its address.
async fn tls_before(address: std::net::SocketAddr, files: &TlsFiles) -> u16 {
    let chain = vec![CertificateDer::from_pem_file(&files.cert).unwrap()];
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&files.key).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(stream).await else {
                    return;
                };
                let mut inner = TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn an_https_upstream_is_spoken_to_only_under_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    certificate(&files, "scrm");
    for (ca, status) in [(Some(files.cert.clone()), 200), (None, 502)] {
        let hidden = Scrm::start("hidden").await;
        let port = tls_before(hidden.address, &files).await;
        let bed = Bed::with(|parts| {
            parts.config.upstream = format!("https://localhost:{port}").parse().unwrap();
            parts.config.upstream_ca = ca;
        })
        .await;
        let got = bed.client().await.get("/where").await;
        assert_eq!(got.status, status);
        assert_eq!(hidden.count(), u64::from(status == 200));
    }
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let started = tokio::spawn(Bed::with(|parts| parts.config.upstream_ca = Some(empty)));
    let panic = started
        .await
        .err()
        .expect("an empty file of authorities was taken");
    let said = *panic.into_panic().downcast::<String>().unwrap();
    assert!(
        said.contains("empty.pem") && said.contains("no certificate"),
        "{said}"
    );
}

#[tokio::test]
async fn the_standby_answers_while_the_scrm_is_down() {
    let standby = Scrm::start("standby").await;
    let down = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let bed = Bed::with(|parts| {
        parts.config.upstream = format!("http://{down}").parse().unwrap();
        parts.config.standby = Some(format!("http://{}", standby.address).parse().unwrap());
    })
    .await;
    let mut client = bed.client().await;
    let got = client.get("/where").await;
    assert_eq!((got.status, got.text()), (200, r#"{"upstream":"standby"}"#));
}

#[tokio::test]
async fn a_request_that_may_have_acted_is_not_sent_twice() {
    // This SCRM takes a request whole and breaks off before it answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut all = [0; 4096];
            let read = stream.read(&mut all).await.unwrap();
            count.fetch_add(
                u64::from(all[..read].starts_with(b"POST")),
                Ordering::SeqCst,
            );
        }
    });
    let standby = Scrm::start("standby").await;
    let bed = Bed::with(|parts| {
        parts.config.upstream = format!("http://{address}").parse().unwrap();
        parts.config.standby = Some(format!("http://{}", standby.address).parse().unwrap());
    })
    .await;
    let mut client = bed.client().await;
    let json = [("content-type", "application/json")];
    let got = client.send("POST", "/api/tag", &json, "{}").await;
    assert_eq!(got.status, 502);
    assert_eq!((taken.load(Ordering::SeqCst), standby.count()), (1, 0));
}

#[tokio::test]
async fn limits_of_headers_and_body_hold_and_are_told() {
    let bed = Bed::with(|parts| {
        parts.config.limits.headers = 20;
        parts.config.limits.body_bytes = 1_000;
    })
    .await;
    let many: String = (0..40).map(|n| format!("X-{n}: 1\r\n")).collect();
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    let ask = format!("GET /where HTTP/1.1\r\nHost: x\r\n{many}\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    assert!(
        said.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    let json = [("content-type", "application/json")];
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(2_000));
    let got = bed
        .client()
        .await
        .send("POST", "/api/tag", &json, &large)
        .await;
    assert_eq!(got.status, 413);
    assert_eq!(bed.upstream.count(), 0);
}

#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    for (trusted, expected) in [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")] {
        let bed = Bed::with(|parts| {
            parts.config.trusted_proxies = vec![trusted.parse().unwrap()];
        })
        .await;
        let mut client = bed.client().await;
        // What stands further left was written by the client itself.
        let forwarded = [("x-forwarded-for", "198.51.100.1, 203.0.113.9")];
        client.send("GET", "/api/stats", &forwarded, "").await;
        bed.journal.ended(1).await;
        let records = bed.journal.records.lock().unwrap();
        let ip = records.iter().find_map(|record| match record {
            JournalRecord::Small(head, _) | JournalRecord::Head(head) => Some(head.actor.ip),
            _ => None,
        });
        assert_eq!(ip.unwrap().to_string(), expected, "{trusted}");
    }
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_harm_nobody() {
    let bed = Bed::with(|parts| {
        parts.config.limits.head_time = Duration::from_millis(400);
        parts.config.limits.body_time = Duration::from_millis(400);
        parts.config.limits.take_time = Duration::from_millis(800);
    })
    .await;
    // One drips its headers, one its body, one reads nothing of a long answer.
    let mut head = TcpStream::connect(bed.address).await.unwrap();
    head.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    let mut body = TcpStream::connect(bed.address).await.unwrap();
    body.write_all(b"POST /api/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        .await
        .unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut reader = socket.connect(bed.address).await.unwrap();
    reader
        .write_all(b"GET /api/export/1/file?rows=2000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut client = bed.logged_in().await;
    for _ in 0..50 {
        assert_eq!(client.get("/api/customer").await.status, 200);
    }
    let mut said = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(10), head.read_to_end(&mut said)).await;
    assert!(cut.is_ok(), "slow headers hold a connection for ever");
    said.clear();
    let cut = tokio::time::timeout(Duration::from_secs(10), body.read_to_end(&mut said)).await;
    assert!(cut.is_ok(), "a slow body holds a connection for ever");
    assert!(!said.starts_with(b"HTTP/1.1 200"));
    // Whoever reads nothing makes the gateway ask for no more than sockets hold, and loses the connection.
    until(|| bed.gateway.metrics().slow_readers.get() == 1).await;
    let produced = bed.upstream.produced.load(Ordering::SeqCst);
    assert!(
        produced < 10_000,
        "{produced} of 20,001 pieces were fetched for a client that reads none"
    );
    drop(client);
    until(|| bed.gateway.metrics().connections.get() == 0).await;
}

/// A client of HTTP/2 with prior knowledge.
async fn multiplexed(
    bed: &Bed,
    window: u32,
) -> hyper::client::conn::http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(bed.address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn an_http2_client_with_a_shut_window_is_cut_off() {
    let bed = Bed::with(|parts| {
        parts.config.limits.take_time = Duration::from_millis(400);
    })
    .await;
    // Room for nothing, for a part of the answer, for all but its last byte.
    let small = bed
        .logged_in()
        .await
        .get("/api/customer/1")
        .await
        .body
        .len();
    let small = u32::try_from(small).unwrap();
    let (short, long) = ("api/customer/1", "api/export/1/file?rows=2000000");
    let before = bed.journal.ends().len();
    for (window, path) in [(0, short), (10, short), (small - 1, short), (0, long)] {
        let cut = bed.gateway.metrics().slow_readers.get() + 1;
        let mut client = multiplexed(&bed, window).await;
        let request = http::Request::get(format!("http://localhost/{path}"))
            .header("cookie", format!("scrm_session=S-{ME}-1"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        // Nothing is read of it, so the window stays as it is.
        until(|| bed.gateway.metrics().slow_readers.get() == cut).await;
        until(|| bed.gateway.metrics().connections.get() == 0).await;
        drop(response);
    }
    let produced = bed.upstream.produced.load(Ordering::SeqCst);
    assert!(
        produced < 10_000,
        "{produced} of 20,001 pieces were fetched"
    );
    let seen = bed.journal.ended(before + 4).await;
    assert!(!seen[before..].iter().any(delivered));
}

#[tokio::test]
async fn an_http2_connection_ends_when_nothing_was_asked_for_long() {
    let bed = Bed::with(|parts| {
        parts.config.limits.idle_time = Duration::from_millis(600);
    })
    .await;
    let mut client = multiplexed(&bed, 65_535).await;
    // Asking again and again keeps it.
    for id in 0..8 {
        let request = http::Request::get(format!("http://localhost/api/customer/{id}"))
            .header("cookie", format!("scrm_session=S-{ME}-1"))
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = client.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(bed.gateway.metrics().connections.get(), 1);
    until(|| bed.gateway.metrics().connections.get() == 0).await;
}

#[tokio::test]
async fn connections_of_one_address_are_limited_and_counted() {
    let bed = Bed::with(|parts| parts.config.limits.connections_per_ip = 3).await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut client = bed.client().await;
        assert_eq!(client.get("/api/stats").await.status, 200);
        kept.push(client);
    }
    let mut fourth = TcpStream::connect(bed.address).await.unwrap();
    let mut said = Vec::new();
    let _ = fourth.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _ = fourth.read_to_end(&mut said).await;
    assert!(said.is_empty());
    assert_eq!(bed.gateway.metrics().connections_refused.get(), 1);
    drop(kept);
    until(|| bed.gateway.metrics().connections.get() == 0).await;
    assert_eq!(bed.client().await.get("/api/stats").await.status, 200);
}

#[tokio::test]
async fn what_is_in_flight_finishes_before_the_gateway_stops() {
    let bed = Bed::new().await;
    let mut client = bed.logged_in().await;
    let (first, mut body) = client.export(100_000).await;
    let mut got = first.len();
    bed.stop.cancel();
    // Nobody new comes in.
    until_refused(bed.address).await;
    while let Some(frame) = body.frame().await {
        got += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    assert!(got > 100_000 * 20, "{got} bytes arrived");
    tokio::time::timeout(Duration::from_secs(10), bed.served)
        .await
        .expect("the gateway stops when everything has finished")
        .unwrap();
}

async fn until_refused(address: std::net::SocketAddr) {
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the gateway still takes connections");
}

#[tokio::test]
async fn relaxed_accounting_waits_for_nothing_and_records_everything() {
    let bed = Bed::with(|parts| {
        let mut profile = (*parts.profile).clone();
        for module in &mut profile.modules {
            module.accounting = hudun_profile::Accounting::Relaxed;
        }
        parts.profile = Arc::new(profile);
    })
    .await;
    // The door of the journal is shut: strict accounting would wait for ever.
    bed.journal.shut();
    let asked = (0..20).map(|_| async {
        let mut client = bed.logged_in().await;
        for _ in 0..20 {
            assert_eq!(client.get("/api/customer?rows=5").await.status, 200);
        }
    });
    futures_util::future::join_all(asked).await;
    bed.journal.open();
    let ends = bed.journal.ended(20 * 21).await;
    assert!(ends.iter().all(delivered));
    let seen: usize = bed
        .journal
        .releases()
        .iter()
        .map(|release| release.sightings.len())
        .sum();
    assert_eq!(seen, 20 * 20 * 5);
}

/// A relay that holds every piece up, each way.
async fn far_away(to: std::net::SocketAddr, hold: std::time::Duration) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(to).await.unwrap();
            let (mut from_near, mut to_near) = near.into_split();
            let (mut from_far, mut to_far) = far.into_split();
            let carry =
                async move |from: &mut tokio::net::tcp::OwnedReadHalf,
                            to: &mut tokio::net::tcp::OwnedWriteHalf| {
                    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                    let mut piece = [0; 16 << 10];
                    while let Ok(length @ 1..) = from.read(&mut piece).await {
                        tokio::time::sleep(hold).await;
                        if to.write_all(&piece[..length]).await.is_err() {
                            break;
                        }
                    }
                };
            let back = carry;
            tokio::spawn(async move { carry(&mut from_near, &mut to_far).await });
            tokio::spawn(async move { back(&mut from_far, &mut to_near).await });
        }
    });
    address
}

/// Over TLS the gateway knows how long a way to the client and back takes; in clear, and through a proxy, it says nothing.
#[tokio::test]
async fn a_round_trip_is_measured_by_the_handshake() {
    use hudun_core::ExchangeEvent;
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    certificate(&files, "one");
    let proxies = vec!["127.0.0.2/32".parse().unwrap()];
    let mut bed = Bed::start(
        |parts| parts.config.trusted_proxies = proxies,
        Some(Tls::load(files.clone()).unwrap()),
    )
    .await;
    let hold = std::time::Duration::from_millis(60);
    let real = bed.address;
    bed.address = far_away(real, hold).await;
    let stream = secure(&bed, &files.cert, &[b"http/1.1"]).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("/api/customer/1")
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())
        .unwrap();
    sender.send_request(request).await.unwrap();
    let Some(ExchangeEvent::Head(head)) = bed.events.recv().await else {
        panic!("no head");
    };
    let rtt = head.rtt_ms.unwrap();
    assert!(
        rtt >= 120,
        "{rtt} ms, and every piece is held up 60 ms each way"
    );

    let plain = Bed::new().await;
    let mut events = plain.events;
    let mut client = common::Client::new(plain.address).await;
    client.log_in(common::ME).await;
    while let Ok(event) = events.try_recv() {
        if let ExchangeEvent::Head(head) = event {
            assert_eq!(head.rtt_ms, None);
        }
    }
}
