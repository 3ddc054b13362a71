//! Rows of one table of an SQLite file, with what lies in its write-ahead log: as much of the format as that takes.
//!
//! Format: <https://www.sqlite.org/fileformat2.html>, sections 1.3, 1.5, 1.6, 2.1 and 4.1. Every page number, length and
//! offset is taken for hostile; no page is visited twice.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek, SeekFrom};

/// Largest page.
const PAGE: usize = 65_536;
/// Deepest tree: real ones have five levels at most.
const DEPTH: usize = 20;
/// Longest row, bytes.
const ROW: u64 = 64 << 20;
/// Largest log, bytes.
const LOG: u64 = 1 << 30;

/// A file, with its log if there is one.
pub(super) struct Database<F> {
    file: F,
    page: usize,
    /// Usable bytes of a page.
    usable: usize,
    pages: u32,
    /// Where the newest committed copy of a page lies in the log.
    newer: HashMap<u32, u64>,
    log: Option<F>,
}

/// A column of a row.
pub(super) enum Value {
    Number(i64),
    Text(String),
    Blob(Vec<u8>),
    Other,
}

impl<F: Read + Seek> Database<F> {
    /// Opens it.
    pub(super) fn open(mut file: F, log: Option<F>) -> Result<Self, String> {
        let mut head = [0; 100];
        file.read_exact(&mut head)
            .map_err(|error| format!("its head can't be read: {error}"))?;
        if !head.starts_with(b"SQLite format 3\0") {
            return Err("it is no SQLite file".to_owned());
        }
        let page = match u16::from_be_bytes([head[16], head[17]]) {
            1 => PAGE,
            page => usize::from(page),
        };
        let usable = page.saturating_sub(usize::from(head[20]));
        if !page.is_power_of_two() || page < 512 || usable < 480 {
            return Err(format!("its page size {page} is none"));
        }
        let length = file
            .seek(SeekFrom::End(0))
            .map_err(|error| error.to_string())?;
        let pages = u32::try_from(length / page as u64).unwrap_or(u32::MAX);
        let mut database = Self {
            file,
            page,
            usable,
            pages,
            newer: HashMap::new(),
            log: None,
        };
        if let Some(log) = log {
            database.read_log(log)?;
        }
        Ok(database)
    }

    /// Frames count up to the last commit; the first that does not fit the checksum ends the log.
    fn read_log(&mut self, mut log: F) -> Result<(), String> {
        let bad = |error: std::io::Error| format!("its write-ahead log can't be read: {error}");
        let length = log.seek(SeekFrom::End(0)).map_err(bad)?;
        if length < 32 {
            return Ok(());
        }
        if length > LOG {
            return Err("its write-ahead log is too long".to_owned());
        }
        log.seek(SeekFrom::Start(0)).map_err(bad)?;
        let mut head = [0; 32];
        log.read_exact(&mut head).map_err(bad)?;
        let four = |at: usize| be32(&head, at);
        let little = match four(0) {
            Some(0x377f_0682) => true,
            Some(0x377f_0683) => false,
            _ => return Err("its write-ahead log is none".to_owned()),
        };
        if four(8).and_then(|size| usize::try_from(size).ok()) != Some(self.page) {
            return Err("its write-ahead log has other pages".to_owned());
        }
        let mut sum = checksum((0, 0), &head[..24], little);
        if (four(24), four(28)) != (Some(sum.0), Some(sum.1)) {
            return Ok(());
        }
        let mut frame = vec![0; 24 + self.page];
        let mut begun: HashMap<u32, u64> = HashMap::new();
        let mut at = 32_u64;
        while log.read_exact(&mut frame).is_ok() {
            sum = checksum(sum, &frame[..8], little);
            sum = checksum(sum, &frame[24..], little);
            let fits = frame[8..16] == head[16..24]
                && (be32(&frame, 16), be32(&frame, 20)) == (Some(sum.0), Some(sum.1));
            let (Some(number), Some(size), true) = (be32(&frame, 0), be32(&frame, 4), fits) else {
                break;
            };
            begun.insert(number, at + 24);
            if size > 0 {
                self.newer.extend(begun.drain());
                self.pages = size;
            }
            at += frame.len() as u64;
        }
        self.log = Some(log);
        Ok(())
    }

    /// Reads the rows of a table, one after the other. An error of one row ends the table.
    pub(super) fn rows(
        &mut self,
        table: &str,
        each: &mut dyn FnMut(Vec<Value>) -> bool,
    ) -> Result<(), String> {
        let mut root = None;
        self.tree(1, &mut |row| {
            if let [
                Value::Text(kind),
                Value::Text(name),
                _,
                Value::Number(page),
                ..,
            ] = &row[..]
                && kind == "table"
                && name == table
            {
                root = u32::try_from(*page).ok();
            }
            root.is_none()
        })?;
        let root = root.ok_or_else(|| format!("it has no table {table}"))?;
        self.tree(root, each)
    }

    fn tree(&mut self, root: u32, each: &mut dyn FnMut(Vec<Value>) -> bool) -> Result<(), String> {
        let mut seen = HashSet::new();
        // Pages to look at, the next one last, each with its depth.
        let mut todo = vec![(root, 0)];
        while let Some((number, depth)) = todo.pop() {
            if depth > DEPTH || !seen.insert(number) {
                return Err(format!(
                    "page {number} is damaged: the tree leads in a circle"
                ));
            }
            let page = self.read_page(number)?;
            let base = if number == 1 { 100 } else { 0 };
            let damaged = || format!("page {number} is damaged");
            let kind = *page.get(base).ok_or_else(damaged)?;
            let cells = be16(&page, base + 3).ok_or_else(damaged)?;
            match kind {
                0x05 => {
                    let last = be32(&page, base + 8).ok_or_else(damaged)?;
                    let mut below = Vec::with_capacity(cells + 1);
                    for cell in 0..cells {
                        let at = be16(&page, base + 12 + cell * 2).ok_or_else(damaged)?;
                        below.push((be32(&page, at).ok_or_else(damaged)?, depth + 1));
                    }
                    below.push((last, depth + 1));
                    if todo.len() + below.len() > self.pages as usize + DEPTH {
                        return Err(damaged());
                    }
                    todo.extend(below.into_iter().rev());
                }
                0x0d => {
                    for cell in 0..cells {
                        let at = be16(&page, base + 8 + cell * 2).ok_or_else(damaged)?;
                        let payload = self.payload(&page, at).ok_or_else(damaged)??;
                        if !each(columns(&payload).ok_or_else(damaged)?) {
                            return Ok(());
                        }
                    }
                }
                _ => return Err(damaged()),
            }
        }
        Ok(())
    }

    /// The bytes of a row, those on overflow pages too.
    fn payload(&mut self, page: &[u8], at: usize) -> Option<Result<Vec<u8>, String>> {
        let mut rest = page.get(at..)?;
        let length = varint(&mut rest)?;
        varint(&mut rest)?;
        if length > ROW {
            return Some(Err("a row is too long".to_owned()));
        }
        let length = usize::try_from(length).ok()?;
        let most = self.usable - 35;
        if length <= most {
            return Some(Ok(rest.get(..length)?.to_vec()));
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let local = least + (length - least) % (self.usable - 4);
        let local = if local > most { least } else { local };
        let mut bytes = rest.get(..local)?.to_vec();
        let mut next = be32(rest, local)?;
        let mut left = length.div_ceil(self.usable - 4) + 1;
        while bytes.len() < length {
            left = left.checked_sub(1)?;
            let page = match self.read_page(next) {
                Ok(page) => page,
                Err(why) => return Some(Err(why)),
            };
            next = be32(&page, 0)?;
            let part = (length - bytes.len()).min(self.usable - 4);
            bytes.extend_from_slice(page.get(4..4 + part)?);
        }
        Some(Ok(bytes))
    }

    fn read_page(&mut self, number: u32) -> Result<Vec<u8>, String> {
        if number == 0 || number > self.pages {
            return Err(format!("it has no page {number}"));
        }
        let mut page = vec![0; self.page];
        let (from, at) = match (self.newer.get(&number), &mut self.log) {
            (Some(at), Some(log)) => (log, *at),
            _ => (&mut self.file, u64::from(number - 1) * self.page as u64),
        };
        from.seek(SeekFrom::Start(at))
            .and_then(|_| from.read_exact(&mut page))
            .map_err(|error| format!("page {number} can't be read: {error}"))?;
        Ok(page)
    }
}

fn columns(payload: &[u8]) -> Option<Vec<Value>> {
    let mut rest = payload;
    let head = usize::try_from(varint(&mut rest)?).ok()?;
    let mut kinds = payload.get(payload.len() - rest.len()..head)?;
    let mut body = payload.get(head..)?;
    let mut row = Vec::new();
    while !kinds.is_empty() {
        let kind = varint(&mut kinds)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let (bytes, more) = body.split_at_checked(length)?;
        body = more;
        row.push(match kind {
            8 => Value::Number(0),
            9 => Value::Number(1),
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1_i64 } else { 0 };
                let value = bytes
                    .iter()
                    .fold(start, |sum, byte| sum << 8 | i64::from(*byte));
                Value::Number(value)
            }
            kind if kind >= 12 && kind % 2 == 0 => Value::Blob(bytes.to_vec()),
            kind if kind >= 13 => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            _ => Value::Other,
        });
        if row.len() > 100 {
            return None;
        }
    }
    Some(row)
}

/// One to nine bytes, the high bit of each but the ninth saying that more follow.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for at in 0..9 {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        if at == 8 {
            return Some(value << 8 | u64::from(*byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn checksum((mut one, mut two): (u32, u32), bytes: &[u8], little: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let four = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if little {
                u32::from_le_bytes(four)
            } else {
                u32::from_be_bytes(four)
            }
        };
        one = one.wrapping_add(word(0)).wrapping_add(two);
        two = two.wrapping_add(word(4)).wrapping_add(one);
    }
    (one, two)
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_be_bytes(*two)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_one_to_nine_bytes_are_read() {
        for (bytes, wanted) in [
            (&[0x7f][..], 0x7f),
            (&[0x81, 0x00], 0x80),
            (&[0xff; 9], u64::MAX),
        ] {
            let mut rest = bytes;
            assert_eq!(varint(&mut rest), Some(wanted));
            assert!(rest.is_empty());
        }
        assert_eq!(varint(&mut &[0x80][..]), None);
    }

    #[test]
    fn a_tree_that_leads_to_itself_ends() {
        let mut file = vec![0; 1024];
        file[..16].copy_from_slice(b"SQLite format 3\0");
        file[16] = 2;
        // An inner page whose last child is itself.
        file[100] = 0x05;
        file[111] = 1;
        let mut database = Database::open(Cursor::new(file), None).unwrap();
        assert!(
            database
                .rows("Packages", &mut |_| true)
                .unwrap_err()
                .contains("circle")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(page in prop::collection::vec(any::<u8>(), 412..=412), second in prop::collection::vec(any::<u8>(), 512..=512), log in prop::collection::vec(any::<u8>(), 0..700), kind in prop::sample::select(vec![5_u8, 13])) {
            let mut file = vec![0; 100];
            file[..16].copy_from_slice(b"SQLite format 3\0");
            file[16] = 2;
            file.extend(page);
            file[100] = kind;
            file.extend(second);
            let mut log = log;
            log.splice(0..0, [0x37, 0x7f, 0x06, 0x82, 0, 0, 0, 0, 0, 0, 2, 0]);
            let _ = Database::open(Cursor::new(file.clone()), Some(Cursor::new(log)));
            if let Ok(mut database) = Database::open(Cursor::new(file), None) {
                let _ = database.rows("Packages", &mut |_| true);
            }
        }

        #[test]
        fn no_row_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = columns(&bytes);
        }
    }
}
