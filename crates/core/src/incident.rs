//! The case, its grade, its tasks.

use serde::{Deserialize, Serialize};

use crate::{AccountId, FindingId, IncidentId, ModuleId, RunId, TaskId, TenantId, Text, Timestamp};

/// How grave a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Handle in working hours.
    Low,
    /// Handle today.
    Medium,
    /// Handle now, all departments.
    High,
}

/// One row of the grading table that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeRow {
    /// The row, such as `export-by-suspect`.
    pub id: String,
    /// The grade that the row asks for.
    pub grade: Grade,
    /// What the row says, with its numbers.
    pub text: Text,
}

/// The seven stages of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// 监
    Monitor,
    /// 响
    Respond,
    /// 隔
    Contain,
    /// 析
    Analyze,
    /// 修
    Repair,
    /// 通
    Inform,
    /// 防
    Prevent,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentState {
    /// Opened, nobody has taken it yet.
    Open,
    /// A playbook runs or people work on it.
    Handling,
    /// The attack can't go on.
    Contained,
    /// The hole is proven shut.
    Repaired,
    /// Retrospective written, everything lifted.
    Closed,
}

/// A moment that the measures of a case are computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimelineMark {
    /// First exchange of the attack.
    Onset,
    /// First finding.
    Detected,
    /// Alert sent.
    Alerted,
    /// A person took the case.
    Acknowledged,
    /// Containment verified.
    Contained,
    /// Scope computed.
    Scoped,
    /// All drafts ready.
    Drafted,
    /// Root fix proven.
    Repaired,
    /// Case closed.
    Closed,
}

/// The case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its identifier.
    pub id: IncidentId,
    /// Whose customers are concerned.
    pub tenant: TenantId,
    /// One line for a person.
    pub title: Text,
    /// How grave it is.
    pub grade: Grade,
    /// The rows that fired.
    pub rows: Vec<GradeRow>,
    /// Where it stands.
    pub state: IncidentState,
    /// The accounts under suspicion.
    pub suspects: Vec<AccountId>,
    /// The modules concerned.
    pub modules: Vec<ModuleId>,
    /// The findings that belong to it, oldest first.
    pub findings: Vec<FindingId>,
    /// The playbook offered, by CACAO id.
    pub playbook: Option<String>,
    /// The run, once started.
    pub run: Option<RunId>,
    /// Opened at.
    pub opened_at: Timestamp,
    /// Measured moments, in the order in which they were set; a mark is set once.
    pub marks: Vec<(TimelineMark, Timestamp)>,
    /// Whether this case is a drill.
    pub drill: bool,
}

impl Incident {
    /// The moment of a mark, once set.
    pub fn mark(&self, mark: TimelineMark) -> Option<Timestamp> {
        self.marks
            .iter()
            .find(|(set, _)| *set == mark)
            .map(|&(_, at)| at)
    }

    /// Sets a mark unless it is set. Returns whether it was new.
    pub fn set_mark(&mut self, mark: TimelineMark, at: Timestamp) -> bool {
        let new = self.mark(mark).is_none();
        if new {
            self.marks.push((mark, at));
        }
        new
    }
}

/// The departments of the response team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Department {
    /// 信息技术
    It,
    /// 信息安全
    Security,
    /// 法务
    Legal,
    /// 公关
    Pr,
    /// 业务
    Business,
}

/// A step that a person does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its identifier.
    pub id: TaskId,
    /// The case.
    pub incident: IncidentId,
    /// Who does it.
    pub department: Department,
    /// What to do.
    pub title: Text,
    /// When it is due.
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: TaskState,
    /// Who took or finished it.
    pub by: Option<String>,
    /// What they wrote.
    pub note: String,
    /// Last change.
    pub changed_at: Timestamp,
}

impl Task {
    /// Whether nothing more is to be done.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, TaskState::Done | TaskState::Dropped)
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Nobody has taken it.
    Open,
    /// Somebody works on it.
    Taken,
    /// Finished.
    Done,
    /// Not needed, with a note.
    Dropped,
}
