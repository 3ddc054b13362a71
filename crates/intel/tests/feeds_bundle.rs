//! Bundles: made, carried, loaded, and spoiled in every way.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Running, cnvd, kev, of};
use ed25519_dalek::{Signer as _, SigningKey};
use hudun_intel::feeds::{
    Asked, BundleError, BundleKey, BundleSigner, FeedState, Feeds, FeedsConfig, Taken, ask,
    make_bundle, verify_bundle,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

fn take(feeds: &Feeds, name: &str, bytes: impl AsRef<[u8]>) {
    let path = feeds.drop_folder().join(name);
    std::fs::write(&path, bytes).unwrap();
    // Looked at until it has settled.
    while path.exists() {
        feeds.look().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn quick() -> FeedsConfig {
    FeedsConfig {
        settle_ms: 0,
        ..FeedsConfig::default()
    }
}

fn opened(config: FeedsConfig) -> (Arc<Feeds>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Feeds::open(folder.path(), config).unwrap(), folder)
}

/// A folder with two feeds, a key, and a bundle of them with this number.
struct Made {
    feeds: Arc<Feeds>,
    from: TempDir,
    signer: BundleSigner,
}

impl Made {
    fn new() -> Self {
        let (feeds, from) = opened(quick());
        take(
            &feeds,
            "week.xml",
            cnvd(&[
                ("CNVD-2026-1", "泛微 泛微e-cology <= V8", "2026-10-01"),
                ("CNVD-2026-2", "Acme CRM >=1.0，<2.0", "2026-10-02"),
            ]),
        );
        take(&feeds, "kev.json", kev(10, "2026-10-01"));
        Self {
            feeds,
            from,
            signer: BundleSigner::generate().unwrap(),
        }
    }

    fn bundle(&self, serial: u64) -> Vec<u8> {
        let out = self.from.path().join("out.hudun-bundle");
        make_bundle(self.from.path(), &[], &self.signer, serial, &out).unwrap();
        std::fs::read(out).unwrap()
    }

    fn trusting(&self) -> FeedsConfig {
        FeedsConfig {
            bundle_keys: vec![self.signer.key().text()],
            ..quick()
        }
    }
}

fn load(feeds: &Feeds, folder: &Path, bytes: &[u8], older: bool) -> Result<Taken, BundleError> {
    let path = folder.join("in.bundle");
    std::fs::write(&path, bytes).unwrap();
    feeds
        .load_bundle(&path, older)
        .map(|loaded| loaded.feeds["drop-cnvd"].clone())
}

#[test]
fn a_bundle_carries_the_feeds_of_one_machine_to_another() {
    let made = Made::new();
    let bundle = made.bundle(1);
    let (feeds, folder) = opened(made.trusting());
    assert_eq!(
        load(&feeds, folder.path(), &bundle, false).unwrap(),
        Taken::Accepted { records: 2 }
    );
    let (here, there) = (
        feeds.snapshots().borrow().clone(),
        made.feeds.snapshots().borrow().clone(),
    );
    assert_eq!(here.index.counts(), there.index.counts());
    for id in ["CNVD-2026-1", "CNVD-2026-2"] {
        assert_eq!(
            here.index.records_of(id).unwrap(),
            there.index.records_of(id).unwrap()
        );
    }
    assert_eq!(of(&feeds, "drop-kev").records, 10);
    // Once more is no change, and not an older one.
    assert_eq!(
        load(&feeds, folder.path(), &bundle, false).unwrap(),
        Taken::Same
    );
    assert_eq!(feeds.snapshots().borrow().revision, here.revision);
    // It is there after a restart, and so is the number.
    drop(feeds);
    let feeds = Feeds::open(folder.path(), made.trusting()).unwrap();
    assert_eq!(
        feeds.snapshots().borrow().index.counts(),
        there.index.counts()
    );
    let newer = made.bundle(7);
    load(&feeds, folder.path(), &newer, false).unwrap();
    let refused = load(&feeds, folder.path(), &bundle, false);
    assert!(
        matches!(
            refused,
            Err(BundleError::Older {
                serial: 1,
                loaded: 7
            })
        ),
        "{refused:?}"
    );
    // Another one of the same number.
    std::thread::sleep(std::time::Duration::from_millis(5));
    let again = made.bundle(7);
    assert!(matches!(
        load(&feeds, folder.path(), &again, false),
        Err(BundleError::Twice(7))
    ));
    load(&feeds, folder.path(), &bundle, true).unwrap();
}

#[test]
fn older_content_of_a_newer_bundle_is_told_of_and_only_taken_when_that_is_meant() {
    let made = Made::new();
    let first = made.bundle(1);
    take(
        &made.feeds,
        "more.xml",
        cnvd(&[("CNVD-2026-3", "Acme Shop <3.0", "2026-11-01")]),
    );
    let second = made.bundle(2);
    let (feeds, folder) = opened(made.trusting());
    load(&feeds, folder.path(), &second, false).unwrap();
    // Leave for what is older is none for what shrank.
    load(&feeds, folder.path(), &first, true).unwrap();
    assert_eq!(of(&feeds, "drop-cnvd").state, FeedState::Shrunk);
    assert_eq!(feeds.accept("drop-cnvd").unwrap(), 2);
    // The content of the first under a new number: it goes back in time.
    let other = Made {
        feeds: feeds.clone(),
        from: folder,
        signer: made.signer,
    };
    let third = other.bundle(3);
    let (target, place) = opened(other.trusting());
    load(&target, place.path(), &second, false).unwrap();
    let Taken::Refused(trouble) = load(&target, place.path(), &third, false).unwrap() else {
        panic!("it went back in time");
    };
    assert_eq!(trouble.state, FeedState::Backwards);
    assert_eq!(target.snapshots().borrow().index.counts().records, 3);
}

/// Takes a bundle apart: names and contents.
fn apart(bundle: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(bundle);
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            (name, bytes)
        })
        .collect()
}

fn together(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        // As it is written, also where the library would refuse it.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        archive.append(&header, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Signs the manifest of a bundle anew, as somebody with the key could.
fn resigned(mut files: Vec<(String, Vec<u8>)>, key: &SigningKey) -> Vec<u8> {
    let signed = [&b"hudun bundle 1\n"[..], &files[0].1].concat();
    let signature = hex::encode(key.sign(&signed).to_bytes());
    let public = hex::encode(key.verifying_key().to_bytes());
    files[1].1 = serde_json::json!({ "key": public, "signature": signature })
        .to_string()
        .into_bytes();
    together(&files)
}

#[test]
fn a_bundle_that_was_spoiled_in_any_way_changes_nothing() {
    let made = Made::new();
    let bundle = made.bundle(1);
    let (feeds, folder) = opened(made.trusting());
    load(&feeds, folder.path(), &bundle, false).unwrap();
    let before = feeds.snapshots().borrow().clone();
    let bundle = made.bundle(2);
    let seed: [u8; 32] = {
        let path = folder.path().join("key");
        made.signer.save(&path).unwrap();
        hex::decode(std::fs::read_to_string(path).unwrap().trim())
            .unwrap()
            .try_into()
            .unwrap()
    };
    let (key, stranger) = (
        SigningKey::from_bytes(&seed),
        SigningKey::from_bytes(&[7; 32]),
    );
    let files = apart(&bundle);
    assert_eq!(resigned(files.clone(), &key).len(), bundle.len());
    let edit = |change: &dyn Fn(&mut Vec<(String, Vec<u8>)>)| {
        let mut files = files.clone();
        change(&mut files);
        files
    };
    let manifest = |change: &dyn Fn(&mut serde_json::Value)| {
        edit(&|files| {
            let mut value: serde_json::Value = serde_json::from_slice(&files[0].1).unwrap();
            change(&mut value);
            files[0].1 = value.to_string().into_bytes();
        })
    };
    let bomb = {
        use std::io::Write as _;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            gz.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        gz.finish().unwrap()
    };
    let bombed = edit(&|files| {
        let mut value: serde_json::Value = serde_json::from_slice(&files[0].1).unwrap();
        value["feeds"][0]["bytes"] = bomb.len().into();
        value["feeds"][0]["sha256"] = hex::encode(Sha256::digest(&bomb)).into();
        files[0].1 = value.to_string().into_bytes();
        files[2].1.clone_from(&bomb);
    });
    for (what, spoiled, wanted) in [
        ("cut", bundle[..bundle.len() / 2].to_vec(), "ends within it"),
        ("nothing", Vec::new(), "missing"),
        (
            "a changed manifest",
            together(&manifest(&|value| value["serial"] = 99.into())),
            "signature does not fit",
        ),
        (
            "a signature of noughts",
            together(&edit(&|files| {
                let mut value: serde_json::Value = serde_json::from_slice(&files[1].1).unwrap();
                value["signature"] = "00".repeat(64).into();
                files[1].1 = value.to_string().into_bytes();
            })),
            "signature does not fit",
        ),
        (
            "an unknown key",
            resigned(files.clone(), &stranger),
            "not trusted",
        ),
        (
            "a key that is claimed",
            {
                let mut forged = apart(&resigned(files.clone(), &stranger));
                let mut value: serde_json::Value = serde_json::from_slice(&forged[1].1).unwrap();
                value["key"] = made.signer.key().text().into();
                forged[1].1 = value.to_string().into_bytes();
                together(&forged)
            },
            "signature does not fit",
        ),
        (
            "a changed file",
            together(&edit(&|files| *files[2].1.last_mut().unwrap() ^= 1)),
            "drop-cnvd.jsonl.gz",
        ),
        (
            "a longer file",
            together(&edit(&|files| files[2].1.push(0))),
            "the manifest says",
        ),
        (
            "a missing file",
            together(&edit(&|files| drop(files.pop()))),
            "it is missing",
        ),
        (
            "files in another order",
            together(&edit(&|files| files.swap(2, 3))),
            "stands in its place",
        ),
        (
            "an extra file",
            together(&edit(&|files| files.push(("x".to_owned(), vec![1])))),
            "does not name it",
        ),
        (
            "a path",
            together(&edit(&|files| files[2].0 = "../../etc/passwd".to_owned())),
            "stands in its place",
        ),
        (
            "a path in a signed manifest",
            resigned(
                manifest(&|value| value["feeds"][0]["name"] = "../x".into()),
                &key,
            ),
            "no name of a feed",
        ),
        ("a bomb", resigned(bombed, &key), "drop-cnvd.jsonl.gz"),
        (
            "another count",
            resigned(
                manifest(&|value| value["feeds"][0]["records"] = 3.into()),
                &key,
            ),
            "manifest says 3",
        ),
        (
            "another version",
            resigned(manifest(&|value| value["hudun_bundle"] = 2.into()), &key),
            "another version",
        ),
        (
            "another form",
            resigned(
                manifest(&|value| value["feeds"][0]["format"] = "osv".into()),
                &key,
            ),
            "of that name here is cnvd",
        ),
        (
            "a manifest that is too long",
            together(&edit(&|files| files[0].1 = vec![b' '; 2 << 20])),
            "too long",
        ),
    ] {
        let Err(error) = load(&feeds, folder.path(), &spoiled, false) else {
            panic!("{what}: it was loaded");
        };
        assert!(error.to_string().contains(wanted), "{what}: {error}");
        let now = feeds.snapshots().borrow().clone();
        assert_eq!(
            (now.revision, now.index.counts()),
            (before.revision, before.index.counts()),
            "{what}"
        );
    }
    // And the good one is still taken: nothing of the others counted.
    assert_eq!(
        load(&feeds, folder.path(), &bundle, false).unwrap(),
        Taken::Same
    );
    let trusted = [
        made.signer.key(),
        BundleKey::read(&"00".repeat(32)).unwrap(),
    ];
    let path = folder.path().join("in.bundle");
    assert_eq!(verify_bundle(&path, &trusted).unwrap().serial, 2);
    assert!(matches!(
        verify_bundle(&path, &[]),
        Err(BundleError::Unknown { .. })
    ));
    // A key in use is not written over.
    assert!(made.signer.save(&folder.path().join("key")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_come_through_the_drop_folder_too() {
    let made = tokio::task::spawn_blocking(Made::new).await.unwrap();
    let (first, second) = (made.bundle(1), made.bundle(2));
    let running = Running::start(FeedsConfig {
        settle_ms: 300,
        ..made.trusting()
    });
    running.drop("b2.tar", &second);
    running.until(|now| now.index.counts().records == 2).await;
    running.away("done/b2.tar").await;
    running.drop("b1.tar", &first);
    running.away("refused/b1.tar").await;
    let reason =
        std::fs::read_to_string(running.folder().join("drop/refused/b1.tar.reason.txt")).unwrap();
    assert!(reason.contains("2 was loaded before"), "{reason}");
    // With leave from the command line.
    ask(running.folder(), &Asked::OlderBundle("b3.tar")).unwrap();
    running.drop("b3.tar", &first);
    running.away("done/b3.tar").await;
}
