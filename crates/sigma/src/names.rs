//! Names of fields to numbers. Every field of every event is looked up here, and most names are short: two words hold
//! sixteen bytes, so that comparing needs no loop.

use crate::atom::FieldId;
use crate::plan::FastMap;

/// Names that rules use.
#[derive(Debug)]
pub(crate) struct Names {
    /// A power of two of places, at most a quarter of them taken.
    short: Box<[Place]>,
    long: FastMap<Box<str>, FieldId>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    first: u64,
    last: u64,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    key: Key,
    id: FieldId,
}

/// The longest name that two words hold.
const SHORT: usize = 16;
/// Nothing is here.
const FREE: FieldId = FieldId::MAX;

impl Names {
    pub(crate) fn new<'a>(names: impl ExactSizeIterator<Item = (&'a str, FieldId)>) -> Self {
        let free = Place {
            key: Key::of(b""),
            id: FREE,
        };
        let mut made = Self {
            short: vec![free; (names.len() * 4).next_power_of_two()].into(),
            long: FastMap::default(),
        };
        for (name, id) in names {
            if name.len() > SHORT {
                made.long.insert(name.into(), id);
                continue;
            }
            let key = Key::of(name.as_bytes());
            let mut at = made.start(key);
            while made.short[at].id != FREE {
                at = (at + 1) & (made.short.len() - 1);
            }
            made.short[at] = Place { key, id };
        }
        made
    }

    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<FieldId> {
        if name.len() > SHORT {
            return self.long.get(name).copied();
        }
        let key = Key::of(name.as_bytes());
        let mut at = self.start(key);
        loop {
            let place = &self.short[at];
            if place.id == FREE {
                return None;
            }
            if place.key == key {
                return Some(place.id);
            }
            at = (at + 1) & (self.short.len() - 1);
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn start(&self, key: Key) -> usize {
        let mixed = (key.first ^ key.last.rotate_left(29) ^ u64::from(key.length))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (self.short.len() - 1)
    }
}

impl Key {
    /// Of at most sixteen bytes; where the two words overlap, the length tells.
    fn of(name: &[u8]) -> Self {
        let (first, last) =
            if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
            } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
                (
                    u64::from(u32::from_le_bytes(*first)),
                    u64::from(u32::from_le_bytes(*last)),
                )
            } else {
                let word = |word: u64, &byte: &u8| word << 8 | u64::from(byte);
                (name.iter().fold(0, word), 0)
            };
        #[allow(clippy::cast_possible_truncation)]
        let length = name.len() as u32;
        Self {
            first,
            last,
            length,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_found_and_others_are_not(
            names in proptest::collection::hash_set("[a-c.]{0,20}", 0..40),
            others in proptest::collection::vec("[a-c.]{0,20}", 0..40),
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let made = Names::new(names.iter().enumerate().map(|(id, name)| (name.as_str(), id as FieldId)));
            for name in names.iter().chain(&others) {
                let expected = names.iter().position(|known| known == name).map(|id| id as FieldId);
                prop_assert_eq!(made.get(name), expected);
            }
        }
    }
}
