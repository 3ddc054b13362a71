//! A seeded working year of an SCRM with labelled attacks, and how well the behaviour engine finds them.
//!
//! **Everything here is synthetic**: people, their habits, and the attacks are made by a program, because no labelled
//! behaviour data of an SCRM is public. A figure from it says how the engine does on this program's year, not in a firm.
//!
//! Seeds below 1,000 and the seven kinds for which [`AttackKind::is_for_tuning`] holds were looked at while numbers of
//! the engine were chosen. Seeds from 1,000 on and the nine other kinds are for reporting alone.
//!
//! ```
//! use hudun_simulate::{AttackKind, Scenario, Year};
//!
//! let scenario =
//!     Scenario { seed: 1, days: 10, staff: 20, attacks: vec![AttackKind::FastScrape], each: 1, quiet_days: 5 };
//! let mut year = Year::begin(scenario)?;
//! assert!(!year.next_day().unwrap_or_default().is_empty());
//! # Ok::<(), hudun_simulate::ScenarioError>(())
//! ```

mod attack;
mod day;
mod dice;
mod evaluate;
mod event;
mod folder;
mod people;
mod year;

pub use attack::{AttackKind, Label};
pub use evaluate::{
    AtBands, AtBudget, BUDGETS, Counter, Examiner, Found, Losses, Outcome, Report, is_for_tuning,
    report, settings,
};
pub use event::{Deed, Event, Token, Touch};
pub use folder::{FolderError, examine, read, write};
pub use year::{Scenario, ScenarioError, Year};
