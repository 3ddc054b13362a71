//! CRS into a folder of this machine.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use super::{RuleOptions, load};

/// Most bytes of one rule or data file.
const MOST_FILE: u64 = 16 << 20;
/// Most files.
const MOST_FILES: usize = 4_000;

/// What was installed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Installed {
    /// Where to.
    pub folder: PathBuf,
    /// Files written.
    pub files: usize,
    /// Rules that the set has.
    pub rules: usize,
    /// What it calls itself, such as `OWASP_CRS/4.28.0`.
    pub signature: Vec<String>,
    /// What loads without effect.
    pub warnings: Vec<String>,
}

/// Installs CRS from its folder or archive (`.zip`, `.tar.gz`). The set is loaded before it takes the place of an older one;
/// an own `crs-setup.conf` stays.
///
/// # Errors
/// When there is no CRS in it, it doesn't load, or the folder can't be written. The older set stays then.
pub fn install_crs(from: &Path, to: &Path) -> anyhow::Result<Installed> {
    let files = if from.is_dir() {
        of_folder(from)?
    } else {
        let name = from.to_string_lossy().to_ascii_lowercase();
        let bytes = std::fs::read(from).with_context(|| from.display().to_string())?;
        if name.ends_with(".zip") {
            of_zip(&bytes)?
        } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            of_tar(&bytes)?
        } else {
            bail!("{}: give a folder, a .zip or a .tar.gz", from.display());
        }
    };
    if !files
        .iter()
        .any(|(path, _)| path.ends_with("REQUEST-901-INITIALIZATION.conf"))
    {
        bail!(
            "{}: no CRS in it (rules/REQUEST-901-INITIALIZATION.conf is missing); get a release of coreruleset/coreruleset",
            from.display()
        );
    }
    let parent = to.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let fresh = sibling(to, "new");
    let old = sibling(to, "old");
    for stale in [&fresh, &old] {
        if stale.exists() {
            std::fs::remove_dir_all(stale).with_context(|| stale.display().to_string())?;
        }
    }
    for (path, bytes) in &files {
        let file = fresh.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        std::fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    }
    let own = to.join("crs-setup.conf");
    if own.is_file() {
        std::fs::copy(&own, fresh.join("crs-setup.conf")).context("crs-setup.conf")?;
    }
    let options = RuleOptions {
        rules: Some(fresh.clone()),
        ..RuleOptions::default()
    };
    let set = match load(&options) {
        Ok(set) => set,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&fresh);
            return Err(error).context("this set does not load; the installed one stays");
        }
    };
    if to.exists() {
        std::fs::rename(to, &old).with_context(|| to.display().to_string())?;
    }
    std::fs::rename(&fresh, to).with_context(|| to.display().to_string())?;
    if old.exists() {
        std::fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
    }
    Ok(Installed {
        folder: to.to_owned(),
        files: files.len(),
        rules: set.len(),
        signature: set.settings().components.clone(),
        warnings: set.warnings().to_vec(),
    })
}

fn sibling(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

type Files = Vec<(PathBuf, Vec<u8>)>;

/// Where a file of an archive belongs, without the archive's own top folder; none for what is no part of the rules.
fn place(path: &Path) -> Option<PathBuf> {
    let parts: Vec<&str> = path
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let tail = match parts.as_slice() {
        [.., "rules", name] => vec!["rules", *name],
        [_, name] | [name] if name.starts_with("crs-setup.conf") || *name == "LICENSE" => {
            vec![*name]
        }
        _ => return None,
    };
    let name = tail.last().copied().unwrap_or_default();
    let wanted = [".conf", ".data", ".conf.example", "LICENSE"]
        .iter()
        .any(|end| name.ends_with(end));
    wanted.then(|| tail.iter().collect())
}

fn take(files: &mut Files, path: &Path, reader: impl Read) -> anyhow::Result<()> {
    let Some(place) = place(path) else {
        return Ok(());
    };
    let mut bytes = Vec::new();
    reader.take(MOST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_FILE || files.len() >= MOST_FILES {
        bail!("{}: larger than a rule set may be", path.display());
    }
    files.push((place, bytes));
    Ok(())
}

fn of_folder(from: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for folder in [from.to_owned(), from.join("rules")] {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("{}: CRS has a folder rules/", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                let inner = path.strip_prefix(from).unwrap_or(&path).to_owned();
                take(&mut files, &inner, std::fs::File::open(&path)?)
                    .with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(files)
}

fn of_zip(bytes: &[u8]) -> anyhow::Result<Files> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).context("the archive")?;
    let mut files = Files::new();
    for at in 0..archive.len() {
        let entry = archive.by_index(at).context("the archive")?;
        if let Some(path) = entry.enclosed_name() {
            take(&mut files, &path, entry)?;
        }
    }
    Ok(files)
}

fn of_tar(bytes: &[u8]) -> anyhow::Result<Files> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut files = Files::new();
    for entry in archive.entries().context("the archive")? {
        let entry = entry.context("the archive")?;
        if entry.header().entry_type().is_file() {
            let path = entry.path().context("the archive")?.into_owned();
            take(&mut files, &path, entry)?;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_are_taken_and_nothing_climbs() {
        let at = |path: &str| place(Path::new(path)).map(|p| p.to_string_lossy().into_owned());
        assert_eq!(
            at("coreruleset-4.28.0/rules/a.conf").as_deref(),
            Some("rules/a.conf")
        );
        assert_eq!(at("rules/x.data").as_deref(), Some("rules/x.data"));
        assert_eq!(
            at("coreruleset/crs-setup.conf.example").as_deref(),
            Some("crs-setup.conf.example")
        );
        assert_eq!(at("../rules/a.conf"), None);
        assert_eq!(at("coreruleset/tests/a.yaml"), None);
        assert_eq!(at("coreruleset/rules/run.sh"), None);
    }
}
