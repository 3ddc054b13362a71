//! Node: `package-lock.json`, versions 1 to 3.

use serde::Deserialize;

use super::json::{self, Pairs, Text};
use super::{Found, Out, Reason, cut, identity};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lock {
    packages: Option<Pairs<Package>>,
    dependencies: Option<Pairs<Dependency>>,
}

/// Versions 2 and 3: every folder, by its path.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    name: Text,
    version: Text,
    resolved: Text,
    link: Text,
    dev: Text,
}

/// Version 1: a tree.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Dependency {
    version: Text,
    dev: Text,
    dependencies: Option<Pairs<Self>>,
}

pub(super) fn lock(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let lock: Lock = json::read(text)?;
    match (lock.packages, lock.dependencies) {
        // Version 2 has both, and says the same in both.
        (Some(packages), _) => folders(&packages, out),
        (None, Some(tree)) => dependencies(&tree, "", out),
        (None, None) => return Err(Reason::Missing("packages or dependencies")),
    }
    Ok(())
}

fn folders(packages: &Pairs<Package>, out: &mut Out<'_>) {
    for (path, package) in &packages.0 {
        // The project that the lock file belongs to.
        if path.is_empty() {
            continue;
        }
        let at = format!("packages[{:?}]", cut(path));
        let Some((_, folder)) = path.rsplit_once("node_modules/") else {
            out.refuse(at, Reason::Local(cut(path)));
            continue;
        };
        if package.link.is("true") {
            out.refuse(at, Reason::Local(cut(path)));
            continue;
        }
        if out.leaves_dev(package.dev.is("true")) {
            continue;
        }
        // An alias: the folder is named otherwise than the package.
        let name = package.name.as_deref().unwrap_or(folder);
        let registry = package
            .resolved
            .as_deref()
            .is_none_or(|from| !from.starts_with("git") && !from.starts_with("file:"));
        take(name, package.version.as_deref(), registry, &at, out);
    }
}

/// Nesting is bounded by the parser.
fn dependencies(tree: &Pairs<Dependency>, above: &str, out: &mut Out<'_>) {
    for (name, dependency) in &tree.0 {
        let short: String = cut(name).chars().take(60).collect();
        let at = format!("{above}dependencies[{short:?}]");
        // What lies in it is for development too.
        if out.leaves_dev(dependency.dev.is("true")) {
            continue;
        }
        match dependency.version.as_deref() {
            Some(version) if version.starts_with("npm:") => {
                let alias = version.trim_start_matches("npm:");
                match alias.rsplit_once('@') {
                    Some((real, version)) if !real.is_empty() => {
                        take(real, Some(version), true, &at, out);
                    }
                    _ => out.refuse(&at, Reason::BadField("version")),
                }
            }
            // A version 1 file has an address in place of the version of what is not from a registry.
            Some(version) => {
                let registry = !version.contains([':', '/']);
                take(name, Some(version), registry, &at, out);
            }
            None => take(name, None, true, &at, out),
        }
        if let Some(inner) = &dependency.dependencies {
            dependencies(inner, &format!("{at}."), out);
        }
    }
}

/// An installed package's own file. One without a name is a folder that only states how it is loaded.
pub(super) fn package(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let package: Package = json::read(text)?;
    let name = package.name.as_deref().ok_or(Reason::Missing("name"))?;
    take(name, package.version.as_deref(), true, "", out);
    Ok(())
}

pub(super) fn take(name: &str, version: Option<&str>, registry: bool, at: &str, out: &mut Out<'_>) {
    let purl = out.purl(registry && !name.is_empty(), || {
        identity::make_path("npm", name, version)
    });
    out.take(
        at,
        Found {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            ecosystem: Some("npm"),
            purl,
            ..Found::default()
        },
    );
}
