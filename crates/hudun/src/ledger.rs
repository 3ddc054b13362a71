//! The ledger as a service: one log, many writers, and everybody who wants to follow.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hudun_core::{IncidentId, LedgerDraft, RecordError, Recorder, TenantId, Timestamp};
use hudun_ledger::pack::{self, Attachment, Export};
use hudun_ledger::{Entry, Error, Log, NewEntry, Repair, VerifierKey};
use tokio::sync::broadcast;

/// The log behind a lock, and the stream of what is added to it.
pub struct LedgerService {
    log: Mutex<Log>,
    added: broadcast::Sender<Arc<Entry>>,
    /// When the last checkpoint was signed, in milliseconds; 0 while unknown.
    sealed_at: AtomicI64,
    /// Whether the log checked out when it was last audited.
    sound: Mutex<Option<bool>>,
}

/// An entry with its hash.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// Its hash in the Merkle log, hexadecimal.
    pub hash: String,
}

/// The ledger at one glance.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Entries in all.
    pub size: u64,
    /// Root of the last signed checkpoint, hexadecimal.
    pub root: String,
    /// When it was signed, if this process signed it.
    pub sealed_at: Option<Timestamp>,
    /// Whether the log checked out when it was last audited.
    pub sound: Option<bool>,
}

impl LedgerService {
    /// Opens the log in a folder, and makes it when there is none.
    ///
    /// # Errors
    /// [`Error`] when the log can't be opened or is damaged.
    pub fn open(folder: &Path, origin: &str) -> Result<(Self, Repair), Error> {
        let (log, repair) = Log::open(folder, origin)?;
        Ok((Self::new(log), repair))
    }

    /// A service over an open log.
    pub fn new(log: Log) -> Self {
        Self {
            log: Mutex::new(log),
            added: broadcast::Sender::new(KEPT),
            sealed_at: AtomicI64::new(0),
            sound: Mutex::new(None),
        }
    }

    /// Every entry as it is added. A listener that lags must read what it missed.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.added.subscribe()
    }

    /// The entries of a case, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the log can't be read.
    pub fn entries(&self, incident: IncidentId) -> Result<Vec<Line>, Error> {
        let log = self.log();
        let entries = log
            .incident(&incident.to_string())?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(with_hashes(&log, entries))
    }

    /// How many entries a case has.
    pub fn count(&self, incident: IncidentId) -> u64 {
        self.log()
            .incident_head(&incident.to_string())
            .map_or(0, |(count, _)| count)
    }

    /// The newest entries, oldest of them first.
    ///
    /// # Errors
    /// [`Error`] when the log can't be read.
    pub fn recent(&self, most: u64) -> Result<Vec<Line>, Error> {
        let log = self.log();
        let entries = log
            .from(log.len().saturating_sub(most))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(with_hashes(&log, entries))
    }

    /// The ledger at one glance.
    pub fn standing(&self) -> Standing {
        let log = self.log();
        let checkpoint = &log.last_checkpoint().checkpoint;
        let sealed_at = self.sealed_at.load(Ordering::Relaxed);
        Standing {
            size: log.len(),
            root: hex::encode(checkpoint.root),
            sealed_at: (sealed_at > 0).then(|| Timestamp::from_millis(sealed_at)),
            sound: *self.sound.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Reads the whole log again and checks every hash. Remembers the verdict.
    ///
    /// # Errors
    /// [`Error`] that names the first damaged entry.
    pub fn audit(&self) -> Result<u64, Error> {
        let result = self.log().audit();
        *self.sound.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.is_ok());
        result
    }

    /// The public key under which checkpoints are signed.
    pub fn verifier(&self) -> VerifierKey {
        self.log().verifier()
    }

    /// Writes the evidence pack of a case. The export itself goes on the ledger first.
    ///
    /// # Errors
    /// [`Error`] when the case has no entries or an attachment has a bad name.
    pub fn export_pack(
        &self,
        incident: IncidentId,
        tenant: &TenantId,
        by: &str,
        at: Timestamp,
        attachments: &[Attachment],
    ) -> Result<Vec<u8>, Error> {
        let mut file = Vec::new();
        let mut log = self.log();
        let export = Export {
            incident: &incident.to_string(),
            at: at.as_millis(),
            tenant: tenant.as_str(),
            actor: by,
            tool: concat!("hudun ", env!("CARGO_PKG_VERSION")),
        };
        pack::write(&mut log, &export, attachments, &mut file)?;
        self.sealed_at.store(at.as_millis(), Ordering::Relaxed);
        if let Ok(entry) = log.read(log.len().saturating_sub(1)) {
            let _nobody_follows = self.added.send(Arc::new(entry));
        }
        Ok(file)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for LedgerService {
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError> {
        let kind = draft.kind.clone();
        let new = NewEntry {
            at: draft.at.as_millis(),
            tenant: draft
                .tenant
                .map_or_else(|| NO_TENANT.to_owned(), String::from),
            incident: draft.incident.map(|incident| incident.to_string()),
            actor: draft.by,
            kind: draft.kind,
            body: draft.body,
        };
        let mut log = self.log();
        let entry = log.append(new).map_err(|cause| RecordError {
            kind,
            cause: cause.to_string(),
        })?;
        if log.unsealed() == 0 {
            self.sealed_at
                .store(draft.at.as_millis(), Ordering::Relaxed);
        }
        let seq = entry.seq;
        // Sent under the lock, so that followers see entries in the order of their numbers.
        let _nobody_follows = self.added.send(Arc::new(entry));
        Ok(seq)
    }
}

fn with_hashes(log: &Log, entries: Vec<Entry>) -> Vec<Line> {
    entries
        .into_iter()
        .map(|entry| Line {
            hash: log.id(entry.seq).map(hex::encode).unwrap_or_default(),
            entry,
        })
        .collect()
}

/// Entries that a follower may lag behind.
const KEPT: usize = 1_024;
/// The tenant of an act that concerns no single tenant.
const NO_TENANT: &str = "-";
