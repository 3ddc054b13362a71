//! Measures the matcher: `cargo run --release --example matching -- records.tar.gz [copies]`.
//!
//! Loads the records, matches 10,000 components that are made from them, then makes an index of so many copies of the records
//! under other numbers, saves it, opens it again and matches with it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::time::Instant;

use hudun_advisory::matching::{Builder, Index, Options, match_inventory};
use hudun_advisory::sbom::{Component, Inventory};
use hudun_advisory::{Bound, Found, Limits, Record, read_feeds};

fn main() {
    let mut words = std::env::args().skip(1);
    let path = words.next().unwrap();
    let copies: usize = words.next().map_or(0, |word| word.parse().unwrap());
    let (begun, worked) = (Instant::now(), work());
    let mut builder = Builder::default();
    let mut records = Vec::new();
    let tally = read_feeds(Path::new(&path), &Limits::default(), &mut |found| {
        if copies > 0
            && let Found::Record(record) = &found
        {
            records.push((**record).clone());
        }
        builder.add(found);
    });
    let index = builder.finish();
    println!(
        "load: {:?}, {} s of work, {} read, {} refused, {}",
        begun.elapsed(),
        work() - worked,
        tally.understood,
        tally.refused,
        memory()
    );
    println!("{:?}", index.counts());
    let inventory = components(&path);
    let made = (0..10_000).map(|at| ordinary(at, &inventory.components));
    let ordinary = Inventory {
        components: made.collect(),
        ..Inventory::default()
    };
    for (name, inventory) in [("ordinary", &ordinary), ("all in the records", &inventory)] {
        let (begun, worked) = (Instant::now(), work());
        let report = match_inventory(&index, inventory, &Options::default()).unwrap();
        let (took, worked) = (begun.elapsed(), work() - worked);
        println!(
            "match {name}: {took:?}, {worked:.2} s of work, {}",
            memory()
        );
        println!("{} findings, {:?}", report.findings.len(), report.summary);
    }
    if copies == 0 {
        return;
    }
    drop(index);
    let begun = Instant::now();
    let mut builder = Builder::default();
    for copy in 0..copies {
        for record in &records {
            builder.add(Found::Record(Box::new(renamed(record, copy))));
        }
    }
    let index = builder.finish();
    println!(
        "{} records: built in {:?}, {}",
        index.counts().records,
        begun.elapsed(),
        memory()
    );
    let file = std::env::temp_dir().join("hudun-example-index");
    let begun = Instant::now();
    index.save(&file).unwrap();
    println!(
        "saved: {:?}, {} bytes",
        begun.elapsed(),
        std::fs::metadata(&file).unwrap().len()
    );
    drop((index, records));
    let (begun, worked) = (Instant::now(), work());
    let index = Index::open(&file).unwrap();
    println!(
        "opened: {:?}, {} s of work, {}",
        begun.elapsed(),
        work() - worked,
        memory()
    );
    let begun = Instant::now();
    let few = Inventory {
        components: inventory.components.iter().take(100).cloned().collect(),
        ..Inventory::default()
    };
    let report = match_inventory(&index, &few, &Options::default()).unwrap();
    println!(
        "match 100: {:?}, {} findings, {}",
        begun.elapsed(),
        report.findings.len(),
        memory()
    );
    std::fs::remove_file(file).unwrap();
}

/// Another record of the same shape: other number, other products, so that an index of many is as wide as it is long.
fn renamed(record: &Record, copy: usize) -> Record {
    let mut record = record.clone();
    record.id = format!("{}{copy:03}", record.id);
    record.aliases.clear();
    for affected in &mut record.affected {
        affected.product = format!("{}{copy}", affected.product);
        for cpe in &mut affected.cpes {
            let text = cpe.to_string();
            let mut parts: Vec<String> = text.split(':').map(str::to_owned).collect();
            // Every tenth copy speaks of the same products as before.
            if !copy.is_multiple_of(10) && parts.len() == 13 {
                parts[4].push_str(&copy.to_string());
                *cpe = parts.join(":").parse().unwrap_or_else(|_| cpe.clone());
            }
        }
    }
    record
}

/// 10,000 components, each of a product of the records, at versions in and out of their ranges.
fn components(path: &str) -> Inventory {
    let mut found = Vec::new();
    read_feeds(Path::new(path), &Limits::default(), &mut |one| {
        let Found::Record(record) = one else {
            return;
        };
        for affected in record.affected {
            let ends = affected
                .ranges
                .iter()
                .flat_map(|range| [&range.lower, &range.upper]);
            let versions = ends.filter_map(|bound| match bound {
                Bound::Including(text) | Bound::Excluding(text) => Some(text.clone()),
                _ => None,
            });
            for version in versions.chain(affected.versions.iter().cloned()).take(4) {
                found.push(Component {
                    name: affected.product.clone(),
                    version: Some(version),
                    ecosystem: None,
                    purl: affected.purl.clone(),
                    cpes: affected.cpes.iter().map(ToString::to_string).collect(),
                    where_found: format!("component {}", found.len()),
                    built_from: None,
                });
            }
        }
    });
    let some = found.clone();
    let mut round = 0;
    while found.len() < 10_000 {
        round += 1;
        found.extend(some.iter().cloned().map(|one| Component {
            version: one.version.map(|version| format!("{version}.{round}")),
            ..one
        }));
    }
    found.truncate(10_000);
    Inventory {
        components: found,
        ..Inventory::default()
    }
}

/// As inventories are: every fifth component is of a product that some record speaks of, the others of none.
fn ordinary(at: usize, of_records: &[Component]) -> Component {
    if at.is_multiple_of(5) {
        return of_records[at * 7 % of_records.len()].clone();
    }
    let (kind, version) = (
        ["npm", "maven", "pypi", "composer"][at % 4],
        format!("{}.{}.0", at % 9, at % 31),
    );
    Component {
        name: format!("part-{at}"),
        ecosystem: Some(kind.to_owned()),
        purl: Some(format!("pkg:{kind}/group/part-{at}@{version}")),
        version: Some(version),
        cpes: vec![format!("cpe:2.3:a:group:part-{at}:*:*:*:*:*:*:*:*")],
        where_found: format!("component {at}"),
        built_from: None,
    }
}

/// Seconds of processor time so far.
fn work() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |at: usize| {
        stat.split(' ')
            .nth(at)
            .and_then(|word| word.parse::<f64>().ok())
    };
    (ticks(13).unwrap_or_default() + ticks(14).unwrap_or_default()) / 100.0
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| {
        let found = status.lines().find(|line| line.starts_with(name));
        found
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    format!("memory {}, at most {}", line("VmRSS"), line("VmHWM"))
}
