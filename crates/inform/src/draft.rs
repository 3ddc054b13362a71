//! The texts of the notices that a case needs, with its facts, each held against the linter.

use std::collections::BTreeSet;

use hudun_core::{Incident, NoticeId, Text, Timestamp};
use hudun_duty::{
    Assessment, DataKind, Draft, FactBase, Lang, LintInput, Linter, NoticeKind, RenderOptions,
    Renderer,
};
use serde_json::{Value, json};

use crate::error::InformError;
use crate::informer::Informer;
use crate::message::{self, Message, TemplateError};
use crate::notice::{LintRefusal, Notice, NoticeStatus, Receipts};
use crate::wanted::{Wanted, of_others, wanted};

impl Informer {
    /// Drafts every notice that a case needs. The same facts and rules make nothing new; where new ones make a notice read
    /// otherwise, it gets its next version, and the approvals of the earlier one are void. What has left already stays as
    /// it is, and a new notice stands beside it.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn draft_all(
        &self,
        incident: &Incident,
        facts: &FactBase,
        assessment: &Assessment,
        now: Timestamp,
    ) -> Result<Vec<Notice>, InformError> {
        let _turn = self.turn.lock().await;
        let before = self.notices.of(&incident.id.to_string()).await?;
        let (all, made) = self.drafts(incident, facts, assessment, &before, now)?;
        if !made.is_empty() {
            let rows: Vec<Value> = made
                .iter()
                .map(|notice| {
                    json!({ "notice": notice.id, "kind": notice.kind, "lang": notice.lang, "to": notice.to.as_ref().map(|to| &to.tenant), "version": notice.version,
                        "sha256": notice.sha256, "missing": notice.draft.missing().len(), "refusals": notice.refusals.len() })
                })
                .collect();
            let body = json!({ "notices": rows, "facts_sha256": assessment.facts_digest, "rules_sha256": assessment.rules_digest });
            self.record(incident, "inform.drafted", now, body)?;
        }
        for notice in &made {
            self.notices.put(notice).await?;
        }
        Ok(all)
    }

    /// The notices that the case has then, and those of them that are new.
    fn drafts(
        &self,
        incident: &Incident,
        facts: &FactBase,
        assessment: &Assessment,
        before: &[Notice],
        now: Timestamp,
    ) -> Result<(Vec<Notice>, Vec<Notice>), InformError> {
        let wanted = wanted(
            incident,
            facts,
            assessment,
            before,
            &self.settings,
            &self.rules,
        )?;
        let renderer = Renderer::new(&self.rules)?;
        let linter = Linter::new(&self.rules, &renderer)?;
        let (mut all, mut made) = (Vec::new(), Vec::new());
        for want in &wanted {
            let standing = before
                .iter()
                .filter(|notice| want.is(notice))
                .max_by_key(|notice| (notice.version, notice.at, notice.id));
            if let Some(standing) = standing
                && self.stands(standing, want, facts, &renderer, &linter)?
            {
                all.push(standing.clone());
                continue;
            }
            let notice = self.draft(incident, want, facts, &renderer, &linter, standing, now)?;
            made.push(notice.clone());
            all.push(notice);
        }
        made.extend(withdrawn(before, &wanted));
        Ok((all, made))
    }

    /// Whether what stands needs no other version: it was made of the same, or it would read the same, to the same persons,
    /// and nothing else would stand against it.
    fn stands(
        &self,
        standing: &Notice,
        want: &Wanted<'_>,
        whole: &FactBase,
        renderer: &Renderer<'_>,
        linter: &Linter<'_>,
    ) -> Result<bool, InformError> {
        if standing.refusals.iter().any(|one| one.check == WITHDRAWN) {
            return Ok(false);
        }
        // What changes after the first report was handed in goes into the follow-up.
        if want.kind == NoticeKind::RegulatorFirst && standing.status == NoticeStatus::Recorded {
            return Ok(true);
        }
        let open = matches!(
            standing.status,
            NoticeStatus::Draft | NoticeStatus::Approved
        );
        let template = self.template(want.kind, want.lang);
        let template = template.map(|template| &template.id);
        if standing.message.as_ref().map(|message| &message.template) != template {
            return Ok(false);
        }
        if open && standing.to != want.to {
            return Ok(false);
        }
        let draft = &standing.draft;
        let facts = draft.facts_digest == want.assessment.facts_digest;
        if facts && draft.rules_digest == want.assessment.rules_digest {
            return Ok(true);
        }
        let other_persons = standing.affected_set_digest != want.facts.method.affected_set_digest;
        if standing.status == NoticeStatus::Stopped || other_persons {
            return Ok(false);
        }
        let options = RenderOptions {
            dated: Some(draft.dated),
            ..RenderOptions::default()
        };
        let again = renderer.render(
            want.kind,
            want.lang,
            &want.facts,
            &want.assessment,
            &options,
        )?;
        let (message, refusals) = self.held_against(&again, want, whole, linter)?;
        let same_words = message::digest(&again.digest(), message.as_ref()) == standing.sha256;
        Ok(same_words && (!open || refusals == standing.refusals))
    }

    #[allow(clippy::too_many_arguments)] // one notice, with all that it is made of and checked with
    fn draft(
        &self,
        incident: &Incident,
        want: &Wanted<'_>,
        whole: &FactBase,
        renderer: &Renderer<'_>,
        linter: &Linter<'_>,
        standing: Option<&Notice>,
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        let (kind, lang) = (want.kind, want.lang);
        let facts = want.facts.as_ref();
        let options = RenderOptions::default();
        let draft = renderer.render(kind, lang, facts, &want.assessment, &options)?;
        let (message, refusals) = self.held_against(&draft, want, whole, linter)?;
        let open = standing
            .filter(|notice| matches!(notice.status, NoticeStatus::Draft | NoticeStatus::Approved));
        Ok(Notice {
            id: open.map_or_else(NoticeId::new, |notice| notice.id),
            incident: incident.id,
            tenant: incident.tenant.clone(),
            version: standing.map_or(0, |notice| notice.version) + 1,
            kind,
            lang,
            to: want.to.clone(),
            sha256: message::digest(&draft.digest(), message.as_ref()),
            message,
            draft,
            refusals,
            approvals: Vec::new(),
            status: NoticeStatus::Draft,
            affected_set_digest: facts.method.affected_set_digest.clone(),
            recipients: 0,
            unreachable: 0,
            receipts: Receipts::default(),
            receipt_number: None,
            proofs: Vec::new(),
            sent_at: None,
            at: now,
        })
    }

    /// The text message that goes with a draft, and what the linter holds against both, approvals apart.
    fn held_against(
        &self,
        draft: &Draft,
        want: &Wanted<'_>,
        whole: &FactBase,
        linter: &Linter<'_>,
    ) -> Result<(Option<Message>, Vec<LintRefusal>), InformError> {
        let facts = want.facts.as_ref();
        let input = LintInput {
            send_list_digest: facts.method.affected_set_digest.clone(),
            ..LintInput::default()
        };
        let prepared = linter.prepare(draft, facts, &want.assessment, &input)?;
        let mut refusals: Vec<LintRefusal> = prepared
            .lint(draft, &input)
            .into_iter()
            .filter(|refusal| refusal.check != "approval")
            .map(refusal_of)
            .collect();
        if let Some(to) = &want.to {
            let found = of_others(&draft.to_text(), to, whole);
            refusals.extend(found.into_iter().map(|name| LintRefusal {
                check: "other-tenant".to_owned(),
                section: String::new(),
                text: Text::new(
                    format!("告知函里出现了另一家客户单位的内容「{name}」，请从事件记录中改掉"),
                    format!("the letter holds \"{name}\", which is another tenant's: mend it in the record of the case"),
                ),
            }));
        }
        let message = match self.fill(want.kind, want.lang, facts) {
            None => None,
            Some(Ok(message)) => {
                let against = prepared.lint_message(&message.text, want.lang);
                refusals.extend(against.into_iter().map(refusal_of));
                Some(message)
            }
            Some(Err(cause)) => {
                refusals.push(LintRefusal {
                    check: "message".to_owned(),
                    section: "message".to_owned(),
                    text: Text::new(
                        format!("短信模板不能用：{cause}"),
                        format!("the template of the text message can't be used: {cause}"),
                    ),
                });
                None
            }
        };
        Ok((message, refusals))
    }

    /// The template of the text message that goes with a notice.
    fn template(&self, kind: NoticeKind, lang: Lang) -> Option<&message::MessageTemplate> {
        let to_persons = kind == NoticeKind::PersonalNotice;
        to_persons
            .then(|| self.settings.ways.template(lang))
            .flatten()
    }

    /// The message with every kind of data of the case.
    fn fill(
        &self,
        kind: NoticeKind,
        lang: Lang,
        facts: &FactBase,
    ) -> Option<Result<Message, TemplateError>> {
        let all: BTreeSet<DataKind> = facts
            .kinds
            .iter()
            .flatten()
            .map(|(kind, _)| *kind)
            .collect();
        let longest = self.settings.ways.longest_value;
        self.template(kind, lang)
            .map(|template| template.fill(facts, lang, &all, longest))
    }
}

/// Letters to tenants that the facts concern no more, or that are to go out in another language: nobody sends them.
fn withdrawn(before: &[Notice], wanted: &[Wanted<'_>]) -> Vec<Notice> {
    let open = before.iter().filter(|notice| {
        notice.kind == NoticeKind::TenantLetter
            && matches!(notice.status, NoticeStatus::Draft | NoticeStatus::Approved)
            && !wanted.iter().any(|want| want.is(notice))
            && notice
                .refusals
                .iter()
                .all(|refusal| refusal.check != WITHDRAWN)
    });
    open.map(|notice| Notice {
        status: NoticeStatus::Draft,
        approvals: Vec::new(),
        refusals: vec![LintRefusal {
            check: WITHDRAWN.to_owned(),
            section: String::new(),
            text: Text::new(
                "现有事实不再要求这份告知函，请勿发送",
                "the facts ask for this letter no more: don't send it",
            ),
        }],
        ..notice.clone()
    })
    .collect()
}

/// The check that a withdrawn letter is refused by.
pub(crate) const WITHDRAWN: &str = "withdrawn";

pub(crate) fn refusal_of(refusal: hudun_duty::Refusal) -> LintRefusal {
    LintRefusal {
        check: refusal.check,
        section: refusal.section,
        text: Text::new(refusal.message.zh, refusal.message.en),
    }
}
