//! `hudun advisory match`, `affects` and `index`, from files to lines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn hudun(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hudun"))
        .current_dir(folder)
        .arg("advisory")
        .args(words)
        .output()
        .unwrap()
}

/// The lines of a command that ends with this code.
fn lines(folder: &Path, words: &[&str], code: i32) -> Vec<Value> {
    let output = hudun(folder, words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const OSV: &str = r#"{"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2021-23337"], "summary": "Command injection in lodash",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [{"package": {"ecosystem": "npm", "name": "lodash"},
    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}]}]}"#;
const KEV: &str = r#"{"title": "CISA", "catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2021-23337", "vendorProject": "v",
    "product": "p", "vulnerabilityName": "n", "dateAdded": "2026-01-01", "shortDescription": "s", "requiredAction": "a",
    "dueDate": "2026-01-22", "knownRansomwareCampaignUse": "Unknown", "notes": ""}]}"#;
const CNVD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><vulnerabilitys><vulnerability><number>CNVD-2023-1</number>
    <title>泛微e-cology SQL注入漏洞</title><serverity>高</serverity>
    <products><product>泛微 泛微e-cology &lt;= V8</product></products></vulnerability></vulnerabilitys>"#;
const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"node_modules/lodash": {"version": "4.17.20"},
    "node_modules/left-pad": {"version": "1.3.0"}}}"#;
const BOM: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [
    {"type": "application", "name": "e-cology", "version": "7.1"}]}"#;

fn laid_out() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("feeds/cn")).unwrap();
    for (name, text) in [
        ("feeds/osv.json", OSV),
        ("feeds/kev.json", KEV),
        ("feeds/cn/week.xml", CNVD),
        ("package-lock.json", LOCK),
        ("bom.json", BOM),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    folder
}

#[test]
fn an_inventory_is_held_against_a_folder_of_feeds() {
    let folder = laid_out();
    let place = folder.path();
    let words = [
        "match",
        "--sbom",
        "package-lock.json",
        "bom.json",
        "--feeds",
        "feeds",
        "--exposure",
        "internal",
        "--data",
        "plain",
        "--json",
    ];
    let found = lines(place, &words, 0);
    assert_eq!(found.len(), 5, "{found:#?}");
    let (lodash, ecology) = (&found[0], &found[1]);
    assert_eq!(found[2]["upgrade"]["component"]["name"], "lodash");
    assert_eq!(found[3]["components"].as_array().unwrap().len(), 3);
    assert_eq!(lodash["vulnerability"]["id"], "CVE-2021-23337");
    assert_eq!(lodash["status"], "affected");
    assert_eq!(lodash["fixed"], "4.17.21");
    assert_eq!(lodash["component"]["version"], "4.17.20");
    assert_eq!(lodash["decided_by"]["source"], "ghsa");
    assert_eq!(lodash["decided_by"]["because"]["rule"], "range");
    assert_eq!(
        lodash["decided_by"]["sentence"]["en"],
        "in the range < 4.17.21"
    );
    assert_eq!(lodash["facts"]["in_kev"], true);
    assert_eq!(lodash["facts"]["exposure"], "internal");
    // In the catalogue and not exposed: BOD 26-04.
    assert_eq!(lodash["decision"]["what"], "days");
    assert_eq!(ecology["proposed"], true);
    assert_eq!(ecology["status"], "unknown");
    assert_eq!(ecology["decided_by"]["status"], "affected");
    let summary = &found[4]["summary"];
    assert_eq!(
        (&summary["affected"], &summary["proposed"]),
        (&1.into(), &1.into())
    );
    // A table in both languages.
    let table = hudun(place, &words[..words.len() - 1]);
    let table = String::from_utf8(table.stdout).unwrap();
    for part in [
        "受影响 affected",
        "待确认 to confirm",
        "lodash 4.17.20 → 4.17.21",
        "在范围 < 4.17.21 内",
    ] {
        assert!(table.contains(part), "{part} in {table}");
    }
    // From an index it is the same.
    assert_eq!(
        hudun(place, &["index", "--feeds", "feeds", "--out", "all.idx"])
            .status
            .code(),
        Some(0)
    );
    let mut from_index = words;
    (from_index[4], from_index[5]) = ("--index", "all.idx");
    assert_eq!(lines(place, &from_index, 0), found);
    let bytes = std::fs::read(place.join("all.idx")).unwrap();
    std::fs::write(place.join("all.idx"), &bytes[..bytes.len() - 1]).unwrap();
    let cut = hudun(place, &from_index);
    assert_eq!(cut.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&cut.stderr).contains("it was cut"));
    // One's own statement.
    let own = r#"[{"vulnerability": "GHSA-aaaa-bbbb-cccc", "component": "pkg:npm/lodash", "reason": "not called", "by": "wang", "until": "2999-01-01"}]"#;
    std::fs::write(place.join("own.json"), own).unwrap();
    let with_own = [&words[..], &["--own", "own.json"]].concat();
    let found = lines(place, &with_own, 0);
    let lodash = found
        .iter()
        .find(|one| one["component"]["name"] == "lodash")
        .unwrap();
    assert_eq!(lodash["suppressed"]["reason"], "not called");
}

#[test]
fn a_package_is_asked_for_by_its_purl() {
    let folder = laid_out();
    let ask = |purl: &str, more: &[&str], code| {
        let words = [
            &["affects", "--purl", purl, "--feeds", "feeds", "--json"][..],
            more,
        ]
        .concat();
        lines(folder.path(), &words, code)
    };
    let found = ask("pkg:npm/lodash@4.17.20", &[], 0);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["status"], &found[0]["decided"]),
        (&"affected".into(), &true.into())
    );
    assert_eq!(found[0]["record"], "GHSA-aaaa-bbbb-cccc");
    assert!(ask("pkg:npm/lodash@4.17.21", &[], 0).is_empty());
    assert_eq!(
        ask("pkg:npm/lodash@4.17.21", &["--all"], 0)[0]["status"],
        "unaffected"
    );
    // What is no feed is refused, and the rest is read.
    std::fs::write(folder.path().join("feeds/shop.json"), r#"{"name": "shop"}"#).unwrap();
    let found = ask("pkg:npm/lodash@4.17.20", &[], 2);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1]["refused"]["reason"], "it is no feed that is known");
    assert_eq!(
        hudun(
            folder.path(),
            &["affects", "--purl", "no purl", "--feeds", "feeds"]
        )
        .status
        .code(),
        Some(1)
    );
}

#[test]
fn two_reports_are_held_against_each_other() {
    let folder = laid_out();
    let at = |name: &str| folder.path().join(name);
    let report = |name: &str| {
        let output = hudun(
            folder.path(),
            &[
                "match",
                "--sbom",
                "package-lock.json",
                "bom.json",
                "--feeds",
                "feeds",
                "--json",
            ],
        );
        assert_eq!(output.status.code(), Some(0));
        std::fs::write(at(name), output.stdout).unwrap();
    };
    report("before.jsonl");
    let same = lines(
        folder.path(),
        &["diff", "before.jsonl", "before.jsonl", "--json"],
        0,
    );
    assert_eq!(same, [serde_json::json!({ "same": 2 })]);

    let upgrades: Vec<Value> = std::fs::read_to_string(at("before.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line.get("upgrade").is_some())
        .collect();
    assert_eq!(upgrades[0]["upgrade"]["version"], "4.17.21");
    assert_eq!(upgrades[0]["upgrade"]["mends"][0], "CVE-2021-23337");

    std::fs::write(at("package-lock.json"), LOCK.replace("4.17.20", "4.17.21")).unwrap();
    report("after.jsonl");
    let gone = lines(
        folder.path(),
        &["diff", "before.jsonl", "after.jsonl", "--json"],
        0,
    );
    assert_eq!(gone[0]["gone"]["why"], "version_changed");
    assert_eq!(gone[0]["gone"]["version_now"], "4.17.21");
    assert_eq!(gone[0]["gone"]["component"], "pkg:npm/lodash");
    // And the other way round something is new that somebody has to act on.
    let new = lines(
        folder.path(),
        &["diff", "after.jsonl", "before.jsonl", "--json"],
        1,
    );
    assert_eq!(new[0]["new"]["vulnerability"], "CVE-2021-23337");
    let text = hudun(folder.path(), &["diff", "after.jsonl", "before.jsonl"]);
    assert!(String::from_utf8_lossy(&text.stdout).contains("CVE-2021-23337"));

    let bad = hudun(folder.path(), &["diff", "bom.json", "after.jsonl"]);
    assert!(!bad.status.success());
    assert!(String::from_utf8_lossy(&bad.stderr).contains("bom.json"));
}

#[test]
fn a_scan_is_written_and_matched() {
    let folder = laid_out();
    let scan = |words: &[&str], code: i32| {
        let output = Command::new(env!("CARGO_BIN_EXE_hudun"))
            .current_dir(folder.path())
            .args(["assets", "scan"])
            .args(words)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = scan(&[".", "--json", "--out", "host.cdx.json"], 0);
    let found: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(found[0]["purl"], "pkg:npm/lodash@4.17.20");
    assert_eq!(found[2]["summary"]["components"], 2);
    assert_eq!(found[2]["summary"]["whole"], true);
    assert!(scan(&["."], 0).contains("left-pad"));
    let matched = lines(
        folder.path(),
        &[
            "match",
            "--sbom",
            "host.cdx.json",
            "--feeds",
            "feeds",
            "--json",
        ],
        0,
    );
    assert_eq!(matched[0]["vulnerability"]["id"], "CVE-2021-23337");
    let place = matched[0]["component"]["places"][0].as_str().unwrap();
    assert!(
        place.starts_with("host.cdx.json: package-lock.json"),
        "{place}"
    );
    // No time at all: what was found until then, and that it was not the whole.
    let cut = scan(&[".", "--json", "--seconds", "0"], 2);
    assert!(cut.contains(r#""stopped":"asked""#), "{cut}");
    scan(&["no-such-folder"], 1);
}
