//! SecLang, the rule language of ModSecurity v3 and Coraza, and an inspector that runs the OWASP Core Rule Set unmodified.
//!
//! Rules are loaded once into a [`RuleSet`], which is immutable and shared between threads; each HTTP exchange is one
//! [`Transaction`]. Everything an exchange can hold is bounded, patterns run in linear time, and a word that the language
//! doesn't have is an error with file and line.
//!
//! Rules are compiled: rules that look for patterns are grouped, one automaton per group scans each distinct value once,
//! and only the rules whose pattern was seen run exactly, in file order. [`Strategy::Interpreted`] runs every rule on
//! every value and is the reference that tests compare with.
//!
//! ```
//! use hudun_seclang::{RuleSet, Start, Transaction};
//!
//! let rules = RuleSet::builder()
//!     .text("site.conf", r#"
//!         SecRuleEngine On
//!         SecRequestBodyAccess On
//!         SecRule ARGS "@detectSQLi" \
//!             "id:100,phase:2,deny,status:403,t:none,t:urlDecodeUni,msg:'SQL injection',severity:CRITICAL,tag:'attack-sqli'"
//!     "#)
//!     .build()?;
//!
//! let mut exchange = Transaction::new(&rules, Start::example());
//! exchange.request_line(b"GET", b"/search?q=1'+or+'1'='1", b"HTTP/1.1");
//! exchange.request_header(b"Host", b"crm.example.com");
//! assert!(exchange.request_headers_end().is_none());
//! let stop = exchange.request_end().expect("the attack is stopped");
//! assert_eq!((stop.status, stop.rule, stop.class.as_str()), (403, 100, "sqli"));
//! println!("{}", stop.explanation);
//!
//! let outcome = exchange.finish();
//! assert_eq!(outcome.matches[0].variable, "ARGS:q");
//! # Ok::<(), hudun_seclang::LoadError>(())
//! ```

mod body;
mod collections;
mod error;
mod except;
mod load;
mod operator;
mod parse;
mod pattern;
mod plan;
pub mod raw;
mod report;
mod rule;
mod settings;
mod sources;
mod structure;
mod template;
mod transaction;
mod transform;
mod usual;
mod values;
mod variable;
mod words;

pub use collections::{Field, MemoryRecords, Record, RecordStore};
pub use error::{LoadError, LoadErrorKind, Span};
pub use except::Exception;
pub use load::{Builder, RuleSet};
pub use plan::GroupSummary;
pub use report::{Intervention, InterventionAction, RuleMatch};
pub use settings::{AuditMode, Judging, Mode, OverLimit, Settings};
pub use sources::{DiskSources, MemorySources, Sources};
pub use transaction::{AuditOptions, AuditShape, Outcome, Start, Strategy, Transaction};
pub use usual::{
    Fixed, Kind, Lesson, Parameter, Parameters, Shape, Signs, UnknownSigns, Unlike, Usual,
};
