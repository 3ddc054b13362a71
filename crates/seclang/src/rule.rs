//! A rule as it runs: targets, operator and actions resolved.

use crate::error::Span;
use crate::operator::{Operator, Order};
use crate::parse::{Ctl, Disruptive, TargetList};
use crate::template::Template;
use crate::transform::Transform;
use crate::variable::Var;

/// A rule with all links of its chain.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    pub(crate) span: Span,
    pub(crate) phase: u8,
    pub(crate) links: Vec<Link>,
    pub(crate) msg: Option<Template>,
    pub(crate) logdata: Option<Template>,
    pub(crate) severity: Option<u8>,
    pub(crate) tags: Vec<Template>,
    pub(crate) rev: Option<String>,
    pub(crate) ver: Option<String>,
    pub(crate) maturity: Option<u8>,
    pub(crate) accuracy: Option<u8>,
    pub(crate) disruptive: Disruptive,
    pub(crate) status: Option<u16>,
    pub(crate) log: bool,
    pub(crate) audit: bool,
    pub(crate) skip: Option<u32>,
    /// The step of this phase to go on with.
    pub(crate) skip_to: Option<usize>,
    pub(crate) skip_after: Option<String>,
    pub(crate) sanitise: Vec<String>,
}

/// One condition of a rule and what it does when it holds.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) targets: TargetList,
    /// None: `SecAction`, which always holds.
    pub(crate) operator: Option<Operator>,
    pub(crate) negated: bool,
    pub(crate) transforms: Vec<Transform>,
    pub(crate) capture: bool,
    pub(crate) multi_match: bool,
    pub(crate) effects: Vec<Effect>,
    /// Decides in a few instructions that the link does not hold, for the many gates on TX.
    pub(crate) gate: Option<Gate>,
    /// For each target `TX:/regex/`: which of the names known at load match.
    pub(crate) tx_regex: Vec<Vec<u32>>,
}

/// What a link does to the transaction.
#[derive(Debug)]
pub(crate) enum Effect {
    Set {
        var: Var,
        key: Key,
        op: SetOp,
    },
    Expire {
        var: Var,
        key: Template,
        seconds: Template,
    },
    Deprecate {
        var: Var,
        key: Template,
        amount: i64,
        period: i64,
    },
    InitCol {
        var: Var,
        key: Template,
    },
    SetEnv {
        key: Template,
        value: Template,
    },
    Ctl(Ctl, Vec<u32>),
}

/// The name of a variable that is set.
#[derive(Debug)]
pub(crate) enum Key {
    /// A TX name known at load.
    Fixed(u32),
    Open(Template),
}

/// How a variable is set.
#[derive(Debug)]
pub(crate) enum SetOp {
    Set(Template),
    Add(Template),
    Subtract(Template),
    Remove,
}

/// A comparison of one TX variable (or of whether it is set) with a number or another TX variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub(crate) slot: u32,
    pub(crate) count: bool,
    pub(crate) order: Order,
    pub(crate) negated: bool,
    pub(crate) against: GateArg,
}

/// What a gate compares with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GateArg {
    Number(i64),
    Slot(u32),
}
