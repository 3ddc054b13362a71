//! Inspection by rules in the language of ModSecurity (OWASP CRS or Hudun's own).
//!
//! The engine sees the request as it came: the target as written, every header, the body without its content encoding.
//! What reaches the SCRM is the same request, or the one whose path was rewritten to the spelling that was judged. A body
//! that can't be shown to the engine as a whole is refused where a module blocks and the engine would have read it.
//!
//! A rule set is immutable. Another one is compiled aside and swapped in whole; a request that began with the old one
//! finishes with it. The previous one is kept for a way back at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::request;
use hudun_core::{ExchangeId, ModuleId, RefusalCause, RouteId, Signal, SignalKind, Timestamp};
use hudun_policy::Denied;
use hudun_profile::ResolvedRoute;
use hudun_seclang::{
    AuditOptions, Exception, Intervention, Judging, Lesson, MemoryRecords, Outcome, RuleMatch,
    RuleSet, Start, Strategy, Transaction,
};
use serde::{Deserialize, Serialize};

use crate::audit::AuditLog;
use crate::exchange::denied;
use crate::metrics::Counter;
use crate::stops::{Stop, Stops};
use crate::usual::Usuals;

/// Most signals of one request.
const MOST_SIGNALS: usize = 16;
/// Records of `initcol` that are kept.
const RECORDS: usize = 50_000;
/// Bodies from this size on are judged where other tasks of the thread don't wait.
const LONG_BODY: usize = 64 << 10;

/// What happens to a request that the rules would stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WafMode {
    /// Nothing is inspected.
    Off,
    /// It is recorded and passes.
    Detect,
    /// It is refused.
    #[default]
    Block,
}

impl WafMode {
    /// Its name in files and on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Detect => "detect",
            Self::Block => "block",
        }
    }
}

/// One rule that does not count somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleException {
    /// The rule.
    pub rule: u64,
    /// What it must not look at, such as `ARGS:note`; the whole rule when absent.
    #[serde(default)]
    pub place: Option<String>,
    /// Only in this module.
    #[serde(default)]
    pub module: Option<ModuleId>,
    /// Only on this route.
    #[serde(default)]
    pub route: Option<RouteId>,
}

/// How the inspection works.
#[derive(Clone, Debug, Default)]
pub struct WafSettings {
    /// Rules that don't count in some places. One that names a rule which the set doesn't have is left aside.
    pub exceptions: Vec<RuleException>,
    /// For modules that are not named.
    pub mode: WafMode,
    /// Module by module.
    pub modules: BTreeMap<ModuleId, WafMode>,
    /// How the score of the rules becomes a decision.
    pub judging: Judging,
    /// Whether answers are inspected too.
    pub answers: bool,
    /// Whether it learns what parameters normally look like.
    pub learn: bool,
}

/// A rule set in force, or the one before it.
#[derive(Debug)]
pub struct LoadedRules {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Number of the swap that brought it; the first set is 1.
    pub version: u64,
    /// What it is called, such as its folder.
    pub name: String,
    /// How long it took to compile.
    pub compiled: Duration,
    /// The exceptions, made for these rules.
    exceptions: Vec<(RuleException, Exception)>,
}

impl LoadedRules {
    fn new(
        rules: Arc<RuleSet>,
        version: u64,
        name: String,
        compiled: Duration,
        wanted: &[RuleException],
    ) -> Self {
        let mut exceptions = Vec::new();
        for wanted in wanted {
            match rules.exception(wanted.rule, wanted.place.as_deref()) {
                Ok(Some(made)) => exceptions.push((wanted.clone(), made)),
                Ok(None) => {
                    tracing::warn!(
                        rule = wanted.rule,
                        "an exception names a rule that the set does not have"
                    );
                }
                Err(problem) => {
                    tracing::warn!(rule = wanted.rule, %problem, "an exception can't be used");
                }
            }
        }
        Self {
            rules,
            version,
            name,
            compiled,
            exceptions,
        }
    }
}

/// Takes what the engine says about each request, before the answer leaves.
pub trait WafLog: Send + Sync {
    /// One request was judged.
    fn judged(&self, exchange: ExchangeId, outcome: &Outcome);
}

/// The inspection of a gateway.
pub struct Waf {
    current: ArcSwap<LoadedRules>,
    previous: Mutex<Option<Arc<LoadedRules>>>,
    /// Exceptions beside those of the settings.
    added: Mutex<Vec<RuleException>>,
    versions: AtomicU64,
    settings: WafSettings,
    records: MemoryRecords,
    log: Option<Arc<dyn WafLog>>,
    audit: Option<AuditLog>,
    /// What it stopped in the last days, or would have.
    pub stops: Stops,
    /// What parameters normally look like.
    pub usuals: Usuals,
    /// Requests that the engine saw.
    pub inspected: Counter,
    /// Requests that it stopped, or would have in detection.
    pub stopped: Counter,
    /// Micro-seconds that the engine took, wall time.
    pub micros: Counter,
}

impl std::fmt::Debug for Waf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waf")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Waf {
    /// Begins with a rule set.
    pub fn new(
        rules: RuleSet,
        name: impl Into<String>,
        compiled: Duration,
        settings: WafSettings,
        log: Option<Arc<dyn WafLog>>,
    ) -> Self {
        Self {
            current: ArcSwap::from_pointee(LoadedRules::new(
                Arc::new(rules),
                1,
                name.into(),
                compiled,
                &settings.exceptions,
            )),
            previous: Mutex::default(),
            added: Mutex::default(),
            versions: AtomicU64::new(1),
            settings,
            records: MemoryRecords::new(RECORDS),
            log,
            audit: None,
            stops: Stops::default(),
            usuals: Usuals::default(),
            inspected: Counter::default(),
            stopped: Counter::default(),
            micros: Counter::default(),
        }
    }

    /// Tells the requests that the rules want told into this log.
    #[must_use]
    pub fn audited(mut self, log: AuditLog) -> Self {
        self.audit = Some(log);
        self
    }

    /// The audit log, where there is one.
    pub const fn audit(&self) -> Option<&AuditLog> {
        self.audit.as_ref()
    }

    /// The rules in force.
    pub fn current(&self) -> Arc<LoadedRules> {
        self.current.load_full()
    }

    /// How it works.
    pub const fn settings(&self) -> &WafSettings {
        &self.settings
    }

    /// Puts another rule set in force; the one before is kept. Returns its version.
    pub fn swap(&self, rules: RuleSet, name: impl Into<String>, compiled: Duration) -> u64 {
        let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        let old = self.current.swap(Arc::new(LoadedRules::new(
            Arc::new(rules),
            version,
            name.into(),
            compiled,
            &self.exceptions(),
        )));
        *previous = Some(old);
        version
    }

    /// Goes back to the set before; calling it again comes forward again. Returns the version in force, or none when
    /// there is nothing to go back to.
    pub fn roll_back(&self) -> Option<u64> {
        let mut previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        let back = previous.take()?;
        let version = back.version;
        *previous = Some(self.current.swap(self.again(&back)));
        Some(version)
    }

    /// What the set before is called, when there is one to go back to.
    pub fn previous(&self) -> Option<String> {
        let previous = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        previous.as_ref().map(|set| set.name.clone())
    }

    /// Puts these exceptions in force beside those of the settings, from the next request on. They replace those of the call
    /// before.
    pub fn except(&self, added: Vec<RuleException>) {
        // Held, so that a swap meanwhile does not lose them.
        let _swapping = self.previous.lock().unwrap_or_else(PoisonError::into_inner);
        *self.added.lock().unwrap_or_else(PoisonError::into_inner) = added;
        self.current.store(self.again(&self.current.load()));
    }

    /// All exceptions: those of the settings, then those that were added.
    fn exceptions(&self) -> Vec<RuleException> {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        [self.settings.exceptions.clone(), added.clone()].concat()
    }

    /// The same rules with the exceptions of now.
    fn again(&self, set: &LoadedRules) -> Arc<LoadedRules> {
        Arc::new(LoadedRules::new(
            Arc::clone(&set.rules),
            set.version,
            set.name.clone(),
            set.compiled,
            &self.exceptions(),
        ))
    }

    /// What happens in these modules: the hardest mode of any.
    pub(crate) fn mode<'m>(&self, modules: impl Iterator<Item = &'m ModuleId>) -> WafMode {
        modules
            .map(|module| {
                self.settings
                    .modules
                    .get(module)
                    .copied()
                    .unwrap_or(self.settings.mode)
            })
            .max()
            .unwrap_or(self.settings.mode)
    }
}

/// One request before the engine.
pub(crate) struct Watch<'w> {
    waf: &'w Waf,
    exchange: ExchangeId,
    transaction: Transaction<'w>,
    mode: WafMode,
}

/// Who speaks to whom.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) now: Timestamp,
}

impl<'w> Watch<'w> {
    /// Shows a request to the engine: phases 1 and 2.
    pub(crate) fn request(
        waf: &'w Waf,
        rules: &'w LoadedRules,
        (exchange, name): (ExchangeId, &'w str),
        ends: Ends,
        parts: &request::Parts,
        body: Option<&Bytes>,
        (mode, routes): (WafMode, &[ResolvedRoute]),
    ) -> Self {
        let start = Start {
            now: ends.now.as_millis() / 1_000,
            unique_id: name,
            client: (ends.client.ip(), ends.client.port()),
            server: (std::net::Ipv4Addr::UNSPECIFIED.into(), 0),
            records: Some(&waf.records),
            strategy: Strategy::Compiled,
            judging: waf.settings.judging,
        };
        let began = Instant::now();
        let mut watch = Self {
            waf,
            exchange,
            transaction: Transaction::new(&rules.rules, start),
            mode,
        };
        for (wanted, made) in &rules.exceptions {
            let here = routes.iter().any(|route| {
                wanted
                    .module
                    .as_ref()
                    .is_none_or(|module| *module == route.module)
                    && wanted.route.as_ref().is_none_or(|id| *id == route.id)
            });
            if here {
                watch.transaction.except(made);
            }
        }
        // Several routes in one request share its parameters: nothing is known of the mixture.
        if let [route] = routes
            && let Some(usual) = waf.usuals.expected(&route.id)
        {
            watch.transaction.expect(usual);
        }
        let long = body.is_some_and(|body| body.len() > LONG_BODY);
        let threads = tokio::runtime::Handle::try_current().is_ok_and(|handle| {
            handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
        });
        if long && threads {
            tokio::task::block_in_place(|| watch.feed(parts, body));
        } else {
            watch.feed(parts, body);
        }
        waf.inspected.add(1);
        waf.micros.add(began.elapsed().as_micros() as u64);
        watch
    }

    fn feed(&mut self, parts: &request::Parts, body: Option<&Bytes>) {
        let transaction = &mut self.transaction;
        let target = match (parts.uri.authority(), parts.version) {
            // The authority of HTTP/2 is its Host.
            (Some(_), http::Version::HTTP_2) | (None, _) => parts
                .uri
                .path_and_query()
                .map_or_else(|| parts.uri.path().to_owned(), ToString::to_string),
            _ => parts.uri.to_string(),
        };
        let protocol = match parts.version {
            http::Version::HTTP_10 => "HTTP/1.0",
            http::Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP/1.1",
        };
        transaction.request_line(
            parts.method.as_str().as_bytes(),
            target.as_bytes(),
            protocol.as_bytes(),
        );
        if let Some(host) = parts.uri.authority()
            && !parts.headers.contains_key(http::header::HOST)
        {
            transaction.request_header(b"host", host.as_str().as_bytes());
        }
        let two = parts.version == http::Version::HTTP_2;
        for name in parts.headers.keys() {
            let shown = if two {
                name.as_str().to_owned()
            } else {
                title(name.as_str())
            };
            let shown = shown.as_bytes();
            // A repeated header is one value to whoever reads it, except the cookies.
            let mut all = parts.headers.get_all(name).iter();
            if name == http::header::COOKIE {
                all.for_each(|value| {
                    transaction.request_header(shown, value.as_bytes());
                });
                continue;
            }
            let mut joined = all
                .next()
                .map(|value| value.as_bytes().to_vec())
                .unwrap_or_default();
            for value in all {
                joined.extend_from_slice(b", ");
                joined.extend_from_slice(value.as_bytes());
            }
            transaction.request_header(shown, &joined);
        }
        if transaction.request_headers_end().is_some() {
            return;
        }
        if let Some(body) = body {
            transaction.request_body(body);
        }
        transaction.request_end();
    }

    /// Whether what the rules stop is refused.
    pub(crate) const fn blocks(&self) -> bool {
        matches!(self.mode, WafMode::Block)
    }

    /// Whether the engine would read a request body, so that it must be here as a whole.
    pub(crate) fn wants_body(&self) -> bool {
        self.transaction.wants_request_body()
    }

    /// What matched, as signals of the record.
    pub(crate) fn signals(&self) -> Vec<Signal> {
        let mut signals: Vec<Signal> = Vec::new();
        for found in self.transaction.matches() {
            if found.severity.is_none()
                || found.refuted
                || !found.tags.iter().any(|tag| tag.starts_with("attack-"))
            {
                continue;
            }
            let signal = Signal {
                kind: kind_of(found.class()),
                place: place_of(&found.variable),
                mark: found.id.to_string(),
            };
            if signals.len() < MOST_SIGNALS && !signals.contains(&signal) {
                signals.push(signal);
            }
        }
        signals
    }

    /// Why the exchange must be refused, if it must.
    pub(crate) fn stop(&self) -> Option<Denied> {
        let stop = self.transaction.intervention()?;
        (self.mode == WafMode::Block).then(|| refusal(stop, self.transaction.matches()))
    }

    /// What an ordinary exchange teaches about its parameters; empty when a rule about an attack matched.
    pub(crate) fn lesson(&self) -> Lesson {
        if self.waf.settings.learn {
            self.transaction.lesson()
        } else {
            Lesson::default()
        }
    }

    /// The rules have said everything: tells, and gives everything back.
    pub(crate) fn finish(self, module: &ModuleId, route: &RouteId, at: Timestamp) {
        let waf = self.waf;
        let outcome = match &waf.audit {
            None => self.transaction.finish(),
            Some(log) => {
                let (outcome, record) = self.transaction.finish_audited(AuditOptions {
                    shape: log.shape,
                    values: log.values,
                    connector: concat!("hudun ", env!("CARGO_PKG_VERSION")),
                });
                record.into_iter().for_each(|record| log.write(record));
                outcome
            }
        };
        if let Some(log) = &waf.log {
            log.judged(self.exchange, &outcome);
        }
        let Some(stop) = &outcome.intervention else {
            return;
        };
        waf.stopped.add(1);
        waf.stops.add(Stop {
            route: route.clone(),
            module: module.clone(),
            blocked: self.mode == WafMode::Block,
            rules: outcome
                .matches
                .iter()
                .filter(|found| found.severity.is_some())
                .take(MOST_SIGNALS)
                .map(|found| (found.id, exception_place(&found.variable)))
                .collect(),
            class: stop.class.clone(),
            zh: stop.explanation_zh.clone(),
            en: stop.explanation.clone(),
            count: 1,
            last: self.exchange,
            last_at: at,
        });
    }

    /// Waits for the answer without holding scratch memory.
    pub(crate) fn park(&mut self) {
        self.transaction.park();
    }

    /// Shows the head of the answer: phase 3.
    pub(crate) fn answer_head(&mut self, status: u16, headers: &http::HeaderMap) -> Option<Denied> {
        self.transaction.response_line(b"HTTP/1.1", status);
        for (name, value) in headers {
            self.transaction
                .response_header(name.as_str().as_bytes(), value.as_bytes());
        }
        self.transaction.response_headers_end();
        self.stop()
    }

    /// Shows the decoded body of the answer, or its front: phase 4.
    pub(crate) fn answer_body<'b>(
        &mut self,
        pieces: impl IntoIterator<Item = &'b Bytes>,
    ) -> Option<Denied> {
        for piece in pieces {
            self.transaction.response_body(piece);
        }
        self.transaction.response_end();
        self.stop()
    }
}

/// `user-agent` as HTTP/1 writes it: `User-Agent`. Names count without case; logs are read by people and by tools.
fn title(name: &str) -> String {
    let mut begins = true;
    name.chars()
        .map(|letter| {
            let shown = if begins {
                letter.to_ascii_uppercase()
            } else {
                letter
            };
            begins = letter == '-';
            shown
        })
        .collect()
}

fn refusal(stop: &Intervention, matches: &[RuleMatch]) -> Denied {
    let mut ids: Vec<u64> = matches
        .iter()
        .filter(|found| found.severity.is_some() && !found.disruptive)
        .map(|found| found.id)
        .collect();
    ids.push(stop.rule);
    ids.dedup();
    ids.truncate(MOST_SIGNALS);
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let score = stop
        .score
        .map_or_else(String::new, |score| format!(" score {score}"));
    let status = if (400..600).contains(&stop.status) {
        stop.status
    } else {
        403
    };
    denied(
        status,
        RefusalCause::Inspection,
        format!(
            "{} / {} [rules {}{score}]",
            stop.explanation_zh,
            stop.explanation,
            ids.join(" ")
        ),
    )
}

fn kind_of(class: &str) -> SignalKind {
    match class {
        "sqli" => SignalKind::Sqli,
        "xss" => SignalKind::Xss,
        "lfi" => SignalKind::Traversal,
        _ => SignalKind::Other,
    }
}

/// The place as an exception names it: an element of a list stands for all of them. Empty when a sign in the name could mean
/// something else there.
fn exception_place(variable: &str) -> String {
    let variable = variable.trim_start_matches("MATCHED_VARS:");
    let plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    match variable.split_once(':') {
        None if variable.chars().all(plain) => variable.to_owned(),
        Some((collection, key))
            if !key.is_empty() && key.len() <= 100 && key.chars().all(plain) =>
        {
            if !key.contains("array_") {
                return format!("{collection}:{key}");
            }
            let parts: Vec<&str> = key
                .split('.')
                .map(|part| match part.strip_prefix("array_") {
                    Some(n) if n.bytes().all(|byte| byte.is_ascii_digit()) => "array_[0-9]+",
                    _ => part,
                })
                .collect();
            format!("{collection}:/^{}$/", parts.join("[.]"))
        }
        _ => String::new(),
    }
}

/// `ARGS:search` as the record writes places.
fn place_of(variable: &str) -> String {
    let variable = variable.trim_start_matches("MATCHED_VARS:");
    let (collection, key) = variable.split_once(':').unwrap_or((variable, ""));
    let key: String = key.chars().take(60).collect();
    let kind = match collection {
        "ARGS" | "ARGS_GET" | "ARGS_POST" => match key.strip_prefix("json.") {
            Some(inner) => {
                return format!("json:/{}", inner.replace(".array_", "/").replace('.', "/"));
            }
            None => "param",
        },
        "ARGS_NAMES" | "ARGS_GET_NAMES" | "ARGS_POST_NAMES" => "param-name",
        "REQUEST_HEADERS" => "header",
        "REQUEST_COOKIES" | "REQUEST_COOKIES_NAMES" => "cookie",
        "FILES" | "FILES_NAMES" => "file",
        "REQUEST_BODY" => return "body".to_owned(),
        "XML" => return "xml".to_owned(),
        _ => return "target".to_owned(),
    };
    format!("{kind}:{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_the_record_writes_them() {
        assert_eq!(place_of("ARGS:search"), "param:search");
        assert_eq!(
            place_of("ARGS:json.filter.array_0.name"),
            "json:/filter/0/name"
        );
        assert_eq!(place_of("MATCHED_VARS:REQUEST_COOKIES:a"), "cookie:a");
        assert_eq!(place_of("REQUEST_URI_RAW"), "target");
    }

    fn set(id: u64) -> RuleSet {
        RuleSet::builder()
            .text(
                "a.conf",
                format!(
                    "SecRuleEngine On\nSecRule ARGS \"@rx attack{id}\" \"id:{id},phase:2,deny\""
                ),
            )
            .build()
            .unwrap()
    }

    #[test]
    fn sets_are_swapped_whole_and_the_one_before_comes_back() {
        let waf = Waf::new(
            set(1),
            "first",
            Duration::ZERO,
            WafSettings::default(),
            None,
        );
        assert_eq!(waf.roll_back(), None);
        let held = waf.current();
        assert_eq!(waf.swap(set(2), "second", Duration::ZERO), 2);
        assert_eq!(held.rules.ids().collect::<Vec<_>>(), [1]);
        assert_eq!(waf.current().rules.ids().collect::<Vec<_>>(), [2]);
        assert_eq!(waf.roll_back(), Some(1));
        assert_eq!(waf.current().name, "first");
        assert_eq!(waf.roll_back(), Some(2));
    }

    #[test]
    fn ten_thousand_reloads_leave_nothing_behind() {
        let waf = Waf::new(
            set(1),
            "first",
            Duration::ZERO,
            WafSettings::default(),
            None,
        );
        let resident = || {
            let text = std::fs::read_to_string("/proc/self/statm").ok()?;
            text.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let judge = |waf: &Waf| {
            let current = waf.current();
            let mut transaction = Transaction::new(&current.rules, Start::example());
            transaction.request_line(b"GET", b"/?a=attack", b"HTTP/1.1");
            transaction.request_headers_end();
            transaction.request_end();
        };
        for round in 0..1_000 {
            waf.swap(set(round), "again", Duration::ZERO);
            judge(&waf);
        }
        let weak = Arc::downgrade(&waf.current());
        let before = resident();
        for round in 0..9_000 {
            waf.swap(set(round), "again", Duration::ZERO);
            judge(&waf);
        }
        assert!(weak.upgrade().is_none(), "an old set is still held");
        if let (Some(before), Some(after)) = (before, resident()) {
            // Pages of 4 KB: 8 MB of room for the allocator, nothing for a leak of a KB a reload.
            assert!(after < before + 2_000, "{before} pages, then {after}");
        }
    }
}
