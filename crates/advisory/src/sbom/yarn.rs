//! Node: `yarn.lock` and `pnpm-lock.yaml`, line by line: their layout is fixed by the tools that write them.

use super::{Out, Reason, cut, npm};

/// Yarn 1 and the later ones: an entry's names at the margin, its fields two spaces in.
pub(super) fn lock(text: &str, out: &mut Out<'_>) {
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let Some(names) = line.strip_suffix(':').filter(|line| {
            !line.starts_with([' ', '\t', '#']) && !line.is_empty() && *line != "__metadata"
        }) else {
            continue;
        };
        let (mut version, mut resolution) = (None, None);
        while let Some((_, field)) = lines.next_if(|(_, line)| line.starts_with(' ')) {
            let Some(field) = field
                .strip_prefix("  ")
                .filter(|field| !field.starts_with(' '))
            else {
                continue;
            };
            let value = |name: &str| {
                let rest = field.strip_prefix(name)?;
                let rest = rest.strip_prefix(':').unwrap_or(rest).strip_prefix(' ')?;
                Some(rest.trim().trim_matches('"'))
            };
            version = version.or_else(|| value("version"));
            resolution = resolution.or_else(|| value("resolution"));
        }
        let at = format!("line {}", number + 1);
        let first = names.split(", ").next().unwrap_or_default();
        let whole = resolution.unwrap_or(first).trim_matches('"');
        let Some((name, from)) = parts(whole) else {
            out.refuse(at, Reason::BadLine(cut(line)));
            continue;
        };
        if from.starts_with("workspace:") || from.starts_with("link:") {
            out.refuse(at, Reason::Local(cut(name)));
            continue;
        }
        // An alias: `mine@npm:real@^1.0.0`.
        let (name, from) = match from.strip_prefix("npm:").and_then(parts) {
            Some((real, rest)) => (real, rest),
            None => (name, from.strip_prefix("npm:").unwrap_or(from)),
        };
        // What is not from a registry has an address in place of a range.
        let registry = !from.contains(':') && !from.contains("://");
        npm::take(name, version, registry, &at, out);
    }
}

/// Name and range: the first `@` behind the first letter parts them, as a scope begins with one.
fn parts(text: &str) -> Option<(&str, &str)> {
    let begin = usize::from(text.starts_with('@'));
    let at = text.get(begin..)?.find('@')? + begin;
    let (name, rest) = text.split_at_checked(at)?;
    (!name.is_empty()).then(|| (name, rest.get(1..).unwrap_or_default()))
}

/// pnpm: the keys below `packages:`, `/a/1.0.0` before version 6 of the file, `/a@1.0.0` and `a@1.0.0` later.
pub(super) fn pnpm(text: &str, out: &mut Out<'_>) {
    let mut lines = text.lines().enumerate().peekable();
    let mut within = false;
    while let Some((number, line)) = lines.next() {
        if !line.starts_with([' ', '#']) && !line.trim().is_empty() {
            within = line.trim_end() == "packages:";
            continue;
        }
        let key = line.strip_prefix("  ").filter(|key| !key.starts_with(' '));
        let Some(key) = key.filter(|_| within) else {
            continue;
        };
        let mut dev = false;
        while let Some((_, field)) = lines.next_if(|(_, line)| line.starts_with("    ")) {
            dev |= field.trim() == "dev: true";
        }
        if out.leaves_dev(dev) {
            continue;
        }
        let at = format!("line {}", number + 1);
        let key = key
            .trim()
            .trim_end_matches("{}")
            .trim()
            .trim_end_matches(':');
        let key = key.trim_matches(['\'', '"']).trim_start_matches('/');
        // Behind a parenthesis stands what it was built with.
        let bare = key.split('(').next().unwrap_or_default();
        let found = match parts(bare) {
            Some(found) => Some(found),
            None => bare
                .rsplit_once('/')
                .map(|(name, version)| (name, version.split('_').next().unwrap_or_default())),
        };
        match found {
            Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
                npm::take(name, Some(version), true, &at, out);
            }
            _ => out.refuse(at, Reason::Elsewhere(cut(key))),
        }
    }
}
