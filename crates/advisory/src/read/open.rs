//! Folders, archives and packed files. What a file is, its first bytes decide; names in archives are only shown, never used.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::{Note, Out, clean};

/// A stream may be unpacked to this size whatever its ratio, bytes.
const SMALL: u64 = 16 << 20;
/// Where a tar archive says that it is one.
const TAR: std::ops::Range<usize> = 257..262;
/// Longest name in front of a tar entry, bytes.
const LONG_NAME: u64 = 64 << 10;
/// Most of a central directory: zip files whose end says more entries are refused before they are listed.
const ZIP_ENTRIES: u64 = 2_000_000;

/// A file or a folder.
pub(super) fn path(out: &mut Out<'_>, path: &Path, depth: u32) {
    let name = path.display().to_string();
    let kind = match std::fs::symlink_metadata(path) {
        Ok(meta) if depth > 0 && meta.is_symlink() => {
            return out.note(Note::Link, 1);
        }
        _ => std::fs::metadata(path),
    };
    match kind {
        Ok(meta) if meta.is_dir() => folder(out, path, &name, depth),
        Ok(meta) if meta.is_file() => match File::open(path) {
            Ok(opened) => file(out, &name, BufReader::new(opened)),
            Err(error) => unopened(out, &name, error),
        },
        Ok(_) => unopened(out, &name, "it is neither a file nor a folder"),
        Err(error) => unopened(out, &name, error),
    }
}

fn folder(out: &mut Out<'_>, path: &Path, name: &str, depth: u32) {
    if depth > out.limits.depth {
        return unopened(out, name, "it lies too deep");
    }
    let listed = std::fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .take(usize::try_from(out.limits.files).unwrap_or(usize::MAX))
            .collect::<io::Result<Vec<_>>>()
    });
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(error) => return unopened(out, name, error),
    };
    entries.sort();
    for entry in entries {
        if out.tally.files >= out.limits.files {
            return unopened(out, name, "too many files: the rest is not read");
        }
        let short = entry
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let hidden = short.as_deref().is_none_or(|name| name.starts_with('.'));
        if hidden || (!entry.is_dir() && !wanted(out, short.as_deref().unwrap_or_default())) {
            out.note(Note::OtherFile, 1);
            continue;
        }
        self::path(out, &entry, depth + 1);
    }
}

/// A file that is not in an archive.
pub(super) fn file(out: &mut Out<'_>, name: &str, mut input: impl Read + Seek) {
    let length = input.seek(SeekFrom::End(0));
    match length.and_then(|length| input.rewind().map(|()| length)) {
        Ok(length) => stream(out, name, input, length, 0),
        Err(error) => unopened(out, name, error),
    }
}

/// One file, at whatever depth of archives.
fn stream(out: &mut Out<'_>, name: &str, mut input: impl Read + Seek, length: u64, depth: u32) {
    if depth > out.limits.depth.min(4) {
        return unopened(out, name, "archives lie too deep in archives");
    }
    let mut head = [0; 4];
    let got = match fill(&mut input, &mut head) {
        Ok(got) => got,
        Err(error) => return unopened(out, name, error),
    };
    if let Err(error) = input.rewind() {
        return unopened(out, name, error);
    }
    match head.get(..got).unwrap_or_default() {
        [0x1f, 0x8b, ..] => packed(out, name, input, length, depth),
        [b'P', b'K', 3, 4] | [b'P', b'K', 5, 6] => zip(out, name, input, length, depth),
        _ => plain(out, name, input, length, depth),
    }
}

/// Not packed; may be a tar archive.
fn plain(out: &mut Out<'_>, name: &str, mut input: impl Read + Seek, length: u64, depth: u32) {
    let mut start = [0; 512];
    let is_tar = fill(&mut input, &mut start).is_ok_and(|got| got == 512) && is_tar(&start);
    if let Err(error) = input.rewind() {
        return unopened(out, name, error);
    }
    let metered = Metered::new(out, input, None);
    if is_tar {
        return tar(out, name, metered, depth);
    }
    if length > out.limits.file_bytes {
        let most = out.limits.file_bytes;
        return unopened(out, name, format!("it has {length} bytes, {most} are read"));
    }
    whole(out, name, metered);
}

/// gzip: a tar archive or one file.
fn packed(out: &mut Out<'_>, name: &str, input: impl Read, length: u64, depth: u32) {
    let mut metered = Metered::new(
        out,
        MultiGzDecoder::new(BufReader::new(input)),
        Some(length),
    );
    let mut start = [0; 512];
    let got = match fill(&mut metered, &mut start) {
        Ok(got) => got,
        Err(error) => return cut(out, name, format!("it can't be unpacked: {error}")),
    };
    let again = Cursor::new(start.get(..got).unwrap_or_default()).chain(metered);
    if got == start.len() && is_tar(&start) {
        tar(out, name, again, depth);
    } else {
        whole(out, name, again);
    }
}

fn tar(out: &mut Out<'_>, name: &str, input: impl Read, depth: u32) {
    let mut archive = tar::Archive::new(input);
    // Raw: the library would take a long name into memory whatever its length.
    let entries = match archive.entries() {
        Ok(entries) => entries.raw(true),
        Err(error) => return unopened(out, name, error),
    };
    let mut seen = 0;
    let mut long: Option<String> = None;
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let reason = format!("behind its entry {seen}: {error}; the rest is not read");
                return cut(out, name, reason);
            }
        };
        seen += 1;
        if seen > out.limits.files {
            return unopened(out, name, "it holds too many files: the rest is not read");
        }
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            long = long_name(&mut entry, kind.is_gnu_longname());
            continue;
        }
        let own = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
        let inner = long.take().unwrap_or(own);
        if !kind.is_file() {
            let harmless = kind.is_dir() || kind.is_pax_global_extensions();
            out.note(Note::Link, usize::from(!harmless));
            continue;
        }
        if !inside(out, &inner) {
            continue;
        }
        let full = format!("{name}!{}", clean::line(&inner, 200));
        if entry.size() > out.limits.file_bytes {
            unopened(out, &full, "it is longer than a file may be");
            continue;
        }
        let size = entry.size();
        let mut bytes = Vec::new();
        match (&mut entry).take(size).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 == size => inner_file(out, &full, bytes, depth),
            Ok(_) => {
                let reason = format!("it ends within {inner:?}, as if cut");
                return cut(out, name, reason);
            }
            Err(error) => {
                let reason = format!("in {inner:?}: {error}; the rest of the archive is not read");
                return cut(out, name, reason);
            }
        }
    }
}

/// The name that stands in front of an entry whose own field is too short for it; none where it is longer than 64 KiB.
fn long_name(entry: &mut impl Read, gnu: bool) -> Option<String> {
    let mut bytes = Vec::new();
    let got = entry.take(LONG_NAME + 1).read_to_end(&mut bytes).ok()?;
    if got as u64 > LONG_NAME {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes);
    if gnu {
        return Some(text.trim_end_matches('\0').to_owned());
    }
    // "27 path=a/b.json" in lines.
    text.lines()
        .find_map(|line| line.split_once(' ')?.1.strip_prefix("path="))
        .map(str::to_owned)
}

fn zip(out: &mut Out<'_>, name: &str, input: impl Read + Seek, length: u64, depth: u32) {
    let mut archive = match zip::ZipArchive::new(input) {
        Ok(archive) => archive,
        // What a zip holds stands at its end: without it, it is cut.
        Err(error) => return cut(out, name, format!("it can't be opened as zip: {error}")),
    };
    if archive.len() as u64 > out.limits.files.min(ZIP_ENTRIES) {
        return unopened(out, name, "it holds too many files");
    }
    if archive.has_duplicate_names() {
        unopened(
            out,
            name,
            "files of it have the same name: only the last of each is read",
        );
    }
    let begun = out.bytes_left.get();
    for at in 0..archive.len() {
        // Entries may share their packed bytes: then each is small and all together are not.
        let spent = begun.saturating_sub(out.bytes_left.get());
        if spent > SMALL && spent > length.saturating_mul(out.limits.ratio) {
            let ratio = out.limits.ratio;
            let reason = format!(
                "its files unpack to more than {ratio} times its length: the rest is not read"
            );
            return unopened(out, name, reason);
        }
        let mut entry = match archive.by_index(at) {
            Ok(entry) => entry,
            Err(error) => {
                unopened(out, &format!("{name}![{at}]"), error);
                continue;
            }
        };
        let inner = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_dir() || !inside(out, &inner) {
            continue;
        }
        let full = format!("{name}!{}", clean::line(&inner, 200));
        let packed = entry.compressed_size();
        let metered = Metered::new(out, &mut entry, Some(packed));
        let mut bytes = Vec::new();
        let most = out.limits.file_bytes;
        match metered.take(most + 1).read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > most => {
                unopened(out, &full, format!("it is longer than {most} bytes"));
            }
            Ok(_) => inner_file(out, &full, bytes, depth),
            Err(error) => unopened(out, &full, format!("it can't be unpacked: {error}")),
        }
        if out.bytes_left.get() == 0 {
            return unopened(
                out,
                name,
                "more bytes than one call reads: the rest is not read",
            );
        }
    }
}

/// A file of an archive, which may be packed itself.
fn inner_file(out: &mut Out<'_>, name: &str, bytes: Vec<u8>, depth: u32) {
    let is_packed = bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"PK\x03\x04");
    if is_packed {
        let length = bytes.len() as u64;
        stream(out, name, Cursor::new(bytes), length, depth + 1);
    } else {
        out.content(name, &bytes);
    }
}

/// The whole of a stream as one file.
fn whole(out: &mut Out<'_>, name: &str, input: impl Read) {
    let most = out.limits.file_bytes;
    let mut bytes = Vec::new();
    match input.take(most + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > most => {
            unopened(out, name, format!("it is longer than {most} bytes"));
        }
        Ok(_) => out.content(name, &bytes),
        Err(error) => {
            let reason = format!("it can't be read behind byte {}: {error}", bytes.len());
            cut(out, name, reason);
        }
    }
}

/// Whether a file of an archive is to be read; what is not is counted.
fn inside(out: &mut Out<'_>, inner: &str) -> bool {
    let short = inner.rsplit(['/', '\\']).next().unwrap_or(inner);
    let good = !short.starts_with('.') && !inner.starts_with("__MACOSX/") && wanted(out, short);
    if !good {
        out.note(Note::OtherFile, 1);
    }
    good
}

fn wanted(out: &Out<'_>, short: &str) -> bool {
    let lower = short.to_ascii_lowercase();
    let plain = out.format.extension();
    let any: &[&str] = if out.any {
        &[".json", ".xml", ".csv"]
    } else {
        &[plain]
    };
    any.iter()
        .chain(&[".gz", ".tgz", ".tar", ".zip"])
        .any(|ending| lower.ends_with(ending))
}

fn unopened(out: &mut Out<'_>, name: &str, reason: impl std::fmt::Display) {
    out.begin(name);
    out.refuse("", reason);
    out.end();
}

/// As [`unopened`], for what ends before it is complete, or can't be read to its end.
fn cut(out: &mut Out<'_>, name: &str, reason: impl std::fmt::Display) {
    out.begin(name);
    out.cut();
    out.refuse("", reason);
    out.end();
}

fn is_tar(start: &[u8; 512]) -> bool {
    start.get(TAR) == Some(b"ustar")
}

/// Reads until the buffer is full or the stream ends.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while let Some(room) = into.get_mut(got..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// Counts what a stream gives, against the budget of the whole call, and stops it where it gives too much.
struct Metered<R> {
    inner: R,
    read: u64,
    left: Rc<Cell<u64>>,
    /// Its length when packed.
    packed: Option<u64>,
    ratio: u64,
}

impl<R: Read> Metered<R> {
    fn new(out: &Out<'_>, inner: R, packed: Option<u64>) -> Self {
        Self {
            inner,
            read: 0,
            left: Rc::clone(&out.bytes_left),
            packed,
            ratio: out.limits.ratio,
        }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.read += got as u64;
        let Some(left) = self.left.get().checked_sub(got as u64) else {
            self.left.set(0);
            return Err(io::Error::other("more bytes than one call reads"));
        };
        self.left.set(left);
        if let Some(packed) = self.packed
            && self.read > SMALL
            && self.read > packed.saturating_mul(self.ratio)
        {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} times its length",
                self.ratio
            )));
        }
        Ok(got)
    }
}
