//! Inventories against feeds: who decides, what is unknown, what is only proposed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use hudun_advisory::decide::{DataTier, Exposure, What};
use hudun_advisory::matching::{
    About, Asset, Because, Finding, Index, IndexError, Options, Own, Pair, Report, match_inventory,
};
use hudun_advisory::sbom::{BuiltFrom, Component, Inventory};
use hudun_advisory::{
    Affected, Bound, Format, Found, Identity, Kev, Package, Range, Record, Source, Status, read,
};
use proptest::prelude::*;

fn component(purl: &str, cpes: &[&str]) -> Component {
    let bare = purl.split(['?', '#']).next().unwrap();
    let (path, version) = bare.rsplit_once('@').unwrap_or((bare, ""));
    let kind = path
        .strip_prefix("pkg:")
        .and_then(|rest| rest.split('/').next());
    Component {
        name: path.rsplit('/').next().unwrap().to_owned(),
        version: (!version.is_empty()).then(|| version.replace("%2B", "+").replace("%3A", ":")),
        ecosystem: kind.map(str::to_owned),
        purl: purl.starts_with("pkg:").then(|| purl.to_owned()),
        cpes: cpes.iter().map(|cpe| (*cpe).to_owned()).collect(),
        where_found: format!("sbom: {purl}"),
        built_from: None,
    }
}

fn inventory(components: impl IntoIterator<Item = Component>) -> Inventory {
    Inventory {
        components: components.into_iter().collect(),
        ..Inventory::default()
    }
}

fn feed(format: Format, text: &str) -> Vec<Found> {
    let reading = read(format, "feed", text.as_bytes());
    assert_eq!(reading.refused, [], "{text}");
    let records = reading
        .records
        .into_iter()
        .map(|record| Found::Record(Box::new(record)));
    records
        .chain(reading.kev.into_iter().map(Found::Kev))
        .chain(reading.epss.into_iter().map(Found::Epss))
        .collect()
}

fn osv(id: &str, more: &str, ecosystem: &str, name: &str, events: &str) -> Vec<Found> {
    let text = format!(
        r#"{{"id": "{id}", {more} "affected": [{{"package": {{"ecosystem": "{ecosystem}", "name": "{name}"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{events}]}}]}}]}}"#
    );
    feed(Format::Osv, &text)
}

/// An NVD record of one configuration.
fn nvd(id: &str, configuration: &str) -> Vec<Found> {
    let text = format!(
        r#"{{"cve": {{"id": "{id}", "vulnStatus": "Analyzed", "configurations": [{configuration}]}}}}"#
    );
    feed(Format::Nvd, &text)
}

const LODASH: &str = r#"{"introduced": "0"}, {"fixed": "4.17.21"}"#;

fn run(feeds: Vec<Vec<Found>>, components: Vec<Component>, options: &Options) -> Report {
    let index = Index::of(feeds.into_iter().flatten());
    match_inventory(&index, &inventory(components), options).unwrap()
}

fn all() -> Options {
    Options {
        all: true,
        ..Options::default()
    }
}

fn one(feeds: Vec<Vec<Found>>, components: Vec<Component>) -> Finding {
    let mut report = run(feeds, components, &all());
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    report.findings.remove(0)
}

#[test]
fn a_package_is_found_by_purl_and_says_by_whose_word() {
    let feeds = vec![osv(
        "GHSA-aaaa-bbbb-cccc",
        r#""aliases": ["CVE-2021-1"],"#,
        "npm",
        "lodash",
        LODASH,
    )];
    let found = one(
        feeds.clone(),
        vec![component("pkg:npm/lodash@4.17.20", &[])],
    );
    assert_eq!((found.status, found.proposed), (Status::Affected, false));
    assert_eq!(found.identity, Identity::Package);
    assert_eq!(found.vulnerability.id, "CVE-2021-1");
    assert_eq!(found.fixed.as_deref(), Some("4.17.21"));
    assert_eq!(
        (found.decided_by.source, found.decided_by.record.as_str()),
        (Source::Osv, "GHSA-aaaa-bbbb-cccc")
    );
    assert!(!found.decided_by.verdict.order_assumed);
    let found = one(
        feeds.clone(),
        vec![component("pkg:npm/lodash@4.17.21", &[])],
    );
    assert_eq!(found.status, Status::Unaffected);
    // A version that npm has not.
    let found = one(feeds.clone(), vec![component("pkg:npm/lodash@latest", &[])]);
    assert_eq!(found.status, Status::Unknown);
    assert!(matches!(
        found.decided_by.verdict.because,
        Because::BadVersion { .. }
    ));
    let found = one(feeds.clone(), vec![component("pkg:npm/lodash", &[])]);
    assert_eq!(found.decided_by.verdict.because, Because::NoVersion);
    // Another package, another registry.
    for other in [
        "pkg:npm/%40x/lodash@1.0.0",
        "pkg:pypi/lodash@1.0.0",
        "pkg:npm/lodash.merge@1.0.0",
    ] {
        assert!(
            run(feeds.clone(), vec![component(other, &[])], &all())
                .findings
                .is_empty(),
            "{other}"
        );
    }
}

#[test]
fn a_component_at_two_places_is_one_finding_with_both() {
    let mut twice = vec![component("pkg:npm/lodash@4.17.20", &[]); 2];
    twice[1].where_found = "other.lock".to_owned();
    let found = one(vec![osv("A-1", "", "npm", "lodash", LODASH)], twice);
    assert_eq!(
        found.component.places,
        ["sbom: pkg:npm/lodash@4.17.20", "other.lock"]
    );
}

#[test]
fn withdrawn_records_match_nothing() {
    let feeds = vec![osv(
        "A-1",
        r#""withdrawn": "2024-01-01T00:00:00Z","#,
        "npm",
        "lodash",
        LODASH,
    )];
    let report = run(feeds, vec![component("pkg:npm/lodash@4.0.0", &[])], &all());
    assert!(report.findings.is_empty());
    // Beside another source's record it is a disagreement.
    let rejected = r#"{"cveMetadata": {"cveId": "CVE-2021-1234", "state": "REJECTED"}, "containers": {"cna": {}}}"#;
    let feeds = vec![
        osv(
            "A-1",
            r#""aliases": ["CVE-2021-1234"],"#,
            "npm",
            "lodash",
            LODASH,
        ),
        feed(Format::Cve5, rejected),
    ];
    let found = one(feeds, vec![component("pkg:npm/lodash@4.0.0", &[])]);
    assert_eq!(found.status, Status::Affected);
    assert_eq!(found.vulnerability.disagreements[0].about, About::Withdrawn);
}

#[test]
fn debian_is_judged_by_its_source_package_and_release() {
    let events = r#"{"introduced": "0"}, {"fixed": "3.0.15-1~deb12u1"}"#;
    let feeds = vec![
        osv(
            "DSA-1",
            r#""aliases": ["CVE-2024-1111"],"#,
            "Debian:12",
            "openssl",
            events,
        ),
        osv(
            "DSA-2",
            r#""aliases": ["CVE-2024-1111"],"#,
            "Debian:11",
            "openssl",
            r#"{"introduced": "0"}, {"fixed": "1.1.1w-0+deb11u2"}"#,
        ),
    ];
    let libssl = |distro: &str, version: &str| Component {
        built_from: Some(BuiltFrom {
            name: "openssl".to_owned(),
            version: None,
        }),
        ..component(&format!("pkg:deb/debian/libssl3@{version}{distro}"), &[])
    };
    let status = |one_component| one(feeds.clone(), vec![one_component]).status;
    assert_eq!(
        status(libssl("?distro=debian-12", "3.0.11-1")),
        Status::Affected
    );
    assert_eq!(
        status(libssl("?distro=bookworm", "3.0.15-1")),
        Status::Unaffected
    );
    assert_eq!(
        status(libssl("?distro=debian-11", "1.1.1w-0")),
        Status::Affected
    );
    // Both releases say yes; and where they differ, nobody knows.
    assert_eq!(status(libssl("", "1.0")), Status::Affected);
    let found = one(feeds.clone(), vec![libssl("", "3.0.11-1")]);
    assert_eq!(found.status, Status::Unknown);
    assert!(matches!(
        found.decided_by.verdict.because,
        Because::Release { .. }
    ));
    assert!(
        run(
            feeds.clone(),
            vec![libssl("?distro=debian-10", "1.0")],
            &all()
        )
        .findings
        .is_empty()
    );
}

const TOMCAT: &str = r#"{"nodes": [{"operator": "OR", "cpeMatch": [
    {"vulnerable": true, "criteria": "cpe:2.3:a:apache:tomcat:*:*:*:*:*:*:*:*", "versionStartIncluding": "9.0.0", "versionEndExcluding": "9.0.83"}]}]}"#;

fn tomcat(version: &str) -> Component {
    component(
        version,
        &[&format!("cpe:2.3:a:apache:tomcat:{version}:*:*:*:*:*:*:*")],
    )
}

#[test]
fn cpe_names_match_and_their_order_is_assumed() {
    let feeds = vec![nvd("CVE-2023-1111", TOMCAT)];
    let found = one(feeds.clone(), vec![tomcat("9.0.50")]);
    assert_eq!(
        (found.status, found.identity),
        (Status::Affected, Identity::Cpe)
    );
    assert!(found.decided_by.verdict.order_assumed);
    assert_eq!(
        one(feeds.clone(), vec![tomcat("9.0.83")]).status,
        Status::Unaffected
    );
    // `-` is "no version applies", and `*` any: neither is a version.
    for none in ["-", "*"] {
        let mut open = tomcat(none);
        open.version = None;
        assert_eq!(
            one(feeds.clone(), vec![open]).decided_by.verdict.because,
            Because::NoVersion
        );
    }
    // An advisory for `-` says nothing of a version.
    let na = r#"{"nodes": [{"cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:apache:tomcat:-:*:*:*:*:*:*:*"}]}]}"#;
    assert_eq!(
        one(vec![nvd("CVE-2023-1112", na)], vec![tomcat("9.0.50")]).status,
        Status::Unknown
    );
}

#[test]
fn an_edition_that_the_component_leaves_open_is_unknown() {
    let plugin = |target: &str| {
        format!(
            r#"{{"nodes": [{{"cpeMatch": [{{"vulnerable": true, "criteria": "cpe:2.3:a:v:p:*:*:*:*:*:{target}:*:*", "versionEndExcluding": "2.0"}}]}}]}}"#
        )
    };
    let own =
        |target: &str| component("1.0", &[&format!("cpe:2.3:a:v:p:1.0:*:*:*:*:{target}:*:*")]);
    let feeds = vec![nvd("CVE-2023-1111", &plugin("wordpress"))];
    assert_eq!(
        one(feeds.clone(), vec![own("wordpress")]).status,
        Status::Affected
    );
    let open = one(feeds.clone(), vec![own("*")]);
    assert!(matches!(
        open.decided_by.verdict.because,
        Because::Edition { .. }
    ));
    assert!(
        run(feeds, vec![own("drupal")], &Options::default())
            .findings
            .is_empty()
    );
    // The registry says what it runs in.
    let feeds = vec![nvd("CVE-2023-1111", &plugin("node.js"))];
    let mut npm = component("pkg:npm/p@1.0.0", &["cpe:2.3:a:v:p:1.0.0:*:*:*:*:*:*:*"]);
    npm.cpes.truncate(1);
    assert_eq!(one(feeds, vec![npm]).status, Status::Affected);
}

#[test]
fn what_it_runs_on_is_asked_of_the_inventory() {
    let on = r#"{"operator": "AND", "nodes": [
        {"operator": "OR", "cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:a:apache:tomcat:*:*:*:*:*:*:*:*", "versionEndExcluding": "9.0.83"}]},
        {"operator": "OR", "cpeMatch": [{"vulnerable": false, "criteria": "cpe:2.3:a:oracle:jdk:*:*:*:*:*:*:*:*", "versionEndExcluding": "17"}]}]}"#;
    let feeds = vec![nvd("CVE-2023-1111", on)];
    let jdk = |version: &str| {
        component(
            version,
            &[&format!("cpe:2.3:a:oracle:jdk:{version}:*:*:*:*:*:*:*")],
        )
    };
    let alone = one(feeds.clone(), vec![tomcat("9.0.50")]);
    assert_eq!(alone.status, Status::Unknown);
    assert_eq!(
        alone.decided_by.verdict.because,
        Because::Platform {
            needed: vec!["oracle:jdk < 17".to_owned()]
        }
    );
    assert_eq!(
        one(feeds.clone(), vec![tomcat("9.0.50"), jdk("11.0.2")]).status,
        Status::Affected
    );
    let newer = one(feeds.clone(), vec![tomcat("9.0.50"), jdk("21")]);
    assert_eq!(newer.status, Status::Unaffected);
    assert!(matches!(
        newer.decided_by.verdict.because,
        Because::PlatformUnmet { .. }
    ));
    // What is only a platform is not found vulnerable.
    assert!(run(feeds, vec![jdk("11")], &all()).findings.is_empty());
    let firmware = r#"{"operator": "AND", "nodes": [
        {"cpeMatch": [{"vulnerable": true, "criteria": "cpe:2.3:o:dlink:dir-823g_firmware:1.0:*:*:*:*:*:*:*"}]},
        {"cpeMatch": [{"vulnerable": false, "criteria": "cpe:2.3:h:dlink:dir-823g:-:*:*:*:*:*:*:*"}]}]}"#;
    let own = component(
        "1.0",
        &["cpe:2.3:o:dlink:dir-823g_firmware:1.0:*:*:*:*:*:*:*"],
    );
    assert_eq!(
        one(vec![nvd("CVE-2023-1111", firmware)], vec![own]).status,
        Status::Affected
    );
}

#[test]
fn a_distribution_s_package_is_not_condemned_by_its_upstream_version() {
    let deb = component(
        "pkg:deb/debian/tomcat9@9.0.70-2",
        &["cpe:2.3:a:apache:tomcat:9.0.70:*:*:*:*:*:*:*"],
    );
    let found = one(vec![nvd("CVE-2023-1111", TOMCAT)], vec![deb.clone()]);
    assert_eq!(found.status, Status::Unknown);
    assert!(matches!(
        found.decided_by.verdict.because,
        Because::Backport { .. }
    ));
    // The distribution's own word is stronger, either way.
    let events = r#"{"introduced": "0"}, {"fixed": "9.0.70-2"}"#;
    let dsa = osv(
        "DSA-1",
        r#""aliases": ["CVE-2023-1111"],"#,
        "Debian",
        "tomcat9",
        events,
    );
    let found = one(vec![nvd("CVE-2023-1111", TOMCAT), dsa], vec![deb]);
    assert_eq!(
        (found.status, found.identity),
        (Status::Unaffected, Identity::Package)
    );
    assert_eq!(found.disagreement.unwrap().about, About::Verdict);
}

const CNVD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><vulnerabilitys><vulnerability><number>CNVD-2023-1</number>
    <cves><cve><cveNumber>CVE-2023-1111</cveNumber></cve></cves><title>Apache Tomcat信息泄露漏洞</title><serverity>中</serverity>
    <products><product>Apache Tomcat >=9.0.0，&lt;9.0.83</product></products></vulnerability>
    <vulnerability><number>CNVD-2023-2</number><title>泛微e-cology SQL注入漏洞</title><serverity>高</serverity>
    <products><product>上海泛微网络科技股份有限公司 泛微e-cology &lt;= V8</product></products></vulnerability></vulnerabilitys>"#;

/// What a person says, as the engine takes it.
fn pair(product: &str, component: &str) -> Options {
    Options {
        all: true,
        pairs: vec![Pair {
            product: product.to_owned(),
            component: component.to_owned(),
        }],
        ..Options::default()
    }
}

#[test]
fn a_confirmed_name_decides_for_its_component_and_no_other() {
    let feeds = vec![feed(Format::Cnvd, CNVD)];
    let named = |name: &str, version: &str| Component {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        ..component("", &[])
    };
    let said = one(feeds.clone(), vec![named("e-cology", "7.1")])
        .decided_by
        .product;
    assert_eq!(said.as_str(), "上海泛微网络科技股份有限公司 泛微e-cology");
    // Width, case and blanks don't make another name.
    for product in [said.as_str(), "上海泛微网络科技股份有限公司泛微Ｅ-Cology"] {
        let of = |version: &str, component: &str| {
            let report = run(
                feeds.clone(),
                vec![named("e-cology", version)],
                &pair(product, component),
            );
            let found = &report.findings[0];
            (found.status, found.proposed, found.identity)
        };
        let decided = (Status::Affected, false, Identity::Confirmed);
        assert_eq!(of("7.1", "e-cology"), decided);
        // A list of affected versions that lacks this one: there is nothing to do, as with a proposal.
        let options = Options {
            all: false,
            ..pair(product, "E-Cology")
        };
        let later = run(feeds.clone(), vec![named("e-cology", "9.0")], &options);
        assert!(later.findings.is_empty());
        assert_eq!(of("7.1", "e-office").2, Identity::Text);
        assert_eq!(of("7.1", "pkg:generic/e-cology").2, Identity::Text);
    }
    // Half of the name is another name.
    let half = run(
        feeds.clone(),
        vec![named("e-cology", "7.1")],
        &pair("泛微e-cology", "e-cology"),
    );
    assert!(half.findings[0].proposed);
    let empty = run(
        feeds.clone(),
        vec![named("e-cology", "7.1")],
        &pair(" - ", "e-cology"),
    );
    assert!(empty.findings[0].proposed);
    // Of a package all versions are meant.
    let ecology = component("pkg:generic/weaver/e-cology@7.1", &[]);
    let options = pair(said.as_str(), "pkg:generic/weaver/e-cology");
    let report = run(feeds, vec![ecology], &options);
    assert!(report.findings[0].counts() && report.summary.affected == 1);
}

#[test]
fn a_name_proposes_and_never_decides() {
    let feeds = vec![feed(Format::Cnvd, CNVD)];
    let ecology = |version: &str| Component {
        name: "e-cology".to_owned(),
        version: Some(version.to_owned()),
        ..component("", &[])
    };
    let found = one(feeds.clone(), vec![ecology("7.1")]);
    assert_eq!(
        (found.status, found.proposed, found.identity),
        (Status::Unknown, true, Identity::Text)
    );
    assert_eq!(found.decided_by.verdict.status, Status::Affected);
    assert!(!found.counts());
    // What would not be affected is not even proposed.
    assert!(
        run(feeds.clone(), vec![ecology("9.0")], &Options::default())
            .findings
            .is_empty()
    );
    // The maker's name makes it surer, and no more than a proposal.
    let report = run(feeds.clone(), vec![tomcat("9.0.50")], &Options::default());
    let found = &report.findings[0];
    assert!(found.proposed && found.identity == Identity::Name);
    assert_eq!((report.summary.proposed, report.summary.affected), (1, 0));
    // A registry's package is not found by its bare name, but by the curated list.
    let embed = component(
        "pkg:maven/org.apache.tomcat.embed/tomcat-embed-core@9.0.50",
        &[],
    );
    let other = component("pkg:npm/tomcat@9.0.50", &[]);
    assert_eq!(
        one(
            vec![feed(
                Format::Cnvd,
                &CNVD.replace("Apache Tomcat ", "Apache Apache Tomcat ")
            )],
            vec![embed]
        )
        .identity,
        Identity::Name
    );
    assert!(run(feeds, vec![other], &all()).findings.is_empty());
}

#[test]
fn sources_of_one_vulnerability_stand_side_by_side() {
    let score =
        |vector: &str| format!(r#""severity": [{{"type": "CVSS_V3", "score": "{vector}"}}],"#);
    let ghsa = osv(
        "GHSA-aaaa-bbbb-cccc",
        &format!(
            r#""aliases": ["CVE-2023-1111"], {}"#,
            score("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
        ),
        "Maven",
        "org.apache.tomcat:tomcat",
        r#"{"introduced": "9.0.0"}, {"fixed": "9.0.82"}"#,
    );
    let other = osv(
        "X-1",
        &format!(
            r#""aliases": ["GHSA-aaaa-bbbb-cccc"], {}"#,
            score("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H")
        ),
        "Maven",
        "org.apache.tomcat:tomcat",
        r#"{"introduced": "9.0.0"}, {"fixed": "9.0.84"}"#,
    );
    let both = component(
        "pkg:maven/org.apache.tomcat/tomcat@9.0.82",
        &["cpe:2.3:a:apache:tomcat:9.0.82:*:*:*:*:*:*:*"],
    );
    let feeds = vec![
        ghsa,
        other,
        nvd("CVE-2023-1111", TOMCAT),
        feed(Format::Cnvd, CNVD),
    ];
    let found = one(feeds, vec![both]);
    assert_eq!(found.status, Status::Affected);
    assert_eq!(found.decided_by.record, "X-1");
    assert_eq!(found.fixed.as_deref(), Some("9.0.84"));
    let mut ids = found.vulnerability.ids.clone();
    ids.sort();
    assert_eq!(
        ids,
        ["CNVD-2023-1", "CVE-2023-1111", "GHSA-aaaa-bbbb-cccc", "X-1"]
    );
    assert_eq!(found.disagreement.unwrap().said.len(), 3);
    assert_eq!(found.vulnerability.disagreements[0].about, About::Score);
    let levels: Vec<Option<String>> = found
        .vulnerability
        .sources
        .iter()
        .map(|(_, _, level)| level.clone())
        .collect();
    assert!(levels.contains(&Some("中".to_owned())), "{levels:?}");
    assert_eq!(found.vulnerability.scores.len(), 2);
}

#[test]
fn a_source_that_is_silent_leaves_the_word_to_the_others() {
    let cve = r#"{"cveMetadata": {"cveId": "CVE-2023-1111", "state": "PUBLISHED"}, "containers": {"cna": {"affected": [
        {"vendor": "Apache", "product": "Tomcat", "cpes": ["cpe:2.3:a:apache:tomcat:*:*:*:*:*:*:*:*"],
         "versions": [{"version": "9.0.0", "lessThan": "9.0.83", "status": "affected", "versionType": "custom"}]}]}}}"#;
    let silent = one(vec![feed(Format::Cve5, cve)], vec![tomcat("9.0.90")]);
    assert_eq!(
        (silent.status, &silent.decided_by.verdict.because),
        (Status::Unknown, &Because::Silent)
    );
    let told = one(
        vec![feed(Format::Cve5, cve), nvd("CVE-2023-1111", TOMCAT)],
        vec![tomcat("9.0.90")],
    );
    assert_eq!(
        (told.status, told.decided_by.source),
        (Status::Unaffected, Source::Nvd)
    );
}

fn vex(status: &str, products: &str) -> Vec<Found> {
    feed(
        Format::OpenVex,
        &format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "x", "author": "Maker", "timestamp": "2024-01-01T00:00:00Z", "version": 1,
            "statements": [{{"vulnerability": {{"name": "CVE-2021-1234"}}, "products": [{products}], "status": "{status}",
            "justification": "vulnerable_code_not_in_execute_path"}}]}}"#
        ),
    )
}

#[test]
fn a_supplier_s_statement_suppresses_and_is_shown() {
    let advisory = osv(
        "A-1",
        r#""aliases": ["CVE-2021-1234"],"#,
        "npm",
        "lodash",
        LODASH,
    );
    let lodash = component("pkg:npm/lodash@4.17.20", &[]);
    let told = |products: &str, status: &str, components: Vec<Component>| {
        one(vec![advisory.clone(), vex(status, products)], components)
    };
    let found = told(
        r#"{"@id": "pkg:npm/lodash@4.17.20"}"#,
        "not_affected",
        vec![lodash.clone()],
    );
    let why = found.suppressed.clone().unwrap();
    assert_eq!(found.status, Status::Affected);
    assert!(!found.counts() && !why.own);
    assert_eq!(
        (why.by.as_str(), why.reason.as_str()),
        ("Maker", "vulnerable_code_not_in_execute_path")
    );
    // Another version is another matter.
    let found = told(
        r#"{"@id": "pkg:npm/lodash@4.17.19"}"#,
        "not_affected",
        vec![lodash.clone()],
    );
    assert_eq!(found.suppressed, None);
    // A product that holds the part, only where the inventory has that product.
    let product = r#"{"@id": "pkg:npm/shop@2.0.0", "subcomponents": [{"@id": "pkg:npm/lodash"}]}"#;
    let shop = component("pkg:npm/shop@2.0.0", &[]);
    let report = run(
        vec![advisory.clone(), vex("not_affected", product)],
        vec![lodash.clone(), shop],
        &Options::default(),
    );
    assert_eq!((report.summary.suppressed, report.summary.affected), (1, 0));
    assert_eq!(
        told(product, "not_affected", vec![lodash.clone()]).suppressed,
        None
    );
    assert_eq!(
        told(
            r#"{"@id": "pkg:npm/lodash@4.17.20"}"#,
            "under_investigation",
            vec![lodash]
        )
        .suppressed,
        None
    );
}

#[test]
fn own_statements_hold_for_all_versions_and_run_out() {
    let own = Own {
        vulnerability: "CVE-2021-1234".to_owned(),
        component: "pkg:npm/lodash".to_owned(),
        reason: "only called with our own input".to_owned(),
        by: "wang".to_owned(),
        until: Some("2026-06-30".parse().unwrap()),
    };
    let feeds = vec![osv(
        "A-1",
        r#""aliases": ["CVE-2021-1234"],"#,
        "npm",
        "lodash",
        LODASH,
    )];
    let on = |day: Option<&str>, version: &str| {
        let options = Options {
            own: vec![own.clone()],
            today: day.map(|day| day.parse().unwrap()),
            ..all()
        };
        let mut report = run(
            feeds.clone(),
            vec![component(&format!("pkg:npm/lodash@{version}"), &[])],
            &options,
        );
        report.findings.remove(0)
    };
    assert!(on(Some("2026-06-30"), "4.17.20").suppressed.is_some());
    assert!(on(Some("2026-01-01"), "4.17.19").suppressed.unwrap().own);
    let over = on(Some("2026-07-01"), "4.17.20");
    assert_eq!(
        (over.suppressed.is_none(), over.expired),
        (true, Some(Box::new(own.clone())))
    );
    assert!(on(None, "4.17.20").suppressed.is_none());
    // What is not affected needs no statement.
    assert!(on(Some("2026-01-01"), "4.17.21").suppressed.is_none());
}

#[test]
fn each_finding_is_decided_with_what_is_known() {
    let kev = Found::Kev(Kev {
        cve: "CVE-2021-1234".to_owned(),
        vendor: String::new(),
        product: String::new(),
        name: String::new(),
        added: None,
        due: None,
        ransomware: true,
        action: String::new(),
        cwes: Vec::new(),
    });
    let advisory = osv(
        "A-1",
        r#""aliases": ["CVE-2021-1234"],"#,
        "npm",
        "lodash",
        LODASH,
    );
    let mild = osv(
        "A-2",
        r#""severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}],"#,
        "npm",
        "lodash",
        LODASH,
    );
    let options = Options {
        asset: Asset {
            exposure: Some(Exposure::Internal),
            data: Some(DataTier::Plain),
        },
        ..Options::default()
    };
    let report = run(
        vec![mild, advisory, vec![kev]],
        vec![component("pkg:npm/lodash@4.0.0", &[])],
        &options,
    );
    let ids: Vec<&str> = report
        .findings
        .iter()
        .map(|one| one.vulnerability.id.as_str())
        .collect();
    assert_eq!(ids, ["CVE-2021-1234", "A-2"]);
    let facts = |at: usize| &report.findings[at].decided.facts;
    assert_eq!(
        (facts(0).in_kev, facts(1).in_kev),
        (Some(true), Some(false))
    );
    assert_eq!(
        (facts(0).fix, facts(0).exposure),
        (Some(true), Some(Exposure::Internal))
    );
    assert!(report.findings[0].what() > report.findings[1].what());
    assert_eq!(report.findings[1].what(), What::Watch);
    assert!(report.findings[0].vulnerability.kev.is_some());
}

#[test]
fn a_report_says_who_could_match_what() {
    let feeds = vec![
        osv("A-1", "", "npm", "lodash", LODASH),
        nvd("CVE-2023-1111", TOMCAT),
    ];
    let components = vec![
        component("pkg:npm/left-pad@1.0.0", &[]),
        component("pkg:cargo/serde@1.0.0", &[]),
        tomcat("9.9"),
        Component {
            name: "??".to_owned(),
            version: None,
            ..component("", &[])
        },
    ];
    let summary = run(feeds, components, &Options::default()).summary;
    assert_eq!((summary.components, summary.without_identifier), (4, 1));
    assert_eq!((summary.without_source, summary.without_version), (1, 1));
    let npm = summary
        .identifiers
        .iter()
        .find(|one| one.kind == "pkg:npm")
        .unwrap();
    assert_eq!((npm.components, npm.records.get("osv")), (1, Some(&1)));
    let cargo = summary
        .identifiers
        .iter()
        .find(|one| one.kind == "pkg:cargo")
        .unwrap();
    assert!(cargo.records.is_empty());
    let cpe = summary
        .identifiers
        .iter()
        .find(|one| one.kind == "cpe")
        .unwrap();
    assert_eq!(cpe.records.get("nvd"), Some(&1));
}

#[test]
fn a_newer_record_takes_the_place_of_an_older_one_in_any_order() {
    let old = osv(
        "A-1",
        r#""modified": "2024-01-01T00:00:00Z","#,
        "npm",
        "lodash",
        LODASH,
    );
    let new = osv(
        "A-1",
        r#""modified": "2025-01-01T00:00:00Z","#,
        "npm",
        "lodash",
        r#"{"introduced": "0"}, {"fixed": "4.0.0"}"#,
    );
    for feeds in [vec![old.clone(), new.clone()], vec![new, old]] {
        assert_eq!(Index::of(feeds.concat()).counts().replaced, 1);
        assert_eq!(
            one(feeds, vec![component("pkg:npm/lodash@4.1.0", &[])]).status,
            Status::Unaffected
        );
    }
}

#[test]
fn odd_names_are_looked_up_and_break_nothing() {
    let odd = [
        "\u{202e}sdrow",
        "İstanbul",
        "ﬁﬂ",
        "\u{0}",
        "é\u{301}\u{301}",
        "𝕏𝕐ℤ",
        "名",
        "ＡＢＣ",
        "a:b:c:d",
        "%2f%00",
        "cpe:2.3:",
    ];
    let feeds: Vec<Vec<Found>> = odd
        .iter()
        .enumerate()
        .map(|(at, name)| {
            vec![Found::Record(Box::new(Record {
                id: format!("X-{at}"),
                affected: vec![Affected {
                    vendor: (*name).to_owned(),
                    product: (*name).to_owned(),
                    package: (at % 2 == 0).then(|| Package {
                        registry: "npm".to_owned(),
                        name: (*name).to_owned(),
                    }),
                    ranges: vec![Range::all(Status::Affected)],
                    ..Affected::default()
                }],
                ..Record::default()
            }))]
        })
        .collect();
    let components = odd.iter().map(|name| Component {
        name: (*name).to_owned(),
        purl: Some(format!("pkg:npm/{name}@1")),
        cpes: vec![
            format!("cpe:2.3:a:{name}:{name}:1:*:*:*:*:*:*:*"),
            (*name).to_owned(),
        ],
        ..component("", &[])
    });
    let report = run(feeds, components.collect(), &all());
    assert!(!report.findings.is_empty());
}

fn saved(name: &str, index: &Index) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("hudun-index-{}-{name}", std::process::id()));
    index.save(&path).unwrap();
    path
}

#[test]
fn an_index_is_the_same_from_its_file() {
    let epss = "#model_version:v2025.03.14,score_date:2026-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2021-1234,0.00043,0.5\n";
    let feeds = vec![
        osv(
            "A-1",
            r#""aliases": ["CVE-2021-1234"],"#,
            "npm",
            "lodash",
            LODASH,
        ),
        feed(Format::Epss, epss),
        feed(Format::Cnvd, CNVD),
        nvd("CVE-2023-1111", TOMCAT),
    ];
    let index = Index::of(feeds.into_iter().flatten());
    let path = saved("same", &index);
    let again = Index::open(&path).unwrap();
    assert_eq!(again.counts(), index.counts());
    let parts = inventory([component("pkg:npm/lodash@4.0.0", &[]), tomcat("9.0.1")]);
    let json = |index: &Index| {
        let report = match_inventory(index, &parts, &all()).unwrap();
        serde_json::to_string(&report).unwrap()
    };
    assert_eq!(json(&again), json(&index));
    assert!(json(&again).contains("v2025.03.14"));
    // Written again from the file, it is the same file.
    let copy = saved("copy", &again);
    assert_eq!(std::fs::read(&copy).unwrap(), std::fs::read(&path).unwrap());
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(copy).unwrap();
}

#[test]
fn a_cut_or_changed_file_is_refused() {
    let index = Index::of(osv("A-1", "", "npm", "lodash", LODASH));
    let path = saved("bad", &index);
    let good = std::fs::read(&path).unwrap();
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Index::open(&path)
    };
    for length in 0..good.len() {
        assert!(open(&good[..length]).is_err(), "cut to {length}");
    }
    assert!(matches!(
        open(&good[..good.len() - 1]),
        Err(IndexError::Length { .. })
    ));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        // The last bytes of the head are noughts that nobody reads.
        if !(36..48).contains(&at) {
            assert!(open(&bad).is_err(), "byte {at}");
        }
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(open(&longer), Err(IndexError::Length { .. })));
    assert!(matches!(open(b"PK\x03\x04"), Err(IndexError::Other)));
    let mut newer = good.clone();
    newer[8] = 99;
    assert!(matches!(
        open(&newer),
        Err(IndexError::Version { found: 99 })
    ));
    assert!(open(&good).is_ok());
    std::fs::remove_file(path).unwrap();
}

prop_compose! {
    fn a_record()(
        id in 0_u32..40,
        alias in proptest::option::of(0_u32..6),
        name in "[a-d]{1,2}",
        kind in 0_u8..4,
        end in "[0-9]\\.[0-9]",
        status in prop_oneof![Just(Status::Affected), Just(Status::Unaffected), Just(Status::Unknown)],
        withdrawn in proptest::bool::weighted(0.1),
    ) -> Record {
        let mut affected = Affected {
            vendor: "maker".to_owned(),
            product: format!("pro{name}"),
            default: Some(Status::Unaffected),
            ranges: vec![Range { upper: Bound::Excluding(end), ..Range::all(status) }],
            ..Affected::default()
        };
        match kind {
            0 => affected.purl = Some(format!("pkg:npm/{name}")),
            1 => affected.package = Some(Package { registry: "PyPI".to_owned(), name }),
            2 => affected.cpes = vec![format!("cpe:2.3:a:maker:{name}:*:*:*:*:*:*:*:*").parse().unwrap()],
            _ => {}
        }
        Record {
            id: format!("X-{id}"),
            aliases: alias.map(|alias| format!("CVE-2024-000{alias}")).into_iter().collect(),
            affected: vec![affected],
            withdrawn,
            ..Record::default()
        }
    }
}

prop_compose! {
    fn a_component()(
        name in "[a-d]{1,2}",
        kind in 0_u8..4,
        version in proptest::option::of("[0-9]\\.[0-9]"),
    ) -> Component {
        let at = version.clone().map(|version| format!("@{version}")).unwrap_or_default();
        match kind {
            0 => component(&format!("pkg:npm/{name}{at}"), &[]),
            1 => component(&format!("pkg:pypi/{name}{at}"), &[]),
            2 => {
                let mut one = component("", &[&format!("cpe:2.3:a:maker:{name}:*:*:*:*:*:*:*:*")]);
                one.name = "x".to_owned();
                one.version = version;
                one
            }
            _ => Component { name: format!("pro{name}"), version, ..component("", &[]) },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What the index finds is what is found by holding every record against every component.
    #[test]
    fn lookup_finds_what_brute_force_finds(
        records in proptest::collection::vec(a_record(), 0..40),
        components in proptest::collection::vec(a_component(), 1..12),
    ) {
        let mut seen = std::collections::HashSet::new();
        let records: Vec<Record> = records.into_iter().filter(|one| seen.insert(one.id.clone())).collect();
        let index = Index::of(records.iter().cloned().map(|one| Found::Record(Box::new(one))));
        let found = match_inventory(&index, &inventory(components.clone()), &all()).unwrap();
        let mut by_index = std::collections::BTreeSet::new();
        for finding in &found.findings {
            let said = finding.others.iter().chain([&finding.decided_by]);
            for one in said {
                for place in &finding.component.places {
                    by_index.insert((place.clone(), finding.component.name.clone(), finding.component.version.clone(), one.record.to_string(), one.verdict.status as u8));
                }
            }
        }
        let mut by_force = std::collections::BTreeSet::new();
        for record in &records {
            let alone = Index::of([Found::Record(Box::new(Record { aliases: Vec::new(), ..record.clone() }))]);
            for one in &components {
                let report = match_inventory(&alone, &inventory([one.clone()]), &all()).unwrap();
                let same = naive(record, one);
                prop_assert_eq!(report.findings.len(), usize::from(same), "{:?} {:?}", record, one);
                for finding in report.findings {
                    by_force.insert((one.where_found.clone(), one.name.clone(), finding.component.version.clone(), record.id.clone(), finding.decided_by.verdict.status as u8));
                }
            }
        }
        prop_assert_eq!(by_index, by_force);
    }
}

/// Whether a record is of a component, said in another way than the matcher does.
fn naive(record: &Record, component: &Component) -> bool {
    let affected = &record.affected[0];
    let purl = component
        .purl
        .as_deref()
        .map(|purl| purl.split('@').next().unwrap().to_owned());
    let same_purl = affected.purl.is_some() && affected.purl == purl;
    let same_package = affected
        .package
        .as_ref()
        .is_some_and(|package| Some(format!("pkg:pypi/{}", package.name)) == purl);
    let same_cpe = affected.cpes.iter().any(|cpe| {
        component
            .cpes
            .iter()
            .any(|own| own.parse::<hudun_advisory::Cpe>().unwrap().product == cpe.product)
    });
    let named = affected.purl.is_none() && affected.package.is_none();
    let same_name = named && component.purl.is_none() && component.name == affected.product;
    !record.withdrawn && (same_purl || same_package || same_cpe || same_name)
}

/// What the first product of a feed's first record says of some versions.
fn check(format: Format, text: &str, wanted: &[(&str, Status)]) {
    let reading = read(format, "feed", text.as_bytes());
    let affected = &reading.records[0].affected[0];
    for (version, status) in wanted {
        let verdict = affected.verdict(Some(version), None);
        assert_eq!(verdict.status, *status, "{version}: {verdict:?} {text}");
    }
}

#[test]
fn each_source_s_way_of_writing_versions_is_judged() {
    use Status::{Affected as Bad, Unaffected as Good, Unknown};
    let cve = |default: &str, versions: &str| {
        format!(
            r#"{{"cveMetadata": {{"cveId": "CVE-2023-1111", "state": "PUBLISHED"}}, "containers": {{"cna": {{"affected": [
            {{"vendor": "v", "product": "p", {default} "versions": [{versions}]}}]}}}}}}"#
        )
    };
    let good = r#""defaultStatus": "unaffected","#;
    for (default, versions, wanted) in [
        (
            good,
            r#"{"version": "< 1.2.3", "status": "affected"}"#,
            &[("1.2.2", Bad), ("1.2.3", Good)][..],
        ),
        (
            good,
            r#"{"version": ">= 1.0, < 2.0", "status": "affected"}"#,
            &[("0.9", Good), ("1.0", Bad), ("2.0", Good)],
        ),
        (
            good,
            r#"{"version": "8.0.27 and prior", "status": "affected"}"#,
            &[("8.0.27", Bad), ("8.0.28", Good)],
        ),
        (
            good,
            r#"{"version": "*", "status": "affected"}"#,
            &[("7", Bad)],
        ),
        (
            good,
            r#"{"version": "0", "status": "affected"}"#,
            &[("7", Unknown)],
        ),
        (
            good,
            r#"{"version": "n/a", "status": "affected"}"#,
            &[("7", Unknown)],
        ),
        (
            good,
            r#"{"version": "0", "lessThan": "*", "status": "affected"}"#,
            &[("7", Bad)],
        ),
        (
            good,
            r#"{"version": "0", "lessThanOrEqual": "1.5", "status": "affected"}"#,
            &[("1.5", Bad), ("1.5.1", Good)],
        ),
        (
            good,
            r#"{"version": "1.0", "lessThan": "unspecified", "status": "affected"}"#,
            &[("0.9", Good), ("1.0", Unknown)],
        ),
        (
            good,
            r#"{"version": "1.0", "lessThan": "3.0", "status": "affected", "changes": [{"at": "1.5", "status": "unaffected"}, {"at": "2.0", "status": "affected"}]}"#,
            &[("1.4", Bad), ("1.6", Good), ("2.1", Bad), ("3.0", Good)],
        ),
        (
            r#""defaultStatus": "affected","#,
            r#"{"version": "2.0", "status": "unaffected"}, {"version": "3.0", "lessThan": "*", "status": "unaffected"}"#,
            &[("1.0", Bad), ("2.0", Good), ("2.1", Bad), ("3.1", Good)],
        ),
        (
            "",
            r#"{"version": "1.0", "status": "affected"}"#,
            &[("1.0.0", Bad), ("1.1", Unknown)],
        ),
    ] {
        check(Format::Cve5, &cve(default, versions), wanted);
    }
    for (events, wanted) in [
        (
            r#"{"introduced": "0"}, {"fixed": "1.0.0"}"#,
            &[("0.9.0", Bad), ("1.0.0", Good)][..],
        ),
        (
            r#"{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}"#,
            &[("0.9.0", Good), ("1.5.0", Bad), ("1.5.1", Good)],
        ),
        (
            r#"{"fixed": "1.1.0"}, {"introduced": "2.0.0"}, {"introduced": "1.0.0"}"#,
            &[("1.0.5", Bad), ("1.5.0", Good), ("2.0.0", Bad)],
        ),
        (
            r#"{"introduced": "1.0.0"}, {"limit": "2.0.0"}"#,
            &[("1.9.0", Bad), ("2.0.0", Good)],
        ),
        (r#"{"introduced": "0"}"#, &[("9.9.9", Bad), ("latest", Bad)]),
    ] {
        let text = format!(
            r#"{{"id": "X-1", "affected": [{{"package": {{"ecosystem": "npm", "name": "p"}}, "ranges": [{{"type": "SEMVER", "events": [{events}]}}], "versions": ["0.0.1-beta"]}}]}}"#
        );
        check(Format::Osv, &text, wanted);
        check(Format::Osv, &text, &[("0.0.1-beta", Bad)]);
    }
    let cnvd = |product: &str| {
        format!(
            "<vulnerabilitys><vulnerability><number>CNVD-2023-1</number><products><product>{}</product></products></vulnerability></vulnerabilitys>",
            product.replace('<', "&lt;")
        )
    };
    for (product, wanted) in [
        (
            "Moodle Moodle >=4.0.0，<4.0.5",
            &[("4.0.4", Bad), ("4.0.5", Unknown), ("3.9", Unknown)][..],
        ),
        ("某公司 某系统", &[("1.0", Unknown)]),
        (
            "某公司 某系统 <= V8",
            &[("7.9", Bad), ("8.0", Bad), ("8.1", Unknown)],
        ),
        (
            "Foo Foo 6.5.*，<=6.5.4.17",
            &[("6.5.4.17", Bad), ("6.5.5", Unknown)],
        ),
        (
            "Foo Foo <=2018-07-26",
            &[("2018-07-01", Bad), ("3.1", Unknown)],
        ),
        ("Foo Foo 所有版本", &[("3.1", Bad)]),
    ] {
        check(Format::Cnvd, &cnvd(product), wanted);
    }
}
