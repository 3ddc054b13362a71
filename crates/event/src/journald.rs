//! The journal of systemd as `journalctl --output=json` writes it: an object a line.

use crate::reader::Reason;
use crate::record::{Record, Value};
use crate::{json, syslog};

/// Reads one entry. Its fields keep their names; a value that isn't plain text is an array of bytes there and becomes text
/// here. The fields of a `MESSAGE` that is a JSON object stand beside them, except under names that are the journal's own
/// (capitals, digits, underscores): a service can't say of itself what only the journal knows.
pub(crate) fn read(line: &[u8], record: &mut Record, body: &mut Record) -> Result<(), Reason> {
    json::read(line, record)?;
    record.bytes_to_text();
    let micros = ["__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP"]
        .iter()
        .find_map(|name| match record.get(name)? {
            Value::Text(micros) => micros.parse::<i64>().ok(),
            Value::Int(micros) => Some(micros),
            _ => None,
        });
    if micros.is_none() && record.get("MESSAGE").is_none() {
        return Err(Reason::Journald);
    }
    record.set_time(micros.map(|micros| micros / 1000));
    let message = match record.get("MESSAGE") {
        Some(Value::Text(message)) if message.trim_start().starts_with(['{', '@']) => {
            message.to_owned()
        }
        _ => return Ok(()),
    };
    syslog::unpack(&message, record, body, |name| {
        let name = name.split_once('.').map_or(name, |(top, _)| top);
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    Ok(())
}
