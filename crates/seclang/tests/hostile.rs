//! Anything may arrive: nothing panics, nothing hangs, and the two strategies agree.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::OnceLock;

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{MemorySources, RuleSet, Start, Strategy, Transaction};
use proptest::prelude::{ProptestConfig, Strategy as _, any, prop_assert_eq, proptest};

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let pattern = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../rules/waf/*.conf");
        RuleSet::builder()
            .glob(pattern.to_string_lossy())
            .build()
            .expect("rules load")
    })
}

const WORDS: &[&str] = &[
    "SecRule",
    "SecAction",
    "ARGS",
    "TX:/a/",
    "!ARGS:x",
    "&TX:y",
    "\"@rx (a|b)+\"",
    "\"@rx [\"",
    "\"@pm a b\"",
    "\"id:1,",
    "phase:2,",
    "chain\"",
    "\"",
    "\\\n",
    "\n",
    "setvar:tx.a=%{tx.b}",
    ",",
    "'",
    "|",
    "ctl:ruleRemoveById=1-",
    "t:lowercase",
    "skipAfter:X",
    "SecMarker X",
    "#",
    "Include",
    "(?i)",
    "{1,9999}",
    "\\x{zz}",
    "中",
];

const KINDS: &[&str] = &[
    "application/json",
    "text/xml",
    "multipart/form-data; boundary=b",
    "application/x-www-form-urlencoded",
    "text/plain",
];

const BYTES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\u00",
    b"<",
    b"</a>",
    b"<a ",
    b"='",
    b"&#x",
    b"&lt;",
    b"--b",
    b"--b--",
    b"\r\n",
    b"Content-Disposition: form-data; name=",
    b"filename=",
    b"%",
    b"%u00",
    b"=",
    b"&",
    b"+",
    b"\xff",
    b"\x00",
    b"' or 1=1",
    b"1",
    b"a",
    b"/*",
    b"..",
    b"/",
    b"${",
    b"\xe4\xb8\xad",
    b"<!--",
    b"]]>",
    b"<![CDATA[",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn rule_files(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..12), junk in ".{0,12}") {
        let text = words.join(" ") + &junk;
        let _ = RuleSet::builder().text("t.conf", text).build_from(&MemorySources::new());
    }

    #[test]
    fn requests(
        kind in proptest::sample::select(KINDS),
        target in proptest::collection::vec(proptest::sample::select(BYTES), 0..6).prop_map(|p| p.concat()),
        body in proptest::collection::vec(proptest::sample::select(BYTES), 0..30).prop_map(|p| p.concat()),
        junk in proptest::collection::vec(any::<u8>(), 0..30),
    ) {
        let mut headers = vec![(b"Host".to_vec(), b"h".to_vec()), (b"Content-Type".to_vec(), kind.as_bytes().to_vec())];
        headers.push((b"Cookie".to_vec(), junk.clone()));
        let request = RawRequest { method: b"POST".to_vec(), target: [b"/?", target.as_slice()].concat(), protocol: b"HTTP/1.1".to_vec(), headers, body: [body, junk].concat() };
        let [a, b] = [Strategy::Compiled, Strategy::Interpreted].map(|strategy| {
            let mut t = Transaction::new(rules(), Start { strategy, ..Start::example() });
            request.feed(&mut t);
            t.finish()
        });
        prop_assert_eq!((a.matches, a.intervention, a.limits), (b.matches, b.intervention, b.limits));
    }

    #[test]
    fn bytes_as_requests(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(request) = RawRequest::parse(&bytes) {
            let mut t = Transaction::new(rules(), Start::example());
            request.feed(&mut t);
            t.finish();
        }
    }
}

/// A message unlike all before extends the automata by so much and no more; what they leave, patterns decide one by one.
#[test]
fn automata_stop_growing() {
    let mut seed = 7u32;
    let letters = b"abcdefgilmnoprstuwx'\"`;|&<>()/\\. ";
    let value: Vec<u8> = (0..3000)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            letters[(seed >> 16) as usize % letters.len()]
        })
        .collect();
    let request = RawRequest {
        method: b"GET".to_vec(),
        target: b"/".to_vec(),
        protocol: b"HTTP/1.1".to_vec(),
        headers: vec![
            (b"Host".to_vec(), b"h".to_vec()),
            (b"Cookie".to_vec(), value),
        ],
        body: Vec::new(),
    };
    let [compiled, interpreted] = [Strategy::Compiled, Strategy::Interpreted].map(|strategy| {
        let mut t = Transaction::new(
            rules(),
            Start {
                strategy,
                ..Start::example()
            },
        );
        request.feed(&mut t);
        t.finish()
    });
    assert!(compiled.fallbacks > 0, "the bound was not reached");
    assert_eq!(interpreted.fallbacks, 0);
    assert_eq!(
        (compiled.matches, compiled.intervention),
        (interpreted.matches, interpreted.intervention)
    );
}
