//! The war-room: one case on one screen.

use hudun_core::{DrillId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::TextWord;
use crate::{
    AwarenessView, DutiesView, IncidentView, NoticeView, PatchView, RepairView, RestrictionView,
    RetrospectiveView, RunView, ScopeView, SeverityView, TaskView,
};

/// Everything about one case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WarRoom {
    /// When it was put together.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// 监: the case with its findings.
    pub incident: IncidentView,
    /// The statutory level beside the grade.
    pub statutory: Option<StatutoryLevel>,
    /// 响: tasks of the departments.
    pub tasks: Vec<TaskView>,
    /// 响: the run, once started.
    pub run: Option<RunView>,
    /// The ledger entries of the case, oldest first: the last 500.
    pub timeline: Vec<TimelineEntry>,
    /// How many entries there are in all.
    pub timeline_total: u64,
    /// 隔: the containment register of the case.
    pub containment: Vec<RestrictionView>,
    /// 析: the scope, once computed.
    pub scope: Option<ScopeView>,
    /// 析: when the case became an incident, as persons have decided, oldest first.
    pub awareness: Vec<AwarenessView>,
    /// 析: the duties, once computed.
    pub duties: Option<DutiesView>,
    /// 析: the severity, once computed.
    pub severity: Option<SeverityView>,
    /// 修: hot patches.
    pub patches: Vec<PatchView>,
    /// 修: whether the hole is shut.
    pub repair: RepairView,
    /// 通: notices.
    pub notices: Vec<NoticeView>,
    /// 防: the retrospective, once written.
    pub retrospective: Option<RetrospectiveView>,
    /// The evidence.
    pub evidence: EvidenceView,
}

/// The level that the law gives the case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StatutoryLevel {
    /// Its stable name.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Its number.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who; `hudun` for the machine.
    pub by: String,
    /// What, such as `containment.isolate`.
    pub kind: String,
    /// The same for a person.
    #[schema(value_type = TextWord)]
    pub text: Text,
    /// The entry's hash in the Merkle log.
    pub hash: String,
}

/// The evidence of a case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// Ledger entries of the case.
    pub entries: u64,
    /// Size of the whole ledger.
    pub tree_size: u64,
    /// Root hash of the last signed checkpoint.
    pub root: String,
    /// When that was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub checkpoint_at: Option<Timestamp>,
    /// Whether the ledger checked out when last verified.
    pub verified: Option<bool>,
}

/// Starts a drill.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrillStart {
    /// Its name: `stolen-account`.
    pub name: String,
}

/// A drill that was started.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DrillView {
    /// Its identifier.
    #[schema(value_type = String)]
    pub id: DrillId,
    /// Its name.
    pub name: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// One sentence.
    #[schema(value_type = TextWord)]
    pub message: Text,
}

impl Done {
    /// A command that was carried out, said in both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            message: Text::new(zh, en),
        }
    }
}

/// A file for the browser to save.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Its name, such as `incident-….hudun`.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl utoipa::PartialSchema for Download {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                utoipa::openapi::KnownFormat::Binary,
            )))
            .into()
    }
}

impl ToSchema for Download {}
