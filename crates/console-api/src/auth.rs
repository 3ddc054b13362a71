//! Signing in, and the accounts of the console.

use hudun_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Role;

/// First step of a log-in.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account.
    pub account: String,
    /// Its password.
    pub password: String,
}

/// What a log-in still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NextStep {
    /// The six digits of the authenticator.
    Code,
    /// An authenticator has to be set up.
    Enrol,
    /// The password was for one use and has to be changed.
    Password,
    /// Nothing: the session is complete.
    Done,
}

/// How far a log-in has come.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// What comes next.
    pub next: NextStep,
}

/// Six digits of an authenticator.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The digits.
    pub code: String,
}

/// What an authenticator needs to know. Shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolSecret {
    /// `otpauth://…`
    pub otpauth: String,
    /// The secret to type by hand, base32.
    pub secret: String,
    /// The same as a QR code, an SVG document.
    pub svg: String,
}

/// A new password for oneself.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    pub old: String,
    /// The new one, 12 characters at least.
    pub new: String,
}

/// Who is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// What the log-in still needs.
    pub next: NextStep,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An account, without its secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The account.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Whether an authenticator is set up.
    pub enrolled: bool,
    /// Whether the password must be changed at the next log-in.
    pub must_change: bool,
    /// Whether it is shut.
    pub disabled: bool,
    /// Last finished log-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_login: Option<Timestamp>,
}

/// All accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountList {
    /// Sorted by account.
    pub accounts: Vec<AccountView>,
}

/// An account to open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The account: letters, digits, `.`, `-`, `_`, 2 to 40 characters.
    pub account: String,
    /// The name that others see.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
}

/// The first password of an account, for one use. Shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct OneTimePassword {
    /// The account.
    pub account: String,
    /// The password.
    pub password: String,
}

/// Shut or reopen an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDisabled {
    /// Whether it is shut.
    pub disabled: bool,
}
