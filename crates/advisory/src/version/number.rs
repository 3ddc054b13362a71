//! Whole numbers of any length.

use std::cmp::Ordering;

/// A whole number, its digits without leading zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Number(Box<str>);

impl Number {
    /// Takes digits; anything else must not be in them.
    pub(crate) fn of(digits: &str) -> Self {
        Self(digits.trim_start_matches('0').into())
    }

    pub(crate) const fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.0.len().cmp(&other.0.len());
        length.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Cuts the digits off the front.
pub(crate) fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}
