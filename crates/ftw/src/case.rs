//! Tests as files, as bytes and as verdicts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use regex::Regex;
use serde::Deserialize;

/// A file of tests, for one rule.
#[derive(Clone, Debug, Deserialize)]
pub struct File {
    /// The rule.
    pub rule_id: u64,
    /// Its tests.
    #[serde(default)]
    pub tests: Option<Vec<Test>>,
}

/// One test.
#[derive(Clone, Debug, Deserialize)]
pub struct Test {
    /// Its number within the file.
    pub test_id: u64,
    /// Requests in order, each with what must be seen.
    pub stages: Vec<Stage>,
}

/// One request.
#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    /// What is sent.
    pub input: Input,
    /// What must be seen.
    pub output: Output,
}

/// What is sent.
#[derive(Clone, Debug, Deserialize)]
pub struct Input {
    /// GET when absent.
    pub method: Option<String>,
    /// `/` when absent.
    pub uri: Option<String>,
    /// `HTTP/1.1` when absent.
    pub version: Option<String>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, Scalar>,
    /// The body.
    pub data: Option<String>,
    /// The whole request in base64, instead of everything else.
    pub encoded_request: Option<String>,
    /// Whether the client adds `Content-Length`, `Content-Type` and `Connection`; true when absent.
    pub autocomplete_headers: Option<bool>,
}

/// A header's value: YAML takes a bare number for one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A number.
    Number(i64),
    /// Text.
    Text(String),
}

/// What must be seen.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Output {
    /// The status that the client gets.
    pub status: Option<u16>,
    /// The log.
    #[serde(default)]
    pub log: Log,
    /// Whether exactly one rule may have matched.
    #[serde(default)]
    pub isolated: bool,
}

/// What the log must and must not have.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Log {
    /// Rules that matched.
    #[serde(default)]
    pub expect_ids: Vec<u64>,
    /// Rules that did not.
    #[serde(default)]
    pub no_expect_ids: Vec<u64>,
    /// A pattern that is in it.
    pub match_regex: Option<String>,
    /// A pattern that is not.
    pub no_match_regex: Option<String>,
}

/// What was seen, to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The status that the client got.
    pub status: u16,
    /// The log of the engine.
    pub log: &'a str,
    /// Why no engine ran, when none did.
    pub refused: Option<&'a str>,
}

/// A suite that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FtwError {
    /// A file or folder.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A request that is no base64.
    #[error("encoded_request is no base64: {0}")]
    Base64(String),
}

/// All test files below a folder, `.yaml` and `.yml`, sorted.
///
/// # Errors
/// [`FtwError::File`] naming the file that can't be read, and why.
pub fn load(folder: &Path) -> Result<Vec<File>, FtwError> {
    let fault = |path: &Path, problem: String| FtwError::File {
        path: path.to_owned(),
        problem,
    };
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|e| fault(&folder, e.to_string()))?;
        for entry in entries {
            let path = entry.map_err(|e| fault(&folder, e.to_string()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let mut files = Vec::new();
    for path in &paths {
        let text = std::fs::read_to_string(path).map_err(|e| fault(path, e.to_string()))?;
        // One file of the suite is nothing but comments.
        let empty = text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        if !empty {
            files.push(serde_saphyr::from_str(&text).map_err(|e| fault(path, e.to_string()))?);
        }
    }
    Ok(files)
}

impl Input {
    /// The bytes that the suite's client would send.
    ///
    /// # Errors
    /// [`FtwError::Base64`] when `encoded_request` is none.
    pub fn bytes(&self) -> Result<Vec<u8>, FtwError> {
        if let Some(encoded) = &self.encoded_request {
            let text: String = encoded.split_whitespace().collect();
            return base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| FtwError::Base64(error.to_string()));
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
        Ok(out)
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
    ///
    /// # Errors
    /// A sentence with the first difference.
    pub fn judge(&self, seen: &Expectation<'_>) -> Result<(), String> {
        let id = |id: u64| seen.log.contains(&format!("[id \"{id}\"]"));
        for want in &self.log.expect_ids {
            if !id(*want) {
                return Err(match seen.refused {
                    Some(why) => format!("{want} did not match: {why}"),
                    None => format!("{want} did not match"),
                });
            }
        }
        for not in &self.log.no_expect_ids {
            if id(*not) {
                return Err(format!("{not} matched"));
            }
        }
        let find = |pattern: &str| {
            Regex::new(pattern)
                .map(|regex| regex.find(seen.log).map(|found| found.as_str().to_owned()))
                .map_err(|error| format!("the test's pattern {pattern} is none: {error}"))
        };
        if let Some(pattern) = &self.log.match_regex
            && find(pattern)?.is_none()
        {
            return Err(format!("the log has no match for {pattern}"));
        }
        if let Some(pattern) = &self.log.no_match_regex
            && let Some(found) = find(pattern)?
        {
            return Err(format!("the log has {found}"));
        }
        if let Some(status) = self.status
            && status != seen.status
        {
            return Err(format!("status {} instead of {status}", seen.status));
        }
        if self.isolated && seen.log.matches("[id \"").count() != 1 {
            return Err("not exactly one rule matched".to_owned());
        }
        Ok(())
    }
}
