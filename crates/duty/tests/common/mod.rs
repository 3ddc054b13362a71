//! A whole fact base for tests: an SCRM scrape, 1.2 million persons at most, in China and the EEA.

#![allow(dead_code)]

use hudun_duty::FactBase;

pub(crate) const FULL: &str = include_str!("full.json");

pub(crate) fn full() -> FactBase {
    FactBase::from_json(FULL).unwrap()
}

pub(crate) fn now() -> jiff::Timestamp {
    "2026-11-23T11:00:00Z".parse().unwrap()
}
