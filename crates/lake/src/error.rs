//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cold::ManifestError;

/// The journal could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file system refused.
    #[error("can't {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The disk is full. Appending works again as soon as there is room.
    #[error("no room left on the disk that holds {}", path.display())]
    DiskFull {
        /// The segment.
        path: PathBuf,
    },
    /// An earlier failure has not been overcome yet; the journal tries again by itself.
    #[error("the journal can't write: {0}")]
    Failed(String),
    /// Another process works on the same data folder.
    #[error(
        "another process works on the data folder {}: stop it first, or choose another folder with --data",
        path.display()
    )]
    Locked {
        /// The data folder.
        path: PathBuf,
    },
    /// A newer program wrote this journal.
    #[error(
        "{} holds records of version {version}, which a newer Hudun wrote: start that one",
        path.display()
    )]
    Newer {
        /// The segment.
        path: PathBuf,
        /// The version found.
        version: u8,
    },
    /// One record is longer than a frame may be: release the response in smaller groups.
    #[error("a record of {bytes} bytes is longer than the {limit} that one frame holds")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The queue to the disk is full, and the caller did not want to wait.
    #[error("the queue to the disk is full")]
    QueueFull,
    /// Too much of the journal is held in memory: compactions fail. Appending works again as soon as one succeeds.
    #[error(
        "{held} bytes wait in memory to be compacted, more than the {limit} allowed: see why compactions fail"
    )]
    HeldFull {
        /// Bytes held.
        held: usize,
        /// Bytes that may be.
        limit: usize,
    },
    /// The journal has been closed.
    #[error("the journal has been closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull
            || source.kind() == io::ErrorKind::QuotaExceeded
        {
            return Self::DiskFull {
                path: path.to_owned(),
            };
        }
        Self::Io {
            doing,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}

/// The lake could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The journal could not.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file system refused.
    #[error("can't {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the lake can't be read: damaged, or not ours.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of the lake can't be written.
    #[error("can't write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The manifest's chain is broken.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An earlier write to the manifest failed and could not be taken back; a restart repairs it.
    #[error("{} ends in a line that could not be taken back: restart to repair it", path.display())]
    ManifestBroken {
        /// The manifest.
        path: PathBuf,
    },
    /// The retention asked for is shorter than the law allows.
    #[error(
        "a retention of {days} days is below the six months that the law asks for (183 days): raise it, or state \
         `below_legal_minimum: true`"
    )]
    RetentionTooShort {
        /// The days asked for.
        days: u32,
    },
    /// A data folder without exchanges.
    #[error("{} holds no recorded exchanges: there is neither a journal nor a lake in it", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// The running process compacted the journal again and again while it was read.
    #[error("{} changes faster than it can be read: try again", path.display())]
    Unsteady {
        /// The folder.
        path: PathBuf,
    },
    /// A question asks for more than one answer may hold.
    #[error("{0}")]
    Question(&'static str),
    /// The program is stopping, and the question was given up.
    #[error("the question was interrupted")]
    Interrupted,
}

impl LakeError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
