//! Legal duties after a data incident: which arise, by when, to whom, and what the notices must say.
//!
//! Law is data. `duties/` holds one file per rule with its source, article, in-force dates and the day it was checked;
//! the build refuses a rule without them, and the content is embedded (or read from a folder). The engine takes a
//! [`FactBase`], a [`RuleSet`] and a moment, and answers *every* rule: it applies, is exempt, is unknown (and which
//! fact is missing), is coming, or does not apply (and what would make it apply). It never reads a clock and does no
//! other I/O than reading a content folder that it is given.
//!
//! * [`assess`] — verdicts, reasons in Chinese and English, clocks in their zones, severity by four yardsticks, gates.
//! * [`Renderer`] — drafts of notices from templates; every figure comes from the facts.
//! * [`Linter`] — refuses a notice that says less, more or other than the record, or lacks its approvals.
//! * [`CaseRenderer`] and [`CaseLinter`] — the same for a hundred thousand readers of one case, each with their own kinds.
//!
//! ```
//! use hudun_duty::{FactBase, RuleSet, Verdict, assess};
//!
//! let facts = FactBase::from_json(r#"{
//!     "format": 1,
//!     "organisation": {"countries": ["CN"], "roles": ["controller", "network_operator"]},
//!     "breach": {"leaked": true},
//!     "persons": {"low": 900000, "likely": 950000, "high": 1000000},
//!     "times": {"detected": "2026-11-23T01:00:00Z",
//!               "aware": {"at": "2026-11-23T02:00:00Z", "by": "陈静", "evidence": "ledger:1042"}}
//! }"#)?;
//! let rules = RuleSet::embedded()?;
//! let now = facts.times.detected.unwrap_or_default();
//! let answer = assess(&facts, &rules, now)?;
//!
//! // The high count reaches one million: four hours to the provincial CAC.
//! let duty = answer.duty("CN-NCIR-4").ok_or("the rule is there")?;
//! assert_eq!(duty.verdict, Verdict::Applies);
//! assert_eq!(duty.deadline.as_deref(), Some("2026-11-23T14:00:00+08:00"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
mod assess;
mod clock;
mod error;
mod expr;
mod facts;
mod gates;
mod lint;
mod notice;
mod rule;
mod ruleset;
mod severity;
mod text;

pub use api::{assess_json, lint_json, render, rules_json};
pub use assess::{
    Assessment, Duty, ExemptionResult, GroupAssessment, Missing, PhaseResult, TenantAssessment,
    Verdict, assess, assess_group,
};
pub use clock::{Clock, Holidays, Pace, Running, StartEvent, Unit, rfc3339};
pub use error::{DutyError, FactError};
pub use expr::{Decision, Expr, Member, Outcome, Threshold, Truth};
pub use facts::*;
pub use gates::{Gate, GateRule, GateState};
pub use lint::{
    Approval, ApprovalRole, CaseLinter, ClaimPattern, DetailPattern, LintData, LintInput, Linter,
    Prepared, Refusal, lint,
};
pub use notice::{
    CaseRenderer, Demand, Draft, NoticeKind, RenderOptions, Renderer, Section, SectionTemplate,
    Template,
};
pub use rule::{
    DutyKind, Evidence, Exemption, Phase, Recipient, RecipientKind, Rule, Sanction, Source, Status,
    Step,
};
pub use ruleset::{Field, RuleSet};
pub use severity::{
    Band, CacResult, CrimeResult, CrimeRow, Enisa, EnisaStep, GradeRow, Grading, RiskResult,
    RiskSource, RowResult, Severity, TypeCode, TypeTable, band_of, score,
};
pub use text::{Lang, Text, figure};
