//! The page in a real Chromium, 320 px wide, by keyboard alone. It needs Node, `npm ci` in `web/e2e`, and Chromium
//! (`CHROMIUM`, or `/usr/bin/chromium`); without them the test says so and passes, unless `HUDUN_REQUIRE_BROWSER=1`.

// A browser that is required and absent must fail the test.
#![allow(clippy::panic, clippy::unwrap_used, missing_docs)]

mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use axum::routing::get;
use hudun_affected::{Page, Settings, hosted_files};
use hudun_core::Timestamp;
use support::{Firm, T0};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_finds_out_by_keyboard_on_a_narrow_screen() {
    walk(false).await;
}

/// The first page comes from a plain file server at an origin of its own, and everything else from the answering server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_finds_out_where_the_page_is_hosted_apart() {
    walk(true).await;
}

async fn walk(apart: bool) {
    let e2e = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    let chromium = std::env::var_os("CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let missing = [chromium, e2e.join("node_modules/playwright-core")]
        .into_iter()
        .find(|needed| !needed.exists());
    if let Some(path) = missing {
        assert!(
            std::env::var_os("HUDUN_REQUIRE_BROWSER").is_none(),
            "the browser test can't run: {} is absent",
            path.display()
        );
        eprintln!("SKIPPED: {} is absent", path.display());
        return;
    }
    let firm = Arc::new(Firm::new());
    let files = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", files.local_addr().unwrap());
    let settings = Settings {
        clock: Arc::new(|| Timestamp::from_millis(T0)),
        hosted_at: apart.then(|| host.clone()),
        ..Settings::default()
    };
    let page = Page::new(firm.clone(), settings).router();
    // The mailbox: the newest code, for the browser to read.
    let mailbox = Router::new().route(
        "/",
        get(async move || {
            let mails = firm.mails.lock().unwrap();
            mails.last().map(|mail| mail.2.clone()).unwrap_or_default()
        }),
    );
    let (page, mailbox) = (served(page).await, served(mailbox).await);
    let folder = std::env::temp_dir().join(format!("hudun-hosted-{}", std::process::id()));
    let first = if apart {
        std::fs::create_dir_all(&folder).unwrap();
        for file in hosted_files(&page, false).unwrap() {
            std::fs::write(folder.join(file.name), file.text).unwrap();
        }
        let service = file_server(folder.clone()).into_make_service();
        tokio::spawn(async move { axum::serve(files, service).await });
        host
    } else {
        page
    };
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .arg("affected.mjs")
            .current_dir(e2e)
            .env("HUDUN_URL", first)
            .env("HUDUN_APART", if apart { "1" } else { "" })
            .env("HUDUN_MAILBOX", mailbox)
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    let _ = std::fs::remove_dir_all(folder);
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// What any web server does: a file by its name, with a media type by its ending, and no header beside it.
fn file_server(folder: PathBuf) -> Router {
    Router::new().fallback(move |uri: Uri| {
        let name = uri.path().trim_start_matches('/');
        let name = if name.is_empty() { "index.html" } else { name };
        let media = match name.rsplit('.').next() {
            Some("html") => "text/html",
            Some("css") => "text/css",
            Some("js") => "text/javascript",
            _ => "application/octet-stream",
        };
        let file = std::fs::read(folder.join(name));
        async move {
            match file {
                Ok(bytes) => ([(header::CONTENT_TYPE, media)], bytes).into_response(),
                Err(_) => StatusCode::NOT_FOUND.into_response(),
            }
        }
    })
}

async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    format!("http://{address}")
}
