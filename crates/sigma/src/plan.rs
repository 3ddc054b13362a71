//! The index of a rule set: what is looked for in each field by all rules together, and for each rule the few atoms of
//! which one must be seen before the rule is looked at.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::atom::{AtomId, FieldId, NumberOp, Test, TextOp};
use crate::compile::{Atoms, KEYWORDS};
use crate::ends::Ends;
use crate::error::LoadErrorKind;
use crate::names::Names;
use crate::rule::{Node, Rule};
use crate::sieve::{Group, Sieve};

/// Fast hashing for maps whose keys come from rules, never from events.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The index.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) by_name: Names,
    pub(crate) names: Vec<Box<str>>,
    pub(crate) fields: Vec<FieldPlan>,
    /// What a text is asked before any automaton.
    pub(crate) sieve: Sieve,
    pub(crate) atoms: Vec<Atom>,
    /// Rules that are looked at when this atom was seen, by atom.
    pub(crate) wakes: Vec<Vec<u32>>,
    /// Rules that are looked at for every event.
    pub(crate) always: Vec<u32>,
}

/// An atom in the index.
#[derive(Debug)]
pub(crate) struct Atom {
    pub(crate) field: FieldId,
    pub(crate) test: Test,
    /// Whether the walk over the event decides it; otherwise it is answered when a rule asks.
    pub(crate) indexed: bool,
}

/// What is asked of one field.
#[derive(Debug, Default)]
pub(crate) struct FieldPlan {
    /// Atom that is true when the field is there.
    pub(crate) present: Option<AtomId>,
    pub(crate) exact: Exact,
    /// What a text begins with, and what it ends with.
    pub(crate) starts: Option<Ends>,
    pub(crate) ends: Option<Ends>,
    pub(crate) parts: Option<Parts>,
    pub(crate) numbers: FastMap<u64, Vec<AtomId>>,
    /// Whether values are kept for atoms that are answered later.
    pub(crate) keeps: bool,
    /// Whether anything above but `numbers` is asked.
    pub(crate) reads_text: bool,
    /// The bit of `parts` in the sieve.
    pub(crate) group: Group,
}

/// Whole texts, lowered.
#[derive(Debug, Default)]
pub(crate) struct Exact {
    texts: FastMap<Box<str>, Vec<AtomId>>,
    /// By first byte, which lengths there are: bit *n* for *n* bytes, the last bit for all that are longer.
    lengths: Option<Box<[u64; 256]>>,
}

/// Literals that are looked for inside a text.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) automaton: AhoCorasick,
    /// The literals' bit of the sieve, which is asked before the automaton.
    pub(crate) group: Group,
    /// By pattern: what it means to see it.
    pub(crate) meaning: Vec<Vec<(Seen, AtomId)>>,
}

/// What it means to see a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Anywhere,
    /// The atom may be true: ask it.
    Maybe,
}

impl Plan {
    /// `wanted` are fields that correlations read.
    pub(crate) fn build(
        atoms: Atoms,
        rules: &[Rule],
        wanted: &[FieldId],
    ) -> Result<Self, LoadErrorKind> {
        let Atoms {
            fields: names,
            list,
            ..
        } = atoms;
        let mut fields: Vec<FieldPlan> = names.iter().map(|_| FieldPlan::default()).collect();
        let mut literals: Vec<Literals> = names.iter().map(|_| Literals::default()).collect();
        let mut plan_atoms = Vec::with_capacity(list.len());
        for (id, (field, test)) in list.into_iter().enumerate() {
            let id = AtomId::try_from(id).unwrap_or(AtomId::MAX);
            let here = &mut fields[field as usize];
            let mut indexed = true;
            match &test {
                Test::Text(text) => {
                    let lowered = text.literal.to_lowercase();
                    let literals = &mut literals[field as usize];
                    if text.literal.is_empty() && (text.cased || text.op != TextOp::Exact) {
                        indexed = false;
                    } else if text.cased {
                        // Found by its lowered form, then asked about the case.
                        literals.parts.push((lowered, Seen::Maybe, id));
                    } else {
                        match text.op {
                            TextOp::Exact => here.exact.add(lowered, id),
                            TextOp::Contains => literals.parts.push((lowered, Seen::Anywhere, id)),
                            TextOp::Prefix => literals.starts.push((lowered.into_bytes(), id)),
                            TextOp::Suffix => {
                                literals.ends.push((lowered.bytes().rev().collect(), id));
                            }
                        }
                    }
                }
                Test::Regex { regex, lowered } => match literal_of(regex.as_str()) {
                    Some(literal) if *lowered => {
                        literals[field as usize]
                            .parts
                            .push((literal, Seen::Maybe, id));
                    }
                    _ => indexed = false,
                },
                Test::Number(NumberOp::Eq, number) => {
                    here.numbers
                        .entry((number + 0.0).to_bits())
                        .or_default()
                        .push(id);
                }
                Test::Present => here.present = Some(id),
                Test::FieldRef { other, .. } => {
                    indexed = false;
                    fields[*other as usize].keeps = true;
                }
                Test::Cidr(_)
                | Test::Number(..)
                | Test::Bool(_)
                | Test::Null
                | Test::Exists
                | Test::Time(..) => indexed = false,
            }
            if !indexed {
                fields[field as usize].keeps = true;
            }
            plan_atoms.push(Atom {
                field,
                test,
                indexed,
            });
        }
        for &field in wanted {
            fields[field as usize].keeps = true;
        }
        let mut sieve = Sieve::new();
        let mut searched = 0;
        for (number, (field, literals)) in fields.iter_mut().zip(literals).enumerate() {
            let group = if number == KEYWORDS as usize {
                Group::KEYWORDS
            } else {
                Group::of_field(searched)
            };
            searched += usize::from(!literals.parts.is_empty());
            field.parts = Parts::build(literals.parts, group, &mut sieve)?;
            field.group = field
                .parts
                .as_ref()
                .map_or(Group::NONE, |parts| parts.group);
            field.starts = Ends::build(literals.starts);
            field.ends = Ends::build(literals.ends);
            field.reads_text = field.exact.lengths.is_some()
                || field.starts.is_some()
                || field.ends.is_some()
                || field.parts.is_some();
        }

        let mut plan = Self {
            by_name: Names::new(
                names
                    .iter()
                    .enumerate()
                    .skip(1)
                    .map(|(id, name)| (name.as_str(), id as FieldId)),
            ),
            sieve,
            names: names.into_iter().map(Into::into).collect(),
            fields,
            atoms: plan_atoms,
            wakes: Vec::new(),
            always: Vec::new(),
        };
        for (number, rule) in rules.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            match plan.cover(&rule.condition) {
                Some((_, mut atoms)) => {
                    atoms.sort_unstable();
                    atoms.dedup();
                    for atom in atoms {
                        let atom = atom as usize;
                        if plan.wakes.len() <= atom {
                            plan.wakes.resize(atom + 1, Vec::new());
                        }
                        plan.wakes[atom].push(number);
                    }
                }
                None => plan.always.push(number),
            }
        }
        plan.wakes.resize(plan.atoms.len(), Vec::new());
        Ok(plan)
    }

    /// Atoms of which one is true whenever the condition is, and how often that is thought to happen; `None` when the
    /// condition can hold without any.
    fn cover(&mut self, node: &Node) -> Option<(f64, Vec<AtomId>)> {
        match node {
            Node::Atom(id) => {
                let atom = &self.atoms[*id as usize];
                if atom.indexed {
                    let cost = atom.test.likely() * if atom.field == KEYWORDS { 4.0 } else { 1.0 };
                    return Some((cost, vec![*id]));
                }
                if matches!(atom.test, Test::Null) || atom.field == KEYWORDS {
                    return None;
                }
                let field = atom.field;
                Some((0.9, vec![self.present(field)]))
            }
            Node::Not(_) | Node::True => None,
            Node::All(all) => {
                let mut best: Option<(f64, Vec<AtomId>)> = None;
                for inner in all {
                    if let Some(found) = self.cover(inner)
                        && best.as_ref().is_none_or(|best| found.0 < best.0)
                    {
                        best = Some(found);
                    }
                }
                best
            }
            Node::Any(any) | Node::AtLeast(_, any) => {
                let mut sum = (0.0, Vec::new());
                for inner in any {
                    let (cost, atoms) = self.cover(inner)?;
                    sum.0 += cost;
                    sum.1.extend(atoms);
                }
                Some(sum)
            }
        }
    }

    fn present(&mut self, field: FieldId) -> AtomId {
        if let Some(id) = self.fields[field as usize].present {
            return id;
        }
        let id = AtomId::try_from(self.atoms.len()).unwrap_or(AtomId::MAX);
        self.atoms.push(Atom {
            field,
            test: Test::Present,
            indexed: true,
        });
        self.fields[field as usize].present = Some(id);
        id
    }
}

/// The literals of a field, by where they have to stand.
#[derive(Debug, Default)]
struct Literals {
    parts: Vec<(String, Seen, AtomId)>,
    starts: Vec<(Vec<u8>, AtomId)>,
    ends: Vec<(Vec<u8>, AtomId)>,
}

impl Exact {
    fn add(&mut self, text: String, atom: AtomId) {
        let lengths = self.lengths.get_or_insert_with(|| Box::new([0; 256]));
        lengths[usize::from(first(&text))] |= length_bit(&text);
        self.texts.entry(text.into()).or_default().push(atom);
    }

    /// Whether a text of this length and this first byte is there.
    pub(crate) fn may_have(&self, text: &str) -> bool {
        self.lengths
            .as_ref()
            .is_some_and(|lengths| lengths[usize::from(first(text))] & length_bit(text) != 0)
    }

    /// The atoms of a text in any ASCII case; `lowered` is memory to work in.
    pub(crate) fn get(&self, text: &str, lowered: &mut String) -> &[AtomId] {
        lowered.clear();
        lowered.push_str(text);
        lowered.make_ascii_lowercase();
        self.texts.get(lowered.as_str()).map_or(&[], Vec::as_slice)
    }
}

fn first(text: &str) -> u8 {
    text.as_bytes().first().map_or(0, u8::to_ascii_lowercase)
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

impl Parts {
    fn build(
        literals: Vec<(String, Seen, AtomId)>,
        group: Group,
        sieve: &mut Sieve,
    ) -> Result<Option<Self>, LoadErrorKind> {
        if literals.is_empty() {
            return Ok(None);
        }
        let mut patterns: Vec<String> = Vec::new();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut meaning: Vec<Vec<(Seen, AtomId)>> = Vec::new();
        for (literal, seen, atom) in literals {
            let number = *numbers.entry(literal.clone()).or_insert_with(|| {
                patterns.push(literal);
                meaning.push(Vec::new());
                patterns.len() - 1
            });
            meaning[number].push((seen, atom));
        }
        let bytes: usize = patterns.iter().map(String::len).sum();
        let kind = if bytes < DFA_BYTES {
            AhoCorasickKind::DFA
        } else {
            AhoCorasickKind::ContiguousNFA
        };
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .kind(Some(kind))
            .build(&patterns)
            .map_err(|error| LoadErrorKind::Parse(format!("literals of a field: {error}")))?;
        for pattern in &patterns {
            sieve.add(pattern, group);
        }
        Ok(Some(Self {
            automaton,
            group,
            meaning,
        }))
    }
}

/// Literals of a field above which the smaller, slower automaton is used.
const DFA_BYTES: usize = 200_000;

impl Test {
    /// A guess how often an event answers yes, to choose what wakes a rule: the longer a literal, the rarer.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    fn likely(&self) -> f64 {
        match self {
            // Whole values are words of an enumeration (GET, create): short ones are common.
            Self::Text(text) if text.op == TextOp::Exact => {
                if text.literal.len() <= 8 {
                    0.4
                } else {
                    0.02
                }
            }
            Self::Text(text) => 0.35_f64.powi(text.literal.len().min(24) as i32),
            Self::Regex { regex, .. } => {
                let length = literal_of(regex.as_str()).map_or(0, |literal| literal.len().min(24));
                0.35_f64.powi(length as i32)
            }
            Self::Number(..) => 0.3,
            _ => 0.9,
        }
    }
}

/// The longest run of plain characters in a pattern that this crate wrote for wildcards: `^`, `$`, `.`, `.*`, classes and
/// escapes only. Of any other pattern, nothing.
fn literal_of(pattern: &str) -> Option<String> {
    let mut best = String::new();
    let mut run = String::new();
    let mut chars = pattern.chars();
    let mut close = |run: &mut String| {
        if run.len() > best.len() {
            best.clone_from(run);
        }
        run.clear();
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c) if !c.is_ascii_alphanumeric() => run.push(c),
                _ => return None,
            },
            '^' | '$' | '.' | '*' => close(&mut run),
            '[' => {
                close(&mut run);
                for c in chars.by_ref() {
                    if c == ']' {
                        break;
                    }
                }
            }
            '(' | ')' | '|' | '+' | '?' | '{' | '}' | ']' => return None,
            c => run.push(c),
        }
    }
    close(&mut run);
    (best.len() > 1).then_some(best)
}
