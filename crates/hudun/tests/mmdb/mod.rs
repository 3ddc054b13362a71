//! A database of regions in the format of MaxMind, made by the tests themselves.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

/// A network and where it is: address, length of the prefix, country, subdivision, latitude and longitude.
pub type Network<'a> = ([u8; 4], u8, &'a str, Option<&'a str>, Option<(f64, f64)>);

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(0x40 | u8::try_from(text.len()).unwrap());
    out.extend_from_slice(text.as_bytes());
}

fn key(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    text(out, name);
    out.extend_from_slice(value);
}

/// A database of IPv4 networks in the format of MaxMind (version 2.0), with 24-bit records.
pub fn database(networks: &[Network<'_>]) -> Vec<u8> {
    const EMPTY: u32 = u32::MAX;
    let mut nodes = vec![[EMPTY; 2]];
    let mut data = Vec::new();
    let mut leaves = Vec::new();
    for (address, length, country, part, point) in networks {
        let offset = u32::try_from(data.len()).unwrap();
        let code = |out: &mut Vec<u8>, code: &str| {
            out.push(0xe1);
            text(out, "iso_code");
            text(out, code);
        };
        data.push(0xe1 + u8::from(part.is_some()) + u8::from(point.is_some()));
        text(&mut data, "country");
        code(&mut data, country);
        if let Some(part) = part {
            text(&mut data, "subdivisions");
            data.extend_from_slice(&[1, 4]);
            code(&mut data, part);
        }
        if let Some((latitude, longitude)) = point {
            text(&mut data, "location");
            data.push(0xe3);
            for (name, degrees) in [("latitude", latitude), ("longitude", longitude)] {
                text(&mut data, name);
                data.push(0x68);
                data.extend_from_slice(&degrees.to_be_bytes());
            }
            key(&mut data, "accuracy_radius", &[0xa2, 0, 20]);
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
