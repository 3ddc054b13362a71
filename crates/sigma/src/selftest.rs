//! Inline tests: events that must make a rule fire, and events that must not, beside the rule itself.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::atom::unix_millis;
use crate::correlate::{Limits, Meta};
use crate::error::LoadErrorKind;
use crate::event::Value;
use crate::matching::Scratch;
use crate::rule::{RuleInfo, Source};
use crate::set::Engine;

/// Events of one case.
const MAX_EVENTS: usize = 100_000;
/// Monday, 2026-01-05T10:00:00Z.
const START: i64 = 1_767_607_200_000;

/// One case of a rule's inline tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What the rule must do.
    pub expect: Expect,
    /// Events with their times, Unix milliseconds.
    pub events: Vec<(i64, Json)>,
    /// Where the events come from; without it every rule is asked.
    pub source: Option<Source>,
}

/// What a rule must do in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Nothing.
    Quiet,
    /// Find something.
    Fire,
    /// Find something exactly so often.
    Exactly(usize),
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseOutcome {
    /// Id, name or title of the rule.
    pub rule: String,
    /// File of the rule.
    pub file: String,
    /// Name of the case.
    pub case: String,
    /// What was expected.
    pub expected: Expect,
    /// Findings of the rule.
    pub found: usize,
    /// Whether that is as expected.
    pub passed: bool,
}

/// Reads the cases of a rule from its `hudun:` attribute; none when there are no tests.
///
/// # Errors
/// [`LoadErrorKind::Attribute`] when they aren't as documented.
pub fn cases(rule: &RuleInfo) -> Result<Vec<Case>, LoadErrorKind> {
    let Some(tests) = rule
        .attribute
        .as_ref()
        .and_then(|attribute| attribute.get("tests"))
    else {
        return Ok(Vec::new());
    };
    let tests = tests
        .as_object()
        .ok_or_else(|| wrong("tests is a mapping with fire and quiet"))?;
    let mut cases = Vec::new();
    for (kind, list) in tests {
        let expect = match kind.as_str() {
            "fire" => Expect::Fire,
            "quiet" => Expect::Quiet,
            other => return Err(wrong(&format!("tests.{other} is not known: fire or quiet"))),
        };
        let list = list
            .as_array()
            .ok_or_else(|| wrong(&format!("tests.{kind} is a list of cases")))?;
        for (n, case) in list.iter().enumerate() {
            let at = format!("tests.{kind}[{n}]");
            cases.push(case_of(case, expect, &at)?);
        }
    }
    Ok(cases)
}

/// Runs the cases of a rule against the whole set of an engine, each with a memory of its own.
///
/// # Errors
/// [`LoadErrorKind::Attribute`] when the tests aren't as documented.
pub fn run_cases(engine: &Engine, rule: &RuleInfo) -> Result<Vec<CaseOutcome>, LoadErrorKind> {
    let mut outcomes = Vec::new();
    let mut scratch = Scratch::default();
    for case in cases(rule)? {
        let engine = engine.for_tests(Limits {
            shards: 1,
            ..Limits::default()
        });
        let route = case
            .source
            .as_ref()
            .map(|source| engine.rules().route(source));
        let mut found = 0;
        let mut findings = Vec::new();
        for (time, event) in &case.events {
            let meta = Meta {
                time: *time,
                ..Meta::default()
            };
            engine.observe(event, &meta, route.as_ref(), &mut scratch, &mut findings);
            found += findings
                .drain(..)
                .filter(|finding| *finding.rule == *rule)
                .count();
        }
        outcomes.push(CaseOutcome {
            rule: rule.key().to_owned(),
            file: rule.file.clone(),
            case: case.name,
            expected: case.expect,
            found,
            passed: match case.expect {
                Expect::Quiet => found == 0,
                Expect::Fire => found > 0,
                Expect::Exactly(number) => found == number,
            },
        });
    }
    Ok(outcomes)
}

fn case_of(case: &Json, expect: Expect, at: &str) -> Result<Case, LoadErrorKind> {
    let case = case
        .as_object()
        .ok_or_else(|| wrong(&format!("{at} is a mapping with name and events")))?;
    for key in case.keys() {
        if !["name", "events", "event", "expect", "start", "logsource"].contains(&key.as_str()) {
            return Err(wrong(&format!("{at}.{key} is not known")));
        }
    }
    let name = case
        .get("name")
        .and_then(Json::as_str)
        .ok_or_else(|| wrong(&format!("{at} has no name")))?;
    let expect = match (case.get("expect"), expect) {
        (None, expect) => expect,
        (Some(number), Expect::Fire) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|&number| number > 0)
            .map(Expect::Exactly)
            .ok_or_else(|| wrong(&format!("{at}.expect is a number from 1")))?,
        (Some(_), _) => return Err(wrong(&format!("{at}.expect: a quiet case expects nothing"))),
    };
    let mut clock = match case.get("start") {
        None => START,
        Some(start) => time_of(start).ok_or_else(|| wrong(&format!("{at}.start is no time")))?,
    };
    let source = match case.get("logsource") {
        None => None,
        Some(source) => {
            let part = |key: &str| source.get(key).and_then(Json::as_str).map(str::to_owned);
            Some(Source {
                category: part("category"),
                product: part("product"),
                service: part("service"),
            })
        }
    };
    let single;
    let items = match (case.get("events"), case.get("event")) {
        (Some(Json::Array(items)), None) => items.as_slice(),
        (None, Some(event)) => {
            single = [event.clone()];
            &single
        }
        _ => {
            return Err(wrong(&format!(
                "{at} needs events: [...] or event: {{...}}"
            )));
        }
    };
    if items.is_empty() {
        return Err(wrong(&format!("{at} has no events")));
    }
    let mut events = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let at = format!("{at}.events[{n}]");
        let item = item
            .as_object()
            .ok_or_else(|| wrong(&format!("{at} is a mapping")))?;
        let Some(Json::Object(event)) = item.get("event") else {
            push(&mut events, item.clone(), &mut clock, 1000);
            continue;
        };
        for key in item.keys() {
            if !["event", "repeat", "every", "after"].contains(&key.as_str()) {
                return Err(wrong(&format!("{at}.{key} is not known")));
            }
        }
        let repeat = match item.get("repeat") {
            None => 1,
            Some(number) => number
                .as_u64()
                .ok_or_else(|| wrong(&format!("{at}.repeat is a number")))?,
        };
        let span = |key: &str, default: i64| match item.get(key) {
            None => Ok(default),
            Some(text) => text
                .as_str()
                .and_then(duration)
                .ok_or_else(|| wrong(&format!("{at}.{key} is a duration such as 10s or 5m"))),
        };
        let every = span("every", 1000)?;
        clock += span("after", 0)?;
        for n in 0..repeat {
            if events.len() >= MAX_EVENTS {
                return Err(wrong(&format!("{at}: more than {MAX_EVENTS} events")));
            }
            let event = Json::Object(event.clone());
            if let Json::Object(event) = numbered(event, n) {
                push(&mut events, event, &mut clock, every);
            }
        }
    }
    Ok(Case {
        name: name.to_owned(),
        expect,
        events,
        source,
    })
}

fn push(events: &mut Vec<(i64, Json)>, event: Map<String, Json>, clock: &mut i64, every: i64) {
    if let Some(time) = event.get("time").and_then(time_of) {
        *clock = time;
    }
    events.push((*clock, Json::Object(event)));
    *clock += every;
}

fn time_of(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => unix_millis(Value::Text(text)),
        Json::Number(number) => number
            .as_i64()
            .and_then(|number| unix_millis(Value::Int(number))),
        _ => None,
    }
}

/// Puts the number of a repetition where `{n}` stands; a text that is only `{n}` becomes a number.
fn numbered(value: Json, n: u64) -> Json {
    match value {
        Json::String(text) if text == "{n}" => n.into(),
        Json::String(text) if text.contains("{n}") => text.replace("{n}", &n.to_string()).into(),
        Json::Array(members) => members
            .into_iter()
            .map(|member| numbered(member, n))
            .collect(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, numbered(value, n)))
            .collect(),
        value => value,
    }
}

fn duration(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

fn wrong(reason: &str) -> LoadErrorKind {
    LoadErrorKind::Attribute(reason.to_owned())
}
