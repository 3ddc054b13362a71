//! Each body processor on any bytes: what it makes of them is shown to rules, both ways, and in pieces as in one.
//!
//! The first byte chooses the processor, the second where the body is cut for the interpreted way.
#![no_main]

use std::sync::OnceLock;

use hudun_seclang::{Judging, RuleSet, Strategy};
use hudun_seclang_fuzz::agree;
use libfuzzer_sys::fuzz_target;

const KINDS: &[&[u8]] = &[
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=b",
    b"multipart/form-data; boundary=\"a b\"; charset=utf-8",
    b"application/json",
    b"text/xml",
    b"text/plain",
];

/// Shows every value; some only where a pattern or a phrase is, so that the automata decide.
const RULES: &str = r#"
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecRequestBodyLimit 65536
SecRequestBodyNoFilesLimit 32768
SecArgumentsLimit 200
SecRequestBodyJsonDepthLimit 64
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@contains xml" "id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQBODY_ERROR|URLENCODED_ERROR|MULTIPART_STRICT_ERROR|MULTIPART_UNMATCHED_BOUNDARY "@unconditionalMatch" "id:3,phase:2,pass,log,logdata:'%{MATCHED_VAR} %{REQBODY_ERROR_MSG}'"
SecRule ARGS|ARGS_NAMES|FILES|FILES_NAMES|FILES_SIZES|FILES_COMBINED_SIZE|FILES_TMP_CONTENT|MULTIPART_PART_HEADERS|MULTIPART_NAME|MULTIPART_FILENAME|XML:/*|XML://@*|REQUEST_BODY|ARGS_COMBINED_SIZE "@unconditionalMatch" "id:4,phase:2,pass,log,logdata:'%{MATCHED_VARS_NAMES} %{MATCHED_VAR}',setvar:tx.n=+1"
SecRule ARGS|ARGS_NAMES|XML:/*|XML://@*|REQUEST_BODY "@rx (?i)[<;&]\s*[a-z]+\s*[(=]|\.\./" "id:5,phase:2,pass,log,t:none,t:urlDecodeUni,t:htmlEntityDecode,capture,logdata:'%{TX.0}'"
SecRule ARGS|XML:/*|MULTIPART_PART_HEADERS|FILES "@pm select script passwd .php filename" "id:6,phase:2,pass,log,t:none,t:lowercase"
SecRule &ARGS|&FILES|&MULTIPART_PART_HEADERS "@gt 3" "id:7,phase:2,pass,log"
SecRule ARGS "@detectSQLi" "id:8,phase:2,pass,log,t:none,t:urlDecodeUni"
SecRule ARGS|XML:/* "@detectXSS" "id:9,phase:2,pass,log,t:none"
SecRule ARGS:/^json\.a/|ARGS:json|ARGS:a "!@rx ^[0-9]+$" "id:10,phase:2,pass,log,logdata:'%{tx.n}'"
"#;

fn rules() -> &'static RuleSet {
    static RULES_SET: OnceLock<RuleSet> = OnceLock::new();
    RULES_SET.get_or_init(|| {
        RuleSet::builder()
            .text("body.conf", RULES)
            .build()
            .expect("rules load")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [kind, cut, body @ ..] = bytes else {
        return;
    };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let cut = body.len() * usize::from(*cut) / 256;
    agree(rules(), Judging::Exact, |t, strategy| {
        t.request_line(b"POST", b"/x?q=1", b"HTTP/1.1");
        t.request_header(b"Content-Type", kind);
        t.request_headers_end();
        match strategy {
            Strategy::Compiled => t.request_body(body),
            Strategy::Interpreted => {
                t.request_body(&body[..cut]);
                t.request_body(&body[cut..]);
            }
        }
        t.request_end();
    });
});
