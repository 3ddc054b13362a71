//! Values of a detection item made into what is looked for: literals, wildcards, encodings, placeholders.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsigma_parser::{SigmaString, SpecialChar, StringPart};

use crate::atom::{Test, TextOp, TextTest};
use crate::error::LoadErrorKind;
use crate::expression;
use crate::modifiers::Modifiers;

pub(crate) fn literal(text: &str, modifiers: &Modifiers<'_>, keyword: bool) -> Test {
    let op = if keyword {
        TextOp::Contains
    } else {
        modifiers.op
    };
    literal_with(text, op, modifiers.cased)
}

pub(crate) fn literal_with(text: &str, op: TextOp, cased: bool) -> Test {
    let literal = if cased {
        text.into()
    } else {
        text.to_lowercase().into()
    };
    Test::Text(TextTest { op, literal, cased })
}

/// A value with wildcards, or with dashes that stand for one another, as an automaton.
pub(crate) fn wildcard(
    text: &SigmaString,
    modifiers: &Modifiers<'_>,
    keyword: bool,
) -> Result<Test, LoadErrorKind> {
    let op = if keyword {
        TextOp::Contains
    } else {
        modifiers.op
    };
    let mut pattern = String::new();
    if matches!(op, TextOp::Exact | TextOp::Prefix) {
        pattern.push('^');
    }
    for part in &text.parts {
        match part {
            StringPart::Plain(plain) => {
                let plain = if modifiers.cased {
                    plain.clone()
                } else {
                    plain.to_lowercase()
                };
                if modifiers.windash {
                    for c in plain.chars() {
                        if DASHES.contains(&c) {
                            pattern.push_str("[-/\u{2013}\u{2014}\u{2015}]");
                        } else {
                            pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
                        }
                    }
                } else {
                    pattern.push_str(&regex::escape(&plain));
                }
            }
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str(".*"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push('.'),
        }
    }
    if matches!(op, TextOp::Exact | TextOp::Suffix) {
        pattern.push('$');
    }
    Ok(Test::Regex {
        regex: modifiers.expression(&pattern, expression::WILDCARDS)?,
        lowered: !modifiers.cased,
    })
}

/// The three encodings of a value, by where it may begin in a group of three bytes, without the characters that its
/// neighbours decide (specification, `base64offset`).
pub(crate) fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    const START: [usize; 3] = [0, 2, 3];
    const END: [usize; 3] = [0, 3, 2];
    (0..3)
        .filter_map(|offset| {
            let mut shifted = vec![b' '; offset];
            shifted.extend_from_slice(bytes);
            let encoded = STANDARD.encode(&shifted);
            let end = encoded.len() - END[shifted.len() % 3];
            encoded
                .get(START[offset]..end)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
        })
        .collect()
}

/// Puts the values of placeholders (`%name%`) in, every combination.
pub(crate) fn expand(
    text: &SigmaString,
    placeholders: &HashMap<String, Vec<String>>,
) -> Result<Vec<SigmaString>, LoadErrorKind> {
    let mut made = vec![String::new()];
    let mut rest = text.original.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        if let Some(before) = before.strip_suffix('\\') {
            for made in &mut made {
                made.push_str(before);
                made.push('%');
            }
            rest = after;
            continue;
        }
        let name = after.split_once('%').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
        });
        let Some((name, after)) = name else {
            for made in &mut made {
                made.push_str(before);
                made.push('%');
            }
            rest = after;
            continue;
        };
        let values = placeholders
            .get(name)
            .filter(|values| !values.is_empty())
            .ok_or_else(|| LoadErrorKind::Placeholder(name.to_owned()))?;
        if made.len() * values.len() > MAX_EXPANDED {
            return Err(LoadErrorKind::Placeholder(name.to_owned()));
        }
        made = made
            .iter()
            .flat_map(|made| {
                values
                    .iter()
                    .map(move |value| format!("{made}{before}{value}"))
            })
            .collect();
        rest = after;
    }
    Ok(made
        .into_iter()
        .map(|made| SigmaString::new(&format!("{made}{rest}")))
        .collect())
}

/// Characters that `windash` takes for one another.
pub(crate) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
/// Values that one placeholder expression may grow to.
const MAX_EXPANDED: usize = 10_000;
