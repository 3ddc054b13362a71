//! The persons whom a request names: those that a write changes, though no answer may ever show them; and the account of the
//! staff that it is about.

use std::collections::HashSet;

use hudun_core::AccountId;
use serde_json::Value;

use crate::resolve::{Resolution, ResolvedRoute};
use crate::{Profile, RequestView};

/// Persons of one request that are counted.
const MOST_TOUCHED: usize = 2_000;

impl Profile {
    /// The persons whom a request names by the `touches` of its routes, each once and in order: name space and key. At most
    /// 2,000; the number tells how many were left out.
    pub fn touched(
        &self,
        resolution: &Resolution,
        view: &RequestView,
    ) -> (Vec<(&str, String)>, usize) {
        let mut found: Vec<(&str, String)> = Vec::new();
        let mut seen = HashSet::new();
        let mut left_out = 0;
        for resolved in &resolution.routes {
            let Some(route) = resolved.at.and_then(|at| self.routes.get(at)) else {
                continue;
            };
            let space = self
                .fields_of(route)
                .and_then(|fields| fields.namespace.as_deref());
            let space = space.unwrap_or("customer");
            for place in &route.touches {
                touched_at(place, resolved, view, &mut |key| {
                    if key.is_empty() || key.len() > 128 || !seen.insert((space, key.clone())) {
                        return;
                    }
                    if found.len() < MOST_TOUCHED {
                        found.push((space, key));
                    } else {
                        left_out += 1;
                    }
                });
            }
        }
        (found, left_out)
    }
}

impl Profile {
    /// The account of the staff that a request is about, by the `about` of its routes.
    pub fn about(&self, resolution: &Resolution, view: &RequestView) -> Option<AccountId> {
        resolution.routes.iter().find_map(|resolved| {
            let place = self.routes.get(resolved.at?)?.about.as_deref()?;
            let mut found = None;
            touched_at(place, resolved, view, &mut |name| {
                found = found.take().or_else(|| name.parse().ok());
            });
            found
        })
    }
}

/// The keys of persons at one place of a request.
fn touched_at(
    place: &str,
    resolved: &ResolvedRoute,
    view: &RequestView,
    found: &mut dyn FnMut(String),
) {
    let Some((kind, name)) = place.split_once(':') else {
        return;
    };
    match kind {
        "path" => {
            for (key, value) in &resolved.params {
                if key == name {
                    found(value.clone());
                }
            }
        }
        "query" => listed(view.query_values(name), found),
        "form" => listed(view.form_values(name), found),
        "json" => {
            if let Some(value) = view.json_at(name) {
                keys_of(value, 3, found);
            }
        }
        _ => {}
    }
}

/// Parameters that may stand several times, or hold a list between commas.
fn listed<'a>(values: impl Iterator<Item = &'a str>, found: &mut dyn FnMut(String)) {
    for key in values.flat_map(|value| value.split(',')) {
        found(key.trim().to_owned());
    }
}

fn keys_of(value: &Value, deep: u8, found: &mut dyn FnMut(String)) {
    match value {
        Value::String(text) => found(text.trim().to_owned()),
        Value::Number(number) => found(number.to_string()),
        Value::Array(list) if deep > 0 => {
            for inner in list {
                keys_of(inner, deep - 1, found);
            }
        }
        _ => {}
    }
}
