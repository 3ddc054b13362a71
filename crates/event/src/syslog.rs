//! Messages of RFC 5424.

use std::borrow::Cow;

use crate::json;
use crate::reader::Reason;
use crate::record::{Record, Value};

/// Reads one message. What its header and its structured data say stands under `syslog.`; `message` is the message; the
/// fields of a message that is a JSON object stand beside it, except under `syslog`, which only the sender's own header
/// fills.
pub(crate) fn read(frame: &[u8], record: &mut Record, body: &mut Record) -> Result<(), Reason> {
    let text = String::from_utf8_lossy(frame);
    if matches!(text, Cow::Owned(_)) {
        // RFC 5424 lets a message be in any encoding; its header is ASCII all the same.
        record.set_lossy();
    }
    let message = header(text.trim_end_matches(['\n', '\r', '\0']), record)
        .map_err(|part| Reason::Syslog { part })?;
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    record.push("message", Value::Text(message));
    unpack(message, record, body, |name| {
        name.strip_prefix(ENVELOPE)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    Ok(())
}

/// Adds the fields of a message that is a JSON object, except those whose names are the envelope's.
pub(crate) fn unpack(
    message: &str,
    record: &mut Record,
    body: &mut Record,
    of_envelope: impl Fn(&str) -> bool,
) {
    let message = message.trim();
    let message = message
        .strip_prefix("@cee:")
        .unwrap_or(message)
        .trim_start();
    if !message.starts_with('{') || !message.ends_with('}') {
        return;
    }
    body.clear(0);
    if json::read(message.as_bytes(), body).is_err() {
        // It only looked like JSON; the message itself is there.
        return;
    }
    for (name, value) in body.fields() {
        if of_envelope(name) {
            record.leave_out();
        } else {
            record.push(name, value);
        }
    }
    for _ in 0..body.left_out() {
        record.leave_out();
    }
}

/// The object that header and structured data fill.
const ENVELOPE: &str = "syslog";

/// Fills in the header and the structured data and gives the message; the part that is wrong otherwise.
fn header<'a>(text: &'a str, record: &mut Record) -> Result<&'a str, &'static str> {
    let (priority, rest) = text
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .ok_or("PRI")?;
    if priority.len() > 3 || !priority.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("PRI");
    }
    let priority: u16 = priority.parse().map_err(|_| "PRI")?;
    if priority > HIGHEST_PRIORITY {
        return Err("PRI");
    }
    let rest = rest.strip_prefix("1 ").ok_or("VERSION")?;
    let (time, rest) = rest.split_once(' ').ok_or("TIMESTAMP")?;
    let (host, rest) = rest.split_once(' ').ok_or("HOSTNAME")?;
    let (app, rest) = rest.split_once(' ').ok_or("APP-NAME")?;
    let (process, rest) = rest.split_once(' ').ok_or("PROCID")?;
    let (id, rest) = rest.split_once(' ').ok_or("MSGID")?;
    if time != NIL {
        let at = crate::time::unix_millis(Value::Text(time)).ok_or("TIMESTAMP")?;
        record.push("time", Value::Text(time));
        record.set_time(Some(at));
    }
    record.push("syslog.facility", Value::Int(i64::from(priority / 8)));
    record.push("syslog.severity", Value::Int(i64::from(priority % 8)));
    for (name, part, value) in [
        ("syslog.hostname", "HOSTNAME", host),
        ("syslog.appname", "APP-NAME", app),
        ("syslog.procid", "PROCID", process),
        ("syslog.msgid", "MSGID", id),
    ] {
        if value.is_empty() {
            return Err(part);
        }
        if value != NIL {
            record.push(name, Value::Text(value));
        }
    }
    let rest = match rest.strip_prefix(NIL) {
        Some(rest) => rest,
        None => structured(rest, record).ok_or("STRUCTURED-DATA")?,
    };
    match rest.strip_prefix(' ') {
        Some(message) => Ok(message),
        None if rest.is_empty() => Ok(rest),
        None => Err("STRUCTURED-DATA"),
    }
}

/// `[id name="value" …][…]`; gives what follows.
fn structured<'a>(text: &'a str, record: &mut Record) -> Option<&'a str> {
    let mut rest = text.strip_prefix('[')?;
    loop {
        let end = rest.find([' ', ']'])?;
        let (id, after) = rest.split_at_checked(end)?;
        if !is_name(id) {
            return None;
        }
        rest = after;
        while let Some(parameter) = rest.strip_prefix(' ') {
            let (name, after) = parameter.split_once("=\"")?;
            if !is_name(name) {
                return None;
            }
            let (value, after) = quoted(after)?;
            record.push(&format!("syslog.data.{id}.{name}"), Value::Text(&value));
            rest = after;
        }
        rest = rest.strip_prefix(']')?;
        match rest.strip_prefix('[') {
            Some(next) => rest = next,
            None => return Some(rest),
        }
    }
}

/// Printable ASCII without `=`, blank, `]` and `"`.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"'))
}

/// A value up to its closing quote; `\"`, `\\` and `\]` are taken back, any other backslash stands for itself.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut out = String::new();
    let mut from = 0;
    loop {
        let found = from + text.get(from..)?.find(['"', '\\'])?;
        let part = text.get(from..found)?;
        if text.as_bytes().get(found) == Some(&b'"') {
            let rest = text.get(found + 1..)?;
            if out.is_empty() {
                return Some((Cow::Borrowed(part), rest));
            }
            out.push_str(part);
            return Some((Cow::Owned(out), rest));
        }
        out.push_str(part);
        match text.as_bytes().get(found + 1)? {
            escaped @ (b'"' | b'\\' | b']') => {
                out.push(char::from(*escaped));
                from = found + 2;
            }
            _ => {
                out.push('\\');
                from = found + 1;
            }
        }
    }
}

/// What stands for no value.
const NIL: &str = "-";
/// Facility 23, severity 7.
const HIGHEST_PRIORITY: u16 = 191;
