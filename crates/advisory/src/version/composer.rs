//! Composer: PHP's `version_compare`, after Composer's spelling (a `v` in front, without case) is taken off.

use std::cmp::Ordering;

use super::number::Number;
use super::order::by_cmp;

/// The parts between dots, hyphens, underscores, plus signs and changes from digits to others.
#[derive(Clone, Debug)]
pub(super) struct Key(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Number(Number),
    Word(String),
}

impl Key {
    pub(super) fn read(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let text = lower.strip_prefix('v').unwrap_or(&lower);
        let mut parts = Vec::new();
        let mut current = String::new();
        let mut close = |current: &mut String| {
            let part = std::mem::take(current);
            if !part.is_empty() {
                parts.push(Part::of(&part));
            }
        };
        for c in text.chars() {
            if matches!(c, '.' | '-' | '_' | '+') {
                close(&mut current);
                continue;
            }
            let before = current.chars().last();
            if before.is_some_and(|before| before.is_ascii_digit() != c.is_ascii_digit()) {
                close(&mut current);
            }
            current.push(c);
        }
        close(&mut current);
        Self(parts)
    }
}

/// The places, in [`Part::place`], of the end and of a number. `#` is worth any number, and what is missing, too: the one sign by
/// which PHP's order is none.
const END: i8 = 4;
const ANY: i8 = 5;

impl Part {
    fn of(text: &str) -> Self {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            Self::Number(Number::of(text))
        } else {
            Self::Word(text.to_owned())
        }
    }

    /// The places of the PHP manual: any other word, dev, alpha, beta, RC, the end (4), a number, pl.
    fn place(&self) -> i8 {
        match self {
            Self::Number(_) => ANY,
            Self::Word(word) => match word.as_str() {
                word if word.starts_with("dev") => 0,
                word if word.starts_with('#') => ANY,
                word if word.starts_with('a') => 1,
                word if word.starts_with('b') => 2,
                word if word.starts_with("rc") || word.starts_with('c') => 3,
                word if word.starts_with("pl") || word == "p" || word.starts_with("patch") => 6,
                _ => -1,
            },
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        for (one, two) in self.0.iter().zip(&other.0) {
            let order = match (one, two) {
                (Part::Number(one), Part::Number(two)) => one.cmp(two),
                _ => one.place().cmp(&two.place()),
            };
            if order.is_ne() {
                return order;
            }
        }
        // What is longer is newer by a number or a patch level, older by any other word.
        let next = |longer: &[Part], from: usize| {
            let counts = |part: &&Part| !matches!(part, Part::Word(word) if word.starts_with('#'));
            let part = longer[from..].iter().find(counts);
            part.map_or(Ordering::Equal, |part| part.place().cmp(&END))
        };
        match self.0.len().cmp(&other.0.len()) {
            Ordering::Greater => next(&self.0, other.0.len()),
            Ordering::Less => next(&other.0, self.0.len()).reverse(),
            Ordering::Equal => Ordering::Equal,
        }
    }
}

by_cmp!(Key);
