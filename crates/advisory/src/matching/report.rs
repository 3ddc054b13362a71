//! What came of matching.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::fix::Upgrade;
use super::outcome::{Disagreement, Graded, Said};
use super::vex::{Own, Suppressed};
use crate::decide::{Decision, Facts, What};
use crate::record::{Epss, Identity, Kev, Source, Status};

/// What came of matching an inventory.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// A vulnerability of a component each; the most urgent first.
    pub findings: Vec<Finding>,
    /// For each component that is affected and has a fix: the version to go to.
    pub upgrades: Vec<Upgrade>,
    /// All components that were looked at, those without a finding too: so that two reports can be compared.
    #[serde(serialize_with = "all_shared")]
    pub components: Vec<Arc<Part>>,
    /// Counts.
    pub summary: Summary,
}

/// Counts of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Components of the inventory.
    pub components: usize,
    /// Findings by status: affected, unknown, unaffected (where asked for). Proposals and suppressed ones are not in these.
    pub affected: usize,
    /// Whether it is affected could not be told.
    pub unknown: usize,
    /// Not affected.
    pub unaffected: usize,
    /// Found by a name alone.
    pub proposed: usize,
    /// Suppressed by a statement.
    pub suppressed: usize,
    /// Findings beyond the limit.
    pub left_out: u64,
    /// Components by each kind of identifier, and which sources have records of that kind.
    pub identifiers: Vec<Identifier>,
    /// Components that have no identifier at all.
    pub without_identifier: usize,
    /// Components that have identifiers, of none of which any source has a record.
    pub without_source: usize,
    /// Components without a version: no range can be decided for them.
    pub without_version: usize,
}

/// A kind of identifier, and who could match it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identifier {
    /// `pkg:npm`, `cpe`, `name`.
    pub kind: String,
    /// Components that have it.
    pub components: usize,
    /// Records of each source that name products by it.
    pub records: BTreeMap<String, u64>,
}

/// One vulnerability of one component.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The component.
    #[serde(serialize_with = "shared")]
    pub component: Arc<Part>,
    /// What is known of the vulnerability, whatever the component.
    #[serde(serialize_with = "shared")]
    pub vulnerability: Arc<Vulnerability>,
    /// Affected, unknown, or unaffected. A proposal is always unknown.
    pub status: Status,
    /// The component was recognised by a name alone. A person has to say whether it is the same product; nothing may act on it.
    pub proposed: bool,
    /// How surely the component was recognised.
    pub identity: Identity,
    /// The statement that decided.
    pub decided_by: Said,
    /// What the other statements say, up to [`Options::others`](super::Options::others).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Said>,
    /// The nearest version that mends it; sources that say otherwise of a version which they call mended themselves aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
    /// The nearest version that is affected by no statement at all, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_by_all: Option<String>,
    /// Where sources differ on whether it is affected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Box<Disagreement>>,
    /// A statement says that it does not matter here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Box<Suppressed>>,
    /// One's own statement said so, and has run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired: Option<Box<Own>>,
    /// What to do and by when, if it is affected.
    #[serde(flatten, serialize_with = "shared")]
    pub decided: Arc<Decided>,
}

/// A decision with its facts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// What was known.
    pub facts: Facts,
    /// What to do and by when.
    pub decision: Decision,
}

/// A component at all places where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// As its ecosystem writes it.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its purl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Files and places in them, up to 100.
    pub places: Vec<String>,
    /// How many more places there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_places: usize,
}

/// What is known of a vulnerability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vulnerability {
    /// The number that it is called by.
    pub id: String,
    /// All its numbers.
    pub ids: Vec<String>,
    /// One line.
    pub title: String,
    /// Each source's record of it, and the level in that source's own words: levels of two sources don't compare.
    pub sources: Vec<(Source, String, Option<String>)>,
    /// Scores of all sources.
    pub scores: Vec<Graded>,
    /// Where sources differ on its score, or on whether it exists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disagreements: Vec<Disagreement>,
    /// The entry in CISA's catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    /// How likely an exploitation is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
}

impl Finding {
    /// Whether somebody has to act on it: not suppressed, not a mere proposal, and not unaffected.
    pub fn counts(&self) -> bool {
        self.suppressed.is_none() && !self.proposed && self.status != Status::Unaffected
    }

    /// The class of its decision.
    pub fn what(&self) -> What {
        self.decided.decision.what
    }
}

pub(super) fn shared<T: Serialize, S: Serializer>(
    value: &Arc<T>,
    to: S,
) -> Result<S::Ok, S::Error> {
    value.serialize(to)
}

fn all_shared<S: Serializer>(parts: &[Arc<Part>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(parts.iter().map(|part| &**part))
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}
