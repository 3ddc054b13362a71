//! What can be wrong with a rule set, each fault with its file, line and rule.

use std::fmt;

/// One fault that keeps a rule set from loading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct LoadError {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: LoadErrorKind,
}

/// Where a fault stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// Name of the source, as it was given to the loader.
    pub file: String,
    /// Line from 1, when it can be told.
    pub line: Option<u32>,
    /// Title of the rule, when the document got that far.
    pub rule: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, " ({rule})")?;
        }
        Ok(())
    }
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// Not YAML, or not a document of the Sigma specification.
    #[error("{0}")]
    Parse(String),
    /// The file is larger than a rule file may be.
    #[error("the file has {size} bytes; a rule file may have {max}")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// The file holds no rule, correlation or filter: often one that is still being written.
    #[error("no rule, correlation or filter in the file")]
    Empty,
    /// Modifiers that contradict one another, or a value that a modifier can't take.
    #[error("field {field}: {reason}")]
    Item {
        /// The key of the detection item.
        field: String,
        /// Why.
        reason: String,
    },
    /// A regular expression that can't run in linear time and bounded memory, or isn't one.
    #[error("field {field}: regular expression refused: {reason}")]
    Regex {
        /// The key of the detection item.
        field: String,
        /// Why.
        reason: String,
    },
    /// The condition names a search that the rule doesn't have.
    #[error("the condition names {0:?}, which the rule doesn't define")]
    UnknownSearch(String),
    /// A placeholder that no list defines.
    #[error("placeholder %{0}% has no values: define it in the variables of the rule folder")]
    Placeholder(String),
    /// A correlation that refers to nothing.
    #[error("the correlation refers to {0:?}, but no rule has that id or name")]
    UnknownRule(String),
    /// A correlation that leads back to itself.
    #[error("the correlation refers to itself through {0:?}")]
    Cycle(String),
    /// A correlation that says something which can't be.
    #[error("correlation: {0}")]
    Correlation(String),
    /// Two rules with the same id or name.
    #[error("{what} {value:?} is used by another rule as well")]
    Duplicate {
        /// `id` or `name`.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A part of the specification that this engine doesn't have.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// A processing pipeline that can't be used.
    #[error("pipeline: {0}")]
    Pipeline(String),
    /// The `hudun:` attribute is not as documented.
    #[error("hudun: {0}")]
    Attribute(String),
}

/// Every fault of a rule set. Nothing of it was put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}
