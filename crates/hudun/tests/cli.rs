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

#[test]
fn a_letter_offline_speaks_of_its_tenant_alone_and_passes_its_own_check() {
    let folder = tempfile::tempdir().unwrap();
    let full = include_str!("../../duty/tests/common/full.json");
    let mut facts: Value = serde_json::from_str(full).unwrap();
    let tenant = |id: &str, name: &str, n: u64| {
        let mut firm = facts["organisation"].clone();
        firm["name"] = name.into();
        let count = serde_json::json!({ "low": n, "likely": n + 1, "high": n + 2 });
        serde_json::json!({ "id": id, "organisation": firm, "persons": count, "kinds": { "name": count },
            "places": [{ "country": "CN", "persons": count }],
            "summary": { "zh": "部分客户资料被读取。", "en": "Some records were read." } })
    };
    facts["tenants"] = serde_json::json!([
        tenant("north", "北方牧场有限公司", 4_321),
        tenant("west", "西岭茶业有限公司", 8_765),
    ]);
    facts["organisation"]["roles"] = serde_json::json!(["processor", "network_operator"]);
    let file = folder.path().join("facts.json");
    std::fs::write(&file, facts.to_string()).unwrap();
    let out = folder.path().join("letter.json");
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hudun"));
        command.args(words).output().unwrap()
    };
    let render = ["notice", "render", "--facts", file, "--out", out, "--kind"];
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let unnamed = run(&[&render[..], &["tenant_letter"]].concat());
    assert!(said(unnamed).contains("north, west"));
    let unknown = run(&[&render[..], &["tenant_letter", "--tenant", "east"]].concat());
    assert!(said(unknown).contains("north, west"));
    let other = run(&[&render[..], &["personal_notice", "--tenant", "west"]].concat());
    assert!(said(other).contains("--tenant"));
    let made = run(&[&render[..], &["tenant_letter", "--tenant", "west"]].concat());
    assert!(made.status.success(), "{}", said(made));
    let letter = std::fs::read_to_string(out).unwrap();
    for own in ["西岭茶业有限公司", "8,765", "8,766", "8,767"] {
        assert!(letter.contains(own), "{own}: {letter}");
    }
    for other in [
        "北方牧场",
        "4,321",
        "4,322",
        "4,323",
        "1,000,000",
        "1,200,000",
    ] {
        assert!(!letter.contains(other), "{other}: {letter}");
    }
    // Approvals are all that is missing.
    let checked = run(&["notice", "lint", out, "--facts", file, "--json"]);
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let checks: Vec<_> = checked["refusals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["approval", "approval"], "{checked}");
}
