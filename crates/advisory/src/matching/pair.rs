//! Names that a person confirmed to mean a product.

use serde::{Deserialize, Serialize};

use super::key::{plain, purl_key};
use super::known::Known;
use crate::record::Affected;

/// A name in advisories that a person confirmed to mean a component. Statements under that very name decide for the component
/// as a CPE name would, today's and later ones; another spelling is another name, and proposes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Maker and product as the source writes them, [`Said::product`](super::Said::product); case, width and punctuation don't
    /// count.
    pub product: String,
    /// The component: a purl without a version, or a bare name where it has none.
    pub component: String,
}

impl Pair {
    /// Whether a name is the one that was confirmed.
    pub fn means(&self, product: &str) -> bool {
        let name = plain(&self.product);
        !name.is_empty() && name == plain(product)
    }
}

/// The names that are confirmed for a component.
pub(super) fn of(pairs: &[Pair], known: &Known<'_>) -> Vec<String> {
    let is_of = |pair: &&Pair| match purl_key(&pair.component) {
        Some(key) => known.package_keys().any(|own| own == key),
        None => {
            let name = known.component.name.to_lowercase();
            known.component.purl.is_none() && name == pair.component.trim().to_lowercase()
        }
    };
    let mut names: Vec<String> = pairs
        .iter()
        .filter(is_of)
        .map(|pair| plain(&pair.product))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a product statement stands under one of the names.
pub(super) fn among(names: &[String], affected: &Affected) -> bool {
    if names.is_empty() {
        return false;
    }
    let name = plain(&affected.vendor) + &plain(&affected.product);
    names.binary_search(&name).is_ok()
}
