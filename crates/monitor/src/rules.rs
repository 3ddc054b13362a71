//! Sigma rules within the monitor: exchanges become events, matches become findings.
//!
//! An exchange gives these events (OCSF class ids; `scrm.*` is Hudun's own extension):
//!
//! - for each person in the answer of a look-up of one object (a path with a placeholder, or one row): one with
//!   `scrm.subject`, so that distinct persons can be counted;
//! - for each group of any other answer: one with `scrm.rows` and `scrm.foreign_rows` of that group, so that a sum over
//!   groups is a sum over exports, and a long export is seen while it leaves;
//! - at its end, for each person whom a write named and its answer didn't show: one with `scrm.subject`;
//! - at its end: a log-in (3002), a change of an account (3001), or what the client got (`http_response.code`) when no row was in it;
//! - at its end, when it tells what became of a push to a second factor: one with `scrm.push` (3002, `activity_id` 99).
//!
//! What the behaviour engine says of an event stands in it before the rules are asked (`scrm.risk.*`).
//!
//! Events of sessions are web resource activity (6001), those of API tokens API activity (6003). What Hudun itself refused
//! carries `scrm.blocked_by`, which the pack's filter leaves out of every rule.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hudun_core::{ExchangeEnd, ExchangeHead, Level, Push, Release, Sighting, SignalKind, Text};
use hudun_sigma::{
    Engine, Event as _, Evidence, Finding, Flat, KeptError, Limits, Meta, Restored, Route,
    RuleInfo, RuleSet, Scratch, Source, Value,
};
use serde::{Deserialize, Serialize};

use crate::account::Network;
use crate::site::Site;
use crate::travel::Travel;

/// Persons of one release that are counted one by one.
const PERSONS: usize = 2_000;
/// OCSF's `activity_id` of a change, in web resource activity.
const UPDATE: i64 = 3;
/// OCSF's class of log-ins and what belongs to them.
const AUTHENTICATION: i64 = 3002;
/// OCSF's `activity_id` of what has none of its own.
const OTHER_ACTIVITY: i64 = 99;

/// The rules section of the monitor's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// Whether detection rules are asked.
    pub on: bool,
    /// Folder with the site's own rules (`*.yml`), beside Hudun's pack. Changes are noticed and put in force without a
    /// restart.
    pub folder: Option<PathBuf>,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            on: true,
            folder: None,
        }
    }
}

/// Rules with the memory of their correlations.
pub struct Rules {
    engine: Engine,
    route: Route,
    scratch: Scratch,
    found: Vec<Finding>,
    matches: BTreeMap<String, u64>,
    events: u64,
    cut: u64,
    clock: Clock,
    /// In how many events each field was, while somebody wants to know.
    fields: Option<BTreeMap<String, u64>>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.engine.rules().rules().len())
    }
}

/// A match that becomes a finding.
pub(crate) struct Matched {
    pub(crate) rule: String,
    pub(crate) level: Level,
    pub(crate) tags: Vec<String>,
    pub(crate) title: Text,
    pub(crate) why: Text,
    pub(crate) by_address: bool,
    pub(crate) correlated: bool,
    pub(crate) info: Arc<RuleInfo>,
    pub(crate) group: Vec<(String, String)>,
    pub(crate) value: Option<f64>,
    pub(crate) fields: Vec<(String, String)>,
}

/// What the monitor knows of an actor beside the exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Whether the role may see only its own rows.
    pub(crate) own_scope: bool,
    /// Whether it is a service account at what its allow-list permits.
    pub(crate) service_account: bool,
    /// Whether the actor used this network before; `None` when nothing is known of it.
    pub(crate) usual_network: Option<bool>,
    /// Days since the last log-in, when there was one.
    pub(crate) dormant_days: Option<i64>,
    /// How it got here from the region where it was before, when it is in another one.
    pub(crate) travel: Option<Travel>,
    /// What the behaviour engine says of this event, by field.
    pub(crate) risk: BTreeMap<String, serde_json::Value>,
}

impl Rules {
    /// Rules that have seen nothing yet.
    pub fn new(rules: impl Into<Arc<RuleSet>>) -> Self {
        Self::with(Engine::new(rules, limits()))
    }

    /// Rules whose correlations go on from what was written down.
    pub(crate) fn resumed(
        rules: &Arc<RuleSet>,
        now: i64,
        bytes: &[u8],
    ) -> Result<(Self, Restored), KeptError> {
        let (engine, restored) = Engine::resumed(rules, limits(), now, bytes)?;
        Ok((Self::with(engine), restored))
    }

    /// The engine, sharing its memory.
    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
    }

    fn with(engine: Engine) -> Self {
        Self {
            route: engine.rules().route(&source()),
            engine,
            scratch: Scratch::default(),
            found: Vec::new(),
            matches: BTreeMap::new(),
            events: 0,
            cut: 0,
            clock: Clock::default(),
            fields: None,
        }
    }

    /// Puts other rules in force; correlations that did not change keep what they know.
    pub fn reload(&mut self, rules: RuleSet) {
        self.engine = self.engine.reloaded(rules);
        self.route = self.engine.rules().route(&source());
        self.scratch = Scratch::default();
    }

    /// Matches by the rule's name in findings, since the start.
    pub const fn matches(&self) -> &BTreeMap<String, u64> {
        &self.matches
    }

    /// Events that the rules were asked about.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Counts from now on in how many events each field is.
    pub(crate) fn count_fields(&mut self) {
        self.fields.get_or_insert_default();
    }

    /// In how many events each field was, when they are counted.
    pub(crate) const fn fields(&self) -> Option<&BTreeMap<String, u64>> {
        self.fields.as_ref()
    }

    /// Persons and groups of correlations that a bound left out.
    pub fn lost(&self) -> u64 {
        let stats = self.engine.stats();
        self.cut + stats.evicted + stats.refused
    }

    /// A part of an answer is about to leave.
    pub(crate) fn on_release(
        &mut self,
        head: &ExchangeHead,
        release: &Release,
        known: &Known,
        site: &Site,
    ) -> Vec<Matched> {
        self.clock.tick(release.at.as_millis());
        let base = Base::of(head, known, site);
        // Products that have one URL for everything name no object in the path: there one row is one look-up. What a write
        // answers is what it changed, one by one.
        let writes = site.writes(head);
        // Of rows that are ids alone, no person is told; their number is.
        let ids_alone = writes && release.rows > 0 && release.sightings.is_empty();
        let each =
            !head.export && !ids_alone && (writes || head.path.contains('{') || release.rows <= 1);
        let canary = |sighting: &Sighting| site.is_canary(&head.tenant, sighting.subject);
        if !each {
            let mut event = base.event();
            if release.sightings.iter().any(canary) {
                event.push("scrm.canary", Value::Bool(true));
            }
            event
                .push("status_id", Value::Int(1))
                .push("scrm.rows", Value::Int(i64::from(release.rows)))
                .push(
                    "scrm.foreign_rows",
                    Value::Int(i64::from(release.foreign_rows)),
                );
            return self.ask(head, &event);
        }
        let counted = &release.sightings[..release.sightings.len().min(PERSONS)];
        self.cut += (release.sightings.len() - counted.len()) as u64;
        let mut matched = Vec::new();
        for sighting in counted {
            let subject = sighting.subject.to_string();
            let mut event = base.event();
            if canary(sighting) {
                event.push("scrm.canary", Value::Bool(true));
            }
            // What was shown was read, whatever else the request did.
            if writes && sighting.kinds.is_empty() {
                event.push("activity_id", Value::Int(UPDATE));
            }
            event
                .push("status_id", Value::Int(1))
                .push("scrm.subject", Value::Text(&subject))
                .push(
                    "scrm.foreign_rows",
                    Value::Int(i64::from(release.foreign_rows)),
                );
            matched.extend(self.ask(head, &event));
        }
        matched
    }

    /// An exchange is over.
    pub(crate) fn on_end(
        &mut self,
        head: &ExchangeHead,
        end: &ExchangeEnd,
        rows: u64,
        known: &Known,
        site: &Site,
    ) -> Vec<Matched> {
        self.clock.tick(end.at.as_millis());
        let base = Base::of(head, known, site);
        let mut touched = Vec::new();
        // Of a write that changed one person and showed it, the answer has spoken.
        if end.success && end.refusal.is_none() && (rows == 0 || head.touched.len() > 1) {
            for subject in &head.touched {
                let text = subject.to_string();
                let mut event = base.event();
                if site.is_canary(&head.tenant, *subject) {
                    event.push("scrm.canary", Value::Bool(true));
                }
                event
                    .push("activity_id", Value::Int(UPDATE))
                    .push("status_id", Value::Int(1))
                    .push("scrm.subject", Value::Text(&text));
                touched.extend(self.ask(head, &event));
            }
        }
        let mut event = base.event();
        event
            .push("status_id", Value::Int(if end.success { 1 } else { 2 }))
            .push("http_response.code", Value::Int(i64::from(end.status)));
        if end.refusal.is_some() {
            event.push("scrm.blocked_by", Value::Text("hudun"));
        }
        if let Some(days) = known.dormant_days {
            event.push("scrm.dormant_days", Value::Int(days));
        }
        // Rows have spoken when they left; a change of an account, or of the place, is told whatever the answer holds.
        let told_anyway = head.login || site.changes_account(head) || known.travel.is_some();
        if rows == 0 || !end.success || told_anyway {
            touched.extend(self.ask(head, &event));
        }
        if let (Some(push), None) = (head.push, &end.refusal) {
            let mut event = base.push();
            let accepted = push == Push::Accepted;
            event
                .push("status_id", Value::Int(if accepted { 1 } else { 2 }))
                .push("scrm.push", Value::Text(push_name(push)));
            touched.extend(self.ask(head, &event));
        }
        touched
    }

    fn ask(&mut self, head: &ExchangeHead, event: &Flat<'_>) -> Vec<Matched> {
        self.events += 1;
        if let Some(fields) = &mut self.fields {
            count(event, fields);
        }
        let meta = Meta {
            tenant: head.tenant.as_str(),
            time: head.at.as_millis().saturating_add(self.clock.shift),
            ..Meta::default()
        };
        self.engine.observe(
            event,
            &meta,
            Some(&self.route),
            &mut self.scratch,
            &mut self.found,
        );
        let mut matched = Vec::new();
        for finding in self.found.drain(..) {
            let one = matched_of(finding);
            *self.matches.entry(one.rule.clone()).or_default() += 1;
            matched.push(one);
        }
        matched
    }
}

/// Keeps the time of events going on when the machine's clock is set back: else every group would take what comes for late,
/// and rules were blind until the clock has caught up.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    newest: i64,
    /// Milliseconds that are added.
    shift: i64,
}

/// Events come a little out of order by themselves; a clock that jumps by more was set.
const SET_BACK: i64 = 60_000;

impl Clock {
    /// Something happened at this moment of the machine's clock.
    fn tick(&mut self, moment: i64) {
        if self.shift > 0 && moment >= self.newest {
            self.shift = 0;
        }
        let mut at = moment.saturating_add(self.shift);
        if at < self.newest.saturating_sub(SET_BACK) {
            self.shift = self.newest - moment;
            at = self.newest;
        }
        self.newest = self.newest.max(at);
    }
}

/// The texts that every event of an exchange borrows.
struct Base<'a> {
    head: &'a ExchangeHead,
    known: &'a Known,
    site: &'a Site,
    address: String,
    network: String,
    /// Of a log-in or a change of place, when there is a database.
    region: Option<String>,
}

impl<'a> Base<'a> {
    fn of(head: &'a ExchangeHead, known: &'a Known, site: &'a Site) -> Self {
        Self {
            head,
            known,
            site,
            address: head.actor.ip.to_canonical().to_string(),
            network: Network::of(head.actor.ip).to_string(),
            region: site
                .regions
                .as_ref()
                .filter(|_| head.login || known.travel.is_some())
                .and_then(|regions| regions.of(head.actor.ip.to_canonical())),
        }
    }

    fn event(&self) -> Flat<'_> {
        let head = self.head;
        let mut event = Flat::new();
        if head.login {
            event
                .push("class_uid", Value::Int(AUTHENTICATION))
                .push("activity_id", Value::Int(1));
        } else {
            let class = if self.site.changes_account(head) {
                3001
            } else if head.actor.token.is_some() {
                6003
            } else {
                6001
            };
            event.push("class_uid", Value::Int(class));
        }
        let about = head.about.as_ref().map(|account| account.as_str());
        if let Some(user) = about.or_else(|| self.account().filter(|_| head.login)) {
            event.push("user.uid", Value::Text(user));
        }
        for (name, value) in &self.known.risk {
            event.push(name, risk_value(value));
        }
        if let Some(travel) = self.known.travel {
            event
                .push("scrm.travel.km", Value::Float(travel.km))
                .push("scrm.travel.kmh", Value::Float(travel.kmh));
        }
        if head.login && self.site.is_after_last_day(head) {
            event.push("scrm.after_last_day", Value::Bool(true));
        }
        event.push("scrm.operation", Value::Text(self.site.operation(head)));
        self.fill(&mut event);
        event
    }

    /// What became of a push to a second factor.
    fn push(&self) -> Flat<'_> {
        let mut event = Flat::new();
        event
            .push("class_uid", Value::Int(AUTHENTICATION))
            .push("activity_id", Value::Int(OTHER_ACTIVITY))
            .push("scrm.operation", Value::Text("mfa-push"));
        if let Some(account) = self.account() {
            event.push("user.uid", Value::Text(account));
        }
        self.fill(&mut event);
        event
    }

    fn account(&self) -> Option<&str> {
        let account = self.head.actor.account.as_ref();
        account.map(|account| account.as_str())
    }

    /// What all events of an exchange say.
    fn fill<'e>(&'e self, event: &mut Flat<'e>) {
        let head = self.head;
        if let Some(account) = self.account() {
            event.push("actor.user.uid", Value::Text(account));
        }
        if let Some(role) = &head.actor.role {
            event.push("scrm.role", Value::Text(role));
        }
        if let Some(session) = &head.actor.session {
            event.push("actor.session.uid", Value::Text(session.as_str()));
        }
        event
            .push("src_endpoint.ip", Value::Text(&self.address))
            .push("scrm.network", Value::Text(&self.network))
            .push("http_request.http_method", Value::Text(&head.method))
            .push("http_request.url.path", Value::Text(&head.path))
            .push("http_request.user_agent", Value::Text(&head.actor.agent))
            .push("scrm.module", Value::Text(head.module.as_str()))
            .push("scrm.route", Value::Text(head.route.as_str()))
            .push("scrm.export", Value::Bool(head.export))
            .push("scrm.own_scope", Value::Bool(self.known.own_scope));
        if let Some(region) = &self.region {
            event.push("scrm.region", Value::Text(region));
        }
        if let Some(app) = self.site.app(head) {
            event.push("scrm.app", Value::Text(app));
        }
        if let Some(out) = self.site.out_of_role(head) {
            event.push("scrm.out_of_role", Value::Bool(out));
        }
        if self.known.service_account {
            event.push("scrm.service_account", Value::Bool(true));
        }
        for signal in &head.signals {
            event.push("scrm.signal", Value::Text(signal_name(signal.kind)));
        }
        if let Some(usual) = self.known.usual_network {
            event.push("scrm.usual_network", Value::Bool(usual));
        }
    }
}

fn limits() -> Limits {
    Limits {
        bytes: 256 << 20,
        ..Limits::default()
    }
}

fn source() -> Source {
    Source {
        category: None,
        product: Some("hudun".to_owned()),
        service: Some("scrm".to_owned()),
    }
}

const fn push_name(push: Push) -> &'static str {
    match push {
        Push::Accepted => "accepted",
        Push::Declined => "declined",
        Push::Unanswered => "unanswered",
    }
}

/// A field of a score: a number, a word, or a flag.
fn risk_value(value: &serde_json::Value) -> Value<'_> {
    match value {
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(word) => Value::Text(word),
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        _ => Value::Null,
    }
}

const fn signal_name(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Sqli => "sqli",
        SignalKind::Xss => "xss",
        SignalKind::Traversal => "traversal",
        SignalKind::Other => "other",
    }
}

/// Counts each field of the event once.
fn count(event: &Flat<'_>, fields: &mut BTreeMap<String, u64>) {
    let mut seen: Vec<String> = Vec::new();
    event.visit(&mut |path, _| {
        if !seen.iter().any(|known| known == path) {
            seen.push(path.to_owned());
        }
    });
    for path in seen {
        *fields.entry(path).or_default() += 1;
    }
}

fn matched_of(finding: Finding) -> Matched {
    let info = finding.rule;
    let (group, value, fields) = match finding.evidence {
        Evidence::Event { fields } => (Vec::new(), None, fields),
        Evidence::Correlation {
            group,
            value,
            timespan,
        } => (group, Some((value, timespan)), Vec::new()),
    };
    let named = |field: &str| group.iter().any(|(name, _)| name == field);
    let mut why = text_of(&info, "why");
    if let Some((value, seconds)) = value {
        why.zh.push_str(&format!("（{seconds} 秒内：{value}）"));
        why.en.push_str(&format!(" (within {seconds} s: {value})"));
    }
    Matched {
        rule: name_of(&info),
        level: level_of(&info),
        tags: info.tags.iter().map(|tag| tag_of(tag)).collect(),
        title: text_of(&info, "title"),
        why,
        by_address: named("src_endpoint.ip") && !named("user.uid") && !named("actor.user.uid"),
        correlated: value.is_some(),
        group,
        value: value.map(|(value, _)| value),
        fields,
        info,
    }
}

/// The name in findings: what the rule's `hudun.finding` says; else its name, `scrm_mass_tag` as `scrm.mass-tag`.
fn name_of(info: &RuleInfo) -> String {
    let said = info
        .attribute
        .as_ref()
        .and_then(|attribute| attribute.get("finding")?.as_str());
    match (said, &info.name) {
        (Some(said), _) => said.to_owned(),
        (None, Some(name)) => name.replacen('_', ".", 1).replace('_', "-"),
        (None, None) => info.key().to_owned(),
    }
}

fn text_of(info: &RuleInfo, key: &str) -> Text {
    let said = |lang: &str| {
        info.attribute
            .as_ref()
            .and_then(|attribute| attribute.get(key)?.get(lang)?.as_str())
    };
    let plain = match key {
        "title" => info.title.as_str(),
        _ => info.description.as_deref().unwrap_or(&info.title),
    };
    Text::new(said("zh").unwrap_or(plain), said("en").unwrap_or(plain))
}

fn level_of(info: &RuleInfo) -> Level {
    match info.level {
        Some("critical") => Level::Critical,
        Some("high") => Level::High,
        Some("medium") => Level::Medium,
        Some("low") => Level::Low,
        _ => Level::Informational,
    }
}

/// `attack.t1213.004` as `T1213.004`, `owasp.api1.2023` as `API1:2023`; others as they are.
fn tag_of(tag: &str) -> String {
    if let Some(technique) = tag.strip_prefix("attack.t") {
        return format!("T{technique}");
    }
    match tag.strip_prefix("owasp.") {
        Some(api) => api.to_uppercase().replace('.', ":"),
        None => tag.to_owned(),
    }
}
