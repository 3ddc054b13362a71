//! Which feed a file is, by its first bytes.

use super::Format;

/// How far is looked. What tells a format stands near its beginning.
const FAR: usize = 1 << 20;
/// Deepest nesting that is looked at.
const DEEP: usize = 5;

impl Format {
    /// Which feed a file is, by what it begins with; `name` only tells a table from a document. `None`: no feed that is known.
    pub fn detect(name: &str, first: &[u8]) -> Option<Self> {
        let first = first.get(..FAR).unwrap_or(first);
        let bare = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        let begin = bare.iter().position(|byte| !byte.is_ascii_whitespace())?;
        match bare.get(begin)? {
            b'{' | b'[' => json(bare.get(begin..)?),
            // UTF-16 has a nought beside each sign.
            b'<' | 0xff | 0xfe => xml(first),
            _ => csv(name, bare),
        }
    }
}

fn xml(first: &[u8]) -> Option<Format> {
    let text: Vec<u8> = first
        .iter()
        .take(64 << 10)
        .filter(|byte| **byte != 0)
        .map(u8::to_ascii_lowercase)
        .collect();
    let holds = |tag: &[u8]| text.windows(tag.len()).any(|part| part == tag);
    // Elements of other files are called vulnerability or entry too.
    if holds(b"<vulnerabilitys") || holds(b"<vulnerability>") && holds(b"<number>") {
        Some(Format::Cnvd)
    } else if holds(b"<cnnvd") || holds(b"<entry") && holds(b"<vuln-id") {
        Some(Format::Cnnvd)
    } else if holds(b"<rss")
        || holds(b"<rdf:rdf") && holds(b"purl.org/rss/")
        || holds(b"<feed") && holds(b"www.w3.org/2005/atom")
    {
        Some(Format::Rss)
    } else {
        None
    }
}

fn csv(name: &str, first: &[u8]) -> Option<Format> {
    let head: Vec<u8> = first
        .iter()
        .take(4 << 10)
        .map(u8::to_ascii_lowercase)
        .collect();
    let text = String::from_utf8_lossy(&head);
    let scores = text
        .lines()
        .find(|line| !line.starts_with('#'))
        .is_some_and(|line| line.contains("cve") && line.contains("epss"));
    (text.starts_with("#model_version") || scores || name.to_lowercase().contains("epss_scores"))
        .then_some(Format::Epss)
}

/// Walks over the keys of a document, whole or cut, until one tells.
fn json(text: &[u8]) -> Option<Format> {
    let mut path: Vec<Level> = Vec::new();
    let mut key: Option<String> = None;
    let mut guess: Option<Format> = None;
    let mut rest = text;
    while let Some((&byte, more)) = rest.split_first() {
        match byte {
            b'{' | b'[' => {
                path.push(Level {
                    object: byte == b'{',
                    under: key.take(),
                });
                rest = more;
            }
            b'}' | b']' => {
                path.pop();
                key = None;
                rest = more;
                // The first member of a list tells for all.
                if path.len() <= DEEP && guess.is_some() && objects(&path) == 0 {
                    return guess;
                }
            }
            b'"' => {
                let (word, behind) = string(more)?;
                let after = behind.iter().position(|byte| !byte.is_ascii_whitespace());
                let is_key = path.last().is_some_and(|level| level.object)
                    && after.and_then(|at| behind.get(at)) == Some(&b':');
                if is_key {
                    key = Some(word);
                    if path.len() <= DEEP
                        && let Some(key) = key.as_deref()
                    {
                        match tells(&path, key) {
                            Tells::Surely(format) => return Some(format),
                            Tells::Perhaps(format) if guess.is_none() => guess = Some(format),
                            Tells::Perhaps(_) | Tells::Nothing => {}
                        }
                    }
                } else {
                    if objects(&path) == 1
                        && key.as_deref() == Some("id")
                        && word.starts_with("GHSA-")
                    {
                        guess = Some(Format::Ghsa);
                    }
                    key = None;
                }
                rest = behind;
            }
            _ => rest = more,
        }
    }
    guess
}

struct Level {
    object: bool,
    /// The key that it stands under.
    under: Option<String>,
}

enum Tells {
    Surely(Format),
    /// Unless something better comes.
    Perhaps(Format),
    Nothing,
}

fn objects(path: &[Level]) -> usize {
    path.iter().filter(|level| level.object).count()
}

fn tells(path: &[Level], key: &str) -> Tells {
    let list = path.iter().rev().find_map(|level| level.under.as_deref());
    match (objects(path), list, key) {
        (1, _, "cveMetadata") => Tells::Surely(Format::Cve5),
        (1, _, "@context") => Tells::Perhaps(Format::OpenVex),
        (1, _, "document") => Tells::Perhaps(Format::Csaf),
        (2, Some("document"), "csaf_version") => Tells::Surely(Format::Csaf),
        (2, Some("vulnerabilities"), "cveID") => Tells::Surely(Format::Kev),
        (1, _, "catalogVersion") => Tells::Surely(Format::Kev),
        (2, Some("vulnerabilities"), "cve") => Tells::Perhaps(Format::Nvd),
        (1, _, "resultsPerPage" | "vulnStatus" | "_annotation" | "configurations") => {
            Tells::Surely(Format::Nvd)
        }
        (1, _, "cve") => Tells::Perhaps(Format::Nvd),
        (1, _, "statements") => Tells::Perhaps(Format::OpenVex),
        (1, _, "affected" | "schema_version" | "vulns" | "modified") => Tells::Perhaps(Format::Osv),
        _ => Tells::Nothing,
    }
}

/// A string behind its first quotation mark, cut to 200 bytes, and what comes after it.
fn string(text: &[u8]) -> Option<(String, &[u8])> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => break,
            _ => at += 1,
        }
    }
    let (word, rest) = text.split_at_checked(at)?;
    let word = String::from_utf8_lossy(word.get(..200).unwrap_or(word)).into_owned();
    Some((word, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feed_is_known_by_its_beginning() {
        for (first, wanted) in [
            (
                r#"{"dataType":"CVE_RECORD","cveMetadata":{"#,
                Some(Format::Cve5),
            ),
            (
                r#"[{"containers":{"cna":{"affected":[]}},"cveMetadata":{}}]"#,
                Some(Format::Cve5),
            ),
            (
                r#"{"resultsPerPage":1,"vulnerabilities":[{"cve":"#,
                Some(Format::Nvd),
            ),
            (
                r#"{"vulnerabilities":[{"cve":{"id":"CVE-1"}}]}"#,
                Some(Format::Nvd),
            ),
            (r#"{"_annotation":{},"cve":{}}"#, Some(Format::Nvd)),
            (r#"{"id":"CVE-2024-1","vulnStatus":"x"}"#, Some(Format::Nvd)),
            (
                r#"{"schema_version":"1.4.0","id":"GO-1","affected":[]}"#,
                Some(Format::Osv),
            ),
            (r#"{"id":"GHSA-a-b-c","affected":[]}"#, Some(Format::Ghsa)),
            (r#"{"affected":[],"id":"GHSA-a-b-c"}"#, Some(Format::Ghsa)),
            (
                r#"{"document":{"title":"csaf","csaf_version":"2.0"}}"#,
                Some(Format::Csaf),
            ),
            (
                r#"{"@context":"https://openvex.dev/ns/v0.2.0"}"#,
                Some(Format::OpenVex),
            ),
            (
                r#"{"title":"CISA","vulnerabilities":[{"cveID":"CVE-1"}]}"#,
                Some(Format::Kev),
            ),
            (
                "\u{feff}<?xml version='1.0'?>\n<vulnerabilitys>",
                Some(Format::Cnvd),
            ),
            (
                "<?xml version='1.0'?><cnnvd cnnvd_xml_version='1'>",
                Some(Format::Cnnvd),
            ),
            (
                "#model_version:v2025.03.14,score_date:x\ncve,epss,percentile",
                Some(Format::Epss),
            ),
            ("cve,epss,percentile\n", Some(Format::Epss)),
            (
                "<?xml version='1.0'?>\n<rss version='2.0'><channel>",
                Some(Format::Rss),
            ),
            (
                "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>",
                Some(Format::Rss),
            ),
            // A word in a text tells nothing.
            (r#"{"name":"\"cveMetadata\":","private":true}"#, None),
            (r#"{"name":"shop","dependencies":{"affected":"1.0"}}"#, None),
            (
                "<bom><components><vulnerability id='1'/></components></bom>",
                None,
            ),
            ("a,b,c\n", None),
            ("", None),
            ("{\"a", None),
            ("{\"a\\", None),
        ] {
            assert_eq!(Format::detect("feed", first.as_bytes()), wanted, "{first}");
        }
    }
}
