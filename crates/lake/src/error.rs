//! What can go wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    /// The program is stopping, and the question was given up.
    #[error("the question was interrupted")]
    Interrupted,
}
