//! The retrospective: written from the record, so that nobody has to remember.
//!
//! The timeline is the case's ledger entries, one sentence each. The measures are differences of the case's marks.
//! What went well and what did not follows from them by fixed aims (see [`measures`]); what to do follows from what
//! happened ([`Retrospective::write`]). [`next_playbook`] proposes the playbook's next version from the run's own times.

mod markdown;
mod measure;
mod next;
mod sentence;

use std::collections::BTreeSet;

use hudun_core::{Department, Finding, Incident, IncidentId, ModuleId, Text, Timestamp};
use hudun_store::Keyed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use measure::{Measure, measures};
pub use next::{NextError, NextPlaybook, RunFacts, next_playbook};
pub use sentence::sentence;

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What was done.
    pub kind: String,
    /// The particulars.
    pub body: Value,
}

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The ledger entry that it stands on.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// One sentence.
    pub text: Text,
}

/// How a step of the run went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFact {
    /// The step's id.
    pub step: String,
    /// Its name.
    pub name: String,
    /// Whether a person did it.
    pub manual: bool,
    /// How long it took, waiting included.
    pub millis: u64,
    /// Whether it succeeded.
    pub succeeded: bool,
}

/// A duty with its deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyFact {
    /// The rule.
    pub rule: String,
    /// What it is called.
    pub title: Text,
    /// Until when.
    pub deadline: Option<Timestamp>,
    /// When it was fulfilled.
    pub met_at: Option<Timestamp>,
}

/// Persons counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Persons {
    /// Confirmed delivered.
    pub low: u64,
    /// Released.
    pub likely: u64,
    /// Not to be ruled out.
    pub high: u64,
    /// Share of bytes explained.
    pub coverage: f64,
}

/// Everything that the record tells of a case.
#[derive(Clone, Debug)]
pub struct CaseFile<'a> {
    /// The case.
    pub incident: &'a Incident,
    /// Its findings.
    pub findings: &'a [Finding],
    /// Its ledger entries.
    pub entries: &'a [Entry],
    /// Its scope.
    pub persons: Option<Persons>,
    /// Modules through which data left.
    pub leaked_through: &'a [ModuleId],
    /// Its duties.
    pub duties: &'a [DutyFact],
    /// Its run, step by step.
    pub steps: &'a [StepFact],
}

/// What an action is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// It does not happen again.
    Prevent,
    /// It does less harm.
    Mitigate,
    /// It is seen sooner.
    Detect,
}

/// Something to do afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionItem {
    /// Identifier, such as `root-fix`.
    pub id: String,
    /// Who answers for it.
    pub department: Department,
    /// What it is for.
    pub kind: ActionKind,
    /// What.
    pub what: Text,
    /// What it follows from.
    pub because: Text,
    /// Until when.
    pub due_at: Timestamp,
    /// The control that it strengthens.
    pub control: String,
}

/// The retrospective of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrospective {
    /// The case.
    pub incident: IncidentId,
    /// Its title.
    pub title: Text,
    /// A drill.
    pub drill: bool,
    /// When it was written.
    pub at: Timestamp,
    /// The timeline.
    pub timeline: Vec<Line>,
    /// The measures.
    pub measures: Vec<Measure>,
    /// Persons counted.
    pub persons: Option<Persons>,
    /// What went well.
    pub well: Vec<Text>,
    /// What did not.
    pub badly: Vec<Text>,
    /// What to do.
    pub actions: Vec<ActionItem>,
    /// The duties with their margins.
    pub duties: Vec<DutyFact>,
    /// The run.
    pub steps: Vec<StepFact>,
}

impl Keyed for Retrospective {
    const COLLECTION: &'static str = "retrospective";

    fn id(&self) -> String {
        self.incident.to_string()
    }

    fn parent(&self) -> String {
        self.incident.to_string()
    }

    fn at(&self) -> i64 {
        self.at.as_millis()
    }
}

const DAY_MS: i64 = 24 * 60 * 60_000;

impl Retrospective {
    /// Writes it from the record.
    pub fn write(case: &CaseFile<'_>, now: Timestamp) -> Self {
        let mut timeline: Vec<Line> = case
            .entries
            .iter()
            .map(|entry| Line {
                seq: entry.seq,
                at: entry.at,
                by: entry.by.clone(),
                text: sentence(&entry.kind, &entry.body),
            })
            .collect();
        timeline.sort_by_key(|line| (line.at, line.seq));
        let measures = measures(case.incident);
        let (mut well, mut badly) = measure::judged(&measures);
        for duty in case.duties {
            let (Some(deadline), Some(met)) = (duty.deadline, duty.met_at) else {
                continue;
            };
            let side = if met <= deadline {
                &mut well
            } else {
                &mut badly
            };
            let minutes = deadline.millis_since(met).abs() / 60_000;
            let (zh, en) = if met <= deadline {
                ("提前", "early")
            } else {
                ("超期", "late")
            };
            side.push(Text::new(
                format!("{}：{zh} {minutes} 分钟", duty.title.zh),
                format!("{}: {minutes} minutes {en}", duty.title.en),
            ));
        }
        for step in case.steps.iter().filter(|step| !step.succeeded) {
            badly.push(Text::new(
                format!("步骤未成功：{}", step.name),
                format!("step failed: {}", step.name),
            ));
        }
        Self {
            incident: case.incident.id,
            title: case.incident.title.clone(),
            drill: case.incident.drill,
            at: now,
            timeline,
            measures,
            persons: case.persons,
            well,
            badly,
            actions: actions(case, now),
            duties: case.duties.to_vec(),
            steps: case.steps.to_vec(),
        }
    }

    /// Share of the run's steps that needed nobody, in percent; none without a run.
    pub fn automated_percent(&self) -> Option<usize> {
        let automated = self.steps.iter().filter(|step| !step.manual).count();
        (automated * 100).checked_div(self.steps.len())
    }
}

fn actions(case: &CaseFile<'_>, now: Timestamp) -> Vec<ActionItem> {
    let fired: BTreeSet<&str> = case.findings.iter().map(|f| f.rule.as_str()).collect();
    let mut items = Vec::new();
    let mut add =
        |id: &str, department, kind, days: i64, control: &str, what: Text, because: &str| {
            let why = case.findings.iter().find(|f| f.rule == because);
            items.push(ActionItem {
                id: id.to_owned(),
                department,
                kind,
                what,
                because: why.map_or_else(|| Text::new(because, because), |f| f.why.clone()),
                due_at: now.plus_millis(days * DAY_MS),
                control: control.to_owned(),
            });
        };
    for rule in ["scrm.id-walk", "scrm.injection-success"] {
        if fired.contains(rule) {
            add(
                "root-fix",
                Department::It,
                ActionKind::Prevent,
                7,
                "access-control",
                Text::new(
                    "在 SCRM 代码中修复根因，并加入回归测试；热补丁只是临时措施",
                    "fix the root cause in the SCRM's code with a regression test; the hot patch is for the time between",
                ),
                rule,
            );
            break;
        }
    }
    if fired.contains("scrm.new-network") {
        add(
            "step-up",
            Department::Security,
            ActionKind::Prevent,
            14,
            "authentication",
            Text::new(
                "从陌生网络登录时要求二次验证",
                "ask for a second factor at log-ins from new networks",
            ),
            "scrm.new-network",
        );
    }
    if fired.contains("scrm.bulk-export") {
        add(
            "export-approval",
            Department::Business,
            ActionKind::Mitigate,
            14,
            "export-approval",
            Text::new(
                "批量导出须经他人批准，并限制单次行数",
                "exports in bulk need another person's approval and a limit of rows",
            ),
            "scrm.bulk-export",
        );
    }
    for rule in ["scrm.brute-force", "scrm.credential-stuffing"] {
        if fired.contains(rule) {
            add(
                "login-limits",
                Department::It,
                ActionKind::Prevent,
                14,
                "authentication",
                Text::new(
                    "限制登录失败次数，排查被撞出的账号",
                    "limit failed log-ins and check the accounts that were tried",
                ),
                rule,
            );
            break;
        }
    }
    if let Some(detect) = measures(case.incident).iter().find(|m| m.id == "detect")
        && detect.missed()
    {
        add(
            "detect-sooner",
            Department::Security,
            ActionKind::Detect,
            30,
            "monitoring",
            Text::new(
                "调整监测阈值，使同样的攻击在一分钟内被发现",
                "set thresholds so that the same attack is seen within a minute",
            ),
            "detect",
        );
    }
    items
}

#[cfg(test)]
mod tests;
