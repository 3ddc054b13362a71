//! What the engine asks of an event.

use serde_json::{Map, Value as Json};

/// Objects and lists deeper than this are not looked into.
const MAX_DEPTH: usize = 64;

/// A value under a field, borrowed from its event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Present, without a value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// A list stands here; its members follow under the same path.
    List,
    /// An object stands here; its fields follow under longer paths.
    Object,
}

/// Anything that has fields.
///
/// `serde_json::Value` and [`Flat`] are events. A typed event hands its fields over without building JSON.
pub trait Event {
    /// Hands every field to `sink`: its dotted path (`actor.user.uid`) and its value. A list is announced with
    /// [`Value::List`] and then hands each member under its own path; an object is announced with [`Value::Object`].
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Value<'a>));
}

impl<E: Event + ?Sized> Event for &E {
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Value<'a>)) {
        (**self).visit(sink);
    }
}

impl Event for Json {
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Value<'a>)) {
        if let Self::Object(map) = self {
            map.visit(sink);
        }
    }
}

impl Event for Map<String, Json> {
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Value<'a>)) {
        let mut path = String::new();
        for (key, value) in self {
            match scalar(value) {
                Some(value) => sink(key, value),
                None => {
                    path.clear();
                    // Long enough for most paths, so that it doesn't grow step by step.
                    path.reserve(64);
                    path.push_str(key);
                    below(value, &mut path, MAX_DEPTH, sink);
                }
            }
        }
    }
}

/// A short event made of pairs: tests, access-log lines, events of other types.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flat<'a>(Vec<(&'a str, Value<'a>)>);

impl<'a> Flat<'a> {
    /// An event without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field; the same field twice holds two values.
    pub fn push(&mut self, field: &'a str, value: Value<'a>) -> &mut Self {
        self.0.push((field, value));
        self
    }
}

impl Event for Flat<'_> {
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Value<'a>)) {
        for (field, value) in &self.0 {
            sink(field, *value);
        }
    }
}

fn scalar(value: &Json) -> Option<Value<'_>> {
    match value {
        Json::Null => Some(Value::Null),
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(value) => Some(match value.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(value.as_f64().unwrap_or(f64::NAN)),
        }),
        Json::String(value) => Some(Value::Text(value)),
        Json::Array(_) | Json::Object(_) => None,
    }
}

fn below<'a>(
    value: &'a Json,
    path: &mut String,
    depth: usize,
    sink: &mut dyn FnMut(&str, Value<'a>),
) {
    if depth == 0 {
        return;
    }
    match value {
        Json::Array(members) => {
            sink(path, Value::List);
            for member in members {
                match scalar(member) {
                    Some(value) => sink(path, value),
                    None => below(member, path, depth - 1, sink),
                }
            }
        }
        Json::Object(map) => {
            sink(path, Value::Object);
            let length = path.len();
            for (key, value) in map {
                path.push('.');
                path.push_str(key);
                match scalar(value) {
                    Some(value) => sink(path, value),
                    None => below(value, path, depth - 1, sink),
                }
                path.truncate(length);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            if let Some(value) = scalar(value) {
                sink(path, value);
            }
        }
    }
}
