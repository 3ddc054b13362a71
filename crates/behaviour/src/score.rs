//! What the engine says: a score that is the sum of named parts, each with a sentence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::Fact;

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What follows from a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Band {
    /// Nothing.
    Low,
    /// The gateway asks for a fresh log-in.
    Middle,
    /// A finding.
    High,
}

impl Band {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }
}

/// What was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreKind {
    /// A log-in.
    Login,
    /// What the actor has done today and in the days before.
    Operation,
}

/// Why the engine could not judge as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degraded {
    /// No room for another tenant.
    TenantQuota,
    /// The sum was not a finite number.
    NotFinite,
    /// The observation is more than two days older than what was seen before: not judged, nothing learnt.
    TooLate,
}

/// A score: log-odds of harm, the sum of its parts.
#[derive(Clone, Debug)]
pub struct Score {
    /// What was judged.
    pub kind: ScoreKind,
    /// Log-odds (natural logarithm). 0 is even odds.
    pub points: f64,
    /// What follows.
    pub band: Band,
    /// The parts, the weightiest first; their points add up to `points`.
    pub parts: Vec<Part>,
    /// Set when the band is the fallback of the settings and not a judgement.
    pub degraded: Option<Degraded>,
}

/// One part of a score.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name, such as `volume`.
    pub name: &'static str,
    /// What it adds to the log-odds.
    pub points: f64,
    pub(crate) fact: Fact,
}

impl Part {
    pub(crate) const fn new(name: &'static str, points: f64, fact: Fact) -> Self {
        Self { name, points, fact }
    }

    /// What it rests on, with its numbers, for a person.
    pub fn sentence(&self) -> Sentence {
        self.fact.sentence()
    }
}

impl Score {
    pub(crate) fn of(
        kind: ScoreKind,
        mut parts: Vec<Part>,
        middle: f64,
        high: f64,
        fallback: Band,
    ) -> Self {
        parts.retain(|part| part.points.abs() > 0.005 || !part.points.is_finite());
        parts.sort_by(|one, other| other.points.total_cmp(&one.points));
        let points: f64 = parts.iter().map(|part| part.points).sum();
        if !points.is_finite() {
            return Self::degraded(kind, fallback, Degraded::NotFinite);
        }
        let band = if points >= high {
            Band::High
        } else if points >= middle {
            Band::Middle
        } else {
            Band::Low
        };
        Self {
            kind,
            points,
            band,
            parts,
            degraded: None,
        }
    }

    pub(crate) const fn degraded(kind: ScoreKind, fallback: Band, why: Degraded) -> Self {
        Self {
            kind,
            points: 0.0,
            band: fallback,
            parts: Vec::new(),
            degraded: Some(why),
        }
    }

    /// The score as flat fields that a detection rule may match: `scrm.risk.operation` (log-odds),
    /// `scrm.risk.operation_band`, and `scrm.risk.operation_part.NAME` for each part; the same with `login`. A degraded score
    /// has no number, since nothing was judged: its band and `scrm.risk.operation_degraded` alone.
    pub fn fields(&self) -> BTreeMap<String, Value> {
        let root = match self.kind {
            ScoreKind::Login => "scrm.risk.login",
            ScoreKind::Operation => "scrm.risk.operation",
        };
        let rounded = |points: f64| Value::from((points * 100.0).round() / 100.0);
        let mut fields = BTreeMap::new();
        if self.degraded.is_none() {
            fields.insert(root.to_owned(), rounded(self.points));
        }
        fields.insert(format!("{root}_band"), Value::from(self.band.name()));
        if self.degraded.is_some() {
            fields.insert(format!("{root}_degraded"), Value::from(true));
        }
        for part in &self.parts {
            fields.insert(format!("{root}_part.{}", part.name), rounded(part.points));
        }
        fields
    }

    /// The parts that speak for harm as sentences, the weightiest first, at most `most` of them.
    pub fn sentences(&self, most: usize) -> Sentence {
        if let Some(why) = self.degraded {
            return Fact::Degraded(why, self.band).sentence();
        }
        let told: Vec<Sentence> = self
            .parts
            .iter()
            .filter(|part| part.points > 0.0)
            .take(most)
            .map(Part::sentence)
            .collect();
        Sentence {
            zh: told
                .iter()
                .map(|sentence| format!("{}。", sentence.zh))
                .collect(),
            en: told
                .iter()
                .map(|sentence| format!("{}.", sentence.en))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }
}
