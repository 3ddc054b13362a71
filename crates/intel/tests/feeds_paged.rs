//! The NVD's API 2.0 at a real server that pages, cuts, has had enough, and lies.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use common::of;
use hudun_advisory::Format;
use hudun_intel::feeds::{Api, FeedConfig, FeedState, Feeds, FeedsConfig, Pulled};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the server has, and how it behaves.
#[derive(Default)]
struct Inner {
    records: Vec<Value>,
    /// Most records of a page, whatever is asked for.
    page: usize,
    /// Answers in front of the good ones, by status.
    first: Vec<u16>,
    /// After so many good pages, half a page and no more.
    cut_after: Option<usize>,
    total: Option<u64>,
    /// It answers every question with its first page.
    deaf: bool,
    asked: Vec<(BTreeMap<String, String>, HeaderMap)>,
    good: usize,
}

#[derive(Clone, Default)]
struct Nvd(Arc<Mutex<Inner>>);

impl Nvd {
    fn with(records: usize, page: usize) -> Self {
        let nvd = Self::default();
        nvd.set(|inner| {
            inner.records = (0..records).map(|at| record(at, "2026-10-01")).collect();
            inner.page = page;
        });
        nvd
    }

    fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap());
    }

    /// What was asked since this was last asked.
    fn asked(&self) -> Vec<BTreeMap<String, String>> {
        let asked = std::mem::take(&mut self.0.lock().unwrap().asked);
        asked.into_iter().map(|(query, _)| query).collect()
    }

    fn starts(&self) -> Vec<String> {
        let asked = self.asked().into_iter();
        asked.map(|query| query["startIndex"].clone()).collect()
    }

    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new()
            .route("/rest/json/cves/2.0", axum::routing::get(answer))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/rest/json/cves/2.0")
    }
}

fn record(number: usize, modified: &str) -> Value {
    json!({ "cve": { "id": format!("CVE-2026-{}", 10_000 + number), "vulnStatus": "Analyzed",
        "published": "2026-09-01T00:00:00.000", "lastModified": format!("{modified}T00:00:00.000"),
        "descriptions": [{ "lang": "en", "value": format!("number {number}") }] } })
}

async fn answer(
    State(nvd): State<Nvd>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let mut inner = nvd.0.lock().unwrap();
    inner.asked.push((query.clone(), headers));
    if !inner.first.is_empty() {
        let status = StatusCode::from_u16(inner.first.remove(0)).unwrap();
        return (status, [("retry-after", "0")], "not now").into_response();
    }
    let (wanted, start): (usize, usize) = (
        query["resultsPerPage"].parse().unwrap(),
        query["startIndex"].parse().unwrap(),
    );
    assert!(wanted <= 2_000, "the API gives at most 2,000");
    let modified = |one: &&Value| {
        let (Some(from), Some(to)) = (query.get("lastModStartDate"), query.get("lastModEndDate"))
        else {
            return true;
        };
        let at = one["cve"]["lastModified"].as_str().unwrap();
        from.as_str() <= at && at <= to.as_str()
    };
    let fits: Vec<&Value> = inner.records.iter().filter(modified).collect();
    let start = if inner.deaf { 0 } else { start };
    let page: Vec<&&Value> = fits
        .iter()
        .skip(start)
        .take(wanted.min(inner.page))
        .collect();
    let text = json!({ "resultsPerPage": page.len(), "startIndex": start,
        "totalResults": inner.total.unwrap_or(fits.len() as u64), "format": "NVD_CVE", "version": "2.0",
        "timestamp": "2026-11-30T00:00:00.000", "vulnerabilities": page })
    .to_string();
    let cut = inner.cut_after.is_some_and(|after| inner.good >= after);
    inner.good += 1;
    if cut {
        // Whole by its length, and half in truth: a proxy that gave up.
        return Body::from(text[..text.len() / 2].to_owned()).into_response();
    }
    text.into_response()
}

fn feed(url: &str) -> FeedConfig {
    FeedConfig {
        urls: vec![url.to_owned()],
        tries: 2,
        api: Some(Api::Nvd),
        requests_in_30_seconds: Some(10_000),
        ..FeedConfig::by_hand("nvd", Format::Nvd)
    }
}

fn open(feed: FeedConfig) -> (Arc<Feeds>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = FeedsConfig {
        feeds: vec![feed],
        ..FeedsConfig::default()
    };
    (Feeds::open(folder.path(), config).unwrap(), folder)
}

fn records(feeds: &Feeds) -> u64 {
    feeds.snapshots().borrow().index.counts().records
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_page_by_page_and_then_what_was_modified() {
    let nvd = Nvd::with(25, 10);
    let (feeds, folder) = open(feed(&nvd.serve().await));
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 25 }
    );
    assert_eq!(records(&feeds), 25);
    // It went on by what came, not by what it had asked for.
    assert_eq!(nvd.starts(), ["0", "10", "20"]);
    assert!(!folder.path().join("feeds/nvd/pages").exists());

    // Nothing was modified since.
    assert_eq!(feeds.pull("nvd").await.unwrap(), Pulled::Unchanged);
    let asked = nvd.asked();
    assert_eq!(asked.len(), 1);
    for (name, ends) in [("lastModStartDate", "+00:00"), ("lastModEndDate", "+00:00")] {
        assert!(asked[0][name].ends_with(ends), "{asked:?}");
    }
    assert_eq!(
        of(&feeds, "nvd").state,
        FeedState::Late,
        "its dates are old"
    );

    // One new, one changed, over a restart.
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    nvd.set(|inner| {
        inner.records[3] = record(3, &today);
        inner.records[3]["cve"]["lastModified"] = json!(
            jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S.000")
                .to_string()
        );
        let mut new = record(99, &today);
        new["cve"]["lastModified"] = inner.records[3]["cve"]["lastModified"].clone();
        inner.records.push(new);
    });
    let config = feeds.snapshots();
    drop((feeds, config));
    let url = nvd.serve().await;
    let config = FeedsConfig {
        feeds: vec![feed(&url)],
        ..FeedsConfig::default()
    };
    let feeds = Feeds::open(folder.path(), config).unwrap();
    // Another address has its own memory: it begins with everything.
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 26 }
    );
    nvd.set(|inner| {
        let mut new = record(100, &today);
        new["cve"]["lastModified"] = json!(
            jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%S.000")
                .to_string()
        );
        inner.records.push(new);
    });
    nvd.asked();
    // What overlaps comes twice and counts once.
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 3 }
    );
    assert_eq!(records(&feeds), 27);
    assert_eq!(nvd.starts(), ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_gone_on_with_also_after_a_restart() {
    let nvd = Nvd::with(45, 10);
    nvd.set(|inner| inner.cut_after = Some(2));
    let url = nvd.serve().await;
    let (feeds, folder) = open(feed(&url));
    let Pulled::Refused(trouble) = feeds.pull("nvd").await.unwrap() else {
        panic!("half a page was taken");
    };
    assert!(
        trouble.sentence.en.contains("record 20 of 45"),
        "{}",
        trouble.sentence.en
    );
    assert_eq!(
        (records(&feeds), of(&feeds, "nvd").state),
        (0, FeedState::Failing)
    );
    assert_eq!(nvd.starts(), ["0", "10", "20", "20"]);
    drop(feeds);
    nvd.set(|inner| inner.cut_after = None);
    let config = FeedsConfig {
        feeds: vec![feed(&url)],
        ..FeedsConfig::default()
    };
    let feeds = Feeds::open(folder.path(), config).unwrap();
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 45 }
    );
    assert_eq!(nvd.starts(), ["20", "30", "40"]);
    assert_eq!(records(&feeds), 45);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_had_enough_is_left_alone_and_asked_again() {
    let nvd = Nvd::with(15, 10);
    let url = nvd.serve().await;
    nvd.set(|inner| inner.first = vec![403, 503, 429]);
    let (feeds, _folder) = open(FeedConfig {
        tries: 5,
        ..feed(&url)
    });
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 15 }
    );
    assert_eq!(nvd.starts(), ["0", "0", "0", "0", "10"]);
    // One that never has time is told of.
    nvd.set(|inner| inner.first = vec![503; 20]);
    let Pulled::Refused(trouble) = feeds.pull("nvd").await.unwrap() else {
        panic!("it was taken");
    };
    assert!(
        trouble.sentence.en.contains("503"),
        "{}",
        trouble.sentence.en
    );
    assert_eq!(records(&feeds), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_are_not_taken() {
    type Lie = fn(&mut Inner);
    let lies: [(&str, Lie); 4] = [
        ("gives none after 25", |inner| inner.total = Some(1_000)),
        ("and gave", |inner| inner.total = Some(12)),
        ("begins at 10 and answered", |inner| inner.deaf = true),
        ("are the limit", |inner| inner.total = Some(u64::MAX)),
    ];
    for (words, lie) in lies {
        let nvd = Nvd::with(25, 10);
        nvd.set(lie);
        let (feeds, _folder) = open(feed(&nvd.serve().await));
        let Pulled::Refused(trouble) = feeds.pull("nvd").await.unwrap() else {
            panic!("{words}: it was taken");
        };
        assert!(
            trouble.sentence.en.contains(words),
            "{}",
            trouble.sentence.en
        );
        assert_eq!(records(&feeds), 0);
    }
    // A total that grows while pages come is none.
    let nvd = Nvd::with(25, 10);
    nvd.set(|inner| inner.cut_after = Some(2));
    let (feeds, _folder) = open(feed(&nvd.serve().await));
    feeds.pull("nvd").await.unwrap();
    nvd.set(|inner| {
        inner.cut_after = None;
        inner.records.push(record(500, "2026-10-02"));
    });
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 26 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn far_fewer_than_before_wait_for_a_person_and_are_not_asked_for_every_hour() {
    let nvd = Nvd::with(40, 10);
    let url = nvd.serve().await;
    let (feeds, folder) = open(feed(&url));
    feeds.pull("nvd").await.unwrap();
    drop(feeds);
    // The memory of what was asked for is lost with a damaged state, and the server has less.
    let state = folder.path().join("feeds/nvd/state.json");
    let mut kept: HashMap<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(&state).unwrap()).unwrap();
    kept.insert("validators".to_owned(), json!({}));
    std::fs::write(&state, serde_json::to_vec(&kept).unwrap()).unwrap();
    nvd.set(|inner| inner.records.truncate(5));
    let config = FeedsConfig {
        feeds: vec![feed(&url)],
        ..FeedsConfig::default()
    };
    let feeds = Feeds::open(folder.path(), config).unwrap();
    assert!(
        matches!(feeds.pull("nvd").await.unwrap(), Pulled::Refused(one) if one.state == FeedState::Shrunk)
    );
    nvd.asked();
    assert!(matches!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Refused(_)
    ));
    assert!(nvd.asked().is_empty());
    assert_eq!(records(&feeds), 40);
    assert_eq!(feeds.accept("nvd").unwrap(), 5);
    assert_eq!(records(&feeds), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_comes_from_a_file_and_a_missing_one_is_named() {
    let nvd = Nvd::with(5, 10);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("nvd.key");
    let (feeds, _kept) = open(FeedConfig {
        header_files: [("apiKey".to_owned(), key.clone())].into(),
        ..feed(&nvd.serve().await)
    });
    let Pulled::Refused(trouble) = feeds.pull("nvd").await.unwrap() else {
        panic!("without a key it was not to be asked");
    };
    assert!(
        trouble.sentence.en.contains("nvd.key"),
        "{}",
        trouble.sentence.en
    );
    assert!(nvd.asked().is_empty());
    std::fs::write(&key, "0000-secret\n").unwrap();
    assert_eq!(
        feeds.pull("nvd").await.unwrap(),
        Pulled::Accepted { records: 5 }
    );
    let inner = nvd.0.lock().unwrap();
    assert_eq!(inner.asked[0].1["apikey"], "0000-secret");
    drop(inner);
    let said = serde_json::to_string(&feeds.status()).unwrap();
    assert!(!said.contains("0000-secret"));
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_field() {
    let good = feed("https://services.nvd.nist.gov/rest/json/cves/2.0");
    type Change = fn(&mut FeedConfig);
    let changes: [(&str, Change); 5] = [
        (".api", |feed| feed.format = Format::Osv),
        (".api", |feed| feed.urls.clear()),
        (".api", |feed| {
            feed.urls = vec!["https://a.example/{YYYY}".to_owned()]
        }),
        (".requests_in_30_seconds", |feed| {
            feed.requests_in_30_seconds = Some(0)
        }),
        (".header_files", |feed| {
            feed.header_files = [("a b".to_owned(), "x".into())].into()
        }),
    ];
    for (field, change) in changes {
        let mut wrong = good.clone();
        change(&mut wrong);
        let config = FeedsConfig {
            feeds: vec![wrong],
            ..FeedsConfig::default()
        };
        let told = config.check().unwrap_err().to_string();
        assert!(told.contains(field), "{told}");
    }
}
