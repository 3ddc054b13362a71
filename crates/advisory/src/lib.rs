//! What is known of vulnerable versions, as an engine: no network and no clock.
//!
//! [`read`] and its kin turn what eleven sources publish into [`Record`]s of one shape; what they can't read they
//! refuse with a reason or keep as [`Status::Unknown`]. [`Version`] says which of two versions is newer: ecosystems disagree,
//! `1.0` and `1.0.0` are the same to Maven and RubyGems and differ to Hackage; `1.0-1` is newer than `1.0` to Debian and
//! older to npm. [`Score`] says what a CVSS vector comes to, [`sbom`] which components a file names, [`matching`] which
//! vulnerabilities they have and by whose word, [`decide`] what to do about one and by when.
//!
//! ```
//! use hudun_advisory::{Bound, Format, read};
//!
//! let file = br#"{"id": "GHSA-1", "affected": [{"package": {"ecosystem": "npm", "name": "crm"},
//!     "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]}]}"#;
//! let reading = read(Format::Ghsa, "crm.json", file);
//! let range = &reading.records[0].affected[0].ranges[0];
//! assert_eq!(range.upper, Bound::Excluding("1.2.0".to_owned()));
//! ```
//!
//! ```
//! use hudun_advisory::{Ecosystem, Version};
//!
//! let old = Version::parse(Ecosystem::Debian, "1.2.3-1~deb7u1")?;
//! let new = Version::parse(Ecosystem::Debian, "1.2.3-1")?;
//! assert!(old < new);
//! # Ok::<(), hudun_advisory::VersionError>(())
//! ```

mod cpe;
pub mod decide;
pub mod matching;
mod read;
mod record;
pub mod sbom;
mod score;
mod version;

pub use cpe::{Attribute, Cpe, CpeError};
pub use read::{
    Ended, Format, Found, Limits, Note, Reading, Refused, Tally, UnknownFormat, read,
    read_any_from, read_feeds, read_from, read_path,
};
pub use record::{
    Affected, Bound, Change, Condition, Epss, Identity, Kev, Package, Platform, Range, Record,
    Source, Ssvc, Status, Vector,
};
pub use score::{Score, ScoreError};
pub use version::{Ecosystem, UnknownEcosystem, Version, VersionError};
