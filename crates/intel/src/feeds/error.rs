//! What can be wrong at the door.

use std::io;
use std::path::PathBuf;

/// Why feeds can't be opened, or can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum FeedsError {
    /// The configuration.
    #[error("{field}: {reason}")]
    Config {
        /// Which field.
        field: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// A folder or a file.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process works on this folder.
    #[error(
        "{}: another Hudun works on these feeds. Put files and bundles into {}, or stop it first",
        folder.display(), drop.display()
    )]
    Busy {
        /// Which folder.
        folder: PathBuf,
        /// Its drop folder.
        drop: PathBuf,
    },
    /// No such feed.
    #[error("no feed is called {name:?}; known are: {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those that are.
        known: String,
    },
    /// There is nothing to accept.
    #[error("{name}: nothing of it is held back")]
    NothingHeld {
        /// Which feed.
        name: String,
    },
    /// What is kept can't be written or read.
    #[error("{}: {error}", path.display())]
    Index {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: hudun_advisory::matching::IndexError,
    },
    /// A part of it stopped, which is a mistake of this program.
    #[error("a part of the feeds stopped: {0}")]
    Stopped(String),
}

impl FeedsError {
    pub(super) fn io(path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Io {
            path: path.into(),
            error,
        }
    }
}
