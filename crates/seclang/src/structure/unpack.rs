//! A value as the decoders on its way would read it, and what is packed in it.

use base64::Engine as _;

/// Bytes of a value that are read, from both ends.
pub(super) const MOST: usize = 16 << 10;

/// A value as it came and as decoders on the way would read it.
pub(super) fn readings(value: &[u8]) -> Vec<String> {
    let cut = if value.len() > 2 * MOST {
        [&value[..MOST], &value[value.len() - MOST..]].concat()
    } else {
        value.to_vec()
    };
    let cut = shortest(cut);
    let mut out = vec![String::from_utf8_lossy(&cut).into_owned()];
    let mut current = out[0].clone();
    for _ in 0..4 {
        if !current
            .bytes()
            .any(|b| matches!(b, b'%' | b'\\' | b'&' | 0xEF | 0xE2 | 0))
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
            // `\u{61}`
            b'\\' if rest.starts_with(b"\\u{") && braced(rest).is_some() => {
                let (code, len) = braced(rest).unwrap_or_default();
                push(&mut bytes, code);
                at += len;
            }
            // `\141`
            b'\\' if octal(rest).is_some() => {
                push(&mut bytes, octal(rest).unwrap_or_default());
                at += 4;
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
    String::from_utf8_lossy(&shortest(bytes)).into_owned()
}

/// Signs of ASCII that are spelt with more bytes than they need (`C0 AE` for a dot), or in circles, as what they are for
/// readers that don't mind.
fn shortest(bytes: Vec<u8>) -> Vec<u8> {
    if !bytes
        .iter()
        .any(|byte| matches!(byte, 0xC0 | 0xC1 | 0xE0 | 0xE2))
    {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (sign, len) = match bytes[at..] {
            [first @ (0xC0 | 0xC1), second @ 0x80..=0xBF, ..] => {
                ((first & 0x1F) << 6 | second & 0x3F, 2)
            }
            [0xE0, second @ (0x80 | 0x81), third @ 0x80..=0xBF, ..] => {
                ((second & 1) << 6 | third & 0x3F, 3)
            }
            // U+24B6 to U+24E9.
            [0xE2, 0x92, third @ 0xB6..=0xBF, ..] => (b'a' + (third - 0xB6), 3),
            [0xE2, 0x93, third @ 0x80..=0x8F, ..] => (b'k' + (third - 0x80), 3),
            [0xE2, 0x93, third @ 0x90..=0xA9, ..] => (b'a' + (third - 0x90), 3),
            [0xE2, 0x91, third @ 0xA0..=0xA8, ..] => (b'1' + (third - 0xA0), 3),
            [0xE2, 0x93, 0xAA, ..] => (b'0', 3),
            // Strokes of other alphabets.
            [0xE2, 0x88, 0x95, ..] | [0xE2, 0x81, 0x84, ..] => (b'/', 3),
            [0xE2, 0x88, 0x96, ..] => (b'\\', 3),
            [byte, ..] => (byte, 1),
            [] => break,
        };
        out.push(sign);
        at += len;
    }
    out
}

/// `\u{61}`: the character and how long it is.
fn braced(rest: &[u8]) -> Option<(u32, usize)> {
    let end = rest.iter().take(12).position(|byte| *byte == b'}')?;
    let digits = std::str::from_utf8(rest.get(3..end)?).ok()?;
    Some((u32::from_str_radix(digits, 16).ok()?, end + 1))
}

/// `\141`, when it is a sign of ASCII that one sees.
fn octal(rest: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(rest.get(1..4)?).ok()?;
    let code = u32::from_str_radix(digits, 8).ok()?;
    (0x20..0x7f).contains(&code).then_some(code)
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
            .take(16)
            .take_while(|b| (**b as char).is_digit(radix))
            .count();
        let code =
            u32::from_str_radix(std::str::from_utf8(&rest[from..from + len]).ok()?, radix).ok()?;
        let end = from + len + usize::from(rest.get(from + len) == Some(&b';'));
        return Some((code, end));
    }
    let names: [(&[u8], u32); 20] = [
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
        (b"&semi;", 59),
        (b"&sol;", 47),
        (b"&bsol;", 92),
        (b"&equals;", 61),
        (b"&grave;", 96),
        (b"&lsqb;", 91),
        (b"&lbrack;", 91),
        (b"&rsqb;", 93),
        (b"&rbrack;", 93),
        (b"&period;", 46),
    ];
    names
        .iter()
        .find(|(name, _)| {
            rest.get(..name.len())
                .is_some_and(|front| front.eq_ignore_ascii_case(name))
        })
        .map(|(name, code)| (*code, name.len()))
}

/// What is packed in a text: strings of JSON, base64, blanks written as `+`, words with tags strewn among their letters.
pub(super) fn inside(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let trimmed = text.trim().trim_matches(['\'', '"']);
    if trimmed.starts_with(['{', '[']) && text.len() <= MOST {
        out.extend(strings_of_json(trimmed));
    }
    if let Some(inner) = unpacked(trimmed).or_else(|| unpacked(trimmed.trim_start_matches('/'))) {
        out.push(inner);
    } else {
        for quote in ['"', '\''] {
            out.extend(
                text.split(quote)
                    .skip(1)
                    .take(200)
                    .filter_map(unpacked)
                    .take(20),
            );
        }
    }
    out.extend(
        text.match_indices("base64,")
            .take(8)
            .filter_map(|(at, mark)| {
                unpacked(
                    text[at + mark.len()..]
                        .split(['"', '\'', ')', '<'])
                        .next()?,
                )
            }),
    );
    // Strings of a GraphQL document.
    if ["query", "mutation", "subscription", "{"]
        .iter()
        .any(|word| trimmed.starts_with(word))
        && text.contains("(")
    {
        out.extend(
            text.split('"')
                .skip(1)
                .step_by(2)
                .filter(|piece| piece.len() >= 6 && piece.contains(['\'', ';', '(', '<', '$']))
                .take(40)
                .map(str::to_owned),
        );
    }
    // Some servers pass over a `%` that begins nothing.
    if text.contains('%') {
        let plain = text.replace('%', "");
        let small = plain.to_ascii_lowercase();
        if ["select", "union", "<script", "exec"]
            .iter()
            .any(|word| small.contains(word) && !text.to_ascii_lowercase().contains(word))
        {
            out.push(plain);
        }
    }
    if text.contains('+') && !text.contains(' ') {
        out.push(text.replace('+', " "));
    }
    // A path that is an attack behind its first stroke.
    if let Some(rest) = text.strip_prefix('/')
        && rest.contains(['(', '\'', '"', '<', ';', '|', '`'])
    {
        out.push(rest.to_owned());
    }
    if text.starts_with('/')
        && let Some(last) = text.rsplit('/').next()
        && last.contains([' ', '\''])
    {
        out.push(last.to_owned());
    }
    if text.contains("AD4") || text.contains("ADw") {
        out.extend(utf_7(text));
    }
    // Strings of PHP's own format: `s:4:"…"`.
    if text.contains("s:") && text.contains(":\"") {
        out.extend(
            text.split('"')
                .filter(|piece| piece.len() >= 8 && piece.contains(['(', '<', '\'', '$']))
                .take(20)
                .map(str::to_owned),
        );
    }
    if let Some(inner) = without_strange_tags(text) {
        out.push(inner);
    }
    out
}

/// The signs that matter of UTF-7; its `+` may have become a blank.
fn utf_7(text: &str) -> Option<String> {
    let mut out = text.to_owned();
    for (spelt, sign) in [
        ("ADw", "<"),
        ("AD4", ">"),
        ("ACI", "\""),
        ("ACc", "'"),
        ("AD0", "="),
        ("ACg", "("),
        ("ACk", ")"),
    ] {
        for mark in ['+', ' '] {
            for end in ["-", ""] {
                let spelt = format!("{mark}{spelt}{end}");
                if out.contains(&spelt) {
                    out = out.replace(&spelt, sign);
                }
            }
        }
    }
    (out != text).then_some(out)
}

/// Strings of a JSON document.
fn strings_of_json(text: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<serde_json::Value>(text) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::String(text) => out.push(text.clone()),
            serde_json::Value::Array(items) => open.extend(items),
            serde_json::Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
        if out.len() >= 200 {
            break;
        }
    }
    out
}

/// The text without tags that no page knows: XML, or `al<x>ert(1)` before a filter that takes tags out.
fn without_strange_tags(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut strange = 0;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tag = &rest[at + 1..];
        let name = tag.trim_start_matches('/');
        let name = &name[..name
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(name.len())];
        match super::head(tag, 200).find('>') {
            Some(end)
                if !name.is_empty()
                    && !KNOWN_TAGS.contains(&name.to_ascii_lowercase().as_str()) =>
            {
                strange += 1;
                rest = &tag[end + 1..];
            }
            _ => {
                out.push('<');
                rest = tag;
            }
        }
        if strange > 200 {
            break;
        }
    }
    out.push_str(rest);
    (strange > 0).then_some(out)
}

/// Tags of rich text and of what attacks pages: they are judged as tags.
const KNOWN_TAGS: [&str; 48] = [
    "a",
    "abbr",
    "article",
    "b",
    "base",
    "blockquote",
    "body",
    "br",
    "button",
    "code",
    "details",
    "div",
    "em",
    "embed",
    "font",
    "form",
    "frame",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "li",
    "link",
    "math",
    "meta",
    "object",
    "ol",
    "p",
    "pre",
    "script",
    "section",
    "span",
    "strong",
    "style",
    "svg",
    "table",
    "td",
    "tr",
    "u",
    "ul",
    "video",
];

/// Whether a value without any mark may be base64: long, or of both cases.
pub(super) fn may_be_base64(value: &[u8]) -> bool {
    if value.len() < LEAST_BASE64 || !is_base64(value) {
        return false;
    }
    value.len() >= 24
        || value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase)
}

/// Shorter texts in base64 hold no attack.
const LEAST_BASE64: usize = 12;

/// Letters, digits and few of the other signs; a `+` may have become a blank on its way.
fn is_base64(value: &[u8]) -> bool {
    let (mut others, mut equals) = (0, 0);
    for byte in value {
        match byte {
            _ if byte.is_ascii_alphanumeric() => {}
            b'+' | b'/' | b'-' | b'_' | b' ' => others += 1,
            b'=' => equals += 1,
            _ => return false,
        }
    }
    others * 8 <= value.len() && equals <= 2
}

/// What is in base64, when it is text.
fn unpacked(text: &str) -> Option<String> {
    if text.len() < LEAST_BASE64 || text.len() > MOST || !is_base64(text.as_bytes()) {
        return None;
    }
    let plain = text
        .trim_end_matches('=')
        .replace(['-', ' '], "+")
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

    #[test]
    fn what_is_packed_is_found() {
        for (text, inner) in [
            (r#"{"id":"1 and 1=1"}"#, "1 and 1=1"),
            ("MSB8fCB3aG9hbWkgfHwg", "1 || whoami || "),
            (r#"s:16:"L2V0Yy9wYXNzd2Q=";"#, "/etc/passwd"),
            ("data:image/png;base64,PD9waHAgJGE7Pz4=", "<?php $a;?>"),
            ("a+b%27", "a b%27"),
            ("al<x>ert<x>(1)", "alert(1)"),
            ("<id>1 or 1=1</id>", "1 or 1=1"),
            ("+ADw-script+AD4-", "<script>"),
            ("/alert(1)", "alert(1)"),
        ] {
            let all = inside(text);
            assert!(all.iter().any(|found| found == inner), "{text}: {all:?}");
        }
        assert!(inside("<p>text</p>").is_empty());
        assert!(inside("13800000000").is_empty());
    }

    #[test]
    fn spellings_are_read() {
        for (spelt, plain) in [
            (&b"%c0%ae%c0%ae%c0%afetc"[..], "../etc"),
            (b"..\xc0\xafetc", "../etc"),
            (b"\\u{61}lert", "alert"),
            (b"\\141lert", "alert"),
            (b"&#0000000040x", "(x"),
            ("http://①②⑦.⓪".as_bytes(), "http://127.0"),
            ("Ⓖoogle".as_bytes(), "google"),
        ] {
            let all = readings(spelt);
            assert!(all.iter().any(|read| read == plain), "{plain}: {all:?}");
        }
    }
}
