//! Texts that are looked for together, in one pass over a value.

use aho_corasick::AhoCorasick;

/// A set of texts.
pub(super) struct Phrases(Option<AhoCorasick>);

impl Phrases {
    /// The set of these texts. Few and short as they are, their automaton can always be built.
    pub(super) fn of(texts: &[&str]) -> Self {
        Self(AhoCorasick::new(texts).ok())
    }

    /// Whether one of them stands in the text.
    pub(super) fn stand_in(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|all| all.is_match(text))
    }

    /// Where each that stands in the text begins and ends; of two that overlap, only the first.
    pub(super) fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.0
            .iter()
            .flat_map(move |all| all.find_iter(text))
            .map(|found| (found.start(), found.end()))
    }
}

/// A set that is built once.
macro_rules! phrases {
    ($($text:expr),+ $(,)?) => {{
        static SET: std::sync::LazyLock<$crate::structure::phrases::Phrases> =
            std::sync::LazyLock::new(|| $crate::structure::phrases::Phrases::of(&[$($text),+]));
        &*SET
    }};
}

pub(super) use phrases;
