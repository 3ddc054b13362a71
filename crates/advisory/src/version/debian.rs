//! Debian: `[epoch:]upstream[-revision]` (deb-version(7), "Sorting algorithm").

use std::cmp::Ordering;

use super::number::{Number, digits};
use super::order::{by_cmp, filled};

/// Epoch, upstream version, revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    epoch: Number,
    upstream: Runs,
    revision: Runs,
}

/// A string of non-digits and a number, again and again.
#[derive(Clone, Debug)]
struct Runs(Vec<(String, Number)>);

impl Key {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("the epoch before the colon is no number");
        }
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        if upstream.is_empty() {
            return Err("it has no upstream version");
        }
        Ok(Self {
            epoch: Number::of(epoch),
            upstream: Runs::of(upstream),
            revision: Runs::of(revision),
        })
    }
}

impl Runs {
    fn of(mut text: &str) -> Self {
        let mut runs = Vec::new();
        while !text.is_empty() {
            let end = text
                .find(|c: char| c.is_ascii_digit())
                .unwrap_or(text.len());
            let (word, rest) = text.split_at(end);
            let (number, rest) = digits(rest);
            runs.push((word.to_owned(), Number::of(number)));
            text = rest;
        }
        Self(runs)
    }
}

impl Ord for Runs {
    fn cmp(&self, other: &Self) -> Ordering {
        let none = (String::new(), Number::default());
        filled(
            &self.0,
            &other.0,
            &none,
            |(word, number), (other_word, other_number)| {
                words(word, other_word).then_with(|| number.cmp(other_number))
            },
        )
    }
}

by_cmp!(Runs);

/// A tilde before the end, the end before letters, letters before everything else.
fn words(one: &str, other: &str) -> Ordering {
    let weigh = |c: Option<char>| match c {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(c) if c.is_ascii_alphabetic() => (2, c),
        Some(c) => (3, c),
    };
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        let (left, right) = (one.next(), other.next());
        let order = weigh(left).cmp(&weigh(right));
        if order.is_ne() || left.is_none() {
            return order;
        }
    }
}
