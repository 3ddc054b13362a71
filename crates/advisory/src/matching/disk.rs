//! An index in a file.
//!
//! A head of 48 bytes, all numbers little-endian: `HDADVIX` and a line feed, the version (4), the checksum of all that follows
//! the head (4, CRC-32), the lengths of packed records and tables (8 each), the checksum of the head so far (4), noughts. The
//! records follow, then the tables, each with a tag (4) and its length (8). A checksum finds damage, not malice.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::group::Groups;
use super::index::{Counts, Index, members};
use super::store::{Bytes, Span, Store};
use crate::record::{Epss, Kev};

const MAGIC: &[u8; 8] = b"HDADVIX\n";
/// Raised whenever a file of before could be misread.
pub const VERSION: u32 = 1;
const HEAD: usize = 48;
/// Most bytes of tables that are read.
const TABLES: u64 = 4 << 30;

/// Why an index can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another kind of file.
    #[error("it is no index of advisories")]
    Other,
    /// Written by another version.
    #[error("it has version {found} and this program reads version {VERSION}: build it again")]
    Version {
        /// Which one.
        found: u32,
    },
    /// Its end is missing, or something stands behind it.
    #[error(
        "it has {found} bytes and says that it has {said}: it was cut, or not written to its end"
    )]
    Length {
        /// How many there are.
        found: u64,
        /// How many there should be.
        said: u64,
    },
    /// Its checksum does not fit.
    #[error("its checksum does not fit: it was changed or damaged")]
    Checksum,
    /// What it says makes no sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Meta {
    counts: Counts,
    kev: Vec<Kev>,
    /// Models and days of the scores.
    models: Vec<(String, Option<jiff::civil::Date>)>,
}

impl Index {
    /// Writes it to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// [`IndexError::Io`], and [`IndexError::Damaged`] for an index that was opened from a file that changed since.
    pub fn save(&self, path: &Path) -> Result<(), IndexError> {
        let records = (0..).take(self.store.spans.len());
        let records = records.map(|number| self.store.packed(number));
        save(path, MAGIC, records, &self.tables()?)
    }

    fn tables(&self) -> Result<Vec<u8>, IndexError> {
        let mut tables = Vec::new();
        // Records are written one behind the other, from whatever parts they come.
        let spans = self.store.spans.iter().scan(0, |end, span| {
            let begin = *end;
            *end += u64::from(span.length);
            Some((begin, span.length))
        });
        let spans: Vec<(u64, u32)> = spans.collect();
        put(&mut tables, b"SPAN", spans.iter().flat_map(twelve));
        put(&mut tables, b"POST", self.postings.iter().flat_map(twelve));
        let of = self.groups.of.iter();
        put(
            &mut tables,
            b"GRPS",
            of.flat_map(|(record, group)| {
                record.to_le_bytes().into_iter().chain(group.to_le_bytes())
            }),
        );
        let names = self.groups.names.join("\n");
        put(&mut tables, b"NAME", names.bytes());
        let mut models: Vec<(String, Option<jiff::civil::Date>)> = Vec::new();
        let mut scores: Vec<&Epss> = self.epss.values().collect();
        scores.sort_by(|one, two| one.cve.cmp(&two.cve));
        let mut lines = String::new();
        for score in scores {
            let model = (score.model.clone(), score.date);
            let at = models
                .iter()
                .position(|known| *known == model)
                .unwrap_or_else(|| {
                    models.push(model);
                    models.len() - 1
                });
            let (probability, percentile) = (score.probability, score.percentile);
            lines.push_str(&format!("{} {probability} {percentile} {at}\n", score.cve));
        }
        put(&mut tables, b"EPSS", lines.bytes());
        let mut kev: Vec<Kev> = self.kev.values().cloned().collect();
        kev.sort_by(|one, two| one.cve.cmp(&two.cve));
        let meta = Meta {
            counts: self.counts.clone(),
            kev,
            models,
        };
        let meta =
            serde_json::to_vec(&meta).map_err(|error| IndexError::Damaged(error.to_string()))?;
        put(&mut tables, b"META", meta.into_iter());
        Ok(tables)
    }

    /// Opens a file. All of it is read once, for its checksum; the tables stay in memory, the records on the disk.
    ///
    /// # Errors
    /// [`IndexError`] for a file that is none, of another version, cut, changed or damaged.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        let (file, packed, bytes) = open(path, MAGIC)?;
        Self::from_tables(file, packed, &bytes)
    }

    fn from_tables(file: File, packed: u64, tables: &[u8]) -> Result<Self, IndexError> {
        let mut rest = tables;
        let spans: Vec<(u64, u32)> = pairs(table(&mut rest, b"SPAN")?)?;
        let postings: Vec<(u64, u32)> = pairs(table(&mut rest, b"POST")?)?;
        let of = table(&mut rest, b"GRPS")?
            .chunks(8)
            .map(|mut pair| four(&mut pair).zip(four(&mut pair)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| damaged("GRPS"))?;
        let text = |bytes: &'static [u8; 4], rest: &mut &[u8]| {
            let bytes = table(rest, bytes)?;
            String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a table is no text"))
        };
        let names = text(b"NAME", &mut rest)?;
        let names: Vec<Box<str>> = names.split('\n').map(Into::into).collect();
        let lines = text(b"EPSS", &mut rest)?;
        let meta: Meta = serde_json::from_slice(table(&mut rest, b"META")?)
            .map_err(|error| damaged(&error.to_string()))?;
        let inside = |(begin, length): &(u64, u32)| {
            begin
                .checked_add(u64::from(*length))
                .is_some_and(|end| end <= packed)
        };
        let records = spans.len();
        let known = |record: u32| (record as usize) < records;
        if !spans.iter().all(inside)
            || !postings.iter().all(|(_, record)| known(*record))
            || !of
                .iter()
                .all(|(record, group)| known(*record) && (*group as usize) < names.len())
            || !postings.is_sorted()
            || !of.is_sorted()
        {
            return Err(damaged("its tables do not fit each other"));
        }
        let mut epss = HashMap::with_capacity(lines.len() / 32);
        for line in lines.lines() {
            let score = score(line, &meta.models).ok_or_else(|| damaged("a score of EPSS"))?;
            epss.insert(score.cve.clone(), score);
        }
        let groups = Groups {
            names,
            of,
            conflicts: meta.counts.alias_conflicts,
        };
        Ok(Self {
            store: Store {
                parts: vec![Arc::new(Bytes::File(Mutex::new(file), HEAD as u64))],
                spans: spans
                    .into_iter()
                    .map(|(begin, length)| Span {
                        begin,
                        length,
                        part: 0,
                    })
                    .collect(),
            },
            postings,
            members: members(&groups),
            groups,
            kev: meta
                .kev
                .into_iter()
                .map(|kev| (kev.cve.clone(), kev))
                .collect(),
            epss: Arc::new(epss),
            counts: meta.counts,
        })
    }
}

/// Writes packed records and tables to a file, which appears whole or not at all.
pub(super) fn save<'a>(
    path: &Path,
    magic: &[u8; 8],
    records: impl Iterator<Item = Result<Cow<'a, [u8]>, IndexError>>,
    tables: &[u8],
) -> Result<(), IndexError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    if let Err(error) = write(new, magic, records, tables) {
        let _ = std::fs::remove_file(new);
        return Err(error);
    }
    std::fs::rename(new, path)?;
    Ok(())
}

fn write<'a>(
    path: &Path,
    magic: &[u8; 8],
    records: impl Iterator<Item = Result<Cow<'a, [u8]>, IndexError>>,
    tables: &[u8],
) -> Result<(), IndexError> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&[0; HEAD])?;
    let mut sum = crc32fast::Hasher::new();
    let mut packed = 0_u64;
    for bytes in records {
        let bytes = bytes?;
        file.write_all(&bytes)?;
        sum.update(&bytes);
        packed += bytes.len() as u64;
    }
    file.write_all(tables)?;
    sum.update(tables);
    let mut head = Vec::with_capacity(HEAD);
    head.extend_from_slice(magic);
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&sum.finalize().to_le_bytes());
    head.extend_from_slice(&packed.to_le_bytes());
    head.extend_from_slice(&(tables.len() as u64).to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    head.resize(HEAD, 0);
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&head)?;
    file.sync_all()?;
    Ok(())
}

/// Opens a file, all of which is read once for its checksum: the file, the length of its packed records, and its tables.
pub(super) fn open(path: &Path, magic: &[u8; 8]) -> Result<(File, u64, Vec<u8>), IndexError> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    Read::by_ref(&mut file)
        .take(HEAD as u64)
        .read_to_end(&mut head)?;
    if !head.starts_with(magic) {
        return Err(IndexError::Other);
    }
    let mut rest = head.get(magic.len()..).unwrap_or_default();
    let found = four(&mut rest).unwrap_or_default();
    if found != VERSION {
        return Err(IndexError::Version { found });
    }
    let cut = || IndexError::Length {
        found: length,
        said: HEAD as u64,
    };
    let sum = four(&mut rest).ok_or_else(cut)?;
    let packed = eight(&mut rest).ok_or_else(cut)?;
    let tables = eight(&mut rest).ok_or_else(cut)?;
    let own = four(&mut rest).ok_or_else(cut)?;
    if head.len() != HEAD || head.get(..32).map(crc32fast::hash) != Some(own) {
        return Err(IndexError::Checksum);
    }
    let said = packed
        .checked_add(tables)
        .and_then(|body| body.checked_add(HEAD as u64));
    let said = said.ok_or_else(|| damaged("its lengths"))?;
    if said != length {
        return Err(IndexError::Length {
            found: length,
            said,
        });
    }
    if tables > TABLES {
        return Err(damaged("its tables are too long"));
    }
    let mut hasher = crc32fast::Hasher::new();
    let mut part = vec![0; 1 << 20];
    let mut left = Read::by_ref(&mut file).take(packed);
    loop {
        let got = left.read(&mut part)?;
        let Some(got) = part.get(..got).filter(|got| !got.is_empty()) else {
            break;
        };
        hasher.update(got);
    }
    drop(part);
    let mut bytes = Vec::new();
    Read::by_ref(&mut file)
        .take(tables)
        .read_to_end(&mut bytes)?;
    hasher.update(&bytes);
    if hasher.finalize() != sum {
        return Err(IndexError::Checksum);
    }
    Ok((file, packed, bytes))
}

fn score(line: &str, models: &[(String, Option<jiff::civil::Date>)]) -> Option<Epss> {
    let mut words = line.split(' ');
    let cve = words.next()?.to_owned();
    let mut share = || {
        words
            .next()?
            .parse::<f64>()
            .ok()
            .filter(|value| (0.0..=1.0).contains(value))
    };
    let (probability, percentile) = (share()?, share()?);
    let (model, date) = models.get(words.next()?.parse::<usize>().ok()?)?;
    Some(Epss {
        cve,
        probability,
        percentile,
        model: model.clone(),
        date: *date,
    })
}

pub(super) fn put(tables: &mut Vec<u8>, tag: &[u8; 4], bytes: impl Iterator<Item = u8>) {
    tables.extend_from_slice(tag);
    let at = tables.len();
    tables.extend_from_slice(&[0; 8]);
    tables.extend(bytes);
    let length = (tables.len() - at - 8) as u64;
    if let Some(place) = tables.get_mut(at..at + 8) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// The next table, which must have this tag.
pub(super) fn table<'a>(rest: &mut &'a [u8], tag: &[u8; 4]) -> Result<&'a [u8], IndexError> {
    let named = || damaged(&format!("the table {}", String::from_utf8_lossy(tag)));
    *rest = rest.strip_prefix(tag.as_slice()).ok_or_else(named)?;
    let length = eight(rest).and_then(|length| usize::try_from(length).ok());
    let (found, more) = length
        .and_then(|length| rest.split_at_checked(length))
        .ok_or_else(named)?;
    *rest = more;
    Ok(found)
}

pub(super) fn twelve((long, short): &(u64, u32)) -> impl Iterator<Item = u8> + use<> {
    long.to_le_bytes().into_iter().chain(short.to_le_bytes())
}

pub(super) fn pairs(bytes: &[u8]) -> Result<Vec<(u64, u32)>, IndexError> {
    bytes
        .chunks(12)
        .map(|mut pair| eight(&mut pair).zip(four(&mut pair)))
        .collect::<Option<_>>()
        .ok_or_else(|| damaged("a table is cut"))
}

pub(super) fn four(rest: &mut &[u8]) -> Option<u32> {
    let (first, more) = rest.split_first_chunk::<4>()?;
    *rest = more;
    Some(u32::from_le_bytes(*first))
}

pub(super) fn eight(rest: &mut &[u8]) -> Option<u64> {
    let (first, more) = rest.split_first_chunk::<8>()?;
    *rest = more;
    Some(u64::from_le_bytes(*first))
}

pub(super) fn damaged(what: &str) -> IndexError {
    IndexError::Damaged(what.to_owned())
}
