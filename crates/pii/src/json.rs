//! JSON, read token by token without a tree.

use crate::book::{Book, Mark, Owner};
use crate::decode::{Decoded, Writing};
use crate::field::Role;
use crate::frame::{Frame, Frames};
use crate::group::Group;
use crate::text::{Text, loose};
use crate::window::{cut, opaque};

/// Reads one JSON document, or several after each other.
#[derive(Debug, Default)]
pub(crate) struct Json {
    frames: Frames,
    /// Lower-case names of the containers, as `/a/b`.
    path: Vec<u8>,
    /// The name before the value in hand, in lower case, and what it means.
    key: Vec<u8>,
    role: Role,
    expect: Expect,
    /// Containers open beyond the bound on depth.
    over: usize,
    /// Bytes of the unfinished token that have been searched for its end.
    searched: usize,
    /// In the middle of a long string.
    long: Option<Place>,
    /// The syntax broke: the rest is read as text.
    broken: Option<Text>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expect {
    /// Between documents.
    #[default]
    Document,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    role: Role,
    home: Option<usize>,
    listed: bool,
    keyed: bool,
    /// The role is that of the container around it.
    inherited: bool,
}

/// The bytes in hand.
struct Cursor<'d> {
    data: &'d [u8],
    at: usize,
    /// Bytes passed to the output.
    copied: usize,
    last: bool,
}

/// Why the loop stops.
enum Stop {
    /// The token goes on in the next bytes.
    Unfinished,
    /// The syntax broke here.
    Broken,
}

const MAX_KEY: usize = 256;
const MAX_NUMBER: usize = 1_024;

impl Json {
    pub(crate) fn step(
        &mut self,
        book: &mut Book,
        data: &[u8],
        last: bool,
    ) -> (usize, Option<Mark>) {
        let mut cursor = Cursor {
            data,
            at: 0,
            copied: 0,
            last,
        };
        if self.broken.is_none() {
            let stop = self.tokens(book, &mut cursor);
            if matches!(stop, Err(Stop::Broken)) || last && cursor.at < data.len() {
                book.fed.losses.malformed += 1;
                self.frames.end(book, book.base + cursor.at as u64);
                self.broken = Some(Text { broken: true });
            }
        }
        book.copy(&data[cursor.copied..cursor.at]);
        if let Some(text) = &mut self.broken {
            book.base += cursor.at as u64;
            let (used, low) = text.step(book, &data[cursor.at..], last);
            book.base -= cursor.at as u64;
            return (cursor.at + used, low);
        }
        if last {
            self.frames.end(book, book.base + data.len() as u64);
        }
        (cursor.at, self.frames.low())
    }

    fn tokens(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        if self.long.is_some() {
            self.long_string(book, cursor)?;
        }
        while let Some(&byte) = cursor.data.get(cursor.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    cursor.at += 1;
                    continue;
                }
                b'"' => self.string(book, cursor)?,
                _ if self.over > 0 => self.too_deep(book, cursor, byte)?,
                b'{' | b'[' => {
                    if !self.value_may_come() {
                        return Err(Stop::Broken);
                    }
                    self.open(book, cursor, byte == b'[');
                }
                b'}' | b']' => self.close(book, cursor, byte == b']')?,
                b',' if self.expect == Expect::CommaOrEnd => {
                    cursor.at += 1;
                    self.expect = match self.frames.top() {
                        Some(top) if top.list => {
                            top.index += 1;
                            Expect::Value
                        }
                        _ => Expect::Key,
                    };
                    continue;
                }
                b':' if self.expect == Expect::Colon => {
                    cursor.at += 1;
                    self.expect = Expect::Value;
                    continue;
                }
                b'0'..=b'9' | b'-' if self.value_may_come() => self.number(book, cursor)?,
                _ if self.expect == Expect::Document => self.between(book, cursor)?,
                b'a'..=b'z' if self.value_may_come() => self.literal(book, cursor)?,
                _ => return Err(Stop::Broken),
            }
            self.check_unsettled(book, cursor);
        }
        Ok(())
    }

    fn check_unsettled(&mut self, book: &mut Book, cursor: &Cursor<'_>) {
        let pos = book.base + cursor.at as u64;
        if let Some(low) = self.frames.low()
            && pos - low.at > book.bounds.max_unsettled as u64
        {
            self.frames.force(book);
        }
    }

    fn value_may_come(&self) -> bool {
        matches!(
            self.expect,
            Expect::Value | Expect::ValueOrEnd | Expect::Document
        )
    }

    fn after_value(&mut self) {
        self.expect = if self.frames.stack.is_empty() {
            Expect::Document
        } else {
            Expect::CommaOrEnd
        };
    }

    fn open(&mut self, book: &mut Book, cursor: &mut Cursor<'_>, list: bool) {
        cursor.at += 1;
        if self.frames.stack.len() >= book.bounds.max_depth {
            self.over = 1;
            book.fed.losses.too_deep += 1;
            book.opaque(book.base + cursor.at as u64, 1);
            return;
        }
        let path_len = self.path.len();
        let mut frame = Frame::new(list, path_len);
        let mut parent_holds_rows = false;
        let mut titles = false;
        match self.frames.stack.last() {
            Some(parent) => {
                frame.in_row = parent.in_row;
                parent_holds_rows = parent.holds_rows;
                titles = parent.holds_rows && parent.index == 0 && book.map.has_header_row();
                if parent.list {
                    frame.role = parent.role;
                } else {
                    self.path.push(b'/');
                    self.path.extend_from_slice(&self.key);
                    frame.role = self.role;
                    if frame.role.kind.is_none() && !frame.role.ignored {
                        frame.role.kind = parent.role.kind;
                        frame.role.free_text |= parent.role.free_text;
                    }
                    frame.role.ignored |= parent.role.ignored;
                }
            }
            None => frame.role = Role::default(),
        }
        frame.role.key = None;
        frame.role.owner = false;
        if !frame.in_row && !titles && book.map.is_rows(&self.path) {
            let is_element = parent_holds_rows || !list;
            if is_element && (!list || !book.map.columns().is_empty()) {
                frame.row = true;
                frame.in_row = true;
            } else {
                frame.holds_rows = list;
            }
        }
        self.frames.stack.push(frame);
        self.expect = if list {
            Expect::ValueOrEnd
        } else {
            Expect::KeyOrEnd
        };
    }

    fn close(&mut self, book: &mut Book, cursor: &mut Cursor<'_>, list: bool) -> Result<(), Stop> {
        let fits = match self.expect {
            Expect::CommaOrEnd => true,
            Expect::ValueOrEnd => list,
            Expect::KeyOrEnd => !list,
            _ => false,
        };
        match self.frames.top() {
            Some(top) if fits && top.list == list => self.path.truncate(top.path_len),
            _ => return Err(Stop::Broken),
        }
        self.frames.close(book, book.base + cursor.at as u64);
        cursor.at += 1;
        self.after_value();
        Ok(())
    }

    /// Inside containers beyond the bound on depth only values are read.
    fn too_deep(&mut self, book: &mut Book, cursor: &mut Cursor<'_>, byte: u8) -> Result<(), Stop> {
        match byte {
            b'{' | b'[' => self.over += 1,
            b'}' | b']' => {
                self.over -= 1;
                if self.over == 0 {
                    self.after_value();
                }
            }
            b'0'..=b'9' | b'-' => return self.number(book, cursor),
            _ => {}
        }
        cursor.at += 1;
        book.opaque(book.base + cursor.at as u64, 1);
        Ok(())
    }

    /// Where the value in hand stands and what its place says of it.
    fn place(&self, book: &Book) -> Place {
        let home = self.frames.home();
        let top = self.frames.stack.last();
        let listed = self.over > 0 || top.is_none_or(|top| top.list && !top.row);
        let mut inherited = false;
        let mut role = match top {
            _ if self.over > 0 => Role::default(),
            None => Role::default(),
            Some(top) if top.row && top.list => match book.map.columns().get(top.index) {
                Some(name) => book.map.role(name, &self.path),
                None => Role::default(),
            },
            Some(top) if top.list => top.role,
            Some(_) => self.role,
        };
        if let Some(top) = top {
            role.ignored |= top.role.ignored;
            if !top.list && role.kind.is_none() && top.role.kind.is_some() {
                role.kind = top.role.kind;
                inherited = true;
            }
            let direct = !book.map.knows_rows() || top.row || top.in_row && role.nested;
            if listed || !direct {
                role.key = None;
                role.owner = false;
            }
        }
        Place {
            role,
            home,
            listed,
            keyed: home.is_some_and(|home| self.frames.subject(home).is_some()),
            inherited,
        }
    }

    fn string(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let is_key = self.over == 0 && matches!(self.expect, Expect::Key | Expect::KeyOrEnd);
        if !is_key && self.over == 0 && !self.value_may_come() {
            return Err(Stop::Broken);
        }
        let start = cursor.at + 1;
        let limit = book.bounds.max_value;
        let rest = &cursor.data[start..];
        match quote(&rest[..rest.len().min(limit + 1)], self.searched) {
            Quote::At(len) => {
                self.searched = 0;
                if is_key {
                    self.name(book, cursor, start, len);
                } else {
                    self.value(book, cursor, start, len);
                    cursor.at = start + len + 1;
                    self.ended();
                }
                Ok(())
            }
            Quote::NotYet(searched) if rest.len() <= limit => {
                self.searched = searched;
                Err(Stop::Unfinished)
            }
            Quote::NotYet(_) => {
                self.searched = 0;
                let mut place = self.place(book);
                if is_key {
                    place.role = Role::default();
                    self.key.clear();
                    self.role = Role::default();
                }
                place.role.key = None;
                place.role.owner = false;
                self.long = Some(place);
                cursor.at = start;
                self.long_string(book, cursor)
            }
        }
    }

    /// A string that is a value, or a name too long to be one, has ended.
    fn ended(&mut self) {
        if self.over > 0 {
            return;
        }
        if matches!(self.expect, Expect::Key | Expect::KeyOrEnd) {
            self.expect = Expect::Colon;
        } else {
            self.after_value();
        }
    }

    /// The next pieces of a long string.
    fn long_string(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let limit = book.bounds.max_value;
        while let Some(place) = self.long {
            let rest = &cursor.data[cursor.at..];
            let window = &rest[..rest.len().min(limit + 1)];
            match quote(window, self.searched) {
                Quote::At(len) => {
                    self.searched = 0;
                    self.long = None;
                    self.text(book, cursor, cursor.at, len, place);
                    cursor.at += len + 1;
                    self.ended();
                }
                Quote::NotYet(searched) if rest.len() <= limit => {
                    self.searched = searched;
                    return Err(Stop::Unfinished);
                }
                Quote::NotYet(_) => {
                    self.searched = 0;
                    let decoded = Decoded::new(&rest[..limit], Writing::Json);
                    // The last escape of the window may be torn: the cut stays before it.
                    let sure = decoded.text.len().saturating_sub(12);
                    let end = decoded.raw_at(cut(&decoded.text[..sure])).max(1);
                    self.text(book, cursor, cursor.at, end, place);
                    cursor.at += end;
                    self.check_unsettled(book, cursor);
                }
            }
        }
        Ok(())
    }

    /// A name of an object.
    fn name(&mut self, book: &mut Book, cursor: &mut Cursor<'_>, start: usize, len: usize) {
        let raw = &cursor.data[start..start + len];
        self.key.clear();
        if len <= MAX_KEY {
            let decoded = Decoded::new(raw, Writing::Json);
            self.key
                .extend(decoded.text.iter().map(u8::to_ascii_lowercase));
        }
        self.role = book.map.role(&self.key, &self.path);
        // A map by telephone number or by id has personal data in its names.
        let telling = self.role == Role::default()
            && len >= 7
            && (len > 24
                || raw
                    .iter()
                    .any(|byte| byte.is_ascii_digit() || matches!(byte, b'@' | b'\\' | 0x80..)));
        if telling {
            let mut place = self.place(book);
            place.role = Role::default();
            place.role.ignored = self.frames.top().is_some_and(|top| top.role.ignored);
            place.listed = true;
            self.text(book, cursor, start, len, place);
        }
        cursor.at = start + len + 1;
        self.expect = Expect::Colon;
    }

    /// A string value that is in hand as a whole.
    fn value(&mut self, book: &mut Book, cursor: &mut Cursor<'_>, start: usize, len: usize) {
        let place = self.place(book);
        if place.role.key.is_some() || place.role.owner {
            let decoded = Decoded::new(&cursor.data[start..start + len], Writing::Json);
            self.identify(book, place, &String::from_utf8_lossy(&decoded.text));
        }
        self.text(book, cursor, start, len, place);
    }

    /// Notes the subject key or the owner.
    fn identify(&mut self, book: &Book, place: Place, value: &str) {
        let Some(home) = place.home else {
            return;
        };
        if let (Some(rank), Some(subject)) = (place.role.key, book.customer(value)) {
            self.frames.set_subject(home, rank, subject);
        }
        if place.role.owner {
            let owner = book.owner(value);
            // The owner may be told in a nested object; it is the row's.
            let row = self.frames.stack[..=home].iter().rposition(|f| f.row);
            if owner != Owner::Unknown {
                self.frames.stack[row.unwrap_or(home)].owner = owner;
            }
        }
    }

    /// Reads a stretch of a string and writes it out.
    fn text(
        &mut self,
        book: &mut Book,
        cursor: &mut Cursor<'_>,
        start: usize,
        len: usize,
        place: Place,
    ) {
        let raw = &cursor.data[start..start + len];
        let decoded = Decoded::new(raw, Writing::Json);
        self.note(book, cursor, start, &decoded.text, place);
        let strange = opaque(&decoded.text).min(len as u64);
        if strange > 0 {
            book.opaque(book.base + (start + len) as u64, strange);
        }
        if book.hides() {
            book.copy(&cursor.data[cursor.copied..start]);
            book.put_text(&decoded.text, &|from, to| decoded.written(from, to));
            cursor.copied = start + len;
        }
    }

    /// Examines a value and notes what waits.
    fn note(
        &mut self,
        book: &mut Book,
        cursor: &Cursor<'_>,
        start: usize,
        text: &[u8],
        place: Place,
    ) {
        let at = book.base + start as u64;
        match place.home {
            Some(home) => {
                let group = &mut self.frames.stack[home].group;
                if book.examine(text, place.role, place.keyed, place.listed, group) {
                    let mark = book.mark(at, start - cursor.copied);
                    self.frames.wait(home, mark);
                }
            }
            None => {
                let mut group = Group::default();
                if book.examine(text, place.role, false, true, &mut group) {
                    book.emit_values(at, &group);
                }
            }
        }
    }

    fn number(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let rest = &cursor.data[cursor.at..];
        let len = rest
            .iter()
            .take(MAX_NUMBER)
            .take_while(|byte| {
                byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
            })
            .count();
        if len == MAX_NUMBER {
            return Err(Stop::Broken);
        }
        if len == rest.len() && !cursor.last {
            return Err(Stop::Unfinished);
        }
        let (start, number) = (cursor.at, &rest[..len]);
        let mut place = self.place(book);
        if place.role.key.is_some() || place.role.owner {
            self.identify(book, place, &String::from_utf8_lossy(number));
        }
        if place.inherited && !place.role.kind.is_some_and(is_numeric) {
            place.role.kind = None;
        }
        if place.role.kind.is_some() || len >= 11 {
            self.note(book, cursor, start, number, place);
            if book.hides() {
                book.copy(&cursor.data[cursor.copied..start]);
                book.put_number(number);
                cursor.copied = start + len;
            }
        }
        cursor.at += len;
        if self.over == 0 {
            self.after_value();
        }
        Ok(())
    }

    /// `true`, `false`, `null`. A truth value of a declared field is seen, but there is nothing in it to hide.
    fn literal(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let rest = &cursor.data[cursor.at..];
        let Some(word) = ["true", "false", "null"]
            .iter()
            .map(|word| word.as_bytes())
            .find(|word| rest[0] == word[0])
        else {
            return Err(Stop::Broken);
        };
        if !rest.starts_with(word) {
            return Err(if word.starts_with(rest) && !cursor.last {
                Stop::Unfinished
            } else {
                Stop::Broken
            });
        }
        if word != b"null" {
            let place = self.place(book);
            if let (Some(kind), Some(home), false, false) = (
                place.role.kind,
                place.home,
                place.role.ignored,
                place.inherited,
            ) {
                self.frames.stack[home].group.kinds.insert(kind);
                let mark = book.mark(book.base + cursor.at as u64, cursor.at - cursor.copied);
                self.frames.wait(home, mark);
            }
        }
        cursor.at += word.len();
        self.after_value();
        Ok(())
    }

    /// What stands before and between documents: byte order mark, guard prefix, callback name, `data:`.
    fn between(&mut self, book: &mut Book, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let rest = &cursor.data[cursor.at..];
        let window = &rest[..rest.len().min(MAX_NUMBER)];
        let len = match memchr::memchr3(b'{', b'[', b'\n', window) {
            Some(len) => len,
            None if window.len() == MAX_NUMBER => return Err(Stop::Broken),
            None if cursor.last => window.len(),
            None => return Err(Stop::Unfinished),
        };
        book.copy(&cursor.data[cursor.copied..cursor.at]);
        loose(
            book,
            &rest[..len],
            Writing::Plain,
            book.base + cursor.at as u64,
        );
        cursor.at += len;
        cursor.copied = cursor.at;
        Ok(())
    }
}

/// Kinds that are often written as numbers.
fn is_numeric(kind: hudun_core::DataKind) -> bool {
    use hudun_core::DataKind as K;
    matches!(
        kind,
        K::Mobile
            | K::ResidentId
            | K::BankCard
            | K::Qq
            | K::Birthday
            | K::Transaction
            | K::Location
    )
}

enum Quote {
    /// The string ends here.
    At(usize),
    /// It doesn't in these bytes; so far has been searched.
    NotYet(usize),
}

/// Finds the quote that ends a string.
fn quote(rest: &[u8], searched: usize) -> Quote {
    let mut at = searched;
    while let Some(found) = memchr::memchr2(b'"', b'\\', rest.get(at..).unwrap_or_default()) {
        at += found;
        if rest[at] == b'"' {
            return Quote::At(at);
        }
        if at + 1 >= rest.len() {
            return Quote::NotYet(at);
        }
        at += 2;
    }
    Quote::NotYet(rest.len().max(at))
}
