//! What a letter says and to whom, sealed while it lies in the outbox.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

/// Seals letters: ChaCha20-Poly1305 with the letter's own key in the outbox as associated data, so that no body can be
/// put under another person's key.
#[derive(Clone, PartialEq, Eq)]
pub struct LetterSeal([u8; 32]);

impl fmt::Debug for LetterSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LetterSeal")
    }
}

impl LetterSeal {
    /// A seal under this key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Seals the body of the letter with this key.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, dedupe: &str, body: &str) -> Result<String, SealError> {
        let nonce: [u8; 12] = rand::random();
        let payload = Payload {
            msg: body.as_bytes(),
            aad: dedupe.as_bytes(),
        };
        let sealed = self
            .cipher()
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError)?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{SEALED}{}", STANDARD.encode(bytes)))
    }

    fn open(&self, dedupe: &str, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, msg) = bytes.split_first_chunk::<12>()?;
        let payload = Payload {
            msg,
            aad: dedupe.as_bytes(),
        };
        let plain = self.cipher().decrypt(&Nonce::from(*nonce), payload).ok()?;
        String::from_utf8(plain).ok()
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&self.0.into())
    }
}

/// Seals a body where there is a seal.
pub(crate) fn sealed(
    seal: Option<&LetterSeal>,
    dedupe: &str,
    body: String,
) -> Result<String, SealError> {
    match seal {
        Some(seal) => seal.seal(dedupe, &body),
        None => Ok(body),
    }
}

/// A body as it was before it was sealed. One that was posted without a seal, by an earlier version, is as it is.
pub(crate) fn opened<'a>(
    seal: Option<&LetterSeal>,
    dedupe: &str,
    body: &'a str,
) -> Result<Cow<'a, str>, SealError> {
    match (body.strip_prefix(SEALED), seal) {
        (None, _) => Ok(Cow::Borrowed(body)),
        (Some(rest), Some(seal)) => seal.open(dedupe, rest).map(Cow::Owned).ok_or(SealError),
        (Some(_), None) => Err(SealError),
    }
}

/// A letter that can't be sealed, or does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a letter in the outbox does not open; was the master key replaced?")]
pub struct SealError;

/// What sealed bodies begin with; JSON never does.
const SEALED: &str = "sealed:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_opens_under_its_own_key_only() {
        let seal = LetterSeal::new([7; 32]);
        let body = r#"{"to":"+8613800000001"}"#;
        let lying = seal.seal("notice/n/1", body).unwrap();
        assert!(!lying.contains("138"), "{lying}");
        let open = |seal, dedupe, body: &str| opened(seal, dedupe, body).map(Cow::into_owned);
        assert_eq!(open(Some(&seal), "notice/n/1", &lying).unwrap(), body);
        assert_eq!(open(Some(&seal), "notice/n/2", &lying), Err(SealError));
        let other = LetterSeal::new([8; 32]);
        assert_eq!(open(Some(&other), "notice/n/1", &lying), Err(SealError));
        assert_eq!(open(None, "notice/n/1", &lying), Err(SealError));
        assert_eq!(open(Some(&seal), "x", "sealed:!"), Err(SealError));
        // What an earlier version posted goes out as well.
        assert_eq!(open(Some(&seal), "notice/n/1", body).unwrap(), body);
    }
}
