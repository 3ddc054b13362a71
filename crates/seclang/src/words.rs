//! Texts of plain words, known in advance to be no SQL.
//!
//! The SQL detector turns a value into a fingerprint of token types, and none of its fingerprints of attacks consists of
//! plain words and numbers alone. A value of nothing but ASCII letters, digits, `_` and blanks, in which each word and each
//! pair of neighbours is plain, therefore needs no detector. What a word is, the detector itself says; this remembers it.

use std::hash::{BuildHasher, RandomState};

use libinjectionrs::{SqliFlags, SqliState};

/// A memory of words and pairs, bounded; a new entry pushes out the one in its place.
#[derive(Debug)]
pub(crate) struct Words {
    // Keyed at random: nobody can choose words that share an entry.
    hasher: RandomState,
    entries: Vec<(u64, bool)>,
}

impl Words {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            entries: vec![(0, false); ENTRIES],
        }
    }

    /// Whether a value surely is no SQL injection.
    pub(crate) fn harmless(&mut self, value: &[u8]) -> bool {
        if !value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b' '))
        {
            return false;
        }
        let mut last: &[u8] = b"";
        let mut last_start = 0;
        let mut start = 0;
        for word in value.split(|b| *b == b' ') {
            let end = start + word.len();
            if !word.is_empty() {
                if word.len() > MAX_WORD || !self.plain(word) {
                    return false;
                }
                // Two blanks between words are as one to the detector; pairs are asked with what stands there.
                if !last.is_empty() && !self.plain(&value[last_start..end]) {
                    return false;
                }
                last = word;
                last_start = start;
            }
            start = end + 1;
        }
        true
    }

    fn plain(&mut self, text: &[u8]) -> bool {
        if text.len() > 2 * MAX_WORD + 8 {
            return false;
        }
        let hash = self.hasher.hash_one(text) | 1;
        let slot = (hash >> 32) as usize % ENTRIES;
        if self.entries[slot].0 == hash {
            return self.entries[slot].1;
        }
        let mut state = SqliState::new(text, SqliFlags::FLAG_NONE);
        let plain = !state.detect()
            && state
                .fingerprint_string()
                .bytes()
                .all(|b| matches!(b, b'n' | b'1'));
        self.entries[slot] = (hash, plain);
        plain
    }
}

/// So many words and pairs are remembered.
const ENTRIES: usize = 4096;
/// Longer words go to the detector.
const MAX_WORD: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: &[&str] = &[
        "1",
        "0x1",
        "union",
        "select",
        "all",
        "from",
        "users",
        "or",
        "and",
        "not",
        "is",
        "null",
        "like",
        "in",
        "group",
        "by",
        "order",
        "having",
        "sleep",
        "waitfor",
        "delay",
        "exec",
        "xp_cmdshell",
        "drop",
        "table",
        "into",
        "outfile",
        "a",
        "b",
        "customer",
        "next",
        "week",
        "1e5",
        "12a",
        "x_1",
        "between",
        "procedure",
        "analyse",
        "limit",
        "offset",
        "as",
        "on",
        "join",
        "natural",
        "cross",
        "div",
        "mod",
        "xor",
        "rlike",
        "sounds",
        "collate",
        "binary",
    ];

    #[test]
    fn plain_text_is_known() {
        let mut words = Words::new();
        assert!(words.harmless(b"customer asked about second batch 42"));
        assert!(words.harmless(b""));
        assert!(!words.harmless(b"1 union select x"));
        assert!(!words.harmless(b"it's"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
        /// What the memory calls harmless, the detector does, too.
        #[test]
        fn never_hides_an_attack(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..8), blanks in 1..3usize) {
            let text = pieces.join(&" ".repeat(blanks));
            if Words::new().harmless(text.as_bytes()) {
                prop_assert!(!SqliState::new(text.as_bytes(), SqliFlags::FLAG_NONE).detect(), "{}", text);
            }
        }
    }
}
