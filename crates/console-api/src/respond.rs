//! 响: cases, runs and tasks.

use hudun_core::{
    Department, Grade, GradeRow, IncidentId, IncidentState, RunId, Stage, TaskId, TaskState, Text,
    TimelineMark, Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{
    DepartmentWord, GradeWord, IncidentStateWord, StageWord, TaskStateWord, TextWord,
    TimelineMarkWord,
};
use crate::{FindingView, Role};

/// A case in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentSummary {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: IncidentId,
    /// Whose customers are concerned.
    pub tenant: String,
    /// One line.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// How grave it is.
    #[schema(value_type = GradeWord)]
    pub grade: Grade,
    /// Where it stands.
    #[schema(value_type = IncidentStateWord)]
    pub state: IncidentState,
    /// Whether it is a drill.
    pub drill: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// The accounts under suspicion.
    pub suspects: Vec<String>,
    /// The modules concerned.
    pub modules: Vec<String>,
    /// How many findings belong to it.
    pub findings: u32,
    /// How many steps wait for a person.
    pub waiting: u32,
    /// The nearest deadline.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_due: Option<Timestamp>,
}

/// Cases, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct IncidentPage {
    /// The cases.
    pub items: Vec<IncidentSummary>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<String>,
}

/// A case in the war-room.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentView {
    /// What the list shows of it.
    #[serde(flatten)]
    pub summary: IncidentSummary,
    /// The rows of the grading table that fired.
    pub rows: Vec<RowView>,
    /// Measured moments, in the order in which they were set.
    pub marks: Vec<MarkView>,
    /// Its findings, oldest first, at most 100.
    pub evidence: Vec<FindingView>,
    /// The playbook offered.
    pub playbook: Option<PlaybookOffer>,
    /// Who took the case.
    pub acknowledged_by: Option<String>,
}

/// A row of the grading table that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowView {
    /// The row.
    pub id: String,
    /// The grade that it asks for.
    #[schema(value_type = GradeWord)]
    pub grade: Grade,
    /// What it says, with its numbers.
    #[schema(value_type = TextWord)]
    pub text: Text,
}

impl From<&GradeRow> for RowView {
    fn from(row: &GradeRow) -> Self {
        Self {
            id: row.id.clone(),
            grade: row.grade,
            text: row.text.clone(),
        }
    }
}

/// A measured moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MarkView {
    /// Which.
    #[schema(value_type = TimelineMarkWord)]
    pub mark: TimelineMark,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A playbook that can be started.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlaybookOffer {
    /// Its CACAO id.
    pub id: String,
    /// Its name.
    #[schema(value_type = TextWord)]
    pub name: Text,
    /// Its version: `modified` of the CACAO object.
    pub version: String,
    /// What it does, one line a step.
    pub steps: Vec<String>,
}

/// Starts a playbook.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Its CACAO id; the one offered when absent.
    #[serde(default)]
    pub playbook: Option<String>,
}

/// One execution of a playbook.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: RunId,
    /// The playbook's CACAO id.
    pub playbook: String,
    /// The playbook's name.
    #[schema(value_type = TextWord)]
    pub name: Text,
    /// The version that runs.
    pub version: String,
    /// SHA-256 of its canonical form.
    pub sha256: String,
    /// Where it stands.
    pub state: RunState,
    /// Who started it.
    pub started_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Its steps, in the order in which they run or would run.
    pub steps: Vec<StepView>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Steps are being done.
    Running,
    /// It waits for a person.
    Waiting,
    /// All done.
    Done,
    /// A step failed and nothing caught it.
    Failed,
    /// A person stopped it.
    Stopped,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// Its identifier within the playbook.
    pub id: String,
    /// Its name.
    #[schema(value_type = TextWord)]
    pub name: Text,
    /// The stage that it belongs to.
    #[schema(value_type = Option<StageWord>)]
    pub stage: Option<Stage>,
    /// The action, when a machine does it.
    pub action: Option<String>,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Who waits for what, when it waits.
    pub waiting: Option<Waiting>,
    /// What it left behind: one sentence.
    #[schema(value_type = Option<TextWord>)]
    pub receipt: Option<Text>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not reached.
    Pending,
    /// Being done.
    Running,
    /// Waits for a person.
    Waiting,
    /// Done.
    Done,
    /// Failed; the failure branch was taken if there is one.
    Failed,
    /// Nobody can tell whether it was done; a person must look.
    Unknown,
    /// On a branch that was not taken.
    Skipped,
}

/// Who waits for what.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// Who may decide.
    pub roles: Vec<Role>,
    /// What is asked.
    #[schema(value_type = TextWord)]
    pub question: Text,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Until when it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
}

/// A decision on a step that waits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepDecision {
    /// Approve or decline.
    pub approve: bool,
    /// Why.
    #[serde(default)]
    pub note: String,
}

/// A step that a person does.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: TaskId,
    /// Who does it.
    #[schema(value_type = DepartmentWord)]
    pub department: Department,
    /// What to do.
    #[schema(value_type = TextWord)]
    pub title: Text,
    /// When it is due.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// Where it stands.
    #[schema(value_type = TaskStateWord)]
    pub state: TaskState,
    /// Who took or finished it.
    pub by: Option<String>,
    /// What they wrote.
    pub note: String,
    /// Last change.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// Whether the request of an affected person lies sealed beside it, for whoever takes it.
    pub care: bool,
}

impl From<&hudun_core::Task> for TaskView {
    fn from(task: &hudun_core::Task) -> Self {
        Self {
            id: task.id,
            department: task.department,
            title: task.title.clone(),
            due_at: task.due_at,
            state: task.state,
            by: task.by.clone(),
            note: task.note.clone(),
            changed_at: task.changed_at,
            care: false,
        }
    }
}

/// What an affected person asked for on the public page, opened by whoever has taken the task.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CareView {
    /// What the person quotes.
    pub reference: String,
    /// Where they are answered: their e-mail address.
    pub address: String,
    /// What they wrote; may be empty.
    pub words: String,
    /// The language that they read: `zh-CN` or `en`.
    pub lang: String,
}

/// What happens to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskMove {
    /// I do it.
    Take,
    /// It is finished.
    Done,
    /// It is not needed; the note says why.
    Drop,
    /// Only the note changes.
    Note,
}

/// A change of a task.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChange {
    /// What happens.
    #[serde(rename = "move")]
    pub task_move: TaskMove,
    /// What the person writes, at most 2,000 characters.
    #[serde(default)]
    pub note: String,
}
