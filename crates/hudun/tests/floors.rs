//! The floor rule: a crate imports only from floors below its own, a stage never imports a stage, engines stand alone.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Every crate with its floor. Stages, gateway and SCRM share floor 3 and may not import each other.
const FLOORS: [(&str, u8); 33] = [
    ("hudun-core", 0),
    ("hudun-advisory", 1),
    ("hudun-behaviour", 1),
    ("hudun-cacao", 1),
    ("hudun-duty", 1),
    ("hudun-duty-docs", 1),
    ("hudun-ledger", 1),
    ("hudun-pii", 1),
    ("hudun-policy", 1),
    ("hudun-profile", 1),
    ("hudun-seclang", 1),
    ("hudun-sigma", 1),
    ("hudun-event", 1),
    ("hudun-bus", 2),
    ("hudun-ftw", 2),
    ("hudun-lake", 2),
    ("hudun-simulate", 2),
    ("hudun-store", 2),
    ("hudun-analyze", 3),
    ("hudun-contain", 3),
    ("hudun-gateway", 3),
    ("hudun-inform", 3),
    ("hudun-intel", 3),
    ("hudun-monitor", 3),
    ("hudun-prevent", 3),
    ("hudun-repair", 3),
    ("hudun-respond", 3),
    ("hudun-scrm", 3),
    ("hudun-console-api", 3),
    ("hudun-affected", 4),
    ("hudun-console", 4),
    ("hudun", 5),
    ("hudun-learn", 2),
];

/// Engines that speak the product's words, and why that is worth the import.
const WITH_WORDS: [(&str, &[&str]); 3] = [
    ("hudun-pii", &["hudun-core"]),
    ("hudun-profile", &["hudun-core"]),
    ("hudun-policy", &["hudun-core", "hudun-profile"]),
];

/// Imports within one floor that a decision allows: the bus stands on the store.
const ALLOWED_BESIDE: [(&str, &str); 2] = [
    ("hudun-bus", "hudun-store"),
    ("hudun-policy", "hudun-profile"),
];

#[test]
fn nobody_imports_upwards_or_sideways() {
    let floors: BTreeMap<&str, u8> = FLOORS.into_iter().collect();
    let mut broken = Vec::new();
    for (name, imports) in workspace() {
        let Some(&floor) = floors.get(name.as_str()) else {
            broken.push(format!("{name} has no floor: add it to the table"));
            continue;
        };
        for import in imports.iter().filter(|import| import.starts_with("hudun")) {
            let below = floors
                .get(import.as_str())
                .is_some_and(|&other| other < floor);
            let beside = ALLOWED_BESIDE.contains(&(name.as_str(), import.as_str()));
            if !below && !beside {
                broken.push(format!("{name} (floor {floor}) imports {import}"));
            }
        }
        if floor == 1 {
            let words = WITH_WORDS
                .iter()
                .find(|(engine, _)| *engine == name)
                .map_or(&[][..], |(_, words)| words);
            for import in &imports {
                if import == "tokio"
                    || import.starts_with("hudun") && !words.contains(&import.as_str())
                {
                    broken.push(format!("{name} is an engine and imports {import}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Every crate of the workspace with what it imports outside tests.
fn workspace() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let imports = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .collect();
            (package["name"].as_str().unwrap().to_owned(), imports)
        })
        .collect()
}
