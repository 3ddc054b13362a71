//! The files that a rule set was made from, as they were read: an earlier set can be made again when its folder has moved on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hudun_seclang::{DiskSources, LoadError, RuleSet, Sources};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// One step of loading.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Rules from memory: their name and text.
    Text(String, String),
    /// A file.
    File(String),
    /// The files that a pattern names.
    Glob(String),
}

/// What a rule set was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSource {
    steps: Vec<Step>,
    /// Contents by path, in base64: data files may hold any byte.
    files: BTreeMap<String, String>,
    /// What each pattern found.
    lists: BTreeMap<String, Vec<String>>,
}

impl RuleSource {
    /// Makes a rule set from disk and keeps what was read.
    pub(crate) fn read(steps: Vec<Step>) -> Result<(RuleSet, Self), LoadError> {
        let recording = Recording {
            disk: DiskSources::new("."),
            read: RefCell::default(),
        };
        let rules = build(&steps, &recording)?;
        let (files, lists) = recording.read.into_inner();
        let source = Self {
            steps,
            files,
            lists,
        };
        Ok((rules, source))
    }

    /// Makes the rule set again.
    ///
    /// # Errors
    /// When this version can't read what an earlier one could.
    pub fn rules(&self) -> Result<RuleSet, LoadError> {
        build(&self.steps, self)
    }

    /// SHA-256 over all of it: two sources with the same are the same rules.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        for step in &self.steps {
            match step {
                Step::Text(name, text) => ["text", name, text].map(&mut add),
                Step::File(path) => ["file", path, ""].map(&mut add),
                Step::Glob(pattern) => ["glob", pattern, ""].map(&mut add),
            };
        }
        for (path, content) in &self.files {
            add(path);
            add(content);
        }
        hex::encode(hash.finalize())
    }
}

impl Sources for RuleSource {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let content = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        STANDARD.decode(content).map_err(io::Error::other)
    }

    fn list(&self, pattern: &str) -> io::Result<Vec<String>> {
        let found = self.lists.get(pattern).cloned();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

type Read = (BTreeMap<String, String>, BTreeMap<String, Vec<String>>);

struct Recording {
    disk: DiskSources,
    read: RefCell<Read>,
}

impl Sources for Recording {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = self.disk.read(path)?;
        let mut read = self.read.borrow_mut();
        read.0.insert(path.to_owned(), STANDARD.encode(&bytes));
        Ok(bytes)
    }

    fn list(&self, pattern: &str) -> io::Result<Vec<String>> {
        let found = self.disk.list(pattern)?;
        let mut read = self.read.borrow_mut();
        read.1.insert(pattern.to_owned(), found.clone());
        Ok(found)
    }
}

fn build(steps: &[Step], sources: &dyn Sources) -> Result<RuleSet, LoadError> {
    let mut builder = RuleSet::builder();
    for step in steps {
        builder = match step {
            Step::Text(name, text) => builder.text(name.as_str(), text.as_str()),
            Step::File(path) => builder.file(path.as_str()),
            Step::Glob(pattern) => builder.glob(pattern.as_str()),
        };
    }
    builder.build_from(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_made_again_after_its_folder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(
            path("a.conf"),
            "SecRule ARGS \"@pmFromFile words.data\" \"id:1,phase:2,deny\"",
        )
        .unwrap();
        std::fs::write(path("words.data"), b"attack\n").unwrap();
        let (rules, source) = RuleSource::read(vec![Step::Glob(path("*.conf"))]).unwrap();
        drop(folder);
        let kept: RuleSource =
            serde_json::from_str(&serde_json::to_string(&source).unwrap()).unwrap();
        let again = kept.rules().unwrap();
        assert_eq!(
            again.ids().collect::<Vec<_>>(),
            rules.ids().collect::<Vec<_>>()
        );
        assert_eq!(kept.digest(), source.digest());
        assert!(RuleSource::read(source.steps.clone()).is_err());
    }
}
