//! The NVD's API 2.0, page by page: everything at first, then what was modified since.
//!
//! Pages are kept beside the feed until the last one is there; only then is all of it taken, as one delivery. A cut, a restart or
//! a server that has had enough for now costs the page that was under way and no other. What the API asks of its users
//! (<https://nvd.nist.gov/developers/start-here>, `/developers/vulnerabilities`): at most 5 requests within 30 seconds, 50 with a
//! key; at most 2,000 records a page; at most 120 days between `lastModStartDate` and `lastModEndDate`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use hudun_advisory::Limits;
use hudun_core::{Text, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::config::FeedConfig;
use super::disk;
use super::error::FeedsError;
use super::fetch::{Answer, Ask, FetchError, Partial, shown};
use super::ingest::{MOST_RECORDS, ingest_all, sha256};
use super::keeper::Feeds;
use super::pull::{Pulled, pause};
use super::shelf::{Delivery, Taken, Validator};

/// Records that are asked for at once: the most that the API gives.
const PAGE: u64 = 2_000;
/// Longest time between two dates of modification, days.
const WINDOW_DAYS: i64 = 120;
/// What was held up so far behind is fetched as a whole again.
const WINDOWS: i64 = 6;
/// A record may become visible a little after the moment that stands in it.
const OVERLAP_MS: i64 = 60 * 60_000;
/// Pages that were begun longer ago are not gone on with: their order will have changed.
const STALE_MS: i64 = 2 * DAY_MS;
/// The time in which requests are counted.
const RATE_WINDOW: Duration = Duration::from_secs(30);
/// Longest pause that a server is granted within a pull.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
const DAY_MS: i64 = 86_400_000;

/// Which requests were sent within the last 30 seconds.
#[derive(Default)]
pub(super) struct Pace(VecDeque<Instant>);

impl Pace {
    /// Counts a request; or says how long it has to wait.
    fn go(&mut self, most: usize, now: Instant) -> Result<(), Duration> {
        while let Some(first) = self.0.front()
            && now.duration_since(*first) >= RATE_WINDOW
        {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(first) if self.0.len() >= most.max(1) => {
                Err(RATE_WINDOW.saturating_sub(now.duration_since(*first)))
            }
            _ => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }
}

/// Pages that were fetched of a question; in the folder of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// Where they are from.
    base: String,
    /// When the first was asked for.
    begun: Timestamp,
    /// Modified between these moments; everything when absent.
    window: Option<(Timestamp, Timestamp)>,
    /// The pages: number of records, and SHA-256.
    pages: Vec<(u64, String)>,
    /// How many records the server last said there are.
    total: Option<u64>,
}

impl Progress {
    fn next(&self) -> u64 {
        self.pages.iter().map(|(records, _)| records).sum()
    }

    fn is_complete(&self) -> bool {
        self.total.is_some_and(|total| self.next() >= total)
    }
}

/// What is looked at of a page before it is kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    start_index: u64,
    total_results: u64,
    vulnerabilities: Vec<IgnoredAny>,
}

/// Why a page could not be had.
enum Stopped {
    /// The server can't be asked, or says nothing that can be used.
    Told(String),
    Kept(FeedsError),
}

impl From<FeedsError> for Stopped {
    fn from(error: FeedsError) -> Self {
        Self::Kept(error)
    }
}

impl Feeds {
    /// Brings a feed of the API up to date.
    pub(super) async fn pull_paged(
        self: &Arc<Self>,
        feed: &FeedConfig,
        download: &Path,
    ) -> Result<Pulled, FeedsError> {
        let mut told: Vec<String> = Vec::new();
        for base in self.config().sources(feed) {
            match self.pull_pages(feed, &base, download).await {
                Ok(pulled) => {
                    if !matches!(pulled, Pulled::Refused(_)) {
                        self.see_ages();
                    }
                    return Ok(pulled);
                }
                Err(Stopped::Told(reason)) => told.push(format!("{}: {reason}", shown(&base))),
                Err(Stopped::Kept(error)) => return Err(error),
            }
        }
        let reasons = told.join("; ");
        tracing::warn!(feed = %feed.name, %reasons, "a feed could not be pulled");
        let sentence = Text::new(
            format!("没有取全，沿用现有内容，下次接着取：{reasons}"),
            format!(
                "It could not be fetched whole; what is held still counts, and the next pull goes on from there: {reasons}"
            ),
        );
        self.not_pulled(feed, sentence, (0, Vec::new()))
    }

    /// All windows up to now.
    async fn pull_pages(
        self: &Arc<Self>,
        feed: &FeedConfig,
        base: &str,
        download: &Path,
    ) -> Result<Pulled, Stopped> {
        // What a person has to decide on is not fetched page by page again every hour.
        let held = self.on_shelf(&feed.name, |shelf| shelf.held_back())?;
        if let Some((trouble, since)) = held
            && Timestamp::now().millis_since(since) < DAY_MS
        {
            self.on_shelf(&feed.name, |shelf| shelf.unchanged(Timestamp::now()))??;
            return Ok(Pulled::Refused(trouble));
        }
        let through = format!("{}#through", shown(base));
        let mut sum: Option<u64> = None;
        // One more than there can be windows.
        for _ in 0..=WINDOWS {
            let now = Timestamp::now();
            let known = self.on_shelf(&feed.name, |shelf| shelf.validator(&through))?;
            let since = known
                .and_then(|one| one.etag)
                .and_then(|at| at.parse::<Timestamp>().ok());
            let window = window(since, now);
            let folder = self.folder_of(&feed.name).join("pages");
            let progress = begun(&folder, base, window, now)?;
            let progress = self.fetch_pages(feed, progress, &folder, download).await?;
            let end = progress.window.map_or(progress.begun, |(_, to)| to);
            let said = Validator {
                etag: Some(end.to_string()),
                last_modified: None,
            };
            if progress.next() == 0 && progress.window.is_some() {
                self.on_shelf(&feed.name, |shelf| {
                    shelf.unchanged(now)?;
                    shelf.remember(&through, said)
                })??;
                sum.get_or_insert(0);
            } else {
                match self.take_pages(feed, base, &folder, &progress).await? {
                    Taken::Refused(trouble) => {
                        // It is begun anew.
                        clear(&folder)?;
                        self.see_ages();
                        return Ok(Pulled::Refused(trouble));
                    }
                    Taken::Accepted { records } => *sum.get_or_insert(0) += records,
                    Taken::Same => {
                        sum.get_or_insert(0);
                    }
                }
                self.on_shelf(&feed.name, |shelf| shelf.remember(&through, said))??;
                self.publish();
            }
            clear(&folder)?;
            // The last window ends now.
            if now.millis_since(end) < OVERLAP_MS {
                break;
            }
        }
        Ok(match sum {
            Some(records) if records > 0 => Pulled::Accepted { records },
            _ => Pulled::Unchanged,
        })
    }

    /// Fetches the pages that are missing.
    async fn fetch_pages(
        &self,
        feed: &FeedConfig,
        mut progress: Progress,
        folder: &Path,
        download: &Path,
    ) -> Result<Progress, Stopped> {
        let headers = feed.all_headers().map_err(Stopped::Told)?;
        let most = feed.requests_in_30_seconds(&headers);
        while !progress.is_complete() {
            let url = question(&progress);
            let mut partial = Partial::default();
            let mut last = String::new();
            let mut page = None;
            for attempt in 0..feed.tries {
                self.keep_pace(&feed.name, most).await;
                let ask = Ask {
                    url: &url,
                    headers: &headers,
                    held: None,
                    max_bytes: u64::from(feed.max_mib) << 20,
                    total: Duration::from_secs(u64::from(feed.timeout_seconds)),
                    idle: Duration::from_secs(u64::from(feed.idle_seconds)),
                    pages: true,
                };
                let failed = match self.fetcher().get(&ask, download, &mut partial).await {
                    Ok(Answer::Changed(_)) => match looked_at(&progress, download, folder).await {
                        Ok(found) => {
                            page = Some(found);
                            break;
                        }
                        Err(Stopped::Told(reason)) => {
                            last = reason;
                            pause(attempt + 1)
                        }
                        Err(kept) => return Err(kept),
                    },
                    Ok(Answer::Unchanged) => {
                        last = "it says that nothing changed, which was not asked".to_owned();
                        pause(attempt + 1)
                    }
                    Err(error) => {
                        last = error.to_string();
                        match wait(&error, attempt) {
                            Some(wait) => wait,
                            None => break,
                        }
                    }
                };
                if attempt + 1 < feed.tries {
                    tokio::time::sleep(failed).await;
                }
            }
            let Some((records, sha, total)) = page else {
                return Err(Stopped::Told(format!(
                    "{last} (record {} of {})",
                    progress.next(),
                    progress
                        .total
                        .map_or_else(|| "?".to_owned(), |total| total.to_string())
                )));
            };
            progress.total = Some(total);
            if records > 0 {
                progress.pages.push((records, sha));
            }
            let path = folder.join(STATE);
            disk::write_json(&path, &progress).map_err(|error| FeedsError::io(&path, error))?;
        }
        Ok(progress)
    }

    /// Waits until another request may be sent.
    async fn keep_pace(&self, feed: &str, most: u32) {
        loop {
            let wait = {
                let mut paces = self.paces();
                let pace = paces.entry(feed.to_owned()).or_default();
                pace.go(most as usize, Instant::now())
            };
            match wait {
                Ok(()) => return,
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Takes all pages as one delivery.
    async fn take_pages(
        self: &Arc<Self>,
        feed: &FeedConfig,
        base: &str,
        folder: &Path,
        progress: &Progress,
    ) -> Result<Taken, FeedsError> {
        let this = Arc::clone(self);
        let (feed, name) = (feed.clone(), shown(base));
        let files: Vec<PathBuf> = (0..progress.pages.len())
            .map(|at| file(folder, at))
            .collect();
        let whole = progress.window.is_none();
        let taken = tokio::task::spawn_blocking(move || {
            let mut found = ingest_all(
                feed.format,
                &name,
                &files,
                &Limits::default(),
                this.folder(),
            )
            .map_err(|error| FeedsError::io(this.folder_of(&feed.name), error))?;
            let builder = found.builders.remove(&feed.format).unwrap_or_default();
            let delivery = Delivery {
                builder,
                origin: name,
                sha256: found.sha256,
                refused: found.refused,
                refusals: found.refusals,
                whole,
                // What was modified overlaps with what is held.
                may_be_older: !whole,
            };
            this.on_shelf(&feed.name, |shelf| shelf.offer(delivery, Timestamp::now()))?
        });
        taken
            .await
            .map_err(|error| FeedsError::Stopped(error.to_string()))?
    }
}

/// Which modifications to ask for; everything when nothing is held, or too much was missed.
fn window(since: Option<Timestamp>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let since = since?;
    let missed = now.millis_since(since);
    // A clock that was set back makes the whole of it sure again.
    if !(-OVERLAP_MS..=WINDOWS * (WINDOW_DAYS - 1) * DAY_MS).contains(&missed) {
        return None;
    }
    let from = since.plus_millis(-OVERLAP_MS);
    let to = from.plus_millis(WINDOW_DAYS * DAY_MS);
    Some((from, if now.millis_since(to) < 0 { now } else { to }))
}

/// What was begun and can be gone on with, or a new beginning.
fn begun(
    folder: &Path,
    base: &str,
    window: Option<(Timestamp, Timestamp)>,
    now: Timestamp,
) -> Result<Progress, FeedsError> {
    let at_folder = |error| FeedsError::io(folder, error);
    let known: Option<Progress> = disk::read_json(&folder.join(STATE)).unwrap_or_default();
    let same_from =
        |one: &Progress| one.window.map(|(from, _)| from) == window.map(|(from, _)| from);
    let usable = known.filter(|one| {
        let age = now.millis_since(one.begun);
        let there = (0..one.pages.len()).all(|at| file(folder, at).is_file());
        one.base == base && same_from(one) && (0..STALE_MS).contains(&age) && there
    });
    if let Some(one) = usable {
        return Ok(one);
    }
    clear(folder)?;
    fs::create_dir_all(folder).map_err(at_folder)?;
    Ok(Progress {
        base: base.to_owned(),
        begun: now,
        window,
        pages: Vec::new(),
        total: None,
    })
}

/// Removes the pages.
fn clear(folder: &Path) -> Result<(), FeedsError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FeedsError::io(folder, error)),
        _ => Ok(()),
    }
}

fn file(folder: &Path, at: usize) -> PathBuf {
    folder.join(format!("{at:06}.json.gz"))
}

/// The address of the next page.
fn question(progress: &Progress) -> String {
    let joint = if progress.base.contains('?') {
        '&'
    } else {
        '?'
    };
    let mut url = format!(
        "{}{joint}resultsPerPage={PAGE}&startIndex={}",
        progress.base,
        progress.next()
    );
    if let Some((from, to)) = progress.window {
        url.push_str(&format!(
            "&lastModStartDate={}&lastModEndDate={}",
            moment(from),
            moment(to)
        ));
    }
    url
}

/// `2026-03-01T00:00:00.000%2B00:00`, as the API wants it in an address.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}%2B00:00", text.trim_end_matches('Z'))
}

/// How long to wait before the next try; `None`: trying again does not help.
fn wait(error: &FetchError, attempt: u32) -> Option<Duration> {
    match error {
        FetchError::Later { after, .. } => {
            let after = after.unwrap_or(RATE_WINDOW);
            (after <= LONGEST_WAIT).then(|| after.max(pause(attempt + 1)))
        }
        other => other.may_pass().then(|| pause(attempt + 1)),
    }
}

/// Whether a page is the one that was asked for; then it is kept: how many records it has, its SHA-256 and how many there are.
async fn looked_at(
    progress: &Progress,
    download: &Path,
    folder: &Path,
) -> Result<(u64, String, u64), Stopped> {
    let (progress, download) = (progress.clone(), download.to_owned());
    let to = file(folder, progress.pages.len());
    let looking = tokio::task::spawn_blocking(move || {
        let at_download = |error| Stopped::Kept(FeedsError::io(&download, error));
        let mut from = File::open(&download).map_err(at_download)?;
        let sha = sha256(&mut from).map_err(at_download)?;
        let from = File::open(&download).map_err(at_download)?;
        let page: Page = serde_json::from_reader(BufReader::new(from))
            .map_err(|error| Stopped::Told(format!("what came is no page of the API: {error}")))?;
        let (next, records) = (progress.next(), page.vulnerabilities.len() as u64);
        let wrong = |reason: String| Err(Stopped::Told(reason));
        if page.start_index != next {
            return wrong(format!(
                "it was asked for what begins at {next} and answered with what begins at {}",
                page.start_index
            ));
        }
        if page.total_results > MOST_RECORDS as u64 {
            return wrong(format!(
                "it says that there are {} records, and {MOST_RECORDS} are the limit",
                page.total_results
            ));
        }
        if records == 0 && next < page.total_results {
            return wrong(format!(
                "it says that there are {} records, and gives none after {next}",
                page.total_results
            ));
        }
        if next + records > page.total_results {
            return wrong(format!(
                "it says that there are {} records, and gave {}",
                page.total_results,
                next + records
            ));
        }
        if progress.pages.iter().any(|(_, known)| *known == sha) {
            return wrong("it gave the same page twice".to_owned());
        }
        keep(&download, &to).map_err(|error| FeedsError::io(&to, error))?;
        Ok((records, sha, page.total_results))
    });
    looking
        .await
        .map_err(|error| FeedsError::Stopped(error.to_string()))?
}

fn keep(download: &Path, to: &Path) -> io::Result<()> {
    let mut from = BufReader::new(File::open(download)?);
    let mut packed = GzEncoder::new(BufWriter::new(File::create(to)?), Compression::fast());
    io::copy(&mut from, &mut packed)?;
    let file = packed
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

const STATE: &str = "pages.json";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn windows_are_at_most_120_days_and_follow_each_other() {
        let now = at("2026-11-30T08:00:00Z");
        assert_eq!(window(None, now), None);
        let mut since = at("2026-03-01T00:00:00Z");
        let mut windows = 0;
        loop {
            let (from, to) = window(Some(since), now).unwrap();
            assert!(since.millis_since(from) == OVERLAP_MS);
            assert!(to.millis_since(from) <= WINDOW_DAYS * DAY_MS && now.millis_since(to) >= 0);
            windows += 1;
            since = to;
            if now.millis_since(to) < OVERLAP_MS {
                break;
            }
        }
        assert_eq!(windows, 3);
        assert_eq!(window(Some(at("2024-01-01T00:00:00Z")), now), None);
        assert_eq!(window(Some(at("2027-01-01T00:00:00Z")), now), None);
    }

    #[test]
    fn addresses_are_written_as_the_api_wants_them() {
        let mut progress = Progress {
            base: "https://a.example/cves/2.0".to_owned(),
            begun: at("2026-03-01T00:00:00Z"),
            window: None,
            pages: vec![(2_000, String::new()), (7, String::new())],
            total: None,
        };
        assert_eq!(
            question(&progress),
            "https://a.example/cves/2.0?resultsPerPage=2000&startIndex=2007"
        );
        progress.base.push_str("?noRejected");
        progress.window = Some((at("2026-03-01T00:00:00Z"), at("2026-03-02T10:20:30.450Z")));
        assert_eq!(
            question(&progress),
            "https://a.example/cves/2.0?noRejected&resultsPerPage=2000&startIndex=2007\
             &lastModStartDate=2026-03-01T00:00:00.000%2B00:00&lastModEndDate=2026-03-02T10:20:30.450%2B00:00"
        );
    }

    #[test]
    fn never_more_requests_in_any_30_seconds_than_allowed() {
        let begin = Instant::now();
        let (mut pace, mut sent, mut now) = (Pace::default(), Vec::new(), begin);
        while sent.len() < 40 {
            match pace.go(5, now) {
                Ok(()) => sent.push(now),
                Err(wait) => now += wait,
            }
            now += Duration::from_millis(137);
        }
        for pair in sent.windows(6) {
            let [first, .., last] = pair else { continue };
            assert!(last.duration_since(*first) >= RATE_WINDOW);
        }
        assert!(sent[39].duration_since(begin) <= RATE_WINDOW * 8);
    }
}
