//! The body of a request, by what it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::view::{MOST_PARAMS, Malformed};
use crate::{json, multipart, xmlrpc};

/// The body of a request.
#[derive(Clone, Default, Serialize, Deserialize)]
pub enum BodyView {
    /// There is none.
    #[default]
    Absent,
    /// There is one, but it has not been read.
    Unread,
    /// It has been read and is of no kind that Hudun understands.
    Opaque,
    /// JSON.
    Json(Value),
    /// An XML-RPC call as `{"method": …, "params": […]}`.
    Xml(Value),
    /// A form, urlencoded.
    Form(Vec<(String, String)>),
    /// A form in parts, with files.
    Multipart {
        /// Fields that are no files.
        fields: Vec<(String, String)>,
        /// Files.
        files: Vec<File>,
    },
    /// The text of a GraphQL document (`application/graphql`).
    GraphQl(String),
}

/// A file in a form; its content is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The field.
    pub field: String,
    /// The file's name, as the client gave it.
    pub name: String,
}

impl BodyView {
    /// Reads a whole body by its content type.
    pub(crate) fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Ok(Self::Absent);
        }
        let full = content_type.unwrap_or_default();
        let kind = full
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| Malformed::Body("the form is no ASCII".to_owned()))?;
                return Ok(Self::Form(pairs(text)?));
            }
            "multipart/form-data" => return multipart::read(full, bytes),
            "application/graphql" => {
                return String::from_utf8(bytes.to_vec())
                    .map(Self::GraphQl)
                    .map_err(|_| Malformed::Body("the document is no UTF-8".to_owned()));
            }
            "text/xml" | "application/xml" => return xmlrpc::read(bytes),
            _ => {}
        }
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if kind.ends_with("json") {
            return json::strict(bytes)
                .map(Self::Json)
                .map_err(|error| Malformed::Body(format!("JSON: {}", shorten(&error))));
        }
        // Some servers read JSON or XML whatever the content type says; so does Hudun, when it looks like it.
        match first {
            Some(b'{' | b'[') => match json::strict(bytes) {
                Ok(value) => Ok(Self::Json(value)),
                Err(error) if error.classify() == serde_json::error::Category::Data => {
                    Err(Malformed::Body(format!("JSON: {}", shorten(&error))))
                }
                Err(_) => Ok(Self::Opaque),
            },
            Some(b'<') => Ok(xmlrpc::read(bytes).unwrap_or(Self::Opaque)),
            _ => Ok(Self::Opaque),
        }
    }

    /// Form fields, of whatever form.
    pub fn form(&self) -> &[(String, String)] {
        match self {
            Self::Form(fields) | Self::Multipart { fields, .. } => fields,
            _ => &[],
        }
    }

    /// Files of a form.
    pub fn files(&self) -> &[File] {
        match self {
            Self::Multipart { files, .. } => files,
            _ => &[],
        }
    }

    /// The body as JSON, where it is or can be read as such.
    pub fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) | Self::Xml(value) => Some(value),
            _ => None,
        }
    }
}

/// Decodes `a=1&b=2`.
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let mut found = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if found.len() == MOST_PARAMS {
            return Err(Malformed::Params("more than 1,000 parameters"));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.push((plain(name), plain(value)));
    }
    Ok(found)
}

fn plain(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

/// The message without a value of the body in it.
fn shorten(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a key stands twice in one object",
        serde_json::error::Category::Eof => "it ends too early",
        _ => "bad syntax",
    };
    format!("{what} (line {} column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_read_by_its_type_and_by_its_look() {
        let json =
            |kind: Option<&str>, bytes: &[u8]| BodyView::read(kind, bytes).unwrap().json().cloned();
        assert!(json(Some("application/json; charset=utf-8"), b"{\"a\":1}").is_some());
        assert!(json(Some("application/vnd.api+json"), b"{\"a\":1}").is_some());
        assert!(json(Some("text/plain"), b" {\"a\":1}").is_some());
        assert!(json(None, b"[1]").is_some());
        assert!(json(Some("application/octet-stream"), b"\x00\x01").is_none());
    }

    #[test]
    fn a_body_that_is_not_what_it_says_is_refused() {
        assert!(BodyView::read(Some("application/json"), b"{").is_err());
        assert!(BodyView::read(Some("application/json"), b"{\"a\":NaN}").is_err());
        assert!(BodyView::read(Some("text/plain"), b"{\"a\":1,\"a\":2}").is_err());
        let utf16: Vec<u8> = "{\"a\":1}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(BodyView::read(Some("application/json"), &utf16).is_err());
    }

    #[test]
    fn an_error_never_quotes_the_body() {
        let error = BodyView::read(
            Some("application/json"),
            b"{\"13800000001\":1,\"13800000001\":2}",
        )
        .err()
        .unwrap();
        assert!(!error.to_string().contains("138"), "{error}");
    }

    #[test]
    fn a_form_is_decoded() {
        let form = BodyView::read(
            Some("application/x-www-form-urlencoded"),
            b"a=%E5%BC%A0+x&b&c=1=2",
        )
        .unwrap();
        let expected = [("a", "张 x"), ("b", ""), ("c", "1=2")];
        let found: Vec<_> = form
            .form()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, expected);
    }
}
