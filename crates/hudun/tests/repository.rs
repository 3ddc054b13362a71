//! What a repository must not hold: paths of somebody's machine, addresses of package hosts, large files, stubs,
//! tests that never run. Outside a git checkout there is nothing to judge, and the test says so.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Largest tracked file, bytes.
const LARGEST: u64 = 1 << 20;
/// Absolute paths that exist on one machine only. Taken apart, so that this file does not hold them.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];
/// Rules that look for such paths in requests, because attackers ask for them, and the requests that they are tried on.
const ATTACKS: [&str; 2] = ["rules/waf/", "crates/seclang/tests/corpus/requests/"];
/// Promises instead of code, in Rust sources.
const STUBS: [&str; 2] = [concat!("todo", "!("), concat!("unimple", "mented!(")];
/// A test that is switched off.
const IGNORED: &str = concat!("#[ig", "nore");
/// Where npm writes the host that a package came from.
const RESOLVED: &str = concat!("\"resol", "ved\"");

/// What is wrong with one file, as `path:line: sentence`.
fn faults(path: &str, bytes: &[u8]) -> Vec<String> {
    let mut faults = Vec::new();
    if bytes.len() as u64 > LARGEST {
        faults.push(format!(
            "{path}: {} bytes; a tracked file has at most {LARGEST}",
            bytes.len()
        ));
    }
    if path
        .split('/')
        .any(|part| matches!(part, "node_modules" | "target" | "dist"))
    {
        faults.push(format!("{path}: installed or built, not a source"));
    }
    // What is no text (a picture) has no lines.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return faults;
    };
    for (at, line) in text.lines().enumerate() {
        let mut fault = |sentence: String| faults.push(format!("{path}:{}: {sentence}", at + 1));
        let folder = MACHINE_PATHS.iter().find(|found| names_folder(line, found));
        if let Some(found) =
            folder.filter(|_| !ATTACKS.iter().any(|attacks| path.starts_with(attacks)))
        {
            fault(format!("names {found}, a folder of one machine"));
        }
        if path.ends_with("package-lock.json") && line.contains(RESOLVED) {
            fault("names a package host".to_owned());
        }
        if path.ends_with(".rs") {
            if let Some(stub) = STUBS.iter().find(|stub| line.contains(*stub)) {
                fault(format!("holds {stub})"));
            }
            if line.contains(IGNORED) {
                fault("a test that never runs".to_owned());
            }
        }
    }
    faults
}

/// Whether the folder stands there as an absolute path, and not as a part of a longer one (`docs/work/…`, a URL).
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| {
            letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '}' | '~' | '$')
        })
    })
}

#[test]
fn the_repository_holds_sources_only() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let Some(files) = tracked(&top) else {
        eprintln!("SKIPPED: {} is no git checkout", top.display());
        return;
    };
    assert!(
        files.len() > 100,
        "only {} files are tracked: is this the whole repository?",
        files.len()
    );
    let mut found = Vec::new();
    for file in files {
        // A file that was deleted and not yet committed, or a link that leads nowhere.
        let Ok(bytes) = std::fs::read(top.join(&file)) else {
            continue;
        };
        found.extend(faults(&file.to_string_lossy(), &bytes));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn each_fault_is_found() {
    let lock = format!("  {RESOLVED}: \"https://example.invalid/a.tgz\",\n");
    let path = format!("see {}someone/notes", MACHINE_PATHS[0]);
    let stub = format!("fn f() {{\n    {})\n}}", STUBS[0]);
    let off = format!("#[test]\n{}]\nfn f() {{}}", IGNORED);
    let large = vec![b'a'; LARGEST as usize + 1];
    for (name, bytes, expected) in [
        (
            "web/package-lock.json",
            lock.as_bytes(),
            "web/package-lock.json:1: names a package host",
        ),
        ("docs/a.md", path.as_bytes(), "docs/a.md:1: names"),
        (
            "crates/a/src/lib.rs",
            stub.as_bytes(),
            "crates/a/src/lib.rs:2: holds",
        ),
        (
            "crates/a/tests/a.rs",
            off.as_bytes(),
            "crates/a/tests/a.rs:2: a test that never runs",
        ),
        ("data.bin", large.as_slice(), "data.bin: "),
        (
            "web/e2e/node_modules/a.js",
            b"".as_slice(),
            "web/e2e/node_modules/a.js: installed",
        ),
    ] {
        let found = faults(name, bytes);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{name}: {found:?}"
        );
    }
    let relative = format!("https://example.com{}x and docs{0}y", MACHINE_PATHS[0]);
    assert_eq!(
        faults("docs/a.md", relative.as_bytes()),
        Vec::<String>::new()
    );
}

/// Every tracked file, or nothing outside a checkout.
fn tracked(top: &Path) -> Option<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(top)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8(output.stdout).unwrap();
    Some(
        names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .collect(),
    )
}
