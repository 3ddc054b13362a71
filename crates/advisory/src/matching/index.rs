//! Records, found by what a component is known by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::IndexError;
use super::group::{Groups, Numbers, group};
use super::key::hash;
use super::segment::{self, Builder, Segment, id_key, newest};
use super::store::{Span, Store};
use crate::read::Found;
use crate::record::{Epss, Kev, Record};

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
    pub(super) epss: Arc<HashMap<String, Epss>>,
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

impl Index {
    /// One index over several segments, with the same answers as if everything had been added to one builder in this order.
    /// No record is read or unpacked for it, so that a small segment beside large ones costs no more than their tables.
    pub fn join(segments: &[Arc<Segment>]) -> Self {
        let kept = newest(segments);
        let mut counts = Counts::default();
        let mut spans = Vec::new();
        let mut postings = Vec::new();
        let mut numbers = Vec::new();
        let mut parts = Vec::with_capacity(segments.len());
        for ((part, segment), kept) in (0_u32..).zip(segments).zip(&kept) {
            parts.push(Arc::clone(&segment.bytes));
            let mut at = vec![None; segment.heads.len()];
            for ((head, kept), at) in segment.heads.iter().zip(kept).zip(&mut at) {
                if !kept {
                    counts.replaced += 1;
                    continue;
                }
                *at = u32::try_from(spans.len()).ok();
                spans.push(Span {
                    begin: head.begin,
                    length: head.length,
                    part,
                });
                numbers.push(Numbers {
                    id: &head.id,
                    aliases: &head.aliases,
                    withdrawn: head.withdrawn,
                });
                segment.count(head, &mut counts);
            }
            counts.replaced += segment.replaced;
            let moved = segment.postings.iter().filter_map(|(key, record)| {
                Some((*key, at.get(*record as usize).copied().flatten()?))
            });
            postings.extend(moved);
        }
        // Each segment is sorted: a stable sort goes over such runs once.
        postings.sort();
        let groups = group(&numbers);
        let (kev, epss) = (segment::kev(segments), segment::epss(segments));
        counts.records = spans.len() as u64;
        counts.vulnerabilities = groups.names.len() as u64;
        counts.alias_conflicts = groups.conflicts;
        counts.kev = kev.len() as u64;
        counts.epss = epss.len() as u64;
        Self {
            store: Store { parts, spans },
            postings,
            members: members(&groups),
            groups,
            kev,
            epss,
            counts,
        }
    }

    /// All records of a number, whoever's they are: a source may have said two things of it.
    ///
    /// # Errors
    /// [`IndexError`] when the file was damaged after it was opened.
    pub fn records_of(&self, id: &str) -> Result<Vec<Record>, IndexError> {
        let mut found = Vec::new();
        for number in self.find(&id_key(id)) {
            let record = self.store.record(number)?;
            if record.id.eq_ignore_ascii_case(id) {
                found.push(record);
            }
        }
        Ok(found)
    }

    /// Every record, each unpacked as it is asked for.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, IndexError>> {
        (0_u32..)
            .zip(&self.store.spans)
            .map(|(number, _)| self.store.record(number))
    }

    /// CISA's catalogue, in no order.
    pub fn kev(&self) -> impl Iterator<Item = &Kev> {
        self.kev.values()
    }

    /// EPSS, in no order.
    pub fn epss(&self) -> impl Iterator<Item = &Epss> {
        self.epss.values()
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
