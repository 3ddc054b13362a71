//! Checks of bytes, encodings and check digits.

use crate::error::LoadErrorKind;

/// The bytes that `@validateByteRange` allows.
#[derive(Debug)]
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    pub(crate) fn parse(text: &str) -> Result<Self, LoadErrorKind> {
        let mut set = [false; 256];
        for piece in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (low, high) = piece.split_once('-').unwrap_or((piece, piece));
            let bad = || {
                LoadErrorKind::value(
                    "@validateByteRange",
                    piece,
                    "numbers and ranges from 0 to 255",
                )
            };
            let low: u8 = low.trim().parse().map_err(|_| bad())?;
            let high: u8 = high.trim().parse().map_err(|_| bad())?;
            if low > high {
                return Err(bad());
            }
            for b in low..=high {
                set[usize::from(b)] = true;
            }
        }
        Ok(Self(set))
    }

    pub(crate) fn contains_all(&self, value: &[u8]) -> bool {
        value.iter().all(|b| self.0[usize::from(*b)])
    }
}

/// A `%` that two hexadecimal digits don't follow.
pub(crate) fn bad_url_encoding(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'%', rest) {
        if !rest
            .get(at + 1..at + 3)
            .is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
        {
            return true;
        }
        rest = &rest[at + 3..];
    }
    false
}

pub(crate) fn contains_word(value: &[u8], word: &[u8]) -> bool {
    if word.is_empty() {
        return true;
    }
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    memchr::memmem::find_iter(value, word).any(|at| {
        !is_word(at.checked_sub(1).and_then(|i| value.get(i)))
            && !is_word(value.get(at + word.len()))
    })
}

fn digits(text: &[u8]) -> Vec<u32> {
    text.iter()
        .filter(|b| b.is_ascii_digit())
        .map(|b| u32::from(b - b'0'))
        .collect()
}

/// The check digit of payment cards.
pub(crate) fn luhn(text: &[u8]) -> bool {
    let digits = digits(text);
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, d)| {
            if at % 2 == 1 {
                (d * 2) % 10 + d * 2 / 10
            } else {
                *d
            }
        })
        .sum();
    digits.len() >= 2 && sum.is_multiple_of(10)
}

/// The check digits of Brazil's CPF.
pub(crate) fn cpf(text: &[u8]) -> bool {
    let d = digits(text);
    if d.len() != 11 || d.iter().all(|x| *x == d[0]) {
        return false;
    }
    let check = |n: usize| {
        let sum: u32 = d[..n]
            .iter()
            .zip((2..=n as u32 + 1).rev())
            .map(|(x, w)| x * w)
            .sum();
        match sum % 11 {
            0 | 1 => 0,
            r => 11 - r,
        }
    };
    check(9) == d[9] && check(10) == d[10]
}

/// The number ranges that United States social security numbers have.
pub(crate) fn ssn(text: &[u8]) -> bool {
    let d = digits(text);
    if d.len() != 9 {
        return false;
    }
    let area = d[0] * 100 + d[1] * 10 + d[2];
    let group = d[3] * 10 + d[4];
    let serial = d[5] * 1000 + d[6] * 100 + d[7] * 10 + d[8];
    area != 0 && area != 666 && area < 740 && group != 0 && serial != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert!(luhn(b"4111 1111 1111 1111"));
        assert!(cpf(b"529.982.247-25"));
        assert!(!cpf(b"529.982.247-26"));
        assert!(ssn(b"123-45-6789"));
        assert!(!ssn(b"666-45-6789"));
    }

    #[test]
    fn url_encoding() {
        assert!(bad_url_encoding(b"a%"));
        assert!(bad_url_encoding(b"%20%zz"));
        assert!(!bad_url_encoding(b"%20%41"));
    }
}
