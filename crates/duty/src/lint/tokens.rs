//! Figures and dates in a text, so that they can be held against the record.

use regex::Regex;

/// A figure, or the name of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
    dated: bool,
}

impl Token {
    /// The check that a wrong token falls under.
    pub(super) fn check(&self) -> &'static str {
        if self.dated { "date" } else { "figure" }
    }
}

pub(super) struct Tokens {
    number: Regex,
    date: Regex,
    spelt: Regex,
}

impl Tokens {
    pub(super) fn new() -> Result<Self, String> {
        let compile = |p: &str| Regex::new(p).map_err(|e| e.to_string());
        Ok(Self {
            number: compile(
                r"(?i)\d[\d,]*(?:\.\d+)?|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b",
            )?,
            date: compile(
                r"(?i)\d{4}年|\d+月\d+日|\d{4}-\d{2}-\d{2}|\b\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)\b",
            )?,
            spelt: compile(
                r"(?i)[〇零一二两三四五六七八九十百千万亿]+[余多来几]?(?:万|亿)?(?:人|条|名|位|户)|\b(?:hundred|thousand|million|billion|dozen)s?\b|\b(?:one|two|three|four|five|six|seven|eight|nine|ten) (?:persons|people|records|customers)\b",
            )?,
        })
    }

    /// Every figure, in order; thousands separators and full-width digits made plain.
    pub(super) fn of(&self, text: &str) -> Vec<Token> {
        let mut out = vec![];
        for (n, line) in text.lines().enumerate() {
            let line = plain(line);
            let dated = self.date.is_match(&line);
            out.extend(self.number.find_iter(&line).map(|m| {
                Token {
                    text: m
                        .as_str()
                        .trim_end_matches(',')
                        .replace(',', "")
                        .to_lowercase(),
                    line: n + 1,
                    dated,
                }
            }));
        }
        out
    }

    /// Quantities written in words.
    pub(super) fn spelt(&self, text: &str) -> Vec<Token> {
        let mut out = vec![];
        for (n, line) in text.lines().enumerate() {
            out.extend(self.spelt.find_iter(line).map(|m| Token {
                text: m.as_str().to_owned(),
                line: n + 1,
                dated: false,
            }));
        }
        out
    }
}

/// Full-width digits and commas as ASCII, other scripts' digits likewise refused by being no digits of the record.
fn plain(line: &str) -> String {
    line.chars()
        .map(|c| match c {
            '０'..='９' => {
                char::from(b'0' + u8::try_from(u32::from(c) - u32::from('０')).unwrap_or(0))
            }
            '，' => '，',
            '．' => '.',
            other => other,
        })
        .collect()
}
