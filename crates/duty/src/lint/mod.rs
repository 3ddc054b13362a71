//! The linter: no notice leaves with a part missing, a figure unlike the record, a claim without proof, or without
//! the approvals. It renders the notice once more from the facts and holds the text against it, section by section,
//! so that what a person edited can say more plainly what the record says, and nothing else.

mod data;
mod personal;
mod record;
mod tokens;

use std::collections::BTreeSet;

use jiff::Timestamp;
use regex::Regex;
use serde::{Deserialize, Serialize};

pub use self::data::{ClaimPattern, DetailPattern, LintData};
use self::record::Record;
use crate::assess::Assessment;
use crate::error::DutyError;
use crate::facts::FactBase;
use crate::notice::{
    Demand, Draft, NoticeKind, RenderOptions, Renderer, Section, demands, markers,
};
use crate::ruleset::RuleSet;
use crate::text::Text;

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
    linter: &'l Linter<'l>,
    reference: Draft,
    demands: Vec<Demand>,
    record: Record,
    kind: NoticeKind,
    facts: &'l FactBase,
    assessment: &'l Assessment,
    allowed_numbers: BTreeSet<String>,
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
        let serves = |d: &Demand| input.serves.as_ref().is_none_or(|s| s.contains(&d.rule));
        let demands = demands(like.kind, assessment)
            .into_iter()
            .filter(serves)
            .collect();
        let mut allowed_numbers: BTreeSet<String> =
            self.set.lint.hotlines.iter().cloned().collect();
        for s in &reference.sections {
            allowed_numbers.extend(self.tokens.of(&s.body).into_iter().map(|t| t.text));
        }
        Ok(Prepared {
            linter: self,
            record: Record::of(facts, like.lang),
            kind: like.kind,
            reference,
            demands,
            facts,
            assessment,
            allowed_numbers,
        })
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
                self.figures(want, have, &mut out);
                self.records(want, have, &mut out);
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

    fn version(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        if draft.rules_digest != self.reference.rules_digest {
            out.push(self.refuse(
                "version",
                "",
                0,
                &draft.rules_digest,
                "通知所依据的规则版本与现行内容不一致，请重新生成".into(),
                "the notice was made with other rules: render it again".into(),
            ));
        }
        if draft.facts_digest != self.reference.facts_digest {
            out.push(self.refuse(
                "version",
                "",
                0,
                &draft.facts_digest,
                "事实已更新，通知仍依据旧事实，请重新生成".into(),
                "the facts have changed since: render it again".into(),
            ));
        }
        if draft.incident != self.reference.incident {
            out.push(self.refuse(
                "record",
                "",
                0,
                &draft.incident,
                "事件编号与记录不一致".into(),
                "the incident number is not the record's".into(),
            ));
        }
        let early = self.facts.times.detected.is_some_and(|d| draft.dated < d);
        if early || draft.dated > self.assessment.now {
            out.push(self.refuse(
                "date",
                "",
                0,
                &draft.dated.to_string(),
                "通知日期早于发现时间或者晚于当前时间".into(),
                "the notice is dated before detection or in the future".into(),
            ));
        }
    }

    /// Title, sections and their order are the template's; more sections may be added, none removed.
    fn shape(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        if draft.title != self.reference.title {
            out.push(self.refuse(
                "shape",
                "",
                0,
                &draft.title,
                format!("标题应为「{}」", self.reference.title),
                format!("the title must be \"{}\"", self.reference.title),
            ));
        }
        let mut last = 0;
        for want in &self.reference.sections {
            let at: Vec<usize> = draft
                .sections
                .iter()
                .enumerate()
                .filter(|(_, s)| s.id == want.id)
                .map(|(i, _)| i)
                .collect();
            match at[..] {
                [] => {
                    let demanded: Vec<&Demand> = self.demanded(want).collect();
                    for d in &demanded {
                        out.push(self.missing(want, d, "", 0));
                    }
                    if demanded.is_empty() {
                        out.push(self.refuse(
                            "shape",
                            &want.id,
                            0,
                            &want.heading,
                            format!("缺少「{}」一节", want.heading),
                            format!("section \"{}\" is gone", want.id),
                        ));
                    }
                }
                [i] => {
                    let have = &draft.sections[i];
                    if have.heading != want.heading {
                        out.push(self.refuse(
                            "shape",
                            &want.id,
                            0,
                            &have.heading,
                            format!("小标题应为「{}」", want.heading),
                            format!("the heading must be \"{}\"", want.heading),
                        ));
                    }
                    if i < last {
                        out.push(self.refuse(
                            "shape",
                            &want.id,
                            0,
                            &have.heading,
                            "各节顺序与模板不一致".into(),
                            "the sections are out of order".into(),
                        ));
                    }
                    last = i;
                }
                _ => out.push(self.refuse(
                    "shape",
                    &want.id,
                    0,
                    &want.heading,
                    "同一节出现多次".into(),
                    "the section appears more than once".into(),
                )),
            }
        }
        // What no section of the template can fill is missing whatever the text says.
        for d in &self.demands {
            if !self
                .reference
                .sections
                .iter()
                .any(|s| s.satisfies.contains(&d.field))
            {
                out.push(Refusal {
                    rule: Some(d.rule.clone()),
                    article: Text::new(d.article.clone(), d.article.clone()),
                    ..self.refuse(
                        "missing-part",
                        "",
                        0,
                        &d.field,
                        format!("模板没有「{}」这一必备内容", self.field(&d.field).zh),
                        format!(
                            "the template has no place for \"{}\"",
                            self.field(&d.field).en
                        ),
                    )
                });
            }
        }
    }

    fn demanded<'s>(&'s self, section: &'s Section) -> impl Iterator<Item = &'s Demand> {
        self.demands
            .iter()
            .filter(|d| section.satisfies.contains(&d.field))
    }

    fn field(&self, id: &str) -> Text {
        self.linter
            .set
            .field(id)
            .map_or_else(|| Text::new(id, id), |f| f.title.clone())
    }

    fn missing(&self, section: &Section, demand: &Demand, excerpt: &str, line: usize) -> Refusal {
        let field = self.field(&demand.field);
        Refusal {
            rule: Some(demand.rule.clone()),
            article: Text::new(demand.article.clone(), demand.article.clone()),
            ..self.refuse(
                "missing-part",
                &section.id,
                line,
                excerpt,
                format!("{} 要求的「{}」缺失", demand.rule, field.zh),
                format!("\"{}\", demanded by {}, is missing", field.en, demand.rule),
            )
        }
    }

    fn mandatory(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        let demanded: Vec<&Demand> = self.demanded(want).collect();
        let left = markers(&have.body);
        let empty = have.body.trim().is_empty();
        for d in demanded.iter().filter(|_| empty) {
            out.push(self.missing(want, d, "", 0));
        }
        if empty && demanded.is_empty() {
            out.push(self.refuse(
                "shape",
                &want.id,
                0,
                "",
                "本节内容为空".into(),
                "the section is empty".into(),
            ));
        }
        for label in &left {
            match demanded.first() {
                Some(d) => out.push(Refusal {
                    message: Text::new(
                        format!("「{label}」尚未填写"),
                        format!("\"{label}\" is not filled in"),
                    ),
                    ..self.missing(want, d, label, 0)
                }),
                None if self.kind.is_open() => {
                    out.push(self.refuse(
                        "missing-part",
                        &want.id,
                        0,
                        label,
                        format!("「{label}」尚未填写"),
                        format!("\"{label}\" is not filled in"),
                    ));
                }
                None => {}
            }
        }
    }

    /// Every figure of the record stands there, in order; no other figure does.
    fn figures(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        let wanted = self.linter.tokens.of(&want.body);
        let found = self.linter.tokens.of(&have.body);
        let mut rest = wanted.iter().peekable();
        for t in &found {
            if rest.peek().is_some_and(|w| w.text == t.text) {
                rest.next();
            } else if !self.allowed_numbers.contains(&t.text) {
                let (zh, en) = (
                    "与记录不一致：记录中没有这个数字或日期",
                    "unlike the record: it holds no such figure or date",
                );
                out.push(self.refuse(
                    t.check(),
                    &want.id,
                    t.line,
                    &t.text,
                    format!("「{}」{zh}", t.text),
                    format!("\"{}\" is {en}", t.text),
                ));
            }
        }
        if let Some(w) = rest.next() {
            out.push(self.refuse(
                w.check(),
                &want.id,
                w.line,
                &w.text,
                format!("记录中的「{}」在本节中缺失、被改动或者次序不对", w.text),
                format!(
                    "the record's \"{}\" is missing here, changed or out of order",
                    w.text
                ),
            ));
        }
        for word in self.linter.tokens.spelt(&have.body) {
            if !want.body.contains(&word.text) {
                out.push(self.refuse(
                    "figure",
                    &want.id,
                    word.line,
                    &word.text,
                    "用文字写的数量无法与记录核对，请用阿拉伯数字".into(),
                    "a quantity in words cannot be held against the record: use digits".into(),
                ));
            }
        }
    }

    /// Names, contacts, kinds, causes and measures of the record stand where they must.
    fn records(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        for (field, value) in self.record.strings() {
            if want.body.contains(value) && !have.body.contains(value) {
                out.push(self.refuse(
                    "record",
                    &want.id,
                    0,
                    value,
                    format!("记录中的内容（{field}）在本节中缺失或被改动"),
                    format!("the record's words ({field}) are missing here or changed"),
                ));
            }
        }
        let items = |s: &str| {
            s.lines()
                .map(str::trim)
                .filter(|l| l.starts_with("- "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (wanted, found) = (items(&want.body), items(&have.body));
        for w in wanted.iter().filter(|w| !found.contains(w)) {
            out.push(self.refuse(
                "record",
                &want.id,
                0,
                w,
                "清单中的一项缺失或被改动".into(),
                "an item of the list is missing or changed".into(),
            ));
        }
        // Each item of the record may stand there once.
        let mut left = wanted.clone();
        let take = |left: &mut Vec<String>, item: &str| {
            left.iter()
                .position(|w| w == item)
                .map(|i| left.remove(i))
                .is_some()
        };
        for (n, f) in have
            .body
            .lines()
            .enumerate()
            .map(|(n, l)| (n + 1, l.trim()))
        {
            if f.starts_with("- ") && !take(&mut left, f) {
                out.push(self.refuse(
                    "record",
                    &want.id,
                    n,
                    f,
                    "清单中多出记录没有的一项".into(),
                    "the list holds an item that the record does not".into(),
                ));
            }
        }
    }

    fn words(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        let parts = draft
            .sections
            .iter()
            .flat_map(|s| [(s.id.as_str(), &s.heading), (s.id.as_str(), &s.body)]);
        for (section, text) in parts.chain([("", &draft.title)]) {
            let known = draft.sections.iter().any(|s| s.id == section)
                && self.reference.sections.iter().any(|s| s.id == section);
            if !known && !section.is_empty() {
                self.foreign_figures(section, text, out);
            }
            for (n, line) in text.lines().enumerate().map(|(n, l)| (n + 1, l)) {
                self.claims(draft, section, n, line, out);
                self.personal(section, n, line, out);
                self.details(section, n, line, out);
                if matches!(self.kind, NoticeKind::PersonalNotice)
                    && self.linter.personal.has_link(line, &self.record)
                {
                    out.push(
                        self.refuse(
                            "link",
                            section,
                            n,
                            line,
                            "个人通知不得含链接，请写官方应用中的路径".into(),
                            "a personal notice carries no link: name the path in the official app"
                                .into(),
                        ),
                    );
                }
            }
        }
    }

    fn foreign_figures(&self, section: &str, text: &str, out: &mut Vec<Refusal>) {
        for t in self.linter.tokens.of(text) {
            if !self.allowed_numbers.contains(&t.text) {
                out.push(self.refuse(
                    t.check(),
                    section,
                    t.line,
                    &t.text,
                    format!("「{}」与记录不一致：记录中没有这个数字或日期", t.text),
                    format!(
                        "\"{}\" is unlike the record: it holds no such figure or date",
                        t.text
                    ),
                ));
            }
        }
        for w in self.linter.tokens.spelt(text) {
            out.push(self.refuse(
                "figure",
                section,
                w.line,
                &w.text,
                "用文字写的数量无法与记录核对，请用阿拉伯数字".into(),
                "a quantity in words cannot be held against the record: use digits".into(),
            ));
        }
    }

    fn claims(&self, draft: &Draft, section: &str, n: usize, line: &str, out: &mut Vec<Refusal>) {
        for (regex, claim) in self
            .linter
            .claims
            .iter()
            .filter(|(_, c)| c.lang == draft.lang)
        {
            let Some(m) = regex.find(line) else { continue };
            let proven = self
                .facts
                .proven
                .iter()
                .any(|p| p.claim == claim.id && !p.evidence.trim().is_empty());
            if claim.never {
                out.push(self.refuse(
                    "claim",
                    section,
                    n,
                    m.as_str(),
                    "绝对化表述没有证据可以支持，请删去".into(),
                    "no evidence can carry an absolute statement: strike it".into(),
                ));
            } else if !proven {
                out.push(self.refuse(
                    "claim",
                    section,
                    n,
                    m.as_str(),
                    format!("这一说法没有证据（事实库 proven 中缺 {}）", claim.id),
                    format!(
                        "this claim has no proof (`proven` in the facts lacks {})",
                        claim.id
                    ),
                ));
            }
        }
    }

    fn personal(&self, section: &str, n: usize, line: &str, out: &mut Vec<Refusal>) {
        for (what, found) in self.linter.personal.find(line) {
            if !self.record.is_contact(&found) {
                let hidden: String = found
                    .chars()
                    .enumerate()
                    .map(|(i, c)| if i < 3 { c } else { '*' })
                    .collect();
                out.push(self.refuse(
                    "personal-data",
                    section,
                    n,
                    &hidden,
                    format!("正文含有个人信息（{what}），请删去"),
                    format!("the text holds personal data ({what}): strike it"),
                ));
            }
        }
    }

    fn details(&self, section: &str, n: usize, line: &str, out: &mut Vec<Refusal>) {
        if !self.kind.is_open() {
            return;
        }
        let secret = self
            .facts
            .vulnerability
            .as_ref()
            .is_some_and(|v| v.exists && v.disclosed != Some(true));
        for (regex, detail) in &self.linter.details {
            if let Some(m) = regex.find(line)
                && (secret || detail.id != "cve")
            {
                out.push(self.refuse(
                    "vulnerability",
                    section,
                    n,
                    m.as_str(),
                    "含有漏洞或攻击细节，公开前不得写入".into(),
                    "it gives away how to attack: not before disclosure".into(),
                ));
            }
        }
        if !secret {
            return;
        }
        for word in self.record.secrets() {
            if line.contains(word) {
                out.push(self.refuse(
                    "vulnerability",
                    section,
                    n,
                    word,
                    "含有未公开漏洞的细节".into(),
                    "it holds detail of an undisclosed vulnerability".into(),
                ));
            }
        }
    }

    fn send_list(&self, input: &LintInput, out: &mut Vec<Refusal>) {
        if !self.kind.has_send_list() {
            return;
        }
        let affected = &self.facts.method.affected_set_digest;
        if affected.is_empty() || &input.send_list_digest != affected {
            out.push(self.refuse(
                "send-list",
                "",
                0,
                &input.send_list_digest,
                "发送名单与受影响人员集合不一致".into(),
                "the send list is not the affected set".into(),
            ));
        }
    }

    fn approvals(&self, draft: &Draft, input: &LintInput, out: &mut Vec<Refusal>) {
        let needed: &[ApprovalRole] = if self.kind == NoticeKind::InternalBulletin {
            &[ApprovalRole::Commander]
        } else {
            &[ApprovalRole::Legal, ApprovalRole::Commander]
        };
        let digest = draft.digest();
        let mut persons = BTreeSet::new();
        for role in needed {
            let name = match role {
                ApprovalRole::Legal => Text::new("法务", "legal"),
                ApprovalRole::Commander => Text::new("指挥员", "commander"),
            };
            let of_role: Vec<&Approval> = input
                .approvals
                .iter()
                .filter(|a| a.role == *role && !a.by.trim().is_empty())
                .collect();
            let good = of_role.iter().find(|a| {
                a.digest == digest && a.at >= draft.dated && !persons.contains(a.by.trim())
            });
            if let Some(a) = good {
                persons.insert(a.by.trim());
                continue;
            }
            let (zh, en) = if of_role.is_empty() {
                (
                    format!("缺少{}的批准", name.zh),
                    format!("the approval by {} is missing", name.en),
                )
            } else {
                (
                    format!("{}批准的不是这份文本，或者与另一批准人是同一人", name.zh),
                    format!(
                        "the approval by {} is of another text, or by the same person",
                        name.en
                    ),
                )
            };
            out.push(self.refuse("approval", "", 0, &name.en, zh, en));
        }
    }

    fn gates(&self, out: &mut Vec<Refusal>) {
        for gate in self.assessment.gates.iter().filter(|g| g.stops()) {
            for d in &self.demands {
                if gate.rules.contains(&d.rule) {
                    let articles = |f: fn(&crate::rule::Source) -> &String| {
                        gate.sources
                            .iter()
                            .map(|s| format!("{} {}", f(s), s.article))
                            .collect::<Vec<_>>()
                            .join("；")
                    };
                    out.push(Refusal {
                        rule: Some(d.rule.clone()),
                        article: Text::new(articles(|s| &s.zh), articles(|s| &s.en)),
                        ..self.refuse(
                            "vulnerability",
                            "",
                            0,
                            &gate.id,
                            gate.instead.zh.clone(),
                            gate.instead.en.clone(),
                        )
                    });
                }
            }
        }
    }
}
