//! Feeds that were cut, packed too tightly, or made to hurt.

#![allow(clippy::unwrap_used)]

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use hudun_advisory::{
    Bound, Format, Found, Limits, Note, Reading, Status, read, read_from, read_path,
};
use proptest::prelude::*;
use serde_json::json;

fn cve(number: u32, versions: &serde_json::Value) -> String {
    json!({ "cveMetadata": { "cveId": format!("CVE-2024-{number}"), "state": "PUBLISHED" },
        "containers": { "cna": { "descriptions": [{ "lang": "en", "value": "A hole" }],
            "affected": [{ "vendor": "Acme", "product": "CRM", "versions": versions }] } } })
    .to_string()
}

fn plain(number: u32) -> String {
    cve(number, &json!([{ "version": "1.0", "status": "affected" }]))
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Names that climb are written past the library's check.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn with(limits: &Limits, bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let tally = read_from(
        Format::Cve5,
        "feed",
        Cursor::new(bytes),
        limits,
        &mut |found| {
            reading.push(found);
        },
    );
    reading.tally = tally;
    reading
}

#[test]
fn packed_files_and_archives_are_read_by_what_they_hold() {
    let (one, two) = (plain(1_001), plain(1_002));
    let files: [(&str, &[u8]); 3] = [
        ("cves/2024/a.json", one.as_bytes()),
        ("../../etc/b.json", two.as_bytes()),
        ("README.md", b"words"),
    ];
    let tarred = tar(&files);
    for (what, bytes, count) in [
        ("gz", gz(one.as_bytes()), 1),
        ("tar", tarred.clone(), 2),
        ("tar.gz", gz(&tarred), 2),
        ("zip", zip(&files), 2),
        ("zip in zip", zip(&[("inner.zip", &zip(&files))]), 2),
        ("gz in tar", tar(&[("a.json.gz", &gz(one.as_bytes()))]), 1),
    ] {
        let reading = read(Format::Cve5, what, &bytes);
        assert_eq!(
            (reading.records.len(), reading.refused.len()),
            (count, 0),
            "{what}: {:?}",
            reading.refused
        );
    }
    let reading = read(Format::Cve5, "tar", &tarred);
    assert_eq!(reading.tally.notes.get(&Note::OtherFile), Some(&1));
}

#[test]
fn a_broken_file_of_an_archive_or_a_folder_costs_itself_alone() {
    let (one, two) = (plain(1_001), plain(1_002));
    let cut = &one[..one.len() / 2];
    let files: [(&str, &[u8]); 4] = [
        ("a.json", one.as_bytes()),
        ("b.json", cut.as_bytes()),
        ("c.json", b"\xff\xfe{}"),
        ("d.json", two.as_bytes()),
    ];
    for bytes in [tar(&files), gz(&tar(&files)), zip(&files)] {
        let reading = read(Format::Cve5, "feed", &bytes);
        assert_eq!(reading.records.len(), 2);
        let refused: Vec<String> = reading.refused.iter().map(ToString::to_string).collect();
        assert!(
            refused[0].starts_with("feed!b.json, line 1, column ")
                && refused[0].contains("as if cut"),
            "{refused:?}"
        );
        assert!(refused[1].contains("UTF-16"), "{refused:?}");
    }
    let folder = std::env::temp_dir().join(format!("hudun-advisory-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("deeper")).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join("deeper").join(name), bytes).unwrap();
    }
    std::fs::write(folder.join("e.txt"), "words").unwrap();
    let mut reading = Reading::default();
    let tally = read_path(Format::Cve5, &folder, &Limits::default(), &mut |found| {
        reading.push(found)
    });
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        (reading.records.len(), reading.refused.len(), tally.files),
        (2, 2, 4)
    );
    assert_eq!(tally.notes.get(&Note::OtherFile), Some(&1));
    let mut refused = Vec::new();
    read_path(Format::Cve5, &folder, &Limits::default(), &mut |found| {
        refused.push(found)
    });
    // A folder that is not there ends too, without a form.
    assert!(
        matches!(&refused[..], [Found::Refused(_), Found::Ended(ended)] if ended.format.is_none() && ended.refused == 1),
        "{refused:?}"
    );
}

#[test]
fn cut_archives_are_refused_and_what_came_before_is_kept() {
    let (one, two) = (plain(1_001), plain(1_002));
    let files: [(&str, &[u8]); 2] = [("a.json", one.as_bytes()), ("b.json", two.as_bytes())];
    let tarred = tar(&files);
    let reading = read(Format::Cve5, "feed", &tarred[..1_600]);
    assert_eq!(
        (reading.records.len(), reading.refused.len()),
        (1, 1),
        "{:?}",
        reading.refused
    );
    let packed = gz(&tarred);
    let reading = read(Format::Cve5, "feed", &packed[..packed.len() - 20]);
    assert_eq!(reading.refused.len(), 1, "{:?}", reading.refused);
    let zipped = zip(&files);
    let reading = read(Format::Cve5, "feed", &zipped[..zipped.len() - 30]);
    assert_eq!((reading.records.len(), reading.refused.len()), (0, 1));
}

#[test]
fn bombs_are_stopped() {
    // 64 MiB of spaces pack to 64 KiB.
    let spaces = vec![b' '; 64 << 20];
    let packed = gz(&spaces);
    for (what, bytes) in [
        ("gz", packed.clone()),
        ("tar.gz", gz(&tar(&[("a.json", &spaces)]))),
        ("zip", zip(&[("a.json", &spaces)])),
    ] {
        let reading = read(Format::Cve5, what, &bytes);
        assert_eq!(reading.tally.understood, 0);
        assert!(
            reading
                .refused
                .iter()
                .any(|refused| refused.reason.contains("250 times")),
            "{what}: {:?}",
            reading.refused
        );
    }
    // Each file is small enough to be unpacked whatever its ratio; all of them together are not.
    let spaces = vec![b' '; 8 << 20];
    let names: Vec<String> = (0..40).map(|at| format!("{at}.json")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), spaces.as_slice()))
        .collect();
    let reading = read(Format::Cve5, "zip", &zip(&files));
    let last = reading.refused.last().unwrap();
    assert!(
        last.reason.contains("250 times") && reading.tally.files < 40,
        "{last}"
    );
    let small = |file_bytes, total_bytes| Limits {
        file_bytes,
        total_bytes,
        ..Limits::default()
    };
    let reading = with(&small(1 << 20, 1 << 30), &packed);
    assert!(
        reading.refused[0]
            .reason
            .contains("longer than 1048576 bytes"),
        "{:?}",
        reading.refused
    );
    let one = plain(1_001);
    let files: Vec<(String, &[u8])> = (0..100)
        .map(|at| (format!("{at}.json"), one.as_bytes()))
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    for bytes in [zip(&files), gz(&tar(&files))] {
        let reading = with(&small(1 << 20, 10_000), &bytes);
        assert!(reading.records.len() < 100);
        assert!(
            reading
                .refused
                .iter()
                .any(|refused| refused.reason.contains("more bytes")),
            "{:?}",
            reading.refused
        );
        let few = Limits {
            files: 10,
            ..Limits::default()
        };
        let reading = with(&few, &bytes);
        assert!(reading.records.len() <= 10);
        assert!(
            reading.refused[0].reason.contains("too many files"),
            "{:?}",
            reading.refused
        );
    }
    // An archive in an archive in an archive …
    let mut nested = zip(&[("a.json", one.as_bytes())]);
    for _ in 0..10 {
        nested = zip(&[("a.zip", &nested)]);
    }
    let reading = read(Format::Cve5, "feed", &nested);
    assert!(
        reading.refused[0].reason.contains("too deep"),
        "{:?}",
        reading.refused
    );
}

#[test]
fn a_million_versions_are_cut_and_what_was_cut_is_unknown() {
    let begun = Instant::now();
    let entry = json!({ "version": "1.0", "status": "affected" });
    let text = cve(1_001, &serde_json::Value::Array(vec![entry; 1_000_000]));
    let reading = read(Format::Cve5, "feed", text.as_bytes());
    let affected = &reading.records[0].affected[0];
    assert_eq!(affected.versions.len(), 100_000);
    assert_eq!(affected.ranges.last().unwrap().status, Status::Unknown);
    let cut = reading.tally.notes.get(&Note::Versions);
    assert_eq!(cut, Some(&900_000));
    let listed = json!({ "id": "X-1", "affected": [{ "package": { "ecosystem": "npm", "name": "crm" }, "versions": vec!["1.0.0"; 1_000_000] }] });
    let reading = read(Format::Osv, "feed", listed.to_string().as_bytes());
    assert_eq!(reading.records[0].affected[0].versions.len(), 100_000);
    assert!(begun.elapsed() < Duration::from_secs(120));
}

#[test]
fn conditions_that_unfold_to_too_many_are_refused() {
    let begun = Instant::now();
    let matches = |vulnerable: bool| -> Vec<serde_json::Value> {
        (0..5_000)
            .map(|at| json!({ "vulnerable": vulnerable, "criteria": format!("cpe:2.3:a:acme:p{at}:*:*:*:*:*:*:*:*") }))
            .collect()
    };
    let shapes = [
        json!([{ "operator": "AND", "nodes": [{ "operator": "OR", "cpeMatch": matches(true) }, { "operator": "OR", "cpeMatch": matches(false) }] }]),
        json!([{ "nodes": [{ "operator": "AND", "cpeMatch": matches(true) }] }]),
        json!([{ "operator": "AND", "nodes": matches(true).into_iter().map(|one| json!({ "cpeMatch": [one] })).collect::<Vec<_>>() }]),
    ];
    for shape in shapes {
        let text = json!({ "id": "CVE-2024-1001", "configurations": shape }).to_string();
        let reading = read(Format::Nvd, "feed", text.as_bytes());
        assert!(
            reading.refused[0].reason.contains("unfold"),
            "{:?}",
            reading.refused
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn deep_json_is_refused() {
    let deep = "[".repeat(1_000_000);
    for format in Format::ALL {
        let reading = read(format, "feed", deep.as_bytes());
        assert!(
            reading.tally.refused > 0 && reading.tally.understood == 0,
            "{format}"
        );
    }
    let branches = r#"{"category":"vendor","branches":["#.repeat(100_000);
    let text =
        format!(r#"{{"document":{{"csaf_version":"2.0"}},"product_tree":{{"branches":[{branches}"#);
    assert!(
        read(Format::Csaf, "feed", text.as_bytes()).refused[0]
            .reason
            .contains("recursion")
    );
}

#[test]
fn broken_xml_is_not_read_over_and_over() {
    let begun = Instant::now();
    // Each record opens a comment that never ends.
    let text = format!("<vulnerabilitys>{}", "<vulnerability><!-- ".repeat(200_000));
    let reading = read(Format::Cnvd, "feed", text.as_bytes());
    assert!(reading.tally.refused > 0 && reading.records.is_empty());
    // Each record is broken right where it begins.
    let text = format!(
        "<vulnerabilitys>{}",
        "<vulnerability></x>\n".repeat(200_000)
    );
    let reading = read(Format::Cnvd, "feed", text.as_bytes());
    assert_eq!(reading.tally.refused, 200_000);
    // A thousand are told, the rest is a number.
    assert_eq!(reading.refused.len(), 1_001);
    assert!(
        reading.refused[1_000].reason.starts_with("199000 more"),
        "{}",
        reading.refused[1_000]
    );
    assert!(
        begun.elapsed() < Duration::from_secs(60),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn texts_are_cut_and_counted() {
    let text = json!({ "id": "X-1", "summary": "t".repeat(10_000), "details": "d\u{0}".repeat(10_000),
        "references": (0..1_000).map(|at| json!({ "url": format!("https://example.org/{at}") })).collect::<Vec<_>>() });
    let reading = read(Format::Osv, "feed", text.to_string().as_bytes());
    let record = &reading.records[0];
    assert_eq!(
        (
            record.title.len(),
            record.summary.len(),
            record.references.len()
        ),
        (500, 4_000, 100)
    );
    assert!(!record.summary.contains('\u{0}'));
    // The title and the summary.
    assert_eq!(reading.tally.notes.get(&Note::Text), Some(&2));
    assert_eq!(reading.tally.notes.get(&Note::List), Some(&900));
}

#[test]
fn a_long_version_is_no_version() {
    let text = cve(
        1_001,
        &json!([{ "version": "1", "status": "affected", "lessThan": "9".repeat(100_000) }]),
    );
    let reading = read(Format::Cve5, "feed", text.as_bytes());
    assert!(matches!(
        reading.records[0].affected[0].ranges[0].upper,
        Bound::Unreadable(_)
    ));
}

#[test]
fn long_names_of_tar_archives_are_read_and_bounded() {
    let one = plain(1_001);
    let name = format!("{}/a.json", "deep/".repeat(40));
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(one.len() as u64);
    archive
        .append_data(&mut header, &name, one.as_bytes())
        .unwrap();
    let reading = read(Format::Cve5, "feed", &archive.into_inner().unwrap());
    assert_eq!(
        (reading.records.len(), reading.refused.len()),
        (1, 0),
        "{:?}",
        reading.refused
    );
    let mut archive = tar::Builder::new(Vec::new());
    archive
        .append_pax_extensions([("path", name.as_bytes())])
        .unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(one.len() as u64);
    header.set_cksum();
    archive.append(&header, one.as_bytes()).unwrap();
    let reading = read(Format::Cve5, "feed", &archive.into_inner().unwrap());
    assert_eq!(
        (reading.records.len(), reading.refused.len()),
        (1, 0),
        "{:?}",
        reading.refused
    );
    // A name of 8 MiB is passed over; the file behind it goes by its own.
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(8 << 20);
    header.set_cksum();
    archive
        .append(&header, vec![b'a'; 8 << 20].as_slice())
        .unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(one.len() as u64);
    archive
        .append_data(&mut header, "b.json", one.as_bytes())
        .unwrap();
    let reading = read(Format::Cve5, "feed", &archive.into_inner().unwrap());
    assert_eq!(reading.records.len(), 1, "{:?}", reading.refused);
}

#[test]
fn half_a_name_or_half_a_version_is_none() {
    let long = "1".repeat(300);
    let text = json!({ "id": "X-1", "affected": [{ "package": { "ecosystem": "npm", "name": "n".repeat(600), "purl": "pkg:npm/crm" },
        "versions": [long, "1.0.0"] }] });
    let reading = read(Format::Osv, "feed", text.to_string().as_bytes());
    let affected = &reading.records[0].affected[0];
    assert_eq!(
        (affected.versions.as_slice(), &affected.package),
        (&["1.0.0".to_owned()][..], &None)
    );
    assert_eq!(affected.ranges[0].status, Status::Unknown);
    assert_eq!(reading.tally.notes.get(&Note::Name), Some(&1));
}

/// A file of each format that is read in full.
fn seed(format: Format) -> Vec<u8> {
    let cpe = "cpe:2.3:a:acme:crm:*:*:*:*:*:*:*:*";
    match format {
        Format::Cve5 => cve(1_001, &json!([{ "version": ">= 1.0, < 2.0", "status": "affected" },
            { "version": "3", "status": "unaffected", "lessThan": "4.*", "changes": [{ "at": "3.1", "status": "affected" }] }])),
        Format::Nvd => json!({ "vulnerabilities": [{ "cve": { "id": "CVE-2024-1001", "configurations": [{ "operator": "AND",
            "nodes": [{ "operator": "OR", "cpeMatch": [{ "vulnerable": true, "criteria": cpe, "versionEndExcluding": "2.0" }] },
                { "operator": "OR", "cpeMatch": [{ "vulnerable": false, "criteria": cpe }] }] }] } }] })
        .to_string(),
        Format::Osv | Format::Ghsa => json!({ "id": "GHSA-1", "affected": [{ "package": { "ecosystem": "npm", "name": "crm" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.2.0" }] }], "versions": ["1.0.0"] }] })
        .to_string(),
        Format::Csaf => json!({ "document": { "csaf_version": "2.0", "tracking": { "id": "A-1" } }, "product_tree": { "branches": [
            { "category": "product_version_range", "name": "vers:npm/>=1|<2", "product": { "product_id": "P", "name": "CRM" } }] },
            "vulnerabilities": [{ "cve": "CVE-2024-1001", "product_status": { "known_affected": ["P"] } }] })
        .to_string(),
        Format::OpenVex => json!({ "@context": "https://openvex.dev/ns/v0.2.0", "statements": [{ "vulnerability": { "name": "CVE-2024-1001" },
            "products": [{ "@id": "pkg:npm/crm@1.0" }], "status": "affected" }] })
        .to_string(),
        Format::Cnvd => "<?xml version=\"1.0\"?><vulnerabilitys><vulnerability><number>CNVD-2023-1</number><products>\
            <product>Foo Bar &gt;=1.0，&lt;2.0</product></products></vulnerability></vulnerabilitys>"
            .to_owned(),
        Format::Cnnvd => "<cnnvd><entry><name>漏洞</name><vuln-id>CNNVD-202301-044</vuln-id></entry></cnnvd>".to_owned(),
        Format::Kev => json!({ "vulnerabilities": [{ "cveID": "CVE-2024-1001", "dateAdded": "2024-05-01" }] }).to_string(),
        Format::Epss => "#model_version:v1,score_date:2025-04-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-1001,0.1,0.2\n".to_owned(),
        Format::Rss => "<rss version=\"2.0\"><channel><item><title>Acme CRM 2.1</title><link>https://acme.example/1</link>\
            <pubDate>Tue, 03 Jun 2025 09:39:21 GMT</pubDate></item></channel></rss>"
            .to_owned(),
    }
    .into_bytes()
}

fn format() -> impl Strategy<Value = Format> {
    proptest::sample::select(Format::ALL.to_vec())
}

#[test]
fn the_seeds_are_read_in_full() {
    for format in Format::ALL {
        let reading = read(format, "feed", &seed(format));
        assert_eq!(
            (reading.tally.understood, reading.tally.refused),
            (1, 0),
            "{format}: {:?}",
            reading.refused
        );
        // A record goes to JSON and back unchanged.
        for record in &reading.records {
            let text = serde_json::to_string(record).unwrap();
            assert_eq!(
                serde_json::from_str::<hudun_advisory::Record>(&text).unwrap(),
                *record,
                "{text}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_a_reader_panic(format in format(), bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let reading = read(format, "feed", &bytes);
        prop_assert_eq!(reading.tally.refused as usize, reading.refused.len());
        prop_assert!(reading.tally.refused + reading.tally.understood > 0 || format == Format::Epss || format == Format::Csaf);
    }

    #[test]
    fn no_change_of_a_good_file_makes_a_reader_panic(
        format in format(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        pack in 0_u8..4,
    ) {
        let whole = seed(format);
        let mut bytes = match pack {
            0 => gz(&whole),
            1 => zip(&[("a.json", &whole), ("b.xml", &whole), ("c.csv", &whole)]),
            2 => tar(&[("a.json", &whole), ("b.xml", &whole), ("c.csv", &whole)]),
            _ => whole,
        };
        for (at, byte, what) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        read(format, "feed", &bytes);
    }

    #[test]
    fn a_version_text_is_read_or_unknown_and_never_lost(text in "[<>=~^, a-z0-9.*，、及之前版本]{0,40}") {
        let reading = read(Format::Cve5, "feed", cve(1_001, &json!([{ "version": text, "status": "affected" }])).as_bytes());
        let affected = &reading.records[0].affected[0];
        prop_assert!(!affected.versions.is_empty() || !affected.ranges.is_empty());
        prop_assert!(affected.ranges.iter().all(|range| range.status != Status::Unaffected));
    }

    #[test]
    fn a_cpe_name_goes_to_text_and_back(text in "cpe:2\\.3:[aoh](:([a-z0-9._]|\\\\[!-/:-@]|\\*|-|é){1,8}){10}") {
        if let Ok(cpe) = text.parse::<hudun_advisory::Cpe>() {
            prop_assert_eq!(cpe.to_string().parse::<hudun_advisory::Cpe>().unwrap(), cpe);
        }
    }
}
