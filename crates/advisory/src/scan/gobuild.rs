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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn text(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut left = text.len();
        while left >= 0x80 {
            bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
            left >>= 7;
        }
        bytes.push(u8::try_from(left).unwrap());
        bytes.extend(text);
        bytes
    }

    fn info(flags: u8, go: &str, modules: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([8, flags]);
        bytes.resize(32, 0);
        bytes.extend(text(go.as_bytes()));
        bytes.extend(text(&[&[1; 16], modules.as_bytes(), &[2; 16]].concat()));
        bytes
    }

    /// An ELF file with two sections: the names, and one of that name.
    fn elf(wide: bool, little: bool, name: &[u8], inner: &[u8]) -> Vec<u8> {
        let mut file = b"\x7fELF".to_vec();
        file.extend([if wide { 2 } else { 1 }, if little { 1 } else { 2 }]);
        file.resize(64, 0);
        let put = |file: &mut Vec<u8>, at: usize, length: usize, value: usize| {
            for byte in 0..length {
                let shift = if little { byte } else { length - 1 - byte } * 8;
                file[at + byte] = u8::try_from(value >> shift & 0xff).unwrap();
            }
        };
        let texts = [b"\0", name, b"\0"].concat();
        let at_texts = file.len();
        file.extend(&texts);
        file.resize(128, 0);
        let at_inner = file.len();
        file.extend(inner);
        let table = file.len();
        let (size, word) = if wide { (64, 8) } else { (40, 4) };
        file.resize(table + 2 * size, 0);
        let (offset, length) = if wide { (24, 32) } else { (16, 20) };
        for (entry, (name, at, bytes)) in [(0, at_texts, texts.len()), (1, at_inner, inner.len())]
            .into_iter()
            .enumerate()
        {
            let base = table + entry * size;
            put(&mut file, base, 4, name);
            put(&mut file, base + offset, word, at);
            put(&mut file, base + length, word, bytes);
        }
        let counts = if wide { 54 } else { 42 };
        put(&mut file, if wide { 40 } else { 32 }, word, table);
        put(&mut file, counts + 4, 2, size);
        put(&mut file, counts + 6, 2, 2);
        put(&mut file, counts + 8, 2, 0);
        file
    }

    #[test]
    fn build_information_is_found_in_files_of_every_make() {
        let modules = format!(
            "path\tx\nmod\tx\t(devel)\n{}",
            "dep\ta/b\tv1.2.3\th1:x\n".repeat(200)
        );
        for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
            let file = elf(
                wide,
                little,
                b".go.buildinfo",
                &info(2, "go1.22.3", &modules),
            );
            let build = read(&mut Cursor::new(file)).unwrap();
            assert_eq!((build.go.as_str(), &build.modules), ("go1.22.3", &modules));
        }
        let of = |name: &[u8], inner: &[u8]| read(&mut Cursor::new(elf(true, true, name, inner)));
        assert_eq!(of(b".go.buildinfo", &info(0, "go1.17", "")), Err(No::Old));
        assert_eq!(
            of(b".go.buildinfo", &info(2, "go1.22", "")[..40]),
            Err(No::Damaged)
        );
        assert_eq!(of(b".rodata", &info(2, "go1.22", "")), Err(No::Other));
        assert_eq!(read(&mut Cursor::new(b"#!/bin/sh")), Err(No::Other));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0_usize..400, value: u8) {
            let mut file = elf(true, true, b".go.buildinfo", &info(2, "go1.22.3", "mod\tx\tv1\n"));
            let length = file.len();
            file[at % length] = value;
            let _ = read(&mut Cursor::new(file));
            bytes.splice(0..0, *b"\x7fELF\x02\x01");
            let _ = read(&mut Cursor::new(bytes));
        }
    }
}
