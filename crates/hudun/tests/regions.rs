//! A database of regions that the test writes itself.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;

use hudun::regions::open;

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0x40 | u8::try_from(text.len()).unwrap());
    out.extend_from_slice(text.as_bytes());
}

fn key(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    text(out, name);
    out.extend_from_slice(value);
}

/// A database of IPv4 networks in the format of MaxMind (version 2.0), with 24-bit records.
fn database(networks: &[([u8; 4], u8, &str, Option<&str>)]) -> Vec<u8> {
    const EMPTY: u32 = u32::MAX;
    let mut nodes = vec![[EMPTY; 2]];
    let mut data = Vec::new();
    let mut leaves = Vec::new();
    for (address, length, country, part) in networks {
        let offset = u32::try_from(data.len()).unwrap();
        let code = |out: &mut Vec<u8>, code: &str| {
            out.push(0xe1);
            text(out, "iso_code");
            text(out, code);
        };
        data.push(if part.is_some() { 0xe2 } else { 0xe1 });
        text(&mut data, "country");
        code(&mut data, country);
        if let Some(part) = part {
            text(&mut data, "subdivisions");
            data.extend_from_slice(&[1, 4]);
            code(&mut data, part);
        }
        let bits = u32::from_be_bytes(*address);
        let mut node = 0;
        for depth in 0..*length {
            let side = (bits >> (31 - depth) & 1) as usize;
            if depth + 1 == *length {
                leaves.push((node, side, offset));
            } else if nodes[node][side] == EMPTY {
                nodes.push([EMPTY; 2]);
                nodes[node][side] = u32::try_from(nodes.len() - 1).unwrap();
                node = nodes.len() - 1;
            } else {
                node = nodes[node][side] as usize;
            }
        }
    }
    let count = u32::try_from(nodes.len()).unwrap();
    for side in nodes.iter_mut().flatten() {
        if *side == EMPTY {
            *side = count;
        }
    }
    for (node, side, offset) in leaves {
        nodes[node][side] = count + 16 + offset;
    }
    let mut out: Vec<u8> = nodes
        .iter()
        .flatten()
        .flat_map(|record| record.to_be_bytes()[1..].to_vec())
        .collect();
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&data);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let mut meta = vec![0xe9];
    let mut nodes_said = vec![0xc4];
    nodes_said.extend_from_slice(&count.to_be_bytes());
    key(&mut meta, "node_count", &nodes_said);
    key(&mut meta, "record_size", &[0xa1, 24]);
    key(&mut meta, "ip_version", &[0xa1, 4]);
    key(&mut meta, "database_type", b"\x44Test");
    key(&mut meta, "languages", &[0, 4]);
    key(&mut meta, "binary_format_major_version", &[0xa1, 2]);
    key(&mut meta, "binary_format_minor_version", &[0xa0]);
    key(&mut meta, "build_epoch", &[1, 2, 1]);
    key(&mut meta, "description", &[0xe0]);
    out.extend_from_slice(&meta);
    out
}

#[test]
fn addresses_have_regions_and_a_faulty_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("regions.mmdb");
    let bytes = database(&[
        ([203, 0, 113, 0], 24, "CN", Some("ZJ")),
        ([198, 51, 100, 0], 25, "DE", None),
    ]);
    std::fs::write(&file, &bytes).unwrap();
    let regions = open(&file).unwrap();
    let of = |ip: &str| regions.of(ip.parse().unwrap());
    assert_eq!(of("203.0.113.77").as_deref(), Some("CN-ZJ"));
    assert_eq!(of("198.51.100.7").as_deref(), Some("DE"));
    for nowhere in ["198.51.100.200", "10.1.1.1", "2001:db8::1"] {
        assert_eq!(of(nowhere), None, "{nowhere}");
    }
    // Damage places somebody wrongly or nobody; it never breaks.
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        std::fs::write(&file, &damaged).unwrap();
        if let Ok(regions) = open(&file) {
            let _whatever = regions.of("203.0.113.77".parse().unwrap());
        }
    }
    std::fs::write(&file, b"no database").unwrap();
    let error = format!("{:#}", open(&file).unwrap_err());
    assert!(
        error.contains("monitor.regions") && error.contains("regions.mmdb"),
        "{error}"
    );
    assert!(open(Path::new("/nowhere.mmdb")).is_err());
}
