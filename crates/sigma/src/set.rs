//! The compiled rule set, and the engine that asks it and keeps what correlations remember.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::atom::{Test, lower, text};
use crate::compile::KEYWORDS;
use crate::correlate::{CorrelationStats, Correlator, Fired, KeptError, Limits, Meta, Restored};
use crate::event::{Event, Value};
use crate::matching::{Route, Scratch};
use crate::plan::Plan;
use crate::rule::{Correlation, FieldRef, Rule, RuleInfo, Source};

/// Characters of a value that a finding shows.
const SHOWN: usize = 256;

/// Rules, filters and correlations, compiled. Immutable; share it between threads.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) plan: Plan,
    pub(crate) rules: Vec<Rule>,
    pub(crate) correlations: Vec<Correlation>,
    warnings: Vec<String>,
}

impl RuleSet {
    pub(crate) const fn new(
        plan: Plan,
        rules: Vec<Rule>,
        correlations: Vec<Correlation>,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            plan,
            rules,
            correlations,
            warnings,
        }
    }

    /// Detection rules, in the order in which they were loaded.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Arc<RuleInfo>> {
        self.rules.iter().map(|rule| &rule.info)
    }

    /// Correlations, in the order in which they were loaded.
    pub fn correlations(&self) -> impl ExactSizeIterator<Item = &Arc<RuleInfo>> {
        self.correlations
            .iter()
            .map(|correlation| &correlation.info)
    }

    /// Rules and correlations that report: not those that are only counted by a correlation.
    pub fn reporting(&self) -> impl Iterator<Item = &Arc<RuleInfo>> {
        let rules = self.rules.iter().filter(|rule| rule.reports);
        let correlations = self.correlations.iter().filter(|rule| rule.reports);
        rules
            .map(|rule| &rule.info)
            .chain(correlations.map(|rule| &rule.info))
    }

    /// What is odd about the set without being wrong.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Rules that every event is asked about because nothing in them can be looked up: they cost the most.
    pub fn unindexed(&self) -> impl Iterator<Item = &Arc<RuleInfo>> {
        self.plan
            .always
            .iter()
            .map(|&rule| &self.rules[rule as usize].info)
    }

    /// The rules for events of one source. Make it once per source; without a route every rule is asked.
    #[must_use]
    pub fn route(&self, source: &Source) -> Route {
        let mut words = vec![0; self.rules.len().div_ceil(64)];
        for (n, rule) in self.rules.iter().enumerate() {
            if rule.info.logsource.covers(source) {
                words[n / 64] |= 1 << (n % 64);
            }
        }
        Route(words)
    }

    /// The numbers of the rules that match an event, in order. Correlations don't take part.
    pub fn matches<'s, E: Event + ?Sized>(
        &self,
        event: &E,
        route: Option<&Route>,
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        scratch.matches(&self.plan, &self.rules, event, route);
        &scratch.matched
    }

    /// Fields that detections and correlations read, each with the rules that read it.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldUse> {
        let mut uses: Vec<FieldUse> = self
            .plan
            .names
            .iter()
            .map(|name| FieldUse {
                field: name.to_string(),
                rules: Vec::new(),
                exempting: Vec::new(),
            })
            .collect();
        for rule in &self.rules {
            let mut atoms = Vec::new();
            every_atom(&rule.condition, false, &mut atoms);
            // By field: whether it is only asked to leave events out.
            let mut fields: BTreeMap<u32, bool> = BTreeMap::new();
            for (atom, negated) in atoms {
                let atom = &self.plan.atoms[atom as usize];
                let mut read = |field| *fields.entry(field).or_insert(true) &= negated;
                read(atom.field);
                if let Test::FieldRef { other, .. } = atom.test {
                    read(other);
                }
            }
            for (field, exempts) in fields {
                let used = &mut uses[field as usize];
                used.rules.push(rule.info.key().to_owned());
                if exempts {
                    used.exempting.push(rule.info.key().to_owned());
                }
            }
        }
        for correlation in &self.correlations {
            let mut fields: Vec<u32> = correlation
                .stages
                .iter()
                .flat_map(|stage| stage.group.iter().chain(&stage.value))
                .map(|field| field.id)
                .filter(|&id| id != KEYWORDS)
                .collect();
            fields.sort_unstable();
            fields.dedup();
            for field in fields {
                uses[field as usize]
                    .rules
                    .push(correlation.info.key().to_owned());
            }
        }
        uses.retain(|used| !used.field.is_empty() && !used.rules.is_empty());
        uses.sort_by(|a, b| a.field.cmp(&b.field));
        uses
    }
}

/// A field and the rules that read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldUse {
    /// The field as events carry it.
    pub field: String,
    /// Id, name or title of each rule.
    pub rules: Vec<String>,
    /// Those of them that read it only to leave events out (`not`, filters): without the field they report more, not less.
    pub exempting: Vec<String>,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The rule.
    #[serde(flatten)]
    pub rule: Arc<RuleInfo>,
    /// Time of the event that made it, Unix milliseconds.
    pub time: i64,
    /// Why.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// Why a rule found something.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Evidence {
    /// One event matched.
    Event {
        /// The fields that matched, with their values, cut to 256 characters.
        fields: Vec<(String, String)>,
    },
    /// Several events together.
    Correlation {
        /// The values that they share.
        group: Vec<(String, String)>,
        /// The count, sum or other number that met the condition.
        value: f64,
        /// The length of the window in seconds.
        timespan: i64,
    },
}

/// A rule set with the memory of its correlations.
#[derive(Debug, Clone)]
pub struct Engine {
    rules: Arc<RuleSet>,
    state: Arc<Correlator>,
}

impl Engine {
    /// An engine that remembers nothing yet.
    #[must_use]
    pub fn new(rules: impl Into<Arc<RuleSet>>, limits: Limits) -> Self {
        Self {
            rules: rules.into(),
            state: Arc::new(Correlator::new(limits)),
        }
    }

    /// An engine that goes on from what [`Engine::save`] wrote: correlations whose own text and whose rules are the same as
    /// then know what they knew. `now` is the clock in Unix milliseconds; windows that are over by then are left out, and
    /// those that are ahead of it.
    ///
    /// # Errors
    /// [`KeptError`]; nothing of the file is used then.
    pub fn resumed(
        rules: &Arc<RuleSet>,
        limits: Limits,
        now: i64,
        bytes: &[u8],
    ) -> Result<(Self, Restored), KeptError> {
        let (state, restored) = Correlator::resume(limits, &rules.correlations, now, bytes)?;
        let engine = Self {
            rules: Arc::clone(rules),
            state: Arc::new(state),
        };
        Ok((engine, restored))
    }

    /// Writes what the correlations remember, and gives the number of groups. The file holds keyed hashes and times, no
    /// value of an event. Other threads may observe meanwhile.
    ///
    /// # Errors
    /// What the writer reports.
    pub fn save(&self, now: i64, out: &mut dyn std::io::Write) -> Result<u64, KeptError> {
        self.state.save(&self.rules.correlations, now, out)
    }

    /// The engine after a reload: correlations whose own text and whose rules are the same keep their state. The old
    /// engine shares it and may finish what it is at.
    #[must_use]
    pub fn reloaded(&self, rules: RuleSet) -> Self {
        let keep: std::collections::HashSet<u64> = rules
            .correlations
            .iter()
            .map(|correlation| correlation.fingerprint)
            .collect();
        self.state
            .retain(&|fingerprint| keep.contains(&fingerprint));
        Self {
            rules: Arc::new(rules),
            state: Arc::clone(&self.state),
        }
    }

    /// The same rules with a memory of their own, in which base rules report as well: what inline tests run on.
    pub(crate) fn for_tests(&self, limits: Limits) -> Self {
        Self {
            rules: Arc::clone(&self.rules),
            state: Arc::new(Correlator::new(limits).reporting_all()),
        }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What correlations hold and what they had to leave out.
    #[must_use]
    pub fn stats(&self) -> CorrelationStats {
        self.state.stats()
    }

    /// Asks every rule about one event and adds what they found to `out`.
    pub fn observe<E: Event + ?Sized>(
        &self,
        event: &E,
        meta: &Meta<'_>,
        route: Option<&Route>,
        scratch: &mut Scratch,
        out: &mut Vec<Finding>,
    ) {
        let set = &*self.rules;
        let kept = scratch.matches(&set.plan, &set.rules, event, route);
        if scratch.matched.is_empty() {
            return;
        }
        let Some(at) = self.state.admit(meta) else {
            return;
        };
        let matched = std::mem::take(&mut scratch.matched);
        let mut fired: Vec<Fired> = Vec::new();
        for &number in &matched {
            let rule = &set.rules[number as usize];
            if rule.reports || self.state.reports_all() {
                let mut reasons = Vec::new();
                scratch.reasons(&set.plan, &rule.condition, &kept, &mut reasons);
                out.push(Finding {
                    rule: Arc::clone(&rule.info),
                    time: at,
                    evidence: Evidence::Event {
                        fields: shown(&set.plan, &reasons, event),
                    },
                });
            }
            for &place in &rule.counted_by {
                let lookup = |field: &FieldRef| -> Option<Cow<'_, str>> {
                    scratch.values(field.id, &kept).filter_map(text).last()
                };
                self.state.count(
                    &set.correlations,
                    place,
                    (meta.tenant, at),
                    &lookup,
                    &mut fired,
                );
            }
        }
        scratch.matched = matched;
        for fired in fired {
            let correlation = &set.correlations[fired.correlation as usize];
            out.push(Finding {
                rule: Arc::clone(&correlation.info),
                time: at,
                evidence: Evidence::Correlation {
                    group: fired.group,
                    value: fired.value,
                    timespan: correlation.timespan_ms / 1000,
                },
            });
        }
    }
}

/// The values that made atoms true; keywords under the path where they were found.
fn shown<E: Event + ?Sized>(plan: &Plan, atoms: &[u32], event: &E) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut open: Vec<u32> = atoms.to_vec();
    event.visit(&mut |path, value| {
        open.retain(|&id| {
            let atom = &plan.atoms[id as usize];
            let here = if atom.field == KEYWORDS {
                matches!(value, Value::Text(_))
            } else {
                &*plan.names[atom.field as usize] == path
            };
            let true_here = here
                && match &atom.test {
                    Test::Text(test) if !test.cased => {
                        text(value).is_some_and(|text| test.op.holds(&lower(&text), &test.literal))
                    }
                    Test::Null | Test::Exists | Test::Present | Test::FieldRef { .. } => true,
                    test => test.holds(value),
                };
            if true_here && !out.iter().any(|(known, _)| known == path) {
                let value = text(value).unwrap_or(Cow::Borrowed(""));
                out.push((path.to_owned(), value.chars().take(SHOWN).collect()));
            }
            !true_here
        });
    });
    out
}

fn every_atom(node: &crate::rule::Node, negated: bool, out: &mut Vec<(u32, bool)>) {
    use crate::rule::Node;
    match node {
        Node::Atom(id) => out.push((*id, negated)),
        Node::Not(inner) => every_atom(inner, !negated, out),
        Node::All(all) | Node::Any(all) | Node::AtLeast(_, all) => {
            for inner in all {
                every_atom(inner, negated, out);
            }
        }
        Node::True => {}
    }
}
