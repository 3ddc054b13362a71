//! The published tables, row by row, with where each was read.

use serde::Serialize;

use super::What;
use super::facts::{Exploitation, Impact};

/// Where a table comes from and when it was last compared with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The table's name, as [`Row::table`](super::Row::table) gives it.
    pub table: &'static str,
    /// What was read.
    pub source: &'static str,
    /// The day on which it was read.
    pub checked: &'static str,
    /// `V`: read in the primary data. `S`: a secondary source. `ours`: set here; the reason is in
    /// `docs/decisions/advisory-decision.md`.
    pub evidence: &'static str,
}

/// The name of CISA's table.
pub(crate) const BOD_26_04: &str = "CISA BOD 26-04";
/// The name of CERT/CC's table.
pub(crate) const DEPLOYER: &str = "SSVC deployer";
/// The name of the rules of this crate.
pub(crate) const OURS: &str = "Hudun";

/// Every table that a decision can rest on.
pub const SOURCES: [Source; 5] = [
    Source {
        table: BOD_26_04,
        source: "CERTCC/SSVC data/csv/cisa/cisa_bod_26_04_1_0_0.csv, commit 03dfc453; the directive of 2026-06-10 itself \
                 was not read",
        checked: "2026-11-30",
        evidence: "V",
    },
    Source {
        table: DEPLOYER,
        source: "CERTCC/SSVC data/csv/ssvc/deployer_patch_application_priority_1_0_0.csv, commit ce4d811b (MIT, (c) 2020 \
                 CERT Coordination Center)",
        checked: "2026-11-30",
        evidence: "V",
    },
    Source {
        table: "technical impact of a CVSS vector",
        source: "CERTCC/SSVC data/csv/ssvc/cvssv4_to_technical_impact_1_0_0.csv, commit 94e07641 (for CVSS 4; read for \
                 CVSS 3 too: 95.5 % of 1,916 records of CISA vulnrichment agree)",
        checked: "2026-11-30",
        evidence: "V",
    },
    Source {
        table: "EPSS threshold",
        source: "arXiv 2506.01220: KEV or EPSS of 0.088 and more, then CVSS of 7 and more",
        checked: "2026-11-23",
        evidence: "S",
    },
    Source {
        table: OURS,
        source: "docs/decisions/advisory-decision.md; shares by kind measured on 2,698 records of CISA vulnrichment",
        checked: "2026-11-30",
        evidence: "ours",
    },
];

/// What a row of BOD 26-04 asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeline {
    ThreeForensic,
    Three,
    Fourteen,
    Sixty,
    OnUpgrade,
}

impl Timeline {
    /// The words of the directive.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::ThreeForensic => "3 days & forensic investigation",
            Self::Three => "3 days",
            Self::Fourteen => "14 days",
            Self::Sixty => "60 days",
            Self::OnUpgrade => "fix on system upgrade",
        }
    }

    /// The same in Chinese.
    pub(crate) const fn words_zh(self) -> &'static str {
        match self {
            Self::ThreeForensic => "3 天并取证",
            Self::Three => "3 天",
            Self::Fourteen => "14 天",
            Self::Sixty => "60 天",
            Self::OnUpgrade => "随系统升级修复",
        }
    }

    pub(crate) const fn what(self) -> What {
        match self {
            Self::ThreeForensic | Self::Three => What::ActNow,
            Self::Fourteen => What::Days,
            Self::Sixty => What::Scheduled,
            Self::OnUpgrade => What::Watch,
        }
    }
}

/// In KEV, publicly exposed, automatable, technical impact; the row's number is its place.
pub(crate) type BodRow = (bool, bool, bool, Impact, Timeline);

#[rustfmt::skip]
pub(crate) const BOD: [BodRow; 16] = [
    (false, false, false, Impact::Partial, Timeline::OnUpgrade),
    (true,  false, false, Impact::Partial, Timeline::Fourteen),
    (false, true,  false, Impact::Partial, Timeline::Sixty),
    (false, false, true,  Impact::Partial, Timeline::Sixty),
    (false, false, false, Impact::Total,   Timeline::OnUpgrade),
    (true,  true,  false, Impact::Partial, Timeline::Fourteen),
    (true,  false, true,  Impact::Partial, Timeline::Fourteen),
    (false, true,  true,  Impact::Partial, Timeline::Fourteen),
    (true,  false, false, Impact::Total,   Timeline::Fourteen),
    (false, true,  false, Impact::Total,   Timeline::Fourteen),
    (false, false, true,  Impact::Total,   Timeline::Sixty),
    (true,  true,  true,  Impact::Partial, Timeline::Three),
    (true,  true,  false, Impact::Total,   Timeline::ThreeForensic),
    (true,  false, true,  Impact::Total,   Timeline::ThreeForensic),
    (false, true,  true,  Impact::Total,   Timeline::Three),
    (true,  true,  true,  Impact::Total,   Timeline::ThreeForensic),
];

/// System exposure, as SSVC names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum System {
    Small,
    Controlled,
    Open,
}

/// When to apply the patch, as SSVC names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Defer,
    Scheduled,
    OutOfCycle,
    Immediate,
}

impl Priority {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Scheduled => "scheduled",
            Self::OutOfCycle => "out-of-cycle",
            Self::Immediate => "immediate",
        }
    }

    pub(crate) const fn words_zh(self) -> &'static str {
        match self {
            Self::Defer => "推迟",
            Self::Scheduled => "排期",
            Self::OutOfCycle => "不等排期",
            Self::Immediate => "立即",
        }
    }

    /// SSVC sets no days: these are ours.
    pub(crate) const fn what(self) -> What {
        match self {
            Self::Defer => What::Watch,
            Self::Scheduled => What::Scheduled,
            Self::OutOfCycle => What::Days,
            Self::Immediate => What::ActNow,
        }
    }
}

/// Exploitation, system exposure, automatable; then the priority by human impact: low, medium, high, very high. Four rows
/// of the published table stand on one line here; its row number is four times the line plus the place on it.
pub(crate) type DeployerLine = (Exploitation, System, bool, [Priority; 4]);

use Priority::{Defer as D, Immediate as I, OutOfCycle as O, Scheduled as S};

#[rustfmt::skip]
pub(crate) const DEPLOYER_LINES: [DeployerLine; 18] = [
    (Exploitation::None,   System::Small,      false, [D, D, S, S]),
    (Exploitation::None,   System::Small,      true,  [D, S, S, S]),
    (Exploitation::None,   System::Controlled, false, [D, S, S, S]),
    (Exploitation::None,   System::Controlled, true,  [S, S, S, S]),
    (Exploitation::None,   System::Open,       false, [D, S, S, S]),
    (Exploitation::None,   System::Open,       true,  [S, S, S, O]),
    (Exploitation::Poc,    System::Small,      false, [D, S, S, S]),
    (Exploitation::Poc,    System::Small,      true,  [S, S, S, S]),
    (Exploitation::Poc,    System::Controlled, false, [D, S, S, S]),
    (Exploitation::Poc,    System::Controlled, true,  [S, S, S, O]),
    (Exploitation::Poc,    System::Open,       false, [S, S, S, O]),
    (Exploitation::Poc,    System::Open,       true,  [S, S, O, O]),
    (Exploitation::Active, System::Small,      false, [S, S, O, O]),
    (Exploitation::Active, System::Small,      true,  [S, O, O, O]),
    (Exploitation::Active, System::Controlled, false, [S, S, O, O]),
    (Exploitation::Active, System::Controlled, true,  [O, O, O, O]),
    (Exploitation::Active, System::Open,       false, [S, O, O, I]),
    (Exploitation::Active, System::Open,       true,  [O, O, I, I]),
];

/// Privileges required, confidentiality and integrity of a CVSS vector whose technical impact is total. The other 22 of
/// the published 27 rows are partial.
pub(crate) const TOTAL: [(&str, &str, &str); 5] = [
    ("H", "H", "H"),
    ("N", "H", "L"),
    ("N", "L", "H"),
    ("L", "H", "H"),
    ("N", "H", "H"),
];

/// The EPSS from which an exploit within 30 days counts as likely, with a CVSS score of [`SEVERE`] or more.
pub(crate) const LIKELY: f64 = 0.088;
/// The CVSS score that goes with [`LIKELY`].
pub(crate) const SEVERE: f64 = 7.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_the_deployer_table_are_those_published() {
        let count = |wanted| {
            DEPLOYER_LINES
                .iter()
                .flat_map(|line| line.3)
                .filter(|found| *found == wanted)
                .count()
        };
        assert_eq!([I, O, S, D].map(count), [3, 20, 42, 7]);
    }

    #[test]
    fn the_deployer_table_never_eases_as_a_column_worsens() {
        for (exploitation, system, automatable, row) in DEPLOYER_LINES {
            assert!(row.is_sorted());
            for (more, wider, too, worse) in DEPLOYER_LINES {
                if more >= exploitation && wider >= system && too >= automatable {
                    for (one, two) in row.iter().zip(worse) {
                        assert!(*one <= two);
                    }
                }
            }
        }
    }

    #[test]
    fn every_combination_stands_once_in_each_table() {
        for (at, row) in BOD.iter().enumerate() {
            for other in BOD.iter().skip(at + 1) {
                assert!((row.0, row.1, row.2, row.3) != (other.0, other.1, other.2, other.3));
            }
        }
        for (at, row) in DEPLOYER_LINES.iter().enumerate() {
            for other in DEPLOYER_LINES.iter().skip(at + 1) {
                assert!((row.0, row.1, row.2) != (other.0, other.1, other.2));
            }
        }
    }
}
