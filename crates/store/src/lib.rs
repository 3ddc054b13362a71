//! State of the control plane: cases, tasks, runs, policies, users, messages waiting to go out.
//!
//! One set of SQL serves SQLite (the default, a file in the data folder) and PostgreSQL (when a firm outgrows one
//! machine); every test of a repository runs on both. What is stored is typed: a [`Collection`] holds the serde form
//! of one type, keyed by its id, found by its parent (mostly the case) and by time. Tables of their own exist where
//! order or exclusivity matters: [`Policies`], [`RunJournal`], [`Outbox`].
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use hudun_store::{Store, Keyed};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Note { id: String, text: String }
//!
//! impl Keyed for Note {
//!     const COLLECTION: &'static str = "note";
//!     fn id(&self) -> String { self.id.clone() }
//! }
//!
//! let store = Store::in_memory().await?;
//! let notes = store.collection::<Note>();
//! notes.put(&Note { id: "a".into(), text: "hello".into() }).await?;
//! assert_eq!(notes.get("a").await?.unwrap().text, "hello");
//! # Ok::<(), hudun_store::StoreError>(())
//! # }).unwrap();
//! ```

mod collection;
mod database;
mod outbox;
mod policy;
mod run;

pub use collection::{Collection, Keyed};
pub use database::{Backend, Store, StoreError};
pub use outbox::{Letter, LetterState, Outbox};
pub use policy::Policies;
pub use run::{Lease, RunEventRow, RunJournal};
