//! Files that are appended to as a whole or not at all, the lock, and the key file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::note::LogSigner;

/// A file that grows by whole groups. After a failed write it has its old length again; where that
/// can't be ensured it refuses further writes.
pub(crate) struct Appender {
    path: PathBuf,
    file: Box<dyn Medium>,
    length: u64,
    in_doubt: bool,
}

/// What the appender needs of a file; tests put a failing one in its place.
pub(crate) trait Medium: Send + Sync {
    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Appender {
    pub(crate) fn open(path: &Path, length: u64) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io("open for writing", path))?;
        file.seek(SeekFrom::Start(length))
            .map_err(Error::io("seek in", path))?;
        Ok(Self {
            path: path.to_owned(),
            file: Box::new(file),
            length,
            in_doubt: false,
        })
    }

    /// Writes `bytes` at the end; they are on the medium when this returns.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check()?;
        if let Err(source) = self.file.write_at_end(bytes) {
            self.in_doubt = self.file.cut(self.length).is_err();
            return Err(Error::Io {
                what: "append to",
                path: self.path.clone(),
                source,
            });
        }
        if let Err(source) = self.file.sync() {
            // After a failed sync nobody knows what the medium holds: cut, and let a fresh open look.
            let _ = self.file.cut(self.length);
            self.in_doubt = true;
            return Err(Error::Io {
                what: "sync",
                path: self.path.clone(),
                source,
            });
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        self.check()?;
        self.file.sync().map_err(|source| {
            self.in_doubt = true;
            Error::Io {
                what: "sync",
                path: self.path.clone(),
                source,
            }
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.in_doubt {
            Err(Error::InDoubt {
                path: self.path.clone(),
            })
        } else {
            Ok(())
        }
    }

    #[cfg(test)]
    pub(crate) fn replace(&mut self, wrap: impl FnOnce(Box<dyn Medium>) -> Box<dyn Medium>) {
        struct Gone;
        impl Medium for Gone {
            fn write_at_end(&mut self, _: &[u8]) -> io::Result<()> {
                Err(io::ErrorKind::Other.into())
            }
            fn sync(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::Other.into())
            }
            fn cut(&mut self, _: u64) -> io::Result<()> {
                Err(io::ErrorKind::Other.into())
            }
        }
        let file = std::mem::replace(&mut self.file, Box::new(Gone));
        self.file = wrap(file);
    }
}

impl Medium for File {
    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}

/// Holds the folder for this process until dropped.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("ledger.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(TryLockError::Error(source)) => Err(Error::Io {
            what: "lock",
            path,
            source,
        }),
    }
}

/// Reads the key, or makes one where there is none yet.
pub(crate) fn key(dir: &Path, origin: &str, may_create: bool) -> Result<LogSigner, Error> {
    let path = dir.join(KEY_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound && may_create => {
            return create_key(dir, &path, origin);
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Error::Missing { path }),
        Err(source) => {
            return Err(Error::Io {
                what: "open",
                path,
                source,
            });
        }
    };
    private(&file, &path)?;
    let mut text = String::new();
    (&file)
        .take(4096)
        .read_to_string(&mut text)
        .map_err(Error::io("read", &path))?;
    let signer = LogSigner::parse(text.trim_end_matches('\n'))
        .map_err(|source| Error::Key { path, source })?;
    if signer.name() != origin {
        return Err(Error::Origin {
            path: dir.into(),
            found: signer.name().into(),
            wanted: origin.into(),
        });
    }
    Ok(signer)
}

/// The key appears under its name complete or not at all.
fn create_key(dir: &Path, path: &Path, origin: &str) -> Result<LogSigner, Error> {
    let signer = LogSigner::generate(origin).map_err(|source| Error::Key {
        path: path.into(),
        source,
    })?;
    let draft = dir.join("ed25519.key.new");
    let _ = std::fs::remove_file(&draft);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft).map_err(Error::io("create", &draft))?;
    writeln!(file, "{}", signer.to_secret_text()).map_err(Error::io("write", &draft))?;
    file.sync_all().map_err(Error::io("sync", &draft))?;
    std::fs::rename(&draft, path).map_err(Error::io("rename to", path))?;
    sync_dir(dir)?;
    Ok(signer)
}

#[cfg(unix)]
fn private(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = file.metadata().map_err(Error::io("look at", path))?.mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(Error::KeyExposed {
            path: path.into(),
            mode,
        })
    }
}

#[cfg(not(unix))]
fn private(_: &File, _: &Path) -> Result<(), Error> {
    Ok(())
}

/// Makes new names in the folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(Error::io("sync", dir))?;
    }
    Ok(())
}

pub(crate) const KEY_FILE: &str = "ed25519.key";
