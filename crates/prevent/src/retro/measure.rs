//! Times between the marks of a case, against their aims.

use hudun_core::{Incident, Text, TimelineMark as Mark};
use serde::{Deserialize, Serialize};

/// A measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// `detect`, `alert`, `acknowledge`, `contain`, `scope`, `draft`, `repair`.
    pub id: String,
    /// What it is, with its definition.
    pub label: Text,
    /// Milliseconds; none when one of its moments was not reached.
    pub millis: Option<i64>,
    /// The aim.
    pub target_millis: Option<i64>,
}

impl Measure {
    /// Whether the aim was missed; a moment that was not reached misses nothing yet.
    pub fn missed(&self) -> bool {
        matches!((self.millis, self.target_millis), (Some(is), Some(aim)) if is > aim)
    }
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// The measures of a case. The aims are 1-10-60: seen within one minute, understood within ten, contained within sixty;
/// an alert leaves within one second, and the drafts are ready within sixty minutes.
pub fn measures(incident: &Incident) -> Vec<Measure> {
    /// Id, from, to, aim, label in Chinese and in English.
    type Row = (
        &'static str,
        Mark,
        Mark,
        Option<i64>,
        &'static str,
        &'static str,
    );
    let rows: [Row; 7] = [
        (
            "detect",
            Mark::Onset,
            Mark::Detected,
            Some(MINUTE),
            "发现用时（攻击开始至首次发现）",
            "time to detect (onset to first finding)",
        ),
        (
            "alert",
            Mark::Detected,
            Mark::Alerted,
            Some(SECOND),
            "告警用时（发现至发出告警）",
            "time to alert (finding to alert)",
        ),
        (
            "acknowledge",
            Mark::Detected,
            Mark::Acknowledged,
            Some(10 * MINUTE),
            "接手用时（发现至有人接手）",
            "time to acknowledge (finding to a person)",
        ),
        (
            "contain",
            Mark::Detected,
            Mark::Contained,
            Some(60 * MINUTE),
            "隔离用时（发现至核实隔离）",
            "time to contain (finding to verified containment)",
        ),
        (
            "scope",
            Mark::Detected,
            Mark::Scoped,
            Some(10 * MINUTE),
            "查清范围用时（发现至算出范围）",
            "time to scope (finding to scope)",
        ),
        (
            "draft",
            Mark::Detected,
            Mark::Drafted,
            Some(60 * MINUTE),
            "起草用时（发现至草稿齐备）",
            "time to draft (finding to all drafts)",
        ),
        (
            "repair",
            Mark::Detected,
            Mark::Repaired,
            None,
            "修复用时（发现至根因修复得到证明）",
            "time to repair (finding to proven fix)",
        ),
    ];
    rows.into_iter()
        .map(|(id, from, to, target_millis, zh, en)| Measure {
            id: id.to_owned(),
            label: Text::new(zh, en),
            millis: incident
                .mark(from)
                .zip(incident.mark(to))
                .map(|(from, to)| to.millis_since(from).max(0)),
            target_millis,
        })
        .collect()
}

/// What went well and what did not.
pub(super) fn judged(measures: &[Measure]) -> (Vec<Text>, Vec<Text>) {
    let (mut well, mut badly) = (Vec::new(), Vec::new());
    for measure in measures {
        let (Some(is), Some(aim)) = (measure.millis, measure.target_millis) else {
            continue;
        };
        let side = if measure.missed() {
            &mut badly
        } else {
            &mut well
        };
        side.push(Text::new(
            format!(
                "{}：{}，目标 {}",
                measure.label.zh,
                seconds(is),
                seconds(aim)
            ),
            format!(
                "{}: {}, aim {}",
                measure.label.en,
                seconds(is),
                seconds(aim)
            ),
        ));
    }
    (well, badly)
}

/// `1.250 s`.
pub(super) fn seconds(millis: i64) -> String {
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}
