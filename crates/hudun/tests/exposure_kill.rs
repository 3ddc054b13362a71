//! `hudun serve` is killed with SIGKILL at random moments while feeds are dropped into it: afterwards each grave exposure has
//! exactly one case, and that case was told of.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod served;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use hudun_core::{Incident, TimelineMark};
use hudun_intel::exposures::{Exposure, Register};
use hudun_store::{Collection, Store};
use serde_json::{Value, json};
use served::Served;
use uuid::Uuid;

const ASSETS: usize = 12;
const KILLS: usize = 16;

/// A grave one for every asset: exploited, on the internet, with sensitive data.
fn advisories(round: usize) -> (String, String) {
    let name = |round: usize| format!("CVE-2026-{}", 90_001 + round);
    let affected: Vec<Value> = (0..ASSETS)
        .map(|at| {
            json!({ "package": { "ecosystem": "npm", "name": format!("crm-{at}") },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "2.0.0" }] }] })
        })
        .collect();
    let osv = json!({ "id": format!("GHSA-{}", 90_001 + round), "aliases": [name(round)], "summary": "Search takes SQL",
        "modified": "2026-11-30T00:00:00Z", "affected": affected });
    let entries: Vec<Value> = (0..KILLS)
        .map(|one| {
            json!({ "cveID": name(one), "vendorProject": "V", "product": "P", "vulnerabilityName": "N", "dateAdded": "2026-11-29",
                "shortDescription": "S", "requiredAction": "A", "dueDate": "2026-12-20", "notes": "",
                "knownRansomwareCampaignUse": "Unknown", "cwes": ["CWE-89"] })
        })
        .collect();
    let kev = json!({ "title": "CISA", "catalogVersion": "1", "count": entries.len(), "vulnerabilities": entries });
    (osv.to_string(), kev.to_string())
}

async fn state(data: &Path) -> (Vec<Exposure>, Vec<Incident>) {
    let store = Store::open_file(&data.join("state.sqlite")).await.unwrap();
    let exposures = Register::open(&store).await.unwrap().all().await;
    let cases: Collection<Incident> = store.collection();
    (exposures, cases.newest(10_000).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grave_exposure_has_exactly_one_case_after_any_kill() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::new(folder.path(), "http://127.0.0.1:9");
    let assets: String = (0..ASSETS)
        .map(|at| {
            format!(
                "  - {{ name: a{at}, exposure: internet, data: sensitive, product: {{ name: crm-{at}, version: 1.0.0, purl: \"pkg:npm/crm-{at}\" }} }}\n"
            )
        })
        .collect();
    served.edit("console:", &format!("assets:\n{assets}console:"));
    let data = folder.path().join("data");
    let drop = data.join("intel/drop");
    std::fs::create_dir_all(&drop).unwrap();
    std::fs::write(drop.join("kev.json"), advisories(0).1).unwrap();
    let mut between = 0;
    for round in 0..KILLS {
        // A feed that was renamed into the folder before the guard starts is read at once; one in two comes while it works.
        let osv = advisories(round).0;
        let name = format!("ghsa-{round}.json");
        let early = round % 2 == 0;
        if early {
            std::fs::write(drop.join(&name), &osv).unwrap();
        }
        let mut guard = served.start();
        guard.wait_for_gateway().await;
        if !early {
            std::fs::write(drop.join(&name), &osv).unwrap();
        }
        // From the moment at which it was taken in, exposures and cases are written down one by one.
        let begun = Instant::now();
        let done = drop.join("done").join(&name);
        // One kill in four may fall into the reading.
        while round % 4 != 3 && !done.exists() && begun.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // Soon rather than late: all of it is written down within some hundred milliseconds, on a fast machine in less.
        let random = u64::from(Uuid::new_v4().as_bytes()[0]);
        tokio::time::sleep(Duration::from_millis(random * random / 85)).await;
        guard.kill();
        let (exposures, _) = state(&data).await;
        between += usize::from(exposures.iter().any(|one| one.incident.is_none()));
    }
    // A last start brings everything to its end.
    let mut guard = served.start();
    guard.wait_for_gateway().await;
    let begun = Instant::now();
    let (exposures, cases) = loop {
        let (exposures, cases) = state(&data).await;
        let all = exposures.len() == ASSETS * KILLS;
        if all && exposures.iter().all(|one| one.incident.is_some()) {
            break (exposures, cases);
        }
        let without = exposures
            .iter()
            .filter(|one| one.incident.is_none())
            .count();
        assert!(
            begun.elapsed() < Duration::from_secs(90),
            "{} exposures, {without} of them without a case; {}",
            exposures.len(),
            guard.kill()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    guard.kill();
    println!(
        "{KILLS} kills, {between} of them with exposures whose case was not open yet; {} cases",
        cases.len()
    );
    let mut by_asset: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for one in &exposures {
        let case = cases
            .iter()
            .find(|case| Some(case.id) == one.incident)
            .unwrap();
        let on = format!(" on {} ", one.asset);
        assert!(case.title.en.contains(&on), "{case:?}");
        by_asset.entry(&one.asset).or_default().push(case);
    }
    // All exposures of an asset within a day belong to one case, and nothing else opened one.
    assert_eq!(cases.len(), ASSETS, "{cases:#?}");
    for (asset, of) in by_asset {
        assert!(
            of.iter().all(|case| case.id == of[0].id),
            "{asset} has two cases"
        );
        assert!(
            of[0].mark(TimelineMark::Alerted).is_some(),
            "nobody was told of {asset}"
        );
    }
}
