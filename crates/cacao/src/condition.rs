//! Conditions: the part of STIX patterning that CACAO uses on variables.
//!
//! `__grade__:value = 'high' AND NOT (__count__:value < 10 OR __ip__:value IN ('10.0.0.1', '10.0.0.2'))`

use std::net::IpAddr;

use regex::RegexBuilder;

use crate::model::{Variable, Variables};

/// A parsed condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition(Expr);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Test {
        name: String,
        negated: bool,
        operator: Operator,
        right: Vec<Operand>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Like,
    Matches,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Literal(String),
    Variable(String),
}

/// Why a condition can't be read or decided.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConditionError {
    /// Longer than 8 KiB.
    #[error("the condition is longer than 8 KiB")]
    Long,
    /// Nested deeper than 32, or more than 256 comparisons.
    #[error("the condition is too large")]
    Large,
    /// Not as the grammar wants it.
    #[error("at byte {at}: expected {wanted}")]
    Syntax {
        /// Byte in the condition.
        at: usize,
        /// What would have been right.
        wanted: &'static str,
    },
    /// The expression of MATCHES can't be used.
    #[error("MATCHES: {0}")]
    Pattern(String),
    /// The variable is not defined.
    #[error("variable {0} is not defined")]
    Undefined(String),
    /// The variable has no value yet.
    #[error("variable {0} has no value")]
    Unset(String),
    /// A value is not of the variable's type.
    #[error("{value:?} is not of type {type_} (variable {name})")]
    Value {
        /// The variable.
        name: String,
        /// Its type.
        type_: String,
        /// The value.
        value: String,
    },
    /// The type has no order.
    #[error("values of type {type_} (variable {name}) have no order")]
    Unordered {
        /// The variable.
        name: String,
        /// Its type.
        type_: String,
    },
}

impl Condition {
    /// Reads a condition. Square brackets around the whole, as STIX has them, are allowed.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        if text.len() > MAX_TEXT {
            return Err(ConditionError::Long);
        }
        let mut parser = Parser {
            text,
            at: 0,
            tests: 0,
        };
        let bracket = parser.take_symbol("[");
        let expr = parser.any(0)?;
        if bracket && !parser.take_symbol("]") {
            return parser.wrong("]");
        }
        parser.skip();
        if parser.at < text.len() {
            parser.wrong("AND, OR or the end")
        } else {
            Ok(Self(expr))
        }
    }

    /// Decides it. AND and OR stop at the first side that decides.
    pub fn evaluate(&self, variables: &Variables) -> Result<bool, ConditionError> {
        evaluate(&self.0, variables)
    }

    /// The variables that it speaks of.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect(&self.0, &mut names);
        names
    }
}

/// The variable of a reference such as `__x__:value` (or `__x__`).
pub fn reference(text: &str) -> Option<&str> {
    let name = text.strip_suffix(":value").unwrap_or(text);
    is_name(name).then_some(name)
}

/// Whether the text is a variable's name: `__letters__`.
pub fn is_name(name: &str) -> bool {
    let Some(inner) = name
        .strip_prefix("__")
        .and_then(|rest| rest.strip_suffix("__"))
    else {
        return false;
    };
    let first = inner
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first
        && inner.len() <= 200
        && inner
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Every `__x__:value` within a text.
pub fn references_in(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(":value") {
        let head = &text[..at];
        let start = head
            .bytes()
            .rposition(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')))
            .map_or(0, |n| n + 1);
        let word = &head[start..];
        if let Some(name) = word
            .find("__")
            .map(|n| &word[n..])
            .filter(|name| is_name(name))
        {
            found.push(name);
        }
    }
    found
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    tests: usize,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Expr, ConditionError> {
        let mut sides = vec![self.all(depth)?];
        while self.take_word("OR") {
            sides.push(self.all(depth)?);
        }
        Ok(if sides.len() == 1 {
            sides.remove(0)
        } else {
            Expr::Any(sides)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Expr, ConditionError> {
        let mut sides = vec![self.one(depth)?];
        while self.take_word("AND") {
            sides.push(self.one(depth)?);
        }
        Ok(if sides.len() == 1 {
            sides.remove(0)
        } else {
            Expr::All(sides)
        })
    }

    fn one(&mut self, depth: usize) -> Result<Expr, ConditionError> {
        if depth > MAX_DEPTH {
            return Err(ConditionError::Large);
        }
        if self.take_word("NOT") {
            return Ok(Expr::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take_symbol("(") {
            let inner = self.any(depth + 1)?;
            return if self.take_symbol(")") {
                Ok(inner)
            } else {
                self.wrong(")")
            };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Expr, ConditionError> {
        self.tests += 1;
        if self.tests > MAX_TESTS {
            return Err(ConditionError::Large);
        }
        let Some(name) = self.variable() else {
            return self.wrong("a variable such as __name__:value");
        };
        let negated = self.take_word("NOT");
        let symbols = [
            ("!=", Operator::Equal, true),
            ("<>", Operator::Equal, true),
            ("<=", Operator::LessOrEqual, false),
            (">=", Operator::GreaterOrEqual, false),
            ("=", Operator::Equal, false),
            ("<", Operator::Less, false),
            (">", Operator::Greater, false),
        ];
        for (symbol, operator, not) in symbols {
            if self.take_symbol(symbol) {
                let right = vec![self.operand()?];
                return Ok(Expr::Test {
                    name,
                    negated: negated != not,
                    operator,
                    right,
                });
            }
        }
        if self.take_word("IN") {
            if !self.take_symbol("(") {
                return self.wrong("(");
            }
            let mut right = vec![self.operand()?];
            while self.take_symbol(",") {
                right.push(self.operand()?);
            }
            if !self.take_symbol(")") {
                return self.wrong(", or )");
            }
            return Ok(Expr::Test {
                name,
                negated,
                operator: Operator::In,
                right,
            });
        }
        for (word, operator) in [("LIKE", Operator::Like), ("MATCHES", Operator::Matches)] {
            if self.take_word(word) {
                let operand = self.operand()?;
                let Operand::Literal(text) = &operand else {
                    return self.wrong("a text in quotes");
                };
                if operator == Operator::Matches {
                    pattern(text)?;
                }
                return Ok(Expr::Test {
                    name,
                    negated,
                    operator,
                    right: vec![operand],
                });
            }
        }
        self.wrong("=, !=, <, <=, >, >=, IN, LIKE or MATCHES")
    }

    fn operand(&mut self) -> Result<Operand, ConditionError> {
        if let Some(name) = self.variable() {
            return Ok(Operand::Variable(name));
        }
        self.skip();
        let rest = &self.text[self.at..];
        if rest.starts_with('\'') {
            let mut text = String::new();
            let mut chars = rest.char_indices().skip(1);
            while let Some((n, c)) = chars.next() {
                match c {
                    '\'' => {
                        self.at += n + 1;
                        return Ok(Operand::Literal(text));
                    }
                    '\\' => match chars.next() {
                        Some((_, c @ ('\\' | '\''))) => text.push(c),
                        Some((_, c)) => text.extend(['\\', c]),
                        None => break,
                    },
                    c => text.push(c),
                }
            }
            return self.wrong("a closing quote");
        }
        let word: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
            .collect();
        let number = word.parse::<f64>().is_ok_and(f64::is_finite)
            && word.bytes().any(|b| b.is_ascii_digit());
        if number || ["true", "false"].contains(&&word[..]) {
            self.at += word.len();
            return Ok(Operand::Literal(word));
        }
        self.wrong("a text in quotes, a number, true, false or a variable")
    }

    fn variable(&mut self) -> Option<String> {
        self.skip();
        let rest = &self.text[self.at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        if !is_name(name) {
            return None;
        }
        self.at += end;
        if self.text[self.at..].starts_with(":value") {
            self.at += ":value".len();
        }
        Some(name.to_owned())
    }

    fn skip(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        self.skip();
        let found = self.text[self.at..].starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip();
        let rest = &self.text[self.at..];
        let head = rest
            .get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word));
        let found = head
            && !rest[word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn wrong<T>(&self, wanted: &'static str) -> Result<T, ConditionError> {
        Err(ConditionError::Syntax {
            at: self.at,
            wanted,
        })
    }
}

fn evaluate(expr: &Expr, variables: &Variables) -> Result<bool, ConditionError> {
    match expr {
        Expr::Any(sides) => {
            for side in sides {
                if evaluate(side, variables)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Expr::All(sides) => {
            for side in sides {
                if !evaluate(side, variables)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Expr::Not(inner) => evaluate(inner, variables).map(|truth| !truth),
        Expr::Test {
            name,
            negated,
            operator,
            right,
        } => {
            let variable = variables
                .get(name)
                .ok_or_else(|| ConditionError::Undefined(name.clone()))?;
            let left = value(name, variable)?;
            let mut truth = false;
            for operand in right {
                let text = match operand {
                    Operand::Literal(text) => text,
                    Operand::Variable(other) => {
                        let other_variable = variables
                            .get(other)
                            .ok_or_else(|| ConditionError::Undefined(other.clone()))?;
                        value(other, other_variable)?
                    }
                };
                truth = truth || test(name, variable, left, *operator, text)?;
            }
            Ok(truth != *negated)
        }
    }
}

fn value<'a>(name: &str, variable: &'a Variable) -> Result<&'a str, ConditionError> {
    variable
        .value()
        .ok_or_else(|| ConditionError::Unset(name.to_owned()))
}

fn test(
    name: &str,
    variable: &Variable,
    left: &str,
    operator: Operator,
    right: &str,
) -> Result<bool, ConditionError> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match operator {
        Operator::Like => return Ok(like(left, right)),
        Operator::Matches => {
            let left = left.get(..MAX_VALUE).unwrap_or(left);
            return Ok(pattern(right)?.is_match(left));
        }
        _ => {}
    }
    let type_ = &variable.type_[..];
    let bad = |value: &str| ConditionError::Value {
        name: name.into(),
        type_: type_.into(),
        value: value.chars().take(80).collect(),
    };
    let order = match type_ {
        "integer" | "long" => {
            let one = |text: &str| text.trim().parse::<i128>().map_err(|_| bad(text));
            Some(one(left)?.cmp(&one(right)?))
        }
        "float" => {
            let one = |text: &str| {
                text.trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|f| f.is_finite())
                    .ok_or_else(|| bad(text))
            };
            one(left)?.partial_cmp(&one(right)?)
        }
        "string" | "uri" | "dictionary" => Some(left.cmp(right)),
        _ => None,
    };
    let Some(order) = order else {
        let same = match type_ {
            "bool" => {
                let one = |text: &str| match &text.to_ascii_lowercase()[..] {
                    "true" => Ok(true),
                    "false" => Ok(false),
                    _ => Err(bad(text)),
                };
                one(left)? == one(right)?
            }
            "ipv4-addr" | "ipv6-addr" => {
                let one = |text: &str| text.parse::<IpAddr>().map_err(|_| bad(text));
                one(left)? == one(right)?
            }
            "mac-addr" | "hash" | "md5-hash" | "sha256-hash" | "hexstring" | "uuid" => {
                left.eq_ignore_ascii_case(right)
            }
            _ => left == right,
        };
        return match operator {
            Operator::Equal | Operator::In => Ok(same),
            _ => Err(ConditionError::Unordered {
                name: name.into(),
                type_: type_.into(),
            }),
        };
    };
    Ok(match operator {
        Operator::Less => order == Less,
        Operator::LessOrEqual => order != Greater,
        Operator::Greater => order == Greater,
        Operator::GreaterOrEqual => order != Less,
        _ => order == Equal,
    })
}

/// `%` stands for any run of characters, `_` for one.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (
        text.chars().take(MAX_VALUE).collect(),
        pattern.chars().collect(),
    );
    let (mut t, mut p, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '_' || *c == text[t] => {
                t += 1;
                p += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

/// Linear in the value's length whatever the expression; the compiled size is bounded.
fn pattern(text: &str) -> Result<regex::Regex, ConditionError> {
    if text.len() > 1024 {
        return Err(ConditionError::Pattern("longer than 1 KiB".into()));
    }
    let built = RegexBuilder::new(text)
        .size_limit(1 << 18)
        .dfa_size_limit(1 << 18)
        .nest_limit(50)
        .build();
    built.map_err(|e| {
        ConditionError::Pattern(e.to_string().lines().last().unwrap_or_default().to_owned())
    })
}

fn collect<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) {
    match expr {
        Expr::Any(sides) | Expr::All(sides) => sides.iter().for_each(|side| collect(side, names)),
        Expr::Not(inner) => collect(inner, names),
        Expr::Test { name, right, .. } => {
            names.push(name);
            names.extend(right.iter().filter_map(|operand| match operand {
                Operand::Variable(name) => Some(&name[..]),
                Operand::Literal(_) => None,
            }));
        }
    }
}

const MAX_TEXT: usize = 8192;
const MAX_DEPTH: usize = 32;
const MAX_TESTS: usize = 256;
const MAX_VALUE: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn variables() -> Variables {
        let all = [
            ("__grade__", "string", "high"),
            ("__count__", "integer", "12"),
            ("__limit__", "long", "9"),
            ("__ratio__", "float", "0.5"),
            ("__open__", "bool", "True"),
            ("__ip__", "ipv6-addr", "2001:db8::1"),
            ("__hash__", "md5-hash", "AABB"),
            ("__text__", "string", "it's 导出 50%"),
        ];
        let mut all: Variables = all
            .into_iter()
            .map(|(n, t, v)| (n.to_owned(), Variable::new(t, v)))
            .collect();
        all.insert(
            "__none__".into(),
            Variable {
                type_: "string".into(),
                value: Some(None),
                ..Variable::default()
            },
        );
        all
    }

    fn ask(text: &str) -> Result<bool, ConditionError> {
        Condition::parse(text)?.evaluate(&variables())
    }

    #[test]
    fn decides() {
        let yes = [
            "__grade__:value = 'high'",
            "[__grade__:value = 'high']",
            "__grade__ != 'low'",
            "__grade__:value NOT = 'low'",
            "__count__:value > 9",
            "__count__:value > '9'",
            "__count__:value >= __limit__:value",
            "__ratio__:value <= 0.5",
            "__open__:value = true",
            "__ip__:value = '2001:0db8:0:0::1'",
            "__hash__:value = 'aabb'",
            "__grade__:value IN ('low', 'high')",
            "__grade__:value NOT IN ('low', 'medium')",
            "__grade__:value LIKE 'h%_h'",
            "__grade__:value MATCHES '^h.gh$'",
            "__text__:value = 'it\\'s 导出 50%'",
            "__text__:value LIKE '%导出%'",
            "not (__count__:value = 1 or __grade__:value = 'low') AND __open__:value = true",
            "__grade__:value = 'low' AND __count__:value = 1 OR __count__:value = 12",
            "__grade__:value = 'high' OR __missing__:value = 1",
        ];
        for text in yes {
            assert_eq!(ask(text), Ok(true), "{text}");
            assert_eq!(
                ask(&format!("NOT ({})", text.trim_matches(['[', ']']))),
                Ok(false),
                "{text}"
            );
        }
    }

    #[test]
    fn says_why_it_cannot_decide() {
        assert_eq!(
            ask("__missing__:value = 1"),
            Err(ConditionError::Undefined("__missing__".into()))
        );
        assert_eq!(
            ask("__none__:value = 'x'"),
            Err(ConditionError::Unset("__none__".into()))
        );
        assert!(matches!(
            ask("__count__:value = 'many'"),
            Err(ConditionError::Value { .. })
        ));
        assert!(matches!(
            ask("__open__:value > true"),
            Err(ConditionError::Unordered { .. })
        ));
        assert!(matches!(
            ask("__grade__:value MATCHES '('"),
            Err(ConditionError::Pattern(_))
        ));
        assert!(matches!(
            ask("__grade__:value MATCHES '(\\w{100}){100}'"),
            Err(ConditionError::Pattern(_))
        ));
        for (text, at) in [
            ("", 0),
            ("x = 1", 0),
            ("__grade__:value", 15),
            ("__grade__:value = ", 18),
            ("__grade__:value = 'a", 18),
            ("(__grade__:value = 'a'", 22),
            ("__count__ = 1 1", 14),
        ] {
            assert!(
                matches!(ask(text), Err(ConditionError::Syntax { at: found, .. }) if found == at),
                "{text}: {:?}",
                ask(text)
            );
        }
        assert_eq!(
            ask(&format!("{}__count__ = 1", "(".repeat(100))),
            Err(ConditionError::Large)
        );
        assert_eq!(ask(&"NOT ".repeat(100)), Err(ConditionError::Large));
        assert_eq!(ask(&" ".repeat(9000)), Err(ConditionError::Long));
    }

    #[test]
    fn finds_references() {
        assert_eq!(
            references_in("look up __a__:value, then x__b-1__:value; not c:value"),
            ["__a__", "__b-1__"]
        );
        assert_eq!(reference("__a__:value"), Some("__a__"));
        assert_eq!(reference("__a"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[\\PC'()=<>!_a-zA-Z: ]{0,80}") {
            if let Ok(condition) = Condition::parse(&text) {
                let _ = condition.evaluate(&variables());
            }
            let _ = references_in(&text);
        }

        #[test]
        fn like_agrees_with_a_regular_expression(text in "[ab%]{0,8}", pattern in "[ab%_]{0,6}") {
            let expression = format!("^(?s){}$", pattern.replace('%', ".*").replace('_', "."));
            prop_assert_eq!(like(&text, &pattern), regex::Regex::new(&expression).unwrap().is_match(&text));
        }
    }
}
