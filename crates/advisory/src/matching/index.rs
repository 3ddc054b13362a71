//! Records, found by what a component is known by.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::disk::IndexError;
use super::group::{Groups, Numbers, group};
use super::key::{Keys, hash};
use super::store::{Bytes, Packer, Store};
use crate::read::Found;
use crate::record::{Epss, Kev, Record, Source};

/// Advisories of all sources, with CISA's catalogue and EPSS.
///
/// Records are kept packed and unpacked one at a time, so that an index of all of CVE fits beside other work.
#[derive(Debug)]
pub struct Index {
    pub(super) store: Store,
    /// Hash of a key and record, sorted.
    pub(super) postings: Vec<(u64, u32)>,
    pub(super) groups: Groups,
    /// Vulnerability and record, sorted.
    pub(super) members: Vec<(u32, u32)>,
    pub(super) kev: HashMap<String, Kev>,
    pub(super) epss: HashMap<String, Epss>,
    pub(super) counts: Counts,
}

/// What an index holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Advisories.
    pub records: u64,
    /// Those that their source took back: they match nothing.
    pub withdrawn: u64,
    /// Older versions of advisories that a newer one took the place of.
    pub replaced: u64,
    /// Vulnerabilities.
    pub vulnerabilities: u64,
    /// Aliases that were not followed, because they would have joined two CVE numbers.
    pub alias_conflicts: u64,
    /// Entries of CISA's catalogue. With none, whether something is in it is not known.
    pub kev: u64,
    /// Scores of EPSS.
    pub epss: u64,
    /// How many records of each source name products by each kind of identifier: `pkg:npm`, `cpe`, `name`.
    pub kinds: BTreeMap<String, BTreeMap<String, u64>>,
    /// How many records of each source name no product that can be found.
    pub unfindable: BTreeMap<String, u64>,
}

impl Index {
    /// An index of some records, for small feeds.
    pub fn of(found: impl IntoIterator<Item = Found>) -> Self {
        let mut builder = Builder::default();
        for one in found {
            builder.add(one);
        }
        builder.finish()
    }

    /// What it holds.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The records that name something by a key, perhaps with others whose keys have the same hash.
    pub(super) fn find(&self, key: &str) -> impl Iterator<Item = u32> {
        let wanted = hash(key);
        let begin = self.postings.partition_point(|(hash, _)| *hash < wanted);
        let rest = self.postings.get(begin..).unwrap_or_default();
        rest.iter()
            .take_while(move |(hash, _)| *hash == wanted)
            .map(|(_, record)| *record)
    }

    /// The vulnerabilities that a record speaks of.
    pub(super) fn groups_of(&self, record: u32) -> impl Iterator<Item = u32> {
        let begin = self.groups.of.partition_point(|(one, _)| *one < record);
        let rest = self.groups.of.get(begin..).unwrap_or_default();
        rest.iter()
            .take_while(move |(one, _)| *one == record)
            .map(|(_, group)| *group)
    }

    /// All records of a vulnerability, also those that were taken back.
    pub(super) fn members(&self, group: u32) -> Result<Vec<Record>, IndexError> {
        let begin = self.members.partition_point(|(one, _)| *one < group);
        let rest = self.members.get(begin..).unwrap_or_default();
        rest.iter()
            .take_while(|(one, _)| *one == group)
            .map(|(_, record)| self.store.record(*record))
            .collect()
    }

    pub(super) fn name(&self, group: u32) -> &str {
        self.groups
            .names
            .get(group as usize)
            .map_or("", |name| name)
    }
}

/// Takes what readers find, one thing at a time.
#[derive(Default)]
pub struct Builder {
    packer: Packer,
    spans: Vec<(u64, u32)>,
    postings: Vec<(u64, u32)>,
    heads: Vec<Head>,
    /// The newest record of each number, by source.
    newest: HashMap<(Source, String), usize>,
    kev: HashMap<String, Kev>,
    epss: HashMap<String, Epss>,
    counts: Counts,
}

struct Head {
    id: String,
    aliases: Vec<String>,
    modified: Option<jiff::Timestamp>,
    withdrawn: bool,
    source: Source,
    kinds: Vec<String>,
    replaced: bool,
}

impl Builder {
    /// Takes one thing. What a reader refused is left to the caller.
    pub fn add(&mut self, found: Found) {
        match found {
            Found::Record(record) => self.record(&record),
            Found::Kev(kev) => {
                self.kev.insert(kev.cve.clone(), kev);
            }
            Found::Epss(epss) => self.epss(epss),
            Found::Refused(_) => {}
        }
    }

    /// The newest score counts: scores of different models don't compare.
    fn epss(&mut self, epss: Epss) {
        let newer = self
            .epss
            .get(&epss.cve)
            .is_none_or(|known| (known.date, &known.model) <= (epss.date, &epss.model));
        if newer {
            self.epss.insert(epss.cve.clone(), epss);
        }
    }

    fn record(&mut self, record: &Record) {
        let at = self.heads.len();
        // Statements of VEX are called by the vulnerability's number; each is one of its own.
        if !matches!(record.source, Source::OpenVex | Source::Csaf) {
            let key = (record.source, record.id.to_ascii_uppercase());
            if let Some(&before) = self.newest.get(&key) {
                self.counts.replaced += 1;
                let older = self
                    .heads
                    .get(before)
                    .is_some_and(|head| head.modified <= record.modified);
                if !older {
                    return;
                }
                if let Some(head) = self.heads.get_mut(before) {
                    head.replaced = true;
                }
            }
            self.newest.insert(key, at);
        }
        let (Some(span), Ok(number)) = (self.packer.put(record), u32::try_from(at)) else {
            return;
        };
        let mut kinds = Vec::new();
        if !record.withdrawn {
            let mut keys: Vec<u64> = Vec::new();
            for affected in &record.affected {
                let found = Keys::of(affected);
                keys.extend(found.all().map(hash));
                kinds.extend(found.kinds());
            }
            keys.sort_unstable();
            keys.dedup();
            self.postings
                .extend(keys.into_iter().map(|key| (key, number)));
            kinds.sort_unstable();
            kinds.dedup();
        }
        let id = hash(&format!("i:{}", record.id.to_ascii_uppercase()));
        self.postings.push((id, number));
        self.spans.push(span);
        self.heads.push(Head {
            id: record.id.clone(),
            aliases: record.aliases.clone(),
            modified: record.modified,
            withdrawn: record.withdrawn,
            source: record.source,
            kinds,
            replaced: false,
        });
    }

    /// The index.
    pub fn finish(mut self) -> Index {
        let mut kept: Vec<Option<u32>> = Vec::with_capacity(self.heads.len());
        let mut next = 0;
        for head in &self.heads {
            kept.push((!head.replaced).then_some(next));
            next += u32::from(!head.replaced);
        }
        let at = |record: u32| kept.get(record as usize).copied().flatten();
        let mut postings: Vec<(u64, u32)> = self
            .postings
            .into_iter()
            .filter_map(|(key, record)| Some((key, at(record)?)))
            .collect();
        postings.sort_unstable();
        let mut alive = self.heads.iter().map(|head| !head.replaced);
        self.spans.retain(|_| alive.next().unwrap_or_default());
        self.heads.retain(|head| !head.replaced);
        let numbers: Vec<Numbers<'_>> = self
            .heads
            .iter()
            .map(|head| Numbers {
                id: &head.id,
                aliases: &head.aliases,
                withdrawn: head.withdrawn,
            })
            .collect();
        let groups = group(&numbers);
        let mut counts = self.counts;
        counts.records = self.heads.len() as u64;
        counts.vulnerabilities = groups.names.len() as u64;
        counts.alias_conflicts = groups.conflicts;
        counts.kev = self.kev.len() as u64;
        counts.epss = self.epss.len() as u64;
        for head in &self.heads {
            let source = head.source.name();
            counts.withdrawn += u64::from(head.withdrawn);
            if head.kinds.is_empty() && !head.withdrawn {
                *counts.unfindable.entry(source.to_owned()).or_default() += 1;
            }
            for kind in &head.kinds {
                let of = counts.kinds.entry(kind.clone()).or_default();
                *of.entry(source.to_owned()).or_default() += 1;
            }
        }
        Index {
            store: Store {
                bytes: Bytes::Memory(self.packer.bytes),
                spans: self.spans,
            },
            postings,
            members: members(&groups),
            groups,
            kev: self.kev,
            epss: self.epss,
            counts,
        }
    }
}

pub(super) fn members(groups: &Groups) -> Vec<(u32, u32)> {
    let mut members: Vec<(u32, u32)> = groups
        .of
        .iter()
        .map(|(record, group)| (*group, *record))
        .collect();
    members.sort_unstable();
    members
}
