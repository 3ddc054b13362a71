//! Drills: a real attack over HTTP, whose loot is written down by the attacker and never seen by Hudun.

mod attack;
mod loot;
mod plan;

pub use attack::{Attack, AttackError, AttackReport, StepReport};
pub use loot::Loot;
pub use plan::{Move, Plan};
