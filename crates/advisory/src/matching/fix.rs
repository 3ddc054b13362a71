//! Which version mends: one vulnerability, and all of a component.

use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;

use super::order::{How, Key, sort_keys};
use super::outcome::{Against, Said};
use super::report::Part;
use super::verdict::MOST_ENDS;
use crate::record::Status;
use crate::version::Ecosystem;

/// Most versions of a component that are tried.
pub(super) const MOST_TRIED: usize = 24;

/// The version to go to, for a component with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    /// The component.
    #[serde(serialize_with = "super::report::shared")]
    pub component: Arc<Part>,
    /// The nearest version that mends all, or else the nearest that mends most.
    pub version: String,
    /// What no statement holds to be in that version.
    pub mends: Vec<String>,
    /// What some statement holds to be in that version too, or may hold.
    pub leaves: Vec<String>,
    /// What it is unknown for now, and so after it.
    pub unknown: Vec<String>,
}

/// The fixes of one vulnerability.
#[derive(Default)]
pub(super) struct Fix {
    /// The nearest.
    pub(super) nearest: Option<String>,
    /// The nearest that is affected by nobody's word, where that is another.
    pub(super) by_all: Option<String>,
}

/// The nearest version that mends, by all statements that were recognised as surely as the one that decided.
///
/// A source that names several fixes without saying where the branches begin (`< 7.14.4`, `< 8.6.1`) holds the nearer one to be
/// affected by its own words. It is taken at those: it does not speak against a version that it calls mended itself.
pub(super) fn fix(
    said: &[(Said, Against<'_>)],
    decided_by: usize,
    proposed: bool,
    version: Option<&str>,
    own: Option<Ecosystem>,
) -> Fix {
    let Some((by, _)) = said.get(decided_by) else {
        return Fix::default();
    };
    let same = |one: &Said| {
        if proposed {
            one.identity == by.identity
        } else {
            one.identity.decides()
        }
    };
    let heard: Vec<&(Said, Against<'_>)> = said
        .iter()
        .filter(|(one, against)| same(one) && !against.upstream)
        .collect();
    let plain = || Fix {
        nearest: by.verdict.fixed.clone().or_else(|| {
            let fixes = said.iter().filter(|(one, _)| one.identity == by.identity);
            fixes
                .into_iter()
                .find_map(|(one, _)| one.verdict.fixed.clone())
        }),
        by_all: None,
    };
    let Some(version) =
        version.filter(|_| heard.len() > 1 && by.verdict.status != Status::Unaffected)
    else {
        return plain();
    };
    let how = own.map_or(How::Assumed, How::Of);
    let Ok(current) = Key::read(how, version) else {
        return plain();
    };
    let mut ends: Vec<(Rc<Key>, &str)> = Vec::new();
    for (_, against) in heard.iter().filter(|(_, against)| against.named) {
        for end in against.affected.ends() {
            if ends.len() >= MOST_ENDS || ends.iter().any(|(_, known)| *known == end) {
                continue;
            }
            if let Ok(key) = Key::read(how, end)
                && current.compare(&key) == Some(Ordering::Less)
            {
                ends.push((Rc::new(key), end));
            }
        }
    }
    sort_keys(&mut ends);
    let mut nearest = None;
    let mut by_all = None;
    for (_, end) in &ends {
        let against: Vec<&&(Said, Against<'_>)> = heard
            .iter()
            .filter(|(_, against)| against.holds(end))
            .collect();
        if against.is_empty() {
            nearest = nearest.or(Some(*end));
            by_all = Some(*end);
            break;
        }
        // Whoever names it as mended does not speak against it.
        let names = |one: &Said| {
            heard.iter().any(|(other, against)| {
                (other.source, &other.giver) == (one.source, &one.giver)
                    && against.affected.ends().any(|named| named == *end)
            })
        };
        if nearest.is_none() && against.iter().all(|(one, _)| names(one)) {
            nearest = Some(*end);
        }
    }
    match nearest {
        Some(nearest) => Fix {
            nearest: Some(nearest.to_owned()),
            by_all: by_all.filter(|all| *all != nearest).map(str::to_owned),
        },
        // All that is named is affected by somebody's word: the furthest is the best guess.
        None => match ends.last() {
            Some((_, end)) => Fix {
                nearest: Some((*end).to_owned()),
                by_all: None,
            },
            None => plain(),
        },
    }
}

impl Against<'_> {
    /// Whether it holds another version as affected. Where it holds the component's version, not knowing counts as yes.
    pub(super) fn holds(&self, version: &str) -> bool {
        self.affected.holds_affected(version, self.order, self.held)
    }
}

/// Versions to try for a component, the nearest first; the furthest of too many.
pub(super) fn tried<'a>(
    fixes: impl Iterator<Item = &'a str>,
    order: Option<Ecosystem>,
) -> Vec<&'a str> {
    let how = order.map_or(How::Assumed, How::Of);
    let mut found: Vec<(Rc<Key>, &str)> = Vec::new();
    for fix in fixes.take(MOST_ENDS * MOST_ENDS) {
        if found.iter().any(|(_, known)| *known == fix) {
            continue;
        }
        if let Ok(key) = Key::read(how, fix) {
            found.push((Rc::new(key), fix));
            sort_keys(&mut found);
            if found.len() > MOST_TRIED {
                found.remove(0);
            }
        }
    }
    found.into_iter().map(|(_, fix)| fix).collect()
}
