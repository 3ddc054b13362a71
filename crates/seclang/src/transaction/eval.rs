//! Rules, one after the other: the exact way, which both strategies share.

use super::text::printable;
use super::{Allow, Item, Transaction};
use crate::collections::TxValue;
use crate::operator::Operator;
use crate::parse::Disruptive;
use crate::plan::{ScanState, Test};
use crate::report::{Intervention, InterventionAction, RuleMatch, explain};
use crate::rule::{Gate, GateArg, Link, Rule};
use crate::settings::Mode;
use crate::values::ValueId;
use crate::variable::Var;

impl Transaction<'_> {
    /// Runs the rules of a phase, unless something has already decided.
    pub(super) fn run_phase(&mut self, phase: u8) {
        let skip = match self.allow {
            Allow::Nothing => false,
            Allow::Request => phase <= 2,
            Allow::Everything => phase != 5,
        };
        if self.mode == Mode::Off
            || skip
            || (self.intervention.is_some() && phase != 5)
            || self.phase_done >= phase
        {
            return;
        }
        self.phase_done = phase;
        if std::mem::take(&mut self.parked) {
            self.scan = Some(self.rules.plan.take_state());
        }
        let rules = self.rules;
        let list = rules.plan.steps(phase);
        if let Some(scan) = &mut self.scan {
            scan.start_phase();
        }
        let mut at = 0;
        while at < list.len() {
            let step = &list[at];
            let index = step.rule;
            at += 1;
            if self.removed[index as usize / 64] >> (index % 64) & 1 == 1 {
                continue;
            }
            match &step.test {
                Test::Gate(gate) => {
                    if self.scan.is_some() && !self.gate_opens(*gate) {
                        continue;
                    }
                }
                Test::Group(group, number) => {
                    if self.scan.is_some() && !self.may_match(*group, *number) {
                        continue;
                    }
                }
                Test::Exact => {}
            }
            let rule = &rules.rules[index as usize];
            let Some(refuted) = self.run_rule(index, rule) else {
                continue;
            };
            if let Some(to) = rule.skip_to {
                at = to;
            } else if let Some(n) = rule.skip {
                at += n as usize;
            }
            let stands = self.exact()
                || phase > 2
                || !is_stopping(&rule.disruptive)
                || self.stands(rule, refuted);
            if stands && self.decide(rule, phase) {
                break;
            }
        }
        if self.values.exhausted() {
            self.exhausted(phase);
        }
    }

    fn gate_opens(&self, gate: Gate) -> bool {
        let value = self.tx.fixed(gate.slot);
        let left = if gate.count {
            i64::from(value.is_some())
        } else {
            match value {
                Some(value) => crate::operator::number(value),
                None => return false,
            }
        };
        let right = match gate.against {
            GateArg::Number(n) => n,
            GateArg::Slot(slot) => self.tx.fixed(slot).map_or(0, crate::operator::number),
        };
        gate.order.holds(left, right) != gate.negated
    }

    /// All links of a rule; when the last one holds, whether the second judgement says that the values are nothing.
    fn run_rule(&mut self, index: u32, rule: &Rule) -> Option<bool> {
        let mut first = Vec::new();
        for (at, link) in rule.links.iter().enumerate() {
            if !self.run_link(index, at, link) {
                return None;
            }
            if at == 0 && rule.links.len() > 1 && !self.exact() {
                first.clone_from(&self.matched);
            }
        }
        let refuted = !self.exact() && rule.phase <= 2 && self.weigh(rule, &first);
        if let Some(severity) = rule.severity {
            self.highest_severity =
                Some(self.highest_severity.map_or(severity, |h| h.min(severity)));
        }
        self.sanitise.extend(rule.sanitise.iter().take(64).cloned());
        if rule.log || (self.mode == Mode::On && is_stopping(&rule.disruptive)) {
            self.tell(rule, refuted);
        }
        Some(refuted)
    }

    fn run_link(&mut self, index: u32, at: usize, link: &Link) -> bool {
        let Some(operator) = &link.operator else {
            self.matched.clear();
            self.apply_effects(link);
            return true;
        };
        if at == 0
            && self.scan.is_some()
            && let Some(gate) = link.gate
        {
            // The gate is open, or this would not run: the link holds.
            return self.pass_gate(gate, link);
        }
        let mut items = self.spare.pop().unwrap_or_default();
        items.clear();
        self.collect(index, link, &mut items);
        let argument = match operator.argument() {
            Some(template) if !items.is_empty() => self.expand(template),
            _ => Vec::new(),
        };
        let mut found = self.spare.pop().unwrap_or_default();
        found.clear();
        for item in items.drain(..) {
            let mut value = item.value;
            if link.multi_match {
                // Each stage of the chain that changes something is judged on its own.
                self.judge_known(index, at, link, &argument, item, &mut found);
                for t in &link.transforms {
                    let next = self.values.step(value, *t);
                    if next != value {
                        value = next;
                        let item = Item { value, ..item };
                        self.judge_known(index, at, link, &argument, item, &mut found);
                    }
                }
            } else {
                value = self.values.transform(value, &link.transforms);
                let item = Item { value, ..item };
                self.judge_known(index, at, link, &argument, item, &mut found);
            }
        }
        let holds = !found.is_empty();
        self.spare.push(std::mem::replace(&mut self.matched, found));
        self.spare.push(items);
        holds
    }

    fn pass_gate(&mut self, gate: Gate, link: &Link) -> bool {
        let name = self.values.add(self.rules.tx_names.name(gate.slot));
        let value = match (gate.count, self.tx.fixed(gate.slot)) {
            (true, Some(_)) => self.one,
            (true, None) => self.zero,
            (false, value) => self.values.add(value.unwrap_or_default()),
        };
        let item = Item {
            var: Var::Tx,
            key: name,
            value,
        };
        self.matched_one = Some(item);
        self.matched.clear();
        self.matched.push(item);
        self.apply_effects(link);
        true
    }

    /// Judges a value, unless the scan or the memory of words has already shown that it doesn't match.
    fn judge_known(
        &mut self,
        index: u32,
        at: usize,
        link: &Link,
        argument: &[u8],
        item: Item,
        found: &mut Vec<Item>,
    ) {
        let Some(operator) = &link.operator else {
            return;
        };
        if let Some(scan) = &mut self.scan {
            let plain = matches!(operator, Operator::DetectSqli)
                && !link.negated
                && scan.words.harmless(self.values.get(item.value));
            if plain || (at == 0 && scan.known_miss(&self.rules.plan, index, item.value)) {
                return;
            }
        }
        self.judge(link, operator, argument, item, found);
    }

    fn judge(
        &mut self,
        link: &Link,
        operator: &Operator,
        argument: &[u8],
        item: Item,
        found: &mut Vec<Item>,
    ) {
        let mut captures = std::mem::take(&mut self.captures);
        captures.clear();
        let want = link.capture && !link.negated;
        let hit = operator.matches(
            self.values.get(item.value),
            argument,
            want.then_some(&mut captures),
        );
        if hit != link.negated {
            if want {
                for slot in 0..10u32 {
                    self.tx
                        .set_fixed(slot, captures.get(slot as usize).map(|c| TxValue::new(c)));
                }
            }
            self.matched_one = Some(item);
            found.push(item);
            self.apply_effects(link);
        }
        self.captures = captures;
    }

    /// Keeps a report of a rule that matched.
    fn tell(&mut self, rule: &Rule, refuted: bool) {
        if self.matches.len() >= MAX_MATCHES {
            self.dropped_matches += 1;
            return;
        }
        let message = rule
            .msg
            .as_ref()
            .map(|t| self.expand(t))
            .unwrap_or_default();
        let data = rule
            .logdata
            .as_ref()
            .map(|t| self.expand(t))
            .unwrap_or_default();
        let tags = rule
            .tags
            .iter()
            .map(|t| String::from_utf8_lossy(&self.expand(t)).into_owned())
            .collect();
        let (variable, value) = match self.matched_one {
            Some(item) => (
                printable(&self.item_name(item), MAX_NAME),
                printable(self.values.get(item.value), MAX_TEXT),
            ),
            None => (String::new(), String::new()),
        };
        self.matches.push(RuleMatch {
            id: rule.id,
            phase: rule.phase,
            message: printable(&message, MAX_TEXT),
            data: printable(&data, MAX_TEXT),
            severity: rule.severity,
            tags,
            version: rule.ver.clone().unwrap_or_default(),
            revision: rule.rev.clone().unwrap_or_default(),
            variable,
            value,
            source: rule.span.to_string(),
            audit: rule.audit,
            disruptive: self.mode == Mode::On && is_stopping(&rule.disruptive),
            refuted,
        });
    }

    /// What the rule asks for; true when the phase ends here.
    fn decide(&mut self, rule: &Rule, phase: u8) -> bool {
        if self.mode != Mode::On {
            return false;
        }
        let (action, status) = match &rule.disruptive {
            Disruptive::Pass | Disruptive::Block => return false,
            Disruptive::AllowPhase => return true,
            Disruptive::AllowRequest => {
                self.allow = Allow::Request;
                return true;
            }
            Disruptive::Allow => {
                self.allow = Allow::Everything;
                return true;
            }
            Disruptive::Deny => (InterventionAction::Deny, rule.status.unwrap_or(403)),
            Disruptive::Drop => (InterventionAction::Drop, rule.status.unwrap_or(403)),
            Disruptive::Redirect(to) => {
                let to = self.expand(to);
                let status = rule
                    .status
                    .filter(|s| matches!(s, 301 | 302 | 303 | 307 | 308))
                    .unwrap_or(302);
                (
                    InterventionAction::Redirect(String::from_utf8_lossy(&to).into_owned()),
                    status,
                )
            }
        };
        if phase == 5 {
            return false;
        }
        let score = self.score();
        // The deciding rule often only adds up; the strongest match says what was seen.
        let strongest = self
            .matches
            .iter()
            .filter(|m| !m.disruptive && !m.refuted && m.severity.is_some())
            .min_by_key(|m| m.severity);
        let own = self.matches.last().filter(|m| m.id == rule.id);
        let shown = strongest.or(own);
        let class = shown.map_or("other", RuleMatch::class).to_owned();
        let (explanation, explanation_zh) = explain(&class, rule.id, phase, score, shown);
        let severity = shown
            .and_then(|m| m.severity)
            .or(rule.severity)
            .unwrap_or(2);
        self.intervention = Some(Intervention {
            action,
            status,
            rule: rule.id,
            class,
            severity,
            score,
            explanation,
            explanation_zh,
        });
        true
    }

    /// Too many values: nothing can be said for sure, so the message is refused.
    fn exhausted(&mut self, phase: u8) {
        self.limit("value budget");
        if self.mode == Mode::On && self.intervention.is_none() && phase != 5 {
            self.refuse(
                413,
                "the message unfolds into more data than may be inspected",
            );
        }
    }

    /// Stops the message because of a limit.
    pub(super) fn refuse(&mut self, status: u16, why: &str) {
        self.intervention = Some(Intervention {
            action: InterventionAction::Deny,
            status,
            rule: 0,
            class: "limit".to_owned(),
            severity: 3,
            score: self.score(),
            explanation: format!("The message was stopped because {why}."),
            explanation_zh: format!("报文超出检查限度，已拦截（{why}）。"),
        });
    }

    /// Asks the automata whether a rule can match at all.
    fn may_match(&mut self, group: u32, number: u32) -> bool {
        let rules = self.rules;
        let Some(mut scan) = self.scan.take() else {
            return true;
        };
        if scan.begin(&rules.plan, group) {
            let mut items = self.spare.pop().unwrap_or_default();
            let mut active: Vec<usize> = Vec::new();
            for target in rules.plan.targets(group) {
                items.clear();
                self.first_items(target.var, &target.names, &mut items);
                // Neighbours often have the same byte classes: the chains that can change them are the same, too.
                let mut known = None;
                let mut plain = 0;
                for item in &items {
                    let classes = self.values.classes(item.value);
                    if known != Some(classes) {
                        known = Some(classes);
                        active.clear();
                        plain = 0;
                        for (at, chain) in target.chains.iter().enumerate() {
                            if classes & chain.mask == 0 {
                                plain |= chain.what;
                            } else {
                                active.push(at);
                            }
                        }
                    }
                    self.scan_value(group, plain, item.value, &mut scan);
                    for chain in active.iter().map(|at| &target.chains[*at]) {
                        let value = self.values.transform(item.value, &chain.transforms);
                        self.scan_value(group, chain.what, value, &mut scan);
                    }
                }
            }
            scan.seal(group);
            self.spare.push(items);
        }
        let may = scan.candidate(group, number);
        self.scan = Some(scan);
        may
    }

    fn scan_value(&mut self, group: u32, what: u8, id: ValueId, scan: &mut ScanState) {
        let fresh = self.values.mark_scanned(id, group, what);
        if fresh != 0 {
            let value = self.values.get(id);
            self.rules.plan.scan(group, fresh, id, value, scan);
        }
    }

    fn first_items(&mut self, var: Var, names: &[Box<[u8]>], out: &mut Vec<Item>) {
        if names.is_empty() {
            self.first_of(var, None, out);
        }
        for name in names {
            self.first_of(var, Some(name), out);
        }
    }
}

fn is_stopping(action: &Disruptive) -> bool {
    matches!(
        action,
        Disruptive::Deny | Disruptive::Drop | Disruptive::Redirect(_)
    )
}

/// No transaction tells of more matches than this.
const MAX_MATCHES: usize = 512;
/// Texts in reports are cut after so many bytes.
const MAX_TEXT: usize = 1024;
const MAX_NAME: usize = 256;
