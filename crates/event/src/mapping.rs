//! Other names for fields: a file says which field of a source becomes which field of OCSF or Sigma.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde_json::{Map, Value as Json};

use crate::record::{Record, Value};

/// Names of a source as names of OCSF or Sigma.
#[derive(Clone, Debug)]
pub struct Mapping {
    fields: BTreeMap<String, Target>,
    constants: Vec<(String, Constant)>,
    /// Names that the mapping makes; a source's own field of that name, above or below it, never stays.
    made: BTreeSet<String>,
    keep: bool,
}

impl Mapping {
    /// Reads a mapping (YAML).
    ///
    /// # Errors
    /// The first fault, with the field; `name` is what the error calls the file.
    pub fn read(name: &str, text: &str) -> Result<Self, MappingError> {
        let fault = |field: &str, what: String| MappingError {
            file: name.to_owned(),
            field: field.to_owned(),
            what,
        };
        if text.len() > MAX_FILE {
            return Err(fault("", format!("has more than {MAX_FILE} bytes")));
        }
        let json: Json = serde_saphyr::from_str(text).map_err(|error| {
            let error = error.to_string();
            fault("", error.lines().next().unwrap_or_default().to_owned())
        })?;
        Self::of(&json).map_err(|Wrong { field, what }| fault(&field, what))
    }

    /// The mapping from ECS to OCSF: log-ins become 3002, requests 6001.
    ///
    /// # Errors
    /// None: a test reads it.
    pub fn ecs() -> Result<Self, MappingError> {
        Self::read("ecs.yml", include_str!("ecs.yml"))
    }

    fn of(json: &Json) -> Result<Self, Wrong> {
        let Json::Object(top) = json else {
            return Err(wrong(
                "",
                "is no mapping with the keys fields, constants, keep",
            ));
        };
        let mut mapping = Self {
            fields: BTreeMap::new(),
            constants: Vec::new(),
            made: BTreeSet::new(),
            keep: false,
        };
        for (key, value) in top {
            match key.as_str() {
                "description" if value.is_string() => {}
                "fields" => {
                    for (source, to) in object(key, value)? {
                        let at = format!("fields.{source}");
                        check_path(&at, source)?;
                        let target = mapping.target(&at, to)?;
                        mapping.fields.insert(source.clone(), target);
                    }
                }
                "constants" => {
                    for (target, value) in object(key, value)? {
                        let at = format!("constants.{target}");
                        check_path(&at, target)?;
                        if !mapping.made.insert(target.clone()) {
                            return Err(wrong(&at, "is filled by a field, too"));
                        }
                        mapping
                            .constants
                            .push((target.clone(), constant(&at, value)?));
                    }
                }
                "keep" => {
                    mapping.keep = value
                        .as_bool()
                        .ok_or_else(|| wrong(key, "is neither true nor false"))?;
                }
                _ => {
                    return Err(wrong(
                        key,
                        "is unknown; there are description, fields, constants and keep",
                    ));
                }
            }
        }
        if mapping.fields.is_empty() {
            return Err(wrong("fields", "is missing or empty"));
        }
        if mapping.fields.len() + mapping.constants.len() > MAX_FIELDS {
            return Err(wrong("fields", "has too many entries; 1,000 are allowed"));
        }
        // `serde_json` sorts keys, so constants come before fields: what both fill is found here.
        for (target, _) in &mapping.constants {
            let mut fields = mapping.fields.iter();
            let filled = fields.find(|(_, made)| made.names.contains(target));
            if let Some((source, _)) = filled {
                return Err(wrong(
                    &format!("constants.{target}"),
                    &format!("is filled by the field {source}, too"),
                ));
            }
        }
        for name in &mapping.made {
            let below = format!("{name}.");
            if let Some(other) = mapping.made.iter().find(|other| other.starts_with(&below)) {
                return Err(wrong(
                    name,
                    &format!("can't be a value and hold {other} at once"),
                ));
            }
        }
        Ok(mapping)
    }

    fn target(&mut self, at: &str, to: &Json) -> Result<Target, Wrong> {
        let (names, values, otherwise) = match to {
            Json::Object(entry) => {
                for key in entry.keys() {
                    if !["to", "values", "otherwise"].contains(&key.as_str()) {
                        return Err(wrong(
                            &format!("{at}.{key}"),
                            "is unknown; there are to, values and otherwise",
                        ));
                    }
                }
                let to = entry
                    .get("to")
                    .ok_or_else(|| wrong(&format!("{at}.to"), "is missing"))?;
                let values = match entry.get("values") {
                    Some(values) => {
                        let here = format!("{at}.values");
                        let mut known = BTreeMap::new();
                        for (word, value) in object(&here, values)? {
                            let value = constant(&format!("{here}.{word}"), value)?;
                            known.insert(word.clone(), value);
                        }
                        if known.is_empty() {
                            return Err(wrong(&here, "is empty"));
                        }
                        Some(known)
                    }
                    None => None,
                };
                let otherwise = match entry.get("otherwise") {
                    Some(value) => Some(constant(&format!("{at}.otherwise"), value)?),
                    None => None,
                };
                if otherwise.is_some() && values.is_none() {
                    return Err(wrong(
                        &format!("{at}.otherwise"),
                        "means nothing without values",
                    ));
                }
                (names(&format!("{at}.to"), to)?, values, otherwise)
            }
            other => (names(at, other)?, None, None),
        };
        self.made.extend(names.iter().cloned());
        Ok(Target {
            names,
            values,
            otherwise,
        })
    }

    /// Makes `into` what the record is under this mapping.
    pub(crate) fn apply(&self, from: &Record, into: &mut Record) {
        into.clear(0);
        into.follow(from);
        for (name, value) in &self.constants {
            into.push(name, value.as_value());
        }
        // Of a list, the first word that is known counts.
        let mut known: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, value) in from.fields() {
            let Some(target) = self.fields.get(name) else {
                if self.keep && !self.makes(name) {
                    into.push(name, value);
                }
                continue;
            };
            let Some(values) = &target.values else {
                target.put(value, into);
                continue;
            };
            let known = known.entry(name).or_default();
            if !*known && let Some(constant) = word(value, |word| values.get(word)) {
                *known = true;
                target.put(constant.as_value(), into);
            }
        }
        for (name, _) in known.into_iter().filter(|(_, known)| !known) {
            match self.fields.get(name) {
                Some(
                    target @ Target {
                        otherwise: Some(otherwise),
                        ..
                    },
                ) => target.put(otherwise.as_value(), into),
                _ => into.leave_out(),
            }
        }
    }

    /// Whether the name, one above or one below it is made here.
    fn makes(&self, name: &str) -> bool {
        let above = name
            .match_indices('.')
            .filter_map(|(at, _)| name.get(..at))
            .chain([name])
            .any(|name| self.made.contains(name));
        above
            || self
                .made
                .range::<str, _>((Bound::Included(name), Bound::Unbounded))
                .take_while(|made| made.starts_with(name))
                .any(|made| made.as_bytes().get(name.len()) == Some(&b'.'))
    }
}

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {}{what}", if field.is_empty() { String::new() } else { format!("{field}: ") })]
pub struct MappingError {
    /// The file.
    pub file: String,
    /// The field, dotted; empty when it is the whole file.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

#[derive(Clone, Debug)]
struct Target {
    names: Vec<String>,
    values: Option<BTreeMap<String, Constant>>,
    otherwise: Option<Constant>,
}

impl Target {
    fn put(&self, value: Value<'_>, into: &mut Record) {
        for name in &self.names {
            into.push(name, value);
        }
    }
}

/// What a value is called in a list of values.
fn word<'k>(
    value: Value<'_>,
    known: impl FnOnce(&str) -> Option<&'k Constant>,
) -> Option<&'k Constant> {
    match value {
        Value::Text(text) => known(text),
        Value::Bool(true) => known("true"),
        Value::Bool(false) => known("false"),
        Value::Int(number) => known(&number.to_string()),
        Value::Float(number) => known(&number.to_string()),
        Value::Null => known("null"),
        Value::List | Value::Object => None,
    }
}

#[derive(Clone, Debug)]
enum Constant {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Constant {
    fn as_value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Text(value) => Value::Text(value),
        }
    }
}

struct Wrong {
    field: String,
    what: String,
}

fn wrong(field: &str, what: &str) -> Wrong {
    Wrong {
        field: field.to_owned(),
        what: what.to_owned(),
    }
}

fn object<'j>(at: &str, value: &'j Json) -> Result<&'j Map<String, Json>, Wrong> {
    value
        .as_object()
        .ok_or_else(|| wrong(at, "is no mapping from names to values"))
}

fn constant(at: &str, value: &Json) -> Result<Constant, Wrong> {
    match value {
        Json::Bool(value) => Ok(Constant::Bool(*value)),
        Json::String(value) => Ok(Constant::Text(value.clone())),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Ok(Constant::Int(number)),
            (None, Some(number)) => Ok(Constant::Float(number)),
            (None, None) => Err(wrong(at, "is too large a number")),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => {
            Err(wrong(at, "is no text, number, true or false"))
        }
    }
}

/// One name or a list of names.
fn names(at: &str, value: &Json) -> Result<Vec<String>, Wrong> {
    let one = |value: &Json| -> Result<String, Wrong> {
        let name = value
            .as_str()
            .ok_or_else(|| wrong(at, "is no name, list of names or entry with `to`"))?;
        check_path(at, name)?;
        Ok(name.to_owned())
    };
    match value {
        Json::Array(list) if list.is_empty() => Err(wrong(at, "is empty")),
        Json::Array(list) => list.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

fn check_path(at: &str, path: &str) -> Result<(), Wrong> {
    let parts = path.split('.').count();
    if path.is_empty() || path.split('.').any(str::is_empty) {
        return Err(wrong(at, "has an empty part in its name"));
    }
    if path.len() > MAX_NAME || parts > MAX_PARTS {
        return Err(wrong(at, "has a name of more than 256 bytes or 16 parts"));
    }
    Ok(())
}

/// Bytes of a mapping file.
const MAX_FILE: usize = 1 << 20;
const MAX_FIELDS: usize = 1000;
const MAX_NAME: usize = 256;
const MAX_PARTS: usize = 16;
