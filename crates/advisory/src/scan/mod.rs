//! What software a host or a directory holds: package databases, lock files, archives and binaries, found by walking it.
//!
//! Links are not followed, kernel and network mounts are left out, every walk has bounds, and what was not read is in
//! [`Scanned::left_out`] with the reason: a scan says what it did not see. The clock is the caller's: it is asked now and then
//! whether to go on.
//!
//! ```
//! use hudun_advisory::scan::{Limits, scan};
//!
//! let folder = std::env::temp_dir().join("hudun-scan-example");
//! std::fs::create_dir_all(&folder)?;
//! std::fs::write(folder.join("requirements.txt"), "Django==4.2.1\n")?;
//! let scanned = scan(&folder, &Limits::default(), &mut |_| true);
//! assert_eq!(scanned.inventory.components[0].purl.as_deref(), Some("pkg:pypi/django@4.2.1"));
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), std::io::Error>(())
//! ```

mod files;
mod gobuild;
mod jar;
mod mounts;
mod release;
mod rpm;
mod sqlite;
mod walk;

use std::path::Path;

use serde::Serialize;

use crate::sbom::Inventory;

/// How far a scan goes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most files and folders that are looked at.
    pub files: u64,
    /// Deepest folder below the root.
    pub depth: usize,
    /// Largest text file that is read, bytes.
    pub file: u64,
    /// Largest archive, database or binary that is opened, bytes.
    pub archive: u64,
    /// Most bytes that are read and unpacked in all.
    pub bytes: u64,
    /// Take what is only there for development too, as far as lock files tell.
    pub dev: bool,
    /// Folders that are left out, as full paths.
    pub without: Vec<std::path::PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 5_000_000,
            depth: 64,
            file: 64 << 20,
            archive: 2 << 30,
            bytes: 32 << 30,
            dev: false,
            without: Vec::new(),
        }
    }
}

/// How far a scan is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Files and folders that were looked at.
    pub files: u64,
    /// Files that were read for components.
    pub read: u64,
    /// Bytes that were read and unpacked.
    pub bytes: u64,
    /// Components so far.
    pub components: usize,
    /// The folder that is looked at.
    pub at: String,
}

/// What a scan found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Scanned {
    /// The components, with their places below the root, and the entries that can't be read.
    pub inventory: Inventory,
    /// What was not looked at, up to 10,000.
    pub left_out: Vec<LeftOut>,
    /// How many more there are than are listed.
    pub left_out_more: u64,
    /// Links that were not followed.
    pub links: u64,
    /// Components that are only there for development and were not taken.
    pub dev: u64,
    /// The distribution by the root's os-release, such as `debian-12`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distro: Option<String>,
    /// How much was looked at.
    pub progress: Progress,
    /// The scan ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
}

/// Something that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where it is.
    pub place: String,
    /// Why.
    pub why: Skip,
    /// The system's words, or the kind of file system.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why something was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// The system does not let this user read it.
    Denied,
    /// It could not be read.
    Unreadable,
    /// The kernel's own: no software is installed there.
    Kernel,
    /// On another machine: it is scanned there.
    Network,
    /// The caller left it out.
    Asked,
    /// Larger than is read.
    TooLarge,
    /// Deeper than is read.
    TooDeep,
    /// It was replaced while it was read.
    Moved,
}

impl Skip {
    /// Whether software may have been missed by it.
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Kernel | Self::Network | Self::Asked)
    }
}

/// Why a scan ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// [`Limits::files`].
    Files,
    /// [`Limits::bytes`].
    Bytes,
    /// The caller said so.
    Asked,
}

/// Scans a host (`/`) or a directory; a single file is taken too. `go_on` is asked for every folder and every 1,000 files.
pub fn scan(root: &Path, limits: &Limits, go_on: &mut dyn FnMut(&Progress) -> bool) -> Scanned {
    walk::run(root, limits, go_on)
}

impl Scanned {
    /// Whether all that is there was looked at.
    pub fn is_whole(&self) -> bool {
        self.stopped.is_none()
            && self.left_out_more == 0
            && !self.left_out.iter().any(|one| one.why.is_loss())
    }
}
