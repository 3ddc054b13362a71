//! Time that a thread spent on a core, for measurements beside other work.

#![allow(dead_code, unreachable_pub, clippy::cast_precision_loss)]

use std::time::Instant;

/// Time of this thread on a core, so that what else the machine does counts little; wall time where the system can't tell.
pub struct Clock(Instant, Option<u64>);

impl Clock {
    pub fn now() -> Self {
        Self(Instant::now(), Self::on_core())
    }

    pub fn seconds(&self) -> f64 {
        match (self.1, Self::on_core()) {
            (Some(before), Some(after)) => (after - before) as f64 / 1e9,
            _ => self.0.elapsed().as_secs_f64(),
        }
    }

    fn on_core() -> Option<u64> {
        // The account of a running thread is as old as the last tick; giving way brings it up to date.
        std::thread::yield_now();
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok()
    }
}

/// The seconds of one way of doing the same work, round by round.
#[derive(Default)]
pub struct Rounds(Vec<f64>);

impl Rounds {
    pub fn time(&mut self, work: impl FnOnce()) {
        let start = Clock::now();
        work();
        self.0.push(start.seconds());
    }

    pub fn median(&self) -> f64 {
        median(self.0.clone())
    }

    pub fn best(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// How many times longer `self` took than `other`: by round, because rounds of both stand side by side.
    pub fn against(&self, other: &Self) -> Vec<f64> {
        self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect()
    }
}

/// The middle one.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}
