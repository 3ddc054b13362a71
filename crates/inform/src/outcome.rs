//! How the letters of a notice ended, and what a person decides where nobody can tell.

use hudun_core::{NoticeId, Timestamp};
use hudun_store::LetterState;
use serde_json::json;

use crate::error::InformError;
use crate::informer::Informer;
use crate::letter::short_hash;
use crate::message::Channel;
use crate::notice::{Notice, NoticeStatus, Receipts};

impl Informer {
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
            let mut receipts = self.receipts(&notice).await?;
            let mut over = sending
                && receipts.waiting == 0
                && receipts.sent + receipts.failed + receipts.stopped + receipts.unknown
                    >= notice.recipients;
            if over && receipts.failed > 0 && self.take_over(&notice, now).await? > 0 {
                receipts = self.receipts(&notice).await?;
                over = false;
            }
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

    pub(crate) async fn receipts(&self, notice: &Notice) -> Result<Receipts, InformError> {
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
}

/// Providers report within three days whether a message has arrived.
const REPORTED_MS: i64 = 3 * 24 * 3_600_000;
