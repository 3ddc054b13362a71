//! What is usual for a role: the prior of everybody in it, and whether today is a busy day for all.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::actor::{ActorState, cut, push_ring};
use crate::facts::MEASURES;
use crate::stats::median;

/// Forgetting for each person-day, so that a role remembers some two thousand of them.
const KEEP: f32 = 0.9995;
/// Members whose day is compared.
const SAMPLE: usize = 256;
/// Amounts of colleagues kept for medians.
const RING: usize = 64;
/// Half powers of two up to which heights are told apart.
pub(crate) const HEIGHTS: usize = 32;
/// Modules remembered for a role.
const MODULES: usize = 64;
/// Person-days of the built-in baseline within a role's own.
const BUILT_IN_DAYS: f32 = 10.0;
/// A busy day for everybody widens the usual at most this many times.
const SURGE_MOST: f64 = 4.0;

/// A role within a tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Settled members, then newcomers.
    pub(crate) cohorts: [Cohort; 2],
    pub(crate) hours: [[f32; 24]; 2],
    pub(crate) passed: [f32; 2],
    pub(crate) days: f32,
    pub(crate) modules: Vec<(String, f32)>,
    pub(crate) kinds: [f32; 32],
    pub(crate) exports: VecDeque<f32>,
    pub(crate) export_days: f32,
    pub(crate) breadths: VecDeque<f32>,
    pub(crate) steady_days: f32,
    slow: [[[f32; HEIGHTS]; 2]; 2],
    turns: u32,
    #[serde(skip)]
    today: PeersToday,
}

/// Counts of one cohort.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cohort {
    sum: [f32; MEASURES],
    days: f32,
    /// Squared relative distance of a day from its person's mean, beyond what a Poisson count would have.
    excess: [f32; MEASURES],
    excess_days: [f32; MEASURES],
    most: [f32; MEASURES],
    /// Person-days by count, in half powers of two: how heavy the tail of the role really is.
    heights: [[f32; HEIGHTS]; MEASURES],
    seen: f32,
}

#[derive(Clone, Debug, Default)]
struct PeersToday {
    day: i32,
    ratios: HashMap<u64, f32>,
    changes: u32,
    surge: f64,
}

/// What one measure usually is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) mean: f64,
    /// Shape of the negative binomial: from day to day.
    pub(crate) shape: f64,
    /// Inverse shape of not knowing the person's mean.
    pub(crate) doubt: f64,
    /// Share of the role's person-days with a count of each height or more.
    pub(crate) heights: [f32; HEIGHTS],
}

impl Expected {
    /// The share of the role's person-days that reached this count.
    pub(crate) fn reached(&self, count: f64) -> f64 {
        f64::from(self.heights.get(height(count)).copied().unwrap_or_default())
    }
}

impl Role {
    /// What a person of this role does in a day, given what is known of the person.
    pub(crate) fn expected(
        &self,
        actor: &ActorState,
        measure: usize,
        newcomer: bool,
        own_scope: bool,
    ) -> Expected {
        let at = |values: &[f32; MEASURES]| values.get(measure).copied().unwrap_or_default();
        let built_in = f64::from(at(&built_in(newcomer, own_scope)));
        let cohort = &self.cohorts[usize::from(newcomer)];
        let settled = &self.cohorts[0];
        let role_days = f64::from(cohort.days);
        let mut role_mean = (built_in * f64::from(BUILT_IN_DAYS) + f64::from(at(&cohort.sum)))
            / (f64::from(BUILT_IN_DAYS) + role_days);
        let mut doubt_of_role =
            1.5 * f64::from(BUILT_IN_DAYS) / (f64::from(BUILT_IN_DAYS) + role_days);
        if newcomer && role_days < 20.0 && settled.days > 20.0 {
            // No newcomers yet: like a settled colleague, but unsure, and whoever is met is new.
            let like = f64::from(at(&settled.sum) / settled.days);
            role_mean = role_mean.max(like);
            doubt_of_role = doubt_of_role.max(0.5);
        }
        let pseudo = 4.0;
        let days = f64::from(actor.usual.days);
        let mean = (role_mean * pseudo + f64::from(at(&actor.usual.sum))) / (pseudo + days);
        let share_of_role = pseudo / (pseudo + days);
        let excess = (f64::from(at(&cohort.excess)) + 10.0 * 0.3)
            / (f64::from(at(&cohort.excess_days)) + 10.0);
        let mut heights = [0.0; HEIGHTS];
        if let Some(own) = settled.heights.get(measure) {
            let new = self.cohorts[1].heights.get(measure);
            let mut above = 0.0;
            let days = settled.seen + self.cohorts[1].seen + 1.0;
            for at in (0..HEIGHTS).rev() {
                above += own.get(at).copied().unwrap_or_default()
                    + new.and_then(|new| new.get(at)).copied().unwrap_or_default();
                if let Some(share) = heights.get_mut(at) {
                    *share = (above / days).min(1.0);
                }
            }
        }
        Expected {
            heights,
            mean: mean.max(0.5),
            shape: 1.0 / excess.clamp(0.05, 4.0),
            doubt: share_of_role * (0.5 + doubt_of_role) + 0.02,
        }
    }

    /// The most that anybody of the role did on a day, fading slowly.
    pub(crate) fn most(&self, measure: usize) -> u32 {
        let of = |cohort: &Cohort| cohort.most.get(measure).copied().unwrap_or_default();
        of(&self.cohorts[0]).max(of(&self.cohorts[1])).round() as u32
    }

    /// Sees how high a member's day was, odd or not: what happens to colleagues now and then is no wonder. One day is one
    /// of some two thousand, whatever was done on it.
    pub(crate) fn witness(&mut self, raw: &[f64; MEASURES], sums: [[f64; 2]; 2], newcomer: bool) {
        let cohort = &mut self.cohorts[usize::from(newcomer)];
        cohort.seen = cohort.seen * KEEP + 1.0;
        let note = |heights: &mut [f32; HEIGHTS], count: f64| {
            heights.iter_mut().for_each(|days| *days *= KEEP);
            if let Some(days) = heights.get_mut(height(count)) {
                *days += 1.0;
            }
        };
        for ((heights, most), count) in cohort.heights.iter_mut().zip(&mut cohort.most).zip(raw) {
            note(heights, *count);
            *most = (*most * 0.9998).max(*count as f32);
        }
        for (heights, sum) in self.slow.iter_mut().flatten().zip(sums.iter().flatten()) {
            note(heights, *sum);
        }
    }

    /// Share of the role's person-days on which the sum of a slow count reached this: `which` is 0 for new customers
    /// and 1 for those of colleagues, `span` 0 for a week and 1 for four.
    pub(crate) fn reached_slowly(&self, which: usize, span: usize, sum: f64) -> f64 {
        let Some(heights) = self.slow.get(which).and_then(|spans| spans.get(span)) else {
            return 0.0;
        };
        let above: f32 = heights.iter().skip(height(sum)).sum();
        f64::from(above / (self.cohorts[0].seen + self.cohorts[1].seen + 1.0)).min(1.0)
    }

    /// Learns from a member's day that was not odd.
    pub(crate) fn learn(
        &mut self,
        counts: &[f64; MEASURES],
        expected: &[Expected; MEASURES],
        newcomer: bool,
    ) {
        self.days = self.days * KEEP + 1.0;
        let cohort = &mut self.cohorts[usize::from(newcomer)];
        cohort.days = cohort.days * KEEP + 1.0;
        for (measure, (count, expected)) in counts.iter().zip(expected).enumerate() {
            let (Some(sum), Some(excess), Some(days)) = (
                cohort.sum.get_mut(measure),
                cohort.excess.get_mut(measure),
                cohort.excess_days.get_mut(measure),
            ) else {
                continue;
            };
            *sum = *sum * KEEP + *count as f32;
            if expected.doubt < 0.5 && expected.mean > 0.3 {
                let away =
                    ((count - expected.mean).powi(2) - expected.mean) / expected.mean.powi(2);
                *excess = (*excess * KEEP + away.clamp(-1.0, 9.0) as f32).max(0.0);
                *days = *days * KEEP + 1.0;
            }
        }
    }

    /// Compares a member's day with the member's usual, and tells how busy the day is for the role: the median of the
    /// members, which nobody moves alone.
    pub(crate) fn surge(&mut self, member: u64, day: i32, ratio: f64) -> f64 {
        let today = &mut self.today;
        if today.day != day {
            *today = PeersToday {
                day,
                surge: 1.0,
                ..PeersToday::default()
            };
        }
        if today.ratios.len() < SAMPLE || today.ratios.contains_key(&member) {
            today.ratios.insert(member, ratio as f32);
        }
        today.changes += 1;
        if today.changes >= 32 && today.ratios.len() >= 6 {
            today.changes = 0;
            let ratios: Vec<f64> = today
                .ratios
                .values()
                .map(|ratio| f64::from(*ratio))
                .collect();
            today.surge = median(&ratios).unwrap_or(1.0).clamp(1.0, SURGE_MOST);
        }
        today.surge.max(1.0)
    }

    /// Notes a module that a member used today.
    pub(crate) fn use_module(&mut self, module: &str) {
        note_module(&mut self.modules, module, 1.0, MODULES);
    }

    /// Lets the tables of hours, kinds and modules fade like the counts.
    pub(crate) fn fade_tables(&mut self) {
        // Rounds are rarer than days, so that the cost of a day stays small.
        self.turns = self.turns.wrapping_add(1);
        if !self.turns.is_multiple_of(64) {
            return;
        }
        let keep = KEEP.powi(64);
        self.hours
            .iter_mut()
            .flatten()
            .chain(&mut self.passed)
            .chain(&mut self.kinds)
            .for_each(|days| *days *= keep);
        self.modules.iter_mut().for_each(|(_, days)| *days *= keep);
        self.export_days *= keep;
        self.steady_days *= keep;
    }

    /// Learns an amount.
    pub(crate) fn keep_amount(ring: &mut VecDeque<f32>, amount: f32) {
        push_ring(ring, amount, RING);
    }

    /// Whether what was read from a snapshot keeps the bounds.
    pub(crate) fn is_sound(&self) -> bool {
        let numbers = self.cohorts.iter().flat_map(|cohort| {
            cohort
                .sum
                .iter()
                .chain(&cohort.excess)
                .chain(&cohort.excess_days)
                .chain(&cohort.most)
                .chain([&cohort.days])
        });
        self.modules.len() <= MODULES
            && self.exports.len() <= RING
            && self.breadths.len() <= RING
            && numbers
                .chain(self.hours.iter().flatten())
                .all(|number| number.is_finite() && *number >= 0.0)
    }
}

/// The half power of two of a count.
fn height(count: f64) -> usize {
    (((count + 1.0).log2() * 2.0).max(0.0) as usize).min(HEIGHTS - 1)
}

/// Adds a day to a module; the least used one makes room.
pub(crate) fn note_module(
    modules: &mut Vec<(String, f32)>,
    module: &str,
    weight: f32,
    most: usize,
) {
    if let Some((_, days)) = modules.iter_mut().find(|(name, _)| name == module) {
        *days += weight;
        return;
    }
    if modules.len() >= most
        && let Some(least) = modules
            .iter()
            .enumerate()
            .min_by(|(_, one), (_, other)| one.1.total_cmp(&other.1))
            .map(|(at, _)| at)
    {
        modules.swap_remove(least);
    }
    modules.push((cut(module), weight));
}

/// A day of somebody of whose role nothing is known yet, in the order of [`crate::facts::Measure`]. Who may see only
/// own rows should see no colleague's; for others every row may belong to one.
const fn built_in(newcomer: bool, own_scope: bool) -> [f32; MEASURES] {
    let foreign = if own_scope { 0.3 } else { 40.0 };
    if newcomer {
        [25.0, 12.0, 80.0, 60.0, 30.0, foreign, 10.0, 8.0, 0.7]
    } else {
        [25.0, 12.0, 80.0, 12.0, 10.0, foreign, 10.0, 8.0, 0.7]
    }
}
