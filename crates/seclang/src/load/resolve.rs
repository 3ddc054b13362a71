//! Rules numbered: jumps, TX names, what `ctl` speaks of, and gates.

use std::collections::HashMap;

use super::assemble::Step;
use crate::collections::TxNames;
use crate::error::{LoadError, LoadErrorKind};
use crate::operator::{self, Operator};
use crate::parse::{Ctl, RuleSelect, Selector, Target};
use crate::rule::{Effect, Gate, GateArg, Key, Link, Rule};
use crate::template::{Part, Template};
use crate::variable::Var;

/// Numbers the rules, lists them by phase and resolves `skipAfter` and `skip`.
pub(super) fn number(steps: Vec<Step>) -> Result<(Vec<Rule>, [Vec<u32>; 5]), LoadError> {
    let mut phases: [Vec<u32>; 5] = Default::default();
    // For each phase: marker or rule id → the place after it, with the place in the file.
    let mut marks: HashMap<String, Vec<(usize, [usize; 5])>> = HashMap::new();
    let mut rules: Vec<(usize, Rule)> = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Marker(name) => {
                marks
                    .entry(name)
                    .or_default()
                    .push((at, std::array::from_fn(|p| phases[p].len())));
            }
            Step::Rule(rule) => {
                phases[usize::from(rule.phase) - 1].push(rules.len() as u32);
                marks
                    .entry(rule.id.to_string())
                    .or_default()
                    .push((at, std::array::from_fn(|p| phases[p].len())));
                rules.push((at, *rule));
            }
        }
    }
    for (at, rule) in &mut rules {
        let phase = usize::from(rule.phase) - 1;
        if let Some(name) = &rule.skip_after {
            let target = marks
                .get(name)
                .and_then(|places| places.iter().find(|(place, _)| place > at));
            let Some((_, places)) = target else {
                return Err(LoadErrorKind::Flow(format!(
                    "skipAfter:{name} leads nowhere; add `SecMarker {name}` after the rule"
                ))
                .at(&rule.span));
            };
            rule.skip_to = Some(places[phase]);
        }
    }
    let rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
    Ok((rules, phases))
}

/// Id, tags and message of a rule.
type Facts = (u64, Vec<Vec<u8>>, Option<Vec<u8>>);

/// Numbers TX names, resolves `ctl` to rules and finds gates.
pub(super) fn resolve(rules: &mut [Rule], names: &mut TxNames) {
    for digit in 0..10u8 {
        names.intern(&[b'0' + digit]);
    }
    let facts: Vec<Facts> = rules
        .iter()
        .map(|r| {
            let tags = r
                .tags
                .iter()
                .filter_map(|t| t.fixed().map(<[u8]>::to_vec))
                .collect();
            (
                r.id,
                tags,
                r.msg.as_ref().and_then(|m| m.fixed().map(<[u8]>::to_vec)),
            )
        })
        .collect();
    let pick = |select: &RuleSelect| -> Vec<u32> {
        facts
            .iter()
            .enumerate()
            .filter(|(_, (id, tags, msg))| match select {
                RuleSelect::Ids(ranges) => {
                    ranges.iter().any(|(low, high)| (*low..=*high).contains(id))
                }
                RuleSelect::Tag(tag) => tags.iter().any(|t| t == tag.as_bytes()),
                RuleSelect::Msg(text) => msg.as_deref() == Some(text.as_bytes()),
            })
            .map(|(at, _)| at as u32)
            .collect()
    };
    for link in rules.iter_mut().flat_map(|r| r.links.iter_mut()) {
        for effect in &mut link.effects {
            match effect {
                Effect::Set {
                    var: Var::Tx, key, ..
                } => {
                    if let Key::Open(template) = key
                        && let Some(name) = template.fixed()
                    {
                        *key = Key::Fixed(names.intern(name));
                    }
                }
                Effect::Ctl(Ctl::RemoveRule(select) | Ctl::RemoveTarget(select, _), which) => {
                    *which = pick(select)
                }
                _ => {}
            }
        }
        for target in &link.targets.include {
            if let (Var::Tx, Selector::Name(name)) = (target.var, &target.selector) {
                names.intern(name);
            }
        }
        if let Some(template) = link.operator.as_ref().and_then(Operator::argument) {
            intern_macros(template, names);
        }
    }
    for link in rules.iter_mut().flat_map(|r| r.links.iter_mut()) {
        link.gate = gate(link, names);
        link.tx_regex = link
            .targets
            .include
            .iter()
            .map(|t| match (t.var, &t.selector) {
                (Var::Tx, Selector::Regex(re)) => names
                    .names()
                    .filter(|(_, n)| re.is_match(n))
                    .map(|(at, _)| at)
                    .collect(),
                _ => Vec::new(),
            })
            .collect();
    }
}

fn intern_macros(template: &Template, names: &mut TxNames) {
    for part in &template.parts {
        if let Part::Macro(Var::Tx, key) = part {
            names.intern(key);
        }
    }
}

fn gate(link: &Link, names: &TxNames) -> Option<Gate> {
    let [
        Target {
            var: Var::Tx,
            selector: Selector::Name(name),
            count,
        },
    ] = link.targets.include.as_slice()
    else {
        return None;
    };
    let Some(Operator::Number(order, argument)) = &link.operator else {
        return None;
    };
    if !link.targets.exclude.is_empty() || !link.transforms.is_empty() {
        return None;
    }
    let against = match argument.parts.as_slice() {
        [Part::Text(text)] => GateArg::Number(operator::number(text)),
        [Part::Macro(Var::Tx, key)] => GateArg::Slot(names.get(key)?),
        _ => return None,
    };
    Some(Gate {
        slot: names.get(name)?,
        count: *count,
        order: *order,
        negated: link.negated,
        against,
    })
}
