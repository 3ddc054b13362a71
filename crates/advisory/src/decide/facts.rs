//! What is known of a vulnerability and of the asset that has it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::vector;
use crate::score::{Score, ScoreError};

/// The facts of one vulnerability on one asset. `None` is "not known"; what then counts is said in
/// [`Decision::assumed`](super::Decision::assumed).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Listed in CISA's catalogue of known exploited vulnerabilities. The catalogue lists CVE numbers only: a record without
    /// one is not in it. `None` where no catalogue is loaded.
    pub in_kev: Option<bool>,
    /// What is said of exploitation anywhere.
    pub exploitation: Option<Exploitation>,
    /// The own gateway saw an attack on it. That it saw none proves nothing, so there is no unknown.
    pub seen_here: bool,
    /// Whether an attacker can automate all steps (SSVC).
    pub automatable: Option<bool>,
    /// How much of the component an attacker gets (SSVC).
    pub impact: Option<Impact>,
    /// Who can reach the asset.
    pub exposure: Option<Exposure>,
    /// The most sensitive data that the asset holds.
    pub data: Option<DataTier>,
    /// The exploit prediction.
    pub epss: Option<Epss>,
    /// The CVSS score, with the vector where there is one.
    pub cvss: Option<Cvss>,
    /// The kind of vulnerability, from CWE numbers or words of the title.
    pub kind: Option<Kind>,
    /// Whether the supplier has a fix.
    pub fix: Option<bool>,
}

/// SSVC, "Exploitation" 1.1.0. Worse ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exploitation {
    /// Nothing is known of exploits.
    None,
    /// A proof of concept is public.
    Poc,
    /// It is exploited.
    Active,
}

/// SSVC, "Technical Impact" 1.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Limited control, or part of the information.
    Partial,
    /// Total control of the component, or all of its information.
    Total,
}

/// Who can reach the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// The own network only.
    Internal,
    /// Known partners, over private or filtered ways. What anybody can reach and has a login page is [`Self::Internet`].
    Partner,
    /// Anybody, over a public network.
    Internet,
}

/// The most sensitive data on the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataTier {
    /// No personal data.
    Plain,
    /// Personal data.
    Personal,
    /// Sensitive personal data: contacts with chats, payments, identity numbers.
    Sensitive,
}

/// The probability of exploitation within 30 days, with the model that gave it: scores of two models do not compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawEpss")]
pub struct Epss {
    probability: f64,
    model: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEpss {
    probability: f64,
    model: String,
}

impl TryFrom<RawEpss> for Epss {
    type Error = FactError;

    fn try_from(raw: RawEpss) -> Result<Self, FactError> {
        Self::new(raw.probability, &raw.model)
    }
}

impl Epss {
    /// A score of a model, such as `v2025.03.14`.
    ///
    /// # Errors
    /// [`FactError`] for what is no probability, and for an empty model or one longer than 100 bytes.
    pub fn new(probability: f64, model: &str) -> Result<Self, FactError> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(FactError::Probability(probability));
        }
        if model.trim().is_empty() || model.len() > 100 {
            return Err(FactError::Model);
        }
        Ok(Self {
            probability,
            model: model.trim().to_owned(),
        })
    }

    /// 0 to 1.
    pub const fn probability(&self) -> f64 {
        self.probability
    }

    /// The version of the model.
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// A CVSS score and what its vector says of automation and impact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cvss {
    text: String,
    value: f64,
    automatable: Option<bool>,
    impact: Option<Impact>,
}

impl Cvss {
    /// The score that counts, 0 to 10: environmental before base.
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// What the vector says of automation; `None` for a bare number or a vector of version 2.
    pub const fn automatable(&self) -> Option<bool> {
        self.automatable
    }

    /// What the vector says of technical impact; `None` for a bare number or a vector of version 2.
    pub const fn impact(&self) -> Option<Impact> {
        self.impact
    }
}

impl FromStr for Cvss {
    type Err = FactError;

    /// A vector, or a bare number such as `9.8`.
    fn from_str(text: &str) -> Result<Self, FactError> {
        let text = text.trim();
        if let Ok(value) = text.parse::<f64>() {
            if !(0.0..=10.0).contains(&value) {
                return Err(FactError::Score(value));
            }
            return Ok(Self {
                text: text.to_owned(),
                value,
                automatable: None,
                impact: None,
            });
        }
        let score: Score = text.parse()?;
        let metrics = vector::Metrics::of(text);
        Ok(Self {
            text: text.to_owned(),
            value: score.value(),
            automatable: metrics.automatable(),
            impact: metrics.impact(),
        })
    }
}

impl TryFrom<String> for Cvss {
    type Error = FactError;

    fn try_from(text: String) -> Result<Self, FactError> {
        text.parse()
    }
}

impl From<Cvss> for String {
    fn from(cvss: Cvss) -> Self {
        cvss.text
    }
}

impl fmt::Display for Cvss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.value)
    }
}

/// A value that is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FactError {
    /// Not between 0 and 1.
    #[error("an EPSS of {0} is no probability: it goes from 0 to 1")]
    Probability(f64),
    /// A score is worth nothing without its model.
    #[error("an EPSS needs the version of its model, of up to 100 bytes")]
    Model,
    /// Not between 0 and 10.
    #[error("a CVSS score of {0} does not exist: it goes from 0 to 10")]
    Score(f64),
    /// Not a vector.
    #[error(transparent)]
    Vector(#[from] ScoreError),
}
