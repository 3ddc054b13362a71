//! Measures a running guard with many records of vulnerabilities:
//! `cargo build --release --bin hudun && cargo run --release --example many_records -- target/release/hudun records.tar.gz [copies]`.
//!
//! Starts `hudun serve` on a folder of its own with one asset of 10,000 components, drops so many copies of the archive's CVE
//! records under other numbers into it (112 copies of 2,665 are 300,000), then a grave advisory, and says how long each took to
//! the alert on the ledger, how much memory the guard had, and how long it takes to start again over what it holds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

fn main() {
    let mut words = std::env::args().skip(1);
    let program = PathBuf::from(words.next().unwrap()).canonicalize().unwrap();
    let archive = words.next().unwrap();
    let copies: usize = words.next().map_or(1, |word| word.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let bed = Bed::new(folder.path(), program);
    let (mut guard, began) = bed.start();
    println!("started empty in {began:?}, {}", memory(guard.id()));

    let zip = folder.path().join("cve.zip");
    let begun = Instant::now();
    let records = copy(&archive, copies, &zip);
    println!("{records} records made in {:?}", begun.elapsed());
    let took = bed.drop_in(&zip, "cve.zip");
    println!("read and kept in {took:?}, {}", memory(guard.id()));

    for round in 0..5 {
        let advisory = folder.path().join("one.json");
        std::fs::write(&advisory, grave(round)).unwrap();
        let before = bed.alerts();
        let begun = Instant::now();
        bed.drop_in(&advisory, &format!("one-{round}.zip"));
        wait("the alert", || bed.alerts() > before);
        println!(
            "from one more file to the alert: {:?}, {}",
            begun.elapsed(),
            memory(guard.id())
        );
    }
    guard.kill().unwrap();
    guard.wait().unwrap();
    let (mut guard, began) = bed.start();
    println!(
        "killed, and started again over all of it in {began:?}, {}",
        memory(guard.id())
    );
    guard.kill().unwrap();
    guard.wait().unwrap();
}

/// A folder with a configuration, and who serves on it.
struct Bed {
    program: PathBuf,
    config: PathBuf,
    data: PathBuf,
    listen: SocketAddr,
}

impl Bed {
    fn new(folder: &Path, program: PathBuf) -> Self {
        let (listen, console) = (free_port(), free_port());
        let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/hudun-scrm.yaml");
        let (data, sbom) = (folder.join("data"), folder.join("bom.json"));
        let components: Vec<serde_json::Value> = (0..10_000)
            .map(|at| {
                json!({ "type": "library", "name": format!("part-{at}"), "version": "1.2.3",
                    "purl": format!("pkg:npm/part-{at}@1.2.3") })
            })
            .collect();
        let bom =
            json!({ "bomFormat": "CycloneDX", "specVersion": "1.5", "components": components });
        std::fs::write(&sbom, bom.to_string()).unwrap();
        let text = format!(
            "data: {}\ngateway:\n  listen: {listen}\n  upstream: http://127.0.0.1:9\n  profile: {}\nconsole:\n  listen: {console}\n  \
             secure_cookie: false\nassets:\n  - {{ name: crm, exposure: internet, data: sensitive, sbom: [\"{}\"] }}\n",
            data.display(),
            profile.display(),
            sbom.display()
        );
        let config = folder.join("hudun.yaml");
        std::fs::write(&config, text).unwrap();
        Self {
            program,
            config,
            data,
            listen,
        }
    }

    /// Starts the guard: how long until its gateway answers.
    fn start(&self) -> (Child, Duration) {
        let begun = Instant::now();
        let guard = Command::new(&self.program)
            .args(["serve", "--config"])
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("the gateway", || TcpStream::connect(self.listen).is_ok());
        (guard, begun.elapsed())
    }

    /// Renames a file into the drop folder: how long until it is put away.
    fn drop_in(&self, file: &Path, name: &str) -> Duration {
        let drop = self.data.join("intel/drop");
        let begun = Instant::now();
        std::fs::rename(file, drop.join(name)).unwrap();
        wait("the reading", || {
            assert!(
                !drop.join("refused").join(name).exists(),
                "{name} was refused"
            );
            drop.join("done").join(name).exists()
        });
        begun.elapsed()
    }

    /// How many alerts the ledger has.
    fn alerts(&self) -> usize {
        let files = std::fs::read_dir(self.data.join("ledger")).unwrap();
        let of = |file: std::fs::DirEntry| {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.matches("incident.alerted").count()
        };
        files.flatten().map(of).sum()
    }
}

/// An advisory of one of the asset's components that is exploited: an archive of both files.
fn grave(round: usize) -> Vec<u8> {
    let cve = format!("CVE-2026-{}", 90_001 + round);
    let osv = json!({ "id": format!("GHSA-{}", 90_001 + round), "aliases": [cve], "summary": "Search takes SQL",
        "modified": "2026-11-30T00:00:00Z", "affected": [{ "package": { "ecosystem": "npm", "name": format!("part-{round}") },
        "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "2.0.0" }] }] }] });
    let entries: Vec<serde_json::Value> = (0..=round)
        .map(|at| {
            json!({ "cveID": format!("CVE-2026-{}", 90_001 + at), "vendorProject": "V", "product": "P", "vulnerabilityName": "N",
                "dateAdded": "2026-11-29", "shortDescription": "S", "requiredAction": "A", "dueDate": "2026-12-20", "notes": "",
                "knownRansomwareCampaignUse": "Unknown", "cwes": ["CWE-89"] })
        })
        .collect();
    let kev = json!({ "title": "CISA", "catalogVersion": "1", "count": entries.len(), "vulnerabilities": entries });
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, text) in [("osv.json", osv.to_string()), ("kev.json", kev.to_string())] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The records of the archive under so many numbers each, as a zip archive: how many.
fn copy(archive: &str, copies: usize, to: &Path) -> usize {
    let mut files = Vec::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(File::open(archive).unwrap()));
    for entry in tar.entries().unwrap() {
        let mut text = String::new();
        entry.unwrap().read_to_string(&mut text).unwrap();
        if let Some(at) = text.find("\"CVE-") {
            let id = text[at + 1..].split('"').next().unwrap().to_owned();
            files.push((id, text));
        }
    }
    let mut zip = zip::ZipWriter::new(std::io::BufWriter::new(File::create(to).unwrap()));
    let options = zip::write::SimpleFileOptions::default().compression_level(Some(1));
    for copy in 0..copies {
        for (id, text) in &files {
            let (front, number) = id.rsplit_once('-').unwrap();
            let number = number.parse::<usize>().unwrap() + copy * 1_000_000;
            let other = format!("{front}-{number}");
            zip.start_file(format!("{other}.json"), options).unwrap();
            zip.write_all(text.replace(id, &other).as_bytes()).unwrap();
        }
    }
    zip.finish().unwrap().flush().unwrap();
    files.len() * copies
}

fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(3_600),
            "{what} did not come"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn memory(process: u32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .map_or(0, |kib| kib / 1_024)
    };
    format!("{} MiB now, {} MiB at most", of("VmRSS"), of("VmHWM"))
}
