//! The linter for one case: what is the same for every reader is looked at once.

use std::sync::{Arc, OnceLock};

use super::*;
use crate::notice::CaseRenderer;

/// A linter of one notice for many readers, who differ in nothing but what was taken of them.
///
/// Each notice is still held against the record by itself. Lines that were found clean once are known by their words and not
/// searched again; any other line is.
pub struct CaseLinter<'l> {
    renderer: &'l CaseRenderer<'l>,
    case: Arc<Case<'l>>,
    serves: Option<BTreeSet<String>>,
}

impl<'a> Linter<'a> {
    /// Prepares the linter for the readers of one notice.
    pub fn for_case<'l>(
        &'l self,
        renderer: &'l CaseRenderer<'l>,
        input: &LintInput,
    ) -> CaseLinter<'l> {
        let (kind, lang) = (renderer.kind(), renderer.lang());
        let (facts, assessment) = (renderer.facts, renderer.assessment);
        let mut case = self.case(kind, lang, facts, assessment, input);
        // Who lost every kind and who lost none: between them they read each line that a reader can. What fails here is a
        // reader's own section, and is told to those whom it concerns.
        let ends = [renderer.affected(), BTreeSet::new()];
        for words in ends.iter().filter_map(|kinds| renderer.words(kinds).ok()) {
            let sections = words.sections.iter();
            let texts = sections.flat_map(|s| [s.heading.as_str(), s.body.as_str()]);
            for line in texts.chain([&*words.title]).flat_map(str::lines) {
                let mut refused = Vec::new();
                case.line(lang, "", 0, line, &mut refused);
                if refused.is_empty() {
                    case.clean.insert(line.to_owned());
                }
            }
        }
        CaseLinter {
            renderer,
            case: Arc::new(case),
            serves: input.serves.clone(),
        }
    }
}

impl<'l> CaseLinter<'l> {
    /// What [`Linter::prepare`] answers. A draft that is not for one reader of this case, or other `input` than the case was
    /// prepared with, takes the long way.
    ///
    /// # Errors
    ///
    /// A template that fails for these kinds.
    pub fn prepare(&self, like: &Draft, input: &LintInput) -> Result<Prepared<'l>, DutyError> {
        let renderer = self.renderer;
        let same = like.kind == renderer.kind()
            && like.lang == renderer.lang()
            && like.dated == renderer.dated()
            && input.zone.as_deref() == renderer.zone()
            && input.serves == self.serves;
        match &like.for_kinds {
            Some(kinds) if same => Ok(Prepared {
                case: self.case.clone(),
                reference: renderer.words(kinds)?,
                numbers: OnceLock::new(),
            }),
            _ => self
                .case
                .linter
                .prepare(like, renderer.facts, renderer.assessment, input),
        }
    }
}
