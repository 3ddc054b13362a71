//! Running text without structure.

use crate::book::{Book, Mark};
use crate::decode::{Decoded, Writing};
use crate::field::Role;
use crate::group::Group;
use crate::window::{cut, opaque};

/// Reads text in windows; every value found speaks for itself.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// The text is what is left of a broken document: it is read, but doesn't count as understood.
    pub(crate) broken: bool,
}

impl Text {
    pub(crate) fn step(
        &mut self,
        book: &mut Book,
        data: &[u8],
        last: bool,
    ) -> (usize, Option<Mark>) {
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            let window = if rest.len() > book.bounds.max_value {
                let window = &rest[..book.bounds.max_value];
                &window[..cut(window)]
            } else if last {
                rest
            } else {
                break;
            };
            let first = book.base + at as u64;
            loose(book, window, Writing::Plain, first);
            at += window.len();
            if self.broken {
                book.opaque(book.base + at as u64, window.len() as u64);
            }
        }
        (at, None)
    }
}

/// Reads a piece of text that belongs to no row, writes it out, and reports its values at once.
pub(crate) fn loose(book: &mut Book, raw: &[u8], writing: Writing, first: u64) {
    let decoded = Decoded::new(raw, writing);
    let mut group = Group::default();
    if book.examine(&decoded.text, Role::default(), false, true, &mut group) {
        book.emit_values(first, &group);
    }
    let strange = opaque(&decoded.text);
    if strange > 0 {
        book.opaque(first + raw.len() as u64, strange.min(raw.len() as u64));
    }
    if book.hides() {
        book.put_text(&decoded.text, &|start, end| decoded.written(start, end));
    } else {
        book.copy(raw);
    }
}
