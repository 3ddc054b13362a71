//! Names of persons: HMAC-SHA-256 under the tenant's key.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use hudun_core::{DataKind, SubjectToken};
use sha2::Sha256;

/// Makes [`SubjectToken`]s under one tenant's key. Cloning is cheap, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct Keyer(Hmac<Sha256>);

/// The namespace of the profile's own customer key.
pub const CUSTOMER: &str = "customer";

impl Keyer {
    /// A keyer under this key.
    pub fn new(tenant_key: &[u8; 32]) -> Self {
        // A key of 32 bytes is shorter than the block of SHA-256, so this is what `new_from_slice` does, without its
        // error case.
        let mut block = [0; 64];
        block[..32].copy_from_slice(tenant_key);
        let keyer = Self(Hmac::<Sha256>::new(&block.into()));
        block.fill(0);
        keyer
    }

    /// The token of a value in a namespace: the first 16 bytes of HMAC(key, namespace ‖ 0 ‖ normalised value). What
    /// two writings of one value have in common (`+86 138-0000-0001`, `13800000001`) is the normal form.
    pub fn subject(&self, namespace: &str, value: &str) -> SubjectToken {
        self.token(namespace, &normalise(namespace, value))
    }

    /// The token of a value that is in normal form already.
    pub(crate) fn token(&self, namespace: &str, normal: &[u8]) -> SubjectToken {
        let mut mac = self.0.clone();
        mac.update(namespace.as_bytes());
        mac.update(&[0]);
        mac.update(normal);
        let digest = mac.finalize().into_bytes();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        SubjectToken::from_bytes(bytes)
    }
}

impl fmt::Debug for Keyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyer(‹secret›)")
    }
}

/// The namespace in which values of a kind name a person: the kind's own name.
pub const fn namespace(kind: DataKind) -> &'static str {
    kind.name()
}

/// The normal form of a value in a namespace.
pub(crate) fn normalise(namespace: &str, value: &str) -> Vec<u8> {
    match namespace {
        "mobile" => mobile_digits(value),
        "email" if value.is_ascii() => value.trim().to_ascii_lowercase().into_bytes(),
        "email" => value.trim().to_lowercase().into_bytes(),
        "resident-id" | "passport" | "bank-card" | "uscc" => value
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '\u{3000}'))
            .map(half_width)
            .flat_map(char::to_uppercase)
            .collect::<String>()
            .into_bytes(),
        _ => value.trim().as_bytes().to_vec(),
    }
}

fn mobile_digits(value: &str) -> Vec<u8> {
    let digits: Vec<u8> = value
        .chars()
        .map(half_width)
        .filter(char::is_ascii_digit)
        .map(|c| c as u8)
        .collect();
    let national = match digits.len() {
        13 => digits.strip_prefix(b"86"),
        15 => digits.strip_prefix(b"0086"),
        _ => None,
    };
    national.unwrap_or(&digits).to_vec()
}

/// Full-width digits and letters as their ASCII twins.
pub(crate) fn half_width(c: char) -> char {
    match c as u32 {
        wide @ 0xFF01..=0xFF5E => char::from_u32(wide - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writings_of_one_value_share_a_token_and_namespaces_do_not() {
        let keyer = Keyer::new(&[1; 32]);
        let plain = keyer.subject("mobile", "13800000001");
        for other in [
            "+86 138 0000 0001",
            "0086-138-0000-0001",
            "１３８００００００01",
        ] {
            assert_eq!(keyer.subject("mobile", other), plain, "{other}");
        }
        assert_ne!(keyer.subject("qq", "13800000001"), plain);
        assert_ne!(Keyer::new(&[2; 32]).subject("mobile", "13800000001"), plain);
        assert_eq!(
            keyer.subject("email", " Zhang@Example.COM"),
            keyer.subject("email", "zhang@example.com")
        );
    }

    #[test]
    fn the_token_is_hmac_sha_256_of_namespace_zero_value() {
        let mut mac = Hmac::<Sha256>::new_from_slice(&[9; 32]).unwrap();
        mac.update(b"customer\0c-17");
        let want = mac.finalize().into_bytes();
        let got = Keyer::new(&[9; 32]).subject(CUSTOMER, "c-17");
        assert_eq!(got.as_bytes()[..], want[..16]);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", Keyer::new(&[7; 32])), "Keyer(‹secret›)");
    }
}
