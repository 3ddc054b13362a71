//! Texts with `%{VARIABLE.key}` in them.

use crate::error::LoadErrorKind;
use crate::variable::Var;

/// A text whose macros are filled from the transaction when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Box<[u8]>),
    /// A variable; the key is in lower case and empty when there is none.
    Macro(Var, Box<[u8]>),
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, LoadErrorKind> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("%{") {
            let Some(end) = rest[at..].find('}') else {
                return Err(LoadErrorKind::syntax(format!(
                    "macro in `{text}` is never closed with `}}`"
                )));
            };
            if at > 0 {
                parts.push(Part::Text(rest.as_bytes()[..at].into()));
            }
            let inner = &rest[at + 2..at + end];
            let (name, key) = inner.split_once(['.', ':']).unwrap_or((inner, ""));
            parts.push(Part::Macro(
                Var::parse(name)?,
                key.to_ascii_lowercase().into_bytes().into(),
            ));
            rest = &rest[at + end + 1..];
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Text(rest.as_bytes().into()));
        }
        Ok(Self { parts })
    }

    /// The text, when no macro is in it.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros() {
        let t = Template::parse("a%{tx.B}c%{REQUEST_LINE}").unwrap();
        assert_eq!(t.parts.len(), 4);
        assert_eq!(t.parts[1], Part::Macro(Var::Tx, Box::from(*b"b")));
        assert!(Template::parse("%{tx.a").is_err());
        assert!(Template::parse("%{nope}").is_err());
    }
}
