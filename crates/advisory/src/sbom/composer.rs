//! PHP: `composer.lock`.

use serde::Deserialize;

use super::json::{self, Text};
use super::{Found, Out, Reason, identity};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lock {
    packages: Option<Vec<Package>>,
    #[serde(rename = "packages-dev")]
    dev: Option<Vec<Package>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    name: Text,
    version: Text,
    dist: Option<Dist>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Dist {
    #[serde(rename = "type")]
    kind: Text,
}

pub(super) fn lock(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let lock: Lock = json::read(text)?;
    if lock.packages.is_none() && lock.dev.is_none() {
        return Err(Reason::Missing("packages"));
    }
    for (list, packages) in [("packages", &lock.packages), ("packages-dev", &lock.dev)] {
        for (at, package) in packages.iter().flatten().enumerate() {
            if out.leaves_dev(list == "packages-dev") {
                continue;
            }
            take(package, format!("{list}[{at}]"), out);
        }
    }
    Ok(())
}

/// What is installed: a list, or since Composer 2 an object with the names of what is there for development.
#[derive(Deserialize)]
#[serde(untagged)]
enum Installed {
    List(Vec<Package>),
    Object {
        packages: Vec<Package>,
        #[serde(rename = "dev-package-names", default)]
        dev: Vec<Text>,
    },
}

pub(super) fn installed(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let (packages, dev) = match json::read(text)? {
        Installed::List(packages) => (packages, Vec::new()),
        Installed::Object { packages, dev } => (packages, dev),
    };
    let dev: std::collections::HashSet<&str> = dev.iter().filter_map(Text::as_deref).collect();
    for package in &packages {
        let name = package.name.as_deref().unwrap_or_default();
        if !out.leaves_dev(dev.contains(name)) {
            take(package, format!("{:?}", super::cut(name)), out);
        }
    }
    Ok(())
}

fn take(package: &Package, at: String, out: &mut Out<'_>) {
    let name = package.name.as_deref().unwrap_or_default();
    let version = package.version.as_deref().map(plain);
    // A package from a folder of the project is nobody else's, whatever its name.
    let local = package
        .dist
        .as_ref()
        .is_some_and(|dist| dist.kind.is("path"));
    let purl = out.purl(!local && !name.is_empty(), || {
        identity::make_path("composer", name, version)
    });
    out.take(
        at,
        Found {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            ecosystem: Some("composer"),
            purl,
            ..Found::default()
        },
    );
}

/// Without the `v` of a tag: Composer itself takes it off before it compares.
fn plain(version: &str) -> &str {
    match version.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|letter: char| letter.is_ascii_digit()) => rest,
        _ => version,
    }
}
