//! Personal data at rest: sealing, opening, and the blind indexes that let sealed fields be searched.
//!
//! Each tenant has a data key and an index key of its own, kept in a file that only its owner may read. A sealed
//! value is `version (1) | nonce (12) | ciphertext | tag (16)`, ChaCha20-Poly1305, with tenant, table, record and field
//! as associated data: a value that is copied to another record or field does not open.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, Key, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{ApiError, Error};

/// Where a sealed value belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) tenant: i64,
    pub(crate) table: &'static str,
    pub(crate) id: i64,
    pub(crate) field: &'static str,
}

/// The keys of all tenants.
pub(crate) struct Vault {
    tenants: BTreeMap<i64, TenantKeys>,
    csrf: Hmac<Sha256>,
}

impl Vault {
    /// Reads the key file, or makes one with fresh keys for `tenants`. Tenants that the file lacks are added.
    pub(crate) fn open(path: &Path, tenants: &[i64]) -> Result<Self, Error> {
        let mut file = match fs::read(path) {
            Ok(bytes) => {
                refuse_loose_permissions(path)?;
                serde_json::from_slice(&bytes).map_err(|e| bad(path, e.to_string()))?
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => KeyFile::fresh(),
            Err(source) => {
                return Err(Error::Io {
                    path: path.into(),
                    source,
                });
            }
        };
        let known = file.tenants.len();
        for tenant in tenants {
            file.tenants
                .entry(*tenant)
                .or_insert_with(TenantKeyText::fresh);
        }
        if known != file.tenants.len() || !path.exists() {
            write_private(path, &file)?;
        }
        let mut keys = BTreeMap::new();
        for (tenant, text) in &file.tenants {
            keys.insert(*tenant, text.parse(path)?);
        }
        Ok(Self {
            tenants: keys,
            csrf: mac(path, &file.csrf)?,
        })
    }

    /// Seals `plain` for `slot` under the tenant's newest key.
    pub(crate) fn seal(&self, slot: Slot, plain: &str) -> Result<Vec<u8>, Error> {
        let keys = self
            .keys(slot.tenant)
            .ok_or_else(|| Error::Seal(format!("tenant {} has no key", slot.tenant)))?;
        let Some((version, cipher)) = keys.data.last_key_value() else {
            return Err(Error::Seal(format!(
                "tenant {} has no data key",
                slot.tenant
            )));
        };
        let nonce: [u8; 12] = rand::random();
        let aad = associated(slot);
        let sealed = cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: plain.as_bytes(),
                    aad: &aad,
                },
            )
            .map_err(|e| Error::Seal(e.to_string()))?;
        let mut value = Vec::with_capacity(13 + sealed.len());
        value.push(*version);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        Ok(value)
    }

    /// Opens what [`seal`](Self::seal) made. A value that was altered or moved is an internal error, never empty text.
    pub(crate) fn open_value(&self, slot: Slot, value: &[u8]) -> Result<String, ApiError> {
        let refuse = |why: &str| {
            ApiError::Internal(format!("{}/{}/{}: {why}", slot.table, slot.id, slot.field))
        };
        let keys = self
            .keys(slot.tenant)
            .ok_or_else(|| refuse("the tenant has no key"))?;
        let (version, rest) = value
            .split_first()
            .ok_or_else(|| refuse("empty sealed value"))?;
        let (nonce, sealed) = rest
            .split_first_chunk::<12>()
            .ok_or_else(|| refuse("short sealed value"))?;
        let cipher = keys
            .data
            .get(version)
            .ok_or_else(|| refuse("unknown key version"))?;
        let aad = associated(slot);
        let plain = cipher
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: &aad,
                },
            )
            .map_err(|_| refuse("does not open: altered, or moved from another record"))?;
        String::from_utf8(plain).map_err(|_| refuse("not text"))
    }

    /// Blind index of a mobile number, for equality search.
    pub(crate) fn mobile_token(&self, tenant: i64, mobile: &str) -> Option<String> {
        Some(format!("m:{}", self.blind(tenant, "mobile", mobile)?))
    }

    /// Blind indexes of a name: each pair of neighbouring characters, or the single character.
    ///
    /// A name matches a search term when it has all the pairs of the term.
    pub(crate) fn name_tokens(&self, tenant: i64, name: &str) -> Vec<String> {
        let chars: Vec<char> = name
            .chars()
            .filter(|c| !c.is_whitespace())
            .flat_map(char::to_lowercase)
            .take(32)
            .collect();
        let grams: std::collections::BTreeSet<String> = match chars.len() {
            0 | 1 => chars.iter().map(char::to_string).collect(),
            _ => chars.windows(2).map(|pair| pair.iter().collect()).collect(),
        };
        grams
            .iter()
            .filter_map(|gram| Some(format!("n:{}", self.blind(tenant, "name", gram)?)))
            .collect()
    }

    /// Blind index of the first character of a name, so that a search for the surname alone works.
    pub(crate) fn surname_token(&self, tenant: i64, name: &str) -> Option<String> {
        let first: String = name.chars().take(1).flat_map(char::to_lowercase).collect();
        Some(format!("n:{}", self.blind(tenant, "name", &first)?))
    }

    /// The CSRF token that belongs to a session cookie.
    pub(crate) fn csrf_token(&self, cookie: &str) -> String {
        let mut mac = self.csrf.clone();
        mac.update(cookie.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    /// Whether `given` is the CSRF token of the session cookie, compared in constant time.
    pub(crate) fn csrf_matches(&self, cookie: &str, given: &str) -> bool {
        let mut mac = self.csrf.clone();
        mac.update(cookie.as_bytes());
        URL_SAFE_NO_PAD
            .decode(given)
            .is_ok_and(|bytes| mac.verify_slice(&bytes).is_ok())
    }

    fn blind(&self, tenant: i64, field: &str, text: &str) -> Option<String> {
        let mut mac = self.keys(tenant)?.index.clone();
        mac.update(field.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        full.get(..12).map(|half| URL_SAFE_NO_PAD.encode(half))
    }

    fn keys(&self, tenant: i64) -> Option<&TenantKeys> {
        self.tenants.get(&tenant)
    }
}

/// 256 random bits as text, and the hash under which the database knows them.
pub(crate) fn new_secret() -> (String, Vec<u8>) {
    let bits: [u8; 32] = rand::random();
    let text = URL_SAFE_NO_PAD.encode(bits);
    let hash = secret_hash(&text);
    (text, hash)
}

/// What the database keeps of a cookie or token.
pub(crate) fn secret_hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

struct TenantKeys {
    data: BTreeMap<u8, ChaCha20Poly1305>,
    index: Hmac<Sha256>,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    csrf: String,
    tenants: BTreeMap<i64, TenantKeyText>,
}

impl KeyFile {
    fn fresh() -> Self {
        Self {
            csrf: fresh_key(),
            tenants: BTreeMap::new(),
        }
    }
}

/// A tenant's keys in hexadecimal. Data keys by version: the highest seals, all open.
#[derive(Serialize, Deserialize)]
struct TenantKeyText {
    data: BTreeMap<u8, String>,
    index: String,
}

impl TenantKeyText {
    fn fresh() -> Self {
        Self {
            data: BTreeMap::from([(1, fresh_key())]),
            index: fresh_key(),
        }
    }

    fn parse(&self, path: &Path) -> Result<TenantKeys, Error> {
        let mut data = BTreeMap::new();
        for (version, text) in &self.data {
            data.insert(
                *version,
                ChaCha20Poly1305::new(&Key::from(key(path, text)?)),
            );
        }
        Ok(TenantKeys {
            data,
            index: mac(path, &self.index)?,
        })
    }
}

fn associated(slot: Slot) -> Vec<u8> {
    let mut aad = Vec::with_capacity(48);
    aad.extend_from_slice(&slot.tenant.to_le_bytes());
    aad.extend_from_slice(&slot.id.to_le_bytes());
    aad.extend_from_slice(slot.table.as_bytes());
    aad.push(b'/');
    aad.extend_from_slice(slot.field.as_bytes());
    aad
}

fn fresh_key() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

fn key(path: &Path, text: &str) -> Result<[u8; 32], Error> {
    let bytes = hex::decode(text).map_err(|e| bad(path, e.to_string()))?;
    <[u8; 32]>::try_from(bytes)
        .map_err(|_| bad(path, "a key must have 64 hexadecimal digits".into()))
}

fn mac(path: &Path, text: &str) -> Result<Hmac<Sha256>, Error> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(&key(path, text)?)
        .map_err(|e| bad(path, e.to_string()))
}

fn bad(path: &Path, what: String) -> Error {
    Error::Keys {
        path: PathBuf::from(path),
        what,
    }
}

/// Writes beside and renames, so that a crash leaves either the old file or the new one.
fn write_private(path: &Path, file: &KeyFile) -> Result<(), Error> {
    let io = |source| Error::Io {
        path: path.into(),
        source,
    };
    let text = serde_json::to_vec_pretty(file).map_err(|e| bad(path, e.to_string()))?;
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&beside).map_err(io)?;
    out.write_all(&text)
        .and_then(|()| out.sync_all())
        .map_err(io)?;
    fs::rename(&beside, path).map_err(io)
}

#[cfg(unix)]
fn refuse_loose_permissions(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)
        .map_err(|source| Error::Io {
            path: path.into(),
            source,
        })?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(bad(
            path,
            format!(
                "others may read this key file (mode {:o}); chmod 600 it",
                mode & 0o777
            ),
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_loose_permissions(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = Slot {
        tenant: 1,
        table: "customer",
        id: 7,
        field: "mobile",
    };

    fn vault() -> (tempfile::TempDir, Vault) {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys.json"), &[1, 2]).unwrap();
        (dir, vault)
    }

    #[test]
    fn a_value_opens_only_where_it_was_sealed() {
        let (_dir, vault) = vault();
        let value = vault.seal(SLOT, "13800000001").unwrap();
        assert_eq!(vault.open_value(SLOT, &value).unwrap(), "13800000001");
        for moved in [
            Slot { id: 8, ..SLOT },
            Slot {
                field: "name",
                ..SLOT
            },
            Slot { tenant: 2, ..SLOT },
        ] {
            assert!(vault.open_value(moved, &value).is_err());
        }
        for at in 0..value.len() {
            let mut altered = value.clone();
            altered[at] ^= 1;
            assert!(vault.open_value(SLOT, &altered).is_err(), "byte {at}");
        }
    }

    #[test]
    fn keys_survive_a_restart_and_must_be_private() {
        let (dir, vault) = vault();
        let path = dir.path().join("keys.json");
        let value = vault.seal(SLOT, "x").unwrap();
        assert_eq!(
            Vault::open(&path, &[1])
                .unwrap()
                .open_value(SLOT, &value)
                .unwrap(),
            "x"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(Vault::open(&path, &[1]), Err(Error::Keys { .. })));
        }
    }

    #[test]
    fn tenants_have_different_indexes() {
        let (_dir, vault) = vault();
        assert_ne!(
            vault.mobile_token(1, "13800000001"),
            vault.mobile_token(2, "13800000001")
        );
        assert_eq!(vault.name_tokens(1, "王小明").len(), 2);
    }
}
