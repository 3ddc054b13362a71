//! The cold part of the lake: Parquet files, their index of subjects, and the manifest that chains them.

mod file;
mod index;
mod manifest;
mod rows;
mod schema;

pub use self::file::FileMeta;
pub(crate) use self::file::{ColdFile, Filter, partition, write};
pub use self::manifest::{Act, ManifestEntry, ManifestError, verify_manifest};
pub(crate) use self::manifest::{Contents, Manifest};
pub(crate) use self::rows::{RowError, Rows};
pub(crate) use self::schema::delivery_name;
