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
