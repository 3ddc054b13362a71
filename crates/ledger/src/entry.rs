//! One line of the log: who did what, when, for which tenant and incident.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::merkle::{Hash, leaf_hash};

/// What a caller puts down. The log adds the number and the incident's chain.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// When it happened, milliseconds since 1970 in UTC.
    pub at: i64,
    /// Whose matter it is.
    pub tenant: String,
    /// The incident that it belongs to, if any.
    pub incident: Option<String>,
    /// Who acted: a person's account, or `hudun`.
    pub actor: String,
    /// What was done, such as `containment.isolate`.
    pub kind: String,
    /// The particulars.
    pub body: Value,
}

/// What stands in the log, to the byte: its RFC 8785 form is the Merkle leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The number in the log, from 0.
    pub seq: u64,
    /// When it happened, milliseconds since 1970 in UTC.
    pub at: i64,
    /// Whose matter it is.
    pub tenant: String,
    /// The incident that it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The number among the incident's entries, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_seq: Option<u64>,
    /// The id of the incident's entry before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_prev: Option<String>,
    /// Who acted.
    pub actor: String,
    /// What was done.
    pub kind: String,
    /// The particulars.
    pub body: Value,
}

/// Why something can't be an entry.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum EntryError {
    /// A name is empty, longer than 256 bytes, or holds control characters.
    #[error("field {field} is empty, longer than 256 bytes, or holds control characters")]
    Field {
        /// Which field.
        field: &'static str,
    },
    /// A number that JSON readers would round (beyond 2^53).
    #[error(
        "number {number} at {path} is beyond 2^53 and would be rounded by other readers; write it as text"
    )]
    Number {
        /// JSON pointer within the entry.
        path: String,
        /// The number.
        number: String,
    },
    /// Nested deeper than 64.
    #[error("the body is nested deeper than 64 levels")]
    Depth,
    /// Longer than 1 MiB in canonical form.
    #[error(
        "the entry has {0} bytes; at most 1 MiB is kept in an entry, larger things are attached by hash"
    )]
    Size(usize),
    /// Not a JSON object with exactly an entry's fields.
    #[error("not an entry: {0}")]
    Json(String),
    /// The fields are right, but the bytes are not their RFC 8785 form.
    #[error("not in canonical form (RFC 8785): first difference at byte {0}")]
    NotCanonical(usize),
    /// `incident`, `incident_seq` and `incident_prev` don't go together.
    #[error("the incident's chain fields don't go together")]
    Chain,
}

impl Entry {
    /// Reads one line without its line end. Only the canonical form is taken.
    pub fn parse(line: &[u8]) -> Result<Self, EntryError> {
        if line.len() > MAX_ENTRY {
            return Err(EntryError::Size(line.len()));
        }
        let entry: Self =
            serde_json::from_slice(line).map_err(|e| EntryError::Json(e.to_string()))?;
        let canonical = entry.canonical()?;
        if canonical != line {
            let same = canonical
                .iter()
                .zip(line)
                .take_while(|(a, b)| a == b)
                .count();
            return Err(EntryError::NotCanonical(same));
        }
        Ok(entry)
    }

    /// The RFC 8785 form: the bytes that are hashed and stored.
    pub fn canonical(&self) -> Result<Vec<u8>, EntryError> {
        let names = [
            ("tenant", &self.tenant),
            ("actor", &self.actor),
            ("kind", &self.kind),
        ];
        let incident = self
            .incident
            .as_ref()
            .map(|incident| ("incident", incident));
        for (field, text) in names.into_iter().chain(incident) {
            if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
                return Err(EntryError::Field { field });
            }
        }
        let chained = match (self.incident_seq, &self.incident_prev) {
            (Some(0), None) => self.incident.is_some(),
            (Some(1..), Some(prev)) => self.incident.is_some() && is_hash(prev),
            (None, None) => self.incident.is_none(),
            _ => false,
        };
        if !chained {
            return Err(EntryError::Chain);
        }
        for (path, number) in [("/seq", self.seq), ("/at", self.at.unsigned_abs())] {
            if number > MAX_INTEGER {
                return Err(EntryError::Number {
                    path: path.to_owned(),
                    number: number.to_string(),
                });
            }
        }
        check_value(&self.body, &mut String::from("/body"), 0)?;
        let bytes = serde_jcs::to_vec(self).map_err(|e| EntryError::Json(e.to_string()))?;
        if bytes.len() > MAX_ENTRY {
            Err(EntryError::Size(bytes.len()))
        } else {
            Ok(bytes)
        }
    }

    /// The entry's id: its Merkle leaf hash.
    pub fn id(&self) -> Result<Hash, EntryError> {
        Ok(leaf_hash(&self.canonical()?))
    }
}

/// Refuses what other JSON readers would not read the same.
fn check_value(value: &Value, path: &mut String, depth: usize) -> Result<(), EntryError> {
    if depth > MAX_DEPTH {
        return Err(EntryError::Depth);
    }
    let length = path.len();
    match value {
        Value::Number(number) => {
            let whole = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs));
            let exact = whole.map_or_else(
                || {
                    number.as_f64().is_some_and(|f| {
                        f.is_finite() && (f.fract() != 0.0 || f.abs() <= MAX_INTEGER as f64)
                    })
                },
                |whole| whole <= MAX_INTEGER,
            );
            if !exact {
                return Err(EntryError::Number {
                    path: path.clone(),
                    number: number.to_string(),
                });
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                path.push_str(&format!("/{n}"));
                check_value(item, path, depth + 1)?;
                path.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push('/');
                path.push_str(name);
                check_value(field, path, depth + 1)?;
                path.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The longest entry in canonical form.
pub(crate) const MAX_ENTRY: usize = 1 << 20;
const MAX_DEPTH: usize = 64;
const MAX_INTEGER: u64 = 1 << 53;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn entry(body: Value) -> Entry {
        Entry {
            seq: 3,
            at: 1_700_000_000_000,
            tenant: "t1".into(),
            incident: Some("INC-1".into()),
            incident_seq: Some(0),
            incident_prev: None,
            actor: "hudun".into(),
            kind: "alert.raised".into(),
            body,
        }
    }

    #[test]
    fn the_canonical_form_is_stable() {
        let entry = entry(
            json!({"b": 1.0, "a": "护盾 \u{1F6E1}", "é": [true, null, -0.0, 1e21 / 1e21, 0.1]}),
        );
        let bytes = entry.canonical().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "{\"actor\":\"hudun\",\"at\":1700000000000,\"body\":{\"a\":\"护盾 🛡\",\"b\":1,\"é\":[true,null,0,1,0.1]},\
             \"incident\":\"INC-1\",\"incident_seq\":0,\"kind\":\"alert.raised\",\"seq\":3,\"tenant\":\"t1\"}"
        );
        assert_eq!(Entry::parse(&bytes).unwrap().canonical().unwrap(), bytes);
    }

    #[test]
    fn what_others_would_read_differently_is_refused() {
        let number = entry(json!({"list": [9_007_199_254_740_993_u64]})).canonical();
        assert!(matches!(number, Err(EntryError::Number { path, .. }) if path == "/body/list/0"));
        assert!(matches!(
            entry(json!(1e300)).canonical(),
            Err(EntryError::Number { .. })
        ));
        let mut deep = json!(1);
        for _ in 0..70 {
            deep = json!([deep]);
        }
        assert_eq!(entry(deep).canonical(), Err(EntryError::Depth));
        assert!(matches!(
            entry(json!("x".repeat(MAX_ENTRY))).canonical(),
            Err(EntryError::Size(_))
        ));
        let mut blank = entry(json!({}));
        blank.actor = String::new();
        assert_eq!(blank.canonical(), Err(EntryError::Field { field: "actor" }));
        let text = String::from_utf8(entry(json!({"a": 1})).canonical().unwrap()).unwrap();
        for bent in [
            text.replace("{\"a\":1}", "{\"a\":1,\"a\":1}"),
            text.replace(":1}", ": 1}"),
            text.replace("\"seq\"", "\"s\\u0065q\""),
        ] {
            assert!(
                matches!(
                    Entry::parse(bent.as_bytes()),
                    Err(EntryError::NotCanonical(_))
                ),
                "{bent}"
            );
        }
        assert!(matches!(
            Entry::parse(text.replace("\"seq\":3", "\"seq\":3,\"x\":1").as_bytes()),
            Err(EntryError::Json(_))
        ));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(1i64 << 53)..=1i64 << 53).prop_map(Value::from),
            (-1e6..1e6f64).prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..5).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_body_survives(body in values()) {
            let bytes = entry(body).canonical().unwrap();
            let again = Entry::parse(&bytes).unwrap();
            prop_assert_eq!(again.canonical().unwrap(), bytes);
        }

        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Entry::parse(&bytes);
        }
    }
}
