//! How groups are made: which rules they take, and their automata.

use std::collections::HashMap;

use aho_corasick::{AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex::bytes::Regex;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::syntax;

use super::{Group, PATTERNS, PHRASES, Patterns, PhraseFinder, ScanChain, ScanTarget, literals};
use crate::operator::Operator;
use crate::parse::{Selector, Target};
use crate::rule::Rule;
use crate::transform::Transform;
use crate::variable::Var;

impl Group {
    pub(super) fn build((phase, level): (u8, u8), list: &[u32], rules: &[Rule]) -> Self {
        let mut sources: Vec<String> = Vec::new();
        let mut owner: Vec<(u32, Regex)> = Vec::new();
        let mut texts = Texts::default();
        let mut verify: Vec<Option<Regex>> = vec![None; list.len()];
        let mut targets: Vec<ScanTarget> = Vec::new();
        for (number, index) in list.iter().enumerate() {
            let link = &rules[*index as usize].links[0];
            let what = match &link.operator {
                Some(Operator::Rx(re)) => match literals::required(re.as_str()) {
                    Some(set) => {
                        set.into_iter().for_each(|t| texts.add(t, number as u32));
                        verify[number] = Some(re.clone());
                        PHRASES
                    }
                    None => {
                        sources.push(re.as_str().to_owned());
                        owner.push((number as u32, re.clone()));
                        PATTERNS
                    }
                },
                Some(Operator::Pm(set)) => {
                    for phrase in set.phrases() {
                        texts.add(phrase.to_ascii_lowercase(), number as u32);
                    }
                    PHRASES
                }
                _ => continue,
            };
            // A rule with `multiMatch` is judged after each step of its chain, too.
            let shortest = if link.multi_match {
                0
            } else {
                link.transforms.len()
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
            .kind(Some(if phase <= 2 && texts.list.len() <= MAX_FAST {
                AhoCorasickKind::DFA
            } else {
                AhoCorasickKind::ContiguousNFA
            }))
            .build(&texts.list);
        let phrases = match finder {
            Ok(finder) if !texts.list.is_empty() => Some(PhraseFinder {
                finder,
                owners: texts.owners,
                verify,
            }),
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
    pub(super) fn decides(&self, number: u32) -> bool {
        match &self.patterns {
            Some(patterns) if patterns.owner.iter().any(|(n, _)| *n == number) => true,
            _ => self
                .phrases
                .as_ref()
                .is_some_and(|p| p.owners.iter().any(|o| o.contains(&number))),
        }
    }
}

/// Texts in lower case, each once, with the numbers of the rules that ask for it.
#[derive(Default)]
struct Texts {
    list: Vec<Vec<u8>>,
    owners: Vec<Vec<u32>>,
    known: HashMap<Vec<u8>, usize>,
}

impl Texts {
    fn add(&mut self, text: Vec<u8>, number: u32) {
        let at = *self.known.entry(text).or_insert_with_key(|text| {
            self.list.push(text.clone());
            self.owners.push(Vec::new());
            self.list.len() - 1
        });
        if self.owners[at].last() != Some(&number) {
            self.owners[at].push(number);
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
                .skip_cache_capacity_check(true),
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
const MAX_FAST: usize = 2500;
/// The lazy automaton of a group keeps no more bytes than this.
const CACHE: usize = 8 << 20;
