//! Tests in the format of go-ftw: reading them and making their requests.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use regex::Regex;
use serde::Deserialize;

use super::server::Seen;

#[derive(Debug, Deserialize)]
pub struct File {
    pub rule_id: u64,
    #[serde(default)]
    pub tests: Option<Vec<Test>>,
}

#[derive(Debug, Deserialize)]
pub struct Test {
    pub test_id: u64,
    pub stages: Vec<Stage>,
}

#[derive(Debug, Deserialize)]
pub struct Stage {
    pub input: Input,
    pub output: Output,
}

#[derive(Debug, Deserialize)]
pub struct Input {
    pub method: Option<String>,
    pub uri: Option<String>,
    pub version: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, Scalar>,
    pub data: Option<String>,
    pub encoded_request: Option<String>,
    pub autocomplete_headers: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Number(i64),
    Text(String),
}

#[derive(Debug, Default, Deserialize)]
pub struct Output {
    pub status: Option<u16>,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub isolated: bool,
}

#[derive(Debug, Default, Deserialize)]
pub struct Log {
    #[serde(default)]
    pub expect_ids: Vec<u64>,
    #[serde(default)]
    pub no_expect_ids: Vec<u64>,
    pub match_regex: Option<String>,
    pub no_match_regex: Option<String>,
}

/// All test files below a folder, `.yaml` and `.yml`, sorted.
pub fn load(folder: &Path) -> Vec<File> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("test folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(path).expect("test file");
            // One file of the suite is nothing but comments.
            let empty = text
                .lines()
                .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'));
            (!empty).then(|| {
                serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
            })
        })
        .collect()
}

impl Input {
    /// The bytes that the suite's client would send.
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(encoded) = &self.encoded_request {
            let text: String = encoded.split_whitespace().collect();
            return base64::engine::general_purpose::STANDARD
                .decode(text)
                .expect("encoded_request");
        }
        let complete = self.autocomplete_headers.unwrap_or(true);
        let method = self.method.as_deref().unwrap_or("GET");
        let mut headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(n, v)| {
                let text = match v {
                    Scalar::Number(n) => n.to_string(),
                    Scalar::Text(t) => t.clone(),
                };
                (n.clone(), text)
            })
            .collect();
        let has = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        let mut data = self.data.clone().unwrap_or_default().into_bytes();
        if !data.is_empty() && complete {
            if !has(&headers, "content-type") {
                headers.push((
                    "Content-Type".into(),
                    "application/x-www-form-urlencoded".into(),
                ));
            }
            if headers.iter().any(|(n, v)| {
                n.eq_ignore_ascii_case("content-type") && v == "application/x-www-form-urlencoded"
            }) {
                data = encode_form(data);
            }
        }
        if headers.iter().any(|(n, v)| {
            n.eq_ignore_ascii_case("content-type") && v.starts_with("multipart/form-data;")
        }) {
            data = data
                .iter()
                .flat_map(|b| {
                    if *b == b'\n' {
                        &b"\r\n"[..]
                    } else {
                        std::slice::from_ref(b)
                    }
                })
                .copied()
                .collect();
        }
        if complete {
            if !has(&headers, "connection") {
                headers.push(("Connection".into(), "close".into()));
            }
            let with_body = method.starts_with("POST")
                || method.contains("PUT")
                || method.contains("PATCH")
                || method.ends_with("DELETE");
            if (!data.is_empty() || with_body) && !has(&headers, "content-length") {
                headers.push(("Content-Length".into(), data.len().to_string()));
            }
        }
        let mut out = format!(
            "{method} {} {}\r\n",
            self.uri.as_deref().unwrap_or("/"),
            self.version.as_deref().unwrap_or("HTTP/1.1")
        )
        .into_bytes();
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.extend(data);
        out
    }
}

/// Form data that is not encoded yet, encoded.
fn encode_form(data: Vec<u8>) -> Vec<u8> {
    if data.iter().any(|b| matches!(b, b'%' | b'+')) {
        // Decoding would change it (or fail): it is taken to be encoded.
        return data;
    }
    let pieces: Vec<Vec<u8>> = data
        .split(|b| *b == b'&')
        .map(|piece| match piece.iter().position(|b| *b == b'=') {
            Some(at) => [escape(&piece[..at]), escape(&piece[at + 1..])].join(&b'='),
            None => escape(piece),
        })
        .collect();
    pieces.join(&b'&')
}

fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for b in text {
        match b {
            b' ' => out.push(b'+'),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(b) => out.push(*b),
            b => out.extend_from_slice(format!("%{b:02X}").as_bytes()),
        }
    }
    out
}

impl Output {
    /// Why what was seen is not what was expected.
    pub fn judge(&self, seen: &Seen) -> Result<(), String> {
        let id = |id: u64| seen.log.contains(&format!("[id \"{id}\"]"));
        for want in &self.log.expect_ids {
            if !id(*want) {
                let refused = if seen.outcome.is_none() {
                    seen.log.as_str()
                } else {
                    ""
                };
                return Err(format!("{want} did not match {refused}"));
            }
        }
        for not in &self.log.no_expect_ids {
            if id(*not) {
                return Err(format!("{not} matched"));
            }
        }
        if let Some(pattern) = &self.log.match_regex
            && !Regex::new(pattern)
                .expect("match_regex")
                .is_match(&seen.log)
        {
            return Err(format!("log has no match for {pattern}"));
        }
        if let Some(pattern) = &self.log.no_match_regex
            && let Some(found) = Regex::new(pattern).expect("no_match_regex").find(&seen.log)
        {
            return Err(format!("log has {}", found.as_str()));
        }
        if let Some(status) = self.status
            && status != seen.status
        {
            return Err(format!("status {} instead of {status}", seen.status));
        }
        if self.isolated && seen.log.matches("[id \"").count() != 1 {
            return Err("more than one rule matched".to_owned());
        }
        Ok(())
    }
}
