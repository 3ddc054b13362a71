//! SPDX 2.x: packages with their external references to purls and CPE names.

use serde::Deserialize;

use super::json::{self, Text};
use super::{Found, Out, Reason, cut};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    #[serde(rename = "spdxVersion")]
    version: Text,
    packages: Option<Vec<Package>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    name: Text,
    #[serde(rename = "versionInfo")]
    version: Text,
    #[serde(rename = "externalRefs")]
    refs: Option<Vec<Reference>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference {
    #[serde(rename = "referenceType")]
    kind: Text,
    #[serde(rename = "referenceLocator")]
    locator: Text,
}

pub(super) fn from_json(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let document: Document = json::read(text)?;
    check(document.version.as_deref())?;
    for (at, package) in document.packages.iter().flatten().enumerate() {
        let at = format!("packages[{at}]");
        if package.version == Text::Odd {
            out.refuse(&at, Reason::BadField("versionInfo"));
        }
        let mut found = Found {
            name: package.name.owned().unwrap_or_default(),
            version: package.version.as_deref().and_then(stated),
            ..Found::default()
        };
        for reference in package.refs.iter().flatten() {
            let (Some(kind), Some(locator)) =
                (reference.kind.as_deref(), reference.locator.as_deref())
            else {
                out.refuse(&at, Reason::BadField("externalRefs"));
                continue;
            };
            refer(&mut found, kind, locator, &at, out);
        }
        out.take(at, found);
    }
    Ok(())
}

/// Tags and values, a line each; a value in `<text>` may have several.
pub(super) fn from_tags(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let mut version = None;
    let mut package: Option<(usize, Found)> = None;
    let mut within = false;
    for (number, line) in text.lines().enumerate() {
        let at = format!("line {}", number + 1);
        if within {
            within = !line.contains("</text>");
            continue;
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((tag, value)) = line.split_once(':') else {
            out.refuse(at, Reason::BadLine(cut(line)));
            continue;
        };
        let value = value.trim();
        within = value.contains("<text>") && !value.contains("</text>");
        match tag.trim() {
            "SPDXVersion" => {
                check(Some(value))?;
                version = Some(());
            }
            "PackageName" => {
                finish(package.take(), out);
                let found = Found {
                    name: value.to_owned(),
                    ..Found::default()
                };
                package = Some((number, found));
            }
            // What describes a file or a snippet is not the package's.
            "FileName" | "SnippetSPDXID" => finish(package.take(), out),
            "PackageVersion" => {
                if let Some((_, found)) = &mut package {
                    found.version = stated(value);
                }
            }
            "ExternalRef" => {
                let mut parts = value.split_whitespace();
                let (_, kind, locator) = (parts.next(), parts.next(), parts.next());
                match (&mut package, kind, locator) {
                    (Some((_, found)), Some(kind), Some(locator)) => {
                        refer(found, kind, locator, &at, out);
                    }
                    _ => out.refuse(at, Reason::BadLine(cut(line))),
                }
            }
            _ => {}
        }
    }
    finish(package, out);
    if within {
        return Err(Reason::Syntax("a <text> is not closed".to_owned()));
    }
    version.ok_or(Reason::Missing("SPDXVersion"))
}

fn finish(package: Option<(usize, Found)>, out: &mut Out<'_>) {
    if let Some((number, found)) = package {
        out.take(format!("line {}", number + 1), found);
    }
}

fn check(version: Option<&str>) -> Result<(), Reason> {
    match version {
        Some(version) if version.starts_with("SPDX-2.") => Ok(()),
        other => Err(Reason::Unsupported(format!(
            "{:?} is not known: SPDX-2.x is",
            cut(other.unwrap_or_default())
        ))),
    }
}

/// `NOASSERTION` and `NONE` state nothing.
fn stated(value: &str) -> Option<String> {
    let value = value.trim();
    (!matches!(value, "" | "NOASSERTION" | "NONE")).then(|| value.to_owned())
}

fn refer(found: &mut Found, kind: &str, locator: &str, at: &str, out: &mut Out<'_>) {
    match kind {
        "purl" if found.purl.is_none() => found.purl = Some(Ok(locator.to_owned())),
        // The specification has one purl for a package; of several the first counts.
        "purl" => out.refuse(
            at,
            Reason::BadPurl(format!("it is the second one: {}", cut(locator))),
        ),
        "cpe23Type" | "cpe22Type" => found.cpes.push(locator.to_owned()),
        _ => {}
    }
}
