//! Texts of which one is in every match of a pattern.
//!
//! Finding many texts takes the same time for any input, unlike an automaton over many patterns, which is made while it
//! reads. A pattern with such texts, when they are seldom in ordinary requests, runs only on values that have one of them.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Texts of which every match of the pattern has one, in lower case; none when the pattern has none that are worth it.
pub(super) fn required(pattern: &str) -> Option<Vec<Vec<u8>>> {
    // As `pattern::compile` reads it.
    let hir = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .nest_limit(200)
        .build()
        .parse(pattern)
        .ok()?;
    let set = look(&hir).need?;
    (rate(&set) <= SELDOM).then(|| shortest(set))
}

/// Without those that have another one in them.
fn shortest(mut set: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if set.len() <= FEW {
        let all = set.clone();
        let within = |text: &[u8], t: &Vec<u8>| {
            t.len() < text.len() && memchr::memmem::find(text, t).is_some()
        };
        set.retain(|text| !all.iter().any(|t| within(text, t)));
    }
    set
}

/// What is known of a piece of a pattern.
struct Known {
    /// All texts that it matches.
    exact: Option<Vec<Vec<u8>>>,
    /// Texts of which one is in each match; the set that is seldom.
    need: Option<Vec<Vec<u8>>>,
}

impl Known {
    fn exactly(set: Vec<Vec<u8>>) -> Self {
        let need = set.iter().all(|t| !t.is_empty()).then(|| set.clone());
        Self {
            exact: Some(set),
            need,
        }
    }

    const NOTHING: Self = Self {
        exact: None,
        need: None,
    };
}

fn look(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::exactly(vec![Vec::new()]),
        HirKind::Literal(literal) if literal.0.len() <= LONGEST => {
            Known::exactly(vec![literal.0.to_ascii_lowercase()])
        }
        HirKind::Literal(literal) => Known {
            exact: None,
            need: Some(vec![literal.0[..LONGEST].to_ascii_lowercase()]),
        },
        HirKind::Class(class) => class_texts(class),
        HirKind::Capture(capture) => look(&capture.sub),
        HirKind::Concat(parts) => concat(parts),
        HirKind::Alternation(ways) => alternation(ways),
        HirKind::Repetition(repetition) => {
            let sub = look(&repetition.sub);
            match (repetition.min, repetition.max) {
                (1, Some(1)) => sub,
                (0, Some(1)) => match sub.exact {
                    Some(mut set) => {
                        set.push(Vec::new());
                        Known::exactly(tidy(set))
                    }
                    None => Known::NOTHING,
                },
                (0, _) => Known::NOTHING,
                (1, _) => Known {
                    exact: None,
                    need: sub.need,
                },
                // The first few are certain, and stand side by side.
                (least, most) => {
                    let count = least.min(4) as usize;
                    let copies = vec![(*repetition.sub).clone(); count];
                    let all = concat(&copies);
                    Known {
                        exact: all.exact.filter(|_| most == Some(least) && least <= 4),
                        need: all.need,
                    }
                }
            }
        }
    }
}

fn class_texts(class: &Class) -> Known {
    let mut set = Vec::new();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                if usize::from(range.end() - range.start()) >= WIDEST {
                    return Known::NOTHING;
                }
                set.extend((range.start()..=range.end()).map(|b| vec![b.to_ascii_lowercase()]));
            }
        }
        Class::Unicode(class) => {
            for range in class.ranges() {
                if !range.end().is_ascii()
                    || u32::from(range.end()) - u32::from(range.start()) >= WIDEST as u32
                {
                    return Known::NOTHING;
                }
                set.extend(
                    (range.start()..=range.end()).map(|c| vec![c.to_ascii_lowercase() as u8]),
                );
            }
        }
    }
    let set = tidy(set);
    if set.is_empty() || set.len() > WIDEST {
        return Known::NOTHING;
    }
    Known::exactly(set)
}

fn concat(parts: &[Hir]) -> Known {
    let mut whole = true;
    let mut best: Option<Vec<Vec<u8>>> = None;
    let mut run = vec![Vec::new()];
    for part in parts {
        let known = look(part);
        let longer = known.exact.as_ref().and_then(|set| product(&run, set));
        match (longer, known.exact) {
            (Some(longer), _) => run = longer,
            (None, exact) => {
                whole = false;
                better(&mut best, Some(std::mem::take(&mut run)));
                better(&mut best, known.need);
                run = exact.unwrap_or_else(|| vec![Vec::new()]);
            }
        }
    }
    better(&mut best, Some(run.clone()));
    Known {
        exact: whole.then_some(run),
        need: best,
    }
}

fn alternation(ways: &[Hir]) -> Known {
    let known: Vec<Known> = ways.iter().map(look).collect();
    let exact = known
        .iter()
        .map(|k| k.exact.clone())
        .collect::<Option<Vec<_>>>()
        .map(|sets| tidy(sets.concat()))
        .filter(|set| set.len() <= MOST);
    let need = known
        .into_iter()
        .map(|k| k.need)
        .collect::<Option<Vec<_>>>()
        .map(|sets| tidy(sets.concat()))
        .filter(|set| set.len() <= MOST);
    Known { exact, need }
}

/// Each of the one before each of the other, unless that is too much.
fn product(left: &[Vec<u8>], right: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    let longest = |set: &[Vec<u8>]| set.iter().map(Vec::len).max().unwrap_or(0);
    if left.len() * right.len() > MOST || longest(left) + longest(right) > LONGEST {
        return None;
    }
    let all = left
        .iter()
        .flat_map(|l| right.iter().map(|r| [l.as_slice(), r].concat()));
    Some(tidy(all.collect()))
}

fn better(best: &mut Option<Vec<Vec<u8>>>, other: Option<Vec<Vec<u8>>>) {
    let Some(other) = other.filter(|set| !set.is_empty() && set.iter().all(|t| !t.is_empty()))
    else {
        return;
    };
    match best {
        Some(known) if rate(known) <= rate(&other) => {}
        _ => *best = Some(other),
    }
}

fn tidy(mut set: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    set.sort_unstable();
    set.dedup();
    set
}

/// How often one of the texts is expected at a place of an ordinary request: a guess, which decides about speed alone.
fn rate(set: &[Vec<u8>]) -> f64 {
    set.iter()
        .map(|text| text.iter().map(|b| frequency(*b)).product::<f64>())
        .sum()
}

fn frequency(b: u8) -> f64 {
    match b {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 0.13,
        b'a'..=b'z' => 0.07,
        b' ' | b'0' | b'1' | b'2' => 0.1,
        b'0'..=b'9' | 0x80..=0xff => 0.05,
        b'.' | b',' | b'-' | b'_' | b'/' | b':' | b'\n' | b'\r' => 0.03,
        b'(' | b')' | b'\'' | b'"' | b'=' | b';' | b'&' | b'%' => 0.01,
        _ => 0.003,
    }
}

/// A pattern whose texts are more frequent than this goes to the automaton of patterns.
const SELDOM: f64 = 0.004;
/// No pattern has more texts, none is longer, and a class of more bytes is none.
const MOST: usize = 1200;
const LONGEST: usize = 24;
const WIDEST: usize = 8;
/// Only so many are compared with one another.
const FEW: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pattern: &str) -> Vec<String> {
        required(pattern)
            .unwrap_or_default()
            .into_iter()
            .map(|t| String::from_utf8(t).unwrap())
            .collect()
    }

    #[test]
    fn what_patterns_need() {
        assert_eq!(texts("(?i)<script[^>]*>"), ["<script"]);
        assert_eq!(texts(r"\bunion\s+(?:all\s+)?select\b"), ["select"]);
        assert_eq!(texts("(?:passwd|shadow)x?"), ["passwd", "shadow"]);
        assert_eq!(texts("a*b*"), [""; 0]);
        assert_eq!(texts("x|"), [""; 0]);
        assert_eq!(texts("(?:etc){2}/?"), ["etcetc"]);
        assert_eq!(texts(r"\$\{[a-z]"), ["${"]);
        assert_eq!(texts("(?:foobar)?(?:bazqux)+"), ["bazqux"]);
    }

    proptest::proptest! {
        /// Every match has one of the texts in it.
        #[test]
        fn every_match_has_one(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..7),
            text in "[a-dA-D<$ {}'=]{0,24}",
        ) {
            let pattern = pieces.concat();
            if let (Ok(re), Some(set)) = (crate::pattern::compile(&pattern), required(&crate::pattern::translate(&pattern)))
                && re.is_match(text.as_bytes())
            {
                let lower = text.to_ascii_lowercase();
                let found = set.iter().any(|t| memchr::memmem::find(lower.as_bytes(), t).is_some());
                proptest::prop_assert!(found, "{} on {:?}: {:?}", pattern, text, set);
            }
        }
    }

    const PIECES: &[&str] = &[
        "a",
        "b",
        "<",
        "$",
        "(?:ab|c)",
        "(?:a|bc)?",
        "[ab]",
        "[a-c]+",
        "(?i)aB",
        "(?:ab){2}",
        "(?:a<){2,}",
        "c*",
        "=",
        "'",
        "\\b",
        "^",
        "(ab|[cd]<)+",
        "[^a]",
        "{",
        "(?:a|)",
        ".",
        " ?",
        "(?:b{0,2})",
        "(?:c|d){3}",
    ];
}
