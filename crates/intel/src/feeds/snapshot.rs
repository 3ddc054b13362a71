//! What is known at one moment.

use std::fmt;
use std::sync::Arc;

use hudun_advisory::Source;
use hudun_advisory::matching::Index;
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
    /// What came with this revision, at most [`Snapshot::MOST_NEW`]; the records are found by [`Index::records_of`].
    pub new: Arc<Vec<Arrived>>,
    /// How many more came.
    pub more_new: u64,
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

impl Snapshot {
    /// Most arrivals that are told one by one.
    pub const MOST_NEW: usize = 10_000;
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
