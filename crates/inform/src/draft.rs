//! Which notices a case needs, and their texts with its facts.

use std::collections::BTreeSet;

use hudun_core::{Incident, NoticeId, Text, Timestamp};
use hudun_duty::{
    Assessment, DataKind, FactBase, Lang, LintInput, Linter, NoticeKind, RenderOptions, Renderer,
    Role,
};
use serde_json::{Value, json};

use crate::error::InformError;
use crate::informer::Informer;
use crate::message::{self, Message, TemplateError};
use crate::notice::{LintRefusal, Notice, NoticeStatus, Receipts};

impl Informer {
    /// Drafts every notice of a case. The same facts and rules make nothing new; new ones make the next version of
    /// each notice and void its approvals. What has left already stays as it is, and a new notice stands beside it.
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
        let mut made = Vec::new();
        let mut all = Vec::new();
        for (kind, lang) in wanted(facts) {
            let standing = before
                .iter()
                .filter(|notice| notice.kind == kind && notice.lang == lang)
                .max_by_key(|notice| (notice.version, notice.at, notice.id));
            let template = self.template(kind, lang).map(|template| &template.id);
            if let Some(standing) = standing
                && standing.draft.facts_digest == assessment.facts_digest
                && standing.draft.rules_digest == assessment.rules_digest
                && standing.message.as_ref().map(|message| &message.template) == template
            {
                all.push(standing.clone());
                continue;
            }
            let notice = self.draft(incident, kind, lang, facts, assessment, standing, now)?;
            made.push(notice.clone());
            all.push(notice);
        }
        if !made.is_empty() {
            let rows: Vec<Value> = made
                .iter()
                .map(|notice| {
                    json!({ "notice": notice.id, "kind": notice.kind, "lang": notice.lang, "version": notice.version,
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

    #[allow(clippy::too_many_arguments)]
    fn draft(
        &self,
        incident: &Incident,
        kind: NoticeKind,
        lang: Lang,
        facts: &FactBase,
        assessment: &Assessment,
        standing: Option<&Notice>,
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        let renderer = Renderer::new(&self.rules)?;
        let draft = renderer.render(kind, lang, facts, assessment, &RenderOptions::default())?;
        let input = LintInput {
            send_list_digest: facts.method.affected_set_digest.clone(),
            ..LintInput::default()
        };
        let linter = Linter::new(&self.rules, &renderer)?;
        let prepared = linter.prepare(&draft, facts, assessment, &input)?;
        let mut refusals: Vec<LintRefusal> = prepared
            .lint(&draft, &input)
            .into_iter()
            .filter(|refusal| refusal.check != "approval")
            .map(refusal_of)
            .collect();
        let message = match self.fill(kind, lang, facts) {
            None => None,
            Some(Ok(message)) => {
                let against = prepared.lint_message(&message.text, lang);
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
        let open = standing
            .filter(|notice| matches!(notice.status, NoticeStatus::Draft | NoticeStatus::Approved));
        Ok(Notice {
            id: open.map_or_else(NoticeId::new, |notice| notice.id),
            incident: incident.id,
            tenant: incident.tenant.clone(),
            version: standing.map_or(0, |notice| notice.version) + 1,
            kind,
            lang,
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

/// The notices that a case asks for.
fn wanted(facts: &FactBase) -> Vec<(NoticeKind, Lang)> {
    use NoticeKind as K;
    let mut wanted = vec![
        (K::InternalBulletin, Lang::Zh),
        (K::InternalBulletin, Lang::En),
        (K::RegulatorFirst, Lang::Zh),
        (K::PersonalNotice, Lang::Zh),
        (K::PersonalNotice, Lang::En),
        (K::PublicStatement, Lang::Zh),
        (K::PublicStatement, Lang::En),
    ];
    let processor = facts
        .organisation
        .roles
        .as_ref()
        .is_some_and(|roles| roles.contains(&Role::Processor));
    if processor {
        wanted.push((K::TenantLetter, Lang::Zh));
        wanted.push((K::TenantLetter, Lang::En));
    }
    wanted
}

pub(crate) fn refusal_of(refusal: hudun_duty::Refusal) -> LintRefusal {
    LintRefusal {
        check: refusal.check,
        section: refusal.section,
        text: Text::new(refusal.message.zh, refusal.message.en),
    }
}
