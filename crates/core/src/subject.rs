//! The person behind the data, and values that must not be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::KindSet;

/// The keyed name of a person: the first 128 bits of HMAC-SHA-256 under the tenant's key. Equal for the same person
/// and key, meaningless without the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectToken([u8; 16]);

impl SubjectToken {
    /// The token with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the token.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectToken({self})")
    }
}

impl FromStr for SubjectToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| TokenError)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for SubjectToken {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        text.parse()
    }
}

impl From<SubjectToken> for String {
    fn from(token: SubjectToken) -> Self {
        token.to_string()
    }
}

/// Text that is no subject token.
#[derive(Debug, thiserror::Error)]
#[error("a subject token is 32 hexadecimal digits")]
pub struct TokenError;

/// A subject and the kinds of their data seen in one response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Whose data it is.
    pub subject: SubjectToken,
    /// Which kinds were seen.
    pub kinds: KindSet,
    /// Other tokens that this response proves to be the same person (a mobile number in the customer's own record).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<SubjectToken>,
}

impl Sighting {
    /// A sighting without aliases.
    pub const fn new(subject: SubjectToken, kinds: KindSet) -> Self {
        Self {
            subject,
            kinds,
            aliases: Vec::new(),
        }
    }
}

/// A value as it came from the wire, which may be personal. It prints as `‹raw›`, can't be serialised, and leaves its
/// wrapper only through [`Raw::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Raw<T>(T);

impl<T> Raw<T> {
    /// Wraps a value from the wire.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call is a place to ask why it is needed.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself, taken out for good.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Raw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹raw›")
    }
}

/// A value made unreadable that keeps its length and shape, such as `138****0001`. Only a masker makes one.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    /// States that a masker has made this value unreadable.
    pub const fn by_masker(value: T) -> Self {
        Self(value)
    }

    /// The masked value, free to be shown.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_value_does_not_print() {
        assert_eq!(format!("{:?}", Raw::new("13800000001")), "‹raw›");
    }

    #[test]
    fn a_token_round_trips_and_refuses_other_text() {
        let token = SubjectToken::from_bytes([0xAB; 16]);
        assert_eq!(token.to_string().parse::<SubjectToken>().unwrap(), token);
        assert!("xyz".parse::<SubjectToken>().is_err());
        assert!(serde_json::from_str::<SubjectToken>("\"ab\"").is_err());
    }
}
