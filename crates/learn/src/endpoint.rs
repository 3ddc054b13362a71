//! One function of the product, as it was seen.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hudun_pii::Proposer;

use crate::Sample;
use crate::answer::{Answer, Kind};
use crate::names::{OWNERS, SUBJECTS};

/// Answers of one function that are read field by field.
const MOST_READ: u64 = 300;
/// Values of one key that are told apart.
const MOST_DISTINCT: usize = 500;

#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint {
    pub(crate) requests: u64,
    pub(crate) succeeded: u64,
    pub(crate) anonymous: u64,
    pub(crate) attachments: u64,
    pub(crate) kinds: BTreeMap<Kind, u64>,
    pub(crate) read: u64,
    pub(crate) fields: Proposer,
    pub(crate) rows: BTreeSet<String>,
    pub(crate) keys: BTreeMap<String, Key>,
}

/// A field that may name the person, or the owner of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    pub(crate) seen: u64,
    distinct: HashSet<u64>,
}

impl Endpoint {
    pub(crate) fn add(&mut self, sample: &Sample<'_>, answer: &Answer, authenticated: bool) {
        self.requests += 1;
        let success = (200..400).contains(&sample.status);
        self.succeeded += u64::from(success);
        self.anonymous += u64::from(success && !authenticated);
        self.attachments += u64::from(answer.attachment);
        *self.kinds.entry(answer.kind).or_default() += 1;
        if !success || answer.values.is_empty() || self.read >= MOST_READ {
            return;
        }
        self.read += 1;
        for (path, value) in &answer.values {
            self.fields.see(path, value);
            let name = path.rsplit('/').next().unwrap_or(path);
            let lower = name.to_ascii_lowercase();
            if SUBJECTS.contains(&lower.as_str()) || OWNERS.contains(&lower.as_str()) {
                let key = self.keys.entry(name.to_owned()).or_default();
                key.seen += 1;
                if key.distinct.len() < MOST_DISTINCT {
                    let mut hasher = DefaultHasher::new();
                    value.hash(&mut hasher);
                    key.distinct.insert(hasher.finish());
                }
            }
        }
        for rows in &answer.rows {
            if self.rows.len() < 8 {
                self.rows.insert(rows.clone());
            }
        }
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.anonymous += other.anonymous;
        self.attachments += other.attachments;
        self.read += other.read;
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        self.fields.absorb(other.fields);
        self.rows.extend(other.rows);
        for (name, key) in other.keys {
            let known = self.keys.entry(name).or_default();
            known.seen += key.seen;
            known.distinct.extend(key.distinct);
        }
    }

    pub(crate) fn mostly(&self, kind: Kind) -> bool {
        self.kinds.get(&kind).copied().unwrap_or(0) * 2 > self.requests
    }

    /// The field that names the person: the best name whose values differ.
    pub(crate) fn subject(&self) -> Option<&str> {
        SUBJECTS.iter().find_map(|wanted| {
            self.keys
                .iter()
                .find(|(name, key)| {
                    name.eq_ignore_ascii_case(wanted) && (key.distinct.len() > 1 || key.seen < 3)
                })
                .map(|(name, _)| name.as_str())
        })
    }

    /// The field that names the owner: few values over many rows.
    pub(crate) fn owner(&self) -> Option<&str> {
        OWNERS.iter().find_map(|wanted| {
            self.keys
                .iter()
                .find(|(name, key)| {
                    name.eq_ignore_ascii_case(wanted) && (key.distinct.len() as u64) * 2 <= key.seen
                })
                .map(|(name, _)| name.as_str())
        })
    }
}
