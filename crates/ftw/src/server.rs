//! An HTTP/1 server that refuses what no request is (RFC 9112), and the answers of the suite's backend.

use base64::Engine as _;
use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Outcome, RuleSet, Start, Strategy, Transaction};

use crate::{Expectation, log_of};

/// What the client and the log saw.
#[derive(Debug)]
pub struct Seen {
    /// The status that the client got.
    pub status: u16,
    /// The lines of the log.
    pub log: String,
    /// What the engine said; absent when the server refused before it.
    pub outcome: Option<Outcome>,
}

impl Seen {
    /// As the suite judges it.
    pub fn expectation(&self) -> Expectation<'_> {
        Expectation {
            status: self.status,
            log: &self.log,
            refused: self.outcome.is_none().then_some(self.log.as_str()),
        }
    }
}

/// Runs one request through the server, the engine and the backend.
pub fn exchange(rules: &RuleSet, bytes: &[u8], strategy: Strategy) -> Seen {
    let request = match accept(bytes) {
        Ok(request) => request,
        Err(why) => {
            return Seen {
                status: 400,
                log: format!("refused by the server: {why}"),
                outcome: None,
            };
        }
    };
    let start = Start {
        now: 1_767_225_600,
        strategy,
        client: ([127, 0, 0, 1].into(), 4142),
        server: ([127, 0, 0, 1].into(), 80),
        ..Start::example()
    };
    let mut t = Transaction::new(rules, start);
    let mut status = 200;
    if request.feed(&mut t) {
        let (code, headers, body) = backend(&request.method, &request.target, &request.body);
        status = code;
        t.response_line(b"HTTP/1.1", code);
        for (name, value) in &headers {
            t.response_header(name.as_bytes(), value.as_bytes());
        }
        if t.response_headers_end().is_none() {
            t.response_body(&body);
            t.response_end();
        }
    }
    let outcome = t.finish();
    if let Some(stop) = &outcome.intervention {
        status = stop.status;
    }
    let log = log_of(&outcome.matches);
    Seen {
        status,
        log,
        outcome: Some(outcome),
    }
}

/// Refuses what is no HTTP/1 request, joins repeated headers and lets Transfer-Encoding win over Content-Length.
///
/// # Errors
/// Which part is no request.
pub fn accept(bytes: &[u8]) -> Result<RawRequest, &'static str> {
    let mut request = RawRequest::parse(bytes).map_err(|_| "not a request")?;
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if !request.method.iter().all(token) {
        return Err("method");
    }
    let explicit = memchr_line(bytes).ends_with(&request.protocol);
    let known = [
        &b"HTTP/1.0"[..],
        b"HTTP/1.1",
        b"HTTP/2",
        b"HTTP/2.0",
        b"HTTP/3",
        b"HTTP/3.0",
        b"HTTP/4.0",
    ];
    if explicit && !known.contains(&request.protocol.as_slice()) {
        return Err("protocol");
    }
    let target = &request.target;
    let form = target[0] == b'/'
        || target == b"*"
        || memchr::memmem::find(target, b"://").is_some()
        || request.method == b"CONNECT";
    if !form || target.iter().any(|b| matches!(b, b' ' | b'#')) {
        return Err("target");
    }
    if request.method == b"CONNECT"
        && !target
            .iter()
            .rposition(|b| *b == b':')
            .is_some_and(|at| target[at + 1..].iter().all(u8::is_ascii_digit))
    {
        return Err("authority");
    }
    if request
        .headers
        .iter()
        .any(|(n, v)| !n.iter().all(token) || v.iter().any(|b| matches!(b, b'\r' | 0)))
    {
        return Err("header");
    }
    let no_host = |host: &[u8]| {
        (host.is_empty() && request.protocol == b"HTTP/1.1")
            || host.contains(&b'%')
            || host.contains(&0)
    };
    if request.header(b"host").is_some_and(no_host) {
        return Err("host");
    }
    let chunked = request.header(b"transfer-encoding").is_some();
    if chunked {
        request
            .headers
            .retain(|(n, _)| !n.eq_ignore_ascii_case(b"content-length"));
    }
    if request
        .header(b"content-length")
        .is_some_and(|v| v.is_empty() || !v.iter().all(u8::is_ascii_digit))
    {
        return Err("content-length");
    }
    let mut joined: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (name, value) in std::mem::take(&mut request.headers) {
        match joined
            .iter_mut()
            .find(|(n, _)| n.eq_ignore_ascii_case(&name) && !name.eq_ignore_ascii_case(b"cookie"))
        {
            Some((_, old)) => {
                old.extend_from_slice(b", ");
                old.extend(value);
            }
            None => joined.push((name, value)),
        }
    }
    request.headers = joined;
    Ok(request)
}

fn memchr_line(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .position(|b| *b == b'\n')
        .unwrap_or(bytes.len());
    bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end])
}

/// The suite's backend: `/reflect` answers as the request's JSON says (status, headers, body), anything else gets an
/// empty 200.
pub fn backend(method: &[u8], target: &[u8], body: &[u8]) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let path = target.split(|b| *b == b'?').next().unwrap_or_default();
    if method != b"POST" || !path.starts_with(b"/reflect") {
        return (200, vec![("Content-Length".into(), "0".into())], Vec::new());
    }
    let Ok(spec) = serde_json::from_slice::<serde_json::Value>(body) else {
        return (
            400,
            vec![("Content-Type".into(), "text/plain; charset=utf-8".into())],
            b"Invalid JSON in request body".to_vec(),
        );
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some(map) = spec["headers"].as_object() {
        headers.extend(
            map.iter()
                .map(|(n, v)| (n.clone(), v.as_str().unwrap_or_default().to_owned())),
        );
    }
    let body = match (spec["body"].as_str(), spec["encodedBody"].as_str()) {
        (Some(text), _) if !text.is_empty() => text.as_bytes().to_vec(),
        (_, Some(text)) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    if !headers
        .iter()
        .any(|(n, _)| n.eq_ignore_ascii_case("content-type"))
    {
        // Go's server looks at the body; what the suite sends is text.
        let html = [
            &b"<html"[..],
            b"<!doctype",
            b"<h1",
            b"<script",
            b"<title",
            b"<table",
            b"<a",
            b"<br",
            b"<p",
            b"<body",
            b"<head",
            b"<div",
            b"<!--",
        ];
        let start = body.trim_ascii_start().to_ascii_lowercase();
        let kind = if html.iter().any(|h| start.starts_with(h)) {
            "text/html; charset=utf-8"
        } else {
            "text/plain; charset=utf-8"
        };
        headers.push(("Content-Type".into(), kind.into()));
    }
    let status = spec["status"]
        .as_u64()
        .filter(|s| (100..600).contains(s))
        .unwrap_or(200) as u16;
    (status, headers, body)
}
