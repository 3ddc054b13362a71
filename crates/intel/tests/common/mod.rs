//! What the tests of feeds share.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hudun_intel::feeds::{FeedStatus, Feeds, FeedsConfig, Snapshot};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Long enough for any machine; tests end as soon as what they wait for is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Feeds at work in a folder of their own.
pub(crate) struct Running {
    pub(crate) feeds: Arc<Feeds>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    folder: TempDir,
}

impl Running {
    pub(crate) fn start(config: FeedsConfig) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config)
    }

    pub(crate) fn start_in(folder: TempDir, config: FeedsConfig) -> Self {
        let feeds = Feeds::open(folder.path(), config).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (feeds, stop) = (Arc::clone(&feeds), stop.clone());
            async move { feeds.run(stop).await }
        });
        Self {
            feeds,
            stop,
            task,
            folder,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn drop(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder().join("drop").join(name), bytes).unwrap();
    }

    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.feeds.snapshots().borrow().clone()
    }

    /// The first snapshot of which something holds.
    pub(crate) async fn until(&self, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.feeds.snapshots();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let now = snapshots.borrow_and_update().clone();
                if holds(&now) {
                    return now;
                }
                snapshots.changed().await.unwrap();
            }
        });
        match found.await {
            Ok(now) => now,
            Err(_) => panic!("it never came: {:#?}", self.feeds.status()),
        }
    }

    /// Waits until a file lies there.
    pub(crate) async fn away(&self, place: &str) {
        let path = self.folder().join("drop").join(place);
        let found = tokio::time::timeout(PATIENCE, async {
            while !path.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        found.await.expect(place);
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.task.await.unwrap();
        drop(self.feeds);
        self.folder
    }
}

pub(crate) fn of(feeds: &Feeds, name: &str) -> FeedStatus {
    let all = feeds.status();
    all.into_iter()
        .find(|feed| feed.name == name)
        .unwrap_or_else(|| panic!("no feed {name}"))
}

/// A weekly file: number, product and day of each.
pub(crate) fn cnvd(records: &[(&str, &str, &str)]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vulnerabilitys>".to_owned();
    for (number, product, day) in records {
        let product = product.replace('<', "&lt;").replace('>', "&gt;");
        text.push_str(&format!(
            "<vulnerability><number>{number}</number><title>{number} 存在SQL注入漏洞</title><serverity>高</serverity>\
             <products><product>{product}</product></products><openTime>{day}</openTime></vulnerability>\n"
        ));
    }
    text.push_str("</vulnerabilitys>\n");
    text
}

/// The same text as GB18030, with the declaration that says so.
pub(crate) fn gb18030(text: &str) -> Vec<u8> {
    let text = text.replace("UTF-8", "GB18030");
    let (bytes, _, lossy) = encoding_rs::GB18030.encode(&text);
    assert!(!lossy);
    bytes.into_owned()
}

/// CISA's catalogue with so many entries, the last added on this day.
pub(crate) fn kev(entries: usize, day: &str) -> String {
    let entries: Vec<serde_json::Value> = (0..entries)
        .map(|at| {
            serde_json::json!({ "cveID": format!("CVE-2024-{}", 1_000 + at), "vendorProject": "Acme", "product": "CRM",
                "vulnerabilityName": "Acme CRM SQL injection", "dateAdded": if at == 0 { day } else { "2024-01-01" } })
        })
        .collect();
    serde_json::json!({ "title": "CISA", "catalogVersion": day, "vulnerabilities": entries })
        .to_string()
}
