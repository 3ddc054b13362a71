//! Sigma v2.1 for events that never stop coming: detection rules, filters, placeholders, field mapping and correlations.
//!
//! A rule set is compiled as a whole. Each field knows what all rules look for in it; an event is walked once, a sieve says
//! in one look at a text whether any literal can be in it, what is there wakes the few rules that need it, and only those
//! are looked at. Whatever can't be
//! looked up (networks, comparisons, regular expressions) is asked when a woken rule needs it, once per event.
//!
//! Correlations cost the same for every event: a group keeps what its threshold needs and no more. Each group, tenant and
//! shard has a cap. A rule set loads whole or not at all, and every fault names file, line and rule.
//!
//! ```
//! use hudun_sigma::{Engine, Limits, Loader, Meta, Scratch};
//! use serde_json::json;
//!
//! let rules = Loader::new()
//!     .source("crm.yml", r#"
//! title: A customer is opened
//! name: customer_opened
//! logsource: { category: application }
//! detection:
//!     selection: { action: open, path|startswith: /customers/ }
//!     condition: selection
//! ---
//! title: One account opens three customers in a minute
//! correlation:
//!     type: value_count
//!     rules: [customer_opened]
//!     group-by: [user.name]
//!     timespan: 1m
//!     condition: { field: customer, gte: 3 }
//! level: high
//! "#)
//!     .load()?;
//!
//! let engine = Engine::new(rules, Limits::default());
//! let mut scratch = Scratch::default();
//! let mut findings = Vec::new();
//! for n in 0..3 {
//!     let event = json!({
//!         "user": {"name": "sales-3"}, "action": "open",
//!         "path": format!("/Customers/{n}"), "customer": n,
//!     });
//!     let meta = Meta { tenant: "shop", time: 1_000 * n, ..Meta::default() };
//!     engine.observe(&event, &meta, None, &mut scratch, &mut findings);
//! }
//! assert_eq!(findings.len(), 1);
//! assert_eq!(findings[0].rule.title, "One account opens three customers in a minute");
//! # Ok::<(), hudun_sigma::LoadErrors>(())
//! ```

mod atom;
mod compile;
mod correlate;
mod ends;
mod error;
mod event;
mod expression;
mod lint;
mod load;
mod matching;
mod modifiers;
mod names;
mod pipeline;
mod plan;
mod rule;
mod selftest;
mod set;
mod sieve;
mod values;

pub use atom::unix_millis;
pub use correlate::{CorrelationStats, KeptError, Limits, Meta, Restored};
pub use error::{LoadError, LoadErrorKind, LoadErrors, Place};
pub use event::{Event, Flat, Value};
pub use lint::{Fault, Severity, lint};
pub use load::{Loader, MAX_FILE};
pub use matching::{Route, Scratch};
pub use pipeline::Pipeline;
pub use rule::{RuleInfo, Source};
pub use selftest::{Case, CaseOutcome, Expect, cases, run_cases};
pub use set::{Engine, Evidence, FieldUse, Finding, RuleSet};
