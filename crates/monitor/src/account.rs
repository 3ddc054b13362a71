//! What is remembered of each actor, each address and each log-in, with quotas for every tenant.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use hudun_core::{ExchangeId, Level, SubjectToken, TenantId};
use serde::{Deserialize, Serialize};

use crate::Thresholds;
use crate::kept::KeptActor;
use crate::travel::Presence;
use crate::window::{Count, Distinct};

/// Networks remembered for one account.
const NETWORKS: usize = 64;
/// Exchanges kept as evidence for one actor.
const EVIDENCE: usize = 100;

/// One actor within one tenant.
#[derive(Debug)]
pub(crate) struct ActorState {
    pub(crate) foreign: Distinct<SubjectToken>,
    pub(crate) persons: Distinct<SubjectToken>,
    pub(crate) failed_lookups: Count,
    pub(crate) failed_logins: Count,
    pub(crate) networks: HashSet<Network>,
    pub(crate) foreign_evidence: VecDeque<ExchangeId>,
    recent: VecDeque<ExchangeId>,
    fired: HashMap<Box<str>, (Level, i64)>,
    pub(crate) last_login: Option<i64>,
    /// Where it was at work last, while there is a database that tells.
    pub(crate) presence: Option<Presence>,
    touched: u64,
}

impl ActorState {
    fn new(thresholds: &Thresholds) -> Self {
        let span = thresholds.window_ms;
        Self {
            foreign: Distinct::new(span, 10_000),
            persons: Distinct::new(span, 10_000),
            failed_lookups: Count::new(span, 1_000),
            failed_logins: Count::new(span, 1_000),
            networks: HashSet::new(),
            foreign_evidence: VecDeque::new(),
            recent: VecDeque::new(),
            fired: HashMap::new(),
            last_login: None,
            presence: None,
            touched: 0,
        }
    }

    pub(crate) fn keep_evidence(&mut self, exchange: ExchangeId) {
        if self.foreign_evidence.back() == Some(&exchange) {
            return;
        }
        if self.foreign_evidence.len() == EVIDENCE {
            self.foreign_evidence.pop_front();
        }
        self.foreign_evidence.push_back(exchange);
    }

    /// Keeps the newest exchanges that showed data, as evidence of behaviour.
    pub(crate) fn keep_recent(&mut self, exchange: ExchangeId) {
        if self.recent.back() == Some(&exchange) {
            return;
        }
        if self.recent.len() == EVIDENCE {
            self.recent.pop_front();
        }
        self.recent.push_back(exchange);
    }

    /// The newest exchanges that showed data, this one among them.
    pub(crate) fn recent_evidence(&self, exchange: ExchangeId) -> Vec<ExchangeId> {
        let mut evidence: Vec<ExchangeId> = self.recent.iter().copied().collect();
        if !evidence.contains(&exchange) {
            evidence.push(exchange);
        }
        let from = evidence.len().saturating_sub(EVIDENCE);
        evidence.split_off(from)
    }

    /// Whether the network is one of the known ones; `None` when none is known yet.
    pub(crate) fn knows_network(&self, network: Network) -> Option<bool> {
        (!self.networks.is_empty()).then(|| self.networks.contains(&network))
    }

    /// Notes the network and tells whether it is the first one that differs from all known ones.
    pub(crate) fn is_new_network(&mut self, network: Network) -> bool {
        let had_some = !self.networks.is_empty();
        if self.networks.len() >= NETWORKS {
            return false;
        }
        self.networks.insert(network) && had_some
    }

    /// Whether the rule may speak: it was silent long enough, or speaks louder than before.
    pub(crate) fn may_fire(&mut self, rule: &str, level: Level, at: i64, quiet_ms: i64) -> bool {
        if let Some(&(before, when)) = self.fired.get(rule)
            && level <= before
            // Also when the clock was set back meanwhile, but no longer than that.
            && (at - when).abs() < quiet_ms
        {
            return false;
        }
        self.fired.insert(rule.into(), (level, at));
        true
    }
}

/// The network of an address: /24 of IPv4, /48 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Network([u8; 6], bool);

impl Network {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self([a, b, c, 0, 0, 0], false)
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                Self([a, b, c, d, e, f], true)
            }
        }
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        if self.1 {
            write!(f, "{a:02x}{b:02x}:{c:02x}{d:02x}:{e:02x}{g:02x}::/48")
        } else {
            write!(f, "{a}.{b}.{c}.0/24")
        }
    }
}

/// Actors of one tenant, the least recently seen evicted first.
#[derive(Debug, Default)]
struct TenantActors {
    actors: HashMap<String, ActorState>,
}

/// Actors of all tenants.
#[derive(Debug, Default)]
pub(crate) struct Actors {
    tenants: HashMap<TenantId, TenantActors>,
    clock: u64,
    evicted: u64,
}

impl Actors {
    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is known beyond a restart, those seen longest ago first.
    pub(crate) fn kept(&self) -> Vec<KeptActor> {
        let mut kept: Vec<(u64, KeptActor)> = Vec::new();
        for (tenant, of_tenant) in &self.tenants {
            for (name, state) in &of_tenant.actors {
                if state.networks.is_empty() && state.last_login.is_none() && state.fired.is_empty()
                {
                    continue;
                }
                let told = state.fired.iter();
                let actor = KeptActor {
                    tenant: tenant.clone(),
                    name: name.clone(),
                    networks: state.networks.iter().copied().collect(),
                    last_login: state.last_login,
                    presence: state.presence.clone(),
                    told: told
                        .map(|(rule, (level, at))| (rule.to_string(), *level, *at))
                        .collect(),
                };
                kept.push((state.touched, actor));
            }
        }
        kept.sort_by_key(|(touched, _)| *touched);
        kept.into_iter().map(|(_, actor)| actor).collect()
    }

    /// Takes in what [`Actors::kept`] gave, within the present bounds.
    pub(crate) fn restore(&mut self, kept: Vec<KeptActor>, thresholds: &Thresholds, now: i64) {
        for actor in kept {
            let state = self.state(&actor.tenant, &actor.name, thresholds);
            state
                .networks
                .extend(actor.networks.into_iter().take(NETWORKS));
            state.last_login = actor.last_login;
            state.presence = actor.presence;
            for (rule, level, at) in actor.told {
                if (now - at).abs() < thresholds.quiet_ms {
                    state.fired.insert(rule.into(), (level, at));
                }
            }
        }
    }

    pub(crate) fn forget(&mut self, tenant: &TenantId, actor: &str) {
        if let Some(of_tenant) = self.tenants.get_mut(tenant) {
            of_tenant.actors.remove(actor);
        }
    }

    pub(crate) fn state(
        &mut self,
        tenant: &TenantId,
        actor: &str,
        thresholds: &Thresholds,
    ) -> &mut ActorState {
        self.clock += 1;
        let clock = self.clock;
        if !self.tenants.contains_key(tenant) {
            self.tenants.insert(tenant.clone(), TenantActors::default());
        }
        let of_tenant = self.tenants.entry(tenant.clone()).or_default();
        if !of_tenant.actors.contains_key(actor)
            && of_tenant.actors.len() >= thresholds.actors_per_tenant
        {
            self.evicted += of_tenant.evict_oldest_tenth();
        }
        let state = of_tenant
            .actors
            .entry(actor.to_owned())
            .or_insert_with(|| ActorState::new(thresholds));
        state.touched = clock;
        state
    }
}

impl TenantActors {
    /// Evicting a tenth at once makes the cost of a flood of new actors constant for each of them.
    fn evict_oldest_tenth(&mut self) -> u64 {
        let mut ages: Vec<u64> = self.actors.values().map(|state| state.touched).collect();
        let at = ages.len() / 10;
        let (_, cut, _) = ages.select_nth_unstable(at);
        let cut = *cut;
        let before = self.actors.len();
        self.actors.retain(|_, state| state.touched > cut);
        (before - self.actors.len()) as u64
    }
}
