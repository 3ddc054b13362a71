//! Rules asked about recorded exchanges, and about files of events, from the command line.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Finding,
    KindSet, Release, Sighting, SubjectToken, Timestamp,
};
use hudun_lake::{Lake, LakeOptions, Record};
use hudun_monitor::{Monitor, Rules, Thresholds};
use hudun_sigma::{Loader, RuleSet};
use serde_json::{Value, json};

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/detect");
const HOUR: i64 = 3_600_000;

fn hudun(words: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hudun"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn json(words: &[&str]) -> Value {
    let output = hudun(words, b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn pack() -> RuleSet {
    let mut files: Vec<_> = Path::new(PACK)
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut loader = Loader::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        loader = loader.source(&file.display().to_string(), &text);
    }
    loader.load().unwrap()
}

/// A look-up of one customer by a seller.
fn look_up(account: &str, customer: u32, at: i64) -> [ExchangeEvent; 3] {
    let (id, moment) = (ExchangeId::new(), Timestamp::from_millis(at));
    let mut actor = Actor::unknown("10.1.1.7".parse().unwrap());
    actor.account = Some(account.parse().unwrap());
    actor.role = Some("sales".into());
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&customer.to_be_bytes());
    let head = ExchangeHead {
        id,
        at: moment,
        tenant: "yunxi".parse().unwrap(),
        actor,
        module: "customers".parse().unwrap(),
        route: "customer.read".parse().unwrap(),
        method: "GET".into(),
        path: "/api/customers/{id}".into(),
        export: false,
        login: false,
        signals: vec![],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    let release = Release {
        exchange: id,
        group: 0,
        at: moment.plus_millis(1),
        bytes: 300,
        explained: 300,
        rows: 1,
        foreign_rows: 0,
        sightings: vec![Sighting::new(
            SubjectToken::from_bytes(bytes),
            KindSet::of(&[DataKind::Mobile]),
        )],
    };
    let end = ExchangeEnd {
        exchange: id,
        at: moment.plus_millis(2),
        status: 200,
        success: true,
        delivery: Delivery::Delivered,
        groups: 1,
        request_bytes: 0,
        response_bytes: 300,
        millis: 2,
        refusal: None,
    };
    [
        ExchangeEvent::Head(Box::new(head)),
        ExchangeEvent::Release(release),
        ExchangeEvent::End(end),
    ]
}

/// Two days of work: wei opens 20 customers in a minute, mei 45, lan 100, and the first of them once more at the end.
async fn record(lake: &Lake, began: i64) -> Vec<Finding> {
    let thresholds = Thresholds {
        own_scope_roles: vec!["sales".into()],
        detectors: false,
        ..Thresholds::default()
    };
    let mut live = Monitor::new(thresholds).with_rules(Rules::new(pack()));
    let mut findings = Vec::new();
    for (account, from, customers) in [
        ("wei", 0, 20),
        ("mei", 10 * HOUR, 45),
        ("lan", 30 * HOUR, 100),
        ("wei", 48 * HOUR, 1),
    ] {
        for n in 0..customers {
            for event in look_up(account, n, began + from + i64::from(n) * 3_000) {
                lake.journal()
                    .append_relaxed(Record::from(event.clone()))
                    .unwrap();
                findings.extend(live.observe(event, Timestamp::now()));
            }
        }
        if account == "mei" {
            lake.compact().await.unwrap();
        }
    }
    // What is appended after a relaxed record is durable behind it.
    let [head, ..] = look_up("nobody", 0, began + 48 * HOUR);
    lake.journal().append(Record::from(head)).await.unwrap();
    findings
}

#[tokio::test]
async fn a_backtest_beside_the_running_process_says_what_the_rules_said_and_tuning_meets_the_budget()
 {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    // As the demo leaves it: sellers may see only their own rows.
    std::fs::write(data.join("local-account.json"), "{}").unwrap();
    // The process that works on the folder goes on while the commands read it.
    let (lake, _) = Lake::open(&data.join("lake"), LakeOptions::default()).unwrap();
    let began = Timestamp::now().as_millis() - 60 * HOUR;
    let findings = record(&lake, began).await;
    let data = data.display().to_string();

    let said = json(&[
        "rules", "backtest", "--last", "7d", "--data", &data, "--json",
    ]);
    let live: Vec<&str> = findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(live, ["scrm.mass-read", "scrm.mass-read"]);
    assert_eq!(said["findings"], 2);
    assert_eq!(said["read"]["exchanges"], 167);
    assert_eq!(said["left_out"], 0);
    let rule = &said["rules"][0];
    assert_eq!(rule["name"], "scrm_many_customers");
    assert_eq!(rule["groups"]["number"], 2);
    let first: Timestamp = serde_json::from_value(rule["first"].clone()).unwrap();
    assert_eq!(first, findings[0].triggered_at);
    assert_eq!(first.as_millis(), began + 10 * HOUR + 39 * 3_000);
    let example = &rule["examples"][0];
    assert_eq!(example["actor"], findings[0].actor.name());
    assert_eq!(example["value"], 40.0);
    assert_eq!(example["group"]["actor.user.uid"], "mei");
    assert_eq!(
        example["exchange"],
        findings[0].evidence.last().unwrap().to_string()
    );
    assert!(said["silent"].as_array().unwrap().len() > 10);

    // A shorter span has less, and the time before it still warms up.
    let short = json(&[
        "rules", "backtest", "--last", "40h", "--data", &data, "--json",
    ]);
    assert_eq!(short["findings"], 1);
    let words = hudun(&["rules", "backtest", "--data", &data], b"");
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(
        words.contains("2 findings") && words.contains("actor.user.uid=lan"),
        "{words}"
    );

    // Own rules instead, with the pack's base rules.
    let own = folder.path().join("own.yml");
    std::fs::write(
        &own,
        "title: Ours\nname: ours\nlevel: low\ncorrelation:\n  type: value_count\n  rules: [scrm_customer_opened]\n  group-by: [actor.user.uid]\n  timespan: 10m\n  condition: { field: scrm.subject, gte: 15 }\n",
    )
    .unwrap();
    let own = own.display().to_string();
    let said = json(&[
        "rules",
        "backtest",
        "--rules",
        &own,
        "--with-pack",
        "--data",
        &data,
        "--json",
    ]);
    let ours = said["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["name"] == "ours")
        .unwrap();
    assert_eq!(ours["findings"], 3);

    // Two days: three actors at 20 and below, two up to 45, one up to 100.
    let tune = |budget: &str| {
        json(&[
            "rules",
            "tune",
            "--budget",
            budget,
            "scrm.many-customers",
            "--data",
            &data,
            "--json",
        ])
    };
    for (budget, proposed) in [
        ("0.5/day", 46),
        ("1/day", 21),
        ("0/week", 101),
        ("9/day", 10),
    ] {
        let tuned = tune(budget);
        assert_eq!(tuned["proposed"], proposed, "{budget}: {tuned:#}");
        assert_eq!(tuned["now"], 40);
        let now = tuned["candidates"].as_array().unwrap();
        let now = now.iter().find(|one| one["threshold"] == 40).unwrap();
        assert_eq!(now["alarms"], 2);
        let change = tuned["change"].as_str().unwrap();
        assert!(
            change.contains("-     gte: 40") && change.contains(&format!("+     gte: {proposed}")),
            "{change}"
        );
    }
    let unmet = hudun(
        &[
            "rules",
            "tune",
            "--budget",
            "0/day",
            "--to",
            "60",
            "scrm_many_customers",
            "--data",
            &data,
        ],
        b"",
    );
    assert!(!unmet.status.success());

    // The fields that arrive in the recorded exchanges.
    let covered = json(&[
        "rules", "coverage", "--rules", PACK, "--data", &data, "--json",
    ]);
    let rule = |title: &str| {
        let rules = covered["rules"].as_array().unwrap();
        rules
            .iter()
            .find(|rule| rule["title"] == title)
            .unwrap()
            .clone()
    };
    // A filter's field may be missing; one that is asked for may not.
    assert_eq!(rule("Customers touched")["missing"], json!([]));
    let canary = rule("A canary customer was touched");
    assert_eq!(canary["missing"], json!(["scrm.canary"]));
    let missing = covered["missing"].as_array().unwrap();
    assert!(missing.contains(&json!("scrm.service_account")));
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("nowhere").display().to_string();
    let output = hudun(&["rules", "backtest", "--data", &data], b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("nowhere") && said.contains("--data"),
        "{said}"
    );
    assert!(!folder.path().join("nowhere").exists());
    let output = hudun(&["rules", "backtest", "--last", "7 days"], b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no span"));
}

const RULE: &str = "title: A customer is tagged\nid: 5d9e3bb5-47e1-5fe8-88d6-36868de3b000\ndetection:\n  s: { scrm.operation: tag, scrm.rows|gte: 10 }\n  condition: s\n---\ntitle: Persons\ncorrelation:\n  type: value_count\n  rules: [seen]\n  group-by: [actor.user.uid]\n  timespan: 1m\n  condition: { field: scrm.subject, gte: 3 }\n---\ntitle: seen\nname: seen\ndetection: { s: { scrm.subject|exists: true }, condition: s }\n";

/// Findings and the counts of standard error.
fn matched(format: &[&str], input: &[u8]) -> (Vec<Value>, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("rule.yml"), RULE).unwrap();
    let mapping = folder.path().join("map.yml");
    std::fs::write(
        &mapping,
        "fields:\n  what: { to: scrm.operation, values: { T: tag } }\n  count: scrm.rows\nconstants: { class_uid: 6001 }\n",
    )
    .unwrap();
    let (rules, mapping) = (rules.display().to_string(), mapping.display().to_string());
    let mut words = vec!["rules", "match", "--rules", &rules, "--format"];
    words.extend(format.iter().map(|word| {
        if *word == "MAP" {
            mapping.as_str()
        } else {
            word
        }
    }));
    words.push("-");
    let output = hudun(&words, input);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let findings = String::from_utf8(output.stdout).unwrap();
    let findings = findings
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let counts = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    (findings, counts, said)
}

#[test]
fn every_format_reaches_the_rules_and_what_is_refused_is_told() {
    let own = br#"{"what":"T","count":12,"ts":1767607200}
nonsense
{"what":"U","count":12}
"#;
    let (findings, counts, said) = matched(&["json", "--mapping", "MAP"], own);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0]["line"], 1);
    assert_eq!(findings[0]["fields"]["scrm.rows"], "12");
    let input = &counts["input"];
    assert_eq!((&input["lines"], &input["events"]), (&json!(3), &json!(2)));
    assert_eq!(input["refused"], json!({"not_json": 1}));
    assert_eq!(input["values_left_out"], 1);
    assert!(said.contains("line 2: column 2 is no JSON"), "{said}");

    let body = br#"{"scrm":{"operation":"tag","rows":30}}"#;
    let mut syslog = b"<14>1 2026-01-05T10:00:00Z crm-1 app - - - ".to_vec();
    syslog.extend(body);
    let mut counted = format!("{} ", syslog.len()).into_bytes();
    counted.extend(&syslog);
    for input in [&syslog, &counted] {
        let (findings, counts, _) = matched(&["syslog"], input);
        assert_eq!(findings.len(), 1, "{counts}");
        assert_eq!(findings[0]["time"], 1_767_607_200_000_i64);
    }

    let journal = json!({
        "__REALTIME_TIMESTAMP": "1767607200000000", "MESSAGE": String::from_utf8_lossy(body),
    });
    let (findings, _, _) = matched(&["journald"], journal.to_string().as_bytes());
    assert_eq!(findings.len(), 1);

    let ocsf = br#"{"class_uid":6001,"time":1767607200000,"actor":{"user":{"uid":"u"}},"scrm":{"subjects":["a","b","c"],"operation":"tag","rows":9},"metadata":{"uid":"one"}}"#;
    let (findings, _, _) = matched(&["ocsf"], ocsf);
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (&findings[0]["title"], &findings[0]["value"]),
        (&json!("Persons"), &json!(3.0))
    );

    let ecs = br#"{"@timestamp":"2026-01-05T10:00:00Z","event":{"category":"web"},"scrm.operation":"tag"}"#;
    let (findings, counts, _) = matched(&["ecs"], ecs);
    assert_eq!(
        (findings.len(), &counts["input"]["without_time"]),
        (0, &json!(0))
    );
}
