//! The reader of event lines.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use serde::Serialize;

use crate::frame::{Frames, Met};
use crate::mapping::Mapping;
use crate::record::Record;
use crate::{combined, journald, json, syslog};

/// Reads events one by one. What is no event is given back with its reason, counted, and the next one is read.
#[derive(Debug)]
pub struct Reader<R> {
    frames: Frames<R>,
    format: Format,
    limits: Limits,
    mapping: Option<Mapping>,
    record: Record,
    /// A message's own fields, or the fields that a mapping makes.
    second: Record,
    counts: Counts,
}

impl<R: BufRead> Reader<R> {
    /// A reader of `input`.
    pub fn new(input: R, format: Format, limits: Limits) -> Self {
        Self {
            frames: Frames::new(input, format == Format::Syslog),
            format,
            limits,
            mapping: None,
            record: Record::default(),
            second: Record::default(),
            counts: Counts::default(),
        }
    }

    /// The same, with other names for the fields.
    #[must_use]
    pub fn with_mapping(mut self, mapping: Mapping) -> Self {
        self.mapping = Some(mapping);
        self
    }

    /// What was read and refused so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The next event or refused line; `None` at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// Only what the input itself reports.
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        let refused = loop {
            let met = self.frames.next(self.limits.line, self.limits.raw)?;
            if met == Met::End {
                return Ok(None);
            }
            self.counts.lines += 1;
            self.counts.octet_counts_mended = self.frames.mended();
            if met == Met::Whole && self.frames.frame().iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed = match met {
                Met::TooLong => Err(Reason::TooLong),
                Met::Whole | Met::End => self.parse(),
            };
            self.frames.made_sense(parsed.is_ok());
            match parsed {
                Ok(()) => break None,
                Err(reason) => break Some(reason),
            }
        };
        if let Some(reason) = refused {
            self.counts.refuse(reason);
            let frame = self.frames.frame();
            return Ok(Some(Item::Refused {
                number: self.frames.number(),
                reason,
                raw: frame.get(..self.limits.raw).unwrap_or(frame),
            }));
        }
        let record = match &self.mapping {
            Some(mapping) => {
                mapping.apply(&self.record, &mut self.second);
                &mut self.second
            }
            None => &mut self.record,
        };
        record.settle();
        self.counts.events += 1;
        self.counts.without_time += u64::from(record.time().is_none());
        self.counts.values_left_out += record.left_out();
        self.counts.not_utf8_mended += u64::from(record.is_lossy());
        Ok(Some(Item::Event(record)))
    }

    fn parse(&mut self) -> Result<(), Reason> {
        let (frame, record) = (self.frames.frame(), &mut self.record);
        record.clear(self.frames.number());
        match self.format {
            Format::Ocsf | Format::Ecs | Format::Json => json::read(frame, record),
            Format::Combined => combined::read(frame, record),
            Format::Syslog => syslog::read(frame, record, &mut self.second),
            Format::Journald => journald::read(frame, record, &mut self.second),
        }
    }
}

/// What was read.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// An event; the reader uses its storage for the next one.
    Event(&'a Record),
    /// A line that is no event, with its beginning.
    Refused {
        /// Its number, as [`Record::number`].
        number: u64,
        /// Why.
        reason: Reason,
        /// Its first bytes, at most [`Limits::raw`].
        raw: &'a [u8],
    },
}

/// The form of the lines. Fields keep the names that they have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OCSF objects.
    Ocsf,
    /// Elastic Common Schema, nested or with dots in its keys.
    Ecs,
    /// Any JSON objects.
    Json,
    /// Access logs of nginx or Apache in the combined form.
    Combined,
    /// RFC 5424, a message a line or behind a count of octets.
    Syslog,
    /// `journalctl --output=json`.
    Journald,
}

/// Bounds of a reader.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a line or message.
    pub line: usize,
    /// Bytes that are kept of a refused one.
    pub raw: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line: 1 << 20,
            raw: 4096,
        }
    }
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Longer than [`Limits::line`].
    #[error("the line is too long")]
    TooLong,
    /// Not UTF-8.
    #[error("the line is not UTF-8")]
    Encoding,
    /// No JSON, or nested deeper than 128.
    #[error("column {column} is no JSON, or is nested too deep")]
    Json {
        /// Where, from 1.
        column: usize,
    },
    /// JSON, but no object.
    #[error("the JSON is no object")]
    NotAnObject,
    /// Not in the combined form.
    #[error("the line is not in the combined form of access logs")]
    AccessLog,
    /// Not a message of RFC 5424.
    #[error("{part} is missing or is not what RFC 5424 says")]
    Syslog {
        /// The part, as RFC 5424 names it.
        part: &'static str,
    },
    /// An object without a time and a message of the journal.
    #[error("there is neither __REALTIME_TIMESTAMP nor MESSAGE")]
    Journald,
}

impl Reason {
    /// The name under which it is counted.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Encoding => "not_utf8",
            Self::Json { .. } => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::AccessLog => "not_combined",
            Self::Syslog { .. } => "not_rfc5424",
            Self::Journald => "not_journald",
        }
    }
}

/// Lines by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Lines or messages, empty lines among them.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// What was refused, by [`Reason::name`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Events without a time.
    pub without_time: u64,
    /// Values that an event lacks: nested deeper than 64, under a path of more than 1 KiB, of a message that uses names of
    /// its envelope, or unknown to a mapping's list of values.
    pub values_left_out: u64,
    /// Events with bytes that are not UTF-8, which stand as U+FFFD.
    pub not_utf8_mended: u64,
    /// Messages with a wrong count of octets, which were cut at a line feed or where the next one seems to begin.
    pub octet_counts_mended: u64,
}

impl Counts {
    /// All that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    fn refuse(&mut self, reason: Reason) {
        *self.refused.entry(reason.name()).or_default() += 1;
    }
}
