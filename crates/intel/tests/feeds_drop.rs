//! The drop folder: files that people put there, whole or not, good or not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::io::Write as _;
use std::time::Duration;

use common::{Running, cnvd, gb18030, of};
use hudun_intel::feeds::{FeedState, Feeds, FeedsConfig};

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_file_in_gb18030_is_taken_and_put_away() {
    let running = Running::start(FeedsConfig::default());
    let text = cnvd(&[("CNVD-2024-1", "泛微 泛微e-cology <= V8", "2024-05-01")]);
    running.drop("week.xml", &gb18030(&text));
    let snapshot = running.until(|now| now.index.counts().records == 1).await;
    let record = snapshot.index.records_of("cnvd-2024-1").unwrap().remove(0);
    assert_eq!(record.affected[0].product, "泛微e-cology");
    assert_eq!(snapshot.new[0].id, "CNVD-2024-1");
    running.away("done/week.xml").await;
    assert!(
        !running
            .folder()
            .join("drop/done/week.xml.reason.txt")
            .exists()
    );
    let feed = of(&running.feeds, "drop-cnvd");
    assert_eq!((feed.records, feed.by_hand), (1, true));
    // Two years old: late by the default for CNVD.
    assert_eq!(feed.state, FeedState::Late);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_still_written_is_not_read_half() {
    let running = Running::start(FeedsConfig::default());
    let text = cnvd(&[
        ("CNVD-2024-1", "甲 产品 <1.0", "2024-05-01"),
        ("CNVD-2024-2", "乙 产品 <1.0", "2024-05-01"),
    ]);
    let path = running.folder().join("drop/slow.xml");
    let mut file = std::fs::File::create(&path).unwrap();
    let (first, rest) = text.as_bytes().split_at(text.len() / 2);
    file.write_all(first).unwrap();
    file.sync_all().unwrap();
    // Longer than the time in which a file settles: half of it is seen, and seen to be half.
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    assert!(path.exists());
    assert_eq!(running.now().index.counts().records, 0);
    file.write_all(rest).unwrap();
    drop(file);
    running.until(|now| now.index.counts().records == 2).await;
    running.away("done/slow.xml").await;
    // One that somebody will rename is left alone.
    std::fs::write(running.folder().join("drop/later.xml.part"), &text).unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(running.folder().join("drop/later.xml.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_feed_is_refused_with_the_reason_beside_it() {
    let running = Running::start(FeedsConfig::default());
    running.drop("words.txt", b"just words");
    running.away("refused/words.txt").await;
    let reason =
        std::fs::read_to_string(running.folder().join("drop/refused/words.txt.reason.txt"))
            .unwrap();
    assert!(reason.contains("no feed that is known"), "{reason}");
    assert_eq!(running.now().index.counts().records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_survives_a_restart_and_takes_the_same_file_once() {
    let text = cnvd(&[("CNVD-2024-1", "甲 产品 <1.0", "2024-05-01")]);
    let running = Running::start(FeedsConfig::default());
    running.drop("week.xml", text.as_bytes());
    let revision = running
        .until(|now| now.index.counts().records == 1)
        .await
        .revision;
    let folder = running.stop().await;
    let running = Running::start_in(folder, FeedsConfig::default());
    let now = running.now();
    assert_eq!((now.revision, now.index.counts().records), (revision, 1));
    running.drop("again.xml", text.as_bytes());
    running.away("done/again.xml").await;
    assert_eq!(running.now().revision, revision);
    // Two guards of one folder would write over each other.
    let busy = Feeds::open(running.folder(), FeedsConfig::default());
    assert!(busy.is_err_and(|error| error.to_string().contains("another Hudun")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_files_are_refused_and_what_is_held_stays() {
    let running = Running::start(FeedsConfig::default());
    running.drop(
        "week.xml",
        cnvd(&[("CNVD-2024-1", "甲 产品 <1.0", "2024-05-01")]).as_bytes(),
    );
    let held = running.until(|now| now.index.counts().records == 1).await;
    // Entities that grow to a billion.
    let mut bomb = "<?xml version=\"1.0\"?><!DOCTYPE v [<!ENTITY a0 \"ha\">".to_owned();
    for level in 1..30 {
        let before = level - 1;
        bomb.push_str(&format!("<!ENTITY a{level} \"&a{before};&a{before};\">"));
    }
    bomb.push_str("]><vulnerabilitys><vulnerability><number>CNVD-2024-2</number><title>&a29;</title></vulnerability></vulnerabilitys>");
    running.drop("entities.xml", bomb.as_bytes());
    running.drop("file.xml", b"<!DOCTYPE v [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><vulnerabilitys><vulnerability><number>CNVD-2024-3</number><title>&f;</title></vulnerability></vulnerabilitys>");
    // A kilobyte that unpacks to 128 MiB, once as zip and once as gzip.
    let zeros = vec![b' '; 128 << 20];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("a.json", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(&zeros).unwrap();
    running.drop("bomb.zip", &zip.finish().unwrap().into_inner());
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&zeros).unwrap();
    running.drop("bomb.json.gz", &gz.finish().unwrap());
    running.drop("deep.json", "[".repeat(1_000_000).as_bytes());
    for (name, reason) in [
        ("entities.xml", "document type"),
        ("file.xml", "document type"),
        ("bomb.zip", "times its length"),
        ("bomb.json.gz", "times its length"),
        ("deep.json", "no feed that is known"),
    ] {
        running.away(&format!("refused/{name}")).await;
        let path = running
            .folder()
            .join(format!("drop/refused/{name}.reason.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(reason) && text.contains(name),
            "{name}: {text}"
        );
    }
    assert_eq!(running.now().revision, held.revision);
    let feed = of(&running.feeds, "drop-cnvd");
    assert_eq!(feed.state, FeedState::Failing);
    assert!(
        feed.sentence.zh.contains("没有采用"),
        "{}",
        feed.sentence.zh
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_million_versions_is_bounded_and_unknown_beyond() {
    let running = Running::start(FeedsConfig::default());
    let versions: Vec<String> = (0..1_000_000).map(|number| format!("1.{number}")).collect();
    let record = serde_json::json!({ "schema_version": "1.6.0", "id": "OSV-1", "modified": "2026-01-01T00:00:00Z",
        "affected": [{ "package": { "ecosystem": "npm", "name": "crm" }, "versions": versions }] });
    running.drop("osv.json", record.to_string().as_bytes());
    let now = running.until(|now| now.index.counts().records == 1).await;
    let record = now.index.records_of("OSV-1").unwrap().remove(0);
    assert_eq!(record.affected[0].versions.len(), 100_000);
    assert_eq!(
        record.affected[0].ranges[0].status,
        hudun_advisory::Status::Unknown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stays_half_is_given_up_and_a_link_is_not_followed() {
    let running = Running::start(FeedsConfig::default());
    let text = cnvd(&[
        ("CNVD-2024-1", "甲 产品 <1.0", "2024-05-01"),
        ("CNVD-2024-2", "乙 产品 <1.0", "2024-05-01"),
    ]);
    // All of the first record is there: it does not count, as nobody knows what else is missing.
    let half: String = text.chars().take(text.chars().count() * 3 / 4).collect();
    assert!(half.contains("</vulnerability>"));
    running.drop("half.xml", half.as_bytes());
    let outside = running.folder().join("outside.xml");
    std::fs::write(&outside, &text).unwrap();
    let link = running.folder().join("drop/link.xml");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    running.away("refused/half.xml").await;
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(running.now().index.counts().records, 0);
    let feed = of(&running.feeds, "drop-cnvd");
    assert_eq!((feed.state, feed.refused), (FeedState::Failing, 1));
    assert_eq!(feed.refusals[0].file, "half.xml");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_archive_may_hold_files_of_many_forms() {
    let running = Running::start(FeedsConfig::default());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let files = [
        (
            "week.xml",
            cnvd(&[("CNVD-2024-1", "甲 产品 <1.0", "2024-05-01")]),
        ),
        ("kev.json", common::kev(3, "2026-10-01")),
        (
            "half.xml",
            "<vulnerabilitys><vulnerability><number>CNVD-2024-2</number></vulnerability><vulnera"
                .to_owned(),
        ),
        (
            "../../up.xml",
            cnvd(&[("CNVD-2024-3", "丙 产品 <1.0", "2024-05-01")]),
        ),
    ];
    for (name, text) in &files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    running.drop("all.zip", &zip.finish().unwrap().into_inner());
    let now = running.until(|now| now.index.counts().records == 2).await;
    assert_eq!(now.index.counts().kev, 3);
    running.away("done/all.zip").await;
    let reason =
        std::fs::read_to_string(running.folder().join("drop/done/all.zip.reason.txt")).unwrap();
    assert!(
        reason.contains("all.zip!half.xml") && reason.contains("as if cut"),
        "{reason}"
    );
    // A name in an archive is a name.
    assert!(!running.folder().parent().unwrap().join("up.xml").exists());
}
