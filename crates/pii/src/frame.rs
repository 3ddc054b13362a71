//! The open containers of a document and whose data is in them.

use hudun_core::SubjectToken;

use crate::book::{Book, Mark, Owner};
use crate::field::Role;
use crate::group::{Group, Ident};

/// One open object, array, element or row.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// A list: its elements may be different persons.
    pub(crate) list: bool,
    /// A row of the answer.
    pub(crate) row: bool,
    /// Inside a row, or one itself.
    pub(crate) in_row: bool,
    /// The elements are rows.
    pub(crate) holds_rows: bool,
    /// What the name of the container says of the values in it.
    pub(crate) role: Role,
    /// Length of the path without this container.
    pub(crate) path_len: usize,
    /// The next element's number.
    pub(crate) index: usize,
    pub(crate) owner: Owner,
    subject: Option<(u8, SubjectToken)>,
    pub(crate) group: Group,
    /// Groups of list elements below that named no subject of their own.
    loose: Vec<Group>,
    /// The first value that waits for its subject.
    first: Option<Mark>,
    within: Within,
    /// What was settled by force before the subject was known.
    forced: Group,
}

/// The subjects of keyed objects inside a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Nobody,
    One(SubjectToken),
    Several,
}

impl Within {
    fn add(&mut self, other: Self) {
        *self = match (*self, other) {
            (Self::Nobody, other) => other,
            (known, Self::Nobody) => known,
            (known, other) if known == other => known,
            _ => Self::Several,
        };
    }
}

/// The stack of open frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    pub(crate) stack: Vec<Frame>,
    low: Option<Mark>,
}

const MAX_FORCED: usize = 16;

impl Frames {
    /// The lowest place whose value waits.
    pub(crate) fn low(&self) -> Option<Mark> {
        self.low
    }

    pub(crate) fn top(&mut self) -> Option<&mut Frame> {
        self.stack.last_mut()
    }

    /// The frame to which a value at the top belongs: the innermost object or row.
    pub(crate) fn home(&self) -> Option<usize> {
        self.stack
            .iter()
            .rposition(|frame| !frame.list || frame.row)
    }

    /// The subject of a frame: its own, or that of the frame around it, up to the row.
    pub(crate) fn subject(&self, mut at: usize) -> Option<SubjectToken> {
        loop {
            let frame = self.stack.get(at)?;
            if let Some((_, subject)) = frame.subject {
                return Some(subject);
            }
            if frame.row || at == 0 {
                return None;
            }
            at -= 1;
        }
    }

    /// Notes a subject key. Of several, the lowest rank wins, of equals the last.
    pub(crate) fn set_subject(&mut self, home: usize, rank: u8, subject: SubjectToken) {
        if let Some(frame) = self.stack.get_mut(home)
            && frame.subject.is_none_or(|(known, _)| rank <= known)
        {
            frame.subject = Some((rank, subject));
        }
    }

    /// Notes that a value at `mark` waits in a frame.
    pub(crate) fn wait(&mut self, home: usize, mark: Mark) {
        if let Some(frame) = self.stack.get_mut(home) {
            frame.first = Some(frame.first.map_or(mark, |first| first.min(mark)));
            self.low = Some(self.low.map_or(mark, |low| low.min(mark)));
        }
    }

    /// Closes the innermost frame at offset `at`: its data goes to its subject, or to the frame around it, or speaks for
    /// itself.
    pub(crate) fn close(&mut self, book: &mut Book, at: u64) {
        let Some(mut frame) = self.stack.pop() else {
            return;
        };
        let first = frame.first.map_or(at, |first| first.at);
        if frame.row || frame.subject.is_some() && !book.map.knows_rows() {
            book.row(frame.owner);
        }
        if let Some((_, subject)) = frame.subject {
            frame.fold_loose();
            frame.group.absorb(std::mem::take(&mut frame.forced));
            if !frame.group.kinds.is_empty() {
                book.emit(first, frame.group.of_subject(subject));
            }
            frame.within = Within::One(subject);
        } else if let (true, Within::One(subject)) = (frame.row, frame.within) {
            // A row without key around one person: an order around its customer.
            frame.fold_loose();
            frame.group.absorb(std::mem::take(&mut frame.forced));
            if !frame.group.kinds.is_empty() {
                frame.group.idents.clear();
                book.emit(first, frame.group.of_subject(subject));
            }
        } else if frame.row || self.home().is_none() {
            frame.speak(book, first);
        } else {
            self.hand_up(frame);
            return;
        }
        if let Some(parent) = self.stack.last_mut() {
            parent.within.add(frame.within);
        }
        self.lower(frame.first);
    }

    /// Merges a frame without subject into the object or row around it.
    fn hand_up(&mut self, mut frame: Frame) {
        let listed = self
            .stack
            .last()
            .is_some_and(|parent| parent.list && !parent.row);
        let Some(parent) = self.home().and_then(|home| self.stack.get_mut(home)) else {
            return;
        };
        if listed && !frame.list {
            if !frame.group.is_empty() {
                parent.loose.push(frame.group);
            }
        } else {
            parent.group.absorb(frame.group);
        }
        parent.loose.append(&mut frame.loose);
        parent.within.add(frame.within);
        parent.keep_forced(&frame.forced);
        if let Some(mark) = frame.first {
            parent.first = Some(parent.first.map_or(mark, |first| first.min(mark)));
        }
    }

    /// Settles everything that waits, although its rows go on.
    pub(crate) fn force(&mut self, book: &mut Book) {
        for at in 0..self.stack.len() {
            let subject = self.subject(at);
            let Some(frame) = self.stack.get_mut(at) else {
                continue;
            };
            let Some(first) = frame.first.take() else {
                continue;
            };
            match subject {
                Some(subject) => {
                    frame.fold_loose();
                    book.emit(first.at, frame.group.of_subject(subject));
                }
                None => {
                    book.fed.losses.forced += 1;
                    let group = frame.group.clone();
                    frame.keep_forced(&group);
                    for group in &frame.loose {
                        frame.forced.kinds = frame.forced.kinds.union(group.kinds);
                    }
                    frame.speak(book, first.at);
                }
            }
            frame.group.clear();
            frame.loose.clear();
        }
        self.low = None;
    }

    /// Ends all frames, as at the end of the body or where the syntax broke.
    pub(crate) fn end(&mut self, book: &mut Book, at: u64) {
        while !self.stack.is_empty() {
            self.close(book, at);
        }
        self.low = None;
    }

    fn lower(&mut self, gone: Option<Mark>) {
        if gone.is_some() && gone == self.low {
            self.low = self.stack.iter().filter_map(|frame| frame.first).min();
        }
    }
}

impl Frame {
    pub(crate) fn new(list: bool, path_len: usize) -> Self {
        Self {
            list,
            path_len,
            ..Self::default()
        }
    }

    /// The values speak for themselves.
    fn speak(&self, book: &mut Book, first: u64) {
        book.emit_values(first, &self.group);
        for group in &self.loose {
            book.emit_values(first, group);
        }
    }

    fn fold_loose(&mut self) {
        for group in self.loose.drain(..) {
            self.group.kinds = self.group.kinds.union(group.kinds);
        }
    }

    fn keep_forced(&mut self, group: &Group) {
        self.forced.kinds = self.forced.kinds.union(group.kinds);
        let mapped = group.idents.iter().filter(|ident: &&Ident| ident.mapped);
        for ident in mapped {
            if self.forced.idents.len() < MAX_FORCED {
                self.forced.idents.push(*ident);
            }
        }
    }
}
