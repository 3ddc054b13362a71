//! Segment files: their names, how they are made durable, how they are read back and repaired.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::frame::{self, HEADER, HeaderError, Met, Seal};
use crate::error::JournalError;
use crate::record::Record;

/// The file of segment `number`.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:06}.seg"))
}

/// The numbers of the segments in the folder, ascending.
pub(crate) fn numbers(folder: &Path) -> Result<Vec<u64>, JournalError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| JournalError::io("list", folder, e))? {
        let entry = entry.map_err(|e| JournalError::io("list", folder, e))?;
        let name = entry.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".seg"))
            .and_then(|stem| stem.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment that is being written.
pub(crate) struct Active {
    pub(crate) number: u64,
    pub(crate) file: File,
    pub(crate) seal: Seal,
    /// Bytes that belong to it; more may lie in the file only after a failed write.
    pub(crate) length: u64,
    path: PathBuf,
}

impl Active {
    /// Makes a new segment and has its name and header on disk before it returns.
    pub(crate) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = path(folder, number);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        let seal = Seal::random();
        let made = file
            .write_all(&seal.header(number))
            .and_then(|()| file.sync_data())
            .and_then(|()| sync_folder(folder));
        if let Err(error) = made {
            drop(file);
            // Best effort: a segment without records that stays behind is removed at the next start.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self {
            number,
            file,
            seal,
            length: HEADER as u64,
            path,
        })
    }

    /// Whether it holds no record.
    pub(crate) const fn is_empty(&self) -> bool {
        self.length <= HEADER as u64
    }

    /// Cuts what a failed write left behind the last whole record.
    pub(crate) fn cut(&self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()
    }

    /// Removes the file of a segment without records.
    pub(crate) fn discard(self) -> io::Result<()> {
        drop(self.file);
        fs::remove_file(&self.path)
    }
}

/// What was found wrong with a segment at start, and what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
#[non_exhaustive]
pub enum Repair {
    /// The end was torn, as after a power cut, and was cut off.
    TornTail {
        /// The segment.
        segment: u64,
        /// Bytes cut.
        bytes: u64,
        /// Records that began in them (none of them was ever acknowledged as durable).
        records: u64,
    },
    /// Bytes between good records are damaged; reading went on behind them.
    Damage {
        /// The segment.
        segment: u64,
        /// Where in its file.
        offset: u64,
        /// Bytes skipped.
        bytes: u64,
    },
    /// A record with a right checksum makes no sense and was skipped.
    Senseless {
        /// The segment.
        segment: u64,
        /// What does not fit.
        reason: String,
    },
    /// The header is broken, so no record can be told from noise: the file was set aside with the ending `.damaged`.
    SetAside {
        /// The segment.
        segment: u64,
        /// Its length.
        bytes: u64,
    },
}

/// Reads segment `number`, repairs its end, and hands over its records in order. Returns how many there were; a
/// segment without any is removed.
pub(crate) fn replay(
    folder: &Path,
    number: u64,
    repairs: &mut Vec<Repair>,
    mut take: impl FnMut(Record),
) -> Result<u64, JournalError> {
    let path = path(folder, number);
    let failed = |doing| {
        let path = path.clone();
        move |error| JournalError::io(doing, &path, error)
    };
    let bytes = fs::read(&path).map_err(failed("read"))?;
    let seal = match Seal::from_header(&bytes, number) {
        Ok(seal) => seal,
        Err(HeaderError::Short) => {
            fs::remove_file(&path).map_err(failed("remove"))?;
            return Ok(0);
        }
        Err(HeaderError::Version(version)) => {
            return Err(JournalError::Newer { path, version });
        }
        Err(HeaderError::Broken) => {
            fs::rename(&path, path.with_extension("damaged")).map_err(failed("set aside"))?;
            repairs.push(Repair::SetAside {
                segment: number,
                bytes: bytes.len() as u64,
            });
            return Ok(0);
        }
    };
    let (mut records, mut newer, mut cut) = (0, None, None);
    frame::walk(&bytes, &seal, |met| match met {
        Met::Frame(frame) => match Record::decode(frame.kind, frame.payload) {
            Ok(Some(record)) => {
                records += 1;
                take(record);
            }
            Ok(None) => newer = frame.payload.first().copied().or(Some(0)),
            Err(error) => repairs.push(Repair::Senseless {
                segment: number,
                reason: error.to_string(),
            }),
        },
        Met::Damage { at, bytes } => repairs.push(Repair::Damage {
            segment: number,
            offset: at as u64,
            bytes: bytes as u64,
        }),
        Met::Torn { at, frames } => {
            cut = Some(at as u64);
            repairs.push(Repair::TornTail {
                segment: number,
                bytes: (bytes.len() - at) as u64,
                records: frames,
            });
        }
    });
    if let Some(version) = newer {
        return Err(JournalError::Newer { path, version });
    }
    if let Some(length) = cut {
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(failed("open"))?;
        file.set_len(length).map_err(failed("repair"))?;
        file.sync_all().map_err(failed("repair"))?;
    }
    if records == 0 && !repairs.iter().any(|repair| repair.damaged(number)) {
        fs::remove_file(&path).map_err(failed("remove"))?;
    }
    Ok(records)
}

/// Reads segment `number` as it lies there, repairs nothing, and hands over its records in order. Returns how many
/// records made no sense: in the active segment of a running process its last record may be half written. `None` when
/// the segment is gone.
pub(crate) fn peruse(
    folder: &Path,
    number: u64,
    mut take: impl FnMut(Record),
) -> Result<Option<u64>, JournalError> {
    let path = path(folder, number);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("read", &path, error)),
    };
    let seal = match Seal::from_header(&bytes, number) {
        Ok(seal) => seal,
        Err(HeaderError::Short) => return Ok(Some(0)),
        Err(HeaderError::Version(version)) => return Err(JournalError::Newer { path, version }),
        Err(HeaderError::Broken) => return Ok(Some(1)),
    };
    let (mut senseless, mut newer) = (0, None);
    frame::walk(&bytes, &seal, |met| match met {
        Met::Frame(frame) => match Record::decode(frame.kind, frame.payload) {
            Ok(Some(record)) => take(record),
            Ok(None) => newer = frame.payload.first().copied().or(Some(0)),
            Err(_) => senseless += 1,
        },
        Met::Damage { .. } => senseless += 1,
        Met::Torn { frames, .. } => senseless += frames,
    });
    match newer {
        Some(version) => Err(JournalError::Newer { path, version }),
        None => Ok(Some(senseless)),
    }
}

impl Repair {
    /// Whether this tells of damage, other than a torn end, to segment `number`.
    const fn damaged(&self, number: u64) -> bool {
        match self {
            Self::Damage { segment, .. } | Self::Senseless { segment, .. } => *segment == number,
            Self::TornTail { .. } | Self::SetAside { .. } => false,
        }
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
