//! Whole numbers of any length.

use std::cmp::Ordering;

/// A whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number(Kind);

/// Nearly all are small, and a small one takes no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Small(u64),
    /// Of more than nineteen digits, without leading zeros.
    Large(Box<str>),
}

/// Digits that any 64 bits can hold.
const SMALL: usize = 19;

impl Default for Number {
    fn default() -> Self {
        Self(Kind::Small(0))
    }
}

impl Number {
    /// Takes digits; anything else must not be in them.
    pub(crate) fn of(digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        if digits.len() > SMALL {
            return Self(Kind::Large(digits.into()));
        }
        let value = digits.bytes().fold(0_u64, |sum, digit| {
            sum.wrapping_mul(10)
                .wrapping_add(u64::from(digit.wrapping_sub(b'0')))
        });
        Self(Kind::Small(value))
    }

    pub(crate) const fn is_zero(&self) -> bool {
        matches!(self.0, Kind::Small(0))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Kind::Small(one), Kind::Small(two)) => one.cmp(two),
            (Kind::Small(_), Kind::Large(_)) => Ordering::Less,
            (Kind::Large(_), Kind::Small(_)) => Ordering::Greater,
            (Kind::Large(one), Kind::Large(two)) => {
                one.len().cmp(&two.len()).then_with(|| one.cmp(two))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_in_order() {
        let texts = [
            "000",
            "1",
            "09",
            "10",
            "9999999999999999999",
            "10000000000000000000",
            "18446744073709551616",
            "0100000000000000000000",
        ];
        for pair in texts.windows(2) {
            assert!(Number::of(pair[0]) < Number::of(pair[1]), "{pair:?}");
        }
        assert_eq!(Number::of("007"), Number::of("7"));
        assert!(Number::of("00").is_zero() && !Number::of("10").is_zero());
    }
}
