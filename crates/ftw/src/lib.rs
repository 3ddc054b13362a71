//! The regression tests of the OWASP Core Rule Set, in the format of go-ftw: read, made into bytes, and judged.
//!
//! A stage is sent as the suite's own client would send it ([`Input::bytes`]); what the log and the client saw is judged
//! by the suite's own rules ([`Output::judge`]). [`Server`] runs a request in one process: an HTTP/1 server that refuses
//! what no request is (RFC 9112), the engine, and the suite's backend. [`backend`] alone serves where a real proxy stands
//! between client and backend.

mod case;
mod server;

pub use case::{Expectation, File, FtwError, Input, Log, Output, Scalar, Stage, Test, load};
pub use server::{Seen, accept, backend, exchange};

use hudun_seclang::{RuleMatch, RuleSet, Strategy};

/// What CRS's regression suite asks for, in front of CRS (its `tests/regression/README.md`).
pub const REGRESSION: &str = r#"
SecAction "id:900005,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly,ctl:ruleRemoveById=910000,\
  setvar:tx.blocking_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,\
  setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,\
  setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
"#;

/// The lines that an error log would have for these matches.
pub fn log_of(matches: &[RuleMatch]) -> String {
    matches.iter().map(|m| m.log_line() + "\n").collect()
}

/// A test as it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Rule and number, such as `942100-3`.
    pub id: String,
    /// Why it failed.
    pub problem: Option<String>,
}

/// Runs every test in one process: HTTP/1 server, engine, backend.
pub struct Server<'r> {
    /// The rules.
    pub rules: &'r RuleSet,
    /// How they are judged.
    pub strategy: Strategy,
}

impl Server<'_> {
    /// Runs the stages of a test until one fails.
    pub fn run(&self, rule: u64, test: &Test) -> Verdict {
        let outcome = test.stages.iter().try_for_each(|stage| {
            let bytes = stage.input.bytes().map_err(|error| error.to_string())?;
            let seen = exchange(self.rules, &bytes, self.strategy);
            stage.output.judge(&seen.expectation())
        });
        Verdict {
            id: format!("{rule}-{}", test.test_id),
            problem: outcome.err(),
        }
    }
}
