//! What no section may say: figures from elsewhere, claims without proof, personal data, vulnerability detail, links.

use super::tokens::Token;
use super::*;

impl Prepared<'_> {
    pub(super) fn words(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        for section in &draft.sections {
            let known = self.reference.sections.iter().any(|s| s.id == section.id);
            for text in [&section.heading, &section.body] {
                if !known {
                    self.foreign_figures(&section.id, text, out);
                }
                self.lines(draft.lang, &section.id, text, out);
            }
        }
        // The title is the record's own, or refused as a whole.
        self.lines(draft.lang, "", &draft.title, out);
    }

    fn lines(&self, lang: Lang, section: &str, text: &str, out: &mut Vec<Refusal>) {
        for (n, line) in text.lines().enumerate().map(|(n, l)| (n + 1, l)) {
            if lang != self.case.lang || !self.case.clean.contains(line) {
                self.case.line(lang, section, n, line, out);
            }
        }
    }

    /// Holds a short message that stands for the notice on a small screen against the same record: no figure or date from
    /// elsewhere, no claim without proof, no personal data, no vulnerability detail, no link. What it must say, the
    /// notice itself says.
    pub fn lint_message(&self, text: &str, lang: Lang) -> Vec<Refusal> {
        const SECTION: &str = "message";
        let mut out = Vec::new();
        self.foreign_figures(SECTION, text, &mut out);
        for (n, line) in text.lines().enumerate().map(|(n, l)| (n + 1, l)) {
            self.case.claims(lang, SECTION, n, line, &mut out);
            self.case.personal(SECTION, n, line, &mut out);
            self.case.details(SECTION, n, line, &mut out);
            if self.case.linter.personal.has_link(line, &self.case.record) {
                out.push(self.case.refuse(
                    "link",
                    SECTION,
                    n,
                    line,
                    "短信不得含链接，请写官方应用中的路径".into(),
                    "a text message carries no link: name the path in the official app".into(),
                ));
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// Whether the notice, as the record makes it, names this figure anywhere, or every notice may.
    pub(super) fn is_on_record(&self, token: &Token) -> bool {
        let tokens = &self.case.linter.tokens;
        let numbers = || {
            let sections = self.reference.sections.iter();
            sections
                .flat_map(|s| tokens.of(&s.body))
                .map(|t| t.text)
                .collect()
        };
        self.case.linter.set.lint.hotlines.contains(&token.text)
            || self.numbers.get_or_init(numbers).contains(&token.text)
    }

    fn foreign_figures(&self, section: &str, text: &str, out: &mut Vec<Refusal>) {
        for t in self.case.linter.tokens.of(text) {
            if !self.is_on_record(&t) {
                out.push(self.case.refuse(
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
        for w in self.case.linter.tokens.spelt(text) {
            out.push(self.case.refuse(
                "figure",
                section,
                w.line,
                &w.text,
                "用文字写的数量无法与记录核对，请用阿拉伯数字".into(),
                "a quantity in words cannot be held against the record: use digits".into(),
            ));
        }
    }
}

impl Case<'_> {
    /// What is refused of a line depends on nothing but its words, their language and the case; section and number only say
    /// where it stands.
    pub(super) fn line(
        &self,
        lang: Lang,
        section: &str,
        n: usize,
        line: &str,
        out: &mut Vec<Refusal>,
    ) {
        self.claims(lang, section, n, line, out);
        self.personal(section, n, line, out);
        self.details(section, n, line, out);
        if matches!(self.kind, NoticeKind::PersonalNotice)
            && self.linter.personal.has_link(line, &self.record)
        {
            out.push(self.refuse(
                "link",
                section,
                n,
                line,
                "个人通知不得含链接，请写官方应用中的路径".into(),
                "a personal notice carries no link: name the path in the official app".into(),
            ));
        }
    }

    fn claims(&self, lang: Lang, section: &str, n: usize, line: &str, out: &mut Vec<Refusal>) {
        for (regex, claim) in self.linter.claims.iter().filter(|(_, c)| c.lang == lang) {
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
}
