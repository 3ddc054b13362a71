//! Regular expressions of rules: linear in the text, and not slow for each byte either.
//!
//! The time for a byte grows with the places of a pattern that may be open at once. Plain characters, alternatives and
//! stars share their work however many there are; what is counted (`{1,30}`), optional or any character doesn't always, and
//! counts within counts multiply. So these are added up, and a pattern with too many is refused when it is loaded.

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// What a compiled expression may take.
const BYTES: usize = 1 << 20;
/// How long an expression may be.
const LENGTH: usize = 8 * 1024;
/// Places that may be open at once.
const PLACES: u64 = 500;
/// How deep brackets may stand in one another.
const NESTED: u32 = 64;

/// The modifiers of `re`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags {
    pub(crate) ignore_case: bool,
    pub(crate) multiline: bool,
    pub(crate) dotall: bool,
}

/// `*` and `?` of the specification stand for any character, line breaks too.
pub(crate) const WILDCARDS: Flags = Flags {
    ignore_case: false,
    multiline: false,
    dotall: true,
};

/// Compiles a pattern, or says why not.
pub(crate) fn compile(pattern: &str, flags: Flags) -> Result<Regex, String> {
    if pattern.len() > LENGTH {
        return Err(format!(
            "it has {} bytes; {LENGTH} are allowed",
            pattern.len()
        ));
    }
    let said = |error: String| {
        let last = error.lines().last().unwrap_or(&error);
        format!("{} in {pattern:?}", last.trim_start_matches("error: "))
    };
    let parsed = ParserBuilder::new()
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multiline)
        .dot_matches_new_line(flags.dotall)
        .nest_limit(NESTED)
        .build()
        .parse(pattern)
        .map_err(|error| said(error.to_string()))?;
    // Word boundaries of Unicode leave no engine that shares work.
    let alone = parsed.properties().look_set().contains_word_unicode();
    let places = places(&parsed, alone.into());
    if places > PLACES {
        return Err(format!(
            "{places} places of {pattern:?} may be open at once, which makes every byte of a text slow; {PLACES} are \
             allowed: write smaller counts, or a count only once"
        ));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multiline)
        .dot_matches_new_line(flags.dotall)
        .size_limit(BYTES)
        .dfa_size_limit(BYTES)
        .nest_limit(NESTED)
        .build()
        .map_err(|error| said(error.to_string()))
}

/// Places that are counted, optional or any character, each as often as it is counted. `plain` is what a plain text counts:
/// 0 where it shares its work with others, 1 where it doesn't, and all its bytes when it is repeated.
fn places(pattern: &Hir, plain: u64) -> u64 {
    match pattern.kind() {
        HirKind::Empty => 0,
        HirKind::Literal(literal) => plain.min(literal.0.len() as u64),
        HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            u64::from(times).saturating_mul(places(&repetition.sub, u64::MAX))
        }
        HirKind::Capture(capture) => places(&capture.sub, plain),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .map(|part| places(part, plain))
            .fold(0, u64::saturating_add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_multiply_and_plain_text_is_free() {
        let of = |pattern: &str| compile(pattern, Flags::default()).map(drop);
        assert!(of(&"a long list of words|".repeat(300)).is_ok());
        assert!(of("[a-z]{1,400}!").is_ok());
        assert!(
            of("((a{1,30}){1,30}){1,30}!")
                .unwrap_err()
                .contains("27000 places")
        );
        assert!(of(&"a?".repeat(501)).is_err());
        assert!(of(&format!("a{}", ".".repeat(501))).is_err());
        assert!(of(&r"\b".repeat(501)).is_err());
        let words = "ab|cd|".repeat(300);
        assert!(of(&words).is_ok());
        assert!(of(&format!(r"\b({words}x)")).is_err());
        assert!(of("(?=x)y").unwrap_err().contains("look-around"));
    }
}
