//! Counting requests against limits on rate.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hudun_core::{RestrictionId, Timestamp};

/// Most buckets; beyond, full ones are forgotten first.
const MOST: usize = 50_000;

/// Token buckets, one for each limit and actor.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    buckets: Mutex<HashMap<(Option<RestrictionId>, String), Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request.
    left: i64,
    at: Timestamp,
    per_minute: u32,
}

/// How a request stands against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may pass.
    Pass,
    /// It must wait this many seconds.
    Wait(u32),
}

impl Throttles {
    /// Takes one request of an actor from its bucket. The second value counts buckets that were forgotten.
    pub(crate) fn take(
        &self,
        limit: Option<RestrictionId>,
        actor: &str,
        per_minute: u32,
        now: Timestamp,
    ) -> (Verdict, usize) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = if buckets.len() >= MOST {
            forget(&mut buckets, now)
        } else {
            0
        };
        let full = i64::from(per_minute) * 1_000;
        let bucket = buckets.entry((limit, actor.to_owned())).or_insert(Bucket {
            left: full,
            at: now,
            per_minute,
        });
        bucket.per_minute = per_minute;
        bucket.left = (bucket.left + bucket.gained(now)).min(full);
        bucket.at = now;
        if bucket.left >= 1_000 {
            bucket.left -= 1_000;
            return (Verdict::Pass, forgotten);
        }
        let missing = 1_000 - bucket.left;
        let wait = (missing * 60 + full.max(1) - 1) / full.max(1);
        (
            Verdict::Wait(u32::try_from(wait).unwrap_or(60).clamp(1, 60)),
            forgotten,
        )
    }
}

impl Bucket {
    fn gained(&self, now: Timestamp) -> i64 {
        now.millis_since(self.at).clamp(0, 120_000) * i64::from(self.per_minute) / 60
    }
}

/// Forgets full buckets, which say nothing; when there are none, a tenth of all.
fn forget(buckets: &mut HashMap<(Option<RestrictionId>, String), Bucket>, now: Timestamp) -> usize {
    let before = buckets.len();
    buckets.retain(|_, bucket| {
        bucket.left + bucket.gained(now) < i64::from(bucket.per_minute) * 1_000
    });
    if buckets.len() < MOST {
        return 0;
    }
    let mut ages: Vec<Timestamp> = buckets.values().map(|bucket| bucket.at).collect();
    let (_, &mut oldest, _) = ages.select_nth_unstable(MOST / 10);
    buckets.retain(|_, bucket| bucket.at > oldest);
    before - buckets.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_by_the_minute() {
        let throttles = Throttles::default();
        let at = Timestamp::from_millis;
        let take = |actor: &str, millis| throttles.take(None, actor, 2, at(millis)).0;
        assert_eq!(take("a", 0), Verdict::Pass);
        assert_eq!(take("a", 0), Verdict::Pass);
        assert_eq!(take("a", 0), Verdict::Wait(30));
        assert_eq!(
            take("b", 0),
            Verdict::Pass,
            "one actor does not use up another's"
        );
        assert_eq!(take("a", 30_000), Verdict::Pass);
        assert_eq!(take("a", 30_001), Verdict::Wait(30));
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let throttles = Throttles::default();
        let take = |millis| {
            throttles
                .take(None, "a", 1, Timestamp::from_millis(millis))
                .0
        };
        assert_eq!(take(100_000), Verdict::Pass);
        assert_eq!(take(0), Verdict::Wait(60));
    }
}
