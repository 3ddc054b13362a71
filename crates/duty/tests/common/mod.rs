//! A whole fact base for tests: an SCRM scrape, 1.2 million persons at most, in China and the EEA.

#![allow(dead_code, unused_imports, clippy::unwrap_used)] // shared by several tests

mod merge;
mod spoil;

use hudun_duty::FactBase;

pub(crate) use merge::merge;
pub(crate) use spoil::mutations;

/// The facts that the cases in `duties/tests` patch.
pub(crate) fn base() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../duties/tests/base.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) const FULL: &str = include_str!("full.json");

pub(crate) fn full() -> FactBase {
    FactBase::from_json(FULL).unwrap()
}

pub(crate) fn now() -> jiff::Timestamp {
    "2026-11-23T11:00:00Z".parse().unwrap()
}
