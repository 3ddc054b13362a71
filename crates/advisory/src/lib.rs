//! What is known of vulnerable versions, as a pure engine: no network, no clock.
//!
//! It reads feeds into [`Record`]s ([`read`]), says which of two versions is newer ([`Version`]), what a CVSS vector comes to ([`Score`]), what to do about a
//! vulnerability and by when ([`decide`]), and which components a file names ([`sbom`]).
//!
//! Ecosystems disagree on versions: `1.0` and `1.0.0` are the same to Maven and RubyGems and differ to Hackage; `1.0-1` is newer
//! than `1.0` to Debian and older to npm. A range of affected versions means nothing until the order is right.
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
    Format, Found, Limits, Note, Reading, Refused, Tally, UnknownFormat, read, read_from, read_path,
};
pub use record::{
    Affected, Bound, Change, Condition, Epss, Identity, Kev, Package, Platform, Range, Record,
    Source, Ssvc, Status, Vector,
};
pub use score::{Score, ScoreError};
pub use version::{Ecosystem, UnknownEcosystem, Version, VersionError};
