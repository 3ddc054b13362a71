//! One product statement for one version.

use super::because::{Because, Verdict, shown};
use super::loose::{is_commit, same_commit};
use super::order::{Key, Side, inside, orders};
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
                fixed: self.fixed(version, order),
            };
        }
        let mut weighed = Weighed::default();
        self.weigh_list(version, order, &mut weighed);
        let comparable = self.has_order();
        for range in &self.ranges {
            let held = if range.is_git() {
                commit(range, version, comparable)
            } else {
                holds(self, range, version, order)
            };
            weighed.put(held, range);
        }
        let mut verdict = weighed.verdict(self.default);
        if verdict.status == Status::Affected {
            verdict.fixed = self.fixed(version, order);
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
    fn weigh_list(&self, version: &str, order: Option<Ecosystem>, weighed: &mut Weighed) {
        if self.versions.is_empty() {
            return;
        }
        let mut why = None;
        for how in orders(self, &Range::all(Status::Affected), order) {
            let key = match Key::read(how, version) {
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
        if is_commit(version) && self.versions.iter().all(|listed| is_commit(listed)) {
            weighed.unsure.push((Status::Affected, Because::Commits));
        } else if let Some(why) = why {
            weighed
                .unsure
                .push((Status::Affected, Because::BadVersion { why }));
        }
    }

    /// The first version that is out of all affected ranges which hold this one.
    fn fixed(&self, version: &str, order: Option<Ecosystem>) -> Option<String> {
        let mut best: Option<(Option<Key>, &str)> = None;
        for range in &self.ranges {
            let Held::Yes(Status::Affected, _) = (if range.is_git() {
                Held::No(false)
            } else {
                holds(self, range, version, order)
            }) else {
                continue;
            };
            let how = orders(self, range, order).into_iter().next()?;
            let read = |text: &str| Key::read(how, text).ok();
            let own = read(version);
            let later = |text: &str| {
                own.as_ref().zip(read(text)).is_some_and(|(own, at)| {
                    own.compare(&at).is_some_and(std::cmp::Ordering::is_lt)
                })
            };
            let changed = range
                .changes
                .iter()
                .find(|change| change.status == Status::Unaffected && later(&change.at))
                .map(|change| change.at.as_str());
            let end = match &range.upper {
                Bound::Excluding(end) => Some(end.as_str()),
                _ => None,
            };
            let Some(end) = changed.or(end) else {
                continue;
            };
            let key = read(end);
            let further = match &best {
                Some((Some(one), _)) => key
                    .as_ref()
                    .and_then(|key| key.compare(one))
                    .is_some_and(std::cmp::Ordering::is_gt),
                _ => true,
            };
            if further {
                best = Some((key, end));
            }
        }
        best.map(|(_, end)| end.to_owned())
    }
}

/// Whether a range holds a version, and what it says of it then.
enum Held {
    /// With this status; the order was assumed.
    Yes(Status, bool),
    /// It does not; the order was assumed.
    No(bool),
    Unsure(Because),
}

fn holds(affected: &Affected, range: &Range, version: &str, own: Option<Ecosystem>) -> Held {
    if range.lower == Bound::Open && range.upper == Bound::Open && range.changes.is_empty() {
        return Held::Yes(range.status, false);
    }
    let mut first: Option<Because> = None;
    for how in orders(affected, range, own) {
        let key = match Key::read(how, version) {
            Ok(key) => key,
            Err(why) => {
                first.get_or_insert(Because::BadVersion { why });
                continue;
            }
        };
        let assumed = key.is_assumed();
        let ends = [
            inside(&range.lower, true, how, &key, version),
            inside(&range.upper, false, how, &key, version),
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
