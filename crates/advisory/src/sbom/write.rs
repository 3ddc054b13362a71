//! An inventory as CycloneDX 1.6, which [`super::Inventory::add`] reads back to the same components.

use serde_json::{Map, Value, json};

use super::Inventory;

pub(super) const BUILT_FROM: &str = "hudun:built-from";
pub(super) const BUILT_FROM_VERSION: &str = "hudun:built-from-version";
pub(super) const ECOSYSTEM: &str = "hudun:ecosystem";

/// What a document says of itself. The time is the caller's: this crate has no clock.
#[derive(Clone, Debug, Default)]
pub struct Document<'a> {
    /// When it was made, as RFC 3339.
    pub timestamp: Option<&'a str>,
    /// The version of the program that made it.
    pub tool_version: &'a str,
    /// What was scanned.
    pub root: Option<&'a str>,
    /// The distribution.
    pub distro: Option<&'a str>,
    /// It does not hold all that is there.
    pub incomplete: bool,
}

/// Writes it. A component's place is its evidence; of several CPE names CycloneDX takes the first.
pub fn cyclonedx(inventory: &Inventory, document: &Document<'_>) -> Value {
    let components: Vec<Value> = inventory
        .components
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let mut part = Map::new();
            let mut put = |name: &str, value: Value| {
                part.insert(name.to_owned(), value);
            };
            put("type", json!("library"));
            put("bom-ref", json!(format!("component-{at}")));
            put("name", json!(one.name));
            if let Some(version) = &one.version {
                put("version", json!(version));
            }
            if let Some(cpe) = one.cpes.first() {
                put("cpe", json!(cpe));
            }
            if let Some(purl) = &one.purl {
                put("purl", json!(purl));
            }
            put(
                "evidence",
                json!({ "occurrences": [{ "location": one.where_found }] }),
            );
            let mut properties = Vec::new();
            let mut tell = |name: &str, value: &str| {
                properties.push(json!({ "name": name, "value": value }));
            };
            if let Some(built) = &one.built_from {
                tell(BUILT_FROM, &built.name);
                if let Some(version) = &built.version {
                    tell(BUILT_FROM_VERSION, version);
                }
            }
            // A purl says it, and nothing else in the format does.
            if let (None, Some(ecosystem)) = (&one.purl, &one.ecosystem) {
                tell(ECOSYSTEM, ecosystem);
            }
            if !properties.is_empty() {
                put("properties", Value::Array(properties));
            }
            Value::Object(part)
        })
        .collect();
    let told = [
        ("hudun:root", document.root),
        ("hudun:distro", document.distro),
        ("hudun:incomplete", document.incomplete.then_some("true")),
    ];
    let properties: Vec<Value> = told
        .into_iter()
        .filter_map(|(name, value)| Some(json!({ "name": name, "value": value? })))
        .collect();
    let mut metadata = json!({
        "tools": { "components": [{ "type": "application", "name": "hudun", "version": document.tool_version }] },
        "properties": properties,
    });
    if let Some(timestamp) = document.timestamp {
        metadata["timestamp"] = json!(timestamp);
    }
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
    })
}

/// The purl types that a component without a purl may be of.
pub(super) fn ecosystem(text: &str) -> Option<&'static str> {
    const ALL: [&str; 13] = [
        "npm", "composer", "pypi", "cargo", "golang", "maven", "deb", "apk", "rpm", "nuget", "gem",
        "hex", "pub",
    ];
    ALL.into_iter().find(|one| *one == text)
}
