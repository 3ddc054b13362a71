//! CVE 5, NVD, OSV, GHSA, CSAF, OpenVEX, KEV and EPSS, on small records made by hand.

#![allow(clippy::unwrap_used)]

use hudun_advisory::{
    Affected, Attribute, Bound, Change, Ecosystem, Format, Identity, Note, Range, Reading, Record,
    Source, Status, read,
};
use serde_json::{Value, json};

fn reading(format: Format, text: &str) -> Reading {
    read(format, "feed", text.as_bytes())
}

fn records(format: Format, value: &Value) -> Vec<Record> {
    let reading = reading(format, &value.to_string());
    assert_eq!(reading.refused, [], "{value}");
    reading.records
}

fn one(format: Format, value: &Value) -> Record {
    let mut records = records(format, value);
    assert_eq!(records.len(), 1, "{value}");
    records.remove(0)
}

fn refusal(format: Format, text: &str) -> String {
    let reading = reading(format, text);
    assert_eq!(reading.records, [], "{text}");
    assert_eq!(reading.refused.len(), 1, "{:?}", reading.refused);
    assert_eq!(reading.tally.refused, 1);
    reading.refused[0].to_string()
}

fn including(version: &str) -> Bound {
    Bound::Including(version.to_owned())
}

fn excluding(version: &str) -> Bound {
    Bound::Excluding(version.to_owned())
}

/// A CVE record with one product.
fn cve(product: Value) -> Value {
    json!({
        "dataType": "CVE_RECORD",
        "cveMetadata": { "cveId": "CVE-2024-1000", "state": "PUBLISHED", "assignerShortName": "acme",
            "datePublished": "2024-01-02T03:04:05" },
        "containers": { "cna": {
            "providerMetadata": { "shortName": "acme" },
            "title": "A hole",
            "descriptions": [{ "lang": "fr", "value": "Un trou" }, { "lang": "en", "value": "A hole" }],
            "affected": [product],
        } },
    })
}

fn versions(versions: Value) -> Affected {
    let product = json!({ "vendor": "Acme", "product": "CRM", "defaultStatus": "unaffected", "versions": versions });
    one(Format::Cve5, &cve(product)).affected.remove(0)
}

#[test]
fn a_cve_record_gives_what_it_says_and_who_says_it() {
    let mut value = cve(
        json!({ "vendor": "Acme", "product": "CRM", "versions": [{ "version": "1.0", "status": "affected" }],
        "cpes": ["cpe:2.3:a:acme:crm:1.0:*:*:*:*:*:*:*", "no cpe"], "platforms": ["Linux"] }),
    );
    let cna = &mut value["containers"]["cna"];
    cna["metrics"] = json!([
        { "cvssV3_1": { "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8 } },
        { "other": { "type": "Red Hat severity rating", "content": { "value": "Important" } } },
    ]);
    cna["problemTypes"] =
        json!([{ "descriptions": [{ "cweId": "CWE-89" }, { "description": "CWE-79 XSS" }] }]);
    cna["references"] =
        json!([{ "url": "https://example.org/1" }, { "url": "https://example.org/1" }]);
    cna["solutions"] = json!([{ "lang": "en", "value": "Take 1.1." }]);
    cna["source"] = json!({ "advisory": "GHSA-abcd-efgh-ijkl" });
    value["containers"]["adp"] = json!([{
        "providerMetadata": { "shortName": "CISA-ADP" },
        "metrics": [
            { "other": { "type": "ssvc", "content": { "options": [
                { "Exploitation": "PoC" }, { "Automatable": "Yes" }, { "Technical Impact": "TOTAL" }] } } },
            { "other": { "type": "kev", "content": { "dateAdded": "2024-02-02" } } },
        ],
        "affected": [{ "vendor": "acme", "product": "crm", "defaultStatus": "unknown" }],
    }]);
    let record = one(Format::Cve5, &value);
    assert_eq!(
        (record.id.as_str(), record.source),
        ("CVE-2024-1000", Source::Cve5)
    );
    assert_eq!(
        (record.title.as_str(), record.summary.as_str()),
        ("A hole", "A hole")
    );
    // Without a zone a time is UTC.
    assert_eq!(
        record.published.unwrap().to_string(),
        "2024-01-02T03:04:05Z"
    );
    assert_eq!(record.scores[0].giver, "cna:acme");
    assert_eq!(record.severity_word.as_deref(), Some("Important"));
    assert_eq!(record.cwes, ["CWE-89", "CWE-79"]);
    assert_eq!(record.references, ["https://example.org/1"]);
    assert_eq!(record.aliases, ["GHSA-abcd-efgh-ijkl"]);
    assert_eq!(record.remediation, "Take 1.1.");
    let ssvc = record.ssvc.unwrap();
    assert_eq!(ssvc.exploitation.as_deref(), Some("poc"));
    assert_eq!(ssvc.automatable.as_deref(), Some("yes"));
    assert_eq!(ssvc.technical_impact.as_deref(), Some("total"));
    assert!(record.kev);
    let [cna, adp] = &record.affected[..] else {
        panic!("{:?}", record.affected);
    };
    assert_eq!(
        (cna.giver.as_str(), adp.giver.as_str()),
        ("cna:acme", "adp:CISA-ADP")
    );
    // The source's silence is not a status.
    assert_eq!((cna.default, adp.default), (None, Some(Status::Unknown)));
    assert_eq!(
        (cna.versions.as_slice(), cna.identity()),
        (&["1.0".to_owned()][..], Identity::Cpe)
    );
    assert_eq!(cna.cpes.len(), 1);
    assert_eq!(adp.identity(), Identity::Name);
    let tally = reading(Format::Cve5, &value.to_string()).tally;
    assert_eq!(tally.notes.get(&Note::Cpe), Some(&1));
}

#[test]
fn version_entries_become_ranges() {
    let affected = versions(json!([
        { "version": "0", "status": "affected", "lessThan": "1.5", "versionType": "SemVer" },
        { "version": "2.0", "status": "Affected", "lessThanOrEqual": "2.3" },
        { "version": "3.0", "status": "affected", "lessThan": "*",
          "changes": [{ "at": "3.4", "status": "unaffected" }] },
        { "version": "4.1", "status": "unaffected", "lessThanOrEqual": "4.*" },
        { "version": "5.0", "status": "unaffected" },
        { "version": 6.5, "status": "affected" },
    ]));
    let ends: Vec<_> = affected
        .ranges
        .iter()
        .map(|range| (range.lower.clone(), range.upper.clone(), range.status))
        .collect();
    assert_eq!(
        ends,
        [
            (Bound::Open, excluding("1.5"), Status::Affected),
            (including("2.0"), including("2.3"), Status::Affected),
            (including("3.0"), Bound::Open, Status::Affected),
            (
                including("4.1"),
                Bound::Line("4".to_owned()),
                Status::Unaffected
            ),
            (including("5.0"), including("5.0"), Status::Unaffected),
        ]
    );
    assert_eq!(affected.versions, ["6.5"]);
    assert_eq!(affected.ranges[0].version_type.as_deref(), Some("semver"));
    assert_eq!(affected.order(&affected.ranges[0]), Some(Ecosystem::SemVer));
    assert_eq!(affected.order(&affected.ranges[1]), None);
    let change = Change {
        at: "3.4".to_owned(),
        status: Status::Unaffected,
    };
    assert_eq!(affected.ranges[2].changes, [change]);
}

#[test]
fn operators_inside_the_version_text_are_read() {
    for (text, lower, upper) in [
        ("< 1.2.3", Bound::Open, excluding("1.2.3")),
        (">= 1.0, < 2.0", including("1.0"), excluding("2.0")),
        ("8.0.27 and prior", Bound::Open, including("8.0.27")),
        (">= 3.1", including("3.1"), Bound::Open),
        ("all versions", Bound::Open, Bound::Open),
        ("*", Bound::Open, Bound::Open),
        (
            "5.1.x",
            Bound::Line("5.1".to_owned()),
            Bound::Line("5.1".to_owned()),
        ),
    ] {
        let affected = versions(json!([{ "version": text, "status": "affected" }]));
        let [range] = &affected.ranges[..] else {
            panic!("{text}: {affected:?}");
        };
        assert_eq!((&range.lower, &range.upper), (&lower, &upper), "{text}");
        assert_eq!(
            (range.status, range.text.as_deref()),
            (Status::Affected, Some(text))
        );
    }
    // An operator beside a field for the end.
    let affected =
        versions(json!([{ "version": ">= 1.0.0", "status": "affected", "lessThan": "< 4.4.13" }]));
    assert_eq!(affected.ranges[0].lower, including("1.0.0"));
    assert_eq!(affected.ranges[0].upper, excluding("4.4.13"));
}

#[test]
fn what_a_version_entry_cannot_say_is_unknown() {
    for text in [
        "n/a",
        "N/A",
        "unspecified",
        "0",
        "",
        "-",
        "see the advisory",
        "Snapdragon 8 Gen 1 Platform",
    ] {
        let affected = versions(json!([{ "version": text, "status": "affected" }]));
        let [range] = &affected.ranges[..] else {
            panic!("{text}: {affected:?}");
        };
        assert_eq!(
            (range.status, &range.lower, &range.upper),
            (Status::Unknown, &Bound::Open, &Bound::Open),
            "{text}"
        );
        assert!(affected.versions.is_empty());
    }
    // From a version to before itself.
    let empty = versions(json!([{ "version": "1.0", "status": "affected", "lessThan": "1.0" }]));
    assert_eq!(empty.ranges[0].status, Status::Unknown);
    // An end that is no version.
    let odd = versions(
        json!([{ "version": "16.0.1", "status": "affected", "lessThan": "https://aka.ms/x" }]),
    );
    assert_eq!(
        odd.ranges[0].upper,
        Bound::Unreadable("https://aka.ms/x".to_owned())
    );
    // Two ends.
    let two = versions(
        json!([{ "version": "1", "status": "affected", "lessThan": "2", "lessThanOrEqual": "3" }]),
    );
    assert!(matches!(two.ranges[0].upper, Bound::Unreadable(_)));
    // A status that nobody knows.
    let word = versions(json!([{ "version": "1", "status": "maybe" }]));
    assert_eq!(
        (word.ranges[0].status, word.versions.len()),
        (Status::Unknown, 0)
    );
    // Neither versions nor a default.
    let silent = one(
        Format::Cve5,
        &cve(json!({ "vendor": "Acme", "product": "CRM" })),
    );
    assert_eq!(silent.affected[0].ranges, [Range::all(Status::Unknown)]);
}

#[test]
fn default_affected_stays_and_commits_have_no_order() {
    let product = json!({ "vendor": "Linux", "product": "Linux", "defaultStatus": "affected", "versions": [
        { "version": "1da177e4c3f4", "status": "affected", "lessThan": "abcdef123456", "versionType": "git" },
        { "version": "6.1.84", "status": "unaffected", "lessThanOrEqual": "6.1.*", "versionType": "custom" }] });
    let affected = one(Format::Cve5, &cve(product)).affected.remove(0);
    assert_eq!(affected.default, Some(Status::Affected));
    assert!(affected.ranges[0].is_git() && !affected.ranges[1].is_git());
    assert_eq!(affected.order(&affected.ranges[0]), None);
    assert_eq!(affected.ranges[1].upper, Bound::Line("6.1".to_owned()));
}

#[test]
fn a_package_of_a_cve_record_is_recognised_by_its_registry() {
    let product = json!({ "vendor": "Acme", "product": "CRM", "packageName": "org.acme:crm",
        "collectionURL": "https://repo.maven.apache.org/maven2", "versions": [
            { "version": "1.0", "status": "affected", "lessThan": "2.0", "versionType": "custom" }] });
    let affected = one(Format::Cve5, &cve(product)).affected.remove(0);
    let package = affected.package.clone().unwrap();
    assert_eq!(
        (package.registry.as_str(), package.name.as_str()),
        ("Maven", "org.acme:crm")
    );
    assert_eq!(affected.order(&affected.ranges[0]), Some(Ecosystem::Maven));
    assert_eq!(affected.identity(), Identity::Package);
    let product = json!({ "vendor": "Acme", "product": "CRM", "packageURL": "pkg:npm/%40acme/crm", "versions": [
        { "version": "1.0", "status": "affected", "lessThan": "2.0" }] });
    let affected = one(Format::Cve5, &cve(product)).affected.remove(0);
    assert_eq!(
        (affected.identity(), affected.order(&affected.ranges[0])),
        (Identity::Purl, Some(Ecosystem::SemVer))
    );
}

#[test]
fn a_rejected_record_is_withdrawn() {
    let record = one(
        Format::Cve5,
        &json!({ "cveMetadata": { "cveId": "cve-2024-1001", "state": "REJECTED" },
            "containers": { "cna": { "rejectedReasons": [{ "lang": "en", "value": "Not a hole" }] } } }),
    );
    assert!(record.withdrawn && record.affected.is_empty());
    assert_eq!(
        (record.id.as_str(), record.summary.as_str()),
        ("CVE-2024-1001", "Not a hole")
    );
}

#[test]
fn cve_records_that_are_none_are_refused_with_a_reason() {
    let mut bad = cve(json!({ "vendor": "a", "product": "b", "versions": "none" }));
    assert!(refusal(Format::Cve5, &bad.to_string()).contains("invalid type: string"));
    bad = cve(json!({}));
    bad["cveMetadata"]["cveId"] = json!("CVE-24-1");
    assert!(refusal(Format::Cve5, &bad.to_string()).contains("no CVE number"));
    bad = cve(json!({}));
    bad["cveMetadata"]["state"] = json!("RESERVED");
    assert!(refusal(Format::Cve5, &bad.to_string()).contains("RESERVED"));
    assert!(refusal(Format::Cve5, r#"{"fetchTime":"2024"}"#).contains("cveMetadata"));
    assert!(
        refusal(
            Format::Cve5,
            r#"{"cveMetadata":{"cveId":"CVE-2024-1","cveId":"CVE-2024-2"}}"#
        )
        .contains("duplicate")
    );
    // One bad record of an array costs itself alone.
    let good = cve(json!({ "vendor": "a", "product": "b" }));
    let text = format!("[{good},{{\"cveMetadata\":5}},{good}]");
    let reading = reading(Format::Cve5, &text);
    assert_eq!((reading.records.len(), reading.refused.len()), (2, 1));
    assert!(
        reading.refused[0].place.starts_with("[1], from byte "),
        "{}",
        reading.refused[0]
    );
}

fn nvd(configurations: Value) -> Value {
    json!({ "vulnerabilities": [{ "cve": { "id": "CVE-2024-2000", "published": "2024-01-02T03:04:05.678",
        "vulnStatus": "Analyzed", "descriptions": [{ "lang": "en", "value": "A hole" }],
        "metrics": { "cvssMetricV31": [{ "source": "nvd@nist.gov", "type": "Primary",
            "cvssData": { "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" } }] },
        "weaknesses": [{ "description": [{ "lang": "en", "value": "CWE-89" }, { "lang": "en", "value": "NVD-CWE-Other" }] }],
        "references": [{ "url": "https://example.org" }],
        "configurations": configurations } }] })
}

fn criteria(vendor: &str, version: &str) -> String {
    format!("cpe:2.3:a:{vendor}:crm:{version}:*:*:*:*:*:*:*")
}

#[test]
fn nvd_configurations_give_ranges_and_versions() {
    let record = one(
        Format::Nvd,
        &nvd(
            json!([{ "nodes": [{ "operator": "OR", "negate": false, "cpeMatch": [
            { "vulnerable": true, "criteria": criteria("acme", "*"), "versionStartIncluding": "1.0", "versionEndExcluding": "1.5" },
            { "vulnerable": true, "criteria": criteria("acme", "*"), "versionEndIncluding": "0.9" },
            { "vulnerable": true, "criteria": criteria("acme", "2.0") },
            { "vulnerable": true, "criteria": "cpe:2.3:a:acme:crm:2.1:sp1:*:*:*:*:*:*" },
            { "vulnerable": true, "criteria": criteria("other", "*") },
            { "vulnerable": true, "criteria": criteria("third", "-") },
        ] }] }]),
        ),
    );
    assert_eq!(record.scores[0].giver, "nvd@nist.gov");
    assert_eq!(record.cwes, ["CWE-89"]);
    let [acme, other, third] = &record.affected[..] else {
        panic!("{:?}", record.affected);
    };
    assert_eq!(acme.versions, ["2.0", "2.1-sp1"]);
    assert_eq!(
        (&acme.ranges[0].lower, &acme.ranges[0].upper),
        (&including("1.0"), &excluding("1.5"))
    );
    assert_eq!(
        (&acme.ranges[1].lower, &acme.ranges[1].upper),
        (&Bound::Open, &including("0.9"))
    );
    assert_eq!((acme.default, acme.on.len()), (Some(Status::Unaffected), 0));
    assert_eq!(other.ranges, [Range::all(Status::Affected)]);
    // "-" is not "*".
    assert_eq!(
        (third.default, third.ranges[0].status),
        (Some(Status::Unknown), Status::Unknown)
    );
}

#[test]
fn what_it_runs_on_is_a_condition_and_never_a_product() {
    let record = one(
        Format::Nvd,
        &nvd(json!([{ "operator": "AND", "nodes": [
            { "operator": "OR", "cpeMatch": [{ "vulnerable": true, "criteria": criteria("acme", "*"), "versionEndExcluding": "2.0" }] },
            { "operator": "OR", "cpeMatch": [
                { "vulnerable": false, "criteria": "cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*" },
                { "vulnerable": false, "criteria": "cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*", "versionEndExcluding": "11" }] },
        ] }])),
    );
    let [acme] = &record.affected[..] else {
        panic!("{:?}", record.affected);
    };
    let [on] = &acme.on[..] else {
        panic!("{acme:?}");
    };
    assert_eq!(on.any.len(), 2);
    assert_eq!(on.any[0].cpe.as_ref().unwrap().version, Attribute::Na);
    assert_eq!(on.any[1].upper, excluding("11"));
    // Without AND the nodes are alternatives: nothing is a condition.
    let record = one(
        Format::Nvd,
        &nvd(json!([{ "nodes": [
            { "operator": "OR", "cpeMatch": [{ "vulnerable": true, "criteria": criteria("acme", "1.0") }] },
            { "operator": "OR", "cpeMatch": [{ "vulnerable": false, "criteria": criteria("other", "1.0") }] }] }])),
    );
    assert_eq!((record.affected.len(), record.affected[0].on.len()), (1, 0));
}

#[test]
fn and_nodes_and_negation_unfold() {
    // Both together are vulnerable: each is the other's condition.
    let both = one(
        Format::Nvd,
        &nvd(json!([{ "nodes": [{ "operator": "AND", "cpeMatch": [
            { "vulnerable": true, "criteria": criteria("acme", "1.0") },
            { "vulnerable": true, "criteria": criteria("other", "*") }] }] }])),
    );
    assert_eq!(both.affected.len(), 2);
    assert!(both.affected.iter().all(|affected| affected.on.len() == 1));
    // Not on Linux and not on Windows: two conditions, each an absence.
    let negated = one(
        Format::Nvd,
        &nvd(json!([{ "operator": "AND", "nodes": [
            { "operator": "OR", "cpeMatch": [{ "vulnerable": true, "criteria": criteria("acme", "1.0") }] },
            { "operator": "OR", "negate": true, "cpeMatch": [
                { "vulnerable": false, "criteria": "cpe:2.3:o:linux:linux_kernel:*:*:*:*:*:*:*:*" },
                { "vulnerable": false, "criteria": "cpe:2.3:o:microsoft:windows:*:*:*:*:*:*:*:*" }] }] }])),
    );
    let on = &negated.affected[0].on;
    assert!(
        on.len() == 2 && on.iter().all(|on| on.any.len() == 1 && on.any[0].absent),
        "{on:?}"
    );
    // A vulnerable CPE in a negated node says nothing that can be held against a version.
    let odd = one(
        Format::Nvd,
        &nvd(
            json!([{ "negate": true, "nodes": [{ "operator": "OR", "cpeMatch": [
            { "vulnerable": true, "criteria": criteria("acme", "1.0") }] }] }]),
        ),
    );
    assert_eq!(odd.affected[0].default, Some(Status::Unknown));
    assert!(odd.affected[0].versions.is_empty());
}

#[test]
fn nvd_comes_in_four_shapes() {
    let configurations = json!([{ "nodes": [{ "operator": "OR", "cpeMatch": [
        { "vulnerable": true, "criteria": criteria("acme", "1.0") }] }] }]);
    let api = nvd(configurations.clone());
    let bare = api["vulnerabilities"][0]["cve"].clone();
    let fkie = json!({ "cve_items": [bare.clone()] });
    let anchore = json!({ "_annotation": { "cve_id": "CVE-2024-2000", "description": "A hole",
        "modified": "2024-08-01T16:27:57.389000+00:00", "published": "2024-01-02T03:04:05.678", "references": ["https://example.org"] },
        "cve": { "configurations": configurations } });
    for shape in [&api, &bare, &fkie, &anchore] {
        let record = one(Format::Nvd, shape);
        assert_eq!(
            (record.id.as_str(), record.summary.as_str()),
            ("CVE-2024-2000", "A hole"),
            "{shape}"
        );
        assert_eq!(record.affected[0].versions, ["1.0"]);
        assert!(record.published.is_some());
    }
    assert!(refusal(Format::Nvd, r#"{"cve":{}}"#).contains("no CVE number"));
    assert!(refusal(Format::Nvd, r#"{"title":"something"}"#).contains("neither cve nor id"));
    let odd = nvd(json!([{ "operator": "XOR", "nodes": [] }]));
    assert!(refusal(Format::Nvd, &odd.to_string()).contains("XOR"));
    let no_cpe =
        nvd(json!([{ "nodes": [{ "cpeMatch": [{ "vulnerable": true, "criteria": "acme" }] }] }]));
    assert!(refusal(Format::Nvd, &no_cpe.to_string()).contains("no CPE name"));
}

#[test]
fn cpe_applicability_of_a_cve_record_reads_the_same() {
    let mut value = cve(json!({ "vendor": "Acme", "product": "CRM", "defaultStatus": "unknown" }));
    value["containers"]["cna"]["cpeApplicability"] = json!([{ "operator": "AND", "nodes": [
        { "operator": "OR", "negate": false, "cpeMatch": [
            { "vulnerable": true, "criteria": criteria("acme", "*"), "versionEndExcluding": "2.0" }] },
        { "operator": "OR", "negate": false, "cpeMatch": [
            { "vulnerable": false, "criteria": "cpe:2.3:o:linux:linux_kernel:-:*:*:*:*:*:*:*" }] }] }]);
    let record = one(Format::Cve5, &value);
    assert_eq!(record.affected.len(), 2);
    let by_cpe = &record.affected[1];
    assert_eq!((by_cpe.giver.as_str(), by_cpe.on.len()), ("cna:acme", 1));
    assert_eq!(by_cpe.ranges[0].upper, excluding("2.0"));
}

fn osv(affected: Value) -> Value {
    json!({ "schema_version": "1.6.0", "id": "GHSA-1111-2222-3333", "aliases": ["CVE-2024-3000"],
        "modified": "2024-05-01T00:00:00Z", "published": "2024-04-01T00:00:00Z", "summary": "A hole", "details": "Deep",
        "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
        "affected": [affected], "references": [{ "type": "WEB", "url": "https://example.org" }],
        "database_specific": { "severity": "HIGH", "cwe_ids": ["CWE-79"] } })
}

fn ranged(ecosystem: &str, kind: &str, events: Value) -> Affected {
    let value = osv(
        json!({ "package": { "ecosystem": ecosystem, "name": "crm", "purl": "pkg:npm/crm" },
        "ranges": [{ "type": kind, "events": events }] }),
    );
    one(Format::Osv, &value).affected.remove(0)
}

#[test]
fn osv_events_become_ranges() {
    let affected = ranged(
        "npm",
        "SEMVER",
        json!([{ "introduced": "0" }, { "fixed": "1.2.0" }, { "introduced": "2.0.0" }, { "last_affected": "2.1.0" },
            { "introduced": "3.0.0" }]),
    );
    let ends: Vec<_> = affected
        .ranges
        .iter()
        .map(|range| (range.lower.clone(), range.upper.clone()))
        .collect();
    assert_eq!(
        ends,
        [
            (Bound::Open, excluding("1.2.0")),
            (including("2.0.0"), including("2.1.0")),
            (including("3.0.0"), Bound::Open),
        ]
    );
    assert_eq!(affected.default, Some(Status::Unaffected));
    assert_eq!(affected.order(&affected.ranges[0]), Some(Ecosystem::SemVer));
    // Events out of order are sorted by the ecosystem's order: 1.10 is behind 1.9.
    let sorted = ranged(
        "PyPI",
        "ECOSYSTEM",
        json!([{ "fixed": "1.10" }, { "introduced": "2.0" }, { "introduced": "1.9" }, { "fixed": "2.1" }]),
    );
    let ends: Vec<_> = sorted
        .ranges
        .iter()
        .map(|range| (range.lower.clone(), range.upper.clone()))
        .collect();
    assert_eq!(
        ends,
        [
            (including("1.9"), excluding("1.10")),
            (including("2.0"), excluding("2.1"))
        ]
    );
    assert_eq!(sorted.order(&sorted.ranges[0]), Some(Ecosystem::PyPi));
    // Where nobody knows the order they must stand in it.
    let unordered = ranged(
        "Homebrew",
        "ECOSYSTEM",
        json!([{ "fixed": "1.10" }, { "introduced": "1.9" }]),
    );
    assert_eq!(unordered.ranges[0].status, Status::Unknown);
    let limited = ranged(
        "npm",
        "SEMVER",
        json!([{ "introduced": "1.0.0" }, { "limit": "2.0.0" }]),
    );
    assert_eq!(limited.ranges[0].upper, excluding("2.0.0"));
}

#[test]
fn enumerated_versions_commits_and_silence() {
    let value = osv(
        json!({ "package": { "ecosystem": "PyPI", "name": "crm" }, "versions": ["1.0", "1.1"] }),
    );
    let listed = one(Format::Osv, &value).affected.remove(0);
    assert_eq!(
        (listed.versions.len(), listed.default),
        (2, Some(Status::Unaffected))
    );
    // Commits alone say nothing of a version.
    let git = ranged(
        "npm",
        "GIT",
        json!([{ "introduced": "0" }, { "fixed": "abcdef" }]),
    );
    assert_eq!((git.default, git.ranges[0].is_git()), (None, true));
    // Two ends of one beginning, on two branches.
    let branches = ranged(
        "npm",
        "GIT",
        json!([{ "introduced": "aaa" }, { "fixed": "bbb" }, { "fixed": "ccc" }]),
    );
    assert_eq!(branches.ranges[1].lower, including("aaa"));
    assert_eq!(branches.ranges[1].upper, excluding("ccc"));
    let value = osv(json!({ "package": { "ecosystem": "PyPI", "name": "crm" } }));
    let silent = one(Format::Osv, &value).affected.remove(0);
    assert_eq!(
        (silent.default, silent.ranges[0].status),
        (None, Status::Unknown)
    );
}

#[test]
fn ghsa_has_its_word_and_withdrawn_records_are_marked() {
    let mut value =
        osv(json!({ "package": { "ecosystem": "npm", "name": "crm" }, "versions": ["1.0.0"] }));
    let record = one(Format::Ghsa, &value);
    assert_eq!(
        (record.source, record.severity_word.as_deref()),
        (Source::Ghsa, Some("HIGH"))
    );
    assert_eq!(
        (record.cwes, record.aliases),
        (vec!["CWE-79".to_owned()], vec!["CVE-2024-3000".to_owned()])
    );
    assert!(!record.withdrawn);
    value["withdrawn"] = json!("2024-06-01T00:00:00Z");
    assert!(one(Format::Ghsa, &value).withdrawn);
    let list = json!({ "vulns": [value.clone(), value] });
    assert_eq!(records(Format::Osv, &list).len(), 2);
}

#[test]
fn osv_records_that_are_none_are_refused_with_a_reason() {
    let of = |range: Value| {
        osv(json!({ "package": { "ecosystem": "npm", "name": "crm" }, "ranges": [range] }))
            .to_string()
    };
    let two = of(json!({ "type": "SEMVER", "events": [{ "introduced": "1", "fixed": "2" }] }));
    assert!(refusal(Format::Osv, &two).contains("two things"));
    let none = of(json!({ "type": "SEMVER", "events": [{}] }));
    assert!(refusal(Format::Osv, &none).contains("empty"));
    let kind = of(json!({ "type": "CALVER", "events": [] }));
    assert!(refusal(Format::Osv, &kind).contains("CALVER"));
    assert!(refusal(Format::Osv, r#"{"id":"  "}"#).contains("no number"));
    assert!(
        refusal(
            Format::Osv,
            r#"{"id":"X-1","affected":[{"versions":["1"]}]}"#
        )
        .contains("no name")
    );
}

#[test]
fn csaf_statuses_and_ranges() {
    let value = json!({
        "document": { "csaf_version": "2.0", "category": "csaf_security_advisory", "title": "Holes",
            "publisher": { "name": "Acme" }, "tracking": { "id": "ACME-1", "current_release_date": "2024-05-01T00:00:00Z" },
            "aggregate_severity": { "text": "Important" } },
        "product_tree": {
            "branches": [{ "category": "vendor", "name": "Acme", "branches": [
                { "category": "product_name", "name": "CRM", "branches": [
                    { "category": "product_version", "name": "1.0", "product": { "product_id": "P1", "name": "CRM 1.0",
                        "product_identification_helper": { "cpe": "cpe:/a:acme:crm:1.0" } } },
                    { "category": "product_version", "name": "2.0", "product": { "product_id": "P2", "name": "CRM 2.0" } },
                    { "category": "product_version_range", "name": "vers:npm/>=3.0.0|<3.5.0|4.0.0",
                        "product": { "product_id": "P3", "name": "CRM 3" } },
                    { "category": "product_version_range", "name": "<= 0.9", "product": { "product_id": "P4", "name": "CRM 0" } },
                    { "category": "product_version_range", "name": "some", "product": { "product_id": "P5", "name": "CRM ?" } }] }] }],
            "full_product_names": [{ "product_id": "OS", "name": "Acme Linux 9",
                "product_identification_helper": { "cpe": "cpe:/o:acme:linux:9" } },
                { "product_id": "LIB", "name": "libcrm", "product_identification_helper": { "purl": "pkg:rpm/acme/libcrm@1.2-3?arch=x86_64" } }],
            "relationships": [{ "category": "default_component_of", "product_reference": "LIB", "relates_to_product_reference": "OS",
                "full_product_name": { "product_id": "OS:LIB", "name": "libcrm in Acme Linux 9" } }] },
        "vulnerabilities": [{ "cve": "CVE-2024-4000", "cwe": { "id": "CWE-89", "name": "SQL" },
            "notes": [{ "category": "description", "text": "A hole" }],
            "product_status": { "known_affected": ["P1", "P3", "P4", "P5", "OS:LIB"], "fixed": ["P2"], "first_fixed": ["P9"] },
            "remediations": [{ "category": "vendor_fix", "details": "Take 2.0.", "product_ids": ["P1"] }],
            "scores": [{ "cvss_v3": { "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }, "products": ["P1"] }] }] });
    let record = one(Format::Csaf, &value);
    assert_eq!(
        (
            record.id.as_str(),
            record.title.as_str(),
            record.summary.as_str()
        ),
        ("CVE-2024-4000", "Holes", "A hole")
    );
    assert_eq!(record.severity_word.as_deref(), Some("Important"));
    assert_eq!(record.remediation, "Take 2.0.");
    let crm = record
        .affected
        .iter()
        .find(|affected| affected.product == "CRM")
        .unwrap();
    assert_eq!(
        (crm.vendor.as_str(), crm.giver.as_str()),
        ("Acme", "Acme ACME-1")
    );
    assert_eq!(crm.versions, ["1.0"]);
    let has = |lower: &Bound, upper: &Bound, status| {
        crm.ranges
            .iter()
            .any(|range| (&range.lower, &range.upper, range.status) == (lower, upper, status))
    };
    assert!(
        has(&including("2.0"), &including("2.0"), Status::Unaffected),
        "{crm:?}"
    );
    assert!(has(
        &including("3.0.0"),
        &excluding("3.5.0"),
        Status::Affected
    ));
    assert!(has(
        &including("4.0.0"),
        &including("4.0.0"),
        Status::Affected
    ));
    assert!(has(&Bound::Open, &including("0.9"), Status::Affected));
    assert!(has(&Bound::Open, &Bound::Open, Status::Unknown));
    let lib = record
        .affected
        .iter()
        .find(|affected| affected.product == "libcrm")
        .unwrap();
    assert_eq!(
        (lib.purl.as_deref(), lib.versions.as_slice()),
        (Some("pkg:rpm/acme/libcrm"), &["1.2-3".to_owned()][..])
    );
    assert_eq!(
        lib.on[0].any[0].cpe.as_ref().unwrap().product.value(),
        Some("linux")
    );
    let tally = reading(Format::Csaf, &value.to_string()).tally;
    assert_eq!(tally.notes.get(&Note::NoProduct), Some(&1));
}

/// Some makers write the kind as a text, in which the object stands.
#[test]
fn a_csaf_kind_that_is_a_text_costs_no_advisory() {
    for (cwe, wanted) in [
        (json!("{'id': 'CWE-89', 'name': \"SQL\"}"), vec!["CWE-89"]),
        (json!("none"), vec![]),
        (json!(17), vec![]),
        (json!({ "id": "CWE-79", "name": "XSS" }), vec!["CWE-79"]),
    ] {
        let value = json!({ "document": { "csaf_version": "2.0", "category": "csaf_security_advisory", "title": "Holes",
                "tracking": { "id": "HOLE-1" } },
            "product_tree": { "full_product_names": [{ "product_id": "p", "name": "Desk 1" }] },
            "vulnerabilities": [{ "cve": "CVE-2026-1", "cwe": cwe, "product_status": { "known_affected": ["p"] } }] });
        let reading = read(Format::Csaf, "feed", value.to_string().as_bytes());
        assert_eq!(reading.refused, []);
        assert_eq!(reading.records[0].cwes, wanted, "{value}");
    }
}

#[test]
fn a_csaf_vex_says_why_something_is_not_affected() {
    let value = json!({ "document": { "csaf_version": "2.0", "category": "csaf_vex", "tracking": { "id": "VEX 1" } },
        "product_tree": { "full_product_names": [{ "product_id": "A", "name": "CRM 1" }, { "product_id": "B", "name": "CRM 2" }],
            "product_groups": [{ "group_id": "G", "product_ids": ["A"] }] },
        "vulnerabilities": [{ "ids": [{ "system_name": "tracker", "text": "ticket 7" }],
            "product_status": { "known_not_affected": ["A"], "under_investigation": ["B"] },
            "flags": [{ "label": "vulnerable_code_not_present", "group_ids": ["G"] }] }] });
    let record = one(Format::Csaf, &value);
    // Neither a CVE number nor an id of one word: the document's.
    assert_eq!(record.id, "VEX-1#1");
    let of = |name: &str| {
        record
            .affected
            .iter()
            .find(|affected| affected.product == name)
            .unwrap()
    };
    assert_eq!(
        of("CRM 1").justification.as_deref(),
        Some("vulnerable_code_not_present")
    );
    assert_eq!(
        (of("CRM 1").ranges[0].status, of("CRM 2").ranges[0].status),
        (Status::Unaffected, Status::Unknown)
    );
    let old = r#"{"document":{"csaf_version":"1.2"}}"#;
    assert!(refusal(Format::Csaf, old).contains("1.2"));
}

/// A statement on one image must not clear every other of that name.
#[test]
fn openvex_on_an_image_is_of_its_tag_alone() {
    let of = |purl: &str| {
        let value = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "author": "Acme", "statements": [
            { "vulnerability": { "name": "CVE-2024-5000" }, "products": [{ "@id": purl }], "status": "not_affected",
              "justification": "component_not_present" }] });
        let mut records = records(Format::OpenVex, &value);
        records[0].affected[0].ranges.remove(0).lower
    };
    assert_eq!(
        of("pkg:oci/crm?repository_url=reg.example/crm&tag=1.4%2Bb"),
        including("1.4+b")
    );
    assert_eq!(
        of("pkg:oci/crm@sha256%3Aabc?tag=1.4"),
        including("sha256:abc")
    );
    assert_eq!(
        of("pkg:oci/crm?repository_url=reg.example/crm"),
        Bound::Open
    );
    assert_eq!(of("pkg:npm/crm?tag=1.4"), Bound::Open);
}

#[test]
fn openvex_statements() {
    let value = json!({ "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.example/vex/1", "author": "Acme",
        "timestamp": "2024-01-08T18:02:03.647787998-06:00", "version": 1, "statements": [
            { "vulnerability": { "name": "CVE-2024-5000", "aliases": ["GHSA-1"] },
              "products": [{ "@id": "pkg:oci/crm@sha256%3Aabc", "subcomponents": [{ "@id": "pkg:npm/lib@1.0" }] }],
              "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path" },
            { "vulnerability": { "@id": "https://nvd.nist.gov/vuln/detail/CVE-2024-5001" }, "products": [{ "@id": "pkg:npm/%40acme/crm@1.0" }],
              "status": "affected", "action_statement": "Take 1.1" },
            { "vulnerability": "CVE-2024-5002", "products": ["pkg:npm/crm"], "status": "under_investigation" }] });
    let records = records(Format::OpenVex, &value);
    let [not, affected, open] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(
        (not.id.as_str(), not.aliases.as_slice()),
        ("CVE-2024-5000", &["GHSA-1".to_owned()][..])
    );
    let product = &not.affected[0];
    assert_eq!(
        product.justification.as_deref(),
        Some("vulnerable_code_not_in_execute_path")
    );
    assert_eq!(product.purl.as_deref(), Some("pkg:oci/crm"));
    assert_eq!(product.ranges[0].lower, including("sha256:abc"));
    assert_eq!(product.subcomponents, ["pkg:npm/lib@1.0"]);
    assert_eq!(
        (affected.id.as_str(), affected.remediation.as_str()),
        ("CVE-2024-5001", "Take 1.1")
    );
    assert_eq!(
        affected.affected[0].purl.as_deref(),
        Some("pkg:npm/%40acme/crm")
    );
    assert_eq!(affected.affected[0].versions, ["1.0"]);
    assert_eq!(open.affected[0].ranges, [Range::all(Status::Unknown)]);
    let bad = json!({ "@context": "https://openvex.dev/ns", "statements": [
        { "vulnerability": "CVE-1", "products": ["pkg:npm/crm"], "status": "fine" }] });
    assert!(refusal(Format::OpenVex, &bad.to_string()).contains("\"fine\""));
    assert!(
        refusal(
            Format::OpenVex,
            r#"{"@context":"https://example.org","statements":[]}"#
        )
        .contains("@context")
    );
}

#[test]
fn the_catalogue_and_the_scores() {
    let kev = json!({ "title": "Catalog", "vulnerabilities": [
        { "cveID": "CVE-2024-6000", "vendorProject": "Acme", "product": "CRM", "vulnerabilityName": "Hole", "dateAdded": "2024-05-01",
          "dueDate": "2024-05-22", "requiredAction": "Patch", "knownRansomwareCampaignUse": "Known", "cwes": ["CWE-89"] },
        { "cveID": "six", "vendorProject": "Acme" }] });
    let reading = reading(Format::Kev, &kev.to_string());
    assert_eq!((reading.kev.len(), reading.refused.len()), (1, 1));
    let entry = &reading.kev[0];
    assert!(entry.ransomware && entry.due.unwrap().to_string() == "2024-05-22");
    let text = "#model_version:v2025.03.14,score_date:2025-04-01T00:00:00+0000\ncve,epss,percentile\n\
        CVE-2024-6000,0.00043,0.10500\nCVE-2024-6001,1.5,0.1\nnine,0.1,0.1\nCVE-2024-6002,0.9\nCVE-2024-6003,NaN,0.1\nCVE-2024-6004,1,1\n";
    let reading = read(Format::Epss, "scores.csv", text.as_bytes());
    assert_eq!((reading.epss.len(), reading.refused.len()), (2, 4));
    let score = &reading.epss[0];
    assert_eq!((score.probability, score.percentile), (0.00043, 0.105));
    assert_eq!(
        (
            score.model.as_str(),
            score.date.unwrap().to_string().as_str()
        ),
        ("v2025.03.14", "2025-04-01")
    );
    let places: Vec<&str> = reading
        .refused
        .iter()
        .map(|refused| refused.place.as_str())
        .collect();
    assert_eq!(places, ["line 4", "line 5", "line 6", "line 7"]);
    assert!(refusal(Format::Epss, "a,b\n1,2\n").contains("columns"));
}
