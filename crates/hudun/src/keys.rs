//! Keys: one master key in the data folder, everything else derived from it.

use std::io::{Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use hudun_core::TenantId;
use hudun_gateway::TenantKeys;
use hudun_pii::Keyer;
use sha2::Sha256;

/// The master key. It never leaves the process and does not print.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Reads the key file, and makes it when there is none. Losing it means that no person can be named any more.
    ///
    /// # Errors
    /// When the file can't be read or written, or is not 32 bytes.
    pub fn open(file: &Path) -> std::io::Result<Self> {
        let mut key = [0; 32];
        match std::fs::File::open(file) {
            Ok(mut found) => {
                found.read_exact(&mut key)?;
                if found.read(&mut [0])? != 0 {
                    return Err(std::io::Error::other(format!(
                        "{}: a key has 32 bytes",
                        file.display()
                    )));
                }
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut made = options.open(file)?;
                made.write_all(&key)?;
                made.sync_all()?;
            }
            Err(other) => return Err(other),
        }
        Ok(Self(key))
    }

    /// A key for one purpose: HMAC-SHA-256 of the purpose under the master key (RFC 5869 expand, one block).
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes keys of every length, so this can't fail; an empty key would show at once in every test.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        mac.update(purpose.as_bytes());
        mac.update(&[1]);
        mac.finalize().into_bytes().into()
    }
}

impl TenantKeys for MasterKey {
    fn keyer(&self, tenant: &TenantId) -> Keyer {
        Keyer::new(&self.derive(&format!("tenant/{tenant}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_tenants_differ() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let first = MasterKey::open(&file).unwrap();
        let again = MasterKey::open(&file).unwrap();
        assert_eq!(first.derive("x"), again.derive("x"));
        let of = |tenant: &str| {
            first
                .keyer(&tenant.parse().unwrap())
                .subject("customer", "1")
        };
        assert_ne!(of("a"), of("b"));
        std::fs::write(&file, [0; 33]).unwrap();
        assert!(MasterKey::open(&file).is_err());
    }
}
