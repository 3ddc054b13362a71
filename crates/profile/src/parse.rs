//! Reading a profile file.

use crate::{Gravity, Profile};

/// Longest profile that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// A profile that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is longer than a profile may be.
    #[error("{file}: longer than {LONGEST} bytes")]
    TooLong {
        /// The file.
        file: String,
    },
    /// It is no YAML, or says something that a profile can't say.
    #[error("{file}:{line}:{column}: {problem}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1; 0 when unknown.
        line: u64,
        /// Column, from 1; 0 when unknown.
        column: u64,
        /// What is wrong.
        problem: String,
    },
    /// Its parts do not fit together.
    #[error("{file}: {field}: {problem}")]
    Field {
        /// The file.
        file: String,
        /// The field, such as `routes[3].match[0].path`.
        field: String,
        /// What is wrong.
        problem: String,
    },
}

impl Profile {
    /// Reads a profile; `file` is its name in errors.
    ///
    /// # Errors
    /// [`ProfileError`] with line and column, or with the field.
    pub fn parse(text: &str, file: &str) -> Result<Self, ProfileError> {
        if text.len() > LONGEST {
            return Err(ProfileError::TooLong {
                file: file.to_owned(),
            });
        }
        let profile: Self = serde_saphyr::from_str(text).map_err(|error| {
            let (line, column) = error
                .location()
                .map_or((0, 0), |at| (at.line(), at.column()));
            let error = error.without_snippet().to_string();
            ProfileError::Syntax {
                file: file.to_owned(),
                line,
                column,
                problem: error.lines().next().unwrap_or_default().to_owned(),
            }
        })?;
        match profile
            .check()
            .into_iter()
            .find(|problem| problem.gravity == Gravity::Error)
        {
            Some(problem) => Err(ProfileError::Field {
                file: file.to_owned(),
                field: problem.field,
                problem: problem.problem,
            }),
            None => Ok(profile),
        }
    }
}
