//! CycloneDX 1.x: components, nested ones too, with purl, CPE and version. Services, hashes and licences take no part.

use serde::Deserialize;

use super::json::{self, Text};
use super::xml::{self, Node};
use super::{Found, Out, Reason, cut};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Bom {
    #[serde(rename = "bomFormat")]
    format: Text,
    #[serde(rename = "specVersion")]
    version: Text,
    metadata: Option<Metadata>,
    components: Option<Vec<Part>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    component: Option<Part>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Part {
    group: Text,
    name: Text,
    version: Text,
    purl: Text,
    cpe: Text,
    components: Option<Vec<Self>>,
    evidence: Option<Evidence>,
    properties: Option<Vec<Property>>,
}

/// Where a tool saw it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Evidence {
    occurrences: Option<Vec<Occurrence>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Occurrence {
    location: Text,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Property {
    name: Text,
    value: Text,
}

pub(super) fn from_json(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let bom: Bom = json::read(text)?;
    if !bom
        .format
        .as_deref()
        .is_some_and(|format| format.eq_ignore_ascii_case("CycloneDX"))
    {
        return Err(Reason::Unsupported(
            "its bomFormat is not CycloneDX".to_owned(),
        ));
    }
    match bom.version.as_deref() {
        Some(version) if version.starts_with("1.") => {}
        other => {
            return Err(Reason::Unsupported(format!(
                "CycloneDX {:?} is not known: 1.x is",
                cut(other.unwrap_or_default())
            )));
        }
    }
    if let Some(part) = bom.metadata.and_then(|metadata| metadata.component) {
        take_json(&part, "metadata.component", out);
    }
    for (at, part) in bom.components.iter().flatten().enumerate() {
        take_json(part, &format!("components[{at}]"), out);
    }
    Ok(())
}

/// Nesting is bounded by the parser.
fn take_json(part: &Part, at: &str, out: &mut Out<'_>) {
    for (name, field) in [
        ("version", &part.version),
        ("purl", &part.purl),
        ("cpe", &part.cpe),
        ("group", &part.group),
    ] {
        if *field == Text::Odd {
            out.refuse(at, Reason::BadField(name));
        }
    }
    // The file that a tool saw it in says more than the number of the entry.
    let seen = part.evidence.as_ref().and_then(|evidence| {
        let first = evidence.occurrences.as_ref()?.first()?;
        first.location.as_deref()
    });
    let seen = seen.map(cut_place);
    let property = |wanted: &str| {
        let all = part.properties.iter().flatten();
        all.into_iter()
            .find(|one| one.name.is(wanted))
            .and_then(|one| one.value.as_deref())
            .filter(|value| super::identity::fit(value))
    };
    let built_from = property(super::write::BUILT_FROM).map(|name| super::BuiltFrom {
        name: name.to_owned(),
        version: property(super::write::BUILT_FROM_VERSION).map(str::to_owned),
    });
    let ecosystem = property(super::write::ECOSYSTEM).and_then(super::write::ecosystem);
    let nested = at;
    let at = seen.as_deref().unwrap_or(at);
    take(
        ecosystem,
        built_from,
        part.group.as_deref(),
        part.name.as_deref(),
        part.version.as_deref(),
        part.purl.as_deref(),
        part.cpe.as_deref(),
        at,
        out,
    );
    for (place, inner) in part.components.iter().flatten().enumerate() {
        take_json(inner, &format!("{nested}.components[{place}]"), out);
    }
}

pub(super) fn from_xml(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let root = xml::tree(text)?;
    if &*root.name != "bom" {
        return Err(Reason::Unsupported(format!(
            "its root is {:?} and not bom",
            cut(&root.name)
        )));
    }
    if let Some(node) = root
        .child("metadata")
        .and_then(|node| node.child("component"))
    {
        take_xml(node, "metadata.component", out);
    }
    let components = root
        .all("components")
        .flat_map(|node| node.all("component"));
    for (at, node) in components.enumerate() {
        take_xml(node, &format!("components[{at}]"), out);
    }
    Ok(())
}

/// Nesting is bounded by the reader.
fn take_xml(node: &Node, at: &str, out: &mut Out<'_>) {
    take(
        None,
        None,
        node.text_of("group"),
        node.text_of("name"),
        node.text_of("version"),
        node.text_of("purl"),
        node.text_of("cpe"),
        at,
        out,
    );
    let inner = node
        .all("components")
        .flat_map(|node| node.all("component"));
    for (place, inner) in inner.enumerate() {
        take_xml(inner, &format!("{at}.components[{place}]"), out);
    }
}

/// A place as another tool wrote it.
fn cut_place(text: &str) -> String {
    let shown = |letter: char| {
        if letter.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            letter
        }
    };
    text.chars().take(super::MOST_PLACE).map(shown).collect()
}

#[allow(clippy::too_many_arguments)]
fn take(
    ecosystem: Option<&'static str>,
    built_from: Option<super::BuiltFrom>,
    group: Option<&str>,
    name: Option<&str>,
    version: Option<&str>,
    purl: Option<&str>,
    cpe: Option<&str>,
    at: &str,
    out: &mut Out<'_>,
) {
    let stated = |text: &&str| !text.trim().is_empty();
    let name = name.filter(stated).unwrap_or_default();
    out.take(
        at,
        Found {
            name: match group.filter(stated) {
                Some(group) if !name.is_empty() => format!("{}/{name}", group.trim()),
                _ => name.to_owned(),
            },
            version: version.map(str::to_owned),
            purl: purl.filter(stated).map(|purl| Ok(purl.to_owned())),
            cpes: cpe
                .filter(stated)
                .map(|cpe| cpe.trim().to_owned())
                .into_iter()
                .collect(),
            ecosystem,
            built_from,
        },
    );
}
