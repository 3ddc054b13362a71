//! Slowing down who guesses. State is bounded: one attacker can't push out more than its own keys' worth.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hudun_core::Timestamp;

/// Keys remembered at most; beyond it the one longest quiet is forgotten.
const KEYS: usize = 8_192;
/// A key that was quiet this long is forgotten.
const QUIET_MS: i64 = 15 * 60_000;
/// The first wait; each further failure doubles it, up to [`QUIET_MS`].
const FIRST_WAIT_MS: i64 = 30_000;

/// Failures by key.
#[derive(Default)]
pub(crate) struct Throttle {
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    /// How long this key must wait, in milliseconds, when it may fail `free` times.
    pub(crate) fn wait(&self, key: &str, free: u32, now: Timestamp) -> Option<i64> {
        let failures = *self.failures().get(key)?;
        let over = failures.count.checked_sub(free)?;
        let wait = FIRST_WAIT_MS.saturating_mul(1 << over.min(5)).min(QUIET_MS);
        let left = failures.last.plus_millis(wait).millis_since(now);
        (left > 0).then_some(left)
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, key: &str, now: Timestamp) {
        let mut failures = self.failures();
        if failures.len() >= KEYS && !failures.contains_key(key) {
            failures.retain(|_, f| now.millis_since(f.last) < QUIET_MS);
            if failures.len() >= KEYS {
                let quietest = failures
                    .iter()
                    .min_by_key(|(_, f)| (f.count, f.last))
                    .map(|(key, _)| key.clone());
                if let Some(quietest) = quietest {
                    failures.remove(&quietest);
                }
            }
        }
        let entry = failures.entry(key.to_owned()).or_insert(Failures {
            count: 0,
            last: now,
        });
        if now.millis_since(entry.last) >= QUIET_MS {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
    }

    /// Takes back one failure that turned out to be none.
    pub(crate) fn forgive(&self, key: &str) {
        let mut failures = self.failures();
        if let Some(entry) = failures.get_mut(key) {
            entry.count = entry.count.saturating_sub(1);
            if entry.count == 0 {
                failures.remove(key);
            }
        }
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn waits_begin_after_the_free_failures_and_double() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.fail("li.lei", T0);
        }
        assert_eq!(throttle.wait("li.lei", 5, T0), None);
        throttle.fail("li.lei", T0);
        assert_eq!(throttle.wait("li.lei", 5, T0), Some(30_000));
        throttle.fail("li.lei", T0);
        assert_eq!(throttle.wait("li.lei", 5, T0), Some(60_000));
        assert_eq!(throttle.wait("li.lei", 5, T0.plus_millis(60_000)), None);
        assert_eq!(throttle.wait("han.mei", 5, T0), None);
        throttle.forgive("li.lei");
        throttle.forgive("li.lei");
        assert_eq!(throttle.wait("li.lei", 5, T0), None);
    }

    #[test]
    fn memory_is_bounded_and_one_who_failed_often_is_not_pushed_out() {
        let throttle = Throttle::default();
        for _ in 0..9 {
            throttle.fail("guesser", T0);
        }
        for n in 0..KEYS + 100 {
            throttle.fail(&format!("noise-{n}"), T0.plus_millis(1));
        }
        assert!(throttle.failures().len() <= KEYS);
        assert!(throttle.wait("guesser", 5, T0.plus_millis(1)).is_some());
    }
}
