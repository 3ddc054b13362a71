//! The detections.

use std::collections::HashMap;
use std::sync::Arc;

use hudun_behaviour::Score;
use hudun_core::{
    ExchangeEnd, ExchangeEvent, ExchangeHead, ExchangeId, Finding, FindingId, Level, Refusal,
    RefusalCause, Release, SignalKind, TenantId, Text, Timestamp,
};

use crate::Thresholds;
use crate::account::{ActorState, Actors, Network};
use crate::backtest::{Place, Reported};
use crate::behaviour::{Behaviour, Judged, Spoken};
use crate::rules::{Known, Matched, Rules};
use crate::silence::Logs;
use crate::site::Site;
use crate::travel::{Presence, Travel};
use crate::window::Distinct;

/// Exchanges that may be open at once; beyond, the oldest are forgotten and counted.
const OPEN: usize = 50_000;
/// Addresses from which log-ins are watched.
const ADDRESSES: usize = 50_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Reads exchanges while they happen and says what they mean.
#[derive(Debug)]
pub struct Monitor {
    pub(crate) thresholds: Thresholds,
    pub(crate) actors: Actors,
    open: HashMap<ExchangeId, Open>,
    addresses: HashMap<std::net::IpAddr, Distinct<String>>,
    dropped: u64,
    behaviour: Option<Behaviour>,
    rules: Option<Rules>,
    site: Site,
    pub(crate) logs: Logs,
    /// While the fixed detections keep their state and say nothing.
    muted: bool,
}

/// An exchange that has begun and not ended.
#[derive(Debug)]
struct Open {
    head: Arc<ExchangeHead>,
    rows: u64,
    foreign_rows: u64,
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            logs: Logs::new(&thresholds.logs),
            thresholds,
            actors: Actors::default(),
            open: HashMap::new(),
            addresses: HashMap::new(),
            dropped: 0,
            behaviour: None,
            rules: None,
            site: Site::default(),
            muted: false,
        }
    }

    /// The same with the behaviour engine beside the fixed detections.
    #[must_use]
    pub fn with_behaviour(mut self, behaviour: Behaviour) -> Self {
        self.behaviour = Some(behaviour);
        self
    }

    /// The same with detection rules beside the fixed detections.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// The same, which knows the place.
    #[must_use]
    pub fn at(mut self, site: Site) -> Self {
        self.site = site;
        self
    }

    /// The detection rules, when there are some.
    pub const fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// The detection rules, to put others in force.
    pub const fn rules_mut(&mut self) -> Option<&mut Rules> {
        self.rules.as_mut()
    }

    /// The behaviour engine, when there is one.
    pub const fn behaviour(&self) -> Option<&Behaviour> {
        self.behaviour.as_ref()
    }

    /// The behaviour engine, to change what it knows.
    pub const fn behaviour_mut(&mut self) -> Option<&mut Behaviour> {
        self.behaviour.as_mut()
    }

    /// Reads one event and returns what it completes. `now` stamps the findings; windows run on the time of the
    /// exchanges.
    pub fn observe(&mut self, event: ExchangeEvent, now: Timestamp) -> Vec<Finding> {
        let (spoken, score) = self.behave(&event, now);
        let mut findings = Vec::from_iter(spoken);
        let asked = self.ask_rules(&event, score.as_ref());
        self.logs.exchange(&event);
        self.muted = !self.thresholds.detectors;
        findings.extend(self.detect(event, now));
        self.muted = false;
        // What the rules matched, unless a fixed detection of the same name has spoken of it.
        if let Some(Asked {
            head,
            recent,
            matched,
        }) = asked
        {
            let told = matched.iter();
            findings.extend(told.filter_map(|one| self.conclude_rule(&head, &recent, one, now)));
        }
        findings
    }

    /// Reads one event of the past and tells what the rules matched. The fixed detections and the behaviour engine keep their
    /// state, which the rules' events speak of, and say nothing.
    pub(crate) fn replay(&mut self, event: ExchangeEvent) -> Vec<Reported> {
        let now = match &event {
            ExchangeEvent::Head(head) => head.at,
            ExchangeEvent::Release(release) => release.at,
            ExchangeEvent::End(end) => end.at,
        };
        self.muted = true;
        let (_, score) = self.behave(&event, now);
        let asked = self.ask_rules(&event, score.as_ref());
        let silent = self.detect(event, now);
        debug_assert!(silent.is_empty());
        self.muted = false;
        let Some(asked) = asked else {
            return Vec::new();
        };
        let place = Place {
            tenant: asked.head.tenant.clone(),
            at: asked.head.at,
            actor: asked.head.actor.name(),
            exchange: asked.head.id,
        };
        let (head, recent) = (asked.head, asked.recent);
        asked
            .matched
            .into_iter()
            .map(|one| {
                let speaks = self.conclude_rule(&head, &recent, &one, head.at).is_some();
                Reported::of(one, speaks, &place)
            })
            .collect()
    }

    /// The fixed detections.
    fn detect(&mut self, event: ExchangeEvent, now: Timestamp) -> Vec<Finding> {
        match event {
            ExchangeEvent::Head(head) => self.on_head(*head, now),
            ExchangeEvent::Release(release) => self.on_release(&release, now),
            ExchangeEvent::End(end) => self.on_end(&end, now),
        }
    }

    /// A log source was heard of: its file has grown.
    pub fn log_spoke(&mut self, name: &str, now: Timestamp) {
        self.logs.spoke(name, now);
    }

    /// Log sources that have fallen silent, each told once until it speaks again. `tenant` is whose a source is that names none.
    pub fn silent_logs(&mut self, tenant: &TenantId, now: Timestamp) -> Vec<Finding> {
        self.logs.silent(tenant, now)
    }

    /// Forgets what it knows of an actor: a case about it is closed, and the next alarm must speak at once.
    pub fn forget(&mut self, tenant: &TenantId, actor: &str) {
        self.actors.forget(tenant, actor);
        if let Some(behaviour) = &mut self.behaviour {
            behaviour.thaw(tenant, actor);
        }
    }

    /// States that were dropped because a quota was full ([`hudun_core::LossReason::StateEvicted`]).
    pub fn evicted(&self) -> u64 {
        let behaviour = match &self.behaviour {
            Some(behaviour) => behaviour.engine().losses().0,
            None => 0,
        };
        let rules = match &self.rules {
            Some(rules) => rules.lost(),
            None => 0,
        };
        self.actors.evicted() + self.dropped + behaviour + rules
    }

    /// Asks the behaviour engine, before the fixed detections forget an exchange that ends and before the rules, which may
    /// match its score. It reads exchanges alone, never what a rule said.
    fn behave(
        &mut self,
        event: &ExchangeEvent,
        now: Timestamp,
    ) -> (Option<Finding>, Option<Score>) {
        let Some((head, judged)) = self.judge(event) else {
            return (None, None);
        };
        let finding = judged
            .spoken
            .and_then(|spoken| self.conclude_behaviour(&head, now, spoken));
        (finding, Some(judged.score))
    }

    fn judge(&mut self, event: &ExchangeEvent) -> Option<(Arc<ExchangeHead>, Judged)> {
        let behaviour = self.behaviour.as_mut()?;
        let (head, judged) = match event {
            ExchangeEvent::Head(_) => return None,
            ExchangeEvent::Release(release) => {
                let head = &self.open.get(&release.exchange)?.head;
                let name = head.actor.name();
                let state = self.actors.state(&head.tenant, &name, &self.thresholds);
                state.keep_recent(head.id);
                (head, behaviour.on_release(head, release))
            }
            // What Hudun itself refused is no behaviour.
            ExchangeEvent::End(end) if end.refusal.is_some() => return None,
            ExchangeEvent::End(end) => {
                let head = &self.open.get(&end.exchange)?.head;
                (head, behaviour.on_end(head, end, &self.site))
            }
        };
        Some((Arc::clone(head), judged?))
    }

    fn conclude_behaviour(
        &mut self,
        head: &ExchangeHead,
        now: Timestamp,
        spoken: Spoken,
    ) -> Option<Finding> {
        let name = head.actor.name();
        let state = self.actors.state(&head.tenant, &name, &self.thresholds);
        let rule = Rule {
            id: spoken.rule,
            level: spoken.level,
            tags: spoken.tags,
            by_address: false,
        };
        let evidence = state.recent_evidence(head.id);
        self.conclude(head, now, rule, spoken.title, spoken.why, evidence)
    }

    /// Asks the detection rules, before the fixed detections forget an exchange that ends.
    fn ask_rules(&mut self, event: &ExchangeEvent, score: Option<&Score>) -> Option<Asked> {
        let rules = self.rules.as_mut()?;
        let id = match event {
            ExchangeEvent::Head(_) => return None,
            ExchangeEvent::Release(release) => release.exchange,
            ExchangeEvent::End(end) => end.exchange,
        };
        let open = self.open.get(&id)?;
        let (head, rows) = (&open.head, open.rows);
        let name = head.actor.name();
        let state = self.actors.state(&head.tenant, &name, &self.thresholds);
        let network = Network::of(head.actor.ip);
        let role = head.actor.role.as_ref();
        let last = state.last_login;
        let mut known = Known {
            own_scope: role.is_some_and(|role| self.thresholds.own_scope_roles.contains(role)),
            service_account: self
                .thresholds
                .allows(&name, head.module.as_str(), head.actor.ip),
            usual_network: state.knows_network(network),
            dormant_days: last.map(|last| (head.at.as_millis() - last) / DAY_MS),
            risk: score.map(Score::fields).unwrap_or_default(),
            ..Known::default()
        };
        let matched = match event {
            ExchangeEvent::Head(_) => return None,
            ExchangeEvent::Release(release) => {
                state.keep_recent(id);
                rules.on_release(head, release, &known, &self.site)
            }
            ExchangeEvent::End(end) => {
                if end.success && end.refusal.is_none() {
                    if !known.service_account {
                        known.travel = moved(state, head, network, &self.site);
                    }
                    if head.login {
                        state.last_login = Some(head.at.as_millis());
                    } else if head.actor.token.is_some() {
                        // Tokens never log in: where they are used is what they are known by.
                        state.is_new_network(network);
                    }
                }
                rules.on_end(head, end, rows, &known, &self.site)
            }
        };
        (!matched.is_empty()).then(|| Asked {
            head: Arc::clone(head),
            recent: state.recent_evidence(id),
            matched,
        })
    }

    fn conclude_rule(
        &mut self,
        head: &ExchangeHead,
        recent: &[ExchangeId],
        one: &Matched,
        now: Timestamp,
    ) -> Option<Finding> {
        let tags: Vec<&str> = one.tags.iter().map(String::as_str).collect();
        let rule = Rule {
            id: &one.rule,
            level: one.level,
            tags: &tags,
            by_address: one.by_address,
        };
        let evidence = if one.correlated {
            recent.to_vec()
        } else {
            vec![head.id]
        };
        self.conclude(
            head,
            now,
            rule,
            one.title.clone(),
            one.why.clone(),
            evidence,
        )
    }

    fn on_head(&mut self, head: ExchangeHead, now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(signal) = head
            .signals
            .iter()
            .find(|signal| signal.kind == SignalKind::Sqli)
        {
            let why = Text::new(
                format!(
                    "参数 {} 的内容是 SQL 片段（特征 {}）。",
                    signal.place, signal.mark
                ),
                format!(
                    "{} holds a fragment of SQL (fingerprint {}).",
                    signal.place, signal.mark
                ),
            );
            let title = Text::new("查询中出现 SQL 注入", "SQL injection in a request");
            findings.extend(self.conclude(
                &head,
                now,
                Rule {
                    id: "scrm.injection",
                    level: Level::Medium,
                    tags: &["T1190", "CWE-89"],
                    by_address: false,
                },
                title,
                why,
                vec![head.id],
            ));
        }
        if self.open.len() >= OPEN {
            self.forget_oldest();
        }
        self.open.insert(
            head.id,
            Open {
                head: Arc::new(head),
                rows: 0,
                foreign_rows: 0,
            },
        );
        findings
    }

    fn on_release(&mut self, release: &Release, now: Timestamp) -> Vec<Finding> {
        let Some(open) = self.open.get_mut(&release.exchange) else {
            return Vec::new();
        };
        open.rows += u64::from(release.rows);
        open.foreign_rows += u64::from(release.foreign_rows);
        let (head, rows, foreign_rows) = (Arc::clone(&open.head), open.rows, open.foreign_rows);
        let own_scope = head
            .actor
            .role
            .as_ref()
            .is_some_and(|role| self.thresholds.own_scope_roles.contains(role));
        let mut findings = Vec::new();

        let at = head.at.as_millis();
        let state = self
            .actors
            .state(&head.tenant, &head.actor.name(), &self.thresholds);
        let mut persons = 0;
        for sighting in &release.sightings {
            persons = state.persons.note(at, sighting.subject);
        }
        let mut foreign = 0;
        if own_scope && release.foreign_rows > 0 && !head.export {
            state.keep_evidence(head.id);
            for sighting in &release.sightings {
                foreign = state.foreign.note(at, sighting.subject);
            }
        }
        let walked: Vec<ExchangeId> = state.foreign_evidence.iter().copied().collect();

        if foreign >= self.thresholds.foreign_persons {
            findings.extend(self.foreign_rows_seen(&head, now, foreign, walked));
        }
        if head.export && own_scope && (foreign_rows > 0 || rows >= self.thresholds.export_rows) {
            let why = Text::new(
                format!("一次导出 {rows} 行，其中 {foreign_rows} 行不属于该账号。"),
                format!("One export of {rows} rows, {foreign_rows} of them not the account's own."),
            );
            let title = Text::new("批量导出客户资料", "Bulk export of customer data");
            let rule = Rule {
                id: "scrm.bulk-export",
                level: Level::High,
                tags: &["T1213.004", "T1567", "API6:2023"],
                by_address: false,
            };
            findings.extend(self.conclude(&head, now, rule, title, why, vec![head.id]));
        }
        if persons >= self.thresholds.persons {
            let minutes = self.thresholds.window_ms / 60_000;
            let why = Text::new(
                format!("{minutes} 分钟内看到 {persons} 名不同客户的资料。"),
                format!("The data of {persons} different customers within {minutes} minutes."),
            );
            let title = Text::new("短时间内大量读取客户资料", "Mass reading of customer data");
            let rule = Rule {
                id: "scrm.mass-read",
                level: Level::High,
                tags: &["T1213.004", "T1030"],
                by_address: false,
            };
            findings.extend(self.conclude(&head, now, rule, title, why, vec![head.id]));
        }
        findings
    }

    fn foreign_rows_seen(
        &mut self,
        head: &ExchangeHead,
        now: Timestamp,
        foreign: usize,
        evidence: Vec<ExchangeId>,
    ) -> Option<Finding> {
        let minutes = self.thresholds.window_ms / 60_000;
        let injected = head
            .signals
            .iter()
            .any(|signal| signal.kind == SignalKind::Sqli);
        let why = Text::new(
            format!("{minutes} 分钟内读取了 {foreign} 名不归该账号管理的客户。"),
            format!("{foreign} customers of other accounts within {minutes} minutes."),
        );
        let (rule, title) = if injected {
            (
                Rule {
                    id: "scrm.injection-success",
                    level: Level::High,
                    tags: &["T1190", "CWE-89", "API1:2023"],
                    by_address: false,
                },
                Text::new(
                    "SQL 注入得手，返回他人客户",
                    "SQL injection that returned other people's customers",
                ),
            )
        } else {
            (
                Rule {
                    id: "scrm.id-walk",
                    level: Level::High,
                    tags: &["API1:2023", "CWE-639", "T1213"],
                    by_address: false,
                },
                Text::new("越权遍历客户编号", "Walking through customers of others"),
            )
        };
        self.conclude(head, now, rule, title, why, evidence)
    }

    fn on_end(&mut self, end: &ExchangeEnd, now: Timestamp) -> Vec<Finding> {
        let Some(Open { head, .. }) = self.open.remove(&end.exchange) else {
            return Vec::new();
        };
        // What Hudun itself refused must not feed a detection that would refuse again; an attack that the inspection
        // stopped is told, and restricts nobody.
        if let Some(refusal) = &end.refusal {
            return self.on_refusal(&head, refusal, now).into_iter().collect();
        }
        let at = head.at.as_millis();
        if head.login {
            return self.on_login(&head, end.success, now);
        }
        let single_object = head.path.contains('{');
        if single_object && !end.success && (end.status == 403 || end.status == 404) {
            let state = self
                .actors
                .state(&head.tenant, &head.actor.name(), &self.thresholds);
            let failed = state.failed_lookups.note(at);
            if failed >= self.thresholds.failed_lookups {
                let minutes = self.thresholds.window_ms / 60_000;
                let why = Text::new(
                    format!("{minutes} 分钟内 {failed} 次查询单个对象被拒绝或不存在。"),
                    format!(
                        "{failed} look-ups of single objects refused or not found within {minutes} minutes."
                    ),
                );
                let title = Text::new("试探对象编号", "Probing for object ids");
                let rule = Rule {
                    id: "scrm.object-probing",
                    level: Level::Medium,
                    tags: &["API1:2023", "T1595"],
                    by_address: false,
                };
                return self
                    .conclude(&head, now, rule, title, why, vec![head.id])
                    .into_iter()
                    .collect();
            }
        }
        Vec::new()
    }

    fn on_login(&mut self, head: &ExchangeHead, success: bool, now: Timestamp) -> Vec<Finding> {
        let at = head.at.as_millis();
        let minutes = self.thresholds.window_ms / 60_000;
        let account = head.actor.name();
        let state = self.actors.state(&head.tenant, &account, &self.thresholds);
        if success {
            if !state.is_new_network(Network::of(head.actor.ip)) {
                return Vec::new();
            }
            let why = Text::new(
                format!("账号 {account} 从未用过的网络 {} 登录。", head.actor.ip),
                format!(
                    "{account} logged in from {}, a network it never used before.",
                    head.actor.ip
                ),
            );
            let title = Text::new("从陌生网络登录", "Log-in from a new network");
            let rule = Rule {
                id: "scrm.new-network",
                level: Level::Low,
                tags: &["T1078"],
                by_address: false,
            };
            return self
                .conclude(head, now, rule, title, why, vec![head.id])
                .into_iter()
                .collect();
        }
        let mut findings = Vec::new();
        let failed = state.failed_logins.note(at);
        if failed >= self.thresholds.failed_logins {
            let why = Text::new(
                format!("{minutes} 分钟内 {failed} 次登录失败。"),
                format!("{failed} failed log-ins within {minutes} minutes."),
            );
            let title = Text::new("暴力猜测密码", "Password guessing");
            let rule = Rule {
                id: "scrm.brute-force",
                level: Level::Medium,
                tags: &["T1110.001"],
                by_address: false,
            };
            findings.extend(self.conclude(head, now, rule, title, why, vec![head.id]));
        }
        let tried = self.accounts_tried_from(head.actor.ip, at, account);
        if tried >= self.thresholds.accounts_tried {
            let why = Text::new(
                format!(
                    "{minutes} 分钟内从 {} 对 {tried} 个账号登录失败。",
                    head.actor.ip
                ),
                format!(
                    "{tried} accounts tried in vain from {} within {minutes} minutes.",
                    head.actor.ip
                ),
            );
            let title = Text::new("撞库", "Credential stuffing");
            let rule = Rule {
                id: "scrm.credential-stuffing",
                level: Level::High,
                tags: &["T1110.004", "API2:2023"],
                by_address: true,
            };
            findings.extend(self.conclude(head, now, rule, title, why, vec![head.id]));
        }
        findings
    }

    fn accounts_tried_from(&mut self, ip: std::net::IpAddr, at: i64, account: String) -> usize {
        if !self.addresses.contains_key(&ip) && self.addresses.len() >= ADDRESSES {
            // A flood of addresses: start anew rather than grow. Brute force on one account is still counted above.
            self.dropped += self.addresses.len() as u64;
            self.addresses.clear();
        }
        let window = self.thresholds.window_ms;
        self.addresses
            .entry(ip)
            .or_insert_with(|| Distinct::new(window, 1_000))
            .note(at, account)
    }

    fn conclude(
        &mut self,
        head: &ExchangeHead,
        now: Timestamp,
        rule: Rule<'_>,
        title: Text,
        why: Text,
        evidence: Vec<ExchangeId>,
    ) -> Option<Finding> {
        if self.muted {
            return None;
        }
        let quiet_ms = self.thresholds.quiet_ms;
        let entity = if rule.by_address {
            head.actor.ip.to_string()
        } else {
            head.actor.name()
        };
        let state: &mut ActorState = self.actors.state(&head.tenant, &entity, &self.thresholds);
        state
            .may_fire(rule.id, rule.level, head.at.as_millis(), quiet_ms)
            .then(|| Finding {
                id: FindingId::new(),
                at: now,
                triggered_at: head.at,
                tenant: head.tenant.clone(),
                rule: rule.id.to_owned(),
                title,
                why,
                level: rule.level,
                actor: head.actor.clone(),
                module: head.module.clone(),
                evidence,
                tags: rule.tags.iter().map(|&tag| tag.to_owned()).collect(),
            })
    }

    /// An attack that the inspection stopped: once for each actor and quiet time, with the sentence of the first.
    fn on_refusal(
        &mut self,
        head: &ExchangeHead,
        refusal: &Refusal,
        now: Timestamp,
    ) -> Option<Finding> {
        if refusal.cause != RefusalCause::Inspection {
            return None;
        }
        let (zh, en) = refusal
            .reason
            .split_once(" / ")
            .unwrap_or((&refusal.reason, &refusal.reason));
        let rule = Rule {
            id: "inspection.stopped",
            level: Level::Medium,
            tags: &["T1190"],
            by_address: false,
        };
        let title = Text::new("攻击请求被拦下", "An attack was stopped");
        let why = Text::new(zh.to_owned(), en.to_owned());
        self.conclude(head, now, rule, title, why, vec![head.id])
    }

    fn forget_oldest(&mut self) {
        let mut ids: Vec<ExchangeId> = self.open.keys().copied().collect();
        let at = ids.len() / 10;
        let (_, cut, _) = ids.select_nth_unstable(at);
        let cut = *cut;
        let before = self.open.len();
        self.open.retain(|id, _| *id > cut);
        self.dropped += (before - self.open.len()) as u64;
    }
}

/// Notes where an account is at work, and tells how it got there from where it was before. Tokens are used by many machines,
/// and an address that never logged in is nobody who travels.
fn moved(
    state: &mut ActorState,
    head: &ExchangeHead,
    network: Network,
    site: &Site,
) -> Option<Travel> {
    let regions = site.regions.as_ref()?;
    if head.actor.account.is_none() || head.actor.token.is_some() {
        return None;
    }
    let at = head.at.as_millis();
    if let Some(last) = &mut state.presence
        && last.network == network
    {
        last.at = last.at.max(at);
        return None;
    }
    let place = regions.place(head.actor.ip.to_canonical())?;
    let here = Presence::at(place, network, at)?;
    let before = state.presence.replace(here)?;
    before.to(state.presence.as_ref()?)
}

/// What the rules matched in an event, and whom it is about.
struct Asked {
    head: Arc<ExchangeHead>,
    recent: Vec<ExchangeId>,
    matched: Vec<Matched>,
}

/// What is fixed about a detection.
#[derive(Clone, Copy, Debug)]
struct Rule<'a> {
    id: &'a str,
    level: Level,
    tags: &'a [&'a str],
    /// Whether the address is the one who did it, and not the account it tried.
    by_address: bool,
}
