//! Recordings of a browser (HAR 1.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::{Learner, Sample};

/// Largest recording that is read, in bytes.
pub(crate) const LARGEST: usize = 64 << 20;

/// A recording that can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarError {
    /// It is longer than is read.
    #[error("the recording is longer than {LARGEST} bytes; save it in parts")]
    TooLong,
    /// It is no JSON.
    #[error("no JSON: line {line} column {column}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// It is JSON and no recording.
    #[error("no recording: /log/entries is no list")]
    Form,
}

impl Learner {
    /// Reads a recording. An entry that is none is counted as unreadable.
    ///
    /// # Errors
    /// [`HarError`] when the whole can't be read.
    pub fn read_har(&mut self, bytes: &[u8]) -> Result<(), HarError> {
        if bytes.len() > LARGEST {
            return Err(HarError::TooLong);
        }
        let har: Value = serde_json::from_slice(bytes).map_err(|error| HarError::Json {
            line: error.line(),
            column: error.column(),
        })?;
        let entries = har
            .pointer("/log/entries")
            .and_then(Value::as_array)
            .ok_or(HarError::Form)?;
        for entry in entries {
            if self.entry(entry).is_none() {
                self.counts.unreadable += 1;
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Value) -> Option<()> {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let url = text("/request/url")?;
        let target = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
            None => url,
        };
        let target = target.split('#').next().unwrap_or(target);
        let mut headers = pairs(entry.pointer("/request/headers"));
        if !headers.iter().any(|(name, _)| name == "cookie") {
            let cookies = pairs(entry.pointer("/request/cookies"));
            let line: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            if !line.is_empty() {
                headers.push(("cookie".to_owned(), line.join("; ")));
            }
        }
        let body = match text("/request/postData/text") {
            Some(body) => Some(body.as_bytes().to_vec()),
            None => form(entry.pointer("/request/postData/params")),
        };
        if let Some(kind) = text("/request/postData/mimeType")
            && !headers.iter().any(|(name, _)| name == "content-type")
        {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let answer = text("/response/content/text").map(|content| {
            match text("/response/content/encoding") {
                Some("base64") => STANDARD.decode(content).unwrap_or_default(),
                _ => content.as_bytes().to_vec(),
            }
        });
        let mut answer_headers = pairs(entry.pointer("/response/headers"));
        if let Some(kind) = text("/response/content/mimeType")
            && !answer_headers
                .iter()
                .any(|(name, _)| name == "content-type")
        {
            answer_headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        let status = entry.pointer("/response/status")?.as_u64()?;
        self.see(&Sample {
            method: text("/request/method")?,
            target,
            headers: &headers,
            body: body.as_deref(),
            status: u16::try_from(status).ok()?,
            answer_headers: &answer_headers,
            answer: answer.as_deref(),
        });
        Some(())
    }
}

/// Names in small letters, and values.
fn pairs(list: Option<&Value>) -> Vec<(String, String)> {
    let list = list
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    list.iter()
        .take(200)
        .filter_map(|pair| {
            let name = pair.get("name")?.as_str()?.to_ascii_lowercase();
            Some((name, pair.get("value")?.as_str()?.to_owned()))
        })
        .collect()
}

fn form(params: Option<&Value>) -> Option<Vec<u8>> {
    let pairs = params?.as_array()?;
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect::<String>()
    };
    let parts: Vec<String> = pairs
        .iter()
        .take(1_000)
        .filter_map(|pair| {
            let name = pair.get("name")?.as_str()?;
            let value = pair
                .get("value")
                .and_then(Value::as_str)
                .unwrap_or_default();
            Some(format!("{}={}", encode(name), encode(value)))
        })
        .collect();
    Some(parts.join("&").into_bytes())
}
