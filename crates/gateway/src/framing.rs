//! Where one HTTP/1 request ends and the next begins, judged on the raw bytes before any parser sees them.
//!
//! hyper reads `Content-Length` and `Transfer-Encoding` together as one framing and forgets that there were two; a
//! server behind another reading may cut the stream elsewhere. So every header block is judged here first. A block
//! that breaks a rule never reaches hyper: in its place stands a byte that hyper refuses, so that the client gets its
//! 400 in order, behind the answers that it is still owed, and the connection closes.

use memchr_crlf::{bare_line_feed, end_of_block};

/// Longest line of a chunk size, extensions included.
const LONGEST_CHUNK_LINE: usize = 256;
/// Longest trailer block, in bytes.
const LONGEST_TRAILER: usize = 8 * 1024;
/// What stands in the place of a block that breaks a rule. No method, chunk size or line end begins so.
const POISON: &[u8] = b"\x00\r\n\r\n";

/// Why a request was refused before it was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    BareLineFeed,
    Chunk,
    DuplicateHost,
    Header,
    LengthAndEncoding,
    Length,
    MissingHost,
    ObsoleteFold,
    RequestLine,
    SpaceBeforeColon,
    TransferEncoding,
}

impl Violation {
    pub(crate) const ALL: [Self; 11] = [
        Self::BareLineFeed,
        Self::Chunk,
        Self::DuplicateHost,
        Self::Header,
        Self::LengthAndEncoding,
        Self::Length,
        Self::MissingHost,
        Self::ObsoleteFold,
        Self::RequestLine,
        Self::SpaceBeforeColon,
        Self::TransferEncoding,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare-line-feed",
            Self::Chunk => "bad-chunk",
            Self::DuplicateHost => "duplicate-host",
            Self::Header => "bad-header",
            Self::LengthAndEncoding => "length-and-encoding",
            Self::Length => "bad-length",
            Self::MissingHost => "missing-host",
            Self::ObsoleteFold => "obsolete-fold",
            Self::RequestLine => "bad-request-line",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::TransferEncoding => "bad-transfer-encoding",
        }
    }
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    held: Vec<u8>,
    header_bytes: usize,
    first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a header block, which is held back until it is whole.
    Head,
    /// In a body of this many bytes more.
    Fixed(u64),
    /// In a line with a chunk's size.
    ChunkSize,
    /// In a chunk of this many bytes more.
    Chunk(u64),
    /// At the line end behind a chunk; this many bytes of it are still to come.
    ChunkEnd(u8),
    /// In the trailer.
    Trailer,
    /// HTTP/2 or an upgraded connection: no longer ours to read.
    Through,
    /// A rule was broken; nothing more is read.
    Dead,
}

impl Framing {
    pub(crate) const fn new(header_bytes: usize) -> Self {
        Self {
            state: State::Head,
            held: Vec::new(),
            header_bytes,
            first: true,
        }
    }

    /// Whether the connection speaks another protocol now.
    pub(crate) const fn upgrade(&mut self) {
        self.state = State::Through;
    }

    /// Whether a rule was broken: what was given out is the end.
    pub(crate) const fn is_dead(&self) -> bool {
        matches!(self.state, State::Dead)
    }

    /// Whether the bytes are passed on unread.
    pub(crate) const fn is_through(&self) -> bool {
        matches!(self.state, State::Through)
    }

    /// Whether a header block has begun and is not whole yet.
    pub(crate) fn in_head(&self) -> bool {
        self.state == State::Head && !self.held.is_empty()
    }

    /// Whether the next byte begins a request.
    pub(crate) fn between_requests(&self) -> bool {
        self.state == State::Head && self.held.is_empty()
    }

    /// Reads bytes and appends to `out` what may be passed on.
    pub(crate) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), Violation> {
        while !input.is_empty() {
            let taken = match self.state {
                State::Head => self.head(input, out),
                State::Fixed(left) => Ok(self.pass(input, left, out)),
                State::Chunk(left) => Ok(self.pass(input, left, out)),
                State::ChunkSize => self.chunk_size(input, out),
                State::ChunkEnd(left) => self.chunk_end(input, left, out),
                State::Trailer => self.trailer(input, out),
                State::Through => {
                    out.extend_from_slice(input);
                    Ok(input.len())
                }
                State::Dead => Ok(input.len()),
            };
            match taken {
                Ok(taken) => input = &input[taken..],
                Err(violation) => {
                    self.state = State::Dead;
                    self.held = Vec::new();
                    out.extend_from_slice(POISON);
                    return Err(violation);
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Violation> {
        let before = self.held.len();
        // Empty lines before a request line are allowed and dropped.
        if before == 0 && input.starts_with(b"\r\n") {
            return Ok(2);
        }
        if before == 0 && input.starts_with(b"\n") {
            return Err(Violation::BareLineFeed);
        }
        self.held.extend_from_slice(input);
        let from = before.saturating_sub(3);
        let end = end_of_block(&self.held, from);
        let judged = end.unwrap_or(self.held.len());
        if bare_line_feed(&self.held[..judged], before.min(judged)) {
            return Err(Violation::BareLineFeed);
        }
        let Some(end) = end else {
            if self.held.len() > self.header_bytes {
                // hyper answers 431 to it: its own bound is the same.
                out.append(&mut self.held);
                self.state = State::Through;
            }
            return Ok(input.len());
        };
        let block = &self.held[..end];
        if self.first && block == b"PRI * HTTP/2.0\r\n\r\n" {
            out.append(&mut self.held);
            self.state = State::Through;
            return Ok(input.len());
        }
        self.first = false;
        self.state = match judge(block)? {
            Body::None | Body::Fixed(0) => State::Head,
            Body::Fixed(length) => State::Fixed(length),
            Body::Chunked => State::ChunkSize,
        };
        spell_out(block, out);
        self.held.clear();
        Ok(end - before)
    }

    fn pass(&mut self, input: &[u8], left: u64, out: &mut Vec<u8>) -> usize {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        out.extend_from_slice(&input[..taken]);
        let left = left - taken as u64;
        self.state = match (self.state, left) {
            (State::Chunk(_), 0) => State::ChunkEnd(2),
            (State::Chunk(_), left) => State::Chunk(left),
            (_, 0) => State::Head,
            (_, left) => State::Fixed(left),
        };
        taken
    }

    fn chunk_size(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Violation> {
        let end = input.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(input.len(), |at| at + 1);
        self.held.extend_from_slice(&input[..taken]);
        if self.held.len() > LONGEST_CHUNK_LINE {
            return Err(Violation::Chunk);
        }
        if end.is_none() {
            return Ok(taken);
        }
        let line = self.held.strip_suffix(b"\r\n").ok_or(Violation::Chunk)?;
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let fine = !size.is_empty()
            && size.len() <= 15
            && size.iter().all(u8::is_ascii_hexdigit)
            && !line.contains(&b'\r');
        let size = std::str::from_utf8(size)
            .ok()
            .filter(|_| fine)
            .and_then(|text| u64::from_str_radix(text, 16).ok())
            .ok_or(Violation::Chunk)?;
        out.append(&mut self.held);
        self.state = if size == 0 {
            State::Trailer
        } else {
            State::Chunk(size)
        };
        Ok(taken)
    }

    fn chunk_end(&mut self, input: &[u8], left: u8, out: &mut Vec<u8>) -> Result<usize, Violation> {
        let expected = if left == 2 { b'\r' } else { b'\n' };
        if input[0] != expected {
            return Err(Violation::Chunk);
        }
        out.push(expected);
        self.state = if left == 2 {
            State::ChunkEnd(1)
        } else {
            State::ChunkSize
        };
        Ok(1)
    }

    fn trailer(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<usize, Violation> {
        let before = self.held.len();
        self.held.extend_from_slice(input);
        let end = if self.held.starts_with(b"\r\n") {
            Some(2)
        } else {
            end_of_block(&self.held, before.saturating_sub(3))
        };
        let judged = end.unwrap_or(self.held.len());
        if bare_line_feed(&self.held[..judged], before.min(judged)) || judged > LONGEST_TRAILER {
            return Err(Violation::Chunk);
        }
        let Some(end) = end else {
            return Ok(input.len());
        };
        if end > 2 {
            for line in lines(&self.held[..end]) {
                field(line)?;
            }
        }
        out.extend_from_slice(&self.held[..end]);
        self.held.clear();
        self.state = State::Head;
        Ok(end - before)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Body {
    None,
    Fixed(u64),
    Chunked,
}

/// Judges one header block, which ends with an empty line.
fn judge(block: &[u8]) -> Result<Body, Violation> {
    let mut lines = lines(block);
    let old = request_line(lines.next().unwrap_or_default())?;
    let (mut length, mut chunked, mut hosts) = (None, false, 0);
    for line in lines {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
            if value
                .iter()
                .any(|byte| matches!(byte, b'/' | b'@' | b',' | b' ' | b'\t' | b'\\' | b'%'))
            {
                return Err(Violation::Header);
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            if length.is_some() {
                return Err(Violation::Length);
            }
            length = Some(number(value).ok_or(Violation::Length)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Violation::TransferEncoding);
            }
            chunked = true;
        }
    }
    if length.is_some() && chunked {
        return Err(Violation::LengthAndEncoding);
    }
    if hosts > 1 {
        return Err(Violation::DuplicateHost);
    }
    if hosts == 0 && !old {
        return Err(Violation::MissingHost);
    }
    Ok(match length {
        Some(length) => Body::Fixed(length),
        None if chunked => Body::Chunked,
        None => Body::None,
    })
}

/// Appends a block, with what old clients leave bare in a target percent-encoded: `"`, `<`, `>` and `` ` `` mean nothing in
/// an address (RFC 3986), and hyper would not take them. Whoever decodes the target reads the same.
fn spell_out(block: &[u8], out: &mut Vec<u8>) {
    let bare = |byte: &u8| matches!(byte, b'"' | b'<' | b'>' | b'`');
    let line = block
        .iter()
        .position(|&byte| byte == b'\r')
        .unwrap_or(block.len());
    let target = block[..line].iter().position(|&byte| byte == b' ');
    match target {
        Some(from) if block[from..line].iter().any(bare) => {
            out.extend_from_slice(&block[..from]);
            for byte in &block[from..line] {
                if bare(byte) {
                    out.extend_from_slice(format!("%{byte:02X}").as_bytes());
                } else {
                    out.push(*byte);
                }
            }
            out.extend_from_slice(&block[line..]);
        }
        _ => out.extend_from_slice(block),
    }
}

/// Judges a request line; whether it speaks HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Violation> {
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let fine = method
        .is_some_and(|method| !method.is_empty() && method.iter().all(|&b| is_token(b)))
        && target.is_some_and(|target| {
            // A fragment is for the client alone (RFC 9112, 3.2): who sends one means to be read in two ways.
            !target.is_empty()
                && target
                    .iter()
                    .all(|&byte| byte > b' ' && byte != 0x7F && byte != b'#')
        })
        && words.next().is_none();
    match version {
        Some(b"HTTP/1.1") if fine => Ok(false),
        Some(b"HTTP/1.0") if fine => Ok(true),
        _ => Err(Violation::RequestLine),
    }
}

/// Judges one header line; name and value without the space around it.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Violation> {
    if line
        .first()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
    {
        return Err(Violation::ObsoleteFold);
    }
    let colon = line
        .iter()
        .position(|&byte| byte == b':')
        .ok_or(Violation::Header)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.last().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(Violation::SpaceBeforeColon);
    }
    let clean = !name.is_empty()
        && name.iter().all(|&byte| is_token(byte))
        && value
            .iter()
            .all(|&byte| byte >= b' ' && byte != 0x7F || byte == b'\t');
    if !clean {
        return Err(Violation::Header);
    }
    Ok((name, value.trim_ascii()))
}

fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The lines of a block without the empty one at its end.
fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\r\n\r\n").unwrap_or(block);
    let mut rest = Some(block);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.windows(2).position(|pair| pair == b"\r\n") {
            Some(at) => {
                rest = Some(&text[at + 2..]);
                Some(&text[..at])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

mod memchr_crlf {
    /// Where the block that ends with an empty line ends, looking from `from`.
    pub(super) fn end_of_block(bytes: &[u8], from: usize) -> Option<usize> {
        bytes[from..]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map(|at| from + at + 4)
    }

    /// Whether a line feed without carriage return stands in the bytes from `from`.
    pub(super) fn bare_line_feed(bytes: &[u8], from: usize) -> bool {
        (from..bytes.len()).any(|at| bytes[at] == b'\n' && (at == 0 || bytes[at - 1] != b'\r'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8], step: usize) -> (Vec<u8>, Option<Violation>) {
        let mut framing = Framing::new(1 << 16);
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            if let Err(violation) = framing.feed(piece, &mut out) {
                return (out, Some(violation));
            }
        }
        (out, None)
    }

    #[test]
    fn requests_in_order_pass_unchanged_at_any_cut() {
        let stream = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
            GET /b HTTP/1.1\r\nHost: x\r\n\r\n\
            POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n\
            PUT /d HTTP/1.1\r\nhost:x\r\ntransfer-encoding:\tChunked \r\n\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n";
        for step in 1..stream.len() {
            let (out, violation) = run(stream, step);
            assert_eq!(violation, None, "step {step}");
            assert_eq!(out, stream, "step {step}");
        }
    }

    #[test]
    fn every_broken_rule_is_named_at_any_cut() {
        let host = "Host: x\r\n";
        let cases = [
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                ),
                Violation::LengthAndEncoding,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
                ),
                Violation::LengthAndEncoding,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Content-Length: 4\r\nContent-Length: 4\r\n\r\n"),
                Violation::Length,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Content-Length: +4\r\n\r\n"),
                Violation::Length,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Content-Length: 4, 4\r\n\r\n"),
                Violation::Length,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Content-Length:\r\n\r\n"),
                Violation::Length,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n"),
                Violation::TransferEncoding,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                ),
                Violation::TransferEncoding,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: xchunked\r\n\r\n"),
                Violation::TransferEncoding,
            ),
            (
                format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
                Violation::TransferEncoding,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}A: b\r\n c\r\n\r\n"),
                Violation::ObsoleteFold,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}{host}\r\n"),
                Violation::DuplicateHost,
            ),
            (
                "GET / HTTP/1.1\r\nA: b\r\n\r\n".to_owned(),
                Violation::MissingHost,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}A : b\r\n\r\n"),
                Violation::SpaceBeforeColon,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}A\r\n\r\n"),
                Violation::Header,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}A: b\0\r\n\r\n"),
                Violation::Header,
            ),
            (
                format!("GET / HTTP/1.1\r\n{host}A: b\rc\r\n\r\n"),
                Violation::Header,
            ),
            (
                "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".to_owned(),
                Violation::Header,
            ),
            (format!("GET / HTTP/1.1\n{host}\n"), Violation::BareLineFeed),
            (
                format!("GET  / HTTP/1.1\r\n{host}\r\n"),
                Violation::RequestLine,
            ),
            (
                format!("GET / HTTP/1.1 \r\n{host}\r\n"),
                Violation::RequestLine,
            ),
            (
                format!("GET /\tb HTTP/1.1\r\n{host}\r\n"),
                Violation::RequestLine,
            ),
            (
                format!("GET / HTTP/2.0\r\n{host}\r\n"),
                Violation::RequestLine,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n"),
                Violation::Chunk,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0x5\r\n"),
                Violation::Chunk,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
                Violation::Chunk,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n5 \r\n"),
                Violation::Chunk,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n"
                ),
                Violation::Chunk,
            ),
            (
                format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"),
                Violation::Chunk,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\nA : b\r\n\r\n"
                ),
                Violation::SpaceBeforeColon,
            ),
            (
                format!(
                    "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n"
                ),
                Violation::Chunk,
            ),
        ];
        for (bytes, expected) in cases {
            for step in [1, 2, 7, bytes.len()] {
                let (out, violation) = run(bytes.as_bytes(), step);
                assert_eq!(violation, Some(expected), "{bytes:?} step {step}");
                assert!(out.ends_with(POISON));
            }
        }
    }

    #[test]
    fn what_old_clients_leave_bare_in_a_target_is_encoded() {
        let (out, violation) = run(b"GET /a?q=<b>\"`x HTTP/1.1\r\nHost: x\r\nA: <\r\n\r\n", 7);
        assert_eq!(violation, None);
        assert_eq!(
            out,
            b"GET /a?q=%3Cb%3E%22%60x HTTP/1.1\r\nHost: x\r\nA: <\r\n\r\n"
        );
    }

    #[test]
    fn fragments_and_odd_hosts_are_refused() {
        for (block, expected) in [
            (
                &b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n"[..],
                Violation::RequestLine,
            ),
            (b"GET / HTTP/1.1\r\nHost: x%00\r\n\r\n", Violation::Header),
        ] {
            assert_eq!(run(block, 5).1, Some(expected));
        }
    }

    #[test]
    fn http_2_and_upgraded_connections_are_left_alone() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04";
        assert_eq!(run(preface, 5), (preface.to_vec(), None));
        let mut framing = Framing::new(1 << 16);
        framing.upgrade();
        let mut out = Vec::new();
        framing.feed(b"\x81\x05hello", &mut out).unwrap();
        assert_eq!(out, b"\x81\x05hello");
    }

    #[test]
    fn a_preface_in_the_middle_is_no_way_out() {
        let bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        assert_eq!(run(bytes, 9).1, Some(Violation::RequestLine));
    }
}
