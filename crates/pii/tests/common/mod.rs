//! What the tests share.
#![allow(dead_code, unreachable_pub)]

use hudun_pii::{Bounds, Fed, FieldMap, Format, Keyer, ScanMode, Scanner};

pub fn keyer() -> Keyer {
    Keyer::new(&[7; 32])
}

/// Feeds a body in pieces of `piece` bytes and adds up what comes back.
pub fn run(mut scanner: Scanner, body: &[u8], piece: usize) -> Fed {
    let mut sum = Fed::default();
    for chunk in body.chunks(piece.min(body.len().max(1))) {
        add(&mut sum, scanner.feed(chunk));
    }
    add(&mut sum, scanner.finish());
    sum
}

pub fn add(sum: &mut Fed, fed: Fed) {
    assert!(fed.settled >= sum.settled, "settled never goes back");
    sum.settled = fed.settled;
    sum.sightings.extend(fed.sightings);
    sum.output.extend(fed.output);
    sum.rows += fed.rows;
    sum.foreign_rows += fed.foreign_rows;
    sum.explained += fed.explained;
    sum.losses.forced += fed.losses.forced;
    sum.losses.unattributed += fed.losses.unattributed;
    sum.losses.too_deep += fed.losses.too_deep;
    sum.losses.malformed += fed.losses.malformed;
}

pub fn scan(map: &FieldMap, body: &str) -> Fed {
    let scanner = Scanner::new(
        Format::Json,
        map,
        &keyer(),
        ScanMode::Observe,
        Bounds::default(),
    );
    run(scanner, body.as_bytes(), usize::MAX)
}
