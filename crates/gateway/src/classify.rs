//! Whose data is in an answer, piece by piece: what is settled may be recorded and then released.

use bytes::{Bytes, BytesMut};
use hudun_core::{KindSet, Sighting};
use hudun_pii::{Bounds, FieldMap, Format, Keyer, ScanMode, Scanner};
use hudun_policy::ResponseFacts;
use hudun_profile::{AnswerFormat, Fields, OneOrMany};

/// Reads one answer.
pub(crate) struct Classifier {
    mask: Option<Scanner>,
    watch: Option<Scanner>,
    held: BytesMut,
    settled: u64,
    masked_rows: (u32, u32),
}

/// A part of an answer that may leave once it is recorded.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) explained: u64,
    pub(crate) rows: u32,
    pub(crate) foreign_rows: u32,
    pub(crate) sightings: Vec<Sighting>,
    /// Places that could not be read exactly.
    pub(crate) malformed: u32,
}

/// What a classifier is told.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) format: Option<Format>,
    pub(crate) map: std::sync::Arc<FieldMap>,
    pub(crate) keyer: Keyer,
    pub(crate) account: Option<String>,
}

impl Reading {
    fn scanner(&self, format: Format, mode: ScanMode) -> Scanner {
        Scanner::new(format, &self.map, &self.keyer, mode, Bounds::default())
            // Of nobody, every row is foreign.
            .asked_by(self.account.as_deref().unwrap_or(""))
    }
}

impl Classifier {
    /// Begins to read. Without a format the bytes are taken as they are and explain nothing.
    pub(crate) fn new(reading: &Reading, mask: bool) -> Self {
        let scanner = |mode| reading.format.map(|format| reading.scanner(format, mode));
        Self {
            mask: if mask { scanner(ScanMode::Mask) } else { None },
            watch: scanner(ScanMode::Observe),
            held: BytesMut::new(),
            settled: 0,
            masked_rows: (0, 0),
        }
    }

    /// Reads bytes; what became settled comes out.
    pub(crate) fn feed(&mut self, bytes: &Bytes) -> Part {
        match &mut self.mask {
            Some(mask) => {
                let fed = mask.feed(bytes);
                self.masked_rows.0 += fed.rows;
                self.masked_rows.1 += fed.foreign_rows;
                let output = Bytes::from(fed.output);
                self.watch(&output)
            }
            None => self.watch(bytes),
        }
    }

    /// The rest of the answer.
    pub(crate) fn finish(mut self) -> Part {
        let mut last = Part::default();
        if let Some(mask) = self.mask.take() {
            let fed = mask.finish();
            self.masked_rows.0 += fed.rows;
            self.masked_rows.1 += fed.foreign_rows;
            last = self.watch(&Bytes::from(fed.output));
        }
        if let Some(watch) = self.watch.take() {
            let fed = watch.finish();
            last.explained += fed.explained;
            last.rows += fed.rows;
            last.foreign_rows += fed.foreign_rows;
            last.sightings.extend(fed.sightings);
            last.malformed += fed.losses.malformed + fed.losses.too_deep;
        }
        let mut bytes = BytesMut::from(&last.bytes[..]);
        bytes.extend_from_slice(&self.held);
        last.bytes = bytes.freeze();
        last.tidy();
        last
    }

    fn watch(&mut self, bytes: &Bytes) -> Part {
        let Some(watch) = &mut self.watch else {
            return Part {
                bytes: bytes.clone(),
                ..Part::default()
            };
        };
        let fed = watch.feed(bytes);
        let free = usize::try_from(fed.settled - self.settled).unwrap_or(usize::MAX);
        self.settled = fed.settled;
        let out = if self.held.is_empty() && free == bytes.len() {
            bytes.clone()
        } else {
            self.held.extend_from_slice(bytes);
            let free = free.min(self.held.len());
            self.held.split_to(free).freeze()
        };
        let mut part = Part {
            bytes: out,
            explained: fed.explained,
            rows: fed.rows,
            foreign_rows: fed.foreign_rows,
            sightings: fed.sightings,
            malformed: fed.losses.malformed + fed.losses.too_deep,
        };
        part.tidy();
        part
    }
}

impl Part {
    pub(crate) fn facts(&self) -> ResponseFacts {
        ResponseFacts {
            rows: self.rows,
            foreign_rows: self.foreign_rows,
            kinds: self.kinds(),
        }
    }

    pub(crate) fn kinds(&self) -> KindSet {
        self.sightings
            .iter()
            .fold(KindSet::EMPTY, |kinds, seen| kinds.union(seen.kinds))
    }

    /// Adds a later part.
    pub(crate) fn join(&mut self, later: Self) {
        if self.bytes.is_empty() {
            self.bytes = later.bytes;
        } else if !later.bytes.is_empty() {
            let mut bytes = BytesMut::from(std::mem::take(&mut self.bytes));
            bytes.extend_from_slice(&later.bytes);
            self.bytes = bytes.freeze();
        }
        self.explained += later.explained;
        self.rows += later.rows;
        self.foreign_rows += later.foreign_rows;
        self.malformed += later.malformed;
        self.sightings.extend(later.sightings);
        self.tidy();
    }

    /// One sighting for each subject, none without kinds.
    fn tidy(&mut self) {
        if self.sightings.len() < 2 && self.sightings.iter().all(|seen| !seen.kinds.is_empty()) {
            return;
        }
        self.sightings.retain(|seen| !seen.kinds.is_empty());
        self.sightings.sort_by_key(|seen| seen.subject);
        self.sightings.dedup_by(|later, first| {
            if later.subject != first.subject {
                return false;
            }
            first.kinds = first.kinds.union(later.kinds);
            for alias in &later.aliases {
                if !first.aliases.contains(alias) {
                    first.aliases.push(*alias);
                }
            }
            true
        });
    }
}

/// How to read an answer: by the route, else by its content type. `None`: of no kind that can be read.
pub(crate) fn format_of(route: AnswerFormat, content_type: Option<&str>) -> Option<Format> {
    match route {
        AnswerFormat::Json => return Some(Format::Json),
        AnswerFormat::Html => return Some(Format::Html),
        AnswerFormat::Csv => return Some(Format::Csv),
        AnswerFormat::Text => return Some(Format::Text),
        AnswerFormat::Auto | AnswerFormat::Static => {}
    }
    let kind = content_type?
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    Some(match kind.as_str() {
        "application/x-ndjson" | "application/jsonl" | "text/event-stream" => Format::Ndjson,
        "text/html" | "application/xhtml+xml" | "text/xml" | "application/xml" => Format::Html,
        "text/csv" | "text/tab-separated-values" => Format::Csv,
        json if json.ends_with("json") => Format::Json,
        xml if xml.ends_with("+xml") => Format::Html,
        text if text.starts_with("text/") => Format::Text,
        "application/javascript" | "application/x-javascript" => Format::Text,
        _ => return None,
    })
}

/// The scanner's map of a route's fields.
pub(crate) fn field_map(fields: &Fields) -> Result<FieldMap, hudun_pii::FieldMapError> {
    let mut map = FieldMap::builder();
    for pointer in &fields.rows {
        map = map.rows_at(if pointer.is_empty() { "/" } else { pointer });
    }
    for subject in fields.subject.iter().flat_map(OneOrMany::iter) {
        map = map.subject_key(subject);
    }
    if let Some(namespace) = &fields.namespace {
        map = map.subject_namespace(namespace);
    }
    if let Some(owner) = &fields.owner {
        map = map.owner(owner);
    }
    for (name, kind) in &fields.kinds {
        map = map.field(name, *kind);
    }
    for name in &fields.text {
        map = map.free_text(name);
    }
    for name in &fields.ignore {
        map = map.ignore(name);
    }
    map.build()
}
