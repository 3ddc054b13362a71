//! The difference of two texts, line by line.

use std::fmt::Write as _;

/// Lines of context around a change.
const CONTEXT: usize = 3;
/// Beyond this many line pairs the changed middle is shown as replaced as a whole: time stays bounded.
const PAIRS: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Old,
    New,
}

/// A unified diff; empty when the texts are equal.
pub(crate) fn unified(old: &str, new: &str) -> String {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let lines = compare(&old, &new);
    let mut shown = vec![false; lines.len()];
    for (at, (side, _)) in lines.iter().enumerate() {
        if *side != Side::Both {
            let end = (at + CONTEXT + 1).min(lines.len());
            shown[at.saturating_sub(CONTEXT)..end].fill(true);
        }
    }
    let mut text = String::new();
    let (mut old_line, mut new_line) = (1, 1);
    let mut inside = false;
    for ((side, line), shown) in lines.iter().zip(&shown) {
        if *shown && !inside {
            let _ = writeln!(text, "@@ -{old_line} +{new_line} @@");
        }
        inside = *shown;
        if *shown {
            let mark = match side {
                Side::Both => ' ',
                Side::Old => '-',
                Side::New => '+',
            };
            let _ = writeln!(text, "{mark}{line}");
        }
        old_line += usize::from(*side != Side::New);
        new_line += usize::from(*side != Side::Old);
    }
    text
}

/// Each line with the side on which it stands, by the longest common subsequence of the part that differs.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[head..]
        .iter()
        .rev()
        .zip(new[head..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (old_mid, new_mid) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<_> = old[..head].iter().map(|line| (Side::Both, *line)).collect();
    if old_mid.len().saturating_mul(new_mid.len()) > PAIRS {
        lines.extend(old_mid.iter().map(|line| (Side::Old, *line)));
        lines.extend(new_mid.iter().map(|line| (Side::New, *line)));
    } else {
        lines.extend(common(old_mid, new_mid));
    }
    lines.extend(
        old[old.len() - tail..]
            .iter()
            .map(|line| (Side::Both, *line)),
    );
    lines
}

fn common<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Side, &'a str)> {
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((Side::Both, old[i]));
            i += 1;
            j += 1;
        } else if j == new.len()
            || (i < old.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            lines.push((Side::Old, old[i]));
            i += 1;
        } else {
            lines.push((Side::New, new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(unified("a\nb", "a\nb"), "");
    }

    #[test]
    fn changes_come_with_context_and_line_numbers() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9";
        assert_eq!(
            unified(old, new),
            "@@ -2 +2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n+9\n"
        );
        assert_eq!(unified("", "x"), "@@ -1 +1 @@\n+x\n");
        assert_eq!(unified("x", ""), "@@ -1 +1 @@\n-x\n");
    }

    #[test]
    fn huge_changes_stay_bounded() {
        let text = |word: &str| {
            (0..3_000)
                .map(|n| format!("{word}{n}\n"))
                .collect::<String>()
        };
        let diff = unified(&text("a"), &text("b"));
        assert_eq!(
            diff.lines().filter(|line| line.starts_with('-')).count(),
            3_000
        );
        assert_eq!(
            diff.lines().filter(|line| line.starts_with('+')).count(),
            3_000
        );
    }
}
