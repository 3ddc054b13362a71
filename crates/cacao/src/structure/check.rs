//! Walks a JSON value along the tables.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Value};

use super::names::{is_case, is_id, is_time};
use super::tables::{COMMAND, COMMANDS};
use crate::problem::{Fault, Problem};
use crate::validate::Mode;

pub(super) enum Rule {
    Text,
    Bool,
    Object,
    Id,
    Time,
    Case,
    Command,
    Enum(&'static [&'static str]),
    Pattern(&'static str),
    Check(fn(&str) -> bool, &'static str),
    Integer(Option<i64>, Option<i64>),
    Number(f64, f64),
    List(&'static Self, usize),
    Map(fn(&str) -> Option<Self>, usize),
    Record(&'static Record),
    OrNull(&'static Self),
    Both(&'static Self, &'static Self),
}

pub(super) struct Record {
    pub(super) base: Option<&'static Self>,
    pub(super) fields: &'static [(&'static str, Rule)],
    pub(super) required: &'static [&'static str],
    pub(super) forbidden: &'static [&'static str],
    /// Exactly one of these must be there.
    pub(super) one_of: &'static [&'static str],
    /// Whether other fields are allowed in strict mode too.
    pub(super) open: bool,
}

pub(super) struct Check {
    pub(super) mode: Mode,
    pub(super) path: String,
    pub(super) problems: Vec<Problem>,
}

impl Check {
    pub(super) fn rule(&mut self, rule: &Rule, value: &Value) {
        match rule {
            Rule::Text => self.want(value.is_string(), "a text"),
            Rule::Bool => self.want(value.is_boolean(), "true or false"),
            Rule::Object => self.want(value.is_object(), "an object"),
            Rule::Id => self.text(value, is_id, "an identifier KIND--UUID"),
            Rule::Time => self.text(
                value,
                is_time,
                "a UTC time such as 2026-11-23T08:00:00.000Z",
            ),
            Rule::Case => self.text(value, is_case, "a step's identifier"),
            Rule::Check(check, wanted) => self.text(value, check, wanted),
            Rule::Pattern(pattern) => self.text(
                value,
                |text| matches(pattern, text),
                "an address of its kind",
            ),
            Rule::Enum(allowed) => {
                let known = value.as_str().is_some_and(|text| allowed.contains(&text));
                if !known {
                    self.add(Fault::NotOneOf(
                        allowed.iter().map(|s| (*s).to_owned()).collect(),
                    ));
                }
            }
            Rule::Integer(low, high) => {
                let number = value.as_f64().filter(|n| n.fract() == 0.0);
                let low = low.is_none_or(|low| number.is_some_and(|n| n >= low as f64));
                let high = high.is_none_or(|high| number.is_some_and(|n| n <= high as f64));
                self.want(
                    number.is_some() && low && high,
                    "a whole number in its range",
                );
            }
            Rule::Number(low, high) => {
                self.want(
                    value.as_f64().is_some_and(|n| (*low..=*high).contains(&n)),
                    "a number in its range",
                );
            }
            Rule::OrNull(rule) => {
                if !value.is_null() {
                    self.rule(rule, value);
                }
            }
            Rule::Both(one, two) => {
                self.rule(one, value);
                self.rule(two, value);
            }
            Rule::List(rule, least) => {
                let Some(items) = value.as_array() else {
                    return self.want(false, "a list");
                };
                if items.len() < *least {
                    self.add(Fault::TooFew(*least));
                }
                for (n, item) in items.iter().enumerate() {
                    self.below(&n.to_string(), |check| check.rule(rule, item));
                }
            }
            Rule::Map(rule_for, least) => {
                let Some(fields) = value.as_object() else {
                    return self.want(false, "an object");
                };
                if fields.len() < *least {
                    self.add(Fault::TooFew(*least));
                }
                for (key, value) in fields {
                    match rule_for(key) {
                        Some(rule) => self.below(key, |check| check.rule(&rule, value)),
                        None if self.mode == Mode::Strict => {
                            self.below(key, |check| check.add(Fault::Unknown))
                        }
                        None => {}
                    }
                }
            }
            Rule::Record(record) => {
                let Some(fields) = value.as_object() else {
                    return self.want(false, "an object");
                };
                self.record(record, fields);
                if self.mode == Mode::Strict && !record.open {
                    self.unknown(record, fields);
                }
            }
            Rule::Command => {
                let Some(fields) = value.as_object() else {
                    return self.want(false, "an object");
                };
                self.record(&COMMAND, fields);
                let kind = fields.get("type").and_then(Value::as_str);
                let kind = COMMANDS.iter().find(|(name, _)| Some(*name) == kind);
                if let (Mode::Strict, Some((_, record))) = (self.mode, kind) {
                    self.own(record, fields);
                    self.unknown(record, fields);
                }
            }
        }
    }

    fn record(&mut self, record: &Record, fields: &Map<String, Value>) {
        if let Some(base) = record.base {
            self.record(base, fields);
        }
        self.own(record, fields);
    }

    /// The record's own rules, without those of its base.
    fn own(&mut self, record: &Record, fields: &Map<String, Value>) {
        for (name, rule) in record.fields {
            if let Some(value) = fields.get(*name) {
                self.below(name, |check| check.rule(rule, value));
            }
        }
        for name in record
            .required
            .iter()
            .filter(|name| !fields.contains_key(**name))
        {
            self.below(name, |check| check.add(Fault::Missing));
        }
        for name in record
            .forbidden
            .iter()
            .filter(|name| fields.contains_key(**name))
        {
            self.below(name, |check| check.add(Fault::Forbidden));
        }
        if !record.one_of.is_empty()
            && record
                .one_of
                .iter()
                .filter(|name| fields.contains_key(**name))
                .count()
                != 1
        {
            self.add(Fault::ExactlyOne(
                record.one_of.iter().map(|s| (*s).to_owned()).collect(),
            ));
        }
    }

    fn unknown(&mut self, record: &Record, fields: &Map<String, Value>) {
        let known = |name: &str| {
            let has = |record: &Record| record.fields.iter().any(|(field, _)| *field == name);
            has(record) || record.base.is_some_and(has)
        };
        for name in fields.keys().filter(|name| !known(name)) {
            self.below(name, |check| check.add(Fault::Unknown));
        }
    }

    fn text(&mut self, value: &Value, check: impl Fn(&str) -> bool, wanted: &'static str) {
        self.want(value.as_str().is_some_and(check), wanted);
    }

    fn want(&mut self, right: bool, wanted: &'static str) {
        if !right {
            self.add(Fault::Wanted(wanted));
        }
    }

    fn below(&mut self, name: &str, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        then(self);
        self.path.truncate(length);
    }

    fn add(&mut self, fault: Fault) {
        let problem = Problem {
            path: self.path.clone(),
            fault,
        };
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// The address patterns are compiled once.
fn matches(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<Option<HashMap<&'static str, Regex>>> = Mutex::new(None);
    if text.len() > 4096 {
        return false;
    }
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    if !compiled.contains_key(pattern) {
        let Ok(regex) = Regex::new(pattern) else {
            return false;
        };
        compiled.insert(pattern, regex);
    }
    compiled
        .get(pattern)
        .is_some_and(|regex| regex.is_match(text))
}

/// Problems that are listed.
const MAX_PROBLEMS: usize = 500;
