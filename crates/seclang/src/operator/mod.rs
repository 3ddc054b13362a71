//! Operators: what a value is held against.

mod build;
mod net;
mod phrases;
mod validate;

use regex::bytes::Regex;

pub(crate) use build::{build, remark};
pub(crate) use phrases::Phrases;

use crate::template::Template;
use net::Networks;
use validate::ByteSet;

/// An operator, compiled.
#[derive(Debug)]
pub(crate) enum Operator {
    Rx(Regex),
    /// Every match, captured one after the other.
    RxGlobal(Regex),
    Pm(Phrases),
    StrEq(Template),
    Contains(Template),
    ContainsWord(Template),
    BeginsWith(Template),
    EndsWith(Template),
    Within(Template),
    Number(Order, Template),
    IpMatch(Networks),
    ByteRange(Box<ByteSet>),
    UrlEncoding,
    Utf8Encoding,
    DetectSqli,
    DetectXss,
    Unconditional,
    NoMatch,
    VerifyCard(Regex),
    VerifyCpf(Regex),
    VerifySsn(Regex),
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Eq,
    Ne,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    /// The argument whose macros must be filled before `matches` is called.
    pub(crate) fn argument(&self) -> Option<&Template> {
        match self {
            Self::StrEq(t)
            | Self::Contains(t)
            | Self::ContainsWord(t)
            | Self::BeginsWith(t)
            | Self::EndsWith(t)
            | Self::Within(t)
            | Self::Number(_, t) => Some(t),
            _ => None,
        }
    }

    /// Whether the value matches; negation is the rule's affair. With `captures`, the groups go there.
    pub(crate) fn matches(
        &self,
        value: &[u8],
        argument: &[u8],
        captures: Option<&mut Vec<Vec<u8>>>,
    ) -> bool {
        match self {
            Self::Rx(re) => rx(re, value, captures),
            Self::RxGlobal(re) => rx_global(re, value, captures),
            Self::Pm(phrases) => match captures {
                None => phrases.is_match(value),
                Some(captures) => match phrases.find(value) {
                    Some(found) => {
                        captures.push(found.to_vec());
                        true
                    }
                    None => false,
                },
            },
            Self::StrEq(_) => value == argument,
            Self::Contains(_) => memchr::memmem::find(value, argument).is_some(),
            Self::ContainsWord(_) => validate::contains_word(value, argument),
            Self::BeginsWith(_) => value.starts_with(argument),
            Self::EndsWith(_) => value.ends_with(argument),
            Self::Within(_) => memchr::memmem::find(argument, value).is_some(),
            Self::Number(order, _) => order.holds(number(value), number(argument)),
            Self::IpMatch(networks) => networks.contains(value),
            Self::ByteRange(set) => !set.contains_all(value),
            Self::UrlEncoding => validate::bad_url_encoding(value),
            Self::Utf8Encoding => std::str::from_utf8(value).is_err(),
            Self::DetectSqli => {
                if !sqli_possible(value) {
                    return false;
                }
                let mut state =
                    libinjectionrs::SqliState::new(value, libinjectionrs::SqliFlags::FLAG_NONE);
                let found = state.detect();
                if found && let Some(captures) = captures {
                    captures.push(state.fingerprint_string().into_bytes());
                }
                found
            }
            Self::DetectXss => {
                let found = xss_possible(value) && libinjectionrs::detect_xss(value).is_injection();
                if found && let Some(captures) = captures {
                    captures.push(value.to_vec());
                }
                found
            }
            Self::Unconditional => true,
            Self::NoMatch => false,
            Self::VerifyCard(re) => verify(re, value, validate::luhn, captures),
            Self::VerifyCpf(re) => verify(re, value, validate::cpf, captures),
            Self::VerifySsn(re) => verify(re, value, validate::ssn, captures),
        }
    }
}

impl Order {
    pub(crate) fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Ge => left >= right,
            Self::Gt => left > right,
            Self::Le => left <= right,
            Self::Lt => left < right,
        }
    }
}

/// C's `atoi`: leading blanks, a sign, digits; anything else is 0.
pub(crate) fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0i64, |v, b| {
            v.saturating_mul(10).saturating_add(i64::from(b - b'0'))
        });
    if negative { -value } else { value }
}

/// A word of letters alone is one token to the SQL detector, and no fingerprint has one token.
fn sqli_possible(value: &[u8]) -> bool {
    value.len() > 1
        && value
            .iter()
            .any(|b| !(b.is_ascii_alphabetic() || *b == b'_'))
        && value.iter().any(|b| !b.is_ascii_digit())
}

/// Every finding of the HTML detector needs a tag or an attribute with a value.
fn xss_possible(value: &[u8]) -> bool {
    memchr::memchr2(b'<', b'=', value).is_some()
}

fn rx(re: &Regex, value: &[u8], captures: Option<&mut Vec<Vec<u8>>>) -> bool {
    // Most values don't match, and groups cost an allocation.
    if !re.is_match(value) {
        return false;
    }
    let Some(captures) = captures else {
        return true;
    };
    let Some(found) = re.captures(value) else {
        return false;
    };
    for group in found.iter().take(MAX_CAPTURES) {
        captures.push(group.map(|g| g.as_bytes().to_vec()).unwrap_or_default());
    }
    true
}

fn rx_global(re: &Regex, value: &[u8], captures: Option<&mut Vec<Vec<u8>>>) -> bool {
    let Some(captures) = captures else {
        return re.is_match(value);
    };
    for found in re.captures_iter(value) {
        for group in found.iter().flatten() {
            if captures.len() == MAX_CAPTURES {
                return true;
            }
            captures.push(group.as_bytes().to_vec());
        }
    }
    !captures.is_empty()
}

fn verify(
    re: &Regex,
    value: &[u8],
    check: fn(&[u8]) -> bool,
    captures: Option<&mut Vec<Vec<u8>>>,
) -> bool {
    let Some(found) = re.find_iter(value).find(|m| check(m.as_bytes())) else {
        return false;
    };
    if let Some(captures) = captures {
        captures.push(found.as_bytes().to_vec());
    }
    true
}

/// TX:0 to TX:9.
const MAX_CAPTURES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse_operator;
    use crate::sources::MemorySources;

    fn op(text: &str) -> (Operator, bool, Vec<u8>) {
        let decl = parse_operator(text).unwrap();
        let op = build(&decl, "", &MemorySources::new()).unwrap();
        let arg = op
            .argument()
            .and_then(|t| t.fixed().map(<[u8]>::to_vec))
            .unwrap_or_default();
        (op, decl.negated, arg)
    }

    fn hit(text: &str, value: &[u8]) -> bool {
        let (op, negated, arg) = op(text);
        op.matches(value, &arg, None) != negated
    }

    #[test]
    fn table() {
        for (text, yes, no) in [
            ("@rx ^a+$", &b"aaa"[..], &b"b"[..]),
            ("plain", b"a plain b", b"x"),
            ("!@rx ^$", b"x", b""),
            ("@pm attack |0A|x", b"an ATTACK", b"at tack"),
            ("@contains ab", b"xaby", b"a b"),
            ("@containsWord ab", b"x ab,", b"xaby"),
            ("@beginsWith ab", b"abc", b"cab"),
            ("@endsWith ab", b"cab", b"abc"),
            ("@within GET POST", b"GET", b"PUT"),
            ("@streq a", b"a", b"aa"),
            ("@eq 5", b"5", b"6"),
            ("@ne 5", b"6", b"5"),
            ("@gt 5", b"6", b"5"),
            ("@ge 5", b"5", b"4"),
            ("@lt 5", b"-4", b"5"),
            ("@le 5", b"5", b"6"),
            ("@ipMatch 10.0.0.0/8,::1", b"10.2.3.4", b"11.0.0.1"),
            ("@ipMatch ::1,fe80::/10", b"fe80::5", b"::2"),
            ("@validateByteRange 32-126", b"\x01", b"abc"),
            ("@validateUrlEncoding", b"%4", b"%41"),
            ("@validateUtf8Encoding", b"\xc0\xaf", "中文".as_bytes()),
            ("@detectSQLi", b"' or 1=1 --", b"hello world"),
            ("@detectXSS", b"<script>alert(1)</script>", b"a < b"),
            ("@unconditionalMatch", b"", b""),
            ("@noMatch", b"", b""),
            (
                "@verifyCC \\d{13,16}",
                b"n 4111111111111111",
                b"n 4111111111111112",
            ),
            ("@strmatch b c", b"a b c", b"abc"),
        ] {
            match text {
                "@unconditionalMatch" => assert!(hit(text, yes)),
                "@noMatch" => assert!(!hit(text, no)),
                _ => {
                    assert!(
                        hit(text, yes),
                        "{text} should match {:?}",
                        String::from_utf8_lossy(yes)
                    );
                    assert!(
                        !hit(text, no),
                        "{text} should not match {:?}",
                        String::from_utf8_lossy(no)
                    );
                }
            }
        }
    }

    #[test]
    fn captures() {
        let (op, _, _) = op("@rx (a)(b)?(c)");
        let mut groups = Vec::new();
        assert!(op.matches(b"xac", b"", Some(&mut groups)));
        assert_eq!(
            groups,
            [b"ac".to_vec(), b"a".to_vec(), Vec::new(), b"c".to_vec()]
        );
    }

    #[test]
    fn refused_operators_say_why() {
        for text in ["@validateDTD x", "@inspectFile /x", "@frobnicate"] {
            let decl = parse_operator(text).unwrap();
            assert!(build(&decl, "", &MemorySources::new()).is_err(), "{text}");
        }
    }

    /// The gate before the SQL detector never hides a finding.
    #[test]
    fn gate_is_silent() {
        for a in 0..=255u8 {
            for b in [b'a', b'1', b'_', b'\'', b' ', a] {
                for c in [b'a', b'1', b'_', a] {
                    let value = [a, b, c];
                    if !sqli_possible(&value) {
                        assert!(
                            !libinjectionrs::detect_sqli(&value).is_injection(),
                            "{value:?}"
                        );
                    }
                }
            }
        }
        for word in [
            "union", "select", "sleep", "or", "SELECT_", "null", "true", "waitfor", "x", "u", "1",
            "0", "12345", "exec", "drop",
        ] {
            if !sqli_possible(word.as_bytes()) {
                assert!(
                    !libinjectionrs::detect_sqli(word.as_bytes()).is_injection(),
                    "{word}"
                );
            }
        }
    }
}
