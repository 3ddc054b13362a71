//! What one source says of one vulnerability, in one shape for all sources.
//!
//! A record keeps its source's words: two records of the same vulnerability are never merged here, because sources disagree
//! and the matcher has to show who said what.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::cpe::Cpe;
use crate::version::Ecosystem;

/// One advisory of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The source's own number: `CVE-2024-1`, `GHSA-…`, `CNVD-2023-1`, `CNNVD-202401-1`.
    pub id: String,
    /// Other numbers of the same vulnerability, without `id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Who says it.
    pub source: Source,
    /// When it was published. A time without a zone is taken as UTC, a day as its first moment in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// When it was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// The source took it back: it must not match anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub withdrawn: bool,
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The description, cut to 4,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The level as the source writes it: `高`, `HIGH`, `Important`. Levels of different sources don't compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_word: Option<String>,
    /// CVSS vectors as written; [`crate::Score`] reads them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Vector>,
    /// CISA's decision points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssvc: Option<Ssvc>,
    /// The record itself says that CISA lists it as exploited (the catalogue has its own reader).
    #[serde(default, skip_serializing_if = "is_default")]
    pub kev: bool,
    /// `CWE-89`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<String>,
    /// Addresses, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What is affected and what is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    /// What to do, as the source writes it, cut to 4,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remediation: String,
    /// The name of the patch (CNVD).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
}

/// Whose record it is.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The CVE list: the numbering authority and those who add to it.
    #[default]
    Cve5,
    /// The U.S. National Vulnerability Database, 2.0.
    Nvd,
    /// A database in OSV form.
    Osv,
    /// GitHub's advisories, OSV form.
    Ghsa,
    /// A vendor's CSAF 2.0 document.
    Csaf,
    /// An OpenVEX statement.
    OpenVex,
    /// 国家信息安全漏洞共享平台.
    Cnvd,
    /// 国家信息安全漏洞库.
    Cnnvd,
    /// News of a maker, RSS or Atom: found by words, never a ground for a verdict.
    Rss,
}

impl Source {
    /// Its name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cve5 => "cve5",
            Self::Nvd => "nvd",
            Self::Osv => "osv",
            Self::Ghsa => "ghsa",
            Self::Csaf => "csaf",
            Self::OpenVex => "openvex",
            Self::Cnvd => "cnvd",
            Self::Cnnvd => "cnnvd",
            Self::Rss => "rss",
        }
    }
}

/// A CVSS vector and who gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vector {
    /// As written.
    pub vector: String,
    /// `cna:apache`, `adp:CISA-ADP`, `nvd@nist.gov`; empty where the source doesn't say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub giver: String,
}

/// CISA's decision points, in lower case; sources write them in both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ssvc {
    /// `none`, `poc`, `active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploitation: Option<String>,
    /// `yes`, `no`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatable: Option<String>,
    /// `partial`, `total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub technical_impact: Option<String>,
}

/// What a source says of one product.
///
/// How to read it for one version: a version that [`Affected::versions`] lists is affected. Otherwise the [`Range`]s that hold
/// it count, with the status that they give it; where none does, [`Affected::default`] counts. Where two disagree, affected is
/// stronger than unknown, and unknown than unaffected. All of [`Affected::on`] must hold besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Affected {
    /// Who says it, within the source: `cna:apache`, `adp:CISA-ADP`; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub giver: String,
    /// As written; may be `n/a` or a firm's full name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// As written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    /// A package URL without version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// The package in its registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// CPEs of the product. Their version field repeats what `versions` and `ranges` say: look at the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpes: Vec<Cpe>,
    /// What holds for versions that nothing here names. `None`: the source is silent (the CVE schema then says "unknown").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Status>,
    /// Stretches of versions, in the source's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Range>,
    /// Single versions that are affected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// What must be there besides for the product to be affected; all of them. Nothing here is itself vulnerable by that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<Condition>,
    /// Platforms as text, such as `Windows` or `x64-based Systems`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Parts of the product that hold the flaw (OpenVEX), mostly package URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subcomponents: Vec<String>,
    /// Why it is not affected (VEX): `vulnerable_code_not_in_execute_path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

impl Affected {
    /// The best that the product can be recognised by.
    pub fn identity(&self) -> Identity {
        if self.purl.is_some() {
            Identity::Purl
        } else if self.package.is_some() {
            Identity::Package
        } else if !self.cpes.is_empty() {
            Identity::Cpe
        } else if !self.vendor.is_empty() && !self.product.is_empty() {
            Identity::Name
        } else {
            Identity::Text
        }
    }

    /// Whose order the versions of a range follow; `None` where the source doesn't say, and for commits.
    pub fn order(&self, range: &Range) -> Option<Ecosystem> {
        let named = range.version_type.as_deref().unwrap_or("custom");
        match named {
            "git" | "original_commit_for_fix" | "date" => return None,
            // SEMVER is an order of its own, whosever package it is.
            "semver" | "golang" => return Some(Ecosystem::SemVer),
            "python" | "pep440" => return Some(Ecosystem::PyPi),
            "dpkg" => return Some(Ecosystem::Debian),
            _ => {}
        }
        if let Ok(found) = named.parse() {
            return Some(found);
        }
        if let Some(package) = &self.package
            && let Some(found) = package.order()
        {
            return Some(found);
        }
        let kind = self
            .purl
            .as_deref()?
            .strip_prefix("pkg:")?
            .split('/')
            .next()?;
        match kind {
            "golang" => Some(Ecosystem::SemVer),
            other => other.parse().ok(),
        }
    }
}

/// How surely a product can be recognised, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// A package URL.
    Purl,
    /// A registry and a name.
    Package,
    /// A CPE.
    Cpe,
    /// A name that a person confirmed to mean the product.
    Confirmed,
    /// Vendor and product as text.
    Name,
    /// Text alone: may propose, may never decide.
    Text,
}

impl Identity {
    /// Whether it is sure enough to decide; what is less sure only proposes.
    pub fn decides(self) -> bool {
        self <= Self::Confirmed
    }
}

/// A package in its registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// As OSV writes it (`npm`, `Debian:12`), or the registry's address where the source gives that and nobody knows it.
    pub registry: String,
    /// As written.
    pub name: String,
}

impl Package {
    /// Whose order its versions follow.
    pub fn order(&self) -> Option<Ecosystem> {
        self.registry.split(':').next()?.parse().ok()
    }
}

/// What a source says of a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It has the flaw.
    Affected,
    /// It has not.
    Unaffected,
    /// Nobody knows, or the source's words can't be read as a version.
    #[default]
    Unknown,
}

/// Versions from one to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Where it begins.
    pub lower: Bound,
    /// Where it ends.
    pub upper: Bound,
    /// What holds within. [`Status::Unknown`] from open to open is how an entry appears that can't be read (`n/a`).
    pub status: Status,
    /// How the source says that these versions are ordered, in lower case: `semver`, `git`, `rpm`, `custom`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_type: Option<String>,
    /// Where the status changes within the range, each holding from its version on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The source's words, where they are no plain version: `< 1.2.3`, `8.0.27 and prior`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Range {
    /// From open to open.
    pub fn all(status: Status) -> Self {
        Self {
            lower: Bound::Open,
            upper: Bound::Open,
            status,
            version_type: None,
            changes: Vec::new(),
            text: None,
        }
    }

    /// An entry that says nothing which can be read: unknown for every version.
    pub fn unreadable(text: &str) -> Self {
        Self {
            text: Some(text.to_owned()),
            ..Self::all(Status::Unknown)
        }
    }

    /// Its versions are commits: they have no order, and only the very same commit can be compared.
    pub fn is_git(&self) -> bool {
        matches!(
            self.version_type.as_deref(),
            Some("git" | "original_commit_for_fix")
        )
    }
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// There is no end on this side.
    Open,
    /// This version belongs to it.
    Including(String),
    /// This version is the first outside.
    Excluding(String),
    /// A line of versions such as `5.4.*`, written `5.4`: as lower end the line's first version, as upper end its last.
    Line(String),
    /// There is an end, but its text is no version. A version that the other end doesn't exclude is unknown.
    Unreadable(String),
}

/// From a version on, another status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// From this version on.
    pub at: String,
    /// This holds.
    pub status: Status,
}

/// One of several things that must be there (NVD's "running on/with").
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// One of these is enough.
    pub any: Vec<Platform>,
}

/// A thing that has to be there, or has to be absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// Its name where it has no CPE (CSAF).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is. Version `-` means "no version applies" and is not `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe: Option<Cpe>,
    /// From this version on.
    pub lower: Bound,
    /// Up to this version.
    pub upper: Bound,
    /// It must *not* be there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub absent: bool,
}

/// An entry of CISA's catalogue of vulnerabilities that are known to be exploited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kev {
    /// `CVE-2024-1`.
    pub cve: String,
    /// As written.
    pub vendor: String,
    /// As written.
    pub product: String,
    /// The catalogue's name for it.
    pub name: String,
    /// When it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<Date>,
    /// Until when a U.S. agency must act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// Whether ransomware uses it: known, or not known.
    pub ransomware: bool,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// `CWE-89`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<String>,
}

/// How likely an exploitation within 30 days is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// `CVE-2024-1`.
    pub cve: String,
    /// 0 to 1.
    pub probability: f64,
    /// 0 to 1.
    pub percentile: f64,
    /// The model that gave it, such as `v2025.03.14`: scores of different models don't compare.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The day of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
