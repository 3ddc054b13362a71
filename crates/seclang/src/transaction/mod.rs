//! One HTTP exchange on its way through the rules.

mod audit;
mod collect;
mod effects;
mod eval;
mod judge;
mod message;
mod text;

use std::net::IpAddr;
use std::sync::Arc;

use crate::collections::{RecordStore, Tx};
use crate::load::RuleSet;
use crate::parse::Target;
use crate::plan::ScanState;
use crate::report::{Intervention, RuleMatch};
use crate::settings::{AuditMode, Judging, Mode};
use crate::usual::{Lesson, Usual};
use crate::values::{ValueId, Values};
use crate::variable::Var;
pub use audit::{AuditOptions, AuditShape};
use effects::Loaded;

/// What a transaction needs to know from outside: engines never read a clock.
#[derive(Clone, Copy)]
pub struct Start<'s> {
    /// Seconds since 1970, UTC.
    pub now: i64,
    /// A name for this transaction that no other has.
    pub unique_id: &'s str,
    /// The client's address.
    pub client: (IpAddr, u16),
    /// The address that the client reached.
    pub server: (IpAddr, u16),
    /// Where `initcol` finds its records; none: collections stay empty.
    pub records: Option<&'s dyn RecordStore>,
    /// How rules are judged. The verdict is the same.
    pub strategy: Strategy,
    /// How the score becomes a decision.
    pub judging: Judging,
}

impl Start<'_> {
    /// A start for tests and examples: nobody in particular at the beginning of time.
    pub fn example() -> Start<'static> {
        Start {
            now: 0,
            unique_id: "example",
            client: (IpAddr::from([192, 0, 2, 1]), 40000),
            server: (IpAddr::from([192, 0, 2, 2]), 443),
            records: None,
            strategy: Strategy::Compiled,
            judging: Judging::Exact,
        }
    }
}

/// How rules are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Automata find the rules that may match; those run exactly, in file order.
    #[default]
    Compiled,
    /// Each rule runs on each value: the reference that the compiled way is compared with.
    Interpreted,
}

/// One exchange. Feed it in the order of the wire; each step may return an [`Intervention`].
pub struct Transaction<'r> {
    rules: &'r RuleSet,
    start: Start<'r>,
    values: Values,
    singles: Box<[ValueId]>,
    zero: ValueId,
    one: ValueId,
    args_get: Vec<Entry>,
    args_post: Vec<Entry>,
    request_headers: Vec<Entry>,
    cookies: Vec<Entry>,
    response_headers: Vec<Entry>,
    xml_text: Vec<ValueId>,
    /// The same, element by element; for the second judgement alone.
    xml_texts: Vec<ValueId>,
    xml_attributes: Vec<ValueId>,
    parts: Parts,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    tx: Tx<'r>,
    loaded: Vec<Loaded>,
    matched: Vec<Item>,
    matched_one: Option<Item>,
    captures: Vec<Vec<u8>>,
    /// Lists to use again.
    spare: Vec<Vec<Item>>,
    scan: Option<Box<ScanState>>,
    parked: bool,
    fallbacks: u32,
    removed: Vec<u64>,
    removed_targets: Vec<(u32, Target)>,
    mode: Mode,
    audit: AuditMode,
    audit_parts: Option<String>,
    request_body_access: bool,
    response_body_access: bool,
    request_body_limit: usize,
    response_body_limit: usize,
    force_body_variable: bool,
    processor: Option<Processor>,
    body: Vec<u8>,
    body_over: bool,
    phase_done: u8,
    allow: Allow,
    matches: Vec<RuleMatch>,
    dropped_matches: usize,
    intervention: Option<Intervention>,
    highest_severity: Option<u8>,
    sanitise: Vec<String>,
    limits: Vec<&'static str>,
    scales: judge::Scales,
    usual: Option<Arc<Usual>>,
}

/// A named value.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: ValueId,
    value: ValueId,
}

/// What a target yielded: a variable, the name of its entry (0: none) and the value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub(crate) var: Var,
    pub(crate) key: ValueId,
    pub(crate) value: ValueId,
}

/// What a multipart body consists of.
#[derive(Debug, Default)]
struct Parts {
    /// Field name → the name of the file as the client gives it.
    files: Vec<Entry>,
    /// Field name → content of the file.
    contents: Vec<Entry>,
    /// Part name → one header line.
    headers: Vec<Entry>,
    /// Part name → `name` and `filename` as written.
    names: Vec<Entry>,
}

/// How a request body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processor {
    UrlEncoded,
    Multipart,
    Json,
    Xml,
}

/// How far an `allow` reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allow {
    Nothing,
    Request,
    Everything,
}

/// What a finished transaction leaves behind.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Outcome {
    /// The rules that matched and wanted to be told about.
    pub matches: Vec<RuleMatch>,
    /// Matches that were not kept because there were too many.
    pub dropped_matches: usize,
    /// The decision, if the message was stopped.
    pub intervention: Option<Intervention>,
    /// The anomaly score of the request, when rules keep one.
    pub score: Option<i64>,
    /// Limits that were reached, by name.
    pub limits: Vec<&'static str>,
    /// For how many values an automaton gave up, so that its patterns ran one by one.
    pub fallbacks: u32,
    /// Whether the audit log wants this transaction.
    pub audit: bool,
}

impl<'r> Transaction<'r> {
    /// Starts an exchange.
    pub fn new(rules: &'r RuleSet, start: Start<'r>) -> Self {
        let settings = &rules.settings;
        let budget = VALUE_BUDGET
            + settings.request_body_limit.min(64 << 20)
            + settings.response_body_limit.min(64 << 20);
        let mut scan = match start.strategy {
            Strategy::Compiled => Some(rules.plan.take_state()),
            Strategy::Interpreted => None,
        };
        let mut values = match scan.as_mut().and_then(|s| s.values.take()) {
            Some(mut kept) => {
                kept.reset(budget);
                kept
            }
            None => Values::new(budget),
        };
        let zero = values.add(b"0");
        let one = values.add(b"1");
        let mut this = Self {
            rules,
            start,
            values,
            singles: vec![0; Var::Xml as usize + 1].into_boxed_slice(),
            zero,
            one,
            args_get: Vec::new(),
            args_post: Vec::new(),
            request_headers: Vec::with_capacity(16),
            cookies: Vec::new(),
            response_headers: Vec::new(),
            xml_text: Vec::new(),
            xml_texts: Vec::new(),
            xml_attributes: Vec::new(),
            parts: Parts::default(),
            env: Vec::new(),
            tx: Tx::new(&rules.tx_names),
            loaded: Vec::new(),
            matched: Vec::new(),
            matched_one: None,
            captures: Vec::new(),
            spare: Vec::new(),
            scan,
            parked: false,
            fallbacks: 0,
            removed: vec![0; rules.rules.len().div_ceil(64)],
            removed_targets: Vec::new(),
            mode: settings.mode,
            audit: settings.audit,
            audit_parts: None,
            request_body_access: settings.request_body_access,
            response_body_access: settings.response_body_access,
            request_body_limit: settings.request_body_limit,
            response_body_limit: settings.response_body_limit,
            force_body_variable: false,
            processor: None,
            body: Vec::new(),
            body_over: false,
            phase_done: 0,
            allow: Allow::Nothing,
            matches: Vec::new(),
            dropped_matches: 0,
            intervention: None,
            highest_severity: None,
            sanitise: Vec::new(),
            limits: Vec::new(),
            scales: judge::Scales::default(),
            usual: None,
        };
        this.fill_connection();
        this
    }

    /// Gives the scratch memory back while the exchange waits for its answer; the next phase takes it again.
    pub fn park(&mut self) {
        if let Some(state) = self.scan.take() {
            self.parked = true;
            self.fallbacks += state.fallbacks;
            self.rules.plan.give_back(state);
        }
    }

    /// What the arguments normally look like, before the first phase.
    pub fn expect(&mut self, usual: Arc<Usual>) {
        self.usual = (!usual.is_empty()).then_some(usual);
    }

    /// What its arguments look like, to be learned when the exchange has shown to be an ordinary one. Empty when a rule about
    /// an attack matched.
    pub fn lesson(&self) -> Lesson {
        let odd = self.intervention.is_some()
            || self.matches.iter().any(|found| {
                found.severity.is_some() && found.tags.iter().any(|tag| tag.starts_with("attack-"))
            });
        if odd {
            return Lesson::default();
        }
        let arguments = self.args_get.iter().chain(&self.args_post);
        Lesson::of(
            arguments.map(|entry| (self.values.get(entry.name), self.values.get(entry.value))),
        )
    }

    /// The decision so far.
    pub fn intervention(&self) -> Option<&Intervention> {
        self.intervention.as_ref()
    }

    /// The matches so far.
    pub fn matches(&self) -> &[RuleMatch] {
        &self.matches
    }

    /// Whether rules decide, only tell, or sleep, at this moment.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// A TX variable, for tests and for reports.
    pub fn tx(&self, name: &str) -> Option<&[u8]> {
        self.tx.get(name.to_ascii_lowercase().as_bytes())
    }

    /// Runs what is left, phase 5 last, saves the collections and tells.
    pub fn finish(mut self) -> Outcome {
        self.last_phase();
        self.outcome()
    }

    fn last_phase(&mut self) {
        self.run_phase(5);
        self.save_records();
    }

    fn outcome(&mut self) -> Outcome {
        let audit = self.wants_audit();
        Outcome {
            score: self.score(),
            matches: std::mem::take(&mut self.matches),
            dropped_matches: self.dropped_matches,
            intervention: self.intervention.take(),
            limits: std::mem::take(&mut self.limits),
            fallbacks: self.fallbacks + self.scan.as_ref().map_or(0, |s| s.fallbacks),
            audit,
        }
    }

    fn single(&mut self, var: Var, value: &[u8]) {
        self.singles[var as usize] = self.values.add(value);
    }

    fn flag(&mut self, var: Var, on: bool) {
        self.singles[var as usize] = if on { self.one } else { self.zero };
    }

    /// Notes that a limit was reached, once.
    fn limit(&mut self, name: &'static str) {
        if !self.limits.contains(&name) {
            self.limits.push(name);
        }
    }

    fn wants_audit(&self) -> bool {
        match self.audit {
            AuditMode::On => true,
            AuditMode::Off => false,
            AuditMode::RelevantOnly => {
                let status = self.intervention.as_ref().map(|i| i.status.to_string());
                let status = status.unwrap_or_else(|| {
                    String::from_utf8_lossy(
                        self.values.get(self.singles[Var::ResponseStatus as usize]),
                    )
                    .into_owned()
                });
                let by_status = self
                    .rules
                    .audit_status
                    .as_ref()
                    .is_some_and(|pattern| pattern.is_match(status.as_bytes()));
                by_status || self.matches.iter().any(|m| m.audit)
            }
        }
    }

    fn score(&self) -> Option<i64> {
        if !self.exact() {
            return Some(self.weighed_score());
        }
        [
            "blocking_inbound_anomaly_score",
            "inbound_anomaly_score",
            "anomaly_score",
        ]
        .iter()
        .find_map(|name| self.tx.get(name.as_bytes()))
        .map(crate::operator::number)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(mut state) = self.scan.take() {
            state.values = Some(std::mem::replace(&mut self.values, Values::empty()));
            self.rules.plan.give_back(state);
        }
    }
}

/// Bytes of values and of what transformations make of them, beside the bodies.
const VALUE_BUDGET: usize = 32 << 20;
