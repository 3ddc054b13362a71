//! Each transformation on any bytes: alone, before another one, and stage by stage; through both automata and without.
//!
//! What is known about pairs must hold, too: a decoder undoes its encoder.
#![no_main]

use std::fmt::Write as _;
use std::sync::OnceLock;

use hudun_seclang::{Judging, RuleSet};
use hudun_seclang_fuzz::agree;
use libfuzzer_sys::fuzz_target;

const NAMES: &[&str] = &[
    "base64Decode",
    "base64DecodeExt",
    "base64Encode",
    "cmdLine",
    "compressWhitespace",
    "cssDecode",
    "escapeSeqDecode",
    "hexDecode",
    "hexEncode",
    "htmlEntityDecode",
    "jsDecode",
    "length",
    "lowercase",
    "md5",
    "normalisePath",
    "normalisePathWin",
    "parityEven7bit",
    "parityOdd7bit",
    "parityZero7bit",
    "removeComments",
    "removeCommentsChar",
    "removeNulls",
    "removeWhitespace",
    "replaceComments",
    "replaceNulls",
    "sha1",
    "sqlHexDecode",
    "trim",
    "trimLeft",
    "trimRight",
    "uppercase",
    "urlDecode",
    "urlDecodeUni",
    "urlEncode",
    "utf8toUnicode",
];

/// Chains that give back what they were given, and the same twice as once.
const IDENTITIES: &[(&str, &str)] = &[
    ("t:base64Encode,t:base64Decode", "t:none"),
    ("t:base64Encode,t:base64DecodeExt", "t:none"),
    ("t:hexEncode,t:hexDecode", "t:none"),
    ("t:urlEncode,t:urlDecode", "t:none"),
    ("t:urlEncode,t:urlDecodeUni", "t:none"),
    ("t:lowercase,t:lowercase", "t:lowercase"),
    ("t:uppercase,t:lowercase", "t:lowercase"),
    ("t:removeNulls,t:removeNulls", "t:removeNulls"),
    ("t:trimLeft,t:trimRight", "t:trim"),
    (
        "t:removeWhitespace,t:removeWhitespace",
        "t:removeWhitespace",
    ),
    (
        "t:compressWhitespace,t:compressWhitespace",
        "t:compressWhitespace",
    ),
    ("t:normalisePath,t:normalisePath", "t:normalisePath"),
    (
        "t:parityZero7bit,t:parityEven7bit,t:parityZero7bit",
        "t:parityZero7bit",
    ),
];
const FIRST_IDENTITY: u64 = 1_000_000;

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut text = "SecRuleEngine DetectionOnly\n".to_owned();
        let mut id = 1;
        let mut rule = |operator: &str, actions: &str| {
            let _ = writeln!(
                text,
                "SecRule REQUEST_HEADERS|REQUEST_HEADERS_NAMES \"{operator}\" \"id:{id},phase:1,pass,log,{actions},logdata:'%{{MATCHED_VAR}}'\""
            );
            id += 1;
        };
        for (at, name) in NAMES.iter().enumerate() {
            let next = NAMES[(at * 7 + 3) % NAMES.len()];
            rule(r"@rx [\x01-\x1f<>(){}%;]|[A-Z]{2}", &format!("t:none,t:{name}"));
            rule("@pm select script ../ /* \\x etc/passwd", &format!("t:none,t:{name},t:{next}"));
            rule(
                r"@rx (?i)([<=;]\s*[a-z]+|[\x80-\xff]{2}|\x00)",
                &format!("t:none,t:{name},t:{next},multiMatch,capture"),
            );
            rule("@unconditionalMatch", &format!("t:none,t:{next},t:{name}"));
        }
        let mut id = FIRST_IDENTITY;
        for (both, one) in IDENTITIES {
            let _ = writeln!(
                text,
                "SecRule REQUEST_HEADERS:x \"@unconditionalMatch\" \"id:{id},phase:1,pass,nolog,t:none,{one},setvar:'tx.same=%{{MATCHED_VAR}}'\"\n\
                 SecRule REQUEST_HEADERS:x \"!@streq %{{tx.same}}\" \"id:{},phase:1,pass,log,t:none,{both},msg:'{both} is not {one}'\"",
                id + 1
            );
            id += 2;
        }
        RuleSet::builder()
            .text("transform.conf", text)
            .build()
            .expect("rules load")
    })
}

fuzz_target!(|bytes: &[u8]| {
    // Two values share what is remembered about values; the second is a piece of the first.
    let (first, rest) = bytes.split_first().unwrap_or((&0, b""));
    let cut = rest.len() * usize::from(*first) / 256;
    let outcome = agree(rules(), Judging::Exact, |t, _| {
        t.request_line(b"GET", b"/", b"HTTP/1.1");
        t.request_header(b"x", rest);
        t.request_header(&[b"n-", &rest[..cut.min(64)]].concat(), &rest[cut..]);
        t.request_headers_end();
    });
    let broken = outcome.matches.iter().find(|m| m.id >= FIRST_IDENTITY);
    assert!(broken.is_none(), "{broken:?}");
});
