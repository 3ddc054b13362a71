//! Notices what a request's values look like. It only notices: refusing is the policy's business.
//!
//! This is the seam for the SecLang engine: another inspector implements [`Inspector`] and is given to the gateway
//! beside this one.

use hudun_core::{Signal, SignalKind};
use hudun_profile::RequestView;
use serde_json::Value;

/// Most signals of one request.
const MOST_SIGNALS: usize = 16;
/// Most values of one request that are looked at.
const MOST_VALUES: usize = 2_000;

/// Looks at a request and says what it noticed.
pub trait Inspector: Send + Sync {
    /// Signals, the gravest first.
    fn inspect(&self, view: &RequestView) -> Vec<Signal>;
}

/// libinjection over every value, and path traversal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Injections;

impl Inspector for Injections {
    fn inspect(&self, view: &RequestView) -> Vec<Signal> {
        let mut found = Found::default();
        for (name, value) in &view.query {
            found.look(value, || format!("query:{}", cut(name)));
        }
        for (name, value) in view.body.form() {
            found.look(value, || format!("form:{}", cut(name)));
        }
        for file in view.body.files() {
            found.look(&file.name, || format!("file:{}", cut(&file.field)));
        }
        if let Some(body) = view.body.json() {
            found.walk(body, &mut String::new(), 0);
        }
        found.signals
    }
}

#[derive(Default)]
struct Found {
    signals: Vec<Signal>,
    looked: usize,
}

impl Found {
    fn look(&mut self, value: &str, place: impl Fn() -> String) {
        // Nothing that short, and no plain word or number, is an attack.
        if value.len() < 3
            || self.signals.len() >= MOST_SIGNALS
            || self.looked >= MOST_VALUES
            || value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        {
            return;
        }
        self.looked += 1;
        if let Some(mark) = hudun_policy::is_sqli(value) {
            self.push(SignalKind::Sqli, place(), mark);
        }
        if hudun_policy::is_xss(value) {
            self.push(SignalKind::Xss, place(), "libinjection".to_owned());
        }
        if hudun_policy::traverses(value) {
            self.push(SignalKind::Traversal, place(), "dot-dot".to_owned());
        }
    }

    fn walk(&mut self, value: &Value, at: &mut String, depth: usize) {
        if depth > 32 {
            return;
        }
        let here = at.len();
        match value {
            Value::String(text) => self.look(text, || format!("json:{at}")),
            Value::Array(list) => {
                for (index, inner) in list.iter().enumerate() {
                    at.push_str(&format!("/{index}"));
                    self.walk(inner, at, depth + 1);
                    at.truncate(here);
                }
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    at.push('/');
                    at.push_str(cut(key));
                    self.walk(inner, at, depth + 1);
                    at.truncate(here);
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: SignalKind, place: String, mark: String) {
        self.signals.push(Signal { kind, place, mark });
    }
}

/// A name for a record: cut, since an attacker chooses it.
fn cut(name: &str) -> &str {
    match name.char_indices().nth(60) {
        Some((at, _)) => &name[..at],
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injection_is_noticed_where_it_stands() {
        let mut view = RequestView::new(
            "POST",
            "/api/customer",
            Some("search=%27%20OR%201%3D1--%20&page=1"),
            vec![("content-type".to_owned(), "application/json".to_owned())],
        )
        .unwrap();
        view.read_body(br#"{"a":{"b":["ok","<script>alert(1)</script>"]},"f":"../../etc/passwd"}"#)
            .unwrap();
        let found: Vec<_> = Injections
            .inspect(&view)
            .into_iter()
            .map(|signal| (signal.kind, signal.place))
            .collect();
        assert!(
            found.contains(&(SignalKind::Sqli, "query:search".to_owned())),
            "{found:?}"
        );
        assert!(
            found.contains(&(SignalKind::Xss, "json:/a/b/1".to_owned())),
            "{found:?}"
        );
        assert!(
            found.contains(&(SignalKind::Traversal, "json:/f".to_owned())),
            "{found:?}"
        );
    }

    #[test]
    fn ordinary_values_are_left_alone() {
        let query =
            "search=%E5%BC%A0%E4%B8%89&page=1&size=20&q=O%27Brien&t=2026-11-23T08%3A00%3A00Z";
        let view = RequestView::new("GET", "/", Some(query), vec![]).unwrap();
        assert_eq!(Injections.inspect(&view), []);
    }
}
