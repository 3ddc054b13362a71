//! Access logs in the combined form of nginx and Apache.

use std::io::{self, BufRead, Read as _};

use crate::{Learner, Sample};

/// Longest line that is read, in bytes.
const LONGEST: u64 = 64 << 10;

impl Learner {
    /// Reads an access log line by line. A line that is none is counted as unreadable.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn read_log(&mut self, mut log: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = log.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(());
            }
            if line.last() != Some(&b'\n') && read as u64 == LONGEST {
                self.counts.unreadable += 1;
                skip_line(&mut log)?;
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            match parse(text) {
                Some((method, target, status)) => self.see(&Sample {
                    method,
                    target,
                    status,
                    ..Sample::default()
                }),
                None => self.counts.unreadable += 1,
            }
        }
    }
}

/// Method, target and status of `… "GET /path HTTP/1.1" 200 …`.
fn parse(line: &str) -> Option<(&str, &str, u16)> {
    let (_, rest) = line.split_once('"')?;
    let (request, rest) = rest.split_once("\" ")?;
    let mut words = request.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/") || !target.starts_with('/') {
        return None;
    }
    let status = rest.split(' ').next()?.parse().ok()?;
    (100..600)
        .contains(&status)
        .then_some((method, target, status))
}

fn skip_line(log: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = log.fill_buf()?;
        if piece.is_empty() {
            return Ok(());
        }
        let end = piece.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(piece.len(), |end| end + 1);
        log.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
