//! Logical lines and their words: `\` continues a line, `#` comments it out, `"` quotes a word.

use std::sync::Arc;

use crate::error::{LoadError, LoadErrorKind, Span};

/// One directive with its arguments, quotes removed.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) span: Span,
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
}

/// Splits a file into directives.
pub(crate) fn split_lines(file: &Arc<str>, text: &str) -> Result<Vec<Line>, LoadError> {
    let mut out = Vec::new();
    let mut pending = String::new();
    let mut start = 0;
    let mut last = 0;
    for (at, raw) in text.lines().enumerate() {
        last = at;
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        if pending.is_empty() {
            if raw.trim_start().starts_with('#') || raw.trim().is_empty() {
                continue;
            }
            start = at;
        }
        // A comment inside a continued directive is a comment, as in ModSecurity v3.
        if !pending.is_empty() && raw.trim_start().starts_with('#') {
            continue;
        }
        let piece = if pending.is_empty() {
            raw
        } else {
            raw.trim_start()
        };
        if let Some(head) = piece.strip_suffix('\\') {
            pending.push_str(head);
            if pending.is_empty() {
                pending.push(' ');
            }
            continue;
        }
        pending.push_str(piece);
        push(file, start, &pending, &mut out)?;
        pending.clear();
    }
    if !pending.trim().is_empty() {
        let span = Span {
            file: file.clone(),
            line: number(last),
        };
        return Err(LoadErrorKind::syntax("the file ends inside a continued line").at(&span));
    }
    Ok(out)
}

fn push(file: &Arc<str>, start: usize, text: &str, out: &mut Vec<Line>) -> Result<(), LoadError> {
    let span = Span {
        file: file.clone(),
        line: number(start),
    };
    let mut words = words(text).map_err(|kind| kind.at(&span))?.into_iter();
    if let Some(name) = words.next() {
        out.push(Line {
            span,
            name,
            args: words.collect(),
        });
    }
    Ok(())
}

fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn words(text: &str) -> Result<Vec<String>, LoadErrorKind> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            out.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
            continue;
        };
        let mut word = String::new();
        let mut chars = rest.char_indices().skip(1);
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                match chars.next() {
                    Some((_, next)) if next == quote => word.push(next),
                    Some((_, next)) => {
                        word.push('\\');
                        word.push(next);
                    }
                    None => word.push('\\'),
                }
            } else if c == quote {
                end = Some(at + c.len_utf8());
                break;
            } else {
                word.push(c);
            }
        }
        let Some(end) = end else {
            return Err(LoadErrorKind::syntax(format!(
                "quote {quote} is never closed"
            )));
        };
        out.push(word);
        let after = &rest[end..];
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            let stray: String = after.chars().take(20).collect();
            return Err(LoadErrorKind::syntax(format!(
                "text `{stray}` right after a closing quote"
            )));
        }
        rest = after.trim_start();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<Line> {
        split_lines(&Arc::from("t.conf"), text).unwrap()
    }

    #[test]
    fn continuation_comment_and_quotes() {
        let lines = parse(
            "# c\n\nSecRule ARGS \"@rx a\\\"b\\d\" \\\n  \"id:1,\\\n  # inner\n  phase:2\"\nSecMarker END\n",
        );
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].span.line, 3);
        assert_eq!(lines[0].args, ["ARGS", "@rx a\"b\\d", "id:1,phase:2"]);
        assert_eq!(lines[1].name, "SecMarker");
    }

    #[test]
    fn open_quote_is_an_error_with_its_line() {
        let err = split_lines(&Arc::from("t.conf"), "\nSecRule ARGS \"@rx").unwrap_err();
        assert_eq!(err.span.line, 2);
        assert!(err.to_string().contains("never closed"));
    }
}
