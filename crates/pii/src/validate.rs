//! Numbers that carry their own proof: segments, dates and check digits.

/// Whether eleven digits are a Chinese mobile number: an assigned segment. 145–149 count although
/// some of them carry machines too: a person missed weighs more than a machine counted.
pub fn is_mobile(digits: &[u8]) -> bool {
    digits.len() == 11
        && digits.iter().all(u8::is_ascii_digit)
        && digits[0] == b'1'
        && match digits[1] {
            b'3' | b'8' => true,
            b'4' => matches!(digits[2], b'5'..=b'9'),
            b'5' => digits[2] != b'4',
            b'6' => matches!(digits[2], b'2' | b'5'..=b'7'),
            b'7' => digits[2] != b'9',
            b'9' => digits[2] != b'4',
            _ => false,
        }
}

/// Whether 18 characters are a resident ID number (GB 11643) or its kin: residence permits of Hong Kong, Macao and
/// Taiwan residents, permanent residence cards of foreigners (leading 9). Province, date and check digit are checked.
pub fn is_resident_id(text: &[u8]) -> bool {
    if text.len() != 18 || !text[..17].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let two = |at: usize| u32::from(text[at] - b'0') * 10 + u32::from(text[at + 1] - b'0');
    let province = if text[0] == b'9' { two(1) } else { two(0) };
    if !is_province(province) || !is_date(two(6) * 100 + two(8), two(10), two(12)) {
        return false;
    }
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = text[..17]
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    text[17].to_ascii_uppercase() == b"10X98765432"[(sum % 11) as usize]
}

fn is_province(code: u32) -> bool {
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1800..2100).contains(&year) && (1..=days).contains(&day)
}

/// Whether the digits end in a Luhn check digit.
pub fn is_luhn(digits: &[u8]) -> bool {
    !digits.is_empty()
        && digits
            .iter()
            .rev()
            .enumerate()
            .map(|(at, digit)| {
                let value = u32::from(digit.wrapping_sub(b'0'));
                match (at % 2, value) {
                    (1, 5..) => value * 2 - 9,
                    (1, _) => value * 2,
                    _ => value,
                }
            })
            .sum::<u32>()
            .is_multiple_of(10)
}

/// Whether the digits have the length, first digits and check digit of a payment card. Shape alone proves little: one
/// number of ten passes Luhn, so a context is needed before this counts as a find.
pub fn is_bank_card(digits: &[u8]) -> bool {
    let issuer = match digits {
        [b'6', b'2', ..] => (16..=19).contains(&digits.len()),
        [b'3', b'4' | b'7', ..] => digits.len() == 15,
        [b'3' | b'4' | b'5' | b'6', ..] => digits.len() == 16,
        _ => false,
    };
    issuer && digits.iter().all(u8::is_ascii_digit) && is_luhn(digits)
}

/// Whether 18 characters are a unified social credit code (GB 32100) whose organisation code (GB 11714) checks too.
pub fn is_uscc(text: &[u8]) -> bool {
    const SYMBOLS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    if text.len() != 18 || !matches!(text[0], b'1'..=b'9' | b'A' | b'N' | b'Y') {
        return false;
    }
    let mut sum = 0;
    let mut weight = 1;
    for &symbol in &text[..17] {
        let Some(value) = SYMBOLS.iter().position(|&s| s == symbol) else {
            return false;
        };
        sum += value as u32 * weight;
        weight = weight * 3 % 31;
    }
    if text[17] != SYMBOLS[((31 - sum % 31) % 31) as usize] {
        return false;
    }
    const ORGANISATION: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = text[8..16]
        .iter()
        .zip(ORGANISATION)
        .map(|(&symbol, weight)| {
            let value = match symbol {
                b'0'..=b'9' => symbol - b'0',
                _ => symbol - b'A' + 10,
            };
            u32::from(value) * weight
        })
        .sum();
    let want = match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + digit as u8,
    };
    text[16] == want
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mobiles_by_segment() {
        for segment in [
            130, 139, 145, 147, 149, 150, 153, 155, 159, 162, 165, 167, 170, 178, 180, 189, 190,
            193, 195, 199,
        ] {
            let number = format!("{segment}00000001");
            assert!(is_mobile(number.as_bytes()), "{number}");
        }
        for segment in [154, 160, 161, 163, 164, 168, 169, 179, 194, 140, 141, 144] {
            let number = format!("{segment}00000001");
            assert!(!is_mobile(number.as_bytes()), "{number}");
        }
        assert!(!is_mobile(b"1380000001"));
        assert!(!is_mobile(b"23800000001"));
    }

    #[test]
    fn resident_ids() {
        assert!(is_resident_id(b"11010519491231002X"));
        assert!(is_resident_id(b"11010519491231002x"));
        assert!(is_resident_id(b"440524188001010014"));
        assert!(!is_resident_id(b"110105194912310021"), "check digit");
        assert!(!is_resident_id(b"11010519490230002X"), "30 February");
        assert!(!is_resident_id(b"19010519491231002X"), "province");
    }

    #[test]
    fn cards() {
        assert!(is_bank_card(b"6222021234567890128"));
        assert!(!is_bank_card(b"6222021234567890129"));
        assert!(is_bank_card(b"4111111111111111"));
        assert!(!is_bank_card(b"1111111111111117"));
    }

    #[test]
    fn credit_codes() {
        assert!(is_uscc(b"91350100M000100Y43"));
        assert!(!is_uscc(b"91350100M000100Y44"));
        assert!(!is_uscc(b"9135010OM000100Y43"), "no letter O");
    }
}
