//! A number that messages can be sent to.

use std::fmt;

use crate::keyer::half_width;
use crate::validate::is_mobile;

/// A telephone number in international form (ITU-T E.164): `+` and up to fifteen digits. It prints masked, since it is
/// personal data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// Fewest digits of a number that is reached from abroad, country code included.
const SHORTEST: usize = 8;
/// Most digits (E.164, 6.2).
const LONGEST: usize = 15;
/// Longest text that is looked at, bytes.
const LONGEST_TEXT: usize = 64;

impl Phone {
    /// Reads a number as people write it: spaces, hyphens, dots, brackets and full-width digits are taken as meant, `00`
    /// as `+`. Without a country code it must be a mobile number of mainland China, of an assigned segment; so must one
    /// that begins with +86, since only mobiles take messages.
    ///
    /// # Errors
    /// [`PhoneError`]; it does not repeat the text.
    pub fn parse(typed: &str) -> Result<Self, PhoneError> {
        if typed.len() > LONGEST_TEXT {
            return Err(PhoneError::Form);
        }
        let mut digits = String::new();
        let mut plus = false;
        for c in typed.trim().chars().map(half_width) {
            match c {
                '+' if digits.is_empty() && !plus => plus = true,
                '0'..='9' => digits.push(c),
                ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{3000}' => {}
                _ => return Err(PhoneError::Form),
            }
        }
        if digits.is_empty() {
            return Err(PhoneError::Empty);
        }
        if !plus && let Some(rest) = digits.strip_prefix("00") {
            plus = true;
            digits = rest.to_owned();
        }
        if !plus {
            // 86 without a plus is common in exports; a mobile never begins with 8.
            let national = match digits.strip_prefix("86") {
                Some(rest) if digits.len() == 13 => rest.to_owned(),
                _ => digits,
            };
            digits = format!("86{national}");
        }
        if let Some(national) = digits.strip_prefix("86")
            && !is_mobile(national.as_bytes())
        {
            return Err(PhoneError::NotMobile);
        }
        if !(SHORTEST..=LONGEST).contains(&digits.len()) || digits.starts_with('0') {
            return Err(PhoneError::Form);
        }
        Ok(Self(format!("+{digits}")))
    }

    /// `+8613800000001`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The eleven digits of a mobile of mainland China; `None` for every other number.
    pub fn chinese(&self) -> Option<&str> {
        self.0.strip_prefix("+86")
    }

    /// For lists: what stands before the last eight digits, and the last two.
    pub fn masked(&self) -> String {
        let keep = self.0.len().saturating_sub(8);
        let (head, tail) = self.0.split_at(keep);
        let end = tail.get(tail.len().saturating_sub(2)..).unwrap_or_default();
        format!("{head}******{end}")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// Text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// There are no digits.
    #[error("the number is empty")]
    Empty,
    /// Not a number of E.164.
    #[error("the number is not of the form +86 138 0000 0001")]
    Form,
    /// A number of mainland China that is no mobile of an assigned segment.
    #[error(
        "the number is no mobile number of mainland China; write others with + and country code"
    )]
    NotMobile,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (typed, read) in [
            ("13800000001", "+8613800000001"),
            ("138 0000 0001", "+8613800000001"),
            ("138-0000-0001", "+8613800000001"),
            ("+86 138 0000 0001", "+8613800000001"),
            ("0086-13800000001", "+8613800000001"),
            ("8613800000001", "+8613800000001"),
            ("１３８０００００００１", "+8613800000001"),
            ("+1 (415) 555-2671", "+14155552671"),
            ("+852 5123 4567", "+85251234567"),
            ("0044 7911 123456", "+447911123456"),
        ] {
            let phone = Phone::parse(typed);
            assert_eq!(phone.as_ref().map(Phone::as_str), Ok(read), "{typed}");
        }
        for (typed, why) in [
            ("", PhoneError::Empty),
            (" - ", PhoneError::Empty),
            ("15400000001", PhoneError::NotMobile),
            ("1380000000", PhoneError::NotMobile),
            ("138000000011", PhoneError::NotMobile),
            ("010-66666666", PhoneError::NotMobile),
            ("+86 10 6666 6666", PhoneError::NotMobile),
            ("+1234", PhoneError::Form),
            ("+1234567890123456", PhoneError::Form),
            ("+0123456789", PhoneError::Form),
            ("138a0000001", PhoneError::Form),
            ("13800000001,13800000002", PhoneError::Form),
            ("138000\n00001", PhoneError::Form),
        ] {
            assert_eq!(Phone::parse(typed), Err(why), "{typed}");
        }
    }

    #[test]
    fn it_does_not_print() {
        let phone = Phone::parse("13812345678").unwrap();
        assert_eq!(format!("{phone:?}"), "Phone(+86138******78)");
        assert_eq!(phone.chinese(), Some("13812345678"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(typed in "\\PC{0,40}|[+0-9 ()-]{0,24}") {
            if let Ok(phone) = Phone::parse(&typed) {
                prop_assert!(phone.as_str().starts_with('+'));
                prop_assert!(phone.as_str()[1..].bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(Phone::parse(phone.as_str()).unwrap(), phone);
            }
        }
    }
}
