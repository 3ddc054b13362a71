//! Regular expressions of rules: linear in the text, and not slow for each byte either.
//!
//! The time for a byte grows with the places of a pattern that may be open at once. Plain characters, alternatives and
//! stars share their work however many there are; what is counted (`{1,30}`), optional or any character doesn't always:
//! `a.{20}b` has a million states, and a text that visits them all makes every byte a hundred times slower, with larger
//! counts thousands of times. So a pattern with many such places has to have a small automaton, or is refused at load.

use regex::{Regex, RegexBuilder};
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// What a compiled expression may take, and the automaton that proves it quick.
const BYTES: usize = 1 << 20;
/// What a thread may remember of an automaton: that of a proven one fits in.
const REMEMBERED: usize = 2 << 20;
/// How long an expression may be.
const LENGTH: usize = 8 * 1024;
/// Places that may be open at once without proof.
const PLACES: u64 = 30;
/// Alternatives behind a word boundary of Unicode, for which there is no automaton.
const ALTERNATIVES: u64 = 500;
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
    let open = places(&parsed, 0);
    // Word boundaries of Unicode leave no automaton.
    let alone = parsed.properties().look_set().contains_word_unicode();
    if open > PLACES && (alone || !has_small_automaton(&parsed))
        || alone && places(&parsed, 1) > ALTERNATIVES
    {
        return Err(format!(
            "{pattern:?} makes every byte of a text slow: {open} places may be open at once, and their combinations don't \
             fit in {BYTES} bytes; write smaller counts, [a-z] for any character, or split it"
        ));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multiline)
        .dot_matches_new_line(flags.dotall)
        .size_limit(BYTES)
        .dfa_size_limit(REMEMBERED)
        .nest_limit(NESTED)
        .build()
        .map_err(|error| said(error.to_string()))
}

/// Whether every text is read with one step for each byte.
fn has_small_automaton(pattern: &Hir) -> bool {
    let states = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(BYTES)),
        )
        .build_from_hir(pattern);
    let limits = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .determinize_size_limit(Some(BYTES))
        .dfa_size_limit(Some(BYTES));
    states.is_ok_and(|states| {
        dense::Builder::new()
            .configure(limits)
            .build_from_nfa(&states)
            .is_ok()
    })
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
    fn patterns_that_make_a_byte_slow_are_refused() {
        let of = |pattern: &str| compile(pattern, Flags::default()).map(drop);
        let words = "ab|cd|".repeat(300);
        for quick in [
            &words,
            "(a+)+$",
            "(.*a){20}!",
            "[A-Za-z0-9+/]{400}",
            "[ -~]{1,300}x",
            r"\b(select|union|insert)\b",
            r"a.{20}b",
            &"a".repeat(4000),
        ] {
            assert_eq!(of(quick), Ok(()));
        }
        for slow in [
            "((a{1,30}){1,30}){1,30}!",
            "a.{200}b",
            "(a.{1,9}){1,49}!",
            r"\ba{400}",
            &r"\b".repeat(501),
            &format!(r"\b({words}x)"),
        ] {
            assert!(of(slow).unwrap_err().contains("slow"), "{slow}");
        }
        assert!(of("(?=x)y").unwrap_err().contains("look-around"));
    }
}
