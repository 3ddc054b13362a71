//! The console in a real Chromium. It needs Node, `npm ci` in `web/e2e`, and Chromium (`CHROMIUM`, or
//! `/usr/bin/chromium`); without them the test says so and passes, unless `HUDUN_REQUIRE_BROWSER=1`.

// A browser that is required and absent must fail the test.
#![allow(clippy::panic, clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hudun_console::api::Role;
use tokio::net::TcpListener;
use tokio::process::Command;

use support::{House, PASSWORD, SECRET};

#[tokio::test]
async fn a_team_works_through_a_case() {
    let e2e = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/e2e");
    let chromium = std::env::var_os("CHROMIUM")
        .map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let missing = [chromium, e2e.join("node_modules/playwright-core")]
        .into_iter()
        .find(|needed| !needed.exists());
    let skipped = std::env::var_os("HUDUN_SKIP_WEB").is_some_and(|value| value == "1");
    if missing.is_some() || skipped {
        let why = missing.map_or_else(
            || "HUDUN_SKIP_WEB is set".to_owned(),
            |path| format!("{} is absent", path.display()),
        );
        assert!(
            std::env::var_os("HUDUN_REQUIRE_BROWSER").is_none(),
            "the browser test can't run: {why}"
        );
        eprintln!("SKIPPED: {why}");
        return;
    }
    let house = House::new();
    house.account("li.lei", &[Role::Commander]).await;
    house.account("han.mei", &[Role::Security, Role::It]).await;
    house.account("wang.fa", &[Role::Legal]).await;
    house
        .open("new.one", &[Role::Business], true, Some(SECRET))
        .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = house
        .router
        .clone()
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move { axum::serve(listener, service).await });
    let output = Command::new("node")
        .arg("pages.mjs")
        .current_dir(&e2e)
        .env("HUDUN_URL", format!("http://{address}"))
        .env("HUDUN_PASSWORD", PASSWORD)
        .env("HUDUN_SECRET", SECRET)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    server.abort();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
