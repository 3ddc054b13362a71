//! Paths, with identifiers in one branch.

use std::collections::BTreeMap;

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::names::Segment;

/// Words below one node; more are no words.
const MOST_WORDS: usize = 300;
/// From this many words on that were seen fewer than three times each, they are taken for identifiers.
const MANY: usize = 20;

/// One place in the tree of paths.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) words: BTreeMap<String, Self>,
    pub(crate) value: Option<Box<Self>>,
    pub(crate) rest: Option<Box<Self>>,
    pub(crate) ends: BTreeMap<(String, Call), Endpoint>,
}

impl Node {
    /// The node of a path, which is made when absent.
    pub(crate) fn at(&mut self, path: &[Segment], merged: &mut u64) -> &mut Self {
        let Some((first, below)) = path.split_first() else {
            return self;
        };
        let next = match first {
            Segment::Word(word)
                if self.words.contains_key(word) || self.words.len() < MOST_WORDS =>
            {
                self.words.entry(word.clone()).or_default()
            }
            Segment::Word(_) => {
                *merged += 1;
                self.value.get_or_insert_default()
            }
            Segment::Value => self.value.get_or_insert_default(),
            Segment::Rest => self.rest.get_or_insert_default(),
        };
        next.at(below, merged)
    }

    /// The function that a method and a call name here; whether it is new. `None` when there is no room.
    pub(crate) fn endpoint(
        &mut self,
        method: &str,
        call: Call,
        room: bool,
    ) -> Option<(&mut Endpoint, bool)> {
        let key = (method.to_owned(), call);
        let is_new = !self.ends.contains_key(&key);
        if is_new && !room {
            return None;
        }
        Some((self.ends.entry(key).or_default(), is_new))
    }

    /// The same tree with words that turn out to be identifiers in one branch.
    pub(crate) fn clustered(self) -> Self {
        let mut node = self;
        let few = node.words.len() > MANY
            && node.words.values().map(Self::requests).sum::<u64>() < 3 * node.words.len() as u64;
        if few {
            let mut value = *node.value.take().unwrap_or_default();
            for (_, word) in std::mem::take(&mut node.words) {
                value.absorb(word);
            }
            node.value = Some(Box::new(value));
        }
        node.words = node
            .words
            .into_iter()
            .map(|(word, below)| (word, below.clustered()))
            .collect();
        node.value = node.value.map(|below| Box::new(below.clustered()));
        node.rest = node.rest.map(|below| Box::new(below.clustered()));
        node
    }

    fn requests(&self) -> u64 {
        let here: u64 = self.ends.values().map(|end| end.requests).sum();
        let words: u64 = self.words.values().map(Self::requests).sum();
        let value = self.value.as_ref().map_or(0, |below| below.requests());
        here + words + value + self.rest.as_ref().map_or(0, |below| below.requests())
    }

    fn absorb(&mut self, other: Self) {
        for (key, end) in other.ends {
            self.ends.entry(key).or_default().absorb(end);
        }
        for (word, below) in other.words {
            self.words.entry(word).or_default().absorb(below);
        }
        if let Some(below) = other.value {
            self.value.get_or_insert_default().absorb(*below);
        }
        if let Some(below) = other.rest {
            self.rest.get_or_insert_default().absorb(*below);
        }
    }
}
