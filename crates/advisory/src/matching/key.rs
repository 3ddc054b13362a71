//! What products are looked up by: package, CPE name, and name as text.

use std::str::FromStr;

use packageurl::PackageUrl;

use crate::cpe::{Attribute, Cpe};
use crate::record::{Affected, Identity, Package};

/// Shortest name that is looked up, in letters and digits: shorter ones are found everywhere.
const SHORTEST: usize = 3;

/// What a product statement can be found by.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) package: Option<(Identity, String)>,
    pub(super) cpes: Vec<String>,
    pub(super) names: Vec<String>,
    /// The maker's name, in letters and digits alone.
    pub(super) maker: String,
    /// A CPE name leaves the maker open.
    pub(super) anyone: bool,
}

impl Keys {
    pub(super) fn of(affected: &Affected) -> Self {
        let mut cpes: Vec<String> = affected
            .cpes
            .iter()
            .filter(|cpe| names_the_product(affected, cpe))
            .filter_map(cpe_key)
            .collect();
        cpes.sort_unstable();
        cpes.dedup();
        // What a registry names is looked up there; a name beside it would find other products of that name.
        let package = package_of(affected);
        let names = if package.is_none() {
            name_keys(&affected.product)
        } else {
            Vec::new()
        };
        Self {
            anyone: cpes.iter().any(|key| key.starts_with("c:*:")),
            package,
            cpes,
            maker: if names.is_empty() {
                String::new()
            } else {
                plain(&affected.vendor)
            },
            names,
        }
    }

    /// Whether a CPE of the vendor and product of `cpe` is among them (`key` is its key), or of the product by anyone.
    pub(super) fn has_cpe(&self, cpe: &Cpe, key: &str) -> bool {
        let among = |key: &str| {
            self.cpes
                .binary_search_by(|own| own.as_str().cmp(key))
                .is_ok()
        };
        let anyone = || {
            cpe.product
                .value()
                .is_some_and(|product| among(&format!("c:*:{product}")))
        };
        !self.cpes.is_empty() && (among(key) || self.anyone && anyone())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let package = self.package.iter().map(|(_, key)| key.as_str());
        let rest = self.cpes.iter().chain(&self.names).map(String::as_str);
        package.chain(rest)
    }

    /// The kinds of identifier, for the table of who can match what: `pkg:npm`, `cpe`, `name`.
    pub(super) fn kinds(&self) -> Vec<String> {
        let package = self.package.as_ref().map(|(_, key)| kind_of(key));
        let cpe = (!self.cpes.is_empty()).then(|| "cpe".to_owned());
        let name = (!self.names.is_empty()).then(|| "name".to_owned());
        package.into_iter().chain(cpe).chain(name).collect()
    }
}

/// `pkg:npm` of a package's key. Distributions count one by one: `pkg:deb/debian`.
pub(super) fn kind_of(key: &str) -> String {
    let bare = key.strip_prefix("p:").unwrap_or(key);
    let mut parts = bare.split('/');
    let kind = parts.next().unwrap_or_default();
    match parts.next() {
        Some(distro) if matches!(kind, "deb" | "apk" | "rpm") => format!("pkg:{kind}/{distro}"),
        _ => format!("pkg:{kind}"),
    }
}

/// The purl, or the package in its registry.
pub(super) fn package_of(affected: &Affected) -> Option<(Identity, String)> {
    let by_purl = affected.purl.as_deref().and_then(purl_key);
    by_purl.map(|key| (Identity::Purl, key)).or_else(|| {
        let key = registry_key(affected.package.as_ref()?)?;
        Some((Identity::Package, key))
    })
}

/// The key of a purl, without version and qualifiers.
pub(super) fn purl_key(text: &str) -> Option<String> {
    let purl = PackageUrl::from_str(text).ok()?;
    Some(join(
        purl.ty(),
        purl.namespace().unwrap_or_default(),
        purl.name(),
    ))
}

fn registry_key(package: &Package) -> Option<String> {
    let registry = package.registry.trim();
    let lower = registry.to_lowercase();
    let name = package.name.trim();
    if name.is_empty() {
        return None;
    }
    let ecosystem = lower
        .split(':')
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let split = |sign: char| name.rsplit_once(sign).unwrap_or(("", name));
    Some(match ecosystem.as_str() {
        "npm" => scoped("npm", split('/')),
        "go" => scoped("golang", split('/')),
        "packagist" => scoped("composer", split('/')),
        "swifturl" => scoped("swift", split('/')),
        "github actions" => scoped("githubactions", split('/')),
        "maven" => scoped("maven", split(':')),
        "pypi" | "nuget" | "hex" | "pub" | "cran" | "hackage" | "bitnami" => {
            join(&ecosystem, "", name)
        }
        "rubygems" => join("gem", "", name),
        "crates.io" => join("cargo", "", name),
        "debian" | "ubuntu" => join("deb", &ecosystem, name),
        "alpine" | "wolfi" | "chainguard" | "alpaquita" => join("apk", &ecosystem, name),
        "rocky linux" => join("rpm", "rocky", name),
        "almalinux" | "opensuse" | "suse" | "mageia" | "openeuler" => join("rpm", &ecosystem, name),
        "red hat" => join("rpm", "redhat", name),
        "https" | "http"
            if lower.contains("access.redhat.com/") && lower.contains("package-browser") =>
        {
            // `rhel8/podman` names a container or a stream, not an RPM.
            if name.contains('/') {
                return None;
            }
            join("rpm", "redhat", name.split(':').next().unwrap_or(name))
        }
        "https" | "http" if lower.contains("pkg.go.dev") => scoped("golang", split('/')),
        // An address that nobody knows is a registry of its own.
        _ => format!("p:{}/{}", lower.trim_end_matches('/'), name.to_lowercase()),
    })
}

fn scoped(kind: &str, (namespace, name): (&str, &str)) -> String {
    join(kind, namespace, name)
}

/// Registries disagree on case; names that differ in case alone are one here. What an order of precedence in a registry is,
/// the range still decides.
fn join(kind: &str, namespace: &str, name: &str) -> String {
    let mut name = name.to_lowercase();
    match kind {
        // PEP 503: a run of `-`, `_` and `.` is one `-`.
        "pypi" => {
            let parts = name.split(['-', '_', '.']);
            name = parts
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("-");
        }
        // crates.io takes no second name that differs in this alone.
        "cargo" => name = name.replace('_', "-"),
        _ => {}
    }
    let namespace = namespace.trim_matches('/').to_lowercase();
    if namespace.is_empty() {
        format!("p:{kind}/{name}")
    } else {
        format!("p:{kind}/{namespace}/{name}")
    }
}

/// Vendor and product. Without a product nothing can be looked up; a vendor of `*` is one of its own.
pub(super) fn cpe_key(cpe: &Cpe) -> Option<String> {
    let product = cpe.product.value()?;
    Some(format!("c:{}:{product}", cpe.vendor.value().unwrap_or("*")))
}

/// Whether the CPE is of what the versions are of. Beside a package it may name the system that the package is for: Red Hat's
/// records give `enterprise_linux` with the versions of a kernel.
fn names_the_product(affected: &Affected, cpe: &Cpe) -> bool {
    let Some(package) = &affected.package else {
        return true;
    };
    let Some(product) = cpe.product.value().map(plain) else {
        return false;
    };
    let last = package.name.rsplit(['/', ':']).next().unwrap_or_default();
    cpe.part != Attribute::Value("o".into())
        && [package.name.as_str(), last, affected.product.as_str()]
            .iter()
            .any(|name| plain(name) == product)
}

/// A name in small letters and digits alone, full-width ones folded.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
            c => c,
        })
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name, and what stands behind Chinese words in front of it: `泛微e-cology` is also `e-cology`.
pub(super) fn name_keys(name: &str) -> Vec<String> {
    let whole = plain(name);
    let tail = whole.trim_start_matches(|c: char| !c.is_ascii());
    let mut found = Vec::new();
    if telling(&whole) {
        found.push(format!("n:{whole}"));
    }
    if tail.len() < whole.len() && tail.is_ascii() && telling(tail) {
        found.push(format!("n:{tail}"));
    }
    found
}

/// Long enough to tell something: three letters, or two Chinese ones. `n/a` is none.
fn telling(plain: &str) -> bool {
    let weight: usize = plain
        .chars()
        .map(|c| if c.is_ascii() { 2 } else { 3 })
        .sum();
    weight >= SHORTEST * 2 && plain.chars().any(char::is_alphabetic)
}

/// FNV-1a, 64 bits: the same on every machine, as the index file needs it. Whoever looks up compares the name itself again.
pub(crate) fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A distribution's release: `12` of `Debian:12` and of `debian-12`, `3.18` of `Alpine:v3.18`.
pub(super) fn release(text: &str) -> Option<String> {
    const NAMES: [(&str, &str); 9] = [
        ("buster", "10"),
        ("bullseye", "11"),
        ("bookworm", "12"),
        ("trixie", "13"),
        ("focal", "20.04"),
        ("jammy", "22.04"),
        ("noble", "24.04"),
        ("bionic", "18.04"),
        ("xenial", "16.04"),
    ];
    let lower = text.to_lowercase();
    if let Some((_, number)) = NAMES.iter().find(|(name, _)| lower.contains(name)) {
        return Some((*number).to_owned());
    }
    let begin = lower.find(|c: char| c.is_ascii_digit())?;
    let rest = lower.get(begin..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    Some(rest.get(..end)?.trim_end_matches('.').to_owned())
}

/// Whether a component's release is the one that a statement is for: `3.18.4` is of `3.18`.
pub(super) fn same_release(wanted: &str, own: &str) -> bool {
    own == wanted
        || own
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_and_purls_give_the_same_key() {
        for (registry, name, purl) in [
            ("npm", "@Angular/Core", "pkg:npm/%40angular/core@1.0"),
            ("npm", "lodash", "pkg:npm/lodash"),
            ("PyPI", "Zope.Interface", "pkg:pypi/zope-interface"),
            (
                "Maven",
                "com.alibaba:fastjson",
                "pkg:maven/com.alibaba/fastjson@1.2.24",
            ),
            (
                "Packagist",
                "topthink/framework",
                "pkg:composer/topthink/framework",
            ),
            (
                "Go",
                "github.com/gin-gonic/gin",
                "pkg:golang/github.com/gin-gonic/gin",
            ),
            ("Go", "stdlib", "pkg:golang/stdlib"),
            ("crates.io", "serde_json", "pkg:cargo/serde-json"),
            (
                "Debian:12",
                "openssl",
                "pkg:deb/debian/openssl?distro=bookworm",
            ),
            ("Alpine:v3.18", "musl", "pkg:apk/alpine/musl"),
            ("Rocky Linux:8", "kernel", "pkg:rpm/rocky/kernel"),
            ("RubyGems", "rails", "pkg:gem/rails"),
        ] {
            let package = Package {
                registry: registry.to_owned(),
                name: name.to_owned(),
            };
            assert_eq!(registry_key(&package), purl_key(purl), "{registry} {name}");
        }
    }

    #[test]
    fn names_become_keys_and_what_tells_nothing_does_not() {
        let of = |name: &str| name_keys(name).join(" ");
        assert_eq!(of("泛微e-cology"), "n:泛微ecology n:ecology");
        assert_eq!(of("Apache Tomcat"), "n:apachetomcat");
        assert_eq!(of("ＦａｓｔＡｄｍｉｎ"), "n:fastadmin");
        assert_eq!(of("微信"), "n:微信");
        for none in ["n/a", "", "7", "12.1", "某", "\u{200d}\u{fe0f}"] {
            assert_eq!(of(none), "", "{none}");
        }
    }

    #[test]
    fn releases_are_told_apart() {
        assert_eq!(release("Debian:12").as_deref(), Some("12"));
        assert_eq!(release("debian-bookworm").as_deref(), Some("12"));
        assert_eq!(release("Alpine:v3.18").as_deref(), Some("3.18"));
        assert_eq!(release("Ubuntu:22.04:LTS").as_deref(), Some("22.04"));
        assert_eq!(release("Debian"), None);
        assert!(same_release("3.18", "3.18.4") && !same_release("3.1", "3.18"));
    }

    #[test]
    fn a_cpe_beside_a_package_counts_only_for_that_product() {
        let package = |name: &str| {
            Some(Package {
                registry: "https://x".to_owned(),
                name: name.to_owned(),
            })
        };
        let of = |package, cpe: &str| {
            Keys::of(&Affected {
                package,
                cpes: vec![cpe.parse().unwrap()],
                ..Affected::default()
            })
            .cpes
        };
        assert!(of(package("kernel"), "cpe:/o:redhat:enterprise_linux:8").is_empty());
        assert_eq!(
            of(
                package("give"),
                "cpe:2.3:a:givewp:give:*:*:*:*:*:wordpress:*:*"
            ),
            ["c:givewp:give"]
        );
    }
}
