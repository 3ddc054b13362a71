//! Pieces of queries for stores that speak no SQL: documents, directories, XML.

use crate::structure::phrases::phrases;
use crate::structure::{Weight, head, words};

/// Operators and calls of document databases: `[$ne]`, `$where: …`, `db.users.find(`.
pub(super) fn document_query(text: &str) -> bool {
    let begin = head(text, 30);
    let quoted = text.contains('"');
    let operator = text.match_indices('$').take(40).any(|(at, _)| {
        let rest = &text[at + 1..];
        let name = &rest[..rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len())];
        let tail = rest[name.len()..]
            .trim_start_matches(['"', '\''])
            .trim_start();
        let named = |names: &[&str]| names.contains(&name);
        let before = text[..at].trim_end_matches(['"', '\'']).chars().next_back();
        // `$where: MemberFilter` is a variable of GraphQL.
        let code = tail
            .strip_prefix(':')
            .is_some_and(|value| value.trim_start().starts_with(['\'', '"', '`', 'f', '(']))
            && !tail[1..].trim_start().starts_with("float");
        // Lists of conditions are how some shops' own interfaces filter.
        let listing = ["filter", "where", "query", "match", "conditions"]
            .iter()
            .any(|word| begin.contains(word));
        let near = &text[text.floor_char_boundary(at.saturating_sub(24))..at];
        let who = [
            "user", "pass", "pwd", "login", "token", "secret", "otp", "_id",
        ]
        .iter()
        .any(|word| near.contains(word));
        let nothing = tail
            .strip_prefix(':')
            .is_some_and(|value| value.trim_start().starts_with("null"));
        let last = tail.is_empty() && before == Some('.');
        let asks = named(&["ne", "nin", "regex", "exists", "where"]);
        let compares = named(&["gt", "gte", "lt", "lte", "in"]);
        if last || tail.starts_with(']') && before == Some('[') {
            let who = who
                || [
                    "mobile", "phone", "code", "email", "account", "name", "role",
                ]
                .iter()
                .any(|word| near.contains(word));
            return named(&["where"]) || !listing && (asks || compares && who);
        }
        if named(&["function", "accumulator"])
            && (tail.starts_with(':') || tail.starts_with('.') && before == Some('.'))
        {
            return true;
        }
        named(&["where"]) && (code || tail.starts_with('='))
            || named(&["or", "and", "nor"])
                && !text[..at].ends_with('"')
                && tail.starts_with(':')
                && tail[1..].trim_start().starts_with('[')
            || (asks || compares)
                && (who || nothing || !quoted)
                && tail.starts_with(':')
                && before.is_none_or(|c| matches!(c, '{' | ',' | ' '))
    });
    let call = text.strip_prefix("db.").or_else(|| {
        text.find([';', '\'', '"'])
            .and_then(|at| text[at + 1..].trim_start().strip_prefix("db."))
    });
    let call = call.is_some_and(|rest| {
        phrases![
            ".insert(",
            ".insertone(",
            ".find(",
            ".findone(",
            ".remove(",
            ".drop(",
            ".update(",
            ".aggregate(",
            ".mapreduce(",
            ".deletemany(",
            ".dropdatabase(",
            ".getcollectionnames(",
        ]
        .stand_in(rest)
    });
    operator
        || call
        || text.contains("||'1'=='1")
        || text.contains("this.password.match(")
        || text.contains("'||'a'=='a")
        || text.contains("' || 'a'=='a")
}

/// LDAP and XPath: `*)(uid=*))(|(uid=*`, `' or count(/*)=1 or 'a'='b`.
pub(super) fn directory(text: &str) -> Option<Weight> {
    if text.ends_with(")(&)") || text.ends_with(")(|)") {
        return Some(Weight::Strong);
    }
    // XPath, which SQL's reader doesn't know.
    let axes = phrases![
        "string-length(",
        "name(parent::",
        "parent::*",
        "child::",
        "doc(concat(",
        "doc(\"http",
        "doc('http",
        "encode-for-uri(",
        "] | //",
        "]|//",
        "node()",
        "text()",
        "count(/",
        "substring(//",
        "position()=",
    ];
    if axes.stand_in(text)
        && phrases![" or ", " and ", "|"].stand_in(text)
        && text.contains(['\'', '"', ']'])
        && text.len() < 400
    {
        return Some(Weight::Strong);
    }
    let ldap = [
        "*)(",
        ")(|(",
        ")(&(",
        ")(uid=",
        ")(cn=",
        ")(!(",
        "*))%00",
        "*)(objectclass",
    ];
    let found = if text.contains(['*', ')']) {
        ldap.iter().filter(|piece| text.contains(**piece)).count()
    } else {
        0
    };
    let (mut opened, mut closed) = (0_usize, 0_usize);
    for byte in text.bytes() {
        opened += usize::from(byte == b'(');
        closed += usize::from(byte == b')');
    }
    let balanced = opened.abs_diff(closed);
    if (found >= 2 || found == 1 && balanced >= 1)
        && text.contains('=')
        && text.len() < 300
        && !text.contains("function")
    {
        return Some(Weight::Strong);
    }
    // A whole filter, and a comparison by the number of its rule (RFC 4515, section 3).
    let filter = ["(&(", "(|(", "(!("]
        .iter()
        .any(|open| text.trim_start_matches('*').starts_with(open))
        && balanced == 0
        && text.ends_with("))")
        && text.contains('=')
        && !text.contains([' ', ';', '{']);
    let ruled = text
        .find(":2.5.13.")
        .or_else(|| text.find(":1.2.840.113556.1.4."))
        .is_some_and(|at| text[at..].contains(":="))
        && words(text) < 5;
    (filter || ruled).then_some(Weight::Strong)
}
