//! The scanner: bytes in at any cut, sightings and settled bytes out.

use hudun_core::Sighting;

use crate::book::{Book, Mark};
use crate::csv::Csv;
use crate::field::FieldMap;
use crate::html::Html;
use crate::json::Json;
use crate::keyer::Keyer;
use crate::text::Text;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document per line; also server-sent events and JSON with a guard prefix.
    Ndjson,
    /// HTML or XML.
    Html,
    /// Comma, semicolon or tab separated values with a header row (or with the columns of the map).
    Csv,
    /// Anything else that is text.
    Text,
}

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScanMode {
    /// Report it.
    Observe,
    /// Report it and hide it in the output.
    Mask,
}

/// Limits on what the scanner holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes that may wait for the end of their row. Beyond it the scanner settles by force.
    pub max_unsettled: usize,
    /// Bytes of one value read in one piece; longer ones are read in overlapping windows.
    pub max_value: usize,
    /// Containers within containers whose structure is followed; deeper values are read as text.
    pub max_depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_unsettled: 64 << 10,
            max_value: 16 << 10,
            max_depth: 64,
        }
    }
}

/// What one step gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fed {
    /// Whose data is in the bytes that became settled. A subject may appear again in later steps.
    pub sightings: Vec<Sighting>,
    /// Offset in the original stream: everything before it is accounted for by the sightings returned so far. It never
    /// goes back.
    pub settled: u64,
    /// In mask mode, the output for the bytes that became settled; otherwise empty.
    pub output: Vec<u8>,
    /// Rows that ended.
    pub rows: u32,
    /// Of them, rows whose owner is another account than the asker.
    pub foreign_rows: u32,
    /// Of the bytes that became settled, how many were understood. Not understood: what broke the syntax, what lay too
    /// deep, bytes that are no UTF-8, and long words without meaning such as base64.
    pub explained: u64,
    /// What could not be done exactly.
    pub losses: Losses,
}

/// What the scanner could not do exactly; each is counted, none is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Rows settled before their end because they were longer than the bound.
    pub forced: u32,
    /// Groups of data with neither a subject key nor a value that could name a person.
    pub unattributed: u32,
    /// Containers deeper than the bound.
    pub too_deep: u32,
    /// Places where the syntax broke; the rest was read as text.
    pub malformed: u32,
}

/// Finds personal data in one body as it passes. Give it the bytes with [`Scanner::feed`], in pieces of any size, and
/// release to the client only what is settled, after the sightings returned so far are durable.
#[derive(Debug)]
pub struct Scanner {
    book: Book,
    engine: Engine,
    /// Bytes of a token whose end has not come yet.
    carry: Vec<u8>,
}

#[derive(Debug)]
enum Engine {
    Json(Box<Json>),
    Text(Text),
    Html(Box<Html>),
    Csv(Box<Csv>),
}

impl Scanner {
    /// A scanner for one body.
    pub fn new(
        format: Format,
        map: &FieldMap,
        keyer: &Keyer,
        mode: ScanMode,
        bounds: Bounds,
    ) -> Self {
        let bounds = Bounds {
            max_value: bounds.max_value.max(1 << 10),
            max_depth: bounds.max_depth.max(1),
            ..bounds
        };
        Self {
            book: Book::new(map, keyer.clone(), mode, bounds),
            engine: match format {
                Format::Json | Format::Ndjson => Engine::Json(Box::default()),
                Format::Html => Engine::Html(Box::default()),
                Format::Csv => Engine::Csv(Box::default()),
                Format::Text => Engine::Text(Text::default()),
            },
            carry: Vec::new(),
        }
    }

    /// Says which account asked, so that rows of others are counted.
    #[must_use]
    pub fn asked_by(mut self, account: &str) -> Self {
        self.book.set_asker(account);
        self
    }

    /// Reads the next bytes of the body.
    pub fn feed(&mut self, chunk: &[u8]) -> Fed {
        self.step(chunk, false)
    }

    /// Ends the body: everything is settled.
    pub fn finish(mut self) -> Fed {
        self.step(&[], true)
    }

    fn step(&mut self, chunk: &[u8], last: bool) -> Fed {
        let mut carry = std::mem::take(&mut self.carry);
        let whole = carry.is_empty();
        if !whole {
            carry.extend_from_slice(chunk);
        }
        let data = if whole { chunk } else { &carry };
        let (used, low) = match &mut self.engine {
            Engine::Json(json) => json.step(&mut self.book, data, last),
            Engine::Text(text) => text.step(&mut self.book, data, last),
            Engine::Html(html) => html.step(&mut self.book, data, last),
            Engine::Csv(csv) => csv.step(&mut self.book, data, last),
        };
        let used = if last { data.len() } else { used };
        if whole {
            carry.extend_from_slice(&chunk[used..]);
        } else {
            carry.drain(..used);
        }
        self.carry = carry;
        self.book.base += used as u64;
        let end: Mark = self.book.mark(self.book.base, 0);
        self.book.settle(low.map_or(end, |low| low.min(end)))
    }
}
