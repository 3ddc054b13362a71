//! 通 behind the desk: what a person does with notices, and what the desk shows of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hudun_analyze::{Analyst, to_duty_kind};
use hudun_console::DeskError;
use hudun_console::api;
use hudun_core::{BoxFuture, Incident, IncidentId, NoticeId, Text, Timestamp};
use hudun_duty::{ApprovalRole, NoticeKind};
use hudun_inform::{InformError, KindsOfEach, NoticeStatus, letter_name, message_id};

use crate::forms;
use crate::office::Informer;

/// The stage that informs, as the desk knows it. `mail_domain` is that of the address that letters come from.
pub fn notices(
    inform: Arc<hudun_inform::Informer>,
    analyst: Arc<Analyst>,
    mail_domain: String,
) -> Arc<dyn Informer> {
    Arc::new(Notices {
        inform,
        analyst,
        mail_domain,
    })
}

/// 通 behind the desk.
struct Notices {
    inform: Arc<hudun_inform::Informer>,
    analyst: Arc<Analyst>,
    /// Of the sender, as it stands in Message-IDs.
    mail_domain: String,
}

impl Notices {
    /// The likely set with the kinds of data of each person, as law names them.
    async fn affected(&self, incident: IncidentId) -> Result<KindsOfEach, DeskError> {
        let record = self
            .analyst
            .scope(incident)
            .await
            .map_err(|cause| DeskError::Internal(cause.to_string()))?;
        let subjects = record.map(|record| record.scope.subjects);
        let mut each: KindsOfEach = subjects
            .unwrap_or_default()
            .into_iter()
            .map(|(token, kinds)| (token, kinds.iter().filter_map(to_duty_kind).collect()))
            .collect();
        // Of whom only an identifier was seen reads of every kind: too much rather than too little.
        let all: BTreeSet<_> = each.values().flatten().copied().collect();
        for kinds in each.values_mut().filter(|kinds| kinds.is_empty()) {
            kinds.clone_from(&all);
        }
        Ok(each)
    }
}

impl Informer for Notices {
    fn draft<'a>(
        &'a self,
        incident: &'a Incident,
        _by: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, bool), DeskError>> {
        Box::pin(async move {
            let internal = |cause: String| DeskError::Internal(cause);
            let record = self
                .analyst
                .duties(incident.id)
                .await
                .map_err(|cause| internal(cause.to_string()))?;
            let Some(record) = record else {
                return Err(DeskError::Conflict(Text::new(
                    "先评估义务，再起草通知。",
                    "Assess the duties first, then draft.",
                )));
            };
            let assessment = record
                .assess(self.analyst.rules())
                .map_err(|cause| internal(cause.to_string()))?;
            let before = self
                .inform
                .notices(incident.id)
                .await
                .map_err(refused)?
                .len();
            let all = self
                .inform
                .draft_all(incident, &record.facts, &assessment, now)
                .await
                .map_err(refused)?;
            Ok((all.len(), before == 0))
        })
    }

    fn notices(
        &self,
        incident: IncidentId,
    ) -> BoxFuture<'_, Result<Vec<api::NoticeView>, DeskError>> {
        Box::pin(async move {
            let notices = self.inform.notices(incident).await.map_err(refused)?;
            Ok(notices.iter().map(view).collect())
        })
    }

    fn preview(&self, notice: NoticeId) -> BoxFuture<'_, Result<api::Preview, DeskError>> {
        Box::pin(async move {
            let notice = self.inform.get(notice).await.map_err(refused)?;
            let mut text = notice.draft.to_text();
            if let Some(message) = &notice.message {
                text.push_str(&format!("\n—— 短信 SMS ——\n{}\n", message.text));
            }
            Ok(api::Preview {
                subject: notice.draft.title.clone(),
                text,
            })
        })
    }

    fn approve<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        role: api::Role,
        sha256: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let role = approval_role(role)?;
            self.inform
                .approve(notice, by, role, sha256, now)
                .await
                .map_err(refused)?;
            Ok(())
        })
    }

    fn send<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let known = self.inform.get(notice).await.map_err(refused)?;
            if known.kind != NoticeKind::PersonalNotice {
                self.inform
                    .send(notice, by, &[], now)
                    .await
                    .map_err(refused)?;
                return Ok(());
            }
            let internal = |cause: String| DeskError::Internal(cause);
            let each = self.affected(known.incident).await?;
            let duties = self
                .analyst
                .duties(known.incident)
                .await
                .map_err(|cause| internal(cause.to_string()))?
                .ok_or_else(|| internal("a notice without duties".to_owned()))?;
            self.inform
                .send_to_each(notice, by, &each, &duties.facts, now)
                .await
                .map_err(refused)?;
            Ok(())
        })
    }

    fn approve_letters<'a>(
        &'a self,
        by: &'a str,
        letters: &'a [(NoticeId, String)],
        role: api::Role,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let role = approval_role(role)?;
            let approved = self.inform.approve_set(letters, by, role, now).await;
            approved.map(|_| ()).map_err(refused)
        })
    }

    fn send_letters<'a>(
        &'a self,
        by: &'a str,
        incident: IncidentId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, usize), DeskError>> {
        Box::pin(async move {
            let sent = self.inform.send_letters(incident, by, now).await;
            let (sending, by_hand) = sent.map_err(refused)?;
            Ok((sending.len(), by_hand.len()))
        })
    }

    fn stop<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        reason: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let stopped = self.inform.stop(notice, by, reason, now).await;
            stopped.map(|_| ()).map_err(refused)
        })
    }

    fn resume<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        reason: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let resumed = self.inform.resume(notice, by, reason, now).await;
            resumed.map(|_| ()).map_err(refused)
        })
    }

    fn hand_in<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        receipt: &'a str,
        proof: Option<(String, Vec<u8>)>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let known = self.inform.get(notice).await.map_err(refused)?;
            // Of one that is recorded already, another proof is kept.
            if known.status != NoticeStatus::Recorded {
                self.inform
                    .record_hand_in(notice, receipt, by, now)
                    .await
                    .map_err(refused)?;
            } else if known.receipt_number.as_deref() != Some(receipt.trim()) {
                return Err(refused(InformError::TooLate(known.status)));
            }
            if let Some((called, bytes)) = proof {
                self.inform
                    .attach_proof(notice, &called, &bytes, by, now)
                    .await
                    .map_err(refused)?;
            }
            Ok(())
        })
    }

    fn export<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        form: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>> {
        Box::pin(async move {
            if !matches!(form, "docx" | "pdf" | "json") {
                return Err(DeskError::NotFound("form"));
            }
            let known = self.inform.get(notice).await.map_err(refused)?;
            let mut draft = known.draft.clone();
            if !known.is_approved() && form != "json" {
                // Nobody takes a draft for what was approved.
                let mark = match draft.lang {
                    hudun_duty::Lang::Zh => "【草稿，未经批准】",
                    hudun_duty::Lang::En => "[DRAFT, NOT APPROVED] ",
                };
                draft.title.insert_str(0, mark);
            }
            let made = form.to_owned();
            let bytes = tokio::task::spawn_blocking(move || forms::file(&draft, &made)).await;
            let bytes = bytes
                .map_err(|cause| DeskError::Internal(cause.to_string()))?
                .map_err(|cause| {
                    DeskError::Conflict(Text::new(
                        format!("文件没有生成：{cause}"),
                        format!("The file was not made: {cause}"),
                    ))
                })?;
            self.inform
                .record_export(notice, form, by, now)
                .await
                .map_err(refused)?;
            Ok(api::Download {
                name: format!(
                    "{}-v{}-{}.{form}",
                    known.kind.id(),
                    known.version,
                    known.lang.tag()
                ),
                media_type: forms::media_type(form).to_owned(),
                bytes,
            })
        })
    }

    fn proof<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        sha256: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>> {
        Box::pin(async move {
            let opened = self.inform.open_proof(notice, sha256, by, now).await;
            let (proof, bytes) = opened.map_err(refused)?;
            let ending = match proof.media.as_str() {
                "image/png" => "png",
                "image/jpeg" => "jpg",
                _ => "pdf",
            };
            let short = sha256.get(..12).unwrap_or(sha256);
            Ok(api::Download {
                name: format!("proof-{short}.{ending}"),
                media_type: proof.media,
                bytes,
            })
        })
    }

    fn open_letters(
        &self,
        notice: NoticeId,
    ) -> BoxFuture<'_, Result<Vec<api::OpenLetter>, DeskError>> {
        Box::pin(async move {
            let letters = self.inform.unknown_by(notice).await.map_err(refused)?;
            let letters = letters.iter().map(|(key, by_mail)| api::OpenLetter {
                letter: letter_name(key),
                message_id: if *by_mail {
                    message_id(key, &self.mail_domain)
                } else {
                    letter_name(key)
                },
                channel: if *by_mail { "email" } else { "sms" }.to_owned(),
            });
            Ok(letters.collect())
        })
    }

    fn decide_letter<'a>(
        &'a self,
        by: &'a str,
        notice: NoticeId,
        decision: api::LetterDecision,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async move {
            let keys = self.inform.unknown(notice).await.map_err(refused)?;
            let key = keys.iter().find(|key| letter_name(key) == decision.letter);
            let key = key.ok_or_else(|| refused(InformError::NotUnknown))?;
            let again = decision.again;
            let decided = self.inform.decide(notice, key, again, by, now).await;
            decided.map(|_| ()).map_err(refused)
        })
    }
}

fn approval_role(role: api::Role) -> Result<ApprovalRole, DeskError> {
    match role {
        api::Role::Legal => Ok(ApprovalRole::Legal),
        api::Role::Commander => Ok(ApprovalRole::Commander),
        _ => Err(refused(InformError::NotNeeded)),
    }
}

fn view(notice: &hudun_inform::Notice) -> api::NoticeView {
    let audience = match notice.kind {
        NoticeKind::InternalBulletin => api::Audience::Staff,
        NoticeKind::PersonalNotice | NoticeKind::CaForm => api::Audience::Person,
        NoticeKind::TenantLetter => api::Audience::Tenant,
        NoticeKind::PublicStatement => api::Audience::Public,
        NoticeKind::RegulatorFirst
        | NoticeKind::RegulatorFollowup
        | NoticeKind::RegulatorFinal
        | NoticeKind::PoliceReport => api::Audience::Regulator,
    };
    let state = match notice.status {
        NoticeStatus::Draft => api::NoticeState::Draft,
        NoticeStatus::Approved => api::NoticeState::Approved,
        NoticeStatus::Sending => api::NoticeState::Sending,
        NoticeStatus::Sent | NoticeStatus::Recorded => api::NoticeState::Sent,
        NoticeStatus::Stopped => api::NoticeState::Stopped,
    };
    let given = |role: ApprovalRole| match role {
        ApprovalRole::Legal => api::Role::Legal,
        ApprovalRole::Commander => api::Role::Commander,
    };
    let sections = notice
        .draft
        .sections
        .iter()
        .map(|section| api::NoticeSection {
            heading: section.heading.clone(),
            body: section.body.clone(),
            evidence: section
                .demanded_by
                .iter()
                .map(|demand| demand.rule.clone())
                .collect(),
        });
    api::NoticeView {
        id: notice.id,
        audience,
        lang: notice.lang.tag().to_owned(),
        title: notice.draft.title.clone(),
        sections: sections.collect(),
        refusals: notice
            .refusals
            .iter()
            .map(|refusal| api::LintRefusal {
                rule: refusal.check.clone(),
                text: refusal.text.clone(),
            })
            .collect(),
        state,
        needs: hudun_inform::Notice::needs(notice.kind)
            .iter()
            .map(|role| given(*role))
            .collect(),
        approvals: notice
            .approvals
            .iter()
            .map(|approval| api::NoticeApproval {
                role: given(approval.role),
                by: approval.by.clone(),
                at: approval.at,
            })
            .collect(),
        recipients: notice.recipients,
        sent_at: notice.sent_at,
        due_at: None,
        sha256: notice.sha256.clone(),
        letters: api::LetterCounts {
            waiting: notice.receipts.waiting,
            sent: notice.receipts.sent,
            delivered: notice.receipts.delivered,
            undelivered: notice.receipts.undelivered,
            failed: notice.receipts.failed,
            stopped: notice.receipts.stopped,
            unknown: notice.receipts.unknown,
        },
        message: notice.message.as_ref().map(|message| message.text.clone()),
        by_hand: !notice.goes_by_letter(),
        kind: notice.kind.id().to_owned(),
        to: notice.to.as_ref().map(|to| api::LetterTo {
            tenant: to.tenant.clone(),
            firm: to.firm.clone(),
            contact: to.contact.clone(),
        }),
        duties: duties_of(notice),
        receipt: notice.receipt_number.clone(),
        proofs: notice
            .proofs
            .iter()
            .map(|proof| api::ProofView {
                sha256: proof.sha256.clone(),
                name: proof.name.clone(),
                media: proof.media.clone(),
                size: proof.size,
            })
            .collect(),
    }
}

/// The duties that a letter to a tenant answers, and since when.
fn duties_of(notice: &hudun_inform::Notice) -> Vec<api::AnsweredDuty> {
    if notice.to.is_none() {
        return Vec::new();
    }
    let demands = notice
        .draft
        .sections
        .iter()
        .flat_map(|one| &one.demanded_by);
    let rules: BTreeMap<&str, &str> = demands
        .map(|demand| (demand.rule.as_str(), demand.article.as_str()))
        .collect();
    let duty = |(rule, article): (&str, &str)| api::AnsweredDuty {
        rule: rule.to_owned(),
        article: article.to_owned(),
        met_at: notice.out_at(),
    };
    rules.into_iter().map(duty).collect()
}

/// What a person is told when a notice does not move.
fn refused(error: InformError) -> DeskError {
    let zh = match &error {
        InformError::Store(_)
        | InformError::Record(_)
        | InformError::Duty(_)
        | InformError::Json(_)
        | InformError::Seal(_) => {
            return DeskError::Internal(error.to_string());
        }
        InformError::NoSuchNotice(_) => return DeskError::NotFound("notice"),
        InformError::NoSuchProof => return DeskError::NotFound("proof"),
        InformError::OtherText => "草稿在你阅读之后有改动，请重新阅读再批准。",
        InformError::SamePerson(_) => "同一个人不能以两个角色批准，请另一人批准。",
        InformError::NotNeeded => "这份通知不需要该角色的批准。",
        InformError::TooLate(_) => "这份通知已经发出或停止。",
        InformError::NotApproved => "还有角色没有批准这份文字。",
        InformError::Refused(_) => "检查未通过，请先处理列出的问题。",
        InformError::NotByLetter(_) => "这份通知由人递交或发布：导出后登记回执编号。",
        InformError::OtherPersons => "发送名单与通知所说的受影响人员不一致。",
        InformError::Addressees(_) => "无法从 SCRM 读到收件地址。",
        InformError::NobodyToTell => "没有找到任何收件地址。",
        InformError::Superseded(_) => {
            "同类通知的新版本已经发出，这一份的内容不再是最新，不能继续发送。"
        }
        InformError::Template(_) => "短信模板与事实不符，请检查配置里的 sms.templates。",
        InformError::NotProof(_) => {
            "凭证须为 PNG、JPEG 或 PDF 文件，每份不超过 5 MiB，一份通知最多十份。"
        }
        InformError::ReceiptNeeded => "请填写回执编号。",
        InformError::Nobody => "请写明由谁决定。",
        InformError::NotUnknown => "这封信的去向已经清楚，不用再决定。",
        _ => "这一步现在不能做。",
    };
    DeskError::Conflict(Text::new(zh, error.to_string()))
}
