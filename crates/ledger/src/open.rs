//! Opening a log: every line and every checkpoint is read and checked; a torn end is repaired.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use crate::disk::{Appender, KEY_FILE, key, lock, sync_dir};
use crate::entry::{Entry, EntryError, MAX_ENTRY};
use crate::error::{Damage, Error};
use crate::log::{Log, Repair, State};
use crate::merkle::leaf_hash;
use crate::note::{LogSigner, NoteError, SignedCheckpoint};

impl Log {
    /// Opens the log in `dir`, or begins one. `origin` names it, such as `firm.example/hudun`; the
    /// key carries that name.
    ///
    /// A last line that was cut off by a crash is removed and reported. Anything else that is not
    /// as it was written is refused with the line's number.
    pub fn open(dir: &Path, origin: &str) -> Result<(Self, Repair), Error> {
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let held = lock(dir)?;
        let entries_path = dir.join(ENTRIES_FILE);
        let checkpoints_path = dir.join(CHECKPOINTS_FILE);

        let Scan {
            state,
            torn: torn_entry,
            damage,
        } = scan_entries(&entries_path)?;
        if let Some(damage) = damage {
            // A signed head may name an earlier line than the one where the damage showed.
            let signer = key(dir, origin, false)?;
            return Err(
                match read_checkpoints(&checkpoints_path, &state, &signer, Depth::Ends) {
                    Err(earlier @ Error::RootDiffers { .. }) => earlier,
                    _ => damage,
                },
            );
        }
        let signer = key(
            dir,
            origin,
            state.tree.is_empty() && is_empty(&checkpoints_path)?,
        )?;
        let found = read_checkpoints(&checkpoints_path, &state, &signer, Depth::Ends)?;
        if found.first.is_none() && !state.tree.is_empty() {
            return Err(Error::Missing {
                path: checkpoints_path,
            });
        }

        let mut entries = Appender::open(&entries_path, state.length())?;
        let mut checkpoints = Appender::open(&checkpoints_path, found.length)?;
        if torn_entry.is_some() {
            cut(&entries_path, state.length())?;
        }
        if found.torn.is_some() {
            cut(&checkpoints_path, found.length)?;
        }
        let (first, last) = match (found.first, found.last) {
            (Some(first), Some(last)) => (first, last),
            _ => {
                let zero = signer.sign(0, state.tree.root());
                checkpoints.append(zero.to_string().as_bytes())?;
                entries.sync()?;
                sync_dir(dir)?;
                (zero.clone(), zero)
            }
        };
        let sealed_late = state.tree.len() - last.checkpoint.size;
        let mut log = Self {
            entries_path,
            checkpoints_path,
            signer,
            state,
            entries,
            checkpoints,
            first,
            last,
            _lock: held,
        };
        if sealed_late > 0 {
            log.seal()?;
        }
        Ok((
            log,
            Repair {
                torn_entry,
                torn_checkpoint: found.torn,
                sealed_late,
            },
        ))
    }

    /// Reads the whole log again from disk and checks every line, every checkpoint's head and every
    /// signature. Opening checks the first and last signature only. Gives the number of checkpoints.
    pub fn audit(&self) -> Result<u64, Error> {
        let Scan {
            state,
            torn,
            damage,
        } = scan_entries(&self.entries_path)?;
        if let Some(damage) = damage {
            return Err(damage);
        }
        if torn.is_some() || state.tree.len() != self.len() || state.tree.root() != self.root() {
            let line = state.tree.len() + 1;
            return Err(Error::Damaged {
                path: self.entries_path.clone(),
                line,
                why: Damage::Changed,
            });
        }
        let found = read_checkpoints(&self.checkpoints_path, &state, &self.signer, Depth::All)?;
        if found.torn.is_some() || found.last.as_ref() != Some(&self.last) {
            return Err(Error::Missing {
                path: self.checkpoints_path.clone(),
            });
        }
        Ok(found.count)
    }
}

/// What reading the entries gave.
struct Scan {
    /// All whole lines up to the first damage.
    state: State,
    /// Bytes of a torn last line.
    torn: Option<u64>,
    damage: Option<Error>,
}

fn scan_entries(path: &Path) -> Result<Scan, Error> {
    let mut scan = Scan {
        state: State::new(),
        torn: None,
        damage: None,
    };
    let Some(mut reader) = reader(path)? else {
        return Ok(scan);
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        reader
            .by_ref()
            .take(MAX_ENTRY as u64 + 1)
            .read_until(b'\n', &mut line)
            .map_err(Error::io("read", path))?;
        if line.is_empty() {
            return Ok(scan);
        }
        let taken = if line.pop_if(|end| *end == b'\n').is_some() {
            take_line(&mut scan.state, &line)
        } else if line.len() > MAX_ENTRY {
            Err(Damage::Entry(EntryError::Size(line.len())))
        } else {
            scan.torn = Some(line.len() as u64);
            return Ok(scan);
        };
        if let Err(why) = taken {
            scan.damage = Some(Error::Damaged {
                path: path.to_owned(),
                line: scan.state.tree.len() + 1,
                why,
            });
            return Ok(scan);
        }
    }
}

fn take_line(state: &mut State, line: &[u8]) -> Result<(), Damage> {
    let entry = Entry::parse(line)?;
    state.fits(&entry)?;
    state.push(&entry, leaf_hash(line), line.len() as u64 + 1);
    Ok(())
}

/// Which signatures are checked. Heads are always compared.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Ends,
    All,
}

#[derive(Default)]
struct Found {
    first: Option<SignedCheckpoint>,
    last: Option<SignedCheckpoint>,
    count: u64,
    /// Bytes of whole checkpoints.
    length: u64,
    /// Bytes of an unfinished one after them.
    torn: Option<u64>,
}

fn read_checkpoints(
    path: &Path,
    state: &State,
    signer: &LogSigner,
    depth: Depth,
) -> Result<Found, Error> {
    let mut found = Found::default();
    let Some(mut reader) = reader(path)? else {
        return Ok(found);
    };
    let verifier = signer.verifier();
    loop {
        let number = found.count + 1;
        let wrong = |source| Error::Checkpoint {
            path: path.to_owned(),
            number,
            line: found.count * 5 + 1,
            source,
        };
        let mut text = Vec::new();
        for _ in 0..5 {
            reader
                .by_ref()
                .take(4096)
                .read_until(b'\n', &mut text)
                .map_err(Error::io("read", path))?;
        }
        let ends = text.iter().filter(|b| **b == b'\n').count();
        if ends < 5 {
            if text.len() > 4096 {
                return Err(wrong(NoteError::Form("longer than 4 KiB")));
            }
            found.torn = (!text.is_empty()).then_some(text.len() as u64);
            break;
        }
        let note = std::str::from_utf8(&text)
            .map_err(|_| NoteError::Form("not UTF-8"))
            .and_then(SignedCheckpoint::parse)
            .map_err(wrong)?;
        if depth == Depth::All || found.first.is_none() {
            note.verify(&verifier).map_err(wrong)?;
        }
        let size = note.checkpoint.size;
        if found
            .last
            .as_ref()
            .is_some_and(|last| last.checkpoint.size > size)
        {
            return Err(Error::Backwards { number, size });
        }
        let Some(computed) = state.tree.root_at(size) else {
            let path = path.with_file_name(ENTRIES_FILE);
            return Err(Error::CutOff {
                path,
                number,
                entries: state.tree.len(),
                signed: size,
            });
        };
        if computed != note.checkpoint.root {
            let (signed, computed) = (hex::encode(note.checkpoint.root), hex::encode(computed));
            let path = path.with_file_name(ENTRIES_FILE);
            let after = found.last.as_ref().map_or(0, |last| last.checkpoint.size);
            return Err(Error::RootDiffers {
                path,
                number,
                after,
                size,
                signed,
                computed,
            });
        }
        found.first.get_or_insert_with(|| note.clone());
        found.last = Some(note);
        found.count += 1;
        found.length += text.len() as u64;
    }
    if let Some(last) = &found.last {
        let line = (found.count - 1) * 5 + 1;
        last.verify(&verifier).map_err(|source| Error::Checkpoint {
            path: path.into(),
            number: found.count,
            line,
            source,
        })?;
    }
    Ok(found)
}

fn reader(path: &Path) -> Result<Option<BufReader<File>>, Error> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::with_capacity(1 << 16, file))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io {
            what: "open",
            path: path.into(),
            source,
        }),
    }
}

fn is_empty(path: &Path) -> Result<bool, Error> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(meta.len() == 0),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(Error::Io {
            what: "look at",
            path: path.into(),
            source,
        }),
    }
}

fn cut(path: &Path, length: u64) -> Result<(), Error> {
    let file = File::options()
        .write(true)
        .open(path)
        .map_err(Error::io("open", path))?;
    file.set_len(length)
        .and_then(|()| file.sync_all())
        .map_err(Error::io("cut the torn end of", path))
}

/// The private key's file in the folder.
pub const KEY: &str = KEY_FILE;
/// The entries' file in the folder.
pub const ENTRIES_FILE: &str = "entries.jsonl";
/// The checkpoints' file in the folder.
pub const CHECKPOINTS_FILE: &str = "checkpoints";
