//! Reads what was delivered: records by form, with every file that is cut or broken left out and counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use hudun_advisory::matching::{Builder, Mark};
use hudun_advisory::{Format, Found, Limits, Refused, Source, read_any_from};
use sha2::{Digest as _, Sha256};

/// Most refusals that are kept.
pub(super) const REFUSALS: usize = 100;

/// What a delivery holds.
#[derive(Default)]
pub(super) struct Ingested {
    /// Records by form.
    pub(super) builders: BTreeMap<Format, Builder>,
    /// Of the whole delivery, by form where that is known.
    pub(super) refused: u64,
    /// The first of them.
    pub(super) refusals: Vec<Refused>,
    /// The delivery itself ends before it is complete.
    pub(super) cut: bool,
    /// Files in it that do, and were left out.
    pub(super) cut_files: u64,
    /// Forms of files that were read, also of those that held nothing.
    pub(super) forms: Vec<Format>,
    /// SHA-256 of the delivery as it came, hexadecimal.
    pub(super) sha256: String,
}

impl Ingested {
    /// Nothing of it can be used.
    pub(super) fn is_empty(&self) -> bool {
        self.builders.values().all(|builder| builder.items() == 0)
    }

    /// The first reason, for a sentence.
    pub(super) fn first_reason(&self) -> String {
        self.refusals.first().map_or_else(
            || "it holds nothing that is known".to_owned(),
            ToString::to_string,
        )
    }
}

/// Packed records that are kept in memory while a delivery is read, bytes.
pub(super) const MEMORY: usize = 32 << 20;
/// Most records of a delivery of one form.
pub(super) const MOST_RECORDS: usize = 2_000_000;

/// Reads a file; what is too long for memory is kept in a nameless file of `spill` meanwhile. `format` as configured, or none
/// to tell it for each file; `name` is what refusals call it.
pub(super) fn ingest(
    format: Option<Format>,
    name: &str,
    file: File,
    limits: &Limits,
    spill: &Path,
) -> io::Result<Ingested> {
    let mut reading = Reading::new(format, limits, spill);
    reading.file(name, file)?;
    reading.end(name)
}

/// Reads several files as one delivery, each called after `name` and its own.
pub(super) fn ingest_all(
    format: Format,
    name: &str,
    files: &[PathBuf],
    limits: &Limits,
    spill: &Path,
) -> io::Result<Ingested> {
    let mut reading = Reading::new(Some(format), limits, spill);
    for path in files {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        reading.file(&format!("{name} {own}"), File::open(path)?)?;
    }
    reading.end(name)
}

/// A delivery as it is read.
struct Reading<'a> {
    format: Option<Format>,
    limits: &'a Limits,
    spill: &'a Path,
    found: Ingested,
    beyond: u64,
    marks: BTreeMap<Format, Mark>,
}

impl<'a> Reading<'a> {
    fn new(format: Option<Format>, limits: &'a Limits, spill: &'a Path) -> Self {
        Self {
            format,
            limits,
            spill,
            found: Ingested::default(),
            beyond: 0,
            marks: BTreeMap::new(),
        }
    }

    fn file(&mut self, name: &str, mut file: File) -> io::Result<()> {
        let sha = sha256(&mut file)?;
        self.found.sha256 = if self.found.sha256.is_empty() {
            sha
        } else {
            sha256(&mut format!("{}{sha}", self.found.sha256).as_bytes())?
        };
        file.seek(SeekFrom::Start(0))?;
        let (format, limits) = (self.format, self.limits);
        read_any_from(format, name, BufReader::new(file), limits, &mut |one| {
            self.take(name, one);
        });
        Ok(())
    }

    fn take(&mut self, name: &str, one: Found) {
        let found = &mut self.found;
        match one {
            Found::Refused(refused) => {
                if found.refusals.len() < REFUSALS {
                    found.refusals.push(refused);
                }
            }
            Found::Ended(ended) => {
                found.refused += ended.refused;
                if let Some(form) = ended.format
                    && !found.forms.contains(&form)
                {
                    found.forms.push(form);
                }
                if ended.cut {
                    if ended.file == name {
                        found.cut = true;
                    }
                    found.cut_files += 1;
                    for (form, builder) in &mut found.builders {
                        builder.back_to(self.marks.get(form).copied().unwrap_or_default());
                    }
                }
                for (form, builder) in &found.builders {
                    self.marks.insert(*form, builder.mark());
                }
            }
            one => {
                let form = self.format.unwrap_or_else(|| form_of(&one));
                let builder = found
                    .builders
                    .entry(form)
                    .or_insert_with(|| Builder::in_folder(self.spill, MEMORY));
                if builder.items() < MOST_RECORDS {
                    builder.add(one);
                } else {
                    self.beyond += 1;
                }
            }
        }
    }

    fn end(self, name: &str) -> io::Result<Ingested> {
        let (mut found, beyond) = (self.found, self.beyond);
        for builder in found.builders.values_mut() {
            if let Some(error) = builder.take_trouble() {
                return Err(error);
            }
        }
        if beyond > 0 {
            found.refused += beyond;
            found.refusals.push(Refused {
                file: name.to_owned(),
                place: String::new(),
                reason: format!("{beyond} records beyond {MOST_RECORDS} are left out"),
            });
        }
        if found.cut {
            found.builders.clear();
        }
        found.builders.retain(|_, builder| builder.items() > 0);
        Ok(found)
    }
}

/// SHA-256 of a file, hexadecimal.
pub(super) fn sha256(from: &mut impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 20];
    loop {
        let got = match from.read(&mut part) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(part.get(..got).unwrap_or_default());
    }
    Ok(hex::encode(hasher.finalize()))
}

const fn form_of(found: &Found) -> Format {
    match found {
        Found::Record(record) => form_of_source(record.source),
        Found::Kev(_) => Format::Kev,
        Found::Epss(_) | Found::Refused(_) | Found::Ended(_) => Format::Epss,
    }
}

/// The form in which a source publishes.
pub(super) const fn form_of_source(source: Source) -> Format {
    match source {
        Source::Cve5 => Format::Cve5,
        Source::Nvd => Format::Nvd,
        Source::Osv => Format::Osv,
        Source::Ghsa => Format::Ghsa,
        Source::Csaf => Format::Csaf,
        Source::OpenVex => Format::OpenVex,
        Source::Cnvd => Format::Cnvd,
        Source::Cnnvd => Format::Cnnvd,
        Source::Rss => Format::Rss,
    }
}
