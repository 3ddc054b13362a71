//! Commander and counsel decide about a case's law from the command line, on the whole program with a real attack: the
//! clocks follow, a release stands, and who may not is told so.

#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::unwrap_used, missing_docs)]

use std::process::{Command, Output};
use std::time::Duration;

use hudun::demo::{Demo, DemoOptions, Watchers};
use serde_json::Value;

struct Console {
    url: String,
    passwords: std::collections::BTreeMap<String, String>,
}

impl Console {
    fn run(&self, account: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_hudun"))
            .args(args)
            .args(["--console", &self.url, "--account", account, "--json"])
            .env("HUDUN_PASSWORD", &self.passwords[account])
            .output()
            .unwrap()
    }

    fn json(&self, account: &str, args: &[&str]) -> Value {
        let output = self.run(account, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a refused command says.
    fn refused(&self, account: &str, args: &[&str]) -> String {
        let output = self.run(account, args);
        assert!(!output.status.success(), "{args:?} as {account}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// The first of these values that is not null.
async fn wait_for(what: &str, mut look: impl FnMut() -> Value) -> Value {
    for _ in 0..300 {
        let seen = look();
        if !seen.is_null() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{what} did not come")
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_and_gates_are_decided_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let options = DemoOptions {
        data: folder.path().to_owned(),
        port: 0,
        auto: true,
        seed: 1,
        customers: 1_500,
        headless: true,
        watchers: Watchers::All,
    };
    let demo = Demo::start(options, |_| {}).await.unwrap();
    let console = Console {
        url: demo.console_url().to_owned(),
        passwords: demo.passwords().clone(),
    };
    console.json("security", &["drill", "run", "stolen-account"]);
    let case = wait_for("a case", || {
        console.json("security", &["incident", "list"])["items"][0]["id"].clone()
    })
    .await;
    let case = case.as_str().unwrap();
    let law = || console.json("security", &["duty", "show", case]);
    wait_for("the duties", || law()["duties"].clone()).await;

    let aware = |moment: &'static str, early: &'static str| {
        vec![
            "duty",
            "aware",
            case,
            "--moment",
            moment,
            "--reason",
            "客户来电，值班确认",
            "--evidence",
            "客服录音 8821",
            "--early",
            early,
        ]
    };
    let moment = "2026-01-02T03:04:05+08:00";
    let said = console.refused("security", &aware(moment, "x"));
    assert!(said.contains("403") || said.contains("role"), "{said}");
    let said = console.refused("legal", &aware("2026-01-02T03:04:05", "x"));
    assert!(said.contains("offset from UTC"), "{said}");
    let said = console.refused("legal", &aware(moment, ""));
    assert!(said.contains("before the first evidence"), "{said}");
    let said = console.refused("legal", &aware("2999-01-02T03:04:05Z", ""));
    assert!(said.contains("has not come yet"), "{said}");
    console.json("legal", &aware(moment, "客户先于系统发现"));
    let now = law();
    assert_eq!(now["awareness"][0]["by"], "legal");
    assert_eq!(now["awareness"][0]["current"], true);
    let duties = now["duties"]["obligations"].as_array().unwrap();
    let duty = duties
        .iter()
        .find(|duty| duty["id"] == "CN-NCIR-4")
        .unwrap();
    assert_eq!(duty["triggered_at"], "2026-01-01T19:04:05.000Z", "{duty}");
    assert!(
        duty["clock_from"]["en"]
            .as_str()
            .unwrap()
            .contains("decision no. 1 by legal")
    );

    let state = || {
        let law = law();
        let gates = law["duties"]["gates"].as_array().unwrap().clone();
        let gate = gates
            .into_iter()
            .find(|gate| gate["id"] == "evidence-abroad");
        gate.unwrap()["state"].clone()
    };
    assert_eq!(state(), "unknown");
    let release = [
        "duty",
        "release",
        case,
        "evidence-abroad",
        "--what",
        "不含个人信息的摘要",
        "--reason",
        "母公司要求",
        "--reference",
        "法务 2026-3",
    ];
    let said = console.refused("commander", &release);
    assert!(said.contains("403") || said.contains("role"), "{said}");
    console.json("legal", &release);
    assert_eq!(state(), "released");
    let said = console.refused("legal", &release);
    assert!(said.contains("released already"), "{said}");
    console.json(
        "legal",
        &[
            "duty",
            "revoke",
            case,
            "evidence-abroad",
            "--reason",
            "不再需要",
        ],
    );
    assert_eq!(state(), "unknown");
    demo.stop().await.unwrap();
}
