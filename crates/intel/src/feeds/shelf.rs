//! What is held of one feed: segments on the disk, and a state file that says which of them count.
//!
//! Segments are written first, the state file then replaces the one before in one step, and what it no longer names is removed
//! last: whenever the process is killed, the state of before or the state of after is there, whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hudun_advisory::Refused;
use hudun_advisory::matching::{Builder, Segment};
use hudun_core::{Text, Timestamp};
use serde::{Deserialize, Serialize};

use super::config::FeedConfig;
use super::disk;
use super::error::FeedsError;
use super::snapshot::News;
use super::status::{FeedState, FeedStatus, HeldBack, Trouble, age, day};

/// Deliveries that are remembered, so that the same one is not taken twice.
const SEEN: usize = 2_000;
/// Most segments of a feed whose files replace each other by name.
const DOCUMENTS: usize = 2_000;
/// Most records of a feed, and of makers' news, which anybody may publish.
const MOST_RECORDS: u64 = super::ingest::MOST_RECORDS as u64;
const MOST_NEWS: u64 = 100_000;
/// Dates further ahead of the clock than this are mistakes.
const AHEAD_MS: i64 = 86_400_000;

/// One feed.
pub(super) struct Shelf {
    pub(super) config: FeedConfig,
    folder: PathBuf,
    kept: Kept,
    segments: Vec<Arc<Segment>>,
    /// What deliveries brought that nobody was told of yet.
    news: News,
}

/// The state file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Number of the next segment.
    next: u64,
    /// Goes up with each change of what counts.
    changes: u64,
    segments: Vec<KeptSegment>,
    /// Records of the last whole delivery.
    whole: Option<u64>,
    as_of: Option<Timestamp>,
    tried: Option<Timestamp>,
    succeeded: Option<Timestamp>,
    failures: u32,
    trouble: Option<Trouble>,
    held: Option<Held>,
    refused: u64,
    refusals: Vec<Refused2>,
    /// SHA-256 of deliveries that were taken, the last at the end.
    seen: Vec<String>,
    /// What servers said of their last answers, by address.
    validators: BTreeMap<String, Validator>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeptSegment {
    file: String,
    origin: String,
    at: Timestamp,
    items: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    file: String,
    sha256: String,
    told: HeldBack,
    refused: u64,
}

/// [`Refused`] as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused2 {
    file: String,
    place: String,
    reason: String,
}

/// What a server said of its last answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validator {
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// Something that came.
pub(super) struct Delivery {
    pub(super) builder: Builder,
    /// Where from: a file's name or an address.
    pub(super) origin: String,
    pub(super) sha256: String,
    pub(super) refused: u64,
    pub(super) refusals: Vec<Refused>,
    /// It holds everything.
    pub(super) whole: bool,
    /// It may be older than what is held.
    pub(super) may_be_older: bool,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts now.
    Accepted {
        /// Records in it.
        records: u64,
    },
    /// It is what is held already.
    Same,
    /// It was held back, is older than what is held, or can't be used.
    Refused(Trouble),
}

impl Shelf {
    /// Opens what is held. A segment that is damaged is left out, which is said; the others count.
    pub(super) fn open(folder: PathBuf, config: FeedConfig) -> Result<Self, FeedsError> {
        fs::create_dir_all(&folder).map_err(|error| FeedsError::io(&folder, error))?;
        let path = folder.join(STATE);
        let mut lost = Vec::new();
        let mut kept = match disk::read_json::<Kept>(&path) {
            Ok(kept) => kept.unwrap_or_default(),
            Err(error) => {
                lost.push(format!("{STATE}: {error}"));
                recovered(&folder)
            }
        };
        let mut segments = Vec::new();
        kept.segments
            .retain_mut(|one| match Segment::open(&folder.join(&one.file)) {
                Ok(segment) => {
                    one.items = segment.items() as u64;
                    segments.push(Arc::new(segment));
                    true
                }
                Err(error) => {
                    lost.push(format!("{}: {error}", one.file));
                    false
                }
            });
        if let Some(held) = &kept.held
            && !folder.join(&held.file).is_file()
        {
            kept.held = None;
        }
        let mut shelf = Self {
            config,
            folder,
            kept,
            segments,
            news: News::default(),
        };
        if let Some(first) = lost.first() {
            // All of it has to be fetched again.
            shelf.kept.validators.clear();
            shelf.kept.seen.clear();
            shelf.kept.changes += 1;
            shelf.kept.trouble = Some(Trouble {
                state: FeedState::Failing,
                sentence: Text::new(
                    format!(
                        "保存的内容有 {} 处损坏，已弃用，待重新获取：{first}",
                        lost.len()
                    ),
                    format!(
                        "{} parts of what was kept are damaged and left out until they come again: {first}",
                        lost.len()
                    ),
                ),
                at: Timestamp::now(),
            });
            shelf.write(shelf.kept.clone())?;
        }
        shelf.sweep();
        Ok(shelf)
    }

    /// What is on the disk, while perhaps another process works on it: nothing is written. Without `segments` only what the
    /// state file says.
    pub(super) fn peek(
        folder: PathBuf,
        config: FeedConfig,
        segments: bool,
    ) -> Result<Self, FeedsError> {
        let path = folder.join(STATE);
        let mut tries = 0;
        loop {
            let kept = disk::read_json::<Kept>(&path)
                .map_err(|error| FeedsError::io(&path, error))?
                .unwrap_or_default();
            let opened = kept.segments.iter().filter(|_| segments);
            let opened = opened.map(|one| open(&folder.join(&one.file)).map(Arc::new));
            match opened.collect() {
                Ok(segments) => {
                    return Ok(Self {
                        config,
                        folder,
                        kept,
                        segments,
                        news: News::default(),
                    });
                }
                // The other may just have put a new state in place of this one.
                Err(error) if tries >= 3 => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }

    pub(super) const fn as_of(&self) -> Option<Timestamp> {
        self.kept.as_of
    }

    pub(super) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// What was taken since this was last asked.
    pub(super) fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    /// Goes up with each change of what counts.
    pub(super) const fn changes(&self) -> u64 {
        self.kept.changes
    }

    pub(super) fn validator(&self, url: &str) -> Option<Validator> {
        // A delivery that was lost has to come again.
        if self.segments.is_empty() && self.kept.held.is_none() {
            return None;
        }
        self.kept.validators.get(url).cloned()
    }

    /// Why something is held back, and since when.
    pub(super) fn held_back(&self) -> Option<(Trouble, Timestamp)> {
        let held = self.kept.held.as_ref()?;
        Some((self.kept.trouble.clone()?, held.told.came))
    }

    pub(super) const fn tried(&self) -> Option<Timestamp> {
        self.kept.tried
    }

    pub(super) const fn failures(&self) -> u32 {
        self.kept.failures
    }

    pub(super) fn status(&self, now: Timestamp) -> FeedStatus {
        let (state, sentence) = match &self.kept.trouble {
            Some(trouble) => (trouble.state, trouble.sentence.clone()),
            None => age(
                !self.kept.segments.is_empty(),
                self.config.is_by_hand(),
                self.kept.as_of,
                self.kept.succeeded,
                self.config.late_after_ms(),
                now,
            ),
        };
        FeedStatus {
            name: self.config.name.clone(),
            format: self.config.format,
            by_hand: self.config.is_by_hand(),
            state,
            sentence,
            as_of: self.kept.as_of,
            tried: self.kept.tried,
            succeeded: self.kept.succeeded,
            records: self.records(),
            refused: self.kept.refused,
            refusals: self
                .kept
                .refusals
                .iter()
                .map(|one| Refused {
                    file: one.file.clone(),
                    place: one.place.clone(),
                    reason: one.reason.clone(),
                })
                .collect(),
            held: self.kept.held.as_ref().map(|held| held.told.clone()),
            trouble: self.kept.trouble.clone(),
        }
    }

    fn records(&self) -> u64 {
        self.kept.segments.iter().map(|one| one.items).sum()
    }

    /// Takes a delivery, or says why not.
    pub(super) fn offer(
        &mut self,
        delivery: Delivery,
        now: Timestamp,
    ) -> Result<Taken, FeedsError> {
        let mut next = self.kept.clone();
        next.tried = Some(now);
        if self.kept.seen.contains(&delivery.sha256) {
            next.succeeded = Some(now);
            next.failures = 0;
            next.trouble = None;
            self.write(next)?;
            return Ok(Taken::Same);
        }
        if let Some(held) = &self.kept.held
            && held.sha256 == delivery.sha256
        {
            let trouble = self.kept.trouble.clone();
            self.write(next)?;
            return Ok(trouble.map_or(Taken::Same, Taken::Refused));
        }
        let items = delivery.builder.items() as u64;
        let segment = Arc::new(delivery.builder.segment());
        let latest = jiff_of(now.plus_millis(AHEAD_MS));
        let as_of = segment.as_of(latest).map(of_jiff);
        next.refused = delivery.refused;
        next.refusals = delivery
            .refusals
            .into_iter()
            .map(|one| Refused2 {
                file: one.file,
                place: one.place,
                reason: one.reason,
            })
            .collect();
        if items == 0 && delivery.refused == 0 && !delivery.whole {
            // Nothing new, such as news without an entry.
            next.succeeded = Some(now);
            next.failures = 0;
            next.trouble = None;
            self.write(next)?;
            return Ok(Taken::Same);
        }
        if let (Some(new), Some(old)) = (as_of, self.kept.as_of)
            && new < old
            && !delivery.may_be_older
        {
            let trouble = Trouble {
                state: FeedState::Backwards,
                sentence: Text::new(
                    format!(
                        "来的内容截至 {}，比现有的 {} 还旧，没有采用；来源或镜像可能过时或被人替换。",
                        day(new),
                        day(old)
                    ),
                    format!(
                        "What came ends at {}, before {} of what is held, and was not taken: the source or mirror may be stale or replaced.",
                        day(new),
                        day(old)
                    ),
                ),
                at: now,
            };
            next.trouble = Some(trouble.clone());
            self.write(next)?;
            return Ok(Taken::Refused(trouble));
        }
        let room = match self.config.format {
            hudun_advisory::Format::Rss => MOST_NEWS,
            _ => MOST_RECORDS,
        };
        let total = if delivery.whole {
            items
        } else {
            self.records().saturating_add(items)
        };
        if total > room {
            let sentence = Text::new(
                format!("共 {total} 条，超过上限 {room} 条，没有采用。"),
                format!("It would be {total} records and {room} are the limit: it was not taken."),
            );
            let refused = (delivery.refused, Vec::new());
            return self.failed(sentence, refused, now).map(Taken::Refused);
        }
        let before = self.kept.whole.unwrap_or_else(|| self.records());
        let percent = u64::from(self.config.shrink_percent);
        if delivery.whole && items.saturating_mul(100) < before.saturating_mul(percent) {
            let file = format!("{}.held", next.next);
            next.next += 1;
            self.save(&segment, &file)?;
            let told = HeldBack {
                records: items,
                before,
                as_of,
                origin: delivery.origin,
                came: now,
            };
            let name = &self.config.name;
            let trouble = Trouble {
                state: FeedState::Shrunk,
                sentence: Text::new(
                    format!(
                        "来的内容只有 {items} 条，现有 {before} 条，不到 {percent}%，先扣下；确认无误后执行 hudun intel accept {name}。"
                    ),
                    format!(
                        "What came has {items} records where {before} are held, less than {percent} %, and is held back; if that is right, run: hudun intel accept {name}"
                    ),
                ),
                at: now,
            };
            next.held = Some(Held {
                file,
                sha256: delivery.sha256,
                told,
                refused: delivery.refused,
            });
            next.trouble = Some(trouble.clone());
            self.write(next)?;
            self.sweep();
            return Ok(Taken::Refused(trouble));
        }
        let replaces = delivery.whole && delivery.refused == 0;
        self.take(
            next,
            &segment,
            &delivery.origin,
            delivery.sha256,
            (delivery.whole, replaces),
            now,
        )?;
        Ok(Taken::Accepted { records: items })
    }

    /// Accepts what is held back.
    pub(super) fn accept(&mut self, now: Timestamp) -> Result<u64, FeedsError> {
        let Some(held) = self.kept.held.clone() else {
            return Err(FeedsError::NothingHeld {
                name: self.config.name.clone(),
            });
        };
        let path = self.folder.join(&held.file);
        let segment = Segment::open(&path).map_err(|error| FeedsError::Index { path, error })?;
        let segment = Arc::new(segment);
        let records = segment.items() as u64;
        let next = self.kept.clone();
        // A person has said that it is right as it is: what it lacks is gone.
        self.take(
            next,
            &segment,
            &held.told.origin,
            held.sha256,
            (true, true),
            now,
        )?;
        Ok(records)
    }

    /// Nothing could be fetched or read.
    pub(super) fn failed(
        &mut self,
        sentence: Text,
        refused: (u64, Vec<Refused>),
        now: Timestamp,
    ) -> Result<Trouble, FeedsError> {
        let mut next = self.kept.clone();
        next.tried = Some(now);
        next.failures = next.failures.saturating_add(1);
        let trouble = Trouble {
            state: FeedState::Failing,
            sentence,
            at: now,
        };
        // What a person has to decide on stays in sight.
        if next.held.is_none() {
            next.trouble = Some(trouble.clone());
        }
        next.refused = refused.0;
        next.refusals = refused
            .1
            .into_iter()
            .map(|one| Refused2 {
                file: one.file,
                place: one.place,
                reason: one.reason,
            })
            .collect();
        self.write(next)?;
        Ok(trouble)
    }

    /// The server says that nothing changed.
    pub(super) fn unchanged(&mut self, now: Timestamp) -> Result<(), FeedsError> {
        let mut next = self.kept.clone();
        next.tried = Some(now);
        next.failures = 0;
        let refused = |trouble: &Trouble| trouble.state != FeedState::Failing;
        // What was not taken is still what the server has.
        if !next.trouble.as_ref().is_some_and(refused) {
            next.succeeded = Some(now);
            next.trouble = None;
        }
        self.write(next)
    }

    /// Remembers what a server said of its answer.
    pub(super) fn remember(&mut self, url: &str, said: Validator) -> Result<(), FeedsError> {
        let mut next = self.kept.clone();
        // Addresses with the hour in them change: the last few are enough.
        while next.validators.len() >= 16 && !next.validators.contains_key(url) {
            next.validators.pop_first();
        }
        next.validators.insert(url.to_owned(), said);
        self.write(next)
    }

    fn take(
        &mut self,
        mut next: Kept,
        segment: &Arc<Segment>,
        origin: &str,
        sha256: String,
        (whole, replaces): (bool, bool),
        now: Timestamp,
    ) -> Result<(), FeedsError> {
        let mut segments = self.segments.clone();
        if replaces {
            next.segments.clear();
            segments.clear();
            next.seen.clear();
            next.as_of = None;
        }
        if self.by_document() {
            // Documents of makers are told by the names of their files: the next edition takes the place of the last.
            let mut kept = next.segments.iter().map(|one| one.origin != origin);
            segments.retain(|_| kept.next().unwrap_or(true));
            next.segments.retain(|one| one.origin != origin);
        }
        let file = format!("{}.seg", next.next);
        next.next += 1;
        let path = self.save(segment, &file)?;
        let taken = Arc::new(open(&path)?);
        segments.push(Arc::clone(&taken));
        next.segments.push(KeptSegment {
            file,
            origin: origin.to_owned(),
            at: now,
            items: segment.items() as u64,
        });
        self.compact(&mut next, &mut segments)?;
        let latest = jiff_of(now.plus_millis(AHEAD_MS));
        next.as_of = next.as_of.max(segment.as_of(latest).map(of_jiff));
        if whole {
            next.whole = Some(segment.items() as u64);
        }
        next.succeeded = Some(now);
        next.failures = 0;
        next.trouble = None;
        next.held = None;
        next.changes += 1;
        next.seen.push(sha256);
        let beyond = next.seen.len().saturating_sub(SEEN);
        next.seen.drain(..beyond);
        self.write(next)?;
        self.news.add(News::of(&taken, &self.segments));
        self.segments = segments;
        self.sweep();
        Ok(())
    }

    /// Whether its files replace each other by name instead of their records by number.
    const fn by_document(&self) -> bool {
        matches!(
            self.config.format,
            hudun_advisory::Format::Csaf | hudun_advisory::Format::OpenVex
        )
    }

    /// Merges segments of like size, so that there are few however many files come, and none is copied often.
    fn compact(&self, next: &mut Kept, segments: &mut Vec<Arc<Segment>>) -> Result<(), FeedsError> {
        if self.by_document() && segments.len() <= DOCUMENTS {
            return Ok(());
        }
        while let [.., one, two] = segments.as_slice()
            && one.items() <= two.items().saturating_mul(2)
        {
            let file = format!("{}.seg", next.next);
            next.next += 1;
            let path = self.folder.join(&file);
            let both = [Arc::clone(one), Arc::clone(two)];
            Segment::merge(&both, &path).map_err(|error| FeedsError::Index {
                path: path.clone(),
                error,
            })?;
            let merged = Arc::new(open(&path)?);
            let items = merged.items() as u64;
            segments.truncate(segments.len() - 2);
            segments.push(merged);
            let last = next.segments.pop();
            next.segments.pop();
            if let Some(mut last) = last {
                last.file = file;
                last.items = items;
                next.segments.push(last);
            }
        }
        disk::sync_folder_of(&self.folder.join(STATE))
            .map_err(|error| FeedsError::io(&self.folder, error))
    }

    fn save(&self, segment: &Arc<Segment>, file: &str) -> Result<PathBuf, FeedsError> {
        let path = self.folder.join(file);
        segment.save(&path).map_err(|error| FeedsError::Index {
            path: path.clone(),
            error,
        })?;
        disk::sync_folder_of(&path).map_err(|error| FeedsError::io(&self.folder, error))?;
        Ok(path)
    }

    /// The one step in which a change counts.
    fn write(&mut self, next: Kept) -> Result<(), FeedsError> {
        let path = self.folder.join(STATE);
        disk::write_json(&path, &next).map_err(|error| FeedsError::io(&path, error))?;
        self.kept = next;
        Ok(())
    }

    /// Removes what the state does not name.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let named = name == STATE
                || self.kept.segments.iter().any(|one| one.file == name)
                || self
                    .kept
                    .held
                    .as_ref()
                    .is_some_and(|held| held.file == name);
            let ours = [".seg", ".held", ".new"]
                .iter()
                .any(|ending| name.ends_with(ending));
            if !named && ours {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

const STATE: &str = "state.json";

fn open(path: &Path) -> Result<Segment, FeedsError> {
    Segment::open(path).map_err(|error| FeedsError::Index {
        path: path.to_owned(),
        error,
    })
}

/// The state that the files themselves tell, where the state file can't be read: all segments, in the order of their numbers.
fn recovered(folder: &Path) -> Kept {
    let mut numbers: Vec<u64> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.strip_suffix(".seg")?.parse().ok()
        })
        .collect();
    numbers.sort_unstable();
    Kept {
        next: numbers.last().map_or(0, |last| last + 1),
        segments: numbers
            .iter()
            .map(|number| KeptSegment {
                file: format!("{number}.seg"),
                origin: String::new(),
                at: Timestamp::now(),
                items: 0,
            })
            .collect(),
        ..Kept::default()
    }
}

fn jiff_of(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(moment.as_millis()).unwrap_or(jiff::Timestamp::MAX)
}

fn of_jiff(moment: jiff::Timestamp) -> Timestamp {
    Timestamp::from_millis(moment.as_millisecond())
}
