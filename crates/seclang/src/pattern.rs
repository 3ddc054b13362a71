//! Patterns as rules write them (PCRE) to patterns that run in linear time.
//!
//! Meaning follows ModSecurity v2 with PCRE: bytes, not characters; `.` matches a newline; `^` and `$` mean the ends of the value.

use regex::bytes::{Regex, RegexBuilder};

use crate::error::LoadErrorKind;

/// Compiles the pattern of `@rx`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, LoadErrorKind> {
    build(&translate(pattern), false)
}

/// Compiles the pattern of a selector like `TX:/x/`: names have no case.
pub(crate) fn compile_selector(pattern: &str) -> Result<Regex, LoadErrorKind> {
    build(&translate(pattern), true)
}

fn build(pattern: &str, ignore_case: bool) -> Result<Regex, LoadErrorKind> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .case_insensitive(ignore_case)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_CACHE)
        .nest_limit(200)
        .build()
        .map_err(|e| LoadErrorKind::Pattern {
            reason: short(&e.to_string()),
        })
}

/// Rewrites what PCRE and this pattern language spell differently.
pub(crate) fn translate(pattern: &str) -> String {
    let bytes = pattern.as_bytes();
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut at = 0;
    let mut class = false;
    while at < bytes.len() {
        let b = bytes[at];
        if b == b'\\' {
            at += escape(pattern, at, class, &mut out);
            continue;
        }
        if class {
            let posix = if b == b'[' {
                posix_class(&pattern[at..])
            } else {
                None
            };
            let doubled = bytes.get(at + 1) == Some(&b);
            if let Some(len) = posix {
                out.push_str(&pattern[at..at + len]);
                at += len;
            } else if b == b'[' || (doubled && matches!(b, b'&' | b'~' | b'-')) {
                out.push('\\');
                at += push_char(pattern, at, &mut out);
            } else {
                class = b != b']';
                at += push_char(pattern, at, &mut out);
            }
            continue;
        }
        match b {
            b'[' => {
                class = true;
                out.push('[');
                at += 1;
                if bytes.get(at) == Some(&b'^') {
                    out.push('^');
                    at += 1;
                }
                if bytes.get(at) == Some(&b']') {
                    out.push_str("\\]");
                    at += 1;
                }
            }
            b'{' if !is_repetition(&bytes[at..]) => {
                out.push_str("\\{");
                at += 1;
            }
            b'}' if !closes_repetition(&bytes[..at]) => {
                out.push_str("\\}");
                at += 1;
            }
            _ => at += push_char(pattern, at, &mut out),
        }
    }
    out
}

/// Copies one character; above ASCII it is the bytes that it is written with, as PCRE without UTF reads it.
fn push_char(pattern: &str, at: usize, out: &mut String) -> usize {
    let Some(c) = pattern[at..].chars().next() else {
        return 1;
    };
    if c.is_ascii() {
        out.push(c);
    } else {
        for b in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    c.len_utf8()
}

fn escape(pattern: &str, at: usize, class: bool, out: &mut String) -> usize {
    let rest = &pattern[at + 1..];
    let Some(c) = rest.chars().next() else {
        out.push_str("\\\\");
        return 1;
    };
    match c {
        'x' => {
            if let Some(inner) = rest[1..].strip_prefix('{')
                && let Some(end) = inner.find('}')
                && let Ok(value) = u8::from_str_radix(&inner[..end], 16)
            {
                out.push_str(&format!("\\x{value:02x}"));
                return 4 + end;
            }
            let digits = rest[1..]
                .bytes()
                .take(2)
                .take_while(u8::is_ascii_hexdigit)
                .count();
            if digits == 1 {
                out.push_str("\\x0");
                out.push_str(&rest[1..2]);
                return 3;
            }
            out.push_str("\\x");
            2
        }
        'e' => {
            out.push_str("\\x1b");
            2
        }
        'h' => {
            out.push_str(if class { "\\t " } else { "[\\t ]" });
            2
        }
        'H' if !class => {
            out.push_str("[^\\t ]");
            2
        }
        'R' if !class => {
            out.push_str("(?:\\r\\n|[\\n\\r\\x0b\\x0c])");
            2
        }
        'Z' if !class => {
            out.push_str("(?:\\n?\\z)");
            2
        }
        'b' if class => {
            out.push_str("\\x08");
            2
        }
        // Perl's \s leaves the vertical tab out in old PCRE; CRS writes [\s\x0b] where it wants it.
        '0' => {
            let digits = rest
                .bytes()
                .take(3)
                .take_while(|b| (b'0'..=b'7').contains(b))
                .count();
            let value = u8::from_str_radix(&rest[..digits], 8).unwrap_or(0);
            out.push_str(&format!("\\x{value:02x}"));
            1 + digits
        }
        '<' | '>' | '_' | '=' | ':' | ';' | ',' | '!' | '@' | '%' | '`' | '\'' | '"' | '/'
        | ' ' => {
            if c == ' ' {
                out.push_str("\\x20")
            } else {
                out.push(c)
            }
            2
        }
        '#' | '&' | '~' | '-' | '{' | '}' | '[' | ']' | '(' | ')' | '*' | '+' | '?' | '.' | '^'
        | '$' | '|' | '\\' => {
            out.push('\\');
            out.push(c);
            2
        }
        c if c.is_ascii_alphanumeric() => {
            out.push('\\');
            out.push(c);
            2
        }
        _ => 1 + push_char(pattern, at + 1, out),
    }
}

fn posix_class(text: &str) -> Option<usize> {
    let end = text.strip_prefix("[:")?.find(":]")?;
    let name = &text[2..2 + end];
    name.trim_start_matches('^')
        .bytes()
        .all(|b| b.is_ascii_alphabetic())
        .then_some(end + 4)
}

fn is_repetition(bytes: &[u8]) -> bool {
    let inner: Vec<u8> = bytes[1..]
        .iter()
        .copied()
        .take_while(|b| *b != b'}')
        .take(12)
        .collect();
    bytes.get(1 + inner.len()) == Some(&b'}')
        && inner.first().is_some_and(u8::is_ascii_digit)
        && inner.iter().all(|b| b.is_ascii_digit() || *b == b',')
        && inner.iter().filter(|b| **b == b',').count() <= 1
}

fn closes_repetition(before: &[u8]) -> bool {
    before.iter().rposition(|b| *b == b'{').is_some_and(|open| {
        let escaped = before[..open]
            .iter()
            .rev()
            .take_while(|b| **b == b'\\')
            .count()
            % 2
            == 1;
        let mut text = before[open..].to_vec();
        text.push(b'}');
        !escaped && is_repetition(&text)
    })
}

fn short(text: &str) -> String {
    let last = text.lines().last().unwrap_or(text).trim();
    last.chars().take(200).collect()
}

/// One pattern compiles to no more than this.
pub(crate) const SIZE_LIMIT: usize = 16 << 20;
/// One pattern's lazy automaton keeps no more than this.
const DFA_CACHE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcre_spellings() {
        for (pattern, hit, miss) in [
            (r"\x{bc}[^>\x{be}]", &b"\xbcx"[..], &b"\xbc\xbe"[..]),
            (r"a{b", b"a{b", b"ab"),
            (r"^[a[]$", b"[", b"b"),
            (r"\<script\>", b"<script>", b"script"),
            (r"[^]]x", b"ax", b"]x"),
            (r"\$\{[a-z]{2,3}\}", b"${ab}", b"${a}"),
            (r"a.b", b"a\nb", b"ab"),
            (r"^[\w/.+*-]+$", b"a-b/c", b"a b"),
            (r"[!-&&]x", b"&x", b"ax"),
            (r"x}y", b"x}y", b"xy"),
            ("^[´’]$", b"\x99", b"a"),
            ("^中+$", "中".as_bytes(), b"a"),
        ] {
            let re = compile(pattern).unwrap();
            assert!(re.is_match(hit), "{pattern} should match {hit:?}");
            assert!(!re.is_match(miss), "{pattern} should not match {miss:?}");
        }
    }

    #[test]
    fn lookaround_is_refused_with_a_reason() {
        let err = compile(r"(?=a)b").unwrap_err().to_string();
        assert!(err.contains("linear"), "{err}");
    }
}
