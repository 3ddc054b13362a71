//! What the console tells its viewers as it happens.

use hudun_core::{Grade, IncidentId, IncidentState, Level, NoticeId, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::FindingView;
use crate::schema::{GradeWord, IncidentStateWord, LevelWord, TextWord};

/// One event of the stream, with the number that a viewer resumes from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveEvent {
    /// Counts up by one.
    pub id: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened. Only enough to know what to fetch again, except where a second counts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Happening {
    /// An alert for the security lead; shown at once, without fetching anything.
    Alert {
        /// The case.
        #[schema(value_type = Option<String>)]
        incident: Option<IncidentId>,
        /// One line.
        #[schema(value_type = TextWord)]
        title: Text,
        /// How grave.
        #[schema(value_type = LevelWord)]
        level: Level,
        /// When the request that deserved it was read.
        #[schema(value_type = String, format = DateTime)]
        triggered_at: Timestamp,
    },
    /// An approval was asked for or decided.
    Approval {
        /// The approval.
        approval: String,
        /// The case, when there is one.
        #[schema(value_type = Option<String>)]
        incident: Option<IncidentId>,
    },
    /// The clock of the server, every 15 seconds, so that count-downs agree with it.
    Clock,
    /// A drill began or ended.
    Drill {
        /// Its name.
        name: String,
        /// Whether it runs.
        running: bool,
    },
    /// Exposures, assets or feeds changed.
    Exposures,
    /// A new finding.
    Finding {
        /// The finding.
        finding: Box<FindingView>,
    },
    /// A case was opened or changed.
    Incident {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
        /// Where it stands.
        #[schema(value_type = IncidentStateWord)]
        state: IncidentState,
        /// How grave it is.
        #[schema(value_type = GradeWord)]
        grade: Grade,
    },
    /// A notice changed.
    Notice {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
        /// The notice.
        #[schema(value_type = String)]
        notice: NoticeId,
    },
    /// Numbers of the overview changed.
    Overview,
    /// The policy has a new revision.
    Policy {
        /// The revision.
        revision: u64,
    },
    /// Patch, proof or root fix changed.
    Repair {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
    },
    /// Events were missed: fetch everything again.
    Reset,
    /// The run of a case went on.
    Run {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
    },
    /// Scope, duties or severity were computed.
    Scope {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
    },
    /// A task changed.
    Task {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
    },
    /// The timeline of a case grew.
    Timeline {
        /// The case.
        #[schema(value_type = String)]
        incident: IncidentId,
    },
}
