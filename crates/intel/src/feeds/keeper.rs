//! All feeds of a folder, and the snapshot of what they say.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hudun_advisory::matching::{Index, Segment};
use hudun_advisory::{Format, Limits};
use hudun_core::{Text, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::bundle::{self, BundleError};
use super::config::{FeedConfig, FeedsConfig};
use super::disk;
use super::drop::{DropFolder, Ready};
use super::error::FeedsError;
use super::fetch::Fetcher;
use super::ingest::{Ingested, ingest};
use super::paged::Pace;
use super::shelf::{Delivery, Shelf, Taken};
use super::snapshot::{Arrived, News, Snapshot};
use super::status::{FeedState, FeedStatus};

/// How often the drop folder is looked into.
const LOOK: Duration = Duration::from_millis(250);
/// How often it is seen whether a feed has become late.
const AGE: Duration = Duration::from_secs(60);
const LOCK: &str = "lock";
const SHELVES: &str = "feeds";
/// What the command line asks of a process that works on the folder.
const REQUESTS: &str = "requests";
const ACCEPT: &str = "accept-";
const OLDER: &str = "older-bundle";

/// What can be asked of the process that works on a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Accept what is held back of a feed.
    Accept(&'a str),
    /// Take the bundle of this name from the drop folder although it is older.
    OlderBundle(&'a str),
}

/// Asks the process that works on a folder of feeds for something; it does so within a second. Whoever may write into the
/// folder may ask.
///
/// # Errors
/// [`FeedsError`] when the request can't be written.
pub fn ask(folder: &Path, what: &Asked<'_>) -> Result<(), FeedsError> {
    let requests = folder.join(REQUESTS);
    fs::create_dir_all(&requests).map_err(|error| FeedsError::io(&requests, error))?;
    let (path, text) = match what {
        Asked::Accept(name) if super::config::is_name(name) => {
            (requests.join(format!("{ACCEPT}{name}")), String::new())
        }
        Asked::Accept(name) => {
            return Err(FeedsError::Unknown {
                name: (*name).to_owned(),
                known: "a-z, 0-9 and -".to_owned(),
            });
        }
        Asked::OlderBundle(name) => (requests.join(OLDER), (*name).to_owned()),
    };
    fs::write(&path, text).map_err(|error| FeedsError::io(&path, error))
}

/// Feeds of one folder. One process at a time works on it.
pub struct Feeds {
    folder: PathBuf,
    drop: PathBuf,
    config: FeedsConfig,
    shelves: Mutex<BTreeMap<String, Shelf>>,
    dropped: Mutex<DropFolder>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    fetcher: Fetcher,
    publishing: Mutex<()>,
    /// How fast pages were asked for, by feed.
    paces: Mutex<BTreeMap<String, Pace>>,
    /// What was accepted because the command line asked for it, for the ledger.
    accepted: Mutex<Vec<(String, u64)>>,
    /// Held as long as this lives.
    _lock: File,
}

impl Feeds {
    /// Opens the feeds of a folder (`<data>/intel`), which is made if need be, with what was held of them.
    ///
    /// # Errors
    /// [`FeedsError`] when the configuration can't work, another process works on the folder, or it can't be written.
    pub fn open(folder: &Path, config: FeedsConfig) -> Result<Arc<Self>, FeedsError> {
        config.check()?;
        let fetcher = Fetcher::new(config.proxy.as_deref(), config.ca.as_deref())?;
        let drop = config.drop.clone().unwrap_or_else(|| folder.join("drop"));
        let shelved = folder.join(SHELVES);
        fs::create_dir_all(&shelved).map_err(|error| FeedsError::io(&shelved, error))?;
        let lock = lock(folder, &drop)?;
        sweep(folder);
        let settle = Duration::from_millis(config.settle_ms);
        let dropped = DropFolder::open(drop.clone(), settle, config.keep_done)
            .map_err(|error| FeedsError::io(&drop, error))?;
        let mut shelves = BTreeMap::new();
        for feed in &config.feeds {
            let place = shelved.join(&feed.name);
            mark(&place, feed.format, true)?;
            shelves.insert(feed.name.clone(), Shelf::open(place, feed.clone())?);
        }
        // What came by hand or in a bundle stays when it is in no configuration.
        for (name, format, listed) in marked(&shelved)? {
            if listed || shelves.contains_key(&name) {
                continue;
            }
            let feed = FeedConfig::by_hand(&name, format);
            shelves.insert(name.clone(), Shelf::open(shelved.join(&name), feed)?);
        }
        let snapshot = Parts::of(&shelves).snapshot(News::default(), Vec::new(), &VecDeque::new());
        let (snapshots, _) = watch::channel(Arc::new(snapshot));
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            drop,
            config,
            shelves: Mutex::new(shelves),
            dropped: Mutex::new(dropped),
            snapshots,
            fetcher,
            publishing: Mutex::new(()),
            paces: Mutex::default(),
            accepted: Mutex::default(),
            _lock: lock,
        }))
    }

    /// Works until it is told to stop: watches the drop folder, pulls what is due, and sees what becomes late.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) {
        tokio::join!(self.watch(&stop), self.pull_all(&stop));
    }

    async fn watch(self: &Arc<Self>, stop: &CancellationToken) {
        let mut aged = tokio::time::Instant::now();
        let mut trouble = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let this = Arc::clone(self);
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            let problem = match looked {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if problem.is_some() != trouble {
                trouble = problem.is_some();
                self.tell(problem);
            }
            if aged.elapsed() >= AGE {
                aged = tokio::time::Instant::now();
                self.see_ages();
            }
        }
    }

    /// What is known, and word of each change. A change of `revision` is one of what is held.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// Every feed, as it stands now.
    pub fn status(&self) -> Vec<FeedStatus> {
        let now = Timestamp::now();
        let shelves = self.shelves();
        shelves.values().map(|shelf| shelf.status(now)).collect()
    }

    /// Where files are put by hand.
    pub fn drop_folder(&self) -> &Path {
        &self.drop
    }

    /// Looks into the drop folder once and takes what can be taken: how many files were put away. Blocks.
    ///
    /// # Errors
    /// [`FeedsError`] when the folder can't be read or what came can't be kept.
    pub fn look(&self) -> Result<usize, FeedsError> {
        let mut trouble = self.requests().err();
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let at_drop = |error| FeedsError::io(&self.drop, error);
        let (ready, closed) = dropped.look(Timestamp::now()).map_err(at_drop)?;
        for (path, error) in closed {
            trouble.get_or_insert_with(|| FeedsError::io(path, error));
        }
        let mut away = 0;
        // A file that can't be kept now stays where it is, and holds up none behind it.
        for one in &ready {
            match self.take_dropped(&mut dropped, one) {
                Ok(true) => away += 1,
                Ok(false) => {}
                Err(error) => {
                    trouble.get_or_insert(error);
                }
            }
        }
        drop(dropped);
        if !ready.is_empty() {
            self.publish();
        }
        trouble.map_or(Ok(away), Err)
    }

    /// Takes or refuses a file of the drop folder: whether it was put away.
    fn take_dropped(&self, dropped: &mut DropFolder, one: &Ready) -> Result<bool, FeedsError> {
        let read = if bundle::is_bundle(&one.file) {
            self.dropped_bundle(dropped, one)?
        } else {
            self.read_dropped(dropped, one)?
        };
        let Some((taken, reason)) = read else {
            return Ok(false);
        };
        dropped
            .put_away(one, taken, &reason)
            .map_err(|error| FeedsError::io(&one.path, error))?;
        Ok(true)
    }

    /// Loads a bundle of the drop folder.
    fn dropped_bundle(
        &self,
        dropped: &mut DropFolder,
        ready: &Ready,
    ) -> Result<Option<(bool, String)>, FeedsError> {
        let file = ready
            .file
            .try_clone()
            .map_err(|error| FeedsError::io(&ready.path, error))?;
        let older = self.folder.join(REQUESTS).join(OLDER);
        let wanted = fs::read_to_string(&older).unwrap_or_default();
        let allow_older = !wanted.is_empty() && wanted.trim() == ready.name;
        match self.load(file, &ready.name, allow_older) {
            Ok(loaded) => {
                if allow_older {
                    let _ = fs::remove_file(older);
                }
                let mut told: Vec<String> = Vec::new();
                for (name, taken) in &loaded.feeds {
                    if let Taken::Refused(trouble) = taken {
                        let (zh, en) = (&trouble.sentence.zh, &trouble.sentence.en);
                        told.push(format!("{name}: {zh}\n{en}\n"));
                    }
                }
                Ok(Some((true, told.concat())))
            }
            Err(BundleError::Feeds(error)) => Err(error),
            // A part of it may still be coming.
            Err(BundleError::Broken(_) | BundleError::File { .. }) if !ready.given_up => {
                dropped.wait_for(ready);
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(bundle = %ready.name, %error, "a bundle was refused");
                Ok(Some((false, format!("{error}\n"))))
            }
        }
    }

    /// Does what was asked for beside this process: see [`ask`].
    fn requests(&self) -> Result<(), FeedsError> {
        let folder = self.folder.join(REQUESTS);
        let Ok(entries) = fs::read_dir(&folder) else {
            return Ok(());
        };
        for entry in entries.flatten().take(100) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(feed) = name.strip_prefix(ACCEPT) else {
                continue;
            };
            fs::remove_file(entry.path()).map_err(|error| FeedsError::io(entry.path(), error))?;
            let taken = self.on_shelf(feed, |shelf| shelf.accept(Timestamp::now()));
            match taken.flatten() {
                Ok(records) => {
                    tracing::info!(feed, records, "what was held back was accepted");
                    let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
                    if accepted.len() < 100 {
                        accepted.push((feed.to_owned(), records));
                    }
                    drop(accepted);
                    // Now, so that whoever is told of it finds the word of it, too.
                    self.publish();
                }
                Err(error) => tracing::warn!(feed, %error, "nothing was accepted"),
            }
        }
        Ok(())
    }

    /// Reads a file of the drop folder; `None`: it is not complete yet.
    fn read_dropped(
        &self,
        dropped: &mut DropFolder,
        ready: &Ready,
    ) -> Result<Option<(bool, String)>, FeedsError> {
        let file = ready
            .file
            .try_clone()
            .map_err(|error| FeedsError::io(&ready.path, error))?;
        let found = match ingest(None, &ready.name, file, &Limits::default(), &self.folder) {
            Ok(found) => found,
            Err(error) => return Ok(Some((false, format!("{}: {error}\n", ready.name)))),
        };
        if !ready.is_unchanged() {
            return Ok(None);
        }
        if (found.cut || found.is_empty() && found.cut_files > 0) && !ready.given_up {
            dropped.wait_for(ready);
            return Ok(None);
        }
        self.take_by_hand(&ready.name, found).map(Some)
    }

    /// Gives the parts of what was read to the feeds of their forms.
    fn take_by_hand(&self, name: &str, mut found: Ingested) -> Result<(bool, String), FeedsError> {
        let now = Timestamp::now();
        let mut taken = false;
        let mut told = Vec::new();
        let mut shelves = self.shelves();
        let builders = std::mem::take(&mut found.builders);
        let nothing = builders.is_empty();
        for (format, builder) in builders {
            let shelf = self.by_hand(&mut shelves, format)?;
            let delivery = Delivery {
                builder,
                origin: name.to_owned(),
                sha256: found.sha256.clone(),
                refused: found.refused,
                refusals: found.refusals.clone(),
                whole: shelf.config.is_whole(),
                may_be_older: !shelf.config.is_whole(),
            };
            match shelf.offer(delivery, now)? {
                Taken::Accepted { .. } => taken = true,
                Taken::Same => {
                    taken = true;
                    told.push(format!(
                        "{format}: 与已有内容相同 / the same was taken before"
                    ));
                }
                Taken::Refused(trouble) => told.push(format!(
                    "{format}: {}\n{}",
                    trouble.sentence.zh, trouble.sentence.en
                )),
            }
        }
        if nothing {
            // Whose file it would have been is known where its form is.
            for format in &found.forms {
                let shelf = self.by_hand(&mut shelves, *format)?;
                shelf.failed(
                    Text::new(
                        format!("{name} 没有采用：{}", found.first_reason()),
                        format!("{name} was not taken: {}", found.first_reason()),
                    ),
                    (found.refused, found.refusals.clone()),
                    now,
                )?;
            }
        }
        told.extend(found.refusals.iter().map(ToString::to_string));
        let beyond = found.refused.saturating_sub(found.refusals.len() as u64);
        if beyond > 0 {
            told.push(format!("另有 {beyond} 处 / and {beyond} more"));
        }
        if nothing && told.is_empty() {
            told.push(found.first_reason());
        }
        if !told.is_empty() {
            told.push(String::new());
        }
        Ok((taken, told.join("\n")))
    }

    /// The feed that files of a form are for: the first that is configured to come by hand, or one of its own.
    fn by_hand<'a>(
        &self,
        shelves: &'a mut BTreeMap<String, Shelf>,
        format: Format,
    ) -> Result<&'a mut Shelf, FeedsError> {
        let configured = self
            .config
            .feeds
            .iter()
            .find(|feed| feed.is_by_hand() && feed.format == format);
        let own = format!("drop-{format}");
        let name = configured.map_or(own.as_str(), |feed| feed.name.as_str());
        self.shelf(shelves, name, format)
    }

    /// A feed by its name; a new one where there is none.
    pub(super) fn shelf<'a>(
        &self,
        shelves: &'a mut BTreeMap<String, Shelf>,
        name: &str,
        format: Format,
    ) -> Result<&'a mut Shelf, FeedsError> {
        if !shelves.contains_key(name) {
            let folder = self.folder_of(name);
            mark(&folder, format, false)?;
            let shelf = Shelf::open(folder, FeedConfig::by_hand(name, format))?;
            shelves.insert(name.to_owned(), shelf);
        }
        shelves.get_mut(name).ok_or_else(|| FeedsError::Unknown {
            name: name.to_owned(),
            known: String::new(),
        })
    }

    /// Makes the snapshot of what is held now, if that changed.
    pub(super) fn publish(&self) {
        // One at a time, so that none replaces a newer one; feeds are only held as long as it takes to list their parts.
        let _one = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (before, trouble, history) = {
            let now = self.snapshots.borrow();
            (now.revision, now.trouble.clone(), Arc::clone(&now.history))
        };
        let (parts, news) = {
            let mut shelves = self.shelves();
            let mut news = News::default();
            for shelf in shelves.values_mut() {
                news.add(shelf.take_news());
            }
            (Parts::of(&shelves), news)
        };
        if parts.revision == before {
            return self.see_ages();
        }
        self.snapshots
            .send_replace(Arc::new(parts.snapshot(news, trouble, &history)));
    }

    /// Tells of states that changed while what is held did not.
    pub(super) fn see_ages(&self) {
        let states = self.status();
        self.restate(states, None);
    }

    fn tell(&self, problem: Option<String>) {
        let trouble = problem.map(|reason| {
            tracing::error!(%reason, "the drop folder can't be worked on");
            Text::new(
                format!("投放文件夹无法处理：{reason}"),
                format!("The drop folder can't be worked on: {reason}"),
            )
        });
        self.restate(self.status(), Some(trouble.into_iter().collect()));
    }

    fn restate(&self, feeds: Vec<FeedStatus>, trouble: Option<Vec<Text>>) {
        self.snapshots.send_if_modified(|now| {
            let trouble = trouble.unwrap_or_else(|| now.trouble.clone());
            let same = now.trouble == trouble && alike(&now.feeds, &feeds);
            if !same {
                *now = Arc::new(Snapshot {
                    revision: now.revision,
                    index: Arc::clone(&now.index),
                    feeds,
                    history: Arc::clone(&now.history),
                    new: Arc::clone(&now.new),
                    more_new: now.more_new,
                    newly_exploited: Arc::clone(&now.newly_exploited),
                    trouble,
                    made: Timestamp::now(),
                });
            }
            !same
        });
    }

    pub(super) const fn config(&self) -> &FeedsConfig {
        &self.config
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) const fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Where a feed is kept.
    pub(super) fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.join(SHELVES).join(name)
    }

    /// Does something with one feed.
    pub(super) fn on_shelf<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Shelf) -> T,
    ) -> Result<T, FeedsError> {
        let mut shelves = self.shelves();
        if let Some(shelf) = shelves.get_mut(name) {
            return Ok(work(shelf));
        }
        Err(FeedsError::Unknown {
            name: name.to_owned(),
            known: shelves.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// Accepts what is held back of a feed: how many records count now. Blocks.
    ///
    /// # Errors
    /// [`FeedsError::NothingHeld`], [`FeedsError::Unknown`], or when it can't be kept.
    pub fn accept(&self, name: &str) -> Result<u64, FeedsError> {
        let records = self.on_shelf(name, |shelf| shelf.accept(Timestamp::now()))??;
        self.publish();
        Ok(records)
    }

    /// What was accepted at the command line's request since this was last asked: feed and records.
    pub fn take_accepted(&self) -> Vec<(String, u64)> {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut accepted)
    }

    pub(super) fn paces(&self) -> MutexGuard<'_, BTreeMap<String, Pace>> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shelves(&self) -> MutexGuard<'_, BTreeMap<String, Shelf>> {
        // A panic can't leave a feed half changed: each changes by one assignment.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FORM: &str = "format";
const LISTED: &str = " listed";

/// Whether nothing differs that a person would look at again for.
fn alike(before: &[FeedStatus], now: &[FeedStatus]) -> bool {
    let key = |one: &FeedStatus| -> (String, FeedState, u64, u64) {
        (one.name.clone(), one.state, one.records, one.refused)
    };
    before.iter().map(key).eq(now.iter().map(key))
}

/// What a snapshot is made of.
struct Parts {
    revision: u64,
    segments: Vec<Arc<Segment>>,
    feeds: Vec<FeedStatus>,
}

impl Parts {
    fn of(shelves: &BTreeMap<String, Shelf>) -> Self {
        let now = Timestamp::now();
        let segments = shelves.values().flat_map(|shelf| shelf.segments());
        Self {
            revision: shelves.values().map(Shelf::changes).sum(),
            segments: segments.cloned().collect(),
            feeds: shelves.values().map(|shelf| shelf.status(now)).collect(),
        }
    }

    fn snapshot(
        self,
        news: News,
        trouble: Vec<Text>,
        before: &VecDeque<(u64, Arc<Vec<Arrived>>)>,
    ) -> Snapshot {
        let new = Arc::new(news.records);
        Snapshot {
            history: Arc::new(Snapshot::longer(before, self.revision, &new, news.more)),
            revision: self.revision,
            index: Arc::new(Index::join(&self.segments)),
            feeds: self.feeds,
            new,
            more_new: news.more,
            newly_exploited: Arc::new(news.exploited),
            trouble,
            made: Timestamp::now(),
        }
    }
}

/// Removes what a process that was killed may have left beside the feeds.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".new") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn lock(folder: &Path, drop: &Path) -> Result<File, FeedsError> {
    let path = folder.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| FeedsError::io(&path, error))?;
    match file.try_lock() {
        Ok(()) => {
            // Whoever finds the folder taken learns here where the one who has it looks for files.
            let drop = std::path::absolute(drop).unwrap_or_else(|_| drop.to_owned());
            let text = drop.to_string_lossy().into_owned();
            let told = file
                .set_len(0)
                .and_then(|()| (&file).write_all(text.as_bytes()));
            told.map_err(|error| FeedsError::io(&path, error))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let told = fs::read_to_string(&path).unwrap_or_default();
            let told = Some(PathBuf::from(told)).filter(|path| path.is_absolute());
            Err(FeedsError::Busy {
                folder: folder.to_owned(),
                drop: told.unwrap_or_else(|| drop.to_owned()),
            })
        }
        Err(TryLockError::Error(error)) => Err(FeedsError::io(&path, error)),
    }
}

/// Writes down which form the feed of a folder has, and whether it is configured: what was configured and is no longer does not
/// count, what came by hand or in a bundle does.
fn mark(folder: &Path, format: Format, listed: bool) -> Result<(), FeedsError> {
    fs::create_dir_all(folder).map_err(|error| FeedsError::io(folder, error))?;
    let path = folder.join(FORM);
    let text = format!("{format}{}\n", if listed { LISTED } else { "" });
    if fs::read_to_string(&path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    disk::write(&path, text.as_bytes()).map_err(|error| FeedsError::io(&path, error))
}

/// What [`mark`] wrote, for all feeds of a folder.
fn marked(folder: &Path) -> Result<Vec<(String, Format, bool)>, FeedsError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FeedsError::io(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(text) = fs::read_to_string(entry.path().join(FORM)) else {
            continue;
        };
        let text = text.trim();
        let form = text.strip_suffix(LISTED).unwrap_or(text);
        if let Ok(format) = form.parse() {
            found.push((name, format, text.len() != form.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// What lies on the disk of a feed.
pub(super) struct OnDisk {
    pub(super) format: Format,
    pub(super) as_of: Option<Timestamp>,
    pub(super) segments: Vec<Arc<Segment>>,
}

/// All feeds of a folder, also while another process works on it.
pub(super) fn on_disk(folder: &Path) -> Result<BTreeMap<String, OnDisk>, FeedsError> {
    let shelved = folder.join(SHELVES);
    let mut found = BTreeMap::new();
    for (name, format, _) in marked(&shelved)? {
        let feed = FeedConfig::by_hand(&name, format);
        let shelf = Shelf::peek(shelved.join(&name), feed, true)?;
        let one = OnDisk {
            format,
            as_of: shelf.as_of(),
            segments: shelf.segments().to_vec(),
        };
        found.insert(name, one);
    }
    Ok(found)
}

/// How it stands with the feeds of a folder, also while another process works on it. Feeds that the configuration does not
/// list are told of with the limits of their form.
///
/// # Errors
/// [`FeedsError`] when the folder can't be read.
pub fn read_status(folder: &Path, config: &FeedsConfig) -> Result<Vec<FeedStatus>, FeedsError> {
    let shelved = folder.join(SHELVES);
    let mut feeds: BTreeMap<String, FeedConfig> = marked(&shelved)?
        .into_iter()
        .filter(|(_, _, listed)| !listed || config.feeds.is_empty())
        .map(|(name, format, _)| (name.clone(), FeedConfig::by_hand(&name, format)))
        .collect();
    for feed in &config.feeds {
        feeds.insert(feed.name.clone(), feed.clone());
    }
    let now = Timestamp::now();
    feeds
        .into_iter()
        .map(|(name, feed)| Ok(Shelf::peek(shelved.join(name), feed, false)?.status(now)))
        .collect()
}
