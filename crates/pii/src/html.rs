//! HTML and XML: text between tags, attributes, and rows marked by an attribute.

use crate::book::{Book, Mark, Owner};
use crate::decode::{Decoded, Writing};
use crate::field::Role;
use crate::frame::{Frame, Frames};
use crate::text::loose;
use crate::window::{cut, opaque};

/// Reads markup leniently, as browsers do: what is no tag is text.
#[derive(Debug, Default)]
pub(crate) struct Html {
    frames: Frames,
    /// For each open row: the element and how many of its name are open inside it, itself included.
    rows: Vec<(Vec<u8>, u32)>,
    /// The field of the element whose text is being read.
    field: Option<(Vec<u8>, Role)>,
    /// Inside `<script>` or `<style>`, whose content holds no tags.
    raw: Option<Vec<u8>>,
    comment: bool,
    /// Bytes of the unfinished token that have been searched.
    searched: Search,
}

#[derive(Clone, Copy, Debug, Default)]
struct Search {
    at: usize,
    quote: u8,
}

const MAX_ROWS: usize = 64;

/// An attribute: its name, and where its value stands.
struct Attribute {
    name: Vec<u8>,
    start: usize,
    end: usize,
}

impl Html {
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
            let used = if self.raw.is_none() && !self.comment && is_tag(rest) == Some(true) {
                match self.tag_end(rest, book.bounds.max_unsettled) {
                    TagEnd::At(len) => {
                        self.tag(book, &rest[..len], first);
                        len
                    }
                    TagEnd::TooLong => self.text(book, rest, 1, first),
                    TagEnd::NotYet if last => {
                        self.text(book, rest, rest.len().min(book.bounds.max_value), first)
                    }
                    TagEnd::NotYet => break,
                }
            } else if self.raw.is_none() && !self.comment && is_tag(rest).is_none() && !last {
                break;
            } else {
                match self.text_end(rest, book.bounds.max_value, last) {
                    Some(len) => self.text(book, rest, len, first),
                    None => break,
                }
            };
            at += used;
            let pos = book.base + at as u64;
            if let Some(low) = self.frames.low()
                && pos - low.at > book.bounds.max_unsettled as u64
            {
                self.frames.force(book);
            }
        }
        if last {
            self.frames.end(book, book.base + data.len() as u64);
        }
        (at, self.frames.low())
    }

    /// The length of the text at the start: up to the next tag, or a safe cut of a long one.
    fn text_end(&mut self, rest: &[u8], limit: usize, last: bool) -> Option<usize> {
        let window = &rest[..rest.len().min(limit)];
        let end = if self.comment {
            let end = memchr::memmem::find(window, b"-->").map(|end| end + 3);
            if end.is_some() {
                self.comment = false;
            }
            end
        } else if let Some(name) = &self.raw {
            let end = memchr::memmem::find_iter(window, b"</").find(|&at| {
                window
                    .get(at + 2..at + 2 + name.len())
                    .is_some_and(|found| found.eq_ignore_ascii_case(name))
            });
            match end {
                Some(0) => {
                    self.raw = None;
                    return self.text_end(rest, limit, last);
                }
                end => end,
            }
        } else {
            // A `<` that starts no tag is text; one at the end of what has come waits for what tells.
            let start = memchr::memchr_iter(b'<', window)
                .find(|&at| at > 0 && is_tag(&rest[at..]) != Some(false));
            if !last && start.is_some_and(|at| is_tag(&rest[at..]).is_none()) {
                return None;
            }
            start
        };
        match end {
            Some(0) if last || rest.len() > 16 => Some(1),
            Some(end) => Some(end),
            None if rest.len() > limit => Some(cut(window)),
            None if last => Some(window.len()),
            None => None,
        }
    }

    /// Reads `len` bytes of text.
    fn text(&mut self, book: &mut Book, rest: &[u8], len: usize, first: u64) -> usize {
        let raw = &rest[..len];
        // A script says its strings with the escapes of JSON.
        let writing = if self.raw.is_some() {
            Writing::Json
        } else {
            Writing::Html
        };
        let role = self
            .field
            .as_ref()
            .map(|(_, role)| *role)
            .unwrap_or_default();
        if self.frames.stack.is_empty() && role == Role::default() {
            loose(book, raw, writing, first);
            return len;
        }
        self.value(book, raw, writing, role, first);
        len
    }

    /// Reads a text or an attribute's value in its row and writes it out.
    fn value(&mut self, book: &mut Book, raw: &[u8], writing: Writing, role: Role, first: u64) {
        // White space around a value belongs to the layout.
        let head = raw.len() - raw.trim_ascii_start().len();
        let body = raw.trim_ascii();
        let decoded = Decoded::new(body, writing);
        let mark = book.mark(first, 0);
        match self.frames.home() {
            Some(home) => {
                let keyed = self.frames.subject(home).is_some();
                let group = &mut self.frames.stack[home].group;
                if book.examine(&decoded.text, role, keyed, false, group) {
                    self.frames.wait(home, mark);
                }
            }
            None => {
                let mut group = crate::group::Group::default();
                if book.examine(&decoded.text, role, false, true, &mut group) {
                    book.emit_values(first, &group);
                }
            }
        }
        let strange = opaque(&decoded.text).min(raw.len() as u64);
        if strange > 0 {
            book.opaque(first + raw.len() as u64, strange);
        }
        if book.hides() {
            book.copy(&raw[..head]);
            book.put_text(&decoded.text, &|from, to| decoded.written(from, to));
            book.copy(&raw[head + body.len()..]);
        } else {
            book.copy(raw);
        }
    }

    fn tag_end(&mut self, rest: &[u8], limit: usize) -> TagEnd {
        if rest.starts_with(b"<!--") {
            self.comment = true;
            return TagEnd::At(4);
        }
        let Search { mut at, mut quote } = self.searched;
        let window = &rest[..rest.len().min(limit)];
        while let Some(&byte) = window.get(at) {
            at += 1;
            match byte {
                b'>' if quote == 0 => {
                    self.searched = Search::default();
                    return TagEnd::At(at);
                }
                // A quote opens a value only after `=`.
                b'"' | b'\''
                    if quote == 0 && window[..at - 1].trim_ascii_end().last() == Some(&b'=') =>
                {
                    quote = byte;
                }
                byte if byte == quote => quote = 0,
                _ => {}
            }
        }
        if rest.len() > limit {
            self.searched = Search::default();
            return TagEnd::TooLong;
        }
        self.searched = Search { at, quote };
        TagEnd::NotYet
    }

    fn tag(&mut self, book: &mut Book, tag: &[u8], first: u64) {
        let closes = tag.get(1) == Some(&b'/');
        let from = if closes { 2 } else { 1 };
        let len = tag[from..]
            .iter()
            .take_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'!' | b'?')
            })
            .count();
        let name = tag[from..from + len].to_ascii_lowercase();
        if closes {
            book.copy(tag);
            self.end_tag(book, &name, first);
            return;
        }
        let alone = tag.ends_with(b"/>") || is_void(&name);
        let attributes = attributes(tag, from + len);
        // Only `data-` attributes hold data; `name`, `id` and `title` belong to HTML itself.
        let role = |name: &[u8], book: &Book| match name.strip_prefix(b"data-") {
            Some(short) => match book.map.role(name, b"") {
                role if role != Role::default() => role,
                _ => book.map.role(short, b""),
            },
            None => Role::default(),
        };
        let opened = self.row_of(book, tag, &attributes, &name, alone, first, &role);
        let field = attributes
            .iter()
            .filter(|a| matches!(&a.name[..], b"data-field" | b"itemprop" | b"name"))
            .map(|a| {
                book.map
                    .role(&tag[a.start..a.end].to_ascii_lowercase(), b"")
            })
            .find(|role| *role != Role::default());
        let mut copied = 0;
        for attribute in &attributes {
            let role = match (&attribute.name[..], field) {
                (b"value" | b"content", Some(field)) => field,
                (name, _) => role(name, book),
            };
            book.copy(&tag[copied..attribute.start]);
            self.value(
                book,
                &tag[attribute.start..attribute.end],
                Writing::Html,
                role,
                first,
            );
            copied = attribute.end;
        }
        book.copy(&tag[copied..]);
        if alone {
            if opened {
                self.rows.pop();
                self.frames.close(book, first + tag.len() as u64);
            }
            return;
        }
        if let Some(role) = field {
            self.field = Some((name.clone(), role));
        }
        if matches!(&name[..], b"script" | b"style") {
            self.raw = Some(name);
        }
    }

    /// Opens a row if an attribute names its subject; counts the element otherwise.
    #[expect(
        clippy::too_many_arguments,
        reason = "one use, and each is a different thing"
    )]
    fn row_of(
        &mut self,
        book: &mut Book,
        tag: &[u8],
        attributes: &[Attribute],
        name: &[u8],
        alone: bool,
        first: u64,
        role: &dyn Fn(&[u8], &Book) -> Role,
    ) -> bool {
        let mut subject = None;
        let mut owner = Owner::Unknown;
        for attribute in attributes {
            let role = role(&attribute.name, book);
            if role.key.is_none() && !role.owner {
                continue;
            }
            let decoded = Decoded::new(&tag[attribute.start..attribute.end], Writing::Html);
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
        // The end tag of these may be left out.
        let implied = matches!(name, b"tr" | b"option");
        if subject.is_some() && implied && self.rows.last().is_some_and(|(open, _)| open == name) {
            self.rows.pop();
            self.frames.close(book, first);
        }
        match subject {
            Some((rank, token)) if self.rows.len() < MAX_ROWS => {
                for (_, count) in self
                    .rows
                    .iter_mut()
                    .filter(|(open, _)| open == name && !alone)
                {
                    *count += 1;
                }
                let mut frame = Frame::new(false, 0);
                (frame.row, frame.in_row, frame.owner) = (true, true, owner);
                self.frames.stack.push(frame);
                let home = self.frames.stack.len() - 1;
                self.frames.set_subject(home, rank, token);
                self.rows.push((name.to_vec(), 1));
                true
            }
            _ => {
                if subject.is_some() {
                    book.fed.losses.too_deep += 1;
                }
                if let (Owner::Asker | Owner::Foreign, Some(frame)) = (owner, self.frames.top()) {
                    frame.owner = owner;
                }
                for (_, count) in self
                    .rows
                    .iter_mut()
                    .filter(|(open, _)| open == name && !alone)
                {
                    *count += 1;
                }
                false
            }
        }
    }

    fn end_tag(&mut self, book: &mut Book, name: &[u8], at: u64) {
        if self.field.as_ref().is_some_and(|(open, _)| open == name) {
            self.field = None;
        }
        for (_, count) in self.rows.iter_mut().filter(|(open, _)| open == name) {
            *count = count.saturating_sub(1);
        }
        while self.rows.last().is_some_and(|(_, count)| *count == 0) {
            self.rows.pop();
            self.frames.close(book, at);
        }
    }
}

enum TagEnd {
    At(usize),
    NotYet,
    TooLong,
}

/// Whether a tag starts here; `None` if the next bytes tell.
fn is_tag(rest: &[u8]) -> Option<bool> {
    if rest.first() != Some(&b'<') {
        return Some(false);
    }
    match rest.get(1) {
        Some(b'!') => match rest.len() {
            2 | 3 if b"<!--".starts_with(rest) => None,
            _ => Some(true),
        },
        Some(b'/') => rest.get(2).map(u8::is_ascii_alphabetic),
        Some(byte) => Some(byte.is_ascii_alphabetic() || *byte == b'?'),
        None => None,
    }
}

fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"source"
            | b"track"
            | b"wbr"
    ) || name.starts_with(b"!")
        || name.starts_with(b"?")
}

/// The attributes of a start tag. A doctype or an instruction is read as one value.
fn attributes(tag: &[u8], from: usize) -> Vec<Attribute> {
    let end = tag.len() - 1;
    let mut found = Vec::new();
    let mut at = from;
    while at < end {
        let byte = tag[at];
        if byte.is_ascii_whitespace() || byte == b'/' {
            at += 1;
            continue;
        }
        let name = at;
        while at < end && !tag[at].is_ascii_whitespace() && tag[at] != b'=' {
            at += 1;
        }
        let name_end = at;
        while at < end && tag[at].is_ascii_whitespace() {
            at += 1;
        }
        if at >= end || tag[at] != b'=' {
            // A name alone may be a value too (`<!DOCTYPE …>`, `<?… 138… ?>`).
            found.push(Attribute {
                name: Vec::new(),
                start: name,
                end: name_end.max(name + 1).min(end),
            });
            at = at.max(name + 1);
            continue;
        }
        at += 1;
        while at < end && tag[at].is_ascii_whitespace() {
            at += 1;
        }
        let (start, stop);
        match tag.get(at) {
            Some(&quote @ (b'"' | b'\'')) if at < end => {
                start = at + 1;
                stop = start + memchr::memchr(quote, &tag[start..end]).unwrap_or(end - start);
                at = (stop + 1).min(end);
            }
            _ => {
                start = at;
                while at < end && !tag[at].is_ascii_whitespace() {
                    at += 1;
                }
                stop = at;
            }
        }
        found.push(Attribute {
            name: tag[name..name_end].to_ascii_lowercase(),
            start,
            end: stop,
        });
    }
    found
}
