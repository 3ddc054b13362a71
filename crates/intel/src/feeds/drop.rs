//! The drop folder: files put there by hand, read once nobody writes them any more.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hudun_core::Timestamp;

/// Files of one look.
const AT_ONCE: usize = 1_000;
/// A file that ends before it is complete may still be coming: it is only given up after so long without a change.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is known of the files in the folder.
pub(super) struct DropFolder {
    pub(super) folder: PathBuf,
    settle: Duration,
    keep_done: usize,
    seen: BTreeMap<OsString, Seen>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    length: u64,
    changed: Option<SystemTime>,
}

struct Seen {
    stamp: Stamp,
    since: Timestamp,
    /// It was read as it is and is not complete.
    incomplete: bool,
}

/// A file that can be read.
pub(super) struct Ready {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) file: File,
    stamp: Stamp,
    /// Nobody has changed it for so long that it won't get any longer.
    pub(super) given_up: bool,
}

impl DropFolder {
    pub(super) fn open(folder: PathBuf, settle: Duration, keep_done: usize) -> io::Result<Self> {
        for one in [&folder, &folder.join(DONE), &folder.join(REFUSED)] {
            fs::create_dir_all(one)?;
        }
        Ok(Self {
            folder,
            settle,
            keep_done,
            seen: BTreeMap::new(),
        })
    }

    /// The files that nobody writes any more, by name. Hidden files and those that end in `.part`, `.tmp`, `.crdownload`,
    /// `.filepart` or `.new` are somebody's unfinished ones.
    pub(super) fn look(&mut self, now: Timestamp) -> io::Result<Vec<Ready>> {
        let mut found: BTreeMap<OsString, Seen> = BTreeMap::new();
        let mut ready = Vec::new();
        let mut names: Vec<OsString> = fs::read_dir(&self.folder)?
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .map(|entry| entry.file_name())
            .filter(|name| !unfinished(&name.to_string_lossy()))
            .take(AT_ONCE * 10)
            .collect();
        names.sort_unstable();
        for name in names {
            let path = self.folder.join(&name);
            let Ok(meta) = fs::symlink_metadata(&path) else {
                continue;
            };
            let stamp = stamp(&meta);
            let before = self.seen.remove(&name).filter(|seen| seen.stamp == stamp);
            let known = before.is_some();
            let seen = before.unwrap_or(Seen {
                stamp,
                since: now,
                incomplete: false,
            });
            let settle = i64::try_from(self.settle.as_millis()).unwrap_or(i64::MAX);
            let patience = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
            let watched = now.millis_since(seen.since);
            // By its own time it has been left alone for long: it was renamed or copied here with its time.
            let old = age(stamp, now).is_some_and(|age| age >= settle.max(1_000));
            let given_up = watched >= patience;
            let still = watched >= settle || (known && old);
            if still && (!seen.incomplete || given_up) && ready.len() < AT_ONCE {
                if let Ok(file) = File::open(&path) {
                    ready.push(Ready {
                        name: name.to_string_lossy().into_owned(),
                        path,
                        file,
                        stamp,
                        given_up,
                    });
                }
            }
            found.insert(name, seen);
        }
        self.seen = found;
        Ok(ready)
    }

    /// The file was read and is not complete: it may still be coming.
    pub(super) fn wait_for(&mut self, ready: &Ready) {
        if let Some(seen) = ready
            .path
            .file_name()
            .and_then(|name| self.seen.get_mut(name))
        {
            seen.incomplete = true;
        }
    }

    /// Puts a file that was read into `done` or `refused`, with the reason beside it.
    pub(super) fn put_away(&mut self, ready: &Ready, taken: bool, reason: &str) -> io::Result<()> {
        if let Some(name) = ready.path.file_name() {
            self.seen.remove(name);
        }
        let folder = self.folder.join(if taken { DONE } else { REFUSED });
        let to = free(&folder, &ready.name, Timestamp::now());
        let mut beside = to.clone().into_os_string();
        beside.push(".reason.txt");
        // The reason first: a file there has one at any moment.
        if !reason.is_empty() {
            fs::write(&beside, reason)?;
        }
        if taken && self.keep_done == 0 {
            return fs::remove_file(&ready.path);
        }
        fs::rename(&ready.path, &to)?;
        let keep = if taken {
            self.keep_done
        } else {
            self.keep_done.max(100)
        };
        thin(&folder, keep)
    }
}

impl Ready {
    /// Whether the file is still what it was when it was looked at.
    pub(super) fn is_unchanged(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|meta| stamp(&meta) == self.stamp)
    }
}

pub(super) const DONE: &str = "done";
pub(super) const REFUSED: &str = "refused";

fn unfinished(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with('.')
        || [".part", ".tmp", ".crdownload", ".filepart", ".new"]
            .iter()
            .any(|ending| lower.ends_with(ending))
}

fn stamp(meta: &fs::Metadata) -> Stamp {
    Stamp {
        length: meta.len(),
        changed: meta.modified().ok(),
    }
}

/// How long ago it was changed by its own time, milliseconds.
fn age(stamp: Stamp, now: Timestamp) -> Option<i64> {
    let changed = stamp.changed?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let changed = i64::try_from(changed.as_millis()).ok()?;
    Some(now.as_millis().saturating_sub(changed))
}

/// A name in the folder that nobody has yet.
fn free(folder: &Path, name: &str, now: Timestamp) -> PathBuf {
    let plain = folder.join(name);
    if !plain.exists() {
        return plain;
    }
    let mut number = now.as_millis();
    loop {
        let other = folder.join(format!("{number}-{name}"));
        if !other.exists() {
            return other;
        }
        number += 1;
    }
}

/// Removes the oldest files beyond so many, each with its reason.
fn thin(folder: &Path, keep: usize) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)?
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            if path.to_string_lossy().ends_with(".reason.txt") {
                return None;
            }
            Some((entry.metadata().ok()?.modified().ok()?, path))
        })
        .collect();
    if files.len() <= keep {
        return Ok(());
    }
    files.sort_unstable();
    for (_, path) in files.iter().take(files.len() - keep) {
        let mut beside = path.clone().into_os_string();
        beside.push(".reason.txt");
        let _ = fs::remove_file(beside);
        fs::remove_file(path)?;
    }
    Ok(())
}
