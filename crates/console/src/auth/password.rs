//! Passwords: Argon2id, a bounded number at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

/// Longest password that is read, in bytes.
const LONGEST: usize = 256;
/// Shortest password that a person may choose, in characters.
pub(crate) const SHORTEST: usize = 12;

/// The only place that hashes and checks passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    /// Each check takes 19 MiB and a core; more than this many wait.
    turns: Arc<Semaphore>,
    /// Checked when there is no such account, so that an answer takes as long either way.
    nobody: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, String> {
        let nobody = hash(&random_password())?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(2)),
            nobody: nobody.into(),
        })
    }

    /// The PHC text of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, String> {
        self.run(move || hash(&password)).await?
    }

    /// Whether this is the password. `None` stands for an account that is not there: never right, same cost.
    pub(crate) async fn check(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, String> {
        let there = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.to_string());
        let right = self.run(move || verify(&password, &stored)).await??;
        Ok(right && there)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|error| error.to_string())?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| error.to_string())
    }
}

/// A password for one use: 20 characters, 100 bits, no look-alikes.
pub(crate) fn random_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let bytes: [u8; 20] = rand::random();
    bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect()
}

fn argon2() -> Result<Argon2<'static>, String> {
    // OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, String> {
    let hash = argon2()?
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str) -> Result<bool, String> {
    if password.len() > LONGEST {
        return Ok(false);
    }
    let stored = PasswordHash::new(stored).map_err(|error| error.to_string())?;
    Ok(argon2()?
        .verify_password(password.as_bytes(), &stored)
        .is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_passes() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords
            .hash("correct horse battery".to_owned())
            .await
            .unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            passwords
                .check("correct horse battery".to_owned(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .check("correct horse".to_owned(), Some(stored))
                .await
                .unwrap()
        );
        assert!(!passwords.check("anything".to_owned(), None).await.unwrap());
    }

    #[test]
    fn passwords_for_one_use_differ() {
        assert_ne!(random_password(), random_password());
        assert_eq!(random_password().len(), 20);
    }
}
