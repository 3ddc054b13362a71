//! Rule files, pipelines and placeholders of any content load or are refused; they never panic or hang.
#![no_main]

use hudun_sigma::{Loader, Scratch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loader = match text.split_once("\u{0}") {
        Some((rules, pipeline)) => Loader::new()
            .source("fuzz.yml", rules)
            .pipeline("pipeline.yml", pipeline),
        None => Loader::new().source("fuzz.yml", text),
    };
    if let Ok(rules) = loader.load() {
        let event = serde_json::json!({"a": "b", "c": [1, null, {"d": "e"}]});
        rules.matches(&event, None, &mut Scratch::default());
    }
});
