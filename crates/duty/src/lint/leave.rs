//! Whether it may leave: to whom, approved by whom, past which gates.

use std::cell::LazyCell;

use super::*;

impl Prepared<'_> {
    pub(super) fn send_list(&self, input: &LintInput, out: &mut Vec<Refusal>) {
        if !self.case.kind.has_send_list() {
            return;
        }
        let affected = &self.case.facts.method.affected_set_digest;
        if affected.is_empty() || &input.send_list_digest != affected {
            out.push(self.case.refuse(
                "send-list",
                "",
                0,
                &input.send_list_digest,
                "发送名单与受影响人员集合不一致".into(),
                "the send list is not the affected set".into(),
            ));
        }
    }

    pub(super) fn approvals(&self, draft: &Draft, input: &LintInput, out: &mut Vec<Refusal>) {
        let needed: &[ApprovalRole] = if self.case.kind == NoticeKind::InternalBulletin {
            &[ApprovalRole::Commander]
        } else {
            &[ApprovalRole::Legal, ApprovalRole::Commander]
        };
        let digest = LazyCell::new(|| draft.digest());
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
                a.digest == *digest && a.at >= draft.dated && !persons.contains(a.by.trim())
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
            out.push(self.case.refuse("approval", "", 0, &name.en, zh, en));
        }
    }

    pub(super) fn gates(&self, out: &mut Vec<Refusal>) {
        for gate in self.case.assessment.gates.iter().filter(|g| g.stops()) {
            for d in &self.case.demands {
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
                        ..self.case.refuse(
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
