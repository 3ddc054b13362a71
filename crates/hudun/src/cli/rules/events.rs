//! Lines of a file as events: bounded, and what can't be read is counted with its reason.

use std::io::{self, BufRead};

use clap::ValueEnum;
use hudun_sigma::{Source, Value as Field, unix_millis};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longer lines are passed over without being kept.
const MAX_LINE: usize = 1 << 20;

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// OCSF JSON, an event a line.
    Ocsf,
    /// Elastic Common Schema JSON, an event a line.
    Ecs,
    /// Access log of nginx or Apache in the combined form.
    Combined,
    /// Any JSON object a line; fields have the names that rules use.
    Json,
}

/// One event.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number from 1.
    pub(super) number: u64,
    pub(super) event: Value,
    /// Unix milliseconds; that of the line before when it has none.
    pub(super) time: i64,
    pub(super) tenant: String,
    pub(super) id: Option<String>,
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Counts {
    pub(super) lines: u64,
    pub(super) events: u64,
    pub(super) too_long: u64,
    pub(super) not_utf8: u64,
    pub(super) not_readable: u64,
    pub(super) without_time: u64,
}

/// Reads events line by line.
#[derive(Debug)]
pub(super) struct Reader<R> {
    from: R,
    format: Format,
    line: Vec<u8>,
    last: i64,
    pub(super) counts: Counts,
}

impl Format {
    /// Where the events come from, where the format tells.
    pub(super) fn source(self) -> Option<Source> {
        (self == Self::Combined).then(|| Source {
            category: Some("webserver".to_owned()),
            ..Source::default()
        })
    }

    /// The pipeline that gives the fields of webserver and proxy rules the names of the format.
    pub(super) const fn pipeline(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ocsf => Some(("ocsf", include_str!("ocsf.yml"))),
            Self::Ecs => Some(("ecs", include_str!("ecs.yml"))),
            Self::Combined | Self::Json => None,
        }
    }
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(from: R, format: Format) -> Self {
        Self {
            from,
            format,
            line: Vec::new(),
            last: 0,
            counts: Counts::default(),
        }
    }

    /// The next event; lines that are none are counted and passed over.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(whole) = self.read_line()? else {
                return Ok(None);
            };
            self.counts.lines += 1;
            if !whole {
                self.counts.too_long += 1;
                continue;
            }
            let Ok(text) = std::str::from_utf8(&self.line) else {
                self.counts.not_utf8 += 1;
                continue;
            };
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let event = match self.format {
                Format::Combined => combined(text),
                Format::Ocsf | Format::Ecs | Format::Json => serde_json::from_str::<Value>(text)
                    .ok()
                    .filter(Value::is_object),
            };
            let Some(event) = event else {
                self.counts.not_readable += 1;
                continue;
            };
            self.counts.events += 1;
            let first = |paths: &[&str]| paths.iter().find_map(|path| at(&event, path));
            let time =
                first(&["time", "@timestamp", "timestamp", "ts"]).and_then(|time| match time {
                    Value::String(text) => unix_millis(Field::Text(text)),
                    Value::Number(number) => match number.as_i64() {
                        Some(number) => unix_millis(Field::Int(number)),
                        None => number.as_f64().map(Field::Float).and_then(unix_millis),
                    },
                    _ => None,
                });
            if time.is_none() {
                self.counts.without_time += 1;
            }
            self.last = time.unwrap_or(self.last);
            let word = |paths: &[&str]| first(paths).and_then(Value::as_str).map(str::to_owned);
            return Ok(Some(Line {
                number: self.counts.lines,
                time: self.last,
                tenant: word(&[
                    "metadata.tenant_uid",
                    "tenant_uid",
                    "organization.id",
                    "tenant",
                ])
                .unwrap_or_default(),
                id: word(&["metadata.uid", "event.id"]),
                event,
            }));
        }
    }

    /// Fills `line`; `Some(false)` when it was longer than a line may be, `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let mut whole = true;
        let mut any = false;
        loop {
            let ready = self.from.fill_buf()?;
            if ready.is_empty() {
                return Ok(any.then_some(whole));
            }
            any = true;
            let end = ready.iter().position(|&byte| byte == b'\n');
            let part = &ready[..end.unwrap_or(ready.len())];
            if self.line.len() + part.len() > MAX_LINE {
                whole = false;
                self.line.clear();
            } else if whole {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(ready.len(), |end| end + 1);
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some(whole));
            }
        }
    }
}

/// A field by its dotted name, flat or nested.
pub(super) fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    let map = event.as_object()?;
    map.get(path).or_else(|| {
        path.split('.')
            .try_fold(event, |value, part| value.as_object()?.get(part))
    })
}

/// `c-ip - user [05/Jan/2026:10:00:00 +0800] "GET /a?b HTTP/1.1" 200 512 "referer" "agent"`, with the names of the Sigma
/// taxonomy for web servers; `message` is the whole line, which keywords are asked of.
fn combined(text: &str) -> Option<Value> {
    let (client, rest) = text.split_once(' ')?;
    let (_, rest) = rest.split_once(' ')?;
    let (user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = quoted(rest)?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status: u16 = numbers.next()?.parse().ok()?;
    let bytes = numbers.next().unwrap_or("-");
    let rest = numbers.next().unwrap_or_default();
    let (referer, rest) = rest.strip_prefix('"').and_then(quoted).unwrap_or_default();
    let agent = rest
        .trim_start()
        .strip_prefix('"')
        .and_then(quoted)
        .unwrap_or_default()
        .0;
    let mut parts = request.split(' ');
    let method = parts.next().unwrap_or_default();
    let uri = parts.next().unwrap_or_default();
    let version = parts.next().unwrap_or_default();
    let (stem, query) = uri.split_once('?').unwrap_or((uri, ""));
    let mut event = Map::new();
    let mut put = |field: &str, value: Value| {
        event.insert(field.to_owned(), value);
    };
    put("c-ip", client.into());
    put("cs-username", user.into());
    put("cs-method", method.into());
    put("cs-uri", uri.into());
    put("cs-uri-stem", stem.into());
    put("cs-uri-query", query.into());
    put("cs-version", version.into());
    put("sc-status", json!(status));
    if let Ok(bytes) = bytes.parse::<u64>() {
        put("sc-bytes", json!(bytes));
    }
    put("cs-referer", referer.clone().into());
    put("cs-user-agent", agent.into());
    put("message", text.into());
    if let Some(time) = clf_time(time) {
        put("time", json!(time));
    }
    Some(Value::Object(event))
}

/// Text up to the closing quote, with `\"` and `\\` taken back, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((n, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[n + 1..])),
            '\\' => match chars.next()?.1 {
                c @ ('"' | '\\') => out.push(c),
                c => out.extend(['\\', c]),
            },
            c => out.push(c),
        }
    }
    None
}

/// `05/Jan/2026:10:00:00 +0800` in Unix milliseconds.
fn clf_time(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (date, zone) = text.split_once(' ')?;
    let mut parts = date.splitn(4, ['/', ':']);
    let (day, month, year, clock) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let (hours, minutes) = zone.split_at_checked(3)?;
    unix_millis(Field::Text(&format!(
        "{year}-{month:02}-{day}T{clock}{hours}:{minutes}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], format: Format) -> (Vec<Line>, Counts) {
        let mut reader = Reader::new(io::BufReader::with_capacity(4096, text), format);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().unwrap() {
            lines.push(line);
        }
        (lines, reader.counts)
    }

    #[test]
    fn an_access_line_has_the_names_of_the_taxonomy() {
        let text = br#"10.0.0.7 - ann [05/Jan/2026:18:00:00 +0800] "GET /a/b?id=1%20or HTTP/1.1" 404 512 "-" "curl \"8\"" "x""#;
        let (lines, _) = read(text, Format::Combined);
        let event = &lines[0].event;
        assert_eq!(event["cs-uri-stem"], "/a/b");
        assert_eq!(event["cs-uri-query"], "id=1%20or");
        assert_eq!(event["sc-status"], 404);
        assert_eq!(event["cs-user-agent"], "curl \"8\"");
        assert_eq!(lines[0].time, 1_767_607_200_000);
    }

    #[test]
    fn long_deep_and_broken_lines_are_counted_and_nothing_else_is_lost() {
        let mut text = br#"{"a":1,"time":"2026-01-05T10:00:00Z"}"#.to_vec();
        text.push(b'\n');
        text.extend(std::iter::repeat_n(b'x', MAX_LINE * 3));
        text.push(b'\n');
        text.extend("[".repeat(10_000).bytes());
        text.extend(b"\n\xff\xfe\n{\"half\":\n[1]\n\n{\"b\":2}");
        let (lines, counts) = read(&text, Format::Json);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].number, 8);
        assert_eq!(lines[1].time, lines[0].time);
        assert_eq!(
            (
                counts.too_long,
                counts.not_utf8,
                counts.not_readable,
                counts.without_time
            ),
            (1, 1, 3, 1)
        );
    }
}
