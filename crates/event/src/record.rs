//! One event as flat fields.

use serde_json::{Map, Value as Json};

use crate::{Event, Fault};

/// A value under a field, borrowed from its record.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// An event as its line has it: fields under dotted paths, in the order of the line.
///
/// A path may come several times: a list holds several values, and so does a field that stands twice in the line.
/// Names and texts lie in two buffers that the next line uses again.
#[derive(Clone, Debug, Default)]
pub struct Record {
    names: String,
    texts: String,
    fields: Vec<Field>,
    path: String,
    /// Where the current path lies in `names`, once it is there.
    here: Option<Span>,
    number: u64,
    time: Option<i64>,
    tenant: Option<Span>,
    id: Option<Span>,
    left_out: u64,
    lossy: bool,
}

impl Record {
    /// The number of its line, from 1. Of syslog with counted octets, the number of its message.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its time, Unix milliseconds, when it has one.
    #[must_use]
    pub const fn time(&self) -> Option<i64> {
        self.time
    }

    /// Whose event it is; empty when it doesn't say.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.tenant.map_or("", |span| span.of(&self.texts))
    }

    /// Its identity, by which one that comes twice is known.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.map(|span| span.of(&self.texts))
    }

    /// The first value under a dotted path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value<'_>> {
        self.fields()
            .find(|(name, _)| *name == path)
            .map(|(_, value)| value)
    }

    /// Every path with its value, in the order of the line.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.fields
            .iter()
            .map(|field| (field.name.of(&self.names), self.value(field.held)))
    }

    /// The record as a typed event.
    ///
    /// # Errors
    /// [`Fault`] when it has no class that is known here: see [`Event::from_ocsf`].
    pub fn to_event(&self) -> Result<Event, Fault> {
        Event::from_ocsf(self.to_json())
    }

    /// The record as a nested object. Objects in a list are laid together, as rules see them.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut top = Map::new();
        // The path of the list that was announced last: its members follow.
        let mut list: Option<&str> = None;
        for (name, value) in self.fields() {
            let (json, is_list) = match value {
                Value::Null => (Json::Null, false),
                Value::Bool(value) => (value.into(), false),
                Value::Int(value) => (value.into(), false),
                Value::Float(value) => (value.into(), false),
                Value::Text(value) => (value.into(), false),
                Value::List => (Json::Array(Vec::new()), true),
                Value::Object => (Json::Object(Map::new()), false),
            };
            put(&mut top, name, json, list == Some(name) && !is_list);
            if is_list {
                list = Some(name);
            } else if list.is_some_and(|list| !name.starts_with(list)) {
                list = None;
            }
        }
        Json::Object(top)
    }

    pub(crate) fn clear(&mut self, number: u64) {
        self.names.clear();
        self.texts.clear();
        self.fields.clear();
        self.path.clear();
        self.here = None;
        self.number = number;
        self.time = None;
        self.tenant = None;
        self.id = None;
        self.left_out = 0;
        self.lossy = false;
    }

    /// Adds a field under a whole path.
    pub(crate) fn push(&mut self, path: &str, value: Value<'_>) {
        self.leave(0);
        self.enter(path, true);
        self.add(value);
        self.leave(0);
    }

    /// Goes down to a field of the present object; tells the place to come back to with [`Record::leave`].
    pub(crate) fn enter(&mut self, name: &str, top: bool) -> usize {
        let back = self.path.len();
        if !top {
            self.path.push('.');
        }
        self.path.push_str(name);
        self.here = None;
        back
    }

    pub(crate) fn leave(&mut self, back: usize) {
        self.path.truncate(back);
        self.here = None;
    }

    /// Adds a value under the present path.
    pub(crate) fn add(&mut self, value: Value<'_>) {
        let name = match self.here {
            Some(here) => here,
            None => {
                if self.path.len() > MAX_PATH || self.names.len() + self.path.len() > MAX_NAMES {
                    self.left_out += 1;
                    return;
                }
                let here = Span::push(&mut self.names, &self.path);
                self.here = Some(here);
                here
            }
        };
        let held = match value {
            Value::Null => Held::Null,
            Value::Bool(value) => Held::Bool(value),
            Value::Int(value) => Held::Int(value),
            Value::Float(value) => Held::Float(value),
            Value::Text(value) => Held::Text(Span::push(&mut self.texts, value)),
            Value::List => Held::List,
            Value::Object => Held::Object,
        };
        self.fields.push(Field { name, held });
    }

    /// Notes that a value was left out: too deep, a path too long, a word that a mapping doesn't know.
    pub(crate) const fn leave_out(&mut self) {
        self.left_out += 1;
    }

    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(crate) const fn is_lossy(&self) -> bool {
        self.lossy
    }

    pub(crate) const fn set_lossy(&mut self) {
        self.lossy = true;
    }

    pub(crate) const fn set_time(&mut self, time: Option<i64>) {
        self.time = time;
    }

    /// Takes over what was noted of the record that this one was made from.
    pub(crate) fn follow(&mut self, from: &Self) {
        self.number = from.number;
        self.time = from.time;
        self.left_out += from.left_out;
        self.lossy |= from.lossy;
    }

    /// Finds time, tenant and identity among the fields. A time that was set already stays.
    pub(crate) fn settle(&mut self) {
        let (mut time, mut tenant, mut id) = (None, None, None);
        for field in &self.fields {
            let name = field.name.of(&self.names);
            if let Some(rank) = TIMES.iter().position(|known| *known == name)
                && self.time.is_none()
                && time.is_none_or(|(best, _)| rank < best)
                && let Some(at) = crate::time::unix_millis(self.value(field.held))
            {
                time = Some((rank, at));
            }
            let Held::Text(text) = field.held else {
                continue;
            };
            if let Some(rank) = TENANTS.iter().position(|known| *known == name)
                && tenant.is_none_or(|(best, _)| rank < best)
            {
                tenant = Some((rank, text));
            }
            if let Some(rank) = IDS.iter().position(|known| *known == name)
                && id.is_none_or(|(best, _)| rank < best)
            {
                id = Some((rank, text));
            }
        }
        self.time = self.time.or_else(|| time.map(|(_, at)| at));
        self.tenant = tenant.map(|(_, text)| text);
        self.id = id.map(|(_, text)| text);
    }

    /// Turns lists of numbers that are bytes into text: so the journal writes what isn't plain text.
    pub(crate) fn bytes_to_text(&mut self) {
        if !self
            .fields
            .iter()
            .any(|field| matches!(field.held, Held::List))
        {
            return;
        }
        let old = std::mem::take(&mut self.fields);
        let mut at = 0;
        while let Some(field) = old.get(at) {
            at += 1;
            let mut bytes = Vec::new();
            if matches!(field.held, Held::List) {
                let members = old.iter().skip(at);
                bytes.extend(members.map_while(|member| match member.held {
                    Held::Int(byte) if member.name == field.name => u8::try_from(byte).ok(),
                    _ => None,
                }));
            }
            if bytes.is_empty() {
                self.fields.push(*field);
                continue;
            }
            at += bytes.len();
            let text = String::from_utf8_lossy(&bytes);
            self.lossy |= matches!(text, std::borrow::Cow::Owned(_));
            let held = Held::Text(Span::push(&mut self.texts, &text));
            self.fields.push(Field {
                name: field.name,
                held,
            });
        }
    }

    fn value(&self, held: Held) -> Value<'_> {
        match held {
            Held::Null => Value::Null,
            Held::Bool(value) => Value::Bool(value),
            Held::Int(value) => Value::Int(value),
            Held::Float(value) => Value::Float(value),
            Held::Text(span) => Value::Text(span.of(&self.texts)),
            Held::List => Value::List,
            Held::Object => Value::Object,
        }
    }
}

/// Bytes of one path. With the bound on a line it bounds what a line of nested names can cost.
const MAX_PATH: usize = 1024;
/// Bytes of all paths of a record.
const MAX_NAMES: usize = 1 << 20;

/// Where the time of an event is looked for, best first.
const TIMES: [&str; 4] = ["time", "@timestamp", "timestamp", "ts"];
const TENANTS: [&str; 4] = [
    "metadata.tenant_uid",
    "tenant_uid",
    "organization.id",
    "tenant",
];
const IDS: [&str; 3] = ["metadata.uid", "event.id", "__CURSOR"];

#[derive(Clone, Copy, Debug)]
struct Field {
    name: Span,
    held: Held,
}

#[derive(Clone, Copy, Debug)]
enum Held {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Span),
    List,
    Object,
}

/// A part of one of the two buffers. A line has at most 4 GiB ([`crate::Limits`] says how much less).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn push(buffer: &mut String, text: &str) -> Self {
        let place = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let from = place(buffer.len());
        buffer.push_str(text);
        Self {
            from,
            to: place(buffer.len()),
        }
    }

    fn of(self, buffer: &str) -> &str {
        buffer
            .get(self.from as usize..self.to as usize)
            .unwrap_or_default()
    }
}

/// Puts a value under a dotted path. What stands there already stays, and the value joins it as a list does.
fn put(fields: &mut Map<String, Json>, path: &str, value: Json, member: bool) {
    let Some((head, rest)) = path.split_once('.') else {
        match fields.get_mut(path) {
            None => {
                fields.insert(path.to_owned(), value);
            }
            Some(Json::Array(members)) if member || !value.is_array() => members.push(value),
            Some(Json::Object(_)) if value.is_object() => {}
            Some(first) => {
                let first_value = first.take();
                *first = Json::Array(vec![first_value, value]);
            }
        }
        return;
    };
    let below = fields
        .entry(head)
        .or_insert_with(|| Json::Object(Map::new()));
    let below = match below {
        Json::Array(members) => {
            if !matches!(members.last(), Some(Json::Object(_))) {
                members.push(Json::Object(Map::new()));
            }
            members.last_mut()
        }
        other => Some(other),
    };
    match below {
        Some(Json::Object(below)) => put(below, rest, value, member),
        Some(other) => {
            // A plain value and fields below it under one name: both are kept.
            let mut object = Map::new();
            put(&mut object, rest, value, member);
            let first = other.take();
            *other = Json::Array(vec![first, Json::Object(object)]);
        }
        None => {}
    }
}
