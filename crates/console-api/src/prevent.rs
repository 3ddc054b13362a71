//! 防: what the case teaches.

use hudun_core::{Department, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{DepartmentWord, TextWord};

/// The retrospective.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetrospectiveView {
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The whole of it, Markdown, in both languages.
    #[schema(value_type = TextWord)]
    pub markdown: Text,
    /// Times to detect, alert, contain, scope, draft.
    pub measures: Vec<MeasureView>,
    /// What to do.
    pub actions: Vec<ActionItem>,
    /// The playbook's next version.
    pub playbook: Option<PlaybookDiff>,
    /// The assessment, line by line.
    pub assessment: Vec<AssessmentLine>,
}

/// A measure against its aim.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MeasureView {
    /// `detect`, `alert`, `contain`, `scope`, `draft`.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// Milliseconds; none when the moment was not reached.
    pub ms: Option<u64>,
    /// The aim.
    pub target_ms: Option<u64>,
}

/// Something to do afterwards.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ActionItem {
    /// Who.
    #[schema(value_type = DepartmentWord)]
    pub department: Department,
    /// What.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// What it follows from.
    #[schema(value_type = TextWord)]
    pub because: Text,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
}

/// The next version of the playbook against the one that ran.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlaybookDiff {
    /// Version that ran.
    pub from: String,
    /// Version proposed.
    pub to: String,
    /// Unified diff of the canonical JSON.
    pub diff: String,
    /// Why, line by line.
    #[schema(value_type = Vec<TextWord>)]
    pub reasons: Vec<Text>,
}

/// A line of the assessment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssessmentLine {
    /// What was asked.
    #[schema(value_type = TextWord)]
    pub item: Text,
    /// Whether it was met; none when it can't be told.
    pub met: Option<bool>,
    /// With what evidence.
    #[schema(value_type = TextWord)]
    pub note: Text,
}
