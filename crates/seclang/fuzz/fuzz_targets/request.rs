//! Requests of any content: no panic, no hang, and the compiled way finds what the interpreter finds.
//!
//! Rules come from `rules/waf`; set `HUDUN_FUZZ_RULES` to another pattern, such as a file that includes CRS.
#![no_main]

use std::sync::OnceLock;

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{Judging, RuleSet};
use hudun_seclang_fuzz::agree;
use libfuzzer_sys::fuzz_target;

static RULES: OnceLock<RuleSet> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let _ = RawRequest::parse(bytes);
    let Ok(request) = RawRequest::read(bytes) else {
        return;
    };
    agree(
        RULES.get_or_init(hudun_seclang_fuzz::rules),
        Judging::Exact,
        |t, _| {
            request.feed(t);
        },
    );
});
