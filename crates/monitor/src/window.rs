//! Distinct things within a sliding window, bounded.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::Hash;

/// Distinct keys seen within the last `span` milliseconds, at most `most` of them: beyond that the count stands still,
/// which is far above every threshold.
#[derive(Debug)]
pub(crate) struct Distinct<K> {
    span: i64,
    most: usize,
    last_noted: HashMap<K, i64>,
    order: VecDeque<(i64, K)>,
}

impl<K: Clone + Eq + Hash> Distinct<K> {
    pub(crate) fn new(span: i64, most: usize) -> Self {
        Self {
            span,
            most,
            last_noted: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Notes the key and returns how many distinct ones the window holds now, to within a second.
    pub(crate) fn note(&mut self, at: i64, key: K) -> usize {
        self.forget_before(at.saturating_sub(self.span));
        let known = self.last_noted.get(&key).copied();
        // A key that repeats within a second adds no line, which bounds `order` by keys × seconds.
        let fresh = known.is_none_or(|before| at - before >= 1_000);
        if fresh && (known.is_some() || self.last_noted.len() < self.most) {
            self.last_noted.insert(key.clone(), at);
            self.order.push_back((at, key));
        }
        self.last_noted.len()
    }

    fn forget_before(&mut self, cut: i64) {
        while self.order.front().is_some_and(|(at, _)| *at < cut) {
            let Some((at, key)) = self.order.pop_front() else {
                return;
            };
            if self.last_noted.get(&key) == Some(&at) {
                self.last_noted.remove(&key);
            }
        }
    }
}

/// How many events lie within the last `span` milliseconds, at most `most`.
#[derive(Debug)]
pub(crate) struct Count {
    span: i64,
    most: usize,
    at: VecDeque<i64>,
}

impl Count {
    pub(crate) fn new(span: i64, most: usize) -> Self {
        Self {
            span,
            most,
            at: VecDeque::new(),
        }
    }

    pub(crate) fn note(&mut self, at: i64) -> usize {
        while self
            .at
            .front()
            .is_some_and(|first| *first < at.saturating_sub(self.span))
            || self.at.len() >= self.most
        {
            self.at.pop_front();
        }
        self.at.push_back(at);
        self.at.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distinct_is_within_a_second_of_the_naive_count(
            steps in proptest::collection::vec((0i64..3_000, 0u8..12), 1..80),
        ) {
            let mut window = Distinct::new(10_000, 1_000);
            let mut history: Vec<(i64, u8)> = Vec::new();
            let mut at = 0;
            for (pause, key) in steps {
                at += pause;
                history.push((at, key));
                let counted = window.note(at, key);
                let naive = |span: i64| {
                    let mut keys: Vec<_> =
                        history.iter().filter(|(seen, _)| *seen >= at - span).map(|(_, key)| *key).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    keys.len()
                };
                prop_assert!(naive(9_000) <= counted && counted <= naive(10_000), "{counted}");
            }
        }
    }
}
