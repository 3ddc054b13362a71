//! Separated values: a record is a row, the header or the request names the columns.

use crate::book::{Book, Mark, Owner};
use crate::decode::{Decoded, Writing};
use crate::field::Role;
use crate::group::Group;
use crate::text::loose;
use crate::window::{cut, opaque};

/// Reads records; one record is always in hand as a whole, unless it is longer than the bound.
#[derive(Debug, Default)]
pub(crate) struct Csv {
    columns: Option<Vec<Role>>,
    separator: u8,
    search: Search,
    /// The rest of a record that is too long, read as text up to the next line.
    overlong: bool,
}

/// How far the unfinished record has been searched for its end.
#[derive(Clone, Copy, Debug, Default)]
struct Search {
    at: usize,
    quoted: bool,
    inside: bool,
}

impl Csv {
    pub(crate) fn step(
        &mut self,
        book: &mut Book,
        data: &[u8],
        last: bool,
    ) -> (usize, Option<Mark>) {
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            let first = book.base + at as u64;
            if self.overlong {
                let line = memchr::memchr(b'\n', rest).map(|end| end + 1);
                let window = match line {
                    Some(end) if end <= book.bounds.max_value => &rest[..end],
                    _ if rest.len() > book.bounds.max_value => {
                        let window = &rest[..book.bounds.max_value];
                        &window[..cut(window)]
                    }
                    _ if last => rest,
                    _ => break,
                };
                self.overlong = line != Some(window.len());
                loose(book, window, Writing::Plain, first);
                book.opaque(first + window.len() as u64, window.len() as u64);
                at += window.len();
                continue;
            }
            let bound = book.bounds.max_unsettled.max(book.bounds.max_value);
            let window = &rest[..rest.len().min(bound)];
            let len = match self.record_end(window) {
                Some(len) => len,
                None if rest.len() > bound => {
                    book.fed.losses.forced += 1;
                    self.overlong = true;
                    self.search = Search::default();
                    continue;
                }
                None if last => rest.len(),
                None => break,
            };
            self.search = Search::default();
            self.record(book, &rest[..len], first);
            at += len;
        }
        (at, None)
    }

    /// The length of the record with its line end.
    fn record_end(&mut self, data: &[u8]) -> Option<usize> {
        let Search {
            mut at,
            mut quoted,
            mut inside,
        } = self.search;
        while let Some(&byte) = data.get(at) {
            at += 1;
            match byte {
                b'"' if quoted => quoted = false,
                b'"' if !inside => (quoted, inside) = (true, true),
                // The second of a doubled quote opens again.
                b'"' if at >= 2 && data[at - 2] == b'"' => quoted = true,
                _ if quoted => {}
                b'\n' => return Some(at),
                b',' | b';' | b'\t' => inside = false,
                _ => inside = true,
            }
        }
        self.search = Search { at, quoted, inside };
        None
    }

    fn record(&mut self, book: &mut Book, record: &[u8], first: u64) {
        if self.columns.is_none() {
            self.separator = separator(record);
            if self.header(book, record) {
                book.copy(record);
                return;
            }
        }
        let roles = self.columns.as_deref().unwrap_or_default();
        let cells = cells(record, self.separator);
        if cells.iter().all(|&(start, end, _)| start == end) {
            book.copy(record);
            return;
        }
        let mut group = Group::default();
        let mut subject = None;
        let mut owner = Owner::Unknown;
        let role = |index: usize| roles.get(index).copied().unwrap_or_default();
        for (index, &(start, end, writing)) in cells.iter().enumerate() {
            let role = role(index);
            if role.key.is_none() && !role.owner {
                continue;
            }
            let decoded = Decoded::new(&record[start..end], writing);
            let value = String::from_utf8_lossy(&decoded.text);
            if let (Some(rank), Some(token)) = (role.key, book.customer(&value))
                && subject.is_none_or(|(known, _)| rank < known)
            {
                subject = Some((rank, token));
            }
            if role.owner {
                owner = book.owner(&value);
            }
        }
        let mut copied = 0;
        for (index, &(start, end, writing)) in cells.iter().enumerate() {
            let decoded = Decoded::new(&record[start..end], writing);
            book.examine(
                &decoded.text,
                role(index),
                subject.is_some(),
                false,
                &mut group,
            );
            let strange = opaque(&decoded.text).min((end - start) as u64);
            if strange > 0 {
                book.opaque(first + record.len() as u64, strange);
            }
            if book.hides() {
                book.copy(&record[copied..start]);
                book.put_text(&decoded.text, &|from, to| decoded.written(from, to));
                copied = end;
            }
        }
        book.copy(&record[copied..]);
        book.row(owner);
        match subject {
            Some((_, subject)) if !group.kinds.is_empty() => {
                book.emit(first, group.of_subject(subject));
            }
            Some(_) => {}
            None => book.emit_values(first, &group),
        }
    }

    /// Takes the first record as the header, unless the request named the columns or it holds data itself.
    fn header(&mut self, book: &mut Book, record: &[u8]) -> bool {
        let names: Vec<Vec<u8>> = cells(record, self.separator)
            .iter()
            .map(|&(start, end, writing)| {
                let decoded = Decoded::new(&record[start..end], writing);
                let text = decoded.text.strip_prefix("\u{FEFF}".as_bytes());
                text.unwrap_or(&decoded.text)
                    .trim_ascii()
                    .to_ascii_lowercase()
            })
            .collect();
        let declared = book.map.columns().to_vec();
        let is_header = if declared.is_empty() {
            let mut group = Group::default();
            !names
                .iter()
                .any(|name| book.examine(name, Role::default(), true, false, &mut group))
        } else {
            names == declared || book.map.has_header_row()
        };
        let columns = if declared.is_empty() && is_header {
            names
        } else {
            declared
        };
        self.columns = Some(
            columns
                .iter()
                .map(|name| book.map.role(name, b""))
                .collect(),
        );
        is_header
    }
}

/// The separator that stands most often in the first record.
fn separator(record: &[u8]) -> u8 {
    let count = |byte: u8| memchr::memchr_iter(byte, record).count();
    [b',', b'\t', b';']
        .into_iter()
        .rev()
        .max_by_key(|&byte| count(byte))
        .unwrap_or(b',')
}

/// Where the contents of the cells are, and how they are written.
fn cells(record: &[u8], separator: u8) -> Vec<(usize, usize, Writing)> {
    let mut line = record.len();
    while line > 0 && matches!(record[line - 1], b'\n' | b'\r') {
        line -= 1;
    }
    let mut cells = Vec::new();
    // A byte order mark stands before the first cell.
    let mut at = if record.starts_with("\u{FEFF}".as_bytes()) {
        3
    } else {
        0
    };
    loop {
        if record[at..line].first() == Some(&b'"') {
            let start = at + 1;
            let mut end = start;
            while end < line {
                match (record[end], record.get(end + 1)) {
                    (b'"', Some(b'"')) if end + 1 < line => end += 2,
                    (b'"', _) => break,
                    _ => end += 1,
                }
            }
            let end = end.min(line);
            cells.push((start, end, Writing::Quoted));
            // What stands between the quote and the separator is a cell of nobody, but it is read.
            let tail = (end + 1).min(line);
            at = tail
                + record[tail..line]
                    .iter()
                    .position(|&b| b == separator)
                    .unwrap_or(line - tail);
            if at > tail {
                cells.push((tail, at, Writing::Plain));
            }
        } else {
            let start = at;
            at += record[at..line]
                .iter()
                .position(|&b| b == separator)
                .unwrap_or(line - at);
            cells.push((start, at, Writing::Plain));
        }
        if at >= line {
            return cells;
        }
        at += 1;
    }
}
