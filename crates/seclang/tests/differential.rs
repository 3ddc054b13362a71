//! Compiled and interpreted are the same: over the requests of the CRS suite, and over requests made up at random.

#![allow(clippy::panic, clippy::expect_used, clippy::unwrap_used)]

mod common;

use std::sync::OnceLock;

use hudun_ftw::{REGRESSION, exchange};
use hudun_seclang::{RuleSet, Strategy};
use proptest::prelude::{ProptestConfig, Strategy as _, any, prop_assert, proptest};

fn same(rules: &RuleSet, bytes: &[u8]) -> Result<(), String> {
    let a = exchange(rules, bytes, Strategy::Compiled);
    let b = exchange(rules, bytes, Strategy::Interpreted);
    if (a.status, &a.log) != (b.status, &b.log) {
        return Err(format!(
            "status {} / {}\ncompiled:\n{}\ninterpreted:\n{}",
            a.status, b.status, a.log, b.log
        ));
    }
    let (Some(a), Some(b)) = (a.outcome, b.outcome) else {
        return Ok(());
    };
    if (&a.matches, &a.intervention, a.score, &a.limits)
        != (&b.matches, &b.intervention, b.score, &b.limits)
    {
        return Err(format!("{a:?}\n{b:?}"));
    }
    Ok(())
}

#[test]
fn over_the_regression_suite() {
    let Some(data) = common::data() else { return };
    let detecting = common::crs(REGRESSION).expect("crs");
    let blocking = common::crs("").expect("crs");
    let mut count = 0;
    for file in hudun_ftw::load(&data.join("crs/tests/regression/tests")).unwrap() {
        // Every third test at paranoia 4 (the suite itself runs them all compiled), every seventh in blocking mode.
        for (at, test) in file.tests.iter().flatten().enumerate() {
            for stage in &test.stages {
                let bytes = stage.input.bytes().unwrap();
                for (rules, each) in [(&detecting, 3), (&blocking, 7)] {
                    if at % each == 0 {
                        count += 1;
                        if let Err(why) = same(rules, &bytes) {
                            panic!("{}-{}: {why}", file.rule_id, test.test_id);
                        }
                    }
                }
            }
        }
    }
    println!("{count} comparisons");
    assert!(count > 2000);
}

fn rules() -> Option<&'static RuleSet> {
    static RULES: OnceLock<Option<RuleSet>> = OnceLock::new();
    RULES.get_or_init(|| common::crs(REGRESSION)).as_ref()
}

/// Pieces from which attacks and honest texts are made.
const PIECES: &[&str] = &[
    "<script>alert(1)</script>",
    "' or '1'='1",
    "union select",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "; cat /etc/passwd",
    "$(id)",
    "`ls -la`",
    "{{7*7}}",
    "<?php system($_GET[0]);",
    "onerror=alert(1)",
    "%27",
    "%u0027",
    "\\u003c",
    "&lt;",
    "&#x3c;",
    "\\x3c",
    "/*x*/",
    "--",
    "#",
    "\0",
    "\r\n",
    "http://127.0.0.1/",
    "file:///etc/shadow",
    "O:8:\"x\":0:{}",
    "rO0ABXNy",
    "java.lang.Runtime",
    "张伟",
    "北京市海淀区中关村大街1号",
    "O'Brien",
    "a+b=c",
    " ",
    "=",
    "&",
    "(",
    ")",
    "a",
    "1",
    "select the best from our offers and order by price",
    "c\\at",
    "w'h'o'a'mi",
    "ping%20-c",
    "xp_cmdshell",
    ".htaccess",
    "%",
];

fn text() -> impl proptest::strategy::Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..5).prop_map(|p| p.concat())
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                (b as char).to_string()
            } else {
                format!("%{b:02x}")
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]
    #[test]
    fn over_made_up_requests(name in text(), value in text(), cookie in text(), header in text(), path in text(), kind in 0..5u8, raw in any::<bool>()) {
        let Some(rules) = rules() else { return Ok(()) };
        let encode = |t: &str| if raw { t.replace(['\r', '\n', ' ', '\0', '#'], "+") } else { escape(t) };
        let (content, body) = match kind {
            0 => ("application/x-www-form-urlencoded", format!("{}={}&x=1", encode(&name), encode(&value))),
            1 => ("application/json", serde_json::json!({ name.clone(): [value.clone(), { "k": header.clone() }] }).to_string()),
            2 => ("text/xml", format!("<?xml version=\"1.0\"?><a x=\"{}\"><![CDATA[{value}]]></a>", name.replace(['<', '"', '&'], ""))),
            3 => ("multipart/form-data; boundary=b", format!("--b\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\r\n{value}\r\n--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n{value}\r\n--b--\r\n", name.replace(['"', '\r', '\n'], ""), cookie.replace(['"', '\r', '\n'], ""))),
            _ => ("text/plain", value.clone()),
        };
        let line = |t: &str| t.replace(['\r', '\n', '\0'], " ");
        let mut bytes = format!(
            "POST /{}?{}={} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {}\r\nCookie: c={}\r\nReferer: {}\r\nContent-Type: {content}\r\nContent-Length: {}\r\n\r\n",
            encode(&path), encode(&name), encode(&value), line(&header), line(&cookie), line(&value), body.len(),
        ).into_bytes();
        bytes.extend_from_slice(body.as_bytes());
        if let Err(why) = same(rules, &bytes) {
            prop_assert!(false, "{}\n{}", why, String::from_utf8_lossy(&bytes));
        }
    }
}
