//! Exceptions from outside the rules: this rule, this parameter, for the transactions that a caller picks.

use crate::error::LoadErrorKind;
use crate::load::RuleSet;
use crate::parse::{Target, parse_targets};
use crate::transaction::Transaction;

/// A rule that does not run, or does not look at some places. Made for one rule set by [`RuleSet::exception`].
#[derive(Clone, Debug)]
pub struct Exception {
    /// Rules by number in the set.
    rules: Vec<u32>,
    /// Places; none: the whole rule.
    targets: Vec<Target>,
}

impl RuleSet {
    /// Excepts the rule `id`: altogether, or for a place such as `ARGS:note`, `REQUEST_COOKIES:/^utm_/`. Several places are
    /// divided by `|`. None when the set has no such rule.
    ///
    /// # Errors
    /// When the place is none.
    pub fn exception(
        &self,
        id: u64,
        place: Option<&str>,
    ) -> Result<Option<Exception>, LoadErrorKind> {
        let rules: Vec<u32> = self
            .ids()
            .enumerate()
            .filter(|(_, known)| *known == id)
            .map(|(at, _)| at as u32)
            .collect();
        if rules.is_empty() {
            return Ok(None);
        }
        let targets = match place {
            None => Vec::new(),
            Some(text) => parse_targets(text)?.include,
        };
        Ok(Some(Exception { rules, targets }))
    }
}

impl Transaction<'_> {
    /// Takes an exception into account, before the first phase. It must have been made for this rule set.
    pub fn except(&mut self, exception: &Exception) {
        for index in &exception.rules {
            if exception.targets.is_empty() {
                self.remove_rule(*index);
            }
            for target in &exception.targets {
                self.remove_target(*index, target.clone());
            }
        }
    }
}
