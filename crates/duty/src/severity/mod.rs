//! How bad it is, by four yardsticks, each with its arithmetic.

mod cac;
mod crime;
mod enisa;
mod risk;

use serde::Serialize;

pub use self::cac::{CacResult, GradeRow, Grading, RowResult, TypeCode, TypeTable};
pub use self::crime::{CrimeResult, CrimeRow};
pub use self::enisa::{Band, Enisa, Step as EnisaStep, band_of, score};
pub use self::risk::{RiskResult, RiskSource};
use crate::facts::FactBase;
use crate::facts::catalogue::Derived;
use crate::ruleset::RuleSet;

/// All yardsticks together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Severity {
    /// ENISA SE = DPC × EI + CB; nothing when the inputs are missing.
    pub enisa: Option<Enisa>,
    /// Inputs without which ENISA cannot be scored.
    pub enisa_missing: Vec<String>,
    /// Grade of the CAC annex.
    pub cac: CacResult,
    /// Type under GB/T 20986.
    pub types: Vec<TypeCode>,
    /// Counters of criminal law.
    pub crime: CrimeResult,
    /// Risk to persons in the sense of GDPR 33 and 34.
    pub risk: RiskResult,
}

impl Severity {
    /// Works everything out.
    pub fn of(facts: &FactBase, rules: &RuleSet) -> Self {
        let (enisa, enisa_missing) = match enisa::derive(facts) {
            Ok(e) => (Some(e), vec![]),
            Err(missing) => (None, missing),
        };
        let risk = risk::of(facts, enisa.as_ref());
        Self {
            cac: cac::grade(facts, &rules.grading),
            types: cac::types(facts, &rules.types),
            crime: crime::count(facts),
            enisa,
            enisa_missing,
            risk,
        }
    }

    /// What triggers may ask for.
    pub fn derived(&self) -> Derived {
        Derived {
            cac_grade: u64::from(self.cac.grade),
            cac_missing: self.cac.missing.clone(),
            risk: self.risk.level,
            crime_converted: self.crime.converted,
        }
    }

    /// The yardsticks that moved between two assessments, in words: what the team must be told.
    pub fn crossed(&self, before: &Self) -> Vec<crate::text::Text> {
        let mut out = vec![];
        if self.cac.grade != before.cac.grade {
            out.push(crate::text::Text::new(
                format!(
                    "网络安全事件等级由「{}」变为「{}」",
                    before.cac.name.zh, self.cac.name.zh
                ),
                format!(
                    "CAC grade went from {} to {}",
                    before.cac.name.en, self.cac.name.en
                ),
            ));
        }
        let band = |s: &Self| s.enisa.as_ref().map(|e| e.band);
        if let (Some(b), Some(a)) = (band(before), band(self))
            && a != b
        {
            out.push(crate::text::Text::new(
                format!("ENISA 严重度由「{}」变为「{}」", b.name().zh, a.name().zh),
                format!(
                    "ENISA severity went from {} to {}",
                    b.name().en,
                    a.name().en
                ),
            ));
        }
        if self.risk.level != before.risk.level {
            out.push(crate::text::Text::new(
                format!(
                    "对个人的风险由「{}」变为「{}」",
                    before.risk.name().zh,
                    self.risk.name().zh
                ),
                format!(
                    "risk to persons went from {} to {}",
                    before.risk.name().en,
                    self.risk.name().en
                ),
            ));
        }
        if self.crime.operator_met != before.crime.operator_met {
            out.push(crate::text::Text::new(
                "刑法第二百八十六条之一的条数门槛状态改变",
                "the record threshold of Criminal Law 286-1 changed sides",
            ));
        }
        out
    }
}
