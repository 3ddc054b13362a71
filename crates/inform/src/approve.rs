//! What named persons answer for: approvals of a text, its hand-in, files made of it.

use hudun_core::{NoticeId, Timestamp};
use hudun_duty::ApprovalRole;
use serde_json::json;

use crate::error::InformError;
use crate::informer::Informer;
use crate::notice::{Notice, NoticeApproval, NoticeStatus};

impl Informer {
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
}
