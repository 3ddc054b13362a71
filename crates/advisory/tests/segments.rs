//! Segments: however the records are spread over files and merged, the answers are those of one index made whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use hudun_advisory::matching::{Builder, Index, IndexError, Options, Segment, match_inventory};
use hudun_advisory::sbom::{Component, Inventory};
use hudun_advisory::{Affected, Bound, Epss, Found, Kev, Package, Range, Record, Source, Status};
use proptest::prelude::*;

const SOURCES: [Source; 8] = [
    Source::Cve5,
    Source::Nvd,
    Source::Osv,
    Source::Ghsa,
    Source::Csaf,
    Source::OpenVex,
    Source::Cnvd,
    Source::Rss,
];

fn record(
    at: (u8, u8),
    aliases: &[u8],
    day: Option<u8>,
    withdrawn: bool,
    product: u8,
    end: u8,
) -> Found {
    let (source, number) = at;
    let source = SOURCES[usize::from(source) % SOURCES.len()];
    let prefix = match source {
        Source::Ghsa => "GHSA-",
        Source::Cnvd => "CNVD-2024-",
        Source::Osv => "OSV-",
        _ => "CVE-2024-",
    };
    let date = day.map(|day| {
        format!("2024-01-{:02}T00:00:00Z", day % 28 + 1)
            .parse()
            .unwrap()
    });
    let name = format!("crm{}", product % 4);
    Found::Record(Box::new(Record {
        id: format!("{prefix}{}", 1_000 + u32::from(number % 6)),
        aliases: aliases
            .iter()
            .map(|alias| {
                format!(
                    "{}{}",
                    ["CVE-2024-", "GHSA-", "cve-2024-"][usize::from(alias % 3)],
                    1_000 + u32::from(alias / 3 % 6)
                )
            })
            .collect(),
        source,
        // CNVD has no date of change.
        modified: date.filter(|_| source != Source::Cnvd),
        published: date,
        withdrawn,
        title: format!("in {name} before {end}"),
        affected: vec![Affected {
            vendor: "acme".to_owned(),
            product: name.clone(),
            package: (product % 2 == 0).then(|| Package {
                registry: "npm".to_owned(),
                name,
            }),
            ranges: vec![Range {
                upper: Bound::Excluding(format!("{}.0.0", end % 4)),
                version_type: Some("semver".to_owned()),
                ..Range::all(Status::Affected)
            }],
            ..Affected::default()
        }],
        ..Record::default()
    }))
}

fn found() -> impl Strategy<Value = Found> {
    prop_oneof![
        8 => (any::<(u8, u8)>(), proptest::collection::vec(any::<u8>(), 0..3), any::<Option<u8>>(), proptest::bool::weighted(0.1), any::<u8>(), any::<u8>())
            .prop_map(|(at, aliases, day, withdrawn, product, end)| record(at, &aliases, day, withdrawn, product, end)),
        1 => (0_u32..6, any::<bool>()).prop_map(|(number, ransomware)| Found::Kev(Kev {
            cve: format!("CVE-2024-{}", 1_000 + number),
            vendor: "acme".to_owned(), product: "crm".to_owned(), name: String::new(), added: None, due: None,
            ransomware, action: String::new(), cwes: Vec::new(),
        })),
        1 => (0_u32..6, 0_u8..5, 1_i8..4).prop_map(|(number, tenth, day)| Found::Epss(Epss {
            cve: format!("CVE-2024-{}", 1_000 + number),
            probability: f64::from(tenth) / 10.0, percentile: 0.5, model: format!("v{day}"),
            date: jiff::civil::Date::new(2024, 1, day).ok(),
        })),
    ]
}

fn inventory() -> Inventory {
    let components = (0..4).flat_map(|product| {
        ["0.9.0", "2.5.0"].map(|version| {
            let named = product % 2 == 0;
            Component {
                name: format!("crm{product}"),
                version: Some(version.to_owned()),
                ecosystem: named.then(|| "npm".to_owned()),
                purl: named.then(|| format!("pkg:npm/crm{product}@{version}")),
                cpes: Vec::new(),
                where_found: format!("{product} {version}"),
                built_from: None,
            }
        })
    });
    Inventory {
        components: components.collect(),
        ..Inventory::default()
    }
}

fn answers(index: &Index) -> String {
    let options = Options {
        all: true,
        ..Options::default()
    };
    let report = match_inventory(index, &inventory(), &options).unwrap();
    let records: Vec<Record> = index.records().map(Result::unwrap).collect();
    serde_json::to_string(&(report, index.counts(), records)).unwrap()
}

fn segment(found: &[Found]) -> Arc<Segment> {
    let mut builder = Builder::default();
    for one in found {
        builder.add(one.clone());
    }
    Arc::new(builder.segment())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// A base and what is laid over it, in parts, some of them on the disk and some merged, answer as one index.
    #[test]
    fn parts_answer_as_the_whole(
        all in proptest::collection::vec(found(), 1..60),
        cuts in proptest::collection::vec(0_usize..60, 0..5),
        saved in any::<u8>(),
        merged in 0_usize..5,
    ) {
        let whole = answers(&Index::of(all.iter().cloned()));
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).chain([0, all.len()]).collect();
        ends.sort_unstable();
        let mut parts: Vec<Arc<Segment>> = ends.windows(2).map(|pair| segment(&all[pair[0]..pair[1]])).collect();
        prop_assert_eq!(&answers(&Index::join(&parts)), &whole);
        let folder = tempfile();
        for (at, part) in parts.iter_mut().enumerate() {
            if saved >> (at % 8) & 1 == 1 {
                let path = folder.join(format!("{at}"));
                part.save(&path).unwrap();
                *part = Arc::new(Segment::open(&path).unwrap());
            }
        }
        prop_assert_eq!(&answers(&Index::join(&parts)), &whole);
        // Neighbours merged into one file.
        let at = merged.min(parts.len() - 1);
        let two = parts.len().min(at + 2);
        let path = folder.join("merged");
        Segment::merge(&parts[at..two], &path).unwrap();
        parts.splice(at..two, [Arc::new(Segment::open(&path).unwrap())]);
        let index = Index::join(&parts);
        prop_assert_eq!(&answers(&index), &whole);
        // Saved as one index, of however many parts it is.
        let path = folder.join("index");
        index.save(&path).unwrap();
        prop_assert_eq!(&answers(&Index::open(&path).unwrap()), &whole);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    /// What was added since a mark is gone without a trace.
    #[test]
    fn a_builder_goes_back(
        kept in proptest::collection::vec(found(), 0..20),
        lost in proptest::collection::vec(found(), 0..20),
        more in proptest::collection::vec(found(), 0..20),
    ) {
        let mut builder = Builder::default();
        kept.iter().for_each(|one| builder.add(one.clone()));
        let mark = builder.mark();
        lost.into_iter().for_each(|one| builder.add(one));
        builder.back_to(mark);
        more.iter().for_each(|one| builder.add(one.clone()));
        let whole = Index::of(kept.into_iter().chain(more));
        prop_assert_eq!(answers(&builder.finish()), answers(&whole));
    }

    /// Whatever stands in a file, opening it ends with a segment or with a reason.
    #[test]
    fn a_damaged_segment_is_refused(
        all in proptest::collection::vec(found(), 1..10),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile();
        let path = folder.join("segment");
        segment(&all).save(&path).unwrap();
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let at = at.index(bad.len());
        bad[at] ^= 1 << bit;
        std::fs::write(&path, &bad).unwrap();
        // The last bytes of the head are noughts that nobody reads.
        prop_assert!(Segment::open(&path).is_err() || (36..48).contains(&at));
        std::fs::write(&path, &good[..cut.index(good.len())]).unwrap();
        prop_assert!(Segment::open(&path).is_err());
        // An index is no segment.
        Index::join(&[segment(&all)]).save(&path).unwrap();
        prop_assert!(matches!(Segment::open(&path), Err(IndexError::Other)));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

fn tempfile() -> std::path::PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "hudun-segments-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
