//! The wiring of Hudun: the stages behind the console's desk, the catalogue of actions behind playbooks, the ledger
//! behind everything.

pub mod bench;
pub mod catalogue;
pub mod desk;
pub mod ledger;
pub mod office;
