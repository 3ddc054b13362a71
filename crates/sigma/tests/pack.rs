//! The pack in `rules/detect`: it loads and lints without an error, and every inline test of it holds.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use hudun_sigma::{Engine, Limits, Loader, Severity, lint, run_cases};

#[test]
fn every_case_of_the_pack_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/detect");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() >= 20, "{}", files.len());

    let faults: Vec<_> = lint(&files, Loader::new(), true)
        .into_iter()
        .filter(|fault| fault.severity == Severity::Error)
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");

    let loader = files.iter().fold(Loader::new(), |loader, (name, text)| {
        loader.source(name, text)
    });
    let engine = Engine::new(loader.load().unwrap(), Limits::default());
    let rules = engine.rules();
    let mut cases = 0;
    for rule in rules.rules().chain(rules.correlations()) {
        for outcome in run_cases(&engine, rule).unwrap() {
            cases += 1;
            assert!(
                outcome.passed,
                "{}: {} found {}",
                rule.title, outcome.case, outcome.found
            );
        }
    }
    assert!(cases >= 40, "{cases}");
}
