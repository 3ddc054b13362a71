//! One case from finding to evidence, over the real store, ledger, lake, bus and playbook. Only what the gateway and
//! the SCRM would be is small: a policy that is really compiled and asked, recorded requests, an SCRM with a switch.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hudun::attacks::Attacks;
use hudun::bench::{Bench, Tools};
use hudun::care::{Care, Request};
use hudun::catalogue::{Acts, Check};
use hudun::desk::Desktop;
use hudun::keys::MasterKey;
use hudun::ledger::LedgerService;
use hudun::office::{Activity, Historian, Informer, Meters, Office, Playbooks, Probe, Recent};
use hudun::waf::Inspection;
use hudun_analyze::{Analyst, OrganisationSettings};
use hudun_bus::{PolicyBus, PolicySink};
use hudun_console::{Desk, DeskError, Law, Live, api, api::Caller, api::Role};
use hudun_contain::Keeper;
use hudun_core::{
    AccountId, Actor, BoxFuture, DataKind, Delivery, ExchangeEnd, ExchangeHead, ExchangeId,
    Finding, FindingId, Incident, IncidentId, IncidentState, KindSet, Lang, Level, LossReason,
    NoticeId, Policy, Release, Sighting, SubjectToken, Text, TimelineMark, Timestamp, Window,
};
use hudun_duty::RuleSet;
use hudun_lake::{Lake, LakeOptions, Record};
use hudun_ledger::{Trust, pack};
use hudun_policy::{Compiled, Recorded, RequestFacts, ResponseFacts};
use hudun_profile::{Profile, RequestView, Resolver};
use hudun_repair::{Direct, DirectAnswer};
use hudun_respond::{Cases, Intake, ResponseRules, Runner};
use hudun_store::Store;

const PLAYBOOK: &[u8] = include_bytes!("../../../playbooks/stolen-account.json");
const PLAYBOOK_ID: &str = "playbook--ae507c29-29f4-5ca3-a439-0322f86941b8";
const PROFILE: &str = r#"
format: 1
product: small-crm
title: { zh: 小客户系统, en: Small CRM }
verified: false
modules:
  - { id: customers, title: { zh: 客户, en: Customers } }
  - { id: exports, title: { zh: 导出, en: Exports } }
routes:
  - id: customer.read
    module: customers
    match:
      - { method: GET, path: "/customers/{id}" }
"#;

/// The gateway: a compiled policy that is asked, and the last minutes of traffic.
struct Gate {
    profile: Arc<Profile>,
    resolver: Resolver,
    policy: Mutex<Arc<Compiled>>,
    recent: Mutex<Vec<Arc<Recorded>>>,
}

impl PolicySink for Gate {
    fn accept(&self, policy: &Policy) -> Result<(), String> {
        Compiled::new(policy.clone())
            .map(|_| ())
            .map_err(|cause| cause.to_string())
    }

    fn enforce(&self, policy: &Arc<Policy>) {
        *self.policy.lock().unwrap() = Arc::new(Compiled::new(Policy::clone(policy)).unwrap());
    }
}

impl Probe for Gate {
    fn refuses(&self, account: &AccountId) -> bool {
        let view = RequestView::new("GET", "/customers/1", None, vec![]).unwrap();
        let resolution = self.resolver.resolve(&view).unwrap();
        let mut actor = Actor::unknown([203, 0, 113, 9].into());
        actor.account = Some(account.clone());
        let facts = RequestFacts {
            view: &view,
            resolution: &resolution,
            profile: &self.profile,
            actor: &actor,
            tenant: &"yunxi".parse().unwrap(),
            session_since: None,
            login_account: None,
        };
        let policy = self.policy.lock().unwrap().clone();
        policy
            .decide_request(&facts, Timestamp::now())
            .denied
            .is_some()
    }
}

impl Recent for Gate {
    fn snapshot(&self, window: Window) -> Vec<Arc<Recorded>> {
        let all = self.recent.lock().unwrap();
        all.iter()
            .filter(|one| window.contains(one.at))
            .cloned()
            .collect()
    }
}

/// The SCRM itself, with a switch for its hole.
struct Scrm(AtomicBool);

impl Direct for Scrm {
    fn send<'a>(&'a self, _: &'a RequestView) -> BoxFuture<'a, Result<DirectAnswer, String>> {
        let open = self.0.load(Ordering::Relaxed);
        let answer = DirectAnswer {
            status: if open { 200 } else { 403 },
            foreign_rows: u32::from(open),
        };
        Box::pin(async move { Ok(answer) })
    }
}

struct Quiet;

impl Meters for Quiet {
    fn losses(&self) -> Vec<(LossReason, u64)> {
        vec![]
    }

    fn released(&self) -> (u64, u64) {
        (1_000, 990)
    }

    fn parts(&self) -> Vec<api::PartHealth> {
        vec![]
    }
}

/// A product that nobody reaches.
struct Away;

impl hudun::intel::Product for Away {
    fn ask<'a>(
        &'a self,
        _: &'a hudun_intel::holes::TestRequest,
    ) -> BoxFuture<'a, Result<hudun_intel::holes::CheckAnswer, String>> {
        Box::pin(async { Err("away".to_owned()) })
    }
}

/// A notice and a retrospective that remember what was done with them.
#[derive(Default)]
struct Clerk {
    drafted: AtomicBool,
    approved: Mutex<Vec<(Role, String)>>,
    sent: AtomicBool,
    written: AtomicBool,
    notice: Mutex<Option<NoticeId>>,
}

impl Informer for Clerk {
    fn draft<'a>(
        &'a self,
        _: &'a Incident,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, bool), DeskError>> {
        let new = !self.drafted.swap(true, Ordering::Relaxed);
        self.notice
            .lock()
            .unwrap()
            .get_or_insert_with(NoticeId::new);
        Box::pin(async move { Ok((1, new)) })
    }

    fn notices(&self, _: IncidentId) -> BoxFuture<'_, Result<Vec<api::NoticeView>, DeskError>> {
        let state = if self.sent.load(Ordering::Relaxed) {
            api::NoticeState::Sent
        } else {
            api::NoticeState::Draft
        };
        let given = self.approved.lock().unwrap().clone();
        let view = self.notice.lock().unwrap().map(|id| api::NoticeView {
            id,
            audience: api::Audience::Person,
            lang: "zh-CN".into(),
            title: "告知".into(),
            sections: vec![],
            refusals: vec![],
            state,
            needs: vec![Role::Legal, Role::Commander],
            approvals: given
                .into_iter()
                .map(|(role, by)| api::NoticeApproval {
                    role,
                    by,
                    at: Timestamp::default(),
                })
                .collect(),
            recipients: 4,
            sent_at: None,
            due_at: None,
            sha256: "00".into(),
            letters: api::LetterCounts::default(),
            message: None,
            by_hand: false,
            kind: "personal_notice".to_owned(),
            to: None,
            duties: vec![],
            receipt: None,
            proofs: vec![],
        });
        Box::pin(async move { Ok(view.into_iter().collect()) })
    }

    fn preview(&self, _: NoticeId) -> BoxFuture<'_, Result<api::Preview, DeskError>> {
        let preview = api::Preview {
            subject: "告知".into(),
            text: "……".into(),
        };
        Box::pin(async move { Ok(preview) })
    }

    fn approve<'a>(
        &'a self,
        by: &'a str,
        _: NoticeId,
        role: Role,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        self.approved.lock().unwrap().push((role, by.to_owned()));
        Box::pin(async { Ok(()) })
    }

    fn send<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        self.sent.store(true, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }

    fn approve_letters<'a>(
        &'a self,
        _: &'a str,
        _: &'a [(NoticeId, String)],
        _: Role,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async { Ok(()) })
    }

    fn send_letters<'a>(
        &'a self,
        _: &'a str,
        _: IncidentId,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(usize, usize), DeskError>> {
        Box::pin(async { Ok((0, 0)) })
    }

    fn stop<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async { Ok(()) })
    }

    fn resume<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async { Ok(()) })
    }

    fn hand_in<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: &'a str,
        _: Option<(String, Vec<u8>)>,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async { Ok(()) })
    }

    fn export<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>> {
        Box::pin(async { Err(DeskError::NotFound("form")) })
    }

    fn proof<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<api::Download, DeskError>> {
        Box::pin(async { Err(DeskError::NotFound("proof")) })
    }

    fn open_letters(&self, _: NoticeId) -> BoxFuture<'_, Result<Vec<api::OpenLetter>, DeskError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn decide_letter<'a>(
        &'a self,
        _: &'a str,
        _: NoticeId,
        _: api::LetterDecision,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<(), DeskError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Historian for Clerk {
    fn write<'a>(
        &'a self,
        _: &'a Incident,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<bool, DeskError>> {
        let new = !self.written.swap(true, Ordering::Relaxed);
        Box::pin(async move { Ok(new) })
    }

    fn retrospective(
        &self,
        _: IncidentId,
    ) -> BoxFuture<'_, Result<Option<api::RetrospectiveView>, DeskError>> {
        Box::pin(async { Ok(None) })
    }
}

struct House {
    _folder: tempfile::TempDir,
    clerk: Arc<Clerk>,
    sender: Option<Arc<hudun_inform::Informer>>,
    office: Arc<Office>,
    desk: Desktop,
    scrm: Arc<Scrm>,
    gate: Arc<Gate>,
    case: Incident,
}

fn person(account: &str, roles: &[Role]) -> Caller {
    Caller {
        account: account.into(),
        name: account.into(),
        roles: roles.to_vec(),
    }
}

async fn house() -> House {
    house_of(OrganisationSettings::default(), None).await
}

/// A house of these firms. With settings, the stage that informs is the real one.
async fn house_of(
    organisations: OrganisationSettings,
    inform: Option<hudun_inform::InformSettings>,
) -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("state.db"))
        .await
        .unwrap();
    let (ledger, _) =
        LedgerService::open(&folder.path().join("ledger"), "firm.example/hudun").unwrap();
    let ledger = Arc::new(ledger);
    let (lake, _) = Lake::open(&folder.path().join("lake"), LakeOptions::default()).unwrap();
    let lake = Arc::new(lake);
    let keys = MasterKey::open(&folder.path().join("master.key")).unwrap();
    let now = Timestamp::now();

    let profile = Arc::new(Profile::parse(PROFILE, "small-crm.yaml").unwrap());
    let gate = Arc::new(Gate {
        resolver: Resolver::new(&profile).unwrap(),
        profile: profile.clone(),
        policy: Mutex::new(Arc::new(Compiled::new(Policy::empty(now)).unwrap())),
        recent: Mutex::default(),
    });
    let bus = Arc::new(PolicyBus::open(&store, now).await.unwrap());
    bus.attach(gate.clone());
    let keeper = Keeper::new(bus.clone(), ledger.clone(), &store);
    let cases = Cases::open(&store, ResponseRules::built_in().unwrap(), ledger.clone())
        .await
        .unwrap();
    let cases = Arc::new(cases);
    let rules = Arc::new(RuleSet::embedded().unwrap());
    let analyst = Arc::new(Analyst::new(
        &store,
        lake.clone(),
        rules.clone(),
        organisations,
        ledger.clone(),
    ));
    let scrm = Arc::new(Scrm(AtomicBool::new(true)));
    let config: hudun::config::Config = serde_saphyr::from_str(&format!(
        "data: {}\ngateway: {{ listen: 127.0.0.1:0, upstream: \"http://127.0.0.1:9\", profile: none.yaml }}",
        folder.path().display()
    ))
    .unwrap();
    let intel = hudun::intel::open(
        &config,
        &store,
        &profile,
        Arc::new(Away),
        scrm.clone(),
        gate.clone(),
        now,
    )
    .await
    .unwrap();
    let tools = Tools {
        recent: gate.clone(),
        direct: Some(scrm.clone()),
        profile,
        own_scope_roles: vec!["sales".into()],
        known: intel.known.clone(),
    };
    let bench = Arc::new(Bench::new(
        &store,
        keeper.clone(),
        analyst.clone(),
        ledger.clone(),
        Attacks::new(&store, &keys),
        tools,
    ));
    let live = Live::new();
    let clerk = Arc::new(Clerk::default());
    let sender = inform.map(|settings| {
        let nobody = Arc::new(hudun::stages::NoAddresses);
        let sender = hudun_inform::Informer::new(&store, rules, settings, nobody, ledger.clone());
        Arc::new(sender)
    });
    let informer: Arc<dyn Informer> = match &sender {
        Some(sender) => {
            hudun::notices::notices(sender.clone(), analyst.clone(), "example.cn".into())
        }
        None => clerk.clone(),
    };
    let acts = Arc::new(Acts {
        lake: Arc::clone(&lake),
        cases: cases.clone(),
        keeper: keeper.clone(),
        analyst: analyst.clone(),
        bench: bench.clone(),
        ledger: ledger.clone(),
        probe: gate.clone(),
        informer: Some(informer.clone()),
        historian: Some(clerk.clone()),
        kinds_held: KindSet::of(&[DataKind::Name, DataKind::Mobile]),
        checks: Check::collection(&store),
        live: live.clone(),
    });
    let care = Arc::new(Care::new(&store, &keys, cases.clone(), live.clone()));
    let runner = Runner::new(store.run_journal(), acts.clone(), ledger.clone(), "here");

    let mut evidence = vec![];
    for n in 0..6u8 {
        let stolen = n < 4;
        let id = ExchangeId::new();
        let mut actor = Actor::unknown(
            if stolen {
                [203, 0, 113, 9]
            } else {
                [10, 0, 0, 8]
            }
            .into(),
        );
        actor.account = Some(if stolen { "lin.xiao" } else { "han.mei" }.parse().unwrap());
        actor.role = Some("sales".into());
        actor.session = Some(
            if stolen { "s-stolen" } else { "s-honest" }
                .parse()
                .unwrap(),
        );
        let at = now.plus_millis(i64::from(n) - 60_000);
        let view = RequestView::new("GET", &format!("/customers/{n}"), None, vec![]).unwrap();
        let kinds = KindSet::of(&[DataKind::Name, DataKind::Mobile]);
        let rows = u32::from(stolen);
        gate.recent.lock().unwrap().push(Arc::new(Recorded {
            exchange: id,
            at,
            resolution: gate.resolver.resolve(&view).unwrap(),
            view,
            actor: actor.clone(),
            tenant: "yunxi".parse().unwrap(),
            session_since: None,
            login_account: None,
            status: 200,
            answer: Some(ResponseFacts {
                rows: 1,
                foreign_rows: rows,
                kinds,
            }),
        }));
        leak(&lake, "yunxi", id, actor, n, at).await;
        if stolen {
            evidence.push(id);
        }
    }
    let mut actor = Actor::unknown([203, 0, 113, 9].into());
    actor.account = Some("lin.xiao".parse().unwrap());
    actor.session = Some("s-stolen".parse().unwrap());
    let finding = Finding {
        id: FindingId::new(),
        at: now.plus_millis(-30_000),
        triggered_at: now.plus_millis(-60_000),
        tenant: "yunxi".parse().unwrap(),
        rule: "scrm.id-walk".into(),
        title: Text::new("逐个读取他人客户", "customers of others read one by one"),
        why: Text::new("4 名他人客户", "4 customers of others"),
        level: Level::High,
        actor,
        module: "customers".parse().unwrap(),
        evidence,
        tags: vec!["API1:2023".into()],
    };
    let Intake::Opened(case) = cases
        .take_in(finding, Some(PLAYBOOK_ID), false)
        .await
        .unwrap()
    else {
        unreachable!("a finding of level high opens a case")
    };
    let rules = hudun::waf::load(&hudun::waf::RuleOptions::default()).unwrap();
    let waf = hudun_gateway::Waf::new(
        rules,
        "rules/waf",
        Duration::ZERO,
        hudun_gateway::WafSettings::default(),
        None,
    );
    let inspection = Inspection::open(Arc::new(waf), gate.profile.clone(), &store)
        .await
        .unwrap();
    let (ledger_of_intel, live_of_intel) = (ledger.clone(), live.clone());
    let office = Arc::new(Office {
        store,
        cases,
        runner,
        keeper,
        bus,
        ledger,
        lake,
        analyst,
        bench,
        acts,
        playbooks: Arc::new(Playbooks::read(vec![PLAYBOOK.to_vec()]).unwrap()),
        live,
        meters: Arc::new(Quiet),
        activity: Arc::new(Activity::default()),
        informer: Some(informer),
        historian: Some(clerk.clone()),
        inspection: Some(Arc::new(inspection)),
        care,
        intel: Arc::new(intel.with("yunxi".parse().unwrap(), ledger_of_intel, live_of_intel)),
        demo: None,
        assessed: Mutex::default(),
    });
    let desk = Desktop(office.clone());
    House {
        _folder: folder,
        clerk,
        sender,
        office,
        desk,
        scrm,
        gate,
        case: *case,
    }
}

/// One exchange at rest that showed the person `n`.
async fn leak(lake: &Lake, tenant: &str, id: ExchangeId, actor: Actor, n: u8, at: Timestamp) {
    let foreign = actor
        .session
        .as_ref()
        .is_some_and(|session| session.as_str() == "s-stolen");
    let head = ExchangeHead {
        id,
        at,
        tenant: tenant.parse().unwrap(),
        actor,
        module: "customers".parse().unwrap(),
        route: "customer.read".parse().unwrap(),
        method: "GET".into(),
        path: "/customers/{id}".into(),
        export: false,
        login: false,
        signals: vec![],
        drill: None,
        touched: Vec::new(),
        rtt_ms: None,
        about: None,
        push: None,
    };
    let kinds = KindSet::of(&[DataKind::Name, DataKind::Mobile]);
    let release = Release {
        exchange: id,
        group: 0,
        at,
        bytes: 1_000,
        explained: 1_000,
        rows: 1,
        foreign_rows: u32::from(foreign),
        sightings: vec![Sighting::new(SubjectToken::from_bytes([n; 16]), kinds)],
    };
    lake.journal().append_small(head, release).await.unwrap();
    let end = ExchangeEnd {
        exchange: id,
        at,
        status: 200,
        success: true,
        delivery: Delivery::Delivered,
        groups: 1,
        request_bytes: 0,
        response_bytes: 1_000,
        millis: 1,
        refusal: None,
    };
    lake.journal().append(Record::End(end)).await.unwrap();
}

/// The step that waits, once one does; nothing once the run is over.
async fn waiting(house: &House) -> Option<String> {
    for _ in 0..2_000 {
        let run = house.desk.room(house.case.id).await.unwrap().run.unwrap();
        if let Some(step) = run.steps.iter().find(|step| step.waiting.is_some()) {
            return Some(step.id.clone());
        }
        if run.ended_at.is_some() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run neither waits nor ends")
}

async fn approve(house: &House, by: &Caller, step: &str) {
    let decision = api::StepDecision {
        approve: true,
        note: String::new(),
    };
    let step = step.parse().unwrap();
    house
        .desk
        .decide_step(by, house.case.id, step, decision)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_finding_to_evidence() {
    let house = house().await;
    let (desk, id) = (&house.desk, house.case.id);
    let li = person("li.lei", &[Role::Commander, Role::Security]);
    let han = person("han.meimei", &[Role::Security]);

    let overview = desk.overview().await.unwrap();
    assert_eq!(overview.open.len(), 1);
    desk.acknowledge(&li, id).await.unwrap();
    desk.start_run(&li, id, api::StartRun::default())
        .await
        .unwrap();
    let again = desk.start_run(&li, id, api::StartRun::default()).await;
    assert!(
        matches!(again, Err(DeskError::Conflict(_))),
        "one run at a time"
    );

    // The machine contains, assesses and drafts by itself; then it asks for the patch.
    let step = waiting(&house).await.unwrap();
    let room = desk.room(id).await.unwrap();
    let marks: Vec<_> = room.incident.marks.iter().map(|mark| mark.mark).collect();
    for mark in [
        TimelineMark::Acknowledged,
        TimelineMark::Contained,
        TimelineMark::Scoped,
        TimelineMark::Drafted,
    ] {
        assert!(marks.contains(&mark), "{mark:?} in {marks:?}");
    }
    let scope = room.scope.as_ref().unwrap();
    assert_eq!(
        (scope.low, scope.likely, scope.high),
        (4, 4, 4),
        "the honest session does not count"
    );
    assert!(room.duties.is_some());
    assert_eq!(room.patches.len(), 1);
    let proof = room.patches[0].proof.as_ref().unwrap();
    assert_eq!(
        (
            proof.attack.good,
            proof.attack.all,
            proof.real.good,
            proof.real.all
        ),
        (4, 4, 2, 2)
    );
    assert_eq!(room.containment.len(), 4);
    assert!(
        room.containment
            .iter()
            .all(|line| line.verified == Some(true))
    );
    assert!(
        room.timeline
            .iter()
            .all(|line| !line.text.zh.is_empty() && line.hash.len() == 64)
    );

    // Nothing that needs the repair may be lifted yet.
    let isolation = room
        .containment
        .iter()
        .find(|line| line.kind == api::RestrictionKind::Isolation)
        .unwrap();
    assert_eq!(isolation.lift, api::LiftState::Blocked);
    let early = desk.undo(&li, isolation.id, "too early".into()).await;
    assert!(matches!(early, Err(DeskError::Conflict(_))));

    approve(&house, &li, &step).await;
    let fix = waiting(&house).await.unwrap();
    let room = desk.room(id).await.unwrap();
    assert!(
        room.patches[0].restriction.is_some(),
        "the patch is in force"
    );

    // The first time the hole is still there: the proof fails and the run asks again.
    approve(&house, &li, &fix).await;
    let fix = waiting(&house).await.unwrap();
    let room = desk.room(id).await.unwrap();
    assert_eq!(room.repair.verdict, api::Verdict::Fail);
    assert_eq!(room.incident.summary.state, IncidentState::Contained);
    house.scrm.0.store(false, Ordering::Relaxed);
    approve(&house, &li, &fix).await;
    assert_eq!(waiting(&house).await, None);
    let room = desk.room(id).await.unwrap();
    assert_eq!(room.repair.verdict, api::Verdict::Pass);
    assert_eq!(room.incident.summary.state, IncidentState::Repaired);

    let run = room.run.as_ref().unwrap();
    assert_eq!(run.state, api::RunState::Done);
    assert!(house.clerk.written.load(Ordering::Relaxed));

    // A notice goes from draft to sent through the desk; one of another case is not found.
    let notice = room.notices[0].id;
    for (by, role) in [(&li, Role::Commander), (&han, Role::Legal)] {
        desk.approve_notice(by, id, notice, role, "00".into())
            .await
            .unwrap();
    }
    // An answer that was on its way when the scope was computed shows one more person.
    let lake = &house.office.lake;
    let late = ExchangeId::new();
    let mut actor = Actor::unknown([203, 0, 113, 9].into());
    actor.account = Some("lin.xiao".parse().unwrap());
    actor.session = Some("s-stolen".parse().unwrap());
    leak(
        lake,
        "yunxi",
        late,
        actor,
        99,
        room.scope.as_ref().unwrap().window.unwrap().to,
    )
    .await;
    desk.send_notice(&li, id, notice).await.unwrap();
    let scope = desk.room(id).await.unwrap().scope.unwrap();
    assert_eq!(scope.likely, 5, "nothing goes out on an old scope");
    let view = desk.notice(id, notice).await.unwrap();
    assert_eq!(
        (view.state, view.approvals.len()),
        (api::NoticeState::Sent, 2)
    );
    let other = desk.preview(id, NoticeId::new()).await;
    assert!(matches!(other, Err(DeskError::NotFound("notice"))));

    // Two persons lift what needs two.
    let asked = desk
        .undo(&li, isolation.id, "repaired".into())
        .await
        .unwrap();
    let approval = asked.approval.unwrap().id;
    let yes = || api::Decision {
        approve: true,
        note: String::new(),
    };
    let alone = desk.decide_approval(&li, approval.clone(), yes()).await;
    assert!(matches!(alone, Err(DeskError::Refused(_))));
    desk.decide_approval(&han, approval.clone(), yes())
        .await
        .unwrap();
    let twice = desk.decide_approval(&han, approval, yes()).await;
    assert!(matches!(twice, Err(DeskError::Conflict(_))));
    let room = desk.room(id).await.unwrap();
    let line = room
        .containment
        .iter()
        .find(|line| line.id == isolation.id)
        .unwrap();
    assert_eq!(line.lift, api::LiftState::Gone);

    // Going back takes two persons as well, and the document is a new revision.
    let before = desk.revisions().await.unwrap().current;
    let back = api::RollBack {
        revision: before - 1,
        reason: "drill".into(),
    };
    let asked = desk.roll_back(&li, back).await.unwrap().approval.unwrap();
    desk.decide_approval(&han, asked.id, yes()).await.unwrap();
    assert_eq!(desk.revisions().await.unwrap().current, before + 1);

    // The evidence checks out by itself.
    let file = desk.export_evidence(&li, id).await.unwrap();
    let trust = Trust {
        key: Some(house.office.ledger.verifier()),
        ..Trust::default()
    };
    let report = pack::verify(&file.bytes[..], &trust);
    assert!(report.is_sound(), "{:?}", report.problems);
    let mut torn = file.bytes.clone();
    let middle = torn.len() / 2;
    torn[middle] ^= 1;
    assert!(!pack::verify(&torn[..], &trust).is_sound());
}

fn aware(moment: &str, evidence: &[&str], early: &str) -> Law {
    Law::Aware(api::NewAwareness {
        moment: moment.into(),
        reason: "值班确认为事件".into(),
        evidence: evidence.iter().map(ToString::to_string).collect(),
        early: early.into(),
    })
}

/// Which field was refused.
fn field(answer: Result<api::Done, DeskError>) -> &'static str {
    match answer {
        Err(DeskError::Invalid { field, text }) => {
            assert!(!text.zh.is_empty() && !text.en.is_empty());
            field
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_run_from_the_decision_of_a_named_person_and_follow_its_correction() {
    let firm = hudun_duty::Organisation {
        name: "云溪".into(),
        countries: Some(["CN".to_owned()].into()),
        roles: Some([hudun_duty::Role::Controller].into()),
        ..hudun_duty::Organisation::default()
    };
    let settings = OrganisationSettings {
        tenants: [("yunxi".parse().unwrap(), firm)].into(),
        ..OrganisationSettings::default()
    };
    let house = house_of(settings, Some(hudun_inform::InformSettings::default())).await;
    let (desk, id) = (&house.desk, house.case.id);
    let li = person("li.lei", &[Role::Commander, Role::Security]);
    let now = Timestamp::now();
    let first = house.case.mark(TimelineMark::Detected).unwrap();
    let zulu = |at: Timestamp| at.to_string();

    // Before anything is computed, a decision is kept all the same.
    desk.law(&li, id, aware(&zulu(now), &["#4000"], ""))
        .await
        .unwrap_err();
    let room = desk.room(id).await.unwrap();
    let opened = format!("#{}", room.timeline[0].seq);
    let finding = house.case.findings[0].to_string();
    desk.law(
        &li,
        id,
        aware(&zulu(first), &[&opened, &finding, "值班电话记录"], ""),
    )
    .await
    .unwrap();
    desk.start_run(&li, id, api::StartRun::default())
        .await
        .unwrap();
    waiting(&house).await.unwrap();
    let clocks = async || {
        let room = desk.room(id).await.unwrap();
        let duties = room.duties.unwrap().obligations;
        let duty = duties
            .into_iter()
            .find(|duty| duty.id == "CN-PIPL-57")
            .unwrap();
        let notices: Vec<_> = room.notices.iter().map(|one| one.sha256.clone()).collect();
        (duty, notices)
    };
    let (duty, drafts) = clocks().await;
    assert_eq!(
        duty.triggered_at,
        Some(Timestamp::from_millis(first.as_millis() / 1_000 * 1_000))
    );
    assert!(!duty.provisional);
    assert!(
        duty.clock_from.en.contains("decision no. 1 by li.lei"),
        "{}",
        duty.clock_from.en
    );

    let sooner = first.plus_millis(-3_600_000);
    for (law, refused) in [
        (aware("2026-11-30 08:00", &["x"], ""), "moment"),
        (
            aware(&zulu(now.plus_millis(86_400_000)), &["x"], ""),
            "moment",
        ),
        (aware(&zulu(sooner), &["x"], ""), "early"),
        (aware(&zulu(now), &["#999999"], ""), "evidence"),
        (aware(&zulu(now), &["#one"], ""), "evidence"),
        (
            aware(&zulu(now), &[&FindingId::new().to_string()], ""),
            "evidence",
        ),
        (aware(&zulu(now), &[], ""), "evidence"),
        (aware(&zulu(now), &["x"; 21], ""), "evidence"),
    ] {
        assert_eq!(field(desk.law(&li, id, law).await), refused);
    }
    let nowhere = desk
        .law(&li, IncidentId::new(), aware(&zulu(now), &["x"], ""))
        .await;
    assert!(matches!(nowhere, Err(DeskError::NotFound("incident"))));

    // The correction counts at once, in the clocks and in the drafts, and the first decision stays to be seen.
    let han = person("han.meimei", &[Role::Legal]);
    desk.law(
        &han,
        id,
        aware(&zulu(sooner), &["客服录音 8821"], "客户已来电投诉"),
    )
    .await
    .unwrap();
    let (duty, anew) = clocks().await;
    assert_eq!(
        duty.triggered_at,
        Some(Timestamp::from_millis(sooner.as_millis() / 1_000 * 1_000))
    );
    assert!(duty.clock_from.en.contains("no. 2 by han.meimei"));
    assert_ne!(drafts, anew, "the drafts tell the new moment");
    let room = desk.room(id).await.unwrap();
    let shown: Vec<_> = room
        .awareness
        .iter()
        .map(|one| (one.number, one.current, one.by.as_str()))
        .collect();
    assert_eq!(shown, [(1, false, "li.lei"), (2, true, "han.meimei")]);
    let told = room
        .timeline
        .iter()
        .filter(|line| line.kind == "analysis.aware-decided");
    assert_eq!(told.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_gate_held_back_goes_on_when_counsel_releases_it() {
    let firm = hudun_duty::Organisation {
        name: "云溪".into(),
        countries: Some(["CN".to_owned(), "DE".to_owned()].into()),
        roles: Some([hudun_duty::Role::Supplier, hudun_duty::Role::Controller].into()),
        own_product: Some(true),
        eu_product: Some(true),
        ..hudun_duty::Organisation::default()
    };
    let settings = OrganisationSettings {
        tenants: [("yunxi".parse().unwrap(), firm)].into(),
        ..OrganisationSettings::default()
    };
    let house = house_of(settings, Some(hudun_inform::InformSettings::default())).await;
    let (desk, id) = (&house.desk, house.case.id);
    let li = person("li.lei", &[Role::Commander, Role::Security]);
    let han = person("han.meimei", &[Role::Legal]);
    desk.start_run(&li, id, api::StartRun::default())
        .await
        .unwrap();
    waiting(&house).await.unwrap();

    let gate = "vulnerability-abroad";
    let stands = async || {
        let room = desk.room(id).await.unwrap();
        let gates = room.duties.unwrap().gates;
        let view = gates.into_iter().find(|known| known.id == gate).unwrap();
        // A police report stands beside the report to the regulator, and no gate holds it.
        let report = room
            .notices
            .into_iter()
            .find(|notice| notice.kind == "regulator_first")
            .unwrap();
        let held = report
            .refusals
            .iter()
            .any(|refusal| refusal.text.en.contains("vulnerability detail abroad"));
        (view, held)
    };
    let (view, held) = stands().await;
    assert_eq!(
        view.state,
        api::GateWord::Unknown,
        "nobody has said whether the hole is disclosed"
    );
    assert!(held, "the report to the regulator is held back");
    assert!(
        view.next.zh.contains("法务") && view.releasable,
        "it says what to do"
    );

    let release = || {
        let written = api::GateRelease {
            what: "漏洞编号与受影响版本，报 ENISA".into(),
            reason: "补丁已发布，细节不含利用方法".into(),
            reference: "法务函 2026-17".into(),
        };
        Law::Release(gate.into(), written)
    };
    desk.law(&han, id, release()).await.unwrap();
    let (view, held) = stands().await;
    assert_eq!(view.state, api::GateWord::Released);
    assert!(!held, "it can go on at once");
    assert_eq!(
        (view.acts.len(), view.acts[0].by.as_str()),
        (1, "han.meimei")
    );
    let twice = desk.law(&han, id, release()).await;
    assert!(matches!(twice, Err(DeskError::Conflict(_))));

    desk.law(
        &han,
        id,
        Law::Revoke(gate.into(), "媒体已披露利用方法".into()),
    )
    .await
    .unwrap();
    let (view, held) = stands().await;
    assert_eq!((view.state, view.acts.len()), (api::GateWord::Unknown, 2));
    assert!(held, "taken back, it stops again");
    let no = desk
        .law(&han, id, Law::Revoke("no-gate".into(), "x".into()))
        .await;
    assert!(matches!(no, Err(DeskError::NotFound("gate"))));
    let lines = desk.room(id).await.unwrap().timeline;
    for kind in ["analysis.gate-released", "analysis.gate-revoked"] {
        assert!(lines.iter().any(|line| line.kind == kind), "{kind}");
    }
}

/// A long export is in the recent traffic only once it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn patches_asked_for_while_the_attack_is_on_its_way_are_drafted_when_it_shows() {
    let house = house().await;
    let (desk, id) = (&house.desk, house.case.id);
    let li = person("li.lei", &[Role::Commander, Role::Security]);
    let attack = std::mem::take(&mut *house.gate.recent.lock().unwrap());
    desk.acknowledge(&li, id).await.unwrap();
    desk.start_run(&li, id, api::StartRun::default())
        .await
        .unwrap();
    assert!(waiting(&house).await.is_some());
    let acts = &house.office.acts;
    let look = async || {
        let case = house.office.cases.get(id).await.unwrap();
        acts.propose_late(&case, Timestamp::now()).await.unwrap();
        let case = house.office.cases.get(id).await.unwrap();
        let patches = house.office.bench.proposals(id).await.unwrap();
        (patches.len(), case.mark(TimelineMark::Drafted).is_some())
    };
    assert_eq!(look().await, (0, false));
    *house.gate.recent.lock().unwrap() = attack;
    let (patches, drafted) = look().await;
    assert!(patches > 0 && drafted);
    assert_eq!(look().await, (patches, true), "once is enough");
}

/// An exception is made by a named person who has seen what it lets pass, stands on the ledger, and can be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_exception_takes_the_preview_and_stands_on_the_ledger() {
    let house = house().await;
    let desk = &house.desk;
    let li = person("li.lei", &[Role::Commander]);
    let view = desk.inspection().await.unwrap();
    assert!(view.stops.is_empty() && view.exceptions.is_empty());
    let rules = view.rules.unwrap();
    assert_eq!((rules.name.as_str(), rules.previous), ("rules/waf", None));
    let back = desk.roll_back_rules(&li, "worse".into()).await;
    assert!(matches!(back, Err(DeskError::Conflict(_))));

    let draft = |rule, route: &str| api::ExceptionDraft {
        rule,
        place: "ARGS:q".into(),
        route: route.into(),
    };
    for wrong in [draft(1, "customer.read"), draft(1_000_200, "no.such")] {
        let refused = desk.preview_exception(wrong).await;
        assert!(matches!(refused, Err(DeskError::Conflict(_))));
    }
    let good = draft(1_000_200, "customer.read");
    let preview = desk.preview_exception(good.clone()).await.unwrap();
    let passing = preview.attacks.len() as u64;
    assert!(preview.tried > passing && passing > 0, "{preview:?}");
    let wanted = |attacks| api::NewException {
        rule: good.rule,
        place: good.place.clone(),
        route: good.route.clone(),
        reason: "names with quotes".into(),
        attacks,
    };
    let unread = desk.add_exception(&li, wanted(passing - 1)).await;
    assert!(matches!(unread, Err(DeskError::Conflict(_))));
    desk.add_exception(&li, wanted(passing)).await.unwrap();
    let twice = desk.add_exception(&li, wanted(passing)).await;
    assert!(matches!(twice, Err(DeskError::Conflict(_))));

    let rule = |rule: &str, route: &str, signs: &[&str], longest| api::ParameterRule {
        route: route.into(),
        parameter: "page".into(),
        rule: rule.into(),
        signs: signs.iter().map(|sign| (*sign).to_owned()).collect(),
        longest,
        reason: "pages are numbers".into(),
    };
    for wrong in [
        rule("only", "no.such", &["digits"], Some(4)),
        rule("only", "customer.read", &["runes"], Some(4)),
        rule("only", "customer.read", &[], Some(4)),
        rule("only", "customer.read", &["digits"], None),
        rule("maybe", "customer.read", &[], None),
    ] {
        let refused = desk.rule_parameter(&li, wrong.clone()).await;
        assert!(
            matches!(refused, Err(DeskError::Conflict(_))),
            "{wrong:?} {refused:?}"
        );
    }
    let unknown = rule("forget", "customer.read", &[], None);
    let refused = desk.rule_parameter(&li, unknown.clone()).await;
    assert!(matches!(refused, Err(DeskError::NotFound(_))));
    let only = rule("only", "customer.read", &["digits"], Some(4));
    desk.rule_parameter(&li, only).await.unwrap();
    let page = desk.inspection().await.unwrap().parameters.remove(0);
    assert_eq!(
        (page.parameter.as_str(), page.state.as_str(), page.longest),
        ("page", "only", Some(4))
    );
    desk.rule_parameter(&li, unknown).await.unwrap();
    assert!(desk.inspection().await.unwrap().parameters.is_empty());

    let shown = desk.inspection().await.unwrap().exceptions.remove(0);
    assert_eq!(shown.by.as_deref(), Some("li.lei"));
    assert_eq!(shown.route.as_deref(), Some("customer.read"));
    let id = shown.id.unwrap();
    desk.remove_exception(&li, id.clone(), "fixed".into())
        .await
        .unwrap();
    let gone = desk.remove_exception(&li, id, "again".into()).await;
    assert!(matches!(gone, Err(DeskError::NotFound(_))));
    let kinds: Vec<String> = house
        .office
        .ledger
        .recent(10)
        .unwrap()
        .into_iter()
        .filter(|line| line.entry.actor == "li.lei")
        .map(|line| line.entry.kind)
        .collect();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "inspection.parameter")
            .count(),
        2
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "inspection.excepted")
            .count(),
        1
    );
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| *kind == "inspection.exception-removed")
            .count(),
        1
    );
}

/// A case that opens harmless and becomes grave gets its playbook, too.
#[tokio::test(flavor = "multi_thread")]
async fn with_auto_the_playbook_starts_when_a_case_becomes_grave() {
    let house = house().await;
    let office = house.office.clone();
    let sender = Arc::new(hudun_inform::Informer::new(
        &office.store,
        Arc::new(RuleSet::embedded().unwrap()),
        hudun_inform::InformSettings::default(),
        Arc::new(hudun::stages::NoAddresses),
        office.ledger.clone(),
    ));
    let intake = Arc::new(hudun::intake::Intake {
        office: office.clone(),
        sender,
        auto: true,
    });
    let (findings, queue) = tokio::sync::mpsc::channel(4);
    let stop = tokio_util::sync::CancellationToken::new();
    let worker = tokio::spawn(intake.run(queue, stop));
    let mut finding = office.cases.findings(&house.case).await.unwrap().remove(0);
    finding.actor.account = Some("zhao.min".parse().unwrap());
    for (rule, level) in [
        ("scrm.object-probing", Level::High),
        ("scrm.id-walk", Level::High),
    ] {
        finding.id = FindingId::new();
        finding.rule = rule.into();
        finding.level = level;
        findings.send(finding.clone()).await.unwrap();
    }
    drop(findings);
    worker.await.unwrap();
    let case = office.cases.newest(1).await.unwrap().remove(0);
    assert_eq!(case.suspects, ["zhao.min".parse().unwrap()]);
    assert_eq!(case.findings.len(), 2);
    assert!(case.run.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_so() {
    let house = house().await;
    let desk = &house.desk;
    let li = person("li.lei", &[Role::Commander]);
    let no = api::PageQuery {
        before: Some("finding-none".into()),
        limit: None,
    };
    assert!(matches!(
        desk.findings(no).await,
        Err(DeskError::Invalid {
            field: "before",
            ..
        })
    ));
    assert!(matches!(
        desk.room(hudun_core::IncidentId::new()).await,
        Err(DeskError::NotFound("incident"))
    ));
    assert!(matches!(
        desk.approval("nobody".into()).await,
        Err(DeskError::NotFound("approval"))
    ));
    assert!(matches!(
        desk.restart_hardened(&li).await,
        Err(DeskError::Refused(_))
    ));
    let close = desk.close(&li, house.case.id, "false alarm".into()).await;
    assert!(
        matches!(close, Err(DeskError::Conflict(_))),
        "tasks are open"
    );
    for task in desk.room(house.case.id).await.unwrap().tasks {
        let bare = api::TaskChange {
            task_move: api::TaskMove::Drop,
            note: String::new(),
        };
        assert!(matches!(
            desk.change_task(&li, task.id, bare).await,
            Err(DeskError::Invalid { .. })
        ));
        let drop = api::TaskChange {
            task_move: api::TaskMove::Drop,
            note: "false alarm".into(),
        };
        desk.change_task(&li, task.id, drop).await.unwrap();
    }
    desk.close(&li, house.case.id, "false alarm".into())
        .await
        .unwrap();
    let page = desk.incidents(api::PageQuery::default()).await.unwrap();
    assert_eq!(page.items[0].state, IncidentState::Closed);
}

#[tokio::test]
async fn a_request_for_help_is_read_by_who_takes_it_and_is_gone_when_it_is_over() {
    let house = house().await;
    let ask = async || {
        let request = Request {
            address: "li@example.cn".into(),
            words: "有人冒充客服".into(),
            lang: Lang::Zh,
        };
        let now = Timestamp::now();
        let opened = house
            .office
            .care
            .open(&house.case, "l***@e***.cn", &request, now);
        opened.await.unwrap()
    };
    let (fang, other) = (
        person("fang.yuan", &[Role::Business]),
        person("xu.lei", &[Role::Business]),
    );
    let first = ask().await;
    let again = ask().await;
    assert!(first.new && !again.new && again.reference == first.reference);

    let room = house.desk.room(house.case.id).await.unwrap();
    let task = room.tasks.iter().find(|task| task.care).unwrap();
    assert_eq!(room.tasks.iter().filter(|task| task.care).count(), 1);
    assert_eq!(task.department, hudun_core::Department::Business);
    assert!(task.title.zh.contains(&first.reference) && task.title.zh.contains("l***@e***.cn"));
    let id = task.id;
    let change = |task_move| api::TaskChange {
        task_move,
        note: String::new(),
    };
    let early = house.desk.open_care(&fang, id).await;
    assert!(
        matches!(early, Err(DeskError::Conflict(_))),
        "not taken yet"
    );
    house
        .desk
        .change_task(&fang, id, change(api::TaskMove::Take))
        .await
        .unwrap();
    let foreign = house.desk.open_care(&other, id).await;
    assert!(
        matches!(foreign, Err(DeskError::Conflict(_))),
        "somebody else's"
    );
    let seen = house.desk.open_care(&fang, id).await.unwrap();
    assert_eq!(
        (
            seen.address.as_str(),
            seen.words.as_str(),
            seen.lang.as_str()
        ),
        ("li@example.cn", "有人冒充客服", "zh-CN")
    );
    let plain = room.tasks.iter().find(|task| !task.care).unwrap().id;
    house
        .desk
        .change_task(&fang, plain, change(api::TaskMove::Take))
        .await
        .unwrap();
    let none = house.desk.open_care(&fang, plain).await;
    assert!(matches!(none, Err(DeskError::NotFound(_))));

    let room = house.desk.room(house.case.id).await.unwrap();
    let lines = serde_json::to_string(&room).unwrap();
    assert!(!lines.contains("li@example.cn") && !lines.contains("冒充"));
    let opened: Vec<_> = room
        .timeline
        .iter()
        .filter(|line| line.kind == "care.opened")
        .collect();
    assert_eq!((opened.len(), opened[0].by.as_str()), (1, "fang.yuan"));
    let asked = room
        .timeline
        .iter()
        .find(|line| line.kind == "care.asked")
        .unwrap();
    assert!(
        asked.text.zh.contains(&first.reference),
        "{}",
        asked.text.zh
    );

    house
        .desk
        .change_task(&fang, id, change(api::TaskMove::Done))
        .await
        .unwrap();
    assert_eq!(house.office.care.read(id).await.unwrap(), None);
    assert!(house.desk.open_care(&fang, id).await.is_err());
    let room = house.desk.room(house.case.id).await.unwrap();
    assert!(room.tasks.iter().all(|task| !task.care));
    assert!(ask().await.new, "a new worry, a new ticket");
}

/// A vendor's firm, as the configuration says it.
fn firm(name: &str, roles: &[hudun_duty::Role]) -> hudun_duty::Organisation {
    let full: serde_json::Value =
        serde_json::from_str(include_str!("../../duty/tests/common/full.json")).unwrap();
    let organisation: hudun_duty::Organisation =
        serde_json::from_value(full["organisation"].clone()).unwrap();
    hudun_duty::Organisation {
        name: name.to_owned(),
        countries: Some(["CN".to_owned()].into()),
        roles: Some(roles.iter().copied().collect()),
        ..organisation
    }
}

/// From exchanges at rest to letters in the mail: the attacker of one tenant's case was at two others as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_tells_each_tenant_its_own_numbers_once() {
    use hudun_duty::Role as R;
    let mut organisations = OrganisationSettings {
        vendor: Some(firm(
            "护盾云科技有限公司",
            &[R::Processor, R::NetworkOperator],
        )),
        ..OrganisationSettings::default()
    };
    organisations.system.name = "云客 SCRM".to_owned();
    let names = [
        ("yunxi", "云溪商贸有限公司"),
        ("north", "北方牧场有限公司"),
        ("west", "西岭茶业有限公司"),
        ("calm", "安宁书店有限公司"),
    ];
    for (id, name) in names {
        let firm = firm(name, &[R::Controller, R::NetworkOperator]);
        organisations.tenants.insert(id.parse().unwrap(), firm);
    }
    let contact = |email: &str, lang| hudun_inform::TenantContact {
        name: "安全负责人".to_owned(),
        email: email.to_owned(),
        lang,
    };
    let settings = hudun_inform::InformSettings {
        tenants: BTreeMap::from([
            (
                "yunxi".parse().unwrap(),
                contact("it@yunxi.example", hudun_duty::Lang::Zh),
            ),
            (
                "north".parse().unwrap(),
                contact("ciso@north.example", hudun_duty::Lang::En),
            ),
        ]),
        ..hudun_inform::InformSettings::default()
    };
    let house = house_of(organisations, Some(settings)).await;
    let office = &house.office;
    // 17 persons of north and 29 of west from the attacker's own address; 5 of calm from elsewhere.
    let now = Timestamp::now();
    for (tenant, ip, persons) in [("north", 9, 17_u8), ("west", 9, 29), ("calm", 77, 5)] {
        for n in 0..persons {
            let mut actor = Actor::unknown([203, 0, 113, ip].into());
            actor.session = Some(format!("s-{tenant}").parse().unwrap());
            let at = now.plus_millis(i64::from(n) - 50_000);
            leak(&office.lake, tenant, ExchangeId::new(), actor, n, at).await;
        }
    }
    let perform = |action: hudun_core::Action| {
        let (office, case) = (office.clone(), house.case.id);
        async move {
            let key = ExchangeId::new().to_string();
            office.acts.perform(case, &key, "li.lei", action).await
        }
    };
    use hudun_core::{Action, Catalogue as _};
    for mark in [TimelineMark::Acknowledged, TimelineMark::Contained] {
        office.cases.mark(house.case.id, mark, now).await.unwrap();
    }
    let account = "lin.xiao".parse().unwrap();
    for action in [
        Action::RevokeSessions { account },
        Action::AssessScope,
        Action::AssessDuties,
        Action::DraftNotices,
    ] {
        perform(action).await.unwrap();
    }
    let scope = office.analyst.scope(house.case.id).await.unwrap().unwrap();
    let touched: Vec<(String, u64)> = scope
        .tenants
        .iter()
        .map(|scope| (scope.question.tenant.to_string(), scope.likely))
        .collect();
    assert_eq!(touched, [("north".to_owned(), 17), ("west".to_owned(), 29)]);
    let duties = office.analyst.duties(house.case.id).await.unwrap().unwrap();
    assert_eq!(duties.facts.persons.unwrap().likely, 4 + 17 + 29);

    let letters = || async {
        let room = house.desk.room(house.case.id).await.unwrap();
        let letters = room.notices.into_iter().filter_map(|notice| {
            let to = notice.to.clone()?;
            Some((to.tenant, notice))
        });
        letters.collect::<BTreeMap<String, api::NoticeView>>()
    };
    let drafted = letters().await;
    assert_eq!(
        drafted.keys().collect::<Vec<_>>(),
        ["north", "west", "yunxi"]
    );
    for (tenant, own, others) in [
        ("yunxi", 4, [17, 29, 50]),
        ("north", 17, [4, 29, 50]),
        ("west", 29, [4, 17, 50]),
    ] {
        let letter = &drafted[tenant];
        let numbers = &letter.sections[2].body;
        let counts: Vec<u64> = numbers
            .lines()
            .filter(|line| line.contains("人") || line.contains("ersons"))
            .flat_map(|line| line.split(|c: char| !c.is_ascii_digit()))
            .filter_map(|n| n.parse().ok())
            .collect();
        assert!(counts.contains(&own), "{tenant}: {numbers}");
        assert!(
            others.iter().all(|n| !counts.contains(n)),
            "{tenant}: {numbers}"
        );
        let whole: String = letter
            .sections
            .iter()
            .map(|one| one.body.as_str())
            .collect();
        for (other, name) in names {
            assert_eq!(
                whole.contains(name),
                other == tenant,
                "{name} in {tenant}: {whole}"
            );
        }
        assert!(whole.contains("第五十七条"), "its own duties: {whole}");
    }
    assert_eq!(drafted["west"].to.as_ref().unwrap().contact, None);
    assert_eq!(
        (
            drafted["north"].lang.as_str(),
            drafted["west"].lang.as_str()
        ),
        ("en", "zh-CN")
    );

    let known: Vec<_> = drafted
        .values()
        .flat_map(|letter| &letter.refusals)
        .map(|refusal| (refusal.rule.as_str(), refusal.text.en.as_str()))
        .collect();
    assert!(known.is_empty(), "{known:?}");

    // Approved as a set by two persons; what was read a version ago is not approved.
    let (li, wang) = (
        person("li.lei", &[Role::Legal]),
        person("wang.fang", &[Role::Commander]),
    );
    let read = |role, letters: &BTreeMap<String, api::NoticeView>| api::LettersApprove {
        role,
        letters: letters
            .values()
            .map(|letter| api::ReadLetter {
                id: letter.id,
                sha256: letter.sha256.clone(),
            })
            .collect(),
    };
    let mut stale = read(Role::Legal, &drafted);
    stale.letters[1].sha256 = "sha256:00".to_owned();
    let id = house.case.id;
    assert!(house.desk.approve_letters(&li, id, stale).await.is_err());
    assert!(letters().await.values().all(|one| one.approvals.is_empty()));
    assert!(house.desk.send_letters(&wang, id).await.is_err());
    let legal = read(Role::Legal, &drafted);
    house.desk.approve_letters(&li, id, legal).await.unwrap();
    let commander = read(Role::Commander, &drafted);
    house
        .desk
        .approve_letters(&wang, id, commander)
        .await
        .unwrap();
    let said = house.desk.send_letters(&wang, id).await.unwrap();
    assert!(
        said.message.en.starts_with("2 letters"),
        "{}",
        said.message.en
    );

    // Through a real mail conversation; each contact has its own letter, once.
    let folder = tempfile::tempdir().unwrap();
    let mailbox = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mailbox.local_addr().unwrap().port();
    let stop = tokio_util::sync::CancellationToken::new();
    let mail = folder.path().to_owned();
    tokio::spawn(hudun::demo::mailbox::serve(mailbox, mail, stop.clone()));
    let settings = hudun_inform::PostmanSettings {
        mail: Some(hudun_inform::MailSettings {
            host: "127.0.0.1".into(),
            port,
            security: hudun_inform::MailSecurity::None,
            user: None,
            password: None,
            from: "hudun@example.cn".into(),
            return_path: None,
        }),
        ..hudun_inform::PostmanSettings::default()
    };
    let postman = hudun_inform::Postman::open(&office.store, settings)
        .await
        .unwrap();
    for _ in 0..2 {
        postman.deliver(Timestamp::now()).await.unwrap();
    }
    let sender = house.sender.as_ref().unwrap();
    sender.reconcile(Timestamp::now()).await.unwrap();
    stop.cancel();
    let mails: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(mails.len(), 2);
    for contact in ["it@yunxi.example", "ciso@north.example"] {
        let to = format!("To: {contact}");
        assert_eq!(mails.iter().filter(|mail| mail.contains(&to)).count(), 1);
    }
    let sent = letters().await;
    let met = |tenant: &str| {
        let duties = &sent[tenant].duties;
        let rule = duties.iter().find(|duty| duty.rule == "CN-PIPL-59");
        rule.unwrap().met_at.is_some()
    };
    assert!(met("yunxi") && met("north") && !met("west"));
    let west = sent["west"].id;
    let handed = house.desk.hand_in(&wang, id, west, "当面签收".into(), None);
    handed.await.unwrap();
    let west = letters().await.remove("west").unwrap();
    assert!(west.duties.iter().all(|duty| duty.met_at.is_some()));

    // The malicious act is a crime to report; the report to the police was drafted with the rest.
    let room = house.desk.room(id).await.unwrap();
    assert!(room.notices.iter().any(|one| one.kind == "police_report"));
}

/// A house of one firm in one country, whose case was assessed and drafted.
async fn drafted_in(country: &str) -> House {
    use hudun_core::{Action, Catalogue as _};
    let mut organisations = OrganisationSettings::default();
    let firm = hudun_duty::Organisation {
        countries: Some([country.to_owned()].into()),
        ..firm("云溪商贸有限公司", &[hudun_duty::Role::Controller])
    };
    organisations.tenants.insert("yunxi".parse().unwrap(), firm);
    let settings = hudun_inform::InformSettings::default();
    let house = house_of(organisations, Some(settings)).await;
    let (acts, id) = (house.office.acts.clone(), house.case.id);
    for action in [
        Action::AssessScope,
        Action::AssessDuties,
        Action::DraftNotices,
    ] {
        acts.perform(id, action.name(), "li.lei", action.clone())
            .await
            .unwrap();
    }
    house
}

/// The notices of this kind in the war room, by language.
async fn of_kind(house: &House, kind: &str) -> Vec<api::NoticeView> {
    let room = house.desk.room(house.case.id).await.unwrap();
    let notices = room.notices.into_iter();
    notices.filter(|notice| notice.kind == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_after_the_first_report_goes_into_a_follow_up() {
    let house = drafted_in("DE").await;
    let id = house.case.id;
    let first = of_kind(&house, "regulator_first").await.remove(0);
    for (who, role) in [("li.lei", Role::Legal), ("wang.fang", Role::Commander)] {
        let by = person(who, &[role]);
        let sha256 = first.sha256.clone();
        house
            .desk
            .approve_notice(&by, id, first.id, role, sha256)
            .await
            .unwrap();
    }
    let li = person("li.lei", &[Role::Commander]);
    house
        .desk
        .hand_in(&li, id, first.id, "LfDI-1".into(), None)
        .await
        .unwrap();
    assert!(of_kind(&house, "regulator_followup").await.is_empty());

    // An answer that was on its way shows two more persons; the upkeep computes the scope again.
    let window = house.desk.room(id).await.unwrap().scope.unwrap().window;
    for n in [98, 99] {
        let mut actor = Actor::unknown([203, 0, 113, 9].into());
        actor.account = Some("lin.xiao".parse().unwrap());
        actor.session = Some("s-stolen".parse().unwrap());
        let (lake, at) = (&house.office.lake, window.unwrap().to);
        leak(lake, "yunxi", ExchangeId::new(), actor, n, at).await;
    }
    // Sending asks for the scope as of now: that is when the desk computes it again.
    let bulletin = of_kind(&house, "internal_bulletin").await.remove(0);
    assert!(house.desk.send_notice(&li, id, bulletin.id).await.is_err());
    let follow_up = of_kind(&house, "regulator_followup").await;
    assert_eq!(follow_up.len(), 1);
    assert_eq!(follow_up[0].lang, "en");
    let text: String = follow_up[0]
        .sections
        .iter()
        .map(|one| one.body.as_str())
        .collect();
    assert!(text.contains("likely 6"), "{text}");
    let firsts = of_kind(&house, "regulator_first").await;
    assert_eq!(firsts.len(), 1);
    assert_eq!(firsts[0].receipt.as_deref(), Some("LfDI-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_report_is_drafted_when_the_repair_is_proven() {
    let house = drafted_in("JP").await;
    let li = person("li.lei", &[Role::Commander]);
    house.desk.verify_repair(&li, house.case.id).await.unwrap();
    assert!(
        of_kind(&house, "regulator_final").await.is_empty(),
        "the hole is open"
    );
    house.scrm.0.store(false, Ordering::Relaxed);
    house.desk.verify_repair(&li, house.case.id).await.unwrap();
    let room = house.desk.room(house.case.id).await.unwrap();
    assert_eq!(room.incident.summary.state, IncidentState::Repaired);
    let report = of_kind(&house, "regulator_final").await;
    assert_eq!(report.len(), 1);
    assert_eq!(
        (report[0].lang.as_str(), report[0].state),
        ("en", api::NoticeState::Draft)
    );
    let text: String = report[0]
        .sections
        .iter()
        .map(|one| one.body.as_str())
        .collect();
    assert!(
        text.contains("handling ended") && text.contains("[to be completed: "),
        "{text}"
    );
    assert!(!report[0].refusals.is_empty());
}
