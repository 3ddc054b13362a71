//! One version held against the ends of ranges, by whichever order fits.

use std::cmp::Ordering;

use super::loose::{self, Loose};
use crate::record::{Affected, Bound, Range};
use crate::version::{Ecosystem, Version};

/// Whose order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Of(Ecosystem),
    /// Nobody says: [`Loose`].
    Assumed,
    /// Days.
    Day,
}

/// A version as one order reads it.
pub(super) enum Key {
    Of(Version),
    Assumed(Loose),
    Day(Vec<u32>),
}

impl Key {
    pub(super) fn read(how: How, text: &str) -> Result<Self, String> {
        match how {
            How::Of(ecosystem) => Version::parse(ecosystem, text)
                .map(Self::Of)
                .map_err(|error| error.to_string()),
            How::Assumed => Loose::read(text)
                .map(Self::Assumed)
                .map_err(|why| format!("{:?}: {why}", short(text))),
            How::Day if loose::is_day(text.trim()) => {
                let parts = text.trim().split(['-', '/']);
                Ok(Self::Day(
                    parts.filter_map(|part| part.parse().ok()).collect(),
                ))
            }
            How::Day => Err(format!(
                "{:?} is no day, and the source gives days",
                short(text)
            )),
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Of(one), Self::Of(two)) => one.compare(two),
            (Self::Assumed(one), Self::Assumed(two)) => one.compare(two),
            (Self::Day(one), Self::Day(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The orders to try for a range, the best first; never none.
///
/// A source that names an order for a product which no registry holds is often wrong about it (`semver` for `2.3.7b`): the
/// general order is tried behind it. Where a registry is known, only its order and the named one count.
pub(super) fn orders(affected: &Affected, range: &Range, own: Option<Ecosystem>) -> Vec<How> {
    if range.version_type.as_deref() == Some("date") {
        return vec![How::Day];
    }
    let named = affected.order(range);
    let mut found: Vec<How> = named.into_iter().map(How::Of).collect();
    if let Some(own) = own.map(How::Of).filter(|own| !found.contains(own)) {
        found.push(own);
    }
    if own.is_none() && (affected.package.is_none() && affected.purl.is_none() || found.is_empty())
    {
        found.push(How::Assumed);
    }
    found
}

/// Where a version stands to one end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Side {
    In,
    Out,
    Unsure(String),
}

/// Whether a version is on the inner side of an end. `text` is the version as written.
pub(super) fn inside(bound: &Bound, lower: bool, how: How, key: &Key, text: &str) -> Side {
    let (written, including) = match bound {
        Bound::Open => return Side::In,
        Bound::Unreadable(text) => {
            return Side::Unsure(format!("its end {:?} is no version", short(text)));
        }
        Bound::Line(line) if in_line(text, line) => return Side::In,
        // Outside the line itself, its first version is where it begins, and all behind its last is behind its first.
        Bound::Line(line) => (line, true),
        Bound::Including(end) => (end, true),
        Bound::Excluding(end) => (end, false),
    };
    let end = match Key::read(how, written) {
        Ok(end) => end,
        Err(why) => return Side::Unsure(why),
    };
    let Some(order) = key.compare(&end) else {
        return Side::Unsure(format!("{text:?} and {written:?} have no order"));
    };
    let within = match (order, lower) {
        (Ordering::Equal, _) => including,
        (Ordering::Greater, lower) => lower,
        (Ordering::Less, lower) => !lower,
    };
    if within { Side::In } else { Side::Out }
}

/// Whether a version belongs to a line: `5.4.210` to `5.4`.
fn in_line(version: &str, line: &str) -> bool {
    fn bare(text: &str) -> &str {
        let text = text.trim();
        text.strip_prefix(['v', 'V']).unwrap_or(text)
    }
    fn same(one: &str, two: &str) -> bool {
        let plain = |text: &str| text.trim_start_matches('0').to_ascii_lowercase();
        one.eq_ignore_ascii_case(two)
            || one
                .bytes()
                .chain(two.bytes())
                .all(|byte| byte.is_ascii_digit())
                && plain(one) == plain(two)
    }
    let mut parts = bare(version).split(['.', '-', '+', '_', '~', ' ']);
    bare(line)
        .split('.')
        .all(|wanted| parts.next().is_some_and(|part| same(part, wanted)))
}
