//! Request bodies taken apart, with bounds on counts and depth.

mod boundary;
mod form;
mod json;
mod multipart;
mod xml;

pub(crate) use form::urlencoded;
pub(crate) use json::json;
pub(crate) use multipart::multipart;
pub(crate) use xml::xml;

/// Names and values.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What was wrong with a body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BodyFault {
    /// The body cannot be read as what it says it is.
    pub(crate) message: Option<String>,
    /// A `%` without two digits.
    pub(crate) bad_escape: bool,
    /// A count was over its limit.
    pub(crate) limit: bool,
}

impl BodyFault {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            ..Self::default()
        }
    }

    fn over(what: &str, limit: usize) -> Self {
        Self {
            message: Some(format!("{what}: more than {limit}")),
            limit: true,
            bad_escape: false,
        }
    }
}
