//! Before a rule set counts: it must stop what it is for, and pass ordinary work.

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet, Start, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Requests that every rule set must judge rightly.
const PROOF: &str = include_str!("proof.json");

/// What a proof came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proof {
    /// Requests judged.
    pub total: usize,
    /// Attacks that pass.
    pub missed: Vec<String>,
    /// Ordinary requests that are stopped, with the sentence.
    pub blocked: Vec<String>,
}

impl Proof {
    /// Whether the set may be put in force.
    pub fn holds(&self) -> bool {
        self.missed.is_empty() && self.blocked.is_empty()
    }
}

#[derive(Deserialize)]
struct Cases {
    attacks: Vec<Value>,
    ordinary: Vec<Value>,
}

/// Judges attacks and ordinary requests in the query, a form and JSON.
///
/// # Errors
/// Never for the cases that come with Hudun; the signature allows for faults in them.
pub fn prove(rules: &RuleSet, judging: Judging) -> anyhow::Result<Proof> {
    let cases: Cases = serde_json::from_str(PROOF)?;
    let mut proof = Proof::default();
    for (attack, values) in [(true, cases.attacks), (false, cases.ordinary)] {
        for value in &values {
            let text = value.as_str().unwrap_or_default();
            for (name, bytes) in carried(text) {
                proof.total += 1;
                let request = RawRequest::parse(&bytes)?;
                let start = Start {
                    judging,
                    ..Start::example()
                };
                let mut transaction = Transaction::new(rules, start);
                request.feed(&mut transaction);
                let stopped = transaction.finish().intervention;
                match (attack, stopped) {
                    (true, None) => proof.missed.push(format!("{name}: {text}")),
                    (false, Some(stop)) => proof
                        .blocked
                        .push(format!("{name}: {text}: {}", stop.explanation)),
                    _ => {}
                }
            }
        }
    }
    Ok(proof)
}

/// Which attacks of the proof are stopped in this parameter now and would pass with the exception; how many were tried. Only a
/// parameter of the request can hold them.
///
/// # Errors
/// When the place is none, or the attacks that come with Hudun have a fault.
pub(super) fn let_through(
    rules: &RuleSet,
    judging: Judging,
    rule: u64,
    place: &str,
) -> anyhow::Result<(u64, Vec<String>)> {
    let name = ["ARGS:", "ARGS_GET:", "ARGS_POST:"]
        .iter()
        .find_map(|collection| place.strip_prefix(collection))
        .filter(|name| !name.starts_with('/'));
    let (Some(name), Some(exception)) = (name, rules.exception(rule, Some(place))?) else {
        return Ok((0, Vec::new()));
    };
    let cases: Cases = serde_json::from_str(PROOF)?;
    let (mut tried, mut passing) = (0, Vec::new());
    let carriers = if place.starts_with("ARGS_POST:") {
        1..2
    } else {
        0..1
    };
    for attack in &cases.attacks {
        let text = attack.as_str().unwrap_or_default();
        for (_, bytes) in &named(name, text)[carriers.clone()] {
            tried += 1;
            let request = RawRequest::parse(bytes)?;
            let stopped = |excepted: bool| {
                let start = Start {
                    judging,
                    ..Start::example()
                };
                let mut transaction = Transaction::new(rules, start);
                if excepted {
                    transaction.except(&exception);
                }
                request.feed(&mut transaction);
                transaction.finish().intervention.is_some()
            };
            if stopped(false) && !stopped(true) {
                passing.push(text.to_owned());
            }
        }
    }
    Ok((tried, passing))
}

fn carried(text: &str) -> [(&'static str, Vec<u8>); 3] {
    let [query, _, _] = named("q", text);
    let [_, form, json] = named("note", text);
    [query, form, json]
}

/// The text as the value of a parameter: in the query, in a form, in JSON.
fn named(name: &str, text: &str) -> [(&'static str, Vec<u8>); 3] {
    let head = "Host: scrm.example.com\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0\r\nAccept: */*\r\n";
    let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    let parameter = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let post = |kind: &str, body: &str| {
        format!(
            "POST /api/v1/notes HTTP/1.1\r\n{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    [
        (
            "query",
            format!("GET /api/v1/customers?{parameter}={encoded}&page=1 HTTP/1.1\r\n{head}\r\n")
                .into_bytes(),
        ),
        (
            "form",
            post(
                "application/x-www-form-urlencoded",
                &format!("{parameter}={encoded}"),
            ),
        ),
        (
            "json",
            post(
                "application/json",
                &serde_json::json!({ name: { "text": text } }).to_string(),
            ),
        ),
    ]
}
