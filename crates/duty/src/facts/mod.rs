//! The fact base: everything about one incident that law asks for.
//!
//! A field that is absent is *unknown*, never *no*: a rule that needs it comes out as unknown and names it.
//! Counts are unique natural persons unless the field says records. Times are RFC 3339 instants.

pub mod catalogue;
mod check;
mod kinds;
mod parts;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::kinds::{CrimeClass, DataKind, EnisaCategory};
pub use self::parts::*;
use crate::error::{DutyError, FactError};
use crate::text::Text;

/// The largest fact base that is read, in bytes.
pub const MAX_FACTS_BYTES: usize = 16 * 1024 * 1024;

/// Everything about one incident that a rule or a notice may ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactBase {
    /// Version of this format; 1.
    pub format: u16,
    /// Which incident this is.
    #[serde(default)]
    pub incident: Incident,
    /// Whose duties are asked for.
    #[serde(default)]
    pub organisation: Organisation,
    /// A vendor's customers that the incident touches; each gets its own duties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<Tenant>,
    /// The system that the incident happened in.
    #[serde(default)]
    pub system: SystemInfo,
    /// What happened to personal data, if anything.
    #[serde(default)]
    pub breach: Breach,
    /// Affected natural persons (unique), low / likely / high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<Count>,
    /// Affected records (rows), low / likely / high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Count>,
    /// Persons whose sensitive data (PIPL 28) is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitive_persons: Option<Count>,
    /// Affected persons under fourteen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minors: Option<Count>,
    /// Persons per kind of data. A kind that is listed is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<BTreeMap<DataKind, Count>>,
    /// Kinds that the system holds and that were proven untouched.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds_not_involved: BTreeSet<DataKind>,
    /// Where the persons are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Vec<Place>>,
    /// How the counts were made, and what share of served bytes they explain (percent, 0–100).
    #[serde(default)]
    pub method: Method,
    /// Records per class of the criminal-law counters; derived from `kinds` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crime_records: Option<CrimeRecords>,
    /// Cause, attacker, crime.
    #[serde(default)]
    pub cause: Cause,
    /// The vulnerability that was used or found, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<Vulnerability>,
    /// Losses, outages, harm.
    #[serde(default)]
    pub impact: Impact,
    /// What happened when.
    #[serde(default)]
    pub times: Times,
    /// What was done and what will be done.
    #[serde(default)]
    pub measures: Measures,
    /// How the scene was preserved.
    #[serde(default)]
    pub scene: Scene,
    /// What is planned to leave the country.
    #[serde(default)]
    pub abroad: Abroad,
    /// Statements that have proof; only these may be made absolutely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proven: Vec<ProvenClaim>,
    /// A person's own ENISA inputs, with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enisa: Option<EnisaInputs>,
}

impl FactBase {
    /// Reads and checks a fact base.
    pub fn from_json(text: &str) -> Result<Self, DutyError> {
        if text.len() > MAX_FACTS_BYTES {
            return Err(DutyError::TooLarge {
                what: "facts".into(),
                bytes: text.len(),
                limit: MAX_FACTS_BYTES,
            });
        }
        let facts: Self = serde_json::from_str(text).map_err(|e| FactError::Shape {
            line: e.line(),
            column: e.column(),
            message: e.to_string(),
        })?;
        facts.check()?;
        Ok(facts)
    }

    /// Refuses facts that cannot be true together.
    pub fn check(&self) -> Result<(), FactError> {
        check::check(self)
    }

    /// SHA-256 over the canonical JSON of the facts, as `sha256:` and hex.
    pub fn digest(&self) -> Result<String, DutyError> {
        let bytes = serde_json::to_vec(self).map_err(|e| DutyError::Json(e.to_string()))?;
        Ok(sha256(&bytes))
    }

    /// The facts of one tenant of a vendor: the same incident, that tenant's own organisation and numbers.
    pub fn for_tenant(&self, tenant: &Tenant) -> Self {
        let mut incident = self.incident.clone();
        if let Some(summary) = &tenant.summary {
            incident.summary = summary.clone();
        }
        let mut times = self.times.clone();
        if let Some(occurred) = tenant.occurred {
            times.occurred_from = Some(occurred.from);
            times.occurred_to = Some(occurred.to);
        }
        let untouched = &tenant.kinds_not_involved;
        Self {
            incident,
            times,
            method: tenant.method.clone().unwrap_or_else(|| self.method.clone()),
            kinds_not_involved: untouched
                .clone()
                .unwrap_or_else(|| self.kinds_not_involved.clone()),
            tenants: Vec::new(),
            organisation: tenant.organisation.clone(),
            persons: tenant.persons,
            records: tenant.records,
            sensitive_persons: tenant.sensitive_persons,
            minors: tenant.minors,
            kinds: tenant.kinds.clone(),
            places: tenant.places.clone(),
            crime_records: None,
            ..self.clone()
        }
    }

    /// The facts of the vendor's letter to one of its tenants: the vendor's own name and contact, and of the data that
    /// tenant's numbers and no other's.
    pub fn letter_to(&self, tenant: &Tenant) -> Self {
        Self {
            organisation: self.organisation.clone(),
            tenants: vec![tenant.clone()],
            ..self.for_tenant(tenant)
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Which incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// The incident's identifier.
    #[serde(default)]
    pub id: String,
    /// One line that names it.
    #[serde(default)]
    pub title: Text,
    /// A paragraph: what happened.
    #[serde(default)]
    pub summary: Text,
    /// A drill, not the real thing; every draft says so.
    #[serde(default)]
    pub drill: bool,
}
