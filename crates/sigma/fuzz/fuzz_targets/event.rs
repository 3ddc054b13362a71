//! Events of any shape and time go through matching and every type of correlation without a panic.
#![no_main]

use std::cell::RefCell;

use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
use libfuzzer_sys::fuzz_target;

const RULES: &str = r"
title: a
name: a
logsource: { category: x }
detection:
  s: { 'f|contains': [ab, '*c?d'], 'g|re': 'x+y' }
  t: { 'f|cased': Ab, 'h|gt': 3 }
  u: { 'f|fieldref': g }
  k: [word, other]
  condition: s or t or u or k or not 1 of them
---
title: n
correlation: { type: event_count, rules: [a], group-by: [f], timespan: 1m, condition: { gte: 2 } }
---
title: d
correlation: { type: value_count, rules: [a], group-by: [f], timespan: 1m, condition: { field: g, gte: 2 } }
---
title: big
correlation: { type: value_count, rules: [a], group-by: [f], timespan: 1m, condition: { field: g, gte: 20000 } }
---
title: sum
correlation: { type: value_sum, rules: [a], group-by: [f], timespan: 1m, condition: { field: h, gte: 20 } }
---
title: rank
correlation: { type: value_percentile, rules: [a], group-by: [f], timespan: 1m, condition: { field: h, gte: 20, percentile: 90 } }
---
title: order
correlation: { type: temporal_ordered, rules: [a, a], group-by: [f], timespan: 1m }
";

thread_local! {
    static STATE: RefCell<Option<(Engine, Scratch)>> = const { RefCell::new(None) };
}

fuzz_target!(|input: (i64, &str)| {
    let (time, text) = input;
    let Ok(event) = serde_json::from_str::<serde_json::Value>(text) else {
        return;
    };
    STATE.with_borrow_mut(|state| {
        let (engine, scratch) = state.get_or_insert_with(|| {
            let rules = Loader::new().source("fuzz.yml", RULES).load().expect("the rules load");
            (Engine::new(rules, Limits::default()), Scratch::default())
        });
        let mut out = Vec::new();
        let meta = Meta { time: time / 1024, ..Meta::default() };
        engine.observe(&event, &meta, None, scratch, &mut out);
    });
});
