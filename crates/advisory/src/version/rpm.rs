//! RPM: `[epoch:]version[-release]`, compared by rpmvercmp (rpm.org, "Version comparison").

use super::number::{Number, digits};

/// Epoch, version, release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    epoch: Segments,
    version: Segments,
    /// None is older than any.
    release: Option<Segments>,
}

/// What stands between separators, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segments(Vec<Segment>);

/// In their order: a tilde is older than the end, a caret newer than the end and older than anything else, letters older
/// than numbers. The end stands explicitly at the end of the segments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Tilde,
    End,
    Caret,
    Letters(String),
    Number(Number),
}

impl Key {
    pub(super) fn read(text: &str) -> Self {
        let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        Self {
            epoch: Segments::of(epoch),
            version: Segments::of(version),
            release: release.map(Segments::of),
        }
    }
}

impl Segments {
    fn of(mut text: &str) -> Self {
        let mut segments = Vec::new();
        while let Some(first) = text.chars().next() {
            if first.is_ascii_digit() {
                let (number, rest) = digits(text);
                segments.push(Segment::Number(Number::of(number)));
                text = rest;
            } else if first.is_ascii_alphabetic() {
                let end = text
                    .find(|c: char| !c.is_ascii_alphabetic())
                    .unwrap_or(text.len());
                let (letters, rest) = text.split_at(end);
                segments.push(Segment::Letters(letters.to_owned()));
                text = rest;
            } else {
                match first {
                    '~' => segments.push(Segment::Tilde),
                    '^' => segments.push(Segment::Caret),
                    _ => {}
                }
                text = &text[first.len_utf8()..];
            }
        }
        segments.push(Segment::End);
        Self(segments)
    }
}
