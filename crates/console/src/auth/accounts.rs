//! Opening and changing accounts, for the binary and for the administrator.

use std::sync::Arc;

use hudun_console_api::{AccountView, Role};
use tokio::sync::Mutex;

use crate::auth::password::{SHORTEST, random_password};
use crate::auth::{Authenticator, Passwords, fresh_secret};
use crate::users::{AccountRecord, UserStore, UserStoreError};

/// Longest account or name, in characters.
const LONGEST: usize = 40;

/// An account to open from configuration or from the demo.
#[derive(Clone)]
pub struct OpenAccount {
    /// The account.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Its password; one for a single use is made and returned when absent.
    pub password: Option<String>,
    /// Whether the password must be changed at the first log-in.
    pub must_change: bool,
    /// The authenticator's secret, base32, where somebody holds it already (scripted users of the demo).
    pub totp_secret: Option<String>,
}

/// Keeps the accounts. Clones share one store.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn UserStore>,
    passwords: Passwords,
    /// One change of a record at a time, so that none undoes another.
    edits: Arc<Mutex<()>>,
}

impl Accounts {
    /// Accounts in this store.
    ///
    /// # Errors
    /// [`AccountError::Hash`] when Argon2 does not work on this machine.
    pub fn new(store: Arc<dyn UserStore>) -> Result<Self, AccountError> {
        let passwords = Passwords::new().map_err(AccountError::Hash)?;
        Ok(Self {
            store,
            passwords,
            edits: Arc::default(),
        })
    }

    /// Opens an account and returns its password.
    ///
    /// # Errors
    /// [`AccountError`] saying which field is wrong, or that the account exists already.
    pub async fn open(&self, wanted: OpenAccount) -> Result<String, AccountError> {
        let account = checked_account(&wanted.account)?;
        let name = wanted.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            return Err(AccountError::BadName);
        }
        if wanted.roles.is_empty() {
            return Err(AccountError::NoRole);
        }
        if let Some(secret) = &wanted.totp_secret {
            Authenticator::new(secret, &account, "Hudun").map_err(|_| AccountError::BadSecret)?;
        }
        let password = wanted.password.unwrap_or_else(random_password);
        let record = AccountRecord {
            account: account.clone(),
            name: name.to_owned(),
            roles: wanted.roles,
            password_hash: self
                .passwords
                .hash(password.clone())
                .await
                .map_err(AccountError::Hash)?,
            totp_secret: wanted.totp_secret,
            totp_pending: None,
            must_change: wanted.must_change,
            disabled: false,
            last_login: None,
        };
        if self.store.insert_account(record).await? {
            Ok(password)
        } else {
            Err(AccountError::Exists(account))
        }
    }

    /// Gives an account a new password for one use, takes its authenticator away and ends its sessions.
    ///
    /// # Errors
    /// [`AccountError::NoSuch`] when there is no such account.
    pub async fn reset(&self, account: &str) -> Result<String, AccountError> {
        let account = checked_account(account)?;
        let password = random_password();
        let hash = self
            .passwords
            .hash(password.clone())
            .await
            .map_err(AccountError::Hash)?;
        self.edit(&account, |record| {
            record.password_hash = hash;
            record.totp_secret = None;
            record.totp_pending = None;
            record.must_change = true;
        })
        .await?;
        self.store.drop_sessions_of(&account, None).await?;
        Ok(password)
    }

    /// Shuts an account and ends its sessions, or reopens it.
    ///
    /// # Errors
    /// [`AccountError::NoSuch`] when there is no such account.
    pub async fn set_disabled(
        &self,
        account: &str,
        disabled: bool,
    ) -> Result<AccountView, AccountError> {
        let account = checked_account(account)?;
        let record = self
            .edit(&account, |record| record.disabled = disabled)
            .await?;
        if disabled {
            self.store.drop_sessions_of(&account, None).await?;
        }
        Ok(view(&record))
    }

    /// Every account, without secrets.
    ///
    /// # Errors
    /// [`AccountError::Store`] when the store does not answer.
    pub async fn list(&self) -> Result<Vec<AccountView>, AccountError> {
        Ok(self.store.accounts().await?.iter().map(view).collect())
    }

    /// The account, when the password is right.
    pub(crate) async fn sign_in(
        &self,
        account: &str,
        password: String,
    ) -> Result<Option<AccountRecord>, AccountError> {
        let record = match checked_account(account) {
            Ok(account) => self
                .store
                .account(&account)
                .await?
                .filter(|record| !record.disabled),
            Err(_) => None,
        };
        let stored = record.as_ref().map(|record| record.password_hash.clone());
        let right = self
            .passwords
            .check(password, stored)
            .await
            .map_err(AccountError::Hash)?;
        Ok(record.filter(|_| right))
    }

    /// Changes a password that its owner knows.
    pub(crate) async fn change_password(
        &self,
        record: &AccountRecord,
        old: String,
        new: String,
    ) -> Result<(), AccountError> {
        if new.chars().count() < SHORTEST || new.len() > 256 {
            return Err(AccountError::WeakPassword);
        }
        if new == old || new.to_lowercase().contains(&record.account) {
            return Err(AccountError::SamePassword);
        }
        let right = self
            .passwords
            .check(old, Some(record.password_hash.clone()))
            .await
            .map_err(AccountError::Hash)?;
        if !right {
            return Err(AccountError::WrongPassword);
        }
        let hash = self.passwords.hash(new).await.map_err(AccountError::Hash)?;
        self.edit(&record.account, |record| {
            record.password_hash = hash;
            record.must_change = false;
        })
        .await?;
        Ok(())
    }

    /// A secret for an authenticator that is to be confirmed.
    pub(crate) async fn begin_enrol(&self, account: &str) -> Result<String, AccountError> {
        let secret = fresh_secret();
        let pending = secret.clone();
        self.edit(account, |record| record.totp_pending = Some(pending))
            .await?;
        Ok(secret)
    }

    /// Reads an account, changes it, writes it: nothing comes between.
    pub(crate) async fn edit(
        &self,
        account: &str,
        change: impl FnOnce(&mut AccountRecord) + Send,
    ) -> Result<AccountRecord, AccountError> {
        let _one_at_a_time = self.edits.lock().await;
        let found = self.store.account(account).await?;
        let mut record = found.ok_or_else(|| AccountError::NoSuch(account.to_owned()))?;
        change(&mut record);
        self.store.update_account(record.clone()).await?;
        Ok(record)
    }

    pub(crate) fn store(&self) -> &dyn UserStore {
        &*self.store
    }

    pub(crate) fn store_handle(&self) -> Arc<dyn UserStore> {
        Arc::clone(&self.store)
    }
}

/// The account in lower case, when it can be one.
fn checked_account(account: &str) -> Result<String, AccountError> {
    let fits = (2..=LONGEST).contains(&account.len())
        && account
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits {
        Ok(account.to_ascii_lowercase())
    } else {
        Err(AccountError::BadAccount)
    }
}

fn view(record: &AccountRecord) -> AccountView {
    AccountView {
        account: record.account.clone(),
        name: record.name.clone(),
        roles: record.roles.clone(),
        enrolled: record.totp_secret.is_some(),
        must_change: record.must_change,
        disabled: record.disabled,
        last_login: record.last_login,
    }
}

/// Why an account was not opened or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The account's text.
    #[error("account: 2 to 40 letters, digits, '.', '_' or '-'")]
    BadAccount,
    /// The name.
    #[error("name: 1 to 40 characters")]
    BadName,
    /// The authenticator's secret.
    #[error("totp_secret: base32 of at least 16 bytes")]
    BadSecret,
    /// It is there already.
    #[error("account {0} exists already")]
    Exists(String),
    /// Argon2 failed.
    #[error("the password could not be hashed: {0}")]
    Hash(String),
    /// No role.
    #[error("roles: name at least one")]
    NoRole,
    /// It is not there.
    #[error("no account {0}")]
    NoSuch(String),
    /// The new password is the old one or contains the account.
    #[error("new: must differ from the old password and not contain the account")]
    SamePassword,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] UserStoreError),
    /// The new password is too short or too long.
    #[error("new: 12 characters at least, 256 bytes at most")]
    WeakPassword,
    /// The old password is wrong.
    #[error("old: wrong password")]
    WrongPassword,
}
