//! From a template and the facts to a draft.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

use super::context::View;
use super::{Demand, Draft, NoticeKind, Section, SectionTemplate, Template};
use crate::assess::{Assessment, Verdict, assess};
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
    pub(super) set: &'a RuleSet,
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
        let page = Page::new(self, kind, lang, assessment)?;
        let view = page.view(facts, assessment, options)?;
        let context = Value::from_serialize(view.context());
        let mut sections = Vec::with_capacity(page.template.sections.len());
        for template in &page.template.sections {
            sections.extend(page.section(template, &context)?);
        }
        Ok(Draft {
            kind,
            lang,
            incident: facts.incident.id.clone(),
            title: page.title(&context)?,
            sections,
            template: page.source(),
            rules_digest: self.set.digest.clone(),
            facts_digest: assessment.facts_digest.clone(),
            dated: view.dated,
            for_kinds: options.for_kinds.clone(),
        })
    }
}

/// One template, and what the law demands of it: what every draft of a kind in a language is made with.
pub(super) struct Page<'r> {
    pub(super) renderer: &'r Renderer<'r>,
    pub(super) template: &'r Template,
    demands: Vec<Demand>,
}

impl<'r> Page<'r> {
    pub(super) fn new(
        renderer: &'r Renderer<'r>,
        kind: NoticeKind,
        lang: Lang,
        assessment: &Assessment,
    ) -> Result<Self, DutyError> {
        let mut templates = renderer.set.templates.iter();
        let template = templates
            .find(|t| t.kind == kind && t.lang == lang)
            .ok_or_else(|| DutyError::NoTemplate {
                kind: kind.id().into(),
                lang: lang.tag().into(),
            })?;
        Ok(Self {
            renderer,
            template,
            demands: demands(kind, assessment),
        })
    }

    pub(super) fn view<'v>(
        &self,
        facts: &'v FactBase,
        assessment: &'v Assessment,
        options: &'v RenderOptions,
    ) -> Result<View<'v>, DutyError> {
        let zone = options.zone.as_deref().unwrap_or(ZONE);
        let zone = TimeZone::get(zone).map_err(|e| DutyError::Template {
            template: self.template.file.clone(),
            section: String::new(),
            line: 0,
            why: e.to_string(),
        })?;
        // A letter is addressed only when the facts are those of its reader alone: the numbers of all tenants under the name
        // of one would be worse than no name.
        let tenant = match &facts.tenants[..] {
            [only] if self.template.kind == NoticeKind::TenantLetter => {
                Some(only).filter(|only| facts.letter_to(only) == *facts)
            }
            _ => None,
        };
        let recipient =
            tenant.map(|t| assess(&facts.for_tenant(t), self.renderer.set, assessment.now));
        Ok(View {
            facts,
            assessment,
            recipient: recipient.transpose()?,
            lang: self.template.lang,
            zone,
            for_kinds: options.for_kinds.as_ref(),
            dated: options.dated.unwrap_or(assessment.now),
        })
    }

    /// One section; absent when it is optional and has nothing to say.
    pub(super) fn section(
        &self,
        template: &SectionTemplate,
        context: &Value,
    ) -> Result<Option<Section>, DutyError> {
        let body = self.run(&template.id, context)?;
        // An empty optional section is left out; a mandatory one says what is missing.
        if body.is_empty() && template.satisfies.is_empty() {
            return Ok(None);
        }
        let demands = self.demands.iter();
        Ok(Some(Section {
            id: template.id.clone(),
            heading: template.heading.clone(),
            missing: markers(&body),
            body,
            satisfies: template.satisfies.clone(),
            demanded_by: demands
                .filter(|d| template.satisfies.contains(&d.field))
                .cloned()
                .collect(),
        }))
    }

    pub(super) fn title(&self, context: &Value) -> Result<String, DutyError> {
        self.run(TITLE, context)
    }

    /// Template file and version.
    pub(super) fn source(&self) -> String {
        format!("{}@{}", self.template.file, self.template.version)
    }

    fn run(&self, section: &str, context: &Value) -> Result<String, DutyError> {
        self.renderer
            .environment
            .get_template(&self.template.section_name(section))
            .and_then(|t| t.render(context))
            .map(|text| text.trim().to_owned())
            .map_err(|e| broken(self.template, section, &e))
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
