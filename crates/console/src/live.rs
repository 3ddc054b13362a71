//! What happens, as it happens: a bounded ring of events that viewers follow and resume.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hudun_console_api::{Happening, LiveEvent};
use hudun_core::Timestamp;
use tokio::sync::broadcast;

/// Events kept for viewers that come back.
const KEPT: usize = 1_024;

/// The stream of events. Clones share one stream.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    ring: Mutex<Ring>,
    tell: broadcast::Sender<Arc<LiveEvent>>,
}

struct Ring {
    next: u64,
    kept: VecDeque<Arc<LiveEvent>>,
}

/// What a viewer gets on joining: what it missed, and the way to what follows.
pub(crate) struct Follower {
    /// Events that the viewer has not seen; `None` when it missed more than is kept.
    pub(crate) missed: Option<Vec<Arc<LiveEvent>>>,
    /// The number of the latest event.
    pub(crate) latest: u64,
    /// What follows.
    pub(crate) next: broadcast::Receiver<Arc<LiveEvent>>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// A stream without events. Numbers begin at the present millisecond, so that a viewer of a former process is
    /// told to fetch everything again instead of taking new events for old ones.
    pub fn new() -> Self {
        let first = u64::try_from(Timestamp::now().as_millis()).unwrap_or(1);
        let ring = Mutex::new(Ring {
            next: first,
            kept: VecDeque::with_capacity(KEPT),
        });
        Self {
            shared: Arc::new(Shared {
                ring,
                tell: broadcast::channel(KEPT).0,
            }),
        }
    }

    /// Tells all viewers. Never waits: a viewer that can't keep up is told to fetch everything again.
    pub fn publish(&self, at: Timestamp, what: Happening) {
        let mut ring = self.ring();
        let event = Arc::new(LiveEvent {
            id: ring.next,
            at,
            what,
        });
        ring.next += 1;
        if ring.kept.len() == KEPT {
            ring.kept.pop_front();
        }
        ring.kept.push_back(Arc::clone(&event));
        // Sent under the lock, so that order on the wire is the order of the numbers. No viewer is no error.
        let _ = self.shared.tell.send(event);
    }

    /// Joins after the event with this number, or now.
    pub(crate) fn follow(&self, after: Option<u64>) -> Follower {
        let ring = self.ring();
        let latest = ring.next - 1;
        let missed = match after {
            None => Some(Vec::new()),
            Some(seen) if seen == latest => Some(Vec::new()),
            Some(seen) if seen > latest => None,
            Some(seen) => match ring.kept.front() {
                Some(oldest) if oldest.id <= seen + 1 => Some(
                    ring.kept
                        .iter()
                        .filter(|event| event.id > seen)
                        .cloned()
                        .collect(),
                ),
                _ => None,
            },
        };
        Follower {
            missed,
            latest,
            next: self.shared.tell.subscribe(),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.shared
            .ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(live: &Live, times: usize) {
        for _ in 0..times {
            live.publish(Timestamp::from_millis(1), Happening::Overview);
        }
    }

    #[test]
    fn a_viewer_that_comes_back_gets_what_it_missed_in_order() {
        let live = Live::new();
        let start = live.follow(None).latest;
        publish(&live, 5);
        let missed = live.follow(Some(start + 2)).missed.unwrap();
        let ids: Vec<_> = missed.iter().map(|event| event.id - start).collect();
        assert_eq!(ids, [3, 4, 5]);
        assert!(live.follow(Some(start + 5)).missed.unwrap().is_empty());
    }

    #[test]
    fn a_viewer_that_missed_too_much_or_comes_from_another_process_starts_anew() {
        let live = Live::new();
        let start = live.follow(None).latest;
        publish(&live, KEPT + 10);
        assert!(live.follow(Some(start + 3)).missed.is_none());
        assert!(live.follow(Some(start + 11)).missed.is_some());
        assert!(
            live.follow(Some(start + 5_000)).missed.is_none(),
            "a number from the future"
        );
        assert!(
            live.follow(Some(3)).missed.is_none(),
            "a number of a former process"
        );
    }
}
