//! The index of subjects beside a Parquet file: which rows showed a token. Sorted pairs of token (16 bytes) and row
//! (4 bytes, big-endian) behind a header of 16 bytes; a question reads some twenty of them, not the file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use hudun_core::{Exchange, SubjectToken};

use super::file::{Hashed, put_in_place};
use crate::error::LakeError;

/// The ending of an index's name.
pub(crate) const ENDING: &str = "subjects";

const MAGIC: &[u8; 8] = b"HUDUNSX\x01";
const HEADER: u64 = 16;
const PAIR: usize = 20;

/// Writes the index of these rows; tells its SHA-256.
pub(crate) fn write(path: &Path, rows: &[Arc<Exchange>]) -> Result<String, LakeError> {
    let mut pairs: Vec<(SubjectToken, u32)> = Vec::new();
    for (row, exchange) in (0..).zip(rows) {
        for sighting in exchange
            .releases
            .iter()
            .flat_map(|release| &release.sightings)
        {
            pairs.push((sighting.subject, row));
            pairs.extend(sighting.aliases.iter().map(|&alias| (alias, row)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let temporary = path.with_extension("subjects.tmp");
    let failed = |error| LakeError::io("write", &temporary, error);
    let mut out = BufWriter::new(Hashed::new(File::create(&temporary).map_err(failed)?));
    out.write_all(MAGIC).map_err(failed)?;
    out.write_all(&(pairs.len() as u64).to_be_bytes())
        .map_err(failed)?;
    for (token, row) in pairs {
        out.write_all(token.as_bytes()).map_err(failed)?;
        out.write_all(&row.to_be_bytes()).map_err(failed)?;
    }
    let hashed = out.into_inner().map_err(|e| failed(e.into_error()))?;
    let (sha256, _) = hashed.finish(&temporary)?;
    put_in_place(&temporary, path)?;
    Ok(sha256)
}

/// The rows that showed this token, ascending.
pub(crate) fn lookup(path: &Path, token: &SubjectToken) -> io::Result<Vec<u32>> {
    let mut file = File::open(path)?;
    let mut header = [0; HEADER as usize];
    file.read_exact(&mut header)?;
    let length = file.metadata()?.len();
    let (magic, count) = header.split_at(8);
    let count = count.try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
    if magic != MAGIC || count.checked_mul(PAIR as u64) != length.checked_sub(HEADER) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no index of subjects",
        ));
    }
    let mut pair_at = |at: u64| -> io::Result<([u8; 16], u32)> {
        let mut pair = [0; PAIR];
        file.seek(SeekFrom::Start(HEADER + at * PAIR as u64))?;
        file.read_exact(&mut pair)?;
        let mut name = [0; 16];
        name.copy_from_slice(&pair[..16]);
        Ok((
            name,
            u32::from_be_bytes([pair[16], pair[17], pair[18], pair[19]]),
        ))
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if pair_at(middle)?.0 < *token.as_bytes() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut rows = Vec::new();
    while low < count {
        let (name, row) = pair_at(low)?;
        if name != *token.as_bytes() {
            break;
        }
        rows.push(row);
        low += 1;
    }
    Ok(rows)
}
