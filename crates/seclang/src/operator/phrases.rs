//! Sets of phrases for `@pm` and `@pmFromFile`, without regard to case.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use crate::error::LoadErrorKind;

/// Many phrases, found in one pass.
#[derive(Debug)]
pub(crate) struct Phrases {
    finder: AhoCorasick,
    phrases: Vec<Vec<u8>>,
}

impl Phrases {
    pub(crate) fn new(phrases: Vec<Vec<u8>>) -> Result<Self, LoadErrorKind> {
        let finder = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&phrases)
            .map_err(|e| LoadErrorKind::Pattern {
                reason: e.to_string(),
            })?;
        Ok(Self { finder, phrases })
    }

    pub(crate) fn is_match(&self, value: &[u8]) -> bool {
        self.finder.is_match(value)
    }

    /// The part of the value that is a phrase.
    pub(crate) fn find<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        self.finder.find(value).map(|m| &value[m.range()])
    }

    pub(crate) fn phrases(&self) -> &[Vec<u8>] {
        &self.phrases
    }
}

/// Words divided by blanks; `|0A 41|` is a run of bytes.
pub(crate) fn from_argument(text: &str) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut word: Vec<u8> = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'|'
            && let Some((bytes, used)) = hex_run(tail)
        {
            word.extend(bytes);
            rest = &tail[used..];
            continue;
        }
        if first.is_ascii_whitespace() {
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
        } else {
            word.push(*first);
        }
        rest = tail;
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

/// One phrase a line; `#` starts a comment line.
pub(crate) fn from_file(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(<[u8]>::to_vec)
        .collect()
}

/// The bytes of `0A 41|` and how much text they take.
fn hex_run(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let end = text.iter().position(|b| *b == b'|')?;
    let mut out = Vec::new();
    for pair in text[..end].split(|b| *b == b' ').filter(|p| !p.is_empty()) {
        for two in pair.chunks(2) {
            let text = std::str::from_utf8(two).ok().filter(|t| t.len() == 2)?;
            out.push(u8::from_str_radix(text, 16).ok()?);
        }
    }
    (!out.is_empty()).then_some((out, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_files() {
        assert_eq!(
            from_argument("a |0A 41|b | c"),
            [
                b"a".to_vec(),
                b"\nAb".to_vec(),
                b"|".to_vec(),
                b"c".to_vec()
            ]
        );
        assert_eq!(
            from_file(b"# no\n a b \r\n\nc"),
            [b"a b".to_vec(), b"c".to_vec()]
        );
    }
}
