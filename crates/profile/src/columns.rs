//! The columns that a request asks for.

use serde_json::Value;

use crate::{Columns, RequestView};

/// Most columns that are read.
const MOST: usize = 1_000;

impl Columns {
    /// The columns of the answer and whether its first row holds titles; `None` when the request names none.
    pub fn read(&self, view: &RequestView) -> Option<(Vec<String>, bool)> {
        let names = values(&self.names, view);
        if names.is_empty() {
            return None;
        }
        let header = self
            .header
            .as_ref()
            .and_then(|place| values(place, view).pop())
            .map_or(self.header_by_default, |text| {
                !matches!(text.as_str(), "" | "0" | "false")
            });
        Some((names, header))
    }
}

fn values(place: &str, view: &RequestView) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    if let Some(name) = place.strip_prefix("query:") {
        return view
            .query_values(name)
            .take(MOST)
            .map(str::to_owned)
            .collect();
    }
    match place.strip_prefix("json:").and_then(|at| view.json_at(at)) {
        Some(Value::Array(list)) => list.iter().take(MOST).map(text).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(value) => vec![text(value)],
    }
}
