//! What is remembered of one actor: of fixed size, whatever the actor does.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::facts::{MEASURES, Measure};
use crate::login::{LoginProfile, Pending};
use crate::sketch::{Distinct, Known};

/// Forgetting for each day at work: half of what is known is younger than 23 days.
pub(crate) const KEEP: f32 = 0.97;
/// Modules remembered for an actor, and looked at within a day.
pub(crate) const MODULES: usize = 16;
/// Sessions watched for a change of network or device.
const SESSIONS: usize = 8;
/// Days of amounts kept for medians.
pub(crate) const RING: usize = 16;
/// Customers opened within the fast window.
const FAST: usize = 512;
/// Length of the fast window, seconds.
const FAST_SECONDS: u32 = 600;
/// Acts whose rhythm is measured.
const GAPS: usize = 24;
/// Days of slow counts.
const SLOW_DAYS: usize = 28;
/// Days at work before somebody stops being a newcomer in a role.
pub(crate) const NEWCOMER_DAYS: u32 = 10;

/// Everything about one actor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ActorState {
    pub(crate) role: String,
    /// Days at work in this role.
    pub(crate) role_days: u32,
    pub(crate) days: u32,
    pub(crate) last_seen: i64,
    pub(crate) frozen_until: i64,
    pub(crate) today: Today,
    pub(crate) usual: Usual,
    pub(crate) slow: VecDeque<SlowDay>,
    pub(crate) known: Known,
    pub(crate) logins: LoginProfile,
    pub(crate) pending: Vec<Pending>,
    fast: VecDeque<(u32, u32)>,
    fast_new: VecDeque<(u32, u32)>,
    gaps: VecDeque<f32>,
    last_touch: i64,
    sessions: VecDeque<Session>,
    failed_logins: VecDeque<i64>,
}

/// What a usual day looks like, learnt from days that were not odd.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usual {
    pub(crate) sum: [f32; MEASURES],
    pub(crate) days: f32,
    /// Days active around each hour; workdays, then days of rest.
    pub(crate) hours: [[f32; 24]; 2],
    /// Days of each sort that went by.
    pub(crate) passed: [f32; 2],
    pub(crate) modules: Vec<(String, f32)>,
    pub(crate) kinds: [f32; 32],
    pub(crate) exports: VecDeque<f32>,
    pub(crate) export_days: f32,
    pub(crate) breadths: VecDeque<f32>,
    pub(crate) long: VecDeque<f32>,
    pub(crate) steady_days: f32,
}

/// What happened since local midnight.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Today {
    /// Days since 1970, local.
    pub(crate) day: i32,
    pub(crate) worked: bool,
    pub(crate) opened: Distinct,
    pub(crate) listed: Distinct,
    pub(crate) foreign: Distinct,
    pub(crate) changed: Distinct,
    pub(crate) changes: u32,
    pub(crate) opened_fast: u32,
    pub(crate) opened_fast_minutes: u32,
    pub(crate) new: u32,
    pub(crate) new_fast: u32,
    pub(crate) searches: u32,
    pub(crate) search_rows: u64,
    pub(crate) failed: u32,
    pub(crate) export_rows: u64,
    pub(crate) allowed_rows: u64,
    pub(crate) first_at: i64,
    pub(crate) hours: u32,
    pub(crate) modules: Vec<String>,
    pub(crate) kinds: u32,
    pub(crate) steady: Option<(f32, f32)>,
    pub(crate) odd_login: f32,
    pub(crate) session_network: bool,
    pub(crate) session_device: bool,
    pub(crate) silent_days: i32,
    pub(crate) outside: Option<(Outside, String)>,
    pub(crate) worst: f32,
}

/// How a service account left its allow-list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outside {
    Network,
    Module,
    Rows,
}

/// A day of the slow counts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SlowDay {
    pub(crate) day: i32,
    pub(crate) new: u32,
    pub(crate) foreign: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Session {
    name: u64,
    network: u32,
    device: u32,
}

impl ActorState {
    /// Most bytes that one actor may take, the map's own share aside. Stated in the reference; a test fills an actor up.
    pub(crate) const BOUND: usize = 24 * 1024;

    /// Somebody who was never seen before.
    pub(crate) fn new(role: &str) -> Self {
        Self {
            role: cut(role),
            ..Self::default()
        }
    }

    /// The counts of today.
    pub(crate) fn counts(&self) -> [u32; MEASURES] {
        let today = &self.today;
        let mut counts = [0; MEASURES];
        for measure in Measure::ALL {
            if let Some(count) = counts.get_mut(measure as usize) {
                *count = match measure {
                    Measure::Opened => today.opened.count(),
                    Measure::OpenedFast => today.opened_fast,
                    Measure::Listed => today.listed.count(),
                    Measure::New => today.new,
                    Measure::NewFast => today.new_fast,
                    Measure::Foreign => today.foreign.count(),
                    Measure::Changed => today.changed.count() + today.changes,
                    Measure::Searches => today.searches,
                    Measure::Failed => today.failed,
                };
            }
        }
        counts
    }

    /// Notes a customer that was opened alone.
    pub(crate) fn open(&mut self, subject: u64, at: i64) {
        self.today.opened.note(subject);
        let (second, short) = (second_of(at), subject as u32);
        let cut = second.saturating_sub(FAST_SECONDS);
        while self.fast.front().is_some_and(|(seen, _)| *seen < cut) {
            self.fast.pop_front();
        }
        if self.fast.len() < FAST && !self.fast.iter().any(|(_, known)| *known == short) {
            self.fast.push_back((second, short));
        }
        let count = self.fast.len() as u32;
        if count > self.today.opened_fast {
            self.today.opened_fast = count;
            let first = self.fast.front().map_or(second, |(first, _)| *first);
            self.today.opened_fast_minutes = second.saturating_sub(first).div_ceil(60).max(1);
        }
    }

    /// Counts a customer never touched before.
    pub(crate) fn meet(&mut self, at: i64) {
        self.today.new += 1;
        let minute = second_of(at) / 60;
        match self.fast_new.back_mut() {
            Some((last, count)) if *last >= minute => *count += 1,
            _ => self.fast_new.push_back((minute, 1)),
        }
        while self
            .fast_new
            .front()
            .is_some_and(|(seen, _)| *seen + 10 <= minute)
            || self.fast_new.len() > 11
        {
            self.fast_new.pop_front();
        }
        let count = self.fast_new.iter().map(|(_, count)| count).sum();
        self.today.new_fast = self.today.new_fast.max(count);
    }

    /// Measures the rhythm of acts that touch somebody new to the day.
    pub(crate) fn beat(&mut self, at: i64) {
        let gap = (at - self.last_touch) as f32;
        self.last_touch = at;
        if !(0.0..300_000.0).contains(&gap) {
            self.gaps.clear();
            return;
        }
        if self.gaps.len() == GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
        if self.gaps.len() < GAPS {
            return;
        }
        let n = GAPS as f32;
        let mean = self.gaps.iter().sum::<f32>() / n;
        let spread = (self
            .gaps
            .iter()
            .map(|gap| (gap - mean).powi(2))
            .sum::<f32>()
            / n)
            .sqrt()
            / mean.max(1.0);
        if spread < 0.25 && self.today.steady.is_none_or(|(_, known)| spread < known) {
            self.today.steady = Some((mean, spread));
        }
    }

    /// Watches one session for a change of network or device.
    pub(crate) fn watch_session(&mut self, name: u64, network: u32, device: u32) {
        if name == 0 {
            return;
        }
        let Some(session) = self
            .sessions
            .iter_mut()
            .find(|session| session.name == name)
        else {
            if self.sessions.len() == SESSIONS {
                self.sessions.pop_front();
            }
            self.sessions.push_back(Session {
                name,
                network,
                device,
            });
            return;
        };
        if network != 0
            && session.network != 0
            && session.network != network
            && !self.logins.knows_network(network)
        {
            self.today.session_network = true;
        }
        if device != 0 && session.device != 0 && session.device != device {
            self.today.session_device = true;
        }
    }

    /// Notes a failed log-in and returns how many there were within a quarter of an hour.
    pub(crate) fn fail_login(&mut self, at: i64) {
        if self.failed_logins.len() == RING {
            self.failed_logins.pop_front();
        }
        self.failed_logins.push_back(at);
    }

    /// Failed log-ins within the quarter of an hour before.
    pub(crate) fn failed_before(&self, at: i64) -> u32 {
        self.failed_logins
            .iter()
            .filter(|failed| (0..=900_000).contains(&(at - **failed)))
            .count() as u32
    }

    /// Somebody with a new role starts near the role's own baseline, and is a newcomer in it.
    pub(crate) fn change_role(&mut self, role: &str) {
        self.role = cut(role);
        self.role_days = 0;
        let usual = &mut self.usual;
        let fade = |value: &mut f32| *value *= 0.15;
        usual.sum.iter_mut().for_each(fade);
        usual.hours.iter_mut().flatten().for_each(fade);
        usual.passed.iter_mut().for_each(fade);
        usual.kinds.iter_mut().for_each(fade);
        usual.modules.iter_mut().for_each(|(_, days)| *days *= 0.15);
        usual.days *= 0.15;
        usual.export_days *= 0.15;
        usual.exports.clear();
        usual.breadths.clear();
        usual.long.clear();
    }

    /// Keeps the slow counts of the day that ends.
    pub(crate) fn keep_slow(&mut self) {
        let today = SlowDay {
            day: self.today.day,
            new: self.today.new,
            foreign: self.today.foreign.count(),
        };
        while self.slow.len() >= SLOW_DAYS - 1
            || self
                .slow
                .front()
                .is_some_and(|day| day.day <= today.day - SLOW_DAYS as i32)
        {
            self.slow.pop_front();
        }
        self.slow.push_back(today);
    }

    /// Bytes that this actor takes.
    pub(crate) fn bytes(&self) -> usize {
        let strings = self.role.capacity()
            + self
                .usual
                .modules
                .iter()
                .map(|(name, _)| name.capacity() + 32)
                .sum::<usize>()
            + self
                .today
                .modules
                .iter()
                .map(|name| name.capacity() + 24)
                .sum::<usize>()
            + self
                .today
                .outside
                .as_ref()
                .map_or(0, |(_, detail)| detail.capacity());
        let sets = self.today.opened.heap()
            + self.today.listed.heap()
            + self.today.foreign.heap()
            + self.today.changed.heap();
        let rings = (self.fast.capacity() + self.fast_new.capacity()) * 8
            + self.gaps.capacity() * 4
            + self.sessions.capacity() * 16
            + self.failed_logins.capacity() * 8
            + self.slow.capacity() * 12
            + (self.usual.exports.capacity()
                + self.usual.breadths.capacity()
                + self.usual.long.capacity())
                * 4;
        size_of::<Self>()
            + strings
            + sets
            + rings
            + self.known.heap()
            + self.logins.heap()
            + self.pending.capacity() * size_of::<Pending>()
    }

    /// Whether what was read from a snapshot keeps the bounds.
    pub(crate) fn is_sound(&self) -> bool {
        let today = &self.today;
        let numbers = self
            .usual
            .sum
            .iter()
            .chain(self.usual.hours.iter().flatten())
            .chain(&self.usual.kinds);
        [&today.opened, &today.listed, &today.foreign, &today.changed]
            .iter()
            .all(|set| set.is_sound())
            && self.known.is_sound()
            && self.logins.is_sound()
            && self.pending.len() <= 4
            && self.fast.len() <= FAST
            && self.fast_new.len() <= 16
            && self.gaps.len() <= GAPS
            && self.sessions.len() <= SESSIONS
            && self.failed_logins.len() <= RING
            && self.slow.len() <= SLOW_DAYS
            && self.usual.modules.len() <= MODULES
            && today.modules.len() <= MODULES
            && self.usual.exports.len() <= RING
            && self.usual.breadths.len() <= RING
            && self.usual.long.len() <= RING
            && numbers
                .into_iter()
                .all(|number| number.is_finite() && *number >= 0.0)
            && self.bytes() <= Self::BOUND
    }
}

/// Keeps the newest few.
pub(crate) fn push_ring(ring: &mut VecDeque<f32>, value: f32, most: usize) {
    while ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(value);
}

/// A name cut to 64 bytes at a border of characters.
pub(crate) fn cut(name: &str) -> String {
    let mut end = name.len().min(64);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default().to_owned()
}

fn second_of(at: i64) -> u32 {
    u32::try_from(at.max(0) / 1_000).unwrap_or(u32::MAX)
}
