//! One notice of one case for many readers, who differ in nothing but what was taken of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::context::{KINDS, NOT_INVOLVED};
use super::render::Page;
use super::{Draft, NoticeKind, RenderOptions, Renderer, Section};
use crate::assess::Assessment;
use crate::error::DutyError;
use crate::facts::{DataKind, FactBase};
use crate::text::Lang;

/// A notice of one case, prepared: what reads the same for every reader is rendered once, the rest for each.
///
/// What a section depends on is not declared but seen: a section that was rendered without asking for a reader's kinds
/// can't come out otherwise for another reader, since nothing else differs.
pub struct CaseRenderer<'r> {
    page: Page<'r>,
    pub(crate) facts: &'r FactBase,
    pub(crate) assessment: &'r Assessment,
    zone: Option<String>,
    dated: jiff::Timestamp,
    /// The facts as templates see them.
    base: Value,
    /// Every kind that the case knows of, in order.
    kinds: Vec<Kind>,
    title: Part<String>,
    /// One for each section of the template, in order.
    sections: Vec<Part<Option<Section>>>,
}

impl<'a> Renderer<'a> {
    /// Prepares one notice for readers who each have their own kinds. `options.for_kinds` is not looked at: each reader
    /// brings theirs.
    ///
    /// # Errors
    ///
    /// No template of this kind and language, a zone that is unknown, or a template that fails for every reader.
    pub fn for_case<'r>(
        &'r self,
        kind: NoticeKind,
        lang: Lang,
        facts: &'r FactBase,
        assessment: &'r Assessment,
        options: &RenderOptions,
    ) -> Result<CaseRenderer<'r>, DutyError> {
        let page = Page::new(self, kind, lang, assessment)?;
        let options = RenderOptions {
            for_kinds: None,
            ..options.clone()
        };
        let view = page.view(facts, assessment, &options)?;
        let affected = facts.kinds.iter().flatten().map(|(kind, count)| {
            let view = Value::from_serialize(view.kind(*kind, *count));
            (*kind, view)
        });
        let affected: BTreeMap<DataKind, Value> = affected.collect();
        let untouched = &facts.kinds_not_involved;
        let known: BTreeSet<DataKind> = affected.keys().chain(untouched).copied().collect();
        let kinds = known.into_iter().map(|kind| Kind {
            kind,
            affected: affected.get(&kind).cloned(),
            untouched: untouched.contains(&kind),
            label: Value::from(kind.label().get(lang)),
        });
        let mut case = CaseRenderer {
            facts,
            assessment,
            zone: options.zone.clone(),
            dated: view.dated,
            base: Value::from_serialize(view.context()),
            kinds: kinds.collect(),
            title: Part::Own,
            sections: Vec::with_capacity(page.template.sections.len()),
            page,
        };
        let reader = case.reader(&affected.into_keys().collect());
        for template in &case.page.template.sections {
            let part = reader.part(|context| case.page.section(template, context))?;
            case.sections.push(part);
        }
        case.title = reader.part(|context| case.page.title(context))?;
        Ok(case)
    }
}

impl<'r> CaseRenderer<'r> {
    /// The draft of a reader with these kinds: the same as [`Renderer::render`] with them in
    /// [`RenderOptions::for_kinds`].
    ///
    /// # Errors
    ///
    /// A template that fails for these kinds.
    pub fn render(&self, for_kinds: &BTreeSet<DataKind>) -> Result<Draft, DutyError> {
        let words = self.words(for_kinds)?;
        Ok(Draft {
            kind: self.kind(),
            lang: self.lang(),
            incident: self.facts.incident.id.clone(),
            title: words.title.into_owned(),
            sections: words.sections.into_iter().map(Cow::into_owned).collect(),
            template: self.page.source(),
            rules_digest: self.page.renderer.set.digest.clone(),
            facts_digest: self.assessment.facts_digest.clone(),
            dated: self.dated,
            for_kinds: Some(for_kinds.clone()),
        })
    }

    /// What the notice is for.
    pub fn kind(&self) -> NoticeKind {
        self.page.template.kind
    }

    /// Its language.
    pub fn lang(&self) -> Lang {
        self.page.template.lang
    }

    /// The date at its foot.
    pub fn dated(&self) -> jiff::Timestamp {
        self.dated
    }

    /// The zone that was asked for.
    pub(crate) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The kinds that were affected.
    pub(crate) fn affected(&self) -> BTreeSet<DataKind> {
        let affected = self.kinds.iter().filter(|kind| kind.affected.is_some());
        affected.map(|kind| kind.kind).collect()
    }

    /// Title and sections for a reader with these kinds, without a copy of what is the same for all.
    pub(crate) fn words(&self, for_kinds: &BTreeSet<DataKind>) -> Result<Words<'_>, DutyError> {
        let context = Value::from_dyn_object(self.reader(for_kinds));
        let mut sections = Vec::with_capacity(self.sections.len());
        for (template, part) in self.page.template.sections.iter().zip(&self.sections) {
            sections.extend(match part {
                Part::Same(section) => section.as_ref().map(Cow::Borrowed),
                Part::Own => self.page.section(template, &context)?.map(Cow::Owned),
            });
        }
        let title = match &self.title {
            Part::Same(title) => Cow::Borrowed(title.as_str()),
            Part::Own => Cow::Owned(self.page.title(&context)?),
        };
        Ok(Words { title, sections })
    }

    fn reader(&self, mine: &BTreeSet<DataKind>) -> Arc<Reader> {
        let (mut kinds, mut not_involved) = (Vec::new(), Vec::new());
        for kind in &self.kinds {
            let own = mine.contains(&kind.kind);
            if own {
                kinds.extend(kind.affected.clone());
            }
            if kind.untouched || (kind.affected.is_some() && !own) {
                not_involved.push(kind.label.clone());
            }
        }
        Arc::new(Reader {
            base: self.base.clone(),
            kinds: Value::from(kinds),
            not_involved: Value::from(not_involved),
            asked: AtomicBool::new(false),
        })
    }
}

/// What a notice says.
pub(crate) struct Words<'r> {
    pub(crate) title: Cow<'r, str>,
    pub(crate) sections: Vec<Cow<'r, Section>>,
}

impl From<Draft> for Words<'_> {
    fn from(draft: Draft) -> Self {
        Self {
            title: Cow::Owned(draft.title),
            sections: draft.sections.into_iter().map(Cow::Owned).collect(),
        }
    }
}

/// A kind that the case knows of.
struct Kind {
    kind: DataKind,
    /// As templates see it, when it was affected.
    affected: Option<Value>,
    /// Proven untouched.
    untouched: bool,
    label: Value,
}

/// A part of a notice.
enum Part<T> {
    /// The same for every reader.
    Same(T),
    /// Rendered for each.
    Own,
}

/// The facts as the template of one reader sees them, which notes whether anything of the reader's was asked for.
#[derive(Debug)]
struct Reader {
    base: Value,
    kinds: Value,
    not_involved: Value,
    asked: AtomicBool,
}

impl Reader {
    fn part<T>(
        self: &Arc<Self>,
        render: impl FnOnce(&Value) -> Result<T, DutyError>,
    ) -> Result<Part<T>, DutyError> {
        self.asked.store(false, Ordering::Relaxed);
        let rendered = render(&Value::from_dyn_object(self.clone()));
        if self.asked.load(Ordering::Relaxed) {
            // Also where it failed: it may do so for these kinds alone.
            Ok(Part::Own)
        } else {
            rendered.map(Part::Same)
        }
    }
}

impl Object for Reader {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let own = match key.as_str()? {
            KINDS => &self.kinds,
            NOT_INVOLVED => &self.not_involved,
            _ => {
                let value = self.base.get_item(key).ok()?;
                return (!value.is_undefined()).then_some(value);
            }
        };
        self.asked.store(true, Ordering::Relaxed);
        Some(own.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        // Who lists everything sees the reader's, too.
        self.asked.store(true, Ordering::Relaxed);
        let keys = self.base.try_iter();
        keys.map_or(Enumerator::Empty, |keys| Enumerator::Values(keys.collect()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed

    use minijinja::Environment;

    use super::*;
    use crate::{RuleSet, assess};

    #[test]
    fn a_personal_notice_differs_in_two_sections() {
        let set = RuleSet::embedded().unwrap();
        let facts = FactBase::from_json(include_str!("../../tests/common/full.json")).unwrap();
        let answers = assess(&facts, &set, facts.times.detected.unwrap()).unwrap();
        let renderer = Renderer::new(&set).unwrap();
        for lang in [Lang::Zh, Lang::En] {
            let options = RenderOptions::default();
            let kind = NoticeKind::PersonalNotice;
            let case = renderer
                .for_case(kind, lang, &facts, &answers, &options)
                .unwrap();
            let templates = case.page.template.sections.iter().zip(&case.sections);
            let own: Vec<&str> = templates
                .filter(|(_, part)| matches!(part, Part::Own))
                .map(|(template, _)| template.id.as_str())
                .collect();
            assert_eq!(own, ["your_data", "not_involved"]);
            assert!(matches!(case.title, Part::Same(_)));
        }
    }

    #[test]
    fn whatever_looks_at_a_readers_kinds_is_seen() {
        let reader = Arc::new(Reader {
            base: Value::from_serialize(BTreeMap::from([("today", "x"), (KINDS, "base")])),
            kinds: Value::from(vec!["name"]),
            not_involved: Value::from(Vec::<Value>::new()),
            asked: AtomicBool::new(false),
        });
        for (template, asks) in [
            ("plain", false),
            ("{{ today }}", false),
            (
                "{% for k in [1] %}{{ loop.index }}{{ today }}{% endfor %}",
                false,
            ),
            ("{% if false %}{{ kinds }}{% endif %}", false),
            ("{% if today == 'x' %}{{ kinds }}{% endif %}", true),
            ("{{ not_involved | length }}", true),
            ("{% if kinds is defined %}yes{% endif %}", true),
            ("{% set today = kinds %}", true),
            ("{% macro m() %}{{ kinds }}{% endmacro %}{{ m() }}", true),
            ("{{ debug() }}", true),
        ] {
            reader.asked.store(false, Ordering::Relaxed);
            let context = Value::from_dyn_object(reader.clone());
            let rendered = Environment::new().render_str(template, context).unwrap();
            assert_eq!(reader.asked.load(Ordering::Relaxed), asks, "{template}");
            assert!(!rendered.contains("base"), "{template}: {rendered}");
        }
    }
}
