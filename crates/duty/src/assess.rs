//! From facts to duties: every rule is answered, with its reason and its clock.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::clock::{Pace, Running};
use crate::error::DutyError;
use crate::expr::{Decision, Truth};
use crate::facts::FactBase;
use crate::facts::catalogue::Derived;
use crate::gates::Gate;
use crate::rule::{DutyKind, Evidence, Phase, Recipient, Rule, Sanction, Source, Status, Step};
use crate::ruleset::RuleSet;
use crate::severity::Severity;
use crate::text::Text;

/// The answer for one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The duty arises.
    Applies,
    /// It would arise, and an exemption frees from all of it.
    Exempt,
    /// A fact is missing.
    Unknown,
    /// The rule is not in force yet.
    Coming,
    /// The duty does not arise.
    DoesNotApply,
}

/// Everything that the law says about the facts at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Assessment {
    /// The incident.
    pub incident: String,
    /// Whose duties these are.
    pub organisation: String,
    /// When it was assessed.
    pub now: Timestamp,
    /// Digest of the content that it was assessed with.
    pub rules_digest: String,
    /// Digest of the facts.
    pub facts_digest: String,
    /// How bad it is.
    pub severity: Severity,
    /// Every rule, the pressing ones first.
    pub duties: Vec<Duty>,
    /// Every conflict gate.
    pub gates: Vec<Gate>,
    /// What the reader must know about counts and clocks.
    pub remarks: Vec<Text>,
}

/// A fact that is missing, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// Field of the fact base, or id of the content field.
    pub id: String,
    /// What it is called.
    pub label: Text,
}

/// The answer for one rule, with its reason.
#[derive(Clone, Debug, Serialize)]
pub struct Duty {
    /// Rule id.
    pub rule: String,
    /// Rule version.
    pub version: u32,
    /// What it is called.
    pub title: Text,
    /// Country or union.
    pub jurisdiction: String,
    /// What sort of duty it is.
    pub kind: DutyKind,
    /// Law, advice or coming.
    pub status: Status,
    /// The answer.
    pub verdict: Verdict,
    /// For a rule that is coming: what the answer would be.
    pub would_apply: Option<Truth>,
    /// Why, in words.
    pub reason: Text,
    /// What would make it apply, in words; empty when it applies.
    pub to_apply: Vec<Text>,
    /// The comparisons that decided.
    pub decided_by: Vec<Decision>,
    /// Facts that are missing for an answer.
    pub missing: Vec<String>,
    /// The earliest deadline of its phases, RFC 3339.
    pub deadline: Option<String>,
    /// The same as an instant.
    pub deadline_at: Option<Timestamp>,
    /// Its phases.
    pub phases: Vec<PhaseResult>,
    /// Exemptions that hold.
    pub exemptions: Vec<ExemptionResult>,
    /// What a breach costs.
    pub sanctions: Vec<Sanction>,
    /// Where it comes from.
    pub source: Source,
    /// First day in force.
    pub in_force_from: Option<Date>,
    /// The day it was checked.
    pub verified_at: Date,
    /// How well it was checked.
    pub evidence: Evidence,
    /// True where a person must check before relying on it.
    pub unverified: bool,
    /// What else a reader must know.
    pub note: Text,
}

/// One phase, with its clock.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseResult {
    /// Phase id.
    pub id: String,
    /// First, follow-up, final.
    pub step: Step,
    /// Whether this phase arises.
    pub verdict: Verdict,
    /// To whom.
    pub to: Vec<Recipient>,
    /// Its clock.
    pub clock: Running,
    /// Mandatory content fields.
    pub fields: Vec<String>,
    /// Those of them that the facts cannot fill yet.
    pub missing_fields: Vec<Missing>,
}

/// An exemption and whether it holds.
#[derive(Clone, Debug, Serialize)]
pub struct ExemptionResult {
    /// Exemption id.
    pub id: String,
    /// Whether it holds.
    pub truth: Truth,
    /// The phases it frees from; empty for all.
    pub phases: Vec<String>,
    /// The article.
    pub article: String,
    /// In words.
    pub text: Text,
    /// How well it was checked.
    pub evidence: Evidence,
}

/// Answers every rule for one organisation.
pub fn assess(facts: &FactBase, rules: &RuleSet, now: Timestamp) -> Result<Assessment, DutyError> {
    facts.check()?;
    let value = serde_json::to_value(facts).map_err(|e| DutyError::Json(e.to_string()))?;
    let severity = Severity::of(facts, rules);
    let case = Case {
        derived: severity.derived(),
        reference: facts.times.aware.as_ref().map_or(now, |a| a.at),
        facts,
        value: &value,
        rules,
        now,
    };
    let mut duties: Vec<Duty> = rules.rules.iter().map(|r| case.duty(r)).collect();
    duties.sort_by_key(|d| {
        (
            d.verdict,
            d.deadline_at.is_none(),
            d.deadline_at,
            d.rule.clone(),
        )
    });
    let gates = rules
        .gates
        .iter()
        .map(|g| g.eval(facts, &case.derived))
        .collect();
    Ok(Assessment {
        incident: facts.incident.id.clone(),
        organisation: facts.organisation.name.clone(),
        now,
        rules_digest: rules.digest.clone(),
        facts_digest: facts.digest()?,
        remarks: case.remarks(),
        severity,
        duties,
        gates,
    })
}

/// A vendor's own duties, and each tenant's.
#[derive(Clone, Debug, Serialize)]
pub struct GroupAssessment {
    /// The vendor's own.
    pub own: Assessment,
    /// Each tenant's, in the order of the facts.
    pub tenants: Vec<TenantAssessment>,
}

/// One tenant's duties.
#[derive(Clone, Debug, Serialize)]
pub struct TenantAssessment {
    /// The tenant's identifier.
    pub tenant: String,
    /// Its duties.
    pub assessment: Assessment,
}

/// Answers every rule for the organisation and for each of its tenants.
pub fn assess_group(
    facts: &FactBase,
    rules: &RuleSet,
    now: Timestamp,
) -> Result<GroupAssessment, DutyError> {
    let own = assess(facts, rules, now)?;
    let tenants = facts
        .tenants
        .iter()
        .map(|t| {
            Ok(TenantAssessment {
                tenant: t.id.clone(),
                assessment: assess(&facts.for_tenant(t), rules, now)?,
            })
        })
        .collect::<Result<_, DutyError>>()?;
    Ok(GroupAssessment { own, tenants })
}

struct Case<'a> {
    facts: &'a FactBase,
    value: &'a serde_json::Value,
    derived: Derived,
    rules: &'a RuleSet,
    /// The moment whose law counts: awareness, or now.
    reference: Timestamp,
    now: Timestamp,
}

impl Case<'_> {
    fn duty(&self, rule: &Rule) -> Duty {
        let (truth, decided_by) = self.triggered(rule);
        let exemptions: Vec<ExemptionResult> = rule
            .exemptions
            .iter()
            .map(|e| ExemptionResult {
                id: e.id.clone(),
                truth: e.when.eval(self.facts, &self.derived).truth,
                phases: e.phases.clone(),
                article: e.article.clone(),
                text: e.text.clone(),
                evidence: e.evidence,
            })
            .collect();
        let force = self.force(rule);
        let phases: Vec<PhaseResult> = rule
            .phases
            .iter()
            .map(|p| self.phase(p, &force, truth, &exemptions))
            .collect();
        let verdict = overall(&force, truth, &phases);
        let live = |p: &&PhaseResult| matches!(p.verdict, Verdict::Applies);
        let first = phases
            .iter()
            .filter(live)
            .filter_map(|p| p.clock.deadline_at.map(|at| (at, p.clock.deadline.clone())))
            .min_by_key(|(at, _)| *at);
        let missing = missing_of(&decided_by);
        Duty {
            rule: rule.id.clone(),
            version: rule.version,
            title: rule.title.clone(),
            jurisdiction: rule.jurisdiction.clone(),
            kind: rule.kind,
            status: rule.status,
            verdict,
            would_apply: matches!(force, Force::Coming(_)).then_some(truth),
            reason: reason(verdict, &force, &decided_by, &exemptions),
            to_apply: if verdict == Verdict::DoesNotApply && matches!(force, Force::Now) {
                decided_by.iter().map(|d| d.turn.clone()).collect()
            } else {
                vec![]
            },
            missing: if verdict == Verdict::Unknown {
                missing
            } else {
                vec![]
            },
            decided_by,
            deadline: first.as_ref().and_then(|(_, d)| d.clone()),
            deadline_at: first.map(|(at, _)| at),
            phases,
            exemptions,
            sanctions: rule.sanctions.clone(),
            source: rule.source.clone(),
            in_force_from: rule.in_force_from,
            verified_at: rule.verified_at,
            evidence: rule.evidence,
            unverified: rule.evidence.is_unverified(),
            note: rule.note.clone(),
        }
    }

    /// The trigger together with the roles that the rule binds.
    fn triggered(&self, rule: &Rule) -> (Truth, Vec<Decision>) {
        let trigger = rule.trigger.eval(self.facts, &self.derived);
        if rule.roles.is_empty() {
            return (trigger.truth, trigger.decided_by);
        }
        let any = crate::expr::Expr::Any(
            rule.roles
                .iter()
                .map(|r| {
                    crate::expr::Expr::Has(crate::expr::Member {
                        fact: "organisation.roles".into(),
                        value: role_word(*r),
                    })
                })
                .collect(),
        );
        let roles = any.eval(self.facts, &self.derived);
        let truth = match (roles.truth, trigger.truth) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            _ => Truth::True,
        };
        let mut decided_by = vec![];
        for part in [roles, trigger] {
            if part.truth == truth {
                decided_by.extend(part.decided_by);
            }
        }
        (truth, decided_by)
    }

    fn force(&self, rule: &Rule) -> Force {
        let zone = rule.phases.first().map_or("UTC", |p| p.clock.zone.as_str());
        let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let today = self.reference.to_zoned_datetime(zone).date();
        match (rule.status, rule.in_force_from, rule.in_force_to) {
            (Status::Coming, from, _) => Force::Coming(from),
            (_, Some(from), _) if today < from => Force::Coming(Some(from)),
            (_, _, Some(to)) if today > to => Force::Ended(to),
            _ => Force::Now,
        }
    }

    fn phase(
        &self,
        p: &Phase,
        force: &Force,
        trigger: Truth,
        exemptions: &[ExemptionResult],
    ) -> PhaseResult {
        let own = p
            .when
            .as_ref()
            .map_or(Truth::True, |w| w.eval(self.facts, &self.derived).truth);
        let exempt = exemptions
            .iter()
            .any(|e| e.truth == Truth::True && (e.phases.is_empty() || e.phases.contains(&p.id)));
        let verdict = match (force, trigger, own) {
            (Force::Ended(_), ..) | (_, Truth::False, _) | (_, _, Truth::False) => {
                Verdict::DoesNotApply
            }
            (Force::Coming(_), ..) => Verdict::Coming,
            _ if exempt => Verdict::Exempt,
            (_, Truth::Unknown, _) | (_, _, Truth::Unknown) => Verdict::Unknown,
            _ => Verdict::Applies,
        };
        PhaseResult {
            id: p.id.clone(),
            step: p.step,
            verdict,
            to: p.to.clone(),
            clock: p
                .clock
                .run(&self.facts.times, &self.rules.holidays, self.now),
            missing_fields: p
                .fields
                .iter()
                .filter_map(|f| self.missing_field(f))
                .collect(),
            fields: p.fields.clone(),
        }
    }

    fn missing_field(&self, id: &str) -> Option<Missing> {
        let field = self.rules.field(id)?;
        let filled = field
            .needs
            .iter()
            .all(|need| need.split('|').any(|path| filled(self.value, path)));
        (!filled).then(|| Missing {
            id: id.to_owned(),
            label: field.title.clone(),
        })
    }

    fn remarks(&self) -> Vec<Text> {
        let mut out = vec![];
        if let Some(p) = self.facts.persons {
            out.push(Text::new(
                format!(
                    "门槛一律按上限 {} 人判断；最可能 {} 人，已证实 {} 人",
                    crate::text::figure(p.high),
                    crate::text::figure(p.likely),
                    crate::text::figure(p.low)
                ),
                format!(
                    "thresholds are tested with the high count, {} persons; likely {}, proven {}",
                    crate::text::figure(p.high),
                    crate::text::figure(p.likely),
                    crate::text::figure(p.low)
                ),
            ));
        }
        match &self.facts.times.aware {
            None => out.push(Text::new(
                "尚无具名人员认定本事件，期限暂按发现时间起算",
                "no named person has concluded yet that this is an incident: clocks run from detection for now",
            )),
            Some(a) => out.push(Text::new(
                format!("期限自 {} 的认定起算，依据：{}", a.by, a.evidence),
                format!("clocks run from the decision of {}, on: {}", a.by, a.evidence),
            )),
        }
        out
    }
}

enum Force {
    Now,
    Coming(Option<Date>),
    Ended(Date),
}

fn overall(force: &Force, trigger: Truth, phases: &[PhaseResult]) -> Verdict {
    match (force, trigger) {
        (Force::Ended(_), _) => return Verdict::DoesNotApply,
        (Force::Coming(_), _) => return Verdict::Coming,
        (_, Truth::False) => return Verdict::DoesNotApply,
        (_, Truth::Unknown) => {
            // An exemption that holds for everything settles it even where the trigger is open.
            let open = phases.iter().any(|p| p.verdict != Verdict::Exempt);
            return if open {
                Verdict::Unknown
            } else {
                Verdict::Exempt
            };
        }
        _ => {}
    }
    [Verdict::Applies, Verdict::Unknown, Verdict::Exempt]
        .into_iter()
        .find(|v| phases.iter().any(|p| p.verdict == *v))
        .unwrap_or(Verdict::DoesNotApply)
}

fn reason(
    verdict: Verdict,
    force: &Force,
    decided: &[Decision],
    exemptions: &[ExemptionResult],
) -> Text {
    let mut zh: Vec<String> = vec![];
    let mut en: Vec<String> = vec![];
    match force {
        Force::Coming(Some(from)) => {
            zh.push(format!("自 {from} 起施行，尚未生效"));
            en.push(format!("in force from {from}, not yet"));
        }
        Force::Coming(None) => {
            zh.push("尚未通过或施行日未定，仅作预告".into());
            en.push("not passed, or its day not set: shown as coming".into());
        }
        Force::Ended(to) => {
            zh.push(format!("已于 {to} 失效"));
            en.push(format!("ended on {to}"));
        }
        Force::Now => {}
    }
    if verdict == Verdict::Exempt {
        for e in exemptions.iter().filter(|e| e.truth == Truth::True) {
            zh.push(format!("依{}免除：{}", e.article, e.text.zh));
            en.push(format!("exempt under {}: {}", e.article, e.text.en));
        }
    }
    for d in decided {
        if !zh.contains(&d.said.zh) {
            zh.push(d.said.zh.clone());
            en.push(d.said.en.clone());
        }
    }
    if zh.is_empty() {
        zh.push("始终适用".into());
        en.push("always applies".into());
    }
    Text::new(zh.join("；"), en.join("; "))
}

fn missing_of(decided: &[Decision]) -> Vec<String> {
    let mut out: Vec<String> = decided
        .iter()
        .flat_map(|d| d.missing.iter().cloned())
        .collect();
    out.sort();
    out.dedup();
    out
}

fn role_word(role: crate::facts::Role) -> String {
    serde_json::to_value(role)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// True when the path leads to something that is not empty.
pub(crate) fn filled(value: &serde_json::Value, path: &str) -> bool {
    let pointer = format!("/{}", path.replace('.', "/"));
    value.pointer(&pointer).is_some_and(has_content)
}

fn has_content(v: &serde_json::Value) -> bool {
    use serde_json::Value;
    match v {
        Value::Null => false,
        Value::String(s) => !s.trim().is_empty(),
        Value::Array(a) => a.iter().any(has_content),
        Value::Object(o) => o.values().any(has_content),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Assessment {
    /// The answer for one rule.
    pub fn duty(&self, rule: &str) -> Option<&Duty> {
        self.duties.iter().find(|d| d.rule == rule)
    }

    /// Duties that arise, by law.
    pub fn applying(&self) -> impl Iterator<Item = &Duty> {
        self.duties.iter().filter(|d| d.verdict == Verdict::Applies)
    }

    /// Duties that must be done now, without a figure in law.
    pub fn at_once(&self) -> impl Iterator<Item = &Duty> {
        self.applying().filter(|d| {
            d.phases
                .iter()
                .any(|p| p.verdict == Verdict::Applies && p.clock.pace == Pace::Immediately)
        })
    }
}
