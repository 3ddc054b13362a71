//! The root fields of a GraphQL document: what it asks for, whatever aliases and fragments call it.

use std::collections::{BTreeSet, HashMap};

/// Longest document, in bytes.
const LONGEST: usize = 256 * 1024;
/// Deepest nesting of fragments at the root.
const DEEPEST: usize = 16;

/// The root fields of every operation, sorted; `None` when the document can't be read.
pub(crate) fn root_fields(document: &str) -> Option<Vec<String>> {
    if document.len() > LONGEST {
        return None;
    }
    let tokens = tokens(document)?;
    let mut reader = Tokens {
        tokens: &tokens,
        at: 0,
    };
    let mut operations = Vec::new();
    let mut fragments: HashMap<&str, Vec<Selected<'_>>> = HashMap::new();
    while let Some(token) = reader.next() {
        match token {
            Token::Mark(b'{') => operations.extend(reader.selection()?),
            Token::Name("query" | "mutation" | "subscription") => {
                reader.skip_to_selection()?;
                operations.extend(reader.selection()?);
            }
            Token::Name("fragment") => {
                let Some(Token::Name(name)) = reader.next() else {
                    return None;
                };
                reader.skip_to_selection()?;
                let selection = reader.selection()?;
                if fragments.insert(name, selection).is_some() {
                    return None;
                }
            }
            _ => return None,
        }
    }
    let mut fields = BTreeSet::new();
    gather(&operations, &fragments, 0, &mut fields)?;
    (!fields.is_empty()).then(|| fields.into_iter().map(str::to_owned).collect())
}

fn gather<'a>(
    selection: &[Selected<'a>],
    fragments: &HashMap<&str, Vec<Selected<'a>>>,
    depth: usize,
    fields: &mut BTreeSet<&'a str>,
) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    for selected in selection {
        match selected {
            Selected::Field(name) => {
                fields.insert(name);
            }
            Selected::Spread(name) => gather(fragments.get(name)?, fragments, depth + 1, fields)?,
        }
    }
    Some(())
}

#[derive(Clone)]
enum Selected<'a> {
    Field(&'a str),
    Spread(&'a str),
}

#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    Mark(u8),
    Spread,
    Value,
}

struct Tokens<'a, 't> {
    tokens: &'t [Token<'a>],
    at: usize,
}

impl<'a> Tokens<'a, '_> {
    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    /// Steps over name, variables and directives to just behind the `{` of the selection. Braces inside
    /// parentheses belong to default values.
    fn skip_to_selection(&mut self) -> Option<()> {
        let mut parentheses = 0_usize;
        loop {
            match self.next()? {
                Token::Mark(b'(') => parentheses += 1,
                Token::Mark(b')') => parentheses = parentheses.checked_sub(1)?,
                Token::Mark(b'{') if parentheses == 0 => return Some(()),
                _ => {}
            }
        }
    }

    /// Reads the fields of a selection whose `{` has been taken; deeper selections are skipped, inline fragments
    /// belong to this one.
    fn selection(&mut self) -> Option<Vec<Selected<'a>>> {
        let mut selected = Vec::new();
        let mut inline = 0_usize;
        loop {
            match self.next()? {
                Token::Mark(b'}') if inline == 0 => return Some(selected),
                Token::Mark(b'}') => inline -= 1,
                Token::Spread => match self.peek()? {
                    Token::Name(name) if name != "on" => {
                        self.at += 1;
                        selected.push(Selected::Spread(name));
                        self.arguments()?;
                    }
                    _ => {
                        self.skip_to_selection()?;
                        inline += 1;
                    }
                },
                Token::Name(name) => {
                    let mut field = name;
                    if self.peek() == Some(Token::Mark(b':')) {
                        self.at += 1;
                        let Some(Token::Name(real)) = self.next() else {
                            return None;
                        };
                        field = real;
                    }
                    selected.push(Selected::Field(field));
                    self.arguments()?;
                    if self.peek() == Some(Token::Mark(b'{')) {
                        self.at += 1;
                        self.skip_braces()?;
                    }
                }
                _ => return None,
            }
        }
    }

    /// Steps over arguments and directives.
    fn arguments(&mut self) -> Option<()> {
        loop {
            match self.peek() {
                Some(Token::Mark(b'(')) => {
                    let mut depth = 0_usize;
                    loop {
                        match self.next()? {
                            Token::Mark(b'(') => depth += 1,
                            Token::Mark(b')') => depth -= 1,
                            _ => {}
                        }
                        if depth == 0 {
                            break;
                        }
                    }
                }
                Some(Token::Mark(b'@')) => {
                    self.at += 1;
                    let Some(Token::Name(_)) = self.next() else {
                        return None;
                    };
                }
                _ => return Some(()),
            }
        }
    }

    fn skip_braces(&mut self) -> Option<()> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                Token::Mark(b'{') => depth += 1,
                Token::Mark(b'}') => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }
}

fn tokens(document: &str) -> Option<Vec<Token<'_>>> {
    let bytes = document.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => at += 1,
            0xEF if bytes[at..].starts_with(b"\xEF\xBB\xBF") => at += 3,
            b'#' => {
                while at < bytes.len() && !matches!(bytes[at], b'\n' | b'\r') {
                    at += 1;
                }
            }
            b'"' => {
                at = string_end(bytes, at)?;
                found.push(Token::Value);
            }
            b'.' if bytes[at..].starts_with(b"...") => {
                at += 3;
                found.push(Token::Spread);
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let start = at;
                while at < bytes.len() && (bytes[at] == b'_' || bytes[at].is_ascii_alphanumeric()) {
                    at += 1;
                }
                found.push(Token::Name(&document[start..at]));
            }
            b'0'..=b'9' | b'-' => {
                while at < bytes.len()
                    && matches!(bytes[at], b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
                {
                    at += 1;
                }
                found.push(Token::Value);
            }
            mark @ (b'{' | b'}' | b'(' | b')' | b'[' | b']' | b':' | b'=' | b'!' | b'$' | b'@'
            | b'|' | b'&') => {
                at += 1;
                found.push(Token::Mark(mark));
            }
            _ => return None,
        }
    }
    Some(found)
}

fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes[start..].starts_with(b"\"\"\"") {
        let mut at = start + 3;
        loop {
            if bytes.get(at..)?.starts_with(b"\\\"\"\"") {
                at += 4;
            } else if bytes[at..].starts_with(b"\"\"\"") {
                return Some(at + 3);
            } else {
                at += 1;
            }
        }
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            b'\n' | b'\r' => return None,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_fields_are_found_behind_aliases_fragments_and_strings() {
        let cases: [(&str, &[&str]); 6] = [
            ("{ people { id } }", &["people"]),
            (
                "query Q($a: In = {x: 1}) @d(x: \"}\") { harmless: people(first: 10) { name } }",
                &["people"],
            ),
            (
                "query { ...F } fragment F on Query { people { id } companies { id } }",
                &["companies", "people"],
            ),
            (
                "{ ... on Query { people { id } } other }",
                &["other", "people"],
            ),
            (
                "query A { a } mutation B { b(x: \"\"\"}{\"\"\") { c } }",
                &["a", "b"],
            ),
            ("# { x }\n{ __schema { types { name } } }", &["__schema"]),
        ];
        for (document, expected) in cases {
            assert_eq!(root_fields(document).unwrap(), expected, "{document}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_said_so() {
        for document in [
            "",
            "{",
            "{ a",
            "query",
            "{ ...F }",
            "fragment F on Q { ...F } { ...F }",
            "{ a ¤ }",
            "\"",
            "{a}}",
        ] {
            assert!(root_fields(document).is_none(), "{document}");
        }
    }
}
