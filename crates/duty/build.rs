//! Embeds the content of `duties/`, and refuses a rule that does not say where it comes from and when it was checked.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?)
        .join("../../duties")
        .canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    for folder in FOLDERS {
        walk(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut out = String::from(
        "/// Path inside the content folder, and the text.\npub(crate) static FILES: &[(&str, &str)] = &[\n",
    );
    for file in &files {
        let name = file
            .strip_prefix(&root)?
            .to_string_lossy()
            .replace('\\', "/");
        if name.starts_with("rules/") {
            check_rule(&name, &fs::read_to_string(file)?)?;
        }
        writeln!(
            out,
            "    ({name:?}, include_str!({:?})),",
            file.display().to_string()
        )?;
    }
    out.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), out)?;
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}

fn check_rule(name: &str, text: &str) -> Result<(), Box<dyn std::error::Error>> {
    let rule: serde_json::Value =
        serde_saphyr::from_str(text).map_err(|e| format!("duties/{name}: {e}"))?;
    let filled = |pointer: &str| {
        rule.pointer(pointer)
            .and_then(|v| v.as_str())
            .is_some_and(|s| !s.trim().is_empty())
    };
    for pointer in [
        "/id",
        "/source/zh",
        "/source/en",
        "/source/article",
        "/source/citation",
        "/verified_at",
        "/evidence",
    ] {
        if !filled(pointer) {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(format!("duties/{name}: a rule needs `{field}`").into());
        }
    }
    let date = rule["verified_at"].as_str().unwrap_or_default();
    let shape = date.len() == 10
        && date.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    if !shape {
        return Err(format!("duties/{name}: verified_at `{date}` is not a date").into());
    }
    Ok(())
}

const FOLDERS: [&str; 6] = ["", "rules", "gates", "grading", "holidays", "templates"];
