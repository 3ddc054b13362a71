//! Correlations: what several events mean together (Sigma correlation rules specification v2.1.0).
//!
//! State is kept per tenant, correlation and group. Each event costs the same however much came before it; each group,
//! tenant and shard has a cap, and what a cap pushes out is counted.

mod chain;
mod kept;
mod shard;
mod sketch;
mod window;

use std::borrow::Cow;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use rsigma_parser::CorrelationType;
use serde::Serialize;

use crate::rule::{Condition, Correlation, FieldRef, predicate};
pub use kept::{KeptError, Restored};
use shard::{Group, Room, Shard, ShardLimits};
use window::{Count, Distinct, EXACT, Ordered, Ranked, Seen, Totals, Window};

/// What the state may hold. The caps are of the whole engine; each shard has its part of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Shards that threads lock one by one.
    pub shards: usize,
    /// Groups of one correlation of one tenant.
    pub groups_per_rule: usize,
    /// Bytes of one tenant.
    pub bytes_per_tenant: usize,
    /// Bytes of all tenants.
    pub bytes: usize,
    /// Tenants.
    pub tenants: usize,
    /// How far an event may lag behind the newest of its group, in milliseconds; never more than the timespan.
    pub lateness_ms: i64,
    /// How far an event's own time may be ahead of the clock, in milliseconds.
    pub ahead_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shards: 16,
            groups_per_rule: 200_000,
            bytes_per_tenant: 128 << 20,
            bytes: 512 << 20,
            tenants: 10_000,
            lateness_ms: 10 * 60 * 1000,
            ahead_ms: 5 * 60 * 1000,
        }
    }
}

/// Counts of what happened to events on their way through correlations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CorrelationStats {
    /// Groups in memory.
    pub groups: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// Groups that a quota pushed out.
    pub evicted: u64,
    /// Groups whose timespan was over.
    pub expired: u64,
    /// Events older than their group may look back.
    pub late: u64,
    /// Events that came out of order and were sorted in.
    pub out_of_order: u64,
    /// Events whose time was ahead of the clock and was set to it.
    pub ahead: u64,
    /// Events that were seen before.
    pub duplicates: u64,
    /// Events without a field that makes the group or the value.
    pub incomplete: u64,
    /// Events of a tenant for whom there was no room.
    pub refused: u64,
    /// Values inside a window that a percentile had to leave out.
    pub cut: u64,
}

#[derive(Debug, Default)]
struct Counters {
    evicted: AtomicU64,
    expired: AtomicU64,
    late: AtomicU64,
    out_of_order: AtomicU64,
    ahead: AtomicU64,
    duplicates: AtomicU64,
    incomplete: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

/// The state of all correlations.
#[derive(Debug)]
pub(crate) struct Correlator {
    shards: Vec<Mutex<Shard>>,
    limits: Limits,
    each: ShardLimits,
    /// Keyed hashes, new with every new memory: an attacker can't choose values that share a group.
    keys: (Keyed, Keyed),
    counters: Counters,
    /// Whether rules that are only counted report as well.
    report_all: bool,
}

/// A hash under a key that can be written down: the hasher has taken the key in before the value comes.
#[derive(Clone)]
struct Keyed {
    secret: [u8; 16],
    primed: DefaultHasher,
}

impl Keyed {
    fn fresh() -> Self {
        let mut secret = [0; 16];
        for half in secret.chunks_mut(8) {
            // The standard library draws the keys of its maps from the system.
            half.copy_from_slice(&RandomState::new().hash_one(0_u8).to_le_bytes());
        }
        Self::with(secret)
    }

    fn with(secret: [u8; 16]) -> Self {
        let mut primed = DefaultHasher::new();
        primed.write(&secret);
        Self { secret, primed }
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.primed.clone()
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed(‹secret›)")
    }
}

/// When and whose an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meta<'a> {
    /// Whose event it is; tenants share nothing.
    pub tenant: &'a str,
    /// Event time, Unix milliseconds.
    pub time: i64,
    /// The clock, when events are live: an event that is ahead of it is set back. `None` when old events are read.
    pub now: Option<i64>,
    /// Identity of the event, to know duplicates.
    pub id: Option<&'a str>,
}

/// Gives the text of a field.
pub(crate) type Lookup<'a> = dyn Fn(&FieldRef) -> Option<Cow<'a, str>> + 'a;

/// A correlation that has come true.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) correlation: u32,
    pub(crate) value: f64,
    pub(crate) group: Vec<(String, String)>,
}

impl Correlator {
    pub(crate) fn new(limits: Limits) -> Self {
        let shards = limits.shards.max(1);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            limits,
            each: ShardLimits {
                groups: limits.groups_per_rule.div_ceil(shards),
                tenant_bytes: limits.bytes_per_tenant.div_ceil(shards),
                bytes: limits.bytes.div_ceil(shards),
                tenants: limits.tenants,
            },
            keys: (Keyed::fresh(), Keyed::fresh()),
            counters: Counters::default(),
            report_all: false,
        }
    }

    pub(crate) fn reporting_all(mut self) -> Self {
        self.report_all = true;
        self
    }

    pub(crate) const fn reports_all(&self) -> bool {
        self.report_all
    }

    /// The time that counts, and `None` for an event that was seen before.
    pub(crate) fn admit(&self, meta: &Meta<'_>) -> Option<i64> {
        if let Some(id) = meta.id {
            let hash = self.keys.0.hash_one((meta.tenant, id)).max(1);
            #[allow(clippy::cast_possible_truncation)]
            let shard = &self.shards[hash as usize % self.shards.len()];
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if shard.seen(hash.rotate_left(17)) {
                self.counters.duplicates.fetch_add(1, Relaxed);
                return None;
            }
        }
        match meta.now {
            Some(now) if meta.time > now.saturating_add(self.limits.ahead_ms) => {
                self.counters.ahead.fetch_add(1, Relaxed);
                Some(now)
            }
            _ => Some(meta.time),
        }
    }

    /// Counts an event for a correlation and those above it; `lookup` gives the text of a field.
    pub(crate) fn count(
        &self,
        all: &[Correlation],
        (number, stage): (u32, u16),
        (tenant, at): (&str, i64),
        lookup: &Lookup<'_>,
        fired: &mut Vec<Fired>,
    ) {
        let Some(correlation) = all.get(number as usize) else {
            return;
        };
        let Some(place) = correlation.stages.get(stage as usize) else {
            return;
        };
        let (mut a, mut b) = (self.keys.0.build_hasher(), self.keys.1.build_hasher());
        for field in &place.group {
            let Some(text) = lookup(field) else {
                self.counters.incomplete.fetch_add(1, Relaxed);
                return;
            };
            text.hash(&mut a);
            text.hash(&mut b);
        }
        let key = u128::from(a.finish()) << 64 | u128::from(b.finish());
        let mut hash = 0;
        let mut amount = 0.0;
        if !place.value.is_empty() {
            let mut hasher = self.keys.0.build_hasher();
            for field in &place.value {
                let Some(text) = lookup(field) else {
                    self.counters.incomplete.fetch_add(1, Relaxed);
                    return;
                };
                text.hash(&mut hasher);
                if correlation.kind != CorrelationType::ValueCount {
                    match text.trim().parse::<f64>() {
                        Ok(value) if value.is_finite() => amount = value,
                        _ => {
                            self.counters.incomplete.fetch_add(1, Relaxed);
                            return;
                        }
                    }
                }
            }
            hash = hasher.finish();
        }
        let timespan = correlation.timespan_ms;
        let lateness = self.limits.lateness_ms.min(timespan);
        let tenant_key = self.keys.0.hash_one(tenant);
        let mut room = Room::default();
        #[allow(clippy::cast_possible_truncation)]
        let shard = &self.shards[(key >> 64) as usize % self.shards.len()];
        let value = shard.lock().unwrap_or_else(PoisonError::into_inner).with(
            &self.each,
            (tenant_key, correlation.fingerprint, key),
            (at, timespan),
            &mut room,
            || correlation.window(at),
            |group| {
                if at < group.newest {
                    if at < group.newest - lateness {
                        self.counters.late.fetch_add(1, Relaxed);
                        return None;
                    }
                    self.counters.out_of_order.fetch_add(1, Relaxed);
                }
                group.newest = group.newest.max(at);
                let (value, cut) = correlation.add(group, stage, hash, amount, at);
                if cut {
                    self.counters.cut.fetch_add(1, Relaxed);
                }
                correlation.reports_now(group, value)
            },
        );
        self.counters.evicted.fetch_add(room.evicted, Relaxed);
        self.counters.expired.fetch_add(room.expired, Relaxed);
        let value = match value {
            Some(Some(value)) => value,
            Some(None) => return,
            None => {
                self.counters.refused.fetch_add(1, Relaxed);
                return;
            }
        };
        let group: Vec<(String, String)> = correlation
            .group_by
            .iter()
            .zip(&place.group)
            .map(|(name, field)| (name.clone(), lookup(field).unwrap_or_default().into_owned()))
            .collect();
        for &above in &correlation.counted_by {
            // The group's own values; what it doesn't group by comes from the event that made it true.
            let above_lookup = |field: &FieldRef| {
                group
                    .iter()
                    .find(|(name, _)| *name == field.name)
                    .map(|(_, value)| Cow::Borrowed(value.as_str()))
                    .or_else(|| lookup(field).map(|value| Cow::Owned(value.into_owned())))
            };
            self.count(all, above, (tenant, at), &above_lookup, fired);
        }
        if correlation.reports || self.report_all {
            fired.push(Fired {
                correlation: number,
                value,
                group,
            });
        }
    }

    pub(crate) fn retain(&self, keep: &dyn Fn(u64) -> bool) {
        for shard in &self.shards {
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(keep);
        }
    }

    pub(crate) fn stats(&self) -> CorrelationStats {
        let mut stats = CorrelationStats {
            evicted: self.counters.evicted.load(Relaxed),
            expired: self.counters.expired.load(Relaxed),
            late: self.counters.late.load(Relaxed),
            out_of_order: self.counters.out_of_order.load(Relaxed),
            ahead: self.counters.ahead.load(Relaxed),
            duplicates: self.counters.duplicates.load(Relaxed),
            incomplete: self.counters.incomplete.load(Relaxed),
            refused: self.counters.refused.load(Relaxed),
            cut: self.counters.cut.load(Relaxed),
            ..CorrelationStats::default()
        };
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            stats.groups += shard.groups as u64;
            stats.bytes += shard.bytes as u64;
        }
        stats
    }
}

impl Correlation {
    /// The memory of a new group.
    fn window(&self, at: i64) -> Window {
        let stages = self.stages.len();
        match self.kind {
            CorrelationType::EventCount => match self.cap() {
                Some(cap) => Window::Count(Count::new(cap)),
                None => Window::Totals(Totals::new(self.timespan_ms)),
            },
            CorrelationType::ValueCount => match self.cap() {
                Some(cap) => Window::Distinct(Distinct::new(cap)),
                None => Window::Sketch(Box::new(sketch::Sketch::new(self.timespan_ms, at))),
            },
            CorrelationType::Temporal => Window::Seen(Seen::new(stages)),
            CorrelationType::TemporalOrdered => Window::Ordered(Ordered::new(stages)),
            CorrelationType::ValueSum | CorrelationType::ValueAvg => {
                Window::Totals(Totals::new(self.timespan_ms))
            }
            CorrelationType::ValuePercentile | CorrelationType::ValueMedian => {
                Window::Ranked(Ranked::default())
            }
        }
    }

    /// How many have to be kept for an exact answer: one more than the highest threshold. `None` when that is too many.
    fn cap(&self) -> Option<usize> {
        let Condition::Number { predicates, .. } = &self.condition else {
            return None;
        };
        let highest = predicates.iter().map(|(_, than)| *than).fold(0.0, f64::max);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let cap = highest as usize + 1;
        (cap <= EXACT).then_some(cap)
    }

    #[allow(clippy::cast_precision_loss)]
    fn add(
        &self,
        group: &mut Group,
        stage: u16,
        hash: u64,
        amount: f64,
        at: i64,
    ) -> (Answer, bool) {
        let since = group.newest - self.timespan_ms;
        let mut cut = false;
        let answer = match &mut group.window {
            Window::Count(window) => Answer::Number(window.add(at, since) as f64),
            Window::Distinct(window) => Answer::Number(window.add(hash, at, since) as f64),
            Window::Sketch(window) => Answer::Number(window.add(hash, at).round()),
            Window::Totals(window) => {
                let amount = if self.kind == CorrelationType::EventCount {
                    1.0
                } else {
                    amount
                };
                let (sum, number) = window.add(amount, at, since);
                Answer::Number(match self.kind {
                    CorrelationType::ValueAvg => sum / number.max(1) as f64,
                    _ => sum,
                })
            }
            Window::Ranked(window) => {
                let percentile = match &self.condition {
                    Condition::Number { percentile, .. } => *percentile,
                    Condition::Stages(_) => 50.0,
                };
                let (value, left_out) = window.add(amount, at, since, percentile);
                cut = left_out;
                Answer::Number(value)
            }
            Window::Seen(window) => {
                window.add(stage, at);
                let seen = |stage: u16| window.has(stage, since);
                let number = (0..self.stages.len())
                    .filter(|&stage| u16::try_from(stage).is_ok_and(seen))
                    .count();
                match &self.condition {
                    Condition::Stages(expr) => Answer::Truth(expr.holds(&seen), number),
                    Condition::Number { .. } => Answer::Number(number as f64),
                }
            }
            Window::Ordered(window) => {
                let reached = window.add(stage, at, since);
                Answer::Truth(reached == self.stages.len(), reached)
            }
        };
        (answer, cut)
    }

    /// Whether the group reports with this event: when its condition becomes true, and again after a timespan.
    #[allow(clippy::cast_precision_loss)]
    fn reports_now(&self, group: &mut Group, answer: Answer) -> Option<f64> {
        let (holds, value) = match answer {
            Answer::Truth(holds, value) => (holds, value as f64),
            Answer::Number(value) => match &self.condition {
                Condition::Number { predicates, .. } => (
                    predicates
                        .iter()
                        .all(|(op, than)| predicate(*op, value, *than)),
                    value,
                ),
                Condition::Stages(_) => (false, value),
            },
        };
        let again = group.newest.saturating_sub(group.reported) >= self.timespan_ms;
        let reports = holds && (!group.held || again);
        group.held = holds;
        if reports {
            group.reported = group.newest;
        }
        reports.then_some(value)
    }
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Number(f64),
    Truth(bool, usize),
}
