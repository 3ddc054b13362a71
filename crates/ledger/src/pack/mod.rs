//! Evidence packs: one incident in one file, checkable offline.
//!
//! A pack is an uncompressed tar with these files, in this order:
//!
//! | file | what |
//! | --- | --- |
//! | `manifest.json` | incident, time, tool, and SHA-256 and size of every other file |
//! | `README.md` | how to check, Chinese and English |
//! | `log.vkey` | the log's public key |
//! | `checkpoints/first.txt`, `checkpoints/last.txt` | signed checkpoints |
//! | `proofs.jsonl` | consistency of the two checkpoints, then inclusion of each entry |
//! | `entries.jsonl` | the incident's entries, byte for byte as in the log |
//! | `attachments/…` | what the exporter added |
//!
//! Nothing in it needs trust but the key. The last entry is the export itself (`evidence.export`): it
//! says how many entries came before, the id of the last, and the SHA-256 of each attachment. With
//! the chain in the entries (`incident_seq`, `incident_prev`) that makes a missing entry or
//! attachment visible even if the manifest was written anew.

mod readme;
mod report;
mod tar;
mod verify;
mod write;

pub use report::{Problem, Report, What};
pub use tar::TarError;
pub use verify::{Limits, Trust, verify, verify_within};
pub use write::{Attachment, EXPORT_KIND, Export, write};

use serde::{Deserialize, Serialize};

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    origin: String,
    incident: String,
    created: i64,
    tool: String,
    files: Vec<FileSum>,
}

/// The body of the `evidence.export` entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportBody {
    /// Entries of the incident before this one.
    count: u64,
    /// Id of the last of them.
    head: String,
    tool: String,
    files: Vec<FileSum>,
}

/// A file's size and digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSum {
    name: String,
    sha256: String,
    size: u64,
}

/// The first line of `proofs.jsonl`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyLine {
    consistency: Vec<String>,
    first: u64,
    last: u64,
}

/// A further line of `proofs.jsonl`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InclusionLine {
    inclusion: Vec<String>,
    seq: u64,
}

const FORMAT: &str = "hudun-evidence-1";
const MANIFEST: &str = "manifest.json";
const README: &str = "README.md";
const KEY: &str = "log.vkey";
const FIRST: &str = "checkpoints/first.txt";
const LAST: &str = "checkpoints/last.txt";
const PROOFS: &str = "proofs.jsonl";
const ENTRIES: &str = "entries.jsonl";
const ATTACHMENTS: &str = "attachments/";
/// The files that every pack has after the manifest, in order.
const FIXED: [&str; 6] = [README, KEY, FIRST, LAST, PROOFS, ENTRIES];
