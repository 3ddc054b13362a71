//! Templates as data.

use serde::{Deserialize, Serialize};

use super::NoticeKind;
use crate::error::DutyError;
use crate::ruleset::RuleSet;
use crate::text::Lang;

/// A notice template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The file it came from.
    #[serde(skip)]
    pub file: String,
    /// What it is for.
    pub kind: NoticeKind,
    /// Its language.
    pub lang: Lang,
    /// Raised with each change.
    pub version: u32,
    /// Title, a template itself.
    pub title: String,
    /// Sections, in order.
    pub sections: Vec<SectionTemplate>,
}

/// One section of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionTemplate {
    /// Identifier.
    pub id: String,
    /// Heading.
    #[serde(default)]
    pub heading: String,
    /// Content fields that it fills.
    #[serde(default)]
    pub satisfies: Vec<String>,
    /// Body, a minijinja template.
    pub body: String,
}

impl Template {
    pub(crate) fn check(&self, set: &RuleSet) -> Result<(), DutyError> {
        let bad = |message: String| {
            Err(DutyError::Content {
                file: self.file.clone(),
                message,
            })
        };
        if self.sections.is_empty() {
            return bad("a template needs sections".into());
        }
        for s in &self.sections {
            if self.sections.iter().filter(|o| o.id == s.id).count() > 1 {
                return bad(format!("section `{}` appears twice", s.id));
            }
            if let Some(f) = s.satisfies.iter().find(|f| set.field(f).is_none()) {
                return bad(format!("section `{}`: there is no field `{f}`", s.id));
            }
        }
        let twins = set
            .templates
            .iter()
            .filter(|t| t.kind == self.kind && t.lang == self.lang);
        if twins.count() > 1 {
            return bad(format!(
                "more than one template for {} in {}",
                self.kind.id(),
                self.lang.tag()
            ));
        }
        Ok(())
    }

    pub(super) fn section_name(&self, section: &str) -> String {
        format!("{}#{section}", self.file)
    }
}
