//! JSS signatures of playbooks, as the OASIS example makes them.
//!
//! What is signed is the text of 64 hexadecimal digits: SHA-256 over the RFC 8785 form of the playbook
//! that holds the one signature object, without its `value`, as its only signature.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use rsa::pkcs1v15;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::Verifier as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A public key that signatures are checked with.
#[derive(Clone, Debug)]
pub struct PublicKey(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Ed25519(VerifyingKey),
    Rsa(rsa::PublicKey),
}

/// What a signature object says about itself, for [`sign`].
#[derive(Clone, Debug)]
pub struct SignatureInfo {
    /// `jss--UUID`.
    pub id: String,
    /// `identity--UUID` of who signs.
    pub created_by: Option<String>,
    /// When, as an RFC 3339 time in UTC.
    pub created: String,
    /// Name of who signs.
    pub signee: String,
    /// From when the signature counts.
    pub valid_from: Option<String>,
    /// Until when.
    pub valid_until: Option<String>,
}

/// Why a signature does not hold.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no signature of that number.
    #[error("/signatures/{0}: there is no such signature")]
    None(usize),
    /// A field is missing or of another type.
    #[error("/{0}: missing, or not of its type")]
    Field(&'static str),
    /// The signature is about another playbook, or another version of it.
    #[error("{0} names another playbook or version")]
    Unrelated(&'static str),
    /// It was taken back.
    #[error("the signature is revoked")]
    Revoked,
    /// It does not count at this time.
    #[error("the signature counts from {from:?} until {until:?}, not at {at}")]
    Time {
        /// `valid_from`.
        from: Option<String>,
        /// `valid_until`.
        until: Option<String>,
        /// The time asked about.
        at: String,
    },
    /// Hash or algorithm is none that is checked here.
    #[error("{0:?} is not supported; RS256 and Ed25519 over sha-256 are")]
    Algorithm(String),
    /// The public key can't be read or doesn't go with the algorithm.
    #[error("the public key is not a base64 SubjectPublicKeyInfo for {0}")]
    Key(String),
    /// The key in the signature is not the one that is trusted.
    #[error("signed with another key than the trusted one")]
    OtherKey,
    /// The bytes don't fit.
    #[error("the signature does not fit the playbook")]
    Mismatch,
    /// The playbook can't be put in canonical form.
    #[error("no canonical form: {0}")]
    Canonical(String),
}

impl PublicKey {
    /// Reads base64 of a SubjectPublicKeyInfo (RSA of 2048 to 8192 bits, or Ed25519).
    pub fn parse(base64: &str) -> Option<Self> {
        if base64.len() > 8192 {
            return None;
        }
        let der = STANDARD.decode(base64).ok()?;
        if let Some(key) = der.strip_prefix(&ED25519_SPKI) {
            let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
            return Some(Self(Kind::Ed25519(key)));
        }
        let key = rsa::PublicKey::from_public_key_der(&der).ok()?;
        let bits = rsa::traits::PublicKeyParts::n(&key).bit_width();
        (2048..=8192)
            .contains(&bits)
            .then_some(Self(Kind::Rsa(key)))
    }

    fn verify(&self, algorithm: &str, text: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        match (&self.0, algorithm) {
            (Kind::Ed25519(key), "Ed25519") => {
                let signature = ed25519_dalek::Signature::from_slice(signature)
                    .map_err(|_| SignatureError::Mismatch)?;
                key.verify_strict(text, &signature)
                    .map_err(|_| SignatureError::Mismatch)
            }
            (Kind::Rsa(key), "RS256") => {
                let key = pkcs1v15::VerifyingKey::<Sha256>::new(key.clone());
                let signature = pkcs1v15::Signature::try_from(signature)
                    .map_err(|_| SignatureError::Mismatch)?;
                key.verify(text, &signature)
                    .map_err(|_| SignatureError::Mismatch)
            }
            _ => Err(SignatureError::Key(algorithm.to_owned())),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Ed25519(a), Kind::Ed25519(b)) => a == b,
            (Kind::Rsa(a), Kind::Rsa(b)) => a == b,
            _ => false,
        }
    }
}

/// Checks signature number `index`. With `trusted`, the key must be that one; without, only that the
/// playbook fits the key which the signature itself brings, which says nothing about who signed.
/// `at` is the present time as RFC 3339 in UTC.
pub fn verify(
    playbook: &Value,
    index: usize,
    trusted: Option<&PublicKey>,
    at: &str,
) -> Result<(), SignatureError> {
    let signature = playbook
        .pointer(&format!("/signatures/{index}"))
        .ok_or(SignatureError::None(index))?;
    let text = |name: &'static str| {
        signature
            .get(name)
            .and_then(Value::as_str)
            .ok_or(SignatureError::Field(name))
    };
    if text("related_to")? != playbook["id"] {
        return Err(SignatureError::Unrelated("related_to"));
    }
    if text("related_version")? != playbook["modified"] {
        return Err(SignatureError::Unrelated("related_version"));
    }
    if signature
        .get("revoked")
        .is_some_and(|revoked| revoked != false)
    {
        return Err(SignatureError::Revoked);
    }
    let (from, until) = (
        signature["valid_from"].as_str(),
        signature["valid_until"].as_str(),
    );
    if from.is_some_and(|from| later(from, at) == Ordering::Greater)
        || until.is_some_and(|until| later(at, until) == Ordering::Greater)
    {
        let owned = |time: Option<&str>| time.map(str::to_owned);
        return Err(SignatureError::Time {
            from: owned(from),
            until: owned(until),
            at: at.to_owned(),
        });
    }
    if text("hash_algorithm")? != "sha-256" {
        return Err(SignatureError::Algorithm(
            text("hash_algorithm")?.to_owned(),
        ));
    }
    let algorithm = text("algorithm")?;
    if !["RS256", "Ed25519"].contains(&algorithm) {
        return Err(SignatureError::Algorithm(algorithm.to_owned()));
    }
    let own = match signature.get("public_key") {
        Some(_) => Some(
            PublicKey::parse(text("public_key")?)
                .ok_or_else(|| SignatureError::Key(algorithm.to_owned()))?,
        ),
        None => None,
    };
    let key = match (trusted, &own) {
        (Some(trusted), Some(own)) if trusted != own => return Err(SignatureError::OtherKey),
        (Some(key), _) | (None, Some(key)) => key,
        (None, None) => return Err(SignatureError::Field("public_key")),
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(text("value")?)
        .map_err(|_| SignatureError::Mismatch)?;
    key.verify(
        algorithm,
        signed_text(playbook, signature)?.as_bytes(),
        &bytes,
    )
}

/// Adds an Ed25519 signature to the playbook and gives back its number.
pub fn sign(
    playbook: &mut Value,
    info: &SignatureInfo,
    seed: &[u8; 32],
) -> Result<usize, SignatureError> {
    let key = SigningKey::from_bytes(seed);
    let related = |name: &'static str| {
        playbook
            .get(name)
            .filter(|value| value.is_string())
            .cloned()
            .ok_or(SignatureError::Field(name))
    };
    let mut signature = serde_json::json!({
        "type": "jss",
        "id": info.id,
        "created": info.created,
        "modified": info.created,
        "signee": info.signee,
        "related_to": related("id")?,
        "related_version": related("modified")?,
        "hash_algorithm": "sha-256",
        "algorithm": "Ed25519",
        "public_key": public_key(seed),
    });
    let optional = [
        ("created_by", &info.created_by),
        ("valid_from", &info.valid_from),
        ("valid_until", &info.valid_until),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            signature[name] = Value::from(value.clone());
        }
    }
    let value = key.sign(signed_text(playbook, &signature)?.as_bytes());
    signature["value"] = Value::from(URL_SAFE_NO_PAD.encode(value.to_bytes()));
    let fields = playbook.as_object_mut().ok_or(SignatureError::Field(""))?;
    let list = fields
        .entry("signatures")
        .or_insert_with(|| Value::Array(Vec::new()));
    let list = list
        .as_array_mut()
        .ok_or(SignatureError::Field("signatures"))?;
    list.push(signature);
    Ok(list.len() - 1)
}

/// The public key of a seed, in the form that `public_key` has in a signature.
pub fn public_key(seed: &[u8; 32]) -> String {
    let key = SigningKey::from_bytes(seed).verifying_key();
    STANDARD.encode([&ED25519_SPKI[..], key.as_bytes()].concat())
}

/// The 64 digits that are signed.
pub fn signed_text(playbook: &Value, signature: &Value) -> Result<String, SignatureError> {
    let mut signature = signature.clone();
    signature
        .as_object_mut()
        .ok_or(SignatureError::Field("signatures"))?
        .remove("value");
    let mut fields = playbook
        .as_object()
        .ok_or(SignatureError::Field(""))?
        .clone();
    fields.insert("signatures".into(), Value::Array(vec![signature]));
    let bytes = serde_jcs::to_vec(&fields).map_err(|e| SignatureError::Canonical(e.to_string()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// Orders two UTC times whose fractions may differ in length.
fn later(a: &str, b: &str) -> Ordering {
    let split = |time: &str| {
        let time = time.trim_end_matches('Z');
        let (second, fraction) = time.split_once('.').unwrap_or((time, ""));
        (second.to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    split(a).cmp(&split(b))
}

/// The DER in front of the 32 bytes of an Ed25519 key (RFC 8410).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
