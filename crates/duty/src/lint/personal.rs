//! Personal data in a text: mobile numbers, identity numbers, bank cards, e-mail addresses; and links.

use regex::Regex;

use super::record::Record;

pub(super) struct Patterns {
    digits: Regex,
    email: Regex,
    link: Regex,
}

impl Patterns {
    pub(super) fn new() -> Result<Self, String> {
        let compile = |p: &str| Regex::new(p).map_err(|e| e.to_string());
        Ok(Self {
            digits: compile(r"\+?\d(?:[ -]?\d){9,20}[Xx]?")?,
            email: compile(r"(?i)[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+")?,
            link: compile(
                r"(?i)\b(?:https?|ftp)://|\bwww\.|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|cn|net|org|io|top|xyz|cc|link|shop|info|me|ly|app|vip|site|club)\b",
            )?,
        })
    }

    /// What it is, and the words.
    pub(super) fn find(&self, line: &str) -> Vec<(&'static str, String)> {
        let mut out: Vec<(&'static str, String)> = self
            .email
            .find_iter(line)
            .map(|m| ("e-mail", m.as_str().to_owned()))
            .collect();
        for m in self.digits.find_iter(line) {
            let run: String = m
                .as_str()
                .chars()
                .filter(|c| c.is_ascii_digit() || matches!(c, 'X' | 'x'))
                .collect();
            if let Some(what) = kind_of(&run) {
                out.push((what, m.as_str().to_owned()));
            }
        }
        out
    }

    /// A link, or a bare domain that is not the domain of a contact's e-mail address.
    pub(super) fn has_link(&self, line: &str, record: &Record) -> bool {
        let without = self.email.replace_all(line, |c: &regex::Captures<'_>| {
            let whole = c.get(0).map_or("", |m| m.as_str());
            if record.is_contact(whole) {
                String::new()
            } else {
                whole.to_owned()
            }
        });
        self.link.is_match(&without)
    }
}

fn kind_of(run: &str) -> Option<&'static str> {
    let bytes = run.as_bytes();
    let mobile = |b: &[u8]| b.len() == 11 && b[0] == b'1' && (b'3'..=b'9').contains(&b[1]);
    if mobile(bytes)
        || (run.starts_with("86") && mobile(&bytes[2..]))
        || (run.starts_with("0086") && mobile(&bytes[4..]))
    {
        return Some("mobile");
    }
    if is_resident_id(bytes) {
        return Some("resident id");
    }
    if (16..=19).contains(&bytes.len()) && luhn(bytes) {
        return Some("bank card");
    }
    None
}

fn is_resident_id(b: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECK: [u8; 11] = *b"10X98765432";
    let Some((last, head)) = b.split_last() else {
        return false;
    };
    if head.len() != 17 || !head.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = head
        .iter()
        .zip(WEIGHTS)
        .map(|(d, w)| u32::from(d - b'0') * w)
        .sum();
    CHECK
        .get((sum % 11) as usize)
        .is_some_and(|c| *c == last.to_ascii_uppercase())
}

fn luhn(b: &[u8]) -> bool {
    if !b.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = b
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d - b'0');
            match (i % 2, d * 2) {
                (0, _) => d,
                (_, x) if x > 9 => x - 9,
                (_, x) => x,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
