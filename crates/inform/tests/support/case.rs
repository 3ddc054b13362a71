//! A case with the whole fact base, and who keeps its record.

use std::sync::{Arc, Mutex};

use hudun_core::{
    BoxFuture, Grade, Incident, IncidentId, IncidentState, LedgerDraft, RecordError, Recorder,
    SubjectToken, TenantId, Text, Timestamp,
};
use hudun_duty::{ApprovalRole, Assessment, FactBase, NoticeKind, RuleSet, assess};
use hudun_inform::{Addressee, Addressees, Contact, InformSettings, Informer, Notice};
use hudun_store::Store;
use sha2::{Digest, Sha256};

/// When the whole fact base is assessed.
pub const NOW: &str = "2026-11-23T11:00:00Z";

/// A record in memory.
#[derive(Default)]
pub struct Ledger(Mutex<Vec<LedgerDraft>>);

impl Recorder for Ledger {
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError> {
        let mut entries = self.0.lock().unwrap();
        entries.push(draft);
        Ok(entries.len() as u64 - 1)
    }
}

impl Ledger {
    pub fn kinds(&self) -> Vec<String> {
        let entries = self.0.lock().unwrap();
        entries.iter().map(|entry| entry.kind.clone()).collect()
    }

    /// Everything that was recorded, as text.
    pub fn text(&self) -> String {
        serde_json::to_string(&*self.0.lock().unwrap()).unwrap()
    }
}

/// Knows everybody but the first of those who are asked for.
pub struct Book;

impl Addressees for Book {
    fn addresses<'a>(
        &'a self,
        _: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        let found = tokens.iter().skip(1).map(|&token| Addressee {
            persons: vec![token],
            email: Some(format!("p{}@example.cn", token.as_bytes()[0])),
            phone: None,
        });
        let found = found.collect();
        Box::pin(async move { Ok(found) })
    }

    fn reached_at<'a>(
        &'a self,
        _: &'a Contact,
        _: &'a [TenantId],
    ) -> BoxFuture<'a, Result<Vec<(TenantId, SubjectToken)>, String>> {
        Box::pin(async { Ok(vec![]) })
    }
}

/// A stage over the embedded rules.
pub fn informer(
    store: &Store,
    settings: InformSettings,
    book: Arc<dyn Addressees>,
    ledger: Arc<Ledger>,
) -> (Arc<RuleSet>, Informer) {
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let informer = Informer::new(store, rules.clone(), settings, book, ledger);
    (rules, informer)
}

pub fn incident() -> Incident {
    Incident {
        id: IncidentId::new(),
        tenant: "yunxi".parse().unwrap(),
        title: Text::new("演练", "drill"),
        grade: Grade::High,
        rows: vec![],
        state: IncidentState::Open,
        suspects: vec![],
        modules: vec![],
        findings: vec![],
        playbook: None,
        run: None,
        opened_at: Timestamp::from_millis(0),
        marks: vec![],
        drill: true,
    }
}

/// The whole fact base of the duty engine's tests.
pub fn full() -> FactBase {
    FactBase::from_json(include_str!("../../../duty/tests/common/full.json")).unwrap()
}

pub fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond())
}

pub fn assessed(facts: &FactBase, rules: &RuleSet) -> Assessment {
    assess(facts, rules, NOW.parse().unwrap()).unwrap()
}

pub fn token(n: u8) -> SubjectToken {
    SubjectToken::from_bytes([n; 16])
}

/// As the digest of the affected set in the facts; tokens in order.
pub fn digest<'a>(tokens: impl IntoIterator<Item = &'a SubjectToken>) -> String {
    let lines: String = tokens
        .into_iter()
        .map(|token| format!("{token}\n"))
        .collect();
    format!("sha256:{}", hex::encode(Sha256::digest(lines.as_bytes())))
}

/// The first draft of a kind.
pub fn pick(drafts: &[Notice], kind: NoticeKind) -> Notice {
    drafts.iter().find(|n| n.kind == kind).unwrap().clone()
}

/// Two persons approve this very text.
pub async fn approve(informer: &Informer, notice: &Notice, at: Timestamp) {
    for (by, role) in [
        ("li", ApprovalRole::Legal),
        ("wang", ApprovalRole::Commander),
    ] {
        let given = informer.approve(notice.id, by, role, &notice.sha256, at);
        given.await.unwrap();
    }
}
