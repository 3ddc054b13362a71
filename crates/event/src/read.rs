//! JSON lines, bounded.

use std::io::{self, BufRead};

use serde_json::{Map, Value};

use crate::{Event, Fault};

/// Reads events from lines.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    format: Format,
    limits: Limits,
    counts: Counts,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`.
    pub fn new(input: R, format: Format, limits: Limits) -> Self {
        Self {
            input,
            format,
            limits,
            counts: Counts::default(),
        }
    }

    /// What was read and refused so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The next event or refused line; `None` at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// Only what the input itself reports.
    pub fn next_item(&mut self) -> io::Result<Option<Item>> {
        loop {
            let Some((line, whole)) = self.line()? else {
                return Ok(None);
            };
            if whole && line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed = if whole {
                self.format.parse(&line)
            } else {
                Err(Reason::TooLong)
            };
            return Ok(Some(match parsed {
                Ok(event) => {
                    self.counts.events += 1;
                    Item::Event(event)
                }
                Err(reason) => {
                    self.counts.count(reason);
                    let mut raw = line;
                    raw.truncate(self.limits.raw);
                    Item::Refused { reason, raw }
                }
            }));
        }
    }

    /// One line up to the limit, and whether that is all of it. The rest of a longer line is passed over, not kept.
    fn line(&mut self) -> io::Result<Option<(Vec<u8>, bool)>> {
        let (mut line, mut whole, mut any) = (Vec::new(), true, false);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(any.then_some((line, whole)));
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let length = end.unwrap_or(chunk.len());
            let room = self.limits.line.saturating_sub(line.len());
            line.extend(chunk.iter().take(length.min(room)));
            whole &= length <= room;
            self.input.consume(length + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(Some((line, whole)));
            }
        }
    }
}

/// What a line is.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// An event.
    Event(Event),
    /// A line that is no event, with its beginning.
    Refused {
        /// Why.
        reason: Reason,
        /// Its first bytes, at most [`Limits::raw`].
        raw: Vec<u8>,
    },
}

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OCSF objects.
    Ocsf,
    /// Elastic Common Schema, nested.
    Ecs,
}

impl Format {
    fn parse(self, line: &[u8]) -> Result<Event, Reason> {
        let text = std::str::from_utf8(line).map_err(|_| Reason::Encoding)?;
        // The parser itself refuses what is nested deeper than 128.
        let value: Value = serde_json::from_str(text).map_err(|_| Reason::Json)?;
        let value = match self {
            Self::Ocsf => value,
            Self::Ecs => from_ecs(&value),
        };
        Event::from_ocsf(value).map_err(Reason::Event)
    }
}

/// Bounds of a reader.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a line.
    pub line: usize,
    /// Bytes that are kept of a refused line.
    pub raw: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            raw: 4096,
        }
    }
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Longer than [`Limits::line`].
    TooLong,
    /// Not UTF-8.
    Encoding,
    /// No JSON, or nested too deep.
    Json,
    /// JSON, but no event.
    Event(Fault),
}

/// Lines by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events.
    pub events: u64,
    /// [`Reason::TooLong`].
    pub too_long: u64,
    /// [`Reason::Encoding`].
    pub encoding: u64,
    /// [`Reason::Json`].
    pub json: u64,
    /// [`Reason::Event`].
    pub event: u64,
}

impl Counts {
    fn count(&mut self, reason: Reason) {
        *match reason {
            Reason::TooLong => &mut self.too_long,
            Reason::Encoding => &mut self.encoding,
            Reason::Json => &mut self.json,
            Reason::Event(_) => &mut self.event,
        } += 1;
    }
}

/// The OCSF object of an ECS one: log-ins become 3002, requests 6001; anything else has no class and is refused.
fn from_ecs(ecs: &Value) -> Value {
    let mut fields = Map::new();
    let category = ecs.pointer("/event/category");
    let is = |name: &str| match category {
        Some(Value::Array(list)) => list.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    };
    let user = if is("authentication") {
        fields.insert("class_uid".into(), 3002.into());
        "user.uid"
    } else {
        if is("web") {
            fields.insert("class_uid".into(), 6001.into());
        }
        "actor.user.uid"
    };
    match ecs.pointer("/event/outcome").and_then(Value::as_str) {
        Some("success") => put(&mut fields, "status_id", 1.into()),
        Some("failure") => put(&mut fields, "status_id", 2.into()),
        _ => {}
    }
    for (from, to) in [
        ("/@timestamp", "time_dt"),
        ("/user/id", user),
        ("/source/ip", "src_endpoint.ip"),
        ("/source/as/number", "src_endpoint.autonomous_system.number"),
        ("/url/path", "http_request.url.path"),
        ("/http/request/method", "http_request.http_method"),
        ("/user_agent/original", "http_request.user_agent"),
        ("/http/response/status_code", "http_response.code"),
    ] {
        if let Some(value) = ecs.pointer(from) {
            put(&mut fields, to, value.clone());
        }
    }
    Value::Object(fields)
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            fields.insert(path.into(), value);
        }
        Some((head, rest)) => {
            let below = fields.entry(head).or_insert_with(|| Map::new().into());
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], format: Format, limits: Limits) -> (Vec<Item>, Counts) {
        let mut reader = Reader::new(input, format, limits);
        let mut items = Vec::new();
        while let Some(item) = reader.next_item().unwrap() {
            items.push(item);
        }
        (items, reader.counts())
    }

    #[test]
    fn bad_lines_are_counted_and_the_next_is_read() {
        let deep = "[".repeat(100_000);
        let long = "x".repeat(300_000);
        let mut input = format!("{deep}\n{long}\n{{\"class_uid\":1}}\n\n").into_bytes();
        input.extend(b"\xff\xfe\n{\"class_uid\":3002}");
        let (items, counts) = read(
            &input,
            Format::Ocsf,
            Limits {
                line: 200_000,
                raw: 16,
            },
        );
        assert_eq!(
            counts,
            Counts {
                events: 1,
                too_long: 1,
                encoding: 1,
                json: 1,
                event: 1
            }
        );
        assert!(matches!(items.last(), Some(Item::Event(_))));
        for item in &items {
            assert!(!matches!(item, Item::Refused { raw, .. } if raw.len() > 16));
        }
    }

    #[test]
    fn an_ecs_login_becomes_an_authentication() {
        let line = br#"{"event":{"category":["authentication"],"outcome":"failure"},"user":{"id":"u"},"source":{"ip":"192.0.2.1","as":{"number":7}}}"#;
        let (items, _) = read(line, Format::Ecs, Limits::default());
        let Some(Item::Event(event)) = items.into_iter().next() else {
            panic!("an event")
        };
        assert_eq!(event.get("user.uid").unwrap(), "u");
        assert_eq!(event.get("status_id").unwrap(), 2);
        assert_eq!(
            event.get("src_endpoint.autonomous_system.number").unwrap(),
            7
        );
    }

    #[test]
    fn each_subject_is_an_event_without_the_sums() {
        let line = br#"{"class_uid":6001,"scrm":{"subjects":["a","b"],"rows":2,"export":true,"module":"m"}}"#;
        let (items, _) = read(line, Format::Ocsf, Limits::default());
        let Some(Item::Event(event)) = items.into_iter().next() else {
            panic!("an event")
        };
        let each: Vec<_> = event
            .per_subject()
            .map(|one| one.into_ocsf()["scrm"].clone())
            .collect();
        assert_eq!(
            each,
            [
                serde_json::json!({"module": "m", "subject": "a"}),
                serde_json::json!({"module": "m", "subject": "b"})
            ]
        );
    }
}
