//! The stages, put together: adapters between what one part offers and what another one asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use hudun_analyze::{Analyst, to_duty_kind};
use hudun_console::api::{self, Health, PartHealth};
use hudun_console::{DeskError, Live};
use hudun_contain::Keeper;
use hudun_core::{
    AccountId, BoxFuture, Incident, IncidentId, KindSet, LossReason, NoticeId, Recorder,
    SubjectToken, TenantId, Text, Timestamp, Window,
};
use hudun_duty::{ApprovalRole, NoticeKind, RuleSet};
use hudun_gateway::{Gateway, PolicyHandle};
use hudun_inform::{
    Addressee, Addressees, AlertTarget, Contact, InformError, InformSettings, KindsOfEach,
    LetterSeal, MailSecurity, MailSettings, NoticeStatus, Postman, PostmanSettings, TenantContact,
    WebhookTarget, letter_name, message_id,
};
use hudun_lake::Lake;
use hudun_policy::Recorded;
use hudun_profile::Profile;
use hudun_respond::Cases;
use hudun_store::Store;

use crate::attacks::Attacks;
use crate::bench::{Bench, Tools};
use crate::catalogue::{Acts, Check};
use crate::config::{Config, SmtpTls};
use crate::direct::StraightAtScrm;
use crate::forms;
use crate::history::History;
use crate::intel::KnownHoles;
use crate::keys::MasterKey;
use crate::ledger::LedgerService;
use crate::office::{Historian, Informer, Meters, Playbooks, Probe, Recent};
use crate::sms::SmsPart;

/// What the stages are built from.
pub struct Needs<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// State.
    pub store: &'a Store,
    /// Keys.
    pub keys: &'a MasterKey,
    /// The record.
    pub ledger: &'a Arc<LedgerService>,
    /// Exchanges at rest.
    pub lake: &'a Arc<Lake>,
    /// Cases.
    pub cases: &'a Arc<Cases>,
    /// Restrictions.
    pub keeper: &'a Keeper,
    /// Scope and duties.
    pub analyst: &'a Arc<Analyst>,
    /// Law.
    pub rules: &'a Arc<RuleSet>,
    /// The SCRM's profile.
    pub profile: &'a Arc<Profile>,
    /// The inline part.
    pub gateway: &'a Arc<Gateway>,
    /// The policy in force.
    pub policy: &'a PolicyHandle,
    /// The SCRM itself.
    pub direct: &'a Arc<StraightAtScrm>,
    /// Playbooks that can be started.
    pub playbooks: &'a Arc<Playbooks>,
    /// What happens, for open pages.
    pub live: &'a Live,
    /// Who knows the addresses of persons.
    pub addressees: Arc<dyn Addressees>,
    /// Holes that were published.
    pub known: &'a Arc<KnownHoles>,
}

/// The stages behind the desk.
pub struct Stages {
    /// Patches and proofs.
    pub bench: Arc<Bench>,
    /// Actions of playbooks.
    pub acts: Arc<Acts>,
    /// What the inline part counts.
    pub meters: Arc<dyn Meters>,
    /// Notices.
    pub informer: Option<Arc<dyn Informer>>,
    /// Retrospectives.
    pub historian: Arc<History>,
    /// Alerts and letters.
    pub sender: Arc<hudun_inform::Informer>,
    /// Carries letters out.
    pub postman: Arc<Postman>,
}

impl Stages {
    /// Puts them together.
    ///
    /// # Errors
    /// What in the configuration can't be used.
    pub async fn open(needs: Needs<'_>) -> anyhow::Result<Self> {
        let recorder: Arc<dyn Recorder> = needs.ledger.clone();
        let bench = Arc::new(Bench::new(
            needs.store,
            needs.keeper.clone(),
            Arc::clone(needs.analyst),
            recorder.clone(),
            Attacks::new(needs.store, needs.keys),
            Tools {
                recent: Arc::new(RecentOf(Arc::clone(needs.gateway))),
                direct: Some(needs.direct.clone()),
                profile: Arc::clone(needs.profile),
                own_scope_roles: needs.config.monitor.own_scope_roles.clone(),
                known: Arc::clone(needs.known),
            },
        ));
        let settings = InformSettings {
            staff: needs.config.alerts.mail.clone(),
            tenants: tenant_contacts(needs.config)?,
            alerts: alert_targets(needs.config),
            ways: needs
                .config
                .sms
                .as_ref()
                .map(SmsPart::ways)
                .unwrap_or_default(),
            seal: Some(letter_seal(needs.keys)),
        };
        let sender = Arc::new(hudun_inform::Informer::new(
            needs.store,
            Arc::clone(needs.rules),
            settings,
            Arc::clone(&needs.addressees),
            recorder.clone(),
        ));
        let domain = mail_domain(needs.config);
        let informer = notices(Arc::clone(&sender), Arc::clone(needs.analyst), domain);
        let historian = Arc::new(History::new(&needs));
        let acts = Arc::new(Acts {
            cases: Arc::clone(needs.cases),
            keeper: needs.keeper.clone(),
            analyst: Arc::clone(needs.analyst),
            bench: Arc::clone(&bench),
            ledger: Arc::clone(needs.ledger),
            probe: Arc::new(Asked(needs.policy.clone())),
            informer: Some(Arc::clone(&informer)),
            historian: Some(historian.clone() as Arc<dyn Historian>),
            kinds_held: kinds_of(needs.profile),
            lake: Arc::clone(needs.lake),
            checks: Check::collection(needs.store),
            live: needs.live.clone(),
        });
        let postman = Arc::new(
            Postman::open(needs.store, postman_settings(needs.config, needs.keys)?).await?,
        );
        let meters = Arc::new(GatewayMeters {
            gateway: Arc::clone(needs.gateway),
            lake: Arc::clone(needs.lake),
        });
        Ok(Self {
            bench,
            acts,
            meters,
            informer: Some(informer),
            historian,
            sender,
            postman,
        })
    }
}

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

/// Every kind that the profile says the SCRM holds.
fn kinds_of(profile: &Profile) -> KindSet {
    profile
        .fields
        .values()
        .flat_map(|fields| fields.kinds.values().copied())
        .collect()
}

/// Who receives the vendor's letter at each firm.
fn tenant_contacts(config: &Config) -> anyhow::Result<BTreeMap<TenantId, TenantContact>> {
    let mut contacts = BTreeMap::new();
    for (tenant, part) in &config.tenant_contacts {
        let field = || format!("tenant_contacts.{tenant}");
        let id: TenantId = tenant.parse().with_context(field)?;
        anyhow::ensure!(
            config.organisations.contains_key(tenant),
            "{}: organisations knows no such firm",
            field()
        );
        // The same check as for every address that a letter goes to, at the start and not when it matters.
        anyhow::ensure!(
            hudun_inform::is_address(&part.email),
            "{}.email: {:?} is no e-mail address",
            field(),
            part.email
        );
        let contact = TenantContact {
            name: part.name.clone(),
            email: part.email.clone(),
            lang: part.language,
        };
        contacts.insert(id, contact);
    }
    Ok(contacts)
}

fn alert_targets(config: &Config) -> Vec<AlertTarget> {
    let mail = config.alerts.mail.iter().cloned().map(AlertTarget::Mail);
    let webhooks = config
        .alerts
        .webhooks
        .iter()
        .map(|webhook| AlertTarget::Webhook(webhook.url.clone()));
    mail.chain(webhooks).collect()
}

/// What letters in the outbox are sealed with.
fn letter_seal(keys: &MasterKey) -> LetterSeal {
    LetterSeal::new(keys.derive("outbox"))
}

fn postman_settings(config: &Config, keys: &MasterKey) -> anyhow::Result<PostmanSettings> {
    let mut webhooks = BTreeMap::new();
    for webhook in &config.alerts.webhooks {
        let secret = secret(&webhook.secret_file).context("alerts.webhooks.secret_file")?;
        webhooks.insert(
            webhook.url.clone(),
            WebhookTarget {
                url: webhook.url.clone(),
                secret,
                ca: webhook.ca.clone(),
            },
        );
    }
    let mail = config.smtp.as_ref().map(|smtp| {
        let password = smtp
            .password_file
            .as_ref()
            .map(|file| secret(file))
            .transpose()
            .context("smtp.password_file")?;
        anyhow::Ok(MailSettings {
            host: smtp.host.clone(),
            port: smtp.port,
            security: match smtp.tls {
                SmtpTls::Starttls => MailSecurity::Starttls,
                SmtpTls::Implicit => MailSecurity::Tls,
                SmtpTls::None => MailSecurity::None,
            },
            user: smtp.user.clone(),
            password,
            from: smtp.from.clone(),
            return_path: smtp
                .bounces
                .as_ref()
                .and_then(|bounces| bounces.return_path.clone()),
        })
    });
    Ok(PostmanSettings {
        mail: mail.transpose()?,
        sms: config.sms.as_ref().map(SmsPart::settings).transpose()?,
        seal: Some(letter_seal(keys)),
        webhooks,
        ..PostmanSettings::default()
    })
}

fn secret(file: &std::path::Path) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(file)
        .with_context(|| file.display().to_string())?
        .trim()
        .to_owned())
}

/// The policy in force, asked what it would do.
struct Asked(PolicyHandle);

impl Probe for Asked {
    fn refuses(&self, account: &AccountId) -> bool {
        self.0.load().refuses_account(account, Timestamp::now())
    }
}

pub(crate) struct RecentOf(pub(crate) Arc<Gateway>);

impl Recent for RecentOf {
    fn snapshot(&self, window: Window) -> Vec<Arc<Recorded>> {
        self.0.recent().snapshot(window)
    }
}

struct GatewayMeters {
    gateway: Arc<Gateway>,
    lake: Arc<Lake>,
}

impl Meters for GatewayMeters {
    fn losses(&self) -> Vec<(LossReason, u64)> {
        let metrics = self.gateway.metrics();
        let counted = LossReason::ALL
            .into_iter()
            .map(|reason| (reason, metrics.lost(reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    fn released(&self) -> (u64, u64) {
        let metrics = self.gateway.metrics();
        (metrics.bytes_released.get(), metrics.bytes_explained.get())
    }

    fn parts(&self) -> Vec<PartHealth> {
        let health = self.gateway.health();
        let journal_fails = self.lake.journal().metrics().is_failing();
        vec![
            part(
                "gateway",
                Text::new("网关", "gateway"),
                true,
                Text::new("在线", "in line"),
            ),
            part(
                "scrm",
                Text::new("SCRM", "SCRM"),
                health.upstream,
                if health.upstream {
                    Text::new("可达", "reachable")
                } else {
                    Text::new(
                        "连接不上，请检查 SCRM 是否在运行",
                        "can't be reached; does it run?",
                    )
                },
            ),
            part(
                "journal",
                Text::new("流水账", "journal"),
                !journal_fails,
                if journal_fails {
                    Text::new(
                        "写入失败，请检查磁盘空间",
                        "can't be written; check the disk",
                    )
                } else {
                    Text::new(
                        "每条记录先落盘再放行",
                        "every record is on disk before bytes leave",
                    )
                },
            ),
        ]
    }
}

fn part(id: &str, label: Text, works: bool, note: Text) -> PartHealth {
    PartHealth {
        id: id.to_owned(),
        label,
        health: if works { Health::Ok } else { Health::Down },
        note,
    }
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

/// The domain of the address that letters come from.
fn mail_domain(config: &Config) -> String {
    let from = config.smtp.as_ref().map(|smtp| smtp.from.as_str());
    let domain = from.and_then(|from| from.trim_end_matches('>').rsplit_once('@'));
    domain.map_or_else(String::new, |(_, domain)| domain.to_owned())
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

/// Says that nobody knows the addresses, for installations that send personal notices by other means.
pub struct NoAddresses;

impl Addressees for NoAddresses {
    fn addresses<'a>(
        &'a self,
        _tenant: &'a TenantId,
        _tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        Box::pin(std::future::ready(Err(
            "no source of addresses is configured: give one as `addresses` in the configuration, or export the notice".to_owned(),
        )))
    }

    fn reached_at<'a>(
        &'a self,
        _contact: &'a Contact,
        _tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        // Persons whom the SCRM names by their address are found without a list.
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}
