//! The behaviour engine within the monitor: exchanges become observations, high scores become findings, middle ones ask
//! for a fresh log-in.

use std::collections::VecDeque;

use hudun_behaviour::{
    Access, Act, Band, Degraded, Engine, Login, Observation, Score, ScoreKind, Settings,
    SettingsError, SnapshotError,
};
use hudun_core::{AccountId, ExchangeEnd, ExchangeHead, Level, Release, TenantId, Text, Timestamp};
use serde::{Deserialize, Serialize};

use crate::site::Site;

/// Fresh log-ins that may wait to be asked for.
const WAITING: usize = 256;
/// After a fresh log-in was asked for, this account is left in peace so long, milliseconds.
const PEACE: i64 = 12 * 3_600_000;
/// Fresh log-ins asked for within an hour, all accounts together: beyond, something is wrong with the judging.
const ASKED_AN_HOUR: usize = 60;
/// While a case is open nothing is learnt of the actor, for at most this long, milliseconds.
const FROZEN: i64 = 30 * 86_400_000;
/// Sentences of a finding.
const SENTENCES: usize = 5;

/// The behaviour section of the monitor's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BehaviourSettings {
    /// Whether behaviour is judged.
    pub on: bool,
    /// Whether a middle score ends the account's sessions, so that it must log in again.
    pub step_up: bool,
    /// Numbers of the engine.
    pub engine: Settings,
}

impl Default for BehaviourSettings {
    fn default() -> Self {
        Self {
            on: true,
            step_up: true,
            engine: Settings::default(),
        }
    }
}

/// An account that should log in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// Its tenant.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// When it was found.
    pub at: Timestamp,
    /// Why, for a person.
    pub why: Text,
}

/// A conclusion that becomes a finding.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    pub(crate) tags: &'static [&'static str],
    pub(crate) title: Text,
    pub(crate) why: Text,
}

/// What the engine says of an event.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The score, which rules may match.
    pub(crate) score: Score,
    /// What becomes a finding.
    pub(crate) spoken: Option<Spoken>,
}

/// The engine with what the monitor adds.
#[derive(Debug)]
pub struct Behaviour {
    engine: Engine,
    step_up: bool,
    waiting: VecDeque<StepUp>,
    asked: VecDeque<(String, i64)>,
    lost: u64,
}

impl Behaviour {
    /// An engine that has learnt nothing yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(
        settings: &BehaviourSettings,
        own_scope_roles: Vec<String>,
    ) -> Result<Self, SettingsError> {
        let engine = Engine::new(settings.engine.clone(), own_scope_roles)?;
        Ok(Self::with(engine, settings))
    }

    /// An engine that goes on from a snapshot.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing of the snapshot is used then.
    pub fn load(
        settings: &BehaviourSettings,
        own_scope_roles: Vec<String>,
        from: &mut impl std::io::BufRead,
    ) -> Result<Self, SnapshotError> {
        let engine = Engine::load(settings.engine.clone(), own_scope_roles, from)?;
        Ok(Self::with(engine, settings))
    }

    /// The engine: to save, to export or to forget a person's baseline.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, to change what it knows.
    pub const fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Accounts that should log in again, since the last time this was asked.
    pub fn step_ups(&mut self) -> impl Iterator<Item = StepUp> {
        self.waiting.drain(..)
    }

    /// Fresh log-ins that were not asked for because too many were wanted.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn with(engine: Engine, settings: &BehaviourSettings) -> Self {
        Self {
            engine,
            step_up: settings.step_up,
            waiting: VecDeque::new(),
            asked: VecDeque::new(),
            lost: 0,
        }
    }

    /// A part of an answer is about to leave.
    pub(crate) fn on_release(&mut self, head: &ExchangeHead, release: &Release) -> Option<Judged> {
        if head.login || release.rows == 0 && release.sightings.is_empty() {
            return None;
        }
        let subjects: Vec<[u8; 16]> = release
            .sightings
            .iter()
            .map(|sighting| *sighting.subject.as_bytes())
            .collect();
        let kinds = release
            .sightings
            .iter()
            .flat_map(|sighting| sighting.kinds.iter())
            .fold(0_u32, |bits, kind| bits | 1 << (kind as u8));
        let act = Access {
            module: head.module.as_str(),
            subjects: &subjects,
            kinds,
            rows: u64::from(release.rows),
            foreign_rows: u64::from(release.foreign_rows),
            export: head.export,
            // The head names no query; a route of its own for searches is all there is to see.
            search: head.route.as_str().contains("search"),
            write: head.method != "GET" && head.method != "HEAD" && !head.export,
            failed: false,
        };
        self.judge(head, Act::Access(act))
    }

    /// An exchange that Hudun did not refuse is over.
    pub(crate) fn on_end(
        &mut self,
        head: &ExchangeHead,
        end: &ExchangeEnd,
        site: &Site,
    ) -> Option<Judged> {
        if head.login {
            let regions = site.regions.as_ref();
            let region = regions.and_then(|regions| regions.of(head.actor.ip.to_canonical()));
            let login = Login {
                success: end.success,
                rtt_ms: head.rtt_ms,
                region: region.as_deref(),
            };
            return self.judge(head, Act::Login(login));
        }
        let failed =
            head.path.contains('{') && !end.success && (end.status == 403 || end.status == 404);
        let silent_write =
            end.success && end.groups == 0 && head.method != "GET" && head.method != "HEAD";
        if !failed && !silent_write {
            return None;
        }
        let changed: Vec<[u8; 16]> = if silent_write {
            head.touched.iter().map(|one| *one.as_bytes()).collect()
        } else {
            Vec::new()
        };
        let act = Access {
            module: head.module.as_str(),
            subjects: &changed,
            write: silent_write,
            failed,
            ..Access::default()
        };
        self.judge(head, Act::Access(act))
    }

    /// The case about the actor is closed.
    pub(crate) fn thaw(&mut self, tenant: &TenantId, actor: &str) {
        self.engine.thaw(tenant.as_str(), actor);
        self.asked.retain(|(name, _)| name != actor);
    }

    fn judge(&mut self, head: &ExchangeHead, act: Act<'_>) -> Option<Judged> {
        // Only accounts have habits; an address that never logged in is for the other detections.
        let account = head.actor.account.as_ref()?;
        let score = self.engine.observe(&Observation {
            tenant: head.tenant.as_str(),
            actor: account.as_str(),
            role: head.actor.role.as_deref().unwrap_or_default(),
            at: head.at.as_millis(),
            network: Some(head.actor.ip),
            device: &head.actor.agent,
            session: head
                .actor
                .session
                .as_ref()
                .map_or(0, |session| short(session.as_str())),
            act,
        });
        let spoken = self.follow(head, account, &score);
        Some(Judged { score, spoken })
    }

    /// What follows from a score.
    fn follow(
        &mut self,
        head: &ExchangeHead,
        account: &AccountId,
        score: &Score,
    ) -> Option<Spoken> {
        match score.band {
            Band::Low => None,
            _ if score.degraded == Some(Degraded::TooLate) => None,
            _ if score.degraded.is_some() => Some(Spoken {
                rule: "scrm.behaviour-degraded",
                level: Level::Low,
                tags: &[],
                title: Text::new(
                    "行为引擎无法评判，按预设等级处理",
                    "The behaviour engine could not judge and falls to its stated level",
                ),
                why: why(score),
            }),
            Band::Middle => {
                self.ask(head, account, score);
                None
            }
            Band::High => {
                let until = head.at.as_millis().saturating_add(FROZEN);
                if score.kind == ScoreKind::Operation {
                    self.engine
                        .freeze(head.tenant.as_str(), account.as_str(), until);
                }
                self.ask(head, account, score);
                Some(spoken(score))
            }
        }
    }

    fn ask(&mut self, head: &ExchangeHead, account: &AccountId, score: &Score) {
        let at = head.at.as_millis();
        if !self.step_up
            || self
                .asked
                .iter()
                .any(|(name, asked)| name == account.as_str() && at - asked < PEACE)
        {
            return;
        }
        while self
            .asked
            .front()
            .is_some_and(|(_, asked)| at - asked >= PEACE)
        {
            self.asked.pop_front();
        }
        let lately = self
            .asked
            .iter()
            .rev()
            .take_while(|(_, asked)| at - asked < 3_600_000)
            .count();
        if lately >= ASKED_AN_HOUR || self.waiting.len() >= WAITING {
            self.lost += 1;
            return;
        }
        self.asked.push_back((account.to_string(), at));
        self.waiting.push_back(StepUp {
            tenant: head.tenant.clone(),
            account: account.clone(),
            at: head.at,
            why: why(score),
        });
    }
}

fn spoken(score: &Score) -> Spoken {
    match score.kind {
        ScoreKind::Operation => Spoken {
            rule: "scrm.behaviour-operation",
            level: Level::High,
            tags: &["T1213.004", "T1078"],
            title: Text::new(
                "账号操作明显偏离本人和同岗位的习惯",
                "An account works unlike the person and unlike the role",
            ),
            why: why(score),
        },
        ScoreKind::Login => Spoken {
            rule: "scrm.behaviour-login",
            level: Level::Low,
            tags: &["T1078"],
            title: Text::new(
                "登录明显偏离本人习惯",
                "A log-in unlike the person's others",
            ),
            why: why(score),
        },
    }
}

fn why(score: &Score) -> Text {
    let told = score.sentences(SENTENCES);
    let odds = score.points;
    if score.degraded.is_some() {
        return Text::new(told.zh, told.en);
    }
    Text::new(
        format!("{}风险分（对数几率）{odds:.1}。", told.zh),
        format!("{} Risk score (log-odds) {odds:.1}.", told.en),
    )
}

fn short(name: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() | 1
}
