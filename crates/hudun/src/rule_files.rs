//! The files of a folder with detection rules.

use std::path::Path;

use anyhow::{Context as _, bail};
use hudun_sigma::MAX_FILE;

/// Files of one folder.
const MOST_FILES: usize = 20_000;

/// Names and texts, by what they are. Folders within are read, too; links are not followed: a rule folder has no reason to
/// lead elsewhere, or in a circle.
#[derive(Debug, Default)]
pub(crate) struct RuleFiles {
    /// Rules, filters and correlations.
    pub(crate) rules: Vec<(String, String)>,
    /// What lies in a folder `pipelines`.
    pub(crate) pipelines: Vec<(String, String)>,
    /// Each `vars.yml`: the values of placeholders.
    pub(crate) vars: Vec<(String, String)>,
}

impl RuleFiles {
    /// Reads a folder, or one file.
    ///
    /// # Errors
    /// What can't be read, with its name; a file or a number of files beyond the bounds.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Self> {
        let mut files = Self::default();
        if dir.is_file() {
            files.rules.push((dir.display().to_string(), read(dir)?));
            return Ok(files);
        }
        let mut paths = Vec::new();
        let mut open = vec![dir.to_owned()];
        while let Some(folder) = open.pop() {
            let entries = folder
                .read_dir()
                .with_context(|| folder.display().to_string())?;
            for entry in entries {
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let yaml = path
                    .extension()
                    .is_some_and(|end| end == "yml" || end == "yaml");
                if kind.is_dir() {
                    open.push(path);
                } else if kind.is_file() && yaml {
                    paths.push(path);
                }
            }
            if paths.len() > MOST_FILES {
                bail!("{}: more than {MOST_FILES} files", dir.display());
            }
        }
        paths.sort();
        for path in paths {
            let file = (path.display().to_string(), read(&path)?);
            let parent = path.parent().and_then(Path::file_name);
            if parent.is_some_and(|parent| parent == "pipelines") {
                files.pipelines.push(file);
            } else if path.file_name().is_some_and(|name| name == "vars.yml") {
                files.vars.push(file);
            } else {
                files.rules.push(file);
            }
        }
        Ok(files)
    }
}

/// The text of one file.
///
/// # Errors
/// When it can't be read or is too long.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let size = path
        .metadata()
        .with_context(|| path.display().to_string())?
        .len();
    if size > MAX_FILE as u64 {
        bail!(
            "{}: {size} bytes; a rule file may have {MAX_FILE}",
            path.display()
        );
    }
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}
