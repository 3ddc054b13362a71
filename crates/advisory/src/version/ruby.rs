//! RubyGems: `Gem::Version`. Numbers and words in a row; a word makes a pre-release and is older than any number.

use std::cmp::Ordering;

use super::number::{Number, digits};
use super::order::{by_cmp, filled};

/// Segments without the zeros that change nothing.
#[derive(Clone, Debug)]
pub(super) struct Key(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(String),
    Number(Number),
}

impl Key {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(good) {
            return Err("it is not made of letters, digits, dots and hyphens with a digit first");
        }
        // A hyphen means a pre-release.
        let text = text.replace('-', ".pre.");
        let mut segments = Vec::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            if first.is_ascii_digit() {
                let (number, after) = digits(rest);
                segments.push(Segment::Number(Number::of(number)));
                rest = after;
            } else if first.is_ascii_alphabetic() {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphabetic())
                    .unwrap_or(rest.len());
                segments.push(Segment::Word(rest[..end].to_owned()));
                rest = &rest[end..];
            } else {
                rest = &rest[1..];
            }
        }
        // Zeros at the end, and those before the first word, change nothing: 1.0.b is 1.b.
        let first_word = segments
            .iter()
            .position(|segment| matches!(segment, Segment::Word(_)))
            .unwrap_or(segments.len());
        let pre = segments.split_off(first_word);
        let mut kept = without_zeros(segments);
        kept.extend(without_zeros(pre));
        Ok(Self(kept))
    }
}

fn without_zeros(mut segments: Vec<Segment>) -> Vec<Segment> {
    let zero = |segment: &Segment| matches!(segment, Segment::Number(number) if number.is_zero());
    while segments.last().is_some_and(zero) {
        segments.pop();
    }
    segments
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let zero = Segment::Number(Number::default());
        filled(&self.0, &other.0, &zero, Ord::cmp)
    }
}

by_cmp!(Key);
