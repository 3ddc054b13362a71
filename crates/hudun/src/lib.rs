//! The wiring of Hudun: configuration, command line, the stages behind the console's desk, the catalogue of actions
//! behind playbooks, the ledger behind everything.

mod accounting;
pub mod bench;
pub mod catalogue;
pub mod cli;
mod config;
mod demo;
pub mod desk;
mod direct;
mod history;
mod intake;
mod keys;
pub mod ledger;
mod measures;
mod metrics;
pub mod office;
mod pump;
mod stages;
mod system;
mod upkeep;
mod users;
