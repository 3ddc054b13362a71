//! Signed checkpoints: C2SP `tlog-checkpoint` bodies in C2SP `signed-note` envelopes, Ed25519.
//!
//! A checkpoint of one signer is five lines: origin, size, root in base64, an empty line, and
//! `— NAME BASE64(KEYHASH || SIGNATURE)`. Go's `sumdb/note` and any C2SP tool read the same bytes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::TryRng as _;
use sha2::{Digest, Sha256};

use crate::merkle::Hash;

/// What a checkpoint says: the log `origin` had `size` entries under the head `root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name; also the name of its key.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The Merkle tree head over them.
    pub root: Hash,
}

/// A checkpoint and the signature line under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What is signed.
    pub checkpoint: Checkpoint,
    key_hash: [u8; 4],
    signature: [u8; 64],
}

/// The private half of a log's key. Its `Debug` form doesn't show the key.
pub struct LogSigner {
    name: String,
    key: SigningKey,
}

/// The public half of a log's key, in C2SP form `NAME+HASH+BASE64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

/// What is wrong with a key or a note.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteError {
    /// A key name must be 1 to 255 bytes without white space, control characters or `+`.
    #[error("key name {0:?} is empty, too long, or holds a space or a plus sign")]
    Name(String),
    /// The text is not a key in C2SP form.
    #[error("not an Ed25519 key in C2SP form: {0}")]
    Key(&'static str),
    /// The operating system gave no random bytes for a new key.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
    /// The text is not a checkpoint in canonical form.
    #[error("not a signed checkpoint: {0}")]
    Form(&'static str),
    /// The checkpoint was signed by another key.
    #[error("signed by {found}, not by {wanted}")]
    OtherKey {
        /// Name and key hash in the note.
        found: String,
        /// Name and key hash of the key at hand.
        wanted: String,
    },
    /// The signature does not fit the text.
    #[error("the signature does not fit the text")]
    Signature,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(self.root)
        )
    }
}

impl SignedCheckpoint {
    /// Reads the five lines; anything but the canonical form is refused. The signature is not yet
    /// checked: see [`SignedCheckpoint::verify`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        if text.len() > MAX_NOTE {
            return Err(NoteError::Form("longer than 4 KiB"));
        }
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(NoteError::Form("fewer than five lines"));
        let origin = line()?.to_owned();
        let size = line()?
            .parse()
            .map_err(|_| NoteError::Form("the size is not a number"))?;
        let root = BASE64
            .decode(line()?)
            .ok()
            .and_then(|root| root.try_into().ok());
        let root = root.ok_or(NoteError::Form("the root is not 32 bytes in base64"))?;
        if !line()?.is_empty() {
            return Err(NoteError::Form("no empty line above the signature"));
        }
        let signed = line()?
            .strip_prefix("— ")
            .ok_or(NoteError::Form("no signature line"))?;
        let (name, signature) = signed
            .split_once(' ')
            .ok_or(NoteError::Form("no signature in its line"))?;
        check_name(&origin)?;
        if name != origin {
            return Err(NoteError::Form("signer and origin differ"));
        }
        let bytes = BASE64
            .decode(signature)
            .map_err(|_| NoteError::Form("the signature is not base64"))?;
        let (Some(key_hash), Some(signature)) = (
            bytes.first_chunk(),
            bytes.get(4..).and_then(|s| s.try_into().ok()),
        ) else {
            return Err(NoteError::Form("the signature is not 68 bytes"));
        };
        let note = Self {
            checkpoint: Checkpoint { origin, size, root },
            key_hash: *key_hash,
            signature,
        };
        // The form is unique: what would be written is what was read, to the byte.
        if note.to_string() == text {
            Ok(note)
        } else {
            Err(NoteError::Form("not in canonical form"))
        }
    }

    /// Checks name, key hash and signature.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        if self.checkpoint.origin != key.name || self.key_hash != key.hash() {
            return Err(NoteError::OtherKey {
                found: format!("{}+{}", self.checkpoint.origin, hex::encode(self.key_hash)),
                wanted: format!("{}+{}", key.name, hex::encode(key.hash())),
            });
        }
        let signature = Signature::from_bytes(&self.signature);
        key.key
            .verify_strict(self.checkpoint.body().as_bytes(), &signature)
            .map_err(|_| NoteError::Signature)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = BASE64.encode([&self.key_hash[..], &self.signature].concat());
        writeln!(
            f,
            "{}\n— {} {signature}",
            self.checkpoint.body(),
            self.checkpoint.origin
        )
    }
}

impl LogSigner {
    /// Makes a new key from the operating system's randomness.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = [0; 32];
        rand::rngs::SysRng
            .try_fill_bytes(&mut seed)
            .map_err(|e| NoteError::Random(e.to_string()))?;
        Self::from_seed(name, &seed)
    }

    /// The key that grows from `seed`.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            key: SigningKey::from_bytes(seed),
        })
    }

    /// Reads `PRIVATE+KEY+NAME+HASH+BASE64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(NoteError::Key("no PRIVATE+KEY in front"))?;
        let (name, hash, seed) = parse_key(rest)?;
        let signer = Self::from_seed(name, &seed)?;
        if signer.verifier().hash() != hash {
            return Err(NoteError::Key("the key hash does not fit the key"));
        }
        Ok(signer)
    }

    /// The private key as text; for the key file only.
    pub(crate) fn to_secret_text(&self) -> String {
        let hash = hex::encode(self.verifier().hash());
        let key = BASE64.encode([&[ED25519][..], self.key.as_bytes()].concat());
        format!("PRIVATE+KEY+{}+{hash}+{key}", self.name)
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            key: self.key.verifying_key(),
        }
    }

    /// Signs a state of the log.
    pub fn sign(&self, size: u64, root: Hash) -> SignedCheckpoint {
        let checkpoint = Checkpoint {
            origin: self.name.clone(),
            size,
            root,
        };
        let signature = self.key.sign(checkpoint.body().as_bytes()).to_bytes();
        SignedCheckpoint {
            checkpoint,
            key_hash: self.verifier().hash(),
            signature,
        }
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSigner")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl VerifierKey {
    /// Reads `NAME+HASH+BASE64`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, hash, bytes) = parse_key(text)?;
        let key = VerifyingKey::from_bytes(&bytes)
            .map_err(|_| NoteError::Key("not a point on the curve"))?;
        let verifier = Self {
            name: name.to_owned(),
            key,
        };
        if verifier.hash() != hash {
            return Err(NoteError::Key("the key hash does not fit the key"));
        }
        Ok(verifier)
    }

    /// The key's name, which is the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the 32 key bytes, for people to compare.
    pub fn fingerprint(&self) -> String {
        format!(
            "SHA256:{}",
            hex::encode(Sha256::digest(self.key.as_bytes()))
        )
    }

    /// The four bytes that name the key in a signature line.
    fn hash(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode([&[ED25519][..], self.key.as_bytes()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.hash()))
    }
}

fn parse_key(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), NoteError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Key("fewer than three parts"));
    };
    check_name(name)?;
    let mut id = [0; 4];
    if hash.bytes().any(|b| b.is_ascii_uppercase()) || hex::decode_to_slice(hash, &mut id).is_err()
    {
        return Err(NoteError::Key(
            "the key hash is not eight hexadecimal digits",
        ));
    }
    match BASE64.decode(key).as_deref() {
        Ok([ED25519, key @ ..]) => {
            let key = key
                .try_into()
                .map_err(|_| NoteError::Key("the key is not 32 bytes"))?;
            Ok((name, id, key))
        }
        Ok(_) => Err(NoteError::Key("not of algorithm 1, Ed25519")),
        Err(_) => Err(NoteError::Key("the key is not base64")),
    }
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > 255 || name.contains(bad) {
        return Err(NoteError::Name(name.chars().take(80).collect()));
    }
    Ok(())
}

/// C2SP's number for Ed25519.
const ED25519: u8 = 1;
/// The longest checkpoint that is read.
const MAX_NOTE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key pair of Go's `golang.org/x/mod/sumdb/note` documentation.
    const PRIVATE: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn keys_of_the_go_library() {
        let signer = LogSigner::parse(PRIVATE).unwrap();
        assert_eq!(signer.verifier().to_string(), PUBLIC);
        assert_eq!(signer.to_secret_text(), PRIVATE);
        assert_eq!(VerifierKey::parse(PUBLIC).unwrap(), signer.verifier());
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature = BASE64.encode(
            [
                &[0xc7, 0x4f, 0x20, 0xa3][..],
                &signer.key.sign(text.as_bytes()).to_bytes(),
            ]
            .concat(),
        );
        assert_eq!(
            signature,
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
        );
    }

    #[test]
    fn a_checkpoint_round_trips_and_every_flipped_bit_is_refused() {
        let signer = LogSigner::from_seed("hudun.example/ledger", &[7; 32]).unwrap();
        let text = signer.sign(42, [9; 32]).to_string();
        assert_eq!(text.lines().count(), 5);
        let note = SignedCheckpoint::parse(&text).unwrap();
        note.verify(&signer.verifier()).unwrap();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bent = text.clone().into_bytes();
                bent[at] ^= 1 << bit;
                let Ok(bent) = String::from_utf8(bent) else {
                    continue;
                };
                let verdict =
                    SignedCheckpoint::parse(&bent).and_then(|note| note.verify(&signer.verifier()));
                assert!(verdict.is_err(), "byte {at} bit {bit}: {bent:?}");
            }
        }
        let other = LogSigner::from_seed("hudun.example/ledger", &[8; 32]).unwrap();
        assert!(matches!(
            note.verify(&other.verifier()),
            Err(NoteError::OtherKey { .. })
        ));
    }

    #[test]
    fn names_and_keys_are_checked() {
        for name in ["", "a b", "a+b", "a\n"] {
            assert!(
                matches!(
                    LogSigner::from_seed(name, &[0; 32]),
                    Err(NoteError::Name(_))
                ),
                "{name:?}"
            );
        }
        assert!(VerifierKey::parse(&PUBLIC.replace("c74f20a3", "c74f20a4")).is_err());
        assert!(VerifierKey::parse("x+1").is_err());
        assert!(!format!("{:?}", LogSigner::parse(PRIVATE).unwrap()).contains("AYEK"));
    }
}
