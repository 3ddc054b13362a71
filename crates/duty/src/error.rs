//! What can be wrong, said with its place.

use thiserror::Error;

/// Facts that cannot be true together, or are out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FactError {
    /// The text is not JSON of the fact base's shape.
    #[error("facts: line {line}, column {column}: {message}")]
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader expected.
        message: String,
    },
    /// Two fields contradict each other.
    #[error("facts: `{left}` and `{right}` contradict each other: {why}")]
    Contradiction {
        /// The one field.
        left: String,
        /// The other field.
        right: String,
        /// What is wrong with them together.
        why: String,
    },
    /// A field is outside what is possible.
    #[error("facts: `{field}`: {why}")]
    Bounds {
        /// The field.
        field: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Everything that this crate refuses.
#[derive(Debug, Error)]
pub enum DutyError {
    /// The facts are wrong.
    #[error(transparent)]
    Facts(#[from] FactError),
    /// A content file does not have the shape it must have.
    #[error("{file}: {message}")]
    Content {
        /// The file, relative to the content folder.
        file: String,
        /// What is wrong; carries line and column where the parser knows them.
        message: String,
    },
    /// A rule is well-formed and makes no sense.
    #[error("{file}: rule {rule}: {field}: {why}")]
    Rule {
        /// The file.
        file: String,
        /// The rule id.
        rule: String,
        /// The field of the rule.
        field: String,
        /// What is wrong with it.
        why: String,
    },
    /// A folder or file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A template does not render.
    #[error("template {template}, section {section}, line {line}: {why}")]
    Template {
        /// The template file.
        template: String,
        /// The section in it.
        section: String,
        /// Line inside the section's body, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// No such template in this content.
    #[error("no template for notice kind {kind} in language {lang}")]
    NoTemplate {
        /// The notice kind.
        kind: String,
        /// The language tag.
        lang: String,
    },
    /// A notice, approval or receipt that is not JSON of its shape.
    #[error("{what}: line {line}, column {column}: {message}")]
    Input {
        /// Which input.
        what: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the reader expected.
        message: String,
    },
    /// The input is larger than allowed.
    #[error("{what}: {bytes} bytes, at most {limit} are read")]
    TooLarge {
        /// Which input.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A notice names a rule version that this content does not hold.
    #[error("the notice was made with rules {made_with}, these are rules {have}: render it again")]
    RuleVersion {
        /// The digest the notice carries.
        made_with: String,
        /// The digest of the rules at hand.
        have: String,
    },
    /// A value could not be written as JSON.
    #[error("cannot write JSON: {0}")]
    Json(String),
}
