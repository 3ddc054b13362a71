//! 态势总览: everything at one glance.

use hudun_core::{IncidentId, LossReason, Text, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::{LossReasonWord, TextWord};
use crate::{Approval, FindingView, IncidentSummary, RevisionSummary};

/// The overview.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// When it was put together.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Open cases, gravest first.
    pub open: Vec<IncidentSummary>,
    /// Numbers since the start of the day.
    pub counters: Counters,
    /// Deadlines that run, nearest first.
    pub clocks: Vec<Clock>,
    /// 1-10-60: detect, understand, contain.
    pub gauges: Vec<Gauge>,
    /// Requests per minute, oldest first, at most 120 points.
    pub activity: Vec<ActivityPoint>,
    /// What was dropped, skipped, truncated or timed out.
    pub losses: Vec<LossCount>,
    /// How the parts of Hudun are.
    pub parts: Vec<PartHealth>,
    /// The policy in force.
    pub policy: RevisionSummary,
    /// The share of served bytes that sightings and known structure explain, 0 to 1; none when nothing was served.
    pub coverage: Option<f64>,
    /// The latest findings, newest first, at most 20.
    pub findings: Vec<FindingView>,
    /// Decisions that wait for a second person.
    pub approvals: Vec<Approval>,
    /// Present when this is the demo.
    pub demo: Option<DemoView>,
}

/// Numbers since the start of the day (UTC+8).
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Counters {
    /// Requests that went through the gateway.
    pub exchanges: u64,
    /// Requests that policy or inspection refused.
    pub refused: u64,
    /// Findings.
    pub findings: u64,
    /// Restrictions in force now.
    pub restrictions: u64,
    /// Cases opened.
    pub incidents: u64,
}

/// A deadline that runs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Clock {
    /// The case.
    #[schema(value_type = String)]
    pub incident: IncidentId,
    /// What is due.
    #[schema(value_type = TextWord)]
    pub what: Text,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
}

/// One of the 1-10-60 measures.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Gauge {
    /// `detect`, `understand`, `contain`.
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// The aim in milliseconds.
    pub target_ms: u64,
    /// The worst of the last cases; none when there was no case.
    pub worst_ms: Option<u64>,
    /// Of how many cases.
    pub cases: u32,
}

/// One minute.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ActivityPoint {
    /// The minute's beginning.
    #[schema(value_type = String, format = DateTime)]
    pub minute: Timestamp,
    /// Requests.
    pub exchanges: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Records with personal data released.
    pub rows: u64,
    /// Findings.
    pub findings: u64,
}

/// Losses of one reason since the start of the process.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LossCount {
    /// The reason.
    #[schema(value_type = LossReasonWord)]
    pub reason: LossReason,
    /// How many.
    pub count: u64,
}

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Works.
    Ok,
    /// Works in part.
    Degraded,
    /// Does not work.
    Down,
}

/// One part of Hudun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PartHealth {
    /// `gateway`, `lake`, `ledger`, …
    pub id: String,
    /// For a person.
    #[schema(value_type = TextWord)]
    pub label: Text,
    /// How it is.
    pub health: Health,
    /// One sentence.
    #[schema(value_type = TextWord)]
    pub note: Text,
}

/// What the demo shows beyond a real installation.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DemoView {
    /// Address of the SCRM through the gateway.
    pub scrm: String,
    /// Whether the SCRM runs with its hole.
    pub vulnerable: bool,
    /// The drill that runs now.
    pub drill: Option<String>,
}
