//! A text as the tokens of SQL that dialects share.

/// Longest text that is parsed, in tokens.
const MOST_TOKENS: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'t> {
    Number,
    /// A string, and whether it is closed.
    Text(&'t str, u8, bool),
    Word(&'t str),
    Op(&'t str),
    Open,
    Close,
    Comma,
    Semicolon,
    /// A comment that hides the rest.
    Rest,
    Odd,
}

pub(super) fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if out.len() > MOST_TOKENS {
            return None;
        }
        let byte = bytes[at];
        let rest = &text[at..];
        if byte.is_ascii_whitespace() || byte == 0x0b || byte == 0 {
            at += 1;
        } else if rest.starts_with(['\u{a0}', '\u{fffd}']) || rest.starts_with('\u{3000}') {
            at += rest.chars().next().map_or(1, char::len_utf8);
        } else if rest.starts_with("/*!") {
            at += 3;
            while at < bytes.len() && bytes[at].is_ascii_digit() {
                at += 1;
            }
        } else if rest.starts_with("*/") {
            at += 2;
        } else if let Some(inner) = rest.strip_prefix("/*") {
            match inner.find("*/") {
                Some(end) => at += end + 4,
                None => {
                    out.push(Token::Rest);
                    break;
                }
            }
        } else if rest.starts_with("--") || byte == b'#' || rest.starts_with(";%00") {
            // A line comment: hides the rest of the line; what follows on the next counts.
            out.push(Token::Rest);
            match rest.find('\n') {
                Some(end) if rest[end..].trim().len() > 1 => {
                    out.pop();
                    at += end;
                }
                _ => break,
            }
        } else if matches!(byte, b'\'' | b'"' | b'`') {
            let mut end = at + 1;
            loop {
                match bytes.get(end) {
                    None => break,
                    Some(b'\\') if byte != b'`' => end += 2,
                    Some(next) if *next == byte => {
                        if bytes.get(end + 1) == Some(&byte) {
                            end += 2;
                        } else {
                            break;
                        }
                    }
                    Some(_) => end += 1,
                }
            }
            let closed = end < bytes.len();
            let stop = end.min(bytes.len());
            let inner = text.get(at + 1..stop).unwrap_or_default();
            if byte == b'`' && closed {
                out.push(Token::Word("`"));
            } else {
                out.push(Token::Text(inner, byte, closed));
            }
            at = end + 1;
        } else if byte.is_ascii_digit()
            || (byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
        {
            let from = at;
            let mut passed = false;
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'.') {
                // `1e0union` is 1e0 and union to MySQL.
                if bytes[at].is_ascii_alphabetic() {
                    let tail = &text[at..];
                    let hex = text[from..at].starts_with('0')
                        && (at == from + 1 || text[from..].starts_with("0x"));
                    let exponent =
                        bytes[at] == b'e' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
                    // MySQL passes over `1.e` before a bracket or a name.
                    if !hex
                        && !exponent
                        && bytes[at] == b'e'
                        && text[from..at].ends_with('.')
                        && matches!(bytes.get(at + 1), Some(b'(' | b'.'))
                    {
                        at += 1;
                        passed = true;
                        break;
                    }
                    if !hex && !exponent {
                        let word: String =
                            tail.chars().take_while(char::is_ascii_alphabetic).collect();
                        if !matches!(
                            word.as_str(),
                            "union" | "and" | "or" | "div" | "xor" | "like" | "order"
                        ) {
                            // Letters and digits mixed: an identifier or nothing.
                            while at < bytes.len()
                                && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_')
                            {
                                at += 1;
                            }
                            out.push(Token::Odd);
                        }
                        break;
                    }
                }
                at += 1;
            }
            if !passed && (out.last() != Some(&Token::Odd) || at == from) {
                out.push(Token::Number);
            }
            if at == from {
                at += 1;
            }
        } else if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@' | b'$') {
            let from = at;
            while at < bytes.len()
                && (bytes[at].is_ascii_alphanumeric() || matches!(bytes[at], b'_' | b'@' | b'$'))
            {
                at += 1;
            }
            out.push(Token::Word(&text[from..at]));
        } else if byte >= 0x80 {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            at += len;
            if out.last() != Some(&Token::Odd) {
                out.push(Token::Odd);
            }
        } else {
            let three = rest.get(..3).unwrap_or_default();
            let two = rest.get(..2).unwrap_or_default();
            let op = if three == "<=>" {
                three
            } else if matches!(
                two,
                "<>" | "!="
                    | "<="
                    | ">="
                    | "||"
                    | "&&"
                    | "<<"
                    | ">>"
                    | "=="
                    | "::"
                    | ":="
                    | "!~"
                    | "<@"
                    | "->"
                    | "~*"
            ) {
                two
            } else {
                &rest[..1]
            };
            at += op.len();
            out.push(match op {
                "(" => Token::Open,
                ")" => Token::Close,
                "," => Token::Comma,
                ";" => Token::Semicolon,
                "=" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "|" | "&" | "^" | "~" | "!"
                | "." | "<@" | "->" | "<=>" | "<>" | "!=" | "<=" | ">=" | "||" | "&&" | "<<"
                | ">>" | "==" | "::" | ":=" | "!~" | "~*" => Token::Op(op),
                _ => Token::Odd,
            });
        }
    }
    Some(out)
}
