//! Conflict gates: where two laws pull apart, or data would leave the country, the machine stops and says why.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Truth};
use crate::facts::FactBase;
use crate::facts::catalogue::Derived;
use crate::rule::{Evidence, Source};
use crate::text::Text;

/// A gate as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// Identifier.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// When it stops.
    pub stop_when: Expr,
    /// What releases it: counsel's written word. Absent: nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<Expr>,
    /// Why it stops.
    pub why: Text,
    /// What to do instead.
    pub instead: Text,
    /// What it holds back: rule ids whose notices must not go out by themselves.
    pub rules: Vec<String>,
    /// The laws on both sides.
    pub sources: Vec<Source>,
    /// The day it was checked.
    pub verified_at: Date,
    /// How well it was checked.
    pub evidence: Evidence,
}

impl GateRule {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.stop_when.check()?;
        if let Some(r) = &self.released_by {
            r.check()?;
        }
        if self.sources.is_empty() {
            return Err("a gate needs the laws it stands on".into());
        }
        Ok(())
    }

    pub(crate) fn eval(&self, facts: &FactBase, derived: &Derived) -> Gate {
        let stop = self.stop_when.eval(facts, derived);
        let of_this_gate = facts
            .abroad
            .counsel_releases
            .get(&self.id)
            .is_some_and(|word| !word.trim().is_empty());
        let released = self
            .released_by
            .as_ref()
            .is_some_and(|r| of_this_gate || r.eval(facts, derived).truth == Truth::True);
        let state = match (stop.truth, released) {
            (Truth::False, _) => GateState::Clear,
            // Counsel's word holds for what would stop once the missing facts were known, too.
            (Truth::True | Truth::Unknown, true) => GateState::Released,
            (Truth::True, false) => GateState::Stop,
            (Truth::Unknown, false) => GateState::Unknown,
        };
        Gate {
            id: self.id.clone(),
            title: self.title.clone(),
            state,
            why: self.why.clone(),
            instead: self.instead.clone(),
            because: stop.decided_by.iter().map(|d| d.said.clone()).collect(),
            missing: stop
                .decided_by
                .into_iter()
                .flat_map(|d| d.missing)
                .collect(),
            rules: self.rules.clone(),
            sources: self.sources.clone(),
            evidence: self.evidence,
        }
    }
}

/// Whether a gate stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// Nothing to stop.
    Clear,
    /// Stop and ask counsel.
    Stop,
    /// Would stop, or might; counsel released it in writing.
    Released,
    /// Facts are missing: treat as stop.
    Unknown,
}

/// The outcome of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Identifier.
    pub id: String,
    /// What it is called.
    pub title: Text,
    /// Whether it stops.
    pub state: GateState,
    /// Why it exists.
    pub why: Text,
    /// What to do instead.
    pub instead: Text,
    /// The facts that decided.
    pub because: Vec<Text>,
    /// Facts that are missing.
    pub missing: Vec<String>,
    /// Rules whose notices it holds back.
    pub rules: Vec<String>,
    /// The laws on both sides.
    pub sources: Vec<Source>,
    /// How well it was checked.
    pub evidence: Evidence,
}

impl Gate {
    /// True when nothing may pass by itself.
    pub fn stops(&self) -> bool {
        matches!(self.state, GateState::Stop | GateState::Unknown)
    }
}
