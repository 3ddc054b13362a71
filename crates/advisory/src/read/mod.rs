//! The feed readers: what a source publishes, as [`Record`]s.
//!
//! A reader takes what it can and says what it can't: a broken record is refused with its place and its reason, the rest of
//! the file is read; a broken file is refused, the rest of the folder is read. Nothing is left out without being counted in
//! the [`Tally`].

mod clean;
mod cnnvd;
mod cnvd;
mod csaf;
mod cve5;
mod detect;
mod epss;
mod json;
mod kev;
mod note;
mod nvd;
mod open;
mod openvex;
mod osv;
mod rss;
mod span;
mod xml;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Read, Seek};
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;

use serde::Serialize;

pub use note::Note;

use crate::record::{Epss, Kev, Record};

/// The form of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// CVE 5.x records, as cvelistV5 and vulnrichment keep them: one a file, or an array.
    Cve5,
    /// NVD 2.0: answers of the API and yearly files, one CVE a file, and Anchore's overrides.
    Nvd,
    /// OSV JSON.
    Osv,
    /// GitHub's advisories: OSV JSON with its own severity and CWE fields.
    Ghsa,
    /// CSAF 2.0 and 2.1, advisories and VEX.
    Csaf,
    /// OpenVEX.
    OpenVex,
    /// CNVD's weekly XML.
    Cnvd,
    /// CNNVD's XML.
    Cnnvd,
    /// CISA's catalogue, JSON.
    Kev,
    /// EPSS scores, CSV.
    Epss,
    /// News of a maker, RSS or Atom: titles, texts and links, which name no product that could be matched.
    Rss,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Cve5,
        Self::Nvd,
        Self::Osv,
        Self::Ghsa,
        Self::Csaf,
        Self::OpenVex,
        Self::Cnvd,
        Self::Cnnvd,
        Self::Kev,
        Self::Epss,
        Self::Rss,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cve5 => "cve5",
            Self::Nvd => "nvd",
            Self::Osv => "osv",
            Self::Ghsa => "ghsa",
            Self::Csaf => "csaf",
            Self::OpenVex => "openvex",
            Self::Cnvd => "cnvd",
            Self::Cnnvd => "cnnvd",
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Rss => "rss",
        }
    }

    /// How names of its files end; others in a folder or an archive are left out and counted.
    const fn extension(self) -> &'static str {
        match self {
            Self::Cnvd | Self::Cnnvd | Self::Rss => ".xml",
            Self::Epss => ".csv",
            _ => ".json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Format {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownFormat(name.chars().take(100).collect()))
    }
}

/// No feed has this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no feed format is called {0:?}: known are {known}", known = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(pub String);

/// How much is read.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest file, unpacked, bytes.
    pub file_bytes: u64,
    /// Most bytes that one call unpacks or reads.
    pub total_bytes: u64,
    /// How many times longer than packed an unpacked stream may be, once it is longer than 16 MiB.
    pub ratio: u64,
    /// Most files of an archive or a folder.
    pub files: u64,
    /// Deepest archive in an archive, and deepest folder in a folder.
    pub depth: u32,
    /// Most records of a file.
    pub records_per_file: u64,
    /// Most products of a record.
    pub products_per_record: usize,
    /// Most ranges, versions and conditions of a record together.
    pub versions_per_record: usize,
    /// Most refusals of a file that are told one by one. The rest is counted.
    pub refusals_per_file: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 256 << 20,
            total_bytes: 32 << 30,
            ratio: 250,
            files: 2_000_000,
            depth: 16,
            records_per_file: 1_000_000,
            products_per_record: 20_000,
            versions_per_record: 100_000,
            refusals_per_file: 1_000,
        }
    }
}

/// One thing that a reader found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// An advisory.
    Record(Box<Record>),
    /// A known exploitation.
    Kev(Kev),
    /// A score.
    Epss(Epss),
    /// Something that was not understood.
    Refused(Refused),
    /// A file has ended; what it gave stands in front of this.
    Ended(Ended),
}

/// How it went with one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The file; one in an archive stands behind `!`.
    pub file: String,
    /// The form in which it was read; none where it was not opened, or is no feed that is known.
    pub format: Option<Format>,
    /// Records, known exploitations and scores that were understood.
    pub understood: u64,
    /// What was refused, told or not.
    pub refused: u64,
    /// It ends before it is complete: whatever it gave is a part of something.
    pub cut: bool,
}

/// A file or a record that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The file; one in an archive stands behind `!`.
    pub file: String,
    /// Where in it: a line, a byte, an index, an advisory's number; empty for the whole file.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if !self.place.is_empty() {
            write!(f, ", {}", self.place)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What came of it all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Files that were opened, those in archives each.
    pub files: u64,
    /// Records, known exploitations and scores that were understood.
    pub understood: u64,
    /// What was refused, told or not.
    pub refused: u64,
    /// Files that end before they are complete. What they gave was given all the same: see [`Ended`].
    pub cut: u64,
    /// What was understood with a loss: what it was, and how often.
    pub notes: BTreeMap<Note, u64>,
}

/// All that a reader found, for small feeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Advisories.
    pub records: Vec<Record>,
    /// Known exploitations.
    pub kev: Vec<Kev>,
    /// Scores.
    pub epss: Vec<Epss>,
    /// What was not understood.
    pub refused: Vec<Refused>,
    /// The counts.
    pub tally: Tally,
}

impl Reading {
    /// Puts one thing to the others.
    pub fn push(&mut self, found: Found) {
        match found {
            Found::Record(record) => self.records.push(*record),
            Found::Kev(kev) => self.kev.push(kev),
            Found::Epss(epss) => self.epss.push(epss),
            Found::Refused(refused) => self.refused.push(refused),
            Found::Ended(_) => {}
        }
    }
}

/// Reads a file that is in memory, plain or packed. `name` is what refusals call it.
pub fn read(format: Format, name: &str, bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let tally = read_from(
        format,
        name,
        Cursor::new(bytes),
        &Limits::default(),
        &mut |found| reading.push(found),
    );
    reading.tally = tally;
    reading
}

/// Reads a file, plain or packed (gzip, tar in gzip, zip, by what it holds and not by its name), and gives each thing out as
/// soon as it is known.
pub fn read_from(
    format: Format,
    name: &str,
    input: impl Read + Seek,
    limits: &Limits,
    sink: &mut dyn FnMut(Found),
) -> Tally {
    let mut out = Out::new(format, limits, sink);
    open::file(&mut out, name, input);
    out.tally
}

/// Reads a file, or all files of a folder and the folders in it, in the order of their names. Links are not followed.
pub fn read_path(
    format: Format,
    path: &Path,
    limits: &Limits,
    sink: &mut dyn FnMut(Found),
) -> Tally {
    let mut out = Out::new(format, limits, sink);
    open::path(&mut out, path, 0);
    out.tally
}

/// Reads all feeds of a file, a folder or an archive, each in the form that [`Format::detect`] finds; what is none is refused.
pub fn read_feeds(path: &Path, limits: &Limits, sink: &mut dyn FnMut(Found)) -> Tally {
    let mut out = Out::new(Format::Osv, limits, sink);
    out.any = true;
    open::path(&mut out, path, 0);
    out.tally
}

/// As [`read_from`], in one form or, without any, each file in the form that [`Format::detect`] finds.
pub fn read_any_from(
    format: Option<Format>,
    name: &str,
    input: impl Read + Seek,
    limits: &Limits,
    sink: &mut dyn FnMut(Found),
) -> Tally {
    let mut out = Out::new(format.unwrap_or(Format::Osv), limits, sink);
    out.any = format.is_none();
    open::file(&mut out, name, input);
    out.tally
}

/// Where readers put what they find.
struct Out<'a> {
    format: Format,
    /// The format is found for each file.
    any: bool,
    limits: &'a Limits,
    sink: &'a mut dyn FnMut(Found),
    tally: Tally,
    /// Bytes that are left of [`Limits::total_bytes`].
    bytes_left: Rc<Cell<u64>>,
    file: String,
    /// What this file gave and what was refused of it.
    here: u64,
    refused_here: u64,
    cut_here: bool,
    /// The form of this file, once it is known.
    form: Option<Format>,
}

impl<'a> Out<'a> {
    fn new(format: Format, limits: &'a Limits, sink: &'a mut dyn FnMut(Found)) -> Self {
        Self {
            format,
            any: false,
            limits,
            sink,
            tally: Tally::default(),
            bytes_left: Rc::new(Cell::new(limits.total_bytes)),
            file: String::new(),
            here: 0,
            refused_here: 0,
            cut_here: false,
            form: None,
        }
    }

    /// One whole unpacked file.
    fn content(&mut self, name: &str, bytes: &[u8]) {
        self.begin(name);
        self.tally.files += 1;
        if self.any {
            let Some(format) = Format::detect(name, bytes) else {
                self.refuse("", "it is no feed that is known");
                return self.end();
            };
            self.format = format;
        }
        self.form = Some(self.format);
        match self.format {
            Format::Cve5 => cve5::read(bytes, self),
            Format::Nvd => nvd::read(bytes, self),
            Format::Osv | Format::Ghsa => osv::read(bytes, self),
            Format::Csaf => csaf::read(bytes, self),
            Format::OpenVex => openvex::read(bytes, self),
            Format::Cnvd => cnvd::read(bytes, self),
            Format::Cnnvd => cnnvd::read(bytes, self),
            Format::Kev => kev::read(bytes, self),
            Format::Epss => epss::read(bytes, self),
            Format::Rss => rss::read(bytes, self),
        }
        self.end();
    }

    fn begin(&mut self, name: &str) {
        name.clone_into(&mut self.file);
        (self.here, self.refused_here) = (0, 0);
        (self.cut_here, self.form) = (false, None);
    }

    fn end(&mut self) {
        let untold = self
            .refused_here
            .saturating_sub(self.limits.refusals_per_file);
        if untold > 0 {
            (self.sink)(Found::Refused(Refused {
                file: self.file.clone(),
                place: String::new(),
                reason: format!("{untold} more refusals are not told one by one"),
            }));
        }
        (self.sink)(Found::Ended(Ended {
            file: self.file.clone(),
            format: self.form,
            understood: self.here.min(self.limits.records_per_file),
            refused: self.refused_here,
            cut: self.cut_here,
        }));
        self.tally.cut += u64::from(self.cut_here);
        self.refused_here = 0;
    }

    /// Marks the file as ending before it is complete; the refusal that says where is left to the caller.
    const fn cut(&mut self) {
        self.cut_here = true;
    }

    fn refuse(&mut self, place: impl Into<String>, reason: impl fmt::Display) {
        self.tally.refused += 1;
        self.refused_here += 1;
        if self.refused_here > self.limits.refusals_per_file {
            return;
        }
        (self.sink)(Found::Refused(Refused {
            file: self.file.clone(),
            place: place.into(),
            reason: clean::line(&reason.to_string(), 500),
        }));
    }

    fn note(&mut self, what: Note, times: usize) {
        if times > 0 {
            *self.tally.notes.entry(what).or_default() += times as u64;
        }
    }

    /// Whether the file may give one more; says once that it may not.
    fn room(&mut self) -> bool {
        if self.here == self.limits.records_per_file {
            self.here += 1;
            let most = self.limits.records_per_file;
            self.refuse(
                "",
                format!("it holds more than {most} records: the rest is left out"),
            );
        }
        self.here <= self.limits.records_per_file
    }

    fn give(&mut self, found: Found) {
        if self.room() {
            self.here += 1;
            self.tally.understood += 1;
            (self.sink)(found);
        }
    }

    /// A record, after its bounds: see [`clean::record`].
    fn record(&mut self, place: impl Into<String>, mut record: Record) {
        match clean::record(&mut record, self) {
            Ok(()) => self.give(Found::Record(Box::new(record))),
            Err(reason) => self.refuse(place, reason),
        }
    }
}
