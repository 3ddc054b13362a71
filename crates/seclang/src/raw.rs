//! HTTP/1 requests as bytes: what a tolerant server reads from the wire, for judging captured requests and for tests.

use crate::transaction::Transaction;

/// A request taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRequest {
    /// The method as written.
    pub method: Vec<u8>,
    /// The request target as written.
    pub target: Vec<u8>,
    /// The protocol as written; `HTTP/0.9` when none is.
    pub protocol: Vec<u8>,
    /// The headers in order, values without the blanks around them.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

/// Why bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// There is no request line.
    #[error("the request line is missing or has no target")]
    RequestLine,
    /// A header line has no colon.
    #[error("header line {0} has no colon")]
    Header(usize),
    /// The chunked body is broken.
    #[error("the chunked body is broken")]
    Chunk,
}

impl RawRequest {
    /// Reads one request. The body is as long as `Content-Length` says; without it and without chunks there is none.
    ///
    /// # Errors
    /// When there is no request line, a header without a colon, or a broken chunk.
    pub fn parse(bytes: &[u8]) -> Result<Self, RawError> {
        let (mut request, rest) = Self::head(bytes)?;
        request.body = if request.is_chunked() {
            unchunk(rest)?
        } else {
            let length = request
                .header(b"content-length")
                .and_then(|v| std::str::from_utf8(v).ok()?.parse::<usize>().ok());
            rest[..length.unwrap_or(0).min(rest.len())].to_vec()
        };
        Ok(request)
    }

    /// Reads one request that is all there is, such as a file: everything behind the headers is its body, whatever
    /// `Content-Length` says. Chunks are joined where they are sound.
    ///
    /// # Errors
    /// When there is no request line or a header without a colon.
    pub fn read(bytes: &[u8]) -> Result<Self, RawError> {
        let (mut request, rest) = Self::head(bytes)?;
        request.body = match unchunk(rest) {
            Ok(body) if request.is_chunked() => body,
            _ => rest.to_vec(),
        };
        Ok(request)
    }

    fn is_chunked(&self) -> bool {
        self.header(b"transfer-encoding")
            .is_some_and(|v| v.to_ascii_lowercase().ends_with(b"chunked"))
    }

    /// Request line and headers, and what comes behind.
    fn head(bytes: &[u8]) -> Result<(Self, &[u8]), RawError> {
        let mut request = Self::default();
        let mut rest = bytes;
        let line = take_line(&mut rest);
        let first = line
            .iter()
            .position(|b| *b == b' ')
            .ok_or(RawError::RequestLine)?;
        request.method = line[..first].to_vec();
        let tail = line[first + 1..].trim_ascii();
        let (target, protocol) = match tail.iter().rposition(|b| *b == b' ') {
            Some(at) => (tail[..at].trim_ascii_end(), &tail[at + 1..]),
            None => (tail, &b"HTTP/0.9"[..]),
        };
        if target.is_empty() {
            return Err(RawError::RequestLine);
        }
        request.target = target.to_vec();
        request.protocol = protocol.to_vec();
        for number in 1.. {
            if rest.is_empty() {
                break;
            }
            let line = take_line(&mut rest);
            if line.is_empty() {
                break;
            }
            if matches!(line[0], b' ' | b'\t')
                && let Some((_, value)) = request.headers.last_mut()
            {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
                continue;
            }
            let at = line
                .iter()
                .position(|b| *b == b':')
                .ok_or(RawError::Header(number))?;
            request
                .headers
                .push((line[..at].to_vec(), line[at + 1..].trim_ascii().to_vec()));
        }
        Ok((request, rest))
    }

    /// The first header of that name.
    pub fn header(&self, lower: &[u8]) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(lower))
            .map(|(_, v)| v.as_slice())
    }

    /// Feeds the whole request to a transaction: phases 1 and 2. True when it may pass.
    pub fn feed(&self, transaction: &mut Transaction<'_>) -> bool {
        transaction.request_line(&self.method, &self.target, &self.protocol);
        for (name, value) in &self.headers {
            transaction.request_header(name, value);
        }
        if transaction.request_headers_end().is_some() {
            return false;
        }
        transaction.request_body(&self.body);
        transaction.request_end().is_none()
    }
}

/// The bytes up to the end of the line, and past it.
fn take_line<'b>(rest: &mut &'b [u8]) -> &'b [u8] {
    let (line, tail) = match memchr::memchr(b'\n', rest) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (*rest, &rest[rest.len()..]),
    };
    *rest = tail;
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>, RawError> {
    let mut out = Vec::new();
    loop {
        let line = take_line(&mut rest);
        let digits = line
            .split(|b| *b == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| usize::from_str_radix(d, 16).ok())
            .ok_or(RawError::Chunk)?;
        if size == 0 {
            return Ok(out);
        }
        let piece = rest.get(..size).ok_or(RawError::Chunk)?;
        out.extend_from_slice(piece);
        rest = &rest[size..];
        take_line(&mut rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_chunked() {
        let r =
            RawRequest::parse(b"POST /a b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcdef")
                .unwrap();
        assert_eq!(
            (r.target.as_slice(), r.body.as_slice()),
            (&b"/a b"[..], &b"abc"[..])
        );
        let r = RawRequest::parse(
            b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\r\nabc\r\n0\r\n\r\n",
        )
        .unwrap();
        assert_eq!(r.body, b"abc");
        assert_eq!(
            RawRequest::parse(b"GET /\r\n\r\n").unwrap().protocol,
            b"HTTP/0.9"
        );
        assert_eq!(RawRequest::parse(b"GET\r\n"), Err(RawError::RequestLine));
        assert_eq!(
            RawRequest::parse(b"GET / HTTP/1.1\r\nbad\r\n\r\n"),
            Err(RawError::Header(1))
        );
    }
}
