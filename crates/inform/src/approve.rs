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
        let notice = self.get(id).await?;
        if has_given(&notice, by, role, sha256)? {
            return Ok(notice);
        }
        self.give(notice, by, role, at).await
    }

    /// A named person approves several texts that they have read, such as the letters to all tenants: all of them or,
    /// when one can't be approved, none.
    ///
    /// # Errors
    /// As [`Self::approve`].
    pub async fn approve_set(
        &self,
        texts: &[(NoticeId, String)],
        by: &str,
        role: ApprovalRole,
        at: Timestamp,
    ) -> Result<Vec<Notice>, InformError> {
        let _turn = self.turn.lock().await;
        let mut notices = Vec::with_capacity(texts.len());
        for (id, sha256) in texts {
            let notice = self.get(*id).await?;
            let given = has_given(&notice, by, role, sha256)?;
            notices.push((notice, given));
        }
        let mut approved = Vec::with_capacity(notices.len());
        for (notice, given) in notices {
            approved.push(if given {
                notice
            } else {
                self.give(notice, by, role, at).await?
            });
        }
        Ok(approved)
    }

    async fn give(
        &self,
        mut notice: Notice,
        by: &str,
        role: ApprovalRole,
        at: Timestamp,
    ) -> Result<Notice, InformError> {
        let (id, sha256) = (notice.id, notice.sha256.clone());
        notice.approvals.retain(|given| given.role != role);
        notice.approvals.push(NoticeApproval {
            role,
            by: by.to_owned(),
            at,
            sha256: sha256.clone(),
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

/// Whether this person has approved this very text in this role already.
///
/// # Errors
/// When they may not.
fn has_given(
    notice: &Notice,
    by: &str,
    role: ApprovalRole,
    sha256: &str,
) -> Result<bool, InformError> {
    if notice.sha256 != sha256 {
        return Err(InformError::OtherText);
    }
    if !matches!(notice.status, NoticeStatus::Draft | NoticeStatus::Approved) {
        return Err(InformError::TooLate(notice.status));
    }
    if by.trim().is_empty() || !Notice::needs(notice.kind).contains(&role) {
        return Err(InformError::NotNeeded);
    }
    let mut own = notice.approvals.iter().filter(|given| given.by == by);
    match own.next() {
        None => Ok(false),
        Some(given) if given.role == role => Ok(true),
        Some(_) => Err(InformError::SamePerson(by.to_owned())),
    }
}
