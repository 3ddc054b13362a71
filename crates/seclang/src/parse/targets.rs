//! `ARGS|!ARGS:secret|&TX:x|XML:/*`: what a rule looks at.

use regex::bytes::Regex;

use crate::error::LoadErrorKind;
use crate::pattern::compile_selector;
use crate::variable::Var;

/// Which entries of a collection.
#[derive(Clone, Debug)]
pub(crate) enum Selector {
    /// All of them, or the variable is no collection.
    All,
    /// The one with this name, in lower case.
    Name(Box<[u8]>),
    /// Those whose name matches.
    Regex(Regex),
}

impl Selector {
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Name(want) => want.eq_ignore_ascii_case(name),
            Self::Regex(re) => re.is_match(name),
        }
    }

    /// Two selectors that are written alike.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::Name(a), Self::Name(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

/// One thing a rule looks at.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) var: Var,
    pub(crate) selector: Selector,
    /// `&`: the number of entries instead of the entries.
    pub(crate) count: bool,
}

/// Everything a rule looks at, and what it leaves out.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetList {
    pub(crate) include: Vec<Target>,
    pub(crate) exclude: Vec<Target>,
}

pub(crate) fn parse_targets(text: &str) -> Result<TargetList, LoadErrorKind> {
    let mut list = TargetList::default();
    for piece in split(text) {
        let piece = piece.trim();
        let (exclude, rest) = match piece.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, piece),
        };
        let (count, rest) = match rest.strip_prefix('&') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (name, key) = match rest.split_once(':') {
            Some((name, key)) => (name, Some(key)),
            // `TX.name` is how macros write it; some rules do so in targets, too.
            None => match rest.split_once('.') {
                Some((name, key)) => (name, Some(key)),
                None => (rest, None),
            },
        };
        let var = Var::parse(name)?;
        let selector = match key {
            None => Selector::All,
            Some(key) => selector(var, key)?,
        };
        if !matches!(selector, Selector::All) && !var.is_collection() {
            return Err(LoadErrorKind::value(
                "variable",
                rest,
                "no selector: this variable is one value",
            ));
        }
        let target = Target {
            var,
            selector,
            count,
        };
        if exclude {
            list.exclude.push(target)
        } else {
            list.include.push(target)
        }
    }
    Ok(list)
}

fn selector(var: Var, key: &str) -> Result<Selector, LoadErrorKind> {
    if var == Var::Xml {
        return match key {
            "/*" | "//*" => Ok(Selector::Name(Box::from(*b"/*"))),
            "//@*" => Ok(Selector::Name(Box::from(*b"//@*"))),
            _ => Err(LoadErrorKind::Unsupported {
                what: "XPath",
                name: key.to_owned(),
                reason: "this engine knows XML:/* (all text) and XML://@* (all attribute values); use one of them",
            }),
        };
    }
    let key = match key.strip_prefix('\'').and_then(|k| k.strip_suffix('\'')) {
        Some(inner) => inner,
        None => key,
    };
    if let Some(body) = key.strip_prefix('/').and_then(|k| k.strip_suffix('/')) {
        return Ok(Selector::Regex(compile_selector(body)?));
    }
    Ok(Selector::Name(
        key.to_ascii_lowercase().into_bytes().into_boxed_slice(),
    ))
}

/// Splits at `|`, but not inside a `/regex/` selector, and at `,` between targets of an update.
fn split(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut start = 0;
    let mut in_regex = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_regex => at += 1,
            b'/' if in_regex => {
                if matches!(bytes.get(at + 1), None | Some(b'|' | b',' | b'\'' | b' ')) {
                    in_regex = false;
                }
            }
            b'/' if at > start
                && matches!(bytes[at - 1], b':' | b'\'')
                && !text[start..at].to_ascii_uppercase().contains("XML:") =>
            {
                in_regex = true;
            }
            b'|' | b',' if !in_regex => {
                out.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    out.push(&text[start..]);
    out.retain(|piece| !piece.trim().is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        let list = parse_targets(
            "REQUEST_COOKIES|!REQUEST_COOKIES:/^_ga(?:_\\w+|x)?$/|&TX:a|XML://@*|ARGS:Foo",
        )
        .unwrap();
        assert_eq!(list.include.len(), 4);
        assert_eq!(list.exclude.len(), 1);
        assert!(list.exclude[0].selector.matches(b"_ga_12"));
        assert!(list.include[1].count);
        assert!(list.include[3].selector.matches(b"fOO"));
    }

    #[test]
    fn unknown_variable_and_useless_selector() {
        assert!(
            parse_targets("ARGZ")
                .unwrap_err()
                .to_string()
                .contains("ARGZ")
        );
        assert!(parse_targets("REQUEST_METHOD:x").is_err());
        assert!(parse_targets("XML:/a/b").is_err());
    }
}
