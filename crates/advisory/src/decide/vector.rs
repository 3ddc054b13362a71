//! What a CVSS vector says beside its score.

use serde::Serialize;

use super::facts::Impact;
use super::tables::TOTAL;

/// The base metrics of a vector of version 3 or 4; none of a vector of version 2, whose `P` and `C` mean other things.
pub(crate) struct Metrics<'a> {
    four: bool,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Metrics<'a> {
    /// Of a vector that has a score.
    pub(crate) fn of(vector: &'a str) -> Self {
        let plain = vector.trim().trim_start_matches('(').trim_end_matches(')');
        let three = plain.starts_with("CVSS:3.");
        let four = plain.starts_with("CVSS:4.");
        let pairs = if three || four {
            plain
                .split('/')
                .filter_map(|metric| metric.split_once(':'))
                .collect()
        } else {
            Vec::new()
        };
        Self { four, pairs }
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.pairs.iter().find(|(found, _)| *found == name)?;
        Some(value)
    }

    /// CVSS 4 can say it outright (`AU`). Else: over the network, without conditions, rights or a person's help.
    pub(crate) fn automatable(&self) -> Option<bool> {
        match self.get("AU") {
            Some("Y") => return Some(true),
            Some("N") => return Some(false),
            _ => {}
        }
        let plain = self.get("AV")? == "N"
            && self.get("AC")? == "L"
            && self.get("PR")? == "N"
            && self.get("UI")? == "N";
        Some(plain && (!self.four || self.get("AT")? == "N"))
    }

    /// CERT/CC's table from the metrics of the vulnerable system.
    pub(crate) fn impact(&self) -> Option<Impact> {
        let (c, i) = if self.four { ("VC", "VI") } else { ("C", "I") };
        let row = (self.get("PR")?, self.get(c)?, self.get(i)?);
        Some(if TOTAL.contains(&row) {
            Impact::Total
        } else {
            Impact::Partial
        })
    }
}

/// The technical inputs of GB/T 30279-2020, filled from a CVSS 3 vector: the metrics correspond one to one, and Scope has
/// no counterpart.
///
/// The standard's level (超危, 高危, 中危, 低危) is looked up in its annexes A, B and D. Their tables were not at hand on
/// 2026-11-30, so no level is computed here: one made up from the CVSS score would not be the standard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct GbtInputs {
    /// 访问路径: 网络, 邻接, 本地, 物理.
    pub access: &'static str,
    /// 触发要求: 低, 高.
    pub trigger: &'static str,
    /// 权限需求: 无, 低, 高.
    pub privileges: &'static str,
    /// 交互条件: 不需要, 需要.
    pub interaction: &'static str,
    /// 保密性影响: 严重, 一般, 无.
    pub confidentiality: &'static str,
    /// 完整性影响: 严重, 一般, 无.
    pub integrity: &'static str,
    /// 可用性影响: 严重, 一般, 无.
    pub availability: &'static str,
}

impl GbtInputs {
    /// Of a vector of version 3.0 or 3.1; `None` for others and for one without all base metrics.
    pub fn of(vector: &str) -> Option<Self> {
        let metrics = Metrics::of(vector);
        if metrics.four {
            return None;
        }
        let impact = |name| {
            Some(match metrics.get(name)? {
                "H" => "严重",
                "L" => "一般",
                "N" => "无",
                _ => return None,
            })
        };
        Some(Self {
            access: match metrics.get("AV")? {
                "N" => "网络",
                "A" => "邻接",
                "L" => "本地",
                "P" => "物理",
                _ => return None,
            },
            trigger: match metrics.get("AC")? {
                "L" => "低",
                "H" => "高",
                _ => return None,
            },
            privileges: match metrics.get("PR")? {
                "N" => "无",
                "L" => "低",
                "H" => "高",
                _ => return None,
            },
            interaction: match metrics.get("UI")? {
                "N" => "不需要",
                "R" => "需要",
                _ => return None,
            },
            confidentiality: impact("C")?,
            integrity: impact("I")?,
            availability: impact("A")?,
        })
    }
}
