//! The audit log of the inspection: one JSON line for each request that the rules want told, written by a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use hudun_seclang::AuditShape;
use serde_json::Value;

use crate::metrics::Counter;

/// Records that wait for the disk.
const WAITING: usize = 4_096;
/// A file of this size is put aside as `.1`, in place of the one before it.
const LARGEST: u64 = 64 << 20;
/// A record is on disk after this time.
const REST: Duration = Duration::from_millis(500);

/// The log. Dropping it writes what waits.
#[derive(Debug)]
pub struct AuditLog {
    /// How records look.
    pub shape: AuditShape,
    /// Whether values are told.
    pub values: bool,
    queue: Option<SyncSender<Value>>,
    writer: Option<std::thread::JoinHandle<()>>,
    /// Records that were lost: the disk was too slow, or refused.
    pub lost: std::sync::Arc<Counter>,
}

impl AuditLog {
    /// Begins to write at the end of a file.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(path: &Path, shape: AuditShape, values: bool) -> io::Result<Self> {
        let mut out = Out::open(path)?;
        let lost = std::sync::Arc::<Counter>::default();
        let counted = std::sync::Arc::clone(&lost);
        let (queue, records) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name("audit-log".to_owned())
            .spawn(move || out.run(&records, &counted))?;
        Ok(Self {
            shape,
            values,
            queue: Some(queue),
            writer: Some(writer),
            lost,
        })
    }

    /// Hands a record over; never waits.
    pub(crate) fn write(&self, record: Value) {
        if let Some(queue) = &self.queue
            && let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
                queue.try_send(record)
        {
            self.lost.add(1);
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has nothing left to write.
            let _ = writer.join();
        }
    }
}

struct Out {
    path: PathBuf,
    file: BufWriter<File>,
    size: u64,
}

impl Out {
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        Ok(Self {
            size: file.metadata()?.len(),
            file: BufWriter::new(file),
            path: path.to_owned(),
        })
    }

    fn run(&mut self, records: &Receiver<Value>, lost: &Counter) {
        loop {
            let told = match records.recv_timeout(REST) {
                Ok(record) => self.line(&record),
                Err(RecvTimeoutError::Timeout) => self.file.flush(),
                Err(RecvTimeoutError::Disconnected) => {
                    if let Err(error) = self.file.flush() {
                        tracing::error!(%error, file = %self.path.display(), "the audit log lost its last records");
                    }
                    return;
                }
            };
            if let Err(error) = told {
                lost.add(1);
                tracing::error!(%error, file = %self.path.display(), "the audit log can't be written");
                // A full disk isn't asked a thousand times a second.
                std::thread::sleep(REST);
            }
        }
    }

    fn line(&mut self, record: &Value) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if self.size > 0 && self.size + line.len() as u64 > LARGEST {
            self.file.flush()?;
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            std::fs::rename(&self.path, aside)?;
            *self = Self::open(&self.path)?;
        }
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_lines_at_the_end_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        for n in 0..2 {
            let log = AuditLog::open(&path, AuditShape::Coraza, false).unwrap();
            log.write(serde_json::json!({ "n": n }));
            drop(log);
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"n\":0}\n{\"n\":1}\n"
        );
        assert!(AuditLog::open(folder.path(), AuditShape::Coraza, false).is_err());
    }

    #[test]
    fn a_long_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut out = Out::open(&path).unwrap();
        out.line(&serde_json::json!({ "n": 1 })).unwrap();
        out.size = LARGEST;
        out.line(&serde_json::json!({ "n": 2 })).unwrap();
        out.file.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":2}\n");
        let aside = folder.path().join("audit.log.1");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"n\":1}\n");
    }
}
