//! Pulls from real servers that answer well, badly, slowly and not at all.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "common/web.rs"]
mod web;

use std::sync::Arc;

use common::{kev, of};
use hudun_advisory::Format;
use hudun_intel::feeds::{FeedConfig, FeedState, Feeds, FeedsConfig, Mode, Pulled};
use web::{Site, proxy, serve, serve_tls};

fn feed(name: &str, format: Format, url: &str) -> FeedConfig {
    FeedConfig {
        urls: vec![url.to_owned()],
        tries: 1,
        idle_seconds: 1,
        ..FeedConfig::by_hand(name, format)
    }
}

fn config(feeds: &[FeedConfig]) -> FeedsConfig {
    FeedsConfig {
        feeds: feeds.to_vec(),
        ..FeedsConfig::default()
    }
}

fn open(config: FeedsConfig) -> (Arc<Feeds>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Feeds::open(folder.path(), config).unwrap(), folder)
}

fn listed(feeds: &Feeds) -> u64 {
    feeds.snapshots().borrow().index.counts().kev
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_not_sent_again_not_even_after_a_restart() {
    let site = Site::default();
    let url = serve(&site).await;
    site.serves(kev(10, "2026-10-01"), "\"one\"");
    let (feeds, folder) = open(config(&[feed("kev", Format::Kev, &url)]));
    assert_eq!(of(&feeds, "kev").state, FeedState::Never);
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    assert_eq!(feeds.pull("kev").await.unwrap(), Pulled::Unchanged);
    let revision = feeds.snapshots().borrow().revision;
    drop(feeds);
    let feeds = Feeds::open(folder.path(), config(&[feed("kev", Format::Kev, &url)])).unwrap();
    assert_eq!(listed(&feeds), 10);
    assert_eq!(feeds.pull("kev").await.unwrap(), Pulled::Unchanged);
    assert_eq!(site.answered(), [200, 304, 304]);
    assert_eq!(feeds.snapshots().borrow().revision, revision);
    // Another tag, the same bytes: nothing counts anew. Then more.
    site.serves(kev(10, "2026-10-01"), "\"two\"");
    assert_eq!(feeds.pull("kev").await.unwrap(), Pulled::Unchanged);
    site.serves(kev(11, "2026-10-02"), "\"three\"");
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 11 }
    );
    assert_eq!(site.answered(), [200, 304, 304, 200, 200]);
    assert_eq!(
        of(&feeds, "kev").as_of.unwrap().to_string(),
        "2026-10-02T00:00:00.000Z"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_shrinks_is_held_back_until_a_person_accepts_it() {
    let site = Site::default();
    let url = serve(&site).await;
    site.serves(kev(100, "2026-10-01"), "\"1\"");
    let (feeds, folder) = open(config(&[feed("kev", Format::Kev, &url)]));
    feeds.pull("kev").await.unwrap();
    // Four fifths are enough, one less is not.
    site.serves(kev(80, "2026-10-02"), "\"2\"");
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 80 }
    );
    site.serves(kev(63, "2026-10-03"), "\"3\"");
    assert!(matches!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Refused(_)
    ));
    let status = of(&feeds, "kev");
    assert_eq!((status.state, listed(&feeds)), (FeedState::Shrunk, 80));
    let held = status.held.unwrap();
    assert_eq!((held.records, held.before), (63, 80));
    assert!(
        status.sentence.zh.contains("63") && status.sentence.en.contains("hudun intel accept kev")
    );
    // The server's "nothing new" is about what is held back: it stays so, over a restart too.
    assert_eq!(feeds.pull("kev").await.unwrap(), Pulled::Unchanged);
    assert_eq!(of(&feeds, "kev").state, FeedState::Shrunk);
    drop(feeds);
    let feeds = Feeds::open(folder.path(), config(&[feed("kev", Format::Kev, &url)])).unwrap();
    assert_eq!(
        (of(&feeds, "kev").state, listed(&feeds)),
        (FeedState::Shrunk, 80)
    );
    assert_eq!(feeds.accept("kev").unwrap(), 63);
    assert_eq!(listed(&feeds), 63);
    assert_ne!(of(&feeds, "kev").state, FeedState::Shrunk);
    assert!(feeds.accept("kev").is_err());
    assert!(
        feeds
            .accept("none")
            .is_err_and(|error| error.to_string().contains("kev"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_goes_back_in_time_changes_nothing_and_another_mirror_is_asked() {
    let (stale, good) = (Site::default(), Site::default());
    let (first, second) = (serve(&stale).await, serve(&good).await);
    stale.serves(kev(10, "2026-10-05"), "");
    let mut one = feed("kev", Format::Kev, &first);
    let (feeds, _folder) = open(config(&[one.clone()]));
    feeds.pull("kev").await.unwrap();
    stale.serves(kev(12, "2026-09-01"), "\"old\"");
    assert!(
        matches!(feeds.pull("kev").await.unwrap(), Pulled::Refused(trouble) if trouble.state == FeedState::Backwards)
    );
    let status = of(&feeds, "kev");
    assert_eq!((status.state, listed(&feeds)), (FeedState::Backwards, 10));
    assert!(status.sentence.en.contains("2026-09-01") && status.sentence.zh.contains("2026-10-05"));
    drop(feeds);
    // A mirror that lags is passed over for one that does not.
    one.urls.push(second);
    good.serves(kev(13, "2026-10-06"), "\"new\"");
    let (feeds, _folder) = open(config(&[one]));
    stale.serves(kev(10, "2026-10-05"), "");
    feeds.pull("kev").await.unwrap();
    stale.serves(kev(12, "2026-09-01"), "\"old\"");
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 13 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_are_tried_in_turn_and_what_is_cut_counts_for_nothing() {
    let (cut, good) = (Site::default(), Site::default());
    let (second, third) = (serve(&cut).await, serve(&good).await);
    let whole = kev(10, "2026-10-01");
    // Complete to HTTP, and half a file.
    cut.serves(&whole.as_bytes()[..whole.len() / 2], "");
    good.serves(whole.clone(), "");
    let mut one = feed("kev", Format::Kev, "http://127.0.0.1:1/kev.json");
    one.path = Some("kev/known.json".to_owned());
    let mut config = config(&[one]);
    config.mirrors = vec!["http://127.0.0.1:1/mirror".to_owned(), second, third];
    let (feeds, _folder) = open(config);
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    assert_eq!(good.targets(), ["/kev/known.json"]);
    good.answers(503);
    let Pulled::Refused(trouble) = feeds.pull("kev").await.unwrap() else {
        panic!("half a file was taken");
    };
    assert_eq!((trouble.state, listed(&feeds)), (FeedState::Failing, 10));
    assert!(
        trouble.sentence.en.contains("as if cut"),
        "{}",
        trouble.sentence.en
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_fetched_from_there_on() {
    let site = Site::default();
    let url = serve(&site).await;
    let whole = kev(3_000, "2026-10-01");
    site.serves(whole.clone(), "\"strong\"");
    site.breaks_after(&[100_000, 50_000], true);
    let mut one = feed("kev", Format::Kev, &url);
    one.tries = 3;
    let (feeds, _folder) = open(config(&[one.clone()]));
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 3_000 }
    );
    assert_eq!(site.answered(), [200, 206, 206]);
    assert_eq!(site.headers(1)["if-range"], "\"strong\"");
    // A server that knows no ranges sends it all again; one whose tag is weak is not asked for a part.
    for etag in ["\"two\"", "W/\"weak\""] {
        let site = Site::default();
        let url = serve(&site).await;
        site.serves(whole.clone(), etag);
        site.breaks_after(&[100_000], false);
        one.urls = vec![url];
        let (feeds, _folder) = open(config(&[one.clone()]));
        assert_eq!(
            feeds.pull("kev").await.unwrap(),
            Pulled::Accepted { records: 3_000 }
        );
        assert_eq!(site.answered(), [200, 200]);
        assert_eq!(
            site.headers(1).contains_key("range"),
            !etag.starts_with('W')
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_breaks_off_or_sends_too_much_changes_nothing() {
    let site = Site::default();
    let url = serve(&site).await;
    site.serves(kev(100, "2026-10-01"), "");
    let mut one = feed("kev", Format::Kev, &url);
    one.max_mib = 1;
    let (feeds, folder) = open(config(&[one]));
    feeds.pull("kev").await.unwrap();
    let refused = async |wanted: &str| {
        let Pulled::Refused(trouble) = feeds.pull("kev").await.unwrap() else {
            panic!("it was taken: {wanted}");
        };
        assert!(
            trouble.sentence.en.contains(wanted),
            "{}",
            trouble.sentence.en
        );
        assert_eq!((trouble.state, listed(&feeds)), (FeedState::Failing, 100));
        // Nothing of the download is left.
        assert!(!folder.path().join("feeds/kev/download.new").exists());
    };
    site.serves(kev(101, "2026-10-02"), "");
    site.stalls_after(1_000);
    refused("nothing came for 1 s").await;
    site.breaks_after(&[1_000], false);
    refused("broke off after 1000 bytes").await;
    site.serves(vec![b' '; (1 << 20) + 1], "");
    refused("longer than 1048576 bytes").await;
    site.answers(404);
    refused("it answered 404").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_carries_http_and_https_and_the_certificate_is_still_checked() {
    let (plain, secure) = (Site::default(), Site::default());
    let http = serve(&plain).await;
    let (https, pem) = serve_tls(&secure).await;
    plain.serves(kev(10, "2026-10-01"), "");
    secure.serves(kev(20, "2026-10-02"), "");
    let (through, seen) = proxy().await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let mut all = config(&[
        feed("plain", Format::Kev, &format!("{http}/a?b=1")),
        feed("secure", Format::Kev, &format!("{https}/c")),
    ]);
    all.proxy = Some(through);
    all.ca = Some(ca);
    let (feeds, _folder) = open(all.clone());
    assert_eq!(
        feeds.pull("plain").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    assert_eq!(
        feeds.pull("secure").await.unwrap(),
        Pulled::Accepted { records: 20 }
    );
    let lines = seen.lock().unwrap().clone();
    assert_eq!(lines[0], format!("GET {http}/a?b=1 HTTP/1.1"));
    assert_eq!(
        lines[1],
        format!("CONNECT {} HTTP/1.1", https.trim_start_matches("https://"))
    );
    assert_eq!(plain.targets(), ["/a?b=1"]);
    // Without its authority the server is a stranger.
    all.ca = None;
    let (feeds, _folder) = open(all);
    let Pulled::Refused(trouble) = feeds.pull("secure").await.unwrap() else {
        panic!("a stranger was believed");
    };
    assert!(
        trouble.sentence.en.contains("certificate"),
        "{}",
        trouble.sentence.en
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_to_no_other_host_and_into_no_sentence() {
    let (front, other) = (Site::default(), Site::default());
    let (first, second) = (serve(&front).await, serve(&other).await);
    front.leads_to(&format!("{second}/elsewhere"));
    other.serves(kev(10, "2026-10-01"), "");
    let mut one = feed("kev", Format::Kev, &format!("{first}/x?apiKey=hidden"));
    one.headers.insert("apiKey".to_owned(), "secret".to_owned());
    let (feeds, _folder) = open(config(&[one.clone()]));
    assert_eq!(
        feeds.pull("kev").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    assert_eq!(front.headers(0)["apikey"], "secret");
    assert!(!other.headers(0).contains_key("apikey"));
    front.leads_to("/round");
    let Pulled::Refused(trouble) = feeds.pull("kev").await.unwrap() else {
        panic!("it went round");
    };
    let all = format!("{trouble:?} {one:?} {:?}", feeds.status());
    assert!(!all.contains("hidden") && !all.contains("secret"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_in_an_archive_costs_itself_and_takes_nothing_away() {
    let cve = |number: u32, product: &str| {
        serde_json::json!({ "dataType": "CVE_RECORD", "dataVersion": "5.1",
            "cveMetadata": { "cveId": format!("CVE-2026-{number}"), "state": "PUBLISHED", "dateUpdated": "2026-10-01T00:00:00Z" },
            "containers": { "cna": { "affected": [{ "vendor": "acme", "product": product,
                "versions": [{ "version": "0", "status": "affected", "lessThan": "2.0", "versionType": "semver" }] }] } } })
        .to_string()
    };
    let packed = |files: &[(String, String)]| {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let files: Vec<(String, String)> = (1_000..1_010)
        .map(|number| (format!("cves/CVE-2026-{number}.json"), cve(number, "crm")))
        .collect();
    let site = Site::default();
    let url = serve(&site).await;
    site.serves(packed(&files), "");
    let (feeds, _folder) = open(config(&[feed("cve", Format::Cve5, &url)]));
    assert_eq!(
        feeds.pull("cve").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    // One is cut, one is new: the new one counts, and the cut one keeps what was said of it before.
    let mut next = files.clone();
    let half = next[3].1.len() / 2;
    next[3].1.truncate(half);
    next.push(("cves/CVE-2026-2000.json".to_owned(), cve(2_000, "shop")));
    site.serves(packed(&next), "");
    assert_eq!(
        feeds.pull("cve").await.unwrap(),
        Pulled::Accepted { records: 10 }
    );
    let now = feeds.snapshots().borrow().clone();
    assert_eq!(now.index.counts().records, 11);
    assert_eq!(now.index.records_of("CVE-2026-1003").unwrap().len(), 1);
    let status = of(&feeds, "cve");
    assert_eq!(status.refused, 1);
    assert!(
        status.refusals[0]
            .file
            .ends_with("!cves/CVE-2026-1003.json"),
        "{:?}",
        status.refusals
    );
    // The archive itself cut: none of it counts.
    let whole = packed(&files[..9]);
    site.serves(&whole[..whole.len() - 10], "");
    assert!(matches!(
        feeds.pull("cve").await.unwrap(),
        Pulled::Refused(_)
    ));
    assert_eq!(feeds.snapshots().borrow().index.counts().records, 11);
    // Whole again, and without what was taken away.
    site.serves(packed(&files[..9]), "");
    assert_eq!(
        feeds.pull("cve").await.unwrap(),
        Pulled::Accepted { records: 9 }
    );
    assert_eq!(feeds.snapshots().borrow().index.counts().records, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_makers_add_up_and_name_no_product() {
    let site = Site::default();
    let url = serve(&site).await;
    let rss = |items: &str| {
        format!("<rss version=\"2.0\"><channel><title>Acme</title>{items}</channel></rss>")
    };
    let one = "<item><title>Acme CRM 2.1 fixes CVE-2026-1</title><link>https://acme.example/1</link>\
        <description>&lt;p&gt;Update &lt;b&gt;now&lt;/b&gt;&lt;/p&gt;</description><pubDate>Thu, 01 Oct 2026 08:00:00 GMT</pubDate></item>";
    let two = "<item><title>安全公告</title><link>javascript:alert(1)</link><pubDate>Fri, 02 Oct 2026 08:00:00 +0800</pubDate></item>";
    site.serves(rss(one), "");
    let (feeds, _folder) = open(config(&[feed("acme", Format::Rss, &url)]));
    feeds.pull("acme").await.unwrap();
    site.serves(rss(two), "");
    feeds.pull("acme").await.unwrap();
    // Nothing new is no trouble.
    site.serves(rss(""), "");
    assert_eq!(feeds.pull("acme").await.unwrap(), Pulled::Unchanged);
    let now = feeds.snapshots().borrow().clone();
    let records: Vec<_> = now.index.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| record.affected.is_empty() && record.aliases.is_empty())
    );
    assert_eq!(
        records[0].summary.split_whitespace().collect::<Vec<_>>(),
        ["Update", "now"]
    );
    assert_eq!(records[0].references, ["https://acme.example/1"]);
    // What is no address of the web is no link.
    assert_eq!(records[1].references, [String::new(); 0]);
    assert_eq!(
        records[1].published.unwrap().to_string(),
        "2026-10-02T00:00:00Z"
    );
    assert_eq!(now.index.counts().unfindable["rss"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_adds_and_the_newest_word_on_each_number_counts() {
    let osv = |id: &str, day: &str, fixed: &str| {
        serde_json::json!({ "schema_version": "1.6.0", "id": id, "modified": format!("{day}T00:00:00Z"),
            "affected": [{ "package": { "ecosystem": "npm", "name": "crm" },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }] })
    };
    let site = Site::default();
    let url = serve(&site).await;
    let mut one = feed("osv", Format::Osv, &url);
    one.mode = Some(Mode::Add);
    let (feeds, _folder) = open(config(&[one]));
    for (batch, wanted) in [
        (
            vec![
                osv("OSV-1", "2026-01-01", "1.0"),
                osv("OSV-2", "2026-01-02", "1.0"),
            ],
            2,
        ),
        (vec![osv("OSV-1", "2026-01-03", "2.0")], 2),
        // An older word on one beside a newer on another.
        (
            vec![
                osv("OSV-1", "2026-01-02", "9.9"),
                osv("OSV-3", "2026-01-04", "1.0"),
            ],
            3,
        ),
    ] {
        site.serves(serde_json::Value::from(batch).to_string(), "");
        feeds.pull("osv").await.unwrap();
        assert_eq!(feeds.snapshots().borrow().index.counts().records, wanted);
    }
    let now = feeds.snapshots().borrow().clone();
    let record = now.index.records_of("OSV-1").unwrap().remove(0);
    assert_eq!(
        record.affected[0].ranges[0].upper,
        hudun_advisory::Bound::Excluding("2.0".to_owned())
    );
}
