//! The second judgement: what a value would become where it is used.
//!
//! Rules say what a value reminds of. Here it is parsed as what it would have to be to do harm: SQL in the contexts of a
//! query, words of a shell, script of a page, an expression of a template engine, a path, a serialised object. A value that
//! is no valid piece of any of them is no attack, whatever it reminds of; one that is counts without any rule.

mod code;
mod markup;
mod path;
mod shell;
mod sql;

use base64::Engine as _;

/// How much a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// It would run, and honest people write such things, too.
    Weak,
    /// It would run, and hardly anybody writes it for another reason.
    Strong,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Class of the attack, as rules' tags name it.
    pub(crate) class: &'static str,
    pub(crate) weight: Weight,
    /// In words, to follow «it is».
    pub(crate) what: &'static str,
}

/// The gravest reading of a value.
pub(crate) fn assess(value: &[u8]) -> Option<Finding> {
    if harmless(value) {
        return None;
    }
    let mut best: Option<Finding> = None;
    for raw in readings(value) {
        let text = raw.to_ascii_lowercase();
        let marks = Marks::of(text.as_bytes());
        let found = [
            marks.sql().then(|| sql::assess(&text)).flatten(),
            marks.markup().then(|| markup::assess(&text)).flatten(),
            marks.shell().then(|| shell::assess(&text)).flatten(),
            marks.code().then(|| code::assess(&text, &raw)).flatten(),
            marks.path().then(|| path::assess(&text)).flatten(),
        ];
        for found in found.into_iter().flatten() {
            if best.is_none_or(|known| found.weight > known.weight) {
                best = Some(found);
            }
        }
        if best.is_some_and(|found| found.weight == Weight::Strong) {
            break;
        }
    }
    best
}

/// Which marks a text has: no language is tried that needs others.
#[derive(Clone, Copy)]
struct Marks(u32);

impl Marks {
    const QUOTE: u32 = 1;
    const LESS: u32 = 1 << 1;
    const BRACKET: u32 = 1 << 2;
    const BRACE: u32 = 1 << 3;
    const SEPARATOR: u32 = 1 << 4;
    const DOLLAR: u32 = 1 << 5;
    const SLASH: u32 = 1 << 6;
    const EQUALS: u32 = 1 << 7;
    const COLON: u32 = 1 << 8;
    const HASH: u32 = 1 << 9;
    const DASHES: u32 = 1 << 10;
    const SPACE: u32 = 1 << 11;
    const LOW_LINE: u32 = 1 << 12;
    const ODD: u32 = 1 << 13;
    const GREATER: u32 = 1 << 14;
    const TICK: u32 = 1 << 15;

    fn of(text: &[u8]) -> Self {
        let mut marks = 0;
        let mut last = 0;
        for byte in text {
            marks |= match byte {
                b'\'' | b'"' => Self::QUOTE,
                b'`' => Self::TICK,
                b'<' => Self::LESS,
                b'>' => Self::GREATER,
                b'(' | b')' | b'[' => Self::BRACKET,
                b'{' | b'}' | b'%' => Self::BRACE,
                b';' | b'|' | b'&' | b'\n' => Self::SEPARATOR,
                b'$' => Self::DOLLAR,
                b'/' | b'\\' => Self::SLASH,
                b'=' => Self::EQUALS,
                b':' => Self::COLON,
                b'#' => Self::HASH,
                b'-' if last == b'-' => Self::DASHES,
                b' ' | b'\t' => Self::SPACE,
                b'_' => Self::LOW_LINE,
                b'!' | b'@' | b'*' | b'^' => Self::ODD,
                _ => 0,
            };
            last = *byte;
        }
        Self(marks)
    }

    fn any(self, of: u32) -> bool {
        self.0 & of != 0
    }

    /// A query needs a quote, a bracket, a comparison, a comment or words with blanks between.
    fn sql(self) -> bool {
        self.any(
            Self::QUOTE
                | Self::TICK
                | Self::BRACKET
                | Self::EQUALS
                | Self::LESS
                | Self::GREATER
                | Self::HASH
                | Self::DASHES,
        ) || self.any(Self::SPACE | Self::SLASH | Self::SEPARATOR)
    }

    /// Script needs a tag, an attribute, a scheme or a call.
    fn markup(self) -> bool {
        self.any(Self::LESS | Self::QUOTE | Self::EQUALS | Self::TICK | Self::BRACKET)
            || self.any(Self::COLON)
            || self.any(Self::LOW_LINE)
    }

    /// A shell needs a separator or a word with an argument.
    fn shell(self) -> bool {
        self.any(Self::SEPARATOR | Self::DOLLAR | Self::TICK | Self::BRACKET | Self::SLASH)
            || self.any(Self::SPACE)
    }

    /// Expressions need a bracket of some kind; objects in base64 have no mark at all.
    fn code(self) -> bool {
        self.any(
            Self::BRACE
                | Self::BRACKET
                | Self::DOLLAR
                | Self::LESS
                | Self::HASH
                | Self::QUOTE
                | Self::ODD
                | Self::EQUALS
                | Self::SLASH,
        ) || self.any(Self::LOW_LINE | Self::COLON)
            || !self.any(Self::SPACE)
    }

    fn path(self) -> bool {
        self.any(Self::SLASH)
    }
}

/// Code that a server would run when the file is called, in small letters or large.
pub(crate) fn code_in_file(content: &[u8]) -> Option<Finding> {
    let text = String::from_utf8_lossy(content).to_ascii_lowercase();
    let marks = [
        "<?php",
        "<?=",
        "<%@",
        "<%!",
        "<%eval",
        "<% eval",
        "<%execute",
        "<jsp:",
        "<cfexecute",
        "<script runat=",
        "<script language=\"php\"",
    ];
    let acts = [
        "eval(",
        "system(",
        "exec(",
        "passthru(",
        "assert(",
        "shell_exec(",
        "$_post",
        "$_get",
        "$_request",
        "getruntime",
        "processbuilder",
        "request.getparameter",
        "request(",
        "request.item",
        "defineclass",
        "base64_decode(",
        "phpinfo(",
        "cmd.exe",
        "process.start",
        "echo",
        "print",
    ];
    let runs =
        marks.iter().any(|mark| text.contains(mark)) && acts.iter().any(|act| text.contains(act));
    runs.then_some(Finding {
        class: "rce",
        weight: Weight::Strong,
        what: "a program that the server would run",
    })
}

/// Whether a value can't be any attack, by its bytes alone: letters, digits and what stands between words.
fn harmless(value: &[u8]) -> bool {
    if value.len() < 3 {
        return true;
    }
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || byte >= 0x80
            || matches!(
                byte,
                b' ' | b'-' | b'_' | b'.' | b',' | b':' | b'@' | b'?' | b'!' | b'~' | b'+'
            )
    };
    if !value.iter().all(|byte| plain(*byte)) {
        return false;
    }
    // Words alone can be SQL, an object in base64, or a full-width spelling of anything.
    let wide = value.windows(2).any(|two| two == [0xEF, 0xBC]);
    let words = value.contains(&b' ')
        && value.len() < 4_000
        && [
            &b"select"[..],
            b"union",
            b"waitfor",
            b"sleep",
            b"order by",
            b"cat ",
            b"procedure",
            b"having",
            b"powershell",
        ]
        .iter()
        .any(|word| {
            value
                .windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word))
        });
    let packed = value.starts_with(b"rO0AB")
        || value.starts_with(b"aced")
        || value.starts_with(b"ACED")
        || value.contains(&b'@') && value.contains(&b'.') && value.starts_with(b"java");
    let dotted = memchr::memmem::find(value, b"lassLoader").is_some()
        || memchr::memmem::find(value, b"__").is_some()
        || memchr::memmem::find(value, b"constructor.").is_some();
    let long_base64 = value.len() >= 24
        && !value.contains(&b' ')
        && value.iter().all(|byte| byte.is_ascii_alphanumeric());
    !(wide || words || packed || dotted || long_base64)
}

/// Whether a text is written in another script than Latin for a good part: prose.
pub(super) fn wide(text: &str) -> bool {
    text.chars()
        .filter(|c| ('\u{2e80}'..='\u{9fff}').contains(c))
        .count()
        >= 2
}

/// Bytes of a value that are read, from both ends.
const MOST: usize = 16 << 10;

/// A value as it came and as decoders on the way would read it.
fn readings(value: &[u8]) -> Vec<String> {
    let cut = if value.len() > 2 * MOST {
        [&value[..MOST], &value[value.len() - MOST..]].concat()
    } else {
        value.to_vec()
    };
    let mut out = vec![String::from_utf8_lossy(&cut).into_owned()];
    let mut current = out[0].clone();
    for _ in 0..4 {
        if !current
            .bytes()
            .any(|b| matches!(b, b'%' | b'\\' | b'&' | 0xEF | 0))
        {
            break;
        }
        let next = decode(&current);
        if next == current {
            break;
        }
        out.push(next.clone());
        current = next;
    }
    if let Some(inner) = unpacked(current.trim()) {
        out.push(inner);
    }
    out
}

/// One layer of percent-encoding, character references, escapes and full-width letters.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let source = text.as_bytes();
    let hex = |at: usize, count: usize| {
        let digits = source.get(at..at + count)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let push = |bytes: &mut Vec<u8>, code: u32| match char::from_u32(code) {
        Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes.push(b'?'),
    };
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        match rest[0] {
            b'%' if rest.get(1).is_some_and(|b| matches!(b, b'u' | b'U'))
                && hex(at + 2, 4).is_some() =>
            {
                push(&mut bytes, hex(at + 2, 4).unwrap_or_default());
                at += 6;
            }
            b'%' if hex(at + 1, 2).is_some() => {
                bytes.push(hex(at + 1, 2).unwrap_or_default() as u8);
                at += 3;
            }
            b'\\' if rest.get(1) == Some(&b'u') && hex(at + 2, 4).is_some() => {
                push(&mut bytes, hex(at + 2, 4).unwrap_or_default());
                at += 6;
            }
            b'\\' if rest.get(1) == Some(&b'x') && hex(at + 2, 2).is_some() => {
                push(&mut bytes, hex(at + 2, 2).unwrap_or_default());
                at += 4;
            }
            b'&' => match reference(rest) {
                Some((code, len)) => {
                    push(&mut bytes, code);
                    at += len;
                }
                None => {
                    bytes.push(b'&');
                    at += 1;
                }
            },
            // U+FF01 to U+FF5E: full-width forms of ASCII.
            0xEF if rest.len() > 2
                && (rest[1] == 0xBC && rest[2] >= 0x81 || rest[1] == 0xBD && rest[2] <= 0x9E) =>
            {
                let code =
                    (u32::from(rest[1] & 0x3F) << 6 | u32::from(rest[2] & 0x3F)) + 0xF000 - 0xFEE0;
                // Chinese text is full of full-width marks: only letters, digits and brackets of attacks count.
                let c = char::from_u32(code).unwrap_or('?');
                if c.is_ascii_alphanumeric()
                    || matches!(c, '<' | '>' | '\'' | '"' | '=' | '/' | '\\' | '.')
                {
                    push(&mut bytes, code);
                } else {
                    bytes.extend_from_slice(&rest[..3]);
                }
                at += 3;
            }
            0 => at += 1,
            byte => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `&#60;`, `&#x3c`, `&lt;`: the character and how long the reference is.
fn reference(rest: &[u8]) -> Option<(u32, usize)> {
    if rest.get(1) == Some(&b'#') {
        let (radix, from) = match rest.get(2) {
            Some(b'x' | b'X') => (16, 3),
            _ => (10, 2),
        };
        let len = rest[from..]
            .iter()
            .take(8)
            .take_while(|b| (**b as char).is_digit(radix))
            .count();
        let code =
            u32::from_str_radix(std::str::from_utf8(&rest[from..from + len]).ok()?, radix).ok()?;
        let end = from + len + usize::from(rest.get(from + len) == Some(&b';'));
        return Some((code, end));
    }
    let names: [(&[u8], u32); 10] = [
        (b"&lt;", 60),
        (b"&gt;", 62),
        (b"&quot;", 34),
        (b"&apos;", 39),
        (b"&amp;", 38),
        (b"&colon;", 58),
        (b"&tab;", 9),
        (b"&newline;", 10),
        (b"&lpar;", 40),
        (b"&rpar;", 41),
    ];
    names
        .iter()
        .find(|(name, _)| {
            rest.get(..name.len())
                .is_some_and(|front| front.eq_ignore_ascii_case(name))
        })
        .map(|(name, code)| (*code, name.len()))
}

/// What is in base64, when it is text.
fn unpacked(text: &str) -> Option<String> {
    if text.len() < 24
        || text.len() > MOST
        || !text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_'))
    {
        return None;
    }
    let plain = text
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    let bytes = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(plain)
        .ok()?;
    let printable = bytes
        .iter()
        .filter(|b| b.is_ascii_graphic() || b.is_ascii_whitespace())
        .count();
    (printable * 20 >= bytes.len() * 19).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Option<&'static str> {
        assess(text.as_bytes())
            .filter(|found| found.weight == Weight::Strong)
            .map(|found| found.class)
    }

    #[test]
    fn a_spelling_is_read_as_its_readers_would() {
        assert_eq!(class("1%27%20or%20%271%27=%271"), Some("sqli"));
        assert_eq!(
            class("%253Cscript%253Ealert(1)%253C/script%253E"),
            Some("xss")
        );
        assert_eq!(class("&lt;img src=x onerror=alert(1)&gt;"), Some("xss"));
        assert_eq!(class("\\u003cscript\\u003ealert(1)"), Some("xss"));
        assert_eq!(class("＜script＞alert(1)＜/script＞"), Some("xss"));
        assert_eq!(
            class("PD9waHAgc3lzdGVtKCRfR0VUWydjJ10pOyA/Pg=="),
            Some("injection-php")
        );
    }

    #[test]
    fn ordinary_values_are_nothing() {
        for text in [
            "张伟",
            "O'Brien",
            "13800000000",
            "北京市海淀区中关村大街1号院3号楼2单元501室",
            "{\"a\":1,\"b\":[true,null]}",
            "https://www.example.com/products/list?category=shoes&page=2",
            "<p>尊敬的客户,您好:</p><p>附件是<strong>报价单</strong>,请查收。</p>",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
        ] {
            assert_eq!(class(text), None, "{text}");
        }
    }
}
