//! One event against the whole rule set: walk the event once, note the atoms that are true, look at the rules that they
//! wake.

use crate::atom::{AtomId, FieldId, Folded, Test, lower, lower_into, number, number_text, text};
use crate::compile::KEYWORDS;
use crate::event::{Event, Value};
use crate::plan::{FieldPlan, Parts, Plan, Seen};
use crate::rule::{Node, Rule};
use crate::sieve::Group;

/// Values of one event that are looked at; the rest is counted, not read.
const MAX_VALUES: usize = 10_000;
/// Values of one field that a comparison of two fields reads.
const MAX_COMPARED: usize = 64;
/// Memory for one text that is kept for the next.
const MAX_KEPT_TEXT: usize = 1 << 20;
/// No value.
const NONE: u32 = u32::MAX;

/// Memory that one thread reuses from event to event.
#[derive(Debug, Default)]
pub struct Scratch {
    turn: u32,
    fired: Vec<u32>,
    asked: Vec<u32>,
    answer: Vec<bool>,
    /// Values that a maybe-atom was asked about, so that a text full of its literal asks once.
    tried: Vec<u32>,
    value_turn: u32,
    woken: Vec<u32>,
    candidates: Vec<u32>,
    slots: Vec<Slot>,
    lowered: String,
    /// A text that isn't ASCII, lowered.
    folded: String,
    number: String,
    pub(crate) matched: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    turn: u32,
    head: u32,
    values: u32,
    list: bool,
    null: bool,
}

/// The values of one event that somebody may ask for again.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    values: Vec<(u32, Value<'a>)>,
    /// Values beyond the limit.
    pub(crate) unread: usize,
}

/// A set of rules that events of one source are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(pub(crate) Vec<u64>);

impl Route {
    pub(crate) fn has(&self, rule: u32) -> bool {
        self.0
            .get(rule as usize / 64)
            .is_some_and(|word| word >> (rule % 64) & 1 == 1)
    }
}

impl Scratch {
    fn begin(&mut self, plan: &Plan, rules: usize) {
        let atoms = plan.atoms.len();
        if self.fired.len() != atoms
            || self.woken.len() != rules
            || self.slots.len() != plan.fields.len()
            || self.turn == u32::MAX
            || self.value_turn > u32::MAX / 2
        {
            *self = Self {
                fired: vec![0; atoms],
                asked: vec![0; atoms],
                answer: vec![false; atoms],
                tried: vec![0; atoms],
                woken: vec![0; rules],
                slots: vec![Slot::default(); plan.fields.len()],
                ..Self::default()
            };
        }
        self.turn += 1;
        self.candidates.clear();
        self.matched.clear();
    }

    fn fire(&mut self, plan: &Plan, atom: AtomId) {
        let at = atom as usize;
        if self.fired[at] == self.turn {
            return;
        }
        self.fired[at] = self.turn;
        for &rule in &plan.wakes[at] {
            if self.woken[rule as usize] != self.turn {
                self.woken[rule as usize] = self.turn;
                self.candidates.push(rule);
            }
        }
    }

    /// `text` is ASCII, whose case the automaton doesn't mind, or lowered.
    fn scan(&mut self, plan: &Plan, parts: &Parts, text: &Folded<'_>, value: Value<'_>) {
        self.value_turn += 1;
        for found in parts.automaton.find_overlapping_iter(text.text()) {
            for &(seen, atom) in &parts.meaning[found.pattern().as_usize()] {
                if self.fired[atom as usize] == self.turn {
                    continue;
                }
                let holds = match seen {
                    Seen::Anywhere => true,
                    Seen::Maybe => {
                        let first = self.tried[atom as usize] != self.value_turn;
                        self.tried[atom as usize] = self.value_turn;
                        first && plan.atoms[atom as usize].test.holds_in(value, text)
                    }
                };
                if holds {
                    self.fire(plan, atom);
                }
            }
        }
    }

    /// Asks what a field's index and, for a text, that of keywords know; `text` as in [`Self::scan`].
    fn read(&mut self, plan: &Plan, field: Option<&FieldPlan>, value: Value<'_>, text: &str) {
        let keywords = &plan.fields[KEYWORDS as usize];
        let mut wanted = field.map_or(Group::NONE, |field| field.group);
        if matches!(value, Value::Text(_)) {
            wanted = wanted.with(keywords.group);
        }
        if wanted != Group::NONE {
            let held = plan.sieve.may_hold(text, wanted);
            if held != Group::NONE {
                let parts = field.and_then(|field| field.parts.as_ref());
                let text = Folded::new(text);
                for parts in [keywords.parts.as_ref(), parts].into_iter().flatten() {
                    if held.has(parts.group) {
                        self.scan(plan, parts, &text, value);
                    }
                }
            }
        }
        let Some(field) = field else { return };
        if field.exact.may_have(text) {
            let mut lowered = std::mem::take(&mut self.lowered);
            for &atom in field.exact.get(text, &mut lowered) {
                self.fire(plan, atom);
            }
            self.lowered = lowered;
        }
        if let Some(starts) = &field.starts {
            starts.walk(text.bytes(), |atom| self.fire(plan, atom));
        }
        if let Some(ends) = &field.ends {
            ends.walk(text.bytes().rev(), |atom| self.fire(plan, atom));
        }
    }

    /// Walks the event.
    fn walk<'a, E: Event + ?Sized>(&mut self, plan: &Plan, event: &'a E) -> Kept<'a> {
        let mut kept = Kept {
            values: Vec::new(),
            unread: 0,
        };
        let keywords = &plan.fields[KEYWORDS as usize];
        let reads_all = keywords.parts.is_some();
        let mut seen = 0;
        event.visit(&mut |path, value| {
            seen += 1;
            if seen > MAX_VALUES {
                kept.unread += 1;
                return;
            }
            let known = plan.by_name.get(path);
            let field = known.map(|id| &plan.fields[id as usize]);
            if let Some(atom) = field.and_then(|field| field.present) {
                self.fire(plan, atom);
            }
            let reads = field.filter(|field| field.reads_text);
            match value {
                Value::Text(text) => {
                    if reads_all || reads.is_some() {
                        if text.is_ascii() {
                            self.read(plan, reads, value, text);
                        } else {
                            let mut folded = std::mem::take(&mut self.folded);
                            lower_into(text, &mut folded);
                            self.read(plan, reads, value, &folded);
                            if folded.capacity() <= MAX_KEPT_TEXT {
                                self.folded = folded;
                            }
                        }
                    }
                    if keywords.keeps {
                        self.keep(KEYWORDS, value, &mut kept);
                    }
                }
                Value::Bool(truth) if reads.is_some() => {
                    self.read(plan, reads, value, if truth { "true" } else { "false" });
                }
                Value::Int(_) | Value::Float(_) if reads.is_some() => {
                    let mut digits = std::mem::take(&mut self.number);
                    if number_text(value, &mut digits) {
                        self.read(plan, reads, value, &digits);
                    }
                    self.number = digits;
                }
                _ => {}
            }
            if let (Some(id), Some(field)) = (known, field) {
                if !field.numbers.is_empty()
                    && let Some(number) = number(value)
                    && let Some(atoms) = field.numbers.get(&(number + 0.0).to_bits())
                {
                    for &atom in atoms {
                        self.fire(plan, atom);
                    }
                }
                if field.keeps {
                    self.keep(id, value, &mut kept);
                }
            }
        });
        kept
    }

    fn keep<'a>(&mut self, field: FieldId, value: Value<'a>, kept: &mut Kept<'a>) {
        let slot = &mut self.slots[field as usize];
        if slot.turn != self.turn {
            *slot = Slot {
                turn: self.turn,
                head: NONE,
                ..Slot::default()
            };
        }
        match value {
            Value::List => slot.list = true,
            Value::Object => {}
            value => {
                slot.null = value == Value::Null;
                slot.values += 1;
                let at = u32::try_from(kept.values.len()).unwrap_or(NONE);
                kept.values.push((slot.head, value));
                slot.head = at;
            }
        }
    }

    /// Values of a field, the last first.
    pub(crate) fn values<'a, 'k>(
        &self,
        field: FieldId,
        kept: &'k Kept<'a>,
    ) -> impl Iterator<Item = Value<'a>> + use<'a, 'k> {
        let slot = self.slots[field as usize];
        let mut at = if slot.turn == self.turn {
            slot.head
        } else {
            NONE
        };
        std::iter::from_fn(move || {
            let (next, value) = *kept.values.get(at as usize)?;
            at = next;
            Some(value)
        })
    }

    fn holds(&mut self, plan: &Plan, id: AtomId, kept: &Kept<'_>) -> bool {
        let at = id as usize;
        let atom = &plan.atoms[at];
        if atom.indexed {
            return self.fired[at] == self.turn;
        }
        if self.asked[at] == self.turn {
            return self.answer[at];
        }
        let slot = self.slots[atom.field as usize];
        let present = slot.turn == self.turn;
        let null = present && !slot.list && slot.values == 1 && slot.null;
        let answer = match &atom.test {
            Test::Null => !present || null,
            // Presence alone, whatever the value (specification, modifier `exists`).
            Test::Exists | Test::Present => present,
            Test::FieldRef { other, op, cased } => self
                .values(atom.field, kept)
                .take(MAX_COMPARED)
                .filter_map(text)
                .any(|a| {
                    self.values(*other, kept)
                        .take(MAX_COMPARED)
                        .filter_map(text)
                        .any(|b| {
                            if *cased {
                                op.holds(&a, &b)
                            } else {
                                op.holds(&lower(&a), &lower(&b))
                            }
                        })
                }),
            test => self.values(atom.field, kept).any(|value| test.holds(value)),
        };
        self.asked[at] = self.turn;
        self.answer[at] = answer;
        answer
    }

    fn node(&mut self, plan: &Plan, node: &Node, kept: &Kept<'_>) -> bool {
        match node {
            Node::Atom(id) => self.holds(plan, *id, kept),
            Node::Not(inner) => !self.node(plan, inner, kept),
            Node::All(all) => all.iter().all(|inner| self.node(plan, inner, kept)),
            Node::Any(any) => any.iter().any(|inner| self.node(plan, inner, kept)),
            Node::AtLeast(count, any) => {
                let mut held = 0;
                any.iter().any(|inner| {
                    held += usize::from(self.node(plan, inner, kept));
                    held >= *count
                })
            }
            Node::True => true,
        }
    }

    /// Leaves the numbers of the rules that match in `matched`, in their order.
    pub(crate) fn matches<'a, E: Event + ?Sized>(
        &mut self,
        plan: &Plan,
        rules: &[Rule],
        event: &'a E,
        route: Option<&Route>,
    ) -> Kept<'a> {
        self.begin(plan, rules.len());
        let kept = self.walk(plan, event);
        let candidates = std::mem::take(&mut self.candidates);
        for &rule in candidates.iter().chain(&plan.always) {
            if route.is_none_or(|route| route.has(rule))
                && self.node(plan, &rules[rule as usize].condition, &kept)
            {
                self.matched.push(rule);
            }
        }
        self.candidates = candidates;
        self.matched.sort_unstable();
        kept
    }

    /// Atoms that are true and stand where their truth makes the condition true.
    pub(crate) fn reasons(
        &mut self,
        plan: &Plan,
        node: &Node,
        kept: &Kept<'_>,
        out: &mut Vec<AtomId>,
    ) {
        match node {
            Node::Atom(id) => {
                if self.holds(plan, *id, kept) && !out.contains(id) {
                    out.push(*id);
                }
            }
            Node::All(all) => {
                for inner in all {
                    self.reasons(plan, inner, kept, out);
                }
            }
            Node::Any(any) | Node::AtLeast(_, any) => {
                for inner in any {
                    if self.node(plan, inner, kept) {
                        self.reasons(plan, inner, kept, out);
                    }
                }
            }
            Node::Not(_) | Node::True => {}
        }
    }
}
