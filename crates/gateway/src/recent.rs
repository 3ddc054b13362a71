//! The last minutes of traffic, in memory only, to prove a patch on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hudun_core::{Timestamp, Window};
use hudun_policy::Recorded;
use hudun_profile::{BodyView, RequestView};
use serde_json::Value;

/// Most exchanges that are kept.
const MOST: usize = 20_000;
/// Bytes, by estimate, that are kept.
const MOST_BYTES: usize = 64 << 20;
/// Bytes, by estimate, above which one exchange is not kept.
const LARGEST: usize = 64 << 10;

/// The last minutes of traffic. Values are personal data, so it lives in memory, forgets by age, and is never written.
#[derive(Clone, Debug)]
pub struct RecentTraffic {
    ring: Arc<Mutex<Ring>>,
    minutes: u32,
}

#[derive(Debug, Default)]
struct Ring {
    kept: VecDeque<(Arc<Recorded>, usize)>,
    bytes: usize,
    skipped: u64,
}

impl RecentTraffic {
    /// Keeps this many minutes.
    pub fn new(minutes: u32) -> Self {
        Self {
            ring: Arc::default(),
            minutes,
        }
    }

    /// The exchanges of a window, oldest first.
    pub fn snapshot(&self, window: Window) -> Vec<Arc<Recorded>> {
        self.lock()
            .kept
            .iter()
            .filter(|(recorded, _)| window.contains(recorded.at))
            .map(|(recorded, _)| Arc::clone(recorded))
            .collect()
    }

    /// Exchanges that were too large to be kept.
    pub fn skipped(&self) -> u64 {
        self.lock().skipped
    }

    pub(crate) fn push(&self, recorded: Box<Recorded>) {
        let size = weigh(&recorded.view);
        let oldest = Timestamp::now().plus_millis(-i64::from(self.minutes) * 60_000);
        let mut ring = self.lock();
        if size > LARGEST {
            ring.skipped += 1;
            return;
        }
        ring.bytes += size;
        ring.kept.push_back((Arc::from(recorded), size));
        while ring.kept.len() > MOST
            || ring.bytes > MOST_BYTES
            || ring
                .kept
                .front()
                .is_some_and(|(first, _)| first.at < oldest)
        {
            let Some((_, size)) = ring.kept.pop_front() else {
                break;
            };
            ring.bytes -= size;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory of a request, by estimate.
fn weigh(view: &RequestView) -> usize {
    let pairs = |pairs: &[(String, String)]| {
        pairs
            .iter()
            .map(|(name, value)| 64 + name.len() + value.len())
            .sum::<usize>()
    };
    let body = match &view.body {
        BodyView::Json(value) | BodyView::Xml(value) => weigh_json(value),
        BodyView::GraphQl(text) => text.len(),
        other => pairs(other.form()) + 128 * other.files().len(),
    };
    512 + pairs(&view.query) + pairs(&view.headers) + body
}

fn weigh_json(value: &Value) -> usize {
    match value {
        Value::String(text) => 40 + text.len(),
        Value::Array(list) => 40 + list.iter().map(weigh_json).sum::<usize>(),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| 64 + key.len() + weigh_json(inner))
            .sum(),
        _ => 32,
    }
}
