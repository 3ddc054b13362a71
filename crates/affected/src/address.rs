//! An e-mail address as a person types it.

use std::fmt;

/// An e-mail address that can be one. The host is in lower case. It prints masked, since it is personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    at: usize,
}

/// Longest address (RFC 5321, 4.5.3.1.3, without the angle brackets), bytes.
const LONGEST: usize = 254;
/// Longest part before the `@` (RFC 5321, 4.5.3.1.1), bytes.
const LONGEST_USER: usize = 64;
/// Longest label of a host (RFC 1035, 2.3.4), bytes.
const LONGEST_LABEL: usize = 63;

impl Address {
    /// Reads what was typed. Only the forms that mail servers of the public take: a dot-atom (RFC 5322, 3.2.3) at a host
    /// with at least two labels, ASCII. Full-width `＠` and `．`, which Chinese input methods make, are read as meant.
    ///
    /// # Errors
    /// [`AddressError`]; it does not repeat the text.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        if typed.len() > 4 * LONGEST {
            return Err(AddressError::Long);
        }
        let text: String = typed
            .trim()
            .chars()
            .map(|c| match c {
                '＠' => '@',
                '．' | '。' => '.',
                other => other,
            })
            .collect();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > LONGEST {
            return Err(AddressError::Long);
        }
        let (user, host) = text.split_once('@').ok_or(AddressError::Form)?;
        let labels: Vec<&str> = host.split('.').collect();
        let is_user = user.len() <= LONGEST_USER
            && user
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(is_atext));
        let is_host = labels.len() >= 2
            && labels.iter().all(|label| is_label(label))
            // An address with a number for a top-level domain is a network address.
            && labels
                .last()
                .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
        if !is_user || !is_host {
            return Err(AddressError::Form);
        }
        Ok(Self {
            text: format!("{user}@{}", host.to_ascii_lowercase()),
            at: user.len(),
        })
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In the form in which two spellings of one mailbox are equal: hardly any server tells cases apart.
    pub fn folded(&self) -> String {
        self.text.to_ascii_lowercase()
    }

    /// The address for lists: first letters and the top-level domain. A host can be a person's own name, too.
    pub fn masked(&self) -> String {
        let first = |text: &str| text.chars().take(1).collect::<String>();
        let host = self.text.get(self.at + 1..).unwrap_or_default();
        let top = host.rsplit('.').next().unwrap_or_default();
        format!("{}***@{}***.{top}", first(&self.text), first(host))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.masked())
    }
}

const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
        )
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing was typed.
    #[error("the address is empty")]
    Empty,
    /// Longer than an address can be.
    #[error("an address has at most {LONGEST} bytes")]
    Long,
    /// Not of the form name@example.com.
    #[error("the address is not of the form name@example.com")]
    Form,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_is_read_and_what_could_do_harm_is_not() {
        for (typed, read) in [
            ("a@b.cn", "a@b.cn"),
            (
                "  Li.Na+hudun@Mail.Example.COM\n",
                "Li.Na+hudun@mail.example.com",
            ),
            ("li＠example。com", "li@example.com"),
            ("x@xn--fiqs8s.xn--fiqs8s", "x@xn--fiqs8s.xn--fiqs8s"),
        ] {
            assert_eq!(Address::parse(typed).unwrap().as_str(), read);
        }
        for typed in [
            "a",
            "@b.cn",
            "a@",
            "a@b",
            "a@@b.cn",
            "a@b.cn,c@d.cn",
            "a b@c.cn",
            "a@b.cn\r\nBcc: c@d.cn",
            "\"a\"@b.cn",
            ".a@b.cn",
            "a..b@c.cn",
            "a@-b.cn",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@b..cn",
            "李@例子.中国",
        ] {
            assert_eq!(Address::parse(typed), Err(AddressError::Form), "{typed}");
        }
        assert_eq!(Address::parse(" "), Err(AddressError::Empty));
        let long = format!("a@{}cn", "b.".repeat(200));
        assert_eq!(Address::parse(&long), Err(AddressError::Long));
        let label = format!("a@{}.cn", "b".repeat(64));
        assert_eq!(Address::parse(&label), Err(AddressError::Form));
    }

    #[test]
    fn it_does_not_print() {
        let address = Address::parse("zhangsan@example.cn").unwrap();
        assert_eq!(format!("{address:?}"), "Address(z***@e***.cn)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(typed in "\\PC{0,40}(@\\PC{0,40})?") {
            if let Ok(address) = Address::parse(&typed) {
                prop_assert!(address.as_str().is_ascii());
                prop_assert!(!address.as_str().contains(|c: char| c.is_whitespace() || c.is_control() || c == ','));
                let again = Address::parse(address.as_str()).unwrap();
                prop_assert_eq!(again.masked(), address.masked());
            }
        }
    }
}
