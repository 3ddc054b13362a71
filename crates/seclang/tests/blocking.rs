//! CRS in blocking mode at paranoia 1: attacks are stopped, and an SCRM's ordinary work passes.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use common::corpus::{ATTACKS, CARRIERS, ORDINARY};
use hudun_seclang::{RuleSet, Strategy};

fn stopped(rules: &RuleSet, bytes: &[u8]) -> Result<(), String> {
    let seen = hudun_ftw::exchange(rules, bytes, Strategy::Compiled);
    match seen.outcome.as_ref().and_then(|o| o.intervention.as_ref()) {
        Some(stop) => Err(format!(
            "{} {}\n{}",
            seen.status, stop.explanation, seen.log
        )),
        None => Ok(()),
    }
}

#[test]
fn attacks_are_stopped() {
    let Some(rules) = common::crs("") else { return };
    let mut missed = Vec::new();
    for attack in ATTACKS {
        for (name, carry) in CARRIERS {
            match stopped(&rules, &carry(attack)) {
                Ok(()) => missed.push(format!("{name}: {attack}")),
                Err(why) => assert!(why.contains("was stopped because"), "{why}"),
            }
        }
    }
    println!(
        "{} of {} attacks stopped",
        ATTACKS.len() * CARRIERS.len() - missed.len(),
        ATTACKS.len() * CARRIERS.len()
    );
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

#[test]
fn ordinary_work_passes() {
    let Some(rules) = common::crs("") else { return };
    let mut blocked = Vec::new();
    for text in ORDINARY {
        for (name, carry) in CARRIERS {
            if let Err(why) = stopped(&rules, &carry(text)) {
                blocked.push(format!("{name}: {text}: {why}"));
            }
        }
    }
    println!(
        "{} of {} ordinary requests pass",
        ORDINARY.len() * CARRIERS.len() - blocked.len(),
        ORDINARY.len() * CARRIERS.len()
    );
    assert!(blocked.is_empty(), "blocked:\n{}", blocked.join("\n"));
}
