//! A segment in a file: as an [index](super::disk) with `HDADVSG` in front and tables of its own.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::disk::{IndexError, damaged, eight, four, open, pairs, put, save, table, twelve};
use super::segment::{Head, Segment, epss, kev, newest};
use super::store::{Bytes, Span, Store};
use crate::record::{Epss, Kev, Source};

const MAGIC: &[u8; 8] = b"HDADVSG\n";
const HEAD: u64 = 48;

/// What is small enough for JSON.
#[derive(Serialize, Deserialize)]
struct Meta {
    kinds: Vec<Box<str>>,
    kev: Vec<Kev>,
    epss: Vec<Epss>,
    replaced: u64,
}

impl Segment {
    /// Writes it to a file, which appears whole or not at all, and is on the disk when this returns.
    ///
    /// # Errors
    /// [`IndexError`] from the disk, or when it was opened from a file that changed since.
    pub fn save(self: &Arc<Self>, path: &Path) -> Result<(), IndexError> {
        Self::merge(std::slice::from_ref(self), path)
    }

    /// Writes several, in this order, to one file: joined with others it gives the answers that they gave. Records are copied
    /// packed; those that a newer one took the place of are left out and counted.
    ///
    /// # Errors
    /// As [`Segment::save`].
    pub fn merge(segments: &[Arc<Self>], path: &Path) -> Result<(), IndexError> {
        let kept = newest(segments);
        let mut store = Store {
            parts: Vec::new(),
            spans: Vec::new(),
        };
        let mut meta = Meta {
            kinds: Vec::new(),
            kev: kev(segments).into_values().collect(),
            epss: epss(segments).values().cloned().collect(),
            replaced: 0,
        };
        meta.kev.sort_by(|one, two| one.cve.cmp(&two.cve));
        meta.epss.sort_by(|one, two| one.cve.cmp(&two.cve));
        let mut postings: Vec<(u64, u32)> = Vec::new();
        let mut heads = Vec::new();
        for ((part, segment), kept) in (0_u32..).zip(segments).zip(&kept) {
            store.parts.push(Arc::clone(&segment.bytes));
            meta.replaced += segment.replaced;
            let kinds: Vec<u16> = segment
                .kinds
                .iter()
                .map(|kind| number(&mut meta.kinds, kind))
                .collect();
            let mut at = vec![None; segment.heads.len()];
            for ((head, kept), at) in segment.heads.iter().zip(kept).zip(&mut at) {
                if !kept {
                    meta.replaced += 1;
                    continue;
                }
                *at = u32::try_from(store.spans.len()).ok();
                store.spans.push(Span {
                    begin: head.begin,
                    length: head.length,
                    part,
                });
                put_head(&mut heads, head, &kinds);
            }
            let moved = segment.postings.iter().filter_map(|(key, record)| {
                Some((*key, at.get(*record as usize).copied().flatten()?))
            });
            postings.extend(moved);
        }
        postings.sort();
        let mut tables = Vec::new();
        put(&mut tables, b"HEAD", heads.into_iter());
        put(&mut tables, b"POST", postings.iter().flat_map(twelve));
        let meta =
            serde_json::to_vec(&meta).map_err(|error| IndexError::Damaged(error.to_string()))?;
        put(&mut tables, b"META", meta.into_iter());
        let records = (0..).take(store.spans.len());
        save(
            path,
            MAGIC,
            records.map(|number| store.packed(number)),
            &tables,
        )
    }

    /// Opens a file. All of it is read once, for its checksum; records stay on the disk.
    ///
    /// # Errors
    /// [`IndexError`] for a file that is none, of another version, cut, changed or damaged.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let (file, packed, tables) = open(path, MAGIC)?;
        Self::from_tables(file, packed, &tables)
    }

    fn from_tables(file: File, packed: u64, tables: &[u8]) -> Result<Self, IndexError> {
        let mut rest = tables;
        let mut heads = table(&mut rest, b"HEAD")?;
        let postings: Vec<(u64, u32)> = pairs(table(&mut rest, b"POST")?)?;
        let meta: Meta = serde_json::from_slice(table(&mut rest, b"META")?)
            .map_err(|error| damaged(&error.to_string()))?;
        let mut found = Vec::new();
        let mut end = 0_u64;
        while !heads.is_empty() {
            let head = head(&mut heads, end).ok_or_else(|| damaged("the table HEAD"))?;
            end = end.saturating_add(u64::from(head.length));
            found.push(head);
        }
        let records = found.len();
        if end != packed
            || !postings.is_sorted()
            || !postings
                .iter()
                .all(|(_, record)| (*record as usize) < records)
        {
            return Err(damaged("its tables do not fit each other"));
        }
        let scores = meta.epss.into_iter().map(|one| (one.cve.clone(), one));
        Ok(Self {
            bytes: Arc::new(Bytes::File(Mutex::new(file), HEAD)),
            heads: found,
            postings,
            kinds: meta.kinds,
            kev: meta.kev,
            epss: Arc::new(scores.collect()),
            replaced: meta.replaced,
        })
    }
}

fn number(kinds: &mut Vec<Box<str>>, kind: &str) -> u16 {
    let at = kinds
        .iter()
        .position(|known| **known == *kind)
        .unwrap_or_else(|| {
            kinds.push(kind.into());
            kinds.len() - 1
        });
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// Length of the packed record (4), source (1), flags (1: withdrawn, dated), the date (8 and 4), the number, how many aliases
/// and those, how many kinds and those (2 each). Texts have their length in front (4).
fn put_head(to: &mut Vec<u8>, head: &Head, kinds: &[u16]) {
    to.extend_from_slice(&head.length.to_le_bytes());
    to.push(source_byte(head.source));
    to.push(u8::from(head.withdrawn) | u8::from(head.dated.is_some()) << 1);
    let dated = head.dated.unwrap_or_default();
    to.extend_from_slice(&dated.as_second().to_le_bytes());
    to.extend_from_slice(&dated.subsec_nanosecond().to_le_bytes());
    put_text(to, &head.id);
    put_count(to, head.aliases.len());
    for alias in &head.aliases {
        put_text(to, alias);
    }
    put_count(to, head.kinds.len());
    for kind in &head.kinds {
        let moved = kinds.get(usize::from(*kind)).copied().unwrap_or(u16::MAX);
        to.extend_from_slice(&moved.to_le_bytes());
    }
}

fn put_count(to: &mut Vec<u8>, count: usize) {
    to.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    put_count(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

fn head(rest: &mut &[u8], begin: u64) -> Option<Head> {
    let length = four(rest)?;
    let (&source, more) = rest.split_first()?;
    let (&flags, more) = more.split_first()?;
    *rest = more;
    let second = i64::from_le_bytes(eight(rest)?.to_le_bytes());
    let nanos = i32::from_le_bytes(four(rest)?.to_le_bytes());
    let dated = Timestamp::new(second, nanos).ok()?;
    let id = text(rest)?.into();
    // Counts come from a file: nothing is reserved for them.
    let aliases = (0..four(rest)?)
        .map(|_| text(rest).map(str::to_owned))
        .collect::<Option<Vec<_>>>()?;
    let kinds = (0..four(rest)?)
        .map(|_| {
            let (two, more) = rest.split_first_chunk::<2>()?;
            *rest = more;
            Some(u16::from_le_bytes(*two))
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Head {
        begin,
        length,
        id,
        aliases,
        dated: (flags & 2 != 0).then_some(dated),
        withdrawn: flags & 1 != 0,
        source: source_of(source)?,
        kinds,
    })
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(four(rest)?).ok()?;
    let (text, more) = rest.split_at_checked(length)?;
    *rest = more;
    std::str::from_utf8(text).ok()
}

const SOURCES: [Source; 9] = [
    Source::Cve5,
    Source::Nvd,
    Source::Osv,
    Source::Ghsa,
    Source::Csaf,
    Source::OpenVex,
    Source::Cnvd,
    Source::Cnnvd,
    Source::Rss,
];

fn source_byte(source: Source) -> u8 {
    let at = SOURCES.iter().position(|known| *known == source);
    at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

fn source_of(byte: u8) -> Option<Source> {
    SOURCES.get(usize::from(byte)).copied()
}
