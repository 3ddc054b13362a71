//! Lines of a file as the rules see them.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use hudun_event::{Counts, Item, Limits, Mapping, Reader, Record, Value as Held};
use hudun_sigma::{Event, Source, Value as Field};
use serde_json::json;

/// Refused lines that are shown one by one.
const SHOWN: u64 = 5;

/// What the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// OCSF JSON, an event a line.
    Ocsf,
    /// Elastic Common Schema JSON, an event a line.
    Ecs,
    /// Access log of nginx or Apache in the combined form.
    Combined,
    /// Any JSON object a line; fields have the names that rules use, or get them from --mapping.
    Json,
    /// Syslog of RFC 5424, a message a line or behind a count of octets.
    Syslog,
    /// The journal of systemd: journalctl --output=json.
    Journald,
}

impl Format {
    /// Where the events come from, where the format tells.
    pub(super) fn source(self) -> Option<Source> {
        (self == Self::Combined).then(|| Source {
            category: Some("webserver".to_owned()),
            ..Source::default()
        })
    }

    /// The pipeline that gives the fields of webserver and proxy rules the names of the format.
    pub(super) const fn pipeline(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ocsf => Some(("ocsf", include_str!("ocsf.yml"))),
            Self::Ecs => Some(("ecs", include_str!("ecs.yml"))),
            Self::Combined | Self::Json | Self::Syslog | Self::Journald => None,
        }
    }

    const fn of_lines(self) -> hudun_event::Format {
        match self {
            Self::Ocsf => hudun_event::Format::Ocsf,
            Self::Ecs => hudun_event::Format::Ecs,
            Self::Combined => hudun_event::Format::Combined,
            Self::Json => hudun_event::Format::Json,
            Self::Syslog => hudun_event::Format::Syslog,
            Self::Journald => hudun_event::Format::Journald,
        }
    }
}

/// What the lines are, and what their fields are called.
#[derive(Args)]
pub(in crate::cli) struct Lines {
    /// What the lines are.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Other names for the fields: a file (YAML, see the reference of events), or the word ecs for the mapping from ECS
    /// to OCSF that comes with Hudun.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
}

impl Lines {
    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// Which pipeline the rules need: where a mapping makes OCSF names, that of OCSF.
    pub(super) const fn pipeline(&self) -> Option<(&'static str, &'static str)> {
        if self.mapping.is_some() {
            return Format::Ocsf.pipeline();
        }
        self.format.pipeline()
    }

    /// The events of a file; `-` is standard input.
    pub(super) fn open(&self, file: &Path) -> anyhow::Result<Events> {
        let from: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(file).with_context(|| file.display().to_string())?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        };
        let mut reader = Reader::new(from, self.format.of_lines(), Limits::default());
        if let Some(path) = &self.mapping {
            reader = reader.with_mapping(mapping(path)?);
        }
        Ok(Events {
            reader,
            last: 0,
            name: file.display().to_string(),
        })
    }
}

fn mapping(path: &Path) -> anyhow::Result<Mapping> {
    if path.as_os_str() == "ecs" {
        return Ok(Mapping::ecs()?);
    }
    let text = super::read(path)?;
    Ok(Mapping::read(&path.display().to_string(), &text)?)
}

/// The events of a file, and what was refused in it.
pub(super) struct Events {
    reader: Reader<Box<dyn BufRead>>,
    /// The time of the last event that had one; one without takes it.
    last: i64,
    name: String,
}

impl Events {
    /// Hands over every event with its time. The first lines that are none are told on standard error, all are counted.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(&Record, i64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut refused = 0;
        loop {
            let item = self.reader.next_item();
            match item.with_context(|| self.name.clone())? {
                None => return Ok(()),
                Some(Item::Event(record)) => {
                    self.last = record.time().unwrap_or(self.last);
                    take(record, self.last)?;
                }
                Some(Item::Refused { number, reason, .. }) => {
                    refused += 1;
                    if refused <= SHOWN {
                        eprintln!("hudun: {}: line {number}: {reason}", self.name);
                    }
                    if refused == SHOWN {
                        eprintln!("hudun: {}: further such lines are only counted", self.name);
                    }
                }
            }
        }
    }

    pub(super) const fn counts(&self) -> &Counts {
        self.reader.counts()
    }
}

/// A record as a rule reads it.
pub(super) struct Seen<'r>(pub(super) &'r Record);

impl Event for Seen<'_> {
    fn visit<'a>(&'a self, sink: &mut dyn FnMut(&str, Field<'a>)) {
        for (name, held) in self.0.fields() {
            sink(
                name,
                match held {
                    Held::Null => Field::Null,
                    Held::Bool(value) => Field::Bool(value),
                    Held::Int(value) => Field::Int(value),
                    Held::Float(value) => Field::Float(value),
                    Held::Text(value) => Field::Text(value),
                    Held::List => Field::List,
                    Held::Object => Field::Object,
                },
            );
        }
    }
}

/// The events of a record, one for each person, where it lists persons: a correlation counts one value per event.
pub(super) fn per_subject(record: &Record) -> Vec<serde_json::Value> {
    if record.get("scrm.subjects") != Some(Held::List) {
        return Vec::new();
    }
    match record.to_event() {
        Ok(event) => event
            .per_subject()
            .map(hudun_event::Event::into_ocsf)
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// What was read, for standard error.
pub(super) fn told(counts: &Counts) -> serde_json::Value {
    json!({
        "lines": counts.lines,
        "events": counts.events,
        "refused": counts.refused,
        "without_time": counts.without_time,
        "values_left_out": counts.values_left_out,
        "not_utf8_mended": counts.not_utf8_mended,
        "octet_counts_mended": counts.octet_counts_mended,
    })
}
