//! The audit log: one JSON line per request, who, what, when, where, which records, how many, with what result.
//!
//! The file is only ever appended to. Values of personal fields never get in: records are named by id.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// One line of `audit.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// 1, 2, 3, … without a gap.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub time: String,
    /// The tenant's key; absent where nobody was logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// `name@tenant`; at log-in, the account that was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `session:ID` or `token:ID`; the ID is no credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The client's address.
    pub address: String,
    /// What was done, for example `customer.list`.
    pub action: String,
    /// `GET /api/customer` without the query, which may hold personal data.
    pub request: String,
    /// Ids of the records that were shown or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    /// How many records.
    pub rows: u64,
    /// The HTTP status.
    pub status: u16,
    /// A case number, an export id, a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The open file and the last number given.
pub(crate) struct AuditLog {
    path: PathBuf,
    inner: Mutex<Inner>,
}

impl AuditLog {
    /// Opens the log and finds its end. A torn last line (the process was killed while writing) is cut off.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io {
            path: path.into(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        let mut inner = Inner {
            seq: 0,
            end: 0,
            marks: Vec::new(),
            file: file.try_clone().map_err(io)?,
        };
        let mut reader = BufReader::new(&mut file);
        let mut line = String::new();
        loop {
            line.clear();
            let read = reader.read_line(&mut line).map_err(io)?;
            if read == 0 {
                break;
            }
            if !line.ends_with('\n') {
                tracing::warn!(path = %path.display(), bytes = read, "cut a torn last line off the audit log");
                inner.file.set_len(inner.end).map_err(io)?;
                break;
            }
            inner.mark();
            inner.seq += 1;
            inner.end += read as u64;
        }
        Ok(Self {
            path: path.into(),
            inner: Mutex::new(inner),
        })
    }

    /// Appends an entry and gives it its number. A log that can't be written fails the request: no act goes unrecorded.
    pub(crate) fn append(&self, mut entry: AuditEntry) -> std::io::Result<u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        entry.seq = inner.seq + 1;
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        if let Err(error) = inner.file.write_all(&line) {
            let end = inner.end;
            inner.file.set_len(end)?;
            return Err(error);
        }
        inner.mark();
        inner.seq += 1;
        inner.end += line.len() as u64;
        Ok(entry.seq)
    }

    /// Up to `limit` entries of `tenant` that come after number `after`, and the number up to which the log was read.
    pub(crate) fn after(
        &self,
        tenant: &str,
        after: u64,
        limit: usize,
    ) -> std::io::Result<(Vec<AuditEntry>, u64)> {
        let (offset, mut seq) = {
            let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let block = usize::try_from(after / MARK_EVERY).unwrap_or(usize::MAX);
            inner
                .marks
                .get(block)
                .map_or((inner.end, inner.seq), |offset| {
                    (*offset, block as u64 * MARK_EVERY)
                })
        };
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut found = Vec::new();
        for (read, line) in BufReader::new(file).lines().enumerate() {
            let line = line?;
            if found.len() == limit || read > MOST_READ {
                break;
            }
            // The last line may be half-written while we read.
            let Ok(entry) = serde_json::from_str::<AuditEntry>(&line) else {
                break;
            };
            seq = entry.seq;
            if entry.seq > after && entry.tenant.as_deref() == Some(tenant) {
                found.push(entry);
            }
        }
        Ok((found, seq.max(after)))
    }
}

struct Inner {
    file: File,
    seq: u64,
    end: u64,
    /// Byte offset of entries 1, 1 + MARK_EVERY, …, so that a reader need not start at the beginning.
    marks: Vec<u64>,
}

impl Inner {
    fn mark(&mut self) {
        if self.seq.is_multiple_of(MARK_EVERY) {
            self.marks.push(self.end);
        }
    }
}

const MARK_EVERY: u64 = 256;
/// The most lines that one question reads, so that it can't cost more than a few milliseconds.
const MOST_READ: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(tenant: &str) -> AuditEntry {
        AuditEntry {
            tenant: Some(tenant.into()),
            action: "x".into(),
            ..AuditEntry::default()
        }
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.jsonl");
        let log = AuditLog::open(&path).unwrap();
        for n in 0..600 {
            log.append(entry(if n % 2 == 0 { "a" } else { "b" }))
                .unwrap();
        }
        drop(log);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"seq\":60")
            .unwrap();
        let log = AuditLog::open(&path).unwrap();
        assert_eq!(log.append(entry("a")).unwrap(), 601);
        let (found, upto) = log.after("a", 510, 1000).unwrap();
        assert_eq!(found.first().map(|e| e.seq), Some(511));
        assert_eq!(found.last().map(|e| e.seq), Some(601));
        assert_eq!(upto, 601);
        assert_eq!(log.after("a", 601, 10).unwrap(), (vec![], 601));
        assert_eq!(log.after("a", 0, 3).unwrap().0.len(), 3);
    }
}
