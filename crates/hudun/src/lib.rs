//! The wiring of Hudun: configuration, command line, the stages behind the console's desk, the catalogue of actions
//! behind playbooks, the ledger behind everything.

pub mod accounting;
pub mod addresses;
pub mod affected;
pub mod attacks;
pub mod behaviour;
pub mod bench;
pub mod care;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod demo;
pub mod desk;
pub mod detection;
pub mod direct;
mod folder;
mod forms;
pub mod history;
pub mod intake;
pub mod intel;
pub mod keys;
mod learn_live;
pub mod ledger;
pub mod logs;
pub mod measures;
pub mod metrics;
pub mod office;
pub mod pump;
pub mod regions;
mod rule_files;
pub mod site;
pub mod sms;
pub mod stages;
pub mod system;
pub mod upkeep;
pub mod users;
pub mod waf;
