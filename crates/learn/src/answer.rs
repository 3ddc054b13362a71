//! An answer, read for its fields.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Sample;
use crate::learner::LONGEST_ANSWER;
use crate::names::is_name;

/// Values of one answer that are looked at.
const MOST_VALUES: usize = 2_000;
/// Elements of one array that are looked at.
const MOST_ELEMENTS: usize = 200;
/// Longest value that is looked at, in bytes.
const LONGEST_VALUE: usize = 512;

/// What an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Json,
    Html,
    Csv,
    Static,
    #[default]
    Other,
}

#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    pub(crate) attachment: bool,
    /// Field and value; the values live as long as this answer.
    pub(crate) values: Vec<(String, String)>,
    /// Pointers of arrays that hold objects; empty for an answer that is one object.
    pub(crate) rows: Vec<String>,
    pub(crate) json: Option<Value>,
    pub(crate) unread: bool,
}

/// How the product tells success.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    pub(crate) json: u64,
    /// JSON answers with `error` and status 200.
    pub(crate) errors: u64,
    /// Values of `code`, where it is a number.
    pub(crate) codes: BTreeMap<i64, u64>,
}

impl Telling {
    pub(crate) fn add(&mut self, answer: &Answer) {
        let Some(Value::Object(top)) = &answer.json else {
            return;
        };
        self.json += 1;
        self.errors += u64::from(top.get("error").is_some_and(|error| !error.is_null()));
        if let Some(code) = top.get("code").and_then(Value::as_i64)
            && (self.codes.len() < 50 || self.codes.contains_key(&code))
        {
            *self.codes.entry(code).or_default() += 1;
        }
    }
}

pub(crate) fn read(sample: &Sample<'_>) -> Answer {
    let header = |name: &str| {
        let found = sample
            .answer_headers
            .iter()
            .find(|(known, _)| known == name);
        found
            .map(|(_, value)| value.to_ascii_lowercase())
            .unwrap_or_default()
    };
    let kind = header("content-type");
    let mut answer = Answer {
        kind: match kind.split(';').next().unwrap_or_default().trim() {
            json if json.ends_with("json") => Kind::Json,
            "text/html" | "application/xhtml+xml" => Kind::Html,
            "text/csv" | "text/tab-separated-values" => Kind::Csv,
            sheet if sheet.contains("excel") || sheet.contains("spreadsheet") => Kind::Other,
            part if part.starts_with("image/")
                || part.starts_with("font/")
                || part == "text/css"
                || part.ends_with("javascript") =>
            {
                Kind::Static
            }
            _ => Kind::Other,
        },
        attachment: header("content-disposition").contains("attachment")
            || kind.contains("excel")
            || kind.contains("spreadsheet")
            || kind.contains("text/csv"),
        ..Answer::default()
    };
    let Some(bytes) = sample.answer.filter(|bytes| !bytes.is_empty()) else {
        return answer;
    };
    if bytes.len() > LONGEST_ANSWER {
        answer.unread = true;
        return answer;
    }
    match answer.kind {
        Kind::Json => match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => {
                walk(&value, &mut String::new(), &mut answer);
                if answer.rows.is_empty() && value.is_object() && !answer.values.is_empty() {
                    answer.rows.push(String::new());
                }
                answer.json = Some(value);
            }
            Err(_) => answer.unread = true,
        },
        Kind::Csv => match std::str::from_utf8(bytes) {
            Ok(text) => separated(text, &mut answer),
            Err(_) => answer.unread = true,
        },
        _ => {}
    }
    answer
}

/// Values by path; arrays add no segment. Keys that no program would choose are left out: they may be values.
fn walk(value: &Value, path: &mut String, answer: &mut Answer) {
    if answer.values.len() >= MOST_VALUES {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in map
                .iter()
                .filter(|(key, _)| is_name(key))
                .take(MOST_ELEMENTS)
            {
                let length = path.len();
                path.push('/');
                path.push_str(key);
                walk(inner, path, answer);
                path.truncate(length);
            }
        }
        Value::Array(list) => {
            if list.first().is_some_and(Value::is_object)
                && !answer.rows.contains(path)
                && answer.rows.len() < 8
            {
                let nested = answer
                    .rows
                    .iter()
                    .any(|outer| path.starts_with(outer.as_str()));
                if !nested {
                    answer.rows.push(path.clone());
                }
            }
            for inner in list.iter().take(MOST_ELEMENTS) {
                walk(inner, path, answer);
            }
        }
        Value::String(text) if text.len() <= LONGEST_VALUE => {
            answer.values.push((path.clone(), text.clone()));
        }
        Value::Number(number) => answer.values.push((path.clone(), number.to_string())),
        _ => {}
    }
}

/// Comma-separated values with a line of titles. Good enough to learn from: a quoted line break spoils one row.
fn separated(text: &str, answer: &mut Answer) {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let titles: Vec<String> = lines
        .next()
        .map(cells)
        .unwrap_or_default()
        .into_iter()
        .map(|title| title.trim().to_owned())
        .collect();
    for line in lines.take(MOST_ELEMENTS) {
        for (title, value) in titles.iter().zip(cells(line)) {
            if is_name(title) && value.len() <= LONGEST_VALUE && answer.values.len() < MOST_VALUES {
                answer.values.push((format!("/{title}"), value));
            }
        }
    }
}

fn cells(line: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' | ';' | '\t' if !quoted => found.push(String::new()),
            letter => {
                if let Some(last) = found.last_mut() {
                    last.push(letter);
                }
            }
        }
    }
    found
}
