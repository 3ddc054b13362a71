//! Legal duties after a data incident.
#![doc = ""]

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
    Approval, ApprovalRole, ClaimPattern, DetailPattern, LintData, LintInput, Linter, Prepared,
    Refusal, lint,
};
pub use notice::{
    Demand, Draft, NoticeKind, RenderOptions, Renderer, Section, SectionTemplate, Template,
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
