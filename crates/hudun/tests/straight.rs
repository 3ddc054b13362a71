//! The proof of a repair at an SCRM that speaks https: over the connections of the gateway, checked against its authority.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod served;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use hudun::config::Config;
use hudun::system::{Extras, System};
use hudun_profile::{BodyView, RequestView};
use hudun_repair::Direct as _;
use serde_json::{Value, json};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// An SCRM with a hole in its search: a quote shows the customers of everybody.
async fn scrm(mended: Arc<AtomicBool>) -> (String, String) {
    let app = axum::Router::new()
        .route("/api/auth/login", post(log_in))
        .route("/api/customer", get(search))
        .with_state(mended);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, app) = (acceptor.clone(), app.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let service = hyper_util::service::TowerToHyperService::new(app);
                let executor = hyper_util::rt::TokioExecutor::new();
                let _ = hyper_util::server::conn::auto::Builder::new(executor)
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (format!("https://localhost:{port}"), certificate.pem())
}

async fn log_in(axum::Json(ask): axum::Json<Value>) -> Response {
    if ask["password"] != "long-enough-7" {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let cookies = [(
        header::SET_COOKIE,
        "scrm_session=S-1; Path=/; HttpOnly; Secure",
    )];
    let body =
        json!({ "account": ask["account"], "role": "sales", "tenant": "north", "csrf": "c-1" });
    (cookies, axum::Json(body)).into_response()
}

async fn search(
    State(mended): State<Arc<AtomicBool>>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let session = headers
        .get(header::COOKIE)
        .is_some_and(|cookie| cookie == "scrm_session=S-1");
    let token = headers
        .get("x-csrf-token")
        .is_some_and(|token| token == "c-1");
    if !session || !token {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let asked = query.iter().find(|(name, _)| name == "search").unwrap();
    let all = asked.1 == "' OR '1'='1" && !mended.load(Ordering::Relaxed);
    let row = |id: u64, owner: &str| json!({ "id": id, "owner": owner, "name": "张三", "mobile": format!("138{id:08}") });
    let rows: Vec<Value> = if all {
        (1..=30).map(|id| row(id, "li.lei@north")).collect()
    } else {
        vec![row(1, "me@north")]
    };
    axum::Json(json!({ "items": rows, "total": rows.len() })).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attack_is_replayed_over_tls_and_only_against_the_right_authority() {
    let mended = Arc::new(AtomicBool::new(false));
    let (upstream, pem) = scrm(Arc::clone(&mended)).await;
    let attack = RequestView::new(
        "GET",
        "/api/customer",
        Some("search=%27%20OR%20%271%27%3D%271&page=1"),
        vec![],
    )
    .unwrap();
    for trusted in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(
            &ca,
            if trusted {
                pem.clone()
            } else {
                other.cert.pem()
            },
        )
        .unwrap();
        std::fs::write(folder.path().join("password"), "long-enough-7\n").unwrap();
        let profile =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/hudun-scrm.yaml");
        let text = format!(
            "data: {0}/data\ngateway:\n  listen: {3}\n  upstream: {upstream}\n  upstream_ca: {1}\n  profile: {2}\n\
             console:\n  listen: {4}\n  secure_cookie: false\nverifier: {{ account: me@north, password_file: {0}/password }}\n",
            folder.path().display(),
            ca.display(),
            profile.display(),
            served::free_port(),
            served::free_port(),
        );
        let file = folder.path().join("hudun.yaml");
        std::fs::write(&file, text).unwrap();
        let system = System::start(Config::read(&file).unwrap(), Extras::default())
            .await
            .unwrap();
        let answer = system.direct.send(&attack).await;
        if trusted {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200);
            assert!(answer.foreign_rows > 0, "{answer:?}");
            mended.store(true, Ordering::Relaxed);
            let answer = system.direct.send(&attack).await.unwrap();
            assert_eq!((answer.status, answer.foreign_rows), (200, 0));
            mended.store(false, Ordering::Relaxed);
            // What can't be sent again as it was proves nothing.
            let unread = RequestView {
                body: BodyView::Unread,
                ..attack.clone()
            };
            assert!(system.direct.send(&unread).await.is_err());
        } else {
            let told = answer.unwrap_err();
            assert!(told.contains("does not answer"), "{told}");
        }
        system.stop().await;
    }
}
