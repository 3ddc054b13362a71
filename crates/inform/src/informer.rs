//! The stage's one door: where drafts, approvals and letters lie, and what is put on the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use hudun_core::{
    Incident, IncidentId, LedgerDraft, NoticeId, RecordError, Recorder, TenantId, Timestamp,
};
use hudun_duty::{Lang, RuleSet};
use hudun_store::{Collection, Outbox, Store};
use serde_json::Value;
use tokio::sync::{Mutex, Notify};

use crate::addressee::Addressees;
use crate::error::InformError;
use crate::letter::AlertTarget;
use crate::message::Ways;
use crate::names::LetterNames;
use crate::notice::Notice;
use crate::proof::{self, ProofFile};
use crate::seal::LetterSeal;
use crate::told::Records;

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InformSettings {
    /// Staff who receive the internal bulletin.
    pub staff: Vec<String>,
    /// Who receives a vendor's letter at each tenant.
    pub tenants: BTreeMap<TenantId, TenantContact>,
    /// Who is woken by an alert.
    pub alerts: Vec<AlertTarget>,
    /// How affected persons are reached.
    pub ways: Ways,
    /// What letters in the outbox are sealed with; without it they lie there as they are.
    pub seal: Option<LetterSeal>,
}

/// Who receives a vendor's letter at a tenant, and in which language.
#[derive(Clone, PartialEq, Eq)]
pub struct TenantContact {
    /// Person or post.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The language of the letter.
    pub lang: Lang,
}

impl std::fmt::Debug for TenantContact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantContact({:?})", self.lang)
    }
}

/// Drafts and sends notices.
pub struct Informer {
    pub(crate) notices: Collection<Notice>,
    pub(crate) proofs: Collection<ProofFile>,
    pub(crate) told: Records,
    pub(crate) outbox: Outbox,
    pub(crate) names: LetterNames,
    pub(crate) codes: Notify,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) settings: InformSettings,
    pub(crate) addressees: Arc<dyn Addressees>,
    pub(crate) recorder: Arc<dyn Recorder>,
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
            names: LetterNames::new(store),
            codes: Notify::new(),
            rules,
            settings,
            addressees,
            recorder,
            turn: Mutex::new(()),
        }
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
