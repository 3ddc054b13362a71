//! What a correlation remembers of one group: enough for an exact answer at its threshold, never more than a cap.

use std::collections::{HashMap, VecDeque};
use std::mem::size_of;

use super::chain::{Chain, Link, Linked, NONE};
use super::sketch::Sketch;

/// Exact times and distinct values are kept up to this many; beyond it counts are bucketed and distinct counts estimated.
pub(crate) const EXACT: usize = 4096;
/// Buckets of a window whose values are no longer kept one by one.
const BUCKETS: i64 = 256;
/// Hits that a late event of an ordered correlation can be sorted into.
const REPLAYED: usize = 128;

/// Events in the window. Exact: of a threshold N only the newest N + 1 times matter.
#[derive(Debug)]
pub(crate) struct Count {
    pub(super) times: VecDeque<i64>,
    cap: usize,
}

impl Count {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            times: VecDeque::new(),
            cap,
        }
    }

    pub(crate) fn add(&mut self, at: i64, since: i64) -> usize {
        insert_sorted(&mut self.times, at, |time| *time);
        while self.times.front().is_some_and(|&time| time <= since) || self.times.len() > self.cap {
            self.times.pop_front();
        }
        self.times.len()
    }

    pub(crate) fn cost(&self) -> usize {
        self.times.capacity() * size_of::<i64>()
    }
}

/// Distinct values in the window. Exact: of a threshold N only the N + 1 values seen last matter.
#[derive(Debug)]
pub(crate) struct Distinct {
    seen: HashMap<u64, u32, foldhash::fast::FixedState>,
    slab: Vec<Value>,
    order: Chain,
    free: u32,
    cap: usize,
}

#[derive(Debug)]
struct Value {
    hash: u64,
    at: i64,
    link: Link,
}

impl Linked for Value {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Distinct {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            seen: HashMap::default(),
            slab: Vec::new(),
            order: Chain::default(),
            free: NONE,
            cap,
        }
    }

    pub(crate) fn add(&mut self, hash: u64, at: i64, since: i64) -> usize {
        let slot = match self.seen.get(&hash).copied() {
            Some(slot) if self.slab[slot as usize].at >= at => slot,
            Some(slot) => {
                self.order.remove(&mut self.slab, slot);
                self.slab[slot as usize].at = at;
                self.place(slot, at);
                slot
            }
            None => {
                let value = Value {
                    hash,
                    at,
                    link: Link::LOOSE,
                };
                let slot = if self.free == NONE {
                    self.slab.push(value);
                    u32::try_from(self.slab.len() - 1).unwrap_or(NONE)
                } else {
                    let slot = self.free;
                    self.free = self.slab[slot as usize].link.next;
                    self.slab[slot as usize] = value;
                    slot
                };
                self.seen.insert(hash, slot);
                self.place(slot, at);
                slot
            }
        };
        debug_assert_eq!(self.slab[slot as usize].hash, hash);
        while self.order.first != NONE
            && (self.slab[self.order.first as usize].at <= since || self.order.len > self.cap)
        {
            let oldest = self.order.first;
            self.order.remove(&mut self.slab, oldest);
            self.seen.remove(&self.slab[oldest as usize].hash);
            self.slab[oldest as usize].link.next = self.free;
            self.free = oldest;
        }
        self.order.len
    }

    /// The values with the time at which each was last seen, oldest first.
    pub(super) fn kept(&self) -> impl Iterator<Item = (u64, i64)> {
        let mut slot = self.order.first;
        std::iter::from_fn(move || {
            let value = self.slab.get(slot as usize)?;
            slot = value.link.next;
            Some((value.hash, value.at))
        })
    }

    /// Late values go to their place in time; the walk is bounded by the cap.
    fn place(&mut self, slot: u32, at: i64) {
        let mut prev = self.order.last;
        while prev != NONE && self.slab[prev as usize].at > at {
            prev = self.slab[prev as usize].link.prev;
        }
        self.order.insert_after(&mut self.slab, prev, slot);
    }

    pub(crate) fn cost(&self) -> usize {
        self.slab.capacity() * size_of::<Value>() + self.seen.capacity() * 18
    }
}

/// Sum and number of the values in the window: one by one up to [`EXACT`], then in buckets of a 256th of the window.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(super) each: VecDeque<(i64, f64)>,
    pub(super) buckets: VecDeque<(i64, f64, u64)>,
    width: i64,
    sum: f64,
    number: u64,
    /// Values taken out since the sum was last added up anew: floating point forgets.
    taken: u32,
}

impl Totals {
    pub(crate) fn new(timespan: i64) -> Self {
        Self {
            each: VecDeque::new(),
            buckets: VecDeque::new(),
            width: (timespan / BUCKETS).max(1),
            sum: 0.0,
            number: 0,
            taken: 0,
        }
    }

    /// Adds a value and gives sum and number.
    pub(crate) fn add(&mut self, value: f64, at: i64, since: i64) -> (f64, u64) {
        if self.buckets.is_empty() {
            insert_sorted(&mut self.each, (at, value), |(at, _)| *at);
            if self.each.len() > EXACT {
                for (at, value) in std::mem::take(&mut self.each) {
                    self.pour(value, at);
                }
            }
        } else {
            self.pour(value, at);
        }
        self.sum += value;
        self.number += 1;
        while let Some(&(at, value)) = self.each.front()
            && at <= since
        {
            self.each.pop_front();
            self.take(value, 1);
        }
        while let Some(&(bucket, sum, number)) = self.buckets.front()
            && (bucket + 1) * self.width <= since
        {
            self.buckets.pop_front();
            self.take(sum, number);
        }
        if self.taken > 4096 {
            self.taken = 0;
            self.sum = self.each.iter().map(|(_, value)| value).sum::<f64>()
                + self.buckets.iter().map(|(_, sum, _)| sum).sum::<f64>();
        }
        (self.sum, self.number)
    }

    /// What was kept of another window of the same length.
    pub(super) fn refill(&mut self, each: Vec<(i64, f64)>, buckets: Vec<(i64, f64, u64)>) {
        self.each = each.into();
        self.buckets = buckets.into();
        self.sum = self.each.iter().map(|(_, value)| value).sum::<f64>()
            + self.buckets.iter().map(|(_, sum, _)| sum).sum::<f64>();
        self.number = self.each.len() as u64
            + self
                .buckets
                .iter()
                .fold(0_u64, |all, (_, _, number)| all.saturating_add(*number));
    }

    fn take(&mut self, sum: f64, number: u64) {
        self.sum -= sum;
        self.number -= number;
        self.taken += 1;
        if self.number == 0 {
            self.sum = 0.0;
        }
    }

    fn pour(&mut self, value: f64, at: i64) {
        let bucket = at.div_euclid(self.width);
        match self
            .buckets
            .iter()
            .rposition(|&(known, _, _)| known <= bucket)
        {
            Some(place) if self.buckets[place].0 == bucket => {
                self.buckets[place].1 += value;
                self.buckets[place].2 += 1;
            }
            place => self
                .buckets
                .insert(place.map_or(0, |place| place + 1), (bucket, value, 1)),
        }
    }

    pub(crate) fn cost(&self) -> usize {
        self.each.capacity() * 16 + self.buckets.capacity() * 24
    }
}

/// The newest [`EXACT`] values in the window, sorted.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    pub(super) each: VecDeque<(i64, f64)>,
    sorted: Vec<f64>,
}

impl Ranked {
    /// Adds a value and gives the percentile (0 to 100, linear between ranks); `cut` says that values inside the window
    /// had to be dropped.
    pub(crate) fn add(&mut self, value: f64, at: i64, since: i64, percentile: f64) -> (f64, bool) {
        insert_sorted(&mut self.each, (at, value), |(at, _)| *at);
        let place = self.sorted.partition_point(|known| *known < value);
        self.sorted.insert(place, value);
        let mut cut = false;
        while let Some(&(at, value)) = self.each.front()
            && (at <= since || self.each.len() > EXACT)
        {
            cut |= at > since;
            self.each.pop_front();
            let place = self.sorted.partition_point(|known| *known < value);
            if place < self.sorted.len() {
                self.sorted.remove(place);
            }
        }
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let answer = {
            let rank = percentile / 100.0 * (self.sorted.len().saturating_sub(1)) as f64;
            let low = rank.floor();
            let value = |at: f64| self.sorted.get(at as usize).copied();
            let below = value(low).unwrap_or(0.0);
            let above = value(rank.ceil()).unwrap_or(below);
            below + (above - below) * (rank - low)
        };
        (answer, cut)
    }

    pub(crate) fn cost(&self) -> usize {
        self.each.capacity() * 16 + self.sorted.capacity() * 8
    }
}

/// When each stage was last seen.
#[derive(Debug)]
pub(crate) struct Seen(pub(super) Box<[i64]>);

impl Seen {
    pub(crate) fn new(stages: usize) -> Self {
        Self(vec![i64::MIN; stages].into())
    }

    pub(crate) fn add(&mut self, stage: u16, at: i64) {
        if let Some(last) = self.0.get_mut(stage as usize) {
            *last = at.max(*last);
        }
    }

    pub(crate) fn has(&self, stage: u16, since: i64) -> bool {
        self.0.get(stage as usize).is_some_and(|&at| at > since)
    }

    pub(crate) fn cost(&self) -> usize {
        self.0.len() * 8
    }
}

/// Stages in order: for each, the latest start of a chain that has come so far.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(super) start: Box<[i64]>,
    pub(super) hits: VecDeque<(i64, u16)>,
}

impl Ordered {
    pub(crate) fn new(stages: usize) -> Self {
        Self {
            start: vec![i64::MIN; stages].into(),
            hits: VecDeque::new(),
        }
    }

    /// Adds a hit and gives how many stages the longest chain inside the window has.
    pub(crate) fn add(&mut self, stage: u16, at: i64, since: i64) -> usize {
        let late = self.hits.back().is_some_and(|&(newest, _)| newest > at);
        insert_sorted(&mut self.hits, (at, stage), |(at, _)| *at);
        while self.hits.front().is_some_and(|&(at, _)| at <= since) || self.hits.len() > REPLAYED {
            self.hits.pop_front();
        }
        if late {
            self.start.fill(i64::MIN);
            for n in 0..self.hits.len() {
                let (at, stage) = self.hits[n];
                self.step(stage, at, since);
            }
        } else {
            self.step(stage, at, since);
        }
        self.start
            .iter()
            .rposition(|&start| start > since)
            .map_or(0, |stage| stage + 1)
    }

    fn step(&mut self, stage: u16, at: i64, since: i64) {
        let stage = stage as usize;
        let start = if stage == 0 {
            at
        } else {
            self.start[stage - 1]
        };
        if start > since && start > self.start[stage] {
            self.start[stage] = start;
        }
    }

    pub(crate) fn cost(&self) -> usize {
        self.start.len() * 8 + self.hits.capacity() * 16
    }
}

/// What one group remembers.
#[derive(Debug)]
pub(crate) enum Window {
    Count(Count),
    Distinct(Distinct),
    Sketch(Box<Sketch>),
    Totals(Totals),
    Ranked(Ranked),
    Seen(Seen),
    Ordered(Ordered),
}

impl Window {
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Count(window) => window.cost(),
            Self::Distinct(window) => window.cost(),
            Self::Sketch(window) => window.cost(),
            Self::Totals(window) => window.cost(),
            Self::Ranked(window) => window.cost(),
            Self::Seen(window) => window.cost(),
            Self::Ordered(window) => window.cost(),
        }
    }
}

fn insert_sorted<T>(list: &mut VecDeque<T>, value: T, at: impl Fn(&T) -> i64) {
    let time = at(&value);
    if list.back().is_none_or(|newest| at(newest) <= time) {
        list.push_back(value);
    } else {
        let place = list.partition_point(|known| at(known) <= time);
        list.insert(place, value);
    }
}
