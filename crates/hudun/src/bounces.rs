//! Mail that comes back later: a folder into which the firm's own mail system drops it.
//!
//! A folder asks for the least trust: Hudun holds no password of a mailbox and opens no port to the world. It is a
//! Maildir, or a plain folder of `.eml` files that are renamed into it once they are whole. A report on a letter of ours
//! is removed when it is settled, for it names a person; whatever else lies there is put aside and not touched again.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hudun_console::Live;
use hudun_console::api::Happening;
use hudun_core::{Department, NoticeId, Task, TaskId, TaskState, Text, Timestamp};
use hudun_inform::{
    BounceReport, Informer, LONGEST_MAIL, Returned, ReturnedCount, ReturnedLetters, read_returned,
};
use hudun_respond::Cases;
use hudun_store::{Collection, Keyed, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Where mail that comes back is found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BouncesPart {
    /// A Maildir, or a folder of `.eml` files.
    pub folder: PathBuf,
    /// The address to which mail servers send what comes back; the sender's own when absent.
    #[serde(default)]
    pub return_path: Option<String>,
}

/// What became of the mail that was found.
#[derive(Debug, Default)]
pub struct BounceCounts {
    given_up: AtomicU64,
    delayed: AtomicU64,
    known: AtomicU64,
    unknown: AtomicU64,
    unreadable: AtomicU64,
    auto_reply: AtomicU64,
    other: AtomicU64,
}

impl BounceCounts {
    /// Every count by its name.
    pub fn all(&self) -> [(&'static str, u64); 7] {
        [
            ("given-up", &self.given_up),
            ("delayed", &self.delayed),
            ("known", &self.known),
            ("unknown", &self.unknown),
            ("unreadable", &self.unreadable),
            ("auto-reply", &self.auto_reply),
            ("other", &self.other),
        ]
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}

/// Reads the folder.
pub struct Bounces {
    folder: PathBuf,
    inform: Arc<Informer>,
    cases: Arc<Cases>,
    tasks: Collection<Task>,
    opened: Collection<Unreached>,
    live: Live,
    counts: Arc<BounceCounts>,
}

/// The task about persons of a notice whom no letter reaches.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unreached {
    notice: NoticeId,
    task: TaskId,
}

impl Keyed for Unreached {
    const COLLECTION: &'static str = "unreached-task";

    fn id(&self) -> String {
        self.notice.to_string()
    }
}

impl Bounces {
    /// A reader of the folder.
    ///
    /// # Errors
    /// Names the folder when it is none.
    pub fn open(
        part: &BouncesPart,
        store: &Store,
        inform: Arc<Informer>,
        cases: Arc<Cases>,
        live: Live,
    ) -> Result<Self, String> {
        if !part.folder.is_dir() {
            return Err(format!(
                "smtp.bounces.folder: {} is not a folder; create it, and let your mail system deliver what comes back there",
                part.folder.display()
            ));
        }
        Ok(Self {
            folder: part.folder.clone(),
            inform,
            cases,
            tasks: store.collection(),
            opened: store.collection(),
            live,
            counts: Arc::default(),
        })
    }

    /// What became of the mail so far.
    pub fn counts(&self) -> Arc<BounceCounts> {
        Arc::clone(&self.counts)
    }

    /// Looks until stopped.
    pub async fn run(self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.look(Timestamp::now()).await {
                tracing::error!(error = format!("{error:#}"), folder = %self.folder.display(), "mail that came back could not be read; it stays and is read again");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Reads what lies there now, at most [`MOST`] mails.
    ///
    /// # Errors
    /// When the folder or the store can't be used; nothing is removed then that was not settled.
    pub async fn look(&self, now: Timestamp) -> anyhow::Result<()> {
        let folder = self.folder.clone();
        let found = tokio::task::spawn_blocking(move || read_folder(&folder)).await??;
        let mut reports: Vec<BounceReport> = Vec::new();
        let mut files: Vec<PathBuf> = Vec::new();
        for (file, read) in found {
            let aside = match read {
                Returned::Report(report) => {
                    reports.push(report);
                    files.push(file);
                    continue;
                }
                Returned::AutoReply => &self.counts.auto_reply,
                Returned::Other => &self.counts.other,
                Returned::Unreadable => &self.counts.unreadable,
            };
            put_aside(&self.folder, &file)?;
            aside.fetch_add(1, Ordering::Relaxed);
        }
        if reports.is_empty() {
            return Ok(());
        }
        let (counts, returned) = self.inform.returned(&reports, now).await?;
        for one in &returned {
            self.ask_for_help(one, now).await?;
            let (incident, notice) = (one.incident, one.notice);
            self.live
                .publish(now, Happening::Notice { incident, notice });
        }
        for (file, count) in files.iter().zip(counts) {
            let counted = match count {
                ReturnedCount::Early => continue,
                ReturnedCount::GivenUp => &self.counts.given_up,
                ReturnedCount::Delayed => &self.counts.delayed,
                ReturnedCount::Known => &self.counts.known,
                ReturnedCount::Unknown => &self.counts.unknown,
            };
            if count == ReturnedCount::Unknown {
                put_aside(&self.folder, file)?;
            } else {
                fs::remove_file(file)?;
            }
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Persons whom no letter reaches are reached by people: one open task for a notice.
    async fn ask_for_help(&self, returned: &ReturnedLetters, now: Timestamp) -> anyhow::Result<()> {
        if returned.unreached == 0 {
            return Ok(());
        }
        let id = returned.notice.to_string();
        if let Some(known) = self.opened.get(&id).await?
            && let Some(task) = self.tasks.get(&known.task.to_string()).await?
            && !task.is_over()
        {
            return Ok(());
        }
        let task = Task {
            id: TaskId::new(),
            incident: returned.incident,
            department: Department::Business,
            title: Text::new(
                "通知被退回且没有其他渠道：请用电话、应用内消息或公告联系这些人",
                "Letters came back and no channel is left: reach these persons by telephone, in the app or by a public notice",
            ),
            due_at: now.plus_millis(DUE_MS),
            state: TaskState::Open,
            by: None,
            note: String::new(),
            changed_at: now,
        };
        let why = json!({ "notice": returned.notice, "unreached": returned.unreached });
        self.cases
            .add_task(&task, "inform.unreached", "hudun", why)
            .await?;
        let opened = Unreached {
            notice: returned.notice,
            task: task.id,
        };
        self.opened.put(&opened).await?;
        let incident = returned.incident;
        self.live.publish(now, Happening::Task { incident });
        Ok(())
    }
}

/// The mails that lie there, read. A Maildir is one that has a folder `new`.
fn read_folder(folder: &Path) -> std::io::Result<Vec<(PathBuf, Returned)>> {
    let new = folder.join("new");
    let maildir = new.is_dir();
    let place = if maildir { &new } else { folder };
    let mut files = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Half a mail has another name until it is whole; a link leads elsewhere.
        let whole = !name.starts_with('.') && (maildir || name.ends_with(".eml"));
        if whole && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
        if files.len() >= MOST {
            break;
        }
    }
    let mut read = Vec::with_capacity(files.len());
    for file in files {
        let mut bytes = Vec::new();
        let limit = u64::try_from(LONGEST_MAIL).unwrap_or(u64::MAX);
        match fs::File::open(&file).and_then(|open| open.take(limit).read_to_end(&mut bytes)) {
            Ok(_) => read.push((file, read_returned(&bytes))),
            // Somebody else took it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Puts a mail where a person may read it, and where it is not read again.
fn put_aside(folder: &Path, file: &Path) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let maildir = folder.join("new").is_dir();
    let (place, name) = if maildir {
        (folder.join("cur"), format!("{name}:2,"))
    } else {
        (folder.join("other"), name.into_owned())
    };
    fs::create_dir_all(&place)?;
    fs::rename(file, place.join(name))
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// Mails of one look.
const MOST: usize = 500;
/// Time to reach persons whom no letter reaches.
const DUE_MS: i64 = 24 * 3_600_000;
