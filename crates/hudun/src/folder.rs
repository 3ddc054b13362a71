//! Notices when the files of a folder have changed and come to rest; replaces a file whole, now and then.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// Saves now and then, and once more at the end. What can't be saved is told of and tried again.
pub(crate) async fn save_now_and_then(
    what: &str,
    every: Duration,
    stop: CancellationToken,
    save: impl Fn() -> anyhow::Result<()> + Send + Sync + 'static,
) {
    let save = Arc::new(save);
    loop {
        let ended = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(every) => false,
        };
        let save = Arc::clone(&save);
        match tokio::task::spawn_blocking(move || save()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(error = format!("{error:#}"), "{what} could not be saved");
            }
            Err(error) => tracing::error!(%error, "saving {what} broke off"),
        }
        if ended {
            return;
        }
    }
}

/// Writes beside the old file and then takes its place, so that one of them is whole at any time.
pub(crate) fn replace(
    data: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let new = data.join(format!("{name}.new"));
    let mut out = BufWriter::new(File::create(&new)?);
    write(&mut out)?;
    let out = out
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    out.sync_all()?;
    std::fs::rename(&new, data.join(name))?;
    // The new name has to be on disk as well.
    Ok(File::open(data)?.sync_all()?)
}
