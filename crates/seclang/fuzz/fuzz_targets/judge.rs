//! The second judgement on any value: its readers of SQL, markup, script, shell, expressions and paths neither panic nor
//! hang, both ways agree in each mode, and strict stops whatever balanced stops.
#![no_main]

use std::sync::OnceLock;

use hudun_seclang::{Judging, RuleSet};
use hudun_seclang_fuzz::agree;
use libfuzzer_sys::fuzz_target;

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../rules/waf/*.conf");
        RuleSet::builder().glob(ours).build().expect("rules load")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let [balanced, strict] = [Judging::Balanced, Judging::Strict].map(|judging| {
        agree(rules(), judging, |t, _| {
            t.request_line(b"POST", b"/api/v1/notes", b"HTTP/1.1");
            t.request_header(b"Host", b"h");
            t.request_header(b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64)");
            t.request_header(b"Content-Type", b"multipart/form-data; boundary=0123456789");
            if t.request_headers_end().is_none() {
                let mut body =
                    b"--0123456789\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n"
                        .to_vec();
                body.extend_from_slice(bytes);
                body.extend_from_slice(b"\r\n--0123456789--\r\n");
                t.request_body(&body);
                t.request_end();
            }
        })
    });
    assert!(balanced.intervention.is_none() || strict.intervention.is_some());
});
