//! Rules as they stand in a compiled set.

use std::sync::Arc;

use rsigma_parser::{ConditionOperator, CorrelationType, LogSource};
use serde::Serialize;

use crate::atom::{AtomId, FieldId};

/// What a rule says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RuleInfo {
    /// The id, a UUID as the specification has it.
    pub id: Option<String>,
    /// The name that correlations may use.
    pub name: Option<String>,
    /// The title.
    pub title: String,
    /// `informational`, `low`, `medium`, `high` or `critical`.
    pub level: Option<&'static str>,
    /// `stable`, `test`, `experimental`, `deprecated` or `unsupported`.
    pub status: Option<String>,
    /// Tags such as `attack.t1213.004`.
    pub tags: Vec<String>,
    /// What it finds.
    pub description: Option<String>,
    /// What looks like it and isn't.
    pub falsepositives: Vec<String>,
    /// The file it was read from.
    pub file: String,
    /// Category, product and service, as written.
    pub logsource: Source,
    /// The `hudun:` attribute.
    #[serde(skip)]
    pub attribute: Option<serde_json::Value>,
}

impl RuleInfo {
    /// The name by which people know the rule: id, else name, else title.
    #[must_use]
    pub fn key(&self) -> &str {
        self.id
            .as_deref()
            .or(self.name.as_deref())
            .unwrap_or(&self.title)
    }
}

/// Where events come from, and which events a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct Source {
    /// Such as `webserver`.
    pub category: Option<String>,
    /// Such as `apache`.
    pub product: Option<String>,
    /// Such as `audit`.
    pub service: Option<String>,
}

impl Source {
    /// Whether a rule about `self` is asked about events of `of`: nothing contradicts, and unless the rule says nothing
    /// at least one part is the same.
    #[must_use]
    pub fn covers(&self, of: &Self) -> bool {
        let mut same = self.category.is_none() && self.product.is_none() && self.service.is_none();
        for (rule, event) in [
            (&self.category, &of.category),
            (&self.product, &of.product),
            (&self.service, &of.service),
        ] {
            if let (Some(rule), Some(event)) = (rule, event) {
                if !rule.eq_ignore_ascii_case(event) {
                    return false;
                }
                same = true;
            }
        }
        same
    }
}

impl From<&LogSource> for Source {
    fn from(from: &LogSource) -> Self {
        Self {
            category: from.category.clone(),
            product: from.product.clone(),
            service: from.service.clone(),
        }
    }
}

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) info: Arc<RuleInfo>,
    pub(crate) condition: Node,
    /// Correlations that count this rule, with the place it has in them.
    pub(crate) counted_by: Vec<(u32, u16)>,
    /// Whether a match is a finding: base rules of correlations aren't, unless one says `generate`.
    pub(crate) reports: bool,
}

/// A condition over atoms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Atom(AtomId),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    AtLeast(usize, Vec<Self>),
    True,
}

impl Node {
    pub(crate) fn all(mut nodes: Vec<Self>) -> Self {
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Self::All(nodes),
        }
    }

    pub(crate) fn any(mut nodes: Vec<Self>) -> Self {
        match nodes.len() {
            1 => nodes.remove(0),
            _ => Self::Any(nodes),
        }
    }
}

/// A correlation, compiled.
#[derive(Debug)]
pub(crate) struct Correlation {
    pub(crate) info: Arc<RuleInfo>,
    /// The same before and after a reload when nothing that bears on the state changed.
    pub(crate) fingerprint: u64,
    pub(crate) kind: CorrelationType,
    pub(crate) timespan_ms: i64,
    pub(crate) stages: Vec<Stage>,
    /// Names of the group, in the order of `Stage::group`.
    pub(crate) group_by: Vec<String>,
    pub(crate) condition: Condition,
    pub(crate) counted_by: Vec<(u32, u16)>,
    pub(crate) reports: bool,
}

/// One rule that a correlation refers to.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Fields that make the group, for events of this rule.
    pub(crate) group: Vec<FieldRef>,
    /// Fields that are counted or summed.
    pub(crate) value: Vec<FieldRef>,
}

/// A field of an event, and its name for findings of a correlation below.
#[derive(Debug, Clone)]
pub(crate) struct FieldRef {
    pub(crate) name: String,
    pub(crate) id: FieldId,
}

/// When a correlation is true.
#[derive(Debug)]
pub(crate) enum Condition {
    /// Every predicate holds for the number.
    Number {
        predicates: Vec<(ConditionOperator, f64)>,
        percentile: f64,
    },
    /// Over which stages were seen.
    Stages(StageExpr),
}

#[derive(Debug)]
pub(crate) enum StageExpr {
    Stage(u16),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl StageExpr {
    pub(crate) fn holds(&self, seen: &dyn Fn(u16) -> bool) -> bool {
        match self {
            Self::Stage(stage) => seen(*stage),
            Self::Not(inner) => !inner.holds(seen),
            Self::All(all) => all.iter().all(|inner| inner.holds(seen)),
            Self::Any(any) => any.iter().any(|inner| inner.holds(seen)),
        }
    }
}

pub(crate) fn predicate(op: ConditionOperator, value: f64, than: f64) -> bool {
    match op {
        ConditionOperator::Lt => value < than,
        ConditionOperator::Lte => value <= than,
        ConditionOperator::Gt => value > than,
        ConditionOperator::Gte => value >= than,
        ConditionOperator::Eq => (value - than).abs() < f64::EPSILON,
        ConditionOperator::Neq => (value - than).abs() >= f64::EPSILON,
    }
}
