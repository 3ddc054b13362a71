//! Repeated log-in failures make an account wait, whether or not it exists.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::clock;

/// Failures per account, bounded in number and in time.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, Failures>>);

struct Failures {
    count: u32,
    last: i64,
}

impl Throttle {
    /// Seconds that this account still has to wait; 0 when it may try.
    pub(crate) fn wait(&self, account: &str, now: i64) -> i64 {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(account).map_or(0, |failures| {
            ((failures.until() - now) / clock::SECOND).max(0)
        })
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, account: &str, now: i64) {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MOST_ACCOUNTS {
            map.retain(|_, failures| now - failures.last < FORGET);
        }
        if map.len() >= MOST_ACCOUNTS && !map.contains_key(account) {
            // A flood of invented accounts must not push out the real ones.
            return;
        }
        let failures = map.entry(account.into()).or_insert(Failures {
            count: 0,
            last: now,
        });
        failures.count = if now - failures.last > FORGET {
            1
        } else {
            failures.count.saturating_add(1)
        };
        failures.last = now;
    }

    /// A success wipes the slate.
    pub(crate) fn succeeded(&self, account: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(account);
    }
}

impl Failures {
    /// Free up to five failures, then 30 s, 60 s, 120 s … up to a quarter of an hour.
    fn until(&self) -> i64 {
        let over = self.count.saturating_sub(FREE);
        if over == 0 {
            0
        } else {
            self.last + ((30 * clock::SECOND) << over.min(6).saturating_sub(1)).min(FORGET)
        }
    }
}

const FREE: u32 = 4;
const FORGET: i64 = 15 * clock::MINUTE;
const MOST_ACCOUNTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_make_an_account_wait() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed("a", 0);
        }
        assert_eq!(throttle.wait("a", 0), 0);
        throttle.failed("a", 0);
        assert_eq!(throttle.wait("a", 0), 30);
        throttle.failed("a", 0);
        assert_eq!(throttle.wait("a", 0), 60);
        assert_eq!(throttle.wait("b", 0), 0);
        assert_eq!(throttle.wait("a", 61_000), 0);
        throttle.succeeded("a");
        assert_eq!(throttle.wait("a", 0), 0);
    }
}
