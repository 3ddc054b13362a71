//! What the parameters of a route normally look like: which signs they are made of and how long they are.
//!
//! What was learned only adds suspicion. A value unlike its parameter lends weight to a rule or a reading that would not have
//! been enough alone; a usual value loses nothing of what the rules say of it. So whoever teaches the baseline on purpose
//! takes back at most what it added. A person may also fix what a parameter looks like, and whatever is unlike it is refused.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Parameters of one route that are remembered.
const MOST_PARAMETERS: usize = 200;
/// Bytes of a parameter's name; longer ones are not remembered.
const LONGEST_NAME: usize = 120;
/// Parameters of one request that are learned.
const MOST_LESSONS: usize = 100;
/// Values after which a parameter is known.
const ENOUGH: u64 = 50;
/// A class of signs is usual from this share of values on, in thousandths; one in a thousand can be somebody's test.
const SHARE: u64 = 5;
/// And from this number of values on.
const FEWEST: u64 = 3;
/// Lengths are counted by powers of two.
const LENGTHS: usize = 24;

/// Classes of signs that values are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct Signs(u32);

/// The classes, by the bit that stands for them: name, and the ASCII signs. `wide` is every byte beyond ASCII.
const CLASSES: [(&str, &[u8]); 17] = [
    ("digits", b"0123456789"),
    ("joiners", b"-_."),
    (
        "letters",
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ),
    ("wide", b""),
    ("blanks", b" \t"),
    ("punctuation", b",:@?!+~"),
    ("lines", b"\r\n"),
    ("slashes", b"/"),
    ("quotes", b"'\"`"),
    ("brackets", b"()[]"),
    ("braces", b"{}"),
    ("angles", b"<>"),
    ("separators", b";|&"),
    ("equals", b"="),
    ("marks", b"#*^%"),
    ("escapes", b"\\$"),
    ("controls", b"\0\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"),
];
/// The class of each byte.
const CLASS_OF: [u8; 256] = class_of();
const WIDE: u8 = 3;

const fn class_of() -> [u8; 256] {
    let mut table = [WIDE; 256];
    let mut class = 0;
    while class < CLASSES.len() {
        let signs = CLASSES[class].1;
        let mut at = 0;
        while at < signs.len() {
            table[signs[at] as usize] = class as u8;
            at += 1;
        }
        class += 1;
    }
    table
}

impl Signs {
    const DIGITS: Self = Self(0b11);
    const TOKEN: Self = Self(0b111);
    /// Digits, letters of any script, blanks, ordinary punctuation.
    const WORDS: Self = Self(0b11_1111);

    /// The classes in a value.
    pub fn of(value: &[u8]) -> Self {
        Self(
            value
                .iter()
                .fold(0, |signs, byte| signs | 1 << CLASS_OF[usize::from(*byte)]),
        )
    }

    /// Those that `other` lacks.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What values of these signs are called.
    pub const fn kind(self) -> Kind {
        if self.without(Self::DIGITS).is_empty() {
            Kind::Digits
        } else if self.without(Self::TOKEN).is_empty() {
            Kind::Token
        } else if self.without(Self::WORDS).is_empty() {
            Kind::Words
        } else {
            Kind::Text
        }
    }

    /// Names of the classes.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        CLASSES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & 1 << bit != 0)
            .map(|(_, (name, _))| *name)
    }
}

impl From<Signs> for Vec<String> {
    fn from(signs: Signs) -> Self {
        signs.names().map(str::to_owned).collect()
    }
}

impl TryFrom<Vec<String>> for Signs {
    type Error = UnknownSigns;

    fn try_from(names: Vec<String>) -> Result<Self, UnknownSigns> {
        names.iter().try_fold(Self(0), |signs, name| {
            let bit = CLASSES.iter().position(|(known, _)| known == name);
            match bit {
                Some(bit) => Ok(Self(signs.0 | 1 << bit)),
                None => Err(UnknownSigns(name.clone())),
            }
        })
    }
}

/// A class of signs that there isn't.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no class of signs: digits, joiners, letters, wide, blanks, punctuation, lines, slashes, quotes, brackets, braces, angles, separators, equals, marks, escapes, controls"
)]
pub struct UnknownSigns(String);

/// What values of a parameter are, by the signs in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Digits with `-`, `_` and `.`: numbers, dates.
    Digits,
    /// The same with letters: identifiers, enumerations.
    Token,
    /// Names and phrases in any script.
    Words,
    /// Anything.
    Text,
}

/// What the values of a parameter look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The signs in them.
    pub signs: Signs,
    /// Bytes of the longest.
    pub longest: u32,
}

/// How a value is unlike its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlike {
    /// It has signs that the others don't have.
    Signs(Signs),
    /// It is much longer than the others: its bytes.
    Long(u32),
}

impl Shape {
    /// How a value is unlike what was learned.
    fn unlike(self, value: &[u8]) -> Option<Unlike> {
        let new = Signs::of(value).without(self.signs);
        if !new.is_empty() {
            return Some(Unlike::Signs(new));
        }
        let length = length(value);
        (length > self.longest.saturating_mul(2).saturating_add(16)).then_some(Unlike::Long(length))
    }

    /// How a value breaks what a person has fixed.
    fn breaks(self, value: &[u8]) -> Option<Unlike> {
        let new = Signs::of(value).without(self.signs);
        if !new.is_empty() {
            return Some(Unlike::Signs(new));
        }
        let length = length(value);
        (length > self.longest).then_some(Unlike::Long(length))
    }
}

fn length(value: &[u8]) -> u32 {
    u32::try_from(value.len()).unwrap_or(u32::MAX)
}

/// What a person has decided about a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fixed {
    /// This is what it looks like: whatever is unlike it is refused.
    Only(Shape),
    /// Nothing is expected of it.
    Anything,
}

/// What is known of one parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Values seen.
    pub seen: u64,
    /// Values that had each class of signs, by bit.
    classes: Vec<u64>,
    /// Values by length: below 1, 2, 4, 8 … bytes.
    lengths: Vec<u64>,
    /// What a person decided.
    pub fixed: Option<Fixed>,
}

impl Parameter {
    fn learn(&mut self, look: Look) {
        self.classes.resize(CLASSES.len(), 0);
        self.lengths.resize(LENGTHS, 0);
        self.seen += 1;
        for (bit, count) in self.classes.iter_mut().enumerate() {
            *count += u64::from(look.signs.0 >> bit & 1);
        }
        let power = (u32::BITS - look.length.leading_zeros()) as usize;
        self.lengths[power.min(LENGTHS - 1)] += 1;
    }

    /// What its values look like so far; none before the first.
    pub fn shape(&self) -> Option<Shape> {
        if self.seen == 0 {
            return None;
        }
        let usual = |count: u64| count >= FEWEST.max(self.seen.saturating_mul(SHARE) / 1_000);
        let signs = self
            .classes
            .iter()
            .enumerate()
            .filter(|(_, count)| usual(**count))
            .fold(0, |signs, (bit, _)| signs | 1 << bit);
        let power = self.lengths.iter().rposition(|count| usual(*count));
        Some(Shape {
            signs: Signs(signs),
            longest: power.map_or(0, |power| (1 << power) - 1),
        })
    }

    /// Whether enough was seen to say what it looks like.
    pub const fn known(&self) -> bool {
        self.seen >= ENOUGH
    }

    /// Of names and free text nothing is expected unless a person says so: people may write any sign any day. Measured on the
    /// texts of `tests/accuracy.rs`, expecting something found no further attack and stopped eight in a hundred honest notes.
    fn expected(&self) -> Option<Expected> {
        match self.fixed {
            Some(Fixed::Only(shape)) => Some(Expected { shape, fixed: true }),
            Some(Fixed::Anything) => None,
            None => self
                .shape()
                .filter(|shape| self.known() && shape.signs.kind() <= Kind::Token)
                .map(|shape| Expected {
                    shape,
                    fixed: false,
                }),
        }
    }
}

/// What one value of a request looks like; nothing of the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    signs: Signs,
    length: u32,
}

/// What the arguments of one request look like, to be learned once it has shown to be an ordinary one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lesson(Vec<(String, Look)>);

impl Lesson {
    /// From arguments by name.
    pub fn of<'a>(arguments: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        Self(
            arguments
                .filter_map(|(name, value)| {
                    let name = std::str::from_utf8(name)
                        .ok()
                        .filter(|name| name.len() <= LONGEST_NAME && !secret(name))?;
                    let look = Look {
                        signs: Signs::of(value),
                        length: length(value),
                    };
                    Some((key(name).into_owned(), look))
                })
                .take(MOST_LESSONS)
                .collect(),
        )
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether it is about a secret. Nothing is learned of those: they may have any sign, and their length is nobody's business.
fn secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["pass", "pwd", "secret", "token"]
        .iter()
        .any(|word| lower.contains(word))
}

/// The name under which a parameter is remembered: elements of a list are one.
fn key(name: &str) -> Cow<'_, str> {
    if !name.contains("array_") {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name
        .split('.')
        .map(|part| match part.strip_prefix("array_") {
            Some(n) if n.bytes().all(|byte| byte.is_ascii_digit()) => "array",
            _ => part,
        })
        .collect();
    Cow::Owned(parts.join("."))
}

/// The parameters of one route, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    known: BTreeMap<String, Parameter>,
    /// Names that found no room.
    pub crowded: u64,
}

impl Parameters {
    /// Learns from an ordinary request. True when what is expected of a parameter may have changed.
    pub fn learn(&mut self, lesson: &Lesson) -> bool {
        let mut changed = false;
        for (name, look) in &lesson.0 {
            let Some(parameter) = self.room(name) else {
                self.crowded += 1;
                continue;
            };
            let before = parameter.expected();
            parameter.learn(*look);
            changed |= parameter.expected() != before;
        }
        changed
    }

    /// The entry of a name; the least seen makes room when it was hardly seen.
    fn room(&mut self, name: &str) -> Option<&mut Parameter> {
        if !self.known.contains_key(name) && self.known.len() >= MOST_PARAMETERS {
            let least = self
                .known
                .iter()
                .filter(|(_, one)| one.fixed.is_none())
                .min_by_key(|(_, one)| one.seen)
                .filter(|(_, one)| one.seen < FEWEST)
                .map(|(name, _)| name.clone())?;
            self.known.remove(&least);
        }
        Some(self.known.entry(name.to_owned()).or_default())
    }

    /// What a person decides about a parameter; none lets it be learned again. False when there is no room.
    pub fn fix(&mut self, name: &str, fixed: Option<Fixed>) -> bool {
        if name.len() > LONGEST_NAME {
            return false;
        }
        match self.room(name) {
            Some(parameter) => parameter.fixed = fixed,
            None => return false,
        }
        true
    }

    /// Forgets a parameter; false when it was not known.
    pub fn forget(&mut self, name: &str) -> bool {
        self.known.remove(name).is_some()
    }

    /// What is known, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.known.iter().map(|(name, one)| (name.as_str(), one))
    }

    /// What is expected now.
    pub fn usual(&self) -> Arc<Usual> {
        Arc::new(Usual(
            self.known
                .iter()
                .filter_map(|(name, one)| Some((name.clone(), one.expected()?)))
                .collect(),
        ))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Expected {
    shape: Shape,
    fixed: bool,
}

/// What is expected of the parameters of one route: a picture that does not change.
#[derive(Debug, Default)]
pub struct Usual(BTreeMap<String, Expected>);

impl Usual {
    /// How a value is unlike what its parameter normally looks like; none also when nothing is known of it.
    pub fn unlike(&self, name: &[u8], value: &[u8]) -> Option<Unlike> {
        self.expected(name)?.shape.unlike(value)
    }

    /// How a value breaks what a person has fixed for its parameter.
    pub fn breaks(&self, name: &[u8], value: &[u8]) -> Option<Unlike> {
        let expected = self.expected(name).filter(|expected| expected.fixed)?;
        expected.shape.breaks(value)
    }

    /// Whether nothing is expected of any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn expected(&self, name: &[u8]) -> Option<&Expected> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(key(std::str::from_utf8(name).ok()?).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesson(name: &str, value: &str) -> Lesson {
        Lesson::of([(name.as_bytes(), value.as_bytes())].into_iter())
    }

    fn taught(name: &str, values: impl Iterator<Item = String>) -> Parameters {
        let mut parameters = Parameters::default();
        for value in values {
            parameters.learn(&lesson(name, &value));
        }
        parameters
    }

    #[test]
    fn a_number_stays_a_number() {
        let pages = taught("page", (0..60).map(|n| n.to_string()));
        let usual = pages.usual();
        assert_eq!(usual.unlike(b"page", b"61"), None);
        assert!(matches!(
            usual.unlike(b"page", b"1 or 1"),
            Some(Unlike::Signs(_))
        ));
        assert!(matches!(
            usual.unlike(b"page", &[b'7'; 40]),
            Some(Unlike::Long(40))
        ));
        assert_eq!(usual.unlike(b"other", b"' or 1=1"), None);
        assert_eq!(usual.breaks(b"page", b"x"), None, "learned, not fixed");
    }

    #[test]
    fn nothing_is_expected_before_enough_was_seen() {
        let few = taught("page", (0..ENOUGH - 1).map(|n| n.to_string()));
        assert!(few.usual().is_empty());
    }

    #[test]
    fn people_may_write_anything_where_they_write() {
        let names = taught("name", (0..600).map(|_| "张 伟".to_owned()));
        assert!(names.iter().all(|(_, name)| name.known()));
        assert!(names.usual().is_empty());
        let notes = taught("note", (0..600).map(|n| format!("客户 {n} 要求回电")));
        assert!(notes.usual().is_empty());
    }

    #[test]
    fn one_odd_value_teaches_nothing_and_many_do() {
        let mut pages = taught("page", (0..1_000).map(|n| n.to_string()));
        for _ in 0..2 {
            pages.learn(&lesson("page", "'"));
        }
        assert!(pages.usual().unlike(b"page", b"'").is_some());
        for _ in 0..20 {
            pages.learn(&lesson("page", "'"));
        }
        assert_eq!(pages.usual().unlike(b"page", b"'"), None);
    }

    #[test]
    fn what_a_person_fixed_is_meant_exactly() {
        let mut parameters = Parameters::default();
        let shape = Shape {
            signs: Signs::DIGITS,
            longest: 4,
        };
        assert!(parameters.fix("year", Some(Fixed::Only(shape))));
        assert_eq!(parameters.usual().breaks(b"year", b"2026"), None);
        assert_eq!(
            parameters.usual().breaks(b"year", b"20261"),
            Some(Unlike::Long(5))
        );
        assert!(parameters.usual().breaks(b"year", b"MMXX").is_some());
        parameters.fix("year", Some(Fixed::Anything));
        for n in 0..100 {
            parameters.learn(&lesson("year", &n.to_string()));
        }
        assert_eq!(parameters.usual().unlike(b"year", b"'"), None);
        parameters.fix("year", None);
        assert!(parameters.usual().unlike(b"year", b"'").is_some());
        assert!(parameters.forget("year"));
        assert!(parameters.usual().is_empty());
    }

    #[test]
    fn elements_of_a_list_are_one_parameter_and_room_is_bounded() {
        let mut parameters = Parameters::default();
        for n in 0..60 {
            parameters.learn(&lesson(&format!("json.tags.array_{n}.id"), "7"));
        }
        assert_eq!(parameters.iter().count(), 1);
        assert!(
            parameters
                .usual()
                .unlike(b"json.tags.array_3.id", b"x'")
                .is_some()
        );
        for n in 0..1_000 {
            parameters.learn(&lesson(&format!("junk{n}"), "x"));
        }
        assert_eq!(parameters.iter().count(), MOST_PARAMETERS);
        let kept = parameters.iter().find(|(name, _)| name.starts_with("json"));
        assert_eq!(kept.map(|(_, one)| one.seen), Some(60));
    }

    #[test]
    fn nothing_is_learned_of_secrets() {
        for name in ["json.password", "PWD", "api_token", "client_secret"] {
            assert!(lesson(name, "hunter2").is_empty(), "{name}");
        }
    }

    #[test]
    fn it_is_kept_and_read_again() {
        let mut pages = taught("page", (0..60).map(|n| n.to_string()));
        let shape = Shape {
            signs: Signs::TOKEN,
            longest: 9,
        };
        pages.fix("kind", Some(Fixed::Only(shape)));
        let text = serde_json::to_string(&pages).unwrap();
        assert_eq!(serde_json::from_str::<Parameters>(&text).unwrap(), pages);
        let faulty = text.replace("\"joiners\"", "\"joints\"");
        let error = serde_json::from_str::<Parameters>(&faulty).unwrap_err();
        assert!(error.to_string().contains("joints"), "{error}");
    }
}
