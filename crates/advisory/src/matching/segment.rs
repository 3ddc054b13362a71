//! A part of an index: the records of one file or one feed, packed once, joined with others as often as one of them changes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::index::{Counts, Index};
use super::key::{Keys, hash};
use super::store::{Bytes, Packer};
use crate::read::Found;
use crate::record::{Epss, Kev, Record, Source};

/// Records with what is needed to find them and to join them with those of other segments.
#[derive(Debug)]
pub struct Segment {
    pub(super) bytes: Arc<Bytes>,
    pub(super) heads: Vec<Head>,
    /// Hash of a key and record, sorted.
    pub(super) postings: Vec<(u64, u32)>,
    /// Kinds of identifiers; heads name them by number.
    pub(super) kinds: Vec<Box<str>>,
    pub(super) kev: Vec<Kev>,
    pub(super) epss: Arc<HashMap<String, Epss>>,
    /// Records that were left out when segments were merged, because others took their place.
    pub(super) replaced: u64,
}

/// What a join has to know of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) begin: u64,
    pub(super) length: u32,
    pub(super) id: Box<str>,
    pub(super) aliases: Vec<String>,
    /// When it was changed or else published.
    pub(super) dated: Option<Timestamp>,
    pub(super) withdrawn: bool,
    pub(super) source: Source,
    pub(super) kinds: Vec<u16>,
}

impl Segment {
    /// Records, also those of which it holds a newer one.
    pub const fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether it holds nothing at all: no record, no entry of the catalogue, no score.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.kev.is_empty() && self.epss.is_empty()
    }

    /// Records, entries of the catalogue and scores.
    pub fn items(&self) -> usize {
        self.heads.len() + self.kev.len() + self.epss.len()
    }

    /// The newest date that anything in it bears, up to `latest`: what lies in the future is a mistake and dates nothing.
    pub fn as_of(&self, latest: Timestamp) -> Option<Timestamp> {
        let midnight = |day: jiff::civil::Date| {
            let begin = day.to_datetime(jiff::civil::Time::midnight());
            jiff::tz::TimeZone::UTC.to_timestamp(begin).ok()
        };
        let records = self.heads.iter().filter_map(|head| head.dated);
        let listed = self.kev.iter().filter_map(|kev| midnight(kev.added?));
        let scored = self.epss.values().filter_map(|one| midnight(one.date?));
        records
            .chain(listed)
            .chain(scored)
            .filter(|moment| *moment <= latest)
            .max()
    }

    /// Source and number of each record, in the order in which they were added.
    pub fn numbers(&self) -> impl Iterator<Item = (Source, &str)> {
        self.heads.iter().map(|head| (head.source, &*head.id))
    }

    pub(super) fn count(&self, head: &Head, counts: &mut Counts) {
        let source = head.source.name();
        counts.withdrawn += u64::from(head.withdrawn);
        if head.kinds.is_empty() && !head.withdrawn {
            *counts.unfindable.entry(source.to_owned()).or_default() += 1;
        }
        for kind in &head.kinds {
            let Some(kind) = self.kinds.get(usize::from(*kind)) else {
                continue;
            };
            let of = match counts.kinds.get_mut(&**kind) {
                Some(of) => of,
                None => counts.kinds.entry(kind.to_string()).or_default(),
            };
            match of.get_mut(source) {
                Some(count) => *count += 1,
                None => *of.entry(source.to_owned()).or_default() += 1,
            }
        }
    }
}

/// For each segment, which of its records are the newest of their number; of equally new ones the last.
pub(super) fn newest(segments: &[Arc<Segment>]) -> Vec<Vec<bool>> {
    let mut kept: Vec<Vec<bool>> = segments
        .iter()
        .map(|segment| vec![true; segment.heads.len()])
        .collect();
    let records = segments.iter().map(|segment| segment.heads.len()).sum();
    let mut seen: HashMap<(Source, String), (usize, usize, Option<Timestamp>)> =
        HashMap::with_capacity(records);
    for (part, segment) in segments.iter().enumerate() {
        for (at, head) in segment.heads.iter().enumerate() {
            // Statements of VEX are called by the vulnerability's number; each is one of its own.
            if matches!(head.source, Source::OpenVex | Source::Csaf) {
                continue;
            }
            let key = (head.source, head.id.to_ascii_uppercase());
            let this = (part, at, head.dated);
            let loser = match seen.entry(key) {
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(this);
                    continue;
                }
                std::collections::hash_map::Entry::Occupied(mut place) => {
                    if place.get().2 <= head.dated {
                        place.insert(this)
                    } else {
                        this
                    }
                }
            };
            if let Some(place) = kept.get_mut(loser.0).and_then(|of| of.get_mut(loser.1)) {
                *place = false;
            }
        }
    }
    kept
}

/// The catalogue; of two entries of one number the later.
pub(super) fn kev(segments: &[Arc<Segment>]) -> HashMap<String, Kev> {
    let entries = segments.iter().flat_map(|segment| &segment.kev);
    entries.map(|kev| (kev.cve.clone(), kev.clone())).collect()
}

/// The scores; shared where only one segment has any.
pub(super) fn epss(segments: &[Arc<Segment>]) -> Arc<HashMap<String, Epss>> {
    let mut scored = segments.iter().filter(|segment| !segment.epss.is_empty());
    let Some(first) = scored.next() else {
        return Arc::default();
    };
    let mut all = Arc::clone(&first.epss);
    for segment in scored {
        let all = Arc::make_mut(&mut all);
        for score in segment.epss.values() {
            add_score(all, score.clone());
        }
    }
    all
}

/// The newest score counts: scores of different models don't compare.
fn add_score(all: &mut HashMap<String, Epss>, epss: Epss) {
    let newer = all
        .get(&epss.cve)
        .is_none_or(|known| (known.date, &known.model) <= (epss.date, &epss.model));
    if newer {
        all.insert(epss.cve.clone(), epss);
    }
}

pub(super) fn id_key(id: &str) -> String {
    format!("i:{}", id.to_ascii_uppercase())
}

/// Takes what readers find, one thing at a time.
#[derive(Default)]
pub struct Builder {
    packer: Packer,
    heads: Vec<Head>,
    postings: Vec<(u64, u32)>,
    kinds: Vec<Box<str>>,
    kind_numbers: HashMap<String, u16>,
    kev: Vec<Kev>,
    epss: Vec<Epss>,
}

/// How far a [`Builder`] was, to go back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    bytes: usize,
    heads: usize,
    postings: usize,
    kev: usize,
    epss: usize,
}

impl Builder {
    /// Takes one thing. What a reader refused is left to the caller.
    pub fn add(&mut self, found: Found) {
        match found {
            Found::Record(record) => self.record(&record),
            Found::Kev(kev) => self.kev.push(kev),
            Found::Epss(epss) => self.epss.push(epss),
            Found::Refused(_) | Found::Ended(_) => {}
        }
    }

    /// Records, entries of the catalogue and scores so far.
    pub const fn items(&self) -> usize {
        self.heads.len() + self.kev.len() + self.epss.len()
    }

    /// How far it is.
    pub const fn mark(&self) -> Mark {
        Mark {
            bytes: self.packer.bytes.len(),
            heads: self.heads.len(),
            postings: self.postings.len(),
            kev: self.kev.len(),
            epss: self.epss.len(),
        }
    }

    /// Forgets what was added since: a file turned out to be broken.
    pub fn back_to(&mut self, mark: Mark) {
        self.packer.bytes.truncate(mark.bytes);
        self.heads.truncate(mark.heads);
        self.postings.truncate(mark.postings);
        self.kev.truncate(mark.kev);
        self.epss.truncate(mark.epss);
    }

    fn record(&mut self, record: &Record) {
        let (Some((begin, length)), Ok(number)) =
            (self.packer.put(record), u32::try_from(self.heads.len()))
        else {
            return;
        };
        let mut kinds = Vec::new();
        let mut keys: Vec<u64> = Vec::new();
        if !record.withdrawn {
            for affected in &record.affected {
                let found = Keys::of(affected);
                keys.extend(found.all().map(hash));
                kinds.extend(found.kinds());
            }
            kinds.sort_unstable();
            kinds.dedup();
        }
        keys.push(hash(&id_key(&record.id)));
        keys.sort_unstable();
        keys.dedup();
        self.postings
            .extend(keys.into_iter().map(|key| (key, number)));
        let kinds = kinds.into_iter().filter_map(|kind| self.kind(kind));
        let kinds = kinds.collect();
        self.heads.push(Head {
            begin,
            length,
            id: record.id.as_str().into(),
            aliases: record.aliases.clone(),
            dated: record.modified.or(record.published),
            withdrawn: record.withdrawn,
            source: record.source,
            kinds,
        });
    }

    /// The number of a kind; none beyond 65,535, which no set of real registries comes to.
    fn kind(&mut self, kind: String) -> Option<u16> {
        if let Some(number) = self.kind_numbers.get(&kind) {
            return Some(*number);
        }
        let number = u16::try_from(self.kinds.len()).ok()?;
        self.kinds.push(kind.as_str().into());
        self.kind_numbers.insert(kind, number);
        Some(number)
    }

    /// All of it as one segment, in memory.
    pub fn segment(mut self) -> Segment {
        self.postings.sort_unstable();
        let mut epss = HashMap::with_capacity(self.epss.len());
        for score in self.epss {
            add_score(&mut epss, score);
        }
        Segment {
            bytes: Arc::new(Bytes::Memory(self.packer.bytes)),
            heads: self.heads,
            postings: self.postings,
            kinds: self.kinds,
            kev: self.kev,
            epss: Arc::new(epss),
            replaced: 0,
        }
    }

    /// The index.
    pub fn finish(self) -> Index {
        Index::join(&[Arc::new(self.segment())])
    }
}
