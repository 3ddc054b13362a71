//! The log on disk: opening, damage, crashes, refusal.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::fs;
use std::path::Path;

use hudun_ledger::{
    CHECKPOINTS_FILE, Damage, ENTRIES_FILE, Error, KEY_FILE, Log, NewEntry, Repair,
    SignedCheckpoint, merkle,
};
use proptest::prelude::*;
use serde_json::json;

const ORIGIN: &str = "test.example/hudun";

fn entry(n: u64) -> NewEntry {
    NewEntry {
        at: 1_700_000_000_000 + n as i64,
        tenant: format!("t{}", n % 2),
        incident: (!n.is_multiple_of(4)).then(|| format!("INC-{}", n % 3)),
        actor: "王芳".into(),
        kind: "test.act".into(),
        body: json!({ "n": n, "text": "隔离 exports" }),
    }
}

fn filled(dir: &Path, count: u64) -> Log {
    let (mut log, repair) = Log::open(dir, ORIGIN).unwrap();
    assert_eq!(repair, Repair::default());
    for n in 0..count {
        log.append(entry(n)).unwrap();
    }
    log
}

#[test]
fn what_was_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = filled(dir.path(), 10);
    let group = log.append_many((10..30).map(entry).collect()).unwrap();
    assert_eq!(
        (group[0].seq, group[19].seq, log.len(), log.unsealed()),
        (10, 29, 30, 0)
    );
    let (root, key) = (log.root(), log.verifier());
    drop(log);

    let (log, repair) = Log::open(dir.path(), ORIGIN).unwrap();
    assert_eq!(repair, Repair::default());
    assert_eq!(
        (log.len(), log.root(), log.verifier()),
        (30, root, key.clone())
    );
    let all: Vec<_> = log.from(0).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 30);
    assert!(
        all.iter()
            .enumerate()
            .all(|(n, e)| e.seq == n as u64 && e.body["n"] == json!(n))
    );
    assert_eq!(log.from(27).unwrap().count(), 3);
    assert_eq!(log.read(13).unwrap(), all[13]);
    assert!(matches!(
        log.read(30),
        Err(Error::NoEntry { seq: 30, len: 30 })
    ));

    let one: Vec<_> = log.incident("INC-1").unwrap().map(Result::unwrap).collect();
    assert!(one.len() > 5);
    for (n, pair) in one.windows(2).enumerate() {
        assert_eq!(pair[1].incident_seq, Some(n as u64 + 1));
        assert_eq!(
            pair[1].incident_prev.as_deref(),
            Some(&hex::encode(pair[0].id().unwrap())[..])
        );
    }
    assert_eq!(log.incident_head("INC-1").unwrap().0, one.len() as u64);
    assert_eq!(log.incident("nobody").unwrap().count(), 0);
    assert_eq!(log.audit().unwrap(), 12);

    let note = SignedCheckpoint::parse(&log.last_checkpoint().to_string()).unwrap();
    note.verify(&key).unwrap();
    let path = log.tree().inclusion(13, 30).unwrap();
    assert!(merkle::verify_inclusion(
        &log.id(13).unwrap(),
        13,
        30,
        &path,
        &note.checkpoint.root
    ));
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path(), 1);
    assert!(matches!(
        Log::open(dir.path(), ORIGIN),
        Err(Error::Locked { .. })
    ));
    drop(log);
    assert!(Log::open(dir.path(), ORIGIN).is_ok());
}

#[test]
fn the_key_is_private_and_belongs_to_one_origin() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 1));
    let key = dir.path().join(KEY_FILE);
    assert!(matches!(
        Log::open(dir.path(), "other"),
        Err(Error::Origin { .. })
    ));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(&key).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            Log::open(dir.path(), ORIGIN),
            Err(Error::KeyExposed { mode: 0o644, .. })
        ));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::remove_file(&key).unwrap();
    assert!(matches!(
        Log::open(dir.path(), ORIGIN),
        Err(Error::Missing { .. })
    ));
    assert!(!key.exists(), "no new key may take the place of a lost one");
}

#[test]
fn lost_or_foreign_checkpoints_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 5));
    let path = dir.path().join(CHECKPOINTS_FILE);
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        Log::open(dir.path(), ORIGIN),
        Err(Error::Missing { .. })
    ));

    let other = tempfile::tempdir().unwrap();
    drop(filled(other.path(), 5));
    fs::copy(other.path().join(CHECKPOINTS_FILE), &path).unwrap();
    assert!(matches!(
        Log::open(dir.path(), ORIGIN),
        Err(Error::Checkpoint { number: 1, .. })
    ));
    fs::write(&path, &good).unwrap();
    assert!(Log::open(dir.path(), ORIGIN).is_ok());
}

#[test]
fn rewritten_history_is_refused_even_if_every_line_is_well_formed() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path(), 6));
    let path = dir.path().join(ENTRIES_FILE);
    let text = fs::read_to_string(&path).unwrap();
    // Entry 4 has no incident, so no chain gives the change away: the signed head does.
    fs::write(&path, text.replacen("\"n\":4", "\"n\":7", 1)).unwrap();
    let error = Log::open(dir.path(), ORIGIN).err().unwrap();
    assert!(
        matches!(error, Error::RootDiffers { size: 5, .. }),
        "{error}"
    );

    let lines: Vec<&str> = text.lines().collect();
    fs::write(&path, lines[..5].join("\n") + "\n").unwrap();
    assert!(matches!(
        Log::open(dir.path(), ORIGIN),
        Err(Error::CutOff {
            entries: 5,
            signed: 6,
            ..
        })
    ));
    fs::write(&path, [&lines[..2], &lines[3..]].concat().join("\n") + "\n").unwrap();
    let error = Log::open(dir.path(), ORIGIN).err().unwrap();
    assert!(
        matches!(
            error,
            Error::Damaged {
                line: 3,
                why: Damage::Number {
                    found: 3,
                    wanted: 2
                },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_change_under_an_open_log_is_seen_by_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let log = filled(dir.path(), 6);
    let path = dir.path().join(ENTRIES_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"n\":4", "\"n\":7", 1)).unwrap();
    assert!(matches!(
        log.read(4),
        Err(Error::Damaged {
            line: 5,
            why: Damage::Changed,
            ..
        })
    ));
    assert!(log.read(3).is_ok());
    assert!(log.audit().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A crash leaves any prefix of what was being written: it is cut off, said so, and nothing else
    /// is lost. A prefix shorter than what a checkpoint covers is not a crash, and is refused.
    #[test]
    fn a_torn_end_is_repaired_and_reported(lost in 1usize..400, lost_checkpoint in 0usize..400) {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 4));
        let (entries, checkpoints) = (dir.path().join(ENTRIES_FILE), dir.path().join(CHECKPOINTS_FILE));
        let whole = fs::read(&entries).unwrap();
        let signed = fs::read(&checkpoints).unwrap();
        fs::write(&entries, &whole[..whole.len() - lost]).unwrap();
        fs::write(&checkpoints, &signed[..signed.len() - lost_checkpoint]).unwrap();
        let lines = whole[..whole.len() - lost].iter().filter(|b| **b == b'\n').count() as u64;
        let notes = signed[..signed.len() - lost_checkpoint].iter().filter(|b| **b == b'\n').count() as u64 / 5;
        match Log::open(dir.path(), ORIGIN) {
            Ok((log, repair)) => {
                prop_assert!(lines + 1 >= notes);
                prop_assert_eq!(log.len(), lines);
                prop_assert_eq!(repair.sealed_late, lines + 1 - notes);
                let tail = whole[..whole.len() - lost].iter().rev().take_while(|b| **b != b'\n').count() as u64;
                prop_assert_eq!(repair.torn_entry, (tail > 0).then_some(tail));
                drop(log);
                prop_assert_eq!(Log::open(dir.path(), ORIGIN).unwrap().1, Repair::default());
            }
            Err(Error::CutOff { entries, signed, .. }) => {
                prop_assert_eq!(entries, lines);
                prop_assert!(signed > lines);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn any_flipped_bit_is_refused_or_repaired_without_loss(at in any::<prop::sample::Index>(), bit in 0u8..8, which in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        drop(filled(dir.path(), 6));
        let path = dir.path().join(if which { ENTRIES_FILE } else { CHECKPOINTS_FILE });
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&path, &bytes).unwrap();
        match Log::open(dir.path(), ORIGIN) {
            Err(Error::Damaged { line, why, .. }) if which => {
                let lines = bytes[..at].iter().filter(|b| **b == b'\n').count() as u64 + 1;
                let other = if let Damage::Chain { before } = why { before } else { None };
                prop_assert!(line == lines || other == Some(lines), "line {} for byte in line {}", line, lines);
            }
            Err(Error::RootDiffers { after, size, .. }) if which => {
                let lines = bytes[..at].iter().filter(|b| **b == b'\n').count() as u64 + 1;
                prop_assert_eq!((after + 1, size), (lines, lines));
            }
            Err(Error::CutOff { .. }) if which => {}
            Err(Error::Checkpoint { .. } | Error::RootDiffers { .. } | Error::CutOff { .. } | Error::Backwards { .. }) if !which => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
            // The middle signatures are for audit; the heads they sign were compared.
            Ok((log, repair)) => {
                prop_assert!(!which);
                prop_assert_eq!(log.len(), 6);
                prop_assert!(repair.torn_checkpoint.is_some() || log.audit().is_err());
            }
        }
    }
}

/// A real file system that refuses: the test starts itself again under a file size limit.
#[cfg(unix)]
#[test]
fn a_file_size_limit_is_a_typed_error_and_nothing_is_lost() {
    const CHILD: &str = "HUDUN_LEDGER_LIMITED";
    if let Ok(dir) = std::env::var(CHILD) {
        let (mut log, _) = Log::open(Path::new(&dir), ORIGIN).unwrap();
        let mut failures = 0;
        for n in 0..200 {
            let before = (log.len(), log.root());
            let mut big = entry(n);
            big.body = json!({ "n": n, "pad": "x".repeat(1000) });
            match log.append(big) {
                Ok(_) => assert_eq!(failures, 0, "the limit holds once reached"),
                Err(Error::Io {
                    what: "append to", ..
                }) => {
                    failures += 1;
                    assert_eq!((log.len(), log.root()), before);
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert!(failures > 0 && !log.is_empty());
        log.audit().unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact a_file_size_limit_is_a_typed_error_and_nothing_is_lost --test-threads 1 >/dev/null 2>&1")
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .status()
        .unwrap();
    assert!(
        status.success(),
        "the child under the limit failed: {status}"
    );
    let (log, repair) = Log::open(dir.path(), ORIGIN).unwrap();
    assert_eq!(repair.torn_entry, None);
    assert!(log.len() > 10);
}
