//! Scans of directories made here, and of the machine that the test runs on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::Command;

use hudun_advisory::sbom::{self, Component, Document, Inventory};
use hudun_advisory::scan::{Limits, Scanned, Skip, Stop, scan};

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hudun-scan-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn scan(&self) -> Scanned {
        scan(&self.0, &Limits::default(), &mut |_| true)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `purl @ place`, or name and version where there is no purl.
fn told(scanned: &Scanned) -> Vec<String> {
    let told = |one: &Component| {
        let name = one.purl.clone().unwrap_or_else(|| {
            let version = one.version.as_deref().unwrap_or("?");
            format!("{} {version}", one.name)
        });
        format!("{name} @ {}", one.where_found)
    };
    scanned.inventory.components.iter().map(told).collect()
}

/// Written as CycloneDX and read again, the components are the same.
fn round_trip(scanned: &Scanned) {
    let document = sbom::cyclonedx(&scanned.inventory, &Document::default());
    let text = serde_json::to_vec(&document).unwrap();
    let mut again = Inventory::default();
    let source = sbom::Source {
        place: "x",
        format: sbom::Format::guess("x.cdx.json", &text).unwrap(),
        distro: None,
    };
    again.add(&source, &text);
    assert_eq!(again.refused, []);
    for one in &mut again.components {
        one.where_found = one.where_found.strip_prefix("x: ").unwrap().to_owned();
    }
    assert_eq!(again.components, scanned.inventory.components);
}

const DPKG: &str = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl\nVersion: 3.0.15-1~deb12u1\n\n\
    Package: old\nStatus: deinstall ok config-files\nVersion: 1\n";

#[test]
fn a_tree_of_lock_files_and_databases_is_read_with_its_places() {
    let folder = Folder::new("tree");
    folder.put("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    folder.put("var/lib/dpkg/status", DPKG);
    // Another root within: it has its own release.
    folder.put("srv/image/etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n");
    folder.put(
        "srv/image/lib/apk/db/installed",
        "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\n",
    );
    folder.put(
        "srv/distroless/var/lib/dpkg/status.d/base",
        "Package: base-files\nVersion: 12.4\n",
    );
    folder.put(
        "shop/composer.lock",
        r#"{"packages": [{"name": "topthink/framework", "version": "v5.0.23"}], "packages-dev": [{"name": "a/dev", "version": "1.0"}]}"#,
    );
    folder.put(
        "shop/vendor/composer/installed.json",
        r#"{"packages": [{"name": "topthink/framework", "version": "v5.0.23"}, {"name": "a/dev", "version": "1.0"}],
            "dev": true, "dev-package-names": ["a/dev"]}"#,
    );
    folder.put(
        "web/node_modules/@vue/core/package.json",
        r#"{"name": "@vue/core", "version": "3.4.0"}"#,
    );
    folder.put(
        "web/node_modules/lodash/package.json",
        r#"{"name": "lodash", "version": "4.17.20"}"#,
    );
    folder.put(
        "web/node_modules/lodash/fp/package.json",
        r#"{"type": "module"}"#,
    );
    folder.put(
        "yarn/yarn.lock",
        "# yarn lockfile v1\n\n\"@babel/core@^7.0.0\", \"@babel/core@^7.1.0\":\n  version \"7.2.2\"\n  resolved \"https://x/y\"\n  dependencies:\n    lodash \"^4\"\n\n\
         mine@npm:real@^1.0.0:\n  version \"1.0.3\"\n\nown@git+https://x/y:\n  version \"0.1.0\"\n",
    );
    folder.put(
        "berry/yarn.lock",
        "__metadata:\n  version: 8\n\n\"lodash@npm:^4.17.21\":\n  version: 4.17.21\n  resolution: \"lodash@npm:4.17.21\"\n\n\
         \"app@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"app@workspace:.\"\n",
    );
    folder.put(
        "pnpm/pnpm-lock.yaml",
        "lockfileVersion: '6.0'\n\ndependencies:\n  lodash:\n    version: 4.17.21\n\npackages:\n\n  /lodash@4.17.21:\n    dev: false\n\n  /@a/b@1.0.0(c@2.0.0):\n    resolution: {integrity: x}\n\n  /mocha/9.0.0_x:\n    dev: true\n",
    );
    folder.put(
        "py/lib/Django-4.2.1.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Django\nVersion: 4.2.1\n\nName: no\n",
    );
    folder.put("py/poetry.lock", "[[package]]\nname = \"a\"\nversion = \"1.0\"\n\n[[package]]\nname = \"t\"\nversion = \"2.0\"\ngroups = [\"dev\"]\n");
    folder.put("net/packages.lock.json", r#"{"version": 1, "dependencies": {"net8.0": {"Newtonsoft.Json": {"type": "Direct", "resolved": "13.0.1"}, "own": {"type": "Project"}}}}"#);
    folder.put(
        "go/go.mod",
        "module x\n\nrequire github.com/gin-gonic/gin v1.9.0\n",
    );
    folder.put("notes/status", "Package: none\n");
    let scanned = folder.scan();
    assert_eq!(scanned.distro.as_deref(), Some("debian-12"));
    assert_eq!(
        told(&scanned),
        [
            "pkg:npm/lodash@4.17.21 @ berry/yarn.lock: line 4",
            "pkg:golang/github.com/gin-gonic/gin@v1.9.0 @ go/go.mod: line 3",
            "pkg:nuget/Newtonsoft.Json@13.0.1 @ net/packages.lock.json: net8.0/Newtonsoft.Json",
            "pkg:npm/lodash@4.17.21 @ pnpm/pnpm-lock.yaml: line 9",
            "pkg:npm/%40a/b@1.0.0 @ pnpm/pnpm-lock.yaml: line 12",
            "pkg:pypi/a@1.0 @ py/poetry.lock: package[0]",
            "pkg:pypi/django@4.2.1 @ py/lib/Django-4.2.1.dist-info/METADATA",
            "pkg:composer/topthink/framework@5.0.23 @ shop/composer.lock: packages[0]",
            "pkg:composer/topthink/framework@5.0.23 @ shop/vendor/composer/installed.json: \"topthink/framework\"",
            "pkg:deb/base-files@12.4 @ srv/distroless/var/lib/dpkg/status.d/base: line 1",
            "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1 @ srv/image/lib/apk/db/installed: line 1",
            "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12 @ var/lib/dpkg/status: line 1",
            "pkg:npm/%40vue/core@3.4.0 @ web/node_modules/@vue/core/package.json",
            "pkg:npm/lodash@4.17.20 @ web/node_modules/lodash/package.json",
            "pkg:npm/%40babel/core@7.2.2 @ yarn/yarn.lock: line 3",
            "pkg:npm/real@1.0.3 @ yarn/yarn.lock: line 9",
            "own 0.1.0 @ yarn/yarn.lock: line 12",
        ]
    );
    assert_eq!(scanned.dev, 4);
    // What was removed, two projects of one's own.
    assert_eq!(
        scanned.inventory.refused.len(),
        3,
        "{:?}",
        scanned.inventory.refused
    );
    assert!(scanned.is_whole());
    round_trip(&scanned);
    let limits = Limits {
        dev: true,
        ..Limits::default()
    };
    let more = scan(&folder.0, &limits, &mut |_| true);
    assert_eq!(
        more.inventory.components.len(),
        scanned.inventory.components.len() + 4
    );
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn java_archives_are_read_within_each_other() {
    let fastjson = zip(&[(
        "META-INF/maven/com.alibaba/fastjson/pom.properties",
        b"version=1.2.24\ngroupId=com.alibaba\nartifactId=fastjson\n",
    )]);
    let plain = zip(&[(
        "META-INF/MANIFEST.MF",
        b"Manifest-Version: 1.0\r\nImplementation-Version: 9.0\r\n .70\r\n\r\nName: x\r\nImplementation-Version: 1\r\n",
    )]);
    let war = zip(&[
        ("WEB-INF/lib/fastjson-1.2.24.jar", &fastjson),
        ("WEB-INF/lib/catalina.jar", &plain),
        ("WEB-INF/lib/broken.jar", b"no zip"),
    ]);
    let ear = zip(&[("shop.war", &war)]);
    let deep = zip(&[(
        "a.jar",
        &zip(&[(
            "b.jar",
            &zip(&[("c.jar", &zip(&[("d.jar", &zip(&[("e.jar", &fastjson)]))]))]),
        )]),
    )]);
    let folder = Folder::new("jar");
    folder.put("opt/shop.ear", &ear);
    folder.put("opt/commons-lang3-3.12.0.jar", zip(&[("x", b"")]));
    folder.put("opt/deep.jar", &deep);
    let scanned = folder.scan();
    let told = told(&scanned);
    for wanted in [
        "com.alibaba:fastjson",
        "pkg:maven/com.alibaba/fastjson@1.2.24 @ opt/shop.ear!/shop.war!/WEB-INF/lib/fastjson-1.2.24.jar",
        "catalina 9.0.70 @ opt/shop.ear!/shop.war!/WEB-INF/lib/catalina.jar",
        "commons-lang3 3.12.0 @ opt/commons-lang3-3.12.0.jar",
    ] {
        let named = scanned
            .inventory
            .components
            .iter()
            .any(|one| one.name == wanted);
        assert!(
            named || told.iter().any(|one| one == wanted),
            "{wanted} in {told:#?}"
        );
    }
    let refused: Vec<&str> = scanned
        .inventory
        .refused
        .iter()
        .map(|one| one.place.as_str())
        .collect();
    assert_eq!(
        refused,
        [
            "opt/deep.jar!/a.jar!/b.jar!/c.jar!/d.jar!/e.jar",
            "opt/shop.ear!/shop.war!/WEB-INF/lib/broken.jar"
        ]
    );
    round_trip(&scanned);
}

#[test]
fn a_bomb_costs_what_the_bounds_say() {
    let nought = vec![0_u8; 64 << 20];
    let jar = zip(&[("META-INF/MANIFEST.MF", &nought), ("a.jar", &nought)]);
    assert!(jar.len() < 1 << 20);
    let folder = Folder::new("bomb");
    for at in 0..8 {
        folder.put(&format!("{at}.jar"), &jar);
    }
    let limits = Limits {
        bytes: 100 << 20,
        ..Limits::default()
    };
    let scanned = scan(&folder.0, &limits, &mut |_| true);
    assert_eq!(scanned.stopped, Some(Stop::Bytes));
    assert!(scanned.progress.bytes < 200 << 20, "{:?}", scanned.progress);
    assert!(!scanned.is_whole());
}

/// A header as RPM keeps it in its database.
fn header(name: &str, version: &str, release: &str, epoch: Option<u32>, source: &str) -> Vec<u8> {
    let mut entries: Vec<(u32, u32, u32, Vec<u8>)> = Vec::new();
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    entries.push((1000, 6, 1, text(name)));
    entries.push((1001, 6, 1, text(version)));
    entries.push((1002, 6, 1, text(release)));
    if let Some(epoch) = epoch {
        entries.push((1003, 4, 1, epoch.to_be_bytes().to_vec()));
    }
    // As long as a real one, so that it lies on pages of its own.
    entries.push((1005, 9, 1, text(&"word ".repeat(4_000))));
    entries.push((1022, 6, 1, text("x86_64")));
    entries.push((1044, 6, 1, text(source)));
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, kind, count, bytes) in &entries {
        if *kind == 4 {
            while data.len() % 4 != 0 {
                data.push(0);
            }
        }
        let offset = u32::try_from(data.len()).unwrap();
        for word in [*tag, *kind, offset, *count] {
            index.extend(word.to_be_bytes());
        }
        data.extend(bytes);
    }
    let lengths =
        [entries.len(), data.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
    [lengths.concat(), index, data].concat()
}

/// Written by SQLite itself, with the last transaction in the write-ahead log; `None` without Python.
fn rpm_database(path: &Path, headers: &[Vec<u8>], more: &[Vec<u8>]) -> Option<()> {
    const PROGRAM: &str = r#"
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('PRAGMA page_size = %s' % sys.argv[2])
db.execute('PRAGMA journal_mode = WAL')
db.execute('PRAGMA wal_autocheckpoint = 0')
db.execute('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)')
db.execute("CREATE TABLE Name (key TEXT, hnum INTEGER)")
first, second = [part.split() for part in sys.stdin.read().split('|')]
for one in first: db.execute('INSERT INTO Packages(blob) VALUES (?)', (bytes.fromhex(one),))
db.commit()
db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
for one in second: db.execute('INSERT INTO Packages(blob) VALUES (?)', (bytes.fromhex(one),))
db.commit()
# An end without closing, so that the log stays.
os._exit(0)
"#;
    for page in ["4096", "512"] {
        let target = path.join(page);
        fs::create_dir_all(&target).unwrap();
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(target.join("rpmdb.sqlite"))
            .arg(page)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .ok()?;
        let hex = |headers: &[Vec<u8>]| {
            let one = |header: &Vec<u8>| {
                header
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect::<String>()
            };
            headers.iter().map(one).collect::<Vec<_>>().join(" ")
        };
        let text = format!("{}|{}", hex(headers), hex(more));
        child.stdin.take()?.write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
    Some(())
}

#[test]
fn an_rpm_database_is_read_as_sqlite_wrote_it() {
    let folder = Folder::new("rpm");
    folder.put("etc/os-release", "ID=\"rocky\"\nVERSION_ID=\"9.4\"\n");
    let mut headers: Vec<Vec<u8>> = (0..300)
        .map(|at| {
            header(
                &format!("part-{at}"),
                "1.0",
                &format!("{at}.el9"),
                None,
                &format!("part-{at}-1.0-{at}.el9.src.rpm"),
            )
        })
        .collect();
    headers.push(header(
        "openssl-libs",
        "3.0.7",
        "24.el9",
        Some(1),
        "openssl-3.0.7-24.el9.src.rpm",
    ));
    headers.push(header("gpg-pubkey", "1", "2", None, "(none)"));
    let more = [header(
        "late",
        "2.0",
        "1.el9",
        None,
        "early-1.9-1.el9.src.rpm",
    )];
    if rpm_database(&folder.0.join("var/lib/rpm"), &headers, &more).is_none() {
        eprintln!("skipped: no python3");
        return;
    }
    folder.put("old/var/lib/rpm/Packages", b"\0\0\0\0");
    let scanned = folder.scan();
    assert_eq!(
        scanned.inventory.components.len(),
        2 * 302,
        "{:?}",
        scanned.inventory.refused
    );
    let get = |name: &str| {
        scanned
            .inventory
            .components
            .iter()
            .find(|one| one.name == name)
            .unwrap()
    };
    let openssl = get("openssl-libs");
    assert_eq!(openssl.version.as_deref(), Some("1:3.0.7-24.el9"));
    assert_eq!(
        openssl.purl.as_deref(),
        Some("pkg:rpm/rocky/openssl-libs@3.0.7-24.el9?arch=x86_64&distro=rocky-9.4&epoch=1")
    );
    let built = openssl.built_from.as_ref().unwrap();
    assert_eq!((built.name.as_str(), &built.version), ("openssl", &None));
    // From the log.
    let late = get("late").built_from.as_ref().unwrap();
    assert_eq!(
        (late.name.as_str(), late.version.as_deref()),
        ("early", Some("1.9-1.el9"))
    );
    assert!(get("part-7").built_from.is_none());
    assert_eq!(scanned.inventory.refused.len(), 1);
    assert!(
        scanned.inventory.refused[0]
            .reason
            .to_string()
            .contains("rebuilddb")
    );
    round_trip(&scanned);

    // Cut and changed in any place it ends in a refusal or in fewer packages, and never in a panic.
    let file = folder.0.join("var/lib/rpm/512/rpmdb.sqlite");
    let whole = fs::read(&file).unwrap();
    let other = Folder::new("rpm-broken");
    let mut seed = 7_u64;
    for _ in 0..200 {
        let mut broken = whole.clone();
        for _ in 0..20 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Most of it is text of the packages; the heads of pages are where it can go wrong.
            let at = usize::try_from(seed >> 20).unwrap() % (broken.len() / 512) * 512
                + usize::try_from(seed >> 8 & 15).unwrap();
            broken[at] = u8::try_from(seed >> 56).unwrap();
        }
        other.put("rpmdb.sqlite", &broken);
        let scanned = scan(&other.0, &Limits::default(), &mut |_| true);
        assert!(scanned.inventory.components.len() <= 10_000);
    }
    for length in [0, 50, 100, 511, 512, 5_000, whole.len() / 2] {
        other.put("rpmdb.sqlite", &whole[..length]);
        let scanned = scan(&other.0, &Limits::default(), &mut |_| true);
        assert!(
            length == 0 || !scanned.inventory.refused.is_empty(),
            "{length}"
        );
    }
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_bounds_are_told() {
    let folder = Folder::new("bounds");
    folder.put("real/requirements.txt", "a==1\n");
    std::os::unix::fs::symlink(folder.0.join("real"), folder.0.join("link")).unwrap();
    std::os::unix::fs::symlink(
        folder.0.join("real/requirements.txt"),
        folder.0.join("requirements.txt"),
    )
    .unwrap();
    std::os::unix::fs::symlink(&folder.0, folder.0.join("real/circle")).unwrap();
    let scanned = folder.scan();
    assert_eq!((scanned.inventory.components.len(), scanned.links), (1, 3));

    folder.put("a/b/c/requirements.txt", "b==1\n");
    let with = |limits: Limits| scan(&folder.0, &limits, &mut |_| true);
    let flat = with(Limits {
        depth: 2,
        ..Limits::default()
    });
    assert_eq!(flat.left_out[0].why, Skip::TooDeep);
    assert_eq!(
        with(Limits {
            files: 2,
            ..Limits::default()
        })
        .stopped,
        Some(Stop::Files)
    );
    let small = with(Limits {
        file: 3,
        ..Limits::default()
    });
    assert_eq!(
        (small.left_out[0].why, small.inventory.components.len()),
        (Skip::TooLarge, 0)
    );
    let without = with(Limits {
        without: vec![folder.0.canonicalize().unwrap().join("a")],
        ..Limits::default()
    });
    assert_eq!(
        (without.left_out[0].why, without.is_whole()),
        (Skip::Asked, true)
    );
    let mut asked = 0;
    let stopped = scan(&folder.0, &Limits::default(), &mut |_| {
        asked += 1;
        asked < 2
    });
    assert_eq!(stopped.stopped, Some(Stop::Asked));
    assert!(
        !scan(
            Path::new("/no/such/folder"),
            &Limits::default(),
            &mut |_| true
        )
        .is_whole()
    );
    let one = scan(
        &folder.0.join("real/requirements.txt"),
        &Limits::default(),
        &mut |_| true,
    );
    assert_eq!(one.inventory.components.len(), 1);
}

/// The package manager's own list of this machine, where it has one.
#[test]
fn dpkg_agrees_on_every_package_of_this_machine() {
    let list = || {
        let format = "-f=${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n";
        let list = Command::new("dpkg-query")
            .args(["-W", format])
            .output()
            .ok()?;
        let list = String::from_utf8(list.stdout).unwrap();
        let installed = list
            .lines()
            .filter_map(|line| line.strip_prefix("installed\t"));
        let mut installed: Vec<String> = installed.map(str::to_owned).collect();
        installed.sort();
        Some(installed)
    };
    for round in 1.. {
        let Some(wanted) = list() else {
            eprintln!("skipped: no dpkg-query");
            return;
        };
        let scanned = scan(Path::new("/var/lib/dpkg"), &Limits::default(), &mut |_| {
            true
        });
        let mut found: Vec<String> = Vec::new();
        for one in &scanned.inventory.components {
            let purl = one.purl.as_deref().unwrap();
            let arch = purl
                .split("arch=")
                .nth(1)
                .unwrap()
                .split('&')
                .next()
                .unwrap();
            found.push(format!(
                "{}\t{}\t{arch}",
                one.name,
                one.version.as_deref().unwrap()
            ));
        }
        found.sort();
        // Somebody may install something at this very moment: what dpkg is about to write lies beside its list.
        let journal =
            fs::read_dir("/var/lib/dpkg/updates").is_ok_and(|mut list| list.next().is_some());
        let still = list().as_ref() == Some(&wanted) && !journal;
        if !still && round < 60 {
            std::thread::sleep(std::time::Duration::from_secs(1));
            continue;
        }
        assert!(
            !wanted.is_empty() && wanted == found,
            "{} and {}",
            wanted.len(),
            found.len()
        );
        return;
    }
}

/// What npm says that it installed, by itself, from a folder: no network is needed.
#[test]
fn npm_agrees_on_what_it_installed() {
    let folder = Folder::new("npm");
    folder.put(
        "parts/one/package.json",
        r#"{"name": "part-one", "version": "1.2.3"}"#,
    );
    folder.put(
        "parts/two/package.json",
        r#"{"name": "@crm/part-two", "version": "0.4.0"}"#,
    );
    folder.put("app/package.json", r#"{"name": "app", "version": "1.0.0"}"#);
    let app = folder.0.join("app");
    let npm = |args: &[&str]| {
        Command::new("npm")
            .args(args)
            .args(["--offline", "--no-audit", "--no-fund", "--install-links"])
            .env("HOME", &folder.0)
            .current_dir(&app)
            .output()
    };
    let Ok(installed) = npm(&["install", "../parts/one", "../parts/two"]) else {
        eprintln!("skipped: no npm");
        return;
    };
    if !installed.status.success() {
        eprintln!(
            "skipped: npm can't install from a folder here: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
        return;
    }
    let list: serde_json::Value =
        serde_json::from_slice(&npm(&["ls", "--json", "--all"]).unwrap().stdout).unwrap();
    let wanted: BTreeSet<(String, String)> = list["dependencies"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, one)| (name.clone(), one["version"].as_str().unwrap().to_owned()))
        .collect();
    let found: BTreeSet<(String, String)> = scan(&app, &Limits::default(), &mut |_| true)
        .inventory
        .components
        .iter()
        .filter(|one| one.where_found.ends_with("/package.json"))
        .map(|one| (one.name.clone(), one.version.clone().unwrap()))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(found.len(), 2);
}

/// What pip says of the packages of this Python.
#[test]
fn pip_agrees_on_what_is_installed() {
    let run = |args: &[&str]| {
        let output = Command::new("python3").args(args).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let list = run(&[
        "-m",
        "pip",
        "list",
        "--format",
        "json",
        "--disable-pip-version-check",
    ]);
    let home = run(&[
        "-c",
        "import sysconfig; print(sysconfig.get_paths()['purelib'])",
    ]);
    let (Some(list), Some(home)) = (list, home) else {
        eprintln!("skipped: no pip");
        return;
    };
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let plain = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
    let wanted: BTreeSet<(String, String)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                plain(one["name"].as_str().unwrap()),
                one["version"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let scanned = scan(Path::new(home.trim()), &Limits::default(), &mut |_| true);
    let found: BTreeSet<(String, String)> = scanned
        .inventory
        .components
        .iter()
        // What pip brings with itself lies below its own folder.
        .filter(|one| {
            one.where_found.matches('/').count() == 1 && one.where_found.ends_with("METADATA")
        })
        .filter_map(|one| Some((plain(&one.name), one.version.clone()?)))
        .collect();
    let elsewhere: Vec<_> = wanted.difference(&found).collect();
    let only: Vec<_> = found.difference(&wanted).collect();
    assert!(only.is_empty(), "{only:?}");
    // Packages may also come from other folders; in a fresh environment there are none.
    assert!(elsewhere.len() <= wanted.len() / 2, "{elsewhere:?}");
}
