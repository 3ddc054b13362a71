//! Which vulnerabilities the components of an inventory have, and by whose word.
//!
//! Each source is read for itself: a [`Verdict`] is what one product statement says of one version, and a [`Finding`] is what
//! all of them say together, with the statement that decided and those that differ. Unknown is an answer of its own and is
//! shown; a name that merely looks the same proposes and never decides.
//!
//! ```
//! use hudun_advisory::{Format, Found, read};
//! use hudun_advisory::matching::{Index, Options, match_inventory};
//! use hudun_advisory::sbom::{self, Inventory};
//!
//! let feed = r#"{"id": "GHSA-1", "aliases": ["CVE-2024-1"], "affected": [{"package": {"ecosystem": "npm", "name": "crm"},
//!     "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]}]}"#;
//! let records = read(Format::Ghsa, "feed", feed.as_bytes()).records;
//! let index = Index::of(records.into_iter().map(|record| Found::Record(Box::new(record))));
//! let mut inventory = Inventory::default();
//! let source = sbom::Source { place: "package-lock.json", format: sbom::Format::PackageLock, distro: None };
//! inventory.add(&source, br#"{"lockfileVersion": 3, "packages": {"node_modules/crm": {"version": "1.1.9"}}}"#);
//! let report = match_inventory(&index, &inventory, &Options::default())?;
//! let found = &report.findings[0];
//! assert_eq!(found.vulnerability.id, "CVE-2024-1");
//! assert_eq!(found.fixed.as_deref(), Some("1.2.0"));
//! assert_eq!(found.decided_by.verdict.because.sentence().en, "in the range < 1.2.0");
//! # Ok::<(), hudun_advisory::matching::IndexError>(())
//! ```

mod alias;
mod because;
mod diff;
mod disk;
mod facts;
mod fix;
mod group;
mod index;
mod key;
mod known;
mod loose;
mod order;
mod outcome;
mod pair;
mod parts;
mod platform;
mod report;
mod run;
mod segment;
mod segment_file;
mod store;
mod text;
mod verdict;
#[cfg(test)]
mod verdict_tests;
mod vex;

pub(crate) use key::hash;

pub use because::{Because, Verdict};
pub use diff::{Changed, Difference, FindingKey, Gone, New, Snapshot, SnapshotError, State, Why};
pub use disk::{IndexError, VERSION};
pub use facts::Asset;
pub use fix::Upgrade;
pub use index::{Counts, Index};
pub use outcome::{About, Disagreement, Graded, Said};
pub use pair::Pair;
pub use report::{Decided, Finding, Identifier, Part, Report, Summary, Vulnerability};
pub use run::{Options, match_inventory};
pub use segment::{Builder, Mark, Segment};
pub use text::Text;
pub use vex::{Own, Suppressed};
