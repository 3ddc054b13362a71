//! What leaves the house: the letters of an approved notice, stopped and resumed by named persons.

use std::collections::BTreeSet;

use hudun_core::{IncidentId, NoticeId, SubjectToken, TenantId, Timestamp};
use hudun_duty::{DataKind, FactBase, NoticeKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::addressee::Addressee;
use crate::error::InformError;
use crate::informer::Informer;
use crate::letter::{MailLetter, PostedLetter, short_hash};
use crate::message::Channel;
use crate::notice::{Notice, NoticeStatus, Receipts};
use crate::personal::{self, KindsOfEach, TextsOfKinds};
use crate::seal::{SealError, sealed};
use crate::sms::SmsLetter;

impl Informer {
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

    /// Posts the approved letters to tenants of a case: each to its tenant's own contact, once. Those without a contact
    /// wait for a person to hand them over. Returns the letters that are on their way now, and those to hand over.
    ///
    /// # Errors
    /// As [`Self::send`]; letters that were posted before the one that failed stay posted.
    pub async fn send_letters(
        &self,
        incident: IncidentId,
        by: &str,
        now: Timestamp,
    ) -> Result<(Vec<Notice>, Vec<Notice>), InformError> {
        let letters = self.notices(incident).await?.into_iter();
        let approved = letters.filter(|notice| {
            notice.kind == NoticeKind::TenantLetter && notice.status == NoticeStatus::Approved
        });
        let (by_mail, by_hand): (Vec<Notice>, Vec<Notice>) =
            approved.partition(Notice::goes_by_letter);
        let mut sending = Vec::with_capacity(by_mail.len());
        for notice in by_mail {
            sending.push(self.dispatch(notice.id, by, &[], None, now).await?);
        }
        Ok((sending, by_hand))
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
            other.is_of(notice.kind, notice.lang, notice.to.as_ref())
                && other.version > notice.version
                && matches!(other.status, NoticeStatus::Sending | NoticeStatus::Sent)
        });
        if let Some(later) = later {
            return Err(InformError::Superseded(later.version));
        }
        let kept = self.told.all(id).await?;
        if kept.is_none() && notice.kind.has_send_list() {
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
        if !notice.kind.has_send_list() {
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
    pub(crate) fn letters_of(
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
        if notice.kind == NoticeKind::TenantLetter {
            let to = notice
                .to
                .as_ref()
                .and_then(|to| to.tenant.parse::<TenantId>().ok());
            // One tenant, one key: whoever the contact is by now.
            if let Some((tenant, contact)) =
                to.and_then(|tenant| self.settings.tenants.get_key_value(&tenant))
            {
                let key = format!("{}{}", notice.letters(), short_hash(tenant.as_str()));
                put(key, Channel::Email, mail(contact.email.clone(), &whole)?)?;
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
