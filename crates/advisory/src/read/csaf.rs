//! CSAF 2.0 and 2.1: a tree of products, and for each vulnerability which of them are affected.

use std::collections::HashMap;

use serde::Deserialize;

use super::cve5::{Cvss, Reference};
use super::json::{Text, each, or_null};
use super::span::{self, Stretch, stretches};
use super::{Note, Out, clean};
use crate::cpe::{Attribute, Cpe};
use crate::record::{Affected, Bound, Condition, Platform, Range, Record, Source, Status, Vector};

/// Most products of a tree.
const PRODUCTS: usize = 200_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<File>(bytes, &[], out, |file, place, out| {
        let version = file.document.csaf_version.0.clone();
        if !version.starts_with("2.") {
            let version = clean::line(&version, 60);
            return out.refuse(
                place,
                format!("its csaf_version is {version:?}: 2.0 and 2.1 are read"),
            );
        }
        let mut products = HashMap::new();
        let mut trail = Trail::default();
        for branch in &file.product_tree.branches {
            walk(branch, &mut trail, &mut products, out);
        }
        for product in &file.product_tree.full_product_names {
            put(product, &Trail::default(), &mut products, out);
        }
        related(&file.product_tree.relationships, &mut products, out);
        if products.len() > PRODUCTS {
            return out.refuse(place, format!("its tree has more than {PRODUCTS} products"));
        }
        if file.vulnerabilities.is_empty() {
            out.note(Note::NoVulnerability, 1);
        }
        let groups: HashMap<&str, &[String]> = file
            .product_tree
            .product_groups
            .iter()
            .map(|group| (group.group_id.as_str(), group.product_ids.as_slice()))
            .collect();
        for (at, vulnerability) in file.vulnerabilities.iter().enumerate() {
            let place = format!("{place}vulnerabilities[{at}]");
            let record = record(vulnerability, at, &file.document, &products, &groups, out);
            out.record(place, record);
        }
    });
}

#[derive(Deserialize)]
struct File {
    document: Document,
    #[serde(default, deserialize_with = "or_null")]
    product_tree: Tree,
    #[serde(default, deserialize_with = "or_null")]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    csaf_version: Text,
    #[serde(default, deserialize_with = "or_null")]
    title: String,
    #[serde(default, deserialize_with = "or_null")]
    publisher: Publisher,
    #[serde(default, deserialize_with = "or_null")]
    tracking: Tracking,
    #[serde(default, deserialize_with = "or_null")]
    aggregate_severity: Severity,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Publisher {
    #[serde(deserialize_with = "or_null")]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tracking {
    #[serde(deserialize_with = "or_null")]
    id: String,
    initial_release_date: Option<String>,
    current_release_date: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Severity {
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tree {
    #[serde(deserialize_with = "or_null")]
    branches: Vec<Branch>,
    #[serde(deserialize_with = "or_null")]
    full_product_names: Vec<Product>,
    #[serde(deserialize_with = "or_null")]
    relationships: Vec<Relationship>,
    #[serde(deserialize_with = "or_null")]
    product_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Branch {
    category: String,
    #[serde(default, deserialize_with = "or_null")]
    name: String,
    #[serde(default, deserialize_with = "or_null")]
    branches: Vec<Self>,
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    product_id: String,
    #[serde(default, deserialize_with = "or_null")]
    name: String,
    #[serde(default, deserialize_with = "or_null")]
    product_identification_helper: Helper,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Helper {
    cpe: Option<String>,
    purl: Option<String>,
    #[serde(deserialize_with = "or_null")]
    purls: Vec<String>,
}

#[derive(Deserialize)]
struct Relationship {
    #[serde(default, deserialize_with = "or_null")]
    category: String,
    product_reference: String,
    relates_to_product_reference: String,
    full_product_name: Product,
}

#[derive(Deserialize)]
struct Group {
    group_id: String,
    #[serde(default, deserialize_with = "or_null")]
    product_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(deserialize_with = "or_null")]
    ids: Vec<Id>,
    #[serde(deserialize_with = "or_null")]
    title: String,
    #[serde(deserialize_with = "kind")]
    cwe: Option<Cwe>,
    #[serde(deserialize_with = "or_null")]
    cwes: Vec<Cwe>,
    #[serde(deserialize_with = "or_null")]
    notes: Vec<Remark>,
    #[serde(deserialize_with = "or_null")]
    product_status: HashMap<String, Vec<String>>,
    #[serde(deserialize_with = "or_null")]
    flags: Vec<Flag>,
    #[serde(deserialize_with = "or_null")]
    threats: Vec<Advice>,
    #[serde(deserialize_with = "or_null")]
    remediations: Vec<Advice>,
    #[serde(deserialize_with = "or_null")]
    scores: Vec<Score>,
    #[serde(deserialize_with = "or_null")]
    metrics: Vec<Metric>,
    #[serde(deserialize_with = "or_null")]
    references: Vec<Reference>,
    release_date: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Id {
    #[serde(deserialize_with = "or_null")]
    text: String,
}

/// The kind; a text instead of an object costs the kind, and not the advisory.
fn kind<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Cwe>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    if let serde_json::Value::String(text) = &value {
        let begin = text.find("CWE-").unwrap_or(text.len());
        let id: String = text
            .get(begin..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        return Ok((!id.is_empty()).then_some(Cwe { id }));
    }
    Ok(serde_json::from_value(value).unwrap_or_default())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cwe {
    #[serde(deserialize_with = "or_null")]
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Remark {
    #[serde(deserialize_with = "or_null")]
    category: String,
    #[serde(deserialize_with = "or_null")]
    text: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Flag {
    #[serde(deserialize_with = "or_null")]
    label: String,
    #[serde(deserialize_with = "or_null")]
    product_ids: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    group_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Advice {
    #[serde(deserialize_with = "or_null")]
    category: String,
    #[serde(deserialize_with = "or_null")]
    details: String,
    #[serde(deserialize_with = "or_null")]
    product_ids: Vec<String>,
    #[serde(deserialize_with = "or_null")]
    group_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Score {
    cvss_v2: Option<Cvss>,
    cvss_v3: Option<Cvss>,
    cvss_v4: Option<Cvss>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metric {
    content: Score,
}

/// A product of the tree, as far as it is known.
#[derive(Clone, Debug, Default)]
struct Known {
    vendor: String,
    product: String,
    /// The version, or what stands in its place.
    version: Option<String>,
    /// The version is a range in the form of `vers:`, or in words.
    is_range: bool,
    purl: Option<String>,
    cpe: Option<Cpe>,
    on: Vec<Platform>,
}

/// The names on the way down to a product.
#[derive(Clone, Debug, Default)]
struct Trail {
    vendor: String,
    product: String,
    version: Option<(String, bool)>,
    platform: Option<String>,
}

fn walk(branch: &Branch, trail: &mut Trail, into: &mut HashMap<String, Known>, out: &mut Out<'_>) {
    let before = trail.clone();
    let name = || branch.name.clone();
    match branch.category.as_str() {
        "vendor" => trail.vendor = name(),
        "product_name" => trail.product = name(),
        "product_version" | "service_pack" | "patch_level" => {
            // A service pack stands under the version that it belongs to.
            trail.version = Some(match trail.version.take() {
                Some((version, false)) => (format!("{version} {}", branch.name), false),
                _ => (name(), false),
            });
        }
        "product_version_range" => trail.version = Some((name(), true)),
        "architecture" | "host_name" | "language" | "platform" => trail.platform = Some(name()),
        // A family holds products; a specification and a legacy name say no more than a product's name.
        _ if trail.product.is_empty() && branch.product.is_some() => trail.product = name(),
        _ => {}
    }
    if let Some(product) = &branch.product {
        put(product, trail, into, out);
    }
    for branch in &branch.branches {
        if into.len() > PRODUCTS {
            break;
        }
        walk(branch, trail, into, out);
    }
    *trail = before;
}

fn put(product: &Product, trail: &Trail, into: &mut HashMap<String, Known>, out: &mut Out<'_>) {
    let helper = &product.product_identification_helper;
    let cpe = helper.cpe.as_deref().and_then(|text| clean::cpe(text, out));
    let purl = helper
        .purl
        .clone()
        .or_else(|| helper.purls.first().cloned());
    let (purl, purl_version) = purl.map_or((None, None), |purl| {
        let (bare, version) = split_purl(&purl);
        (Some(bare), version)
    });
    let (version, is_range) = match &trail.version {
        Some((version, is_range)) => (Some(version.clone()), *is_range),
        None => (
            purl_version.or_else(|| cpe.as_ref().and_then(Cpe::release)),
            false,
        ),
    };
    let known = Known {
        vendor: trail.vendor.clone(),
        product: if trail.product.is_empty() {
            product.name.clone()
        } else {
            trail.product.clone()
        },
        version,
        is_range,
        purl,
        cpe,
        on: trail
            .platform
            .iter()
            .map(|name| Platform {
                name: name.clone(),
                cpe: None,
                lower: Bound::Open,
                upper: Bound::Open,
                absent: false,
            })
            .collect(),
    };
    into.insert(product.product_id.clone(), known);
}

/// Products made of two: a component in, on or with another.
fn related(given: &[Relationship], into: &mut HashMap<String, Known>, out: &mut Out<'_>) {
    for relation in given {
        let component = into.get(&relation.product_reference).cloned();
        let base = into.get(&relation.relates_to_product_reference).cloned();
        let (Some(mut made), Some(base)) = (component, base) else {
            out.note(Note::NoProduct, 1);
            continue;
        };
        if relation.category == "external_component_of"
            || relation.category == "optional_component_of"
        {
            out.note(Note::Optional, 1);
        }
        let helper = &relation.full_product_name.product_identification_helper;
        if let Some(purl) = &helper.purl {
            made.purl = Some(split_purl(purl).0);
        }
        made.on.push(Platform {
            name: format!(
                "{} {}",
                base.product,
                base.version.as_deref().unwrap_or_default()
            )
            .trim()
            .to_owned(),
            cpe: base.cpe,
            lower: Bound::Open,
            upper: Bound::Open,
            absent: false,
        });
        // A relation to itself grows without end only if it is repeated; the tree's own count bounds that.
        if made.on.len() <= 16 {
            into.insert(relation.full_product_name.product_id.clone(), made);
        } else {
            out.note(Note::Deep, 1);
        }
    }
}

fn record(
    vulnerability: &Vulnerability,
    at: usize,
    document: &Document,
    products: &HashMap<String, Known>,
    groups: &HashMap<&str, &[String]>,
    out: &mut Out<'_>,
) -> Record {
    let tracking = &document.tracking;
    let cve = vulnerability.cve.as_deref().and_then(clean::cve);
    let ids: Vec<String> = vulnerability.ids.iter().map(|id| id.text.clone()).collect();
    let one_word =
        |text: &&String| !text.trim().is_empty() && !text.trim().contains(char::is_whitespace);
    let id = cve
        .or_else(|| ids.iter().find(one_word).map(|text| text.trim().to_owned()))
        .unwrap_or_else(|| {
            let id: String = tracking.id.split_whitespace().collect::<Vec<_>>().join("-");
            if id.is_empty() {
                id
            } else {
                format!("{id}#{}", at + 1)
            }
        });
    let note = |wanted: &str| {
        let notes = &vulnerability.notes;
        notes
            .iter()
            .find(|note| note.category == wanted)
            .map(|note| note.text.clone())
    };
    let publisher = &document.publisher.name;
    let giver = format!("{publisher} {}", tracking.id).trim().to_owned();
    let mut record = Record {
        id,
        aliases: ids,
        source: Source::Csaf,
        published: clean::time(
            vulnerability
                .release_date
                .as_deref()
                .or(tracking.initial_release_date.as_deref()),
            out,
        ),
        modified: clean::time(tracking.current_release_date.as_deref(), out),
        title: if vulnerability.title.is_empty() {
            document.title.clone()
        } else {
            vulnerability.title.clone()
        },
        summary: note("description")
            .or_else(|| note("summary"))
            .or_else(|| note("general"))
            .unwrap_or_default(),
        severity_word: document.aggregate_severity.text.clone(),
        references: vulnerability
            .references
            .iter()
            .map(|reference| reference.url.clone())
            .collect(),
        ..Record::default()
    };
    let cwes = vulnerability.cwe.iter().chain(&vulnerability.cwes);
    record.cwes = cwes.map(|cwe| cwe.id.clone()).collect();
    let contents = vulnerability.metrics.iter().map(|metric| &metric.content);
    for score in vulnerability.scores.iter().chain(contents) {
        let vectors = [&score.cvss_v2, &score.cvss_v3, &score.cvss_v4];
        record
            .scores
            .extend(vectors.into_iter().flatten().map(|cvss| Vector {
                vector: cvss.vector_string.clone(),
                giver: giver.clone(),
            }));
    }
    let mut advice: Vec<&str> = Vec::new();
    for one in &vulnerability.remediations {
        if !advice.contains(&one.details.as_str()) && advice.len() < 20 {
            advice.push(&one.details);
        }
    }
    record.remediation = advice.join("\n");
    record.affected = affected(vulnerability, &giver, products, groups, out);
    record
}

fn affected(
    vulnerability: &Vulnerability,
    giver: &str,
    products: &HashMap<String, Known>,
    groups: &HashMap<&str, &[String]>,
    out: &mut Out<'_>,
) -> Vec<Affected> {
    let mut reasons: HashMap<&str, &str> = HashMap::new();
    let impacts = vulnerability
        .threats
        .iter()
        .filter(|threat| threat.category == "impact")
        .map(|threat| {
            (
                threat.details.as_str(),
                &threat.product_ids,
                &threat.group_ids,
            )
        });
    let flags = vulnerability
        .flags
        .iter()
        .map(|flag| (flag.label.as_str(), &flag.product_ids, &flag.group_ids));
    for (reason, ids, of_groups) in impacts.chain(flags) {
        let grouped = of_groups
            .iter()
            .filter_map(|group| groups.get(group.as_str()))
            .flat_map(|ids| ids.iter());
        reasons.extend(ids.iter().chain(grouped).map(|id| (id.as_str(), reason)));
    }
    let mut found: Vec<Affected> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut statuses: Vec<_> = vulnerability.product_status.iter().collect();
    statuses.sort();
    for (word, ids) in statuses {
        let status = match word.as_str() {
            "known_affected" | "first_affected" | "last_affected" => Status::Affected,
            "fixed" | "first_fixed" | "known_not_affected" | "recommended" => Status::Unaffected,
            "under_investigation" | "unknown" => Status::Unknown,
            _ => {
                out.note(Note::Status, ids.len());
                Status::Unknown
            }
        };
        for id in ids {
            let Some(known) = products.get(id) else {
                out.note(Note::NoProduct, 1);
                continue;
            };
            let reason = (status == Status::Unaffected)
                .then(|| reasons.get(id.as_str()).copied())
                .flatten();
            let on: Vec<&str> = known.on.iter().map(|on| on.name.as_str()).collect();
            let key = format!(
                "{:?}",
                (&known.vendor, &known.product, &known.purl, on, reason)
            );
            let place = *places.entry(key).or_insert_with(|| {
                found.push(product(known, giver, reason));
                found.len() - 1
            });
            if let Some(into) = found.get_mut(place) {
                put_version(known, status, into, out);
            }
        }
    }
    found
}

fn product(known: &Known, giver: &str, reason: Option<&str>) -> Affected {
    let cpe = known.cpe.clone().map(|cpe| Cpe {
        version: Attribute::Any,
        update: Attribute::Any,
        ..cpe
    });
    Affected {
        giver: giver.to_owned(),
        vendor: known.vendor.clone(),
        product: known.product.clone(),
        purl: known.purl.clone(),
        cpes: cpe.into_iter().collect(),
        on: known
            .on
            .iter()
            .map(|on| Condition {
                any: vec![on.clone()],
            })
            .collect(),
        justification: reason.map(str::to_owned),
        ..Affected::default()
    }
}

fn put_version(known: &Known, status: Status, into: &mut Affected, out: &mut Out<'_>) {
    let Some(text) = known.version.as_deref() else {
        // The product as such: all its versions.
        into.ranges.push(Range::all(status));
        return;
    };
    if !known.is_range {
        if status == Status::Affected {
            into.versions.push(text.to_owned());
        } else {
            into.ranges.push(Range {
                lower: Bound::Including(text.to_owned()),
                upper: Bound::Including(text.to_owned()),
                ..Range::all(status)
            });
        }
        return;
    }
    let (found, version_type) = match text.trim().strip_prefix("vers:") {
        Some(rest) => {
            let (kind, rest) = rest.split_once('/').unwrap_or(("", rest));
            (vers(rest), Some(kind.to_ascii_lowercase()))
        }
        None => (stretches(text), None),
    };
    match found {
        Some(found) => into.ranges.extend(
            found
                .into_iter()
                .map(|one| one.range(status, version_type.clone(), text)),
        ),
        None => {
            out.note(Note::Version, 1);
            into.ranges.push(Range::unreadable(text));
        }
    }
}

/// The constraints of a `vers:` text, which stand in the order of the versions: `>=1.0|<2.0|3.1`. `None` for those with `!=`.
fn vers(text: &str) -> Option<Vec<Stretch>> {
    if text.trim() == "*" {
        return Some(vec![Stretch::Span(Bound::Open, Bound::Open)]);
    }
    let mut found = Vec::new();
    let mut open: Option<Bound> = None;
    for part in text.split('|').take(1_000) {
        let part = part.trim();
        let end = part.find(|c| !"<>=!".contains(c)).unwrap_or(part.len());
        let (sign, version) = part.split_at(end);
        let version = unescaped(version);
        // Nothing else than what can be a version may stand there.
        span::version(&version)?;
        match sign {
            "" | "=" if open.is_none() => found.push(Stretch::One(version)),
            ">=" if open.is_none() => open = Some(Bound::Including(version)),
            ">" if open.is_none() => open = Some(Bound::Excluding(version)),
            "<=" => {
                let lower = open.take().unwrap_or(Bound::Open);
                found.push(Stretch::Span(lower, Bound::Including(version)));
            }
            "<" => {
                let lower = open.take().unwrap_or(Bound::Open);
                found.push(Stretch::Span(lower, Bound::Excluding(version)));
            }
            _ => return None,
        }
    }
    found.extend(open.map(|lower| Stretch::Span(lower, Bound::Open)));
    (!found.is_empty()).then_some(found)
}

/// A package URL without version, qualifiers and subpath, and its version.
pub(super) fn split_purl(purl: &str) -> (String, Option<String>) {
    let bare = purl.split('#').next().unwrap_or(purl);
    let bare = bare.split('?').next().unwrap_or(bare);
    let slash = bare.rfind('/').unwrap_or(0);
    match bare.rfind('@').filter(|at| *at > slash + 1) {
        Some(at) => {
            let (name, version) = bare.split_at(at);
            let version = unescaped(version.trim_start_matches('@'));
            (name.to_owned(), (!version.is_empty()).then_some(version))
        }
        None => (bare.to_owned(), None),
    }
}

/// Percent signs unfolded, where that gives a text.
pub(super) fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        let digit = |at: usize| more.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                rest = more.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
