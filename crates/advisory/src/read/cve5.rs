//! CVE records, version 5: containers of the numbering authority and of those who add to it.

use serde::Deserialize;

use super::json::{Text, each, or_null};
use super::span::{self, everything, nothing, stretches};
use super::{Note, Out, clean, nvd};
use crate::record::{
    Affected, Bound, Change, Package, Range, Record, Source, Ssvc, Status, Vector,
};

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<Document>(bytes, &[], out, |document, place, out| {
        let Some(id) = clean::cve(&document.cve_metadata.cve_id) else {
            let id = clean::line(&document.cve_metadata.cve_id, 60);
            return out.refuse(
                place,
                format!("{id:?} in cveMetadata.cveId is no CVE number"),
            );
        };
        let place = if place.is_empty() {
            id.clone()
        } else {
            format!("{place}, {id}")
        };
        match record(id, document, out) {
            Ok(record) => out.record(place, record),
            Err(reason) => out.refuse(place, reason),
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    cve_metadata: Metadata,
    containers: Containers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    cve_id: String,
    #[serde(default, deserialize_with = "or_null")]
    state: String,
    date_published: Option<String>,
    date_updated: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    assigner_short_name: String,
}

#[derive(Deserialize)]
struct Containers {
    cna: Container,
    #[serde(default, deserialize_with = "or_null")]
    adp: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    provider_metadata: Option<Provider>,
    title: Option<Text>,
    #[serde(deserialize_with = "or_null")]
    descriptions: Vec<Description>,
    #[serde(deserialize_with = "or_null")]
    rejected_reasons: Vec<Description>,
    #[serde(deserialize_with = "or_null")]
    affected: Vec<Product>,
    #[serde(deserialize_with = "or_null")]
    cpe_applicability: Vec<nvd::Configuration>,
    #[serde(deserialize_with = "or_null")]
    metrics: Vec<Metric>,
    #[serde(deserialize_with = "or_null")]
    problem_types: Vec<Problem>,
    #[serde(deserialize_with = "or_null")]
    references: Vec<Reference>,
    #[serde(deserialize_with = "or_null")]
    solutions: Vec<Description>,
    #[serde(deserialize_with = "or_null")]
    workarounds: Vec<Description>,
    source: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Provider {
    #[serde(deserialize_with = "or_null")]
    short_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Description {
    #[serde(deserialize_with = "or_null")]
    lang: String,
    #[serde(deserialize_with = "or_null")]
    value: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Product {
    vendor: Text,
    product: Text,
    package_name: Option<Text>,
    #[serde(rename = "collectionURL")]
    collection_url: Option<Text>,
    #[serde(rename = "packageURL")]
    package_url: Option<Text>,
    #[serde(deserialize_with = "or_null")]
    cpes: Vec<Text>,
    #[serde(deserialize_with = "or_null")]
    platforms: Vec<Text>,
    default_status: Option<Text>,
    #[serde(deserialize_with = "or_null")]
    versions: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    version: Text,
    status: Text,
    less_than: Option<Text>,
    less_than_or_equal: Option<Text>,
    version_type: Option<Text>,
    #[serde(deserialize_with = "or_null")]
    changes: Vec<EntryChange>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EntryChange {
    at: Text,
    status: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metric {
    #[serde(rename = "cvssV2_0")]
    v2: Option<Cvss>,
    #[serde(rename = "cvssV3_0")]
    v30: Option<Cvss>,
    #[serde(rename = "cvssV3_1")]
    v31: Option<Cvss>,
    #[serde(rename = "cvssV4_0")]
    v4: Option<Cvss>,
    other: Option<Other>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Cvss {
    #[serde(deserialize_with = "or_null")]
    pub(super) vector_string: String,
}

#[derive(Deserialize)]
struct Other {
    #[serde(rename = "type", default, deserialize_with = "or_null")]
    kind: String,
    #[serde(default)]
    content: serde_json::Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(deserialize_with = "or_null")]
    descriptions: Vec<ProblemText>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ProblemText {
    cwe_id: Option<Text>,
    description: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    #[serde(deserialize_with = "or_null")]
    pub(super) url: String,
}

fn record(id: String, document: Document, out: &mut Out<'_>) -> Result<Record, String> {
    let meta = document.cve_metadata;
    let withdrawn = match meta.state.to_ascii_uppercase().as_str() {
        "PUBLISHED" => false,
        "REJECTED" => true,
        state => {
            return Err(format!(
                "its state {:?} is neither PUBLISHED nor REJECTED",
                clean::line(state, 60)
            ));
        }
    };
    let cna = document.containers.cna;
    let texts = if withdrawn {
        &cna.rejected_reasons
    } else {
        &cna.descriptions
    };
    let mut record = Record {
        id,
        source: Source::Cve5,
        published: clean::time(meta.date_published.as_deref(), out),
        modified: clean::time(meta.date_updated.as_deref(), out),
        withdrawn,
        title: cna
            .title
            .as_ref()
            .map(|title| title.0.clone())
            .unwrap_or_default(),
        summary: english(texts),
        aliases: advisories(cna.source.as_ref()),
        remediation: remediation(&cna),
        ..Record::default()
    };
    let giver = format!("cna:{}", named(&cna, &meta.assigner_short_name));
    container(cna, &giver, &mut record, out)?;
    for adp in document.containers.adp {
        let giver = format!("adp:{}", named(&adp, ""));
        container(adp, &giver, &mut record, out)?;
    }
    Ok(record)
}

fn named<'a>(container: &'a Container, otherwise: &'a str) -> &'a str {
    container
        .provider_metadata
        .as_ref()
        .map(|provider| provider.short_name.as_str())
        .filter(|name| !name.is_empty())
        .unwrap_or(otherwise)
}

fn container(
    given: Container,
    giver: &str,
    record: &mut Record,
    out: &mut Out<'_>,
) -> Result<(), String> {
    for product in given.affected {
        record.affected.push(affected(product, giver, out));
    }
    nvd::configurations(&given.cpe_applicability, giver, &mut record.affected, out)?;
    for metric in given.metrics {
        let vectors = [metric.v2, metric.v30, metric.v31, metric.v4];
        record
            .scores
            .extend(vectors.into_iter().flatten().map(|cvss| Vector {
                vector: cvss.vector_string,
                giver: giver.to_owned(),
            }));
        if let Some(other) = metric.other {
            opinion(&other, record);
        }
    }
    for text in given
        .problem_types
        .into_iter()
        .flat_map(|problem| problem.descriptions)
    {
        let named = text
            .cwe_id
            .map(|id| id.0)
            .or_else(|| cwe_in(&text.description));
        record.cwes.extend(named);
    }
    record
        .references
        .extend(given.references.into_iter().map(|reference| reference.url));
    Ok(())
}

/// The number in front of a text such as `CWE-79 Cross-site scripting`.
fn cwe_in(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix("CWE-")?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    (end > 0).then(|| format!("CWE-{}", digits.get(..end).unwrap_or_default()))
}

/// SSVC, "is exploited", and words for the severity.
fn opinion(other: &Other, record: &mut Record) {
    let field = |name: &str| other.content.get(name).and_then(serde_json::Value::as_str);
    match other.kind.to_ascii_lowercase().as_str() {
        "ssvc" => {
            let ssvc = record.ssvc.get_or_insert_with(Ssvc::default);
            let options = other
                .content
                .get("options")
                .and_then(serde_json::Value::as_array);
            let pairs = options
                .into_iter()
                .flatten()
                .filter_map(serde_json::Value::as_object)
                .flatten();
            for (name, value) in pairs {
                let value = value
                    .as_str()
                    .map(|value| clean::line(value, 60).to_lowercase());
                match name.to_ascii_lowercase().as_str() {
                    "exploitation" => ssvc.exploitation = value,
                    "automatable" => ssvc.automatable = value,
                    "technical impact" => ssvc.technical_impact = value,
                    _ => {}
                }
            }
        }
        "kev" => record.kev = true,
        _ if record.severity_word.is_none() => {
            record.severity_word = field("value").or_else(|| field("text")).map(str::to_owned);
        }
        _ => {}
    }
}

fn affected(product: Product, giver: &str, out: &mut Out<'_>) -> Affected {
    let cpes = product
        .cpes
        .iter()
        .filter_map(|text| clean::cpe(text, out))
        .collect();
    let filled = |text: Option<Text>| text.map(|text| text.0).filter(|text| !nothing(text));
    let package = filled(product.package_name).zip(filled(product.collection_url));
    let mut affected = Affected {
        giver: giver.to_owned(),
        vendor: product.vendor.0,
        product: product.product.0,
        purl: filled(product.package_url),
        package: package.map(|(name, collection)| Package {
            registry: registry(&collection),
            name,
        }),
        cpes,
        default: product.default_status.map(|word| status(&word, out)),
        platforms: product.platforms.into_iter().map(|text| text.0).collect(),
        ..Affected::default()
    };
    if product.versions.is_empty() && affected.default.is_none() {
        affected.ranges.push(Range::all(Status::Unknown));
    }
    for entry in product.versions {
        version(entry, &mut affected, out);
    }
    affected
}

/// One entry of `versions`.
fn version(entry: Entry, affected: &mut Affected, out: &mut Out<'_>) {
    let text = entry.version.trim();
    let status = status(&entry.status, out);
    let filled = |text: Option<Text>| {
        text.map(|text| text.0)
            .filter(|text| !text.trim().is_empty())
    };
    let version_type = filled(entry.version_type).map(|word| word.trim().to_ascii_lowercase());
    let changes: Vec<Change> = entry
        .changes
        .into_iter()
        .map(|change| Change {
            at: change.at.trim().to_owned(),
            status: self::status(&change.status, out),
        })
        .collect();
    let upper = match (filled(entry.less_than), filled(entry.less_than_or_equal)) {
        (None, None) => None,
        (Some(end), None) => Some(span::upper(&end, false)),
        (None, Some(end)) => Some(span::upper(&end, true)),
        (Some(one), Some(two)) => Some(Bound::Unreadable(format!("< {one}, <= {two}"))),
    };
    if let Some(upper) = upper {
        let lower = span::lower(text);
        let empty = matches!((&lower, &upper), (Bound::Including(one), Bound::Excluding(two)) if one == two);
        let plain = matches!(&lower, Bound::Including(version) if version == text) || text == "0";
        // From a version to before itself: the source meant something else, and nobody knows what.
        affected.ranges.push(if empty {
            out.note(Note::EmptyRange, 1);
            Range::unreadable(&format!("from {text} to before it"))
        } else {
            Range {
                lower,
                upper,
                status,
                version_type,
                changes,
                text: (!plain).then(|| text.to_owned()),
            }
        });
        return;
    }
    if !changes.is_empty() {
        // Changes without an end: from the version on.
        affected.ranges.push(Range {
            lower: span::lower(text),
            upper: Bound::Open,
            status,
            version_type,
            changes,
            text: None,
        });
        return;
    }
    if everything(text) {
        affected.ranges.push(Range {
            version_type,
            text: Some(text.to_owned()),
            ..Range::all(status)
        });
    } else if text == "0" || nothing(text) {
        affected.ranges.push(Range::unreadable(text));
    } else if simple(text, version_type.as_deref()) {
        one(text.to_owned(), status, version_type, affected);
    } else if let Some(found) = stretches(text) {
        for stretch in found {
            match stretch {
                span::Stretch::One(version) => {
                    one(version, status, version_type.clone(), affected);
                }
                other => affected
                    .ranges
                    .push(other.range(status, version_type.clone(), text)),
            }
        }
    } else {
        out.note(Note::Version, 1);
        affected.ranges.push(Range::unreadable(text));
    }
}

fn one(version: String, status: Status, version_type: Option<String>, affected: &mut Affected) {
    if status == Status::Affected {
        affected.versions.push(version);
        return;
    }
    affected.ranges.push(Range {
        lower: Bound::Including(version.clone()),
        upper: Bound::Including(version),
        status,
        version_type,
        changes: Vec::new(),
        text: None,
    });
}

/// Whether a text is one version without more ado: no space, no sign, and a digit, or a commit.
fn simple(text: &str, version_type: Option<&str>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+:/~^()@#".contains(c);
    version_type == Some("git") && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        || text.chars().all(plain)
            && text.contains(|c: char| c.is_ascii_digit())
            && !text.contains("://")
            && !text.starts_with(['~', '^'])
            && !text.ends_with('+')
            && !text.contains('~')
            && span::line(text).is_none()
}

fn status(word: &str, out: &mut Out<'_>) -> Status {
    match word.trim().to_ascii_lowercase().as_str() {
        "affected" => Status::Affected,
        "unaffected" => Status::Unaffected,
        "unknown" => Status::Unknown,
        _ => {
            out.note(Note::Status, 1);
            Status::Unknown
        }
    }
}

/// The registry's name as OSV writes it, where its address is known; the address otherwise.
fn registry(address: &str) -> String {
    const KNOWN: [(&str, &str); 10] = [
        ("registry.npmjs.org", "npm"),
        ("npmjs.com", "npm"),
        ("repo.maven.apache.org", "Maven"),
        ("repo1.maven.org", "Maven"),
        ("pypi.org", "PyPI"),
        ("pypi.python.org", "PyPI"),
        ("packagist.org", "Packagist"),
        ("rubygems.org", "RubyGems"),
        ("crates.io", "crates.io"),
        ("nuget.org", "NuGet"),
    ];
    let lower = address.to_ascii_lowercase();
    let host = lower
        .split_once("://")
        .map_or(lower.as_str(), |(_, rest)| rest)
        .split(['/', ':', '?'])
        .next()
        .unwrap_or_default();
    let bare = host.strip_prefix("www.").unwrap_or(host);
    KNOWN
        .iter()
        .find(|(known, _)| {
            *known == bare
                || bare
                    .strip_suffix(known)
                    .is_some_and(|rest| rest.ends_with('.'))
        })
        .map_or_else(|| address.to_owned(), |(_, name)| (*name).to_owned())
}

/// The English text, or the first.
fn english(texts: &[Description]) -> String {
    texts
        .iter()
        .find(|text| text.lang.to_ascii_lowercase().starts_with("en"))
        .or_else(|| texts.first())
        .map(|text| text.value.clone())
        .unwrap_or_default()
}

/// GitHub's number, where the numbering authority names it as its source.
fn advisories(source: Option<&serde_json::Value>) -> Vec<String> {
    let named = source.and_then(|source| source.get("advisory"));
    named
        .and_then(serde_json::Value::as_str)
        .filter(|name| name.starts_with("GHSA-") && name.len() == 19)
        .map(str::to_owned)
        .into_iter()
        .collect()
}

fn remediation(cna: &Container) -> String {
    let parts = [english(&cna.solutions), english(&cna.workarounds)];
    let filled: Vec<String> = parts
        .into_iter()
        .filter(|part| !part.trim().is_empty())
        .collect();
    filled.join("\n\n")
}
