//! 监: which published vulnerabilities are true of what we run, kept true as feeds and assets change.
//!
//! The engine that reads, matches and decides is `hudun-advisory`; it has no clock, network or memory. Here is what has:
//! feeds that are pulled and dropped, assets with their inventories, and the exposures that follow from both.

pub mod assets;
pub mod exposures;
pub mod feeds;
pub mod holes;
pub mod subscriptions;
