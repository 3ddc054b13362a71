//! From facts to a class: the rows that fire, and which of them decides.

use super::facts::{DataTier, Exploitation, Exposure, Facts, Impact};
use super::tables::{
    BOD, BOD_26_04, DEPLOYER, DEPLOYER_LINES, LIKELY, OURS, SEVERE, System, Timeline,
};
use super::{Basis, Row, What};

/// How an unknown is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lens {
    /// The worse value.
    Worst,
    /// The milder value: what the known facts come to alone.
    Mildest,
}

/// The facts with every unknown filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled {
    /// The first column of BOD 26-04. The American catalogue hardly lists Chinese products, so exploitation known from
    /// elsewhere counts like an entry.
    pub(crate) exploited: bool,
    pub(crate) exploitation: Exploitation,
    pub(crate) automatable: (bool, Basis),
    pub(crate) impact: (Impact, Basis),
    pub(crate) exposure: Exposure,
    pub(crate) data: DataTier,
    pub(crate) severe: bool,
}

/// What the facts come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Graded {
    pub(crate) what: What,
    pub(crate) forensics: bool,
    /// The row that decided.
    pub(crate) row: Row,
    /// Every row that fired, the deciding one too.
    pub(crate) rows: Vec<Row>,
}

/// Exploitation is known to happen: it need not be assumed.
pub(crate) fn evident(facts: &Facts) -> bool {
    facts.in_kev == Some(true)
        || facts.exploitation == Some(Exploitation::Active)
        || facts.seen_here
}

/// The exploit prediction is high. An absent one is not assumed to be: it is absent for the newest and for whatever has no
/// CVE number, and would raise all of these alike.
pub(crate) fn predicted(facts: &Facts) -> bool {
    facts
        .epss
        .as_ref()
        .is_some_and(|epss| epss.probability() >= LIKELY)
}

/// Fills in what is not known: from the CVSS vector, then from the kind, then by the lens.
pub(crate) fn settle(facts: &Facts, lens: Lens) -> Settled {
    let worst = lens == Lens::Worst;
    let exploited =
        evident(facts) || (worst && facts.in_kev.is_none() && facts.exploitation.is_none());
    let exploitation = match facts.exploitation {
        _ if exploited => Exploitation::Active,
        Some(known) => known,
        // That it is exploited now is an event, and true of one record in two hundred: it is not assumed of a record that
        // somebody has looked up. That an exploit is public is.
        None if worst => Exploitation::Poc,
        None => Exploitation::None,
    };
    let vector = facts.cvss.as_ref();
    Settled {
        exploited,
        exploitation,
        automatable: fill(
            facts.automatable,
            vector.and_then(super::Cvss::automatable),
            facts.kind.and_then(super::Kind::automatable),
            worst,
        ),
        impact: fill(
            facts.impact,
            vector.and_then(super::Cvss::impact),
            facts.kind.and_then(super::Kind::impact),
            if worst {
                Impact::Total
            } else {
                Impact::Partial
            },
        ),
        exposure: facts.exposure.unwrap_or(if worst {
            Exposure::Internet
        } else {
            Exposure::Internal
        }),
        data: facts.data.unwrap_or(if worst {
            DataTier::Sensitive
        } else {
            DataTier::Plain
        }),
        severe: vector.map_or(worst, |cvss| cvss.value() >= SEVERE),
    }
}

fn fill<T>(known: Option<T>, vector: Option<T>, kind: Option<T>, otherwise: T) -> (T, Basis) {
    if let Some(value) = known {
        return (value, Basis::Known);
    }
    if let Some(value) = vector {
        return (value, Basis::Vector);
    }
    kind.map_or((otherwise, Basis::Worse), |value| (value, Basis::Kind))
}

/// The decision table: every rule that there is, in the order in which they are asked.
pub(crate) fn grade(facts: &Facts) -> Graded {
    let mut rows = fired(facts, &settle(facts, Lens::Worst));
    let (mut what, forensics) = strictest(&rows);
    let mut decides = None;
    if what == What::ActNow && !evident(facts) {
        let alone = fired(facts, &settle(facts, Lens::Mildest));
        decides = alone.into_iter().find(|row| row.what == What::ActNow);
        if decides.is_none() {
            what = What::Days;
            let bound = "what is only assumed leads to 14 days at most";
            decides = Some(Row::ours(5, bound, what));
        }
    }
    if let Some(row) = &decides
        && !rows.contains(row)
    {
        rows.push(row.clone());
    }
    let first = || rows.iter().find(|row| row.what == what).cloned();
    Graded {
        what,
        forensics: forensics && what == What::ActNow && evident(facts),
        // Rows fire for every combination; were there none, the class would still be said.
        row: decides
            .or_else(first)
            .unwrap_or_else(|| Row::ours(0, "", what)),
        rows,
    }
}

fn strictest(rows: &[Row]) -> (What, bool) {
    let what = rows.iter().map(|row| row.what).max();
    (
        what.unwrap_or(What::Watch),
        rows.iter().any(|row| row.forensics),
    )
}

fn fired(facts: &Facts, settled: &Settled) -> Vec<Row> {
    let mut rows = Vec::new();
    if facts.seen_here {
        rows.push(Row {
            forensics: true,
            ..Row::ours(1, "the own gateway saw an attack", What::ActNow)
        });
    }
    let bod = bod(settled);
    let raised = match bod.what {
        What::Watch => What::Scheduled,
        What::Scheduled => What::Days,
        _ if settled.exploitation >= Exploitation::Poc || predicted(facts) => What::ActNow,
        other => other,
    };
    let base = bod.what;
    rows.push(bod);
    rows.push(deployer(settled));
    if settled.data == DataTier::Sensitive && raised > base {
        rows.push(if raised == What::ActNow {
            Row::ours(
                3,
                "sensitive data, and an exploit is public or predicted: from 14 days to 3",
                raised,
            )
        } else {
            Row::ours(
                2,
                "sensitive data: one class stricter than BOD 26-04",
                raised,
            )
        });
    }
    if predicted(facts) && settled.severe {
        rows.push(Row::ours(
            4,
            "EPSS of 0.088 or more with CVSS of 7 or more: 14 days",
            What::Days,
        ));
    }
    rows
}

fn bod(settled: &Settled) -> Row {
    let (kev, exposed) = (settled.exploited, settled.exposure == Exposure::Internet);
    let (automatable, impact) = (settled.automatable.0, settled.impact.0);
    let (number, timeline) = BOD
        .iter()
        .position(|row| (row.0, row.1, row.2, row.3) == (kev, exposed, automatable, impact))
        .and_then(|at| Some((at, BOD.get(at)?.4)))
        // Every combination stands in the table: a test says so.
        .unwrap_or((0, Timeline::ThreeForensic));
    Row {
        table: BOD_26_04,
        number,
        inputs: format!(
            "known exploited {}, publicly exposed {}, automatable {}, technical impact {}",
            yes(kev),
            yes(exposed),
            yes(automatable),
            match impact {
                Impact::Partial => "partial",
                Impact::Total => "total",
            }
        ),
        inputs_zh: format!(
            "已知被利用：{}，公网可达：{}，可自动化：{}，技术影响：{}",
            yes_zh(kev),
            yes_zh(exposed),
            yes_zh(automatable),
            match impact {
                Impact::Partial => "部分",
                Impact::Total => "全部",
            }
        ),
        action: timeline.words(),
        action_zh: timeline.words_zh(),
        what: timeline.what(),
        forensics: timeline == Timeline::ThreeForensic,
    }
}

fn deployer(settled: &Settled) -> Row {
    let (system, exposure, exposure_zh) = match settled.exposure {
        Exposure::Internal => (System::Small, "small", "小"),
        Exposure::Partner => (System::Controlled, "controlled", "受控"),
        Exposure::Internet => (System::Open, "open", "开放"),
    };
    // "Very high" is mission failure, which the tier of the data alone does not say.
    let (place, human, human_zh) = match settled.data {
        DataTier::Plain => (0, "low", "低"),
        DataTier::Personal => (1, "medium", "中"),
        DataTier::Sensitive => (2, "high", "高"),
    };
    let (exploitation, exploitation_zh) = match settled.exploitation {
        Exploitation::None => ("none", "无"),
        Exploitation::Poc => ("public PoC", "方法已公开"),
        Exploitation::Active => ("active", "正在发生"),
    };
    let automatable = settled.automatable.0;
    let wanted = (settled.exploitation, system, automatable);
    let (number, priority) = DEPLOYER_LINES
        .iter()
        .position(|line| (line.0, line.1, line.2) == wanted)
        .and_then(|at| Some((at * 4 + place, *DEPLOYER_LINES.get(at)?.3.get(place)?)))
        // Every combination stands in the table: a test says so.
        .unwrap_or((0, super::tables::Priority::Immediate));
    Row {
        table: DEPLOYER,
        number,
        inputs: format!(
            "exploitation {exploitation}, exposure {exposure}, automatable {}, human impact {human}",
            yes(automatable),
        ),
        inputs_zh: format!(
            "利用：{exploitation_zh}，暴露：{exposure_zh}，可自动化：{}，对人的影响：{human_zh}",
            yes_zh(automatable),
        ),
        action: priority.words(),
        action_zh: priority.words_zh(),
        what: priority.what(),
        forensics: false,
    }
}

impl Row {
    const fn ours(number: usize, action: &'static str, what: What) -> Self {
        Self {
            table: OURS,
            number,
            inputs: String::new(),
            inputs_zh: String::new(),
            action,
            action_zh: match number {
                1 => "自家网关已见到攻击",
                2 => "资产有敏感数据，比 BOD 26-04 严一级",
                3 => "资产有敏感数据，且利用方法已公开或预测会被利用，14 天改为 3 天",
                4 => "EPSS 不低于 0.088 且 CVSS 不低于 7，14 天",
                _ => "只靠假定得出的，最严到 14 天",
            },
            what,
            forensics: false,
        }
    }
}

const fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

const fn yes_zh(value: bool) -> &'static str {
    if value { "是" } else { "否" }
}
