//! Which version mends, what changed between two reports, and that threads change nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod data;

use hudun_advisory::matching::{
    Builder, Difference, Finding, Index, Options, Own, Report, Snapshot, Why, match_inventory,
};
use hudun_advisory::sbom::{Component, Inventory};
use hudun_advisory::{Bound, Format, Found, Limits, read, read_feeds};
use proptest::prelude::*;

fn osv(id: &str, name: &str, events: &str) -> Vec<Found> {
    let text = format!(
        r#"{{"id": "{id}", "affected": [{{"package": {{"ecosystem": "npm", "name": "{name}"}},
            "ranges": [{{"type": "SEMVER", "events": [{events}]}}]}}]}}"#
    );
    found(Format::Osv, &text)
}

fn found(format: Format, text: &str) -> Vec<Found> {
    let reading = read(format, "feed", text.as_bytes());
    assert!(reading.refused.is_empty(), "{:?}", reading.refused);
    reading
        .records
        .into_iter()
        .map(|record| Found::Record(Box::new(record)))
        .collect()
}

fn at(purl: &str, place: &str) -> Component {
    let mut component = Component::of_purl(purl).unwrap();
    component.where_found = place.to_owned();
    component
}

fn report(feeds: &[Vec<Found>], components: Vec<Component>) -> Report {
    with(feeds, components, &Options::default())
}

fn with(feeds: &[Vec<Found>], components: Vec<Component>, options: &Options) -> Report {
    let index = Index::of(feeds.iter().flatten().cloned());
    let inventory = Inventory {
        components,
        ..Inventory::default()
    };
    match_inventory(&index, &inventory, options).unwrap()
}

fn fixes(finding: &Finding) -> (Option<&str>, Option<&str>) {
    (finding.fixed.as_deref(), finding.fixed_by_all.as_deref())
}

/// As published for CVE-2024-36407: the authority names two branches, CISA three ranges that all begin at nought.
const SUITECRM: &str = r#"{"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": {"cveId": "CVE-2024-36407",
    "state": "PUBLISHED", "assignerOrgId": "00000000-0000-4000-8000-000000000000"},
  "containers": {"cna": {"providerMetadata": {"orgId": "00000000-0000-4000-8000-000000000000", "shortName": "maker"},
    "affected": [{"vendor": "salesagility", "product": "SuiteCRM", "versions": [
      {"version": "< 7.14.4", "status": "affected"}, {"version": ">= 8.0.0, < 8.6.1", "status": "affected"}]}]},
  "adp": [{"providerMetadata": {"orgId": "00000000-0000-4000-8000-000000000001", "shortName": "CISA-ADP"}, "affected": [
    {"cpes": ["cpe:2.3:a:salesagility:suitecrm:*:*:*:*:*:*:*:*"], "vendor": "salesagility", "product": "suitecrm",
     "versions": [{"status": "affected", "version": "0", "lessThan": "7.14.4", "versionType": "custom"}]},
    {"cpes": ["cpe:2.3:a:salesagility:suitecrm:*:*:*:*:*:*:*:*"], "vendor": "salesagility", "product": "suitecrm",
     "versions": [{"status": "affected", "version": "0", "lessThan": "8.6.1", "versionType": "custom"}]}]}]}}"#;

#[test]
fn the_nearest_fix_is_shown_and_the_one_that_all_agree_on_beside_it() {
    let feeds = [found(Format::Cve5, SUITECRM)];
    let of = |version: &str| Component {
        name: "SuiteCRM".to_owned(),
        version: Some(version.to_owned()),
        ecosystem: None,
        purl: None,
        cpes: vec![format!(
            "cpe:2.3:a:salesagility:suitecrm:{version}:*:*:*:*:*:*:*"
        )],
        where_found: "server".to_owned(),
        built_from: None,
    };
    let old = report(&feeds, vec![of("7.14.3")]);
    assert_eq!(fixes(&old.findings[0]), (Some("7.14.4"), Some("8.6.1")));
    // One statement still holds the nearest to be affected, so what mends all is the further one.
    assert_eq!(old.upgrades[0].version, "8.6.1");
    assert_eq!(old.upgrades[0].mends, ["CVE-2024-36407"]);
    let new = report(&feeds, vec![of("8.5.0")]);
    assert_eq!(fixes(&new.findings[0]), (Some("8.6.1"), None));
}

#[test]
fn a_fix_that_another_source_holds_to_be_affected_is_none() {
    let feeds = [
        osv(
            "CVE-2024-1",
            "crm",
            r#"{"introduced": "0"}, {"fixed": "1.2.0"}"#,
        ),
        // A second flaw under the same number, begun where the first ended.
        {
            let text = r#"{"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2024-1"], "affected": [{"package": {"ecosystem": "npm",
                "name": "crm"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.1.0"}, {"fixed": "1.4.0"}]}]}]}"#;
            found(Format::Ghsa, text)
        },
    ];
    let of = |version: &str| {
        let mut report = report(&feeds, vec![at(&format!("pkg:npm/crm@{version}"), "lock")]);
        report.findings.remove(0)
    };
    assert_eq!(fixes(&of("1.1.5")), (Some("1.4.0"), None));
    // Only the first holds it; its fix is affected by the second's word, and nothing else is named.
    assert_eq!(of("1.0.0").fixed.as_deref(), Some("1.2.0"));
}

#[test]
fn one_version_mends_all_that_is_known_of_a_component() {
    let feeds = [
        osv(
            "CVE-2024-1",
            "crm",
            r#"{"introduced": "0"}, {"fixed": "1.2.0"}"#,
        ),
        osv(
            "CVE-2024-2",
            "crm",
            r#"{"introduced": "1.0.0"}, {"fixed": "1.4.0"}, {"introduced": "2.0.0"}, {"fixed": "2.1.0"}"#,
        ),
        // Came in with the fix of the second.
        osv(
            "CVE-2024-3",
            "crm",
            r#"{"introduced": "1.0.5"}, {"fixed": "1.1.0"}, {"introduced": "1.4.0"}, {"fixed": "1.5.0"}"#,
        ),
        osv("CVE-2024-4", "other", r#"{"introduced": "0"}"#),
    ];
    let old = report(
        &feeds,
        vec![
            at("pkg:npm/crm@1.0.7", "lock"),
            at("pkg:npm/other@1.0.0", "lock"),
        ],
    );
    // 1.1.0, 1.2.0 and 1.4.0 are named; the last is affected by the third again.
    let [upgrade] = &old.upgrades[..] else {
        panic!("{:?}", old.upgrades);
    };
    assert_eq!(upgrade.component.name, "crm");
    assert_eq!(upgrade.leaves.len(), 1, "{upgrade:?}");
    // Where all can be mended, all are, and the report of that version is empty.
    let old = report(&feeds[..2], vec![at("pkg:npm/crm@1.0.7", "lock")]);
    assert_eq!(
        (
            old.upgrades[0].version.as_str(),
            old.upgrades[0].mends.len(),
            old.upgrades[0].leaves.len()
        ),
        ("1.4.0", 2, 0)
    );
    assert!(
        report(&feeds[..2], vec![at("pkg:npm/crm@1.4.0", "lock")])
            .findings
            .is_empty()
    );
}

fn snapshot(feeds: &[Vec<Found>], components: Vec<Component>) -> Snapshot {
    Snapshot::of(&report(feeds, components))
}

#[test]
fn a_difference_says_what_is_new_and_why_something_is_gone() {
    let flaw = |fixed: &str| {
        osv(
            "CVE-2024-1",
            "crm",
            &format!(r#"{{"introduced": "0"}}, {{"fixed": "{fixed}"}}"#),
        )
    };
    let crm = |version: &str, place: &str| at(&format!("pkg:npm/crm@{version}"), place);
    let old = snapshot(
        &[flaw("1.2.0")],
        vec![
            crm("1.1.0", "a/lock: line 7"),
            crm("1.1.0", "b/lock: line 1"),
        ],
    );
    let between = |new: &Snapshot| Difference::between(&old, new);

    // Lines move when something else is installed.
    let moved = snapshot(
        &[flaw("1.2.0")],
        vec![
            crm("1.1.0", "a/lock: line 9"),
            crm("1.1.0", "b/lock: line 1"),
        ],
    );
    let same = between(&moved);
    assert!(same.is_empty() && same.same == 2, "{same:?}");

    let one = between(&snapshot(
        &[flaw("1.2.0")],
        vec![crm("1.1.0", "a/lock: line 7")],
    ));
    assert_eq!(
        (one.gone[0].why, one.gone[0].key.place.as_str()),
        (Why::ComponentGone, "b/lock")
    );
    let one = between(&snapshot(
        &[flaw("1.2.0")],
        vec![crm("1.1.0", "a/lock"), crm("1.2.0", "b/lock")],
    ));
    assert_eq!(
        (one.gone[0].why, one.gone[0].version_now.as_deref()),
        (Why::VersionChanged, Some("1.2.0"))
    );
    let one = between(&snapshot(
        &[flaw("1.0.0")],
        vec![crm("1.1.0", "a/lock"), crm("1.1.0", "b/lock")],
    ));
    assert_eq!(
        one.gone.iter().map(|gone| gone.why).collect::<Vec<_>>(),
        [Why::StatementChanged; 2]
    );

    let one = between(&snapshot(
        &[flaw("1.3.0")],
        vec![
            crm("1.1.0", "a/lock"),
            crm("1.0.0", "b/lock"),
            crm("1.1.0", "c"),
        ],
    ));
    assert_eq!((one.new.len(), one.new[0].key.place.as_str()), (1, "c"));
    assert_eq!(one.changed[0].fields, ["fixed"]);
    assert_eq!(one.changed[1].fields, ["version", "fixed"]);

    let own = Own {
        vulnerability: "CVE-2024-1".to_owned(),
        component: "pkg:npm/crm".to_owned(),
        reason: "never called".to_owned(),
        by: "wang".to_owned(),
        until: None,
    };
    let options = Options {
        own: vec![own],
        ..Options::default()
    };
    let quiet = Snapshot::of(&with(
        &[flaw("1.2.0")],
        vec![crm("1.1.0", "a/lock"), crm("1.1.0", "b/lock")],
        &options,
    ));
    let one = between(&quiet);
    assert_eq!(
        one.gone.iter().map(|gone| gone.why).collect::<Vec<_>>(),
        [Why::Suppressed; 2]
    );
    // And back: it counts again.
    assert_eq!(Difference::between(&quiet, &old).new.len(), 2);
}

#[test]
fn a_vulnerability_that_gets_a_cve_number_is_the_same_one() {
    let before = osv(
        "GHSA-aaaa-bbbb-cccc",
        "crm",
        r#"{"introduced": "0"}, {"fixed": "1.2.0"}"#,
    );
    let text = r#"{"id": "GHSA-aaaa-bbbb-cccc", "aliases": ["CVE-2024-1"], "affected": [{"package": {"ecosystem": "npm",
        "name": "crm"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]}]}"#;
    let after = found(Format::Osv, text);
    let of = |feed: Vec<Found>| snapshot(&[feed], vec![at("pkg:npm/crm@1.0.0", "lock")]);
    let one = Difference::between(&of(before), &of(after));
    assert!(one.is_empty() && one.same == 1, "{one:?}");
}

#[test]
fn lines_that_are_no_report_are_refused_with_their_number() {
    assert_eq!(Snapshot::of_lines("").unwrap_err().line, 1);
    assert_eq!(
        Snapshot::of_lines("{\"summary\": {}}\n[1]\n")
            .unwrap_err()
            .line,
        2
    );
    assert_eq!(
        Snapshot::of_lines("\n\n{\"component\": {}}")
            .unwrap_err()
            .line,
        3
    );
    assert!(
        Snapshot::of_lines("{\"summary\": {}}")
            .unwrap()
            .states
            .is_empty()
    );
}

proptest! {
    #[test]
    fn lines_of_any_kind_never_panic(text in r#"(\{"(component|components|status|summary|vulnerability)": ?(\[\]|\{\}|1|"a")\}\n?){0,5}"#) {
        let _ = Snapshot::of_lines(&text);
    }
}

/// Threads, and the real records: the reports are the same to the last letter.
#[test]
fn threads_change_nothing_in_a_report_on_real_records() {
    let Some(folder) = data::folder("cve5") else {
        return;
    };
    let path = folder.join("records.tar.gz");
    let mut builder = Builder::default();
    let mut components = Vec::new();
    read_feeds(&path, &Limits::default(), &mut |found| {
        if let Found::Record(record) = &found {
            for affected in &record.affected {
                let end = affected.ranges.iter().find_map(|range| match &range.upper {
                    Bound::Excluding(end) | Bound::Including(end) => Some(end.clone()),
                    _ => None,
                });
                if components.len() < 1_500 {
                    components.push(Component {
                        name: affected.product.clone(),
                        version: end,
                        ecosystem: None,
                        purl: affected.purl.clone(),
                        cpes: affected.cpes.iter().map(ToString::to_string).collect(),
                        where_found: format!("component {}", components.len()),
                        built_from: None,
                    });
                }
            }
        }
        builder.add(found);
    });
    let index = builder.finish();
    let inventory = Inventory {
        components,
        ..Inventory::default()
    };
    let on = |threads: usize, most: usize| {
        let options = Options {
            threads,
            most,
            ..Options::default()
        };
        let report = match_inventory(&index, &inventory, &options).unwrap();
        serde_json::to_string(&report).unwrap()
    };
    let one = on(1, 1_000_000);
    assert!(one.len() > 1_000_000);
    for threads in [2, 5] {
        assert!(on(threads, 1_000_000) == one, "{threads} threads");
    }
    assert!(on(1, 500) == on(4, 500));
}
