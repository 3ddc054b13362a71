//! CVSS scores, by the crate `cvss`.

use std::fmt;
use std::str::FromStr;

/// Longest vector that is read, bytes.
const LONGEST: usize = 500;

/// A CVSS vector and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    pub version: &'static str,
    /// The base score, 0 to 10. For version 4 the one score that the vector has, threat and environment included.
    pub base: f64,
    /// The environmental score, where a version 2 or 3 vector holds temporal or environmental metrics.
    pub environmental: Option<f64>,
    /// The word for the score that counts: the environmental one where there is one.
    pub severity: &'static str,
}

impl Score {
    /// The score that counts.
    pub fn value(&self) -> f64 {
        self.environmental.unwrap_or(self.base)
    }
}

impl FromStr for Score {
    type Err = ScoreError;

    /// Reads a vector: `CVSS:3.1/AV:N/…`, `CVSS:4.0/…`, or a version 2 vector, with or without brackets.
    ///
    /// # Errors
    /// [`ScoreError`] for what is no vector, and for one that lacks a metric of the base group: such a vector has no score
    /// (CVSS v3.1, 7.1; v4.0, 2; v2, 3.3).
    fn from_str(text: &str) -> Result<Self, ScoreError> {
        let refuse = |why: String| ScoreError {
            vector: text.chars().take(LONGEST).collect(),
            why,
        };
        if text.len() > LONGEST {
            return Err(refuse(format!("it is longer than {LONGEST} bytes")));
        }
        let plain = text.trim().trim_start_matches('(').trim_end_matches(')');
        let parsed = cvss::Cvss::from_str(plain).map_err(|cause| refuse(cause.to_string()))?;
        let (version, needed): (_, &[&str]) = match &parsed {
            cvss::Cvss::CvssV20(_) => ("2.0", &["AV", "AC", "Au", "C", "I", "A"]),
            cvss::Cvss::CvssV30(_) => ("3.0", &V3),
            cvss::Cvss::CvssV31(_) => ("3.1", &V3),
            cvss::Cvss::CvssV40(_) => ("4.0", &V4),
            _ => return Err(refuse("its version is not known".to_owned())),
        };
        let names: Vec<&str> = plain
            .split('/')
            .filter_map(|metric| metric.split_once(':'))
            .map(|(name, _)| name)
            .collect();
        if let Some(missing) = needed.iter().find(|name| !names.contains(name)) {
            return Err(refuse(format!("it has no {missing}")));
        }
        let beyond = names
            .iter()
            .any(|name| *name != "CVSS" && !needed.contains(name));
        let (base, environmental) = match &parsed {
            cvss::Cvss::CvssV20(vector) => (
                vector.score().value(),
                beyond.then(|| vector.environmental_score().value()),
            ),
            cvss::Cvss::CvssV30(vector) | cvss::Cvss::CvssV31(vector) => (
                vector.base_score().value(),
                beyond.then(|| vector.environmental_score().value()),
            ),
            other => (other.score(), None),
        };
        let mut score = Self {
            version,
            // The crate gives −0 for some vectors without impact.
            base: base + 0.0,
            environmental,
            severity: "",
        };
        score.severity = word(version, score.value());
        Ok(score)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CVSS {} {:.1}", self.version, self.base)?;
        if let Some(environmental) = self.environmental {
            write!(f, ", environmental {environmental:.1}")?;
        }
        write!(f, " ({})", self.severity)
    }
}

const V3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const V4: [&str; 11] = [
    "AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA",
];

/// The qualitative scale: CVSS v3.1, 5; v4.0, 6. NVD's for version 2, which has none of its own.
fn word(version: &str, score: f64) -> &'static str {
    match score {
        score if score < 0.1 && version != "2.0" => "none",
        score if score < 4.0 => "low",
        score if score < 7.0 => "medium",
        score if score < 9.0 || version == "2.0" => "high",
        _ => "critical",
    }
}

/// A text that is no CVSS vector with a score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{vector:?} is no CVSS vector: {why}")]
pub struct ScoreError {
    /// The text, cut.
    pub vector: String,
    /// Why not.
    pub why: String,
}
