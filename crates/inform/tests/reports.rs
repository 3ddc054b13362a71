//! Reports that a case comes to owe as it goes on: follow-up, final report, report to the police, California's form.

#![allow(clippy::unwrap_used)] // a test that panics has failed

mod support;

use std::sync::Arc;

use hudun_core::{Incident, IncidentState};
use hudun_duty::{Count, FactBase, Lang, NoticeKind, Place, RuleSet, Text};
use hudun_inform::{InformSettings, Informer, Notice, NoticeStatus};
use hudun_store::Store;
use support::{Book, Ledger, assessed, at, incident};

struct House {
    rules: Arc<RuleSet>,
    informer: Informer,
    case: Incident,
    facts: FactBase,
}

impl House {
    async fn new() -> Self {
        let store = Store::in_memory().await.unwrap();
        let ledger = Arc::new(Ledger::default());
        let settings = InformSettings::default();
        let (rules, informer) = support::informer(&store, settings, Arc::new(Book), ledger);
        Self {
            rules,
            informer,
            case: incident(),
            facts: support::full(),
        }
    }

    async fn drafts(&self) -> Vec<Notice> {
        let answers = assessed(&self.facts, &self.rules);
        let drafts = self
            .informer
            .draft_all(&self.case, &self.facts, &answers, at(support::NOW));
        drafts.await.unwrap()
    }

    async fn handed_in(&self, notice: &Notice) {
        let now = at(support::NOW);
        support::approve(&self.informer, notice, now).await;
        let done = self
            .informer
            .record_hand_in(notice.id, "12387-1", "wang", now);
        done.await.unwrap();
    }
}

fn of(drafts: &[Notice], kind: NoticeKind) -> Vec<(Lang, u32)> {
    let of = drafts.iter().filter(|notice| notice.kind == kind);
    of.map(|notice| (notice.lang, notice.version)).collect()
}

#[tokio::test]
async fn the_follow_up_comes_once_facts_change_after_the_first_report() {
    let mut house = House::new().await;
    let before = house.drafts().await;
    assert_eq!(of(&before, NoticeKind::RegulatorFollowup), []);
    let first = support::pick(&before, NoticeKind::RegulatorFirst);

    // Not handed in: the first report itself is written anew.
    let more = |zh: &str, en: &str| Text::new(zh, en);
    house
        .facts
        .measures
        .taken
        .push(more("停用导出", "exports are off"));
    let again = house.drafts().await;
    let first_again = support::pick(&again, NoticeKind::RegulatorFirst);
    assert_eq!((first_again.id, first_again.version), (first.id, 2));
    assert_eq!(of(&again, NoticeKind::RegulatorFollowup), []);

    house.handed_in(&first_again).await;
    let same = house.drafts().await;
    assert_eq!(
        of(&same, NoticeKind::RegulatorFollowup),
        [],
        "nothing has changed"
    );
    house
        .facts
        .measures
        .planned
        .push(more("全面排查接口", "a check of every interface"));
    let changed = house.drafts().await;
    // GDPR asks a follow-up as well: the persons in Germany.
    assert_eq!(
        of(&changed, NoticeKind::RegulatorFollowup),
        [(Lang::Zh, 1), (Lang::En, 1)]
    );
    let follow_up = support::pick(&changed, NoticeKind::RegulatorFollowup);
    let text = follow_up.draft.to_text();
    assert!(text.contains("全面排查接口"), "{text}");
    assert_eq!(
        follow_up.refusals.len(),
        follow_up
            .refusals
            .iter()
            .filter(|one| one.check == "missing-part")
            .count(),
        "{:?}",
        follow_up.refusals
    );
    let firsts = house.informer.notices(house.case.id).await.unwrap();
    let firsts: Vec<_> = firsts
        .iter()
        .filter(|one| one.kind == NoticeKind::RegulatorFirst)
        .collect();
    assert_eq!(firsts.len(), 1, "what was handed in is not written anew");
    assert_eq!(firsts[0].status, NoticeStatus::Recorded);
}

#[tokio::test]
async fn the_final_report_comes_when_the_hole_is_proven_shut_with_what_is_missing_marked() {
    let mut house = House::new().await;
    for state in [
        IncidentState::Open,
        IncidentState::Handling,
        IncidentState::Contained,
    ] {
        house.case.state = state;
        assert_eq!(of(&house.drafts().await, NoticeKind::RegulatorFinal), []);
    }
    house.case.state = IncidentState::Repaired;
    house.facts.times.handled = Some("2026-11-23T08:00:00Z".parse().unwrap());
    house.facts.measures.lessons = Text::default();
    let drafts = house.drafts().await;
    assert_eq!(of(&drafts, NoticeKind::RegulatorFinal), [(Lang::Zh, 1)]);
    let report = support::pick(&drafts, NoticeKind::RegulatorFinal);
    let text = report.draft.to_text();
    assert!(
        text.contains("2026年11月23日 16:00"),
        "the end of handling: {text}"
    );
    assert!(text.contains("【待补："), "{text}");
    assert!(!report.draft.missing().is_empty());
    let missing: Vec<_> = report
        .refusals
        .iter()
        .map(|one| one.check.as_str())
        .collect();
    assert!(missing.contains(&"missing-part"), "{missing:?}");
    house.facts.measures.lessons = Text::new("接口须逐个检查权限", "each interface checks rights");
    let filled = support::pick(&house.drafts().await, NoticeKind::RegulatorFinal);
    assert!(filled.draft.missing().len() < report.draft.missing().len());
    assert_eq!(filled.version, 2);
}

#[tokio::test]
async fn the_police_report_comes_with_a_crime_or_with_the_counters_of_criminal_law() {
    let mut house = House::new().await;
    let report = support::pick(&house.drafts().await, NoticeKind::PoliceReport);
    assert!(report.draft.to_text().contains("203.0.113.7"), "the clues");

    // No crime is suspected, and the counters stay below: nothing to report.
    house.facts.cause.crime_suspected = Some(false);
    let counters = |other| hudun_duty::CrimeRecords {
        strict: 0,
        important: 0,
        other,
    };
    house.facts.crime_records = Some(counters(4_999));
    house.case = incident();
    assert_eq!(of(&house.drafts().await, NoticeKind::PoliceReport), []);
    house.facts.crime_records = Some(counters(5_000));
    assert_eq!(
        of(&house.drafts().await, NoticeKind::PoliceReport),
        [(Lang::Zh, 1)]
    );
}

#[tokio::test]
async fn californias_form_comes_with_residents_of_california() {
    let mut house = House::new().await;
    assert_eq!(of(&house.drafts().await, NoticeKind::CaForm), []);
    let one = Count {
        low: 1,
        likely: 1,
        high: 1,
    };
    let places = house.facts.places.get_or_insert_default();
    places.push(Place {
        country: "US".to_owned(),
        region: "CA".to_owned(),
        persons: one,
    });
    let drafts = house.drafts().await;
    assert_eq!(of(&drafts, NoticeKind::CaForm), [(Lang::En, 1)]);
    let form = support::pick(&drafts, NoticeKind::CaForm);
    assert_eq!(form.refusals, []);
    for heading in [
        "What Happened",
        "What Information Was Involved",
        "What We Are Doing",
    ] {
        let titled = form.draft.sections.iter();
        let found = titled
            .map(|one| one.heading.to_lowercase())
            .any(|one| one.contains(&heading.to_lowercase()));
        assert!(found, "{heading}: {}", form.draft.to_text());
    }
}
