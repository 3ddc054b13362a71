//! Drafts of notices: structured sections, every figure from the facts, nothing invented.

mod case;
mod context;
mod render;
mod template;

use serde::{Deserialize, Serialize};

pub use self::case::CaseRenderer;
pub(crate) use self::case::Words;
pub use self::render::{RenderOptions, Renderer};
pub(crate) use self::render::{demands, markers};
pub use self::template::{SectionTemplate, Template};
use crate::facts::sha256;
use crate::rule::{RecipientKind, Step};
use crate::text::Lang;

/// What a draft is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// To the firm's own people.
    InternalBulletin,
    /// First report to an authority.
    RegulatorFirst,
    /// Follow-up report to an authority.
    RegulatorFollowup,
    /// Final report: the six-part summary.
    RegulatorFinal,
    /// To each affected person.
    PersonalNotice,
    /// A vendor to its customer firm.
    TenantLetter,
    /// To the public.
    PublicStatement,
    /// To the police.
    PoliceReport,
    /// California's titled form.
    CaForm,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::InternalBulletin,
        Self::RegulatorFirst,
        Self::RegulatorFollowup,
        Self::RegulatorFinal,
        Self::PersonalNotice,
        Self::TenantLetter,
        Self::PublicStatement,
        Self::PoliceReport,
        Self::CaForm,
    ];

    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::InternalBulletin => "internal_bulletin",
            Self::RegulatorFirst => "regulator_first",
            Self::RegulatorFollowup => "regulator_followup",
            Self::RegulatorFinal => "regulator_final",
            Self::PersonalNotice => "personal_notice",
            Self::TenantLetter => "tenant_letter",
            Self::PublicStatement => "public_statement",
            Self::PoliceReport => "police_report",
            Self::CaForm => "ca_form",
        }
    }

    /// Finds a kind by its identifier.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.id() == id)
    }

    /// True when the reader is outside and not an authority: no vulnerability detail, no attack path.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::PersonalNotice
                | Self::TenantLetter
                | Self::PublicStatement
                | Self::CaForm
                | Self::InternalBulletin
        )
    }

    /// True when it goes to a list of receivers that must equal the affected set.
    pub fn has_send_list(self) -> bool {
        matches!(self, Self::PersonalNotice | Self::CaForm)
    }

    /// Whether this draft serves a phase of a rule.
    pub fn serves(self, jurisdiction: &str, step: Step, who: RecipientKind) -> bool {
        use RecipientKind as R;
        let california = jurisdiction == "US-CA";
        match self {
            Self::InternalBulletin => who == R::Internal,
            Self::RegulatorFirst => who == R::Regulator && step == Step::First,
            Self::RegulatorFollowup => who == R::Regulator && step == Step::FollowUp,
            Self::RegulatorFinal => who == R::Regulator && step == Step::Final,
            Self::PersonalNotice => who == R::Individuals && !california,
            Self::CaForm => who == R::Individuals && california,
            Self::TenantLetter => matches!(who, R::Users | R::Controller),
            Self::PublicStatement => who == R::Public,
            Self::PoliceReport => who == R::Police,
        }
    }
}

/// A notice as structured sections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What it is for.
    pub kind: NoticeKind,
    /// Its language.
    pub lang: Lang,
    /// The incident.
    pub incident: String,
    /// Title.
    pub title: String,
    /// Sections, in order.
    pub sections: Vec<Section>,
    /// Template file and version that it was made from.
    pub template: String,
    /// Digest of the content (rules and templates) that it was made with.
    pub rules_digest: String,
    /// Digest of the facts that it was made from.
    pub facts_digest: String,
    /// When it was made: the date at its foot.
    pub dated: jiff::Timestamp,
    /// The kinds of data of this reader, where the notice is for one group of persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_kinds: Option<std::collections::BTreeSet<crate::facts::DataKind>>,
}

/// A section of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Identifier.
    pub id: String,
    /// Heading; may be empty for the address line.
    pub heading: String,
    /// Body, plain text with one line per item.
    pub body: String,
    /// Content fields that it fills.
    pub satisfies: Vec<String>,
    /// Where a rule demands it: rule, article, field.
    pub demanded_by: Vec<Demand>,
    /// What the facts could not fill.
    pub missing: Vec<String>,
}

/// A rule that demands a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Rule id.
    pub rule: String,
    /// Article.
    pub article: String,
    /// Content field.
    pub field: String,
}

impl Draft {
    /// Plain text.
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n", self.title);
        for s in &self.sections {
            out.push('\n');
            if !s.heading.is_empty() {
                out.push_str(&s.heading);
                out.push('\n');
            }
            out.push_str(s.body.trim_end());
            out.push('\n');
        }
        out
    }

    /// Markdown.
    pub fn to_markdown(&self) -> String {
        let mut out = format!("# {}\n", self.title);
        for s in &self.sections {
            if !s.heading.is_empty() {
                out.push_str(&format!("\n## {}\n", s.heading));
            }
            out.push('\n');
            for line in s.body.trim_end().lines() {
                out.push_str(line);
                // A line of its own stays one.
                out.push_str(if line.starts_with("- ") || line.is_empty() {
                    "\n"
                } else {
                    "  \n"
                });
            }
        }
        out
    }

    /// What the facts could not fill, over all sections.
    pub fn missing(&self) -> Vec<&str> {
        self.sections
            .iter()
            .flat_map(|s| s.missing.iter().map(String::as_str))
            .collect()
    }

    /// SHA-256 over title and sections: what an approval is bound to.
    pub fn digest(&self) -> String {
        sha256(self.to_text().as_bytes())
    }
}
