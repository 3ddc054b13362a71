//! Risk to persons (GDPR 33 and 34): a person's written conclusion, or a presumption that says why.

use serde::Serialize;

use super::enisa::{Band, Enisa};
use crate::facts::{Availability, DataKind, FactBase, Integrity, Recipients, RiskLevel};
use crate::text::Text;

/// Whose conclusion it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskSource {
    /// A named person's written conclusion.
    Person,
    /// The engine's presumption.
    Presumption,
    /// Not enough known.
    Unknown,
}

/// The level with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RiskResult {
    /// The level, if it can be told.
    pub level: Option<RiskLevel>,
    /// Whose it is.
    pub source: RiskSource,
    /// Why.
    pub reason: Text,
}

impl RiskResult {
    /// The level's name.
    pub fn name(&self) -> Text {
        match self.level {
            None => Text::new("未知", "unknown"),
            Some(RiskLevel::Unlikely) => {
                Text::new("不太可能有风险", "unlikely to result in a risk")
            }
            Some(RiskLevel::Risk) => Text::new("有风险", "risk"),
            Some(RiskLevel::High) => Text::new("高风险", "high risk"),
        }
    }
}

pub(super) fn of(f: &FactBase, enisa: Option<&Enisa>) -> RiskResult {
    if let Some(c) = &f.impact.risk {
        return RiskResult {
            level: Some(c.level),
            source: RiskSource::Person,
            reason: Text::new(
                format!("{} 的书面结论：{}", c.by, c.reason),
                format!("written conclusion of {}: {}", c.by, c.reason),
            ),
        };
    }
    let presume = |level, zh: String, en: String| RiskResult {
        level: Some(level),
        source: RiskSource::Presumption,
        reason: Text::new(zh, en),
    };
    let b = &f.breach;
    let whole = b.integrity.is_none_or(|i| i == Integrity::Kept)
        && b.availability.is_none_or(|a| a == Availability::Kept);
    if b.unintelligible == Some(true) && whole {
        return presume(
            RiskLevel::Unlikely,
            "数据对获得者不可读、密钥安全，且有可用副本".into(),
            "the data is unintelligible, the key is safe and a good copy exists".into(),
        );
    }
    let sensitive = f.kinds.iter().flatten().any(|(k, _)| is_grave(*k));
    if b.recipients == Some(Recipients::Trusted)
        && b.malicious == Some(false)
        && !sensitive
        && whole
    {
        return presume(
            RiskLevel::Unlikely,
            "误发给一个负有义务的可信接收者并确认删除，且不含敏感信息".into(),
            "sent by mistake to one trusted recipient who confirmed deletion, nothing sensitive among it".into(),
        );
    }
    let Some(e) = enisa else {
        return RiskResult {
            level: None,
            source: RiskSource::Unknown,
            reason: Text::new(
                "缺少评估所需的事实",
                "facts needed for the assessment are missing",
            ),
        };
    };
    match e.band {
        Band::High | Band::VeryHigh => presume(
            RiskLevel::High,
            format!("ENISA 严重度 {}（{}）", e.se, e.band.name().zh),
            format!("ENISA severity {} ({})", e.se, e.band.name().en),
        ),
        Band::Medium => presume(
            RiskLevel::Risk,
            format!("ENISA 严重度 {}（{}）", e.se, e.band.name().zh),
            format!("ENISA severity {} ({})", e.se, e.band.name().en),
        ),
        Band::Low if b.malicious == Some(true) => presume(
            RiskLevel::Risk,
            format!(
                "ENISA 严重度 {}（低），但可读数据被恶意取得，不能认为不太可能有风险",
                e.se
            ),
            format!(
                "ENISA severity {} (low), yet intelligible data was taken with malice: a risk is not unlikely",
                e.se
            ),
        ),
        Band::Low => presume(
            RiskLevel::Unlikely,
            format!("ENISA 严重度 {}（低）", e.se),
            format!("ENISA severity {} (low)", e.se),
        ),
    }
}

/// Kinds whose disclosure even to a trusted recipient keeps a risk.
fn is_grave(k: DataKind) -> bool {
    k.dpc() >= 4
}
