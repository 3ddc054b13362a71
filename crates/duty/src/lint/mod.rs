//! The linter.

mod data;

pub use self::data::{ClaimPattern, DetailPattern, LintData};
