//! What a request names beside its path.

use hudun_profile::RequestView;
use serde_json::Value;

use crate::names::{ROUTING, is_name, routes_by};

/// Most calls of one batch.
const MOST: usize = 20;

/// The part of a request that names its function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    /// Method and path.
    Path,
    /// A query or form parameter.
    Param {
        /// Its name.
        name: &'static str,
        /// Its value, a word of the program.
        value: String,
    },
    /// The method of JSON-RPC or XML-RPC.
    Rpc(String),
    /// A model at a pointer of the body, with its method.
    Model {
        /// Where it stands.
        at: &'static str,
        /// The model.
        model: String,
        /// Where its method stands.
        method_at: &'static str,
        /// The method.
        method: String,
    },
}

/// The calls of a request; one for each of a batch.
pub(crate) fn calls(view: &RequestView) -> Vec<Call> {
    let found: Vec<Call> = match view.body.json() {
        Some(Value::Array(batch)) => batch.iter().take(MOST).filter_map(rpc).collect(),
        Some(body) => rpc(body).into_iter().collect(),
        None => Vec::new(),
    };
    if !found.is_empty() {
        return found;
    }
    let last = view.path.segments().last().map(String::as_str);
    let mut believed = ROUTING.iter().filter(|name| routes_by(name, last));
    let param = believed.find_map(|name| {
        let mut values = view.query_values(name).chain(view.form_values(name));
        let value = values.next()?;
        (is_name(value) && value.starts_with(|first: char| first.is_ascii_alphabetic())).then(
            || Call::Param {
                name,
                value: value.to_owned(),
            },
        )
    });
    vec![param.unwrap_or(Call::Path)]
}

fn rpc(body: &Value) -> Option<Call> {
    let named = |pointer: &str| {
        let text = body.pointer(pointer)?.as_str()?;
        is_name(text).then(|| text.to_owned())
    };
    for (at, method_at) in [
        ("/params/model", "/params/method"),
        ("/params/args/3", "/params/args/4"),
        ("/params/3", "/params/4"),
    ] {
        if let (Some(model), Some(method)) = (named(at), named(method_at)) {
            return Some(Call::Model {
                at,
                model,
                method_at,
                method,
            });
        }
    }
    let method = named("/method")?;
    body.get("params").is_some().then_some(Call::Rpc(method))
}
