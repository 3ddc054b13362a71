//! How long it takes from an approved personal notice to 100,000 letters in the outbox, each rendered for its reader's own
//! kinds of data, linted, sealed and posted.
//!
//! ```console
//! cargo run --release -p hudun-inform --example hundred_thousand -- 100000 200
//! ```
//!
//! The first number is persons, the second how many different sets of kinds they have. SQLite in a file, as in use.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // an example that panics has failed

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use hudun_core::{
    BoxFuture, Grade, Incident, IncidentId, IncidentState, LedgerDraft, RecordError, Recorder,
    SubjectToken, TenantId, Text, Timestamp,
};
use hudun_duty::{ApprovalRole, DataKind, FactBase, NoticeKind, RuleSet, assess};
use hudun_inform::{
    Addressee, Addressees, Contact, InformSettings, Informer, KindsOfEach, LetterSeal,
};
use hudun_store::Store;
use sha2::{Digest, Sha256};

struct Ledger;

impl Recorder for Ledger {
    fn record(&self, _: LedgerDraft) -> Result<u64, RecordError> {
        Ok(0)
    }
}

/// Everybody has an address.
struct Book;

impl Addressees for Book {
    fn addresses<'a>(
        &'a self,
        _: &'a TenantId,
        tokens: &'a [SubjectToken],
    ) -> BoxFuture<'a, Result<Vec<Addressee>, String>> {
        let found = tokens.iter().map(|token| Addressee {
            persons: vec![*token],
            email: Some(format!("{token}@example.invalid")),
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

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let number = |n: usize, otherwise: usize| {
        std::env::args()
            .nth(n)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let (persons, sets) = (number(1, 100_000), number(2, 200));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("state.db"))
        .await
        .unwrap();
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let settings = InformSettings {
        seal: Some(LetterSeal::new([7; 32])),
        ..InformSettings::default()
    };
    let informer = Informer::new(
        &store,
        rules.clone(),
        settings,
        Arc::new(Book),
        Arc::new(Ledger),
    );
    let mut facts = FactBase::from_json(include_str!("../../duty/tests/common/full.json")).unwrap();
    // More kinds, so that there are enough different sets of them.
    let some = facts.persons.unwrap();
    let kinds: BTreeMap<DataKind, _> = DataKind::ALL
        .iter()
        .take(12)
        .map(|kind| (*kind, some))
        .collect();
    facts
        .kinds_not_involved
        .retain(|kind| !kinds.contains_key(kind));
    let all: Vec<DataKind> = kinds.keys().copied().collect();
    facts.kinds = Some(kinds);
    let own = |person: usize| -> BTreeSet<DataKind> {
        let mask = person % sets + 1;
        let with = all.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1);
        with.map(|(_, kind)| *kind).collect()
    };
    let each: KindsOfEach = (0..persons)
        .map(|person| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&Sha256::digest(person.to_be_bytes())[..8]);
            bytes[8..].copy_from_slice(&(person as u64).to_be_bytes());
            (SubjectToken::from_bytes(bytes), own(person))
        })
        .collect();
    let mut hasher = Sha256::new();
    for token in each.keys() {
        hasher.update(token.to_string());
        hasher.update("\n");
    }
    facts.method.affected_set_digest = format!("sha256:{}", hex::encode(hasher.finalize()));
    let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let at = Timestamp::from_millis(now.as_millisecond());
    let answers = assess(&facts, &rules, now).unwrap();
    let case = Incident {
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
    };
    let drafts = informer.draft_all(&case, &facts, &answers, at).await;
    let drafts = drafts.unwrap();
    let notice = drafts
        .iter()
        .find(|notice| notice.kind == NoticeKind::PersonalNotice)
        .unwrap();
    for (by, role) in [
        ("li", ApprovalRole::Legal),
        ("wang", ApprovalRole::Commander),
    ] {
        let given = informer.approve(notice.id, by, role, &notice.sha256, at);
        given.await.unwrap();
    }
    let begun = Instant::now();
    let sending = informer
        .send_to_each(notice.id, "wang", &each, &facts, at)
        .await
        .unwrap();
    let took = begun.elapsed().as_secs_f64();
    let rate = sending.recipients as f64 / took * 60.0;
    println!(
        "{} letters of {sets} texts rendered, linted, sealed and posted in {took:.1} s: {rate:.0} a minute",
        sending.recipients
    );
}
