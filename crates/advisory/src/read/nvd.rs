//! NVD 2.0, and the CPE applicability of CVE records, which has the same shape.
//!
//! A configuration says "this, running on that". Every CPE that is vulnerable becomes a product; what has to be there besides
//! becomes its conditions, in conjunctive form: all of them, each with alternatives.

use std::collections::HashMap;

use serde::Deserialize;

use super::cve5::{Cvss, Reference};
use super::json::{Text, each, or_null};
use super::{Note, Out, clean};
use crate::cpe::{Attribute, Cpe};
use crate::record::{Affected, Bound, Condition, Platform, Range, Record, Source, Status, Vector};

/// Most platforms of all conditions that one record may unfold to.
const CONDITIONS: usize = 200_000;

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<Item>(
        bytes,
        &["vulnerabilities", "cve_items"],
        out,
        |item, place, out| {
            let annotation = item.annotation.unwrap_or_default();
            let cve = match (item.cve, item.bare.id.is_empty()) {
                (Some(cve), _) => cve,
                (None, false) => item.bare,
                (None, true) => {
                    return out.refuse(place, "it is no NVD 2.0 record: it has neither cve nor id");
                }
            };
            let written = if cve.id.is_empty() {
                &annotation.cve_id
            } else {
                &cve.id
            };
            let Some(id) = clean::cve(written) else {
                let id = clean::line(written, 60);
                return out.refuse(place, format!("{id:?} is no CVE number"));
            };
            let place = if place.is_empty() {
                id.clone()
            } else {
                format!("{place}, {id}")
            };
            match record(id, cve, &annotation, out) {
                Ok(record) => out.record(place, record),
                Err(reason) => out.refuse(place, reason),
            }
        },
    );
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "_annotation")]
    annotation: Option<Annotation>,
    cve: Option<Cve>,
    #[serde(flatten)]
    bare: Cve,
}

/// What Anchore's overrides put beside the configurations.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotation {
    #[serde(deserialize_with = "or_null")]
    cve_id: String,
    #[serde(deserialize_with = "or_null")]
    description: String,
    #[serde(deserialize_with = "or_null")]
    references: Vec<String>,
    published: Option<String>,
    modified: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Cve {
    #[serde(deserialize_with = "or_null")]
    id: String,
    published: Option<String>,
    last_modified: Option<String>,
    #[serde(deserialize_with = "or_null")]
    vuln_status: String,
    cisa_exploit_add: Option<String>,
    cisa_vulnerability_name: Option<String>,
    cisa_required_action: Option<String>,
    #[serde(deserialize_with = "or_null")]
    descriptions: Vec<Description>,
    #[serde(deserialize_with = "or_null")]
    metrics: HashMap<String, Vec<Metric>>,
    #[serde(deserialize_with = "or_null")]
    weaknesses: Vec<Weakness>,
    #[serde(deserialize_with = "or_null")]
    configurations: Vec<Configuration>,
    #[serde(deserialize_with = "or_null")]
    references: Vec<Reference>,
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
struct Metric {
    #[serde(deserialize_with = "or_null")]
    source: String,
    cvss_data: Option<Cvss>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    #[serde(deserialize_with = "or_null")]
    description: Vec<Description>,
}

/// `configurations[]` and `cpeApplicability[]`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    #[serde(deserialize_with = "or_null")]
    operator: String,
    #[serde(deserialize_with = "or_null")]
    negate: bool,
    #[serde(deserialize_with = "or_null")]
    nodes: Vec<Node>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Node {
    #[serde(deserialize_with = "or_null")]
    operator: String,
    #[serde(deserialize_with = "or_null")]
    negate: bool,
    #[serde(deserialize_with = "or_null")]
    cpe_match: Vec<Match>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    criteria: String,
    #[serde(default = "yes")]
    vulnerable: bool,
    version_start_including: Option<Text>,
    version_start_excluding: Option<Text>,
    version_end_including: Option<Text>,
    version_end_excluding: Option<Text>,
}

/// A match without the field is taken as vulnerable: the other error would hide it.
fn yes() -> bool {
    true
}

fn record(
    id: String,
    cve: Cve,
    annotation: &Annotation,
    out: &mut Out<'_>,
) -> Result<Record, String> {
    let english = |texts: &[Description]| {
        texts
            .iter()
            .find(|text| text.lang.starts_with("en"))
            .or_else(|| texts.first())
            .map(|text| text.value.clone())
    };
    let mut record = Record {
        id,
        source: Source::Nvd,
        published: clean::time(
            cve.published.as_deref().or(annotation.published.as_deref()),
            out,
        ),
        modified: clean::time(
            cve.last_modified
                .as_deref()
                .or(annotation.modified.as_deref()),
            out,
        ),
        withdrawn: cve.vuln_status.eq_ignore_ascii_case("rejected"),
        title: cve.cisa_vulnerability_name.unwrap_or_default(),
        summary: english(&cve.descriptions).unwrap_or_else(|| annotation.description.clone()),
        kev: cve.cisa_exploit_add.is_some(),
        remediation: cve.cisa_required_action.unwrap_or_default(),
        ..Record::default()
    };
    let mut metrics: Vec<_> = cve.metrics.into_iter().collect();
    metrics.sort_by(|(one, _), (two, _)| two.cmp(one));
    for metric in metrics.into_iter().flat_map(|(_, metrics)| metrics) {
        record.scores.extend(metric.cvss_data.map(|cvss| Vector {
            vector: cvss.vector_string,
            giver: metric.source,
        }));
    }
    let weaknesses = cve
        .weaknesses
        .into_iter()
        .flat_map(|weakness| weakness.description);
    record.cwes = weaknesses
        .map(|text| text.value)
        .filter(|text| text.starts_with("CWE-"))
        .collect();
    record.references = cve
        .references
        .into_iter()
        .map(|reference| reference.url)
        .collect();
    record
        .references
        .extend(annotation.references.iter().cloned());
    configurations(&cve.configurations, "", &mut record.affected, out)?;
    Ok(record)
}

/// Every vulnerable CPE of some configurations as a product with its conditions.
///
/// # Errors
/// When an operator is not known, a CPE can't be read, or the conditions would unfold to too many.
pub(super) fn configurations(
    given: &[Configuration],
    giver: &str,
    into: &mut Vec<Affected>,
    out: &mut Out<'_>,
) -> Result<(), String> {
    let mut unfolded = 0;
    for configuration in given {
        let all = is_and(&configuration.operator)?;
        let nodes = configuration
            .nodes
            .iter()
            .map(Side::read)
            .collect::<Result<Vec<_>, String>>()?;
        let platforms: usize = nodes.iter().map(|node| node.matches.len()).sum();
        for (at, node) in nodes.iter().enumerate() {
            if !node.matches.iter().any(|(_, one)| one.vulnerable) {
                continue;
            }
            unfold(
                &mut unfolded,
                if all {
                    platforms - node.matches.len()
                } else {
                    0
                },
            )?;
            let others: Vec<Condition> = nodes
                .iter()
                .enumerate()
                .filter(|(other, _)| all && *other != at)
                .flat_map(|(_, other)| other.conditions())
                .collect();
            // "Not vulnerable if": which versions that leaves, nobody has said.
            let unsure = configuration.negate || node.negate;
            products(node, &others, unsure, giver, into, &mut unfolded, out)?;
        }
    }
    Ok(())
}

/// Counts platforms before they are made.
fn unfold(unfolded: &mut usize, more: usize) -> Result<(), String> {
    *unfolded = unfolded.saturating_add(more);
    if *unfolded > CONDITIONS {
        return Err(format!(
            "its conditions unfold to more than {CONDITIONS} platforms"
        ));
    }
    Ok(())
}

/// A node with its CPEs read.
struct Side<'a> {
    all: bool,
    negate: bool,
    matches: Vec<(Cpe, &'a Match)>,
}

impl<'a> Side<'a> {
    fn read(node: &'a Node) -> Result<Self, String> {
        let read = |one: &'a Match| {
            let cpe = one
                .criteria
                .parse()
                .map_err(|error: crate::CpeError| error.to_string())?;
            Ok((cpe, one))
        };
        Ok(Self {
            all: is_and(&node.operator)?,
            negate: node.negate,
            matches: node
                .cpe_match
                .iter()
                .map(read)
                .collect::<Result<_, String>>()?,
        })
    }

    /// What has to hold for this node to hold.
    fn conditions(&self) -> Vec<Condition> {
        let platforms = self
            .matches
            .iter()
            .map(|(cpe, one)| platform(cpe, one, self.negate));
        // Not (a and b) is: not a, or not b. Not (a or b) is: not a, and not b.
        if self.all == self.negate {
            vec![Condition {
                any: platforms.collect(),
            }]
        } else {
            platforms.map(|one| Condition { any: vec![one] }).collect()
        }
    }
}

fn products(
    node: &Side<'_>,
    others: &[Condition],
    unsure: bool,
    giver: &str,
    into: &mut Vec<Affected>,
    unfolded: &mut usize,
    out: &mut Out<'_>,
) -> Result<(), String> {
    let weight: usize = others.iter().map(|on| on.any.len()).sum();
    // CPEs that differ in their version alone are one product, unless each has the others of its node as conditions.
    let mut places: HashMap<Cpe, usize> = HashMap::new();
    for (at, (cpe, one)) in node.matches.iter().enumerate() {
        if !one.vulnerable {
            continue;
        }
        let kin = Cpe {
            version: Attribute::Any,
            update: Attribute::Any,
            ..cpe.clone()
        };
        let place =
            match places.get(&kin) {
                Some(place) if !node.all => *place,
                _ => {
                    unfold(
                        unfolded,
                        weight + node.matches.len() * usize::from(node.all),
                    )?;
                    let mut on = others.to_vec();
                    if node.all && !node.negate {
                        let beside = node.matches.iter().enumerate();
                        on.extend(beside.filter(|(other, _)| *other != at).map(
                            |(_, (cpe, one))| Condition {
                                any: vec![platform(cpe, one, false)],
                            },
                        ));
                    }
                    into.push(Affected {
                        on,
                        ..product(&kin, giver)
                    });
                    places.insert(kin, into.len() - 1);
                    into.len() - 1
                }
            };
        let Some(affected) = into.get_mut(place) else {
            continue;
        };
        if unsure {
            out.note(Note::Negated, 1);
            affected.default = Some(Status::Unknown);
            affected
                .ranges
                .push(Range::unreadable("a negated configuration"));
            continue;
        }
        versions(cpe, bounds(one), affected);
    }
    Ok(())
}

/// Products of bare CPE names, without conditions.
pub(super) fn plain(cpes: &[Cpe]) -> Vec<Affected> {
    let mut found: Vec<Affected> = Vec::new();
    let mut places: HashMap<Cpe, usize> = HashMap::new();
    for cpe in cpes {
        let kin = Cpe {
            version: Attribute::Any,
            update: Attribute::Any,
            ..cpe.clone()
        };
        let place = *places.entry(kin).or_insert_with_key(|kin| {
            found.push(Affected {
                default: None,
                ..product(kin, "")
            });
            found.len() - 1
        });
        match found.get_mut(place) {
            // Without a version nobody has said which ones.
            Some(affected) if cpe.version == Attribute::Any => {
                affected.ranges.push(Range::unreadable("*"));
            }
            Some(affected) => versions(cpe, (Bound::Open, Bound::Open), affected),
            None => {}
        }
    }
    found
}

fn product(kin: &Cpe, giver: &str) -> Affected {
    Affected {
        giver: giver.to_owned(),
        vendor: kin.vendor.value().unwrap_or_default().to_owned(),
        product: kin.product.value().unwrap_or_default().to_owned(),
        cpes: vec![kin.clone()],
        default: Some(Status::Unaffected),
        ..Affected::default()
    }
}

/// The versions that one match names.
fn versions(cpe: &Cpe, (lower, upper): (Bound, Bound), affected: &mut Affected) {
    match &cpe.version {
        Attribute::Any => affected.ranges.push(Range {
            lower,
            upper,
            ..Range::all(Status::Affected)
        }),
        // "No version applies": it says nothing of a product that has one.
        Attribute::Na => {
            affected.default = Some(Status::Unknown);
            affected.ranges.push(Range::unreadable("-"));
        }
        Attribute::Value(text) => match wildcard(text) {
            Some(range) => affected.ranges.push(range),
            None => affected.versions.extend(cpe.release()),
        },
    }
}

/// `2.*` in a CPE is a line of versions; another pattern can't be read.
fn wildcard(text: &str) -> Option<Range> {
    if !text.contains(['*', '?']) {
        return None;
    }
    Some(match text.strip_suffix(".*") {
        Some(line) if !line.contains(['*', '?']) => Range {
            lower: Bound::Line(line.to_owned()),
            upper: Bound::Line(line.to_owned()),
            text: Some(text.to_owned()),
            ..Range::all(Status::Affected)
        },
        _ => Range::unreadable(text),
    })
}

fn platform(cpe: &Cpe, one: &Match, absent: bool) -> Platform {
    let (lower, upper) = bounds(one);
    Platform {
        name: String::new(),
        cpe: Some(cpe.clone()),
        lower,
        upper,
        absent,
    }
}

fn bounds(one: &Match) -> (Bound, Bound) {
    let end = |including: &Option<Text>, excluding: &Option<Text>| match (including, excluding) {
        (None, None) => Bound::Open,
        (Some(end), None) => Bound::Including(end.trim().to_owned()),
        (None, Some(end)) => Bound::Excluding(end.trim().to_owned()),
        (Some(one), Some(two)) => Bound::Unreadable(format!("both {} and {}", one.0, two.0)),
    };
    (
        end(&one.version_start_including, &one.version_start_excluding),
        end(&one.version_end_including, &one.version_end_excluding),
    )
}

/// Whether an operator is AND. Without one it is OR, as NVD has it.
fn is_and(operator: &str) -> Result<bool, String> {
    match operator.to_ascii_uppercase().as_str() {
        "AND" => Ok(true),
        "OR" | "" => Ok(false),
        other => Err(format!(
            "its operator {:?} is neither AND nor OR",
            clean::line(other, 60)
        )),
    }
}
