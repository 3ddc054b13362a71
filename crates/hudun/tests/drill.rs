//! The drill of the demo, a real attack over HTTP, is seen by the detection rules without the behaviour engine and the
//! fixed detections, and by the behaviour engine without the rules and them; staff at work wake nobody.

#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::unwrap_used, missing_docs)]

use std::process::Command;

use serde_json::Value;

fn drill(alone: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_hudun"))
        .args([
            "demo",
            "--headless",
            "--drill",
            "stolen-account",
            alone,
            "--seeds",
            "1",
            "--port",
            "0",
        ])
        .args(["--customers", "1500", "--data"])
        .arg(folder.path().join("data"))
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(&report)
        .unwrap_or_else(|_| panic!("{}, no report: {said}", output.status));
    let report: Value = serde_json::from_str(&text).unwrap();
    report["runs"][0].clone()
}

/// It was noticed, the scope is the thief's own list, and no alarm was about anybody else.
fn caught(run: &Value) {
    assert!(run["alert_ms"].is_i64(), "{run}");
    assert_eq!(run["scope"]["missing"], 0, "{run}");
    assert_eq!(run["scope"]["extra"], 0, "{run}");
    assert_eq!(run["false_alerts"], 0, "{run}");
    assert_eq!(run["staff_logged_out"], 0, "{run}");
    assert!(run["staff_requests"].as_u64().unwrap() > 0, "{run}");
}

/// One after the other: each makes its customers with all the processors there are.
#[test]
fn rules_alone_and_behaviour_alone_each_catch_the_thief() {
    for alone in ["--rules-alone", "--behaviour-alone"] {
        caught(&drill(alone));
    }
}
