//! Where an index keeps its records: packed, in memory or in a file, each unpacked when it is looked at.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::disk::IndexError;
use crate::record::Record;

/// Longest unpacked record, bytes.
const LONGEST: u64 = 256 << 20;

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    Memory(Vec<u8>),
    /// From this byte of the file on.
    File(Mutex<File>, u64),
}

impl Bytes {
    /// The packed bytes of a record.
    fn packed(&self, begin: u64, length: u32) -> Result<Cow<'_, [u8]>, IndexError> {
        match self {
            Self::Memory(bytes) => usize::try_from(begin)
                .ok()
                .and_then(|begin| bytes.get(begin..begin.checked_add(length as usize)?))
                .map(Cow::Borrowed)
                .ok_or_else(|| IndexError::Damaged("a record lies outside".to_owned())),
            Self::File(file, first) => {
                // A lock that a panic left is as good: each read seeks first.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(first.saturating_add(begin)))?;
                let mut read = vec![0; length as usize];
                file.read_exact(&mut read)?;
                Ok(Cow::Owned(read))
            }
        }
    }
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) begin: u64,
    pub(super) length: u32,
    /// In which of the parts.
    pub(super) part: u32,
}

/// Records by their number, in one part or several.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) parts: Vec<Arc<Bytes>>,
    pub(super) spans: Vec<Span>,
}

impl Store {
    /// Reads a record.
    pub(super) fn record(&self, number: u32) -> Result<Record, IndexError> {
        let damaged = |what: &str| IndexError::Damaged(format!("record {number}: {what}"));
        let packed = self.packed(number)?;
        let mut text = Vec::with_capacity(packed.len().saturating_mul(4));
        DeflateDecoder::new(&*packed)
            .take(LONGEST)
            .read_to_end(&mut text)
            .map_err(|error| damaged(&error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))
    }

    /// A record as it is packed.
    pub(super) fn packed(&self, number: u32) -> Result<Cow<'_, [u8]>, IndexError> {
        let none = || IndexError::Damaged(format!("there is no record {number}"));
        let span = self.spans.get(number as usize).ok_or_else(none)?;
        let part = self.parts.get(span.part as usize).ok_or_else(none)?;
        part.packed(span.begin, span.length)
    }
}

/// Packs records one behind the other, in memory or, beyond a bound, in a file without a name.
pub(super) struct Packer {
    /// What is not in the file yet.
    tail: Vec<u8>,
    /// Where it begins.
    begin: u64,
    file: Option<File>,
    /// Where the file may be made, and beyond how many bytes it is.
    folder: Option<(PathBuf, usize)>,
    /// What went wrong with it.
    trouble: Option<io::Error>,
    deflate: Compress,
    text: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            tail: Vec::new(),
            begin: 0,
            file: None,
            folder: None,
            trouble: None,
            deflate: Compress::new(Compression::fast(), false),
            text: Vec::new(),
        }
    }
}

impl Packer {
    pub(super) fn in_folder(folder: &Path, memory: usize) -> Self {
        Self {
            folder: Some((folder.to_owned(), memory)),
            ..Self::default()
        }
    }

    /// Packs one; `None` for what can't be written.
    pub(super) fn put(&mut self, record: &Record) -> Option<(u64, u32)> {
        if let Some((_, memory)) = &self.folder
            && self.tail.len() > *memory
        {
            self.spill()
                .map_err(|error| self.trouble = Some(error))
                .ok()?;
        }
        self.text.clear();
        serde_json::to_writer(&mut self.text, record).ok()?;
        self.deflate.reset();
        let begin = self.tail.len();
        let mut done = 0;
        loop {
            self.tail.reserve((self.text.len() - done) / 2 + 512);
            let before = self.deflate.total_in();
            let status = self
                .deflate
                .compress_vec(
                    self.text.get(done..)?,
                    &mut self.tail,
                    FlushCompress::Finish,
                )
                .ok()?;
            done += usize::try_from(self.deflate.total_in() - before).ok()?;
            if status == Status::StreamEnd {
                break;
            }
        }
        let length = u32::try_from(self.tail.len() - begin).ok()?;
        Some((self.begin + begin as u64, length))
    }

    pub(super) const fn length(&self) -> u64 {
        self.begin + self.tail.len() as u64
    }

    /// Forgets what stands behind a place.
    pub(super) fn cut(&mut self, length: u64) {
        match length.checked_sub(self.begin).map(usize::try_from) {
            Some(Ok(left)) => self.tail.truncate(left),
            Some(Err(_)) => {}
            None => {
                self.tail.clear();
                self.begin = length;
            }
        }
    }

    pub(super) fn take_trouble(&mut self) -> Option<io::Error> {
        self.trouble.take()
    }

    /// All of it: in memory, or in the file. What could not be written is missed when it is read.
    pub(super) fn finish(mut self) -> Bytes {
        if self.file.is_some() {
            let _ = self.spill();
        }
        match self.file {
            Some(file) => Bytes::File(Mutex::new(file), 0),
            None => Bytes::Memory(self.tail),
        }
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless(
                self.folder
                    .as_ref()
                    .map_or_else(|| Path::new("."), |(folder, _)| folder),
            )?),
        };
        file.seek(SeekFrom::Start(self.begin))?;
        file.write_all(&self.tail)?;
        self.begin += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }
}

/// A file that is gone when nobody has it open any more.
fn nameless(folder: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".packed-{}-{number}.new", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    // Where an open file can't be removed, whoever owns the folder sweeps it away later.
    let _ = std::fs::remove_file(path);
    Ok(file)
}
