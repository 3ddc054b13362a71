//! How groups are made: which rules they take, and their automata.

use std::collections::HashMap;

use aho_corasick::{AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::syntax;

use super::{Group, PATTERNS, PHRASES, Patterns, PhraseFinder, ScanChain, ScanTarget};
use crate::operator::Operator;
use crate::parse::{Selector, Target};
use crate::rule::Rule;
use crate::transform::Transform;
use crate::variable::Var;

impl Group {
    pub(super) fn build((phase, level): (u8, u8), list: &[u32], rules: &[Rule]) -> Self {
        let mut sources: Vec<String> = Vec::new();
        let mut owner: Vec<u32> = Vec::new();
        let mut phrases: Vec<Vec<u8>> = Vec::new();
        let mut owners: Vec<Vec<u32>> = Vec::new();
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut targets: Vec<ScanTarget> = Vec::new();
        for (number, index) in list.iter().enumerate() {
            let link = &rules[*index as usize].links[0];
            match &link.operator {
                Some(Operator::Rx(re)) => {
                    sources.push(re.as_str().to_owned());
                    owner.push(number as u32);
                }
                Some(Operator::Pm(set)) => {
                    for phrase in set.phrases() {
                        let lower = phrase.to_ascii_lowercase();
                        let at = *known.entry(lower.clone()).or_insert_with(|| {
                            phrases.push(lower);
                            owners.push(Vec::new());
                            phrases.len() - 1
                        });
                        if owners[at].last() != Some(&(number as u32)) {
                            owners[at].push(number as u32);
                        }
                    }
                }
                _ => continue,
            }
            // A rule with `multiMatch` is judged after each step of its chain, too.
            let shortest = if link.multi_match {
                0
            } else {
                link.transforms.len()
            };
            let what = match link.operator {
                Some(Operator::Pm(_)) => PHRASES,
                _ => PATTERNS,
            };
            for target in &link.targets.include {
                for len in shortest..=link.transforms.len() {
                    add_target(&mut targets, target, &link.transforms[..len], what);
                }
            }
        }
        let patterns = build_dfa(&sources).map(|dfa| Patterns { dfa, owner });
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            // Requests are many and short: there the larger and faster automaton pays.
            .kind(Some(if phase <= 2 && phrases.len() <= MAX_FAST {
                AhoCorasickKind::DFA
            } else {
                AhoCorasickKind::ContiguousNFA
            }))
            .build(&phrases);
        let phrases = match finder {
            Ok(finder) if !owners.is_empty() => Some(PhraseFinder { finder, owners }),
            _ => None,
        };
        Self {
            phase,
            level,
            members: list.len(),
            targets,
            patterns,
            phrases,
        }
    }

    /// Whether the group's automata cover this rule; where one could not be built, its rules run the exact way.
    pub(super) fn decides(&self, rule: &Rule) -> bool {
        match rule.links[0].operator {
            Some(Operator::Rx(_)) => self.patterns.is_some(),
            Some(Operator::Pm(_)) => self.phrases.is_some(),
            _ => false,
        }
    }
}

fn add_target(targets: &mut Vec<ScanTarget>, target: &Target, chain: &[Transform], what: u8) {
    let mask = chain.iter().fold(0, |mask, t| mask | t.trigger());
    // XML:/* and XML://@* are two lists under one name; each is scanned on its own.
    let name = match &target.selector {
        Selector::Name(name) => Some(name.clone()),
        _ => None,
    };
    let found = targets.iter_mut().find(|t| {
        t.var == target.var
            && if target.var == Var::Xml {
                t.names.first() == name.as_ref()
            } else {
                true
            }
    });
    match found {
        Some(known) => {
            match name {
                Some(name) if !known.names.is_empty() && !known.names.contains(&name) => {
                    known.names.push(name)
                }
                Some(_) => {}
                None => known.names.clear(),
            }
            match known.chains.iter_mut().find(|c| c.transforms == chain) {
                Some(same) => same.what |= what,
                None => known.chains.push(ScanChain {
                    mask,
                    transforms: chain.to_vec(),
                    what,
                }),
            }
        }
        None => targets.push(ScanTarget {
            var: target.var,
            names: name.into_iter().collect(),
            chains: vec![ScanChain {
                mask,
                transforms: chain.to_vec(),
                what,
            }],
        }),
    }
}

fn build_dfa(sources: &[String]) -> Option<DFA> {
    if sources.is_empty() {
        return None;
    }
    DFA::builder()
        .configure(
            DFA::config()
                .match_kind(regex_automata::MatchKind::All)
                .cache_capacity(CACHE)
                .skip_cache_capacity_check(true)
                .minimum_cache_clear_count(Some(MIN_CLEARS))
                .minimum_bytes_per_state(Some(MIN_BYTES_PER_STATE)),
        )
        .syntax(
            syntax::Config::new()
                .unicode(false)
                .utf8(false)
                .dot_matches_new_line(true)
                .nest_limit(200),
        )
        .thompson(
            regex_automata::nfa::thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(crate::pattern::SIZE_LIMIT * 4)),
        )
        .build_many(sources)
        .ok()
}

/// Rules whose first condition can be judged ahead.
pub(super) fn eligible(rule: &Rule) -> bool {
    let link = &rule.links[0];
    matches!(link.operator, Some(Operator::Rx(_) | Operator::Pm(_)))
        && !link.negated
        && link
            .targets
            .include
            .iter()
            .all(|t| t.var.is_message() && !t.count)
        && !matches_anything(link.operator.as_ref())
}
/// Patterns that are in every honest text decide nothing and slow the automaton down at every byte.
/// Patterns that are in every honest text decide nothing and slow the automaton down at every byte.
fn matches_anything(operator: Option<&Operator>) -> bool {
    match operator {
        Some(Operator::Rx(re)) => {
            [&b""[..], b"a", b"customer 42 asked", b"a-1.b_c"]
                .iter()
                .filter(|t| re.is_match(t))
                .count()
                > 1
        }
        _ => false,
    }
}

/// The paranoia level that the rule's tags name.
pub(super) fn level(rule: &Rule) -> u8 {
    rule.tags
        .iter()
        .filter_map(|t| t.fixed()?.strip_prefix(b"paranoia-level/"))
        .map(|n| crate::operator::number(n).clamp(0, 9) as u8)
        .next()
        .unwrap_or(0)
}

/// So many phrases get the larger automaton.
const MAX_FAST: usize = 4096;
/// The lazy automaton of a group keeps no more bytes than this.
const CACHE: usize = 8 << 20;
/// After so many fresh starts it gives up where it isn't worth it.
const MIN_CLEARS: usize = 3;
/// … which is when it reads fewer bytes than this for each state that it makes.
const MIN_BYTES_PER_STATE: usize = 10;
