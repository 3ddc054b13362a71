//! Encoders, digests, and the decoders of base64 and hexadecimal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;

#[cfg(test)]
use super::hex;
use super::hex_pair;

/// Decodes up to the first byte that is no base64.
pub(super) fn base64_decode(input: &[u8], out: &mut Vec<u8>) {
    let end = input
        .iter()
        .position(|b| sextet(*b).is_none())
        .unwrap_or(input.len());
    sextets(input[..end].iter().copied(), out);
}

/// Decodes and skips every byte that is no base64.
pub(super) fn base64_decode_ext(input: &[u8], out: &mut Vec<u8>) {
    sextets(input.iter().copied().take_while(|b| *b != b'='), out);
}

fn sextets(input: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    let (mut bits, mut count) = (0u32, 0);
    for value in input.filter_map(sextet) {
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
}

fn sextet(b: u8) -> Option<u8> {
    match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

pub(super) fn base64_encode(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(STANDARD.encode(input).as_bytes());
}

/// Pairs of digits to bytes; a pair that is none ends it.
pub(super) fn hex_decode(input: &[u8], out: &mut Vec<u8>) {
    for pair in input.chunks_exact(2) {
        match hex_pair(pair, 0) {
            Some(value) => out.push(value),
            None => break,
        }
    }
}

pub(super) fn hex_encode(input: &[u8], out: &mut Vec<u8>) {
    for b in input {
        out.push(DIGITS[usize::from(b >> 4)]);
        out.push(DIGITS[usize::from(b & 15)]);
    }
}

/// `0x4142` in SQL to `AB`.
pub(super) fn sql_hex_decode(input: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < input.len() {
        if input[at] == b'0'
            && matches!(input.get(at + 1), Some(b'x' | b'X'))
            && hex_pair(input, at + 2).is_some()
        {
            at += 2;
            while let Some(value) = hex_pair(input, at) {
                out.push(value);
                at += 2;
            }
        } else {
            out.push(input[at]);
            at += 1;
        }
    }
}

pub(super) fn length(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(input.len().to_string().as_bytes());
}

pub(super) fn md5(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&md5::Md5::digest(input));
}

pub(super) fn sha1(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&sha1::Sha1::digest(input));
}

pub(super) fn url_encode(input: &[u8], out: &mut Vec<u8>) {
    for b in input {
        match b {
            b' ' => out.push(b'+'),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(*b),
            _ => {
                out.push(b'%');
                out.push(DIGITS[usize::from(b >> 4)]);
                out.push(DIGITS[usize::from(b & 15)]);
            }
        }
    }
}

pub(super) fn parity_even(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|b| {
        if (b & 0x7f).count_ones() % 2 == 1 {
            b | 0x80
        } else {
            b & 0x7f
        }
    }));
}

pub(super) fn parity_odd(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|b| {
        if (b & 0x7f).count_ones() % 2 == 0 {
            b | 0x80
        } else {
            b & 0x7f
        }
    }));
}

pub(super) fn parity_zero(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|b| b & 0x7f));
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    #[test]
    fn digits_are_those_that_hex_reads() {
        for (at, d) in super::DIGITS.iter().enumerate() {
            assert_eq!(super::hex(*d), u8::try_from(at).ok());
        }
    }
}
