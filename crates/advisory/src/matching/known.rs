//! A component as the matcher sees it, and whether a product statement is of it.

use std::str::FromStr;

use packageurl::PackageUrl;

use super::alias;
use super::key::{Keys, cpe_key, name_keys, plain, purl_key, release, same_release};
use super::pair::{self, Pair};
use crate::cpe::{Attribute, Cpe};
use crate::record::{Affected, Identity};
use crate::sbom::Component;
use crate::version::Ecosystem;

/// Longest name of a maker that is held against another: `apache` is `apachesoftwarefoundation` too.
const MAKER: usize = 4;

/// A component with all that it can be looked up by.
pub(super) struct Known<'a> {
    pub(super) component: &'a Component,
    packages: Vec<Named>,
    cpes: Vec<(Cpe, String)>,
    /// A name's key, and whether it comes from the curated list.
    names: Vec<(String, bool)>,
    makers: Vec<String>,
    release: Option<String>,
    order: Option<Ecosystem>,
    /// The version that its CPE states, where it has no other.
    cpe_version: Option<String>,
    /// The version before the distribution's own part.
    upstream: Option<String>,
    /// Names that a person confirmed to mean it.
    confirmed: Vec<String>,
}

struct Named {
    key: String,
    version: Option<String>,
}

/// How a statement was recognised, and what to hold against it.
pub(super) struct Seen<'a> {
    pub(super) identity: Identity,
    pub(super) version: Option<&'a str>,
    pub(super) order: Option<Ecosystem>,
    /// A package of a distribution, held against upstream versions.
    pub(super) upstream: bool,
    /// The CPE name whose edition or environment the component leaves open.
    pub(super) edition: Option<String>,
    /// The release that the statement is for, where the component states none.
    pub(super) release: Option<String>,
}

impl<'a> Known<'a> {
    pub(super) fn of(component: &'a Component) -> Self {
        let cpes: Vec<(Cpe, String)> = component
            .cpes
            .iter()
            .filter_map(|text| text.parse::<Cpe>().ok())
            .filter_map(|cpe| cpe_key(&cpe).map(|key| (cpe, key)))
            .collect();
        let purl = component
            .purl
            .as_deref()
            .and_then(|text| PackageUrl::from_str(text).ok());
        let mut packages = Vec::new();
        if let Some(key) = component.purl.as_deref().and_then(purl_key) {
            // The source package stands beside the one that was built from it: distributions publish for the former.
            if let Some(built) = &component.built_from
                && let Some((front, _)) = key.rsplit_once('/')
            {
                packages.push(Named {
                    key: format!("{front}/{}", built.name.to_lowercase()),
                    version: built.version.clone().or_else(|| component.version.clone()),
                });
            }
            packages.push(Named {
                key,
                version: component.version.clone(),
            });
        }
        let order = component.order();
        let kind = component.ecosystem.as_deref().unwrap_or_default();
        let upstream = component
            .version
            .as_deref()
            .filter(|_| matches!(kind, "deb" | "rpm" | "apk"))
            .map(|version| upstream(kind, version));
        let mut names: Vec<(String, bool)> = packages
            .iter()
            .flat_map(|package| alias::names(&package.key))
            .map(|name| (format!("n:{name}"), true))
            .collect();
        let mut makers: Vec<String> = cpes
            .iter()
            .filter_map(|(cpe, _)| cpe.vendor.value().map(plain))
            .collect();
        // What a registry holds is looked up there: by its bare name it would be found in every product of that name.
        if order.is_none() {
            let last = component.name.rsplit(['/', ':']).next().unwrap_or_default();
            let products = cpes.iter().filter_map(|(cpe, _)| cpe.product.value());
            let found = products.chain([component.name.as_str(), last]);
            names.extend(found.flat_map(name_keys).map(|key| (key, false)));
            let front = component
                .name
                .rsplit_once(['/', ':'])
                .map(|(front, _)| plain(front));
            let namespace = purl.as_ref().and_then(|purl| purl.namespace().map(plain));
            makers.extend(front.into_iter().chain(namespace));
        }
        names.sort_unstable();
        names.dedup_by(|one, two| one.0 == two.0);
        makers.retain(|maker| maker.len() >= MAKER);
        let stated = purl.as_ref().and_then(|purl| {
            let qualifiers = purl.qualifiers();
            qualifiers
                .get("distro")
                .or_else(|| qualifiers.get("distro_name"))
                .and_then(|text| release(text))
        });
        Self {
            component,
            packages,
            names,
            makers,
            release: stated,
            order,
            cpe_version: cpes.iter().find_map(|(cpe, _)| cpe.release()),
            cpes,
            upstream,
            confirmed: Vec::new(),
        }
    }

    /// With the names that a person confirmed to mean it.
    pub(super) fn with(mut self, pairs: &[Pair]) -> Self {
        if !pairs.is_empty() {
            self.confirmed = pair::of(pairs, &self);
        }
        self
    }

    /// All keys to look up.
    pub(super) fn lookups(&self) -> Vec<String> {
        let packages = self.packages.iter().map(|package| package.key.clone());
        let cpes = self.cpes.iter().map(|(_, key)| key.clone());
        // A source may leave the maker open.
        let anyone = self
            .cpes
            .iter()
            .filter_map(|(cpe, _)| Some(format!("c:*:{}", cpe.product.value()?)));
        let names = self.names.iter().map(|(key, _)| key.clone());
        let mut found: Vec<String> = packages.chain(cpes).chain(anyone).chain(names).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The kinds of identifier that it has, as [`Keys::kinds`] writes them.
    pub(super) fn kinds(&self) -> Vec<String> {
        let package = self
            .packages
            .last()
            .map(|package| super::key::kind_of(&package.key));
        let cpe = (!self.cpes.is_empty()).then(|| "cpe".to_owned());
        let name = (!self.names.is_empty()).then(|| "name".to_owned());
        package.into_iter().chain(cpe).chain(name).collect()
    }

    pub(super) fn package_keys(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|package| package.key.as_str())
    }

    pub(super) fn cpe_keys(&self) -> impl Iterator<Item = &str> {
        self.cpes.iter().map(|(_, key)| key.as_str())
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.component
            .version
            .as_deref()
            .or(self.cpe_version.as_deref())
    }

    pub(super) const fn order(&self) -> Option<Ecosystem> {
        self.order
    }

    /// Whether a statement is of this component, by the surest identity that both have. `keys` are those of the statement.
    pub(super) fn recognise(&self, affected: &Affected, keys: &Keys) -> Option<Seen<'_>> {
        if let Some((identity, key)) = &keys.package
            && let Some(named) = self.packages.iter().find(|named| named.key == *key)
        {
            let wanted = release_of(affected);
            let release = match (&wanted, &self.release) {
                (Some(wanted), Some(own)) if !same_release(wanted, own) => return None,
                (Some(_), None) => wanted,
                _ => None,
            };
            return Some(Seen {
                identity: *identity,
                version: named.version.as_deref(),
                order: self.order,
                upstream: false,
                edition: None,
                release,
            });
        }
        self.by_cpe(affected, keys)
            .or_else(|| self.by_name(affected, keys))
    }

    fn by_cpe(&self, affected: &Affected, keys: &Keys) -> Option<Seen<'_>> {
        if !self.cpes.iter().any(|(cpe, key)| keys.has_cpe(cpe, key)) {
            return None;
        }
        let mut open: Option<String> = None;
        let mut found = false;
        for wanted in &affected.cpes {
            let Some(key) = cpe_key(wanted).filter(|key| keys.cpes.binary_search(key).is_ok())
            else {
                continue;
            };
            for (own, own_key) in &self.cpes {
                let anyone = wanted.vendor == Attribute::Any && own.product == wanted.product;
                if *own_key != key && !anyone {
                    continue;
                }
                match self.edition(wanted, own) {
                    Edition::Same => found = true,
                    Edition::Open => {
                        open.get_or_insert_with(|| wanted.to_string());
                    }
                    Edition::Other => {}
                }
            }
        }
        if !found && open.is_none() {
            return None;
        }
        Some(Seen {
            identity: Identity::Cpe,
            version: self.upstream.as_deref().or_else(|| self.version()),
            // A distribution's order is not that of upstream versions.
            order: self.order.filter(|_| self.upstream.is_none()),
            upstream: self.upstream.is_some(),
            edition: if found { None } else { open },
            release: None,
        })
    }

    /// Whether all but product and version of a CPE name agree.
    fn edition(&self, wanted: &Cpe, own: &Cpe) -> Edition {
        if !wanted.part.allows(&own.part) && own.part != Attribute::Any {
            return Edition::Other;
        }
        let mut edition = Edition::Same;
        for (wanted, own) in [
            (&wanted.edition, &own.edition),
            (&wanted.language, &own.language),
            (&wanted.sw_edition, &own.sw_edition),
            (&wanted.target_sw, &own.target_sw),
            (&wanted.target_hw, &own.target_hw),
            (&wanted.other, &own.other),
        ] {
            let fits = wanted.allows(own)
                || *wanted == Attribute::Na && *own == Attribute::Any
                || wanted.value().is_some_and(|text| self.is_of(text));
            if fits {
                continue;
            }
            if *own != Attribute::Any {
                return Edition::Other;
            }
            edition = Edition::Open;
        }
        edition
    }

    /// Whether the component's registry is the environment that a CPE names.
    fn is_of(&self, target: &str) -> bool {
        matches!(
            (
                target,
                self.component.ecosystem.as_deref().unwrap_or_default()
            ),
            ("node.js", "npm")
                | ("python", "pypi")
                | ("ruby", "gem")
                | ("rust", "cargo")
                | ("go", "golang")
                | ("php", "composer")
                | ("maven" | "java", "maven")
        )
    }

    fn by_name(&self, affected: &Affected, keys: &Keys) -> Option<Seen<'_>> {
        let curated = keys
            .names
            .iter()
            .filter_map(|key| self.names.iter().find(|(own, _)| own == key))
            .map(|(_, curated)| *curated)
            .reduce(|one, two| one || two)?;
        let maker = keys.maker.as_str();
        let same_maker = maker.len() >= MAKER
            && self
                .makers
                .iter()
                .any(|own| maker.starts_with(own.as_str()) || own.starts_with(maker));
        Some(Seen {
            identity: if pair::among(&self.confirmed, affected) {
                Identity::Confirmed
            } else if curated || same_maker {
                Identity::Name
            } else {
                Identity::Text
            },
            version: self.upstream.as_deref().or_else(|| self.version()),
            order: self.order.filter(|_| self.upstream.is_none()),
            upstream: self.upstream.is_some(),
            edition: None,
            release: None,
        })
    }
}

enum Edition {
    Same,
    /// The statement is for one, and the component does not say which it is.
    Open,
    Other,
}

/// The release of a distribution that a statement is for.
fn release_of(affected: &Affected) -> Option<String> {
    let stated = affected.purl.as_deref().and_then(|text| {
        let purl = PackageUrl::from_str(text).ok()?;
        purl.qualifiers()
            .get("distro")
            .and_then(|text| release(text))
    });
    let registry = affected.package.as_ref().and_then(|package| {
        let (name, rest) = package.registry.split_once(':')?;
        // An address has a colon too.
        (!rest.starts_with("//") && !name.is_empty()).then(|| release(rest))?
    });
    stated.or(registry)
}

/// Without epoch and the distribution's revision: `1:1.2.3-4+deb12u1` is `1.2.3`.
fn upstream(kind: &str, version: &str) -> String {
    let bare = match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => version,
    };
    let bare = match (kind, bare.rsplit_once('-')) {
        ("apk", Some((front, rest))) if rest.starts_with('r') => front,
        ("apk", _) | (_, None) => bare,
        (_, Some((front, _))) => front,
    };
    let end = bare.find(['+', '~']).unwrap_or(bare.len());
    bare.get(..end).unwrap_or(bare).to_owned()
}

#[cfg(test)]
mod tests {
    use super::upstream;

    #[test]
    fn a_distribution_adds_to_the_upstream_version() {
        for (kind, version, wanted) in [
            ("deb", "1:1.2.3-4+deb12u1", "1.2.3"),
            ("deb", "2.0+dfsg-1", "2.0"),
            ("rpm", "0:4.18.0-477.el8", "4.18.0"),
            ("apk", "1.2.4-r3", "1.2.4"),
            ("apk", "1.2.4", "1.2.4"),
        ] {
            assert_eq!(upstream(kind, version), wanted, "{version}");
        }
    }
}
