//! 防 behind the desk: the retrospective from the record.

use std::sync::Arc;

use crate::office::Historian;
use crate::stages::Needs;

/// The historian over these stages.
pub fn historian(_needs: &Needs<'_>) -> Option<Arc<dyn Historian>> {
    None
}
