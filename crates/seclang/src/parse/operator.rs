//! `"!@name argument"`.

use crate::error::LoadErrorKind;

/// An operator as written.
#[derive(Clone, Debug)]
pub(crate) struct OperatorDecl {
    pub(crate) negated: bool,
    /// The name in lower case; `rx` when none is written.
    pub(crate) name: String,
    pub(crate) arg: String,
}

pub(crate) fn parse_operator(text: &str) -> Result<OperatorDecl, LoadErrorKind> {
    let text = text.trim_start();
    let (negated, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let Some(rest) = rest.strip_prefix('@') else {
        return Ok(OperatorDecl {
            negated,
            name: "rx".to_owned(),
            arg: rest.to_owned(),
        });
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let name = &rest[..end];
    if name.is_empty() {
        return Err(LoadErrorKind::syntax("`@` without the name of an operator"));
    }
    // One separating blank; anything further belongs to a pattern.
    let arg = rest[end..].trim_start();
    Ok(OperatorDecl {
        negated,
        name: name.to_ascii_lowercase(),
        arg: arg.to_owned(),
    })
}
