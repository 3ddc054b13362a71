//! Text to directives: logical lines, words, and the small languages inside the words.

mod actions;
mod ctl;
mod lines;
mod operator;
mod targets;

pub(crate) use actions::{
    Action, Disruptive, RuleSelect, SEVERITIES, SetVarOp, ids, parse_actions,
};
pub(crate) use ctl::Ctl;
pub(crate) use lines::{Line, split_lines};
pub(crate) use operator::{OperatorDecl, parse_operator};
pub(crate) use targets::{Selector, Target, TargetList, parse_targets};
