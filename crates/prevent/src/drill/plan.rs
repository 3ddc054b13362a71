//! What the attacker does, in which order and in which disguise: everything follows from the seed.

use std::ops::Range;

use serde::Serialize;

/// One part of the attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Move {
    /// Fetches customers one by one through the API, by ids that are not its own.
    WalkApi,
    /// The same through HTML pages.
    WalkPages,
    /// Injects SQL into the search and pages through what comes.
    Inject,
    /// Asks for an export and fetches the file.
    Export,
}

/// The whole attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Makes everything below.
    pub seed: u64,
    /// The parts in order.
    pub moves: Vec<Move>,
    /// Customers to fetch in each walk.
    pub walk: usize,
    /// Pages of the injected search to fetch.
    pub pages: u32,
    /// Customers a page.
    pub page_size: u32,
    /// Requests under way at once while walking.
    pub at_once: usize,
    /// What the client says it can decode.
    pub accept_encoding: &'static str,
    /// Milliseconds between requests.
    pub pause_ms: u64,
}

impl Plan {
    /// The attack of the demo: walk, inject, export, at a pace that can be watched.
    pub fn stolen_account(seed: u64) -> Self {
        Self {
            seed,
            moves: vec![Move::WalkApi, Move::WalkPages, Move::Inject, Move::Export],
            walk: 40,
            pages: 3,
            page_size: 50,
            at_once: 1,
            accept_encoding: "gzip, br, zstd",
            pause_ms: 100,
        }
    }

    /// The same attack varied by the seed: order, pace, encoding, sizes. The order decides how much is gone before the
    /// first alarm: a walk is noticed at the third customer, an export or an injected page is one request.
    pub fn varied(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut plan = Self::stolen_account(seed);
        for last in (1..plan.moves.len()).rev() {
            plan.moves
                .swap(last, dice.within(0..last as u64 + 1) as usize);
        }
        plan.walk = dice.within(20..80) as usize;
        plan.pages = dice.within(2..6) as u32;
        plan.page_size = dice.within(10..101) as u32;
        plan.at_once = dice.within(1..5) as usize;
        plan.accept_encoding =
            ["identity", "gzip", "br", "zstd", "gzip, br, zstd"][dice.within(0..5) as usize];
        plan.pause_ms = dice.within(0..30);
        plan
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, good enough to vary a drill.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range, which must not be empty.
    pub(crate) const fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_attack_and_others_differ() {
        assert_eq!(Plan::varied(7), Plan::varied(7));
        let orders: std::collections::HashSet<_> = (0..40)
            .map(|seed| format!("{:?}", Plan::varied(seed).moves))
            .collect();
        assert!(orders.len() > 10, "{}", orders.len());
        for seed in 0..40 {
            assert_eq!(Plan::varied(seed).moves.len(), 4);
        }
    }
}
