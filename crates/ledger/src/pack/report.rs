//! What the verifier found.

use std::fmt;

use super::tar::TarError;
use crate::entry::EntryError;
use crate::note::{Checkpoint, NoteError};

/// The verdict on a pack.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything that is wrong; empty for a sound pack. At most 100 are listed.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub more_problems: u64,
    /// The incident, as far as it could be read.
    pub incident: Option<String>,
    /// When the pack was made.
    pub created: Option<i64>,
    /// What made it.
    pub tool: Option<String>,
    /// How many entries were read.
    pub entries: u64,
    /// The log's state that the pack leans on.
    pub checkpoint: Option<Checkpoint>,
    /// The key in the pack, in C2SP form.
    pub key: Option<String>,
    /// The key's fingerprint, for comparison by a person.
    pub fingerprint: Option<String>,
    /// Whether the key is the one that the caller trusts. `false` also when none was given.
    pub key_trusted: bool,
    /// How many of the caller's known checkpoints have a size that the pack has too, and so could be
    /// compared.
    pub known_compared: usize,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file within the pack.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u64>,
    /// The bytes of the pack that it lies in: from, and up to but without.
    pub area: Option<(u64, u64)>,
    /// What is wrong.
    pub what: What,
}

/// What can be wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// The archive itself.
    #[error("{0}")]
    Archive(TarError),
    /// A file that every pack has, or that the manifest lists, is missing.
    #[error("the file is missing")]
    Missing,
    /// A file that should not be there.
    #[error("the file does not belong here (added, twice, or out of order)")]
    Unexpected,
    /// The contents don't have the size or digest that the manifest says.
    #[error("the contents differ from what {0} says")]
    Digest(&'static str),
    /// The manifest's list is not the list of files in the pack, in order.
    #[error("the list of files is not that of the pack, in its order")]
    Files,
    /// The manifest describes a file otherwise than the signed record bears out.
    #[error("lists another size or digest for {0} than the signed record bears out")]
    Listed(String),
    /// The text can't be read as what it should be.
    #[error("not readable: {0}")]
    Form(String),
    /// A field says something else than the signed record.
    #[error("{0} differs from the signed record")]
    Field(&'static str),
    /// The key or a checkpoint.
    #[error("{0}")]
    Note(NoteError),
    /// The key is not the trusted one.
    #[error("the pack is signed by key {found}, not by the trusted key {trusted}")]
    WrongKey {
        /// Fingerprint in the pack.
        found: String,
        /// Fingerprint that was given.
        trusted: String,
    },
    /// An entry is not one.
    #[error("{0}")]
    Entry(EntryError),
    /// An entry of another incident.
    #[error("belongs to incident {0:?}")]
    OtherIncident(String),
    /// Numbers are missing, doubled or out of order.
    #[error(
        "carries number {found} of the incident, expected {wanted}: entries were dropped, added or reordered"
    )]
    Order {
        /// Number expected at this place.
        wanted: u64,
        /// Number found.
        found: u64,
    },
    /// The entry does not name the entry before it.
    #[error("does not continue the entry before it: one of the two was changed or replaced")]
    Chain,
    /// The entry is not in the signed log.
    #[error("is not in the signed log: its proof does not lead to the checkpoint")]
    NotIncluded,
    /// The two checkpoints contradict each other.
    #[error("the last checkpoint did not grow out of the first: the log was forked or rewritten")]
    NotConsistent,
    /// A checkpoint that the caller knows says otherwise.
    #[error("a known checkpoint over {0} entries has another head: the log was forked")]
    Fork(u64),
    /// Not as many proofs as entries.
    #[error("there are {proofs} proofs for {entries} entries")]
    Proofs {
        /// Proofs found.
        proofs: u64,
        /// Entries found.
        entries: u64,
    },
    /// The last entry is not the export.
    #[error("the last entry is not the export: entries are missing at the end")]
    NoExport,
    /// The export counted otherwise.
    #[error(
        "the export put down {0} entries before it with another last one: entries were dropped or added"
    )]
    Count(u64),
}

impl Report {
    /// Whether nothing is wrong. Whether the key is the right one is [`Report::key_trusted`].
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.more_problems == 0
    }
}

impl Problem {
    /// The same as `Display`, in Chinese.
    pub fn zh(&self) -> String {
        let mut text = String::new();
        if let Some(file) = &self.file {
            text.push_str(file);
            if let Some(line) = self.line {
                text.push_str(&format!(" 第 {line} 行"));
            }
        }
        if let Some((from, to)) = self.area {
            text.push_str(&format!("(包内字节 {from} 至 {to})"));
        }
        if !text.is_empty() {
            text.push(':');
        }
        text + &self.what.zh()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(line) = self.line {
                write!(f, " line {line}")?;
            }
            write!(f, " ")?;
        }
        if let Some((from, to)) = self.area {
            write!(f, "(pack bytes {from} to {to}) ")?;
        }
        write!(f, "{}", self.what)
    }
}

impl What {
    /// The same as `Display`, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Archive(TarError::CutOff) => "文件被截断".into(),
            Self::Archive(TarError::Header) => "归档头损坏".into(),
            Self::Archive(TarError::Padding) => "填充字节不是零".into(),
            Self::Archive(TarError::Trailing) => "归档结尾之后还有多余字节".into(),
            Self::Archive(TarError::Limit(what)) => format!("超出读取上限({what})"),
            Self::Archive(TarError::Io(error)) => format!("读取失败:{error}"),
            Self::Missing => "缺少这个文件".into(),
            Self::Unexpected => "不该有的文件(多出、重复或次序不对)".into(),
            Self::Digest(by) => format!("内容与 {by} 登记的不一致"),
            Self::Files => "文件清单与包内文件或次序不符".into(),
            Self::Listed(name) => format!("登记的 {name} 的大小或摘要与签名过的记录不符"),
            Self::Form(error) => format!("无法读取:{error}"),
            Self::Field(name) => format!("{name} 与签名过的记录不一致"),
            Self::Note(NoteError::OtherKey { found, wanted }) => {
                format!("由另一把密钥 {found} 签名,而不是 {wanted}")
            }
            Self::Note(NoteError::Signature) => "签名与内容不符".into(),
            Self::Note(error) => format!("公钥或检查点的格式不对:{error}"),
            Self::WrongKey { found, trusted } => {
                format!("签名公钥是 {found},不是您信任的 {trusted}")
            }
            Self::Entry(error) => format!("记录不合格式:{error}"),
            Self::OtherIncident(incident) => format!("属于另一事件 {incident}"),
            Self::Order { wanted, found } => {
                format!("事件内编号是 {found},应为 {wanted}:有记录被删除、添加或调换")
            }
            Self::Chain => "与上一条记录接不上:两条之中有一条被改动或替换".into(),
            Self::NotIncluded => "不在签名过的日志里:证明推不出检查点".into(),
            Self::NotConsistent => "后一个检查点不是由前一个增长而来:日志被分叉或改写".into(),
            Self::Fork(size) => format!("已知的检查点({size} 条)与包内不同:日志被分叉"),
            Self::Proofs { proofs, entries } => format!("{entries} 条记录却有 {proofs} 个证明"),
            Self::NoExport => "最后一条不是导出记录:结尾缺了记录".into(),
            Self::Count(count) => {
                format!("导出时登记此前有 {count} 条且末条不同:有记录被删除或添加")
            }
        }
    }
}
