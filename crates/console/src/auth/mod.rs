//! Accounts, passwords, authenticators, sessions.

mod accounts;
mod password;
mod sessions;
mod throttle;
mod totp;

pub use accounts::{AccountError, Accounts, OpenAccount};
pub(crate) use password::Passwords;
pub(crate) use sessions::{Session, Sessions};
pub(crate) use throttle::Throttle;
pub(crate) use totp::{Authenticator, fresh_secret};
