//! Python: `requirements.txt` with exact versions, and `poetry.lock`.

use serde::Deserialize;

use super::json::Text;
use super::{Found, Out, Reason, cut, identity, rust};

/// Only `name==version`. A range says what may be installed, not what is.
pub(super) fn requirements(text: &str, out: &mut Out<'_>) {
    let mut lines = text.lines().enumerate();
    while let Some((number, first)) = lines.next() {
        let at = format!("line {}", number + 1);
        let mut line = first.to_owned();
        while line.ends_with('\\') && line.len() <= MOST_LINE {
            line.pop();
            line.push(' ');
            line.push_str(lines.next().map_or("", |(_, next)| next));
        }
        if line.len() > MOST_LINE {
            out.refuse(at, Reason::BadLine(cut(&line)));
            continue;
        }
        requirement(&line, &at, out);
    }
}

/// Longest requirement with its continuations, bytes: hashes make them long.
const MOST_LINE: usize = 100_000;

fn requirement(line: &str, at: &str, out: &mut Out<'_>) {
    // A comment begins the line or follows a space.
    let line = match line.find(" #").or_else(|| line.find("\t#")) {
        Some(comment) => line.get(..comment).unwrap_or_default(),
        None => line,
    };
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    if line.starts_with('-') {
        let option = line.split([' ', '=']).next().unwrap_or_default();
        if matches!(
            option,
            "-r" | "--requirement" | "-c" | "--constraint" | "-e" | "--editable"
        ) {
            out.refuse(at, Reason::Elsewhere(cut(line)));
        }
        // The rest says where to look and how, and names nothing.
        return;
    }
    // Markers and hashes say when and what, not which.
    let plain = line.split(';').next().unwrap_or_default();
    let plain = plain.split(" --").next().unwrap_or_default().trim();
    if plain.contains('@') {
        return out.refuse(at, Reason::Elsewhere(cut(line)));
    }
    let end = plain
        .find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter))
        .unwrap_or(plain.len());
    let (name, rest) = plain.split_at(end);
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest),
        None => rest,
    };
    if name.is_empty() || name.starts_with(['-', '.']) {
        return out.refuse(at, Reason::BadLine(cut(line)));
    }
    let exact = rest
        .trim()
        .trim_matches(['(', ')'])
        .split(',')
        .map(str::trim)
        .find_map(|part| part.strip_prefix("===").or_else(|| part.strip_prefix("==")))
        .map(str::trim)
        .filter(|version| !version.is_empty() && !version.contains(['*', ' ']));
    match exact {
        Some(version) => take(name, Some(version), true, at, out),
        None => out.refuse(at, Reason::NotPinned(cut(plain))),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lock {
    package: Option<Vec<Package>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    name: Text,
    version: Text,
    source: Option<From>,
    /// Poetry 1: `dev`.
    category: Text,
    /// Poetry 2: `main` and others.
    groups: Option<Vec<Text>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct From {
    #[serde(rename = "type")]
    kind: Text,
}

pub(super) fn poetry(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let lock: Lock = rust::toml(text)?;
    for (at, package) in lock.package.iter().flatten().enumerate() {
        let name = package.name.as_deref().unwrap_or_default();
        let groups = package.groups.as_deref().unwrap_or_default();
        let dev = package.category.is("dev")
            || !groups.is_empty() && !groups.iter().any(|group| group.is("main"));
        if out.leaves_dev(dev) {
            continue;
        }
        // Another index has packages of the same names; a repository, a folder or a file has not.
        let registry = package
            .source
            .as_ref()
            .and_then(|from| from.kind.as_deref())
            .is_none_or(|kind| kind == "legacy");
        let at = format!("package[{at}]");
        take(name, package.version.as_deref(), registry, &at, out);
    }
    Ok(())
}

/// `METADATA` or `PKG-INFO` of an installed package: headers as of a mail.
pub(super) fn metadata(text: &str, out: &mut Out<'_>) {
    let headers = || text.lines().take_while(|line| !line.trim().is_empty());
    let get = |wanted: &str| {
        headers().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    match get("Name") {
        Some(name) => take(name, get("Version"), true, "", out),
        None => out.refuse("", Reason::Missing("Name")),
    }
}

fn take(name: &str, version: Option<&str>, registry: bool, at: &str, out: &mut Out<'_>) {
    let purl = out.purl(registry && !name.is_empty(), || {
        identity::make("pypi", None, name, version, &[])
    });
    out.take(
        at,
        Found {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            ecosystem: Some("pypi"),
            purl,
            ..Found::default()
        },
    );
}
