//! Requests of any content: no panic, and the compiled way finds what the interpreter finds.
//!
//! Rules come from `rules/waf`; set `HUDUN_FUZZ_RULES` to another pattern, such as a folder with CRS.
#![no_main]

use std::sync::OnceLock;

use hudun_seclang::raw::RawRequest;
use hudun_seclang::{RuleSet, Start, Strategy, Transaction};
use libfuzzer_sys::fuzz_target;

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| {
        let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../rules/waf/*.conf");
        let pattern = std::env::var("HUDUN_FUZZ_RULES").unwrap_or_else(|_| ours.to_owned());
        RuleSet::builder().glob(pattern).build().expect("rules load")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(request) = RawRequest::parse(bytes) else { return };
    let [a, b] = [Strategy::Compiled, Strategy::Interpreted].map(|strategy| {
        let mut transaction = Transaction::new(rules(), Start { strategy, ..Start::example() });
        request.feed(&mut transaction);
        transaction.finish()
    });
    assert_eq!((a.matches, a.intervention, a.score, a.limits), (b.matches, b.intervention, b.score, b.limits));
});
