//! Reads a feed and says what came of it: `cargo run --release --example read -- cve5 records.tar.gz`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use hudun_advisory::{Format, Found, Limits, Status, read_path};

fn main() {
    let mut words = std::env::args().skip(1);
    let format: Format = words.next().unwrap().parse().unwrap();
    let path = words.next().unwrap();
    let begun = Instant::now();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut count = |what, more: usize| *counts.entry(what).or_default() += more as u64;
    let tally = read_path(
        format,
        Path::new(&path),
        &Limits::default(),
        &mut |found| match found {
            Found::Record(record) => {
                count("products", record.affected.len());
                for affected in &record.affected {
                    let unknown = |range: &&hudun_advisory::Range| range.status == Status::Unknown;
                    count("versions", affected.versions.len());
                    count("ranges", affected.ranges.len());
                    count(
                        "ranges of unknown status",
                        affected.ranges.iter().filter(unknown).count(),
                    );
                }
            }
            Found::Refused(refused) => println!("{refused}"),
            Found::Kev(_) | Found::Epss(_) | Found::Ended(_) => {}
        },
    );
    let took = begun.elapsed();
    println!("{tally:#?}\n{counts:#?}\n{took:?}");
}
