//! Whole statements, queries in brackets, and comments that count for one server only.

use super::parser::{Met, Parser};
use super::tokens::{Token, tokens};
use super::words::{STATEMENTS, TELLING};
use crate::structure::{Weight, wide, words};

/// `/*!50000union*/`: nobody but an attacker hides these.
pub(super) fn conditional(text: &str) -> Option<Weight> {
    text.match_indices("/*!")
        .any(|(at, _)| {
            let inner = text[at + 3..].trim_start_matches(|c: char| c.is_ascii_digit());
            ["union", "select", "and ", "or ", "sleep", "concat"]
                .iter()
                .any(|word| inner.starts_with(word))
        })
        .then_some(Weight::Strong)
}

/// `amount desc, (select * from (select sleep(4)) x)`: a query in brackets where a name or a list was expected.
pub(super) fn subquery(text: &str) -> Option<Weight> {
    if wide(text) || text.len() > 600 || words(text.split('(').next()?) > 4 {
        return None;
    }
    // A whole statement may hold others; a report that someone writes does.
    let begin = text.trim_start();
    let whole = STATEMENTS.iter().chain(&["with"]).any(|verb| {
        begin
            .strip_prefix(verb)
            .is_some_and(|rest| rest.starts_with(char::is_whitespace))
    });
    if whole {
        return None;
    }
    let list = tokens(text)?;
    for at in 0..list.len() {
        if list[at] != Token::Open || list.get(at + 1) != Some(&Token::Word("select")) {
            continue;
        }
        let mut parser = Parser {
            tokens: &list,
            at: at + 1,
            depth: 0,
            outside: false,
            listed: false,
            met: Met::default(),
        };
        let from = list[at..].contains(&Token::Word("from"));
        if parser.select().is_some()
            && parser.peek() == Some(Token::Close)
            && (from || parser.met.danger || parser.met.probe)
        {
            return Some(Weight::Strong);
        }
    }
    None
}

pub(super) fn unconditional(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/*!") {
        out.push_str(&rest[..at]);
        rest = rest[at..]
            .find("*/")
            .map_or("", |end| &rest[at + end + 2..]);
    }
    out + rest
}

/// A whole statement that asks or does what no application's own does.
pub(super) fn statement(text: &str) -> Option<Weight> {
    if text.contains("procedure analyse(") {
        return Some(Weight::Strong);
    }
    let mut begin = text;
    loop {
        begin = begin.trim_start_matches(|c: char| {
            c.is_whitespace() || c.is_ascii_digit() || "('\";)".contains(c)
        });
        match begin
            .strip_prefix("/*")
            .and_then(|rest| rest.split_once("*/"))
        {
            Some((_, behind)) => begin = behind,
            None => break,
        }
    }
    let verb = STATEMENTS.iter().any(|verb| {
        begin.strip_prefix(verb).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '(' | '/' | '*' | '@'))
        })
    });
    if !verb || wide(text) {
        return None;
    }
    let sure = text.contains("waitfor delay") || TELLING.iter().any(|piece| text.contains(piece));
    (sure && tokens(text).is_some()).then_some(Weight::Strong)
}
