//! Maven: "Version Order Specification" of the POM reference.

use std::cmp::Ordering;

use super::number::{Number, digits};
use super::order::by_cmp;

/// Qualifiers with a place; the empty one is the release. Others come after `sp`, by the alphabet.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// Tokens with what stood before each, without those that change nothing.
#[derive(Clone, Debug)]
pub(super) struct Key(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    hyphen: bool,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(Number),
    Word(String),
}

impl Key {
    pub(super) fn read(text: &str) -> Self {
        let text = text.to_lowercase();
        let mut tokens = Vec::new();
        let mut rest = text.as_str();
        let mut hyphen = false;
        loop {
            let (token, after) = if rest.starts_with(|c: char| c.is_ascii_digit()) {
                digits(rest)
            } else {
                let end = rest
                    .find(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
                    .unwrap_or(rest.len());
                rest.split_at(end)
            };
            let before_digit = after.starts_with(|c: char| c.is_ascii_digit());
            tokens.push(Token {
                hyphen,
                value: Value::of(token, before_digit),
            });
            let Some(next) = after.chars().next() else {
                break;
            };
            // A change from digits to others stands for a hyphen.
            hyphen = next != '.';
            rest = after.strip_prefix(['.', '-', '_']).unwrap_or(after);
        }
        trim(&mut tokens);
        Self(tokens)
    }
}

impl Value {
    fn of(token: &str, before_digit: bool) -> Self {
        if token.is_empty() || token.starts_with(|c: char| c.is_ascii_digit()) {
            return Self::Number(Number::of(token));
        }
        let word = match token {
            "a" if before_digit => "alpha",
            "b" if before_digit => "beta",
            "m" if before_digit => "milestone",
            "cr" => "rc",
            "final" | "ga" | "release" => "",
            other => other,
        };
        Self::Word(word.to_owned())
    }

    fn is_null(&self) -> bool {
        match self {
            Self::Number(number) => number.is_zero(),
            Self::Word(word) => word.is_empty(),
        }
    }
}

/// Takes null values off the end, and off the place before each hyphen.
fn trim(tokens: &mut Vec<Token>) {
    let mut end = tokens.len();
    while end > 0 {
        while end > 1 && tokens[end - 1].value.is_null() {
            tokens.remove(end - 1);
            end -= 1;
        }
        // On to the token before the next hyphen to the left.
        let hyphen = (1..end).rev().find(|&at| tokens[at].hyphen);
        end = hyphen.unwrap_or(0);
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().max(other.0.len());
        for at in 0..length {
            let order = match (self.0.get(at), other.0.get(at)) {
                (Some(one), Some(two)) => one.compare(two),
                (Some(one), None) => one.compare(&one.null()),
                (None, Some(two)) => two.null().compare(two),
                (None, None) => Ordering::Equal,
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

impl Token {
    /// What the shorter version is padded with: the release against a qualifier, 0 against a number. (The specification pads
    /// by the separator, which makes no order: `1-a` < `1.pl` < `1` < `1-a`. Maven itself does as here.)
    fn null(&self) -> Self {
        let value = match self.value {
            Value::Word(_) => Value::Word(String::new()),
            Value::Number(_) => Value::Number(Number::default()),
        };
        Self {
            hyphen: self.hyphen,
            value,
        }
    }

    /// `.qualifier` = `-qualifier` < `-number` < `.number`; a padded release stands where its qualifier does.
    fn compare(&self, other: &Self) -> Ordering {
        match (&self.value, &other.value) {
            (Value::Number(one), Value::Number(two)) => {
                other.hyphen.cmp(&self.hyphen).then_with(|| one.cmp(two))
            }
            (Value::Word(_), Value::Number(_)) => Ordering::Less,
            (Value::Number(_), Value::Word(_)) => Ordering::Greater,
            (Value::Word(one), Value::Word(two)) => place(one).cmp(&place(two)),
        }
    }
}

fn place(word: &str) -> (usize, &str) {
    QUALIFIERS
        .iter()
        .position(|one| *one == word)
        .map_or((QUALIFIERS.len(), word), |at| (at, ""))
}

by_cmp!(Key);
