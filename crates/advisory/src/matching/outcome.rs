//! From what each source says of a component to one answer, and where they differ.

use std::collections::BTreeMap;

use serde::Serialize;

use super::because::{Because, Verdict};
use super::key::Keys;
use super::known::Known;
use super::platform::Around;
use super::text::Text;
use super::verdict::weight;
use crate::record::{Affected, Identity, Record, Source, Status};
use crate::score::Score;
use crate::version::Ecosystem;

/// What one product statement says of a component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// Whose record.
    pub source: Source,
    /// Its number there.
    pub record: Text,
    /// Who says it within the source.
    #[serde(skip_serializing_if = "is_empty")]
    pub giver: Text,
    /// The product, as the source names it.
    pub product: Text,
    /// How the component was recognised in it.
    pub identity: Identity,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The release of a distribution that it is for, where the component does not state one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// The answer of all sources together.
pub(super) struct Outcome {
    pub(super) status: Status,
    /// A name alone led here: somebody has to look whether it is the same product.
    pub(super) proposed: bool,
    /// The statement that decided, in the list.
    pub(super) by: usize,
}

fn is_empty(text: &Text) -> bool {
    text.is_empty()
}

/// A product statement, made ready for many components.
pub(super) struct Statement<'a> {
    pub(super) record: &'a Record,
    pub(super) affected: &'a Affected,
    keys: Keys,
    number: Text,
    giver: Text,
    product: Text,
}

impl<'a> Statement<'a> {
    /// All statements of some records.
    pub(super) fn of(records: &'a [Record]) -> Vec<Self> {
        let mut found = Vec::new();
        for record in records {
            let number = Text::from(record.id.as_str());
            found.extend(record.affected.iter().map(|affected| {
                Self {
                    record,
                    affected,
                    keys: Keys::of(affected),
                    number: number.clone(),
                    giver: affected.giver.as_str().into(),
                    product: format!("{} {}", affected.vendor, affected.product)
                        .trim()
                        .into(),
                }
            }));
        }
        found
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Held against a component; `None` where it is of something else.
    pub(super) fn say(
        &self,
        known: &Known<'_>,
        around: &Around<'_>,
    ) -> Option<(Said, Against<'a>)> {
        let affected = self.affected;
        let seen = known.recognise(affected, &self.keys)?;
        let mut verdict = affected.verdict(seen.version, seen.order);
        let held = verdict.status == Status::Affected;
        let named = held && verdict.because != Because::Default;
        if verdict.status == Status::Affected && seen.upstream {
            let range = match &verdict.because {
                Because::Range { range, .. } => range.clone(),
                Because::Listed { version } => format!("= {version}"),
                _ => "*".to_owned(),
            };
            verdict.status = Status::Unknown;
            verdict.because = Because::Backport { range };
        }
        if verdict.status == Status::Affected
            && let Some(cpe) = seen.edition
        {
            verdict.status = Status::Unknown;
            verdict.because = Because::Edition { cpe };
        }
        let said = Said {
            source: self.record.source,
            record: self.number.clone(),
            giver: self.giver.clone(),
            product: self.product.clone(),
            identity: seen.identity,
            verdict: around.after(verdict, affected),
            release: seen.release,
        };
        Some((
            said,
            Against {
                affected,
                order: seen.order,
                upstream: seen.upstream,
                held,
                named,
            },
        ))
    }
}

/// How a statement was held against a component.
#[derive(Clone, Copy)]
pub(super) struct Against<'a> {
    pub(super) affected: &'a Affected,
    pub(super) order: Option<Ecosystem>,
    /// By the version before the distribution's own part.
    pub(super) upstream: bool,
    /// It holds the component's version as affected, conditions aside.
    pub(super) held: bool,
    /// It does so by an entry, and not by its default.
    pub(super) named: bool,
}

/// Statements for several releases of a distribution decide nothing for a component that does not say which it is from,
/// unless they agree.
pub(super) fn settle_releases(said: &mut [(Said, Against<'_>)]) {
    let mut of_releases = said
        .iter()
        .map(|(one, _)| one)
        .filter(|one| one.release.is_some());
    let Some(first) = of_releases.next().map(|one| one.verdict.status) else {
        return;
    };
    if of_releases.all(|one| one.verdict.status == first) {
        return;
    }
    for (one, _) in said {
        if let Some(release) = &one.release {
            one.verdict = Verdict {
                fixed: one.verdict.fixed.clone(),
                ..Verdict::unknown(Because::Release {
                    release: release.clone(),
                })
            };
        }
    }
}

/// The surest identity decides; at the same one affected is stronger than unknown, and that than unaffected. A source that is
/// silent on the version leaves the word to the others. Where the surest is unknown, a less sure one may still say affected,
/// never unaffected. What was recognised by a name is never decided.
pub(super) fn outcome(said: &[(Said, Against<'_>)]) -> Option<Outcome> {
    let decides = |one: &Said| one.identity.decides();
    let tier = |identity: Identity| if identity <= Identity::Package { 0 } else { 1 };
    let strongest = |wanted: u8| {
        said.iter()
            .map(|(one, _)| one)
            .enumerate()
            .filter(|(_, one)| decides(one) && tier(one.identity) == wanted)
            .max_by_key(|(at, one)| {
                let spoken = !one.verdict.is_silent();
                (spoken, weight(one.verdict.status), std::cmp::Reverse(*at))
            })
    };
    let found = match (strongest(0), strongest(1)) {
        (Some(sure), Some(less)) => {
            let takes = sure.1.verdict.is_silent() && !less.1.verdict.is_silent()
                || sure.1.verdict.status == Status::Unknown
                    && less.1.verdict.status == Status::Affected;
            Some(if takes { less } else { sure })
        }
        (one, two) => one.or(two),
    };
    if let Some((by, one)) = found {
        return Some(Outcome {
            status: one.verdict.status,
            proposed: false,
            by,
        });
    }
    let all = said.iter().map(|(one, _)| one).enumerate();
    let (by, _) = all.max_by_key(|(at, one)| {
        let spoken = !one.verdict.is_silent();
        (
            spoken,
            weight(one.verdict.status),
            one.identity == Identity::Name,
            std::cmp::Reverse(*at),
        )
    })?;
    Some(Outcome {
        status: Status::Unknown,
        proposed: true,
        by,
    })
}

/// Where sources differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// What they differ about.
    pub about: About,
    /// Who says what.
    pub said: Vec<(String, String)>,
}

/// What sources can differ about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Whether the component is affected.
    Verdict,
    /// The base score of one version of CVSS.
    Score,
    /// Whether the vulnerability exists: a source took its record back.
    Withdrawn,
}

/// Who says what of the component.
pub(super) fn verdicts(said: &[(Said, Against<'_>)]) -> Option<Disagreement> {
    let mut by: BTreeMap<String, Status> = BTreeMap::new();
    for (one, _) in said.iter().filter(|(one, _)| !one.verdict.is_silent()) {
        let who = if one.giver.is_empty() {
            format!("{} {}", one.source.name(), one.record)
        } else {
            format!("{} {}", one.source.name(), one.giver)
        };
        let status = by.entry(who).or_insert(one.verdict.status);
        if weight(one.verdict.status) > weight(*status) {
            *status = one.verdict.status;
        }
    }
    let mut statuses = by.values();
    let first = statuses.next()?;
    if statuses.all(|status| status == first) {
        return None;
    }
    let word = |status: Status| match status {
        Status::Affected => "affected",
        Status::Unaffected => "unaffected",
        Status::Unknown => "unknown",
    };
    Some(Disagreement {
        about: About::Verdict,
        said: by
            .into_iter()
            .map(|(who, status)| (who, word(status).to_owned()))
            .collect(),
    })
}

/// A score of a source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Graded {
    /// Whose record.
    pub source: Source,
    /// Who gave it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub giver: String,
    /// The vector.
    pub vector: String,
    /// `3.1`.
    pub version: &'static str,
    /// The base score.
    pub base: f64,
}

/// All scores of some records that can be read; what can't has no score.
pub(super) fn scores(records: &[Record]) -> Vec<Graded> {
    let mut found: Vec<Graded> = Vec::new();
    for record in records.iter().filter(|record| !record.withdrawn) {
        for vector in &record.scores {
            let Ok(score) = vector.vector.parse::<Score>() else {
                continue;
            };
            let graded = Graded {
                source: record.source,
                giver: vector.giver.clone(),
                vector: vector.vector.clone(),
                version: score.version,
                base: score.base,
            };
            if !found.contains(&graded) {
                found.push(graded);
            }
        }
    }
    found
}

/// Different base scores of one version of CVSS, and records that were taken back.
pub(super) fn of_records(records: &[Record], scores: &[Graded]) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for version in ["4.0", "3.1", "3.0", "2.0"] {
        let of: Vec<&Graded> = scores.iter().filter(|one| one.version == version).collect();
        let differ = of
            .windows(2)
            .any(|pair| matches!(pair, [one, two] if (one.base - two.base).abs() > 0.01));
        if differ {
            found.push(Disagreement {
                about: About::Score,
                said: of
                    .iter()
                    .map(|one| {
                        let who = format!("{} {}", one.source.name(), one.giver);
                        (
                            who.trim().to_owned(),
                            format!("CVSS {version} {:.1}", one.base),
                        )
                    })
                    .collect(),
            });
        }
    }
    let back = records.iter().filter(|record| record.withdrawn).count();
    if back > 0 && back < records.len() {
        let word = |record: &Record| {
            let word = if record.withdrawn {
                "withdrawn"
            } else {
                "published"
            };
            (
                format!("{} {}", record.source.name(), record.id),
                word.to_owned(),
            )
        };
        found.push(Disagreement {
            about: About::Withdrawn,
            said: records.iter().map(word).collect(),
        });
    }
    found
}
