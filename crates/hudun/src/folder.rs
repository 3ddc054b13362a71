//! Notices when the files of a folder have changed and come to rest.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A folder, with its `rules/` where it has one.
pub(crate) struct FolderWatch {
    folder: PathBuf,
    known: Vec<(OsString, u64, Option<SystemTime>)>,
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

/// Names, lengths and times of the files.
fn state_of(folder: &Path) -> Vec<(OsString, u64, Option<SystemTime>)> {
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join("rules")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(about) = entry.metadata() {
                files.push((entry.file_name(), about.len(), about.modified().ok()));
            }
        }
    }
    files.sort();
    files
}
