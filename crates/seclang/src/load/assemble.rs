//! Rules put together: chains joined, defaults and updates applied, jumps resolved.

use std::collections::HashMap;

use super::{Draft, Item, RawRule, RuleSet};
use crate::collections::TxNames;
use crate::error::{LoadError, LoadErrorKind, Span};
use crate::operator;
use crate::parse::{Action, Disruptive, RuleSelect, SetVarOp, Target, TargetList};
use crate::rule::{Effect, Key, Link, Rule, SetOp};

pub(super) fn assemble(mut draft: Draft<'_>) -> Result<RuleSet, LoadError> {
    let mut steps: Vec<Step> = Vec::new();
    let mut open: Option<Rule> = None;
    // Inside the chain of a rule that is removed by its id: its operators need not even compile.
    let mut dropping = false;
    let mut seen: HashMap<u64, Span> = HashMap::new();
    let mut names = TxNames::default();
    for item in std::mem::take(&mut draft.items) {
        match item {
            Item::Marker(name) => {
                if let Some(rule) = &open {
                    return Err(LoadErrorKind::Flow(format!(
                        "rule {} says `chain`, but a SecMarker follows; put a SecRule there",
                        rule.id
                    ))
                    .at(&rule.span));
                }
                steps.push(Step::Marker(name));
            }
            Item::Rule(mut raw) => {
                if let Some((decl, why)) = raw
                    .operator
                    .as_ref()
                    .and_then(|o| Some((o, operator::remark(o)?)))
                {
                    draft
                        .warnings
                        .push(format!("{}: @{} {why}", raw.span, decl.name));
                }
                let chained = raw.actions.iter().any(|a| matches!(a, Action::Chain));
                if dropping {
                    dropping = chained;
                    continue;
                }
                let span = raw.span.clone();
                let mut rule = match open.take() {
                    Some(head) => head,
                    None => {
                        let id = raw.actions.iter().find_map(|a| {
                            if let Action::Id(id) = a {
                                Some(*id)
                            } else {
                                None
                            }
                        });
                        let id = id.ok_or_else(|| {
                            LoadErrorKind::Id(
                                "a rule without `id`; give it a number of its own".to_owned(),
                            )
                            .at(&span)
                        })?;
                        if let Some(other) = seen.insert(id, span.clone()) {
                            return Err(LoadErrorKind::Id(format!("rule id {id} is already taken at {other}; give this one another number")).at(&span));
                        }
                        if removed_by_id(&draft.removals, id) {
                            dropping = chained;
                            continue;
                        }
                        for (_, _, actions) in draft
                            .action_updates
                            .iter()
                            .filter(|(_, which, _)| *which == id)
                        {
                            raw.actions.extend(
                                actions
                                    .iter()
                                    .filter(|a| {
                                        !matches!(
                                            a,
                                            Action::Id(_) | Action::Phase(_) | Action::Chain
                                        )
                                    })
                                    .cloned(),
                            );
                        }
                        head(&raw, id)
                    }
                };
                let link = link(&raw, rule.phase, draft.sources).map_err(|kind| kind.at(&span))?;
                rule.links.push(link);
                if rule.links.len() > MAX_CHAIN {
                    return Err(LoadErrorKind::Flow(format!(
                        "a chain of more than {MAX_CHAIN} rules; split it"
                    ))
                    .at(&span));
                }
                if chained {
                    open = Some(rule)
                } else {
                    steps.push(Step::Rule(Box::new(rule)))
                }
            }
        }
    }
    if let Some(rule) = open {
        return Err(LoadErrorKind::Flow(format!(
            "rule {} says `chain`, but no rule follows",
            rule.id
        ))
        .at(&rule.span));
    }
    for (span, id, _) in &draft.action_updates {
        if !seen.contains_key(id) {
            draft
                .warnings
                .push(format!("{span}: no rule has the id {id}"));
        }
    }
    steps.retain(
        |s| !matches!(s, Step::Rule(r) if draft.removals.iter().any(|sel| selected(sel, r))),
    );
    for (span, select, list) in &draft.target_updates {
        let mut hit = false;
        for step in &mut steps {
            if let Step::Rule(rule) = step
                && selected(select, rule)
                && let Some(link) = rule.links.first_mut()
            {
                hit = true;
                update_targets(&mut link.targets, list);
            }
        }
        if !hit {
            draft
                .warnings
                .push(format!("{span}: no rule is meant by this update"));
        }
    }
    let (mut rules, phases) = super::resolve::number(steps)?;
    super::resolve::resolve(&mut rules, &mut names);
    super::finish(draft.settings, rules, phases, names, draft.warnings)
}

/// A rule or a marker, in file order.
pub(super) enum Step {
    Rule(Box<Rule>),
    Marker(String),
}

/// The head of a rule: everything but its conditions.
fn head(raw: &RawRule, id: u64) -> Rule {
    let phase = raw
        .actions
        .iter()
        .rev()
        .find_map(|a| {
            if let Action::Phase(p) = a {
                Some(*p)
            } else {
                None
            }
        })
        .unwrap_or(2);
    let mut rule = Rule {
        id,
        span: raw.span.clone(),
        phase,
        links: Vec::new(),
        msg: None,
        logdata: None,
        severity: None,
        tags: Vec::new(),
        rev: None,
        ver: None,
        maturity: None,
        accuracy: None,
        disruptive: Disruptive::Pass,
        status: None,
        log: true,
        audit: true,
        skip: None,
        skip_to: None,
        skip_after: None,
        sanitise: Vec::new(),
    };
    let mut default_action = Disruptive::Pass;
    for action in raw.defaults[usize::from(phase) - 1].iter() {
        meta(&mut rule, action);
        if let Action::Disruptive(d) = action {
            default_action = d.clone();
        }
    }
    for action in &raw.actions {
        meta(&mut rule, action);
    }
    if rule.disruptive == Disruptive::Block {
        rule.disruptive = if default_action == Disruptive::Block {
            Disruptive::Deny
        } else {
            default_action
        };
    }
    rule
}

fn meta(rule: &mut Rule, action: &Action) {
    match action {
        Action::Msg(t) => rule.msg = Some(t.clone()),
        Action::LogData(t) => rule.logdata = Some(t.clone()),
        Action::Severity(s) => rule.severity = Some(*s),
        Action::Rev(t) => rule.rev = Some(t.clone()),
        Action::Ver(t) => rule.ver = Some(t.clone()),
        Action::Tag(t) => rule.tags.push(t.clone()),
        Action::Maturity(n) => rule.maturity = Some(*n),
        Action::Accuracy(n) => rule.accuracy = Some(*n),
        Action::Disruptive(d) => rule.disruptive = d.clone(),
        Action::Status(s) => rule.status = Some(*s),
        Action::Log(on) => {
            rule.log = *on;
            rule.audit = *on;
        }
        Action::AuditLog(on) => rule.audit = *on,
        Action::Skip(n) => rule.skip = Some(*n),
        Action::SkipAfter(name) => rule.skip_after = Some(name.clone()),
        Action::Sanitise(name) => rule.sanitise.push(name.clone()),
        _ => {}
    }
}

/// One condition with its effects.
fn link(
    raw: &RawRule,
    phase: u8,
    sources: &dyn crate::sources::Sources,
) -> Result<Link, LoadErrorKind> {
    let operator = raw
        .operator
        .as_ref()
        .map(|decl| operator::build(decl, &raw.folder, sources))
        .transpose()?;
    let mut link = Link {
        targets: raw.targets.clone(),
        operator,
        negated: raw.operator.as_ref().is_some_and(|o| o.negated),
        transforms: Vec::new(),
        capture: false,
        multi_match: false,
        effects: Vec::new(),
        gate: None,
        tx_regex: Vec::new(),
    };
    for action in raw.defaults[usize::from(phase) - 1]
        .iter()
        .chain(&raw.actions)
    {
        match action {
            Action::ClearTransforms => link.transforms.clear(),
            Action::Transform(t) => link.transforms.push(*t),
            Action::Capture => link.capture = true,
            Action::MultiMatch => link.multi_match = true,
            Action::SetVar(set) => link.effects.push(Effect::Set {
                var: set.var,
                key: Key::Open(set.key.clone()),
                op: match &set.op {
                    SetVarOp::Set(t) => SetOp::Set(t.clone()),
                    SetVarOp::Add(t) => SetOp::Add(t.clone()),
                    SetVarOp::Subtract(t) => SetOp::Subtract(t.clone()),
                    SetVarOp::Remove => SetOp::Remove,
                },
            }),
            Action::ExpireVar { var, key, seconds } => {
                link.effects.push(Effect::Expire {
                    var: *var,
                    key: key.clone(),
                    seconds: seconds.clone(),
                });
            }
            Action::DeprecateVar {
                var,
                key,
                amount,
                period,
            } => {
                link.effects.push(Effect::Deprecate {
                    var: *var,
                    key: key.clone(),
                    amount: *amount,
                    period: *period,
                });
            }
            Action::InitCol { var, key } => link.effects.push(Effect::InitCol {
                var: *var,
                key: key.clone(),
            }),
            Action::SetEnv { key, value } => link.effects.push(Effect::SetEnv {
                key: key.clone(),
                value: value.clone(),
            }),
            Action::Ctl(ctl) => link.effects.push(Effect::Ctl(ctl.clone(), Vec::new())),
            _ => {}
        }
    }
    if link.transforms.len() > MAX_TRANSFORMS {
        return Err(LoadErrorKind::value(
            "t",
            link.transforms.len().to_string(),
            "no more than 32 transformations",
        ));
    }
    Ok(link)
}

fn selected(select: &RuleSelect, rule: &Rule) -> bool {
    match select {
        RuleSelect::Ids(ranges) => ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&rule.id)),
        RuleSelect::Tag(tag) => rule.tags.iter().any(|t| t.fixed() == Some(tag.as_bytes())),
        RuleSelect::Msg(msg) => rule
            .msg
            .as_ref()
            .is_some_and(|m| m.fixed() == Some(msg.as_bytes())),
    }
}

fn removed_by_id(removals: &[RuleSelect], id: u64) -> bool {
    removals.iter().any(|select| match select {
        RuleSelect::Ids(ranges) => ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&id)),
        _ => false,
    })
}

fn update_targets(targets: &mut TargetList, list: &TargetList) {
    targets.exclude.extend(list.exclude.iter().cloned());
    for new in &list.include {
        if !targets.include.iter().any(|old| same(old, new)) {
            targets.include.push(new.clone());
        }
    }
}

fn same(a: &Target, b: &Target) -> bool {
    a.var == b.var && a.count == b.count && a.selector.same(&b.selector)
}

/// A chain has no more conditions than this.
const MAX_CHAIN: usize = 64;
/// A rule has no more transformations than this.
const MAX_TRANSFORMS: usize = 32;
