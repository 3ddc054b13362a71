//! From an advisory in the drop folder to the proof that its hole is shut, on the bundled SCRM behind the real gateway.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;
use std::time::{Duration, Instant};

use hudun::demo::{Demo, DemoOptions, Watchers};
use hudun::desk::Desktop;
use hudun_advisory::decide::What;
use hudun_console::{Desk as _, DeskError, Intelligence, api};
use hudun_core::{Grade, IncidentState, TimelineMark, Timestamp};
use hudun_intel::exposures::{Exposure, State, Why};
use hudun_repair::ProposalState;

const ADVISORY: &str = include_str!("../../../docs/examples/hudun-scrm-advisory.json");

async fn start(data: &Path) -> Demo {
    let options = DemoOptions {
        data: data.to_owned(),
        port: 0,
        auto: false,
        seed: 7,
        customers: 300,
        headless: true,
        watchers: Watchers::All,
    };
    Demo::start(options, |_| ()).await.unwrap()
}

/// Waits for what has to come about.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{what} did not come about"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn drop_in(data: &Path, name: &str, text: &str) {
    let folder = data.join("intel/drop");
    std::fs::write(folder.join(name), text).unwrap();
}

async fn the_one(demo: &Demo, fits: impl Fn(&Exposure) -> bool) -> Option<Exposure> {
    let all = demo.system.office.intel.known.register.all().await;
    all.into_iter().find(|one| one.asset == "scrm" && fits(one))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_advisory_becomes_a_case_with_a_proven_patch_and_ends_with_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path()).await;
    let office = &demo.system.office;
    let version = async || {
        let assets = office.intel.assets.all().await;
        let scrm = assets.into_iter().find(|one| one.entry.name == "scrm")?;
        scrm.runs
    };
    assert_eq!(until("the version", version).await, "1.0.0");

    let begun = Instant::now();
    drop_in(folder.path(), "advisory.json", ADVISORY);
    let exposure = until("the case", async || {
        the_one(&demo, |one| one.incident.is_some()).await
    })
    .await;
    let case = until("the alert", async || {
        let case = office.cases.get(exposure.incident?).await.ok()?;
        case.mark(TimelineMark::Alerted).is_some().then_some(case)
    })
    .await;
    println!(
        "from the file to the alert: {} ms",
        begun.elapsed().as_millis()
    );
    // Its term is 14 days; that a check proves it open makes it a case.
    assert_eq!((exposure.what, case.grade), (What::Days, Grade::High));
    assert_eq!(
        exposure.check.as_ref().unwrap().exposed,
        Some(true),
        "{:?}",
        exposure.check
    );
    let playbook = office
        .playbooks
        .get(case.playbook.as_deref().unwrap())
        .unwrap()
        .1;
    assert!(
        playbook
            .labels
            .iter()
            .flatten()
            .any(|label| label == "vulnerability")
    );

    // The patch is proven on the published request, its honest twin and the staff's real traffic, and waits for a person.
    let patch = until("the patch", async || {
        office.bench.proposals(case.id).await.unwrap().pop()
    })
    .await;
    assert_eq!(
        (patch.patch.name.as_str(), &patch.state),
        ("hudun-scrm-search-sql", &ProposalState::Proven)
    );
    assert!(patch.proof.attack.is_whole() && patch.proof.real.all > 0);
    let attack = |session: reqwest::Client| {
        let url = format!(
            "http://{}/api/customer?search=%27%20OR%20%271%27%3D%271&page=1&size=5",
            demo.system.gateway_address
        );
        async move { session.get(url).send().await.unwrap().status().as_u16() }
    };
    let session = log_in(&demo).await;
    assert_eq!(attack(session.clone()).await, 200);
    office
        .bench
        .enforce(&case, patch.id(), "lead", Timestamp::now())
        .await
        .unwrap();
    assert_eq!(attack(session).await, 403);

    // That request was an attempt, and the own gateway saw it: somebody has to look for a break-in.
    let seen = until("the attempt", async || {
        the_one(&demo, |one| one.seen_at.is_some()).await
    })
    .await;
    assert_eq!(
        (seen.what, seen.forensics, seen.incident),
        (What::ActNow, true, Some(case.id))
    );

    // The patch covers the hole; only the mended product ends it, and only when the check says so.
    let proof = office
        .acts
        .verify_repair(&case, "lead", Timestamp::now())
        .await
        .unwrap();
    assert!(!proof.fixed, "{proof:?}");
    office
        .demo
        .as_ref()
        .unwrap()
        .restart_hardened("lead")
        .await
        .unwrap();
    let over = until("the end", async || {
        the_one(&demo, Exposure::is_closed).await
    })
    .await;
    let why = Why::Version {
        from: Some("1.0.0".to_owned()),
        to: Some("1.0.1".to_owned()),
    };
    assert!(
        matches!(&over.state, State::Closed { why: is, .. } if *is == why),
        "{:?}",
        over.state
    );
    assert_eq!(over.check.as_ref().unwrap().exposed, Some(false));
    let proof = office
        .acts
        .verify_repair(&case, "lead", Timestamp::now())
        .await
        .unwrap();
    assert!(proof.fixed, "{proof:?}");
    assert_eq!(
        office.cases.get(case.id).await.unwrap().state,
        IncidentState::Repaired
    );
    demo.stop().await.unwrap();
}

/// A name in a text proposes; a named person's word makes it count, opens the case, is kept, and can be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_that_a_person_confirms_becomes_a_case_and_its_name_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let demo = start(folder.path()).await;
    let office = &demo.system.office;
    let desk = Desktop(office.clone());
    let lead = api::Caller {
        account: "li.lei".to_owned(),
        name: "李雷".to_owned(),
        roles: vec![api::Role::Security],
    };
    let asset: api::NewAsset = serde_json::from_value(serde_json::json!({
        "name": "oa", "product": "远谋客户通", "version": "3.1", "exposure": "internet", "data": "sensitive"
    }))
    .unwrap();
    let act = async |act| desk.intelligence(&lead, act).await;
    act(Intelligence::PutAsset(asset)).await.unwrap();
    let record = |number: &str, cve: &str| {
        format!(
            "<vulnerabilitys><vulnerability><number>{number}</number><cves><cve><cveNumber>{cve}</cveNumber></cve></cves>\
             <title>远谋客户通存在SQL注入漏洞</title><serverity>高</serverity><openTime>2026-11-20</openTime>\
             <products><product>远谋软件有限公司 远谋客户通 &lt;=3.2</product></products></vulnerability></vulnerabilitys>"
        )
    };
    let kev = serde_json::json!({ "title": "t", "catalogVersion": "1", "count": 1, "vulnerabilities": [{
        "cveID": "CVE-2026-70001", "vendorProject": "V", "product": "P", "vulnerabilityName": "N", "dateAdded": "2026-11-20",
        "shortDescription": "S", "requiredAction": "A", "dueDate": "2026-12-11", "knownRansomwareCampaignUse": "Unknown",
        "notes": "", "cwes": [] }] });
    drop_in(folder.path(), "kev.json", &kev.to_string());
    drop_in(
        folder.path(),
        "one.xml",
        &record("CNVD-2026-70001", "CVE-2026-70001"),
    );
    let shown = async |id: &str, state: &str| {
        let view = desk.exposures().await.unwrap();
        let mut all = view.exposures.into_iter();
        all.find(|one| one.asset == "oa" && one.vulnerability == id && one.state == state)
    };
    let proposal = until("the proposal", async || {
        shown("CVE-2026-70001", "proposed")
            .await
            .filter(|one| one.what == "act-now")
    })
    .await;
    assert_eq!(
        (proposal.matched.as_str(), proposal.incident),
        ("text", None)
    );
    assert_eq!(proposal.product, "远谋软件有限公司 远谋客户通");

    let confirm = Intelligence::Confirm(proposal.id.clone(), "合同第三条写明".to_owned());
    act(confirm.clone()).await.unwrap();
    let open = until("the case", async || {
        shown("CVE-2026-70001", "open")
            .await
            .filter(|one| one.incident.is_some())
    })
    .await;
    assert_eq!(
        (open.id.as_str(), open.matched.as_str()),
        (proposal.id.as_str(), "confirmed")
    );
    let pairing = open.pairing.unwrap();
    // There is nothing to confirm any more.
    assert!(matches!(act(confirm).await, Err(DeskError::Conflict(_))));

    // What is published later under that name counts at once.
    drop_in(
        folder.path(),
        "two.xml",
        &record("CNVD-2026-70002", "CVE-2026-70002"),
    );
    let second = until("the next", async || shown("CVE-2026-70002", "open").await).await;
    assert_eq!(second.pairing.as_ref(), Some(&pairing));

    // Taken back, both are proposals again; the case stays.
    let back = Intelligence::Unpair(pairing.clone(), "it was another firm's".to_owned());
    act(back.clone()).await.unwrap();
    let again = until("the doubt", async || {
        shown("CVE-2026-70001", "proposed").await
    })
    .await;
    assert_eq!((again.incident, again.pairing), (open.incident, None));
    until("the other doubt", async || {
        shown("CVE-2026-70002", "proposed").await
    })
    .await;
    assert!(matches!(act(back).await, Err(DeskError::NotFound(_))));

    // The same from the command line.
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hudun"));
        let output = command.args(words).arg("--data").arg(folder.path());
        let output = output.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(run(&["exposure", "list", "--all"]).contains("low confidence"));
    run(&[
        "exposure",
        "confirm",
        &proposal.id,
        "--reason",
        "the contract",
    ]);
    until("the word of the command line", async || {
        shown("CVE-2026-70001", "open").await
    })
    .await;
    let listed = run(&["exposure", "unconfirm"]);
    assert!(
        listed.contains(&pairing) && listed.contains("the contract"),
        "{listed}"
    );
    run(&["exposure", "unconfirm", &pairing, "--reason", "no"]);
    assert!(run(&["exposure", "unconfirm"]).contains("no names are confirmed"));

    let lines = office.ledger.recent(500).unwrap();
    let of = |kind: &str| {
        let mine = lines.iter().filter(|line| line.entry.kind == kind);
        mine.filter(|line| line.entry.actor == "li.lei").count()
    };
    for kind in ["exposure.confirmed", "exposure.unconfirmed"] {
        assert_eq!(of(kind), 1, "{kind}");
    }
    demo.stop().await.unwrap();
}

async fn log_in(demo: &Demo) -> reqwest::Client {
    let person = hudun_scrm::seed::demo_staff(7)
        .into_iter()
        .find(|person| person.role == hudun_scrm::Role::Sales)
        .unwrap();
    let client = reqwest::Client::builder()
        .cookie_store(true)
        .no_proxy()
        .build()
        .unwrap();
    let answer = client
        .post(format!(
            "http://{}/api/auth/login",
            demo.system.gateway_address
        ))
        .json(&serde_json::json!({ "account": person.account, "password": person.password }))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    client
}
