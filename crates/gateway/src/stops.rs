//! What the rules stopped in the last days: each kind of stop once a day, with how often. No value of a request is in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use hudun_core::{ExchangeId, ModuleId, RouteId, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that are remembered, today included.
const DAYS: i64 = 8;
/// Kinds of stops of one day; an attacker who makes up names of parameters can't fill the memory.
const MOST_KINDS: usize = 2_000;
const DAY_MS: i64 = 86_400_000;

/// What the rules said of requests that they stopped, or would have stopped, in the same way on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The route.
    pub route: RouteId,
    /// Its module.
    pub module: ModuleId,
    /// Whether they were refused, or would have been.
    pub blocked: bool,
    /// Rules that matched, with what each looked at as an exception names it (`ARGS:note`); empty when it has no name that could
    /// be used.
    pub rules: Vec<(u64, String)>,
    /// Class of the attack, such as `sqli`.
    pub class: String,
    /// One sentence in Chinese, of the last.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// How many.
    pub count: u64,
    /// The last exchange.
    pub last: ExchangeId,
    /// When it was.
    pub last_at: Timestamp,
}

/// The stops of one day, in days since 1970, UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopDay {
    /// The day.
    pub day: i64,
    /// Its stops.
    pub stops: Vec<Stop>,
    /// Stops whose kind found no room.
    pub crowded: u64,
}

/// The stops of the last days.
#[derive(Debug, Default)]
pub struct Stops(Mutex<BTreeMap<i64, Day>>);

type Kind = (RouteId, bool, Vec<(u64, String)>);

#[derive(Debug, Default)]
struct Day {
    kinds: HashMap<Kind, Stop>,
    crowded: u64,
    touched: bool,
}

impl Day {
    fn shown(&self, day: i64) -> StopDay {
        StopDay {
            day,
            stops: self.kinds.values().cloned().collect(),
            crowded: self.crowded,
        }
    }

    fn add(&mut self, stop: Stop) {
        let kind = (stop.route.clone(), stop.blocked, stop.rules.clone());
        let room = self.kinds.len() < MOST_KINDS;
        match self.kinds.get_mut(&kind) {
            Some(known) => {
                *known = Stop {
                    count: known.count + stop.count,
                    ..stop
                }
            }
            None if room => {
                self.kinds.insert(kind, stop);
            }
            None => self.crowded += stop.count,
        }
        self.touched = true;
    }
}

impl Stops {
    pub(crate) fn add(&self, stop: Stop) {
        let today = stop.last_at.as_millis().div_euclid(DAY_MS);
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.entry(today).or_default().add(stop);
        while let Some(oldest) = days.first_entry()
            && *oldest.key() <= today - DAYS
        {
            oldest.remove();
        }
    }

    /// Takes up what an earlier process has seen.
    pub fn restore(&self, kept: StopDay) {
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let day = days.entry(kept.day).or_default();
        day.crowded += kept.crowded;
        kept.stops.into_iter().for_each(|stop| day.add(stop));
        day.touched = false;
    }

    /// All that is remembered, the last one first.
    pub fn all(&self) -> Vec<Stop> {
        let days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Stop> = days
            .values()
            .flat_map(|day| day.kinds.values().cloned())
            .collect();
        all.sort_by_key(|stop| std::cmp::Reverse((stop.last_at, stop.last)));
        all
    }

    /// Days that have changed since the last call, to be written down.
    pub fn touched(&self) -> Vec<StopDay> {
        let mut days = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.iter_mut()
            .filter(|(_, of)| of.touched)
            .map(|(day, of)| {
                of.touched = false;
                of.shown(*day)
            })
            .collect()
    }

    /// The first day that still counts, `now` being today.
    pub const fn first_day(now: Timestamp) -> i64 {
        now.as_millis().div_euclid(DAY_MS) - DAYS + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(name: &str, at: i64) -> Stop {
        Stop {
            route: "customer.search".parse().unwrap(),
            module: "customers".parse().unwrap(),
            blocked: true,
            rules: vec![(942_100, format!("ARGS:{name}"))],
            class: "sqli".to_owned(),
            zh: String::new(),
            en: String::new(),
            count: 1,
            last: ExchangeId::new(),
            last_at: Timestamp::from_millis(at),
        }
    }

    #[test]
    fn kinds_are_counted_by_day_and_old_days_go() {
        let stops = Stops::default();
        for at in [0, 1, DAY_MS] {
            stops.add(stop("q", at));
        }
        let counts: Vec<u64> = stops.all().iter().map(|stop| stop.count).collect();
        assert_eq!(counts, [1, 2]);
        stops.add(stop("q", DAYS * DAY_MS));
        let counts: Vec<u64> = stops.all().iter().map(|stop| stop.count).collect();
        assert_eq!(counts, [1, 1], "the first day is gone");
    }

    #[test]
    fn made_up_names_find_an_end_and_are_counted() {
        let stops = Stops::default();
        for n in 0..MOST_KINDS as u64 + 5 {
            stops.add(stop(&format!("p{n}"), 0));
        }
        stops.add(stop("p0", 1));
        let kept = stops.touched().remove(0);
        assert_eq!((kept.stops.len(), kept.crowded), (MOST_KINDS, 5));
        assert!(stops.touched().is_empty(), "nothing new");
        let again = Stops::default();
        again.restore(kept);
        assert_eq!(again.all().len(), MOST_KINDS);
        assert_eq!(again.all().iter().map(|stop| stop.count).max(), Some(2));
        assert!(again.touched().is_empty());
    }
}
