//! OSV, and GitHub's advisories in the same form.

use std::cmp::Ordering;

use serde::Deserialize;

use super::cve5::Reference;
use super::json::{Text, each, or_null};
use super::{Format, Note, Out, clean};
use crate::record::{Affected, Bound, Package, Range, Record, Source, Status, Vector};
use crate::version::{Ecosystem, Version};

pub(super) fn read(bytes: &[u8], out: &mut Out<'_>) {
    each::<Document>(bytes, &["vulns"], out, |document, place, out| {
        let id = clean::line(&document.id, 200);
        let place = if place.is_empty() {
            id
        } else {
            format!("{place}, {id}")
        };
        match record(document, out) {
            Ok(record) => out.record(place, record),
            Err(reason) => out.refuse(place, reason),
        }
    });
}

#[derive(Deserialize)]
struct Document {
    id: String,
    #[serde(default, deserialize_with = "or_null")]
    aliases: Vec<String>,
    published: Option<String>,
    modified: Option<String>,
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_null")]
    summary: String,
    #[serde(default, deserialize_with = "or_null")]
    details: String,
    #[serde(default, deserialize_with = "or_null")]
    severity: Vec<Severity>,
    #[serde(default, deserialize_with = "or_null")]
    affected: Vec<Item>,
    #[serde(default, deserialize_with = "or_null")]
    references: Vec<Reference>,
    #[serde(default, deserialize_with = "or_null")]
    database_specific: Specific,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Severity {
    #[serde(rename = "type", deserialize_with = "or_null")]
    kind: String,
    score: Text,
}

/// GitHub's fields; other databases have other ones, of any shape.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Specific {
    severity: serde_json::Value,
    cwe_ids: serde_json::Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Item {
    package: Option<Named>,
    #[serde(deserialize_with = "or_null")]
    severity: Vec<Severity>,
    #[serde(deserialize_with = "or_null")]
    ranges: Vec<Events>,
    #[serde(deserialize_with = "or_null")]
    versions: Vec<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    #[serde(deserialize_with = "or_null")]
    ecosystem: String,
    #[serde(deserialize_with = "or_null")]
    name: String,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Events {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "or_null")]
    repo: String,
    #[serde(default, deserialize_with = "or_null")]
    events: Vec<Event>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    introduced: Option<Text>,
    fixed: Option<Text>,
    last_affected: Option<Text>,
    limit: Option<Text>,
}

fn record(document: Document, out: &mut Out<'_>) -> Result<Record, String> {
    let mut record = Record {
        aliases: document.aliases,
        source: if out.format == Format::Ghsa {
            Source::Ghsa
        } else {
            Source::Osv
        },
        published: clean::time(document.published.as_deref(), out),
        modified: clean::time(document.modified.as_deref(), out),
        withdrawn: document
            .withdrawn
            .is_some_and(|when| !when.trim().is_empty()),
        title: document.summary,
        summary: document.details,
        severity_word: document
            .database_specific
            .severity
            .as_str()
            .map(str::to_owned),
        references: document
            .references
            .into_iter()
            .map(|reference| reference.url)
            .collect(),
        ..Record::default()
    };
    let cwes = document.database_specific.cwe_ids;
    record.cwes = cwes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|cwe| cwe.as_str().map(str::to_owned))
        .collect();
    vectors(document.severity, &mut record);
    for item in document.affected {
        let affected = affected(&item, &document.id, out)?;
        vectors(item.severity, &mut record);
        record.affected.push(affected);
    }
    record.id = document.id;
    Ok(record)
}

/// Vectors go to the scores, a word such as Ubuntu's to the word.
fn vectors(given: Vec<Severity>, record: &mut Record) {
    for severity in given {
        if severity.kind.to_ascii_uppercase().starts_with("CVSS") {
            record.scores.push(Vector {
                vector: severity.score.0,
                giver: String::new(),
            });
        } else if record.severity_word.is_none() {
            record.severity_word = Some(severity.score.0);
        }
    }
}

fn affected(item: &Item, id: &str, out: &mut Out<'_>) -> Result<Affected, String> {
    let package = item
        .package
        .as_ref()
        .filter(|package| !package.name.is_empty());
    let mut affected = Affected {
        product: package
            .map(|package| package.name.clone())
            .unwrap_or_default(),
        purl: package.and_then(|package| package.purl.clone()),
        package: package.map(|package| Package {
            registry: package.ecosystem.clone(),
            name: package.name.clone(),
        }),
        default: Some(Status::Unaffected),
        versions: item
            .versions
            .iter()
            .map(|version| version.0.clone())
            .collect(),
        ..Affected::default()
    };
    let mut ordered = false;
    for events in &item.ranges {
        let kind = events.kind.to_ascii_uppercase();
        let (version_type, order) = match kind.as_str() {
            "SEMVER" => (Some("semver"), Some(Ecosystem::SemVer)),
            "ECOSYSTEM" => (None, affected.package.as_ref().and_then(Package::order)),
            "GIT" => (Some("git"), None),
            _ => return Err(format!("a range has the type {:?}", clean::line(&kind, 60))),
        };
        if kind == "GIT" {
            if affected.product.is_empty() {
                affected.product.clone_from(&events.repo);
            }
        } else {
            ordered = true;
        }
        let found = ranges(&events.events, version_type, order)?;
        if found.iter().any(|range| range.status == Status::Unknown) {
            out.note(Note::Events, 1);
        }
        affected.ranges.extend(found);
    }
    if !ordered && affected.versions.is_empty() {
        // Commits alone, or nothing: of a version that says nothing.
        affected.default = None;
        if affected.ranges.is_empty() {
            affected.ranges.push(Range::all(Status::Unknown));
            out.note(Note::NoVersions, 1);
        }
    }
    if affected.product.is_empty() && affected.purl.is_none() {
        return Err(format!("a product of {} has no name", clean::line(id, 60)));
    }
    Ok(affected)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Introduced,
    Fixed,
    Last,
}

/// Intervals from events. Where the order of the versions is known they are sorted by it; where not, they must stand in order.
fn ranges(
    events: &[Event],
    version_type: Option<&str>,
    order: Option<Ecosystem>,
) -> Result<Vec<Range>, String> {
    let mut marks: Vec<(Kind, &str)> = Vec::with_capacity(events.len());
    let mut limits: Vec<&str> = Vec::new();
    for event in events {
        let given = [
            (Some(Kind::Introduced), &event.introduced),
            (Some(Kind::Fixed), &event.fixed),
            (Some(Kind::Last), &event.last_affected),
            (None, &event.limit),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(kind, text)| text.as_deref().map(|text| (kind, text.trim())));
        match (given.next(), given.next()) {
            (Some((Some(kind), text)), None) => marks.push((kind, text)),
            (Some((None, text)), None) => limits.push(text),
            (None, _) => return Err("an event is empty".to_owned()),
            (Some(_), Some(_)) => return Err("an event says two things".to_owned()),
        }
    }
    if let Some(order) = order {
        sort(&mut marks, order);
    }
    let limit = match limits[..] {
        ["*"] | [] => Bound::Open,
        [one] => Bound::Excluding(one.to_owned()),
        // Several limits mean the furthest; which that is, an unordered list doesn't say, and wider is safer.
        _ => Bound::Open,
    };
    let mut found = Vec::new();
    let mut open: Option<Bound> = None;
    // Commits have no order at all: several ends of one beginning stand on several branches.
    let commits = version_type == Some("git");
    let mut last = Bound::Open;
    let make = |lower: Bound, upper: Bound| Range {
        lower,
        upper,
        version_type: version_type.map(str::to_owned),
        ..Range::all(Status::Affected)
    };
    for (kind, text) in marks {
        let before = open.take();
        if commits && kind != Kind::Introduced && before.is_none() && !found.is_empty() {
            let end = text.to_owned();
            let upper = if kind == Kind::Fixed {
                Bound::Excluding(end)
            } else {
                Bound::Including(end)
            };
            found.push(make(last.clone(), upper));
            continue;
        }
        if let Some(lower) = &before {
            last.clone_from(lower);
        }
        match (kind, before) {
            (Kind::Introduced, Some(lower)) if commits => {
                found.push(make(lower, Bound::Open));
                open = Some(Bound::Including(text.to_owned()));
            }
            (Kind::Introduced, None) if text == "0" => open = Some(Bound::Open),
            (Kind::Introduced, None) => open = Some(Bound::Including(text.to_owned())),
            // Introduced again while it is there: the earlier one holds.
            (Kind::Introduced, Some(lower)) if order.is_some() => open = Some(lower),
            (Kind::Fixed, Some(lower)) => {
                found.push(make(lower, Bound::Excluding(text.to_owned())))
            }
            (Kind::Last, Some(lower)) => found.push(make(lower, Bound::Including(text.to_owned()))),
            // Fixed on a second line, or out of order: nothing more is known from here.
            (Kind::Fixed | Kind::Last, None) if order.is_some() && !found.is_empty() => {}
            _ => {
                found.push(Range {
                    version_type: version_type.map(str::to_owned),
                    ..Range::unreadable("its events stand in no order that can be read")
                });
                return Ok(found);
            }
        }
    }
    found.extend(open.map(|lower| make(lower, limit)));
    Ok(found)
}

/// Sorts by version, when all can be read; a stable sort keeps "fixed" and "introduced" of one version as they stand.
fn sort(marks: &mut Vec<(Kind, &str)>, order: Ecosystem) {
    let keys: Option<Vec<Option<Version>>> = marks
        .iter()
        .map(|(_, text)| match *text {
            "0" => Some(None),
            text => Version::parse(order, text).ok().map(Some),
        })
        .collect();
    let Some(keys) = keys else {
        return;
    };
    let mut both: Vec<_> = keys.into_iter().zip(marks.drain(..)).collect();
    both.sort_by(|(one, _), (two, _)| match (one, two) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(one), Some(two)) => one.compare(two).unwrap_or(Ordering::Equal),
    });
    marks.extend(both.into_iter().map(|(_, mark)| mark));
}
