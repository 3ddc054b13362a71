//! A small generator whose numbers never change between versions or machines (SplitMix64).

/// Pseudo-random numbers for one record. Not for secrets.
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of record `id` of a kind: each record has its own, so any one can be made without the others.
    pub(super) fn of(seed: u64, kind: u64, id: u64) -> Self {
        let mut dice = Self(seed ^ kind.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let mixed = dice.next() ^ id.wrapping_mul(0xA076_1D64_78BD_642F);
        Self(mixed)
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; 0 when the limit is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low + 1).unwrap_or(1);
        low + i64::try_from(self.below(span)).unwrap_or_default()
    }

    /// True in `percent` of 100 cases.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the choices.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or_default();
        &choices[at]
    }

    /// One of the words.
    pub(super) fn word(&mut self, choices: &[&'static str]) -> &'static str {
        self.pick::<&'static str>(choices)
    }

    /// `length` characters of an alphabet.
    pub(super) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(*self.pick(alphabet)))
            .collect()
    }
}

pub(super) const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
