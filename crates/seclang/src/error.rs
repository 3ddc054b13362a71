//! What can be wrong with rules, said with file, line and what to do.

use std::fmt;
use std::sync::Arc;

/// Where in the rule files something stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file as it was named when loaded.
    pub file: Arc<str>,
    /// The first line of the directive, counted from 1.
    pub line: u32,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A rule file that cannot be loaded. Nothing is ever skipped silently: an unknown word is an error.
#[derive(Debug, thiserror::Error)]
#[error("{span}: {kind}")]
pub struct LoadError {
    /// Where it stands.
    pub span: Span,
    /// What is wrong and what to do.
    pub kind: LoadErrorKind,
}

/// What is wrong with a rule file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The file or a data file that it names cannot be read.
    #[error("cannot read {path}: {reason}; check that the file exists beside the rules")]
    Read {
        /// The file that was asked for.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Includes form a loop or nest too deep.
    #[error("includes nest deeper than {limit}; remove the loop")]
    IncludeDepth {
        /// The deepest nesting that is allowed.
        limit: usize,
    },
    /// The text of a directive cannot be split into words.
    #[error("{what}; close the quote or remove the stray text")]
    Syntax {
        /// What was found.
        what: String,
    },
    /// A word that this language doesn't have.
    #[error("unknown {what} `{name}`; check the spelling{hint}")]
    Unknown {
        /// directive, variable, operator, transformation, action …
        what: &'static str,
        /// The word as written.
        name: String,
        /// A remark, or nothing.
        hint: &'static str,
    },
    /// A word that this engine refuses on purpose.
    #[error("{what} `{name}` is not supported: {reason}")]
    Unsupported {
        /// directive, variable, operator …
        what: &'static str,
        /// The word as written.
        name: String,
        /// Why, and what to use instead.
        reason: &'static str,
    },
    /// A value that doesn't fit.
    #[error("{what}: `{value}` is not valid; expected {expected}")]
    Value {
        /// The directive or action.
        what: String,
        /// The value as written.
        value: String,
        /// What would be valid.
        expected: &'static str,
    },
    /// A pattern that doesn't compile in linear time.
    #[error(
        "pattern cannot be used: {reason}; lookaround and back-references have no linear-time form, rewrite the pattern without them, or remove the rule with SecRuleRemoveById"
    )]
    Pattern {
        /// What the pattern compiler said.
        reason: String,
    },
    /// A rule without `id`, or with one that is already taken.
    #[error("{0}")]
    Id(String),
    /// A chain that never ends, or a `skipAfter` to nowhere.
    #[error("{0}")]
    Flow(String),
}

impl LoadErrorKind {
    pub(crate) fn at(self, span: &Span) -> LoadError {
        LoadError {
            span: span.clone(),
            kind: self,
        }
    }

    pub(crate) fn value(
        what: impl Into<String>,
        value: impl Into<String>,
        expected: &'static str,
    ) -> Self {
        Self::Value {
            what: what.into(),
            value: value.into(),
            expected,
        }
    }

    pub(crate) fn syntax(what: impl Into<String>) -> Self {
        Self::Syntax { what: what.into() }
    }
}
