//! What the linter looks for, as data.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::text::{Lang, Text};

/// What the linter looks for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintData {
    /// Claims that need proof.
    pub claims: Vec<ClaimPattern>,
    /// Words that give away how to attack.
    pub details: Vec<DetailPattern>,
    /// Article per check, for the refusal.
    pub articles: BTreeMap<String, Text>,
    /// Telephone numbers that every notice may name.
    pub hotlines: Vec<String>,
}

/// A claim that needs proof.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimPattern {
    /// Identifier that a proof in the facts names.
    pub id: String,
    /// Language that it is looked for in.
    pub lang: Lang,
    /// Regular expression.
    pub pattern: String,
    /// True when no proof can carry it.
    #[serde(default)]
    pub never: bool,
}

/// A word that gives away how to attack.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetailPattern {
    /// Identifier.
    pub id: String,
    /// Regular expression.
    pub pattern: String,
}

impl LintData {
    pub(crate) fn check(&self) -> Result<(), String> {
        let patterns = self.claims.iter().map(|c| (&c.id, &c.pattern));
        for (id, p) in patterns.chain(self.details.iter().map(|d| (&d.id, &d.pattern))) {
            compile(p).map_err(|e| format!("{id}: {e}"))?;
        }
        Ok(())
    }
}

/// Patterns are linear-time by construction; their compiled size is bounded beside.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|e| e.to_string())
}

const MAX_COMPILED: usize = 2 * 1024 * 1024;
