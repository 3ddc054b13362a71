//! A first look at a text: whether any literal can be in it at all. An automaton waits for each byte before the next; this
//! looks at all places independently and is several times faster, and most texts hold nothing. One look answers for the
//! text's own field and for keywords, which are searched in every text.

use std::collections::HashSet;

/// Bits of the number of a place in a table: 32 KiB, which stay in the innermost cache.
const BITS: u32 = 15;
/// Places of the table of pairs: two folded bytes of seven bits.
const PAIRS: usize = 1 << 14;
/// The bit that tells letters of one case from the other. Some other bytes share a place through it, which only makes a
/// second look more.
const CASE: u8 = 0x20;

/// Text as it mostly is. A literal is recognised by four bytes of its own that aren't in it: `Mozilla/5.0 (evil)` by
/// `evil`, not by `mozi`.
const USUAL: &str = "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) \
chrome/126.0.0.0 safari/537.36 edg/126.0.0.0 mozilla/5.0 (macintosh; intel mac os x 10_15_7) version/17.4 safari/605.1.15 \
mozilla/5.0 (iphone; cpu iphone os 17_4 like mac os x) mobile/15e148 micromessenger/8.0.47 nettype/wifi language/zh_cn \
mozilla/5.0 (linux; android 14; k) firefox/127.0 gecko/20100101 https://www.example.com/index.html /api/v1/users/1 \
/api/v2/customers/ orders search login export admin static assets app.js style.css ?id=1&page=2&limit=10 get post put \
delete http/1.1 application/json text/html; charset=utf-8 windows system32 program files users 127.0.0.1 192.168.0.1";

/// A set of literals that share a bit of the sieve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Group(u8);

impl Group {
    /// The group of keywords.
    pub(crate) const KEYWORDS: Self = Self(1);
    /// No literals.
    pub(crate) const NONE: Self = Self(0);

    /// One of seven groups for fields; when there are more fields, several share one.
    pub(crate) const fn of_field(number: usize) -> Self {
        Self(2 << (number % 7))
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What literals are recognised by, as hashes.
#[derive(Debug)]
pub(crate) struct Sieve {
    /// Groups by three bytes: what every place of every text is asked.
    threes: Table,
    /// Groups by those three and the next: asked where the first said yes, which is seldom right.
    fours: Table,
    /// The same by two bytes, for literals that have no more.
    pairs: Box<[u8; PAIRS]>,
    /// Groups with a literal so short that there is nothing to look for.
    always: u8,
    usual: HashSet<u32>,
}

/// Groups by the hash of some bytes.
#[derive(Debug)]
struct Table(Box<[u8; 1 << BITS]>);

impl Sieve {
    pub(crate) fn new() -> Self {
        Self {
            threes: Table(Box::new([0; 1 << BITS])),
            fours: Table(Box::new([0; 1 << BITS])),
            pairs: Box::new([0; PAIRS]),
            always: 0,
            usual: USUAL
                .as_bytes()
                .windows(4)
                .map(|four| folded(four, 0))
                .collect(),
        }
    }

    /// Adds a literal, lowered.
    pub(crate) fn add(&mut self, literal: &str, group: Group) {
        match *literal.as_bytes() {
            // One byte is in most texts.
            [] | [_] => self.always |= group.0,
            [one, two] => {
                self.pairs[pair(one, two)] |= group.0;
                for next in 0..=u8::MAX {
                    let three = folded(&[one, two, next], 0) & THREE;
                    *self.threes.at(three) |= group.0;
                }
            }
            [_, _, _] => {
                // Whatever follows; behind the end of a text, nothing does.
                for next in 0..=u8::MAX {
                    self.add_four(folded(literal.as_bytes(), next), group);
                }
            }
            ref longer => {
                let fours = || longer.windows(4).map(|four| folded(four, 0));
                // Best is what has three bytes that are rare already.
                let rare = fours()
                    .find(|&four| !self.usual.iter().any(|usual| usual & THREE == four & THREE));
                let four = rare
                    .or_else(|| fours().find(|four| !self.usual.contains(four)))
                    .unwrap_or_else(|| folded(longer, 0));
                self.add_four(four, group);
            }
        }
    }

    fn add_four(&mut self, four: u32, group: Group) {
        *self.threes.at(four & THREE) |= group.0;
        *self.fours.at(four) |= group.0;
    }

    /// The groups of `wanted` of which a literal may be in the text, in whatever case; none of the others is.
    pub(crate) fn may_hold(&self, text: &str, wanted: Group) -> Group {
        let text = text.as_bytes();
        let mut seen = self.always & wanted.0;
        let mut at = 0;
        // Eight bytes hold six places; the last eight may overlap those before.
        while let Some(eight) = text[at..].first_chunk() {
            if self.six(u64::from_le_bytes(*eight)) & wanted.0 != 0 {
                seen |= self.closer(text, at) & wanted.0;
                if seen == wanted.0 {
                    return wanted;
                }
            }
            at = if at + 8 == text.len() {
                text.len()
            } else {
                (at + 6).min(text.len() - 8)
            };
        }
        if at == 0 && self.six(short_word(text)) & wanted.0 != 0 {
            seen |= self.closer(text, 0) & wanted.0;
        }
        // The last place of two bytes.
        if let Some(&[one, two]) = text.last_chunk() {
            seen |= self.pairs[pair(one, two)] & wanted.0;
        }
        Group(seen)
    }

    /// Groups that one of the six places in eight bytes may belong to.
    #[allow(clippy::cast_possible_truncation)]
    fn six(&self, eight: u64) -> u8 {
        let eight = eight | u64::from_le_bytes([CASE; 8]);
        let at = |shift: u32| self.threes.get((eight >> shift) as u32 & THREE);
        at(0) | at(8) | at(16) | at(24) | at(32) | at(40)
    }

    /// The same by four bytes and by two.
    fn closer(&self, text: &[u8], from: usize) -> u8 {
        (from..(from + 6).min(text.len()))
            .map(|at| {
                let four = folded(&text[at..], 0);
                let [one, two, ..] = four.to_le_bytes();
                self.fours.get(four) | self.pairs[pair(one, two)]
            })
            .fold(0, |seen, groups| seen | groups)
    }
}

impl Table {
    fn get(&self, bytes: u32) -> u8 {
        self.0[Self::place(bytes)]
    }

    fn at(&mut self, bytes: u32) -> &mut u8 {
        &mut self.0[Self::place(bytes)]
    }

    const fn place(bytes: u32) -> usize {
        (bytes.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
    }
}

/// Three of four bytes.
const THREE: u32 = 0x00ff_ffff;

/// The first four bytes as one number; `missing` stands for those that aren't there.
fn folded(bytes: &[u8], missing: u8) -> u32 {
    let four = match bytes.first_chunk() {
        Some(four) => *four,
        None => {
            let mut four = [missing; 4];
            for (to, from) in four.iter_mut().zip(bytes) {
                *to = *from;
            }
            four
        }
    };
    u32::from_le_bytes(four) | u32::from_le_bytes([CASE; 4])
}

/// Fewer than eight bytes as one number.
fn short_word(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        u64::from(first) | u64::from(last) << (8 * (text.len() - 4))
    } else {
        u64::from(folded(text, 0))
    }
}

/// Without the bit of the case seven are left of each byte.
const fn pair(one: u8, two: u8) -> usize {
    const fn seven(byte: u8) -> usize {
        (byte & (CASE - 1) | (byte & !(CASE | (CASE - 1))) >> 1) as usize
    }
    seven(one) << 7 | seven(two)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_literal_that_is_there_is_never_missed(
            literals in proptest::collection::vec("[ -~é]{1,6}", 1..9),
            before in "[ -~]{0,9}",
            after in "[ -~é]{0,9}",
        ) {
            let mut sieve = Sieve::new();
            let group = |n: usize| if n == 0 { Group::KEYWORDS } else { Group::of_field(n) };
            for (n, literal) in literals.iter().enumerate() {
                sieve.add(&literal.to_lowercase(), group(n));
            }
            for (n, literal) in literals.iter().enumerate() {
                let text = format!("{before}{literal}{after}").to_lowercase();
                let every = Group(u8::MAX);
                for wanted in [group(n), every] {
                    prop_assert!(sieve.may_hold(&text, wanted).has(group(n)));
                    prop_assert!(sieve.may_hold(&text.to_ascii_uppercase(), wanted).has(group(n)));
                }
            }
        }
    }

    #[test]
    fn most_texts_are_passed_over() {
        let mut sieve = Sieve::new();
        for literal in ["select", "union", "<script", "mozilla/5.0 evil"] {
            sieve.add(literal, Group::KEYWORDS);
        }
        sieve.add("~1", Group::of_field(0));
        let every = Group::KEYWORDS.with(Group::of_field(0));
        let of = |text| sieve.may_hold(text, every);
        assert_eq!(of("Mozilla/5.0 (Windows NT 10.0; Win64; x64)"), Group::NONE);
        assert_eq!(of("sel"), Group::NONE);
        assert_eq!(of(""), Group::NONE);
        assert_eq!(of("a~1"), Group::of_field(0));
        assert_eq!(of("1 UNION SELECT"), Group::KEYWORDS);
    }
}
