//! OpenVEX: statements of a product's maker on vulnerabilities. Each statement is a record.

use serde::Deserialize;

use super::csaf::split_purl;
use super::json::{Text, each, or_null};
use super::{Out, clean};
use crate::cpe::Cpe;
use crate::record::{Affected, Bound, Range, Record, Source, Status};

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<Document>(bytes, &[], out, |document, place, out| {
        if !document.context.starts_with("https://openvex.dev/ns") {
            return out.refuse(place, "its @context is not https://openvex.dev/ns");
        }
        for (at, statement) in document.statements.iter().enumerate() {
            let place = format!("{place}statements[{at}]");
            match record(statement, &document, out) {
                Ok(record) => out.record(place, record),
                Err(reason) => out.refuse(place, reason),
            }
        }
    });
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    #[serde(default)]
    author: Text,
    timestamp: Option<String>,
    last_updated: Option<String>,
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    timestamp: Option<String>,
    last_updated: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    products: Vec<Product>,
    status: String,
    #[serde(default, deserialize_with = "or_null")]
    status_notes: String,
    justification: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    impact_statement: String,
    #[serde(default, deserialize_with = "or_null")]
    action_statement: String,
}

/// A text before version 0.2 of the specification, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Object {
        #[serde(default, deserialize_with = "or_null")]
        name: String,
        #[serde(rename = "@id", default, deserialize_with = "or_null")]
        id: String,
        #[serde(default, deserialize_with = "or_null")]
        description: String,
        #[serde(default, deserialize_with = "or_null")]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Name(String),
    Object {
        #[serde(rename = "@id", default, deserialize_with = "or_null")]
        id: String,
        #[serde(default, deserialize_with = "or_null")]
        identifiers: Identifiers,
        #[serde(default, deserialize_with = "or_null")]
        subcomponents: Vec<Self>,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identifiers {
    purl: Option<String>,
    cpe22: Option<String>,
    cpe23: Option<String>,
}

fn record(statement: &Statement, document: &Document, out: &mut Out<'_>) -> Result<Record, String> {
    let status = match statement.status.as_str() {
        "affected" => Status::Affected,
        "fixed" | "not_affected" => Status::Unaffected,
        "under_investigation" => Status::Unknown,
        other => {
            return Err(format!(
                "its status {:?} is not known",
                clean::line(other, 60)
            ));
        }
    };
    let (name, aliases, description) = match &statement.vulnerability {
        Vulnerability::Name(name) => (name.clone(), Vec::new(), String::new()),
        Vulnerability::Object {
            name,
            id,
            description,
            aliases,
        } => {
            let tail = id.rsplit('/').next().unwrap_or(id);
            let name = if name.is_empty() { tail } else { name };
            (name.to_owned(), aliases.clone(), description.clone())
        }
    };
    let mut record = Record {
        id: name,
        aliases,
        source: Source::OpenVex,
        published: clean::time(
            statement
                .timestamp
                .as_deref()
                .or(document.timestamp.as_deref()),
            out,
        ),
        modified: clean::time(
            statement
                .last_updated
                .as_deref()
                .or(document.last_updated.as_deref()),
            out,
        ),
        summary: [
            description.as_str(),
            &statement.status_notes,
            &statement.impact_statement,
        ]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n"),
        remediation: statement.action_statement.clone(),
        ..Record::default()
    };
    if statement.products.is_empty() {
        return Err("it names no product".to_owned());
    }
    for product in &statement.products {
        let mut affected = affected(product, status, &document.author, out);
        if affected.product.is_empty() && affected.purl.is_none() && affected.cpes.is_empty() {
            return Err("a product of it has no name".to_owned());
        }
        if status == Status::Unaffected {
            affected.justification.clone_from(&statement.justification);
        }
        record.affected.push(affected);
    }
    Ok(record)
}

/// The tag of an image: `1.4` of `pkg:oci/crm?repository_url=reg.example/crm&tag=1.4`.
fn tag(purl: &str) -> Option<String> {
    let image = purl.starts_with("pkg:oci/") || purl.starts_with("pkg:docker/");
    let (_, qualifiers) = purl.split('#').next()?.split_once('?')?;
    let mut tags = qualifiers
        .split('&')
        .filter_map(|one| one.strip_prefix("tag="));
    tags.next()
        .filter(|tag| image && !tag.is_empty())
        .map(super::csaf::unescaped)
}

fn affected(product: &Product, status: Status, author: &str, out: &mut Out<'_>) -> Affected {
    let (id, identifiers, subcomponents) = match product {
        Product::Name(id) => (id.as_str(), None, &[][..]),
        Product::Object {
            id,
            identifiers,
            subcomponents,
        } => (id.as_str(), Some(identifiers), subcomponents.as_slice()),
    };
    let named = identifiers.and_then(|identifiers| identifiers.purl.as_deref());
    let purl = named.or_else(|| Some(id).filter(|id| id.starts_with("pkg:")));
    let cpe: Option<Cpe> = identifiers
        .and_then(|identifiers| {
            identifiers
                .cpe23
                .as_deref()
                .or(identifiers.cpe22.as_deref())
        })
        .and_then(|text| clean::cpe(text, out));
    let (purl, version) = match purl.map(|text| (split_purl(text), text)) {
        // An image without a digest is meant with its tag, and no other.
        Some(((purl, version), text)) => (Some(purl), version.or_else(|| tag(text))),
        None => (None, cpe.as_ref().and_then(Cpe::release)),
    };
    let mut affected = Affected {
        giver: author.to_owned(),
        product: id.to_owned(),
        purl,
        cpes: cpe.into_iter().collect(),
        subcomponents: subcomponents
            .iter()
            .map(|part| match part {
                Product::Name(id) => id.clone(),
                Product::Object {
                    id, identifiers, ..
                } => identifiers.purl.clone().unwrap_or_else(|| id.clone()),
            })
            .collect(),
        ..Affected::default()
    };
    match version {
        Some(version) if status == Status::Affected => affected.versions.push(version),
        Some(version) => affected.ranges.push(Range {
            lower: Bound::Including(version.clone()),
            upper: Bound::Including(version),
            ..Range::all(status)
        }),
        // No version: the product as such.
        None => affected.ranges.push(Range::all(status)),
    }
    affected
}
