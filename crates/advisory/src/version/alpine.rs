//! Alpine: `digits{.digits}[letter]{_suffix[digits]}[~hash][-rN]` (apk-tools, apk-package(5)). What does not fit is older than
//! what ends there, as `apk version -t` has it: repositories hold such versions.

use std::cmp::Ordering;

use super::number::digits;

/// The suffixes of pre-releases and of later builds, in their order.
const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const AFTER: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];
/// More digits than apk counts with.
const MOST_DIGITS: usize = 18;

/// Tokens, compared one by one; the last is the end or what does not fit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Vec<Token>);

/// A letter's value is its code, a suffix's its place in the order: below 0 for pre-releases.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    kind: Kind,
    value: i64,
    /// Dots without a number between them, which older repositories hold.
    empty: bool,
    /// A number that begins with 0 and is not the first: a fraction, so that `1.02` is older than `1.1`.
    fraction: String,
}

/// In the order in which they may follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Revision,
    End,
    Misfit,
}

impl Key {
    pub(super) fn read(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        let mut kind = Kind::Number;
        loop {
            let Some((token, after)) = Token::take(kind, rest, tokens.is_empty()) else {
                tokens.push(Token::of(Kind::Misfit, 0));
                return Self(tokens);
            };
            tokens.push(token);
            let Some((next, after)) = follow(kind, after) else {
                tokens.push(Token::of(Kind::Misfit, 0));
                return Self(tokens);
            };
            if next == Kind::End {
                tokens.push(Token::of(Kind::End, 0));
                return Self(tokens);
            }
            (kind, rest) = (next, after);
        }
    }
}

impl Token {
    const fn of(kind: Kind, value: i64) -> Self {
        Self {
            kind,
            value,
            empty: false,
            fraction: String::new(),
        }
    }

    /// Takes a token of this kind; `None` when there is none.
    fn take(kind: Kind, text: &str, first: bool) -> Option<(Self, &str)> {
        match kind {
            Kind::Number | Kind::SuffixNumber | Kind::Revision => {
                let (number, rest) = digits(text);
                if number.len() > MOST_DIGITS {
                    return None;
                }
                let mut token = Self::of(kind, number.parse().unwrap_or(0));
                token.empty = number.is_empty();
                if kind == Kind::Number && !first && number.starts_with('0') {
                    token.value = 0;
                    number.clone_into(&mut token.fraction);
                }
                Some((token, rest))
            }
            Kind::Letter => {
                let letter = text.bytes().next()?;
                Some((Self::of(kind, i64::from(letter)), &text[1..]))
            }
            Kind::Suffix => {
                let end = text
                    .find(|c: char| !c.is_ascii_lowercase())
                    .unwrap_or(text.len());
                let (name, rest) = text.split_at(end);
                let place = |names: &[&str]| names.iter().position(|one| *one == name);
                let value = match (place(&BEFORE), place(&AFTER)) {
                    (Some(at), _) => at as i64 - BEFORE.len() as i64,
                    (None, Some(at)) => at as i64 + 1,
                    (None, None) => return None,
                };
                Some((Self::of(kind, value), rest))
            }
            Kind::End | Kind::Misfit => None,
        }
    }
}

/// What follows a token of this kind, and the text behind its sign; `None` for what does not fit.
fn follow(kind: Kind, text: &str) -> Option<(Kind, &str)> {
    let Some(first) = text.bytes().next() else {
        return Some((Kind::End, ""));
    };
    let next = match first {
        b'.' if kind == Kind::Number => return Some((Kind::Number, &text[1..])),
        b'a'..=b'z' => (Kind::Letter, text),
        b'_' => (Kind::Suffix, &text[1..]),
        b'0'..=b'9' if kind == Kind::Letter => return Some((Kind::Number, text)),
        b'0'..=b'9' => (Kind::SuffixNumber, text),
        // A hash says which commit it is, not which is newer.
        b'~' => {
            let end = text.find("-r").unwrap_or(text.len());
            return follow(kind, &text[end..]);
        }
        b'-' => {
            let after = text.strip_prefix("-r")?;
            if after.starts_with(|c: char| c.is_ascii_lowercase()) {
                return None;
            }
            (Kind::Revision, after)
        }
        _ => return None,
    };
    let again = next.0 == Kind::Suffix && kind == Kind::SuffixNumber;
    (next.0 >= kind || again)
        .then_some(next)
        .filter(|_| kind != Kind::Revision)
}

impl Token {
    /// What is newer where two versions go on differently.
    const fn place(&self) -> u8 {
        match self.kind {
            Kind::Suffix if self.value < 0 => 0,
            Kind::Misfit => 1,
            Kind::End => 2,
            Kind::Revision => 3,
            Kind::SuffixNumber => 4,
            Kind::Suffix => 5,
            Kind::Number if self.empty => 6,
            Kind::Letter => 7,
            Kind::Number => 8,
        }
    }
}

impl Ord for Token {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |token: &Self| (token.place(), token.value);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl PartialOrd for Token {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
