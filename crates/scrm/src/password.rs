//! Argon2id with the library's defaults (19 MiB, two passes), off the async threads.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{app::App, error::ApiError, error::Error};

/// A PHC string with a random salt.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Password(error.to_string()))
}

/// Hashes on a blocking thread, a few at a time.
pub(crate) async fn hash_async(app: &App, password: String) -> Result<String, ApiError> {
    let _turn = app
        .hashing
        .acquire()
        .await
        .map_err(|e| ApiError::Internal(e.to_string()))?;
    tokio::task::spawn_blocking(move || hash(&password))
        .await
        .map_err(|e| ApiError::Internal(e.to_string()))?
        .map_err(|e| ApiError::Internal(e.to_string()))
}

/// Whether the password is right. Without a stored hash the same work is done, so that time does not tell whether the
/// account exists.
pub(crate) async fn verify(
    app: &App,
    password: String,
    stored: Option<String>,
) -> Result<bool, ApiError> {
    let _turn = app
        .hashing
        .acquire()
        .await
        .map_err(|e| ApiError::Internal(e.to_string()))?;
    tokio::task::spawn_blocking(move || match stored {
        Some(stored) => PasswordHash::new(&stored).is_ok_and(|stored| {
            Argon2::default()
                .verify_password(password.as_bytes(), &stored)
                .is_ok()
        }),
        None => {
            let _ = hash(&password);
            false
        }
    })
    .await
    .map_err(|e| ApiError::Internal(e.to_string()))
}

/// The rules for a new password: long enough to matter, short enough to hash.
pub(crate) fn acceptable(password: &str) -> Result<(), ApiError> {
    if !(12..=128).contains(&password.chars().count()) {
        return Err(ApiError::invalid(
            "new",
            "新密码要有 12 到 128 个字符",
            "a new password has 12 to 128 characters",
        ));
    }
    Ok(())
}
