//! The manifest: one line of JSON for each act on the files. Each line names the SHA-256 of the line before it, and
//! each file is named with its own, so that the last line vouches for everything. An act counts once its line is
//! durable.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use hudun_core::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::file::FileMeta;
use crate::error::LakeError;
use crate::journal::sync_folder;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Number of the line, from 1.
    pub seq: u64,
    /// SHA-256 of the line before, without its line feed; zeros before the first.
    pub prev: String,
    /// When it was written.
    pub at: Timestamp,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// What was done to the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Journal segments became Parquet files.
    Compacted {
        /// The last segment that is now in Parquet; it and all before it may be deleted.
        through: u64,
        /// The new files.
        files: Vec<FileMeta>,
        /// Records left out because the head of their exchange is missing.
        orphans: u64,
    },
    /// Files older than the retention were removed.
    Removed {
        /// Everything in them is older than this.
        before: Timestamp,
        /// Their paths.
        paths: Vec<String>,
        /// Exchanges in them.
        rows: u64,
    },
}

/// The manifest of a data folder, open for writing.
pub(crate) struct Manifest {
    path: PathBuf,
    file: File,
    length: u64,
    pub(crate) next: u64,
    pub(crate) head: String,
    /// A line that could not be taken back; nothing is written after it.
    broken: bool,
}

/// What the manifest says is there.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) files: BTreeMap<String, FileMeta>,
    pub(crate) through: u64,
    /// Bytes of a torn last line that were cut.
    pub(crate) torn: u64,
}

impl Manifest {
    pub(crate) fn open(folder: &Path) -> Result<(Self, Contents), LakeError> {
        let path = folder.join("lake").join("manifest.jsonl");
        let parent = folder.join("lake");
        let failed = |doing| {
            let path = path.clone();
            move |error| LakeError::io(doing, &path, error)
        };
        fs::create_dir_all(&parent).map_err(failed("make"))?;
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed("read")(error)),
        };
        let whole = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let (entries, head) = verify_manifest(&bytes[..whole])?;
        let contents = Contents {
            torn: (bytes.len() - whole) as u64,
            ..Contents::of(&entries)
        };
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(failed("open"))?;
        if contents.torn > 0 {
            file.set_len(whole as u64).map_err(failed("repair"))?;
        }
        file.sync_all().map_err(failed("sync"))?;
        sync_folder(&parent).map_err(failed("sync"))?;
        sync_folder(folder).map_err(failed("sync"))?;
        let manifest = Self {
            path: path.clone(),
            file,
            length: whole as u64,
            next: entries.len() as u64 + 1,
            head,
            broken: false,
        };
        Ok((manifest, contents))
    }

    /// Writes an act down and makes it durable; after an error it does not count.
    pub(crate) fn commit(&mut self, at: Timestamp, act: Act) -> Result<(), LakeError> {
        if self.broken {
            return Err(LakeError::ManifestBroken {
                path: self.path.clone(),
            });
        }
        let entry = ManifestEntry {
            seq: self.next,
            prev: self.head.clone(),
            at,
            act,
        };
        let unwritable = |reason: String| LakeError::Unwritable {
            path: self.path.clone(),
            reason,
        };
        let mut line = serde_json::to_vec(&entry).map_err(|e| unwritable(e.to_string()))?;
        let head = digest(&line);
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_all());
        if let Err(error) = written {
            let taken_back = self
                .file
                .set_len(self.length)
                .and_then(|()| self.file.sync_all());
            self.broken = taken_back.is_err();
            return Err(LakeError::io("append to", &self.path, error));
        }
        self.length += line.len() as u64;
        self.next += 1;
        self.head = head;
        Ok(())
    }
}

impl Contents {
    fn of(entries: &[ManifestEntry]) -> Self {
        let mut contents = Self::default();
        for entry in entries {
            match &entry.act {
                Act::Compacted { through, files, .. } => {
                    contents.through = contents.through.max(*through);
                    for file in files {
                        contents.files.insert(file.path.clone(), file.clone());
                    }
                }
                Act::Removed { paths, .. } => {
                    for path in paths {
                        contents.files.remove(path);
                    }
                }
            }
        }
        contents
    }

    /// What the manifest of a data folder says now, and the hash of its last line; nothing is touched. A line that is
    /// being written does not count yet.
    pub(crate) fn peruse(folder: &Path) -> Result<(Self, String), LakeError> {
        let path = folder.join("lake").join("manifest.jsonl");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(LakeError::io("read", &path, error)),
        };
        let whole = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let (entries, head) = verify_manifest(&bytes[..whole])?;
        Ok((Self::of(&entries), head))
    }
}

/// Checks the chain of a manifest's lines; gives them and the hash of the last one.
pub fn verify_manifest(bytes: &[u8]) -> Result<(Vec<ManifestEntry>, String), ManifestError> {
    let mut head = "0".repeat(64);
    let mut entries = Vec::new();
    for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let entry: ManifestEntry = serde_json::from_slice(line).map_err(|error| ManifestError {
            line: number,
            what: format!("is no entry: {error}"),
        })?;
        if entry.seq != number || entry.prev != head {
            return Err(ManifestError {
                line: number,
                what: "does not follow the line before it: something was changed or removed".into(),
            });
        }
        head = digest(line);
        entries.push(entry);
    }
    Ok((entries, head))
}

/// A manifest that was tampered with or damaged.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the manifest {what}")]
pub struct ManifestError {
    line: u64,
    what: String,
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
