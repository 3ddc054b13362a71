//! `hudun intel` beside a running `hudun serve` on the same data folder: what the command is asked to do, the guard does.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod served;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hudun_core::{Incident, TimelineMark};
use hudun_intel::exposures::{Exposure, Register};
use hudun_store::{Collection, Store};
use serde_json::{Value, json};
use served::{Served, ended};

const NOBODY: &str = "http://127.0.0.1:9";

fn hudun(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hudun"));
    command.args(words);
    command
}

/// Runs it: whether it ended well, and all that it said.
fn said(words: &[&str]) -> (bool, String) {
    let output = ended(hudun(words));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn osv(number: u32) -> String {
    json!({ "id": format!("GHSA-{number}"), "aliases": [format!("CVE-2026-{number}")], "summary": "Search takes SQL",
        "modified": "2026-11-30T00:00:00Z", "affected": [{ "package": { "ecosystem": "npm", "name": "crm" },
        "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "2.0.0" }] }] }] })
    .to_string()
}

/// CISA's catalogue: the last number is the first of these, the others fill it up.
fn kev(entries: u32, day: &str) -> String {
    let entries: Vec<Value> = (0..entries)
        .map(|at| {
            json!({ "cveID": format!("CVE-2026-{}", 80_001 + at), "vendorProject": "V", "product": "P", "vulnerabilityName": "N",
                "dateAdded": day, "shortDescription": "S", "requiredAction": "A", "dueDate": "2026-12-21", "notes": "",
                "knownRansomwareCampaignUse": "Unknown", "cwes": ["CWE-89"] })
        })
        .collect();
    json!({ "title": "CISA", "catalogVersion": day, "count": entries.len(), "vulnerabilities": entries }).to_string()
}

/// A folder of feeds without a guard, from which bundles are made.
struct Outside {
    data: PathBuf,
    config: PathBuf,
}

impl Outside {
    fn new(folder: &Path) -> Self {
        let data = folder.join("outside");
        std::fs::create_dir_all(data.join("intel/drop")).unwrap();
        let config = folder.join("outside.yaml");
        let feeds = "intel:\n  feeds:\n    - { name: ghsa, format: ghsa }\n    - { name: kev, format: kev }\n";
        std::fs::write(&config, format!("data: {}\n{feeds}", data.display())).unwrap();
        Self { data, config }
    }

    /// Takes files in, without a guard: the library does what a guard would.
    fn take(&self, files: &[(&str, String)]) {
        let config = hudun_intel::feeds::FeedsConfig {
            settle_ms: 0,
            feeds: [
                ("ghsa", hudun_advisory::Format::Ghsa),
                ("kev", hudun_advisory::Format::Kev),
            ]
            .map(|(name, format)| hudun_intel::feeds::FeedConfig::by_hand(name, format))
            .into(),
            ..hudun_intel::feeds::FeedsConfig::default()
        };
        let feeds = hudun_intel::feeds::Feeds::open(&self.data.join("intel"), config).unwrap();
        for (name, text) in files {
            std::fs::write(self.data.join("intel/drop").join(name), text).unwrap();
        }
        let mut away = 0;
        while away < files.len() {
            away += feeds.look().unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The state of a guard, read beside it.
async fn exposure(data: &Path, vulnerability: &str) -> Option<(Exposure, Option<Incident>)> {
    let store = Store::open_file(&data.join("state.sqlite")).await.ok()?;
    let register = Register::open(&store).await.ok()?;
    let mut all = register.all().await.into_iter();
    let found = all.find(|one| one.vulnerability == vulnerability)?;
    let cases: Collection<Incident> = store.collection();
    let case = match found.incident {
        Some(id) => cases.get(&id.to_string()).await.ok()?,
        None => None,
    };
    Some((found, case))
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what} did not come about"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kinds_of_ledger(data: &Path) -> String {
    let files = std::fs::read_dir(data.join("ledger")).unwrap();
    let mut all = String::new();
    for file in files.flatten() {
        all.push_str(&String::from_utf8_lossy(
            &std::fs::read(file.path()).unwrap_or_default(),
        ));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_loaded_beside_the_guard_alerts_and_what_shrank_is_accepted_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let outside = Outside::new(folder.path());
    outside.take(&[
        ("kev.json", kev(10, "2026-11-29")),
        ("ghsa.json", osv(80_001)),
    ]);
    let (good, told) = said(&["intel", "bundle", "keygen", &path("firm")]);
    assert!(good, "{told}");
    let make = |out: &str, serial: &str| {
        let config = outside.config.display().to_string();
        let key = path("firm.key");
        let words = [
            "intel", "bundle", "make", "--config", &config, "--key", &key, "--serial", serial,
            "--out", out,
        ];
        let (good, told) = said(&words);
        assert!(good, "{told}");
    };
    make(&path("one.hudun-bundle"), "7");

    let served = Served::new(folder.path(), NOBODY);
    let key = std::fs::read_to_string(path("firm.pub")).unwrap();
    // The drop folder lies elsewhere: a command that only knows the data folder has to find it all the same.
    let section = format!(
        "intel:\n  drop: {}\n  feeds: [{{ name: kev, format: kev }}]\n  bundle_keys: [\"{}\"]\nassets:\n  - {{ name: crm, exposure: internet, data: sensitive, product: {{ name: crm, version: 1.0.0, purl: \"pkg:npm/crm\" }} }}\nconsole:",
        path("letterbox"),
        key.trim()
    );
    served.edit("console:", &section);
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let data = folder.path().join("data");
    let place = data.display().to_string();
    let config = served.config.display().to_string();

    let begun = Instant::now();
    let words = [
        "intel",
        "bundle",
        "load",
        &path("one.hudun-bundle"),
        "--data",
        &place,
        "--key",
        key.trim(),
    ];
    let (good, told) = said(&words);
    assert!(
        good && told.contains("loaded by the guard that is running"),
        "{told}"
    );
    println!("loaded after {} ms", begun.elapsed().as_millis());
    let (found, case) = until("the alert", async || {
        let (found, case) = exposure(&data, "CVE-2026-80001").await?;
        let case = case.filter(|case| case.mark(TimelineMark::Alerted).is_some())?;
        Some((found, case))
    })
    .await;
    println!("alerted after {} ms", begun.elapsed().as_millis());
    assert_eq!(found.incident, Some(case.id));

    // An older one, one that nobody signed, and a torn one change nothing, and say why.
    make(&path("old.hudun-bundle"), "6");
    let load = |file: &str, more: &[&str]| {
        let file = path(file);
        let mut words = vec!["intel", "bundle", "load", &file, "--config", &config];
        words.extend(more);
        said(&words)
    };
    let (good, told) = load("old.hudun-bundle", &[]);
    assert!(!good && told.contains("refused it"), "{told}");
    let (good, told) = load("old.hudun-bundle", &["--allow-older"]);
    assert!(good, "{told}");
    let whole = std::fs::read(path("one.hudun-bundle")).unwrap();
    std::fs::write(path("torn.hudun-bundle"), &whole[..whole.len() / 2]).unwrap();
    let (good, _) = load("torn.hudun-bundle", &[]);
    assert!(!good);

    // A catalogue that shrinks is held back by the guard, and accepted by it when a person says so beside it.
    let (good, told) = said(&["intel", "accept", "kev", "--config", &config]);
    assert!(
        !good && told.contains("nothing of it is held back"),
        "{told}"
    );
    let drop = folder.path().join("letterbox/kev.json");
    std::fs::write(&drop, kev(2, "2026-11-30")).unwrap();
    let status = || {
        let output = ended(hudun(&["intel", "status", "--config", &config, "--json"]));
        let all: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        all.into_iter()
            .find(|feed| feed["format"] == "kev")
            .unwrap()
    };
    until("the held catalogue", async || {
        (status()["state"] == "shrunk").then_some(())
    })
    .await;
    let name = status()["name"].as_str().unwrap().to_owned();
    assert_eq!(status()["records"], 10);
    let (good, told) = said(&["intel", "accept", &name, "--config", &config]);
    assert!(
        good && told.contains("taken by the guard that is running"),
        "{told}"
    );
    assert_eq!(status()["records"], 2);
    until("the entry on the ledger", async || {
        kinds_of_ledger(&data)
            .contains("feed.accepted")
            .then_some(())
    })
    .await;
    // Pulling is the guard's own business.
    let (good, told) = said(&["intel", "pull", "--config", &config]);
    assert!(!good, "{told}");

    // Killed, it lets go of the folder: the next command works on it by itself.
    guard.kill();
    let (good, told) = load("one.hudun-bundle", &["--allow-older"]);
    assert!(good && !told.contains("guard that is running"), "{told}");
}

/// With `keep_done: 0` nothing is left of a bundle that was taken; whoever loaded it must not wait for what is gone.
#[tokio::test(flavor = "multi_thread")]
async fn loading_ends_also_where_nothing_is_kept_of_what_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let outside = Outside::new(folder.path());
    outside.take(&[("ghsa.json", osv(80_001))]);
    assert!(said(&["intel", "bundle", "keygen", &path("firm")]).0);
    let from = outside.config.display().to_string();
    let (key, out) = (path("firm.key"), path("one.hudun-bundle"));
    assert!(
        said(&[
            "intel", "bundle", "make", "--config", &from, "--key", &key, "--out", &out
        ])
        .0
    );
    let served = Served::new(folder.path(), NOBODY);
    let section = format!(
        "intel:\n  keep_done: 0\n  bundle_keys: [\"{}\"]\nconsole:",
        path("firm.pub")
    );
    served.edit("console:", &section);
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let config = served.config.display().to_string();
    let (good, told) = said(&["intel", "bundle", "load", &out, "--config", &config]);
    assert!(
        good && told.contains("loaded by the guard that is running"),
        "{told}"
    );
}
