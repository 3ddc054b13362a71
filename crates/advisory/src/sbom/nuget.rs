//! .NET: `packages.lock.json`.

use serde::Deserialize;

use super::json::{self, Pairs, Text};
use super::{Found, Out, Reason, cut, identity};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Lock {
    dependencies: Option<Pairs<Pairs<Package>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Package {
    #[serde(rename = "type")]
    kind: Text,
    resolved: Text,
}

/// Packages by target framework; one that two frameworks use is there twice, at two places.
pub(super) fn lock(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let lock: Lock = json::read(text)?;
    let frameworks = lock.dependencies.ok_or(Reason::Missing("dependencies"))?;
    for (framework, packages) in &frameworks.0 {
        for (name, package) in &packages.0 {
            let at = format!("{}/{}", cut(framework), cut(name));
            if package.kind.is("Project") {
                out.refuse(at, Reason::Local(cut(name)));
                continue;
            }
            let version = package.resolved.as_deref();
            let purl = out.purl(!name.is_empty(), || {
                identity::make("nuget", None, name, version, &[])
            });
            out.take(
                at,
                Found {
                    name: name.to_string(),
                    version: version.map(str::to_owned),
                    ecosystem: Some("nuget"),
                    purl,
                    ..Found::default()
                },
            );
        }
    }
    Ok(())
}
