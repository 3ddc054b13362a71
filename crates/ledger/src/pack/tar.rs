//! A strict subset of POSIX ustar: regular files, one fixed header for a name and a size, zero padding,
//! two zero blocks at the end. `tar tf` reads it; and since there is one way to write a pack, every
//! byte that differs from it is found.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::merkle::Hash;

/// One file's place in the pack.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) size: u64,
    /// Where its contents begin in the pack.
    pub(super) offset: u64,
    pub(super) sha256: Hash,
    /// The contents, if they were to be kept.
    pub(super) bytes: Vec<u8>,
}

/// Why the archive can't be read further.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TarError {
    /// It ends too early.
    #[error("the pack is cut off")]
    CutOff,
    /// A header is not what a pack has.
    #[error("the archive header is damaged")]
    Header,
    /// Bytes that must be zero are not.
    #[error("padding is not zero")]
    Padding,
    /// Something stands after the end.
    #[error("bytes after the end of the archive")]
    Trailing,
    /// A limit for packs is passed.
    #[error("{0} is more than this reader takes")]
    Limit(&'static str),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(String),
}

pub(super) fn write(out: &mut impl Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&header(name, bytes.len() as u64))?;
    out.write_all(bytes)?;
    out.write_all(&[0; BLOCK][..padding(bytes.len() as u64)])
}

pub(super) fn finish(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

pub(super) struct Reader<R> {
    inner: R,
    pub(super) offset: u64,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, offset: 0 }
    }

    /// The next file's name and size; `None` at the archive's end.
    pub(super) fn header(&mut self) -> Result<Option<(String, u64)>, TarError> {
        let block = self.block()?;
        if block == [0; BLOCK] {
            if self.block()? != [0; BLOCK] {
                self.offset -= BLOCK as u64;
                return Err(TarError::Padding);
            }
            let mut more = [0];
            return match self.fill(&mut more) {
                Ok(0) => Ok(None),
                Ok(_) => Err(TarError::Trailing),
                Err(e) => Err(e),
            };
        }
        let name = block[..100].split(|b| *b == 0).next().unwrap_or_default();
        let name = std::str::from_utf8(name)
            .ok()
            .filter(|name| good_name(name));
        let size = std::str::from_utf8(&block[124..135])
            .ok()
            .and_then(|octal| u64::from_str_radix(octal, 8).ok());
        match (name, size) {
            (Some(name), Some(size)) if header(name, size) == block => {
                Ok(Some((name.to_owned(), size)))
            }
            _ => {
                self.offset -= BLOCK as u64;
                Err(TarError::Header)
            }
        }
    }

    /// Reads the contents that follow a header; keeps them only if asked to.
    pub(super) fn contents(
        &mut self,
        name: String,
        size: u64,
        keep: bool,
    ) -> Result<Member, TarError> {
        let offset = self.offset;
        let mut digest = Sha256::new();
        let mut bytes = Vec::new();
        let mut buffer = [0; 1 << 14];
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left)
                .unwrap_or(buffer.len())
                .min(buffer.len());
            let got = self.fill(&mut buffer[..want])?;
            if got < want {
                return Err(TarError::CutOff);
            }
            digest.update(&buffer[..want]);
            if keep {
                bytes.extend_from_slice(&buffer[..want]);
            }
            left -= want as u64;
        }
        let pad = padding(size);
        if self.fill(&mut buffer[..pad])? < pad {
            return Err(TarError::CutOff);
        }
        if buffer[..pad].iter().any(|b| *b != 0) {
            self.offset -= pad as u64;
            return Err(TarError::Padding);
        }
        Ok(Member {
            name,
            size,
            offset,
            sha256: digest.finalize().into(),
            bytes,
        })
    }

    fn block(&mut self) -> Result<[u8; BLOCK], TarError> {
        let mut block = [0; BLOCK];
        if self.fill(&mut block)? < BLOCK {
            Err(TarError::CutOff)
        } else {
            Ok(block)
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, TarError> {
        let mut got = 0;
        while got < buffer.len() {
            match self.inner.read(&mut buffer[got..]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(TarError::Io(e.to_string())),
            }
        }
        self.offset += got as u64;
        Ok(got)
    }
}

/// Names that are safe to unpack anywhere: `a/b.c`, no dots alone, at most 100 bytes.
pub(super) fn good_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    name.len() < 100 && name.split('/').all(part)
}

fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (to, from) in block[at..].iter_mut().zip(text) {
            *to = *from;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\x000000000\x000000000\0");
    put(
        124,
        format!("{size:011o}\x0000000000000\0        0").as_bytes(),
    );
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
    let sum = format!("{sum:06o}\0 ");
    block[148..156].copy_from_slice(sum.as_bytes());
    block
}

fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// The largest file that the size field can say.
pub(super) const MAX_SIZE: u64 = (1 << 33) - 1;
const BLOCK: usize = 512;
