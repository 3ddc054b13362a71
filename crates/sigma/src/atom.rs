//! Atoms: one question about one field, the smallest thing that a rule asks.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use regex::Regex;

use crate::event::Value;

/// A field's number in the index of a rule set.
pub(crate) type FieldId = u32;
/// An atom's number.
pub(crate) type AtomId = u32;

/// What an atom asks of a value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// Text against a literal.
    Text(TextTest),
    /// Text against an automaton: wildcards and `re`. Linear in the length of the text.
    Regex {
        /// The automaton.
        regex: Box<Regex>,
        /// Whether it reads the lowered text.
        lowered: bool,
    },
    Cidr(IpNet),
    Number(NumberOp, f64),
    Bool(bool),
    Null,
    Exists,
    /// The field is there, null or not.
    Present,
    FieldRef {
        other: FieldId,
        op: TextOp,
        cased: bool,
    },
    Time(TimePart, f64),
}

/// Text against a literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TextTest {
    pub(crate) op: TextOp,
    /// Lowered unless `cased`.
    pub(crate) literal: Box<str>,
    pub(crate) cased: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TextOp {
    Exact,
    Contains,
    Prefix,
    Suffix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NumberOp {
    Eq,
    Lt,
    Lte,
    Gt,
    Gte,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl TextOp {
    pub(crate) fn holds(self, text: &str, literal: &str) -> bool {
        match self {
            Self::Exact => text == literal,
            Self::Contains => text.contains(literal),
            Self::Prefix => text.starts_with(literal),
            Self::Suffix => text.ends_with(literal),
        }
    }
}

impl NumberOp {
    pub(crate) fn holds(self, value: f64, than: f64) -> bool {
        match self {
            Self::Eq => (value - than).abs() < f64::EPSILON,
            Self::Lt => value < than,
            Self::Lte => value <= than,
            Self::Gt => value > than,
            Self::Gte => value >= than,
        }
    }
}

impl Test {
    /// Answers for one value. Presence and references to other fields are the matcher's own business.
    pub(crate) fn holds(&self, value: Value<'_>) -> bool {
        match self {
            Self::Text(test) => text(value).is_some_and(|text| {
                if test.cased {
                    test.op.holds(&text, &test.literal)
                } else {
                    test.op.holds(&lower(&text), &test.literal)
                }
            }),
            Self::Regex { regex, lowered } => text(value).is_some_and(|text| {
                if *lowered {
                    regex.is_match(&lower(&text))
                } else {
                    regex.is_match(&text)
                }
            }),
            Self::Cidr(net) => match value {
                Value::Text(text) => text.parse::<IpAddr>().is_ok_and(|ip| net.contains(&ip)),
                _ => false,
            },
            Self::Number(op, than) => number(value).is_some_and(|value| op.holds(value, *than)),
            Self::Bool(expected) => match value {
                Value::Bool(value) => value == *expected,
                Value::Text(text) => match &*lower(text) {
                    "true" | "1" | "yes" => *expected,
                    "false" | "0" | "no" => !*expected,
                    _ => false,
                },
                _ => false,
            },
            Self::Time(part, than) => {
                time_part(value, *part).is_some_and(|value| NumberOp::Eq.holds(value, *than))
            }
            Self::Null | Self::Exists | Self::Present | Self::FieldRef { .. } => false,
        }
    }
}

impl Test {
    /// The same as [`Self::holds`] for a value whose text is at hand.
    pub(crate) fn holds_in(&self, value: Value<'_>, text: &Folded<'_>) -> bool {
        match self {
            Self::Regex {
                regex,
                lowered: true,
            } => regex.is_match(text.lowered()),
            test => test.holds(value),
        }
    }
}

/// The text that string tests read: text as it is, numbers in decimal, booleans as words.
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(text)),
        Value::Int(value) => Some(Cow::Owned(value.to_string())),
        Value::Float(value) => Some(Cow::Owned(value.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
        Value::Null | Value::List | Value::Object => None,
    }
}

/// Writes the text of a number; nothing for the rest.
pub(crate) fn number_text(value: Value<'_>, out: &mut String) -> bool {
    out.clear();
    match value {
        Value::Int(value) => write!(out, "{value}").is_ok(),
        Value::Float(value) => write!(out, "{value}").is_ok(),
        _ => false,
    }
}

/// The number that numeric tests read: numbers, and text that is one.
pub(crate) fn number(value: Value<'_>) -> Option<f64> {
    match value {
        #[allow(clippy::cast_precision_loss)]
        Value::Int(value) => Some(value as f64),
        Value::Float(value) => Some(value),
        Value::Text(text) => {
            let first = *text.as_bytes().first()?;
            // Most text isn't a number: look at one byte before parsing. Words such as `inf` stay readable.
            let numeric = first.is_ascii_digit()
                || matches!(first, b'-' | b'+' | b'.' | b'i' | b'I' | b'n' | b'N');
            if numeric { text.parse().ok() } else { None }
        }
        _ => None,
    }
}

/// Lowers as the specification's case-insensitivity needs; text that is lower already is borrowed.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        let mut lowered = String::new();
        lower_into(text, &mut lowered);
        Cow::Owned(lowered)
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// The same into memory that is there already, and as [`str::to_lowercase`] has it: which looks at one character after the
/// other once one isn't ASCII, and is several times slower on mixed text.
pub(crate) fn lower_into(text: &str, out: &mut String) {
    out.clear();
    // Its lower form depends on its neighbours.
    if text.contains('\u{3a3}') {
        out.push_str(&text.to_lowercase());
        return;
    }
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let ascii = rest
            .bytes()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(rest.len());
        if ascii > 0 {
            let from = out.len();
            out.push_str(&rest[..ascii]);
            out[from..].make_ascii_lowercase();
            rest = &rest[ascii..];
        } else {
            // Chinese characters, kana and punctuation have no case.
            if matches!(c, '\u{2e80}'..='\u{a63f}') {
                out.push(c);
            } else {
                out.extend(c.to_lowercase());
            }
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// A text that is asked more than once, lowered at most once.
#[derive(Debug)]
pub(crate) struct Folded<'a> {
    text: &'a str,
    lowered: OnceCell<Cow<'a, str>>,
}

impl<'a> Folded<'a> {
    /// Of a text that is ASCII, or lowered already.
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            lowered: OnceCell::new(),
        }
    }

    pub(crate) const fn text(&self) -> &'a str {
        self.text
    }

    fn lowered(&self) -> &str {
        self.lowered.get_or_init(|| {
            if self.text.is_ascii() {
                lower(self.text)
            } else {
                Cow::Borrowed(self.text)
            }
        })
    }
}

/// A part of a point in time, in UTC: RFC 3339, civil time without a zone, Unix seconds or milliseconds.
fn time_part(value: Value<'_>, part: TimePart) -> Option<f64> {
    let at = match value {
        Value::Text(text) => text_time(text)?,
        Value::Int(number) => number_time(number)?,
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) => number_time(number as i64)?,
        _ => return None,
    };
    let at = TimeZone::UTC.to_datetime(at);
    Some(match part {
        TimePart::Minute => f64::from(at.minute()),
        TimePart::Hour => f64::from(at.hour()),
        TimePart::Day => f64::from(at.day()),
        TimePart::Week => f64::from(at.date().iso_week_date().week()),
        TimePart::Month => f64::from(at.month()),
        TimePart::Year => f64::from(at.year()),
    })
}

/// A time in Unix milliseconds: RFC 3339 text, text without a zone (UTC), seconds or milliseconds.
#[must_use]
pub fn unix_millis(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Text(text) => text_time(text).map(Timestamp::as_millisecond),
        Value::Int(number) => number_time(number).map(Timestamp::as_millisecond),
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) if number.abs() > 1e12 => {
            number_time(number as i64).map(Timestamp::as_millisecond)
        }
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) if number.is_finite() => Some((number * 1000.0) as i64),
        _ => None,
    }
}

fn text_time(text: &str) -> Option<Timestamp> {
    if text.len() > 64 || !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn number_time(number: i64) -> Option<Timestamp> {
    if number > 1_000_000_000_000 {
        Timestamp::from_millisecond(number).ok()
    } else {
        Timestamp::from_second(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_lowered_as_the_standard_library_does(
            text in proptest::collection::vec(
                prop_oneof![
                    any::<char>(),
                    proptest::char::range(' ', '~'),
                    proptest::char::range('\u{370}', '\u{400}'),
                    proptest::char::range('\u{4e00}', '\u{9fff}'),
                ],
                0..40,
            ),
        ) {
            let text: String = text.into_iter().collect();
            let mut lowered = String::new();
            lower_into(&text, &mut lowered);
            prop_assert_eq!(&lowered, &text.to_lowercase());
            prop_assert_eq!(lower(&text), text.to_lowercase());
        }
    }

    #[test]
    fn no_character_of_the_range_without_case_has_one() {
        for c in '\u{2e80}'..='\u{a63f}' {
            assert!(c.to_lowercase().eq([c]), "{c}");
        }
    }
}
