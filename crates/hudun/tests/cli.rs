//! Commands that talk to a running Hudun, against a demo as a process of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A demo, stopped when dropped.
struct Demo(Child);

impl Demo {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hudun"))
            .args(["demo", "--port", "0", "--customers", "300", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = said.any(|line| line.unwrap().contains("Ctrl-C"));
        assert!(ready, "the demo did not start");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        Self(child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hudun(data: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hudun"))
        .args(words)
        .arg("--data")
        .arg(data)
        .output()
        .unwrap()
}

/// What a command prints with `--json`.
fn json(data: &Path, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    let output = hudun(data, &words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_case_is_worked_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let unreached = hudun(&data, &["incident", "list"]);
    assert!(!unreached.status.success());
    assert!(String::from_utf8_lossy(&unreached.stderr).contains("data folder"));

    let _demo = Demo::start(&data);
    assert_eq!(
        json(&data, &["incident", "register", "--drills"]),
        serde_json::json!([])
    );
    json(&data, &["drill", "run", "stolen-account"]);
    let until = Instant::now() + Duration::from_secs(60);
    let id = loop {
        let list = json(&data, &["incident", "list"]);
        if let Some(id) = list.pointer("/items/0/id").and_then(Value::as_str) {
            break id.to_owned();
        }
        assert!(Instant::now() < until, "no case opened");
        std::thread::sleep(Duration::from_millis(200));
    };
    json(&data, &["incident", "start", &id]);
    loop {
        let room = json(&data, &["incident", "show", &id]);
        let drafted =
            room.pointer("/notices/0").is_some() && room.pointer("/scope/likely").is_some();
        if drafted {
            break;
        }
        assert!(Instant::now() < until, "{room:#}");
        std::thread::sleep(Duration::from_millis(200));
    }

    // The register: a drill is no breach, and shows when it is asked for.
    assert_eq!(
        json(&data, &["incident", "register"]),
        serde_json::json!([])
    );
    let register = json(&data, &["incident", "register", "--drills"]);
    let entry = &register[0];
    assert_eq!(entry["id"], id.as_str());
    assert!(
        entry["effects"]["persons_likely"].as_u64().unwrap() > 0,
        "{entry:#}"
    );
    assert!(
        !entry["remedy"]["restrictions"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert!(!entry["duties"].as_array().unwrap().is_empty());
    let words = hudun(&data, &["incident", "register", "--drills"]);
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(
        words.contains(&id) && words.contains("(drill)") && words.contains("persons"),
        "{words}"
    );

    // A way back in the policy is asked for, and a second person has to approve.
    let history = json(&data, &["policy", "history"]);
    assert!(history["current"].as_u64().unwrap() > 0, "{history:#}");
    let first = history["revisions"].as_array().unwrap().last().unwrap();
    let first = first["revision"].to_string();
    let asked = json(&data, &["policy", "roll-back", &first, "--reason", "a try"]);
    assert!(asked["approval"]["id"].is_string(), "{asked:#}");
    let patches = json(&data, &["patch", "list", &id]);
    assert!(patches.is_array());

    let pack = folder.path().join("case.tar");
    let exported = hudun(
        &data,
        &["evidence", "export", &id, "--out", pack.to_str().unwrap()],
    );
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
    let verified = Command::new(env!("CARGO_BIN_EXE_hudun"))
        .args(["verify", "--json"])
        .arg(&pack)
        .output()
        .unwrap();
    assert!(verified.status.success());
}
