//! Playbook runs that survive anything: what is intended is journaled before it is done, and how it ended after.

mod command;
mod event;
mod runner;
mod state;

pub use event::RunEvent;
pub use runner::{RunError, Runner};
pub use state::{RunView, StepState, StepView};
