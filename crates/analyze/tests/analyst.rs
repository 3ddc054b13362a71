//! Scope and duties over a real store and a real lake.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use hudun_analyze::{
    Analyst, Circumstances, DecisionError, Evidence, Narrowing, NewAwareness, NewRelease,
    OrganisationSettings, affected_set_digest,
};
use hudun_core::{
    Actor, DataKind, Delivery, ExchangeEnd, ExchangeHead, ExchangeId, Finding, FindingId, Grade,
    Incident, IncidentId, IncidentState, KindSet, LedgerDraft, Level, RecordError, Recorder,
    Release, Sighting, SubjectToken, Text, TimelineMark, Timestamp,
};
use hudun_duty::{GateState, RuleSet, Verdict};
use hudun_lake::{Lake, LakeOptions, Record};
use hudun_store::Store;
use proptest::prelude::*;

const START: i64 = 1_795_420_800_000;

#[derive(Default)]
struct Ledger(Mutex<Vec<LedgerDraft>>);

impl Ledger {
    fn kinds(&self) -> Vec<String> {
        let entries = self.0.lock().unwrap();
        entries.iter().map(|entry| entry.kind.clone()).collect()
    }
}

impl Recorder for Ledger {
    fn record(&self, draft: LedgerDraft) -> Result<u64, RecordError> {
        let mut entries = self.0.lock().unwrap();
        entries.push(draft);
        Ok(entries.len() as u64 - 1)
    }
}

struct House {
    _folder: tempfile::TempDir,
    lake: Arc<Lake>,
    ledger: Arc<Ledger>,
    analyst: Analyst,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let (lake, _) = Lake::open(folder.path(), LakeOptions::default()).unwrap();
    let lake = Arc::new(lake);
    let ledger = Arc::new(Ledger::default());
    let store = Store::in_memory().await.unwrap();
    let mut organisations = OrganisationSettings::default();
    let firm = hudun_duty::Organisation {
        name: "云溪商贸（演示）".into(),
        countries: Some(["CN".to_owned()].into()),
        roles: Some(
            [
                hudun_duty::Role::Controller,
                hudun_duty::Role::NetworkOperator,
            ]
            .into(),
        ),
        ..Default::default()
    };
    organisations.tenants.insert("yunxi".parse().unwrap(), firm);
    organisations.system.name = "SCRM".into();
    let analyst = Analyst::new(
        &store,
        lake.clone(),
        Arc::new(RuleSet::embedded().unwrap()),
        organisations,
        ledger.clone(),
    );
    House {
        _folder: folder,
        lake,
        ledger,
        analyst,
    }
}

fn actor(account: Option<&str>, session: Option<&str>, ip: &str) -> Actor {
    Actor {
        account: account.map(|account| account.parse().unwrap()),
        session: session.map(|session| session.parse().unwrap()),
        ..Actor::unknown(ip.parse().unwrap())
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(START + second * 1_000)
}

fn person(n: u8) -> SubjectToken {
    SubjectToken::from_bytes([n; 16])
}

struct Shown {
    delivery: Option<Delivery>,
    kinds: KindSet,
    login: bool,
    explained: u64,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            delivery: Some(Delivery::Delivered),
            kinds: KindSet::of(&[DataKind::Name, DataKind::Mobile]),
            login: false,
            explained: 1_000,
        }
    }
}

async fn show(lake: &Lake, second: i64, actor: Actor, persons: &[u8], shown: Shown) -> ExchangeId {
    let id = ExchangeId::new();
    let head = ExchangeHead {
        id,
        at: at(second),
        tenant: "yunxi".parse().unwrap(),
        actor,
        module: "customers".parse().unwrap(),
        route: "customer".parse().unwrap(),
        method: "GET".into(),
        path: "/customers/{id}".into(),
        export: false,
        login: shown.login,
        signals: vec![],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    let release = Release {
        exchange: id,
        group: 0,
        at: at(second),
        bytes: 1_000,
        explained: shown.explained,
        rows: persons.len() as u32,
        foreign_rows: 0,
        sightings: persons
            .iter()
            .map(|&n| Sighting::new(person(n), shown.kinds))
            .collect(),
    };
    lake.journal().append_small(head, release).await.unwrap();
    if let Some(delivery) = shown.delivery {
        let end = ExchangeEnd {
            exchange: id,
            at: at(second),
            status: 200,
            success: true,
            delivery,
            groups: 1,
            request_bytes: 0,
            response_bytes: 1_000,
            millis: 1,
            refusal: None,
        };
        lake.journal().append(Record::End(end)).await.unwrap();
    }
    id
}

fn finding(rule: &str, second: i64, actor: &Actor, evidence: Vec<ExchangeId>) -> Finding {
    Finding {
        id: FindingId::new(),
        at: at(second),
        triggered_at: at(second),
        tenant: "yunxi".parse().unwrap(),
        rule: rule.into(),
        title: Text::new("越权遍历客户编号", "Walking through customers of others"),
        why: Text::new("读取了他人客户。", "customers of others."),
        level: Level::High,
        actor: actor.clone(),
        module: "customers".parse().unwrap(),
        evidence,
        tags: vec!["CWE-639".into()],
    }
}

fn incident(suspects: &[&str], findings: &[Finding]) -> Incident {
    let mut incident = Incident {
        id: IncidentId::new(),
        tenant: "yunxi".parse().unwrap(),
        title: Text::new("越权遍历客户编号", "Walking through customers of others"),
        grade: Grade::High,
        rows: vec![],
        state: IncidentState::Open,
        suspects: suspects.iter().map(|s| s.parse().unwrap()).collect(),
        modules: vec!["customers".parse().unwrap()],
        findings: findings.iter().map(|finding| finding.id).collect(),
        playbook: None,
        run: None,
        opened_at: at(100),
        marks: vec![],
        drill: true,
    };
    incident.set_mark(TimelineMark::Onset, at(50));
    incident.set_mark(TimelineMark::Detected, at(60));
    incident
}

fn likely(scope: &hudun_core::Scope) -> BTreeSet<SubjectToken> {
    scope.subjects.iter().map(|(token, _)| *token).collect()
}

fn persons(numbers: &[u8]) -> BTreeSet<SubjectToken> {
    numbers.iter().map(|&n| person(n)).collect()
}

#[tokio::test]
async fn the_rightful_owner_and_the_colleague_behind_the_same_address_do_not_count() {
    let house = house().await;
    let lake = &house.lake;
    let thief = actor(Some("mei"), Some("s-thief"), "203.0.113.9");
    let owner = actor(Some("mei"), Some("s-owner"), "10.0.0.5");
    let colleague = actor(Some("li"), Some("s-li"), "203.0.113.9");
    show(lake, 10, owner.clone(), &[1, 2], Shown::default()).await;
    show(lake, 20, colleague, &[3], Shown::default()).await;
    let login = Shown {
        login: true,
        ..Shown::default()
    };
    let login = show(
        lake,
        30,
        actor(Some("mei"), None, "203.0.113.9"),
        &[],
        login,
    )
    .await;
    let walked = show(lake, 40, thief.clone(), &[4, 5], Shown::default()).await;
    // The second session of the thief: same account, same address, no finding of its own.
    let second = actor(Some("mei"), Some("s-thief-2"), "203.0.113.9");
    show(lake, 45, second, &[6], Shown::default()).await;
    show(lake, 50, owner, &[7], Shown::default()).await;

    let findings = [
        finding(
            "scrm.new-network",
            30,
            &actor(Some("mei"), None, "203.0.113.9"),
            vec![login],
        ),
        finding("scrm.id-walk", 50, &thief, vec![walked]),
    ];
    let case = incident(&["mei"], &findings);
    let record = house
        .analyst
        .assess_scope(&case, &findings, at(200))
        .await
        .unwrap();
    assert_eq!(likely(&record.scope), persons(&[4, 5, 6]));
    assert_eq!(record.narrowing, Narrowing::Sessions);
    assert_eq!(
        record.likely_sha256,
        affected_set_digest(persons(&[4, 5, 6]))
    );
    assert!(
        record.scope.question.source.addresses.is_empty(),
        "the address is shared"
    );

    let again = house
        .analyst
        .assess_scope(&case, &findings, at(300))
        .await
        .unwrap();
    assert_eq!(again.revision, 1, "nothing new, nothing recorded");
    assert_eq!(house.ledger.kinds(), ["analysis.scope"]);
    let written = serde_json::to_string(&house.ledger.0.lock().unwrap().clone()).unwrap();
    for token in persons(&[4, 5, 6]) {
        assert!(
            !written.contains(&token.to_string()),
            "no person on the ledger"
        );
    }

    show(lake, 210, thief, &[8], Shown::default()).await;
    let more = house
        .analyst
        .assess_scope(&case, &findings, at(400))
        .await
        .unwrap();
    assert_eq!((more.revision, more.scope.likely), (2, 4));
    assert_eq!(house.analyst.scope(case.id).await.unwrap().unwrap(), more);
}

#[tokio::test]
async fn an_earlier_case_answers_for_its_own_sessions() {
    let house = house().await;
    let first = actor(Some("mei"), Some("s-1"), "203.0.113.9");
    let one = show(&house.lake, 40, first.clone(), &[1], Shown::default()).await;
    let found = [finding("scrm.id-walk", 40, &first, vec![one])];
    house
        .analyst
        .assess_scope(&incident(&["mei"], &found), &found, at(90))
        .await
        .unwrap();

    let second = actor(Some("mei"), Some("s-2"), "203.0.113.9");
    let two = show(&house.lake, 140, second.clone(), &[2], Shown::default()).await;
    let found = [finding("scrm.id-walk", 140, &second, vec![two])];
    let case = incident(&["mei"], &found);
    let record = house
        .analyst
        .assess_scope(&case, &found, at(190))
        .await
        .unwrap();
    assert_eq!(likely(&record.scope), persons(&[2]));
}

#[tokio::test]
async fn without_sessions_the_account_counts_whole_and_says_so() {
    let house = house().await;
    let thief = actor(Some("mei"), None, "203.0.113.9");
    show(&house.lake, 40, thief.clone(), &[1], Shown::default()).await;
    let found = [finding("scrm.mass-read", 40, &thief, vec![])];
    let case = incident(&["mei"], &found);
    let record = house
        .analyst
        .assess_scope(&case, &found, at(90))
        .await
        .unwrap();
    assert_eq!(
        record.narrowing,
        Narrowing::Addresses,
        "nobody else was at the address"
    );
    assert_eq!(likely(&record.scope), persons(&[1]));

    show(
        &house.lake,
        41,
        actor(Some("li"), None, "203.0.113.9"),
        &[2],
        Shown::default(),
    )
    .await;
    show(
        &house.lake,
        42,
        actor(Some("mei"), None, "10.0.0.5"),
        &[3],
        Shown::default(),
    )
    .await;
    let record = house
        .analyst
        .assess_scope(&case, &found, at(91))
        .await
        .unwrap();
    assert_eq!(record.narrowing, Narrowing::Accounts);
    assert_eq!(likely(&record.scope), persons(&[1, 3]));
}

#[tokio::test]
async fn duties_come_from_the_record_and_a_class_that_is_crossed_is_told() {
    let house = house().await;
    let thief = actor(Some("mei"), Some("s"), "203.0.113.9");
    let walked = show(&house.lake, 40, thief.clone(), &[1, 2], Shown::default()).await;
    let found = [finding("scrm.id-walk", 50, &thief, vec![walked])];
    let mut case = incident(&["mei"], &found);
    let scope = house
        .analyst
        .assess_scope(&case, &found, at(90))
        .await
        .unwrap();
    let mut known = Circumstances {
        kinds_held: KindSet::of(&[DataKind::Name, DataKind::BankCard]),
        altered: Some(false),
        lost: Some(false),
        ..Circumstances::default()
    };
    let duties = house
        .analyst
        .assess_duties(&case, &found, &scope, &known, at(95))
        .await
        .unwrap();
    assert_eq!(duties.facts.persons.unwrap().likely, 2);
    assert_eq!(duties.facts.breach.leaked, Some(true));
    assert!(duties.facts.incident.drill);
    assert!(
        duties
            .facts
            .kinds_not_involved
            .contains(&hudun_duty::DataKind::BankCard)
    );
    assert!(
        !duties
            .facts
            .kinds_not_involved
            .contains(&hudun_duty::DataKind::Name)
    );
    assert!(duties.facts.times.aware.is_none(), "nobody has decided yet");
    let hole = duties.facts.vulnerability.as_ref().unwrap();
    assert_eq!(
        (hole.ids[0].as_str(), hole.endpoints[0].as_str()),
        ("CWE-639", "GET /customers/{id}")
    );
    assert_eq!(duties.facts.method.affected_set_digest, scope.likely_sha256);
    let answers = duties.assess(house.analyst.rules()).unwrap();
    assert_eq!(
        serde_json::to_value(&answers).unwrap(),
        duties.assessment,
        "made again, it is the same"
    );
    let rules: Vec<_> = answers
        .duties
        .iter()
        .map(|duty| (duty.rule.as_str(), duty.verdict))
        .collect();
    let verdict = |rule| answers.duty(rule).map(|duty| duty.verdict);
    assert_eq!(verdict("CN-PIPL-57"), Some(Verdict::Applies), "{rules:?}");

    let same = house
        .analyst
        .assess_duties(&case, &found, &scope, &known, at(99))
        .await
        .unwrap();
    assert_eq!(same, duties, "the same facts are the same answer");

    case.set_mark(TimelineMark::Acknowledged, at(70));
    known.acknowledged_by = Some("wang.fang".into());
    let taken = house
        .analyst
        .assess_duties(&case, &found, &scope, &known, at(100))
        .await
        .unwrap();
    assert_eq!(taken.revision, 2);
    assert_eq!(taken.facts.times.aware.as_ref().unwrap().by, "wang.fang");
    assert_eq!(
        house.ledger.kinds(),
        ["analysis.scope", "analysis.duties", "analysis.duties"]
    );

    let cards = Shown {
        kinds: KindSet::of(&[DataKind::BankCard, DataKind::ResidentId]),
        ..Shown::default()
    };
    show(&house.lake, 110, thief, &[3], cards).await;
    let scope = house
        .analyst
        .assess_scope(&case, &found, at(120))
        .await
        .unwrap();
    let graver = house
        .analyst
        .assess_duties(&case, &found, &scope, &known, at(121))
        .await
        .unwrap();
    assert!(
        graver.enisa_band > taken.enisa_band,
        "{:?}",
        graver.enisa_band
    );
    assert_eq!(graver.facts.sensitive_persons.unwrap().likely, 1);
    assert_eq!(
        house.ledger.kinds().last().unwrap(),
        "analysis.class-crossed"
    );
}

fn stated(moment: &str, early: &str) -> NewAwareness {
    NewAwareness {
        moment: moment.into(),
        reason: "电话告知".into(),
        evidence: vec![Evidence {
            said: "#3".into(),
            hash: Some("ab".repeat(32)),
        }],
        early: early.into(),
    }
}

/// As a person writes it, in the zone of Shanghai.
fn written(seconds: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at(seconds).as_millis()).unwrap();
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    at.to_zoned_datetime(zone)
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

#[tokio::test]
async fn a_named_persons_decision_starts_the_clocks_and_a_later_one_corrects_it() {
    let house = house().await;
    let thief = actor(Some("mei"), Some("s"), "203.0.113.9");
    let walked = show(&house.lake, 40, thief.clone(), &[1, 2], Shown::default()).await;
    let found = [finding("scrm.id-walk", 50, &thief, vec![walked])];
    let mut case = incident(&["mei"], &found);
    case.set_mark(TimelineMark::Detected, at(50));
    let analyst = &house.analyst;
    let scope = analyst.assess_scope(&case, &found, at(90)).await.unwrap();
    let known = Circumstances {
        acknowledged_by: Some("wang.fang".into()),
        ..Circumstances::default()
    };
    let assess = async |now: i64| {
        let duties = analyst.assess_duties(&case, &found, &scope, &known, at(now));
        let duties = duties.await.unwrap();
        let answers = duties.assess(analyst.rules()).unwrap();
        let clock = answers.duty("CN-PIPL-57").unwrap().phases[0].clock.clone();
        (duties, clock)
    };
    let (before, clock) = assess(95).await;
    assert!(clock.provisional, "nobody has decided");

    let decide = |wanted, now| analyst.decide_aware(&case, wanted, "li.lei", at(now));
    for (moment, early, what) in [
        ("2026-11-23T08:00:00", "", "no zone"),
        ("yesterday", "", "no moment"),
        (
            "2026-11-23T08:00:00+08:00[Europe/Berlin]",
            "",
            "another zone than its offset",
        ),
        (&written(3_600), "", "to come"),
        (&written(49), "", "before there was anything to know"),
    ] {
        let refused = decide(stated(moment, early), 100).await;
        assert!(refused.is_err(), "{what}");
    }
    let early = decide(stated(&written(49), ""), 100).await;
    assert!(matches!(early, Err(DecisionError::BeforeEvidence { .. })));
    let mut bare = stated(&written(60), "");
    bare.evidence.clear();
    assert!(matches!(
        decide(bare, 100).await,
        Err(DecisionError::Evidence(_))
    ));
    assert_eq!(house.ledger.kinds().len(), 2, "nothing refused is recorded");

    let first = decide(stated(&written(60), ""), 100).await.unwrap();
    assert_eq!((first.number, first.moment), (1, at(60)));
    let same = decide(stated(&written(60), ""), 101).await.unwrap();
    assert_eq!(same, first, "pressed twice is decided once");
    let (after, clock) = assess(102).await;
    assert_eq!(after.revision, before.revision + 1);
    let aware = after.facts.times.aware.as_ref().unwrap();
    assert_eq!(
        (aware.at.as_millisecond(), aware.by.as_str()),
        (at(60).as_millis(), "li.lei")
    );
    assert!(aware.evidence.contains("no. 1") && aware.evidence.contains("#3"));
    assert!(!clock.provisional);
    assert_eq!(clock.started_at.as_deref(), Some(written(60).as_str()));

    // A customer had called before the machine saw anything: the clocks run from there, and detection with them.
    let second = decide(stated(&written(20), "客户来电"), 110).await.unwrap();
    assert_eq!(second.number, 2);
    let (after, clock) = assess(111).await;
    assert_eq!(clock.started_at.as_deref(), Some(written(20).as_str()));
    assert_eq!(
        after.facts.times.detected.unwrap().as_millisecond(),
        at(20).as_millis()
    );
    let all = analyst.awareness(case.id).await.unwrap();
    assert_eq!(all, [first, second], "the earlier decision stays");
    let kinds = house.ledger.kinds();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "analysis.aware-decided")
            .count(),
        2
    );
    let other = incident(&["mei"], &found);
    assert!(analyst.awareness(other.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn counsel_releases_a_gate_and_takes_it_back() {
    let house = house().await;
    let thief = actor(Some("mei"), Some("s"), "203.0.113.9");
    let walked = show(&house.lake, 40, thief.clone(), &[1, 2], Shown::default()).await;
    let found = [finding("scrm.id-walk", 50, &thief, vec![walked])];
    let case = incident(&["mei"], &found);
    let analyst = &house.analyst;
    let release = || NewRelease {
        what: "漏洞编号与影响版本，给 ENISA".into(),
        reason: "漏洞已修复".into(),
        reference: "法务 2026-17".into(),
    };
    let free =
        |gate: &'static str, now| analyst.release_gate(&case, gate, release(), "han", at(now));
    let gate = "evidence-abroad";
    assert!(matches!(free(gate, 80).await, Err(DecisionError::NoDuties)));
    let scope = analyst.assess_scope(&case, &found, at(90)).await.unwrap();
    let state = async |now: i64, gate: &str| {
        let known = Circumstances::default();
        let duties = analyst.assess_duties(&case, &found, &scope, &known, at(now));
        let answers = duties.await.unwrap().assess(analyst.rules()).unwrap();
        answers
            .gates
            .iter()
            .find(|known| known.id == gate)
            .unwrap()
            .state
    };
    assert_eq!(state(95, gate).await, GateState::Unknown);
    assert!(matches!(
        free("no-such", 96).await,
        Err(DecisionError::NoSuchGate(_))
    ));
    let nameless = analyst
        .release_gate(&case, gate, release(), " ", at(96))
        .await;
    assert!(matches!(nameless, Err(DecisionError::Empty("by"))));
    let mut unwritten = release();
    unwritten.reference = " ".into();
    let unwritten = analyst
        .release_gate(&case, gate, unwritten, "han", at(96))
        .await;
    assert!(matches!(unwritten, Err(DecisionError::Empty("reference"))));
    let early = analyst.revoke_gate(&case, gate, "…", "han", at(96)).await;
    assert!(matches!(early, Err(DecisionError::NotReleased(_))));

    free(gate, 97).await.unwrap();
    assert_eq!(state(98, gate).await, GateState::Released);
    assert_ne!(state(98, "vulnerability-abroad").await, GateState::Released);
    assert!(matches!(
        free(gate, 99).await,
        Err(DecisionError::Released(_))
    ));
    analyst
        .revoke_gate(&case, gate, "情况有变", "han", at(100))
        .await
        .unwrap();
    assert_eq!(state(101, gate).await, GateState::Unknown);
    free(gate, 102).await.unwrap();
    let acts = analyst.gate_acts(case.id).await.unwrap();
    let acts: Vec<_> = acts.iter().map(|act| (act.number, act.release)).collect();
    assert_eq!(acts, [(1, true), (2, false), (3, true)]);
    let kinds = house.ledger.kinds();
    assert!(kinds.contains(&"analysis.gate-revoked".to_owned()));
}

#[tokio::test]
async fn nothing_left_is_said_too_and_nothing_is_not_involved_while_bytes_are_unexplained() {
    let house = house().await;
    let thief = actor(Some("mei"), Some("s"), "203.0.113.9");
    let blind = Shown {
        explained: 0,
        ..Shown::default()
    };
    let walked = show(&house.lake, 40, thief.clone(), &[], blind).await;
    let found = [finding("scrm.id-walk", 50, &thief, vec![walked])];
    let case = incident(&["mei"], &found);
    let known = Circumstances {
        kinds_held: KindSet::of(&[DataKind::BankCard]),
        ..Circumstances::default()
    };
    let scope = house
        .analyst
        .assess_scope(&case, &found, at(90))
        .await
        .unwrap();
    assert!(scope.scope.likely == 0 && scope.scope.high > 0);
    let duties = house
        .analyst
        .assess_duties(&case, &found, &scope, &known, at(95))
        .await
        .unwrap();
    assert_eq!(duties.facts.breach.leaked, None);
    assert_eq!(duties.facts.breach.possible, Some(true));
    assert!(duties.facts.kinds_not_involved.is_empty());
    assert_eq!(duties.facts.method.coverage_percent, Some(0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever was shown to whom: the facts stand, and the likely set is what the thief's sessions were shown.
    #[test]
    fn the_facts_always_stand(
        shown in prop::collection::vec((0u8..3, prop::collection::vec(1u8..20, 0..6), 0u32..(1 << 23), 0u8..3), 1..24)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = house().await;
            let whose = [
                actor(Some("mei"), Some("s-thief"), "203.0.113.9"),
                actor(Some("mei"), Some("s-owner"), "10.0.0.5"),
                actor(Some("li"), Some("s-li"), "10.0.0.6"),
            ];
            let mut truth = BTreeSet::new();
            for (second, (who, seen, bits, end)) in shown.iter().enumerate() {
                let delivery = [None, Some(Delivery::Delivered), Some(Delivery::Withheld)][usize::from(*end)];
                let how = Shown { delivery, kinds: KindSet::from_bits(*bits), ..Shown::default() };
                show(&house.lake, second as i64, whose[usize::from(*who)].clone(), seen, how).await;
                if *who == 0 && delivery != Some(Delivery::Withheld) {
                    truth.extend(persons(seen));
                }
            }
            let found = [finding("scrm.id-walk", 50, &whose[0], vec![])];
            let case = incident(&["mei"], &found);
            let scope = house.analyst.assess_scope(&case, &found, at(90)).await.unwrap();
            prop_assert_eq!(likely(&scope.scope), truth);
            let known = Circumstances { kinds_held: KindSet::from_bits(u32::MAX), ..Circumstances::default() };
            let duties = house.analyst.assess_duties(&case, &found, &scope, &known, at(95)).await.unwrap();
            prop_assert!(duties.facts.check().is_ok());
            let kinds = duties.facts.kinds.as_ref().unwrap();
            prop_assert!(kinds.keys().all(|kind| !duties.facts.kinds_not_involved.contains(kind)));
            Ok(())
        })?;
    }
}
