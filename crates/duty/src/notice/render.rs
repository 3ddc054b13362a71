//! From a template and the facts to a draft.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use super::context::View;
use super::{Demand, Draft, NoticeKind, Section, Template};
use crate::assess::{Assessment, Verdict};
use crate::error::DutyError;
use crate::facts::{DataKind, FactBase};
use crate::ruleset::RuleSet;
use crate::text::Lang;

/// How to render.
#[derive(Clone, Debug, Default)]
pub struct RenderOptions {
    /// IANA zone in which times are written; `Asia/Shanghai` when absent.
    pub zone: Option<String>,
    /// The kinds of one group of persons; absent for all kinds.
    pub for_kinds: Option<BTreeSet<DataKind>>,
    /// The date at the foot; the assessment's moment when absent.
    pub dated: Option<jiff::Timestamp>,
}

/// Templates, compiled once.
pub struct Renderer<'a> {
    set: &'a RuleSet,
    environment: Environment<'a>,
}

impl<'a> Renderer<'a> {
    /// Compiles every template of the content.
    pub fn new(set: &'a RuleSet) -> Result<Self, DutyError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment.add_filter("need", |value: Value, label: String| {
            need(&value, &label, Lang::Zh)
        });
        environment.add_filter("need_en", |value: Value, label: String| {
            need(&value, &label, Lang::En)
        });
        environment.add_filter("listed", listed);
        for t in &set.templates {
            for (id, body) in t
                .sections
                .iter()
                .map(|s| (s.id.as_str(), &s.body))
                .chain([(TITLE, &t.title)])
            {
                environment
                    .add_template_owned(t.section_name(id), body.clone())
                    .map_err(|e| broken(t, id, &e))?;
            }
        }
        Ok(Self { set, environment })
    }

    /// Renders one draft.
    pub fn render(
        &self,
        kind: NoticeKind,
        lang: Lang,
        facts: &FactBase,
        assessment: &Assessment,
        options: &RenderOptions,
    ) -> Result<Draft, DutyError> {
        let template = self
            .set
            .templates
            .iter()
            .find(|t| t.kind == kind && t.lang == lang)
            .ok_or_else(|| DutyError::NoTemplate {
                kind: kind.id().into(),
                lang: lang.tag().into(),
            })?;
        let zone = options.zone.as_deref().unwrap_or(ZONE);
        let zone = TimeZone::get(zone).map_err(|e| DutyError::Template {
            template: template.file.clone(),
            section: String::new(),
            line: 0,
            why: e.to_string(),
        })?;
        let view = View {
            facts,
            assessment,
            lang,
            zone,
            for_kinds: options.for_kinds.as_ref(),
            dated: options.dated.unwrap_or(assessment.now),
        };
        let context = Value::from_serialize(view.context());
        let demands = demands(kind, assessment);
        let run = |section: &str| {
            self.environment
                .get_template(&template.section_name(section))
                .and_then(|t| t.render(&context))
                .map_err(|e| broken(template, section, &e))
        };
        let mut sections = Vec::with_capacity(template.sections.len());
        for s in &template.sections {
            let body = run(&s.id)?.trim().to_owned();
            // An empty optional section is left out; a mandatory one says what is missing.
            if body.is_empty() && s.satisfies.is_empty() {
                continue;
            }
            sections.push(Section {
                id: s.id.clone(),
                heading: s.heading.clone(),
                missing: markers(&body),
                body,
                satisfies: s.satisfies.clone(),
                demanded_by: demands
                    .iter()
                    .filter(|d| s.satisfies.contains(&d.field))
                    .cloned()
                    .collect(),
            });
        }
        Ok(Draft {
            kind,
            lang,
            incident: facts.incident.id.clone(),
            title: run(TITLE)?.trim().to_owned(),
            sections,
            template: format!("{}@{}", template.file, template.version),
            rules_digest: self.set.digest.clone(),
            facts_digest: assessment.facts_digest.clone(),
            dated: view.dated,
            for_kinds: options.for_kinds.clone(),
        })
    }
}

/// What the rules that apply demand of a notice of this kind.
pub(crate) fn demands(kind: NoticeKind, assessment: &Assessment) -> Vec<Demand> {
    let mut out = BTreeSet::new();
    for d in &assessment.duties {
        for p in d.phases.iter().filter(|p| p.verdict == Verdict::Applies) {
            if p.to
                .iter()
                .any(|r| kind.serves(&d.jurisdiction, p.step, r.who))
            {
                out.extend(p.fields.iter().map(|f| Demand {
                    rule: d.rule.clone(),
                    article: format!("{} {}", d.source.zh, d.source.article),
                    field: f.clone(),
                }));
            }
        }
    }
    out.into_iter().collect()
}

/// What stands between the marker's brackets.
pub(crate) fn markers(body: &str) -> Vec<String> {
    let mut out = vec![];
    for (open, close) in [(MARK_ZH, '】'), (MARK_EN, ']')] {
        let mut rest = body;
        while let Some(at) = rest.find(open) {
            rest = &rest[at + open.len()..];
            let end = rest.find(close).unwrap_or(rest.len());
            out.push(rest[..end].trim().to_owned());
            rest = &rest[end..];
        }
    }
    out
}

fn need(value: &Value, label: &str, lang: Lang) -> Value {
    let empty = value.is_undefined()
        || value.is_none()
        || value.as_str().is_some_and(|s| s.trim().is_empty())
        || value.len() == Some(0);
    if !empty {
        return value.clone();
    }
    Value::from(match lang {
        Lang::Zh => format!("{MARK_ZH}{label}】"),
        Lang::En => format!("{MARK_EN}{label}]"),
    })
}

/// One item per line; a marker from `need` stays as it is.
fn listed(value: Value) -> Result<String, minijinja::Error> {
    if let Some(s) = value.as_str() {
        return Ok(s.to_owned());
    }
    let items = value.try_iter()?;
    Ok(items
        .map(|i| format!("- {i}"))
        .collect::<Vec<_>>()
        .join("\n"))
}

fn broken(t: &Template, section: &str, e: &minijinja::Error) -> DutyError {
    let mut why = e.kind().to_string();
    if let Some(detail) = e.detail() {
        why = format!("{why}: {detail}");
    }
    // The words on the line say which variable it was.
    let body = t
        .sections
        .iter()
        .find(|s| s.id == section)
        .map_or(t.title.as_str(), |s| s.body.as_str());
    let line = e.line().unwrap_or(0);
    if let Some(source) = line.checked_sub(1).and_then(|n| body.lines().nth(n)) {
        why = format!("{why} in `{}`", source.trim());
    }
    DutyError::Template {
        template: t.file.clone(),
        section: section.to_owned(),
        line,
        why,
    }
}

const TITLE: &str = "title";
const ZONE: &str = "Asia/Shanghai";
const FUEL: u64 = 2_000_000;
pub(crate) const MARK_ZH: &str = "【待补：";
pub(crate) const MARK_EN: &str = "[to be completed: ";
