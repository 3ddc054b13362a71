//! Letters that a mail server refuses, or that come back after it took them: the next channel takes over, or a person has to.

use std::collections::BTreeMap;

use hudun_core::{IncidentId, NoticeId, SubjectToken, Timestamp};
use hudun_store::LetterState;
use serde_json::json;

use crate::bounce::BounceReport;
use crate::error::InformError;
use crate::informer::Informer;
use crate::message::Channel;
use crate::names::NameOf;
use crate::notice::{Notice, NoticeStatus};

/// What a report came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnedCount {
    /// A letter has come back for good.
    GivenUp,
    /// The mail server goes on trying; that is noted.
    Delayed,
    /// It came back before, or the person is told by another channel already.
    Known,
    /// No letter of ours has that name: forged, or of another installation. Nothing has changed.
    Unknown,
    /// The letter is still being handed over; ask again.
    Early,
}

/// Letters of one notice that have come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnedLetters {
    /// The case.
    pub incident: IncidentId,
    /// The notice.
    pub notice: NoticeId,
    /// Given up by the mail server, each for the first time.
    pub given_up: u64,
    /// Of these, persons to whom a text message goes now.
    pub by_message: u64,
    /// Of these, persons whom no channel is left for.
    pub unreached: u64,
}

impl Informer {
    /// Takes reports of mail servers in, each answered by what it came to, and names the notices of which letters came
    /// back. A letter that came back for good counts as undelivered; where the person takes text messages, the same
    /// letter goes out by that channel now, as it was approved. A report twice changes nothing more.
    ///
    /// # Errors
    /// [`InformError`]; the reports may be given again.
    pub async fn returned(
        &self,
        reports: &[BounceReport],
        now: Timestamp,
    ) -> Result<(Vec<ReturnedCount>, Vec<ReturnedLetters>), InformError> {
        let _turn = self.turn.lock().await;
        let mut counts = Vec::with_capacity(reports.len());
        let mut of_notices: BTreeMap<NoticeId, Batch> = BTreeMap::new();
        for report in reports {
            counts.push(self.sort(report, &mut of_notices).await?);
        }
        let mut returned = Vec::new();
        for (id, batch) in of_notices {
            if let Some(one) = self.settle_returned(id, batch, now).await? {
                returned.push(one);
            }
        }
        Ok((counts, returned))
    }

    /// What a report is about.
    async fn sort(
        &self,
        report: &BounceReport,
        of_notices: &mut BTreeMap<NoticeId, Batch>,
    ) -> Result<ReturnedCount, InformError> {
        for name in &report.letters {
            let Some(key) = self.names.letter(&NameOf::Mail(name)).await? else {
                continue;
            };
            let Some(letter) = self.outbox.get(&key).await? else {
                continue;
            };
            let notice = key.split('/').nth(1).and_then(|id| id.parse().ok());
            let Some(notice) = notice else {
                continue;
            };
            // Where a text message has taken over, the mail has nothing more to say.
            if letter.channel != Channel::Email.name() {
                return Ok(ReturnedCount::Known);
            }
            let batch = of_notices.entry(notice).or_default();
            return Ok(match letter.state {
                LetterState::Waiting | LetterState::Trying | LetterState::Handing => {
                    ReturnedCount::Early
                }
                _ if batch.keys.contains(&key) || batch.again.contains(&key) => {
                    ReturnedCount::Known
                }
                LetterState::Sent | LetterState::Unknown if report.given_up => {
                    *batch.codes.entry(report.status.clone()).or_default() += 1;
                    batch.keys.push(key);
                    ReturnedCount::GivenUp
                }
                // Written down before a crash came between that and what follows from it.
                LetterState::Undelivered if report.given_up => {
                    batch.again.push(key);
                    ReturnedCount::Known
                }
                LetterState::Sent | LetterState::Unknown => {
                    *batch.delayed.entry(report.status.clone()).or_default() += 1;
                    ReturnedCount::Delayed
                }
                _ => ReturnedCount::Known,
            });
        }
        Ok(ReturnedCount::Unknown)
    }

    async fn settle_returned(
        &self,
        id: NoticeId,
        batch: Batch,
        now: Timestamp,
    ) -> Result<Option<ReturnedLetters>, InformError> {
        let mut notice = match self.get(id).await {
            Ok(notice) => notice,
            Err(InformError::NoSuchNotice(_)) => return Ok(None),
            Err(cause) => return Err(cause),
        };
        let all: Vec<String> = batch.keys.iter().chain(&batch.again).cloned().collect();
        let next = if matches!(notice.status, NoticeStatus::Sending | NoticeStatus::Sent) {
            self.by_message(&notice, &all).await?
        } else {
            Vec::new()
        };
        let given_up = batch.keys.len() as u64;
        let by_message = next.len() as u64;
        let unreached = (all.len() as u64).saturating_sub(by_message);
        if given_up + by_message > 0 || !batch.delayed.is_empty() {
            // The act is on record before a message can leave.
            let body = json!({ "notice": id, "kind": notice.kind, "given_up": given_up, "codes": batch.codes,
                "delayed": batch.delayed, "by_message": by_message, "unreached": unreached });
            self.record_of(&notice, "hudun", "inform.returned", now, body)?;
        }
        for key in &batch.keys {
            self.outbox.report(key, false, "it came back").await?;
        }
        for (key, body) in &next {
            let (mail, sms) = (Channel::Email.name(), Channel::Sms.name());
            self.outbox
                .redirect(key, mail, sms, body, now.as_millis())
                .await?;
        }
        if by_message > 0 {
            notice.status = NoticeStatus::Sending;
            notice.sent_at = None;
        }
        let receipts = self.receipts(&notice).await?;
        if by_message > 0 || receipts != notice.receipts {
            notice.receipts = receipts;
            self.notices.put(&notice).await?;
        }
        let told = given_up + by_message > 0;
        Ok(told.then_some(ReturnedLetters {
            incident: notice.incident,
            notice: id,
            given_up,
            by_message,
            unreached,
        }))
    }

    /// Letters that no mail server would take go out by text message, where the person takes those. Returns how many do.
    pub(crate) async fn take_over(
        &self,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<u64, InformError> {
        let (mut after, mut taken) = (String::new(), 0);
        let (mail, sms) = (Channel::Email.name(), Channel::Sms.name());
        while self.takes_messages(notice) {
            let letters = notice.letters();
            let refused = self.outbox.failed(&letters, mail, &after, PAGE).await?;
            let Some(last) = refused.last() else { break };
            after.clone_from(last);
            let next = self.by_message(notice, &refused).await?;
            if next.is_empty() {
                continue;
            }
            let body = json!({ "notice": notice.id, "kind": notice.kind, "refused": refused.len(), "by_message": next.len() });
            self.record_of(notice, "hudun", "inform.taken-over", now, body)?;
            for (key, body) in &next {
                self.outbox
                    .redirect(key, mail, sms, body, now.as_millis())
                    .await?;
            }
            taken += next.len() as u64;
        }
        Ok(taken)
    }

    fn takes_messages(&self, notice: &Notice) -> bool {
        notice.message.is_some() && self.settings.ways.channels.contains(&Channel::Sms)
    }

    /// The text messages, sealed, that take over from these letters of a notice.
    async fn by_message(
        &self,
        notice: &Notice,
        keys: &[String],
    ) -> Result<Vec<(String, String)>, InformError> {
        if !self.takes_messages(notice) || keys.is_empty() {
            return Ok(Vec::new());
        }
        let Some((each, texts)) = self.told.all(notice.id).await? else {
            return Ok(Vec::new());
        };
        let letters = notice.letters();
        let tokens: Vec<SubjectToken> = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&letters)?.parse().ok())
            .filter(|token| each.contains_key(token))
            .collect();
        let mut found = self
            .addressees
            .addresses(&notice.tenant, &tokens)
            .await
            .map_err(InformError::Addressees)?;
        for one in &mut found {
            one.email = None;
        }
        let (letters, _) = self.letters_of(notice, &tokens, found, Some((&each, &texts)))?;
        Ok(letters
            .into_iter()
            .filter(|(key, channel, _)| *channel == Channel::Sms.name() && keys.contains(key))
            .map(|(key, _, body)| (key, body))
            .collect())
    }
}

/// Letters that are looked at in one go.
const PAGE: u32 = 10_000;

/// Letters of one notice in one round.
#[derive(Default)]
struct Batch {
    /// Given up, for the first time.
    keys: Vec<String>,
    /// Given up before.
    again: Vec<String>,
    /// Given up, by status code.
    codes: BTreeMap<String, u64>,
    /// Still being tried by the mail server, by status code.
    delayed: BTreeMap<String, u64>,
}
