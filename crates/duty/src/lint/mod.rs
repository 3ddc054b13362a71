//! The linter: no notice leaves with a part missing, a figure unlike the record, a claim without proof, or without
//! the approvals. It renders the notice once more from the facts and holds the text against it, section by section,
//! so that what a person edited can say more plainly what the record says, and nothing else.

mod case;
mod data;
mod leave;
mod personal;
mod record;
mod sections;
mod tokens;
mod words;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};

pub use self::case::CaseLinter;
pub use self::data::{ClaimPattern, DetailPattern, LintData};
use self::record::Record;
use crate::assess::Assessment;
use crate::error::DutyError;
use crate::facts::FactBase;
use crate::notice::{
    Demand, Draft, NoticeKind, RenderOptions, Renderer, Section, Words, demands, markers,
};
use crate::ruleset::RuleSet;
use crate::text::{Lang, Text};

/// Why a notice may not leave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// Which check: `missing-part`, `figure`, `date`, `record`, `claim`, `personal-data`, `vulnerability`, `link`,
    /// `send-list`, `approval`, `version`, `shape`.
    pub check: String,
    /// The rule that demands it, where one rule does.
    pub rule: Option<String>,
    /// The article.
    pub article: Text,
    /// Section id; empty for the notice as a whole.
    pub section: String,
    /// Line in the section, from 1; 0 for the section as a whole.
    pub line: usize,
    /// The words in question.
    pub excerpt: String,
    /// What is wrong, and what to do.
    pub message: Text,
}

/// Who approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalRole {
    /// Legal counsel.
    Legal,
    /// Incident commander.
    Commander,
}

/// A named person's approval of one text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// In which role.
    pub role: ApprovalRole,
    /// The named person.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Digest of the draft that was approved (`Draft::digest`).
    pub digest: String,
}

/// What goes with a notice to the linter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintInput {
    /// Digest of the send list.
    #[serde(default)]
    pub send_list_digest: String,
    /// Approvals.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// The rules that this notice serves; absent for all that apply. A first report under one rule need not carry
    /// what another rule asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<BTreeSet<String>>,
    /// Zone in which times were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// The linter, patterns compiled once.
pub struct Linter<'a> {
    set: &'a RuleSet,
    renderer: &'a Renderer<'a>,
    claims: Vec<(Regex, &'a ClaimPattern)>,
    details: Vec<(Regex, &'a DetailPattern)>,
    personal: personal::Patterns,
    tokens: tokens::Tokens,
}

/// A linter that knows what one notice must say; reusable for every reader of the same notice.
pub struct Prepared<'l> {
    case: Arc<Case<'l>>,
    reference: Words<'l>,
    /// The figures of `reference` that `case` doesn't list; sought only when a figure is not where it must be.
    numbers: OnceLock<BTreeSet<String>>,
}

/// What a notice is held against, whoever reads it.
struct Case<'l> {
    linter: &'l Linter<'l>,
    demands: Vec<Demand>,
    record: Record,
    kind: NoticeKind,
    lang: Lang,
    facts: &'l FactBase,
    assessment: &'l Assessment,
    /// Lines that no check of single lines refuses, in any section.
    clean: HashSet<String>,
}

/// Holds a notice against facts, rules, send list and approvals. An empty answer lets it pass.
pub fn lint(
    draft: &Draft,
    facts: &FactBase,
    assessment: &Assessment,
    rules: &RuleSet,
    input: &LintInput,
) -> Result<Vec<Refusal>, DutyError> {
    let renderer = Renderer::new(rules)?;
    let linter = Linter::new(rules, &renderer)?;
    Ok(linter
        .prepare(draft, facts, assessment, input)?
        .lint(draft, input))
}

impl<'a> Linter<'a> {
    /// Compiles the patterns.
    pub fn new(set: &'a RuleSet, renderer: &'a Renderer<'a>) -> Result<Self, DutyError> {
        let compile = |id: &str, p: &str| {
            data::compile(p).map_err(|e| DutyError::Content {
                file: "lint.yaml".into(),
                message: format!("{id}: {e}"),
            })
        };
        let bad = |e: String| DutyError::Content {
            file: "lint".into(),
            message: e,
        };
        Ok(Self {
            set,
            renderer,
            claims: set
                .lint
                .claims
                .iter()
                .map(|c| Ok((compile(&c.id, &c.pattern)?, c)))
                .collect::<Result<_, DutyError>>()?,
            details: set
                .lint
                .details
                .iter()
                .map(|d| Ok((compile(&d.id, &d.pattern)?, d)))
                .collect::<Result<_, DutyError>>()?,
            personal: personal::Patterns::new().map_err(bad)?,
            tokens: tokens::Tokens::new().map_err(bad)?,
        })
    }

    /// Renders what a notice of this kind, language, date and group must say.
    pub fn prepare<'l>(
        &'l self,
        like: &Draft,
        facts: &'l FactBase,
        assessment: &'l Assessment,
        input: &LintInput,
    ) -> Result<Prepared<'l>, DutyError> {
        let options = RenderOptions {
            zone: input.zone.clone(),
            for_kinds: like.for_kinds.clone(),
            dated: Some(like.dated),
        };
        let reference = self
            .renderer
            .render(like.kind, like.lang, facts, assessment, &options)?;
        Ok(Prepared {
            case: Arc::new(self.case(like.kind, like.lang, facts, assessment, input)),
            reference: reference.into(),
            numbers: OnceLock::new(),
        })
    }

    fn case<'l>(
        &'l self,
        kind: NoticeKind,
        lang: Lang,
        facts: &'l FactBase,
        assessment: &'l Assessment,
        input: &LintInput,
    ) -> Case<'l> {
        let serves = |d: &Demand| input.serves.as_ref().is_none_or(|s| s.contains(&d.rule));
        Case {
            linter: self,
            demands: demands(kind, assessment)
                .into_iter()
                .filter(serves)
                .collect(),
            record: Record::of(facts, lang),
            kind,
            lang,
            facts,
            assessment,
            clean: HashSet::new(),
        }
    }
}

impl Prepared<'_> {
    /// Holds one notice against what it must say.
    pub fn lint(&self, draft: &Draft, input: &LintInput) -> Vec<Refusal> {
        let mut out = Vec::new();
        self.version(draft, &mut out);
        self.shape(draft, &mut out);
        for want in &self.reference.sections {
            if let Some(have) = draft.sections.iter().find(|s| s.id == want.id) {
                self.mandatory(want, have, &mut out);
                // The record's own words hold its figures, names and lists by themselves.
                if have.body != want.body {
                    self.figures(want, have, &mut out);
                    self.records(want, have, &mut out);
                }
            }
        }
        self.words(draft, &mut out);
        self.send_list(input, &mut out);
        self.approvals(draft, input, &mut out);
        self.gates(&mut out);
        out.sort();
        out.dedup();
        out
    }

    fn version(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        if draft.rules_digest != self.case.linter.set.digest {
            out.push(self.case.refuse(
                "version",
                "",
                0,
                &draft.rules_digest,
                "通知所依据的规则版本与现行内容不一致，请重新生成".into(),
                "the notice was made with other rules: render it again".into(),
            ));
        }
        if draft.facts_digest != self.case.assessment.facts_digest {
            out.push(self.case.refuse(
                "version",
                "",
                0,
                &draft.facts_digest,
                "事实已更新，通知仍依据旧事实，请重新生成".into(),
                "the facts have changed since: render it again".into(),
            ));
        }
        if draft.incident != self.case.facts.incident.id {
            out.push(self.case.refuse(
                "record",
                "",
                0,
                &draft.incident,
                "事件编号与记录不一致".into(),
                "the incident number is not the record's".into(),
            ));
        }
        let detected = self.case.facts.times.detected;
        let early = detected.is_some_and(|d| draft.dated < d);
        if early || draft.dated > self.case.assessment.now {
            out.push(self.case.refuse(
                "date",
                "",
                0,
                &draft.dated.to_string(),
                "通知日期早于发现时间或者晚于当前时间".into(),
                "the notice is dated before detection or in the future".into(),
            ));
        }
    }

    fn demanded<'s>(&'s self, section: &'s Section) -> impl Iterator<Item = &'s Demand> {
        let demands = self.case.demands.iter();
        demands.filter(|d| section.satisfies.contains(&d.field))
    }

    fn field(&self, id: &str) -> Text {
        let set = self.case.linter.set;
        set.field(id)
            .map_or_else(|| Text::new(id, id), |f| f.title.clone())
    }

    fn missing(&self, section: &Section, demand: &Demand, excerpt: &str, line: usize) -> Refusal {
        let field = self.field(&demand.field);
        Refusal {
            rule: Some(demand.rule.clone()),
            article: Text::new(demand.article.clone(), demand.article.clone()),
            ..self.case.refuse(
                "missing-part",
                &section.id,
                line,
                excerpt,
                format!("{} 要求的「{}」缺失", demand.rule, field.zh),
                format!("\"{}\", demanded by {}, is missing", field.en, demand.rule),
            )
        }
    }
}

impl Case<'_> {
    fn refuse(
        &self,
        check: &str,
        section: &str,
        line: usize,
        excerpt: &str,
        zh: String,
        en: String,
    ) -> Refusal {
        Refusal {
            check: check.to_owned(),
            rule: None,
            article: self
                .linter
                .set
                .lint
                .articles
                .get(check)
                .cloned()
                .unwrap_or_default(),
            section: section.to_owned(),
            line,
            excerpt: excerpt.chars().take(80).collect(),
            message: Text::new(zh, en),
        }
    }
}
