//! Published feeds, whole.

#![allow(clippy::unwrap_used)]

mod data;

use std::collections::BTreeMap;

use hudun_advisory::{Bound, Format, Found, Limits, Note, Reading, Record, Status, read_path};

fn all(format: Format, path: &std::path::Path) -> Reading {
    let mut reading = Reading::default();
    reading.tally = read_path(format, path, &Limits::default(), &mut |found| {
        reading.push(found);
    });
    reading
}

#[test]
fn every_cve_record_of_the_test_data_is_read() {
    let Some(folder) = data::folder("cve5") else {
        return;
    };
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut refused = Vec::new();
    let archive = folder.join("records.tar.gz");
    let tally = read_path(
        Format::Cve5,
        &archive,
        &Limits::default(),
        &mut |found| match found {
            Found::Record(record) => {
                records.insert(record.id.clone(), *record);
            }
            Found::Ended(ended) => assert!(!ended.cut && ended.understood == 1, "{ended:?}"),
            other => refused.push(other),
        },
    );
    println!("{tally:?}");
    assert_eq!(refused, []);
    assert_eq!(
        (tally.files, tally.understood, records.len()),
        (2_700, 2_700, 2_700)
    );
    // The two that were taken back.
    assert_eq!(
        records.values().filter(|record| record.withdrawn).count(),
        2
    );
    assert_eq!(
        records
            .values()
            .filter(|record| record.ssvc.is_some())
            .count(),
        2_698
    );
    assert_eq!(records.values().filter(|record| record.kev).count(), 15);
    // Sixteen of them have no datePublished; every date that is there is read.
    assert_eq!(
        records
            .values()
            .filter(|record| record.published.is_some())
            .count(),
        2_684
    );
    assert!(!tally.notes.contains_key(&Note::Time), "{tally:?}");
    // Every vector that is written there has a score.
    let vectors = records.values().flat_map(|record| &record.scores);
    let (mut scored, mut odd) = (0, Vec::new());
    for vector in vectors {
        match vector.vector.parse::<hudun_advisory::Score>() {
            Ok(_) => scored += 1,
            Err(error) => odd.push(error.to_string()),
        }
    }
    println!("{scored} vectors with a score; without: {odd:#?}");
    assert!(scored > 2_000);
    // Each product says something of its versions, even if it is "unknown".
    for record in records.values() {
        for affected in &record.affected {
            let says = affected.default.is_some()
                || !affected.ranges.is_empty()
                || !affected.versions.is_empty();
            assert!(says, "{}: {affected:?}", record.id);
        }
    }
    // No sign is left in any version or bound.
    let signs = |text: &String| text.contains(['<', '>', '=', '≤', '，']);
    for record in records.values() {
        for affected in &record.affected {
            assert!(
                !affected.versions.iter().any(signs),
                "{}: {affected:?}",
                record.id
            );
            for range in &affected.ranges {
                for bound in [&range.lower, &range.upper] {
                    let (Bound::Including(text) | Bound::Excluding(text) | Bound::Line(text)) =
                        bound
                    else {
                        continue;
                    };
                    assert!(!signs(text), "{}: {range:?}", record.id);
                }
            }
        }
    }
}

#[test]
fn the_catalogue_of_exploited_vulnerabilities_is_read() {
    let Some(folder) = data::folder("kev") else {
        return;
    };
    let reading = all(Format::Kev, &folder);
    assert_eq!((reading.kev.len(), reading.refused.len()), (1_404, 0));
    let ransomware = reading.kev.iter().filter(|kev| kev.ransomware).count();
    assert_eq!((ransomware, 1_404 - ransomware), (293, 1_111));
    assert!(
        reading
            .kev
            .iter()
            .all(|kev| kev.added.is_some() && kev.due.is_some())
    );
}

#[test]
fn a_record_of_the_test_data_reads_as_a_person_would() {
    let Some(folder) = data::folder("cve5") else {
        return;
    };
    let reading = all(Format::Cve5, &folder);
    let of = |id: &str| reading.records.iter().find(|record| record.id == id);
    // Entries that are "x and prior" have an end and no beginning.
    let prior = reading
        .records
        .iter()
        .flat_map(|record| &record.affected)
        .flat_map(|affected| &affected.ranges)
        .find(|range| range.text.as_deref() == Some("8.0.27 and prior"))
        .unwrap();
    assert_eq!(prior.lower, Bound::Open);
    assert_eq!(prior.upper, Bound::Including("8.0.27".to_owned()));
    assert_eq!(prior.status, Status::Affected);
    // One record in full.
    let record = of("CVE-2024-24686").unwrap();
    assert!(
        !record.summary.is_empty() && !record.references.is_empty() && !record.scores.is_empty()
    );
}
