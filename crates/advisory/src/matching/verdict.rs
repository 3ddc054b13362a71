//! One product statement for one version.

use std::rc::Rc;

use super::because::{Because, Verdict, shown};
use super::loose::{is_commit, same_commit};
use super::order::{How, Key, Own, Side, inside, orders, sort_keys};
use crate::record::{Affected, Bound, Range, Status};
use crate::version::Ecosystem;

impl Affected {
    /// What it says of a version, as the type's documentation has it; its conditions ([`Affected::on`]) are not looked at.
    ///
    /// `order` is the order of the component's own registry. Where neither it nor the source names one, a general order is
    /// taken, and the verdict says so.
    pub fn verdict(&self, version: Option<&str>, order: Option<Ecosystem>) -> Verdict {
        let version = version.map(str::trim).filter(|text| !text.is_empty());
        let Some(version) = version else {
            return self.of_any_version();
        };
        if let Some(listed) = self
            .versions
            .iter()
            .find(|one| one.eq_ignore_ascii_case(version))
        {
            return Verdict {
                status: Status::Affected,
                because: Because::Listed {
                    version: listed.clone(),
                },
                order_assumed: false,
                fixed: self.fixed(&Own::new(version), order),
            };
        }
        let own = Own::new(version);
        let mut weighed = Weighed::default();
        self.weigh_list(&own, order, &mut weighed);
        let comparable = self.has_order();
        for range in &self.ranges {
            let held = if range.is_git() {
                commit(range, version, comparable)
            } else {
                holds(self, range, &own, order)
            };
            weighed.put(held, range);
        }
        let mut verdict = weighed.verdict(self.default);
        if verdict.status == Status::Affected {
            verdict.fixed = self.fixed(&own, order);
        }
        verdict
    }

    /// Without a version only what holds for all of them can be said.
    fn of_any_version(&self) -> Verdict {
        let mut weighed = Weighed::default();
        if !self.versions.is_empty() {
            weighed.unsure.push((Status::Affected, Because::NoVersion));
        }
        for range in &self.ranges {
            let everything = range.lower == Bound::Open && range.upper == Bound::Open;
            let held = if everything && range.changes.is_empty() {
                Held::Yes(range.status, false)
            } else {
                Held::Unsure(Because::NoVersion)
            };
            weighed.put(held, range);
        }
        weighed.verdict(self.default)
    }

    /// Whether anything but commits is named.
    fn has_order(&self) -> bool {
        self.ranges.iter().any(|range| !range.is_git())
            || self.versions.iter().any(|version| !is_commit(version))
    }

    /// A listed version may be written in another way: `1.0` for `1.0.0`.
    fn weigh_list(&self, own: &Own<'_>, order: Option<Ecosystem>, weighed: &mut Weighed) {
        if self.versions.is_empty() {
            return;
        }
        let mut why = None;
        for how in orders(self, &Range::all(Status::Affected), order) {
            let key = match own.read(how) {
                Ok(key) => key,
                Err(reason) => {
                    why.get_or_insert(reason);
                    continue;
                }
            };
            weighed.assumed |= key.is_assumed();
            let same = |listed: &&String| {
                Key::read(how, listed)
                    .is_ok_and(|listed| key.compare(&listed).is_some_and(std::cmp::Ordering::is_eq))
            };
            if let Some(listed) = self.versions.iter().find(same) {
                let because = Because::Listed {
                    version: listed.clone(),
                };
                weighed.yes.push((Status::Affected, because));
            }
            return;
        }
        if is_commit(own.text) && self.versions.iter().all(|listed| is_commit(listed)) {
            weighed.unsure.push((Status::Affected, Because::Commits));
        } else if let Some(why) = why {
            weighed
                .unsure
                .push((Status::Affected, Because::BadVersion { why }));
        }
    }

    /// The nearest later version at which an affected range ends and that no affected range holds; where there is none, the
    /// furthest at which one ends that holds this version.
    fn fixed(&self, own: &Own<'_>, order: Option<Ecosystem>) -> Option<String> {
        let mut ends: Vec<(Rc<Key>, &str)> = Vec::new();
        let mut first: Option<&str> = None;
        for range in &self.ranges {
            let Some(how) = self.mends(range, own, order) else {
                continue;
            };
            for end in ends_of(range) {
                first.get_or_insert(end);
                let later = |key: &Key| {
                    let own = own.read(how).ok()?;
                    own.compare(key).filter(|order| order.is_lt())
                };
                if let Ok(key) = Key::read(how, end)
                    && later(&key).is_some()
                    && ends.len() < MOST_ENDS
                {
                    ends.push((Rc::new(key), end));
                }
            }
        }
        sort_keys(&mut ends);
        let mended = ends
            .iter()
            .find(|(_, end)| !self.holds_affected(end, order, false));
        mended
            .or(ends.last())
            .map(|(_, end)| (*end).to_owned())
            // What can't be ordered is the source's word all the same.
            .or_else(|| first.map(str::to_owned))
    }

    /// The order of a range that affects the version; `None` for one that does not hold it, or whose versions are commits.
    fn mends(&self, range: &Range, own: &Own<'_>, order: Option<Ecosystem>) -> Option<How> {
        if range.is_git() {
            return None;
        }
        match holds(self, range, own, order) {
            Held::Yes(Status::Affected, _) => orders(self, range, order).next(),
            _ => None,
        }
    }

    /// Whether a version is affected by the statement's own words, its conditions aside. `strict`: also where that can't be told.
    pub(super) fn holds_affected(
        &self,
        version: &str,
        order: Option<Ecosystem>,
        strict: bool,
    ) -> bool {
        let own = Own::new(version);
        let held = |range: &Range| {
            !range.is_git()
                && match holds(self, range, &own, order) {
                    Held::Yes(status, _) => status == Status::Affected,
                    Held::Unsure(_) => strict && range.status == Status::Affected,
                    Held::No(_) => false,
                }
        };
        self.ranges.iter().any(held)
            || self
                .versions
                .iter()
                .any(|listed| listed.eq_ignore_ascii_case(version))
    }

    /// The versions at which its affected ranges end: those that a maker says to be mended.
    pub(super) fn ends(&self) -> impl Iterator<Item = &str> {
        let affected = |range: &&Range| {
            let changes = range.changes.iter().map(|change| change.status);
            !range.is_git()
                && std::iter::once(range.status)
                    .chain(changes)
                    .any(|status| status == Status::Affected)
        };
        self.ranges.iter().filter(affected).flat_map(ends_of)
    }
}

/// Where a range says that something is mended: behind its upper end, and where it changes to unaffected.
fn ends_of(range: &Range) -> impl Iterator<Item = &str> {
    let changed = range
        .changes
        .iter()
        .filter(|change| change.status == Status::Unaffected)
        .map(|change| change.at.as_str());
    let end = match &range.upper {
        Bound::Excluding(end) => Some(end.as_str()),
        _ => None,
    };
    changed.chain(end)
}

/// Most ends of ranges that a statement is asked for.
pub(super) const MOST_ENDS: usize = 64;

/// Whether a range holds a version, and what it says of it then.
enum Held {
    /// With this status; the order was assumed.
    Yes(Status, bool),
    /// It does not; the order was assumed.
    No(bool),
    Unsure(Because),
}

fn holds(affected: &Affected, range: &Range, version: &Own<'_>, own: Option<Ecosystem>) -> Held {
    if range.lower == Bound::Open && range.upper == Bound::Open && range.changes.is_empty() {
        return Held::Yes(range.status, false);
    }
    let mut first: Option<Because> = None;
    for how in orders(affected, range, own) {
        let key = match version.read(how) {
            Ok(key) => key,
            Err(why) => {
                first.get_or_insert(Because::BadVersion { why });
                continue;
            }
        };
        let assumed = key.is_assumed();
        let ends = [
            inside(&range.lower, true, how, &key, version.text),
            inside(&range.upper, false, how, &key, version.text),
        ];
        if ends.contains(&Side::Out) {
            return Held::No(assumed);
        }
        let doubt = ends.into_iter().find_map(|end| match end {
            Side::Unsure(why) => Some(why),
            _ => None,
        });
        let status = match doubt {
            None => status_at(range, how, &key),
            Some(why) => Err(why),
        };
        match status {
            Ok(status) => return Held::Yes(status, assumed),
            Err(why) => {
                first.get_or_insert_with(|| Because::Unsure {
                    range: shown(range),
                    why,
                });
            }
        }
    }
    Held::Unsure(first.unwrap_or(Because::Silent))
}

/// The status within a range, after its changes: the last that is not behind the version counts.
fn status_at(range: &Range, how: super::order::How, key: &Key) -> Result<Status, String> {
    let mut last: Option<(Key, Status)> = None;
    for change in &range.changes {
        let at = Key::read(how, &change.at)?;
        let unordered = || format!("the change at {:?} has no place in the order", change.at);
        if key.compare(&at).ok_or_else(unordered)?.is_lt() {
            continue;
        }
        let later = match &last {
            Some((before, _)) => at.compare(before).ok_or_else(unordered)?.is_ge(),
            None => true,
        };
        if later {
            last = Some((at, change.status));
        }
    }
    Ok(last.map_or(range.status, |(_, status)| status))
}

/// Commits have no order: only the very same one can be compared. `comparable`: the statement names versions besides.
fn commit(range: &Range, version: &str, comparable: bool) -> Held {
    if range.lower == Bound::Open && range.upper == Bound::Open && range.changes.is_empty() {
        return Held::Yes(range.status, false);
    }
    let same = |text: &String| same_commit(text, version);
    if let Some(change) = range.changes.iter().find(|change| same(&change.at)) {
        return Held::Yes(change.status, false);
    }
    match (&range.lower, &range.upper) {
        (_, Bound::Excluding(end)) if same(end) => Held::No(false),
        (Bound::Including(end), _) | (_, Bound::Including(end)) if same(end) => {
            Held::Yes(range.status, false)
        }
        _ if comparable && !is_commit(version) => Held::No(false),
        _ => Held::Unsure(Because::Commits),
    }
}

/// What the entries of a statement say together.
#[derive(Default)]
struct Weighed {
    yes: Vec<(Status, Because)>,
    /// Entries that may hold the version, and what they would say.
    unsure: Vec<(Status, Because)>,
    assumed: bool,
}

impl Weighed {
    fn put(&mut self, held: Held, range: &Range) {
        match held {
            Held::Yes(status, assumed) => {
                self.assumed |= assumed;
                // An entry that can't be read says nothing by itself; its words are worth showing.
                let because = Because::Range {
                    range: shown(range),
                    text: range.text.clone(),
                };
                // The first of each status is enough to tell why.
                if !self.yes.iter().any(|(known, _)| *known == status) {
                    self.yes.push((status, because));
                }
            }
            Held::No(assumed) => self.assumed |= assumed,
            Held::Unsure(because) => {
                let status = if range.changes.is_empty() {
                    range.status
                } else {
                    // A change may say anything.
                    Status::Unknown
                };
                if !self.unsure.iter().any(|(known, _)| *known == status) {
                    self.unsure.push((status, because));
                }
            }
        }
    }

    /// Affected is stronger than unknown, and that than unaffected. An entry that may or may not hold the version makes it
    /// unknown, unless it changes nothing either way.
    fn verdict(self, default: Option<Status>) -> Verdict {
        let strongest = self
            .yes
            .into_iter()
            .max_by_key(|(status, _)| weight(*status));
        let silent = strongest.is_none();
        let (status, because) = strongest.unwrap_or_else(|| {
            let because = match default {
                Some(_) => Because::Default,
                None => Because::Silent,
            };
            (default.unwrap_or_default(), because)
        });
        let doubt = self.unsure.into_iter().find(|(may, _)| {
            if silent {
                *may != status || because == Because::Silent
            } else {
                weight(*may) > weight(status)
            }
        });
        let (status, because) = match doubt {
            Some((_, because)) => (Status::Unknown, because),
            None => (status, because),
        };
        Verdict {
            status,
            because,
            order_assumed: self.assumed,
            fixed: None,
        }
    }
}

/// How strong a status is against another.
pub(super) const fn weight(status: Status) -> u8 {
    match status {
        Status::Affected => 2,
        Status::Unknown => 1,
        Status::Unaffected => 0,
    }
}
