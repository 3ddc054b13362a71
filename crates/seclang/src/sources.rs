//! Where rule files and data files are read from: a folder, or a map in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Reads rule files and the data files that they name.
pub trait Sources {
    /// The bytes of one file.
    ///
    /// # Errors
    /// When the file doesn't exist or cannot be read.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// The files that match a path with `*` and `?` in its last part, sorted.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    fn list(&self, pattern: &str) -> io::Result<Vec<String>>;
}

/// Files on disk. Paths are taken as they are, relative ones against the folder given.
#[derive(Clone, Debug)]
pub struct DiskSources {
    root: PathBuf,
}

impl DiskSources {
    /// Reads relative paths from `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Sources for DiskSources {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = self.root.join(path);
        let size = std::fs::metadata(&path)?.len();
        if size > MAX_FILE {
            return Err(io::Error::other(format!(
                "file has {size} bytes, the limit is {MAX_FILE}"
            )));
        }
        std::fs::read(path)
    }

    fn list(&self, pattern: &str) -> io::Result<Vec<String>> {
        let (dir, last) = match pattern.rfind('/') {
            Some(at) => (&pattern[..=at], &pattern[at + 1..]),
            None => ("", pattern),
        };
        let mut found = Vec::new();
        for entry in
            std::fs::read_dir(
                self.root
                    .join(Path::new(if dir.is_empty() { "." } else { dir })),
            )?
        {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if wildcard(last.as_bytes(), name.as_bytes()) {
                found.push(format!("{dir}{name}"));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Files in memory, by path.
#[derive(Clone, Debug, Default)]
pub struct MemorySources {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemorySources {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> &mut Self {
        self.files.insert(path.into(), bytes.into());
        self
    }
}

impl Sources for MemorySources {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn list(&self, pattern: &str) -> io::Result<Vec<String>> {
        Ok(self
            .files
            .keys()
            .filter(|k| wildcard(pattern.as_bytes(), k.as_bytes()))
            .cloned()
            .collect())
    }
}

/// `*` any run, `?` one byte; linear in the usual case and quadratic at worst.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) && pattern[p] != b'*'
        {
            p += 1;
            t += 1;
        } else if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((sp, st)) = star {
            p = sp + 1;
            t = st + 1;
            star = Some((sp, st + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// No rule or data file is larger than this.
const MAX_FILE: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        assert!(wildcard(b"*.conf", b"a.conf"));
        assert!(wildcard(b"REQUEST-9??-*.conf", b"REQUEST-901-X.conf"));
        assert!(!wildcard(b"*.conf", b"a.conf.example"));
        assert!(wildcard(b"*", b""));
    }
}
