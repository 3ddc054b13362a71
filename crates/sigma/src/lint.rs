//! What the specification's own lint says about a file, and what we ask of our rules beside it.

use serde::Serialize;

use crate::error::LoadErrors;
use crate::load::{Loader, MAX_FILE, too_deep};
use crate::rule::RuleInfo;
use crate::selftest::{Expect, cases};
use crate::set::RuleSet;

/// One thing that lint says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// How bad.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Line from 1, when it can be told.
    pub line: Option<u32>,
    /// Which check.
    pub check: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Hint,
    /// Worth a change.
    Warning,
    /// The rule is refused.
    Error,
}

/// Checks files: the specification's lint, whether the whole set loads, and for rules of ours (a `hudun:` attribute, or
/// `ours`) that they say why and carry tests both ways.
#[must_use]
pub fn lint(files: &[(String, String)], loader: Loader, ours: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut loader = loader;
    for (name, text) in files {
        loader = loader.source(name, text);
        // What the loader refuses before it parses isn't given to another parser either.
        if text.len() > MAX_FILE || too_deep(text).is_some() {
            continue;
        }
        for warning in rsigma_parser::lint_yaml_str(text) {
            // Our own attribute is none of the specification's keys, and that is fine.
            if warning.message.contains("hudun") {
                continue;
            }
            faults.push(Fault {
                severity: match warning.severity {
                    rsigma_parser::Severity::Error => Severity::Error,
                    rsigma_parser::Severity::Warning => Severity::Warning,
                    _ => Severity::Hint,
                },
                file: name.clone(),
                line: warning.span.map(|span| span.start_line + 1),
                check: warning.rule.to_string(),
                message: warning.message.clone(),
            });
        }
    }
    match loader.load() {
        Ok(set) => own(&set, ours, &mut faults),
        Err(LoadErrors(errors)) => faults.extend(errors.into_iter().map(|error| Fault {
            severity: Severity::Error,
            file: error.place.file,
            line: error.place.line,
            check: "load".to_owned(),
            message: match error.place.rule {
                Some(rule) => format!("{rule}: {}", error.kind),
                None => error.kind.to_string(),
            },
        })),
    }
    faults.sort_by(|a, b| (&a.file, a.line, &a.check).cmp(&(&b.file, b.line, &b.check)));
    faults
}

fn own(set: &RuleSet, ours: bool, faults: &mut Vec<Fault>) {
    for rule in set.rules().chain(set.correlations()) {
        if !ours && rule.attribute.is_none() {
            continue;
        }
        let mut fault = |check: &str, message: &str| {
            faults.push(Fault {
                severity: Severity::Error,
                file: rule.file.clone(),
                line: None,
                check: check.to_owned(),
                message: format!("{}: {message}", rule.title),
            });
        };
        for (check, message) in wanting(rule) {
            fault(check, &message);
        }
    }
}

/// What a rule of ours lacks.
fn wanting(rule: &RuleInfo) -> Vec<(&'static str, String)> {
    let mut lacks = Vec::new();
    if rule.id.is_none() {
        lacks.push(("own_id", "it has no id: give it a UUID".to_owned()));
    }
    let attribute = rule.attribute.as_ref();
    let of = |key: &str| attribute.and_then(|attribute| attribute.get(key));
    if of("role").and_then(serde_json::Value::as_str) == Some("base") {
        return lacks;
    }
    for lang in ["zh", "en"] {
        if of("why")
            .and_then(|why| why.get(lang))
            .and_then(serde_json::Value::as_str)
            .is_none_or(|why| why.trim().is_empty())
        {
            lacks.push((
                "own_why",
                format!("hudun.why.{lang} is missing: say what it means"),
            ));
        }
    }
    match cases(rule) {
        Err(error) => lacks.push(("own_tests", error.to_string())),
        Ok(cases) => {
            if !cases.iter().any(|case| case.expect != Expect::Quiet) {
                lacks.push((
                    "own_tests",
                    "hudun.tests.fire is missing: events that must make it fire".to_owned(),
                ));
            }
            if !cases.iter().any(|case| case.expect == Expect::Quiet) {
                lacks.push((
                    "own_tests",
                    "hudun.tests.quiet is missing: events that look like it and must not"
                        .to_owned(),
                ));
            }
        }
    }
    if rule.falsepositives.is_empty() {
        lacks.push((
            "own_falsepositives",
            "falsepositives is missing: say what looks like it and isn't".to_owned(),
        ));
    }
    if !rule
        .tags
        .iter()
        .any(|tag| tag.starts_with("attack.") || tag.starts_with("owasp."))
    {
        lacks.push((
            "own_tags",
            "no attack.* or owasp.* tag: coverage can't place it".to_owned(),
        ));
    }
    lacks
}
