//! The walk itself.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::files::{Kind, kind};
use super::{
    LeftOut, Limits, Progress, Scanned, Skip, Stop, gobuild, jar, mounts, release, rpm, sqlite,
};
use crate::sbom::{BuiltFrom, Package, Source};

/// Most places that are listed as left out.
const LISTED: usize = 10_000;
/// Most entries of one folder.
const ENTRIES: usize = 2_000_000;
/// Longest os-release, bytes.
const RELEASE: u64 = 64 << 10;
/// How many files pass between two questions to the caller.
const ASK: u64 = 1_000;

pub(super) fn run(
    root: &Path,
    limits: &Limits,
    go_on: &mut dyn FnMut(&Progress) -> bool,
) -> Scanned {
    let mut walk = Walk {
        root,
        above: String::new(),
        limits,
        go_on,
        out: Scanned::default(),
        mounts: HashMap::new(),
        distros: HashMap::new(),
    };
    // The root itself is scanned wherever it lies.
    let full = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    walk.mounts = mounts::left_out();
    walk.mounts.retain(|point, _| !full.starts_with(point));
    for one in &limits.without {
        walk.mounts
            .insert(one.clone(), (Skip::Asked, String::new()));
    }
    walk.out.distro = walk.distro("");
    match std::fs::metadata(root) {
        Err(error) => walk.failed(root, &error),
        Ok(meta) if meta.is_file() => {
            let name = root.file_name().unwrap_or_default().to_string_lossy();
            let folder = full.parent().unwrap_or(&full);
            walk.above = folder.to_string_lossy().trim_matches('/').to_owned();
            walk.out.progress.files = 1;
            walk.file(root, &name, &meta);
        }
        Ok(_) => {
            walk.above = full.to_string_lossy().trim_matches('/').to_owned();
            walk.folders(&full);
        }
    }
    walk.out
}

struct Walk<'a> {
    root: &'a Path,
    /// The folder that places are below, as a full path: whoever scans `/var/lib/dpkg` means the database in it.
    above: String,
    limits: &'a Limits,
    go_on: &'a mut dyn FnMut(&Progress) -> bool,
    out: Scanned,
    mounts: HashMap<PathBuf, (Skip, String)>,
    /// Distributions of the roots that were met, by the path in front of `var/lib` and the like.
    distros: HashMap<String, Option<String>>,
}

impl Walk<'_> {
    fn folders(&mut self, full: &Path) {
        let is_host = full == Path::new("/");
        // Folders to look at, the next one last: path on disk, path below the root, depth.
        let mut todo: Vec<(PathBuf, String, usize)> = vec![(full.to_owned(), String::new(), 0)];
        while let Some((folder, below, depth)) = todo.pop() {
            if self.out.stopped.is_some() || !self.ask(&below) {
                return;
            }
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.failed(&folder, &error);
                    continue;
                }
            };
            let mut names = Vec::new();
            for entry in entries {
                match entry {
                    Ok(entry) if names.len() < ENTRIES => {
                        names.push((entry.file_name(), entry.file_type()));
                    }
                    Ok(_) => {
                        self.leave(&folder, Skip::TooLarge, "2,000,000 entries".to_owned());
                        break;
                    }
                    Err(error) => {
                        self.failed(&folder, &error);
                        break;
                    }
                }
            }
            // The same tree gives the same inventory.
            names.sort_unstable_by(|one, two| one.0.cmp(&two.0));
            let mut inner = Vec::new();
            for (name, file_type) in names {
                if !self.count(&below) {
                    return;
                }
                let path = folder.join(&name);
                let shown = name.to_string_lossy();
                let below = if below.is_empty() {
                    shown.into_owned()
                } else {
                    format!("{below}/{shown}")
                };
                let file_type = match file_type {
                    Ok(file_type) => file_type,
                    Err(error) => {
                        self.failed(&path, &error);
                        continue;
                    }
                };
                if file_type.is_symlink() {
                    self.out.links += 1;
                } else if file_type.is_dir() {
                    // Where the kernel's folders are no mounts, as in a container that is built, they are left out all the same.
                    let own = is_host && matches!(below.as_str(), "proc" | "sys" | "dev");
                    if let Some((why, detail)) = self.mounts.get(&path).cloned() {
                        self.leave(&path, why, detail);
                    } else if own {
                        self.leave(&path, Skip::Kernel, String::new());
                    } else if depth >= self.limits.depth {
                        self.leave(&path, Skip::TooDeep, format!("{depth} folders"));
                    } else {
                        inner.push((path, below, depth + 1));
                    }
                } else if file_type.is_file() {
                    self.candidate(&path, &below);
                }
            }
            todo.extend(inner.into_iter().rev());
        }
    }

    /// Counts one file or folder; `false` to end.
    fn count(&mut self, at: &str) -> bool {
        self.out.progress.files += 1;
        if self.out.progress.files > self.limits.files {
            self.out.stopped = Some(Stop::Files);
        } else if self.out.progress.bytes > self.limits.bytes {
            self.out.stopped = Some(Stop::Bytes);
        } else if self.out.progress.files.is_multiple_of(ASK) {
            self.ask(at);
        }
        self.out.stopped.is_none()
    }

    fn ask(&mut self, at: &str) -> bool {
        self.out.progress.components = self.out.inventory.components.len();
        at.clone_into(&mut self.out.progress.at);
        if !(self.go_on)(&self.out.progress) {
            self.out.stopped = Some(Stop::Asked);
        }
        self.out.stopped.is_none()
    }

    /// Most files are none of ours by their name alone; only of those that may be is more asked.
    fn candidate(&mut self, path: &Path, below: &str) {
        if self.kind(below, true).is_none() {
            return;
        }
        match std::fs::symlink_metadata(path) {
            Ok(meta) if meta.is_file() => self.file(path, below, &meta),
            Ok(_) => self.leave(path, Skip::Moved, String::new()),
            Err(error) => self.failed(path, &error),
        }
    }

    fn file(&mut self, path: &Path, below: &str, meta: &Metadata) {
        let Some(kind) = self.kind(below, runs(meta)) else {
            return;
        };
        let most = match kind {
            Kind::Text(_) => self.limits.file,
            _ => self.limits.archive,
        };
        // Shorter than any ELF file with build information.
        if kind == Kind::Binary && meta.len() < 1_024 || meta.len() == 0 {
            return;
        }
        if kind != Kind::RpmOther && meta.len() > most {
            return self.leave(path, Skip::TooLarge, format!("{} bytes", meta.len()));
        }
        let mut file = match open(path, meta) {
            Ok(Some(file)) => file,
            Ok(None) => return self.leave(path, Skip::Moved, String::new()),
            Err(error) => return self.failed(path, &error),
        };
        match kind {
            Kind::Text(format) => {
                let mut bytes = Vec::new();
                // It may have grown since.
                if let Err(error) = file.take(most).read_to_end(&mut bytes) {
                    return self.failed(path, &error);
                }
                self.read(bytes.len() as u64);
                let distro = if format.is_system() {
                    self.distro(below)
                } else {
                    None
                };
                let source = Source {
                    place: below,
                    format,
                    distro: distro.as_deref(),
                };
                let dev = self.limits.dev;
                self.out.dev += self.out.inventory.add_chosen(&source, &bytes, dev);
            }
            Kind::RpmDatabase => {
                self.read(meta.len());
                self.rpm(path, below, file);
            }
            Kind::RpmOther => self.out.inventory.refuse(
                below,
                "an RPM database of Berkeley DB or ndb is not read: convert a copy with `rpmdb --rebuilddb --define '_db_backend sqlite'`, or take the list with `rpm -qa` on the host as CycloneDX or SPDX",
            ),
            Kind::Jar => {
                let room = self.limits.bytes.saturating_sub(self.out.progress.bytes);
                let found = jar::read(file, below, room);
                self.read(meta.len() + found.bytes);
                self.jar(below, found);
            }
            Kind::Binary => {
                let mut start = [0; 4];
                if file.read_exact(&mut start).is_err() || start != *b"\x7fELF" {
                    return;
                }
                let again = io::Seek::seek(&mut file, io::SeekFrom::Start(0));
                if let Err(error) = again {
                    return self.failed(path, &error);
                }
                match gobuild::read(&mut file) {
                    Ok(build) => {
                        self.read(0);
                        self.go(below, &build);
                    }
                    Err(gobuild::No::Other) => {}
                    Err(gobuild::No::Old) => self.out.inventory.refuse(
                        below,
                        "it was built by a Go before 1.18, whose build information is not read",
                    ),
                    Err(gobuild::No::Damaged) => self
                        .out
                        .inventory
                        .refuse(below, "its Go build information is damaged"),
                }
            }
        }
    }

    fn kind(&self, below: &str, runs: bool) -> Option<Kind> {
        kind(&format!("{}/{below}", self.above), runs)
    }

    fn read(&mut self, bytes: u64) {
        self.out.progress.read += 1;
        self.out.progress.bytes += bytes;
    }

    fn rpm(&mut self, path: &Path, below: &str, file: File) {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = match std::fs::symlink_metadata(&log) {
            Ok(meta) if meta.is_file() && meta.len() > 0 => match open(Path::new(&log), &meta) {
                Ok(log) => log,
                Err(error) => return self.failed(Path::new(&log), &error),
            },
            _ => None,
        };
        let distro = self.distro(below);
        let inventory = &mut self.out.inventory;
        let mut bad = 0_u64;
        let read = sqlite::Database::open(file, log).and_then(|mut database| {
            database.rows("Packages", &mut |row| {
                let package = row.iter().find_map(|value| match value {
                    sqlite::Value::Blob(blob) => rpm::header(blob),
                    _ => None,
                });
                match package {
                    // A key that signatures are checked with is kept as a package and is none.
                    Some(package) if package.name == "gpg-pubkey" => {}
                    Some(package) => {
                        let version = package.full();
                        inventory.package(&Package {
                            kind: "rpm",
                            distro: distro.as_deref(),
                            name: &package.name,
                            version: Some(&version),
                            arch: &package.arch,
                            built_from: package
                                .built_from()
                                .map(|(name, version)| BuiltFrom { name, version }),
                            place: below,
                        });
                    }
                    None => bad += 1,
                }
                true
            })
        });
        if let Err(why) = read {
            inventory.refuse(below, &why);
        }
        if bad > 0 {
            inventory.refuse(below, &format!("{bad} of its headers can't be read"));
        }
    }

    fn jar(&mut self, below: &str, found: jar::Jar) {
        let place = |within: &[String]| {
            std::iter::once(below)
                .chain(within.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("!/")
        };
        for one in found.found {
            self.out.inventory.package(&Package {
                kind: "maven",
                distro: one.group.as_deref(),
                name: &one.name,
                version: one.version.as_deref(),
                arch: "",
                built_from: None,
                place: &place(&one.within),
            });
        }
        for (within, why) in found.refused {
            self.out.inventory.refuse(&place(&within), &why);
        }
    }

    fn go(&mut self, below: &str, build: &gobuild::Build) {
        let mut modules: Vec<(&str, &str)> = Vec::new();
        for line in build.modules.lines() {
            let mut words = line.split('\t');
            match (words.next(), words.next(), words.next()) {
                (Some("mod" | "dep"), Some(path), version) => {
                    modules.push((path, version.unwrap_or_default()));
                }
                // In place of the one before; a folder has no version.
                (Some("=>"), Some(path), version) => {
                    modules.pop();
                    modules.push((path, version.unwrap_or_default()));
                }
                _ => {}
            }
        }
        // `go1.22.3 X:boringcrypto` is 1.22.3 all the same.
        let go = build.go.split_whitespace().next().unwrap_or_default();
        let go = go.strip_prefix("go").unwrap_or(go).to_owned();
        let library = std::iter::once(("stdlib", go.as_str()));
        for (path, version) in library.chain(modules) {
            // What is built in its own folder has no version.
            let version =
                Some(version).filter(|version| !version.is_empty() && *version != "(devel)");
            self.out.inventory.package(&Package {
                kind: "golang",
                distro: None,
                name: path,
                version,
                arch: "",
                built_from: None,
                place: below,
            });
        }
    }

    /// The distribution of the root that a database lies in: of the host, or of a tree within it.
    fn distro(&mut self, below: &str) -> Option<String> {
        const HOMES: [&str; 4] = ["var/lib/", "usr/lib/", "lib/apk/", "usr/share/"];
        let front = HOMES
            .iter()
            .filter_map(|home| {
                let at = below.rfind(home)?;
                (at == 0 || below.get(..at)?.ends_with('/')).then_some(at)
            })
            .min()
            .unwrap_or_default();
        let front = below.get(..front).unwrap_or_default().to_owned();
        if let Some(known) = self.distros.get(&front) {
            return known.clone();
        }
        let found = ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .find_map(|file| {
                let path = self.root.join(&front).join(file);
                let meta = std::fs::symlink_metadata(&path).ok()?;
                let file = open(&path, &meta).ok()??;
                let mut text = String::new();
                file.take(RELEASE).read_to_string(&mut text).ok()?;
                release::distro(&text)
            });
        if self.distros.len() < LISTED {
            self.distros.insert(front, found.clone());
        }
        found
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        let why = match error.kind() {
            ErrorKind::PermissionDenied => Skip::Denied,
            ErrorKind::NotFound => Skip::Moved,
            _ => Skip::Unreadable,
        };
        self.leave(path, why, error.to_string());
    }

    fn leave(&mut self, path: &Path, why: Skip, detail: String) {
        if self.out.left_out.len() >= LISTED {
            self.out.left_out_more += 1;
            return;
        }
        self.out.left_out.push(LeftOut {
            place: path.to_string_lossy().into_owned(),
            why,
            detail,
        });
    }
}

/// Opens a file; `None` where another one lies there than was looked at, or no plain file.
fn open(path: &Path, meta: &Metadata) -> io::Result<Option<File>> {
    if !meta.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let now = file.metadata()?;
    Ok((now.is_file() && same(meta, &now)).then_some(file))
}

#[cfg(unix)]
fn same(one: &Metadata, two: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (two.dev(), two.ino())
}

#[cfg(not(unix))]
fn same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn runs(meta: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
const fn runs(_: &Metadata) -> bool {
    true
}
