//! Pulls: a feed's addresses in turn, each a few times, until one gives something that can be taken.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hudun_advisory::{Limits, Refused};
use hudun_core::{Text, Timestamp};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::config::{Api, FeedConfig};
use super::error::FeedsError;
use super::fetch::{Answer, Ask, FetchError, Partial, shown};
use super::ingest::ingest;
use super::keeper::Feeds;
use super::shelf::{Delivery, Taken, Validator};
use super::status::{FeedState, Trouble};

/// Feeds that are pulled at once.
const AT_ONCE: usize = 4;
/// The first pause between tries; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A feed that fails is tried again after so long at first; it doubles up to its own interval.
const AGAIN_MS: i64 = 60_000;
/// Addresses with the hour in them are tried for this many hours back.
const HOURS: i64 = 2;
/// Reasons that are told of a pull.
const REASONS: usize = 3;

/// How a pull ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// It counts now.
    Accepted {
        /// Records in it.
        records: u64,
    },
    /// The server, or its content, says that nothing changed.
    Unchanged,
    /// Nothing could be taken.
    Refused(Trouble),
}

impl Feeds {
    /// Pulls one feed now, whether it is due or not.
    ///
    /// # Errors
    /// [`FeedsError::Unknown`] for a feed that is not configured with an address; others when what came can't be kept. That
    /// nothing can be fetched is no error but a [`Pulled::Refused`].
    pub async fn pull(self: &Arc<Self>, name: &str) -> Result<Pulled, FeedsError> {
        let feed = self
            .config()
            .feeds
            .iter()
            .find(|feed| feed.name == name && !feed.is_by_hand())
            .ok_or_else(|| FeedsError::Unknown {
                name: name.to_owned(),
                known: self.pulled_names().join(", "),
            })?
            .clone();
        let download = self.folder_of(name).join("download.new");
        let pulled = match feed.api {
            Some(Api::Nvd) => self.pull_paged(&feed, &download).await,
            None => self.pull_into(&feed, &download).await,
        };
        let _ = tokio::fs::remove_file(&download).await;
        pulled
    }

    /// The feeds that have an address.
    pub fn pulled_names(&self) -> Vec<String> {
        let feeds = self.config().feeds.iter();
        feeds
            .filter(|feed| !feed.is_by_hand())
            .map(|feed| feed.name.clone())
            .collect()
    }

    async fn pull_into(
        self: &Arc<Self>,
        feed: &FeedConfig,
        download: &Path,
    ) -> Result<Pulled, FeedsError> {
        let now = Timestamp::now();
        let mut told: Vec<String> = Vec::new();
        let mut refused: (u64, Vec<Refused>) = (0, Vec::new());
        let mut backwards = None;
        let headers = match feed.all_headers() {
            Ok(headers) => headers,
            Err(reason) => {
                let sentence = Text::new(
                    format!("没有去取：{reason}"),
                    format!("It was not asked: {reason}"),
                );
                return self.not_pulled(feed, sentence, refused);
            }
        };
        for pattern in self.config().sources(feed) {
            for url in hours(&pattern, now) {
                let mut partial = Partial::default();
                let held = self.on_shelf(&feed.name, |shelf| shelf.validator(&url))?;
                let mut missing = false;
                let mut wanted = Duration::ZERO;
                for attempt in 0..feed.tries {
                    if attempt > 0 {
                        tokio::time::sleep(pause(attempt).max(wanted)).await;
                    }
                    let ask = Ask {
                        url: &url,
                        headers: &headers,
                        held: held.clone(),
                        max_bytes: u64::from(feed.max_mib) << 20,
                        total: Duration::from_secs(u64::from(feed.timeout_seconds)),
                        idle: Duration::from_secs(u64::from(feed.idle_seconds)),
                        pages: false,
                    };
                    match self.fetcher().get(&ask, download, &mut partial).await {
                        Ok(Answer::Unchanged) => {
                            self.on_shelf(&feed.name, |shelf| shelf.unchanged(now))??;
                            self.see_ages();
                            return Ok(Pulled::Unchanged);
                        }
                        Ok(Answer::Changed(said)) => {
                            match self.read_pulled(feed, &url, download, said).await? {
                                Read::Ended(pulled) => return Ok(pulled),
                                Read::Older(trouble) => {
                                    told.push(format!("{}: {}", shown(&url), trouble.sentence.en));
                                    backwards = Some(trouble);
                                    break;
                                }
                                Read::Broken(reason, found) => {
                                    told.push(format!("{}: {reason}", shown(&url)));
                                    refused = found;
                                }
                            }
                        }
                        Err(error) => {
                            told.push(format!("{}: {error}", shown(&url)));
                            wanted = match &error {
                                FetchError::Later { after, .. } => {
                                    after.unwrap_or_default().min(LONGEST_PAUSE)
                                }
                                _ => Duration::ZERO,
                            };
                            missing =
                                matches!(error, FetchError::Status(http::StatusCode::NOT_FOUND));
                            if !error.may_pass() {
                                break;
                            }
                        }
                    }
                }
                // Only what is not there yet is looked for an hour earlier.
                if !missing {
                    break;
                }
            }
        }
        if let Some(trouble) = backwards {
            self.see_ages();
            return Ok(Pulled::Refused(trouble));
        }
        let more = told.len().saturating_sub(REASONS);
        told.dedup();
        told.truncate(REASONS);
        let mut reasons = told.join("; ");
        if more > 0 {
            reasons.push_str(&format!(" (+{more})"));
        }
        tracing::warn!(feed = %feed.name, %reasons, "a feed could not be pulled");
        let sentence = Text::new(
            format!("没有取到，沿用现有内容：{reasons}"),
            format!("It could not be fetched; what is held still counts: {reasons}"),
        );
        self.not_pulled(feed, sentence, refused)
    }

    /// What is held stays, and why nothing came is told.
    pub(super) fn not_pulled(
        &self,
        feed: &FeedConfig,
        sentence: Text,
        refused: (u64, Vec<Refused>),
    ) -> Result<Pulled, FeedsError> {
        let now = Timestamp::now();
        let trouble = self.on_shelf(&feed.name, |shelf| shelf.failed(sentence, refused, now))??;
        self.see_ages();
        Ok(Pulled::Refused(trouble))
    }

    async fn read_pulled(
        self: &Arc<Self>,
        feed: &FeedConfig,
        url: &str,
        download: &Path,
        said: Validator,
    ) -> Result<Read, FeedsError> {
        let this = Arc::clone(self);
        let (feed, url, download) = (feed.clone(), url.to_owned(), download.to_owned());
        let read = tokio::task::spawn_blocking(move || {
            let name = shown(&url);
            let file = File::open(&download).map_err(|error| FeedsError::io(&download, error))?;
            let mut found = ingest(
                Some(feed.format),
                &name,
                file,
                &Limits::default(),
                this.folder(),
            )
            .map_err(|error| FeedsError::io(&download, error))?;
            let refused = (found.refused, found.refusals.clone());
            if found.cut || (found.is_empty() && found.refused > 0) {
                return Ok(Read::Broken(found.first_reason(), refused));
            }
            let builder = found.builders.remove(&feed.format).unwrap_or_default();
            let whole = feed.is_whole();
            let delivery = Delivery {
                builder,
                origin: name,
                sha256: found.sha256,
                refused: found.refused,
                refusals: found.refusals,
                whole,
                may_be_older: false,
            };
            let taken =
                this.on_shelf(&feed.name, |shelf| shelf.offer(delivery, Timestamp::now()))??;
            if let Taken::Refused(trouble) = &taken
                && trouble.state == FeedState::Backwards
            {
                return Ok(Read::Older(trouble.clone()));
            }
            this.on_shelf(&feed.name, |shelf| shelf.remember(&url, said))??;
            Ok(Read::Ended(match taken {
                Taken::Accepted { records } => {
                    this.publish();
                    Pulled::Accepted { records }
                }
                Taken::Same => {
                    this.see_ages();
                    Pulled::Unchanged
                }
                Taken::Refused(trouble) => {
                    this.see_ages();
                    Pulled::Refused(trouble)
                }
            }))
        });
        read.await
            .map_err(|error| FeedsError::Stopped(error.to_string()))?
    }

    /// Pulls every feed when it is due, until it is told to stop.
    pub(super) async fn pull_all(self: &Arc<Self>, stop: &CancellationToken) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = tokio::task::JoinSet::new();
        for feed in self.config().feeds.iter().filter(|feed| !feed.is_by_hand()) {
            let (this, stop, room) = (Arc::clone(self), stop.clone(), Arc::clone(&room));
            let feed = feed.clone();
            tasks.spawn(async move {
                let work = async {
                    loop {
                        tokio::time::sleep(this.due_in(&feed)).await;
                        let Ok(_room) = room.acquire().await else {
                            return;
                        };
                        if let Err(error) = this.pull(&feed.name).await {
                            tracing::error!(feed = %feed.name, %error, "a feed could not be kept");
                            tokio::time::sleep(LONGEST_PAUSE).await;
                        }
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = work => {}
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    fn due_in(&self, feed: &FeedConfig) -> Duration {
        let last = self.on_shelf(&feed.name, |shelf| (shelf.tried(), shelf.failures()));
        let Ok((Some(tried), failures)) = last else {
            return Duration::ZERO;
        };
        let every = i64::from(feed.every_minutes) * 60_000;
        let wait = match failures {
            0 => every,
            failures => every.min(AGAIN_MS << failures.min(10)),
        };
        // Everybody's feeds at the full hour would be a burden to those who give them.
        let wait = wait + wait / 10 * i64::from(dice(100)) / 100;
        let left = wait - Timestamp::now().millis_since(tried);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }
}

/// What became of a download.
enum Read {
    Ended(Pulled),
    Older(Trouble),
    Broken(String, (u64, Vec<Refused>)),
}

/// The addresses that a pattern stands for, the newest hour first.
fn hours(pattern: &str, now: Timestamp) -> Vec<String> {
    if !pattern.contains('{') {
        return vec![pattern.to_owned()];
    }
    (0..=HOURS)
        .filter_map(|back| {
            let moment = now.plus_millis(-back * 3_600_000).as_millis();
            let hour = jiff::Timestamp::from_millisecond(moment).ok()?;
            let part = |what: &str| hour.strftime(what).to_string();
            Some(
                pattern
                    .replace("{YYYY}", &part("%Y"))
                    .replace("{MM}", &part("%m"))
                    .replace("{DD}", &part("%d"))
                    .replace("{HH}", &part("%H")),
            )
        })
        .collect()
}

/// Grows with each try, and is never the same for two who failed together.
pub(super) fn pause(attempt: u32) -> Duration {
    let whole = (PAUSE * 2_u32.saturating_pow(attempt.min(10) - 1)).min(LONGEST_PAUSE);
    whole / 2 + whole / 200 * dice(100)
}

/// A number below `sides`, good enough for pauses.
fn dice(sides: u32) -> u32 {
    let hash = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(hash % u64::from(sides.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_the_hour_are_tried_backwards() {
        let now = "2026-03-01T01:30:00Z".parse().unwrap();
        assert_eq!(
            hours("https://a.example/{YYYY}-{MM}-{DD}_{HH}00Z.zip", now),
            [
                "https://a.example/2026-03-01_0100Z.zip",
                "https://a.example/2026-03-01_0000Z.zip",
                "https://a.example/2026-02-28_2300Z.zip"
            ]
        );
        assert_eq!(hours("https://a.example/x", now), ["https://a.example/x"]);
    }

    #[test]
    fn pauses_grow_and_end() {
        for attempt in 1..40 {
            let found = pause(attempt);
            assert!(found >= PAUSE / 2 && found <= LONGEST_PAUSE, "{found:?}");
        }
        assert!(pause(5) > pause(1));
    }
}
