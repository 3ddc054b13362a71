//! A piece of text as a person would read it, with the way back to how it is written.

use std::borrow::Cow;

/// How a text is written in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// As it is.
    Plain,
    /// With the escapes of a JSON string.
    Json,
    /// With character references (`&#49;`).
    Html,
    /// Inside double quotes of CSV: `""` is one quote.
    Quoted,
}

/// Decoded text. Every decoded byte knows the raw bytes it stems from.
#[derive(Debug)]
pub(crate) struct Decoded<'d> {
    raw: &'d [u8],
    pub(crate) text: Cow<'d, [u8]>,
    /// Raw offset of each decoded byte, and of the end. Empty when both are the same.
    from: Vec<u32>,
}

impl<'d> Decoded<'d> {
    pub(crate) fn new(raw: &'d [u8], writing: Writing) -> Self {
        let mark = match writing {
            Writing::Plain => None,
            Writing::Json => memchr::memchr(b'\\', raw),
            Writing::Html => memchr::memchr(b'&', raw),
            Writing::Quoted => memchr::memmem::find(raw, b"\"\""),
        };
        let Some(mark) = mark else {
            return Self {
                raw,
                text: Cow::Borrowed(raw),
                from: Vec::new(),
            };
        };
        let mut text = Vec::with_capacity(raw.len());
        let mut from = Vec::with_capacity(raw.len() + 1);
        text.extend_from_slice(&raw[..mark]);
        from.extend(0..mark as u32);
        let mut at = mark;
        while at < raw.len() {
            let (c, len) = match (writing, raw[at]) {
                (Writing::Json, b'\\') => json_escape(&raw[at..]),
                (Writing::Html, b'&') => reference(&raw[at..]),
                (Writing::Quoted, b'"') => ('"', raw[at..].len().min(2)),
                (_, byte) => {
                    text.push(byte);
                    from.push(at as u32);
                    at += 1;
                    continue;
                }
            };
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                text.push(byte);
                from.push(at as u32);
            }
            at += len;
        }
        from.push(raw.len() as u32);
        Self {
            raw,
            text: Cow::Owned(text),
            from,
        }
    }

    /// The raw offset of a decoded offset.
    pub(crate) fn raw_at(&self, at: usize) -> usize {
        match self.from.get(at) {
            Some(&raw) => raw as usize,
            None => at.min(self.raw.len()),
        }
    }

    /// The writing of a decoded range.
    pub(crate) fn written(&self, start: usize, end: usize) -> &'d [u8] {
        &self.raw[self.raw_at(start)..self.raw_at(end)]
    }
}

/// The character of a JSON escape and its length; a broken one stands for itself.
fn json_escape(raw: &[u8]) -> (char, usize) {
    let simple = match raw.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'u') => return unicode_escape(raw),
        Some(&byte) if byte.is_ascii() => byte as char,
        _ => return ('\\', 1),
    };
    (simple, 2)
}

fn unicode_escape(raw: &[u8]) -> (char, usize) {
    let unit = |at: usize| -> Option<u32> {
        let digits = raw.get(at..at + 4)?;
        digits.iter().try_fold(0, |sum, &digit| {
            Some(sum * 16 + (digit as char).to_digit(16)?)
        })
    };
    let Some(high) = unit(2) else {
        return ('\\', 1);
    };
    if let (0xD800..=0xDBFF, Some(b"\\u"), Some(low @ 0xDC00..=0xDFFF)) =
        (high, raw.get(6..8), unit(8))
        && let Some(c) = char::from_u32(0x1_0000 + (high - 0xD800) * 0x400 + (low - 0xDC00))
    {
        return (c, 12);
    }
    (char::from_u32(high).unwrap_or('\u{FFFD}'), 6)
}

/// The character of an HTML character reference and its length.
fn reference(raw: &[u8]) -> (char, usize) {
    let Some(end) = raw.iter().take(12).position(|&byte| byte == b';') else {
        return ('&', 1);
    };
    let name = std::str::from_utf8(&raw[1..end]).unwrap_or_default();
    let c = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        "commat" => Some('@'),
        "period" => Some('.'),
        "hyphen" | "dash" => Some('-'),
        _ => match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            }
            .and_then(char::from_u32),
            None => None,
        },
    };
    c.map_or(('&', 1), |c| (c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_decode_and_lead_back() {
        let decoded = Decoded::new(br"a\u0031\ud83d\ude00\n\u00e9z", Writing::Json);
        assert_eq!(&*decoded.text, "a1😀\néz".as_bytes());
        assert_eq!(decoded.written(1, 2), br"\u0031");
        assert_eq!(decoded.written(2, 6), br"\ud83d\ude00");
        let decoded = Decoded::new(b"&#49;3&#x38;&amp;&nosuch;&", Writing::Html);
        assert_eq!(&*decoded.text, b"138&&nosuch;&");
        assert_eq!(decoded.written(2, 3), b"&#x38;");
        let decoded = Decoded::new(b"a\"\"b", Writing::Quoted);
        assert_eq!(&*decoded.text, b"a\"b");
    }
}
