//! Checking a pack offline. Everything in it may be hostile.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::report::{Problem, Report, What};
use super::tar::{Member, Reader, TarError};
use super::{
    ATTACHMENTS, ConsistencyLine, ENTRIES, EXPORT_KIND, ExportBody, FIRST, FIXED, FORMAT, FileSum,
    InclusionLine, KEY, LAST, MANIFEST, Manifest, PROOFS, README,
};
use crate::entry::Entry;
use crate::merkle::{Hash, MAX_PATH, leaf_hash, verify_consistency, verify_inclusion};
use crate::note::{SignedCheckpoint, VerifierKey};

/// What the checker already trusts. With nothing here, a pack is checked against itself only.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The log's public key.
    pub key: Option<VerifierKey>,
    /// Checkpoints of the log seen earlier, such as those held by a second party.
    pub known: Vec<SignedCheckpoint>,
}

/// How much of a pack is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole pack.
    pub total: u64,
    /// Bytes of a file that is held in memory (all but attachments).
    pub in_memory: u64,
    /// Number of files.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 16 << 30,
            in_memory: 256 << 20,
            files: 4096,
        }
    }
}

/// Checks a pack and names everything that is wrong with it.
pub fn verify(pack: impl Read, trust: &Trust) -> Report {
    verify_within(pack, trust, &Limits::default())
}

/// [`verify`] with other limits.
pub fn verify_within(pack: impl Read, trust: &Trust, limits: &Limits) -> Report {
    let mut check = Check {
        report: Report::default(),
        members: BTreeMap::new(),
        order: Vec::new(),
        unlike: Vec::new(),
    };
    check.read(pack, limits);
    check.manifest();
    let key = check.key(trust);
    let first = check.checkpoint(FIRST, key.as_ref());
    let last = check.checkpoint(LAST, key.as_ref());
    check.known(trust, [first.as_ref(), last.as_ref()]);
    let proofs = check.proofs(first.as_ref(), last.as_ref());
    let export = check.entries(&proofs, last.as_ref());
    check.export(export);
    check.blame();
    check.report.checkpoint = last.map(|note| note.checkpoint);
    check.report
}

struct Check {
    report: Report,
    members: BTreeMap<String, Member>,
    order: Vec<String>,
    /// Files that the manifest describes otherwise.
    unlike: Vec<String>,
}

impl Check {
    fn read(&mut self, pack: impl Read, limits: &Limits) {
        let mut reader = Reader::new(pack);
        loop {
            let start = reader.offset;
            let mut name = None;
            let step = reader.header().and_then(|header| {
                let Some((file, size)) = header else {
                    return Ok(None);
                };
                name = Some(file.clone());
                let keep = !file.starts_with(ATTACHMENTS);
                if keep && size > limits.in_memory {
                    return Err(TarError::Limit("file size"));
                }
                if self.order.len() >= limits.files {
                    return Err(TarError::Limit("number of files"));
                }
                if reader.offset.saturating_add(size) > limits.total {
                    return Err(TarError::Limit("pack size"));
                }
                reader.contents(file, size, keep).map(Some)
            });
            match step {
                Ok(Some(member)) => {
                    self.order.push(member.name.clone());
                    if self.members.contains_key(&member.name) {
                        self.add(
                            Some(&member.name),
                            None,
                            Some((start, reader.offset)),
                            What::Unexpected,
                        );
                    } else {
                        self.members.insert(member.name.clone(), member);
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let from = reader.offset.max(start);
                    return self.add(
                        name.as_deref(),
                        None,
                        Some((from, from + 512)),
                        What::Archive(error),
                    );
                }
            }
        }
    }

    /// The manifest lists exactly the files that are there, in order, with their digests.
    fn manifest(&mut self) {
        let Some(manifest) = self.document::<Manifest>(MANIFEST) else {
            for name in FIXED
                .into_iter()
                .filter(|name| !self.members.contains_key(*name))
                .collect::<Vec<_>>()
            {
                self.add(Some(name), None, None, What::Missing);
            }
            return;
        };
        if manifest.format != FORMAT {
            self.at(
                MANIFEST,
                None,
                What::Form(format!("format is not {FORMAT}")),
            );
        }
        let listed: Vec<&str> = manifest.files.iter().map(|file| &file.name[..]).collect();
        let present: Vec<String> = self
            .order
            .iter()
            .filter(|name| *name != MANIFEST)
            .cloned()
            .collect();
        if self.order.first().map(String::as_str) != Some(MANIFEST) {
            self.at(MANIFEST, None, What::Unexpected);
        }
        for name in FIXED
            .iter()
            .chain(&listed)
            .filter(|name| !present.iter().any(|p| p == *name))
        {
            self.add(Some(name), None, None, What::Missing);
        }
        for name in present.iter().filter(|name| !listed.contains(&&name[..])) {
            self.at(name, None, What::Unexpected);
        }
        let fixed_first = listed.iter().zip(FIXED).all(|(a, b)| *a == b);
        let rest_sorted = listed.get(FIXED.len()..).is_some_and(|rest| {
            rest.is_sorted_by(|a, b| a < b) && rest.iter().all(|name| name.starts_with(ATTACHMENTS))
        });
        if !fixed_first || !rest_sorted || listed.len() == present.len() && present != listed {
            self.at(MANIFEST, None, What::Files);
        }
        self.unlike = manifest
            .files
            .iter()
            .filter(|file| !self.fits(file))
            .map(|file| file.name.clone())
            .collect();
        self.report.incident = Some(manifest.incident);
        self.report.created = Some(manifest.created);
        self.report.tool = Some(manifest.tool);
        let key = self
            .text(KEY)
            .and_then(|text| VerifierKey::parse(text.trim_end()).ok());
        if key.is_some_and(|key| key.name() != manifest.origin) {
            self.at(MANIFEST, None, What::Field("origin"));
        }
    }

    fn key(&mut self, trust: &Trust) -> Option<VerifierKey> {
        let text = self.text(KEY)?.to_owned();
        let key = match VerifierKey::parse(text.strip_suffix('\n').unwrap_or(&text)) {
            Ok(key) => key,
            Err(error) => {
                self.at(KEY, None, What::Note(error));
                return trust.key.clone();
            }
        };
        if format!("{key}\n") != text {
            self.at(KEY, None, What::Form("not in canonical form".into()));
        }
        self.report.key = Some(key.to_string());
        self.report.fingerprint = Some(key.fingerprint());
        if let Some(trusted) = &trust.key {
            self.report.key_trusted = *trusted == key;
            if !self.report.key_trusted {
                let (found, trusted) = (key.fingerprint(), trusted.fingerprint());
                self.at(KEY, None, What::WrongKey { found, trusted });
            }
        }
        Some(key)
    }

    fn checkpoint(
        &mut self,
        name: &'static str,
        key: Option<&VerifierKey>,
    ) -> Option<SignedCheckpoint> {
        let parsed = SignedCheckpoint::parse(self.text(name)?);
        let checked =
            parsed.and_then(|note| key.map_or(Ok(()), |key| note.verify(key)).map(|()| note));
        checked
            .map_err(|error| self.at(name, None, What::Note(error)))
            .ok()
    }

    fn known(&mut self, trust: &Trust, ours: [Option<&SignedCheckpoint>; 2]) {
        for known in &trust.known {
            let mut same = ours
                .into_iter()
                .flatten()
                .filter(|own| own.checkpoint.size == known.checkpoint.size);
            if let Some(own) = same.next() {
                self.report.known_compared += 1;
                if own.checkpoint != known.checkpoint {
                    self.at(LAST, None, What::Fork(known.checkpoint.size));
                }
            }
        }
    }

    /// Checks consistency; gives the inclusion proofs by line.
    fn proofs(
        &mut self,
        first: Option<&SignedCheckpoint>,
        last: Option<&SignedCheckpoint>,
    ) -> Vec<Option<(u64, Vec<Hash>)>> {
        let lines = self.lines(PROOFS);
        let mut lines = lines.iter().enumerate();
        if let Some((_, line)) = lines.next() {
            match canonical::<ConsistencyLine>(line) {
                Ok(line) => {
                    if let (Some(first), Some(last)) = (first, last) {
                        let (a, b) = (&first.checkpoint, &last.checkpoint);
                        let sizes = line.first == a.size && line.last == b.size;
                        let proven = hashes(&line.consistency).is_some_and(|path| {
                            verify_consistency(a.size, b.size, &path, &a.root, &b.root)
                        });
                        if !sizes || !proven {
                            self.at(PROOFS, Some(1), What::NotConsistent);
                        }
                    }
                }
                Err(error) => self.at(PROOFS, Some(1), What::Form(error)),
            }
        } else if self.members.contains_key(PROOFS) {
            self.at(PROOFS, Some(1), What::NotConsistent);
        }
        lines
            .map(|(n, line)| {
                let parsed = canonical::<InclusionLine>(line).and_then(|line| {
                    Ok((
                        line.seq,
                        hashes(&line.inclusion).ok_or("a hash is not 64 hexadecimal digits")?,
                    ))
                });
                parsed
                    .map_err(|error| self.at(PROOFS, Some(n as u64 + 1), What::Form(error)))
                    .ok()
            })
            .collect()
    }

    /// Checks each entry; gives the last one with its line number, and the id of the one before.
    fn entries(
        &mut self,
        proofs: &[Option<(u64, Vec<Hash>)>],
        last: Option<&SignedCheckpoint>,
    ) -> Option<(Entry, u64, Option<Hash>)> {
        let lines = self.lines(ENTRIES);
        self.report.entries = lines.len() as u64;
        if self.members.contains_key(PROOFS) && proofs.len() != lines.len() {
            let (proofs, entries) = (proofs.len() as u64, lines.len() as u64);
            self.at(PROOFS, None, What::Proofs { proofs, entries });
        }
        // The export, being signed, says which incident this is.
        let export = lines
            .last()
            .and_then(|line| Entry::parse(line).ok())
            .filter(|entry| entry.kind == EXPORT_KIND);
        if let Some(signed) = export.and_then(|entry| entry.incident) {
            let said = self.report.incident.replace(signed);
            if said.is_some() && said != self.report.incident {
                self.at(MANIFEST, None, What::Field("incident"));
            }
        }
        let (mut previous, mut before, mut wanted, mut end) = (None, None, 0, None);
        for (n, line) in lines.iter().enumerate() {
            let number = Some(n as u64 + 1);
            let leaf = leaf_hash(line);
            before = previous.replace(leaf);
            end = None;
            let entry = match Entry::parse(line) {
                Ok(entry) => entry,
                Err(error) => {
                    self.at(ENTRIES, number, What::Entry(error));
                    wanted += 1;
                    continue;
                }
            };
            if let Some(last) = last {
                let proven = proofs
                    .get(n)
                    .and_then(Option::as_ref)
                    .is_some_and(|(seq, path)| {
                        *seq == entry.seq
                            && verify_inclusion(
                                &leaf,
                                *seq,
                                last.checkpoint.size,
                                path,
                                &last.checkpoint.root,
                            )
                    });
                if !proven {
                    self.at(ENTRIES, number, What::NotIncluded);
                }
            }
            let incident = entry.incident.clone().unwrap_or_default();
            if self.report.incident.get_or_insert_with(|| incident.clone()) != &incident {
                self.at(ENTRIES, number, What::OtherIncident(incident));
            }
            let found = entry.incident_seq.unwrap_or(0);
            if found != wanted {
                self.at(ENTRIES, number, What::Order { wanted, found });
            } else if entry.incident_prev != before.map(hex::encode) {
                self.at(ENTRIES, number, What::Chain);
            }
            wanted = found.saturating_add(1);
            end = Some(entry);
        }
        end.map(|entry| (entry, lines.len() as u64, before))
    }

    /// The last entry is the export, and it says what the pack says.
    fn export(&mut self, end: Option<(Entry, u64, Option<Hash>)>) {
        let Some((entry, line, before)) = end.filter(|(entry, ..)| entry.kind == EXPORT_KIND)
        else {
            if self.members.contains_key(ENTRIES) {
                self.at(ENTRIES, None, What::NoExport);
            }
            return;
        };
        let body = match serde_json::from_value::<ExportBody>(entry.body) {
            Ok(body) => body,
            Err(error) => return self.at(ENTRIES, Some(line), What::Form(error.to_string())),
        };
        if body.count != line - 1 || Some(&body.head) != before.map(hex::encode).as_ref() {
            self.at(ENTRIES, Some(line), What::Count(body.count));
        }
        if self
            .report
            .created
            .is_some_and(|created| created != entry.at)
        {
            self.at(MANIFEST, None, What::Field("created"));
        }
        if self
            .report
            .tool
            .as_ref()
            .is_some_and(|tool| *tool != body.tool)
        {
            self.at(MANIFEST, None, What::Field("tool"));
        }
        for file in &body.files {
            if self.members.contains_key(&file.name) {
                if !self.fits(file) {
                    self.at(&file.name, None, What::Digest("the export entry"));
                }
            } else {
                self.add(Some(&file.name), None, None, What::Missing);
            }
        }
        let declared = |name: &str| body.files.iter().any(|file| file.name == name);
        let own = |name: &str| name == README || name == KEY || name.starts_with(ATTACHMENTS);
        for name in self
            .order
            .clone()
            .iter()
            .filter(|name| own(name) && !declared(name))
        {
            self.at(name, None, What::Unexpected);
        }
    }

    /// Manifest and file differ: which of the two? All but the manifest is borne out by signatures, by
    /// proofs or by the export entry, so a file without any other problem is right.
    fn blame(&mut self) {
        let unread = self
            .report
            .problems
            .iter()
            .any(|p| p.file.as_deref() == Some(ENTRIES));
        for name in std::mem::take(&mut self.unlike) {
            if unread
                || self
                    .report
                    .problems
                    .iter()
                    .any(|p| p.file.as_ref() == Some(&name))
            {
                self.at(&name, None, What::Digest(MANIFEST));
            } else {
                self.at(MANIFEST, None, What::Listed(name));
            }
        }
    }

    /// Whether the file, if it is there, has this size and digest.
    fn fits(&self, file: &FileSum) -> bool {
        let member = self.members.get(&file.name);
        member.is_none_or(|member| {
            member.size == file.size && hex::encode(member.sha256) == file.sha256
        })
    }

    /// A file of one canonical JSON line.
    fn document<T: Serialize + DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        let Some(member) = self.members.get(name) else {
            self.add(Some(name), None, None, What::Missing);
            return None;
        };
        let parsed = member
            .bytes
            .strip_suffix(b"\n")
            .ok_or_else(|| "no line end".to_owned())
            .and_then(canonical);
        parsed
            .map_err(|error| self.at(name, None, What::Form(error)))
            .ok()
    }

    fn text(&mut self, name: &'static str) -> Option<&str> {
        let readable = std::str::from_utf8(&self.members.get(name)?.bytes).is_ok();
        if !readable {
            self.at(name, None, What::Form("not UTF-8".into()));
        }
        std::str::from_utf8(&self.members.get(name)?.bytes).ok()
    }

    /// The lines of a file, which ends with a line end.
    fn lines(&mut self, name: &'static str) -> Vec<Vec<u8>> {
        let Some(member) = self.members.get(name) else {
            return Vec::new();
        };
        let mut lines: Vec<Vec<u8>> = member
            .bytes
            .split(|b| *b == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        if lines.pop().is_none_or(|rest| !rest.is_empty()) {
            self.at(name, None, What::Form("the last line is cut off".into()));
        }
        lines
    }

    /// A problem within a file that is there: its bytes are named.
    fn at(&mut self, name: &str, line: Option<u64>, what: What) {
        if self.report.problems.len() >= LISTED {
            self.report.more_problems += 1;
            return;
        }
        let area = self.members.get(name).map(|member| {
            let (mut from, mut to) = (0, member.bytes.len());
            if let Some(line) = line {
                let skip = usize::try_from(line - 1).unwrap_or(usize::MAX);
                let mut ends = member
                    .bytes
                    .iter()
                    .enumerate()
                    .filter(|(_, b)| **b == b'\n')
                    .map(|(n, _)| n + 1);
                from = if skip == 0 {
                    0
                } else {
                    ends.nth(skip - 1).unwrap_or(0)
                };
                to = ends.next().unwrap_or(to);
            }
            let whole = line.is_none();
            let to = if whole { member.size } else { to as u64 };
            (member.offset + from as u64, member.offset + to)
        });
        self.add(Some(name), line, area, what);
    }

    fn add(&mut self, file: Option<&str>, line: Option<u64>, area: Option<(u64, u64)>, what: What) {
        let problem = Problem {
            file: file.map(str::to_owned),
            line,
            area,
            what,
        };
        if self.report.problems.contains(&problem) {
            return;
        }
        if self.report.problems.len() < LISTED {
            self.report.problems.push(problem);
        } else {
            self.report.more_problems += 1;
        }
    }
}

/// Reads one value and refuses any but its RFC 8785 bytes.
fn canonical<T: Serialize + DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let value: T = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let bytes = serde_jcs::to_vec(&value).map_err(|e| e.to_string())?;
    if bytes == line {
        Ok(value)
    } else {
        Err("not in canonical form (RFC 8785)".into())
    }
}

fn hashes(path: &[String]) -> Option<Vec<Hash>> {
    if path.len() > MAX_PATH {
        return None;
    }
    let one = |text: &String| {
        let mut hash = [0; 32];
        let lower = !text.bytes().any(|b| b.is_ascii_uppercase());
        (lower && hex::decode_to_slice(text, &mut hash).is_ok()).then_some(hash)
    };
    path.iter().map(one).collect()
}

/// Problems that are listed; the rest is counted.
const LISTED: usize = 100;
