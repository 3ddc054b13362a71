//! Why a request was refused, in words that say what to do.

use hudun_core::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema::TextWord;

/// The body of every answer from 400 to 599.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable word for programs: `unauthenticated`, `forbidden`, `not-found`, `conflict`, `invalid`, `throttled`,
    /// `unavailable`, `internal`, …
    pub code: String,
    /// What went wrong and what to do, for a person.
    #[schema(value_type = TextWord)]
    pub message: Text,
    /// The field of the request that is wrong, when one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}
