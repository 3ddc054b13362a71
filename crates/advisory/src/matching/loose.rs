//! An order for versions of which nobody says how they are ordered.
//!
//! CVE's `custom` and NVD's CPE names give versions without an order. What all of them share is read here, and where habits
//! differ there is no answer: `1.0b2` is a beta to one maker and the second build to another. A comparison that turns on such
//! a piece is `None`, and the verdict unknown.

use std::cmp::Ordering;

use crate::version::number::{Number, digits};

/// Longest version that is read, bytes.
const LONGEST: usize = 1_000;

/// A version without a known order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loose {
    /// The word in front of the number, as in `Orchestrator 9.3`: versions under two such words are of two things.
    head: Box<str>,
    /// `1.2.0` as 1, 2: noughts at the end say nothing.
    release: Vec<Number>,
    /// What comes behind.
    rest: Vec<Piece>,
    /// `2018-07-26`: compares with days alone.
    day: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Before the release: `rc`. Later ones are greater.
    Before(u8),
    /// A number behind a `-`, a `_` or a word.
    Number(Number),
    /// A letter at the number: `1.0.2k`.
    Letter(char),
    /// After the release: `sp`.
    After(&'static str),
    /// A word that says nothing known.
    Word(Box<str>),
}

impl Loose {
    /// Reads a version.
    ///
    /// # Errors
    /// Why it has no order.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err("it is longer than 1,000 bytes");
        }
        if !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return Err("it has no digit");
        }
        if text
            .bytes()
            .any(|byte| !byte.is_ascii_graphic() && byte != b' ')
        {
            return Err("it holds a sign that is in no version");
        }
        if is_commit(text) {
            return Err("it is a commit: commits have no order");
        }
        let begin = text.find(|c: char| c.is_ascii_digit()).unwrap_or_default();
        let (front, bare) = text.split_at(begin);
        let head = front
            .trim_end_matches([' ', '.', '-', '_', ':'])
            .to_ascii_lowercase();
        let head = match head.as_str() {
            "v" | "ver" | "version" | "release" => "",
            head => head,
        };
        let mut release = Vec::new();
        let mut left = bare;
        loop {
            let (number, more) = digits(left);
            if number.is_empty() {
                break;
            }
            release.push(Number::of(number));
            left = more;
            match more.strip_prefix('.') {
                Some(behind) if behind.starts_with(|c: char| c.is_ascii_digit()) => left = behind,
                _ => break,
            }
        }
        while release.last().is_some_and(Number::is_zero) {
            release.pop();
        }
        Ok(Self {
            head: head.into(),
            release,
            rest: rest(left, left.len() < bare.len()),
            day: is_day(bare),
        })
    }

    /// Which one is newer; `None` where that turns on a piece that can mean two things.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        // Nearly always both heads are empty. Comparing two empty texts reads through a dangling pointer with an empty mask, for
        // which some processors take hundreds of cycles: it was a fifth of all matching.
        let bare = self.head.is_empty() && other.head.is_empty();
        if self.day != other.day || !bare && self.head != other.head {
            return None;
        }
        let none = Number::default();
        let numbers = (0..self.release.len().max(other.release.len()))
            .map(|at| {
                let one = self.release.get(at).unwrap_or(&none);
                one.cmp(other.release.get(at).unwrap_or(&none))
            })
            .find(|order| order.is_ne());
        if numbers.is_some() {
            return numbers;
        }
        (0..self.rest.len().max(other.rest.len()))
            .map(|at| pieces(self.rest.get(at), other.rest.get(at)))
            .find(|order| *order != Some(Ordering::Equal))
            .unwrap_or(Some(Ordering::Equal))
    }
}

/// Words, numbers and letters behind the release.
fn rest(mut left: &str, mut at_number: bool) -> Vec<Piece> {
    let mut found = Vec::new();
    while let Some(first) = left.chars().next() {
        if first.is_ascii_digit() {
            let (number, more) = digits(left);
            found.push(Piece::Number(Number::of(number)));
            (left, at_number) = (more, true);
        } else if first.is_ascii_alphabetic() {
            let end = left
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(left.len());
            let (word, more) = left.split_at(end);
            let counted = more
                .trim_start_matches(['.', '-', '_', ' '])
                .starts_with(|c: char| c.is_ascii_digit());
            found.extend(word_piece(&word.to_ascii_lowercase(), at_number, counted));
            (left, at_number) = (more, false);
        } else {
            // A build behind a plus says nothing of the order.
            if first == '+' {
                break;
            }
            (left, at_number) = (left.split_at(first.len_utf8()).1, false);
        }
    }
    // A nought at the end says nothing: `rc` and `rc0`.
    while matches!(found.last(), Some(Piece::Number(number)) if number.is_zero()) {
        found.pop();
    }
    found
}

/// `counted`: a number stands behind it.
fn word_piece(word: &str, at_number: bool, counted: bool) -> Option<Piece> {
    Some(match word {
        "release" | "final" | "ga" | "stable" | "lts" | "version" | "v" => return None,
        "dev" | "snapshot" | "nightly" | "canary" => Piece::Before(0),
        "alpha" => Piece::Before(1),
        "beta" => Piece::Before(2),
        "milestone" => Piece::Before(3),
        "m" if counted => Piece::Before(3),
        "pre" | "preview" | "ea" => Piece::Before(4),
        "rc" | "cr" => Piece::Before(5),
        "sp" => Piece::After("sp"),
        "p" | "patch" | "pl" if counted || word.len() > 1 => Piece::After("patch"),
        "u" | "update" if counted || word.len() > 1 => Piece::After("update"),
        "hf" | "hotfix" => Piece::After("hotfix"),
        "build" => Piece::After("build"),
        "cu" => Piece::After("cu"),
        _ => match word.chars().next() {
            Some(letter) if word.len() == 1 && at_number && !counted => Piece::Letter(letter),
            _ => Piece::Word(word.into()),
        },
    })
}

fn pieces(one: Option<&Piece>, two: Option<&Piece>) -> Option<Ordering> {
    use Piece::{After, Before, Letter, Number, Word};
    match (one, two) {
        (Some(one), Some(two)) if one == two => Some(Ordering::Equal),
        (None, None) => Some(Ordering::Equal),
        (Some(Word(_)), _) | (_, Some(Word(_))) => None,
        (Some(Before(one)), Some(Before(two))) => Some(one.cmp(two)),
        (Some(Before(_)), _) => Some(Ordering::Less),
        (_, Some(Before(_))) => Some(Ordering::Greater),
        (Some(Number(one)), Some(Number(two))) => Some(one.cmp(two)),
        (Some(Letter(one)), Some(Letter(two))) => Some(one.cmp(two)),
        // A nought that more follows is as good as the end.
        (None, Some(Number(number))) | (Some(Number(number)), None) if number.is_zero() => {
            Some(Ordering::Equal)
        }
        (Some(Number(number)), Some(Letter(_) | After(_))) if number.is_zero() => {
            Some(Ordering::Less)
        }
        (Some(Letter(_) | After(_)), Some(Number(number))) if number.is_zero() => {
            Some(Ordering::Greater)
        }
        (None, Some(Number(_) | Letter(_) | After(_))) => Some(Ordering::Less),
        (Some(Number(_) | Letter(_) | After(_)), None) => Some(Ordering::Greater),
        // Which of "1.0 SP1", "1.0a" and "1.0-1" is newer, each maker decides.
        _ => None,
    }
}

/// Hexadecimal digits of a commit, whole or cut short: ten or more, with letters among them.
pub(super) fn is_commit(text: &str) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    (10..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (letters > 1 || matches!(text.len(), 40 | 64))
}

/// The same commit; one may be cut short, to twelve digits at least.
pub(super) fn same_commit(one: &str, two: &str) -> bool {
    let (short, long) = if one.len() < two.len() {
        (one, two)
    } else {
        (two, one)
    };
    let cut = short.len() >= 12 && is_commit(short) && is_commit(long);
    one.eq_ignore_ascii_case(two)
        || cut
            && long
                .get(..short.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(short))
}

/// `2018-07-26` or `2018/7/26`.
pub(super) fn is_day(text: &str) -> bool {
    let mut parts = text.split(['-', '/']);
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let number = |text: &str, most: u32| {
        text.bytes().all(|byte| byte.is_ascii_digit())
            && text
                .parse::<u32>()
                .is_ok_and(|number| (1..=most).contains(&number))
    };
    year.len() == 4
        && (year.starts_with("19") || year.starts_with("20"))
        && number(year, 2_099)
        && number(month, 12)
        && number(day, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(one: &str, two: &str) -> Option<Ordering> {
        let (one, two) = (Loose::read(one).unwrap(), Loose::read(two).unwrap());
        let found = one.compare(&two);
        assert_eq!(two.compare(&one), found.map(Ordering::reverse));
        found
    }

    #[test]
    fn what_all_makers_share_is_ordered() {
        for (one, two) in [
            ("1.9", "1.10"),
            ("1.0", "1.0.1"),
            ("1.0-rc1", "1.0"),
            ("1.0-rc1", "1.0.0.5"),
            ("1.0.0-beta2", "1.0-rc1"),
            ("1.0 alpha", "1.0 beta"),
            ("9.0.0.M1", "9.0.0"),
            ("1.0", "1.0-SP1"),
            ("12.1 SP2", "12.1 SP3"),
            ("1.0-sp1", "1.0.1"),
            ("1.0.2", "1.0.2k"),
            ("1.0.2k", "1.0.2l"),
            ("1.0k", "1.0.2"),
            ("1.0-4", "1.0-5"),
            ("1.0-4", "1.0.2"),
            ("7.0u2", "7.0u3"),
            ("V1.2.1.20210730_beta", "1.2.1.20210730"),
            ("2018-07-26", "2019-01-02"),
            ("99999999999999999999", "100000000000000000000"),
            ("1.02B05", "1.02B06"),
            ("Orchestrator 9.2", "orchestrator 9.3"),
            ("R2022x", "r2024x"),
        ] {
            assert_eq!(order(one, two), Some(Ordering::Less), "{one} < {two}");
        }
        for (one, two) in [
            ("1", "1.0.0"),
            ("v1.0", "1.0"),
            ("1.0-rc1", "1.0.0-RC.1"),
            ("1.0.Final", "1.0"),
            ("1.0+a", "1.0+b"),
            ("1.0-rc", "1.0-rc0"),
        ] {
            assert_eq!(order(one, two), Some(Ordering::Equal), "{one} = {two}");
        }
    }

    #[test]
    fn where_habits_differ_there_is_no_order() {
        for (one, two) in [
            ("1.0", "1.0b2"),
            ("1.0", "1.0-foo"),
            ("1.0 SP1", "1.0-1"),
            ("1.0a", "1.0 SP1"),
            ("1.0 cupcake", "1.0 donut"),
            ("2018-07-26", "3.1"),
            ("Orchestrator 9.3", "9.2"),
            ("R2022x", "2023"),
        ] {
            assert_eq!(order(one, two), None, "{one} and {two}");
        }
        for text in [
            "latest",
            "",
            "n/a",
            "1.0 版",
            &"a1".repeat(20),
            "107e825cc448",
            &"1".repeat(2_000),
        ] {
            assert!(Loose::read(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_a_partial_order(
            a in "[0-2](\\.[0-2]){0,2}(-?(rc|beta|sp|k|b|x|M|p)?[0-2]?){0,2}",
            b in "[0-2](\\.[0-2]){0,2}(-?(rc|beta|sp|k|b|x|M|p)?[0-2]?){0,2}",
            c in "[0-2](\\.[0-2]){0,2}(-?(rc|beta|sp|k|b|x|M|p)?[0-2]?){0,2}",
        ) {
            proptest::prop_assert_eq!(order(&a, &a), Some(Ordering::Equal));
            if let (Some(one), Some(two)) = (order(&a, &b), order(&b, &c))
                && (one == two || one.is_eq() || two.is_eq())
            {
                let wanted = one.then(two);
                proptest::prop_assert_eq!(order(&a, &c), Some(wanted), "{} {} {}", a, b, c);
            }
        }
    }
}
