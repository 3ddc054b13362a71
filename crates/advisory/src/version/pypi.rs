//! Python: PEP 440, and below it the legacy order of setuptools for what PEP 440 does not know.

use super::number::{Number, digits};

/// PEP 440 versions are newer than all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Legacy(Vec<Legacy>),
    Pep440(Box<Pep440>),
}

/// A part in setuptools' old order, spelt out as a type: what is older stands first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Legacy {
    /// Words before `final`: `dev`, `a`, `b`, `rc` and others.
    Word(String),
    /// The end.
    Final,
    /// A hyphen behind a release, such as of a post-release.
    Hyphen,
    /// Words after `final`.
    Late(String),
    /// A number.
    Number(Number),
}

/// `[N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local]` (PEP 440, "Summary of permitted suffixes and relative ordering"). The order of
/// the fields is the order of comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pep440 {
    epoch: Number,
    /// Without zeros at the end.
    release: Vec<Number>,
    pre: Pre,
    /// A post-release, `None` when it is none.
    post: Option<Number>,
    dev: Dev,
    local: Vec<Local>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    /// A development release of the release itself is older than its pre-releases.
    BeforeAll,
    Phase(u8, Number),
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev {
    Of(Number),
    None,
}

/// Words of a local version are older than numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(Number),
}

impl Key {
    pub(super) fn read(text: &str) -> Self {
        let text = text.to_lowercase();
        match Pep440::read(&text) {
            Some(version) => Self::Pep440(Box::new(version)),
            None => Self::Legacy(legacy(&text)),
        }
    }
}

impl Pep440 {
    /// With every spelling that "Normalization" allows; `None` for what is none.
    fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, local) = match text.split_once('+') {
            Some((text, local)) => (text, Some(local)),
            None => (text, None),
        };
        let (epoch, mut rest) = match text.split_once('!') {
            Some((epoch, rest)) if is_number(epoch) => (Number::of(epoch), rest),
            Some(_) => return None,
            None => (Number::default(), text),
        };
        let mut release = Vec::new();
        loop {
            let (number, after) = digits(rest);
            if number.is_empty() {
                return None;
            }
            release.push(Number::of(number));
            match after.strip_prefix('.') {
                Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
                _ => {
                    rest = after;
                    break;
                }
            }
        }
        while release.len() > 1 && release.last().is_some_and(Number::is_zero) {
            release.pop();
        }
        let phase = suffix(
            &mut rest,
            &[
                ("alpha", 0),
                ("a", 0),
                ("beta", 1),
                ("b", 1),
                ("preview", 2),
                ("pre", 2),
                ("rc", 2),
                ("c", 2),
            ],
        );
        let mut post = suffix(&mut rest, &[("post", 0), ("rev", 0), ("r", 0)]).map(|(_, n)| n);
        if post.is_none()
            && let Some(after) = rest.strip_prefix('-')
        {
            let (number, after) = digits(after);
            if !number.is_empty() {
                post = Some(Number::of(number));
                rest = after;
            }
        }
        let dev = suffix(&mut rest, &[("dev", 0)]).map(|(_, number)| number);
        if !rest.is_empty() {
            return None;
        }
        let local = match local {
            None => Vec::new(),
            Some(local) => local
                .split(['.', '-', '_'])
                .map(Local::of)
                .collect::<Option<_>>()?,
        };
        let pre = match phase {
            Some((phase, number)) => Pre::Phase(phase, number),
            None if post.is_none() && dev.is_some() => Pre::BeforeAll,
            None => Pre::None,
        };
        Some(Self {
            epoch,
            release,
            pre,
            post,
            dev: dev.map_or(Dev::None, Dev::Of),
            local,
        })
    }
}

impl Local {
    fn of(text: &str) -> Option<Self> {
        if is_number(text) {
            return Some(Self::Number(Number::of(text)));
        }
        let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then(|| Self::Word(text.to_owned()))
    }
}

/// Takes `[._-]? name [._-]? digits?` off the front.
fn suffix(rest: &mut &str, names: &[(&str, u8)]) -> Option<(u8, Number)> {
    const SEPARATORS: [char; 3] = ['.', '_', '-'];
    let body = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    let (name, of) = names.iter().find(|(name, _)| body.starts_with(name))?;
    let after = &body[name.len()..];
    let (number, end) = digits(after.strip_prefix(SEPARATORS).unwrap_or(after));
    *rest = if number.is_empty() { after } else { end };
    Some((*of, Number::of(number)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Setuptools' old order: numbers, words and hyphens; `final` closes; what a hyphen or a zero before a word adds is dropped.
fn legacy(text: &str) -> Vec<Legacy> {
    let mut parts: Vec<Legacy> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let (number, after) = digits(rest);
            parts.push(Legacy::Number(Number::of(number)));
            rest = after;
            continue;
        }
        let end = if first.is_ascii_lowercase() {
            rest.find(|c: char| !c.is_ascii_lowercase())
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        rest = after;
        match word {
            "." => {}
            "-" => parts.push(Legacy::Hyphen),
            _ => push_word(&mut parts, word),
        }
    }
    trim(&mut parts);
    parts.push(Legacy::Final);
    parts
}

fn push_word(parts: &mut Vec<Legacy>, word: &str) {
    let word = match word {
        "pre" | "preview" | "rc" => "c",
        "dev" => "@",
        other => other,
    };
    if word < "final" {
        while parts.last() == Some(&Legacy::Hyphen) {
            parts.pop();
        }
    }
    trim(parts);
    parts.push(if word < "final" {
        Legacy::Word(word.to_owned())
    } else {
        Legacy::Late(word.to_owned())
    });
}

/// Zeros before a word or the end change nothing.
fn trim(parts: &mut Vec<Legacy>) {
    while matches!(parts.last(), Some(Legacy::Number(number)) if number.is_zero()) {
        parts.pop();
    }
}
