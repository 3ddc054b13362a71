//! The small language that triggers are written in: typed, finite, three-valued.

use serde::{Deserialize, Serialize};

use crate::facts::FactBase;
use crate::facts::catalogue::{self, Derived, Known};
use crate::text::{Text, figure};

/// A condition over facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expr {
    /// Every part holds.
    All(Vec<Self>),
    /// At least one part holds.
    Any(Vec<Self>),
    /// The part does not hold.
    Not(Box<Self>),
    /// A flag is yes.
    Is(String),
    /// A number reaches a threshold ("以上" includes the number itself).
    AtLeast(Threshold),
    /// A number exceeds a threshold.
    Above(Threshold),
    /// A set contains a word.
    Has(Member),
    /// Always this.
    Always(bool),
}

/// A number to compare with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The fact.
    pub fact: String,
    /// The number, in the fact's unit.
    pub value: u64,
}

/// A word to find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The fact.
    pub fact: String,
    /// The word.
    pub value: String,
}

/// Yes, no, or not enough known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// A fact is missing.
    Unknown,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// One comparison that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The fact.
    pub fact: String,
    /// Its label.
    pub label: Text,
    /// Its value, in words; empty when unknown.
    pub value: String,
    /// Whether the comparison holds.
    pub truth: Truth,
    /// Whether the condition wants it to hold.
    pub wanted: bool,
    /// What was found, in words.
    pub said: Text,
    /// What would turn it round, in words.
    pub turn: Text,
    /// Fields that are missing.
    pub missing: Vec<String>,
}

/// The outcome, with the comparisons that decided it and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Yes, no, unknown.
    pub truth: Truth,
    /// Why.
    pub decided_by: Vec<Decision>,
}

impl Expr {
    /// Evaluates over facts.
    pub fn eval(&self, facts: &FactBase, derived: &Derived) -> Outcome {
        self.walk(facts, derived, true)
    }

    /// Names a fact that does not exist or has another type, or a tree that is too deep.
    pub fn check(&self) -> Result<(), String> {
        self.check_at(0)
    }

    fn check_at(&self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        let want = |fact: &str, shape: &str| match catalogue::shape(fact) {
            None => Err(format!("there is no fact `{fact}`")),
            Some(s) if s != shape => {
                Err(format!("fact `{fact}` is a {s}, here it must be a {shape}"))
            }
            Some(_) => Ok(()),
        };
        match self {
            Self::All(parts) | Self::Any(parts) => {
                if parts.is_empty() {
                    return Err("an empty list of conditions".into());
                }
                parts.iter().try_for_each(|p| p.check_at(depth + 1))
            }
            Self::Not(part) => part.check_at(depth + 1),
            Self::Is(fact) => want(fact, "flag"),
            Self::AtLeast(t) | Self::Above(t) => want(&t.fact, "number"),
            Self::Has(m) => want(&m.fact, "set"),
            Self::Always(_) => Ok(()),
        }
    }

    fn walk(&self, facts: &FactBase, derived: &Derived, wanted: bool) -> Outcome {
        match self {
            Self::All(parts) => join(
                parts.iter().map(|p| p.walk(facts, derived, wanted)),
                Truth::False,
            ),
            Self::Any(parts) => join(
                parts.iter().map(|p| p.walk(facts, derived, wanted)),
                Truth::True,
            ),
            Self::Not(part) => {
                let o = part.walk(facts, derived, !wanted);
                Outcome {
                    truth: o.truth.not(),
                    decided_by: o.decided_by,
                }
            }
            Self::Always(v) => Outcome {
                truth: if *v { Truth::True } else { Truth::False },
                decided_by: vec![],
            },
            Self::Is(fact) => leaf(fact, facts, derived, wanted, Leaf::Is),
            Self::AtLeast(t) => leaf(&t.fact, facts, derived, wanted, Leaf::Number(t.value, true)),
            Self::Above(t) => leaf(
                &t.fact,
                facts,
                derived,
                wanted,
                Leaf::Number(t.value, false),
            ),
            Self::Has(m) => leaf(&m.fact, facts, derived, wanted, Leaf::Has(&m.value)),
        }
    }
}

enum Leaf<'a> {
    Is,
    Number(u64, bool),
    Has(&'a str),
}

/// `decider` is the truth that settles the whole alone: false for *all*, true for *any*.
fn join(parts: impl Iterator<Item = Outcome>, decider: Truth) -> Outcome {
    let parts: Vec<Outcome> = parts.collect();
    let truth = if parts.iter().any(|p| p.truth == decider) {
        decider
    } else if parts.iter().any(|p| p.truth == Truth::Unknown) {
        Truth::Unknown
    } else {
        decider.not()
    };
    let decided_by = parts
        .into_iter()
        .filter(|p| p.truth == truth)
        .flat_map(|p| p.decided_by)
        .collect();
    Outcome { truth, decided_by }
}

fn leaf(fact: &str, facts: &FactBase, derived: &Derived, wanted: bool, kind: Leaf<'_>) -> Outcome {
    let known = catalogue::lookup(fact, facts, derived)
        .unwrap_or_else(|| Known::Unknown(vec!["no such fact"]));
    let label = catalogue::label(fact);
    let (unit_zh, unit_en) = catalogue::unit(fact);
    let amount = |n: u64| {
        (
            format!("{} {unit_zh}", figure(n)),
            format!("{} {unit_en}", figure(n)),
        )
    };
    let mut missing: Vec<String> = vec![];
    let mut value = String::new();
    let (truth, said, turn) = match (&known, &kind) {
        (Known::Flag(v), Leaf::Is) => {
            value = v.to_string();
            let said = if *v {
                Text::new(format!("{}：是", label.zh), format!("{}: yes", label.en))
            } else {
                Text::new(format!("{}：否", label.zh), format!("{}: no", label.en))
            };
            (truth(*v), said, flag_turn(&label, wanted))
        }
        (Known::Number(n) | Known::AtLeast(n, _), Leaf::Number(limit, inclusive)) => {
            value = n.to_string();
            let holds = if *inclusive { n >= limit } else { n > limit };
            let (n_zh, n_en) = amount(*n);
            let (l_zh, l_en) = amount(*limit);
            let (reach_zh, reach_en) = if *inclusive {
                ("达到", "at least")
            } else {
                ("超过", "above")
            };
            let at_least = matches!(known, Known::AtLeast(..));
            let t = match (&known, holds) {
                (Known::AtLeast(_, m), false) => {
                    missing = m.iter().map(|s| (*s).to_owned()).collect();
                    Truth::Unknown
                }
                (_, h) => truth(h),
            };
            let (zh_verb, en_verb) = match (at_least && !holds, holds) {
                (true, _) => (
                    format!("尚不能确定是否{reach_zh}"),
                    format!("not yet known whether {reach_en}"),
                ),
                (false, true) => (reach_zh.to_owned(), reach_en.to_owned()),
                (false, false) => (format!("未{reach_zh}"), format!("not {reach_en}")),
            };
            let said = Text::new(
                format!("{}为 {}，{zh_verb} {}", label.zh, n_zh.trim(), l_zh.trim()),
                format!("{} is {}, {en_verb} {}", label.en, n_en.trim(), l_en.trim()),
            );
            let turn = if wanted {
                Text::new(
                    format!("{}{reach_zh} {}", label.zh, l_zh.trim()),
                    format!("{} {reach_en} {}", label.en, l_en.trim()),
                )
            } else {
                Text::new(
                    format!("{}未{reach_zh} {}", label.zh, l_zh.trim()),
                    format!("{} not {reach_en} {}", label.en, l_en.trim()),
                )
            };
            (t, said, turn)
        }
        (Known::Set(set, incomplete), Leaf::Has(word)) => {
            value = set.iter().cloned().collect::<Vec<_>>().join(", ");
            let found = set.contains(*word);
            let t = if found {
                Truth::True
            } else if incomplete.is_empty() {
                Truth::False
            } else {
                missing = incomplete.iter().map(|s| (*s).to_owned()).collect();
                Truth::Unknown
            };
            let said = match t {
                Truth::True => Text::new(
                    format!("{}包括 {word}", label.zh),
                    format!("{} include {word}", label.en),
                ),
                Truth::False => Text::new(
                    format!("{}不包括 {word}", label.zh),
                    format!("{} do not include {word}", label.en),
                ),
                Truth::Unknown => unknown(&label),
            };
            let turn = if wanted {
                Text::new(
                    format!("{}包括 {word}", label.zh),
                    format!("{} include {word}", label.en),
                )
            } else {
                Text::new(
                    format!("{}不包括 {word}", label.zh),
                    format!("{} do not include {word}", label.en),
                )
            };
            (t, said, turn)
        }
        (Known::Unknown(fields), _) => {
            missing = fields.iter().map(|s| (*s).to_owned()).collect();
            (Truth::Unknown, unknown(&label), flag_turn(&label, wanted))
        }
        // `check` refuses such a rule at load time.
        _ => (Truth::Unknown, unknown(&label), Text::default()),
    };
    Outcome {
        truth,
        decided_by: vec![Decision {
            fact: fact.to_owned(),
            label,
            value,
            truth,
            wanted,
            said,
            turn,
            missing,
        }],
    }
}

fn truth(v: bool) -> Truth {
    if v { Truth::True } else { Truth::False }
}

fn unknown(label: &Text) -> Text {
    Text::new(
        format!("{}：尚不清楚", label.zh),
        format!("{}: not known yet", label.en),
    )
}

fn flag_turn(label: &Text, wanted: bool) -> Text {
    if wanted {
        Text::new(format!("{}：是", label.zh), format!("{}: yes", label.en))
    } else {
        Text::new(format!("{}：否", label.zh), format!("{}: no", label.en))
    }
}

const MAX_DEPTH: usize = 16;
