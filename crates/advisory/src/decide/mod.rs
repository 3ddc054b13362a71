//! What to do about a vulnerability on an asset, and by when.
//!
//! A table of rules and no weighted sum: each answer names the row of the published table that gave it, what had to be
//! assumed, and which fact would change it. The reasons for the rules are in `docs/decisions/advisory-decision.md`.
//!
//! ```
//! use hudun_advisory::decide::{DataTier, Exploitation, Exposure, Facts, What, decide};
//!
//! let decision = decide(&Facts {
//!     in_kev: Some(false),
//!     exploitation: Some(Exploitation::Poc),
//!     exposure: Some(Exposure::Internet),
//!     data: Some(DataTier::Personal),
//!     cvss: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".parse()?),
//!     ..Facts::default()
//! });
//! assert_eq!((decision.what, decision.due), (What::ActNow, Some(3)));
//! assert_eq!((decision.row.table, decision.row.number), ("CISA BOD 26-04", 14));
//! # Ok::<(), hudun_advisory::decide::FactError>(())
//! ```

#[cfg(test)]
mod exhaustive;
mod facts;
mod judge;
mod kind;
mod say;
mod tables;
mod vector;

use serde::{Deserialize, Serialize};

pub use facts::{Cvss, DataTier, Epss, Exploitation, Exposure, FactError, Facts, Impact};
pub use kind::Kind;
pub use tables::{SOURCES, Source};
pub use vector::GbtInputs;

/// Decides. The same facts give the same decision: there is no clock and no state.
pub fn decide(facts: &Facts) -> Decision {
    let graded = judge::grade(facts);
    Decision {
        what: graded.what,
        due: graded.what.days(),
        forensics: graded.forensics,
        assumed: say::assumed(facts),
        would_change: say::would_change(facts, &graded),
        reasons: say::reasons(facts, &graded),
        row: graded.row,
        rows: graded.rows,
    }
}

/// What to do, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The class.
    pub what: What,
    /// Days from now within which it has to be done; `None`: with the next upgrade of the asset.
    pub due: Option<u16>,
    /// Look for a break-in before it is closed. Only where exploitation is known, never where it is assumed.
    pub forensics: bool,
    /// The row that decided.
    pub row: Row,
    /// Every row that fired, with unknowns at their worse value.
    pub rows: Vec<Row>,
    /// What was not known, and what was taken instead.
    pub assumed: Vec<Assumption>,
    /// Single facts that would make it stricter or milder, with unknown ones and known ones alike.
    pub would_change: Vec<Change>,
    /// Sentences for people.
    pub reasons: Vec<Sentence>,
}

/// The class of a decision. Stricter ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Low, without a date: with the next upgrade of the asset; watch it until then.
    Watch,
    /// Low: within 60 days.
    Scheduled,
    /// Medium: within 14 days.
    Days,
    /// High: within 3 days, beginning now.
    ActNow,
}

impl What {
    /// All of them, mildest first.
    pub const ALL: [Self; 4] = [Self::Watch, Self::Scheduled, Self::Days, Self::ActNow];

    /// The days that BOD 26-04 gives.
    pub const fn days(self) -> Option<u16> {
        match self {
            Self::Watch => None,
            Self::Scheduled => Some(60),
            Self::Days => Some(14),
            Self::ActNow => Some(3),
        }
    }
}

/// A row of a table that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The table: see [`SOURCES`].
    pub table: &'static str,
    /// The row's number in it, as published.
    pub number: usize,
    /// The values of its columns; empty for a rule of this crate.
    pub inputs: String,
    /// The same in Chinese.
    pub inputs_zh: String,
    /// What the row says.
    pub action: &'static str,
    /// The same in Chinese.
    pub action_zh: &'static str,
    /// The class that it leads to.
    pub what: What,
    /// It asks for a search for a break-in.
    pub forensics: bool,
}

/// A field that a decision looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Field {
    InKev,
    Exploitation,
    SeenHere,
    Automatable,
    Impact,
    Exposure,
    Data,
    Epss,
    Cvss,
    Fix,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// It was given.
    Known,
    /// Read off the CVSS vector.
    Vector,
    /// Nine in ten of its kind are so.
    Kind,
    /// The worse value, because nothing is known.
    Worse,
    /// The worse value that is not an event: a public exploit, and not an attack.
    NoEvent,
    /// It takes no part.
    LeftOut,
}

/// A field that was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// Which one.
    pub field: Field,
    /// What was taken.
    pub taken: &'static str,
    /// Why that.
    pub basis: Basis,
}

/// A fact that would change the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which field.
    pub field: Field,
    /// If it were this.
    pub value: &'static str,
    /// The class then.
    pub what: What,
    /// The days then.
    pub due: Option<u16>,
    /// A search for a break-in then.
    pub forensics: bool,
    /// Stricter than now; else milder.
    pub stricter: bool,
}

/// One sentence in two languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}
