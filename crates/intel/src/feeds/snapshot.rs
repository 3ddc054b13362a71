//! What is known at one moment.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use hudun_advisory::Source;
use hudun_advisory::matching::{Index, Segment};
use hudun_core::{Text, Timestamp};

use super::status::FeedStatus;

/// Everything that the feeds say, at one moment. It never changes; a new one takes its place.
pub struct Snapshot {
    /// Goes up with each change of what is held, also over restarts. A snapshot of the same revision tells of a change in
    /// the state of feeds alone.
    pub revision: u64,
    /// All advisories, CISA's catalogue and EPSS.
    pub index: Arc<Index>,
    /// Every feed, by name, as it stood when this was made.
    pub feeds: Vec<FeedStatus>,
    /// What came with the last revisions, for those who did not see each: see [`Snapshot::since`].
    pub(super) history: Arc<VecDeque<(u64, Arc<Vec<Arrived>>)>>,
    /// What came with this revision, at most [`Snapshot::MOST_NEW`]; the records are found by [`Index::records_of`].
    pub new: Arc<Vec<Arrived>>,
    /// How many more came.
    pub more_new: u64,
    /// The CVE numbers that CISA's catalogue lists since this revision, at most as many.
    pub newly_exploited: Arc<Vec<String>>,
    /// What is wrong beside the feeds themselves, such as a drop folder that can't be read.
    pub trouble: Vec<Text>,
    /// When it was made.
    pub made: Timestamp,
}

/// A record that came with a revision, new or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Whose it is.
    pub source: Source,
    /// Its number.
    pub id: String,
}

/// What came with a change, while it is gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    pub(super) records: Vec<Arrived>,
    pub(super) more: u64,
    pub(super) exploited: Vec<String>,
}

impl News {
    /// What a segment brings that was in none of those before it.
    pub(super) fn of(segment: &Segment, before: &[Arc<Segment>]) -> Self {
        let found = segment.news(before);
        Self {
            more: found.len().saturating_sub(Snapshot::MOST_NEW) as u64,
            records: found
                .into_iter()
                .take(Snapshot::MOST_NEW)
                .map(|(source, id)| Arrived {
                    source,
                    id: id.to_owned(),
                })
                .collect(),
            exploited: segment
                .newly_listed(before)
                .into_iter()
                .take(Snapshot::MOST_NEW)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Adds what another change brought.
    pub(super) fn add(&mut self, other: Self) {
        self.records.extend(other.records);
        self.more += other.more + self.records.len().saturating_sub(Snapshot::MOST_NEW) as u64;
        self.records.truncate(Snapshot::MOST_NEW);
        self.exploited.extend(other.exploited);
        self.exploited.truncate(Snapshot::MOST_NEW);
    }
}

impl Snapshot {
    /// Most arrivals that are told one by one.
    pub const MOST_NEW: usize = 10_000;
    /// Revisions that [`Snapshot::since`] reaches back.
    const REVISIONS: usize = 64;

    /// What came after a revision that somebody has seen: a receiver that was busy has missed the snapshots between. `None`
    /// where that is too long ago, was before this process began, or too much came to be told one by one: then only
    /// [`Index::records`] tells.
    pub fn since(&self, revision: u64) -> Option<Vec<&Arrived>> {
        if revision >= self.revision {
            return Some(Vec::new());
        }
        // The first is what was known when this process began.
        let first = self.history.front().map(|(first, _)| *first)?;
        if revision < first {
            return None;
        }
        let after = self.history.iter().filter(|(number, _)| *number > revision);
        Some(after.flat_map(|(_, new)| &**new).collect())
    }

    /// The history with this revision at its end.
    pub(super) fn longer(
        before: &VecDeque<(u64, Arc<Vec<Arrived>>)>,
        revision: u64,
        new: &Arc<Vec<Arrived>>,
        more: u64,
    ) -> VecDeque<(u64, Arc<Vec<Arrived>>)> {
        let mut history = before.clone();
        if more > 0 {
            // What is not told whole begins the history anew.
            history.clear();
        }
        history.push_back((revision, Arc::clone(new)));
        while history.len() > Self::REVISIONS {
            history.pop_front();
        }
        history
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("revision", &self.revision)
            .field("records", &self.index.counts().records)
            .field("feeds", &self.feeds.len())
            .finish_non_exhaustive()
    }
}
