//! One version held against the ends of ranges, by whichever order fits.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::loose::{self, Loose};
use crate::record::{Affected, Bound, Range};
use crate::version::{Ecosystem, Version};

/// Whose order is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Of(Ecosystem),
    /// SemVer by the word of a source whose product no registry holds. Many say so of versions that are none: `M10` is older
    /// than `M2` to SemVer, and `2.3.7b` has no place there. Where the general order differs there is no answer.
    Claimed,
    /// Nobody says: [`Loose`].
    Assumed,
    /// Days.
    Day,
}

/// A version as one order reads it.
pub(super) enum Key {
    Of(Version),
    Claimed(Option<Version>, Option<Loose>),
    Assumed(Loose),
    Day(Vec<u32>),
}

impl Key {
    pub(super) fn read(how: How, text: &str) -> Result<Self, String> {
        match how {
            How::Of(ecosystem) => Version::parse(ecosystem, text)
                .map(Self::Of)
                .map_err(|error| error.to_string()),
            How::Claimed => {
                // CPE names are in small letters.
                let text = text.to_ascii_lowercase();
                match (Version::parse(Ecosystem::SemVer, &text), Loose::read(&text)) {
                    (Err(error), Err(_)) => Err(error.to_string()),
                    (version, loose) => Ok(Self::Claimed(version.ok(), loose.ok())),
                }
            }
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

    /// Whether nobody says that it is to be ordered like that.
    pub(super) const fn is_assumed(&self) -> bool {
        matches!(self, Self::Assumed(_) | Self::Claimed(None, _))
    }

    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Of(one), Self::Of(two)) => one.compare(two),
            (Self::Claimed(one, loose), Self::Claimed(two, other)) => {
                let both = one.as_ref().zip(two.as_ref());
                let general = loose.as_ref().zip(other.as_ref());
                let general = general.map(|(one, two)| one.compare(two));
                match (both.and_then(|(one, two)| one.compare(two)), general) {
                    (Some(claimed), Some(Some(general))) if claimed != general => None,
                    (Some(claimed), _) => Some(claimed),
                    (None, general) => general.flatten(),
                }
            }
            (Self::Assumed(one), Self::Assumed(two)) => one.compare(two),
            (Self::Day(one), Self::Day(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }
}

/// A version, read once for each order that it is asked for in: a statement may have thousands of ranges.
pub(super) struct Own<'a> {
    pub(super) text: &'a str,
    read: RefCell<Vec<(How, Result<Rc<Key>, String>)>>,
}

impl<'a> Own<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self {
            text,
            read: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn read(&self, how: How) -> Result<Rc<Key>, String> {
        let mut read = self.read.borrow_mut();
        if let Some((_, known)) = read.iter().find(|(known, _)| *known == how) {
            return known.clone();
        }
        let key = Key::read(how, self.text).map(Rc::new);
        read.push((how, key.clone()));
        key
    }
}

/// Sorts a few versions; those that have no order among each other stay as they are. By insertion: the standard sort may give
/// up on an order that is not total.
pub(super) fn sort_keys<T>(keys: &mut [(Rc<Key>, T)]) {
    for end in 1..keys.len() {
        let mut at = end;
        while at > 0
            && let Some([(before, _), (behind, _)]) = keys.get(at - 1..=at)
            && before.compare(behind) == Some(Ordering::Greater)
        {
            keys.swap(at - 1, at);
            at -= 1;
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// The orders to try for a range, the best first; never none.
pub(super) fn orders(
    affected: &Affected,
    range: &Range,
    own: Option<Ecosystem>,
) -> impl Iterator<Item = How> + use<> {
    let mut found = [None; 3];
    if range.version_type.as_deref() == Some("date") {
        found[0] = Some(How::Day);
        return found.into_iter().flatten();
    }
    let bare = own.is_none() && affected.package.is_none() && affected.purl.is_none();
    found[0] = affected.order(range).map(|order| match order {
        Ecosystem::SemVer if bare => How::Claimed,
        order => How::Of(order),
    });
    found[1] = own.map(How::Of).filter(|own| found[0] != Some(*own));
    let none = found[0].is_none() && found[1].is_none();
    if none || bare && found[0] != Some(How::Claimed) {
        found[2] = Some(How::Assumed);
    }
    found.into_iter().flatten()
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
