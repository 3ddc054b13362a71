//! Decoders of URL, HTML, JavaScript, CSS and C escapes. An invalid escape is copied, never an error.

use super::{hex, hex_pair, is_space};

pub(super) fn url(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        match input[at] {
            b'+' => out.push(b' '),
            b'%' => {
                if let Some(value) = hex_pair(input, at + 1) {
                    out.push(value);
                    at += 2;
                } else {
                    out.push(b'%');
                }
            }
            b => out.push(b),
        }
        at += 1;
    }
}

/// As `url`, and `%uHHHH` as IIS reads it.
pub(super) fn url_uni(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        match input[at] {
            b'+' => out.push(b' '),
            b'%' if matches!(input.get(at + 1), Some(b'u' | b'U')) => {
                if let (Some(high), Some(low)) = (hex_pair(input, at + 2), hex_pair(input, at + 4))
                {
                    out.push(narrow(high, low));
                    at += 5;
                } else {
                    out.push(b'%');
                }
            }
            b'%' => {
                if let Some(value) = hex_pair(input, at + 1) {
                    out.push(value);
                    at += 2;
                } else {
                    out.push(b'%');
                }
            }
            b => out.push(b),
        }
        at += 1;
    }
}

/// The ASCII byte that a 16-bit code stands for: full-width forms and a few look-alikes, else its low byte.
fn narrow(high: u8, low: u8) -> u8 {
    match (high, low) {
        (0xff, 0x01..=0x5e) => low + 0x20,
        (0x02, 0xb9 | 0xbc) | (0x20, 0x18 | 0x19 | 0x1b | 0x32) => b'\'',
        (0x02, 0xba) | (0x20, 0x1c..=0x1f | 0x33) => b'"',
        (0x22, 0x15) | (0x20, 0x44) => b'/',
        (0x20, 0x39) | (0x23, 0x29) | (0x30, 0x08) => b'<',
        (0x20, 0x3a) | (0x23, 0x2a) | (0x30, 0x09) => b'>',
        _ => low,
    }
}

pub(super) fn html_entities(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        if input[at] != b'&' {
            out.push(input[at]);
            at += 1;
            continue;
        }
        let Some((value, used)) = entity(&input[at + 1..]) else {
            out.push(b'&');
            at += 1;
            continue;
        };
        out.push(value);
        at += 1 + used;
        if input.get(at) == Some(&b';') {
            at += 1;
        }
    }
}

/// The byte of an entity and the number of bytes after `&` that it takes.
fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    if rest.first() == Some(&b'#') {
        let (radix, start) = if matches!(rest.get(1), Some(b'x' | b'X')) {
            (16, 2)
        } else {
            (10, 1)
        };
        let mut value: u32 = 0;
        let mut at = start;
        while let Some(digit) = rest.get(at).and_then(|b| (*b as char).to_digit(radix)) {
            value = value.wrapping_mul(radix).wrapping_add(digit);
            at += 1;
        }
        // Only the lower byte, as the engines before this one do.
        return (at > start).then_some(((value & 0xff) as u8, at));
    }
    let len = rest
        .iter()
        .take(8)
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let name = &rest[..len];
    for (known, value) in [
        (&b"quot"[..], b'"'),
        (b"amp", b'&'),
        (b"lt", b'<'),
        (b"gt", b'>'),
        (b"nbsp", 0xa0),
    ] {
        if name.eq_ignore_ascii_case(known) {
            return Some((value, len));
        }
    }
    None
}

pub(super) fn js(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        if input[at] != b'\\' {
            out.push(input[at]);
            at += 1;
            continue;
        }
        let Some(next) = input.get(at + 1).copied() else {
            out.push(b'\\');
            break;
        };
        if next == b'u'
            && let (Some(high), Some(low)) = (hex_pair(input, at + 2), hex_pair(input, at + 4))
        {
            out.push(if high == 0xff && low > 0 && low < 0x5f {
                low + 0x20
            } else {
                low
            });
            at += 6;
        } else if next == b'x'
            && let Some(value) = hex_pair(input, at + 2)
        {
            out.push(value);
            at += 4;
        } else if is_octal(next) {
            let mut digits = input[at + 1..]
                .iter()
                .take(3)
                .take_while(|b| is_octal(**b))
                .count();
            if digits == 3 && next > b'3' {
                digits = 2;
            }
            out.push(octal(&input[at + 1..at + 1 + digits]));
            at += 1 + digits;
        } else {
            out.push(match next {
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => other,
            });
            at += 2;
        }
    }
}

pub(super) fn css(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        if input[at] != b'\\' {
            out.push(input[at]);
            at += 1;
            continue;
        }
        at += 1;
        let Some(next) = input.get(at).copied() else {
            break;
        };
        let digits = input[at..]
            .iter()
            .take(6)
            .take_while(|b| hex(**b).is_some())
            .count();
        if digits > 0 {
            let value = input[at..at + digits]
                .iter()
                .fold(0u32, |v, b| v << 4 | u32::from(hex(*b).unwrap_or(0)));
            let low = (value & 0xff) as u8;
            // Full-width ASCII is ASCII; everything else keeps its lower byte.
            out.push(
                if digits >= 4 && value >> 8 == 0xff && low > 0 && low < 0x5f {
                    low + 0x20
                } else {
                    low
                },
            );
            at += digits;
            if input.get(at).is_some_and(|b| is_space(*b)) {
                at += 1;
            }
        } else if next == b'\n' {
            at += 1;
        } else {
            out.push(next);
            at += 1;
        }
    }
}

pub(super) fn escape_sequences(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        let (b'\\', Some(next)) = (input[at], input.get(at + 1).copied()) else {
            out.push(input[at]);
            at += 1;
            continue;
        };
        let plain = match next {
            b'a' => Some(7),
            b'b' => Some(8),
            b'f' => Some(12),
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'v' => Some(11),
            b'\\' | b'?' | b'\'' | b'"' => Some(next),
            _ => None,
        };
        if let Some(value) = plain {
            out.push(value);
            at += 2;
        } else if matches!(next, b'x' | b'X')
            && let Some(value) = hex_pair(input, at + 2)
        {
            out.push(value);
            at += 4;
        } else if is_octal(next) {
            let digits = input[at + 1..]
                .iter()
                .take(3)
                .take_while(|b| is_octal(**b))
                .count();
            out.push(octal(&input[at + 1..at + 1 + digits]));
            at += 1 + digits;
        } else {
            out.push(next);
            at += 2;
        }
    }
}

/// Each character above ASCII as `%uHHHH`; bytes that are no UTF-8 stay.
pub(super) fn utf8_to_unicode(input: &[u8], out: &mut Vec<u8>) {
    for chunk in input.utf8_chunks() {
        for c in chunk.valid().chars() {
            match u8::try_from(u32::from(c)) {
                Ok(b) if b < 0x80 => out.push(b),
                _ => out.extend_from_slice(format!("%u{:04x}", u32::from(c)).as_bytes()),
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
}

fn is_octal(b: u8) -> bool {
    (b'0'..=b'7').contains(&b)
}

fn octal(digits: &[u8]) -> u8 {
    (digits
        .iter()
        .fold(0u32, |v, b| v << 3 | u32::from(b - b'0'))
        & 0xff) as u8
}
