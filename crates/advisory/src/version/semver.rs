//! SemVer 2.0 (semver.org, clause 11), and what Dart and NuGet make of it.

use std::cmp::Ordering;

use super::number::Number;
use super::order::{by_cmp, filled};

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// semver.org; a build is left out.
    Plain,
    /// A build counts: with one is newer than without (pub_semver, "Version ordering").
    Pub,
    /// Pre-releases are compared without case; a build is left out (NuGet, "Package versioning").
    NuGet,
}

/// Numbers, pre-release, build.
#[derive(Clone, Debug)]
pub(super) struct Key {
    numbers: Vec<Number>,
    pre: Vec<Part>,
    build: Vec<Part>,
}

/// An identifier: numbers are older than words (clause 11.4.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(Number),
    Word(String),
}

impl Key {
    /// A `v` in front and missing numbers, as Go and npm write them, are taken as they mean.
    pub(super) fn read(text: &str, flavour: Flavour) -> Result<Self, &'static str> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (text, build) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, pre) = text.split_once('-').unwrap_or((text, ""));
        let numbers = numbers
            .split('.')
            .map(|part| {
                let good = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                good.then(|| Number::of(part))
                    .ok_or("it does not begin with numbers and dots")
            })
            .collect::<Result<Vec<_>, _>>()?;
        let parts = |text: &str| match flavour {
            _ if text.is_empty() => Vec::new(),
            Flavour::NuGet => text.to_ascii_lowercase().split('.').map(Part::of).collect(),
            _ => text.split('.').map(Part::of).collect(),
        };
        Ok(Self {
            numbers,
            pre: parts(pre),
            build: if flavour == Flavour::Pub {
                parts(build)
            } else {
                Vec::new()
            },
        })
    }
}

impl Part {
    fn of(text: &str) -> Self {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Number(Number::of(text))
        } else {
            Self::Word(text.to_owned())
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        filled(&self.numbers, &other.numbers, &Number::default(), Ord::cmp)
            // Without a pre-release is newer (11.3); else identifier by identifier, the longer one newer (11.4.4).
            .then_with(|| self.pre.is_empty().cmp(&other.pre.is_empty()))
            .then_with(|| self.pre.cmp(&other.pre))
            .then_with(|| self.build.cmp(&other.build))
    }
}

by_cmp!(Key);
