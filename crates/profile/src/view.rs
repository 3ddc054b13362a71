//! One request, read in one way only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::body::{self, BodyView};
use crate::path::CanonicalPath;

/// Most query or form parameters of one request.
pub(crate) const MOST_PARAMS: usize = 1_000;

/// A request that servers could read differently, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The path.
    #[error("the path can't be trusted: {0}")]
    Path(&'static str),
    /// The query or a form.
    #[error("the parameters can't be trusted: {0}")]
    Params(&'static str),
    /// The body.
    #[error("the body can't be trusted: {0}")]
    Body(String),
}

/// A request as the resolver, the policy and the inspection see it. Values are personal data until proven otherwise:
/// a view lives in memory and is written down only sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct RequestView {
    /// Method, as it came.
    pub method: String,
    /// The path in its one spelling.
    pub path: CanonicalPath,
    /// Query parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers with names in small letters, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyView,
}

impl RequestView {
    /// Reads method, path, query and headers; the body is [`BodyView::Absent`] until it is given.
    ///
    /// # Errors
    /// [`Malformed`] when the path or the query could be read in two ways.
    pub fn new(
        method: &str,
        raw_path: &str,
        raw_query: Option<&str>,
        headers: Vec<(String, String)>,
    ) -> Result<Self, Malformed> {
        Ok(Self {
            method: method.to_owned(),
            path: CanonicalPath::read(raw_path)?,
            query: body::pairs(raw_query.unwrap_or_default())?,
            headers,
            body: BodyView::Absent,
        })
    }

    /// Reads the body, which is whole and no longer compressed.
    ///
    /// # Errors
    /// [`Malformed`] when it says something in two ways (a JSON key twice) or is not what its content type says.
    pub fn read_body(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.body = BodyView::read(self.header("content-type"), bytes)?;
        Ok(())
    }

    /// The first header of this name (small letters).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a query parameter.
    pub fn query_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        values(&self.query, name)
    }

    /// Every value of a form field.
    pub fn form_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        values(self.body.form(), name)
    }

    /// The value at a JSON pointer of the body.
    pub fn json_at(&self, pointer: &str) -> Option<&Value> {
        self.body.json()?.pointer(pointer)
    }

    /// Every cookie of this name.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter(|(name, _)| name == "cookie")
            .flat_map(|(_, line)| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
    }
}

impl std::fmt::Debug for RequestView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestView({} ‹raw›)", self.method)
    }
}

fn values<'a>(pairs: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
    pairs
        .iter()
        .filter(move |(key, _)| same_name(key, name))
        .map(|(_, value)| value.as_str())
}

/// Whether a parameter's name is read as `wanted` by some server: PHP drops leading spaces, turns `.` and space into
/// `_` and takes `name[]` for `name`.
pub(crate) fn same_name(given: &str, wanted: &str) -> bool {
    if given == wanted {
        return true;
    }
    let given = given.trim_start();
    let given = given.split_once('[').map_or(given, |(name, _)| name);
    given.len() == wanted.len()
        && given
            .chars()
            .zip(wanted.chars())
            .all(|(a, b)| a == b || (b == '_' && matches!(a, ' ' | '.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_does_not_print_what_it_holds() {
        let view = RequestView::new("GET", "/a", Some("mobile=13800000001"), vec![]).unwrap();
        assert_eq!(format!("{view:?}"), "RequestView(GET ‹raw›)");
    }

    #[test]
    fn names_that_a_server_reads_alike_are_alike() {
        assert!(same_name(" module", "module"));
        assert!(same_name("module[]", "module"));
        assert!(same_name("entry.point", "entry_point"));
        assert!(!same_name("modul", "module"));
    }

    #[test]
    fn cookies_are_read_from_every_line() {
        let headers = vec![
            ("cookie".to_owned(), "a=1; b=\"2\"".to_owned()),
            ("cookie".to_owned(), "c=3".to_owned()),
        ];
        let view = RequestView::new("GET", "/", None, headers).unwrap();
        let found: Vec<_> = view.cookies().collect();
        assert_eq!(found, [("a", "1"), ("b", "2"), ("c", "3")]);
    }
}
