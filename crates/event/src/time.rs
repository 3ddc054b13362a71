//! Moments in the forms that event lines use.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::record::Value;

/// Characters of a moment written as text.
const LONGEST: usize = 64;
/// Whole numbers above are milliseconds, others seconds.
const MILLIS: i64 = 1_000_000_000_000;

/// A moment in Unix milliseconds: RFC 3339 text, text without a zone (taken as UTC), seconds or milliseconds.
pub(crate) fn unix_millis(value: Value<'_>) -> Option<i64> {
    let moment = match value {
        Value::Text(text) => of_text(text),
        Value::Int(number) if number > MILLIS => Timestamp::from_millisecond(number).ok(),
        Value::Int(number) => Timestamp::from_second(number).ok(),
        #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
        Value::Float(number) if number.is_finite() => {
            let millis = if number.abs() > MILLIS as f64 {
                number
            } else {
                number * 1000.0
            };
            Timestamp::from_millisecond(millis as i64).ok()
        }
        _ => None,
    };
    moment.map(Timestamp::as_millisecond)
}

fn of_text(text: &str) -> Option<Timestamp> {
    if text.len() > LONGEST || !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// `05/Jan/2026:10:00:00 +0800`, as access logs write it, in Unix milliseconds.
pub(crate) fn of_access_log(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (date, zone) = text.split_once(' ')?;
    let mut parts = date.splitn(4, ['/', ':']);
    let (day, month, year, clock) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let (hours, minutes) = zone.split_at_checked(3)?;
    of_text(&format!("{year}-{month:02}-{day}T{clock}{hours}:{minutes}"))
        .map(Timestamp::as_millisecond)
}
