//! Traffic in a file, whichever of the two forms it has.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::Learner;
use crate::har::{HarError, LARGEST};

/// A file that can't be learned from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// It can't be read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It begins like a recording and is none.
    #[error("{}: {source}", file.display())]
    Har {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: HarError,
    },
    /// No line of it could be understood.
    #[error("{}: no request in it; write the combined log of nginx or Apache, or a HAR", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

impl Learner {
    /// Reads a file: a recording when it begins with a brace, else an access log.
    ///
    /// # Errors
    /// [`LearnError`] naming the file.
    pub fn read_file(&mut self, file: &Path) -> Result<(), LearnError> {
        let failed = |source| LearnError::Io {
            file: file.to_owned(),
            source,
        };
        let before = self.counts.samples;
        let mut reader = BufReader::new(File::open(file).map_err(failed)?);
        let start = reader.fill_buf().map_err(failed)?;
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') {
            let mut bytes = Vec::new();
            // One byte more than is read, so that a longer file is told from one that just fits.
            let most = LARGEST as u64 + 4;
            reader.take(most).read_to_end(&mut bytes).map_err(failed)?;
            let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
            self.read_har(text).map_err(|source| LearnError::Har {
                file: file.to_owned(),
                source,
            })?;
        } else {
            self.read_log(reader).map_err(failed)?;
        }
        if self.counts.samples == before {
            return Err(LearnError::Empty {
                file: file.to_owned(),
            });
        }
        Ok(())
    }
}
