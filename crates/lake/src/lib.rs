//! Exchanges at rest, and the questions asked of them.
//!
//! The gateway appends records to the [`Journal`] and releases a part of a response only when the record of who is
//! about to receive it is durable. What is in the journal is also in memory, the *hot tail*, where every question finds
//! it at once.
//!
//! The question that the rest of the product leans on is the scope: whose data left to this source?
//!
//! ```
//! use hudun_core::{
//!     Actor, DataKind, Delivery, ExchangeEnd, ExchangeHead, ExchangeId, KindSet, Release,
//!     ScopeQuestion, ScopeSource, Sighting, SubjectToken, Timestamp, Window,
//! };
//! use hudun_lake::{Lake, LakeOptions, Record};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let (lake, _report) = Lake::open(folder.path(), LakeOptions::default())?;
//! let (id, at) = (ExchangeId::new(), Timestamp::now());
//! let head = ExchangeHead {
//!     id,
//!     at,
//!     tenant: "acme".parse()?,
//!     actor: Actor::unknown("203.0.113.9".parse()?),
//!     module: "customers".parse()?,
//!     route: "customer".parse()?,
//!     method: "GET".into(),
//!     path: "/customers/{id}".into(),
//!     export: false,
//!     login: false,
//!     signals: vec![],
//!     drill: None,
//!     touched: Vec::new(),
//!     rtt_ms: None,
//!     about: None,
//!     push: None,
//! };
//! let customer = SubjectToken::from_bytes([7; 16]);
//! let release = Release {
//!     exchange: id,
//!     group: 0,
//!     at,
//!     bytes: 300,
//!     explained: 300,
//!     rows: 1,
//!     foreign_rows: 0,
//!     sightings: vec![Sighting::new(customer, KindSet::of(&[DataKind::Mobile]))],
//! };
//! lake.journal().append_small(head, release).await?; // durable: now the bytes may leave
//!
//! let question = ScopeQuestion {
//!     tenant: "acme".parse()?,
//!     source: ScopeSource { addresses: vec!["203.0.113.9".parse()?], ..Default::default() },
//!     window: Window { from: at, to: at },
//! };
//! let scope = lake.ask(move |lake| lake.scope(&question)).await?;
//! assert_eq!((scope.low, scope.likely), (0, 1)); // released; that it arrived, no record says yet
//! # Ok(())
//! # })
//! # }
//! ```

mod cold;
mod compact;
mod error;
mod export;
mod journal;
mod lake;
mod questions;
mod reading;
mod record;
mod retention;
mod scope;
mod tail;
mod wire;

pub use cold::{Act, FileMeta, ManifestEntry, ManifestError, verify_manifest};
pub use compact::CompactReport;
pub use error::{JournalError, LakeError};
pub use journal::{Durable, Journal, JournalMetrics, JournalOptions, OpenReport, Repair, Sink};
pub use lake::{Lake, LakeOptions, LakeStats};
pub use questions::{Activity, ExchangeFilter, Page, Sight, WhoSaw};
pub use reading::{Reading, ReadingReport, Replay};
pub use record::Record;
pub use retention::{Removal, Retention};
