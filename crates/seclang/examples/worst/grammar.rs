//! Texts that a pattern matches, made from its syntax tree.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::stock::Rng;

/// A text that the pattern matches, more or less: assertions are taken as nothing. Bounded in length.
pub(super) fn sample(hir: &Hir, rng: &mut Rng, most: usize, out: &mut Vec<u8>) {
    if out.len() >= most {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => one_of(class, rng, out),
        HirKind::Repetition(repetition) => {
            let least = repetition.min as usize;
            // Seldom long: a long run is what makes an automaton work.
            let more = match rng.below(8) {
                0 => 40,
                1 | 2 => 5,
                n => n % 3,
            };
            let top = repetition.max.map_or(usize::MAX, |max| max as usize);
            for _ in 0..(least + more).min(top) {
                sample(&repetition.sub, rng, most, out);
            }
        }
        HirKind::Capture(capture) => sample(&capture.sub, rng, most, out),
        HirKind::Concat(parts) => parts.iter().for_each(|p| sample(p, rng, most, out)),
        HirKind::Alternation(ways) => {
            if let Some(way) = ways.get(rng.below(ways.len())) {
                sample(way, rng, most, out);
            }
        }
    }
}

fn one_of(class: &Class, rng: &mut Rng, out: &mut Vec<u8>) {
    match class {
        Class::Bytes(class) => {
            let ranges = class.ranges();
            if let Some(range) = ranges.get(rng.below(ranges.len())) {
                let span = usize::from(range.end() - range.start()) + 1;
                out.push(range.start() + rng.below(span) as u8);
            }
        }
        Class::Unicode(class) => {
            if let Some(range) = class.ranges().first() {
                out.extend_from_slice(range.start().encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
}
