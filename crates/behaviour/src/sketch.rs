//! Sets of fixed size: who is known, and how many different ones there were.

use serde::{Deserialize, Serialize};

/// Keys that [`Distinct`] counts exactly.
const EXACT: usize = 200;
/// Registers of the estimate beyond (1,024 bytes, standard error 3.3 %).
const REGISTERS: usize = 1_024;
/// Bits of one generation of [`Known`].
const BITS: usize = 16_384;
/// Keys of one generation: beyond, the older generation is given up.
const GENERATION: u16 = 2_500;

/// A well-mixed 64-bit name of some bytes: FNV-1a, then the finaliser of SplitMix64. Subjects are keyed tokens already,
/// so nobody outside can choose them; other names are bounded by quotas whatever they hash to.
pub(crate) fn name_of(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// How many different keys: exact up to two hundred, then HyperLogLog (Flajolet and others 2007). At most 1 KiB.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Distinct {
    exact: Vec<u32>,
    registers: Vec<u8>,
}

impl Distinct {
    /// Notes a key and tells whether the count changed.
    pub(crate) fn note(&mut self, key: u64) {
        if self.registers.is_empty() {
            let short = (key >> 32) as u32;
            if let Err(at) = self.exact.binary_search(&short) {
                if self.exact.len() < EXACT {
                    self.exact.insert(at, short);
                    return;
                }
                self.registers = vec![0; REGISTERS];
                for known in std::mem::take(&mut self.exact) {
                    self.register(u64::from(known) << 32);
                }
            } else {
                return;
            }
        }
        self.register(key & 0xffff_ffff_0000_0000);
    }

    /// The count.
    pub(crate) fn count(&self) -> u32 {
        if self.registers.is_empty() {
            return self.exact.len() as u32;
        }
        let m = REGISTERS as f64;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count() as f64;
        let sum: f64 = self
            .registers
            .iter()
            .map(|rank| (-f64::from(*rank)).exp2())
            .sum();
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let estimate = if raw <= 2.5 * m && empty > 0.0 {
            m * (m / empty).ln()
        } else {
            raw
        };
        estimate.round() as u32
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        self.exact.capacity() * 4 + self.registers.capacity()
    }

    /// Whether what was read from a snapshot can be what was written.
    pub(crate) fn is_sound(&self) -> bool {
        self.exact.len() <= EXACT
            && self.exact.is_sorted()
            && (self.registers.is_empty()
                || self.registers.len() == REGISTERS && self.exact.is_empty())
            && self.registers.iter().all(|rank| *rank <= 64)
    }

    fn register(&mut self, key: u64) {
        let mixed = name_of(&key.to_be_bytes());
        let rank = ((mixed >> 10) | (1 << 54)).trailing_zeros() as u8 + 1;
        if let Some(register) = self.registers.get_mut(mixed as usize % REGISTERS) {
            *register = (*register).max(rank);
        }
    }
}

/// Which subjects an actor has worked with: two generations of a Bloom filter, 4 KiB. It never takes a known subject for
/// a new one within a generation; it takes about one new subject in forty for a known one when full, which only makes a
/// count of new subjects a little too low.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    new: Vec<u64>,
    old: Vec<u64>,
    inserted: u16,
    ever: u32,
}

impl Known {
    /// Notes the subject and tells whether it is new.
    pub(crate) fn note(&mut self, key: u64) -> bool {
        let fresh = !Self::holds(&self.new, key);
        let known = !fresh || Self::holds(&self.old, key);
        if fresh {
            if self.inserted >= GENERATION {
                self.old = std::mem::take(&mut self.new);
                self.inserted = 0;
            }
            if self.new.is_empty() {
                self.new = vec![0; BITS / 64];
            }
            for bit in Self::bits(key) {
                if let Some(word) = self.new.get_mut(bit / 64) {
                    *word |= 1 << (bit % 64);
                }
            }
            self.inserted += 1;
        }
        if !known {
            self.ever = self.ever.saturating_add(1);
        }
        !known
    }

    /// How many subjects were new, ever.
    pub(crate) const fn ever(&self) -> u32 {
        self.ever
    }

    /// Bytes on the heap.
    pub(crate) fn heap(&self) -> usize {
        (self.new.capacity() + self.old.capacity()) * 8
    }

    /// Whether what was read from a snapshot can be what was written.
    pub(crate) fn is_sound(&self) -> bool {
        [&self.new, &self.old]
            .iter()
            .all(|words| words.is_empty() || words.len() == BITS / 64)
    }

    fn holds(words: &[u64], key: u64) -> bool {
        !words.is_empty()
            && Self::bits(key).into_iter().all(|bit| {
                words
                    .get(bit / 64)
                    .is_some_and(|word| word >> (bit % 64) & 1 == 1)
            })
    }

    fn bits(key: u64) -> [usize; 4] {
        let (one, two) = (key as u32, (key >> 32) as u32 | 1);
        [0, 1, 2, 3].map(|step: u32| one.wrapping_add(step.wrapping_mul(two)) as usize % BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_is_exact_then_close() {
        let mut set = Distinct::default();
        for key in 0..50_000_u64 {
            set.note(name_of(&key.to_be_bytes()));
            set.note(name_of(&(key / 2).to_be_bytes()));
            let (truth, count) = (key as f64 + 1.0, f64::from(set.count()));
            if key < EXACT as u64 {
                assert_eq!(count, truth);
            } else if key.is_multiple_of(997) {
                assert!((count / truth - 1.0).abs() < 0.15, "{count} of {truth}");
            }
        }
        assert!(set.heap() <= 4 * 256 + REGISTERS);
    }

    #[test]
    fn what_was_seen_is_known_and_most_of_the_rest_is_not() {
        let mut known = Known::default();
        let name = |key: u64| name_of(&key.to_be_bytes());
        let missed = (0..2_500).filter(|key| !known.note(name(*key))).count();
        assert!(missed < 100, "{missed}");
        assert!((0..2_500).all(|key| !known.clone().note(name(key))));
        for key in 10_000..60_000 {
            known.note(name(key));
        }
        assert!(known.heap() <= 4_096 && known.is_sound());
    }
}
