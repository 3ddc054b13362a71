//! Writing a pack.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{
    ATTACHMENTS, ConsistencyLine, ENTRIES, ExportBody, FIRST, FORMAT, FileSum, InclusionLine, KEY,
    LAST, MANIFEST, Manifest, PROOFS, README, readme, tar,
};
use crate::entry::NewEntry;
use crate::error::Error;
use crate::log::Log;
use crate::merkle::Hash;

/// What is exported, when, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The incident.
    pub incident: &'a str,
    /// Now, milliseconds since 1970 in UTC.
    pub at: i64,
    /// Whose matter it is.
    pub tenant: &'a str,
    /// Who exports.
    pub actor: &'a str,
    /// Name and version of the program.
    pub tool: &'a str,
}

/// A file to go with the entries, such as `scope.json`.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Letters, digits, `.`, `_`, `-`, and `/` between folders.
    pub name: String,
    /// The contents.
    pub bytes: Vec<u8>,
}

/// Puts the export down in the log, then writes the pack to `out`.
///
/// The export entry comes first: a pack that was begun and not finished leaves its trace, and there
/// is no pack without a trace.
pub fn write(
    log: &mut Log,
    export: &Export<'_>,
    attachments: &[Attachment],
    out: &mut impl Write,
) -> Result<(), Error> {
    let incident = export.incident;
    let (count, head) = log
        .incident_head(incident)
        .ok_or_else(|| Error::NoIncident {
            incident: incident.to_owned(),
        })?;
    let mut attached: Vec<(String, &[u8])> = attachments
        .iter()
        .map(|a| (format!("{ATTACHMENTS}{}", a.name), &a.bytes[..]))
        .collect();
    attached.sort();
    let mut names = BTreeSet::new();
    for (name, bytes) in &attached {
        if !tar::good_name(name) || !names.insert(name) {
            return Err(Error::Pack(format!(
                "attachment name {name:?} is not allowed or used twice"
            )));
        }
        if bytes.len() as u64 > tar::MAX_SIZE {
            return Err(Error::Pack(format!(
                "attachment {name} is larger than 8 GiB"
            )));
        }
    }
    let vkey = format!("{}\n", log.verifier());
    let mut declared = vec![
        sum(README, readme::TEXT.as_bytes()),
        sum(KEY, vkey.as_bytes()),
    ];
    declared.extend(attached.iter().map(|(name, bytes)| sum(name, bytes)));
    let body = ExportBody {
        count,
        head: hex::encode(head),
        tool: export.tool.to_owned(),
        files: declared,
    };
    log.append(NewEntry {
        at: export.at,
        tenant: export.tenant.to_owned(),
        incident: Some(incident.to_owned()),
        actor: export.actor.to_owned(),
        kind: EXPORT_KIND.to_owned(),
        body: serde_json::to_value(&body).map_err(|e| Error::Pack(e.to_string()))?,
    })?;
    let last = log.seal()?.clone();
    let first = log.first_checkpoint().clone();

    let size = last.checkpoint.size;
    let (mut entries, mut proofs) = (Vec::new(), Vec::new());
    let consistency = log
        .tree()
        .consistency(first.checkpoint.size, size)
        .unwrap_or_default();
    line(
        &mut proofs,
        &ConsistencyLine {
            consistency: hexes(&consistency),
            first: first.checkpoint.size,
            last: size,
        },
    )?;
    for entry in log.lines(log.incident_seqs(incident))? {
        let (entry, bytes) = entry?;
        entries.extend_from_slice(&bytes);
        entries.push(b'\n');
        let path = log.tree().inclusion(entry.seq, size).unwrap_or_default();
        line(
            &mut proofs,
            &InclusionLine {
                inclusion: hexes(&path),
                seq: entry.seq,
            },
        )?;
    }

    let (first, last) = (first.to_string(), last.to_string());
    let mut files: Vec<(&str, &[u8])> = vec![
        (README, readme::TEXT.as_bytes()),
        (KEY, vkey.as_bytes()),
        (FIRST, first.as_bytes()),
        (LAST, last.as_bytes()),
        (PROOFS, &proofs),
        (ENTRIES, &entries),
    ];
    files.extend(attached.iter().map(|(name, bytes)| (&name[..], *bytes)));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: log.verifier().name().to_owned(),
        incident: incident.to_owned(),
        created: export.at,
        tool: export.tool.to_owned(),
        files: files.iter().map(|(name, bytes)| sum(name, bytes)).collect(),
    };
    let mut json = Vec::new();
    line(&mut json, &manifest)?;
    let io = Error::io("write the pack", Path::new(incident));
    tar::write(out, MANIFEST, &json)
        .and_then(|()| {
            files
                .iter()
                .try_for_each(|(name, bytes)| tar::write(out, name, bytes))
        })
        .and_then(|()| tar::finish(out))
        .and_then(|()| out.flush())
        .map_err(io)
}

fn sum(name: &str, bytes: &[u8]) -> FileSum {
    FileSum {
        name: name.to_owned(),
        sha256: hex::encode(Sha256::digest(bytes)),
        size: bytes.len() as u64,
    }
}

fn line(to: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<(), Error> {
    to.extend(serde_jcs::to_vec(value).map_err(|e| Error::Pack(e.to_string()))?);
    to.push(b'\n');
    Ok(())
}

fn hexes(path: &[Hash]) -> Vec<String> {
    path.iter().map(hex::encode).collect()
}

/// The kind of the entry that every pack ends with.
pub const EXPORT_KIND: &str = "evidence.export";
