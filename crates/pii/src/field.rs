//! What a profile knows of a route's fields.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use hudun_core::DataKind;

use crate::keyer::CUSTOMER;

/// Which fields of a route hold which personal data, whose data it is, and where its rows are.
///
/// A field is named by the last segments of its path: `mobile` (everywhere), `customer/mobile` (only in an object called
/// `customer`). Arrays add no segment. Names ignore ASCII case. For CSV a field is a column; for HTML it is an attribute
/// (`data-mobile`, written with or without `data-`) or the value of `data-field`, `itemprop` or `name`. Of several specs
/// that fit, the longest wins.
#[derive(Clone, Debug)]
pub struct FieldMap {
    by_name: HashMap<Box<[u8]>, Vec<Spec>, BuildHasherDefault<NameHasher>>,
    rows_at: Vec<Vec<u8>>,
    columns: Vec<Vec<u8>>,
    header_row: bool,
    namespace: String,
}

#[derive(Clone, Debug)]
struct Spec {
    /// The segments before the last one, as `/a/b`; empty when any place fits.
    parents: Vec<u8>,
    role: Role,
}

/// What one field means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) kind: Option<DataKind>,
    /// Rank among the subject keys; lower wins.
    pub(crate) key: Option<u8>,
    pub(crate) owner: bool,
    pub(crate) free_text: bool,
    pub(crate) ignored: bool,
    /// The name itself says that a card number is to be expected.
    pub(crate) card_hint: bool,
    /// The spec names parents, so it fits in nested objects of a row too.
    pub(crate) nested: bool,
}

const MAX_SPECS: usize = 2_048;
const MAX_NAME: usize = 256;

impl FieldMap {
    /// A map that knows no field: content detection alone.
    pub fn empty() -> Self {
        Self {
            by_name: HashMap::default(),
            rows_at: Vec::new(),
            columns: Vec::new(),
            header_row: false,
            namespace: CUSTOMER.to_owned(),
        }
    }

    /// Starts a map.
    pub fn builder() -> FieldMapBuilder {
        FieldMapBuilder {
            map: Self::empty(),
            keys: 0,
            specs: 0,
            error: None,
        }
    }

    /// The same map for an answer whose rows are arrays (or a CSV without header): the request named the columns.
    #[must_use]
    pub fn with_columns<S: AsRef<str>>(&self, columns: &[S]) -> Self {
        let mut map = self.clone();
        map.columns = columns
            .iter()
            .take(MAX_SPECS)
            .map(|name| name.as_ref().to_ascii_lowercase().into_bytes())
            .collect();
        map
    }

    /// The same map for an answer with named columns whose first row holds their titles and nobody's data.
    #[must_use]
    pub fn with_header_row(&self, header_row: bool) -> Self {
        let mut map = self.clone();
        map.header_row = header_row;
        map
    }

    pub(crate) fn has_header_row(&self) -> bool {
        self.header_row && !self.columns.is_empty()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn columns(&self) -> &[Vec<u8>] {
        &self.columns
    }

    pub(crate) fn knows_rows(&self) -> bool {
        !self.rows_at.is_empty()
    }

    pub(crate) fn is_rows(&self, path: &[u8]) -> bool {
        self.rows_at.iter().any(|at| at == path)
    }

    /// The role of a field, by its lower-case name and the path of the object around it (`/a/b`, lower case).
    pub(crate) fn role(&self, name: &[u8], path: &[u8]) -> Role {
        let known = self.by_name.get(name).and_then(|specs| {
            specs
                .iter()
                .find(|spec| path.ends_with(&spec.parents))
                .map(|spec| spec.role)
        });
        known.unwrap_or_else(|| Role {
            card_hint: hints_card(name),
            ..Role::default()
        })
    }
}

fn hints_card(name: &[u8]) -> bool {
    name.windows(4)
        .any(|part| matches!(part, b"card" | b"bank"))
        || name
            .windows(3)
            .any(|part| part == "卡".as_bytes() || part == "账".as_bytes())
}

/// FNV-1a. The keys of the map come from the profile, so nobody can choose them to collide.
#[derive(Clone, Debug)]
struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.0 = (self.0 ^ length as u64).wrapping_mul(0x0100_0000_01b3);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Builds a [`FieldMap`]; the first mistake is told by [`FieldMapBuilder::build`].
#[derive(Debug)]
pub struct FieldMapBuilder {
    map: FieldMap,
    keys: u8,
    specs: usize,
    error: Option<FieldMapError>,
}

impl FieldMapBuilder {
    /// This field holds data of this kind. Conversations, tags and remarks are read as free text too.
    #[must_use]
    pub fn field(self, spec: &str, kind: DataKind) -> Self {
        self.set(spec, |role| {
            if role.kind.is_some_and(|known| known != kind) {
                return false;
            }
            role.kind = Some(kind);
            role.free_text |= matches!(kind, DataKind::Conversation | DataKind::Profile);
            true
        })
    }

    /// This field tells whose data the row is. Of several, the one named first wins. With [`Self::rows_at`], a key without
    /// parents counts only directly in a row; name the parents (`customer/id`) for a key in a nested object.
    #[must_use]
    pub fn subject_key(mut self, spec: &str) -> Self {
        let rank = self.keys;
        self.keys = self.keys.saturating_add(1);
        self.set(spec, |role| {
            role.key.get_or_insert(rank);
            true
        })
    }

    /// The namespace of the subject keys; `customer` unless told.
    #[must_use]
    pub fn subject_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.map.namespace);
        self
    }

    /// This field names the account that owns the row.
    #[must_use]
    pub fn owner(self, spec: &str) -> Self {
        self.set(spec, |role| {
            role.owner = true;
            true
        })
    }

    /// This field is free text: what is found in it is added to the row's subject, without an alias.
    #[must_use]
    pub fn free_text(self, spec: &str) -> Self {
        self.set(spec, |role| {
            role.free_text = true;
            true
        })
    }

    /// This field holds nothing personal, whatever it looks like; what is nested in it neither.
    #[must_use]
    pub fn ignore(self, spec: &str) -> Self {
        self.set(spec, |role| {
            role.ignored = true;
            role.kind.is_none()
        })
    }

    /// Where the rows are: the path of the array (or of the one object) such as `/items` or `/data/rows`; `/` is the
    /// document itself. May be told several times.
    #[must_use]
    pub fn rows_at(mut self, path: &str) -> Self {
        let path = path.trim_end_matches('/').to_ascii_lowercase();
        if !path.is_empty() && !path.starts_with('/') {
            self.error
                .get_or_insert_with(|| FieldMapError::RowsPath(path.clone()));
        }
        self.map.rows_at.push(path.into_bytes());
        self
    }

    /// The finished map.
    pub fn build(self) -> Result<FieldMap, FieldMapError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.map),
        }
    }

    fn set(mut self, spec: &str, change: impl FnOnce(&mut Role) -> bool) -> Self {
        let whole = spec.to_ascii_lowercase();
        let (parents, name) = match whole.trim_start_matches('/').rsplit_once('/') {
            Some((parents, name)) => (format!("/{parents}"), name),
            None => (String::new(), whole.trim_start_matches('/')),
        };
        if name.is_empty() || whole.len() > MAX_NAME {
            self.error
                .get_or_insert_with(|| FieldMapError::Name(spec.chars().take(64).collect()));
            return self;
        }
        let specs = self.map.by_name.entry(name.as_bytes().into()).or_default();
        let at = specs
            .iter()
            .position(|known| known.parents == parents.as_bytes())
            .unwrap_or_else(|| {
                self.specs += 1;
                specs.push(Spec {
                    parents: parents.clone().into_bytes(),
                    role: Role {
                        card_hint: hints_card(name.as_bytes()),
                        nested: !parents.is_empty(),
                        ..Role::default()
                    },
                });
                specs.len() - 1
            });
        if !change(&mut specs[at].role) {
            self.error
                .get_or_insert_with(|| FieldMapError::Conflict(spec.to_owned()));
        }
        specs.sort_by_key(|spec| std::cmp::Reverse(spec.parents.len()));
        if self.specs > MAX_SPECS {
            self.error.get_or_insert(FieldMapError::TooMany(MAX_SPECS));
        }
        self
    }
}

/// What is wrong with a field map.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldMapError {
    /// No name after the last `/`, or more than 256 bytes.
    #[error("field {0:?}: a field needs a name of at most 256 bytes")]
    Name(String),
    /// Two kinds for one field, or a kind for an ignored one.
    #[error("field {0:?}: it is given two meanings that exclude each other")]
    Conflict(String),
    /// A path of rows that doesn't start with `/`.
    #[error("rows_at {0:?}: a path starts with '/'")]
    RowsPath(String),
    /// More fields than any product has.
    #[error("more than {0} fields")]
    TooMany(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_spec_that_fits_wins() {
        let map = FieldMap::builder()
            .field("name", DataKind::Name)
            .ignore("tags/name")
            .build()
            .unwrap();
        assert_eq!(map.role(b"name", b"/items").kind, Some(DataKind::Name));
        assert!(map.role(b"name", b"/items/tags").ignored);
        assert_eq!(map.role(b"name", b"/hashtags").kind, Some(DataKind::Name));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            FieldMap::builder().owner("a/").build().unwrap_err(),
            FieldMapError::Name("a/".into())
        );
        assert_eq!(
            FieldMap::builder()
                .field("a", DataKind::Name)
                .field("A", DataKind::Qq)
                .build()
                .unwrap_err(),
            FieldMapError::Conflict("A".into())
        );
        assert!(FieldMap::builder().rows_at("items").build().is_err());
    }
}
