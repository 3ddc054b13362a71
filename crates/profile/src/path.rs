//! One path, however it is written.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::pattern::Pattern;

/// Rounds of percent-decoding after which a path is refused.
const ROUNDS: usize = 4;
/// Longest path, in bytes.
const LONGEST: usize = 8 * 1024;
/// Most segments of a path.
const MOST_SEGMENTS: usize = 128;
/// What must be encoded in a path that is sent on.
const ENCODE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b';')
    .add(b'|')
    .add(b'^')
    .add(b'\\');

/// A path as Hudun reads it: decoded to a fixed point, without empty segments, dots and `;parameters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanonicalPath {
    segments: Vec<String>,
    trailing_slash: bool,
    parameters: bool,
    rewritten: bool,
}

impl CanonicalPath {
    /// Reads a path from a request line.
    ///
    /// # Errors
    /// [`Malformed`] when servers would read it differently: an encoded slash or backslash, an encoding that is no
    /// UTF-8 or not finished, a control character, a way out of the root, more than four layers of encoding.
    pub fn read(raw: &str) -> Result<Self, Malformed> {
        if raw.len() > LONGEST {
            return Err(Malformed::Path("the path is too long"));
        }
        if !raw.starts_with('/') {
            return Err(Malformed::Path("the path does not begin with /"));
        }
        let mut path = Self {
            segments: Vec::new(),
            trailing_slash: raw.len() > 1 && raw.ends_with('/'),
            parameters: false,
            rewritten: false,
        };
        let body = raw[1..].strip_suffix('/').unwrap_or_else(|| &raw[1..]);
        let pieces = if body.is_empty() {
            None
        } else {
            Some(body.split('/'))
        };
        if body.is_empty() && raw.len() > 1 {
            path.rewritten = true;
            path.trailing_slash = false;
        }
        for raw_segment in pieces.into_iter().flatten() {
            path.push(raw_segment)?;
            if path.segments.len() > MOST_SEGMENTS {
                return Err(Malformed::Path("the path has too many segments"));
            }
        }
        if path.segments.is_empty() {
            path.trailing_slash = false;
        }
        Ok(path)
    }

    /// The segments, decoded.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The path as text, decoded; for matching and for a person, not for the wire.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            text.push_str(segment);
        }
        if text.is_empty() || self.trailing_slash {
            text.push('/');
        }
        text
    }

    /// The path to send on when the raw one could be read in another way; `None` when it is fine as it came.
    pub fn rewritten(&self) -> Option<String> {
        if !self.rewritten {
            return None;
        }
        let mut text = String::new();
        for segment in &self.segments {
            text.push('/');
            text.extend(utf8_percent_encode(segment, ENCODE));
        }
        if text.is_empty() || self.trailing_slash {
            text.push('/');
        }
        Some(text)
    }

    /// Whether a segment carried `;parameters`.
    pub const fn had_parameters(&self) -> bool {
        self.parameters
    }

    fn push(&mut self, raw: &str) -> Result<(), Malformed> {
        let (decoded, rounds) = decode(raw)?;
        if rounds > 1 {
            self.rewritten = true;
        }
        let name = match decoded.split_once(';') {
            Some((name, _)) => {
                self.parameters = true;
                self.rewritten = true;
                name
            }
            None => decoded.as_str(),
        };
        match name {
            "" | "." => self.rewritten = true,
            ".." => {
                self.rewritten = true;
                if self.segments.pop().is_none() {
                    return Err(Malformed::Path("the path leaves the root"));
                }
            }
            name => self.segments.push(name.to_owned()),
        }
        Ok(())
    }
}

/// Decodes one segment to a fixed point and says how many rounds it took.
fn decode(raw: &str) -> Result<(String, usize), Malformed> {
    let mut text = raw.to_owned();
    let mut rounds = 0;
    loop {
        if text.contains(['/', '\\']) {
            return Err(Malformed::Path("an encoded slash or a backslash"));
        }
        if text.chars().any(char::is_control) {
            return Err(Malformed::Path("a control character"));
        }
        let decoded = decode_once(&text, rounds == 0)?;
        if decoded == text {
            return Ok((text, rounds));
        }
        rounds += 1;
        if rounds > ROUNDS {
            return Err(Malformed::Path("too many layers of encoding"));
        }
        text = decoded;
    }
}

/// One round. In the first a lone `%` is an error; later it is text, since `100%25` means `100%`.
fn decode_once(text: &str, first: bool) -> Result<String, Malformed> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |offset: usize| {
            bytes
                .get(at + offset)
                .and_then(|&digit| char::from(digit).to_digit(16))
        };
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
        } else if let (Some(high), Some(low)) = (hex(1), hex(2)) {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else if first {
            return Err(Malformed::Path("an unfinished percent-encoding"));
        } else {
            out.push(b'%');
            at += 1;
        }
    }
    String::from_utf8(out).map_err(|_| Malformed::Path("no UTF-8"))
}

/// A path with names in place of some segments.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    fold: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    Name(String),
    Like(String, Pattern),
    Rest(String),
}

impl Template {
    pub(crate) fn parse(text: &str, fold: bool) -> Result<Self, String> {
        let Some(body) = text.strip_prefix('/') else {
            return Err(format!("{text:?}: a path begins with /"));
        };
        let mut pieces = Vec::new();
        let mut names = std::collections::HashSet::new();
        let body = body.strip_suffix('/').unwrap_or(body);
        for segment in body.split('/').filter(|_| !body.is_empty()) {
            if matches!(pieces.last(), Some(Piece::Rest(_))) {
                return Err(format!("{text:?}: nothing may follow {{name*}}"));
            }
            let inner = segment
                .strip_prefix('{')
                .and_then(|inner| inner.strip_suffix('}'));
            pieces.push(match inner {
                Some(name) => {
                    let (name, like) = match name.split_once('=') {
                        Some((name, like)) if !like.is_empty() => {
                            let like = if fold { like.to_lowercase() } else { like.to_owned() };
                            (name, Some(Pattern::new(&like)))
                        }
                        _ => (name, None),
                    };
                    let bare = match like {
                        Some(_) => name,
                        None => name.strip_suffix('*').unwrap_or(name),
                    };
                    let fine = !bare.is_empty()
                        && bare
                            .chars()
                            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                    if !fine {
                        return Err(format!("{text:?}: {segment:?} is no name"));
                    }
                    if !names.insert(bare) {
                        return Err(format!("{text:?}: {bare:?} stands twice"));
                    }
                    if let Some(like) = like {
                        Piece::Like(bare.to_owned(), like)
                    } else if bare.len() == name.len() {
                        Piece::Name(bare.to_owned())
                    } else {
                        Piece::Rest(bare.to_owned())
                    }
                }
                None if segment.is_empty() || segment.contains(['{', '}', '%', ';', '?', '#']) => {
                    return Err(format!(
                        "{text:?}: write {segment:?} decoded, without braces, `;`, query or empty segments"
                    ));
                }
                None if fold => Piece::Literal(segment.to_lowercase()),
                None => Piece::Literal(segment.to_owned()),
            });
        }
        Ok(Self { pieces, fold })
    }

    /// The values of the names, when the path fits.
    pub(crate) fn matches(&self, path: &CanonicalPath) -> Option<Vec<(String, String)>> {
        let mut params = Vec::new();
        let segments = path.segments();
        for (at, piece) in self.pieces.iter().enumerate() {
            if let Piece::Rest(name) = piece {
                params.push((name.clone(), segments.get(at..)?.join("/")));
                return Some(params);
            }
            let segment = segments.get(at)?;
            match piece {
                Piece::Literal(literal) if self.fold => {
                    if segment.to_lowercase() != *literal {
                        return None;
                    }
                }
                Piece::Literal(literal) => {
                    if segment != literal {
                        return None;
                    }
                }
                Piece::Name(name) => params.push((name.clone(), segment.clone())),
                Piece::Like(name, like) => {
                    let fits = if self.fold {
                        like.matches(&segment.to_lowercase())
                    } else {
                        like.matches(segment)
                    };
                    if !fits {
                        return None;
                    }
                    params.push((name.clone(), segment.clone()));
                }
                Piece::Rest(_) => {}
            }
        }
        (segments.len() == self.pieces.len()).then_some(params)
    }

    /// The template as text, for records.
    pub(crate) fn shown(&self, params: &[(String, String)], hide: &[String]) -> String {
        let mut text = String::new();
        for piece in &self.pieces {
            text.push('/');
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Name(name) | Piece::Like(name, _) | Piece::Rest(name) => {
                    let value = params.iter().find(|(key, _)| key == name);
                    match value {
                        Some((_, value)) if !hide.contains(name) => text.push_str(value),
                        _ => {
                            text.push('{');
                            text.push_str(name);
                            text.push('}');
                        }
                    }
                }
            }
        }
        if text.is_empty() {
            text.push('/');
        }
        text
    }

    /// Literal segments first, from the left; that the path ends is more than that anything may follow.
    pub(crate) fn weight(&self) -> u64 {
        let open = matches!(self.pieces.last(), Some(Piece::Rest(_)));
        (0..20).fold(0, |weight, at| {
            weight * 6
                + match self.pieces.get(at) {
                    Some(Piece::Literal(_)) => 5,
                    Some(Piece::Like(..)) => 4,
                    Some(Piece::Name(_)) => 3,
                    None if !open && at == self.pieces.len() => 2,
                    Some(Piece::Rest(_)) => 1,
                    None => 0,
                }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one_path() {
        for raw in [
            "/api/customer/7",
            "/api//customer/7",
            "/api/./customer/7",
            "/api/x/../customer/7",
            "/api/x/%2e%2e/customer/7",
            "/%61pi/customer/7",
            "/%2561pi/customer/7",
            "/api;v=1/customer;jsessionid=9/7",
            "/api/customer;.js/7",
        ] {
            assert_eq!(
                CanonicalPath::read(raw).unwrap().segments(),
                ["api", "customer", "7"],
                "{raw}"
            );
        }
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        for raw in [
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0a",
            "/%ff",
            "/%zz",
            "/%2",
            "/..",
            "/a/../../b",
            "/a%252fb",
            "/%2525252561",
            "a",
            "",
        ] {
            assert!(CanonicalPath::read(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_path_that_could_be_read_otherwise_is_sent_on_as_it_was_judged() {
        let sent = |raw: &str| CanonicalPath::read(raw).unwrap().rewritten();
        assert_eq!(sent("/api/%63ustomer"), None);
        assert_eq!(sent("/api/customer/"), None);
        assert_eq!(sent("/api//x;y=1").as_deref(), Some("/api/x"));
        assert_eq!(sent("/a/%252e%252e/b").as_deref(), Some("/b"));
        assert_eq!(sent("//").as_deref(), Some("/"));
    }
}
