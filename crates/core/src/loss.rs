//! Everything that can be dropped, skipped, truncated or timed out: one list for metric, log and console.

use serde::{Deserialize, Serialize};

/// Why something was lost or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LossReason {
    /// A bounded queue was full.
    QueueFull,
    /// A body was longer than inspection reads; the rest passed unclassified and lowers coverage.
    BodyTooLong,
    /// A body could not be decoded; it lowers coverage.
    Undecodable,
    /// A log or audit line could not be parsed.
    Unparseable,
    /// An alert could not be delivered after all retries.
    AlertUndelivered,
    /// Per-key state was dropped because its quota was full.
    StateEvicted,
    /// A record was torn at the end of the journal and cut off at start.
    TornTail,
    /// Data older than the retention was removed.
    Retention,
}

impl LossReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::QueueFull,
        Self::BodyTooLong,
        Self::Undecodable,
        Self::Unparseable,
        Self::AlertUndelivered,
        Self::StateEvicted,
        Self::TornTail,
        Self::Retention,
    ];

    /// The label of the metric.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue-full",
            Self::BodyTooLong => "body-too-long",
            Self::Undecodable => "undecodable",
            Self::Unparseable => "unparseable",
            Self::AlertUndelivered => "alert-undelivered",
            Self::StateEvicted => "state-evicted",
            Self::TornTail => "torn-tail",
            Self::Retention => "retention",
        }
    }
}
