//! Clocks that run out, over the whole fact base.

#![allow(clippy::unwrap_used)] // a test that panics has failed

mod support;

use std::sync::Arc;

use hudun_duty::{Assessment, NoticeKind, RuleSet, assess};
use hudun_inform::{AlertTarget, InformSettings, Informer, Notice, class_of, clocks_running_out};
use hudun_store::Store;
use support::{Book, Ledger, at, incident};

/// What is said of the four-hour report at this moment.
fn said(assessment: &Assessment, notices: &[Notice], now: &str) -> Vec<String> {
    clocks_running_out(assessment, notices, at(now))
        .into_iter()
        .filter(|one| one.name.starts_with("clock/CN-NCIR-4/operator/"))
        .map(|one| one.zh)
        .collect()
}

#[tokio::test]
async fn the_team_is_told_before_a_clock_runs_out_once_for_each_moment() {
    let store = Store::in_memory().await.unwrap();
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let ledger = Arc::new(Ledger::default());
    let settings = InformSettings {
        alerts: vec![
            AlertTarget::Mail("lead@example.cn".to_owned()),
            AlertTarget::Webhook("duty".to_owned()),
        ],
        ..InformSettings::default()
    };
    let informer = Informer::new(
        &store,
        rules.clone(),
        settings,
        Arc::new(Book),
        ledger.clone(),
    );
    let facts = support::full();
    let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let answers = assess(&facts, &rules, now).unwrap();
    let report = answers.duty("CN-NCIR-4").unwrap();
    let operator = report
        .phases
        .iter()
        .find(|phase| phase.id == "operator")
        .unwrap();
    let deadline = operator.clock.deadline_at.unwrap();
    let before = |minutes: i64| {
        let at = deadline.as_millisecond() - minutes * 60_000;
        jiff::Timestamp::from_millisecond(at).unwrap().to_string()
    };
    // Four hours: half, a quarter and a tenth of them are 120, 60 and 24 minutes.
    assert_eq!(said(&answers, &[], &before(121)), Vec::<String>::new());
    for (minutes, words) in [
        (120, "还剩 2 小时 0 分"),
        (60, "还剩 1 小时 0 分"),
        (24, "还剩 0 小时 24 分"),
        (0, "已过"),
        (-900, "已过"),
    ] {
        let said = said(&answers, &[], &before(minutes));
        assert!(
            said.len() == 1 && said[0].contains(words),
            "{minutes}: {said:?}"
        );
    }

    // Each moment is told once to each, and stands on the record.
    let case = incident();
    let mut posted = vec![];
    for minutes in [120, 119, 60, 24, 23, 0, -5] {
        let now = at(&before(minutes));
        let mut new = 0;
        for reminder in clocks_running_out(&answers, &[], now) {
            if reminder.name.starts_with("clock/CN-NCIR-4/operator/") {
                new += u32::from(informer.remind(&case, &reminder, now).await.unwrap());
            }
        }
        posted.push(new);
    }
    assert_eq!(posted, [1, 0, 1, 1, 0, 1, 0]);
    let due = |channel| {
        let outbox = store.outbox();
        async move { outbox.due_on(channel, i64::MAX, 100).await.unwrap().len() }
    };
    assert_eq!((due("smtp").await, due("webhook").await), (4, 4));
    let kinds = ledger.kinds();
    assert_eq!(kinds, ["inform.clock"; 4]);

    // Once the report was handed in, nobody is told any more.
    let drafts = informer
        .draft_all(&case, &facts, &answers, at("2026-11-23T11:00:00Z"))
        .await
        .unwrap();
    let first = drafts
        .iter()
        .find(|n| n.kind == NoticeKind::RegulatorFirst)
        .unwrap();
    support::approve(&informer, first, at(&before(30))).await;
    informer
        .record_hand_in(first.id, "12387-1", "wang", at(&before(30)))
        .await
        .unwrap();
    let notices = informer.notices(case.id).await.unwrap();
    assert_eq!(said(&answers, &notices, &before(24)), Vec::<String>::new());

    // A class is told once, and another class anew.
    let class = class_of(&answers.severity);
    let now = at(&before(10));
    assert!(informer.remind(&case, &class, now).await.unwrap());
    assert!(!informer.remind(&case, &class, now).await.unwrap());
    let mut fewer = facts.clone();
    let few = hudun_duty::Count {
        low: 1,
        likely: 1,
        high: 1,
    };
    fewer.persons = Some(few);
    fewer.sensitive_persons = Some(few);
    fewer.minors = Some(hudun_duty::Count::default());
    fewer.kinds = fewer
        .kinds
        .map(|kinds| kinds.into_keys().map(|kind| (kind, few)).collect());
    fewer.places = None;
    fewer.records = None;
    let other = class_of(&hudun_duty::Severity::of(&fewer, &rules));
    assert_ne!(other.name, class.name);
    assert!(informer.remind(&case, &other, now).await.unwrap());
}

/// A notice is handed in with a picture of the receipt, which only pictures and documents are.
#[tokio::test]
async fn a_hand_in_is_kept_with_its_proof_and_the_proof_lies_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let store = Store::open_file(&file).await.unwrap();
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let ledger = Arc::new(Ledger::default());
    let settings = InformSettings {
        seal: Some(hudun_inform::LetterSeal::new([7; 32])),
        ..InformSettings::default()
    };
    let informer = Informer::new(
        &store,
        rules.clone(),
        settings,
        Arc::new(Book),
        ledger.clone(),
    );
    let facts = support::full();
    let now: jiff::Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let moment = at("2026-11-23T11:00:00Z");
    let answers = assess(&facts, &rules, now).unwrap();
    let drafts = informer
        .draft_all(&incident(), &facts, &answers, moment)
        .await
        .unwrap();
    let report = drafts
        .iter()
        .find(|n| n.kind == NoticeKind::RegulatorFirst)
        .unwrap();
    let id = report.id;
    let picture = [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        b"secret words of a screenshot",
    ]
    .concat();
    assert!(
        informer
            .attach_proof(id, "a.png", &picture, "li", moment)
            .await
            .is_err(),
        "not handed in yet"
    );
    support::approve(&informer, report, moment).await;
    assert!(
        informer
            .record_hand_in(id, " ", "li", moment)
            .await
            .is_err()
    );
    informer
        .record_hand_in(id, "12387-1", "li", moment)
        .await
        .unwrap();
    for (name, bytes) in [
        ("a.png", b"<script>".as_slice()),
        ("a.svg", b"<svg/>"),
        ("a.pdf", b""),
    ] {
        assert!(
            informer
                .attach_proof(id, name, bytes, "li", moment)
                .await
                .is_err(),
            "{name}"
        );
    }
    let large = [b"%PDF-".to_vec(), vec![0; 5 << 20]].concat();
    assert!(
        informer
            .attach_proof(id, "a.pdf", &large, "li", moment)
            .await
            .is_err()
    );
    let kept = informer
        .attach_proof(id, "回执.png", &picture, "li", moment)
        .await
        .unwrap();
    let again = informer
        .attach_proof(id, "again.png", &picture, "li", moment)
        .await
        .unwrap();
    assert_eq!((kept.proofs.len(), again.proofs.len()), (1, 1));
    assert_eq!(
        (
            kept.proofs[0].media.as_str(),
            kept.receipt_number.as_deref()
        ),
        ("image/png", Some("12387-1"))
    );
    let sha256 = &kept.proofs[0].sha256;
    let (_, bytes) = informer
        .open_proof(id, sha256, "auditor", moment)
        .await
        .unwrap();
    assert_eq!(bytes, picture);
    assert!(
        informer
            .open_proof(id, "00", "auditor", moment)
            .await
            .is_err()
    );
    let kinds = ledger.kinds();
    let acts = [
        "inform.handed-in",
        "inform.proof-kept",
        "inform.proof-opened",
    ];
    assert_eq!(kinds[kinds.len() - 3..], acts);
    store.close().await;
    let bytes = std::fs::read(&file).unwrap();
    let kept = String::from_utf8_lossy(&bytes);
    assert!(
        !kept.contains("screenshot") && !kept.contains("c2VjcmV0"),
        "sealed"
    );
}
