//! The console: the HTTP API, log-in, live updates, and the web app inside the binary.
//!
//! It knows nothing of the stages. What it shows and does goes through one trait, [`Desk`], which the binary implements
//! with the stages; accounts and sessions rest in a [`UserStore`]; what happens is published to [`Live`] and reaches
//! every open page. The contract itself (types, endpoints, roles, OpenAPI) is the crate `hudun-console-api`, here as
//! [`api`].
//!
//! What is judged here, and nowhere else: who may call an endpoint (from its constant), that a second person approves
//! what one person asked for, that a notice has the approvals that it needs from different persons for the text that
//! they read. What is judged by the desk: whether the case allows it.
//!
//! ```
//! use std::sync::Arc;
//! use hudun_console::{Accounts, MemoryUsers, OpenAccount, api::Role};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let accounts = Accounts::new(Arc::new(MemoryUsers::default())).unwrap();
//! let password = accounts
//!     .open(OpenAccount {
//!         account: "li.lei".to_owned(),
//!         name: "李雷".to_owned(),
//!         roles: vec![Role::Commander],
//!         password: None,
//!         must_change: true,
//!         totp_secret: None,
//!     })
//!     .await
//!     .unwrap();
//! assert_eq!(password.len(), 20);
//! # });
//! ```

mod auth;
mod desk;
mod diff;
mod live;
mod server;
mod users;

pub use auth::{AccountError, Accounts, OpenAccount};
pub use desk::{Answer, Desk, DeskError, Intelligence, Law};
pub use hudun_console_api as api;
pub use live::Live;
pub use server::{Console, Settings};
pub use users::{AccountRecord, MemoryUsers, SessionRecord, Stored, UserStore, UserStoreError};
