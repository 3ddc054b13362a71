//! A first look at a text: whether any literal can be in it at all. An automaton waits for each byte before the next; this
//! looks at all places independently and is several times faster, and most texts hold nothing.

/// Bits of the table: 16 KiB, which stays in the innermost cache.
const BITS: u32 = 17;

/// The first bytes of a set of literals, as hashes.
#[derive(Debug)]
pub(crate) struct Grams {
    table: Box<[u64]>,
    mask: u32,
    length: usize,
}

impl Grams {
    /// `None` when a literal is too short to say anything.
    pub(crate) fn of<'a>(literals: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let length = literals.clone().map(str::len).min()?.min(4);
        if length < 2 {
            return None;
        }
        let mask = u32::MAX >> (8 * (4 - length));
        let mut grams = Self {
            table: vec![0; 1 << (BITS - 6)].into(),
            mask,
            length,
        };
        for literal in literals {
            let slot = grams.slot(first(literal.as_bytes()));
            grams.table[slot / 64] |= 1 << (slot % 64);
        }
        Some(grams)
    }

    /// False only when none of the literals is in the text, in whatever case.
    pub(crate) fn may_be_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        if text.len() < self.length {
            return false;
        }
        for window in text.windows(4) {
            if self.has([window[0], window[1], window[2], window[3]]) {
                return true;
            }
        }
        // Places near the end, where fewer than four bytes are left.
        let whole = text.len().saturating_sub(3);
        (whole..=text.len() - self.length).any(|at| self.has(first(&text[at..])))
    }

    fn has(&self, bytes: [u8; 4]) -> bool {
        let slot = self.slot(bytes);
        self.table[slot / 64] >> (slot % 64) & 1 == 1
    }

    /// Letters of either case share a slot; so do some other bytes, which only makes a look more.
    fn slot(&self, bytes: [u8; 4]) -> usize {
        let folded = (u32::from_le_bytes(bytes) | 0x2020_2020) & self.mask;
        (folded.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
    }
}

fn first(bytes: &[u8]) -> [u8; 4] {
    let mut four = [0; 4];
    for (to, from) in four.iter_mut().zip(bytes) {
        *to = *from;
    }
    four
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_literal_that_is_there_is_never_missed(
            literals in proptest::collection::vec("[ -~]{2,6}", 1..5),
            before in "[ -~]{0,9}",
            after in "[ -~]{0,9}",
        ) {
            let grams = Grams::of(literals.iter().map(String::as_str)).unwrap();
            for literal in &literals {
                let text = format!("{before}{literal}{after}");
                prop_assert!(grams.may_be_in(&text));
                prop_assert!(grams.may_be_in(&text.to_uppercase()));
            }
        }
    }

    #[test]
    fn most_texts_are_passed_over() {
        let grams = Grams::of(["select", "union", "<script"].into_iter()).unwrap();
        assert!(!grams.may_be_in("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"));
        assert!(!grams.may_be_in("sel"));
        assert!(Grams::of(["a", "bc"].into_iter()).is_none());
    }
}
