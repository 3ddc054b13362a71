//! The log on disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::disk::Appender;
use crate::entry::{Entry, NewEntry};
use crate::error::{Damage, Error};
use crate::merkle::{Hash, Tree, leaf_hash};
use crate::note::{LogSigner, SignedCheckpoint, VerifierKey};

/// An append-only log in one folder, held by one process.
///
/// Memory: about 80 bytes an entry (tree, offset, incident). Entries stay on disk.
pub struct Log {
    pub(crate) entries_path: PathBuf,
    pub(crate) checkpoints_path: PathBuf,
    pub(crate) signer: LogSigner,
    pub(crate) state: State,
    pub(crate) entries: Appender,
    pub(crate) checkpoints: Appender,
    pub(crate) first: SignedCheckpoint,
    pub(crate) last: SignedCheckpoint,
    pub(crate) _lock: File,
}

/// What was set right when the log was opened: a process was killed in the middle of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Bytes of an unfinished last entry that were cut off. It was never confirmed to anybody.
    pub torn_entry: Option<u64>,
    /// Bytes of an unfinished last checkpoint that were cut off.
    pub torn_checkpoint: Option<u64>,
    /// Whole entries beyond the last checkpoint, now sealed by a new one.
    pub sealed_late: u64,
}

/// What memory holds of the entries.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) tree: Tree,
    /// Where each line begins, and at the end the file's length.
    offsets: Vec<u64>,
    incidents: HashMap<String, Incident>,
}

#[derive(Default)]
struct Incident {
    seqs: Vec<u64>,
    head: Hash,
}

impl Log {
    /// Writes one entry; durable when this returns. Gives back what was written.
    pub fn append(&mut self, new: NewEntry) -> Result<Entry, Error> {
        let mut written = self.append_many(vec![new])?;
        written.pop().ok_or(Error::NoEntry {
            seq: self.len(),
            len: self.len(),
        })
    }

    /// Writes a group with one sync: all of it or, on an error, nothing.
    ///
    /// A checkpoint over the new size is signed after it. Should only that fail, the group stands:
    /// [`Log::unsealed`] tells, and the next append or [`Log::seal`] signs.
    pub fn append_many(&mut self, group: Vec<NewEntry>) -> Result<Vec<Entry>, Error> {
        if group.is_empty() {
            return Ok(Vec::new());
        }
        let mut heads: HashMap<String, (u64, Hash)> = HashMap::new();
        let mut bytes = Vec::new();
        let mut written = Vec::with_capacity(group.len());
        for (index, new) in group.into_iter().enumerate() {
            let chain = new.incident.as_ref().map(|incident| {
                heads
                    .get(incident)
                    .copied()
                    .unwrap_or_else(|| self.state.head(incident))
            });
            let entry = Entry {
                seq: self.len() + index as u64,
                at: new.at,
                tenant: new.tenant,
                incident: new.incident,
                incident_seq: chain.map(|(count, _)| count),
                incident_prev: chain
                    .filter(|(count, _)| *count > 0)
                    .map(|(_, head)| hex::encode(head)),
                actor: new.actor,
                kind: new.kind,
                body: new.body,
            };
            let line = entry
                .canonical()
                .map_err(|source| Error::Entry { index, source })?;
            let leaf = leaf_hash(&line);
            if let (Some(incident), Some((count, _))) = (&entry.incident, chain) {
                heads.insert(incident.clone(), (count + 1, leaf));
            }
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
            written.push((entry, leaf, line.len() as u64 + 1));
        }
        self.entries.append(&bytes)?;
        // Only now, with the bytes on the medium, does memory move.
        let entries = written
            .into_iter()
            .map(|(entry, leaf, length)| {
                self.state.push(&entry, leaf, length);
                entry
            })
            .collect();
        let _sealed_or_seen_by_unsealed = self.checkpoint();
        Ok(entries)
    }

    /// Makes sure that a checkpoint over everything is on the medium.
    pub fn seal(&mut self) -> Result<&SignedCheckpoint, Error> {
        self.checkpoint()?;
        Ok(&self.last)
    }

    /// How many entries.
    pub fn len(&self) -> u64 {
        self.state.tree.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries the last checkpoint does not cover; 0 unless writing it failed.
    pub fn unsealed(&self) -> u64 {
        self.len() - self.last.checkpoint.size
    }

    /// The head of the Merkle tree over all entries.
    pub fn root(&self) -> Hash {
        self.state.tree.root()
    }

    /// The Merkle tree, for proofs.
    pub fn tree(&self) -> &Tree {
        &self.state.tree
    }

    /// The first checkpoint ever signed here.
    pub fn first_checkpoint(&self) -> &SignedCheckpoint {
        &self.first
    }

    /// The newest checkpoint: hand it to a second party, and nobody can rewrite what it covers.
    pub fn last_checkpoint(&self) -> &SignedCheckpoint {
        &self.last
    }

    /// The public key, to be kept where the log's owner can't change it.
    pub fn verifier(&self) -> VerifierKey {
        self.signer.verifier()
    }

    /// The id (leaf hash) of entry `seq`.
    pub fn id(&self, seq: u64) -> Option<Hash> {
        self.state.tree.leaf(seq)
    }

    /// How many entries an incident has, and the id of its last.
    pub fn incident_head(&self, incident: &str) -> Option<(u64, Hash)> {
        let known = self.state.incidents.get(incident)?;
        Some((known.seqs.len() as u64, known.head))
    }

    /// Reads entry `seq` from disk and checks it against its hash.
    pub fn read(&self, seq: u64) -> Result<Entry, Error> {
        self.lines(&[seq])?
            .next()
            .unwrap_or(Err(Error::NoEntry {
                seq,
                len: self.len(),
            }))
            .map(|(entry, _)| entry)
    }

    /// All entries from `seq` on, read as the caller asks for them.
    pub fn from(&self, seq: u64) -> Result<impl Iterator<Item = Result<Entry, Error>> + '_, Error> {
        let file = self.open_entries()?;
        Ok(Lines {
            log: self,
            reader: BufReader::new(file),
            at: 0,
            seqs: seq..self.len(),
        }
        .map(|line| line.map(|l| l.0)))
    }

    /// The entries of one incident in order; its timeline.
    pub fn incident(
        &self,
        incident: &str,
    ) -> Result<impl Iterator<Item = Result<Entry, Error>> + '_, Error> {
        let seqs = self
            .state
            .incidents
            .get(incident)
            .map_or(&[][..], |known| &known.seqs);
        Ok(self.lines(seqs)?.map(|line| line.map(|(entry, _)| entry)))
    }

    /// The numbers of an incident's entries.
    pub(crate) fn incident_seqs(&self, incident: &str) -> &[u64] {
        self.state
            .incidents
            .get(incident)
            .map_or(&[], |known| &known.seqs)
    }

    /// Entries with their exact bytes, without line ends.
    pub(crate) fn lines<'a>(
        &'a self,
        seqs: &'a [u64],
    ) -> Result<impl Iterator<Item = Result<(Entry, Vec<u8>), Error>> + 'a, Error> {
        let file = self.open_entries()?;
        Ok(Lines {
            log: self,
            reader: BufReader::new(file),
            at: 0,
            seqs: seqs.iter().copied(),
        })
    }

    fn open_entries(&self) -> Result<File, Error> {
        File::open(&self.entries_path).map_err(Error::io("open", &self.entries_path))
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        if self.unsealed() > 0 {
            let signed = self.signer.sign(self.len(), self.root());
            self.checkpoints.append(signed.to_string().as_bytes())?;
            self.last = signed;
        }
        Ok(())
    }

    /// The folder's file of entries.
    pub fn path(&self) -> &Path {
        &self.entries_path
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            offsets: vec![0],
            ..Self::default()
        }
    }

    /// Takes in an entry whose line (with its end) has `length` bytes.
    pub(crate) fn push(&mut self, entry: &Entry, leaf: Hash, length: u64) {
        self.tree.push(leaf);
        self.offsets.push(self.length() + length);
        if let Some(incident) = &entry.incident {
            let known = self.incidents.entry(incident.clone()).or_default();
            known.seqs.push(entry.seq);
            known.head = leaf;
        }
    }

    /// Whether the line may stand next.
    pub(crate) fn fits(&self, entry: &Entry) -> Result<(), Damage> {
        if entry.seq != self.tree.len() {
            return Err(Damage::Number {
                found: entry.seq,
                wanted: self.tree.len(),
            });
        }
        if let Some(incident) = &entry.incident {
            let (count, head) = self.head(incident);
            let prev = (count > 0).then(|| hex::encode(head));
            if entry.incident_seq != Some(count) || entry.incident_prev != prev {
                let known = self
                    .incidents
                    .get(incident)
                    .and_then(|known| known.seqs.last());
                return Err(Damage::Chain {
                    before: known.map(|seq| seq + 1),
                });
            }
        }
        Ok(())
    }

    /// Bytes of all lines.
    pub(crate) fn length(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    fn head(&self, incident: &str) -> (u64, Hash) {
        self.incidents
            .get(incident)
            .map_or((0, [0; 32]), |known| (known.seqs.len() as u64, known.head))
    }

    fn span(&self, seq: u64) -> Option<(u64, u64)> {
        let seq = usize::try_from(seq).ok()?;
        let (start, end) = (
            *self.offsets.get(seq)?,
            *self.offsets.get(seq.checked_add(1)?)?,
        );
        Some((start, end.checked_sub(start)?.checked_sub(1)?))
    }
}

struct Lines<'a, S> {
    log: &'a Log,
    reader: BufReader<File>,
    at: u64,
    seqs: S,
}

impl<S: Iterator<Item = u64>> Iterator for Lines<'_, S> {
    type Item = Result<(Entry, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let seq = self.seqs.next()?;
        Some(self.line(seq))
    }
}

impl<S> Lines<'_, S> {
    fn line(&mut self, seq: u64) -> Result<(Entry, Vec<u8>), Error> {
        let log = self.log;
        let path = &log.entries_path;
        let none = || Error::NoEntry {
            seq,
            len: log.len(),
        };
        let (start, length) = log.state.span(seq).ok_or_else(none)?;
        if start != self.at {
            let ahead = start
                .checked_sub(self.at)
                .filter(|n| *n <= self.reader.buffer().len() as u64);
            match ahead {
                Some(n) => self.reader.consume(usize::try_from(n).unwrap_or(0)),
                None => drop(
                    self.reader
                        .seek(SeekFrom::Start(start))
                        .map_err(Error::io("seek in", path))?,
                ),
            }
        }
        let mut bytes = Vec::new();
        self.reader
            .by_ref()
            .take(length + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::io("read", path))?;
        self.at = start + bytes.len() as u64;
        let changed = || Error::Damaged {
            path: path.clone(),
            line: seq + 1,
            why: Damage::Changed,
        };
        if bytes.pop() != Some(b'\n') || Some(leaf_hash(&bytes)) != log.id(seq) {
            return Err(changed());
        }
        let entry = Entry::parse(&bytes).map_err(|_| changed())?;
        Ok((entry, bytes))
    }
}
