//! Which rules may match, found with few passes over the values.
//!
//! Rules that look at parts of the message for a pattern or for phrases are grouped by phase and paranoia level. A group
//! has one automaton over all its phrases and one over its patterns. When the first rule of a group comes up, each
//! distinct value of the group's targets is scanned once, after each distinct chain of transformations. Only rules whose
//! pattern was seen in some value go on to the exact evaluation, and there only with the values in which it was seen.
//!
//! The automaton of phrases is complete when rules are loaded and takes the same time for any input, so it also looks for
//! the texts that patterns need ([`literals`]); such a pattern runs on a value that has one. The other patterns share an
//! automaton that is made while it reads, at a cost that an attacker would choose: a transaction may extend it by
//! [`BUDGET`] steps, and what it does not know then is left to the patterns one by one.
//!
//! Negated rules and counts hold on absence: they never pass through here.

mod build;
mod literals;

use std::sync::{Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::{Input, PatternSet};

use build::{eligible, level};

use crate::rule::{Gate, Rule};
use crate::transform::Transform;
use crate::values::{ValueId, Values};
use crate::variable::Var;
use crate::words::Words;

/// The compiled groups of a rule set, and a pool of scratch memory.
#[derive(Debug)]
pub(crate) struct Plan {
    groups: Vec<Group>,
    /// For each rule: its group and its number in the group.
    place: Vec<Option<(u32, u32)>>,
    /// For each of the phases 1 to 5 the rules in file order, with what decides quickly that one doesn't match.
    steps: [Vec<Step>; 5],
    #[allow(
        clippy::vec_box,
        reason = "a transaction passes its state around by pointer"
    )]
    pool: Mutex<Vec<Box<ScanState>>>,
}

/// A rule on the way through a phase.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) rule: u32,
    pub(crate) test: Test,
}

/// What decides quickly that a rule doesn't match.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Test {
    /// A comparison of TX variables.
    Gate(Gate),
    /// The scan of a group, and the rule's number in it.
    Group(u32, u32),
    /// Nothing: the rule runs.
    Exact,
}

/// One automaton with what it looks at.
#[derive(Debug)]
struct Group {
    phase: u8,
    level: u8,
    members: usize,
    targets: Vec<ScanTarget>,
    patterns: Option<Patterns>,
    phrases: Option<PhraseFinder>,
}

#[derive(Debug)]
struct Patterns {
    dfa: DFA,
    /// Pattern → number of the rule in the group, and the pattern alone.
    owner: Vec<(u32, Regex)>,
}

/// The automaton would have to be extended too often for one message.
struct GaveUp;

impl Patterns {
    /// All patterns that are in the value. The automaton is made while it reads; each step that is not known yet costs as
    /// much as some thousand known ones, and takes from the budget.
    fn search(
        &self,
        cache: &mut Cache,
        value: &[u8],
        budget: &mut u32,
        found: &mut PatternSet,
    ) -> Result<(), GaveUp> {
        let dfa = &self.dfa;
        let start = dfa.start_state_forward(cache, &Input::new(value));
        let mut at = start.map_err(|_| GaveUp)?;
        let mut last = None;
        let mut bytes = value.iter();
        while let Some(b) = bytes.next() {
            let next = if at.is_tagged() {
                // Seldom: the step after a match.
                let before = cache.memory_usage();
                let next = dfa.next_state(cache, at, *b).map_err(|_| GaveUp)?;
                if cache.memory_usage() != before {
                    *budget = budget.checked_sub(1).ok_or(GaveUp)?;
                    last = None;
                }
                next
            } else {
                let mut next = dfa.next_state_untagged(cache, at, *b);
                let mut from = at;
                let mut b = *b;
                // Nearly all of the way is this loop: known steps, and nothing found.
                while !next.is_tagged() {
                    let Some(following) = bytes.next() else {
                        break;
                    };
                    (from, b) = (next, *following);
                    next = dfa.next_state_untagged(cache, from, b);
                }
                if next.is_unknown() {
                    *budget = budget.checked_sub(1).ok_or(GaveUp)?;
                    next = dfa.next_state(cache, from, b).map_err(|_| GaveUp)?;
                    last = None;
                }
                next
            };
            at = next;
            if at.is_tagged() {
                if at.is_dead() {
                    return Ok(());
                }
                if at.is_quit() {
                    return Err(GaveUp);
                }
                if at.is_match() && last != Some(at) {
                    last = Some(at);
                    self.collect(cache, at, found);
                }
            }
        }
        let end = dfa.next_eoi_state(cache, at).map_err(|_| GaveUp)?;
        if end.is_match() {
            self.collect(cache, end, found);
        }
        Ok(())
    }

    fn collect(&self, cache: &Cache, at: LazyStateID, found: &mut PatternSet) {
        for number in 0..self.dfa.match_len(cache, at) {
            let _ = found.try_insert(self.dfa.match_pattern(cache, at, number));
        }
    }
}

#[derive(Debug)]
struct PhraseFinder {
    finder: AhoCorasick,
    /// Phrase → the numbers of the rules in the group that have it.
    owners: Vec<Vec<u32>>,
    /// For each rule of the group: the pattern that has to hold, too, where the phrase is only what the pattern needs.
    verify: Vec<Option<Regex>>,
}

/// Values that a group looks at.
#[derive(Debug)]
pub(crate) struct ScanTarget {
    pub(crate) var: Var,
    /// Only these entries; empty: all.
    pub(crate) names: Vec<Box<[u8]>>,
    /// The chains of transformations that rules want.
    pub(crate) chains: Vec<ScanChain>,
}

/// A chain of transformations before a scan.
#[derive(Debug)]
pub(crate) struct ScanChain {
    /// The byte classes that it can change.
    pub(crate) mask: u32,
    pub(crate) transforms: Vec<Transform>,
    /// Which automata see the result: [`PATTERNS`], [`PHRASES`].
    pub(crate) what: u8,
}

/// A group in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    /// The phase of its rules.
    pub phase: u8,
    /// The paranoia level that their tags name; 0 without one.
    pub level: u8,
    /// How many rules it decides on.
    pub rules: usize,
    /// How many patterns its automaton has.
    pub patterns: usize,
    /// How many phrases it looks for.
    pub phrases: usize,
    /// Bytes of the automata, without the bounded scratch memory.
    pub bytes: usize,
}

/// Scratch memory of one transaction.
#[derive(Debug)]
pub(crate) struct ScanState {
    groups: Vec<GroupState>,
    /// The buffer of values of an earlier transaction.
    pub(crate) values: Option<Values>,
    /// What earlier transactions learned about words.
    pub(crate) words: Words,
    /// For how many values an automaton gave up in this transaction.
    pub(crate) fallbacks: u32,
    /// How many steps automata may still be extended by in this transaction.
    budget: u32,
    /// Header values of earlier transactions in which the second judgement found nothing.
    pub(crate) calm: Calm,
}

/// Values that are known to be nothing: whole, so that no two are taken for one, and bounded in number and length.
#[derive(Debug, Default)]
pub(crate) struct Calm(std::collections::HashSet<Box<[u8]>>);

impl Calm {
    pub(crate) fn knows(&self, value: &[u8]) -> bool {
        self.0.contains(value)
    }

    pub(crate) fn learn(&mut self, value: &[u8]) {
        if value.len() > CALM_BYTES {
            return;
        }
        if self.0.len() >= CALM_VALUES {
            self.0.clear();
        }
        self.0.insert(value.into());
    }
}

#[derive(Debug)]
struct GroupState {
    cache: Option<Cache>,
    found: Option<PatternSet>,
    begun: bool,
    /// For each rule of the group the value on which its pattern ran last.
    verified: Vec<ValueId>,
    /// For each rule of the group the values in which its pattern is, sorted once the scan is done.
    hits: Vec<Vec<ValueId>>,
}

impl Plan {
    pub(crate) fn build(rules: &[Rule], phases: &[Vec<u32>; 5]) -> Self {
        let mut keys: Vec<(u8, u8)> = Vec::new();
        let mut members: Vec<Vec<u32>> = Vec::new();
        for (phase, list) in phases.iter().enumerate() {
            for index in list {
                let rule = &rules[*index as usize];
                if !eligible(rule) {
                    continue;
                }
                let key = (phase as u8 + 1, level(rule));
                let at = match keys.iter().position(|k| *k == key) {
                    Some(at) => at,
                    None if keys.len() == MAX_GROUPS => continue,
                    None => {
                        keys.push(key);
                        members.push(Vec::new());
                        keys.len() - 1
                    }
                };
                members[at].push(*index);
            }
        }
        let mut place = vec![None; rules.len()];
        let mut groups = Vec::new();
        for (key, list) in keys.into_iter().zip(members) {
            let group = Group::build(key, &list, rules);
            for (number, index) in list.iter().enumerate() {
                if group.decides(number as u32) {
                    place[*index as usize] = Some((groups.len() as u32, number as u32));
                }
            }
            groups.push(group);
        }
        let steps = std::array::from_fn(|phase| {
            let test =
                |index: u32| match (rules[index as usize].links[0].gate, place[index as usize]) {
                    (Some(gate), _) => Test::Gate(gate),
                    (None, Some((group, number))) => Test::Group(group, number),
                    (None, None) => Test::Exact,
                };
            phases[phase]
                .iter()
                .map(|index| Step {
                    rule: *index,
                    test: test(*index),
                })
                .collect()
        });
        Self {
            groups,
            place,
            steps,
            pool: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn steps(&self, phase: u8) -> &[Step] {
        &self.steps[usize::from(phase) - 1]
    }

    pub(crate) fn targets(&self, group: u32) -> &[ScanTarget] {
        &self.groups[group as usize].targets
    }

    /// Looks for everything in one value.
    ///
    /// `what` says which of the group's automata any rule wants to see the value with.
    pub(crate) fn scan(
        &self,
        group: u32,
        what: u8,
        id: ValueId,
        value: &[u8],
        state: &mut ScanState,
    ) {
        let (fallbacks, budget) = (&mut state.fallbacks, &mut state.budget);
        let (group, state) = (
            &self.groups[group as usize],
            &mut state.groups[group as usize],
        );
        if what & PATTERNS != 0
            && let (Some(patterns), Some(cache), Some(found)) =
                (&group.patterns, &mut state.cache, &mut state.found)
        {
            found.clear();
            match patterns.search(cache, value, budget, found) {
                Ok(()) => {
                    for pattern in found.iter() {
                        hit(&mut state.hits, patterns.owner[pattern.as_usize()].0, id);
                    }
                }
                // The input is unlike all before it: making the automaton for it would take longer than the patterns do.
                Err(GaveUp) => {
                    *fallbacks += 1;
                    for (owner, pattern) in &patterns.owner {
                        if pattern.is_match(value) {
                            hit(&mut state.hits, *owner, id);
                        }
                    }
                }
            }
        }
        if what & PHRASES != 0
            && let Some(phrases) = &group.phrases
        {
            for m in phrases.finder.find_overlapping_iter(value) {
                for owner in &phrases.owners[m.pattern().as_usize()] {
                    let Some(pattern) = &phrases.verify[*owner as usize] else {
                        hit(&mut state.hits, *owner, id);
                        continue;
                    };
                    let last = &mut state.verified[*owner as usize];
                    if std::mem::replace(last, id) != id && pattern.is_match(value) {
                        hit(&mut state.hits, *owner, id);
                    }
                }
            }
        }
    }

    /// Scratch memory from the pool, or new.
    pub(crate) fn take_state(&self) -> Box<ScanState> {
        let kept = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.unwrap_or_else(|| {
            let groups = self
                .groups
                .iter()
                .map(|g| GroupState {
                    cache: None,
                    found: None,
                    begun: false,
                    verified: vec![0; g.members],
                    hits: vec![Vec::new(); g.members],
                })
                .collect();
            Box::new(ScanState {
                groups,
                values: None,
                words: Words::new(),
                fallbacks: 0,
                budget: BUDGET,
                calm: Calm::default(),
            })
        })
    }

    pub(crate) fn give_back(&self, mut state: Box<ScanState>) {
        state.start_phase();
        state.fallbacks = 0;
        state.budget = BUDGET;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOL {
            pool.push(state);
        }
    }

    pub(crate) fn summary(&self) -> Vec<GroupSummary> {
        self.groups
            .iter()
            .map(|g| GroupSummary {
                phase: g.phase,
                level: g.level,
                rules: g.members,
                patterns: g.patterns.as_ref().map_or(0, |p| p.owner.len()),
                phrases: g.phrases.as_ref().map_or(0, |p| p.owners.len()),
                bytes: g
                    .patterns
                    .as_ref()
                    .map_or(0, |p| p.dfa.get_nfa().memory_usage())
                    + g.phrases.as_ref().map_or(0, |p| p.finder.memory_usage()),
            })
            .collect()
    }
}

impl ScanState {
    /// True when the group has not been scanned in this phase; from now on it has.
    pub(crate) fn begin(&mut self, plan: &Plan, group: u32) -> bool {
        let (group, state) = (
            &plan.groups[group as usize],
            &mut self.groups[group as usize],
        );
        if state.begun {
            return false;
        }
        state.begun = true;
        if let Some(patterns) = &group.patterns
            && state.cache.is_none()
        {
            state.cache = Some(patterns.dfa.create_cache());
            state.found = Some(PatternSet::new(patterns.owner.len()));
        }
        true
    }

    /// The scan of a group is done.
    pub(crate) fn seal(&mut self, group: u32) {
        for list in &mut self.groups[group as usize].hits {
            list.sort_unstable();
        }
    }

    /// Whether a rule may match, once its group has been scanned.
    pub(crate) fn candidate(&self, group: u32, number: u32) -> bool {
        !self.groups[group as usize].hits[number as usize].is_empty()
    }

    /// Whether the scan has shown that a rule's pattern is not in a value.
    pub(crate) fn known_miss(&self, plan: &Plan, rule: u32, value: ValueId) -> bool {
        let Some((group, number)) = plan.place[rule as usize] else {
            return false;
        };
        let state = &self.groups[group as usize];
        state.begun && state.hits[number as usize].binary_search(&value).is_err()
    }

    /// Forgets what was seen: a new phase has its own groups and new values.
    pub(crate) fn start_phase(&mut self) {
        for group in self.groups.iter_mut().filter(|g| g.begun) {
            group.begun = false;
            group.verified.fill(0);
            group.hits.iter_mut().for_each(Vec::clear);
        }
    }
}

/// Remembers that a rule's pattern is in a value. A value is scanned in one go, so it is the last one if it is there.
fn hit(hits: &mut [Vec<ValueId>], owner: u32, id: ValueId) {
    let list = &mut hits[owner as usize];
    if list.last() != Some(&id) {
        list.push(id);
    }
}

/// The automaton of patterns, as a bit.
pub(crate) const PATTERNS: u8 = 1;
/// The automaton of phrases, as a bit.
pub(crate) const PHRASES: u8 = 2;
/// Values remember in 64 bits which automata have seen them, two a group.
const MAX_GROUPS: usize = 32;
/// Longest value that is remembered as nothing, and how many are.
const CALM_BYTES: usize = 512;
const CALM_VALUES: usize = 512;
/// So many unknown steps of automata are made for one transaction.
const BUDGET: u32 = 10;
/// So many transactions' scratch memory is kept.
const POOL: usize = 4;
