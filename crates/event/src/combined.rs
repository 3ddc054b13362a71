//! Access logs of nginx and Apache in the combined form.

use std::borrow::Cow;

use crate::reader::Reason;
use crate::record::{Record, Value};
use crate::time;

/// `c-ip - user [05/Jan/2026:10:00:00 +0800] "GET /a?b HTTP/1.1" 200 512 "referer" "agent"`, with the names of the Sigma
/// taxonomy for web servers; `message` is the whole line, which keywords are asked of.
pub(crate) fn read(line: &[u8], record: &mut Record) -> Result<(), Reason> {
    let text = std::str::from_utf8(line).map_err(|_| Reason::Encoding)?;
    fields(text.trim(), record).ok_or(Reason::AccessLog)
}

fn fields(text: &str, record: &mut Record) -> Option<()> {
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
    let (agent, _) = rest
        .trim_start()
        .strip_prefix('"')
        .and_then(quoted)
        .unwrap_or_default();
    let mut parts = request.split(' ');
    let method = parts.next().unwrap_or_default();
    let uri = parts.next().unwrap_or_default();
    let version = parts.next().unwrap_or_default();
    let (stem, query) = uri.split_once('?').unwrap_or((uri, ""));
    for (name, value) in [
        ("c-ip", client),
        ("cs-username", user),
        ("cs-method", method),
        ("cs-uri", uri),
        ("cs-uri-stem", stem),
        ("cs-uri-query", query),
        ("cs-version", version),
    ] {
        record.push(name, Value::Text(value));
    }
    record.push("sc-status", Value::Int(i64::from(status)));
    if let Ok(bytes) = bytes.parse() {
        record.push("sc-bytes", Value::Int(bytes));
    }
    for (name, value) in [
        ("cs-referer", &*referer),
        ("cs-user-agent", &*agent),
        ("message", text),
    ] {
        record.push(name, Value::Text(value));
    }
    if let Some(time) = time::of_access_log(time) {
        record.push("time", Value::Int(time));
        record.set_time(Some(time));
    }
    Some(())
}

/// Text up to the closing quote, with `\"` and `\\` taken back, and what follows.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut out = String::new();
    let mut from = 0;
    let bytes = text.as_bytes();
    loop {
        let found = from + memchr::memchr2(b'"', b'\\', bytes.get(from..)?)?;
        let part = text.get(from..found)?;
        if bytes.get(found) == Some(&b'"') {
            let rest = text.get(found + 1..)?;
            return Some(if out.is_empty() {
                (Cow::Borrowed(part), rest)
            } else {
                out.push_str(part);
                (Cow::Owned(out), rest)
            });
        }
        out.push_str(part);
        match bytes.get(found + 1)? {
            escaped @ (b'"' | b'\\') => {
                out.push(char::from(*escaped));
                from = found + 2;
            }
            // Any other escape stays as it is written.
            _ => {
                out.push('\\');
                from = found + 1;
            }
        }
    }
}
