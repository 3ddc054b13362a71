//! The engine: tenants, actors, roles, and what is learnt when a day ends.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::actor::{
    ActorState, KEEP, MODULES, NEWCOMER_DAYS, Outside, RING, Today, cut, push_ring,
};
use crate::clock::{Moment, is_rest};
use crate::facts::{MEASURES, Measure};
use crate::login::{Census, Features, Pending, networks};
use crate::observe::{Access, Act, Login, Observation};
use crate::operation::{Around, expect, judge, slow_sums};
use crate::peers::{Role, note_module};
use crate::score::{Band, Degraded, Score, ScoreKind};
use crate::settings::{Settings, SettingsError};
use crate::sketch::name_of;

/// Roles remembered for one tenant; people of others share one baseline.
const ROLES: usize = 64;
/// Subjects of one answer that are read.
const SUBJECTS: usize = 20_000;
/// Answers with at most this many persons are of customers opened one by one, beyond they are lists.
const OPENED: usize = 3;
/// An observation this much older than what was seen before is not judged.
const LATE: i64 = 2 * 86_400_000;
/// The last millisecond of the year 9999.
const YEAR_9999: i64 = 253_402_300_799_999;
/// Log-ins of one actor that wait for confirmation.
const PENDING: usize = 4;

/// Judges log-ins and operations.
#[derive(Debug)]
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) own_scope_roles: Vec<String>,
    pub(crate) tenants: HashMap<String, Tenant>,
    pub(crate) evicted: u64,
    unjudged: u64,
}

/// One tenant. Nothing in it touches another.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) actors: HashMap<String, ActorState>,
    pub(crate) roles: HashMap<String, Role>,
    pub(crate) census: Census,
}

/// What the engine holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Tenants.
    pub tenants: usize,
    /// Actors of all tenants.
    pub actors: usize,
    /// Actors that were forgotten because a tenant's quota was full.
    pub evicted: u64,
    /// Observations that could not be judged.
    pub unjudged: u64,
    /// Bytes of the actors' states, the maps' own share aside.
    pub bytes: usize,
}

impl Engine {
    /// Most bytes that the state of one actor takes.
    pub const BYTES_PER_ACTOR: usize = ActorState::BOUND;

    /// An engine that knows nobody: everybody is judged by the built-in baseline, with much doubt, until the role's own
    /// is learnt. `own_scope_roles` are roles whose people may see only their own customers.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(settings: Settings, own_scope_roles: Vec<String>) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self {
            settings,
            own_scope_roles,
            tenants: HashMap::new(),
            evicted: 0,
            unjudged: 0,
        })
    }

    /// Takes an observation in and judges it.
    pub fn observe(&mut self, observation: &Observation<'_>) -> Score {
        // So that no difference of two times overflows.
        let observation = &Observation {
            at: observation.at.clamp(0, YEAR_9999),
            ..*observation
        };
        let kind = match observation.act {
            Act::Login(_) => ScoreKind::Login,
            Act::Access(_) => ScoreKind::Operation,
        };
        let moment = Moment::of(observation.at, self.settings.utc_offset_minutes);
        if !self.make_room(observation.tenant, observation.actor) {
            self.unjudged += 1;
            return Score::degraded(kind, self.settings.fallback, Degraded::TenantQuota);
        }
        let own_scope = self
            .own_scope_roles
            .iter()
            .any(|role| role == observation.role);
        let settings = &self.settings;
        let tenant = self
            .tenants
            .entry(observation.tenant.to_owned())
            .or_default();
        let Tenant {
            actors,
            roles,
            census,
        } = tenant;
        if !actors.contains_key(observation.actor) {
            actors.insert(
                observation.actor.to_owned(),
                ActorState::new(observation.role),
            );
        }
        let Some(actor) = actors.get_mut(observation.actor) else {
            return Score::degraded(kind, settings.fallback, Degraded::TenantQuota);
        };
        if actor.last_seen != 0 && observation.at < actor.last_seen - LATE {
            self.unjudged += 1;
            return Score::degraded(kind, settings.fallback, Degraded::TooLate);
        }
        if !observation.role.is_empty() && actor.role != cut(observation.role) {
            actor.change_role(observation.role);
        }
        let key = if roles.contains_key(&actor.role) || roles.len() < ROLES {
            actor.role.clone()
        } else {
            String::new()
        };
        let role = roles.entry(key).or_default();
        turn_day(actor, role, moment, observation.at, settings, own_scope);
        confirm_by_time(actor, census, observation.at, settings);

        let score = match &observation.act {
            Act::Login(login) => judge_login(actor, census, observation, login, moment, settings),
            Act::Access(access) => {
                take_in(actor, observation, access, moment, settings, own_scope);
                let ratio = usual_share(actor, role, own_scope);
                let surge = role.surge(name_of(observation.actor.as_bytes()), moment.day, ratio);
                let around = Around {
                    settings,
                    role,
                    surge,
                    own_scope,
                };
                let parts = judge(actor, &around, moment);
                Score::of(
                    ScoreKind::Operation,
                    parts,
                    settings.middle,
                    settings.high,
                    settings.fallback,
                )
            }
        };
        actor.last_seen = actor.last_seen.max(observation.at);
        if score.degraded.is_some() {
            self.unjudged += 1;
        } else if kind == ScoreKind::Operation {
            actor.today.worst = actor
                .today
                .worst
                .max((score.points - settings.prior) as f32);
        }
        score
    }

    /// Whether the actor is on the allow-list of service accounts.
    pub fn is_allowed(&self, actor: &str) -> bool {
        self.settings
            .allow
            .iter()
            .any(|allowance| allowance.actor == actor)
    }

    /// The waiting log-ins of this actor were good: a second step was passed, or a person said so. Learns from them.
    pub fn confirm_logins(&mut self, tenant: &str, actor: &str) {
        if let Some(tenant) = self.tenants.get_mut(tenant)
            && let Some(state) = tenant.actors.get_mut(actor)
        {
            for pending in std::mem::take(&mut state.pending) {
                state.logins.learn(&mut tenant.census, &pending);
            }
            state.today.odd_login = 0.0;
        }
    }

    /// Nothing is learnt of this actor until then: there is an open case, and an attacker must not train the baseline.
    /// Waiting log-ins are dropped.
    pub fn freeze(&mut self, tenant: &str, actor: &str, until: i64) {
        if let Some(state) = self
            .tenants
            .get_mut(tenant)
            .and_then(|tenant| tenant.actors.get_mut(actor))
        {
            state.frozen_until = state.frozen_until.max(until);
            state.pending.clear();
        }
    }

    /// The case is closed: what was counted today is put aside unlearnt, and learning goes on.
    pub fn thaw(&mut self, tenant: &str, actor: &str) {
        if let Some(state) = self
            .tenants
            .get_mut(tenant)
            .and_then(|tenant| tenant.actors.get_mut(actor))
        {
            state.frozen_until = 0;
            state.today = Today {
                day: state.today.day,
                ..Today::default()
            };
        }
    }

    /// Forgets a person's baseline for good. Returns whether there was one.
    pub fn forget(&mut self, tenant: &str, actor: &str) -> bool {
        self.tenants
            .get_mut(tenant)
            .is_some_and(|tenant| tenant.actors.remove(actor).is_some())
    }

    /// A person's baseline for the person to read: what is usual, in numbers, and today's counts. Which customers were
    /// touched is held as a Bloom filter and can't be read back.
    pub fn export(&self, tenant: &str, actor: &str) -> Option<Value> {
        let of_tenant = self.tenants.get(tenant)?;
        let state = of_tenant.actors.get(actor)?;
        let role = of_tenant.roles.get(&state.role)?;
        let newcomer = state.role_days < NEWCOMER_DAYS;
        let own_scope = self.own_scope_roles.contains(&state.role);
        let counts = state.counts();
        let measures: Vec<Value> = Measure::ALL
            .iter()
            .zip(expect(state, role, newcomer, own_scope))
            .zip(counts)
            .map(|((measure, expected), today)| json!({ "measure": format!("{measure:?}"), "usual_a_day": expected.mean, "today": today }))
            .collect();
        Some(json!({
            "tenant": tenant,
            "actor": actor,
            "role": state.role,
            "days_at_work": state.days,
            "days_in_role": state.role_days,
            "last_seen_ms": state.last_seen,
            "measures": measures,
            "usual": state.usual,
            "log_ins": state.logins,
            "customers_ever_new": state.known.ever(),
            "frozen_until_ms": state.frozen_until,
        }))
    }

    /// What the engine holds. Walks over all actors.
    pub fn stats(&self) -> Stats {
        let actors = self
            .tenants
            .values()
            .flat_map(|tenant| tenant.actors.values());
        Stats {
            tenants: self.tenants.len(),
            actors: self
                .tenants
                .values()
                .map(|tenant| tenant.actors.len())
                .sum(),
            evicted: self.evicted,
            unjudged: self.unjudged,
            bytes: actors.map(ActorState::bytes).sum(),
        }
    }

    /// Actors forgotten because a quota was full, and observations that could not be judged.
    pub const fn losses(&self) -> (u64, u64) {
        (self.evicted, self.unjudged)
    }

    /// Makes room for an actor within its own tenant. Whether there is room for the tenant at all.
    fn make_room(&mut self, tenant: &str, actor: &str) -> bool {
        let Some(of_tenant) = self.tenants.get_mut(tenant) else {
            return self.tenants.len() < self.settings.tenants;
        };
        if of_tenant.actors.contains_key(actor)
            || of_tenant.actors.len() < self.settings.actors_per_tenant
        {
            return true;
        }
        // Whoever was seen on few days goes first, the longest silent before others: a flood of invented names pushes
        // out invented names, and not the staff. A tenth at once keeps the cost of each newcomer constant.
        let mut worth: Vec<(u32, i64)> = of_tenant
            .actors
            .values()
            .map(|state| (state.days.min(20), state.last_seen))
            .collect();
        let at = worth.len() / 10;
        let (_, cut, _) = worth.select_nth_unstable(at);
        let cut = *cut;
        let before = of_tenant.actors.len();
        of_tenant
            .actors
            .retain(|_, state| (state.days.min(20), state.last_seen) > cut);
        if of_tenant.actors.len() == before {
            of_tenant.actors.clear();
        }
        self.evicted += (before - of_tenant.actors.len()) as u64;
        true
    }
}

fn judge_login(
    actor: &mut ActorState,
    census: &Census,
    observation: &Observation<'_>,
    login: &Login<'_>,
    moment: Moment,
    settings: &Settings,
) -> Score {
    let features = Features::of(observation, login, moment.hour);
    let failed = actor.failed_before(observation.at);
    let parts = actor.logins.judge(census, &features, failed);
    let score = Score::of(
        ScoreKind::Login,
        parts,
        settings.login_middle,
        settings.login_high,
        settings.fallback,
    );
    if !login.success {
        actor.fail_login(observation.at);
        return score;
    }
    let odd = score.band > Band::Low;
    if actor.pending.len() == PENDING {
        actor.pending.remove(0);
    }
    actor
        .pending
        .push(Pending::new(observation.at, odd, features));
    // A log-in that stands out a little does not prove anything; it weighs when odd operations follow.
    actor.today.odd_login = actor
        .today
        .odd_login
        .max((score.points + 3.0).clamp(0.0, 5.0) as f32);
    actor.watch_session(observation.session, features.network, features.device);
    score
}

fn take_in(
    actor: &mut ActorState,
    observation: &Observation<'_>,
    access: &Access<'_>,
    moment: Moment,
    settings: &Settings,
    own_scope: bool,
) {
    let at = observation.at;
    let of_account = settings
        .allow
        .iter()
        .find(|allowance| allowance.actor == observation.actor);
    if let Some(allowance) = of_account {
        let network = observation
            .network
            .map(|ip| ip.to_string())
            .unwrap_or_default();
        let rows = actor.today.allowed_rows.saturating_add(access.rows);
        let outside = if !allowance
            .modules
            .iter()
            .any(|module| module == access.module)
        {
            Some((Outside::Module, access.module.to_owned()))
        } else if !allowance.networks.is_empty()
            && !allowance
                .networks
                .iter()
                .any(|start| network.starts_with(start.as_str()))
        {
            Some((Outside::Network, network))
        } else if rows > allowance.rows_a_day {
            Some((Outside::Rows, format!("{rows} > {}", allowance.rows_a_day)))
        } else {
            None
        };
        let Some((how, detail)) = outside else {
            actor.today.allowed_rows = rows;
            return;
        };
        actor
            .today
            .outside
            .get_or_insert_with(|| (how, cut(&detail)));
    }
    if actor.today.first_at == 0 {
        actor.today.first_at = at;
    }
    actor.today.worked = true;
    actor.today.hours |= 1 << moment.hour;
    if !access.export {
        actor.today.kinds |= access.kinds;
    }
    // A file has a part of its own: that it is rare for the person is said there, once.
    if !access.export
        && !access.module.is_empty()
        && actor.today.modules.len() < MODULES
        && !actor
            .today
            .modules
            .iter()
            .any(|known| known == access.module)
    {
        actor.today.modules.push(cut(access.module));
    }
    let (network, _) = observation.network.map_or((0, 0), networks);
    let device = if observation.device.is_empty() {
        0
    } else {
        (name_of(observation.device.as_bytes()) >> 32) as u32 | 1
    };
    actor.watch_session(observation.session, network, device);

    let opened = !access.export && access.subjects.len() <= OPENED;
    let before = (actor.today.opened.count(), actor.today.listed.count());
    for (place, subject) in access.subjects.iter().take(SUBJECTS).enumerate() {
        let subject = name_of(subject);
        if access.write {
            actor.today.changed.note(subject);
        }
        if (place as u64) < access.foreign_rows && own_scope {
            actor.today.foreign.note(subject);
        }
        if opened {
            actor.open(subject, at);
        } else if !access.export {
            actor.today.listed.note(subject);
        }
        // A file is not work with each customer in it: it neither makes them known nor counts them as new.
        if !access.export && actor.known.note(subject) {
            actor.meet(at);
        }
    }
    if before != (actor.today.opened.count(), actor.today.listed.count()) {
        actor.beat(at);
    }
    let today = &mut actor.today;
    if access.write && access.subjects.is_empty() {
        today.changes = today.changes.saturating_add(1);
    }
    if access.search {
        today.searches = today.searches.saturating_add(1);
        today.search_rows = today.search_rows.saturating_add(access.rows);
    }
    if access.failed {
        today.failed = today.failed.saturating_add(1);
    }
    if access.export {
        today.export_rows = today.export_rows.saturating_add(access.rows);
    }
}

/// Today's work as a share of the usual, for the comparison with colleagues.
fn usual_share(actor: &ActorState, role: &Role, own_scope: bool) -> f64 {
    let newcomer = actor.role_days < NEWCOMER_DAYS;
    let expected = role
        .expected(actor, Measure::Opened as usize, newcomer, own_scope)
        .mean;
    let listed = role
        .expected(actor, Measure::Listed as usize, newcomer, own_scope)
        .mean;
    let opened = f64::from(actor.today.opened.count()) / expected;
    let share = f64::from(actor.today.listed.count()) / listed;
    (opened + share) / 2.0
}

/// Closes days that are over, and learns from them what may be learnt.
fn turn_day(
    actor: &mut ActorState,
    role: &mut Role,
    moment: Moment,
    at: i64,
    settings: &Settings,
    own_scope: bool,
) {
    if actor.last_seen == 0 {
        actor.today.day = moment.day;
        return;
    }
    if moment.day <= actor.today.day {
        return;
    }
    let silent = moment.day - actor.today.day;
    if actor.today.worked {
        learn(actor, role, at, settings, own_scope);
        actor.keep_slow();
    }
    for day in (actor.today.day..moment.day).take(60) {
        let sort = usize::from(is_rest(day));
        for passed in [&mut actor.usual.passed, &mut role.passed] {
            if let Some(passed) = passed.get_mut(sort) {
                *passed += 1.0;
            }
        }
        if let Some(passed) = actor.usual.passed.get_mut(sort)
            && *passed > 60.0
        {
            *passed *= 0.98;
        }
    }
    let still_odd = if silent <= 1 {
        actor.today.odd_login * 0.5
    } else {
        0.0
    };
    actor.today = Today {
        day: moment.day,
        silent_days: silent,
        odd_login: still_odd,
        ..Today::default()
    };
}

fn learn(actor: &mut ActorState, role: &mut Role, at: i64, settings: &Settings, own_scope: bool) {
    actor.days = actor.days.saturating_add(1);
    actor.role_days = actor.role_days.saturating_add(1);
    if at < actor.frozen_until {
        return;
    }
    let newcomer = actor.role_days <= NEWCOMER_DAYS;
    let expected = expect(actor, role, newcomer, own_scope);
    let counts = actor.counts().map(f64::from);
    let today = [actor.today.new, actor.today.foreign.count()];
    let sums = slow_sums(actor, today).map(|spans| spans.map(|(sum, _)| f64::from(sum)));
    role.witness(&counts, sums, newcomer);
    // An odd day teaches little: it may be the first of a new duty, or the work of a patient thief.
    let odd = f64::from(actor.today.worst) + settings.prior >= settings.high;
    let weight: f32 = if odd { 0.2 } else { 1.0 };
    let mut bounded = [0.0; MEASURES];
    for ((bounded, count), expected) in bounded.iter_mut().zip(counts).zip(&expected) {
        let deviation = (expected.mean
            + expected.mean.powi(2) * (1.0 / expected.shape + expected.doubt))
            .sqrt();
        *bounded = count.min(expected.mean + 4.0 * deviation + 5.0);
    }
    let usual = &mut actor.usual;
    for (sum, count) in usual.sum.iter_mut().zip(bounded) {
        *sum = *sum * KEEP + weight * count as f32;
    }
    usual.days = usual.days * KEEP + weight;
    usual.export_days *= KEEP;
    usual.steady_days *= KEEP;
    usual.modules.iter_mut().for_each(|(_, days)| *days *= KEEP);
    usual.kinds.iter_mut().for_each(|days| *days *= KEEP);
    for module in &actor.today.modules {
        note_module(&mut usual.modules, module, weight, MODULES);
    }
    let sort = usize::from(is_rest(actor.today.day));
    let hours = actor.today.hours;
    let note_hours = |table: &mut [[f32; 24]; 2], keep: f32, weight: f32| {
        let Some(table) = table.get_mut(sort) else {
            return;
        };
        for (hour, days) in table.iter_mut().enumerate() {
            *days *= keep;
            if hours >> hour & 1 == 1 {
                *days += weight;
            }
        }
    };
    note_hours(&mut usual.hours, 0.98, weight);
    let kinds = actor.today.kinds;
    let note_kinds = |table: &mut [f32; 32], weight: f32| {
        for (bit, days) in table.iter_mut().enumerate() {
            if kinds >> bit & 1 == 1 {
                *days += weight;
            }
        }
    };
    note_kinds(&mut usual.kinds, weight);
    push_ring(&mut usual.long, actor.today.hours.count_ones() as f32, RING);
    let amount = |rows: u64| (rows as f64).ln_1p() as f32;
    let (exported, searched) = (actor.today.export_rows, actor.today.search_rows);
    // On an odd day no more is learnt than the role's largest usual amounts.
    let most = |ring: &std::collections::VecDeque<f32>| {
        if odd {
            ring.iter().copied().fold(5.0, f32::max)
        } else {
            f32::MAX
        }
    };
    if exported > 0 {
        push_ring(
            &mut usual.exports,
            amount(exported).min(most(&role.exports)),
            RING,
        );
    }
    if searched > 0 {
        push_ring(
            &mut usual.breadths,
            amount(searched).min(most(&role.breadths)),
            RING,
        );
    }
    if exported > 0 {
        usual.export_days += weight;
    }
    let steady = actor.today.steady.is_some();
    if steady {
        usual.steady_days += weight;
    }
    if odd {
        return;
    }
    note_hours(&mut role.hours, 1.0, 1.0);
    note_kinds(&mut role.kinds, 1.0);
    for module in &actor.today.modules {
        role.use_module(module);
    }
    if exported > 0 {
        Role::keep_amount(&mut role.exports, amount(exported));
        role.export_days += 1.0;
    }
    if searched > 0 {
        Role::keep_amount(&mut role.breadths, amount(searched));
    }
    if steady {
        role.steady_days += 1.0;
    }
    role.learn(&bounded, &expected, newcomer);
    role.fade_tables();
}

/// A log-in with some hours of ordinary work behind it counts as good; an odd one only when somebody confirms it.
fn confirm_by_time(actor: &mut ActorState, census: &mut Census, at: i64, settings: &Settings) {
    if actor.pending.is_empty() || at < actor.frozen_until {
        return;
    }
    let wait = i64::from(settings.confirm_after_hours) * 3_600_000;
    let calm = f64::from(actor.today.worst) + settings.prior < settings.middle;
    let mut waiting = Vec::new();
    for pending in std::mem::take(&mut actor.pending) {
        if pending.odd || !calm || at - pending.at < wait {
            waiting.push(pending);
        } else {
            actor.logins.learn(census, &pending);
        }
    }
    actor.pending = waiting;
}
