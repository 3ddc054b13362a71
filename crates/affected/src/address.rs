//! An e-mail address or a mobile number as a person types it.

use std::fmt;

use hudun_pii::Phone;

/// An e-mail address or a mobile number of mainland China that can be one. It prints masked, since it is personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address(Kind);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// The host is in lower case; `at` is the place of the `@`.
    Mail {
        text: String,
        at: usize,
    },
    Phone(Phone),
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
    /// What has no `@` may be a mobile number of mainland China; no other number, so that nobody can make the page send
    /// messages to numbers that cost their caller.
    ///
    /// # Errors
    /// [`AddressError`]; it does not repeat the text.
    pub fn parse(typed: &str) -> Result<Self, AddressError> {
        if typed.len() > 4 * LONGEST {
            return Err(AddressError::Long);
        }
        if !typed.contains(['@', '＠'])
            && let Ok(phone) = Phone::parse(typed)
            && phone.chinese().is_some()
        {
            return Ok(Self(Kind::Phone(phone)));
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
        Ok(Self(Kind::Mail {
            text: format!("{user}@{}", host.to_ascii_lowercase()),
            at: user.len(),
        }))
    }

    /// The address, or the number in international form.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kind::Mail { text, .. } => text,
            Kind::Phone(phone) => phone.as_str(),
        }
    }

    /// The number, when it is one.
    pub const fn phone(&self) -> Option<&Phone> {
        match &self.0 {
            Kind::Mail { .. } => None,
            Kind::Phone(phone) => Some(phone),
        }
    }

    /// In the form in which two spellings of one mailbox are equal: hardly any server tells cases apart.
    pub fn folded(&self) -> String {
        self.as_str().to_ascii_lowercase()
    }

    /// The address for lists: first letters and the top-level domain, or the number without its middle. A host can be a
    /// person's own name, too.
    pub fn masked(&self) -> String {
        let (text, at) = match &self.0 {
            Kind::Mail { text, at } => (text, *at),
            Kind::Phone(phone) => return phone.masked(),
        };
        let first = |text: &str| text.chars().take(1).collect::<String>();
        let host = text.get(at + 1..).unwrap_or_default();
        let top = host.rsplit('.').next().unwrap_or_default();
        format!("{}***@{}***.{top}", first(text), first(host))
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
    /// Neither of the form name@example.com nor a mobile number of mainland China.
    #[error("the address is not of the form name@example.com, and no mobile number")]
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
            ("138 0000 0001", "+8613800000001"),
            ("+86-13800000001", "+8613800000001"),
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
            "15400000001",
            "+1 415 555 2671",
            "13800000001,13800000002",
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
        let number = Address::parse("13812345678").unwrap();
        assert_eq!(format!("{number:?}"), "Address(+86138******78)");
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
