//! CRS's regression suite: in one process, and through the real gateway.

pub(crate) mod bed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hudun_ftw::{File, REGRESSION, Server};
use hudun_seclang::Strategy;
use serde::Serialize;

use super::{RuleOptions, load_after};

pub use bed::Through;

/// Tests that can't apply, each with the reason.
const EXCEPTED: &[(&str, &str)] = &[
    (
        "920100-4",
        "CONNECT asks for a tunnel (RFC 9110, 9.3.6); a reverse proxy opens none and answers 405 or 400 before any rule",
    ),
    (
        "920100-16",
        "`http://localhost` and `http://localhost/` are one address (RFC 9110, 4.2.3); an HTTP server hands over the second, which the rule rightly lets pass",
    ),
    (
        "920181-1",
        "Content-Length beside Transfer-Encoding is how requests are smuggled; RFC 9112, 6.3 lets a server refuse it, so no 200 comes",
    ),
    (
        "920272-5",
        "rule 920272 matches as expected; the 200 can't come, since a path that is no UTF-8 is read differently by different servers and is refused",
    ),
    (
        "920430-5",
        "a request line without version is HTTP/0.9, which has no headers and no status; an HTTP/1.1 server refuses it (RFC 9112, 2.3)",
    ),
    (
        "920430-8",
        "HTTP/4.0 is no version that a server could speak; it answers before any rule",
    ),
];

/// What a run came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FtwReport {
    /// `engine` or `gateway`.
    pub through: &'static str,
    /// Tests of the suite.
    pub total: usize,
    /// Those that passed.
    pub passed: usize,
    /// Those that did not.
    pub failed: Vec<Failure>,
    /// Those that can't apply.
    pub excepted: Vec<Excepted>,
}

/// A test that did not pass.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Rule and number, such as `942100-3`.
    pub id: String,
    /// What was different.
    pub problem: String,
}

/// A test that can't apply.
#[derive(Clone, Debug, Serialize)]
pub struct Excepted {
    /// Rule and number.
    pub id: String,
    /// Why no engine in this place can pass it.
    pub reason: String,
}

impl FtwReport {
    fn note(&mut self, id: String, problem: Option<String>, excuses: &BTreeMap<&str, &str>) {
        self.total += 1;
        match (problem, excuses.get(id.as_str())) {
            (None, None) => self.passed += 1,
            (None, Some(_)) => self.failed.push(Failure {
                problem: "passes, so it needs no exception: take it out of the table".to_owned(),
                id,
            }),
            (Some(_), Some(reason)) => self.excepted.push(Excepted {
                id,
                reason: (*reason).to_owned(),
            }),
            (Some(problem), None) => self.failed.push(Failure { id, problem }),
        }
    }
}

/// The suite's tests, and the CRS that they are for.
pub struct Suite {
    crs: PathBuf,
    files: Vec<File>,
}

impl Suite {
    /// Finds both from one folder: CRS's own, or one inside it. `rules` names CRS where the tests lie elsewhere.
    ///
    /// # Errors
    /// When no CRS is found, or a test can't be read.
    pub fn find(folder: &Path, rules: Option<&Path>) -> anyhow::Result<Self> {
        let is_crs = |at: &&Path| at.join("rules/REQUEST-901-INITIALIZATION.conf").is_file();
        let crs = match rules {
            Some(rules) => rules,
            None => folder.ancestors().find(is_crs).with_context(|| {
                format!(
                    "{}: give the folder of CRS (with rules/ and tests/) or one inside it, or name CRS with --rules",
                    folder.display()
                )
            })?,
        };
        // Beside the tests lie the exceptions that go-ftw makes for other servers: YAML, too, but no tests.
        let tests = ["tests/regression/tests", "regression/tests", "tests"]
            .map(|inner| folder.join(inner))
            .into_iter()
            .find(|inner| inner.is_dir())
            .unwrap_or_else(|| folder.to_owned());
        let files = hudun_ftw::load(&tests)?;
        if files.is_empty() {
            bail!("{}: no tests (*.yaml, *.yml)", tests.display());
        }
        Ok(Self {
            crs: crs.to_owned(),
            files,
        })
    }

    fn rules(&self) -> anyhow::Result<hudun_seclang::RuleSet> {
        let options = RuleOptions {
            rules: Some(self.crs.clone()),
            ..RuleOptions::default()
        };
        Ok(load_after(&options, REGRESSION)?)
    }
}

/// Runs the suite in one process: HTTP server, engine, backend.
///
/// # Errors
/// When CRS doesn't load.
pub fn in_process(suite: &Suite) -> anyhow::Result<FtwReport> {
    let rules = suite.rules()?;
    let server = Server {
        rules: &rules,
        strategy: Strategy::Compiled,
    };
    let mut report = FtwReport {
        through: "engine",
        ..FtwReport::default()
    };
    for file in &suite.files {
        for test in file.tests.iter().flatten() {
            let verdict = server.run(file.rule_id, test);
            report.note(verdict.id, verdict.problem, &BTreeMap::new());
        }
    }
    Ok(report)
}

/// Runs every `step`th test of the suite through the real gateway, over sockets, before a backend that answers as the
/// tests ask.
///
/// # Errors
/// When CRS doesn't load or the gateway can't be started.
pub async fn through_gateway(suite: &Suite, step: usize) -> anyhow::Result<FtwReport> {
    let bed = Through::start(suite.rules()?).await?;
    let excuses: BTreeMap<&str, &str> = EXCEPTED.iter().copied().collect();
    let mut report = FtwReport {
        through: "gateway",
        ..FtwReport::default()
    };
    let tests = suite.files.iter().flat_map(|file| {
        let tests = file.tests.iter().flatten();
        tests.map(|test| (file.rule_id, test))
    });
    for (rule, test) in tests.step_by(step.max(1)) {
        let id = format!("{rule}-{}", test.test_id);
        let mut problem = None;
        for stage in &test.stages {
            let bytes = stage.input.bytes()?;
            let seen = bed.send(&bytes).await?;
            if let Err(why) = stage.output.judge(&seen.expectation()) {
                problem = Some(why);
                break;
            }
        }
        report.note(id, problem, &excuses);
    }
    bed.stop().await;
    Ok(report)
}
