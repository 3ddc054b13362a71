//! Rust: `Cargo.lock`; and TOML for Python's `poetry.lock` too.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json::Text;
use super::{Found, Out, Reason, cut, identity};

/// Largest TOML file, bytes: unlike JSON it is held in memory as a whole.
const LARGEST: usize = 16 << 20;

/// Most tables and lists of a TOML file.
const MOST_TABLES: usize = 2_000_000;

/// Reads a TOML document. Nesting is bounded by the parser.
pub(super) fn toml<T: DeserializeOwned>(text: &str) -> Result<T, Reason> {
    if text.len() > LARGEST {
        return Err(Reason::TooMany("16 MiB of TOML"));
    }
    if text.bytes().filter(|byte| b"{[".contains(byte)).count() > MOST_TABLES {
        return Err(Reason::TooMany("2,000,000 tables and lists"));
    }
    toml::from_str(text).map_err(|cause| {
        let line = cause.span().map_or(0, |span| {
            text.bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
                + 1
        });
        Reason::Syntax(cut(&format!("line {line}: {}", cause.message())))
    })
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
    source: Text,
}

pub(super) fn lock(text: &str, out: &mut Out<'_>) -> Result<(), Reason> {
    let lock: Lock = toml(text)?;
    for (at, package) in lock.package.iter().flatten().enumerate() {
        let at = format!("package[{at}]");
        let name = package.name.as_deref().unwrap_or_default();
        let version = package.version.as_deref();
        // Without a source it is of the workspace.
        let Some(from) = package.source.as_deref() else {
            out.refuse(at, Reason::Local(cut(name)));
            continue;
        };
        // An empty qualifier is left out.
        let git = [("vcs_url", if from.starts_with("git+") { from } else { "" })];
        let purl = out.purl(!name.is_empty(), || {
            identity::make("cargo", None, name, version, &git)
        });
        out.take(
            at,
            Found {
                name: name.to_owned(),
                version: version.map(str::to_owned),
                ecosystem: Some("cargo"),
                purl,
                ..Found::default()
            },
        );
    }
    Ok(())
}
