//! Java archives: manifests and Maven's properties, in archives within archives too.

use std::io::{Cursor, Read, Seek};

use zip::ZipArchive;

/// Deepest archive in archives: a jar in a war in an ear, and one more.
const DEPTH: usize = 4;
/// Most entries of one archive.
const ENTRIES: usize = 200_000;
/// Longest manifest or properties file, bytes.
const TEXT: u64 = 1 << 20;
/// Largest archive within an archive, unpacked, bytes.
const INNER: u64 = 256 << 20;
/// Most archives within one file.
const ARCHIVES: usize = 10_000;

/// What an archive says that it is, or holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    /// `a.jar`, or `WEB-INF/lib/a.jar` and so on, one for each level below the file.
    pub(super) within: Vec<String>,
    pub(super) group: Option<String>,
    pub(super) name: String,
    pub(super) version: Option<String>,
}

/// What came of a file.
#[derive(Default)]
pub(super) struct Jar {
    pub(super) found: Vec<Artifact>,
    /// Parts that were not read: where, and why.
    pub(super) refused: Vec<(Vec<String>, String)>,
    /// Bytes that were unpacked.
    pub(super) bytes: u64,
    archives: usize,
}

/// Whether a name is that of a Java archive.
pub(super) fn is_archive(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["jar", "war", "ear", "rar", "sar", "hpi", "jpi", "par"]
        .iter()
        .any(|end| {
            lower
                .strip_suffix(end)
                .is_some_and(|front| front.ends_with('.') && front.len() > 1)
        })
}

/// Reads an archive; at most `room` bytes are unpacked.
pub(super) fn read(file: impl Read + Seek, name: &str, room: u64) -> Jar {
    let mut jar = Jar::default();
    archive(file, name, &mut Vec::new(), room, &mut jar);
    jar
}

fn archive(file: impl Read + Seek, name: &str, within: &mut Vec<String>, room: u64, jar: &mut Jar) {
    jar.archives += 1;
    let mut zip = match ZipArchive::new(file) {
        Ok(zip) => zip,
        Err(error) => {
            jar.refused.push((
                within.clone(),
                format!("it can't be opened as zip: {error}"),
            ));
            return;
        }
    };
    if zip.len() > ENTRIES {
        jar.refused.push((
            within.clone(),
            format!("it has more than {ENTRIES} entries"),
        ));
        return;
    }
    let mut manifest = None;
    let mut maven = Vec::new();
    let mut inner = Vec::new();
    for at in 0..zip.len() {
        let Some(Ok(name)) = zip.name_for_index(at) else {
            continue;
        };
        let name = name.as_ref();
        if name.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
            manifest = Some(at);
        } else if name.starts_with("META-INF/maven/") && name.ends_with("/pom.properties") {
            maven.push(at);
        } else if is_archive(name) {
            inner.push((at, name.chars().take(300).collect::<String>()));
        }
    }
    let mut take = |at: usize, most: u64, jar: &mut Jar| -> Result<Vec<u8>, String> {
        let most = most.min(room.saturating_sub(jar.bytes));
        let entry = zip.by_index(at).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let got = entry.take(most + 1).read_to_end(&mut bytes);
        jar.bytes += bytes.len() as u64;
        got.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > most {
            return Err(format!("unpacked it is longer than {most} bytes"));
        }
        Ok(bytes)
    };
    let mut named = false;
    for at in maven {
        match take(at, TEXT, jar) {
            Ok(bytes) => {
                let artifact = properties(&String::from_utf8_lossy(&bytes), within);
                named |= artifact.is_some();
                jar.found.extend(artifact);
            }
            Err(why) => jar
                .refused
                .push((within.clone(), format!("pom.properties: {why}"))),
        }
    }
    // What Maven built says so itself; a manifest's words are for the rest.
    if !named {
        let text = match manifest.map(|at| take(at, TEXT, jar)) {
            Some(Ok(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            Some(Err(why)) => {
                jar.refused
                    .push((within.clone(), format!("MANIFEST.MF: {why}")));
                String::new()
            }
            None => String::new(),
        };
        jar.found.extend(of_manifest(&text, name, within));
    }
    for (at, name) in inner {
        within.push(name.clone());
        if within.len() > DEPTH || jar.archives >= ARCHIVES {
            let why = "archives lie too deep in it, or are too many".to_owned();
            jar.refused.push((within.clone(), why));
        } else {
            match take(at, INNER, jar) {
                Ok(bytes) => archive(Cursor::new(bytes), &name, within, room, jar),
                Err(why) => jar.refused.push((within.clone(), why)),
            }
        }
        within.pop();
    }
}

fn properties(text: &str, within: &[String]) -> Option<Artifact> {
    let get = |wanted: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(['=', ':'])?;
            let value = value.trim();
            (name.trim() == wanted && !value.is_empty()).then(|| value.to_owned())
        })
    };
    Some(Artifact {
        within: within.to_vec(),
        group: Some(get("groupId")?),
        name: get("artifactId")?,
        version: get("version"),
    })
}

/// By its headers, or else by the name of the file: `name-1.2.3.jar`.
fn of_manifest(text: &str, file: &str, within: &[String]) -> Option<Artifact> {
    // A long value goes on in the next line, behind a space.
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        // The main section ends at the first empty line.
        if line.is_empty() {
            break;
        }
        match (line.strip_prefix(' '), line.split_once(':')) {
            (Some(more), _) => {
                if let Some((_, value)) = headers.last_mut() {
                    value.push_str(more);
                }
            }
            (None, Some((name, value))) => {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
            (None, None) => {}
        }
    }
    let get = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty() && !value.contains("${"))
    };
    let base = file.rsplit('/').next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(front, _)| front);
    let (named, numbered) = file_name(stem);
    let version = get("implementation-version")
        .or_else(|| get("bundle-version"))
        .or_else(|| get("specification-version").filter(|_| numbered.is_none()))
        .or(numbered);
    if named.is_empty() {
        return None;
    }
    Some(Artifact {
        within: within.to_vec(),
        group: None,
        name: named,
        version,
    })
}

/// `commons-lang3-3.12.0` as name and version.
fn file_name(stem: &str) -> (String, Option<String>) {
    let mut from = 0;
    while let Some(dash) = stem.get(from..).and_then(|rest| rest.find('-')) {
        let at = from + dash;
        let rest = stem.get(at + 1..).unwrap_or_default();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return (
                stem.get(..at).unwrap_or_default().to_owned(),
                Some(rest.to_owned()),
            );
        }
        from = at + 1;
    }
    (stem.to_owned(), None)
}
