//! Identifiers and other small forms of text.

use super::check::Record;

/// `kind--UUID` of exactly this kind.
pub(super) fn of(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix("--"))
        .is_some_and(is_uuid)
}

/// The record of the kind that the identifier names.
pub(super) fn one_of_types(
    key: &str,
    kinds: &'static [(&'static str, Record)],
) -> Option<&'static Record> {
    kinds
        .iter()
        .find(|(kind, _)| of(key, kind))
        .map(|(_, record)| record)
}

/// Any identifier: a kind of at least three letters, digits and hyphens, `--`, a UUID of version 1 to 5.
pub(crate) fn is_id(text: &str) -> bool {
    let Some(split) = text.len().checked_sub(38) else {
        return false;
    };
    let (Some(kind), Some(rest)) = (text.get(..split), text.get(split..)) else {
        return false;
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = kind.as_bytes();
    bytes.len() >= 3
        && bytes[0].is_ascii_lowercase()
        && plain(bytes[bytes.len() - 1])
        && bytes.iter().all(|b| plain(*b) || *b == b'-')
        && rest.strip_prefix("--").is_some_and(is_uuid)
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => *b == b'-',
            14 => matches!(b, b'1'..=b'5'),
            19 => matches!(b, b'8' | b'9' | b'a' | b'b' | b'A' | b'B'),
            _ => b.is_ascii_hexdigit(),
        })
}

/// `2026-11-23T08:00:00.000Z`.
pub(super) fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0u32, |n, b| {
            b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0'))
        })
    };
    let within = |from, to, low, high| number(from, to).is_some_and(|n| (low..=high).contains(&n));
    let signs = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let fraction = match bytes.get(19..) {
        Some(b"Z") => true,
        Some([b'.', digits @ .., b'Z']) => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    fraction
        && signs.iter().all(|(n, sign)| bytes.get(*n) == Some(sign))
        && number(0, 4).is_some()
        && within(5, 7, 1, 12)
        && within(8, 10, 1, 31)
        && within(11, 13, 0, 23)
        && within(14, 16, 0, 59)
        && within(17, 19, 0, 60)
}

/// A step that a case may lead to: the text ends with a kind of step and a UUID.
pub(super) fn is_case(text: &str) -> bool {
    let kinds = [
        "action",
        "end",
        "if-condition",
        "parallel",
        "playbook",
        "start",
        "switch-condition",
        "while-condition",
    ];
    let Some((kind, rest)) = text
        .len()
        .checked_sub(38)
        .and_then(|n| text.split_at_checked(n))
    else {
        return false;
    };
    rest.strip_prefix("--").is_some_and(is_uuid) && kinds.iter().any(|k| kind.ends_with(k))
}

pub(super) fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn is_contact_key(key: &str) -> bool {
    key.len() <= 250
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
