//! The bundled SCRM: a small, honest base that a firm can run, and the target of Hudun's drills.
//!
//! It keeps customers, follow-ups, orders, the chat archive, tags, campaigns and service tickets of several tenants in
//! one SQLite file. Personal fields are sealed with a key per tenant; every act leaves one line in an append-only audit
//! log; what a role may do is one table (`policy.rs`), and nothing is allowed that the table does not name.
//!
//! With [`Config::vulnerable`] three holes are opened on purpose, so that a drill attacks something real. They live in
//! `vulnerable.rs` and nowhere else, and the server says that they are open.
//!
//! ```no_run
//! use hudun_scrm::{Config, Scrm, seed::SeedPlan};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::new("data/scrm");
//! config.seed = Some(SeedPlan::default());
//! let scrm = Scrm::open(config).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8069").await?;
//! let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! scrm.serve(listener, async { stopped.await.unwrap_or(()) }).await?;
//! # Ok(()) }
//! ```

mod app;
mod audit;
mod clock;
mod directory;
mod error;
mod http;
mod modules;
mod pages;
mod password;
mod policy;
pub mod seed;
mod throttle;
mod vault;
mod vulnerable;

pub use app::{Config, Scrm};
pub use audit::AuditEntry;
pub use directory::Directory;
pub use error::Error;
pub use policy::Role;
