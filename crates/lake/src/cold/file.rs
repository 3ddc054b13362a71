//! One Parquet file: how it is written so that it is whole or absent, and how it is read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::error::ArrowError;
use hudun_core::{Exchange, SubjectToken, TenantId, Timestamp};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::index;
use super::rows::{RowError, Rows};
use super::schema;
use crate::error::LakeError;
use crate::journal::sync_folder;
use crate::scope::last_moment;

/// What the manifest says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Where it is, from the data folder, with `/`.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// Exchanges in it.
    pub rows: u64,
    /// Whose customers.
    pub tenant: TenantId,
    /// The earliest request.
    pub from: Timestamp,
    /// The latest moment of any record.
    pub to: Timestamp,
    /// Sightings in it.
    pub sightings: u64,
    /// Aliases in it.
    pub aliases: u64,
    /// SHA-256 of the index of subjects beside it (the same path with the ending `.subjects`).
    pub index_sha256: String,
}

/// A file of the lake. Deleted when it is doomed and the last question that reads it is done.
pub(crate) struct ColdFile {
    pub(crate) meta: FileMeta,
    pub(crate) path: PathBuf,
    doomed: AtomicBool,
}

impl ColdFile {
    pub(crate) fn new(folder: &Path, meta: FileMeta) -> Self {
        Self {
            path: folder.join(&meta.path),
            meta,
            doomed: AtomicBool::new(false),
        }
    }

    /// Deletes the file as soon as nobody reads it any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    /// Where its index of subjects is.
    pub(crate) fn index_path(&self) -> PathBuf {
        self.path.with_extension(index::ENDING)
    }

    /// Hands over all exchanges that pass the filter, or all.
    pub(crate) fn exchanges(
        &self,
        filter: Option<Filter>,
        mut take: impl FnMut(Exchange) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        self.scan(None, filter, &[], |rows| {
            let exchanges = rows.exchanges().map_err(|e| self.unreadable(e))?;
            exchanges.into_iter().try_for_each(&mut take)
        })
    }

    /// Hands over the exchanges that showed this token, as subject or alias.
    pub(crate) fn exchanges_of(
        &self,
        token: &SubjectToken,
        mut take: impl FnMut(Exchange) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let Ok(rows) = index::lookup(&self.index_path(), token) else {
            // Without its index the file itself still knows.
            let token = *token;
            let filter = Filter {
                columns: vec!["subjects", "aliases"],
                test: Box::new(move |rows, at| {
                    Ok(rows.tokens("subjects", at)?.contains(&token)
                        || rows.tokens("aliases", at)?.contains(&token))
                }),
            };
            return self.exchanges(Some(filter), take);
        };
        if rows.is_empty() {
            return Ok(());
        }
        let ranges = rows.into_iter().map(|row| row as usize..row as usize + 1);
        let all = self.meta.rows as usize;
        let selection = RowSelection::from_consecutive_ranges(ranges, all);
        self.scan(Some(selection), None, &[], |rows| {
            let exchanges = rows.exchanges().map_err(|e| self.unreadable(e))?;
            exchanges.into_iter().try_for_each(&mut take)
        })
    }

    /// Reads some columns (all, when none is named) of some rows, batch by batch.
    pub(crate) fn scan(
        &self,
        selection: Option<RowSelection>,
        filter: Option<Filter>,
        columns: &[&str],
        mut take: impl FnMut(&Rows<'_>) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let file = File::open(&self.path).map_err(|e| LakeError::io("open", &self.path, e))?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| self.unreadable(e))?;
        let schema = builder.metadata().file_metadata().schema_descr_ptr();
        if !columns.is_empty() {
            let mask = ProjectionMask::columns(&schema, columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        if let Some(Filter { columns, mut test }) = filter {
            let mask = ProjectionMask::columns(&schema, columns);
            let predicate = ArrowPredicateFn::new(mask, move |batch: RecordBatch| {
                let rows = Rows::new(&batch);
                (0..batch.num_rows())
                    .map(|at| test(&rows, at).map(Some))
                    .collect::<Result<BooleanArray, RowError>>()
                    .map_err(|error| ArrowError::ExternalError(Box::new(error)))
            });
            builder = builder.with_row_filter(RowFilter::new(vec![Box::new(predicate)]));
        }
        let reader = builder
            .with_batch_size(BATCH)
            .build()
            .map_err(|e| self.unreadable(e))?;
        for batch in reader {
            let batch = batch.map_err(|e| self.unreadable(e))?;
            take(&Rows::new(&batch))?;
        }
        Ok(())
    }

    /// What stands in the way of reading it.
    pub(crate) fn unreadable(&self, error: impl std::fmt::Display) -> LakeError {
        LakeError::Unreadable {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }
}

impl Drop for ColdFile {
    fn drop(&mut self) {
        if *self.doomed.get_mut() {
            // What can't be deleted now is deleted at the next start: the manifest no longer names it.
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(self.index_path());
        }
    }
}

/// Decides on one row of a batch.
pub(crate) type RowTest = Box<dyn FnMut(&Rows<'_>, usize) -> Result<bool, RowError> + Send>;

/// Which rows are wanted, decided on some columns before the others are read.
pub(crate) struct Filter {
    pub(crate) columns: Vec<&'static str>,
    pub(crate) test: RowTest,
}

/// Rows read at once.
const BATCH: usize = 1024;
/// Rows and sightings written at once.
const WRITE_ROWS: usize = 2048;
const WRITE_SIGHTINGS: usize = 256 << 10;
/// Rows of a row group.
const GROUP_ROWS: usize = 64 << 10;

/// The folder and the hour in which an exchange is kept: `tenant=…/date=…`, `hour=…`. Characters that mean something in
/// paths are written as `%XX`.
pub(crate) fn partition(tenant: &TenantId, at: Timestamp) -> (String, String) {
    let mut name = String::new();
    for byte in tenant.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    let moment = at.to_string();
    let (date, hour) = match (moment.get(..10), moment.get(11..13)) {
        (Some(date), Some(hour)) if moment.len() == 24 => (date, hour),
        _ => ("0000-00-00", "00"),
    };
    (format!("tenant={name}/date={date}"), format!("hour={hour}"))
}

/// Writes exchanges of one tenant, in the order given, as the file `path` under `folder`, with its index. Both are
/// durable under their names before this returns.
pub(crate) fn write(
    folder: &Path,
    path: String,
    rows: &[Arc<Exchange>],
) -> Result<FileMeta, LakeError> {
    let target = folder.join(&path);
    let failed = |error: &dyn std::fmt::Display| LakeError::Unwritable {
        path: target.clone(),
        reason: error.to_string(),
    };
    let Some(first) = rows.first() else {
        return Err(failed(&"there is nothing to write"));
    };
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|e| LakeError::io("make", parent, e))?;
    }
    let temporary = target.with_extension("parquet.tmp");
    let file = File::create(&temporary).map_err(|e| LakeError::io("make", &temporary, e))?;
    let level = ZstdLevel::try_new(3).map_err(|e| failed(&e))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(Hashed::new(file), schema::schema(), Some(properties))
        .map_err(|e| failed(&e))?;
    let count = |row: &Exchange| {
        row.releases
            .iter()
            .map(|r| r.sightings.len())
            .sum::<usize>()
    };
    let (mut begin, mut sightings) = (0, 0);
    for (at, row) in rows.iter().enumerate() {
        sightings += count(row);
        let last = at + 1 == rows.len();
        if last || at + 1 - begin >= WRITE_ROWS || sightings >= WRITE_SIGHTINGS {
            let batch = schema::encode(&rows[begin..=at]).map_err(|e| failed(&e))?;
            writer.write(&batch).map_err(|e| failed(&e))?;
            (begin, sightings) = (at + 1, 0);
        }
    }
    let hashed = writer.into_inner().map_err(|e| failed(&e))?;
    let (sha256, bytes) = hashed.finish(&temporary)?;
    let index_sha256 = index::write(&target.with_extension(index::ENDING), rows)?;
    put_in_place(&temporary, &target)?;
    let sightings = rows
        .iter()
        .flat_map(|row| &row.releases)
        .flat_map(|r| &r.sightings);
    Ok(FileMeta {
        path,
        sha256,
        bytes,
        rows: rows.len() as u64,
        tenant: first.head.tenant.clone(),
        from: rows.iter().map(|row| row.head.at).min().unwrap_or_default(),
        to: rows
            .iter()
            .map(|row| last_moment(row))
            .max()
            .unwrap_or_default(),
        sightings: sightings.clone().count() as u64,
        aliases: sightings
            .map(|sighting| sighting.aliases.len() as u64)
            .sum(),
        index_sha256,
    })
}

/// Gives a file that is whole and durable its name.
pub(crate) fn put_in_place(temporary: &Path, target: &Path) -> Result<(), LakeError> {
    fs::rename(temporary, target).map_err(|e| LakeError::io("rename", temporary, e))?;
    let mut folder = target.parent();
    // A folder may be new, and so may those around it: the hour's, the tenant's, the lake's.
    for _ in 0..4 {
        let Some(path) = folder else { break };
        sync_folder(path).map_err(|e| LakeError::io("sync", path, e))?;
        folder = path.parent();
    }
    Ok(())
}

/// A file whose SHA-256 is made while it is written.
pub(crate) struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Hashed {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Makes the content durable; tells its hash and length.
    pub(crate) fn finish(self, path: &Path) -> Result<(String, u64), LakeError> {
        self.file
            .sync_all()
            .map_err(|e| LakeError::io("sync", path, e))?;
        Ok((hex::encode(self.hash.finalize()), self.bytes))
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
