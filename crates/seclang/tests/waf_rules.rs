//! The rules that come with Hudun: each has attacks that it stops and honest twins that it lets pass.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::corpus::{ATTACKS, CARRIERS, ORDINARY};
use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Outcome, RuleSet, Start, Transaction};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    attacks: Vec<Case>,
    honest: Vec<Case>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Case {
    method: Option<String>,
    target: Option<String>,
    value: Option<String>,
    header: Option<(String, String)>,
    header2: Option<(String, String)>,
    without: Option<String>,
    body: Option<(String, String)>,
    file: Option<(String, String)>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/waf")
}

fn rules() -> RuleSet {
    let pattern = folder().join("*.conf");
    RuleSet::builder()
        .glob(pattern.to_string_lossy())
        .build()
        .unwrap_or_else(|e| panic!("{e}"))
}

impl Case {
    fn requests(&self) -> Vec<RawRequest> {
        let base = |target: &str, kind: Option<&str>, body: &[u8]| {
            let mut headers: Vec<(Vec<u8>, Vec<u8>)> = vec![
                (b"Host".to_vec(), b"scrm.example.com".to_vec()),
                (b"Accept".to_vec(), b"*/*".to_vec()),
            ];
            if let Some(kind) = kind {
                headers.push((b"Content-Type".to_vec(), kind.as_bytes().to_vec()));
                headers.push((
                    b"Content-Length".to_vec(),
                    body.len().to_string().into_bytes(),
                ));
            }
            if let Some(name) = &self.without {
                headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name.as_bytes()));
            }
            headers.extend(
                [&self.header, &self.header2]
                    .into_iter()
                    .flatten()
                    .map(|(n, v)| (n.clone().into_bytes(), v.clone().into_bytes())),
            );
            let method = self
                .method
                .as_deref()
                .unwrap_or_else(|| if kind.is_some() { "POST" } else { "GET" });
            RawRequest {
                method: method.into(),
                target: target.into(),
                protocol: b"HTTP/1.1".to_vec(),
                headers,
                body: body.to_vec(),
            }
        };
        let target = self.target.as_deref().unwrap_or("/api/v1/customers");
        if let Some(value) = &self.value {
            let json = serde_json::json!({ "a": [{ "b": value }] }).to_string();
            let form: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
            return vec![
                base(&format!("/api/v1/customers?q={form}"), None, b""),
                base(
                    target,
                    Some("application/x-www-form-urlencoded"),
                    format!("q={form}").as_bytes(),
                ),
                base(target, Some("application/json"), json.as_bytes()),
            ];
        }
        if let Some((kind, body)) = &self.body {
            return vec![base(target, Some(kind), body.as_bytes())];
        }
        if let Some((name, content)) = &self.file {
            let body = format!(
                "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
            );
            return vec![base(
                target,
                Some("multipart/form-data; boundary=b"),
                body.as_bytes(),
            )];
        }
        vec![base(target, None, b"")]
    }
}

fn run(rules: &RuleSet, request: &RawRequest) -> Outcome {
    let mut t = Transaction::new(rules, Start::example());
    request.feed(&mut t);
    t.finish()
}

#[test]
fn each_rule_stops_its_attacks_and_passes_their_twins() {
    let rules = rules();
    let text = std::fs::read_to_string(folder().join("tests.json")).unwrap();
    let cases: BTreeMap<u64, Cases> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for id in rules.ids().filter(|id| *id >= 1_000_100) {
        match cases.get(&id) {
            Some(c) if c.attacks.len() >= 2 && !c.honest.is_empty() => {}
            _ => wrong.push(format!("{id} needs two attacks and an honest twin")),
        }
    }
    for (id, case) in &cases {
        // Alone: the rules before it in the file must not hide whether it works.
        let alone = only(*id);
        for (at, attack) in case.attacks.iter().enumerate() {
            for request in attack.requests() {
                let outcome = run(&alone, &request);
                if outcome.intervention.as_ref().map(|i| i.rule) != Some(*id) {
                    wrong.push(format!(
                        "{id} misses attack {at}: {}",
                        String::from_utf8_lossy(&request.target)
                    ));
                }
            }
        }
        for (at, honest) in case.honest.iter().enumerate() {
            for request in honest.requests() {
                if let Some(stop) = run(&rules, &request).intervention {
                    wrong.push(format!(
                        "{} blocks honest twin {at} of {id}: {}",
                        stop.rule, stop.explanation
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The engine's settings and one rule.
fn only(id: u64) -> RuleSet {
    let pattern = folder().join("*.conf");
    RuleSet::builder()
        .glob(pattern.to_string_lossy())
        .text(
            "only.conf",
            format!("SecRuleRemoveById 1000100-{} {}-1999999", id - 1, id + 1),
        )
        .build()
        .unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn attacks_and_ordinary_work() {
    let rules = rules();
    let mut wrong = Vec::new();
    for (texts, attack) in [(ATTACKS, true), (ORDINARY, false)] {
        for text in texts {
            for (name, carry) in CARRIERS {
                let request = RawRequest::parse(&carry(text)).unwrap();
                let outcome = run(&rules, &request);
                if outcome.intervention.is_some() != attack {
                    wrong.push(format!(
                        "{name}: {text}: {:?}",
                        outcome.intervention.map(|i| i.explanation)
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
