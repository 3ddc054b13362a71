//! A duty, as data.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::expr::Expr;
use crate::facts::Role;
use crate::text::Text;

/// How well a statement was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Evidence {
    /// Checked against the primary text.
    V,
    /// From a secondary source.
    S,
    /// From memory: unverified, and shown so.
    M,
    /// Derived from confirmed text.
    #[serde(rename = "inferred")]
    Inferred,
}

impl Evidence {
    /// True where a person must check before relying on it.
    pub fn is_unverified(self) -> bool {
        matches!(self, Self::M)
    }
}

/// What sort of duty a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyKind {
    /// Tell persons, customers or authorities.
    Notify,
    /// Hand in a report.
    Report,
    /// Keep a record.
    Record,
    /// A standing duty that the incident touches.
    Standing,
    /// A threshold of criminal law.
    Counter,
    /// A class of organisation.
    Profile,
}

/// Whether a rule is law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Law, from `in_force_from`.
    Law,
    /// Advice or standard: not binding.
    Advice,
    /// Passed, not in force, or only proposed: shown as coming, never counted.
    Coming,
}

/// Who is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientKind {
    /// An authority.
    Regulator,
    /// Police.
    Police,
    /// Affected persons.
    Individuals,
    /// Users or customers, organisations among them.
    Users,
    /// The controller on whose behalf data is processed.
    Controller,
    /// The public.
    Public,
    /// Nobody outside.
    Internal,
}

/// First report, follow-up or final report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// First.
    First,
    /// Follow-up.
    FollowUp,
    /// Final.
    Final,
}

/// A recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The sort.
    pub who: RecipientKind,
    /// The name in Chinese.
    pub zh: String,
    /// The name in English.
    pub en: String,
}

/// One phase of a duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Identifier inside the rule.
    pub id: String,
    /// First, follow-up, final.
    pub step: Step,
    /// What this phase adds to the rule's trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Expr>,
    /// To whom.
    pub to: Vec<Recipient>,
    /// By when.
    pub clock: Clock,
    /// Content fields that are mandatory in it; ids of the field list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What frees from a duty, or from some of its phases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// Identifier inside the rule.
    pub id: String,
    /// The phases it frees from; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
    /// When.
    pub when: Expr,
    /// The article.
    pub article: String,
    /// In words.
    pub text: Text,
    /// How well it was checked.
    #[serde(default = "checked")]
    pub evidence: Evidence,
}

/// What a breach of the duty costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sanction {
    /// The article.
    pub article: String,
    /// In words.
    pub text: Text,
    /// How well it was checked.
    #[serde(default = "checked")]
    pub evidence: Evidence,
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The law in Chinese.
    pub zh: String,
    /// The law in English.
    pub en: String,
    /// The article.
    pub article: String,
    /// How to find it: issuer, number, date. No address.
    pub citation: String,
}

/// One duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable identifier.
    pub id: String,
    /// Raised with each change of meaning.
    pub version: u32,
    /// What it is called.
    pub title: Text,
    /// Country or union.
    pub jurisdiction: String,
    /// What sort of duty it is.
    pub kind: DutyKind,
    /// Whether it is law.
    pub status: Status,
    /// Whom it binds; empty for everybody.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// When it arises.
    pub trigger: Expr,
    /// What to do, by when, to whom.
    pub phases: Vec<Phase>,
    /// What frees from it.
    #[serde(default)]
    pub exemptions: Vec<Exemption>,
    /// What a breach costs.
    #[serde(default)]
    pub sanctions: Vec<Sanction>,
    /// Where it comes from.
    pub source: Source,
    /// First day in force; absent while not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_from: Option<Date>,
    /// Last day in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_to: Option<Date>,
    /// The day it was checked.
    pub verified_at: Date,
    /// How well it was checked.
    pub evidence: Evidence,
    /// What else a reader must know.
    #[serde(default)]
    pub note: Text,
}

impl Rule {
    /// Names the field that is wrong, and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        let bad = |field: &str, why: String| Err((field.to_owned(), why));
        if self.id.is_empty()
            || !self
                .id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return bad("id", "letters, digits and hyphens only".into());
        }
        for (field, text) in [
            ("title.zh", &self.title.zh),
            ("title.en", &self.title.en),
            ("source.zh", &self.source.zh),
            ("source.en", &self.source.en),
            ("source.article", &self.source.article),
            ("source.citation", &self.source.citation),
        ] {
            if text.trim().is_empty() {
                return bad(field, "empty".into());
            }
        }
        if self.status == Status::Law && self.in_force_from.is_none() {
            return bad(
                "in_force_from",
                "law needs the day from which it is in force".into(),
            );
        }
        if self.phases.is_empty() {
            return bad("phases", "a duty needs at least one phase".into());
        }
        self.trigger.check().or_else(|why| bad("trigger", why))?;
        for p in &self.phases {
            let at = |part: &str| format!("phases.{}.{part}", p.id);
            p.clock.check().or_else(|why| bad(&at("clock"), why))?;
            if let Some(when) = &p.when {
                when.check().or_else(|why| bad(&at("when"), why))?;
            }
            if p.to.is_empty() {
                return bad(&at("to"), "nobody to tell".into());
            }
            if self.phases.iter().filter(|q| q.id == p.id).count() > 1 {
                return bad("phases", format!("`{}` appears twice", p.id));
            }
        }
        for e in &self.exemptions {
            e.when
                .check()
                .or_else(|why| bad(&format!("exemptions.{}.when", e.id), why))?;
            if let Some(p) = e
                .phases
                .iter()
                .find(|p| !self.phases.iter().any(|q| q.id == **p))
            {
                return bad(
                    &format!("exemptions.{}.phases", e.id),
                    format!("there is no phase `{p}`"),
                );
            }
        }
        Ok(())
    }
}

fn checked() -> Evidence {
    Evidence::V
}
