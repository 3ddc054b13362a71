//! 隔 — the stage that sets apart: isolates a module, ends sessions, freezes an account, and lifts it all again.
//!
//! Every act makes the next revision of the policy and a ledger entry; it is in force for the next request when the
//! call returns. Every act is idempotent under a key: the restriction's id is derived from it, so a playbook that is
//! resumed after a crash finds what it did before.
//!
//! Machines contain, people let go: an isolation is lifted by two persons, and only once the hole is proven shut or the
//! case turned out to be a false alarm.

mod keeper;
mod lift;

pub use keeper::{ContainError, Keeper, Order};
pub use lift::{LiftRequest, LiftState};
