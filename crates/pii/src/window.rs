//! Long texts in pieces: where to cut so that no value is torn, and what counts as understood.

use crate::detect::{Hints, detect};

/// Where to end a piece of a text that goes on. Never zero for a text of 1 KiB or more.
pub(crate) fn cut(text: &[u8]) -> usize {
    let half = text.len() / 2;
    // After punctuation no value goes on.
    let stops = |byte: u8| {
        matches!(
            byte,
            b'\n' | b',' | b';' | b'"' | b'}' | b']' | b'>' | b'<' | b'|' | b'!' | b'?'
        )
    };
    if let Some(at) = text[half..].iter().rposition(|&byte| stops(byte)) {
        return half + at + 1;
    }
    for stop in ["。", "，", "；", "！", "？", "、"] {
        if let Some(at) = memchr::memmem::rfind(&text[half..], stop.as_bytes()) {
            return half + at + stop.len();
        }
    }
    // Between two words without digits.
    let calm = |byte: u8| {
        !byte.is_ascii_digit() && byte != b'@' && byte != b'-' && byte != b' ' && byte != b'+'
    };
    if let Some(at) = text[half..]
        .windows(3)
        .rposition(|w| calm(w[0]) && w[1] == b' ' && calm(w[2]) && w[0] < 0x80 && w[2] < 0x80)
    {
        return half + at + 2;
    }
    // Nowhere is surely safe: not inside a value that is seen, not inside a run of digits or a character.
    let mut cut = text.len() - (text.len() / 4).min(256);
    detect(text, Hints { card: true }, &mut |hit| {
        if hit.start < cut && hit.end > cut {
            cut = hit.end;
        }
    });
    let torn = |at: usize| {
        at < text.len()
            && (text[at] & 0xC0 == 0x80
                || text[at].is_ascii_digit() && text[at - 1].is_ascii_digit())
    };
    let limit = (cut + 128).min(text.len());
    while cut < limit && torn(cut) {
        cut += 1;
    }
    cut.max(1)
}

/// How many bytes of a text were not understood: bytes that are no UTF-8, and words of 256 bytes or more.
pub(crate) fn opaque(text: &[u8]) -> u64 {
    if std::str::from_utf8(text).is_err() {
        return text.len() as u64;
    }
    if text.len() < LONG_WORD {
        return 0;
    }
    text.split(|byte| {
        !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'))
    })
    .map(<[u8]>::len)
    .filter(|len| *len >= LONG_WORD)
    .sum::<usize>() as u64
}

const LONG_WORD: usize = 256;
