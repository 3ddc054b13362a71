//! Package URLs and CPE names.

use std::str::FromStr;

use packageurl::PackageUrl;

use super::{LONGEST, Reason, cut};

/// A purl as the specification writes it: type in small letters, names by the rules of the type, qualifiers in order.
///
/// # Errors
/// [`Reason::BadPurl`] for what is no purl, or breaks the rules of its type.
pub fn normalise_purl(text: &str) -> Result<String, Reason> {
    parse(text).map(|purl| purl.text)
}

/// A purl that is one.
pub(super) struct Purl {
    pub(super) text: String,
    pub(super) kind: String,
    /// With its namespace in front.
    pub(super) name: String,
    pub(super) version: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Purl, Reason> {
    let text = text.trim();
    if !fit(text) {
        return Err(Reason::BadField("purl"));
    }
    let bad = |why: String| Reason::BadPurl(cut(&why));
    // An empty subpath says nothing.
    let purl = clean(text.trim_end_matches('#'))?;
    let written = purl.to_string();
    // Two readers must not find two packages in it.
    if clean(&written)?.to_string() != written {
        return Err(bad("it can be read in two ways".to_owned()));
    }
    // Percent-encoding may hide what a name must not hold.
    let parts = [
        Some(purl.name()),
        purl.namespace(),
        purl.version(),
        purl.subpath(),
    ];
    let hidden = |part: &str| part.chars().any(char::is_control);
    if parts.into_iter().flatten().any(hidden)
        || purl.qualifiers().values().any(|value| hidden(value))
    {
        return Err(bad("it has control characters".to_owned()));
    }
    Ok(Purl {
        kind: purl.ty().to_owned(),
        name: match purl.namespace() {
            Some(namespace) => format!("{namespace}/{}", purl.name()),
            None => purl.name().to_owned(),
        },
        version: purl.version().map(str::to_owned),
        text: written,
    })
}

/// Parsed, without parts that are stated and empty.
fn clean(text: &str) -> Result<PackageUrl<'static>, Reason> {
    let mut purl =
        PackageUrl::from_str(text).map_err(|cause| Reason::BadPurl(cut(&cause.to_string())))?;
    if purl.version().is_some_and(str::is_empty) {
        purl.without_version();
    }
    if purl.namespace().is_some_and(str::is_empty) {
        purl.without_namespace();
    }
    if purl.subpath().is_some_and(str::is_empty) {
        purl.without_subpath();
    }
    Ok(purl)
}

/// A purl made of what a lock file states. `namespace` may have several parts with `/` between them.
pub(super) fn make(
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    version: Option<&str>,
    qualifiers: &[(&str, &str)],
) -> Result<String, Reason> {
    let bad = |cause: packageurl::Error| Reason::BadPurl(cut(&cause.to_string()));
    let mut purl = PackageUrl::new(kind.to_owned(), name.trim().to_owned()).map_err(bad)?;
    if let Some(namespace) = namespace.filter(|text| !text.is_empty()) {
        purl.with_namespace(namespace.to_owned()).map_err(bad)?;
    }
    if let Some(version) = version.map(str::trim).filter(|text| !text.is_empty()) {
        purl.with_version(version.to_owned()).map_err(bad)?;
    }
    for (key, value) in qualifiers {
        if !value.is_empty() {
            purl.add_qualifier((*key).to_owned(), (*value).to_owned())
                .map_err(bad)?;
        }
    }
    purl.validate().map_err(bad)?;
    Ok(purl.to_string())
}

/// A purl of a name that has its namespace in front of the last `/`.
pub(super) fn make_path(kind: &str, path: &str, version: Option<&str>) -> Result<String, Reason> {
    match path.rsplit_once('/') {
        Some((namespace, name)) => make(kind, Some(namespace), name, version, &[]),
        None => make(kind, None, path, version, &[]),
    }
}

/// A text that may be shown: not too long, no control characters.
pub(super) fn fit(text: &str) -> bool {
    text.len() <= LONGEST && !text.chars().any(char::is_control)
}

/// A formatted CPE 2.3 name, which has 13 parts, or a CPE 2.2 URI. A colon with a backslash before it parts nothing.
pub(super) fn is_cpe(text: &str) -> bool {
    if !fit(text) || text.chars().any(char::is_whitespace) {
        return false;
    }
    let class = |rest: &str| {
        let mut letters = rest.chars();
        matches!(letters.next(), Some('a' | 'o' | 'h' | '*' | '-'))
            && matches!(letters.next(), Some(':'))
    };
    if let Some(rest) = text.strip_prefix("cpe:2.3:") {
        let mut parts = 1;
        let mut escaped = false;
        for letter in rest.chars() {
            parts += usize::from(letter == ':' && !escaped);
            escaped = letter == '\\' && !escaped;
        }
        return class(rest) && parts == 11;
    }
    text.strip_prefix("cpe:/").is_some_and(class)
}
