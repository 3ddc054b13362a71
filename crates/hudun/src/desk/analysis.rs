//! 析: scope, duties and severity for people to look at.

use std::sync::{Arc, PoisonError};

use hudun_analyze::{Awareness, DutyRecord, GateAct, ScopeRecord};
use hudun_console::api;
use hudun_core::{IncidentId, Sensitivity, Text, Timestamp};
use hudun_duty::{
    Assessment, Band, Duty, Evidence, FactBase, RuleSet, Severity, StartEvent, Verdict,
};

use super::error::{self, Got};
use super::law::{clock_from, gate_views};
use crate::office::Office;

impl Office {
    /// The duties of a case as they were computed, asked of law once for each revision.
    pub(crate) async fn assessment(&self, id: IncidentId) -> Got<Option<Arc<Assessment>>> {
        let Some(record) = self.analyst.duties(id).await.map_err(error::analyze)? else {
            return Ok(None);
        };
        self.assessment_of(&record).map(Some)
    }

    pub(super) fn assessment_of(&self, record: &DutyRecord) -> Got<Arc<Assessment>> {
        let known = |revision: u32| {
            let kept = self.assessed.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&record.incident)
                .filter(|(of, _)| *of == revision)
                .map(|(_, assessment)| Arc::clone(assessment))
        };
        if let Some(assessment) = known(record.revision) {
            return Ok(assessment);
        }
        let assessment = Arc::new(
            record
                .assess(self.analyst.rules())
                .map_err(error::analyze)?,
        );
        let mut kept = self.assessed.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(record.incident, (record.revision, Arc::clone(&assessment)));
        Ok(assessment)
    }
}

pub(super) fn scope_view(record: &ScopeRecord) -> api::ScopeView {
    let scope = &record.scope;
    let narrowing = record.narrowing.text();
    api::ScopeView {
        at: record.computed_at,
        tenant: scope.question.tenant.to_string(),
        source: api::SourceView {
            accounts: names(&scope.seen.accounts),
            sessions: names(&scope.seen.sessions),
            tokens: names(&scope.seen.tokens),
            addresses: names(&scope.seen.addresses),
        },
        window: scope.window,
        modules: names(&scope.modules),
        exchanges: scope.exchanges,
        low: scope.low,
        likely: scope.likely,
        high: scope.high,
        kinds: scope
            .kinds
            .iter()
            .map(|row| api::KindRow {
                kind: row.kind.name().to_owned(),
                label: Text::new(row.kind.label_zh(), row.kind.label_en()),
                sensitivity: match row.kind.sensitivity() {
                    Sensitivity::Pseudonymous => "pseudonymous",
                    Sensitivity::Ordinary => "ordinary",
                    Sensitivity::Sensitive => "sensitive",
                }
                .to_owned(),
                low: row.low,
                likely: row.likely,
                high: row.high,
            })
            .collect(),
        bytes_released: scope.bytes_released,
        coverage: scope.coverage(),
        method: format!("{}；{}", narrowing.zh, scope.method),
        likely_sha256: Some(record.likely_sha256.clone()),
    }
}

pub(super) fn duties_view(
    record: &DutyRecord,
    assessment: &Assessment,
    rules: &RuleSet,
    decided: &[Awareness],
    acts: &[GateAct],
) -> api::DutiesView {
    let mut obligations: Vec<_> = assessment
        .duties
        .iter()
        .map(|duty| obligation(duty, rules, &record.facts, decided))
        .collect();
    obligations.sort_by_key(|duty| {
        let rank = match duty.applies {
            api::Applies::Yes => 0,
            api::Applies::Unknown => 1,
            api::Applies::Coming => 2,
            api::Applies::No => 3,
        };
        (
            rank,
            duty.deadline.map_or(i64::MAX, Timestamp::as_millis),
            duty.id.clone(),
        )
    });
    let checked_on = rules.rules.iter().map(|rule| rule.verified_at).max();
    api::DutiesView {
        at: record.computed_at,
        rules_version: record.rules_digest.chars().take(12).collect(),
        checked_on: checked_on.map(|day| day.to_string()).unwrap_or_default(),
        obligations,
        gates: gate_views(&assessment.gates, acts, rules),
    }
}

/// The severity, once ENISA can be scored; the CAC rows stand beside it.
pub(super) fn severity_view(severity: &Severity) -> Option<api::SeverityView> {
    let enisa = severity.enisa.as_ref()?;
    let cac = &severity.cac;
    Some(api::SeverityView {
        terms: enisa
            .steps
            .iter()
            .map(|step| api::SeverityTerm {
                id: step.id.to_owned(),
                label: term_label(step.id),
                value: f64::from(step.quarters) / 4.0,
                why: text(&step.why),
            })
            .collect(),
        formula: enisa.formula.clone(),
        score: f64::from(enisa.se_quarters) / 4.0,
        level: match enisa.band {
            Band::Low => "low",
            Band::Medium => "medium",
            Band::High => "high",
            Band::VeryHigh => "very-high",
        }
        .to_owned(),
        level_text: text(&enisa.band.name()),
        cac: cac
            .rows
            .iter()
            .filter_map(|row| Some((row, row.value?)))
            .flat_map(|(row, value)| {
                let steps = row.thresholds.iter().zip(1u8..);
                steps.filter_map(move |(threshold, grade)| {
                    let threshold = (*threshold)?;
                    Some(api::CacThreshold {
                        grade: cac_name(grade),
                        what: text(&row.title),
                        threshold,
                        value,
                        reached: value >= threshold,
                    })
                })
            })
            .collect(),
        cac_grade: cac_id(cac.grade).to_owned(),
        cac_text: text(&cac.name),
    })
}

pub(super) fn statutory_level(severity: &Severity) -> api::StatutoryLevel {
    api::StatutoryLevel {
        id: cac_id(severity.cac.grade).to_owned(),
        label: text(&severity.cac.name),
    }
}

fn obligation(
    duty: &Duty,
    rules: &RuleSet,
    facts: &FactBase,
    decided: &[Awareness],
) -> api::ObligationView {
    // The phase that presses: the one with the nearest deadline, else the first that arises, else the first.
    let phase = duty
        .phases
        .iter()
        .filter(|phase| phase.clock.deadline_at.is_some())
        .min_by_key(|phase| phase.clock.deadline_at)
        .or_else(|| {
            duty.phases
                .iter()
                .find(|phase| phase.verdict == Verdict::Applies)
        })
        .or_else(|| duty.phases.first());
    let fields = phase.map(|phase| {
        phase
            .fields
            .iter()
            .map(|id| api::FieldState {
                id: id.clone(),
                label: rules
                    .field(id)
                    .map_or_else(|| Text::new(id, id), |field| text(&field.title)),
                filled: phase.missing_fields.iter().all(|missing| missing.id != *id),
            })
            .collect()
    });
    let recipient = phase.map(|phase| {
        let join = |names: Vec<&str>, mark: &str| names.join(mark);
        Text::new(
            join(phase.to.iter().map(|to| to.zh.as_str()).collect(), "、"),
            join(phase.to.iter().map(|to| to.en.as_str()).collect(), ", "),
        )
    });
    let applies = match duty.verdict {
        Verdict::Applies => api::Applies::Yes,
        Verdict::Unknown => api::Applies::Unknown,
        Verdict::Coming => api::Applies::Coming,
        Verdict::Exempt | Verdict::DoesNotApply => api::Applies::No,
    };
    let yes = applies == api::Applies::Yes;
    api::ObligationView {
        id: duty.rule.clone(),
        title: text(&duty.title),
        applies,
        reason: text(&duty.reason),
        trigger: phase
            .map(|phase| start_label(phase.clock.start_event))
            .unwrap_or_default(),
        triggered_at: phase
            .and_then(|phase| phase.clock.started_at.as_ref())
            .and_then(|at| at.parse().ok()),
        clock_from: phase
            .map(|phase| {
                let started = phase.clock.started_at.is_some();
                clock_from(phase.clock.start_event, started, facts, decided)
            })
            .unwrap_or_default(),
        provisional: phase.is_some_and(|phase| phase.clock.provisional),
        recipient: recipient.unwrap_or_default(),
        deadline: duty
            .deadline_at
            .filter(|_| yes)
            .map(|at| Timestamp::from_millis(at.as_millisecond())),
        within: phase
            .map(|phase| text(&phase.clock.text))
            .unwrap_or_default(),
        fields: fields.unwrap_or_default(),
        article: Text::new(
            format!("{} {}", duty.source.zh, duty.source.article),
            format!("{} {}", duty.source.en, duty.source.article),
        ),
        source: duty.source.citation.clone(),
        evidence: match duty.evidence {
            Evidence::V => "verified",
            Evidence::S | Evidence::Inferred => "secondary",
            Evidence::M => "memory",
        }
        .to_owned(),
    }
}

fn start_label(event: StartEvent) -> Text {
    match event {
        StartEvent::Detected => Text::new("首次发现", "first detection"),
        StartEvent::Aware => Text::new("知悉（认定为事件）", "becoming aware"),
        StartEvent::Assessed => Text::new("认定应当报告", "found to be notifiable"),
        StartEvent::Handled => Text::new("处置结束", "the end of handling"),
        StartEvent::FixAvailable => Text::new("修复可用", "a fix is available"),
        StartEvent::Materiality => Text::new("认定为重大", "found to be material"),
        StartEvent::Notified => Text::new("首次报告提交", "the main report was handed in"),
        StartEvent::IndividualsTold => Text::new("已告知个人", "the persons were told"),
    }
}

fn term_label(id: &str) -> Text {
    match id {
        "dpc" => Text::new("数据处理情境 DPC", "data processing context (DPC)"),
        "ei" => Text::new("识别难易度 EI", "ease of identification (EI)"),
        "confidentiality" => Text::new("保密性", "confidentiality"),
        "integrity" => Text::new("完整性", "integrity"),
        "availability" => Text::new("可用性", "availability"),
        "malicious" => Text::new("恶意", "malicious intent"),
        "se" => Text::new("严重度 SE", "severity (SE)"),
        other => Text::new(other, other),
    }
}

fn cac_id(grade: u8) -> &'static str {
    match grade {
        0 => "general",
        1 => "larger",
        2 => "major",
        _ => "especially-major",
    }
}

fn cac_name(grade: u8) -> Text {
    match grade {
        0 => Text::new("一般", "general"),
        1 => Text::new("较大", "larger"),
        2 => Text::new("重大", "major"),
        _ => Text::new("特别重大", "especially major"),
    }
}

fn text(text: &hudun_duty::Text) -> Text {
    Text::new(text.zh.clone(), text.en.clone())
}

fn names<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Cases whose duties are kept at hand.
const MOST_KEPT: usize = 64;
