//! The regression suite of the OWASP Core Rule Set, every test of it.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use hudun_ftw::{REGRESSION, Server};
use hudun_seclang::Strategy;

/// Tests that may fail, each with a reason that holds for any engine behind a correct HTTP server.
const ACCEPTED: &[(u64, u64, &str)] = &[];

#[test]
fn regression_suite() {
    let Some(data) = common::data() else { return };
    let Some(rules) = common::crs(REGRESSION) else {
        return;
    };
    let server = Server {
        rules: &rules,
        strategy: Strategy::Compiled,
    };
    let (mut total, mut passed, mut accepted) = (0, 0, 0);
    let mut failures = Vec::new();
    let mut unneeded = Vec::new();
    for file in hudun_ftw::load(&data.join("crs/tests/regression/tests")).unwrap() {
        for test in file.tests.iter().flatten() {
            total += 1;
            let verdict = server.run(file.rule_id, test).problem;
            let excuse = ACCEPTED
                .iter()
                .find(|(rule, id, _)| (*rule, *id) == (file.rule_id, test.test_id));
            match (verdict, excuse) {
                (None, None) => passed += 1,
                (None, Some(_)) => {
                    passed += 1;
                    unneeded.push(format!(
                        "{}-{} passes: take it out of the table",
                        file.rule_id, test.test_id
                    ));
                }
                (Some(why), Some((_, _, reason))) => {
                    accepted += 1;
                    println!(
                        "accepted {}-{}: {why} ({reason})",
                        file.rule_id, test.test_id
                    );
                }
                (Some(why), None) => {
                    failures.push(format!("{}-{}: {why}", file.rule_id, test.test_id))
                }
            }
        }
    }
    println!(
        "CRS regression suite: {total} tests, {passed} passed, {accepted} accepted, {} failed, 0 skipped",
        failures.len()
    );
    for line in failures.iter().chain(&unneeded) {
        println!("FAILED {line}");
    }
    assert_eq!(total, 5082, "the suite is not complete");
    assert!(
        failures.is_empty() && unneeded.is_empty(),
        "{} tests failed, {} excuses unneeded",
        failures.len(),
        unneeded.len()
    );
}
