//! Making a value unreadable while its length in characters and its shape stay.

use hudun_core::{DataKind, Masked};

/// A value with the parts hidden that identify: `138****0001`, `张*`, `z****@example.com`. The length in characters stays.
pub fn mask(kind: DataKind, value: &str) -> Masked<String> {
    let hidden = hide(kind, value);
    Masked::by_masker(
        value
            .chars()
            .zip(hidden)
            .map(|(c, hide)| if hide { '*' } else { c })
            .collect(),
    )
}

/// A JSON number of the same length that says nothing: `13800000001` becomes `10000000000`, `-12.5` becomes `-10.0`.
pub fn mask_number(number: &str) -> Masked<String> {
    let mut first = number.bytes().filter(u8::is_ascii_digit).count() > 1
        && !number.trim_start_matches('-').starts_with('0');
    Masked::by_masker(
        number
            .chars()
            .map(|c| match c {
                '0'..='9' if first => {
                    first = false;
                    '1'
                }
                '0'..='9' => '0',
                other => other,
            })
            .collect(),
    )
}

/// For every character of the value: whether it is hidden.
pub(crate) fn hide(kind: DataKind, value: &str) -> Vec<bool> {
    let chars: Vec<char> = value.chars().collect();
    let len = chars.len();
    let shows = |c: char| c.is_alphanumeric();
    match kind {
        DataKind::Mobile => {
            let digits = chars.iter().filter(|c| c.is_numeric()).count();
            let (head, tail) = if digits >= 11 {
                (digits - 8, 4)
            } else {
                (0, 2)
            };
            let mut seen = 0;
            chars
                .iter()
                .map(|c| {
                    if !c.is_numeric() {
                        return c.is_alphabetic();
                    }
                    seen += 1;
                    seen > head && seen + tail <= digits
                })
                .collect()
        }
        DataKind::Email => {
            // Without a part before the sign it is no address, whatever else it is.
            let at = chars.iter().position(|c| *c == '@').filter(|at| *at > 0);
            let at = at.unwrap_or(len);
            let from = usize::from(at > 1);
            (0..len).map(|i| i >= from && i < at).collect()
        }
        DataKind::Name => (0..len).map(|i| i >= usize::from(len > 1)).collect(),
        DataKind::ResidentId if len >= 15 => edges(len, 3, 2),
        DataKind::BankCard if len >= 13 => edges(len, 4, 4),
        DataKind::Passport | DataKind::OpenId | DataKind::UnionId | DataKind::ExternalUserId
            if len >= 8 =>
        {
            edges(len, 2, 2)
        }
        DataKind::Address if len > 6 => edges(len, 3, 0),
        DataKind::Plate if len >= 7 => edges(len, 2, 1),
        _ => chars.iter().map(|c| shows(*c)).collect(),
    }
}

fn edges(len: usize, head: usize, tail: usize) -> Vec<bool> {
    (0..len).map(|i| i >= head && i + tail < len).collect()
}

/// Whether somebody has hidden this value already, so that it tells nothing new.
pub(crate) fn is_masked(kind: DataKind, text: &str) -> bool {
    // The first bytes of all the signs below; most values have none of them.
    if !text
        .bytes()
        .any(|byte| matches!(byte, b'*' | 0xC3 | 0xE2 | 0xEF))
    {
        return false;
    }
    let stars = text
        .chars()
        .filter(|c| matches!(c, '*' | '＊' | '•' | '●' | '×'))
        .count();
    if stars > 0 && !text.chars().any(char::is_alphanumeric) {
        return true;
    }
    match kind {
        // In what people write, a star stands for itself.
        DataKind::Conversation | DataKind::Profile | DataKind::Credential => false,
        DataKind::Name | DataKind::Gender | DataKind::Email => stars >= 1,
        _ => stars >= 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay() {
        for (kind, value, want) in [
            (DataKind::Mobile, "13800000001", "138****0001"),
            (DataKind::Mobile, "+86 138-0000-0001", "+86 138-****-0001"),
            (DataKind::Name, "张三", "张*"),
            (DataKind::Name, "欧阳娜娜", "欧***"),
            (DataKind::Email, "zhang@example.com", "z****@example.com"),
            (
                DataKind::ResidentId,
                "11010519491231002X",
                "110*************2X",
            ),
            (
                DataKind::BankCard,
                "6222021234567890128",
                "6222***********0128",
            ),
            (DataKind::Birthday, "1990-01-02", "****-**-**"),
            (DataKind::Address, "北京市朝阳区某路1号", "北京市*******"),
            (DataKind::Gender, "男", "*"),
        ] {
            assert_eq!(mask(kind, value).get(), want);
            assert!(is_masked(kind, want), "{want}");
        }
    }

    #[test]
    fn numbers_stay_numbers() {
        for (value, want) in [
            ("13800000001", "10000000000"),
            ("7", "0"),
            ("-12.5", "-10.0"),
            ("0.25", "0.00"),
            ("1.5e10", "1.0e00"),
        ] {
            assert_eq!(mask_number(value).get(), want);
        }
    }
}
