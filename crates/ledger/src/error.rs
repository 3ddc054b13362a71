//! What can go wrong with a log on disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::entry::EntryError;
use crate::note::NoteError;

/// A failure of the log, naming the file and, where there is one, the line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: full disk, read-only folder, missing rights.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The act that failed.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process has the log open.
    #[error("{} is held by another process; one process writes one ledger", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A line of the log is not what was once written.
    #[error("{} line {line}: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong.
        why: Damage,
    },
    /// A checkpoint is not what was once signed.
    #[error("{} checkpoint {number} (line {line}): {source}", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// Which checkpoint, counted from 1.
        number: u64,
        /// Its first line, counted from 1.
        line: u64,
        /// What is wrong.
        source: NoteError,
    },
    /// A checkpoint was signed over more entries than there are.
    #[error("{} holds {entries} entries, but checkpoint {number} was signed over {signed}: entries were cut off", path.display())]
    CutOff {
        /// The file of entries.
        path: PathBuf,
        /// Which checkpoint, counted from 1.
        number: u64,
        /// Entries found.
        entries: u64,
        /// Entries signed for.
        signed: u64,
    },
    /// The entries don't have the head that was signed.
    #[error(
        "{} lines {} to {size}: one of them was changed since checkpoint {number} was signed over head {signed}; \
         the head is now {computed}",
        path.display(), after + 1
    )]
    RootDiffers {
        /// The file of entries.
        path: PathBuf,
        /// Which checkpoint, counted from 1.
        number: u64,
        /// Entries that the checkpoint before it covers; those are right.
        after: u64,
        /// Entries that it covers.
        size: u64,
        /// The head that was signed, in hexadecimal.
        signed: String,
        /// The head of what is there, in hexadecimal.
        computed: String,
    },
    /// A checkpoint is smaller than the one before it.
    #[error("checkpoint {number} was signed over {size} entries, fewer than the one before it")]
    Backwards {
        /// Which checkpoint, counted from 1.
        number: u64,
        /// Its size.
        size: u64,
    },
    /// There are entries, but the key or the checkpoints are gone.
    #[error("{} is missing while the log has entries: restore it from a backup", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The key file is not usable.
    #[error("{}: {source}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        source: NoteError,
    },
    /// The key file can be read by others.
    #[error("{} has mode {mode:o}; the private key must be readable by its owner alone (chmod 600)", path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The log belongs to another origin.
    #[error("the log in {} belongs to origin {found:?}, not {wanted:?}", path.display())]
    Origin {
        /// The folder.
        path: PathBuf,
        /// The origin in the key file.
        found: String,
        /// The origin asked for.
        wanted: String,
    },
    /// The entry can't be written down.
    #[error("entry {index} of the group: {source}")]
    Entry {
        /// Which of the group, from 0.
        index: usize,
        /// What is wrong.
        source: EntryError,
    },
    /// An earlier write left the file in doubt.
    #[error("{} is in doubt after a failed write; close the log and open it again", path.display())]
    InDoubt {
        /// Which file.
        path: PathBuf,
    },
    /// There is no such entry.
    #[error("there is no entry {seq}; the log has {len}")]
    NoEntry {
        /// The number asked for.
        seq: u64,
        /// How many entries there are.
        len: u64,
    },
    /// The incident has no entry.
    #[error("incident {incident:?} has no entry in this log")]
    NoIncident {
        /// The incident asked for.
        incident: String,
    },
    /// An evidence pack can't hold this.
    #[error("evidence pack: {0}")]
    Pack(String),
}

/// What is wrong with a line.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Damage {
    /// It is not an entry in canonical form.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// It carries another number than its place.
    #[error("carries number {found}, expected {wanted}: lines were dropped, added or reordered")]
    Number {
        /// The number in the line.
        found: u64,
        /// The number of its place.
        wanted: u64,
    },
    /// The incident's chain is broken.
    #[error(
        "does not continue the incident's entry before it (line {before:?}): one of the two was changed"
    )]
    Chain {
        /// The line of the incident's entry before this one, if there is one.
        before: Option<u64>,
    },
    /// The line changed while the log was open.
    #[error("changed on disk since the log was opened")]
    Changed,
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
