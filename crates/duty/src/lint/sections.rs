//! Sections as the record makes them: none gone, none emptied, figures and words as they are on record.

use super::*;

impl Prepared<'_> {
    /// Title, sections and their order are the template's; more sections may be added, none removed.
    pub(super) fn shape(&self, draft: &Draft, out: &mut Vec<Refusal>) {
        if draft.title != self.reference.title {
            out.push(self.case.refuse(
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
                        out.push(self.case.refuse(
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
                        out.push(self.case.refuse(
                            "shape",
                            &want.id,
                            0,
                            &have.heading,
                            format!("小标题应为「{}」", want.heading),
                            format!("the heading must be \"{}\"", want.heading),
                        ));
                    }
                    if i < last {
                        out.push(self.case.refuse(
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
                _ => out.push(self.case.refuse(
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
        let sections = self.reference.sections.iter();
        let filled: HashSet<&String> = sections.flat_map(|s| &s.satisfies).collect();
        for d in &self.case.demands {
            if !filled.contains(&d.field) {
                out.push(Refusal {
                    rule: Some(d.rule.clone()),
                    article: Text::new(d.article.clone(), d.article.clone()),
                    ..self.case.refuse(
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

    pub(super) fn mandatory(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        let left = markers(&have.body);
        let empty = have.body.trim().is_empty();
        if left.is_empty() && !empty {
            return;
        }
        let demanded: Vec<&Demand> = self.demanded(want).collect();
        for d in demanded.iter().filter(|_| empty) {
            out.push(self.missing(want, d, "", 0));
        }
        if empty && demanded.is_empty() {
            out.push(self.case.refuse(
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
                None if self.case.kind.is_open() => {
                    out.push(self.case.refuse(
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
    pub(super) fn figures(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        let wanted = self.case.linter.tokens.of(&want.body);
        let found = self.case.linter.tokens.of(&have.body);
        let mut rest = wanted.iter().peekable();
        for t in &found {
            if rest.peek().is_some_and(|w| w.text == t.text) {
                rest.next();
            } else if !self.is_on_record(t) {
                let (zh, en) = (
                    "与记录不一致：记录中没有这个数字或日期",
                    "unlike the record: it holds no such figure or date",
                );
                out.push(self.case.refuse(
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
            out.push(self.case.refuse(
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
        for word in self.case.linter.tokens.spelt(&have.body) {
            if !want.body.contains(&word.text) {
                out.push(self.case.refuse(
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
    pub(super) fn records(&self, want: &Section, have: &Section, out: &mut Vec<Refusal>) {
        for (field, value) in self.case.record.strings() {
            if want.body.contains(value) && !have.body.contains(value) {
                out.push(self.case.refuse(
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
            out.push(self.case.refuse(
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
                out.push(self.case.refuse(
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
}
