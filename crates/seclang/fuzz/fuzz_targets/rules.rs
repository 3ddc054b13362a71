//! Rule files of any content load or are refused; they never panic or hang.
#![no_main]

use hudun_seclang::{MemorySources, RuleSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = RuleSet::builder().text("fuzz.conf", text).build_from(&MemorySources::new());
});
