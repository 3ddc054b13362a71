//! Evidence packs under attack.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use hudun_ledger::pack::{
    Attachment, EXPORT_KIND, Export, Limits, TarError, What, verify, verify_within, write,
};
use hudun_ledger::{Error, Log, LogSigner, NewEntry, Report, SignedCheckpoint, Trust, VerifierKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const INCIDENT: &str = "INC-7";

struct Sample {
    pack: Vec<u8>,
    key: VerifierKey,
    last: SignedCheckpoint,
    _dir: tempfile::TempDir,
}

fn sample(entries: u64) -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(dir.path(), "test.example/hudun").unwrap();
    for n in 0..entries {
        let entry = |incident: Option<&str>, kind: &str| NewEntry {
            at: n as i64,
            tenant: "t1".into(),
            incident: incident.map(str::to_owned),
            actor: "hudun".into(),
            kind: kind.into(),
            body: json!({ "n": n, "说明": "隔离" }),
        };
        log.append_many(vec![
            entry(Some(INCIDENT), "a.b"),
            entry(None, "noise"),
            entry(Some("INC-8"), "c.d"),
        ])
        .unwrap();
    }
    let attachments = [
        Attachment {
            name: "scope.json".into(),
            bytes: b"{\"likely\":3}".to_vec(),
        },
        Attachment {
            name: "notices/zh.txt".into(),
            bytes: "告知书".repeat(200).into_bytes(),
        },
    ];
    let export = Export {
        incident: INCIDENT,
        at: 99,
        tenant: "t1",
        actor: "li.wei",
        tool: "hudun 0.1.0",
    };
    let mut pack = Vec::new();
    write(&mut log, &export, &attachments, &mut pack).unwrap();
    assert_eq!(log.read(log.len() - 1).unwrap().kind, EXPORT_KIND);
    Sample {
        pack,
        key: log.verifier(),
        last: log.last_checkpoint().clone(),
        _dir: dir,
    }
}

fn trust(key: &VerifierKey) -> Trust {
    Trust {
        key: Some(key.clone()),
        ..Trust::default()
    }
}

fn whats(report: &Report) -> Vec<What> {
    report.problems.iter().map(|p| p.what.clone()).collect()
}

#[test]
fn a_sound_pack_is_sound() {
    let sample = sample(5);
    let report = verify(&sample.pack[..], &trust(&sample.key));
    assert!(report.is_sound(), "{:?}", report.problems);
    assert!(report.key_trusted);
    assert_eq!(
        (report.entries, report.incident.as_deref(), report.created),
        (6, Some(INCIDENT), Some(99))
    );
    assert_eq!(report.checkpoint.map(|c| c.size), Some(16));
    assert_eq!(report.fingerprint, Some(sample.key.fingerprint()));
    let blind = verify(&sample.pack[..], &Trust::default());
    assert!(blind.is_sound() && !blind.key_trusted);
}

#[test]
fn tar_can_list_and_unpack_it() {
    let sample = sample(2);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pack.tar"), &sample.pack).unwrap();
    let Ok(out) = std::process::Command::new("tar")
        .args(["xvf", "pack.tar"])
        .current_dir(dir.path())
        .output()
    else {
        eprintln!("skipped: there is no tar program here");
        return;
    };
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
    assert_eq!(
        std::fs::read(dir.path().join("attachments/scope.json")).unwrap(),
        b"{\"likely\":3}"
    );
}

/// Every byte of the pack, one bit of it flipped: found, and the place named.
#[test]
fn every_flipped_byte_is_found_and_named() {
    let sample = sample(3);
    let members = unpack(&sample.pack);
    let trust = trust(&sample.key);
    for at in 0..sample.pack.len() {
        let mut bent = sample.pack.clone();
        bent[at] ^= 1 << (at % 8);
        let report = verify(&bent[..], &trust);
        assert!(!report.is_sound(), "byte {at} flipped unseen");
        let owner = members
            .iter()
            .find(|(_, _, start, bytes)| (*start..*start + bytes.len()).contains(&at));
        let at = at as u64;
        match owner {
            Some((name, ..)) => assert!(
                report.problems.iter().any(|p| p.file.as_ref() == Some(name)
                    && p.area.is_some_and(|(a, b)| a <= at && at < b)),
                "byte {at} of {name}: {:?}",
                report.problems
            ),
            None => assert!(
                report
                    .problems
                    .iter()
                    .any(|p| matches!(p.what, What::Archive(_))
                        && p.area.is_some_and(|(a, b)| a <= at && at < b)),
                "byte {at} of the archive: {:?}",
                report.problems
            ),
        }
    }
}

#[test]
fn truncation_and_added_bytes_are_found() {
    let sample = sample(2);
    let trust = trust(&sample.key);
    for keep in (0..sample.pack.len()).step_by(7) {
        assert!(
            !verify(&sample.pack[..keep], &trust).is_sound(),
            "cut at {keep}"
        );
    }
    let longer = [&sample.pack[..], b"\0"].concat();
    assert_eq!(
        whats(&verify(&longer[..], &trust)),
        [What::Archive(TarError::Trailing)]
    );
}

/// An attacker without the key who knows the format and writes the manifest and the proofs anew.
#[test]
fn dropped_reordered_and_added_entries_are_found_behind_a_new_manifest() {
    let sample = sample(6);
    let trust = trust(&sample.key);
    let lines = |members: &Members, name: &str| -> Vec<Vec<u8>> {
        let bytes = &members.iter().find(|m| m.0 == name).unwrap().3;
        bytes
            .split_inclusive(|b| *b == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let whole = unpack(&sample.pack);
    assert!(
        verify(&repack(&whole)[..], &trust).is_sound(),
        "the attacker's tool itself must work"
    );
    let count = lines(&whole, "entries.jsonl").len();
    let forge = |change: &dyn Fn(&mut Lines, &mut Lines)| {
        let mut members = whole.clone();
        let (mut entries, mut proofs) = (
            lines(&members, "entries.jsonl"),
            lines(&members, "proofs.jsonl"),
        );
        change(&mut entries, &mut proofs);
        for m in &mut members {
            match &m.0[..] {
                "entries.jsonl" => m.3 = entries.concat(),
                "proofs.jsonl" => m.3 = proofs.concat(),
                _ => {}
            }
        }
        verify(&repack(&members)[..], &trust)
    };
    for n in 0..count {
        let report = forge(&|entries, proofs| {
            entries.remove(n);
            proofs.remove(n + 1);
        });
        let named = whats(&report);
        if n + 1 == count {
            assert_eq!(named, [What::NoExport]);
        } else {
            let (wanted, found) = (n as u64, n as u64 + 1);
            assert!(
                named.contains(&What::Order { wanted, found }),
                "entry {n}: {named:?}"
            );
            assert_eq!(report.problems[0].line, Some(n as u64 + 1));
        }
        for m in n + 1..count {
            let report = forge(&|entries, proofs| {
                entries.swap(n, m);
                proofs.swap(n + 1, m + 1);
            });
            assert!(
                whats(&report)
                    .iter()
                    .any(|w| matches!(w, What::Order { .. })),
                "swap {n} {m}"
            );
        }
        let report = forge(&|entries, proofs| {
            entries.insert(n, entries[n].clone());
            proofs.insert(n + 1, proofs[n + 1].clone());
        });
        assert!(!report.is_sound(), "entry {n} twice");
        let report = forge(&|entries, _| {
            let text = String::from_utf8(entries[n].clone()).unwrap();
            entries[n] = text
                .replacen("\"tenant\":\"t1\"", "\"tenant\":\"t2\"", 1)
                .into_bytes();
        });
        assert!(
            report
                .problems
                .iter()
                .any(|p| p.what == What::NotIncluded && p.line == Some(n as u64 + 1)),
            "entry {n} changed"
        );
    }
    // Cut at the end so that an earlier pack seems to be whole: still no export at the end.
    let report = forge(&|entries, proofs| {
        entries.truncate(3);
        proofs.truncate(4);
    });
    assert_eq!(whats(&report), [What::NoExport]);
}

#[test]
fn attachments_are_bound_by_the_export_entry() {
    let sample = sample(2);
    let trust = trust(&sample.key);
    let whole = unpack(&sample.pack);
    let names: Vec<_> = whole
        .iter()
        .map(|m| m.0.clone())
        .filter(|n| n != "manifest.json")
        .collect();
    for name in &names {
        let gone: Members = whole.iter().filter(|m| m.0 != *name).cloned().collect();
        let report = verify(&repack(&gone)[..], &trust);
        assert!(
            report
                .problems
                .iter()
                .any(|p| p.file.as_ref() == Some(name) && p.what == What::Missing),
            "{name} dropped: {:?}",
            report.problems
        );
        let mut bent = whole.clone();
        bent.iter_mut()
            .filter(|m| m.0 == *name)
            .for_each(|m| m.3[0] ^= 1);
        assert!(
            !verify(&repack(&bent)[..], &trust).is_sound(),
            "{name} changed"
        );
    }
    let mut more = whole.clone();
    more.push(("attachments/zz.txt".into(), 0, 0, b"planted".to_vec()));
    let report = verify(&repack(&more)[..], &trust);
    assert!(
        report
            .problems
            .iter()
            .any(|p| p.what == What::Unexpected && p.file.as_deref() == Some("attachments/zz.txt"))
    );
    for field in ["created", "tool", "incident", "origin"] {
        let mut members = whole.clone();
        let mut manifest: Value = serde_json::from_slice(&members[0].3).unwrap();
        manifest[field] = if field == "created" {
            json!(1)
        } else {
            json!("other")
        };
        members[0].3 = [serde_jcs::to_vec(&manifest).unwrap(), b"\n".to_vec()].concat();
        assert!(
            !verify(&pack_as_is(&members)[..], &trust).is_sound(),
            "{field} changed in the manifest"
        );
    }
}

#[test]
fn another_key_and_a_fork_are_found() {
    let (ours, theirs) = (sample(3), sample(3));
    // A whole pack of somebody else's log of the same name.
    let report = verify(&theirs.pack[..], &trust(&ours.key));
    assert!(
        matches!(&whats(&report)[..], [What::WrongKey { found, .. }] if *found == theirs.key.fingerprint())
    );
    // The same with our public key slipped in.
    let mut members = unpack(&theirs.pack);
    members
        .iter_mut()
        .filter(|m| m.0 == "log.vkey")
        .for_each(|m| m.3 = format!("{}\n", ours.key).into_bytes());
    let report = verify(&repack(&members)[..], &trust(&ours.key));
    assert!(
        whats(&report).iter().any(|w| matches!(w, What::Note(_))),
        "{:?}",
        report.problems
    );
    // Their first checkpoint under our pack.
    let mut members = unpack(&ours.pack);
    let first = unpack(&theirs.pack)
        .into_iter()
        .find(|m| m.0 == "checkpoints/first.txt")
        .unwrap();
    members
        .iter_mut()
        .filter(|m| m.0 == first.0)
        .for_each(|m| m.3.clone_from(&first.3));
    assert!(!verify(&repack(&members)[..], &trust(&ours.key)).is_sound());

    // The owner of the key forks the log; somebody kept a checkpoint.
    let signer = LogSigner::from_seed("test.example/hudun", &[5; 32]).unwrap();
    let forked = signer.sign(ours.last.checkpoint.size, [1; 32]);
    let trust = Trust {
        key: Some(ours.key.clone()),
        known: vec![ours.last.clone()],
    };
    let report = verify(&ours.pack[..], &trust);
    assert!(report.is_sound() && report.known_compared == 1);
    let trust = Trust {
        known: vec![forked],
        ..trust
    };
    assert_eq!(
        whats(&verify(&ours.pack[..], &trust)),
        [What::Fork(ours.last.checkpoint.size)]
    );
}

#[test]
fn hostile_packs_are_bounded() {
    let sample = sample(2);
    let trust = trust(&sample.key);
    let few = Limits {
        files: 3,
        ..Limits::default()
    };
    assert!(
        whats(&verify_within(&sample.pack[..], &trust, &few))
            .contains(&What::Archive(TarError::Limit("number of files")))
    );
    let small = Limits {
        in_memory: 100,
        ..Limits::default()
    };
    assert!(
        whats(&verify_within(&sample.pack[..], &trust, &small))
            .contains(&What::Archive(TarError::Limit("file size")))
    );
    let short = Limits {
        total: 2000,
        ..Limits::default()
    };
    assert!(
        whats(&verify_within(&sample.pack[..], &trust, &short))
            .contains(&What::Archive(TarError::Limit("pack size")))
    );
    assert!(!verify(&[0; 1024][..], &trust).is_sound());
    assert!(!verify(&[][..], &trust).is_sound());
    let mut flood = unpack(&sample.pack);
    flood
        .iter_mut()
        .filter(|m| m.0 == "entries.jsonl")
        .for_each(|m| m.3 = b"{}\n".repeat(20_000));
    let report = verify(&repack(&flood)[..], &trust);
    assert!(report.problems.len() <= 100 && report.more_problems > 10_000);
}

#[test]
fn what_cannot_be_exported() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = Log::open(dir.path(), "o").unwrap();
    let export = Export {
        incident: "none",
        at: 0,
        tenant: "t",
        actor: "a",
        tool: "x",
    };
    assert!(matches!(
        write(&mut log, &export, &[], &mut Vec::new()),
        Err(Error::NoIncident { .. })
    ));
    let entry = NewEntry {
        at: 0,
        tenant: "t".into(),
        incident: Some("i".into()),
        actor: "a".into(),
        kind: "k".into(),
        body: json!(1),
    };
    log.append(entry).unwrap();
    for name in ["../x", "/x", "", "a b", "a//b", ".x"] {
        let attachment = Attachment {
            name: name.into(),
            bytes: Vec::new(),
        };
        let export = Export {
            incident: "i",
            ..export
        };
        assert!(
            matches!(
                write(&mut log, &export, &[attachment], &mut Vec::new()),
                Err(Error::Pack(_))
            ),
            "{name:?}"
        );
    }
    assert_eq!(log.len(), 1, "a refused export leaves no entry");
}

#[test]
fn problems_read_in_both_languages() {
    let sample = sample(2);
    let mut bent = sample.pack.clone();
    let at = unpack(&bent)
        .iter()
        .find(|m| m.0 == "entries.jsonl")
        .unwrap()
        .2
        + 10;
    bent[at] ^= 1;
    let report = verify(&bent[..], &trust(&sample.key));
    let problem = report.problems.iter().find(|p| p.line == Some(1)).unwrap();
    assert!(
        problem
            .to_string()
            .starts_with("entries.jsonl line 1 (pack bytes "),
        "{problem}"
    );
    assert!(
        problem.zh().starts_with("entries.jsonl 第 1 行(包内字节 "),
        "{}",
        problem.zh()
    );
}

type Lines = Vec<Vec<u8>>;

/// Name, header offset, contents offset, contents.
type Members = Vec<(String, usize, usize, Vec<u8>)>;

fn unpack(pack: &[u8]) -> Members {
    let mut members = Vec::new();
    let mut at = 0;
    while pack[at] != 0 {
        let name = pack[at..at + 100].split(|b| *b == 0).next().unwrap();
        let size =
            usize::from_str_radix(std::str::from_utf8(&pack[at + 124..at + 135]).unwrap(), 8)
                .unwrap();
        let bytes = pack[at + 512..at + 512 + size].to_vec();
        members.push((
            String::from_utf8(name.to_vec()).unwrap(),
            at,
            at + 512,
            bytes,
        ));
        at += 512 + size.div_ceil(512) * 512;
    }
    members
}

/// Writes the archive with a manifest that fits.
fn repack(members: &Members) -> Vec<u8> {
    let mut members = members.clone();
    let mut manifest: Value = serde_json::from_slice(&members[0].3).unwrap();
    let sums = members[1..].iter().map(
        |m| json!({ "name": m.0, "sha256": hex::encode(Sha256::digest(&m.3)), "size": m.3.len() }),
    );
    manifest["files"] = sums.collect();
    members[0].3 = [serde_jcs::to_vec(&manifest).unwrap(), b"\n".to_vec()].concat();
    pack_as_is(&members)
}

fn pack_as_is(members: &Members) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, _, _, bytes) in members {
        let mut block = [0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..124].copy_from_slice(b"0000644\x000000000\x000000000\0");
        block[124..156]
            .copy_from_slice(format!("{:011o}\x0000000000000\0        ", bytes.len()).as_bytes());
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&block);
        out.extend_from_slice(bytes);
        out.extend(std::iter::repeat_n(
            0,
            bytes.len().div_ceil(512) * 512 - bytes.len(),
        ));
    }
    out.extend([0; 1024]);
    out
}
