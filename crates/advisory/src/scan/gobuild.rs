//! Which modules a Go binary was built from: the build information in ELF files.
//!
//! Format: Go's `debug/buildinfo`. Since Go 1.18 it holds the texts themselves; what was built before says only where in memory
//! they would be, and is told as unread.

use std::io::{Read, Seek, SeekFrom};

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// Bytes of a section or segment that are searched.
const SEARCHED: u64 = 64 << 20;
/// Most sections and segments.
const SECTIONS: u64 = 10_000;
/// Longest text: a large program has some thousand modules.
const TEXT: u64 = 8 << 20;

/// What a Go binary says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Build {
    /// `go1.22.3`.
    pub(super) go: String,
    /// Lines of modules.
    pub(super) modules: String,
}

/// Why there is no build information.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum No {
    /// Not built by Go.
    Other,
    /// By a Go before 1.18.
    Old,
    /// Damaged.
    Damaged,
}

/// Reads a binary's build information.
pub(super) fn read(file: &mut (impl Read + Seek)) -> Result<Build, No> {
    let mut head = [0; 64];
    file.read_exact(&mut head).map_err(|_| No::Other)?;
    if !head.starts_with(b"\x7fELF") {
        return Err(No::Other);
    }
    let elf = Elf {
        wide: head[4] == 2,
        little: head[5] == 1,
    };
    for (begin, length) in elf.places(file, &head).ok_or(No::Other)? {
        let length = length.min(SEARCHED);
        let mut bytes = Vec::new();
        let got = file
            .seek(SeekFrom::Start(begin))
            .and_then(|_| file.by_ref().take(length).read_to_end(&mut bytes));
        if got.is_err() {
            continue;
        }
        let mut at = 0;
        while let Some(found) = bytes.get(at..).and_then(|rest| position(rest, MAGIC)) {
            let begin = at + found;
            // It stands at a multiple of sixteen; elsewhere it is a text about it.
            if begin.is_multiple_of(16) {
                return build(bytes.get(begin..).unwrap_or_default());
            }
            at = begin + 1;
        }
    }
    Err(No::Other)
}

fn build(bytes: &[u8]) -> Result<Build, No> {
    let flags = bytes.get(15).ok_or(No::Damaged)?;
    if flags & 2 == 0 {
        return Err(No::Old);
    }
    let mut rest = bytes.get(32..).ok_or(No::Damaged)?;
    let go = text(&mut rest).ok_or(No::Damaged)?;
    let modules = text(&mut rest).ok_or(No::Damaged)?;
    // Sixteen bytes mark each end.
    let inner = modules
        .len()
        .checked_sub(32)
        .and_then(|length| modules.get(16..16 + length))
        .unwrap_or_default();
    Ok(Build {
        go: String::from_utf8_lossy(go).into_owned(),
        modules: String::from_utf8_lossy(inner).into_owned(),
    })
}

/// A length in seven bits a byte, then the text.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let length = usize::try_from(Some(length).filter(|length| *length <= TEXT)?).ok()?;
            let (text, more) = rest.split_at_checked(length)?;
            *rest = more;
            return Some(text);
        }
    }
    None
}

struct Elf {
    wide: bool,
    little: bool,
}

impl Elf {
    fn number(&self, bytes: &[u8], at: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(at..at + length)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.little {
            bytes.iter().rev().fold(0, add)
        } else {
            bytes.iter().fold(0, add)
        })
    }

    /// Where to look: the section of that name, else the writable segments.
    fn places(&self, file: &mut (impl Read + Seek), head: &[u8]) -> Option<Vec<(u64, u64)>> {
        let word = if self.wide { 8 } else { 4 };
        let (segments, sections, counts) = if self.wide {
            (self.number(head, 32, 8)?, self.number(head, 40, 8)?, 54)
        } else {
            (self.number(head, 28, 4)?, self.number(head, 32, 4)?, 42)
        };
        let count = |at: usize| self.number(head, counts + at, 2);
        let (size, number) = (count(4)?, count(6)?);
        let names = count(8)?;
        let mut found = Vec::new();
        if sections > 0 && number > 0 && number <= SECTIONS && size <= 256 {
            let table = read_at(file, sections, size * number)?;
            let entry = |at: u64| {
                let begin = usize::try_from(at * size).ok()?;
                table.get(begin..begin + usize::try_from(size).ok()?)
            };
            let place = |entry: &[u8]| {
                let (offset, length) = if self.wide { (24, 32) } else { (16, 20) };
                Some((
                    self.number(entry, offset, word)?,
                    self.number(entry, length, word)?,
                ))
            };
            let texts = entry(names).and_then(place);
            let texts = match texts {
                Some((begin, length)) => read_at(file, begin, length.min(1 << 20)),
                None => None,
            }
            .unwrap_or_default();
            for at in 0..number {
                let Some(one) = entry(at) else { continue };
                let name = usize::try_from(self.number(one, 0, 4)?).ok()?;
                if texts
                    .get(name..)
                    .is_some_and(|text| text.starts_with(b".go.buildinfo\0"))
                {
                    found.extend(place(one));
                }
            }
            // A file with sections and none of that name is of another compiler.
            if !found.is_empty() || !texts.is_empty() {
                return Some(found);
            }
        }
        let (size, number) = (count(0)?, count(2)?);
        if segments == 0 || number > SECTIONS || size > 256 {
            return Some(found);
        }
        let table = read_at(file, segments, size * number)?;
        for at in 0..number {
            let begin = usize::try_from(at * size).ok()?;
            let one = table.get(begin..begin + usize::try_from(size).ok()?)?;
            let (flags, offset, length) = if self.wide { (4, 8, 32) } else { (24, 4, 16) };
            // To be loaded, and writable.
            if self.number(one, 0, 4)? == 1 && self.number(one, flags, 4)? & 2 != 0 {
                found.push((
                    self.number(one, offset, word)?,
                    self.number(one, length, word)?,
                ));
            }
        }
        Some(found)
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at)).ok()?;
    file.by_ref()
        .take(length.min(4 << 20))
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let found = rest.iter().position(|byte| *byte == first)?;
        if rest.get(found..)?.starts_with(wanted) {
            return Some(at + found);
        }
        at += found + 1;
    }
}
