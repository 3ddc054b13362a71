//! 修 — the stage that repairs: it drafts a hot patch for the hole that an attack showed, proves the patch on the attack
//! and on the last minutes' real traffic, and proves the root fix by replaying the attack straight at the SCRM.
//!
//! A proof can fail. A patch that lets one request of the attack through, or that touches one honest request, is not
//! offered as proven; a fix counts only when the attack was really replayed and brought nothing.

mod draft;
mod proof;
mod verify;

pub use draft::{Hole, draft};
pub use proof::{Count, Proof, Proposal, ProposalState, attack_of, prove, prove_on};
pub use verify::{Direct, DirectAnswer, RepairProof, ReplayRow, verify};
