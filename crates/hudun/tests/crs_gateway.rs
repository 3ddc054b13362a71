//! CRS's regression suite through the real gateway, over sockets; and a second gate, blocking at paranoia 1.
//!
//! `cargo test --release -p hudun --test crs_gateway` sends all 5,082 tests; without `--release` every tenth is sent.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[path = "../../seclang/tests/common/corpus.rs"]
#[allow(dead_code, unreachable_pub, missing_docs)]
mod corpus;

use std::path::PathBuf;

use corpus::{ATTACKS, CARRIERS, ORDINARY};
use hudun::waf::{self, RuleOptions, Through};
use hudun_seclang::Judging;

fn crs() -> Option<PathBuf> {
    let data = match std::env::var_os("HUDUN_TEST_DATA") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let crs = data.join("crs");
    if crs.join("rules").is_dir() {
        return Some(crs);
    }
    assert!(
        std::env::var_os("HUDUN_TEST_DATA").is_none(),
        "HUDUN_TEST_DATA is set, but {} has no rules",
        crs.display()
    );
    eprintln!("SKIPPED: no CRS at {}; set HUDUN_TEST_DATA", crs.display());
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_suite() {
    let Some(crs) = crs() else { return };
    let step = if cfg!(debug_assertions) { 10 } else { 1 };
    let suite = waf::Suite::find(&crs, None).unwrap();
    let report = waf::through_gateway(&suite, step).await.unwrap();
    println!(
        "CRS regression suite through the gateway: {} tests, {} passed, {} excepted, {} failed",
        report.total,
        report.passed,
        report.excepted.len(),
        report.failed.len()
    );
    for excepted in &report.excepted {
        println!("excepted {}: {}", excepted.id, excepted.reason);
    }
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert_eq!(
        report.total,
        5082_usize.div_ceil(step),
        "the suite is not complete"
    );
}

#[test]
fn the_suite_is_found_from_any_folder_of_it() {
    let Some(crs) = crs() else { return };
    for inner in ["", "tests", "tests/regression", "tests/regression/tests"] {
        waf::Suite::find(&crs.join(inner), None).unwrap();
    }
    let apart = tempfile::tempdir().unwrap();
    let test = "tests/regression/tests/REQUEST-911-METHOD-ENFORCEMENT/911100.yaml";
    std::fs::copy(crs.join(test), apart.path().join("911100.yaml")).unwrap();
    assert!(waf::Suite::find(apart.path(), None).is_err());
    waf::Suite::find(apart.path(), Some(&crs)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocking_at_paranoia_1() {
    let Some(crs) = crs() else { return };
    for judging in [Judging::Exact, Judging::Balanced, Judging::Strict] {
        let options = RuleOptions {
            rules: Some(crs.clone()),
            paranoia: Some(1),
            ..RuleOptions::default()
        };
        let bed = Through::with(waf::load(&options).unwrap(), judging)
            .await
            .unwrap();
        let mut wrong = Vec::new();
        for (texts, attack) in [(ATTACKS, true), (ORDINARY, false)] {
            for text in texts {
                for (name, carry) in CARRIERS {
                    let seen = bed.send(&carry(text)).await.unwrap();
                    let expected = if attack { 403 } else { 200 };
                    if seen.status != expected {
                        wrong.push(format!(
                            "{judging:?} {name} {text}: {} {}",
                            seen.status, seen.log
                        ));
                    }
                }
            }
        }
        bed.stop().await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
