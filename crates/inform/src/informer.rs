//! Drafts, approvals, and what leaves the house.

use std::collections::BTreeSet;
use std::sync::Arc;

use hudun_core::{
    BoxFuture, Finding, Incident, IncidentId, LedgerDraft, NoticeId, RecordError, Recorder,
    SubjectToken, TenantId, Text, Timestamp,
};
use hudun_duty::{
    ApprovalRole, Assessment, DataKind, DutyError, FactBase, Lang, LintInput, Linter, NoticeKind,
    RenderOptions, Renderer, Role, RuleSet,
};
use hudun_pii::Phone;
use hudun_store::{Collection, LetterState, Outbox, Store, StoreError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Notify};

use crate::letter::{AlertTarget, MailLetter, alert_letters, digest_letters, short_hash};
use crate::message::{self, Channel, Message, TemplateError, Ways};
use crate::notice::{LintRefusal, Notice, NoticeApproval, NoticeStatus, Receipts};
use crate::personal::{self, KindsOfEach, TextsOfKinds};
use crate::postman::CODES;
use crate::proof::{self, ProofFile};
use crate::seal::{LetterSeal, SealError, sealed};
use crate::sms::SmsLetter;
use crate::told::{Records, Told};

/// Knows the addresses of affected persons, from the SCRM's own records. Asked only for an approved notice; what it
/// returns is not kept beyond the letters themselves.
pub trait Addressees: Send + Sync {
    /// Those of these persons who are reached somewhere. A person whom the records know by several of the tokens is one
    /// addressee with all of them.
    fn addresses<'a>(
        &'a self,
        tenant: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>>;

    /// The way back: the persons of these tenants who are reached there, however letters of an address are cased.
    /// Called only for an address or a number whose owner has proven it.
    fn reached_at<'a>(
        &'a self,
        contact: &'a Contact,
        tenants: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>>;
}

/// A person and where they are reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Addressee {
    /// The tokens that name this person.
    pub persons: Vec<SubjectToken>,
    /// E-mail address.
    pub email: Option<String>,
    /// Number that takes text messages.
    pub phone: Option<Phone>,
}

impl std::fmt::Debug for Addressee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Addressee({:?})", self.persons)
    }
}

/// Where a person is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Contact {
    /// At an e-mail address.
    Email(String),
    /// At a number.
    Phone(Phone),
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InformSettings {
    /// Staff who receive the internal bulletin.
    pub staff: Vec<String>,
    /// Who is woken by an alert.
    pub alerts: Vec<AlertTarget>,
    /// How affected persons are reached.
    pub ways: Ways,
    /// What letters in the outbox are sealed with; without it they lie there as they are.
    pub seal: Option<LetterSeal>,
}

/// Drafts and sends notices.
pub struct Informer {
    pub(crate) notices: Collection<Notice>,
    pub(crate) proofs: Collection<ProofFile>,
    told: Records,
    pub(crate) outbox: Outbox,
    codes: Notify,
    rules: Arc<RuleSet>,
    pub(crate) settings: InformSettings,
    addressees: Arc<dyn Addressees>,
    recorder: Arc<dyn Recorder>,
    pub(crate) turn: Mutex<()>,
}

impl Informer {
    /// An informer over the store.
    pub fn new(
        store: &Store,
        rules: Arc<RuleSet>,
        settings: InformSettings,
        addressees: Arc<dyn Addressees>,
        recorder: Arc<dyn Recorder>,
    ) -> Self {
        Self {
            notices: store.collection(),
            proofs: proof::files(store),
            told: Records::new(store),
            outbox: store.outbox(),
            codes: Notify::new(),
            rules,
            settings,
            addressees,
            recorder,
            turn: Mutex::new(()),
        }
    }

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

    /// The notices of a case, oldest first.
    ///
    /// # Errors
    /// [`InformError::Store`].
    pub async fn notices(&self, incident: IncidentId) -> Result<Vec<Notice>, InformError> {
        Ok(self.notices.of(&incident.to_string()).await?)
    }

    /// One notice.
    ///
    /// # Errors
    /// [`InformError::NoSuchNotice`], [`InformError::Store`].
    pub async fn get(&self, id: NoticeId) -> Result<Notice, InformError> {
        self.notices
            .get(&id.to_string())
            .await?
            .ok_or(InformError::NoSuchNotice(id))
    }

    /// A named person approves the text that they have read.
    ///
    /// # Errors
    /// [`InformError::OtherText`] when the draft has changed since, [`InformError::SamePerson`],
    /// [`InformError::NotNeeded`], [`InformError::TooLate`].
    pub async fn approve(
        &self,
        id: NoticeId,
        by: &str,
        role: ApprovalRole,
        sha256: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if notice.sha256 != sha256 {
            return Err(InformError::OtherText);
        }
        if !matches!(notice.status, NoticeStatus::Draft | NoticeStatus::Approved) {
            return Err(InformError::TooLate(notice.status));
        }
        if by.trim().is_empty() || !Notice::needs(notice.kind).contains(&role) {
            return Err(InformError::NotNeeded);
        }
        if notice
            .approvals
            .iter()
            .any(|given| given.by == by && given.role == role)
        {
            return Ok(notice);
        }
        if notice.approvals.iter().any(|given| given.by == by) {
            return Err(InformError::SamePerson(by.to_owned()));
        }
        notice.approvals.retain(|given| given.role != role);
        notice.approvals.push(NoticeApproval {
            role,
            by: by.to_owned(),
            at,
            sha256: sha256.to_owned(),
        });
        if notice.is_approved() {
            notice.status = NoticeStatus::Approved;
        }
        let body = json!({ "notice": id, "kind": notice.kind, "version": notice.version, "role": role, "sha256": sha256,
            "complete": notice.is_approved() });
        self.record_of(&notice, by, "inform.approved", at, body)?;
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// Posts the letters of an approved notice. `affected` is the likely set that the notice speaks of; it is held
    /// against the digest in the facts, and ignored for notices to staff.
    ///
    /// # Errors
    /// [`InformError::NotApproved`], [`InformError::Refused`] while the linter holds something against it,
    /// [`InformError::NotByLetter`], [`InformError::OtherPersons`], [`InformError::Addressees`],
    /// [`InformError::NobodyToTell`]; nothing is posted then.
    pub async fn send(
        &self,
        id: NoticeId,
        by: &str,
        affected: &[SubjectToken],
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        self.dispatch(id, by, affected, None, now).await
    }

    /// Posts the letters of an approved personal notice, to each person with that person's own kinds of data. `facts`
    /// are those that the notice was drafted from.
    ///
    /// # Errors
    /// As [`Self::send`]; [`InformError::OtherText`] when facts or rules no longer give the approved text.
    pub async fn send_to_each(
        &self,
        id: NoticeId,
        by: &str,
        each: &KindsOfEach,
        facts: &FactBase,
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        let affected: Vec<SubjectToken> = each.keys().copied().collect();
        self.dispatch(id, by, &affected, Some((each, facts)), now)
            .await
    }

    async fn dispatch(
        &self,
        id: NoticeId,
        by: &str,
        affected: &[SubjectToken],
        own: Option<(&KindsOfEach, &FactBase)>,
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if notice.status == NoticeStatus::Draft || !notice.is_approved() {
            return Err(InformError::NotApproved);
        }
        if notice.status != NoticeStatus::Approved && notice.status != NoticeStatus::Sending {
            return Err(InformError::TooLate(notice.status));
        }
        if !notice.goes_by_letter() {
            return Err(InformError::NotByLetter(notice.kind));
        }
        if !notice.refusals.is_empty() {
            return Err(InformError::Refused(notice.refusals));
        }
        let found = self.find(&notice, affected).await?;
        // A person whom the SCRM's records know by several tokens reads of the kinds of all of them, once.
        let own = own.map(|(each, facts)| (joined(each, &found), facts));
        let texts = match &own {
            Some((each, facts)) => {
                let ways = &self.settings.ways;
                Some(personal::texts(&notice, facts, &self.rules, ways, each)?)
            }
            None => None,
        };
        let each = own.as_ref().map(|(each, _)| each);
        let (letters, unreachable) =
            self.letters_of(&notice, affected, found, each.zip(texts.as_ref()))?;
        if letters.is_empty() {
            return Err(InformError::NobodyToTell);
        }
        // The act is on record before the first letter can leave.
        notice.status = NoticeStatus::Sending;
        notice.recipients = letters.len() as u64;
        notice.unreachable = unreachable;
        let body = json!({ "notice": id, "kind": notice.kind, "version": notice.version, "sha256": notice.sha256,
            "recipients": notice.recipients, "by": by_channel(&letters), "unreachable": unreachable,
            "affected_sha256": notice.affected_set_digest });
        self.record_of(&notice, by, "inform.sending", now, body)?;
        if let (Some((each, facts)), Some(texts)) = (&own, &texts) {
            let controller = &facts.organisation.name;
            self.told
                .keep(&notice, controller, each, texts, now)
                .await?;
        }
        self.notices.put(&notice).await?;
        // All or none, and each key once: after a crash before this, the same button puts them in.
        self.outbox.post_all(&letters, now.as_millis()).await?;
        Ok(notice)
    }

    /// The stopped letters of a notice go out after all, as they were approved; whoever was told already is not told
    /// again. Addresses are read anew.
    ///
    /// # Errors
    /// [`InformError::TooLate`] for a notice of which nothing is stopped, [`InformError::Superseded`] when a later one
    /// of its kind and language has gone out, [`InformError::Nobody`] without a named person,
    /// [`InformError::OtherPersons`] when it is not kept who was to be told.
    pub async fn resume(
        &self,
        id: NoticeId,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        let receipts = self.receipts(&notice).await?;
        let is_stopped = match notice.status {
            NoticeStatus::Stopped => true,
            // A crash came between the ledger and the letters.
            NoticeStatus::Sending | NoticeStatus::Sent => receipts.stopped > 0,
            NoticeStatus::Draft | NoticeStatus::Approved | NoticeStatus::Recorded => false,
        };
        if !is_stopped {
            return Err(InformError::TooLate(notice.status));
        }
        if by.trim().is_empty() {
            return Err(InformError::Nobody);
        }
        if !notice.is_approved() {
            return Err(InformError::NotApproved);
        }
        let later = self.notices.of(&notice.incident.to_string()).await?;
        let later = later.into_iter().find(|other| {
            other.kind == notice.kind
                && other.lang == notice.lang
                && other.version > notice.version
                && matches!(other.status, NoticeStatus::Sending | NoticeStatus::Sent)
        });
        if let Some(later) = later {
            return Err(InformError::Superseded(later.version));
        }
        let kept = self.told.all(id).await?;
        if kept.is_none() && notice.kind != NoticeKind::InternalBulletin {
            return Err(InformError::OtherPersons);
        }
        let (each, texts) = kept.unzip();
        let affected: Vec<SubjectToken> =
            each.iter().flat_map(KindsOfEach::keys).copied().collect();
        let found = self.find(&notice, &affected).await?;
        let (letters, _) =
            self.letters_of(&notice, &affected, found, each.as_ref().zip(texts.as_ref()))?;
        // Where nothing at all was posted before the stop, everything is new; else only what was stopped goes out, so
        // that a list of addresses that has changed in between makes no second letter to anybody.
        let none_yet = receipts == Receipts::default();
        let body = json!({ "notice": id, "kind": notice.kind, "version": notice.version, "sha256": notice.sha256,
            "reason": reason, "receipts": receipts });
        self.record_of(&notice, by, "inform.resumed", now, body)?;
        notice.status = NoticeStatus::Sending;
        notice.sent_at = None;
        self.notices.put(&notice).await?;
        self.outbox
            .resume_all(&letters, none_yet, now.as_millis())
            .await?;
        notice.receipts = self.receipts(&notice).await?;
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// Who of these is reached where; nobody for notices to staff.
    async fn find(
        &self,
        notice: &Notice,
        affected: &[SubjectToken],
    ) -> Result<Vec<Addressee>, InformError> {
        if notice.kind == NoticeKind::InternalBulletin {
            return Ok(Vec::new());
        }
        let wanted: BTreeSet<SubjectToken> = affected.iter().copied().collect();
        if digest_of(&wanted) != notice.affected_set_digest {
            return Err(InformError::OtherPersons);
        }
        let tokens: Vec<SubjectToken> = wanted.into_iter().collect();
        self.addressees
            .addresses(&notice.tenant, &tokens)
            .await
            .map_err(InformError::Addressees)
    }

    /// The letters of a notice, sealed, each with its key and channel, and how many persons get none.
    fn letters_of(
        &self,
        notice: &Notice,
        affected: &[SubjectToken],
        found: Vec<Addressee>,
        own: Option<(&KindsOfEach, &TextsOfKinds)>,
    ) -> Result<(Vec<PostedLetter>, u64), InformError> {
        let mail = |to: String, text: &str| {
            serde_json::to_string(&MailLetter {
                to,
                subject: notice.draft.title.clone(),
                text: text.to_owned(),
                until: None,
            })
        };
        let whole = notice.draft.to_text();
        let mut letters = Vec::new();
        let mut put = |key: String, channel: Channel, body: String| {
            let body = sealed(self.settings.seal.as_ref(), &key, body)?;
            letters.push((key, channel.name(), body));
            Ok::<_, SealError>(())
        };
        if notice.kind == NoticeKind::InternalBulletin {
            let staff: BTreeSet<&String> = self.settings.staff.iter().collect();
            for to in staff {
                let key = format!("{}{}", notice.letters(), short_hash(to));
                put(key, Channel::Email, mail(to.clone(), &whole)?)?;
            }
            return Ok((letters, 0));
        }
        let mut untold: BTreeSet<SubjectToken> = affected.iter().copied().collect();
        for one in found {
            let Some(first) = one.persons.iter().copied().min() else {
                continue;
            };
            if !one.persons.iter().all(|token| untold.contains(token)) {
                continue;
            }
            let (text, message) = match own {
                Some((each, texts)) => match each.get(&first).and_then(|kinds| texts.get(kinds)) {
                    Some(own) => (own.letter.as_str(), own.message.as_ref()),
                    None => continue,
                },
                None => (whole.as_str(), notice.message.as_ref()),
            };
            let way = self.settings.ways.channels.iter().find_map(|channel| {
                match channel {
                    Channel::Email => one.email.clone().map(|to| mail(to, text)),
                    Channel::Sms => one.phone.as_ref().zip(message).map(|(phone, message)| {
                        serde_json::to_string(&SmsLetter {
                            to: phone.as_str().to_owned(),
                            template: message.template.clone(),
                            params: message.params.clone(),
                            until: None,
                        })
                    }),
                }
                .map(|body| (*channel, body))
            });
            if let Some((channel, body)) = way {
                put(format!("{}{first}", notice.letters()), channel, body?)?;
                for token in &one.persons {
                    untold.remove(token);
                }
            }
        }
        Ok((letters, untold.len() as u64))
    }

    /// The tenants of whose customers somebody was told something.
    ///
    /// # Errors
    /// [`InformError::Store`].
    pub async fn told_tenants(&self) -> Result<Vec<TenantId>, InformError> {
        let texts = self.told.newest().await?;
        let tenants: BTreeSet<TenantId> = texts.into_iter().map(|texts| texts.tenant).collect();
        Ok(tenants.into_iter().collect())
    }

    /// What these persons were told by personal notices that are on their way or sent, newest first: the approved text
    /// with their own kinds of data, as it was when it went out.
    ///
    /// # Errors
    /// [`InformError::Store`].
    pub async fn told(
        &self,
        persons: &[(TenantId, SubjectToken)],
    ) -> Result<Vec<Told>, InformError> {
        let mut told = Vec::new();
        for texts in self.told.newest().await? {
            let mut of: Vec<SubjectToken> = persons
                .iter()
                .filter(|(tenant, _)| *tenant == texts.tenant)
                .map(|(_, person)| *person)
                .collect();
            of.sort_unstable();
            of.dedup();
            if of.is_empty() {
                continue;
            }
            let notice = self.get(texts.notice).await?;
            if !matches!(notice.status, NoticeStatus::Sending | NoticeStatus::Sent) {
                continue;
            }
            for person in of {
                told.extend(self.told.of(&texts, person).await?);
            }
        }
        Ok(told)
    }

    /// Puts a code for an address into the outbox, due at once; it does not go out from `until` on. `name` tells codes
    /// apart and must not come from the address.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn post_code(
        &self,
        name: &str,
        letter: &MailLetter,
        now: Timestamp,
    ) -> Result<(), InformError> {
        self.post_code_by(name, Channel::Email, serde_json::to_string(letter)?, now)
            .await
    }

    /// As [`Self::post_code`], by text message.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn post_code_message(
        &self,
        name: &str,
        letter: &SmsLetter,
        now: Timestamp,
    ) -> Result<(), InformError> {
        self.post_code_by(name, Channel::Sms, serde_json::to_string(letter)?, now)
            .await
    }

    async fn post_code_by(
        &self,
        name: &str,
        channel: Channel,
        body: String,
        now: Timestamp,
    ) -> Result<(), InformError> {
        let key = format!("{CODES}{name}");
        let body = sealed(self.settings.seal.as_ref(), &key, body)?;
        self.outbox
            .post(&key, channel.name(), &body, now.as_millis())
            .await?;
        self.codes.notify_one();
        Ok(())
    }

    /// Waits until a code lies in the outbox.
    pub async fn code_posted(&self) {
        self.codes.notified().await;
    }

    /// The stop button: letters that have not left do not leave.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn stop(
        &self,
        id: NoticeId,
        by: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if notice.status != NoticeStatus::Sending {
            return Err(InformError::TooLate(notice.status));
        }
        let stopped = self.outbox.stop(&notice.letters()).await?;
        notice.status = NoticeStatus::Stopped;
        notice.receipts = self.receipts(&notice).await?;
        let body = json!({ "notice": id, "reason": reason, "stopped": stopped, "receipts": notice.receipts });
        self.record_of(&notice, by, "inform.stopped", at, body)?;
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// The keys of letters of a notice whose outcome nobody can tell, at most a thousand. See [`crate::message_id`].
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn unknown(&self, id: NoticeId) -> Result<Vec<String>, InformError> {
        let notice = self.get(id).await?;
        Ok(self.outbox.unknown(&notice.letters(), 1_000).await?)
    }

    /// As [`Self::unknown`], each with whether it went by e-mail; the others went by text message.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn unknown_by(&self, id: NoticeId) -> Result<Vec<(String, bool)>, InformError> {
        let mut letters = Vec::new();
        for key in self.unknown(id).await? {
            let letter = self.outbox.get(&key).await?;
            let by_mail = letter.is_none_or(|letter| letter.channel == Channel::Email.name());
            letters.push((key, by_mail));
        }
        Ok(letters)
    }

    /// A named person decides on a letter whose outcome nobody could tell, having looked into the mail server's log:
    /// it goes out again, or it counts as taken.
    ///
    /// # Errors
    /// [`InformError::NotUnknown`], [`InformError::TooLate`] for a stopped notice.
    pub async fn decide(
        &self,
        id: NoticeId,
        key: &str,
        again: bool,
        by: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if !matches!(notice.status, NoticeStatus::Sending | NoticeStatus::Sent) {
            return Err(InformError::TooLate(notice.status));
        }
        let known = self.outbox.get(key).await?;
        let open = known.is_some_and(|letter| letter.state == LetterState::Unknown);
        if !open || !key.starts_with(&notice.letters()) || by.trim().is_empty() {
            return Err(InformError::NotUnknown);
        }
        let body = json!({ "notice": id, "letter": short_hash(key), "again": again });
        self.record_of(&notice, by, "inform.decided", at, body)?;
        self.outbox
            .decide(key, again.then(|| at.as_millis()))
            .await?;
        notice.status = NoticeStatus::Sending;
        notice.receipts = self.receipts(&notice).await?;
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// Looks how the letters of notices on their way ended; a notice whose letters have all ended is sent. Call it
    /// after each round of the postman. Returns the notices that ended.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn reconcile(&self, now: Timestamp) -> Result<Vec<Notice>, InformError> {
        let _turn = self.turn.lock().await;
        let mut ended = Vec::new();
        for mut notice in self.notices.newest(1_000).await? {
            let sending = notice.status == NoticeStatus::Sending;
            // Of what was sent it may be reported later that it arrived.
            let recent = notice
                .sent_at
                .is_some_and(|at| now.millis_since(at) < REPORTED_MS);
            let reported =
                notice.status == NoticeStatus::Sent && notice.message.is_some() && recent;
            if !sending && !reported {
                continue;
            }
            let receipts = self.receipts(&notice).await?;
            let over = sending
                && receipts.waiting == 0
                && receipts.sent + receipts.failed + receipts.stopped + receipts.unknown
                    >= notice.recipients;
            if over {
                notice.status = NoticeStatus::Sent;
                notice.sent_at = Some(now);
                let body =
                    json!({ "notice": notice.id, "kind": notice.kind, "receipts": receipts });
                self.record_of(&notice, "hudun", "inform.sent", now, body)?;
            }
            if over || receipts != notice.receipts {
                notice.receipts = receipts;
                self.notices.put(&notice).await?;
            }
            if over {
                ended.push(notice);
            }
        }
        Ok(ended)
    }

    /// A person handed the notice in (or published it) and says under which number.
    ///
    /// # Errors
    /// [`InformError::NotApproved`], [`InformError::ReceiptNeeded`].
    pub async fn record_hand_in(
        &self,
        id: NoticeId,
        receipt: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let _turn = self.turn.lock().await;
        let mut notice = self.get(id).await?;
        if receipt.trim().is_empty() {
            return Err(InformError::ReceiptNeeded);
        }
        if notice.status != NoticeStatus::Approved || !notice.is_approved() {
            return Err(InformError::NotApproved);
        }
        notice.status = NoticeStatus::Recorded;
        notice.sent_at = Some(at);
        notice.receipt_number = Some(receipt.trim().to_owned());
        let body = json!({ "notice": id, "kind": notice.kind, "version": notice.version, "sha256": notice.sha256, "receipt": receipt.trim() });
        self.record_of(&notice, by, "inform.handed-in", at, body)?;
        self.notices.put(&notice).await?;
        Ok(notice)
    }

    /// Writes down that a notice was made into a file of this form.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn record_export(
        &self,
        id: NoticeId,
        form: &str,
        by: &str,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let notice = self.get(id).await?;
        let body = json!({ "notice": id, "kind": notice.kind, "version": notice.version, "sha256": notice.sha256,
            "form": form, "approved": notice.is_approved() });
        self.record_of(&notice, by, "inform.exported", at, body)?;
        Ok(notice)
    }

    /// Puts the alert of a finding into the outbox for every configured target, due before everything else. Returns how many are new.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn alert(&self, incident: &Incident, finding: &Finding) -> Result<u64, InformError> {
        let mut new = 0;
        for (key, channel, body) in alert_letters(incident, finding, &self.settings.alerts)? {
            let body = sealed(self.settings.seal.as_ref(), &key, body)?;
            // Due since ever: it stands behind no notice, however large.
            let posted = self.outbox.post(&key, channel, &body, 0).await?;
            new += u64::from(posted);
        }
        Ok(new)
    }

    /// Posts a digest to everybody who is alerted by mail. The same name goes out once. Returns how many letters are new.
    ///
    /// # Errors
    /// [`InformError`].
    pub async fn digest(
        &self,
        name: &str,
        subject: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<u64, InformError> {
        let letters = digest_letters(name, subject, text, &self.settings.alerts)?;
        let letters = letters
            .into_iter()
            .map(|(key, channel, body)| {
                let body = sealed(self.settings.seal.as_ref(), &key, body)?;
                Ok((key, channel, body))
            })
            .collect::<Result<Vec<PostedLetter>, SealError>>()?;
        Ok(self.outbox.post_all(&letters, now.as_millis()).await?)
    }

    async fn receipts(&self, notice: &Notice) -> Result<Receipts, InformError> {
        let mut receipts = Receipts::default();
        for (state, count) in self.outbox.tally(&notice.letters()).await? {
            match state {
                LetterState::Waiting | LetterState::Trying | LetterState::Handing => {
                    receipts.waiting += count
                }
                LetterState::Sent => receipts.sent += count,
                LetterState::Failed => receipts.failed += count,
                LetterState::Stopped => receipts.stopped += count,
                LetterState::Unknown => receipts.unknown += count,
                LetterState::Delivered => {
                    receipts.sent += count;
                    receipts.delivered += count;
                }
                LetterState::Undelivered => {
                    receipts.sent += count;
                    receipts.undelivered += count;
                }
            }
        }
        Ok(receipts)
    }

    pub(crate) fn record_of(
        &self,
        notice: &Notice,
        by: &str,
        kind: &str,
        at: Timestamp,
        body: Value,
    ) -> Result<(), RecordError> {
        self.recorder.record(LedgerDraft {
            at,
            tenant: Some(notice.tenant.clone()),
            incident: Some(notice.incident),
            by: by.to_owned(),
            kind: kind.to_owned(),
            body,
        })?;
        Ok(())
    }

    /// Puts an act of the machine on the record of a case.
    pub(crate) fn record(
        &self,
        incident: &Incident,
        kind: &str,
        at: Timestamp,
        body: Value,
    ) -> Result<(), RecordError> {
        self.recorder.record(LedgerDraft {
            at,
            tenant: Some(incident.tenant.clone()),
            incident: Some(incident.id),
            by: "hudun".to_owned(),
            kind: kind.to_owned(),
            body,
        })?;
        Ok(())
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

/// Providers report within three days whether a message has arrived.
const REPORTED_MS: i64 = 3 * 24 * 3_600_000;

/// A letter for the outbox: key, channel, body.
type PostedLetter = (String, &'static str, String);

fn refusal_of(refusal: hudun_duty::Refusal) -> LintRefusal {
    LintRefusal {
        check: refusal.check,
        section: refusal.section,
        text: Text::new(refusal.message.zh, refusal.message.en),
    }
}

/// How many letters go by each channel.
fn by_channel(letters: &[PostedLetter]) -> Value {
    let mut counts = serde_json::Map::new();
    for channel in [Channel::Email, Channel::Sms] {
        let count = letters.iter().filter(|(_, by, _)| *by == channel.name());
        counts.insert(channel.name().to_owned(), json!(count.count()));
    }
    Value::Object(counts)
}

/// The kinds of each person, where those of one addressee have the kinds of all of their tokens.
fn joined(each: &KindsOfEach, found: &[Addressee]) -> KindsOfEach {
    let mut joined = each.clone();
    for one in found.iter().filter(|one| one.persons.len() > 1) {
        let of = one.persons.iter().filter_map(|token| each.get(token));
        let all: BTreeSet<DataKind> = of.flatten().copied().collect();
        for token in &one.persons {
            if let Some(kinds) = joined.get_mut(token) {
                kinds.clone_from(&all);
            }
        }
    }
    joined
}

/// As the digest of the affected set in the facts: sorted tokens, one in a line.
fn digest_of(tokens: &BTreeSet<SubjectToken>) -> String {
    let mut hasher = Sha256::new();
    for token in tokens {
        hasher.update(token.to_string().as_bytes());
        hasher.update(b"\n");
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

/// Why a notice did not move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InformError {
    /// State could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger did not take the act.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The facts or the templates do not stand.
    #[error(transparent)]
    Duty(#[from] DutyError),
    /// A letter could not be written.
    #[error("a letter could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A letter could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The template of the text message does not go with the facts.
    #[error("the text message: {0}")]
    Template(#[from] TemplateError),
    /// Nobody is named.
    #[error("name the person who decides")]
    Nobody,
    /// A later notice has gone out.
    #[error(
        "version {0} of this notice has gone out since; what this one says is no longer what is known"
    )]
    Superseded(u32),
    /// There is no such notice.
    #[error("there is no notice {0}")]
    NoSuchNotice(NoticeId),
    /// The draft is another than the one that was read.
    #[error("the draft has changed since it was read; read it again")]
    OtherText,
    /// One person can't approve twice.
    #[error("{0} has approved already; a second person must approve in the other role")]
    SamePerson(String),
    /// That role does not approve this notice, or nobody is named.
    #[error("this notice does not need that approval, or the person is not named")]
    NotNeeded,
    /// It is past that.
    #[error("the notice is {0:?} already")]
    TooLate(NoticeStatus),
    /// Approvals are missing.
    #[error("not every role has approved this text")]
    NotApproved,
    /// The linter holds something against it.
    #[error("{} things stand against this notice; see its refusals", .0.len())]
    Refused(Vec<LintRefusal>),
    /// A person hands it in.
    #[error("{} is handed in or published by a person; export it and record the receipt", .0.id())]
    NotByLetter(NoticeKind),
    /// The send list is not the affected set.
    #[error("the send list is not the affected set that the notice speaks of")]
    OtherPersons,
    /// The addresses could not be found.
    #[error("the addresses could not be read from the SCRM: {0}")]
    Addressees(String),
    /// Nobody has an address.
    #[error("there is nobody to tell: no address was found")]
    NobodyToTell,
    /// There is nothing to decide, or nobody is named.
    #[error("that letter's outcome is not unknown, or the person who decides is not named")]
    NotUnknown,
    /// That is no proof.
    #[error("{0}")]
    NotProof(&'static str),
    /// There is no such proof.
    #[error("there is no such proof")]
    NoSuchProof,
    /// The receipt number is empty.
    #[error("write down the receipt number")]
    ReceiptNeeded,
}
