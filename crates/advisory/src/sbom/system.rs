//! Package databases of Debian, Ubuntu and Alpine.

use super::{BuiltFrom, Found, Out, Reason, cut, identity};

/// `/var/lib/dpkg/status`: paragraphs of fields. What was removed and left its configuration is not installed.
pub(super) fn dpkg(text: &str, out: &mut Out<'_>) {
    for (line, fields) in paragraphs(text) {
        let get = |wanted: &str| {
            let mut lines = fields.iter().filter(|line| !line.starts_with([' ', '\t']));
            lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.trim()
                    .eq_ignore_ascii_case(wanted)
                    .then(|| value.trim())
            })
        };
        let at = format!("line {line}");
        let Some(name) = get("Package") else {
            out.refuse(at, Reason::Missing("Package"));
            continue;
        };
        // Distroless images have paragraphs without a status.
        if get("Status")
            .is_some_and(|status| status.split_whitespace().next_back() != Some("installed"))
        {
            out.refuse(at, Reason::NotInstalled(cut(name)));
            continue;
        }
        let version = get("Version");
        let built_from = get("Source").map(|source| match source.split_once('(') {
            Some((name, version)) => BuiltFrom {
                name: cut(name.trim()),
                version: Some(cut(version.trim_end_matches(')').trim())),
            },
            None => BuiltFrom {
                name: cut(source),
                version: None,
            },
        });
        take(
            "deb",
            name,
            version,
            get("Architecture"),
            built_from,
            &at,
            out,
        );
    }
}

/// `/lib/apk/db/installed`: paragraphs of letters.
pub(super) fn apk(text: &str, out: &mut Out<'_>) {
    for (line, fields) in paragraphs(text) {
        let get = |wanted: char| {
            fields
                .iter()
                .find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':').map(str::trim))
        };
        let at = format!("line {line}");
        let Some(name) = get('P') else {
            out.refuse(at, Reason::Missing("P"));
            continue;
        };
        let built_from = get('o')
            .filter(|origin| *origin != name)
            .map(|origin| BuiltFrom {
                name: cut(origin),
                version: None,
            });
        take("apk", name, get('V'), get('A'), built_from, &at, out);
    }
}

/// Paragraphs with the number of their first line.
fn paragraphs(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let mut lines = text.lines().enumerate().peekable();
    std::iter::from_fn(move || {
        while lines.next_if(|(_, line)| line.trim().is_empty()).is_some() {}
        let first = lines.peek()?.0 + 1;
        let mut paragraph = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
            paragraph.push(line);
        }
        Some((first, paragraph))
    })
}

pub(super) fn take(
    kind: &'static str,
    name: &str,
    version: Option<&str>,
    arch: Option<&str>,
    built_from: Option<BuiltFrom>,
    at: &str,
    out: &mut Out<'_>,
) {
    // `debian-12`: the maker is Debian, and advisories differ by release.
    let distro = out.source.distro;
    let maker = distro.map(|distro| match distro.rsplit_once('-') {
        Some((maker, release)) if release.starts_with(|c: char| c.is_ascii_digit()) => maker,
        _ => distro,
    });
    let release = distro
        .filter(|distro| maker != Some(distro))
        .unwrap_or_default();
    // An RPM's epoch is a part of its version, and stands apart in a purl.
    let (epoch, bare) = match version.and_then(|version| version.split_once(':')) {
        Some((epoch, bare)) if kind == "rpm" => (epoch, Some(bare)),
        _ => ("", version),
    };
    let qualifiers = [
        ("arch", arch.unwrap_or_default()),
        ("distro", release),
        ("epoch", epoch),
    ];
    let purl = out.purl(!name.is_empty(), || {
        identity::make(kind, maker, name, bare, &qualifiers)
    });
    out.take(
        at,
        Found {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            ecosystem: Some(kind),
            purl,
            cpes: Vec::new(),
            built_from,
        },
    );
}
