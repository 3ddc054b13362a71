//! Reads what was delivered: records by form, with every file that is cut or broken left out and counted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

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

/// Reads a file. `format` as configured, or none to tell it for each file; `name` is what refusals call it.
pub(super) fn ingest(
    format: Option<Format>,
    name: &str,
    mut file: File,
    limits: &Limits,
) -> io::Result<Ingested> {
    let mut found = Ingested {
        sha256: sha256(&mut file)?,
        ..Ingested::default()
    };
    file.seek(SeekFrom::Start(0))?;
    let mut marks: BTreeMap<Format, Mark> = BTreeMap::new();
    read_any_from(
        format,
        name,
        BufReader::new(file),
        limits,
        &mut |one| match one {
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
                        builder.back_to(marks.get(form).copied().unwrap_or_default());
                    }
                }
                for (form, builder) in &found.builders {
                    marks.insert(*form, builder.mark());
                }
            }
            one => {
                let form = format.unwrap_or_else(|| form_of(&one));
                found.builders.entry(form).or_default().add(one);
            }
        },
    );
    if found.cut {
        found.builders.clear();
    }
    found.builders.retain(|_, builder| builder.items() > 0);
    Ok(found)
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
