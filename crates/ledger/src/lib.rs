//! An append-only, tamper-evident log: who did what, when, and for which incident.
//!
//! Each entry is a leaf of an RFC 6962 Merkle tree. After each group of entries the log signs a
//! checkpoint (C2SP `tlog-checkpoint`, Ed25519). Whoever holds one checkpoint can be shown, by a
//! short proof, that an entry is in the log and that nothing before it was changed since.
//!
//! [`pack`] writes everything about one incident into a single file that [`pack::verify`] checks
//! without the log, without a network, on another machine.
//!
//! ```
//! use hudun_ledger::{Log, NewEntry, Trust, pack};
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let (mut log, repair) = Log::open(dir, "firm.example/hudun")?;
//! assert_eq!(repair, Default::default());
//! log.append(NewEntry {
//!     at: 1_700_000_000_000,
//!     tenant: "t1".into(),
//!     incident: Some("INC-1".into()),
//!     actor: "hudun".into(),
//!     kind: "containment.isolate".into(),
//!     body: serde_json::json!({ "module": "exports" }),
//! })?;
//!
//! let export = pack::Export { incident: "INC-1", at: 1_700_000_001_000, tenant: "t1", actor: "li.wei", tool: "hudun 0.1.0" };
//! let mut file = Vec::new();
//! pack::write(&mut log, &export, &[], &mut file)?;
//!
//! let trust = Trust { key: Some(log.verifier()), ..Trust::default() };
//! let report = pack::verify(&file[..], &trust);
//! assert!(report.is_sound(), "{:?}", report.problems);
//! assert_eq!(report.entries, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod entry;
mod error;
#[cfg(test)]
mod faults;
mod log;
pub mod merkle;
mod note;
mod open;
pub mod pack;

pub use entry::{Entry, EntryError, NewEntry};
pub use error::{Damage, Error};
pub use log::{Log, Repair};
pub use merkle::Hash;
pub use note::{Checkpoint, LogSigner, NoteError, SignedCheckpoint, VerifierKey};
pub use open::{CHECKPOINTS_FILE, ENTRIES_FILE, KEY as KEY_FILE};
pub use pack::{Problem, Report, Trust};
