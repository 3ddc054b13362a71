//! What named persons decide about a case's law: when it became an incident, and what counsel releases.
//!
//! Both lists only grow. A later decision stands before an earlier one and never replaces it, so that an auditor reads
//! what was thought when.

use std::collections::BTreeMap;

use hudun_core::{Incident, IncidentId, RecordError, Timestamp};
use hudun_duty::Aware;
use hudun_store::{Keyed, StoreError};
use serde::{Deserialize, Serialize};

/// Decisions of one kind on one case, at most.
pub(crate) const MOST: usize = 200;
/// References of one decision, at most.
pub const MOST_EVIDENCE: usize = 20;
/// Characters of what a person writes, at most.
const LONGEST: usize = 500;

/// Something that a decision stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `#12` for an entry of the ledger, the identifier of a finding, or words.
    pub said: String,
    /// The hash of that entry in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What a person states about when the case became an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAwareness {
    /// The moment with its offset from UTC: RFC 3339, such as `2026-11-30T09:30:00+08:00`, also with a zone behind it
    /// (`[Asia/Shanghai]`).
    pub moment: String,
    /// Why it was then.
    pub reason: String,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// Why the moment is before the first evidence of the case; empty when it is not.
    pub early: String,
}

/// A named person decided when the case became an incident (发现或获知, "aware"): most clocks run from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awareness {
    /// The case.
    pub incident: IncidentId,
    /// From 1; the highest counts.
    pub number: u32,
    /// The moment.
    pub moment: Timestamp,
    /// The moment as it was written, with its zone.
    pub written: String,
    /// Why it was then.
    pub reason: String,
    /// What it stands on.
    pub evidence: Vec<Evidence>,
    /// Why it is before the first evidence; empty when it is not.
    pub early: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Awareness {
    /// Checks what a person states. `first` is the first evidence of the case.
    pub(crate) fn new(
        incident: &Incident,
        wanted: NewAwareness,
        number: u32,
        by: &str,
        now: Timestamp,
    ) -> Result<Self, DecisionError> {
        let moment = read_moment(&wanted.moment)?;
        let reason = needed("reason", &wanted.reason)?;
        let early = short("early", &wanted.early)?;
        if by.trim().is_empty() {
            return Err(DecisionError::Empty("by"));
        }
        if wanted.evidence.is_empty() || wanted.evidence.len() > MOST_EVIDENCE {
            return Err(DecisionError::Evidence(MOST_EVIDENCE));
        }
        for one in &wanted.evidence {
            needed("evidence", &one.said)?;
        }
        if moment > now {
            return Err(DecisionError::Future { moment, now });
        }
        let first = first_evidence(incident);
        if moment < first && early.is_empty() {
            return Err(DecisionError::BeforeEvidence { moment, first });
        }
        Ok(Self {
            incident: incident.id,
            number,
            moment,
            written: wanted.moment.trim().to_owned(),
            reason,
            evidence: wanted.evidence,
            early,
            by: by.to_owned(),
            at: now,
        })
    }

    /// The same for law.
    pub(crate) fn aware(&self) -> Option<Aware> {
        let evidence: Vec<&str> = self.evidence.iter().map(|one| one.said.as_str()).collect();
        Some(Aware {
            at: jiff::Timestamp::from_millisecond(self.moment.as_millis()).ok()?,
            by: self.by.clone(),
            evidence: format!(
                "analysis.aware-decided {} no. {}: {}",
                self.incident,
                self.number,
                evidence.join("; ")
            ),
        })
    }
}

impl Keyed for Awareness {
    const COLLECTION: &'static str = "awareness";

    fn id(&self) -> String {
        format!("{}/{}", self.incident, self.number)
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

/// What counsel writes to release a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRelease {
    /// What may go, to whom.
    pub what: String,
    /// Why it may.
    pub reason: String,
    /// Where the written word lies, such as a file number.
    pub reference: String,
}

/// Counsel releases a conflict gate of a case, or takes the release back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAct {
    /// The case.
    pub incident: IncidentId,
    /// From 1, over all gates of the case; of one gate the highest counts.
    pub number: u32,
    /// The gate, such as `vulnerability-abroad`.
    pub gate: String,
    /// Released, or taken back.
    pub release: bool,
    /// What may go; empty when it is taken back.
    pub what: String,
    /// Why.
    pub reason: String,
    /// Where the written word lies; empty when it is taken back.
    pub reference: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl GateAct {
    /// Checks what counsel writes; `release` is none to take an earlier one back.
    pub(crate) fn new(
        incident: &Incident,
        gate: &str,
        release: Option<NewRelease>,
        reason: &str,
        before: &[Self],
        by: &str,
        now: Timestamp,
    ) -> Result<Self, DecisionError> {
        if by.trim().is_empty() {
            return Err(DecisionError::Empty("by"));
        }
        let (what, reference) = match &release {
            Some(release) => (
                needed("what", &release.what)?,
                needed("reference", &release.reference)?,
            ),
            None => Default::default(),
        };
        let given = newest_of(before, gate).is_some_and(|act| act.release);
        match (&release, given) {
            (Some(_), true) => return Err(DecisionError::Released(gate.to_owned())),
            (None, false) => return Err(DecisionError::NotReleased(gate.to_owned())),
            _ => {}
        }
        Ok(Self {
            incident: incident.id,
            number: next(before.len())?,
            gate: gate.to_owned(),
            release: release.is_some(),
            what,
            reason: needed("reason", reason)?,
            reference,
            by: by.to_owned(),
            at: now,
        })
    }
}

impl Keyed for GateAct {
    const COLLECTION: &'static str = "gate-act";

    fn id(&self) -> String {
        format!("{}/{}", self.incident, self.number)
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

/// The gates that are released now, each with who released it and under which reference.
pub(crate) fn releases(acts: &[GateAct]) -> BTreeMap<String, String> {
    let mut releases = BTreeMap::new();
    for act in acts {
        if act.release {
            releases.insert(act.gate.clone(), format!("{}, {}", act.by, act.reference));
        } else {
            releases.remove(&act.gate);
        }
    }
    releases
}

/// The number of the next decision.
pub(crate) fn next(known: usize) -> Result<u32, DecisionError> {
    if known >= MOST {
        return Err(DecisionError::TooMany(MOST));
    }
    Ok(u32::try_from(known).unwrap_or(u32::MAX).saturating_add(1))
}

fn newest_of<'a>(acts: &'a [GateAct], gate: &str) -> Option<&'a GateAct> {
    acts.iter().rfind(|act| act.gate == gate)
}

/// When the machine first had something to show.
pub(crate) fn first_evidence(incident: &Incident) -> Timestamp {
    use hudun_core::TimelineMark::Detected;
    incident.mark(Detected).unwrap_or(incident.opened_at)
}

/// A moment without an offset means another instant to every reader, so that it is none.
fn read_moment(written: &str) -> Result<Timestamp, DecisionError> {
    let written = written.trim();
    if written.chars().count() > 100 {
        return Err(DecisionError::Moment("longer than any moment".to_owned()));
    }
    // A zone beside the offset is held against it.
    let instant = if written.contains('[') {
        written
            .parse()
            .map(|zoned: jiff::ZonedDateTime| zoned.timestamp())
    } else {
        written.parse::<jiff::Timestamp>()
    };
    instant
        .map(|instant| Timestamp::from_millis(instant.as_millisecond()))
        .map_err(|cause| DecisionError::Moment(cause.to_string()))
}

fn short(field: &'static str, text: &str) -> Result<String, DecisionError> {
    let text = text.trim();
    if text.chars().count() > LONGEST {
        return Err(DecisionError::TooLong(field, LONGEST));
    }
    Ok(text.to_owned())
}

fn needed(field: &'static str, text: &str) -> Result<String, DecisionError> {
    let text = short(field, text)?;
    if text.is_empty() {
        return Err(DecisionError::Empty(field));
    }
    Ok(text)
}

/// Why a decision does not stand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// The moment can't be read.
    #[error("moment: write it with its offset from UTC, such as 2026-11-30T09:30:00+08:00 ({0})")]
    Moment(String),
    /// Nobody knows what is to come.
    #[error("moment: {moment} has not come yet; it is {now}")]
    Future {
        /// Stated.
        moment: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// Earlier than anything that the case has.
    #[error(
        "moment: {moment} is before the first evidence of the case ({first}); say in `early` what was known then, and to whom"
    )]
    BeforeEvidence {
        /// Stated.
        moment: Timestamp,
        /// When there was first something to show.
        first: Timestamp,
    },
    /// Something is missing.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// Something is too long.
    #[error("{0} is longer than {1} characters")]
    TooLong(&'static str, usize),
    /// Without evidence, or with very much of it.
    #[error(
        "evidence: name from 1 to {0} entries of the ledger (#12), findings, or facts in words"
    )]
    Evidence(usize),
    /// There is no such gate.
    #[error("there is no gate {0:?}")]
    NoSuchGate(String),
    /// The gate does not stop anything.
    #[error("gate {0} stops nothing in this case")]
    NotStopping(String),
    /// Nothing releases this gate.
    #[error("gate {0} can't be released")]
    NeverReleased(String),
    /// It is released already.
    #[error("gate {0} is released already")]
    Released(String),
    /// It is not released.
    #[error("gate {0} is not released")]
    NotReleased(String),
    /// Law has not been asked yet.
    #[error("the duties of this case are not computed yet")]
    NoDuties,
    /// The list of a case is bounded.
    #[error("this case has {0} decisions already")]
    TooMany(usize),
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The duties could not be read.
    #[error("the duties can't be read: {0}")]
    Duties(String),
}
