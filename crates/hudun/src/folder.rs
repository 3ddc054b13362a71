//! Notices when the files of a folder have changed and come to rest.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Files that are looked at; a folder with more is no folder of rules.
const MOST_FILES: usize = 20_000;

/// A folder with all that lies in it.
pub(crate) struct FolderWatch {
    folder: PathBuf,
    known: Vec<(PathBuf, u64, Option<SystemTime>)>,
}

impl FolderWatch {
    /// Watches from what is there now.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            known: state_of(&folder),
            folder,
        }
    }

    /// Waits for a change that has come to rest: whoever writes several files should be done first. False when stopped.
    pub(crate) async fn changed(&mut self, stop: &CancellationToken) -> bool {
        let mut moving = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = state_of(&self.folder);
            if now != self.known {
                self.known = now;
                moving = true;
            } else if moving {
                return true;
            }
        }
    }
}

/// Names, lengths and times of the files, those of folders within included; links are not followed.
fn state_of(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                open.push(entry.path());
            } else if let Ok(about) = entry.metadata() {
                files.push((entry.path(), about.len(), about.modified().ok()));
            }
        }
        if files.len() > MOST_FILES {
            break;
        }
    }
    files.sort();
    files
}
