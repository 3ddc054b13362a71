//! Where an index keeps its records: packed, in memory or in a file, each unpacked when it is looked at.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
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

/// Packs records one behind the other.
pub(super) struct Packer {
    pub(super) bytes: Vec<u8>,
    deflate: Compress,
    text: Vec<u8>,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            deflate: Compress::new(Compression::fast(), false),
            text: Vec::new(),
        }
    }
}

impl Packer {
    /// Packs one; `None` for what can't be written.
    pub(super) fn put(&mut self, record: &Record) -> Option<(u64, u32)> {
        self.text.clear();
        serde_json::to_writer(&mut self.text, record).ok()?;
        self.deflate.reset();
        let begin = self.bytes.len();
        let mut done = 0;
        loop {
            self.bytes.reserve((self.text.len() - done) / 2 + 512);
            let before = self.deflate.total_in();
            let status = self
                .deflate
                .compress_vec(
                    self.text.get(done..)?,
                    &mut self.bytes,
                    FlushCompress::Finish,
                )
                .ok()?;
            done += usize::try_from(self.deflate.total_in() - before).ok()?;
            if status == Status::StreamEnd {
                break;
            }
        }
        let length = u32::try_from(self.bytes.len() - begin).ok()?;
        Some((begin as u64, length))
    }
}
