//! The values of one transaction, each kept once, with what transformations make of it.

use crate::transform::{Transform, classes};

/// A value's number; 0 is «no value».
pub(crate) type ValueId = u32;

/// All values of a transaction, in one buffer.
#[derive(Debug)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    edges: Vec<Edge>,
    scratch: Vec<u8>,
    budget: usize,
    exhausted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    start: u32,
    len: u32,
    classes: u32,
    first_edge: u32,
    /// Which scan groups have seen this value.
    scanned: u64,
}

/// What a transformation made of a value.
#[derive(Debug, Clone, Copy)]
struct Edge {
    transform: Transform,
    result: ValueId,
    next: u32,
}

impl Values {
    pub(crate) fn new(budget: usize) -> Self {
        let mut this = Self {
            bytes: Vec::with_capacity(4096),
            slots: Vec::with_capacity(128),
            edges: Vec::with_capacity(128),
            scratch: Vec::new(),
            budget: budget.min(u32::MAX as usize / 2),
            exhausted: false,
        };
        // Slot 0 and edge 0 are «none».
        this.slots.push(Slot {
            start: 0,
            len: 0,
            classes: classes(b""),
            first_edge: 0,
            scanned: 0,
        });
        this.edges.push(Edge {
            transform: Transform::Lowercase,
            result: 0,
            next: 0,
        });
        this
    }

    /// No values and no memory, to stand in while the real ones are elsewhere.
    pub(crate) fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            slots: Vec::new(),
            edges: Vec::new(),
            scratch: Vec::new(),
            budget: 0,
            exhausted: false,
        }
    }

    /// Forgets all values and keeps the memory, unless it grew out of the ordinary.
    pub(crate) fn reset(&mut self, budget: usize) {
        if self.bytes.capacity() > KEEP {
            *self = Self::new(budget);
            return;
        }
        self.bytes.clear();
        self.slots.truncate(1);
        self.slots[0].scanned = 0;
        self.slots[0].first_edge = 0;
        self.edges.truncate(1);
        self.budget = budget.min(u32::MAX as usize / 2);
        self.exhausted = false;
    }

    /// Keeps a value. Over budget the value is dropped and the transaction counts as exhausted.
    pub(crate) fn add(&mut self, value: &[u8]) -> ValueId {
        if self.bytes.len() + value.len() > self.budget || self.slots.len() >= MAX_VALUES {
            self.exhausted = true;
            return 0;
        }
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        let id = self.slots.len() as ValueId;
        self.slots.push(Slot {
            start,
            len: value.len() as u32,
            classes: classes(value),
            first_edge: 0,
            scanned: 0,
        });
        id
    }

    pub(crate) fn get(&self, id: ValueId) -> &[u8] {
        let slot = &self.slots[id as usize];
        &self.bytes[slot.start as usize..(slot.start + slot.len) as usize]
    }

    /// The byte classes of a value.
    pub(crate) fn classes(&self, id: ValueId) -> u32 {
        self.slots[id as usize].classes
    }

    /// The value after a chain of transformations; the same number when nothing changed.
    pub(crate) fn transform(&mut self, mut id: ValueId, chain: &[Transform]) -> ValueId {
        for t in chain {
            id = self.step(id, *t);
        }
        id
    }

    /// The value after one transformation.
    pub(crate) fn step(&mut self, id: ValueId, transform: Transform) -> ValueId {
        let slot = self.slots[id as usize];
        if slot.classes & transform.trigger() == 0 {
            return id;
        }
        let mut at = slot.first_edge;
        while at != 0 {
            let edge = self.edges[at as usize];
            if edge.transform == transform {
                return edge.result;
            }
            at = edge.next;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let changed = transform.apply(self.get(id), &mut scratch);
        let result = if changed { self.add(&scratch) } else { id };
        self.scratch = scratch;
        let edge = self.edges.len() as u32;
        self.edges.push(Edge {
            transform,
            result,
            next: slot.first_edge,
        });
        self.slots[id as usize].first_edge = edge;
        result
    }

    /// Marks a value as seen by automata of a scan group; returns those that had not seen it.
    pub(crate) fn mark_scanned(&mut self, id: ValueId, group: u32, what: u8) -> u8 {
        let shift = (group & 31) * 2;
        let slot = &mut self.slots[id as usize];
        let fresh = what & !((slot.scanned >> shift & 3) as u8);
        slot.scanned |= u64::from(what & 3) << shift;
        fresh
    }

    /// Whether a value had to be dropped.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// Bytes in use.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// Buffers up to this size go to the next transaction.
const KEEP: usize = 1 << 20;
/// No transaction keeps more values than this.
const MAX_VALUES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_values_are_shared() {
        let mut values = Values::new(1000);
        let a = values.add(b"plain");
        assert_eq!(
            values.transform(a, &[Transform::UrlDecodeUni, Transform::Lowercase]),
            a
        );
        let b = values.add(b"A%20b");
        let c = values.transform(b, &[Transform::UrlDecodeUni]);
        assert_eq!(values.get(c), b"A b");
        let size = values.size();
        assert_eq!(values.transform(b, &[Transform::UrlDecodeUni]), c);
        assert_eq!(values.size(), size);
    }

    #[test]
    fn budget_holds() {
        let mut values = Values::new(10);
        assert_ne!(values.add(b"12345"), 0);
        assert_eq!(values.add(b"1234567"), 0);
        assert!(values.exhausted());
    }
}
