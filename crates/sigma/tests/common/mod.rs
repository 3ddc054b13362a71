//! Shared by the tests, the examples and the benchmarks: the rules of the data folder, and events made from rules.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::{Path, PathBuf};

use hudun_sigma::{Loader, RuleSet};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Modifier, SigmaCollection, SigmaRule, SigmaString,
    SigmaValue, SpecialChar, StringPart,
};
use serde_json::{Map, Value, json};

/// The Sigma rules of the test data; `None`, with a word about it, when they are absent.
pub fn rules_folder() -> Option<PathBuf> {
    let path = match std::env::var_os("HUDUN_TEST_DATA") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    }
    .join("sigma/rules");
    if path.is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var_os("HUDUN_TEST_DATA").is_none(),
        "HUDUN_TEST_DATA is set, but there is no {}",
        path.display()
    );
    eprintln!(
        "SKIPPED: no test data at {}; set HUDUN_TEST_DATA",
        path.display()
    );
    None
}

/// Every rule file below a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "yml") {
                found.push((
                    path.display().to_string(),
                    std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    found.sort();
    found
}

/// Rules on which the other engine is wrong, each with the clause of the specification that says so. On these, matches
/// that only this engine has are expected.
pub const PROVEN: [(&str, &str); 1] = [(
    "e032f5bc-4563-4096-ae3b-064bab588685",
    "Sigma rules specification, \"Keywords search\": keywords are searched across the entire event, and '|all' links \
     them with AND; rsigma-eval wants one text that equals every keyword, so the rule never matches there",
)];

/// Our engine's rule set of some files.
pub fn ours(files: &[(String, String)]) -> RuleSet {
    files
        .iter()
        .fold(Loader::new(), |loader, (name, text)| {
            loader.source(name, text)
        })
        .load()
        .unwrap_or_else(|errors| panic!("{errors}"))
}

/// The same files as the other parser's collection, rules in the same order as in ours.
pub fn collection(files: &[(String, String)]) -> SigmaCollection {
    let mut all = SigmaCollection::new();
    for (_, text) in files {
        let one = rsigma_parser::parse_sigma_yaml(text).unwrap();
        assert!(one.errors.is_empty(), "{:?}", one.errors);
        all.rules.extend(one.rules);
        all.correlations.extend(one.correlations);
        all.filters.extend(one.filters);
    }
    all
}

/// A small generator of numbers (xorshift64*): the same seed, the same events.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }

    pub fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// Makes events that nearly are what rules look for: a rule's own atoms, some left out, some changed.
pub struct Generator<'a> {
    rules: &'a [SigmaRule],
    pub rng: Rng,
}

impl<'a> Generator<'a> {
    pub fn new(rules: &'a [SigmaRule], seed: u64) -> Self {
        Self {
            rules,
            rng: Rng::new(seed),
        }
    }

    /// An event from one to three rules.
    pub fn event(&mut self) -> Value {
        let mut event = Map::new();
        for _ in 0..=self.rng.below(3) {
            let rule = &self.rules[self.rng.below(self.rules.len())];
            let faithful = self.rng.below(3);
            self.condition(rule, &rule.detection.conditions[0], faithful, &mut event);
        }
        for _ in 0..self.rng.below(3) {
            let noise = [
                "",
                "noise",
                "GET /index.html",
                "404",
                "TRUE",
                "ПРИВЕТ straße",
                "a\nb",
            ];
            let field = format!("extra{}", self.rng.below(4));
            let value = *self.rng.pick(&noise);
            event.insert(field, value.into());
        }
        Value::Object(event)
    }

    fn condition(
        &mut self,
        rule: &SigmaRule,
        expr: &ConditionExpr,
        faithful: usize,
        event: &mut Map<String, Value>,
    ) {
        match expr {
            ConditionExpr::And(all) => {
                for inner in all {
                    self.condition(rule, inner, faithful, event);
                }
            }
            ConditionExpr::Or(any) => {
                let inner = &any[self.rng.below(any.len())];
                self.condition(rule, inner, faithful, event);
            }
            ConditionExpr::Not(inner) => {
                // Sometimes what the rule excludes is there.
                if self.rng.one_in(3) {
                    self.condition(rule, inner, faithful, event);
                }
            }
            ConditionExpr::Identifier(name) => {
                if let Some(detection) = rule.detection.named.get(name) {
                    self.detection(detection, faithful, event);
                }
            }
            ConditionExpr::Selector { pattern, .. } => {
                let mut names: Vec<&String> = rule
                    .detection
                    .named
                    .keys()
                    .filter(|name| pattern.matches_detection_name(name))
                    .collect();
                names.sort();
                for name in names {
                    if faithful > 0 || self.rng.one_in(2) {
                        self.detection(&rule.detection.named[name], faithful, event);
                    }
                }
            }
        }
    }

    fn detection(
        &mut self,
        detection: &Detection,
        faithful: usize,
        event: &mut Map<String, Value>,
    ) {
        match detection {
            Detection::AllOf(items) => {
                for item in items {
                    if faithful > 0 || !self.rng.one_in(4) {
                        self.item(item, event);
                    }
                }
            }
            Detection::AnyOf(any) => {
                let inner = &any[self.rng.below(any.len())];
                self.detection(inner, faithful, event);
            }
            Detection::And(all) => {
                for inner in all {
                    self.detection(inner, faithful, event);
                }
            }
            Detection::Keywords(values) => {
                let value = self.rng.pick(values).clone();
                let text = self.text(&value, true, true);
                let field = *self.rng.pick(&["message", "log", "msg"]);
                event.insert(field.to_owned(), text.into());
            }
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
        }
    }

    fn item(&mut self, item: &DetectionItem, event: &mut Map<String, Value>) {
        let has = |modifier| item.field.modifiers.contains(&modifier);
        let field = match &item.field.name {
            Some(name) => name.clone(),
            None => "message".to_owned(),
        };
        let keyword = item.field.name.is_none();
        let before = keyword || has(Modifier::Contains) || has(Modifier::EndsWith);
        let after = keyword || has(Modifier::Contains) || has(Modifier::StartsWith);
        let value = if has(Modifier::All) {
            let mut texts: Vec<String> = item
                .values
                .iter()
                .map(|value| self.text(value, before, after))
                .collect();
            if self.rng.one_in(4) {
                texts.pop();
            }
            Value::String(texts.join(" "))
        } else if has(Modifier::Exists) {
            if self.rng.one_in(3) {
                return;
            }
            self.rng
                .pick(&[json!("x"), json!(null), json!(1), json!([])])
                .clone()
        } else {
            let value = self.rng.pick(&item.values).clone();
            self.value(&value, item, before, after)
        };
        let value = if self.rng.one_in(12) {
            json!([value, "other", 7])
        } else {
            value
        };
        // Under its dotted name or nested.
        match field.split_once('.') {
            Some((first, rest)) if self.rng.one_in(2) && !event.contains_key(&field) => {
                let inner = event.entry(first.to_owned()).or_insert_with(|| json!({}));
                let mut at = inner;
                let mut parts: Vec<&str> = rest.split('.').collect();
                let last = parts.pop().unwrap();
                for part in parts {
                    if !at.is_object() {
                        return;
                    }
                    at = at
                        .as_object_mut()
                        .unwrap()
                        .entry(part.to_owned())
                        .or_insert_with(|| json!({}));
                }
                if let Some(map) = at.as_object_mut() {
                    map.insert(last.to_owned(), value);
                }
            }
            Some((first, _)) if event.contains_key(first) => {}
            _ => {
                event.insert(field, value);
            }
        }
    }

    fn value(
        &mut self,
        value: &SigmaValue,
        item: &DetectionItem,
        before: bool,
        after: bool,
    ) -> Value {
        let has = |modifier| item.field.modifiers.contains(&modifier);
        match value {
            _ if has(Modifier::Cidr) => {
                let net = value.to_string();
                let address = net.split('/').next().unwrap_or_default().to_owned();
                self.rng
                    .pick(&[
                        address,
                        "10.1.2.3".into(),
                        "192.168.7.7".into(),
                        "8.8.8.8".into(),
                    ])
                    .clone()
                    .into()
            }
            SigmaValue::Integer(number) => match self.rng.below(5) {
                0 => json!(number.to_string()),
                1 => json!(number + 1),
                2 => json!(*number as f64),
                _ => json!(number),
            },
            SigmaValue::Float(number) => json!(number),
            SigmaValue::Bool(truth) => match self.rng.below(4) {
                0 => json!(truth.to_string().to_uppercase()),
                1 => json!(!truth),
                _ => json!(truth),
            },
            SigmaValue::Null => self.rng.pick(&[json!(null), json!("x")]).clone(),
            value => {
                let text = self.text(value, before, after);
                text.into()
            }
        }
    }

    /// A text that has a value in it, most of the time.
    fn text(&mut self, value: &SigmaValue, before: bool, after: bool) -> String {
        let mut text = match value {
            SigmaValue::String(text) => self.filled(text),
            value => value.to_string(),
        };
        match self.rng.below(8) {
            0 => text = text.to_uppercase(),
            1 => text = text.to_lowercase(),
            // A character less, a character more: just beside.
            2 => {
                let at = self.rng.below(text.chars().count());
                text = text
                    .chars()
                    .enumerate()
                    .filter(|(n, _)| *n != at)
                    .map(|(_, c)| c)
                    .collect();
            }
            3 => {
                let at = self.rng.below(text.chars().count() + 1);
                let mut longer: Vec<char> = text.chars().collect();
                longer.insert(at.min(longer.len()), 'x');
                text = longer.into_iter().collect();
            }
            _ => {}
        }
        if before && self.rng.one_in(2) || self.rng.one_in(10) {
            text.insert_str(0, "/pre?x=");
        }
        if after && self.rng.one_in(2) || self.rng.one_in(10) {
            text.push_str("&post=é");
        }
        text
    }

    fn filled(&mut self, text: &SigmaString) -> String {
        let mut out = String::new();
        for part in &text.parts {
            match part {
                StringPart::Plain(plain) => out.push_str(plain),
                StringPart::Special(SpecialChar::WildcardMulti) => {
                    let any: &[&str] = &["", "a", "some/thing", "Ünï"];
                    let part = *self.rng.pick(any);
                    out.push_str(part);
                }
                StringPart::Special(SpecialChar::WildcardSingle) => {
                    let one: &[&str] = &["", "a", "é", "bb"];
                    let part = *self.rng.pick(one);
                    out.push_str(part);
                }
            }
        }
        out
    }
}

/// One of the SCRM's events, as in the measurements of the reference: 15 fields, about 500 bytes.
pub fn scrm_event(rng: &mut Rng, n: u64) -> Value {
    const PATHS: [&str; 8] = [
        "/api/v1/customers/",
        "/api/v1/chats/",
        "/api/v1/orders?customer=",
        "/static/app.js?v=",
        "/api/v1/tags/",
        "/login?next=/customers/",
        "/api/v1/export?job=",
        "/api/v1/search?q=",
    ];
    const METHODS: [&str; 4] = ["GET", "GET", "POST", "PUT"];
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
        "MicroMessenger/8.0.47 Language/zh_CN NetType/WIFI",
        "scrm-sync/2.3 (+https://sync.example)",
    ];
    let user = rng.below(20_000);
    json!({
        "time": 1_767_607_200_000_i64 + n as i64,
        "class_uid": 6001,
        "cs-method": rng.pick(&METHODS),
        "cs-uri-stem": rng.pick(&PATHS),
        "cs-uri-query": format!("{}{}", rng.pick(&PATHS), rng.below(1_000_000)),
        "cs-user-agent": rng.pick(&AGENTS),
        "cs-host": "crm.example.com",
        "sc-status": *rng.pick(&[200, 200, 200, 304, 404]),
        "sc-bytes": rng.below(90_000),
        "c-ip": format!("10.{}.{}.{}", rng.below(4), rng.below(250), rng.below(250)),
        "actor": {"user": {"uid": format!("sales-{user}"), "role": "sales"}},
        "session": format!("s-{:016x}", rng.below(1 << 30)),
        "customer": format!("c-{}", rng.below(300_000)),
        "module": "customers",
        "rows": rng.below(50),
    })
}
