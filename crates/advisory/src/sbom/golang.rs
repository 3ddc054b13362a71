//! Go: `go.sum` and `go.mod`.

use std::collections::HashMap;

use super::{Found, Out, Reason, cut, identity};

/// Every module whose code was fetched. A line for `go.mod` alone is of a module that was only asked about; and a module
/// that stands here may no longer be built in, which `go.mod` knows better.
pub(super) fn sums(text: &str, out: &mut Out<'_>) {
    for (number, line) in text.lines().enumerate() {
        let at = format!("line {}", number + 1);
        let mut parts = line.split_whitespace();
        let (path, version, sum, more) = (parts.next(), parts.next(), parts.next(), parts.next());
        match (path, version, sum, more) {
            (None, ..) => {}
            (Some(_), Some(version), Some(_), None) if version.ends_with("/go.mod") => {}
            (Some(path), Some(version), Some(sum), None) if sum.starts_with("h1:") => {
                take(path, Some(version), true, &at, out);
            }
            _ => out.refuse(at, Reason::BadLine(cut(line))),
        }
    }
}

/// A path, with a version or for all of them.
type Module<'a> = (&'a str, Option<&'a str>);

/// What is asked for, after what this file replaces.
pub(super) fn module(text: &str, out: &mut Out<'_>) {
    let mut block: Option<String> = None;
    let mut required: Vec<(usize, &str, &str)> = Vec::new();
    let mut replaced: HashMap<Module<'_>, Module<'_>> = HashMap::new();
    for (number, whole) in text.lines().enumerate() {
        let line = whole.split("//").next().unwrap_or_default();
        let mut words: Vec<&str> = line
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '`']))
            .collect();
        let directive = match (&block, words.as_slice()) {
            (_, []) => continue,
            (Some(_), [")"]) => {
                block = None;
                continue;
            }
            (Some(directive), _) => directive.clone(),
            (None, [directive, "("]) => {
                block = Some((*directive).to_owned());
                continue;
            }
            (None, _) => words.remove(0).to_owned(),
        };
        let arrow = words.iter().position(|word| *word == "=>");
        match (directive.as_str(), arrow, words.as_slice()) {
            ("require", None, [path, version]) => required.push((number + 1, path, version)),
            ("replace", Some(1), [old, _, new]) => {
                replaced.insert((old, None), (new, None));
            }
            ("replace", Some(1), [old, _, new, version]) => {
                replaced.insert((old, None), (new, Some(version)));
            }
            ("replace", Some(2), [old, which, _, new]) => {
                replaced.insert((old, Some(which)), (new, None));
            }
            ("replace", Some(2), [old, which, _, new, version]) => {
                replaced.insert((old, Some(which)), (new, Some(version)));
            }
            (
                "module" | "go" | "toolchain" | "godebug" | "exclude" | "retract" | "tool"
                | "ignore",
                ..,
            ) => {}
            _ => out.refuse(format!("line {}", number + 1), Reason::BadLine(cut(whole))),
        }
    }
    for (number, path, version) in required {
        let at = format!("line {number}");
        match replaced
            .get(&(path, Some(version)))
            .or_else(|| replaced.get(&(path, None)))
        {
            // A folder: the module's code is the project's own now.
            Some((_, None)) => take(path, Some(version), false, &at, out),
            Some((other, newer)) => take(other, *newer, true, &at, out),
            None => take(path, Some(version), true, &at, out),
        }
    }
}

pub(super) fn take(path: &str, version: Option<&str>, public: bool, at: &str, out: &mut Out<'_>) {
    let purl = out.purl(public, || identity::make_path("golang", path, version));
    out.take(
        at,
        Found {
            name: path.to_owned(),
            version: version.map(str::to_owned),
            ecosystem: Some("golang"),
            purl,
            ..Found::default()
        },
    );
}
