//! One pass over a text: digit runs, `@`, words of telling shape, and Chinese context words.

use hudun_core::DataKind;

use crate::context;
use crate::validate::{is_bank_card, is_mobile, is_resident_id, is_uscc};

/// What was found, where, and in which normal form.
pub(crate) struct Hit<'v> {
    pub(crate) kind: DataKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) normal: &'v [u8],
}

/// What is known of the text's place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hints {
    /// A bank card is to be expected here.
    pub(crate) card: bool,
}

/// Calls `found` for every value in `text`, in order of their last byte. `text` should be UTF-8; other bytes are stepped
/// over.
pub(crate) fn detect(text: &[u8], hints: Hints, found: &mut dyn FnMut(Hit<'_>)) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at = match CLASS[byte as usize] {
            SKIP => at + 1,
            DIGIT => digits(text, at, hints, found),
            AT => email(text, at, found),
            WORD => word(text, at, found),
            WIDE if digit_at(text, at).is_some() => digits(text, at, hints, found),
            _ => context::look(text, at, found),
        };
    }
}

const SKIP: u8 = 0;
const DIGIT: u8 = 1;
const AT: u8 = 2;
/// A letter that starts an id of telling shape, or a context word.
const WORD: u8 = 3;
/// The first byte of full-width digits and signs.
const WIDE: u8 = 4;
/// The first byte of a Chinese character.
const HAN: u8 = 5;

static CLASS: [u8; 256] = {
    let mut class = [SKIP; 256];
    let mut byte = b'0';
    while byte <= b'9' {
        class[byte as usize] = DIGIT;
        byte += 1;
    }
    class[b'@' as usize] = AT;
    class[b'w' as usize] = WORD;
    class[b'o' as usize] = WORD;
    class[b'A' as usize] = WORD;
    class[b'N' as usize] = WORD;
    class[b'Y' as usize] = WORD;
    class[b'Q' as usize] = WORD;
    class[b'q' as usize] = WORD;
    let mut byte = 0xE4;
    while byte <= 0xE9 {
        class[byte] = HAN;
        byte += 1;
    }
    class[0xEF] = WIDE;
    class
};

/// An ASCII or full-width digit and its width in bytes.
fn digit_at(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match *text.get(at)? {
        digit @ b'0'..=b'9' => Some((digit, 1)),
        0xEF => match text.get(at + 1..at + 3)? {
            [0xBC, low @ 0x90..=0x99] => Some((low - 0x90 + b'0', 3)),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The bytes of the ASCII word around `at`, looking at most `reach` bytes to each side.
fn word_around(text: &[u8], at: usize, reach: usize) -> (usize, usize) {
    let mut start = at;
    while start > at.saturating_sub(reach) && text[start - 1].is_ascii_alphanumeric() {
        start -= 1;
    }
    let mut end = at;
    while end < text.len().min(at + reach) && text[end].is_ascii_alphanumeric() {
        end += 1;
    }
    (start, end)
}

/// Up to 24 digits in a row and where they stood.
struct Run {
    digits: [u8; 24],
    len: usize,
    end: usize,
}

fn run(text: &[u8], start: usize) -> Run {
    let mut run = Run {
        digits: [0; 24],
        len: 0,
        end: start,
    };
    while let Some((digit, width)) = digit_at(text, run.end) {
        if let Some(place) = run.digits.get_mut(run.len) {
            *place = digit;
        }
        run.len += 1;
        run.end += width;
    }
    run
}

fn digits(text: &[u8], start: usize, hints: Hints, found: &mut dyn FnMut(Hit<'_>)) -> usize {
    // Most runs are short and nothing comes of them: dates, amounts, ids.
    let plain_len = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let next = text.get(start + plain_len).copied().unwrap_or(0);
    let grouped_run = matches!(next, b' ' | b'-') && matches!(plain_len, 2..=7);
    if plain_len < 11 && next != 0xEF && !next.is_ascii_alphanumeric() && !grouped_run {
        return start + plain_len.max(1);
    }
    let first = run(text, start);
    if first.len > 24 {
        return first.end;
    }
    let tail = text.get(first.end).copied().unwrap_or(b' ');
    if tail.is_ascii_alphanumeric() || start > 0 && text[start - 1].is_ascii_alphanumeric() {
        return in_word(text, start, &first, hints, found);
    }
    if first.len >= 11 {
        plain(text, start, &first, hints, found);
        return first.end;
    }
    if matches!(tail, b' ' | b'-') && matches!(first.len, 2..=7) {
        return grouped(text, start, &first, hints, found);
    }
    first.end
}

/// A run of digits that stands alone.
fn plain(text: &[u8], start: usize, run: &Run, hints: Hints, found: &mut dyn FnMut(Hit<'_>)) {
    let digits = &run.digits[..run.len];
    let mut hit = |kind, normal: &[u8]| {
        found(Hit {
            kind,
            start,
            end: run.end,
            normal,
        });
    };
    match run.len {
        11 if is_mobile(digits) => hit(DataKind::Mobile, digits),
        13 if digits.starts_with(b"86") && is_mobile(&digits[2..]) => {
            hit(DataKind::Mobile, &digits[2..]);
        }
        15 if digits.starts_with(b"0086") && is_mobile(&digits[4..]) => {
            hit(DataKind::Mobile, &digits[4..]);
        }
        18 if is_resident_id(digits) => hit(DataKind::ResidentId, digits),
        18 if is_uscc(digits) && digits[0] == b'9' => hit(DataKind::Uscc, digits),
        15..=19 if is_bank_card(digits) && (hints.card || context::card_before(text, start)) => {
            hit(DataKind::BankCard, digits);
        }
        _ => {}
    }
}

/// A run of digits inside a word of letters: `11010519491231002X`, a credit code, `tel13800000001`.
fn in_word(
    text: &[u8],
    start: usize,
    run: &Run,
    hints: Hints,
    found: &mut dyn FnMut(Hit<'_>),
) -> usize {
    // A run directly before a letter may be the body of an ID number with check digit X.
    let next = text.get(run.end).copied().unwrap_or(b' ');
    let after = text.get(run.end + 1).copied().unwrap_or(b' ');
    if run.len == 17 && matches!(next, b'X' | b'x') && !after.is_ascii_alphanumeric() {
        let mut id = [b'X'; 18];
        id[..17].copy_from_slice(&run.digits[..17]);
        if is_resident_id(&id) {
            found(Hit {
                kind: DataKind::ResidentId,
                start,
                end: run.end + 1,
                normal: &id,
            });
            return run.end + 1;
        }
    }
    let begins = start == 0 || !text[start - 1].is_ascii_alphanumeric();
    if run.len < 11 && !begins {
        return run.end;
    }
    let (from, to) = word_around(text, start, 24);
    if to - from == 18 && from == start && is_uscc(&text[from..to]) {
        found(Hit {
            kind: DataKind::Uscc,
            start: from,
            end: to,
            normal: &text[from..to],
        });
        return to;
    }
    // Long words are hashes and base64: a number in them is chance.
    if to - from <= 22 && run.len >= 11 {
        plain(text, start, run, hints, found);
    }
    run.end
}

/// Digits in groups: `138 0000 0001`, `+86-138-0000-0001`, `6222 0212 3456 7890 128`, `110105 19491231 002X`.
fn grouped(
    text: &[u8],
    start: usize,
    first: &Run,
    hints: Hints,
    found: &mut dyn FnMut(Hit<'_>),
) -> usize {
    let mut all = [0; 24];
    let mut len = first.len;
    all[..len].copy_from_slice(&first.digits[..len]);
    let mut lens = [first.len, 0, 0, 0, 0, 0];
    let mut end = first.end;
    for count in 1..6 {
        if !matches!(text.get(end), Some(b' ' | b'-')) {
            break;
        }
        let group = run(text, end + 1);
        if group.len == 0 || group.len > 11 || len + group.len > 24 {
            break;
        }
        all[len..len + group.len].copy_from_slice(&group.digits[..group.len]);
        len += group.len;
        lens[count] = group.len;
        end = group.end;
        let digits = &all[..len];
        let next = text.get(end).copied().unwrap_or(b' ');
        let id_tail = matches!(next, b'X' | b'x');
        if next.is_ascii_alphanumeric() && !id_tail {
            break;
        }
        let mobile = match &lens[..=count] {
            [3, 4, 4] | [3, 8] | [7, 4] => Some(digits),
            [2, 3, 4, 4] | [2, 11] if digits.starts_with(b"86") => Some(&digits[2..]),
            [4, 3, 4, 4] | [4, 11] if digits.starts_with(b"0086") => Some(&digits[4..]),
            _ => None,
        };
        let more = matches!(next, b' ' | b'-') && digit_at(text, end + 1).is_some();
        let mut hit = |kind, end, normal: &[u8]| {
            found(Hit {
                kind,
                start,
                end,
                normal,
            });
        };
        if let Some(number) = mobile.filter(|number| is_mobile(number)) {
            hit(DataKind::Mobile, end, number);
            return end;
        }
        if id_tail && len == 17 {
            let mut id = [b'X'; 18];
            id[..17].copy_from_slice(digits);
            if is_resident_id(&id) {
                hit(DataKind::ResidentId, end + 1, &id);
                return end + 1;
            }
        }
        if len == 18 && is_resident_id(digits) {
            hit(DataKind::ResidentId, end, digits);
            return end;
        }
        if lens[0] == 4
            && !more
            && is_bank_card(digits)
            && (hints.card || context::card_before(text, start))
        {
            hit(DataKind::BankCard, end, digits);
            return end;
        }
    }
    first.end
}

fn email(text: &[u8], at: usize, found: &mut dyn FnMut(Hit<'_>)) -> usize {
    let local =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
    let mut start = at;
    while start > at.saturating_sub(64) && local(text[start - 1]) {
        start -= 1;
    }
    let mut end = at + 1;
    while end < text.len().min(at + 255)
        && (text[end].is_ascii_alphanumeric() || matches!(text[end], b'.' | b'-'))
    {
        end += 1;
    }
    let mut domain = &text[at + 1..end];
    while let [rest @ .., b'.' | b'-'] = domain {
        domain = rest;
    }
    let end = at + 1 + domain.len();
    let top = domain.rsplit(|&byte| byte == b'.').next().unwrap_or(domain);
    let good = start < at
        && top.len() < domain.len()
        && top.len() >= 2
        && top.iter().all(u8::is_ascii_alphabetic)
        && !domain.starts_with(b".")
        && memchr::memmem::find(domain, b"..").is_none();
    if good {
        let normal = text[start..end].to_ascii_lowercase();
        found(Hit {
            kind: DataKind::Email,
            start,
            end,
            normal: &normal,
        });
        return end;
    }
    at + 1
}

/// `wm…`, `wo…` (WeCom), `o…` (openid), `wxid_…`, credit codes that start with a letter, `QQ: …`.
fn word(text: &[u8], at: usize, found: &mut dyn FnMut(Hit<'_>)) -> usize {
    if at > 0 && is_word(text[at - 1]) {
        return at + 1;
    }
    if matches!(text[at], b'Q' | b'q' | b'w')
        && let Some(end) = context::look_ascii(text, at, found)
    {
        return end;
    }
    let mut end = at;
    while end < text.len().min(at + 40) && is_word(text[end]) {
        end += 1;
    }
    let word = &text[at..end];
    let mixed = |word: &[u8]| {
        word.iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase)
    };
    let kind = match word {
        [b'w', b'm' | b'o', ..] if word.len() == 32 && mixed(word) => DataKind::ExternalUserId,
        [b'o', ..] if word.len() == 28 && mixed(word) => DataKind::OpenId,
        [b'w', b'x', b'i', b'd', b'_', tail @ ..]
            if tail.len() == 14 && tail.iter().all(u8::is_ascii_alphanumeric) =>
        {
            DataKind::WechatId
        }
        _ if is_uscc(word) => DataKind::Uscc,
        _ => return at + 1,
    };
    found(Hit {
        kind,
        start: at,
        end,
        normal: word,
    });
    end
}
