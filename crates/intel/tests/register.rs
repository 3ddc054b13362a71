//! From advisories and assets to exposures, as both change.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use hudun_advisory::decide::What;
use hudun_advisory::matching::{Index, Own};
use hudun_advisory::{Format, Found, Status, read};
use hudun_core::{IncidentId, Text, Timestamp};
use hudun_intel::assets::{Asset, AssetEntry, Assets};
use hudun_intel::exposures::{
    Beside, CheckOutcome, Exposure, Moved, Pairing, Register, State, Statement, Why, story,
};
use hudun_store::Store;

fn checked(_: &Asset, _: &[String]) -> Beside {
    Beside {
        checkable: true,
        ..Beside::default()
    }
}

fn unchecked(_: &Asset, _: &[String]) -> Beside {
    Beside::default()
}

const DAY: i64 = 86_400_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + day * DAY)
}

fn index(feeds: &[(Format, &str)]) -> Arc<Index> {
    let mut found = Vec::new();
    for (format, text) in feeds {
        let reading = read(*format, "feed", text.as_bytes());
        assert!(reading.refused.is_empty(), "{:?}", reading.refused);
        found.extend(
            reading
                .records
                .into_iter()
                .map(|one| Found::Record(Box::new(one))),
        );
        found.extend(reading.kev.into_iter().map(Found::Kev));
    }
    Arc::new(Index::of(found))
}

fn osv(id: &str, fixed: &str) -> String {
    format!(
        r#"{{"id":"{id}","summary":"Search takes SQL","affected":[{{"package":{{"ecosystem":"npm","name":"crm"}},
        "ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

const CNVD: &str = r#"<vulnerabilitys><vulnerability><number>NUMBER</number><title>远谋客户通存在SQL注入漏洞</title>
    <serverity>高</serverity><products><product>远谋软件有限公司 远谋客户通 &lt;= 3.2</product></products>
    <openTime>2026-09-01</openTime></vulnerability></vulnerabilitys>"#;

/// From a proposal over a person's word to a full exposure, its use for what comes later, and back.
#[tokio::test]
async fn a_confirmed_name_makes_a_proposal_count_and_later_records_too() {
    let store = Store::in_memory().await.unwrap();
    let register = Register::open(&store).await.unwrap();
    let named = |name: &str| -> AssetEntry {
        serde_json::from_value(serde_json::json!({
            "name": name, "exposure": "internet", "data": "sensitive",
            "product": { "name": "远谋客户通", "version": "3.1" }
        }))
        .unwrap()
    };
    let assets = Assets::open(&store, vec![named("crm"), named("crm-test")], at(0))
        .await
        .unwrap();
    let refresh = async |index: &Arc<Index>, day| {
        let all = assets.all().await;
        let done = register.refresh(index, &all, unchecked, at(day)).await;
        let mut moved: Vec<(String, Moved)> = done
            .unwrap()
            .changes
            .into_iter()
            .map(|one| (one.exposure.asset, one.moved))
            .collect();
        moved.sort_by_key(|one| one.0.clone());
        moved
    };
    let first = CNVD.replace("NUMBER", "CNVD-2026-00001");
    let feeds = index(&[(Format::Cnvd, &first)]);
    refresh(&feeds, 0).await;
    let of = async |asset: &str| {
        let mut all = register.all().await;
        all.retain(|one| one.asset == asset);
        all
    };
    let proposal = of("crm").await.remove(0);
    assert!(proposal.proposed && !proposal.is_open());
    assert_eq!(proposal.product, "远谋软件有限公司 远谋客户通");
    assert!(
        story(&proposal)[0].en.contains("low confidence"),
        "{:?}",
        story(&proposal)
    );

    let pairing = Pairing::of(
        &proposal,
        "lead".to_owned(),
        "the contract says so".to_owned(),
        at(1),
    );
    assert!(pairing.is_of(&proposal));
    register.pair(&pairing).await.unwrap();
    // A bare name speaks for its own asset alone.
    assert_eq!(
        refresh(&feeds, 1).await,
        [("crm".to_owned(), Moved::Returned)]
    );
    let counts = of("crm").await.remove(0);
    assert!(
        counts.is_open() && counts.status == Status::Affected,
        "{counts:?}"
    );
    assert_eq!(
        (counts.id.as_str(), counts.first_at),
        (proposal.id.as_str(), at(0))
    );
    assert_eq!(counts.due_at, proposal.due_at);
    assert!(of("crm-test").await[0].proposed);

    // The name is kept, over a restart too: the next record under it counts at once.
    let again = Register::open(&store).await.unwrap();
    let second = CNVD.replace("NUMBER", "CNVD-2026-00002");
    let feeds = index(&[(Format::Cnvd, &first), (Format::Cnvd, &second)]);
    let all = assets.all().await;
    let done = again.refresh(&feeds, &all, unchecked, at(2)).await.unwrap();
    let new: Vec<_> = done
        .changes
        .iter()
        .filter(|one| one.exposure.asset == "crm")
        .collect();
    assert!(
        matches!(new[..], [one] if one.moved == Moved::Appeared && one.exposure.is_open()),
        "{new:?}"
    );

    // Taken back, both are proposals again; a second time there is nothing to take back.
    assert!(again.unpair(&pairing.id).await.unwrap());
    assert!(!again.unpair(&pairing.id).await.unwrap());
    let done = again.refresh(&feeds, &all, unchecked, at(3)).await.unwrap();
    let moved: Vec<_> = done.changes.iter().map(|one| &one.moved).collect();
    assert_eq!(moved, [&Moved::Doubted, &Moved::Doubted]);
    assert!(
        again
            .all()
            .await
            .iter()
            .all(|one| one.proposed && !one.is_open())
    );
}

const KEV: &str = r#"{"catalogVersion":"1","count":1,"vulnerabilities":[{"cveID":"CVE-2026-0007","vendorProject":"V","product":"P",
    "vulnerabilityName":"N","dateAdded":"2026-09-01","shortDescription":"S","requiredAction":"A","dueDate":"2026-09-22",
    "knownRansomwareCampaignUse":"Unknown","notes":"","cwes":["CWE-89"]}]}"#;

fn entry(version: &str) -> AssetEntry {
    serde_json::from_value(serde_json::json!({
        "name": "scrm", "owner": "it", "exposure": "internet", "data": "sensitive", "guarded": true,
        "product": { "name": "CRM", "version": version, "purl": "pkg:npm/crm" }
    }))
    .unwrap()
}

async fn assets(store: &Store, version: &str) -> Assets {
    Assets::open(store, vec![entry(version)], at(0))
        .await
        .unwrap()
}

async fn the_one(register: &Register) -> Exposure {
    let mut all = register.all().await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[tokio::test]
async fn an_advisory_appears_gets_graver_and_is_over_when_the_check_says_so() {
    let store = Store::in_memory().await.unwrap();
    let register = Register::open(&store).await.unwrap();
    let assets = assets(&store, "1.0.0").await;
    let first = index(&[(Format::Ghsa, &osv("GHSA-1", "1.0.1"))]);
    let done = register
        .refresh(&first, &assets.all().await, checked, at(0))
        .await
        .unwrap();
    assert_eq!(done.changes.len(), 1);
    assert_eq!(done.changes[0].moved, Moved::Appeared);
    let exposure = the_one(&register).await;
    assert_eq!(
        (exposure.status, exposure.fixed.as_deref()),
        (Status::Affected, Some("1.0.1"))
    );
    assert!(
        exposure.because.en.contains("< 1.0.1"),
        "{}",
        exposure.because.en
    );
    let id = exposure.id.clone();
    let class = exposure.what;

    // Nothing changed: nothing is said.
    let done = register
        .refresh(&first, &assets.all().await, checked, at(1))
        .await
        .unwrap();
    assert!(done.changes.is_empty());
    assert_eq!(the_one(&register).await, exposure);

    // The same vulnerability gets a CVE number, and it is exploited.
    let text =
        osv("GHSA-1", "1.0.1").replace(r#""summary""#, r#""aliases":["CVE-2026-0007"],"summary""#);
    let second = index(&[(Format::Ghsa, &text), (Format::Kev, KEV)]);
    let done = register
        .refresh(&second, &assets.all().await, checked, at(2))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Graver(class));
    let exposure = the_one(&register).await;
    assert_eq!(
        (exposure.id.as_str(), exposure.vulnerability.as_str()),
        (id.as_str(), "CVE-2026-0007")
    );
    assert_eq!(exposure.what, What::ActNow);
    assert_eq!(exposure.first_at, at(0));
    assert_eq!(exposure.due_at, Some(at(5)));
    register.opened(&id, IncidentId::new()).await.unwrap();

    // Another version runs. The check has the last word.
    assets.runs("scrm", "1.0.1", at(3)).await.unwrap();
    let done = register
        .refresh(&second, &assets.all().await, checked, at(3))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Unproven);
    let outcome = |exposed, day| CheckOutcome {
        at: at(day),
        exposed,
        status: 200,
        said: Text::new("检查过。", "Checked."),
    };
    assert!(
        register
            .checked(&id, outcome(Some(true), 3))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        register
            .checked(&id, outcome(None, 3))
            .await
            .unwrap()
            .is_none()
    );
    assert!(the_one(&register).await.is_open());
    let closed = register
        .checked(&id, outcome(Some(false), 4))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(closed.moved, Moved::Closed);
    let exposure = the_one(&register).await;
    let why = Why::Version {
        from: Some("1.0.0".to_owned()),
        to: Some("1.0.1".to_owned()),
    };
    assert_eq!(exposure.state, State::Closed { why, at: at(4) });
    let [what, _, deed, standing] = story(&exposure);
    assert!(
        what.zh.contains("CVE-2026-0007")
            && deed.en.contains("1.0.1")
            && standing.en.contains("1.0.0 to 1.0.1")
    );

    // It survives a restart, and comes back with the old version.
    drop(register);
    let register = Register::open(&store).await.unwrap();
    assert_eq!(the_one(&register).await, exposure);
    assets.runs("scrm", "1.0.0", at(5)).await.unwrap();
    let done = register
        .refresh(&second, &assets.all().await, checked, at(5))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Returned);
    let exposure = the_one(&register).await;
    assert_eq!(
        (exposure.id.as_str(), exposure.first_at, exposure.due_at),
        (id.as_str(), at(0), Some(at(8)))
    );
}

#[tokio::test]
async fn without_a_check_the_version_ends_it_and_sources_may_take_it_back() {
    let store = Store::in_memory().await.unwrap();
    let register = Register::open(&store).await.unwrap();
    let assets = assets(&store, "1.0.0").await;
    let feed = index(&[(Format::Ghsa, &osv("GHSA-1", "1.0.1"))]);
    register
        .refresh(&feed, &assets.all().await, unchecked, at(0))
        .await
        .unwrap();
    assets.runs("scrm", "1.0.1", at(1)).await.unwrap();
    let done = register
        .refresh(&feed, &assets.all().await, unchecked, at(1))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Closed);
    assets.runs("scrm", "1.0.0", at(2)).await.unwrap();
    register
        .refresh(&feed, &assets.all().await, unchecked, at(2))
        .await
        .unwrap();
    let silent = index(&[]);
    register
        .refresh(&silent, &assets.all().await, checked, at(3))
        .await
        .unwrap();
    assert!(matches!(
        the_one(&register).await.state,
        State::Closed {
            why: Why::Sources,
            ..
        }
    ));
}

#[tokio::test]
async fn a_statement_suppresses_until_its_day_and_over_upgrades() {
    let store = Store::in_memory().await.unwrap();
    let register = Register::open(&store).await.unwrap();
    let assets = assets(&store, "1.0.0").await;
    let feed = index(&[(Format::Ghsa, &osv("GHSA-1", "2.0.0"))]);
    register
        .refresh(&feed, &assets.all().await, unchecked, at(0))
        .await
        .unwrap();
    let until = jiff::Timestamp::from_millisecond(at(10).as_millis()).unwrap();
    let statement = Statement {
        id: "s".to_owned(),
        own: Own {
            vulnerability: "GHSA-1".to_owned(),
            component: "pkg:npm/crm".to_owned(),
            reason: "the search is turned off".to_owned(),
            by: "lead".to_owned(),
            until: Some(jiff::tz::TimeZone::UTC.to_datetime(until).date()),
        },
        at: at(0),
    };
    register.state(&statement).await.unwrap();
    let done = register
        .refresh(&feed, &assets.all().await, unchecked, at(1))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Suppressed);
    assets.runs("scrm", "1.5.0", at(2)).await.unwrap();
    let done = register
        .refresh(&feed, &assets.all().await, unchecked, at(2))
        .await
        .unwrap();
    assert!(done.changes.is_empty());
    assert!(matches!(
        the_one(&register).await.state,
        State::Suppressed { .. }
    ));
    let done = register
        .refresh(&feed, &assets.all().await, unchecked, at(12))
        .await
        .unwrap();
    assert_eq!(done.changes[0].moved, Moved::Returned);
}

#[tokio::test]
async fn inventories_are_read_again_when_they_change_and_a_broken_one_keeps_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("package-lock.json");
    let write = |version: &str| {
        let text = format!(
            r#"{{"lockfileVersion":3,"packages":{{"node_modules/crm":{{"version":"{version}"}}}}}}"#
        );
        std::fs::write(&lock, text).unwrap();
    };
    write("1.0.0");
    let entry: AssetEntry =
        serde_json::from_value(serde_json::json!({ "name": "web", "sbom": [lock] })).unwrap();
    let store = Store::in_memory().await.unwrap();
    let assets = Assets::open(&store, vec![entry], at(0)).await.unwrap();
    let version = async || {
        assets.all().await[0].inventory.components[0]
            .version
            .clone()
    };
    assert_eq!(version().await.as_deref(), Some("1.0.0"));
    assert!(assets.look(at(1)).await.is_empty());
    write("1.0.10");
    assert_eq!(assets.look(at(1)).await, ["web"]);
    assert_eq!(version().await.as_deref(), Some("1.0.10"));
    std::fs::write(&lock, "{\"lockfileVersion\":3,").unwrap();
    assets.look(at(2)).await;
    assert_eq!(version().await.as_deref(), Some("1.0.10"));
    assert_eq!(assets.all().await[0].unread.len(), 1);
    std::fs::remove_file(&lock).unwrap();
    assets.look(at(3)).await;
    assert_eq!(version().await.as_deref(), Some("1.0.10"));
    write("1.0.11");
    assets.look(at(4)).await;
    assert_eq!(version().await.as_deref(), Some("1.0.11"));
    assert!(assets.all().await[0].unread.is_empty());
}

#[tokio::test]
async fn assets_by_hand_stay_and_those_of_the_configuration_are_its_own() {
    let store = Store::in_memory().await.unwrap();
    let assets = assets(&store, "1.0.0").await;
    let hand = AssetEntry {
        name: "mail".to_owned(),
        ..entry("3")
    };
    assert!(assets.put(hand.clone(), at(0)).await.unwrap());
    assert!(!assets.put(hand.clone(), at(0)).await.unwrap());
    assert!(assets.put(entry("2"), at(0)).await.is_err());
    assert!(assets.remove("scrm").await.is_err());
    let with_file = AssetEntry {
        sbom: vec!["/etc/passwd".into()],
        ..hand.clone()
    };
    assert!(
        assets
            .put(with_file, at(0))
            .await
            .unwrap_err()
            .to_string()
            .contains("sbom")
    );
    let bad = AssetEntry {
        name: "a b".to_owned(),
        ..hand
    };
    assert!(
        assets
            .put(bad, at(0))
            .await
            .unwrap_err()
            .to_string()
            .contains("name")
    );
    assets.runs("mail", "4", at(1)).await.unwrap();
    drop(assets);
    let assets = Assets::open(&store, vec![entry("1.0.0")], at(2))
        .await
        .unwrap();
    let all = assets.all().await;
    let names: Vec<_> = all
        .iter()
        .map(|one| (one.entry.name.as_str(), one.version()))
        .collect();
    assert_eq!(names, [("mail", Some("4")), ("scrm", Some("1.0.0"))]);
    assert!(assets.remove("mail").await.unwrap());
    assert!(!assets.remove("mail").await.unwrap());
}

#[tokio::test]
async fn a_known_exploit_and_an_attack_at_the_own_gateway_make_it_graver_for_good() {
    let store = Store::in_memory().await.unwrap();
    let register = Register::open(&store).await.unwrap();
    let assets = assets(&store, "1.0.0").await;
    let vector = r#""severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"}],"affected""#;
    let text = osv("GHSA-1", "2.0.0").replace(r#""affected""#, vector);
    let feed = index(&[(Format::Ghsa, &text)]);
    register
        .refresh(&feed, &assets.all().await, unchecked, at(0))
        .await
        .unwrap();
    let first = the_one(&register).await;
    assert!(first.what < What::ActNow);
    let exploit = |_: &Asset, _: &[String]| Beside {
        exploit: true,
        ..Beside::default()
    };
    register
        .refresh(&feed, &assets.all().await, exploit, at(1))
        .await
        .unwrap();
    let second = the_one(&register).await;
    assert_eq!(
        (second.what, second.due_at, second.forensics),
        (What::ActNow, Some(at(4)), false)
    );
    let seen = |_: &Asset, _: &[String]| Beside {
        seen: true,
        ..Beside::default()
    };
    register
        .refresh(&feed, &assets.all().await, seen, at(2))
        .await
        .unwrap();
    register
        .refresh(&feed, &assets.all().await, unchecked, at(3))
        .await
        .unwrap();
    let last = the_one(&register).await;
    assert_eq!(
        (last.what, last.due_at, last.forensics),
        (What::ActNow, Some(at(4)), true)
    );
    assert_eq!(last.seen_at, Some(at(2)));
}
