//! Makes the web app when it is missing or older than its sources, and puts it into the binary.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;
use std::{env, fs, io};

/// Shown in place of the web app when `HUDUN_SKIP_WEB` is set.
const SKIPPED: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>护盾 Hudun</title>\
<h1>护盾 Hudun</h1><p>构建时设置了 HUDUN_SKIP_WEB，因此没有控制台页面；<a href=\"/api/docs\">API</a> 可用。</p>\
<p lang=\"en\">This build was made with HUDUN_SKIP_WEB set, so it has no web console; the \
<a href=\"/api/docs\">API</a> works.</p>";

/// What the web app is made from, below `web/`.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "scripts",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("hudun-console: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    println!("cargo:rerun-if-env-changed=HUDUN_SKIP_WEB");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    if env::var_os("HUDUN_SKIP_WEB").is_some_and(|value| value == "1") {
        println!("cargo:warning=HUDUN_SKIP_WEB=1: the console is built without its web app");
        let page = out.join("skipped.html");
        fs::write(&page, SKIPPED).map_err(|error| at(&page, &error))?;
        return table(&out, &[("index.html".to_owned(), page)]);
    }
    let here =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let web = here.join("../../web");
    let web = web.canonicalize().map_err(|error| at(&web, &error))?;
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", web.join(source).display());
    }
    println!(
        "cargo:rerun-if-changed={}",
        web.join("dist/.made-from").display()
    );
    let document = hudun_console_api::openapi()
        .to_pretty_json()
        .map_err(|error| error.to_string())?;
    let made_from = fingerprint(&web, &document)?;
    let dist = web.join("dist");
    let stamp = dist.join(".made-from");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(made_from.as_str()) {
        make(&web, &document)?;
        write_stamp(&stamp, &made_from).map_err(|error| at(&stamp, &error))?;
    }
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    let named = files.into_iter().filter_map(|path| {
        let name = path.strip_prefix(&dist).ok()?.to_str()?.replace('\\', "/");
        Some((name, path))
    });
    table(&out, &named.collect::<Vec<_>>())
}

/// The stamp is dated back: cargo would take a file that is written while this script runs for a change to come.
fn write_stamp(stamp: &Path, made_from: &str) -> io::Result<()> {
    fs::write(stamp, made_from)?;
    fs::File::options()
        .write(true)
        .open(stamp)?
        .set_modified(SystemTime::UNIX_EPOCH)
}

/// Installs what the web app needs, generates its client, builds it.
fn make(web: &Path, document: &str) -> Result<(), String> {
    println!(
        "cargo:warning=the web console is missing or older than its sources: building it in {}",
        web.display()
    );
    let generated = web.join("generated");
    fs::create_dir_all(&generated).map_err(|error| at(&generated, &error))?;
    let openapi = generated.join("openapi.json");
    fs::write(&openapi, document).map_err(|error| at(&openapi, &error))?;
    if older(
        &web.join("node_modules/.package-lock.json"),
        &web.join("package-lock.json"),
    ) {
        npm(web, &["ci", "--include=dev", "--no-audit", "--no-fund"])?;
    }
    npm(web, &["run", "build"])
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let output = Command::new(program).args(arguments).current_dir(web).output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            "Node is needed to build the web console and npm was not found: install Node 20.19 or newer, or set \
             HUDUN_SKIP_WEB=1 to build without the web console"
                .to_owned()
        } else {
            format!("npm could not be started: {error}")
        }
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!(
        "`npm {}` failed in {}:\n{}",
        arguments.join(" "),
        web.display(),
        String::from_utf8_lossy(&said)
    ))
}

/// A Rust table of the files, with their brotli forms where they have one.
fn table(out: &Path, files: &[(String, PathBuf)]) -> Result<(), String> {
    let mut rust = String::from("static FILES: &[File] = &[\n");
    for (name, path) in files {
        if path.extension() == Some(OsStr::new("br")) || name.starts_with('.') {
            continue;
        }
        let packed = PathBuf::from(format!("{}.br", path.display()));
        let brotli = match packed.is_file() {
            true => format!("Some(include_bytes!({packed:?}))"),
            false => "None".to_owned(),
        };
        let _ = writeln!(
            rust,
            "    File {{ path: {name:?}, bytes: include_bytes!({path:?}), brotli: {brotli} }},"
        );
    }
    rust.push_str("];\n");
    let table = out.join("web.rs");
    fs::write(&table, rust).map_err(|error| at(&table, &error))
}

/// Changes when a source or the API changes. Times do not count: a fresh clone of unchanged sources is not stale.
fn fingerprint(web: &Path, document: &str) -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    document.hash(&mut hasher);
    for source in SOURCES {
        let mut files = Vec::new();
        let path = web.join(source);
        if path.is_file() {
            files.push(path);
        } else if path.is_dir() {
            collect(&path, &mut files)?;
        }
        for file in files {
            file.strip_prefix(web).unwrap_or(&file).hash(&mut hasher);
            fs::read(&file)
                .map_err(|error| at(&file, &error))?
                .hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Every file below a folder, sorted.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|error| at(folder, &error))?;
    let mut paths: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn older(file: &Path, than: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    match (changed(file), changed(than)) {
        (Some(file), Some(than)) => file < than,
        _ => true,
    }
}

fn at(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
