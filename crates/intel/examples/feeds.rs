//! Measures the way from a dropped file to the new snapshot:
//! `cargo run --release -p hudun-intel --example feeds -- records.tar.gz [copies]`.
//!
//! Puts the CVE records of the archive, so many copies of them under other numbers, and 5,000 records as CNVD writes them into a
//! drop folder, then five times one small CNVD file more, and says how long each took. Then it closes and opens the folder.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hudun_intel::feeds::{Feeds, FeedsConfig};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let archive = words.next().unwrap();
    let copies: usize = words.next().map_or(1, |word| word.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (feeds, stop, task) = start(folder.path());
    let cve = folder.path().join("cve.zip");
    let begun = Instant::now();
    copy(&archive, copies, &cve);
    println!("copies made in {:?}", begun.elapsed());
    drop_in(&feeds, &cve, "cve.zip", "all of CVE").await;
    let week = folder.path().join("week.xml");
    std::fs::write(&week, cnvd(0, 5_000)).unwrap();
    drop_in(&feeds, &week, "week.xml", "5,000 of CNVD").await;
    for at in 0..5 {
        let one = folder.path().join("one.xml");
        std::fs::write(&one, cnvd(10_000 + at, 1)).unwrap();
        drop_in(&feeds, &one, &format!("one-{at}.xml"), "one more").await;
    }
    println!("{}", memory());
    stop.cancel();
    task.await.unwrap();
    drop(feeds);
    let begun = Instant::now();
    let (feeds, stop, task) = start(folder.path());
    let records = feeds.snapshots().borrow().index.counts().records;
    println!(
        "opened again in {:?}: {records} records, {}",
        begun.elapsed(),
        memory()
    );
    stop.cancel();
    task.await.unwrap();
}

fn start(folder: &Path) -> (Arc<Feeds>, CancellationToken, tokio::task::JoinHandle<()>) {
    let feeds = Feeds::open(folder, FeedsConfig::default()).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let (feeds, stop) = (Arc::clone(&feeds), stop.clone());
        async move { feeds.run(stop).await }
    });
    (feeds, stop, task)
}

/// Renames a file into the drop folder and waits for the snapshot that holds it.
async fn drop_in(feeds: &Feeds, file: &Path, name: &str, what: &str) {
    let mut snapshots = feeds.snapshots();
    let before = snapshots.borrow_and_update().revision;
    let begun = Instant::now();
    std::fs::rename(file, feeds.drop_folder().join(name)).unwrap();
    loop {
        tokio::time::timeout(Duration::from_secs(1_800), snapshots.changed())
            .await
            .unwrap()
            .unwrap();
        let now = snapshots.borrow_and_update().clone();
        if now.revision > before {
            let records = now.index.counts().records;
            println!(
                "{what}: {:?} to the snapshot, {records} records",
                begun.elapsed()
            );
            return;
        }
    }
}

/// The records of the archive under so many numbers each, as a zip archive.
fn copy(archive: &str, copies: usize, to: &Path) {
    let mut files = Vec::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive).unwrap()));
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        if let Some(at) = text.find("\"CVE-") {
            let id = text[at + 1..].split('"').next().unwrap().to_owned();
            files.push((id, text));
        }
    }
    let mut zip = zip::ZipWriter::new(std::io::BufWriter::new(File::create(to).unwrap()));
    let options = zip::write::SimpleFileOptions::default().compression_level(Some(1));
    for copy in 0..copies {
        for (id, text) in &files {
            let (front, number) = id.rsplit_once('-').unwrap();
            let other = format!(
                "{front}-{}",
                number.parse::<usize>().unwrap() + copy * 1_000_000
            );
            zip.start_file(format!("{other}.json"), options).unwrap();
            zip.write_all(text.replace(id, &other).as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().flush().unwrap();
}

fn cnvd(from: usize, count: usize) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vulnerabilitys>".to_owned();
    for number in from..from + count {
        text.push_str(&format!(
            "<vulnerability><number>CNVD-2026-{number:05}</number><title>产品{number}存在SQL注入漏洞</title>\
             <serverity>高</serverity><products><product>某公司 产品{number} &gt;=1.0，&lt;2.0</product></products>\
             <openTime>2026-11-01</openTime><description>攻击者可利用该漏洞获取数据库敏感信息。</description></vulnerability>\n"
        ));
    }
    text.push_str("</vulnerabilitys>\n");
    text
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .map_or(0, |kib| kib / 1_024)
    };
    format!("{} MiB now, {} MiB at most", of("VmRSS"), of("VmHWM"))
}
