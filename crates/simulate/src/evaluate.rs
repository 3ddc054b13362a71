//! How well the engine finds the labelled attacks when only so many alerts a day may be raised.

use std::collections::{BTreeMap, HashMap, HashSet};

use hudun_behaviour::{Allowance, Band, Engine, ScoreKind, Settings, SettingsError};
use serde::Serialize;

use crate::attack::Label;
use crate::event::{Deed, Event, Token};
use crate::year::Scenario;

/// Alerts a day for each 1,000 staff at which recall is reported.
pub const BUDGETS: [f64; 3] = [1.0, 5.0, 20.0];
/// Scores below this are never alerts.
const FLOOR: f64 = -7.5;
/// A record is kept when the score of the day rises by this much.
const STEP: f64 = 0.2;
const DAY: i64 = 86_400_000;
/// From UTC to the simulated firm's clock.
const OFFSET: i64 = 8 * 3_600_000;

/// Settings of the engine for the simulated firm.
pub fn settings() -> Settings {
    let machine = |at: usize| Allowance {
        actor: format!("sync-{at}"),
        modules: vec!["orders".to_owned()],
        networks: vec!["10.90.".to_owned()],
        rows_a_day: 20_000,
        reason: "nightly import and exchange of orders".to_owned(),
    };
    Settings {
        allow: (0..3).map(machine).collect(),
        ..Settings::default()
    }
}

/// Reads events in order and remembers what the engine thought of them.
#[derive(Debug)]
pub struct Examiner {
    engine: Engine,
    scenario: Scenario,
    begin: Option<i64>,
    last_day: i64,
    events: u64,
    /// For each actor and local day, how the highest score of the day rose.
    records: HashMap<(String, i64), Vec<Record>>,
    step_ups: HashSet<(String, i64)>,
    room: Vec<[u8; 16]>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    at: i64,
    points: f64,
}

/// What came out, all of it on synthetic data.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always true: the people, their work and the attacks are made by a program.
    pub synthetic: bool,
    /// `tuning` when a seed or kind that numbers were chosen on takes part, else `held-back`.
    pub split: &'static str,
    /// Scenarios that were put together.
    pub scenarios: Vec<Scenario>,
    /// Events read.
    pub events: u64,
    /// Days counted, all scenarios together.
    pub days: u64,
    /// Person-days counted, service accounts included.
    pub staff_days: f64,
    /// Attacks.
    pub attacks: usize,
    /// At each budget.
    pub budgets: Vec<AtBudget>,
    /// With the engine's own bands.
    pub bands: AtBands,
}

/// Recall and delay at one budget.
#[derive(Clone, Debug, Serialize)]
pub struct AtBudget {
    /// Alerts a day for each 1,000 staff.
    pub alerts_a_day_per_1000: f64,
    /// The log-odds from which on an alert is raised.
    pub threshold: f64,
    /// False alerts a day for each 1,000 staff that were really raised.
    pub false_alerts_a_day_per_1000: f64,
    /// All attacks together.
    pub all: Found,
    /// Kind by kind.
    pub kinds: BTreeMap<&'static str, Found>,
}

/// With the bands of the settings.
#[derive(Clone, Debug, Serialize)]
pub struct AtBands {
    /// Actor-days with a high score outside attacks, a day for each 1,000 staff.
    pub false_high_a_day_per_1000: f64,
    /// Actor-days with a fresh log-in asked for outside attacks, a day for each 1,000 staff.
    pub step_ups_a_day_per_1000: f64,
    /// Found by a high score.
    pub high: Found,
    /// Found by at least a middle score: the account is asked to log in again.
    pub middle: Found,
}

/// How many were found, when, and what was gone by then.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Found {
    /// Attacks.
    pub attacks: usize,
    /// Of them found before their last event.
    pub found: usize,
    /// Share found.
    pub recall: f64,
    /// Median seconds from the first event to the alert, of those found.
    pub seconds_p50: Option<f64>,
    /// The same, 90th percentile.
    pub seconds_p90: Option<f64>,
    /// Median of customers whose data had left with the attack's events up to and with the alert.
    pub customers_lost_p50: Option<f64>,
    /// The same, 90th percentile.
    pub customers_lost_p90: Option<f64>,
}

/// One attack with what is needed to judge its finding.
#[derive(Clone, Debug)]
struct Case {
    label: Label,
    rises: Vec<Record>,
    /// Time and customers lost up to then.
    losses: Vec<(i64, u32)>,
}

/// What one scenario came to, before thresholds are known.
#[derive(Clone, Debug)]
pub struct Outcome {
    scenario: Scenario,
    events: u64,
    days: u64,
    staff_days: f64,
    cases: Vec<Case>,
    /// Highest score of each ordinary actor-day.
    ordinary: Vec<f64>,
    step_ups: u64,
    bands: (f64, f64),
}

impl Examiner {
    /// An engine that has seen nothing yet.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn new(scenario: Scenario, settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            engine: Engine::new(settings, vec!["sales".to_owned()])?,
            scenario,
            begin: None,
            last_day: 0,
            events: 0,
            records: HashMap::new(),
            step_ups: HashSet::new(),
            room: Vec::new(),
        })
    }

    /// Shows one event to the engine. Whoever is `honest` passes the fresh log-in when one is asked for; a thief does
    /// not, and that log-in stays unlearnt.
    pub fn show(&mut self, event: &Event, honest: bool) {
        let day = (event.time + OFFSET).div_euclid(DAY);
        let begin = *self.begin.get_or_insert(day);
        self.last_day = day;
        self.events += 1;
        let score = self.engine.observe(&event.observe(&mut self.room));
        if score.kind == ScoreKind::Login && score.band >= Band::Middle && honest {
            self.engine
                .confirm_logins(crate::event::TENANT, &event.actor);
        }
        if day - begin < i64::from(self.scenario.quiet_days) {
            return;
        }
        if score.band >= Band::Middle {
            self.step_ups.insert((event.actor.clone(), day));
        }
        if score.kind == ScoreKind::Operation && score.points > FLOOR {
            let rises = self.records.entry((event.actor.clone(), day)).or_default();
            if rises
                .last()
                .is_none_or(|last| score.points > last.points + STEP)
            {
                rises.push(Record {
                    at: event.time,
                    points: score.points,
                });
            }
        }
    }

    /// The engine, for a closer look.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Puts what was seen beside the truth. `losses` holds, for each attack, when how many customers were gone.
    pub fn finish(self, labels: &[Label], losses: &Losses, settings: &Settings) -> Outcome {
        let mut cases: Vec<Case> = labels
            .iter()
            .map(|label| Case {
                label: label.clone(),
                rises: Vec::new(),
                losses: losses.0.get(&label.attack).cloned().unwrap_or_default(),
            })
            .collect();
        let of_actor: HashMap<&str, usize> = labels
            .iter()
            .enumerate()
            .map(|(at, label)| (label.actor.as_str(), at))
            .collect();
        let local = |time: i64| (time + OFFSET).div_euclid(DAY);
        let mut ordinary = Vec::new();
        for ((actor, day), rises) in &self.records {
            let case = of_actor
                .get(actor.as_str())
                .and_then(|at| cases.get_mut(*at));
            match case {
                Some(case) if *day >= local(case.label.from) => case.rises.extend(rises),
                // Before the attack the account is ordinary.
                _ => ordinary.extend(rises.last().map(|last| last.points)),
            }
        }
        let step_ups = self.step_ups.iter().filter(|(actor, day)| {
            of_actor
                .get(actor.as_str())
                .and_then(|at| labels.get(*at))
                .is_none_or(|label| *day < local(label.from))
        });
        let days = (self.last_day - self.begin.unwrap_or(self.last_day) + 1
            - i64::from(self.scenario.quiet_days))
        .max(1) as u64;
        for case in &mut cases {
            case.rises.sort_by_key(|rise| rise.at);
        }
        Outcome {
            events: self.events,
            days,
            staff_days: days as f64 * f64::from(self.scenario.staff),
            cases,
            ordinary,
            step_ups: step_ups.count() as u64,
            bands: (settings.middle, settings.high),
            scenario: self.scenario,
        }
    }
}

/// How many customers had left with each attack, and when.
#[derive(Clone, Debug, Default)]
pub struct Losses(HashMap<u32, Vec<(i64, u32)>>);

/// Collects [`Losses`] from the attack's own events.
#[derive(Debug, Default)]
pub struct Counter {
    gone: HashMap<u32, HashSet<Token>>,
    losses: Losses,
}

impl Counter {
    /// Counts an event of an attack.
    pub fn note(&mut self, attack: u32, event: &Event) {
        let Deed::Access(touch) = &event.deed else {
            return;
        };
        let gone = self.gone.entry(attack).or_default();
        gone.extend(&touch.subjects);
        let count = gone.len() as u32;
        self.losses
            .0
            .entry(attack)
            .or_default()
            .push((event.time, count));
    }

    /// What was counted.
    pub fn finish(self) -> Losses {
        self.losses
    }
}

/// Puts outcomes together and reports.
pub fn report(outcomes: &[Outcome]) -> Report {
    let staff_days: f64 = outcomes.iter().map(|outcome| outcome.staff_days).sum();
    let cases: Vec<&Case> = outcomes.iter().flat_map(|outcome| &outcome.cases).collect();
    let mut ordinary: Vec<f64> = outcomes
        .iter()
        .flat_map(|outcome| outcome.ordinary.iter().copied())
        .collect();
    ordinary.sort_by(|one, other| other.total_cmp(one));
    let above = |threshold: f64| {
        ordinary
            .iter()
            .take_while(|points| **points >= threshold)
            .count() as f64
    };
    let rate = |count: f64| count / staff_days * 1_000.0;
    let budgets = BUDGETS.into_iter().map(|budget| {
        // The budget pays for false alerts and for one alert about each attack.
        let room = (budget / 1_000.0 * staff_days) as usize;
        let room = room.saturating_sub(cases.len());
        let threshold = ordinary
            .get(room)
            .map_or(FLOOR, |first_refused| first_refused + 1e-9);
        let mut kinds: BTreeMap<&'static str, Vec<&Case>> = BTreeMap::new();
        for case in &cases {
            kinds.entry(case.label.kind.name()).or_default().push(case);
        }
        AtBudget {
            alerts_a_day_per_1000: budget,
            threshold,
            false_alerts_a_day_per_1000: rate(above(threshold)),
            all: found(&cases, threshold),
            kinds: kinds
                .into_iter()
                .map(|(kind, cases)| (kind, found(&cases, threshold)))
                .collect(),
        }
    });
    let (middle, high) = outcomes.first().map_or((0.0, 0.0), |outcome| outcome.bands);
    let step_ups: u64 = outcomes.iter().map(|outcome| outcome.step_ups).sum();
    let held_back = outcomes.iter().all(|outcome| {
        !is_for_tuning(outcome.scenario.seed)
            && outcome
                .scenario
                .attacks
                .iter()
                .all(|kind| !kind.is_for_tuning())
    });
    Report {
        synthetic: true,
        split: if held_back { "held-back" } else { "tuning" },
        scenarios: outcomes
            .iter()
            .map(|outcome| outcome.scenario.clone())
            .collect(),
        events: outcomes.iter().map(|outcome| outcome.events).sum(),
        days: outcomes.iter().map(|outcome| outcome.days).sum(),
        staff_days,
        attacks: cases.len(),
        budgets: budgets.collect(),
        bands: AtBands {
            false_high_a_day_per_1000: rate(above(high)),
            step_ups_a_day_per_1000: rate(step_ups as f64),
            high: found(&cases, high),
            middle: found(&cases, middle),
        },
    }
}

/// Seeds below 1,000 were used while the engine was built; from 1,000 on they are for reporting alone.
pub const fn is_for_tuning(seed: u64) -> bool {
    seed < 1_000
}

fn found(cases: &[&Case], threshold: f64) -> Found {
    let mut seconds = Vec::new();
    let mut lost = Vec::new();
    for case in cases {
        let alert = case.rises.iter().find(|rise| {
            rise.points >= threshold && (case.label.from..=case.label.to).contains(&rise.at)
        });
        if let Some(alert) = alert {
            seconds.push((alert.at - case.label.from) as f64 / 1e3);
            let gone = case
                .losses
                .iter()
                .take_while(|(at, _)| *at <= alert.at)
                .last();
            lost.push(gone.map_or(0.0, |(_, count)| f64::from(*count)));
        }
    }
    let at = |values: &mut Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        let place = (share * values.len() as f64).ceil() as usize;
        values.get(place.saturating_sub(1)).copied()
    };
    Found {
        attacks: cases.len(),
        found: seconds.len(),
        recall: if cases.is_empty() {
            0.0
        } else {
            seconds.len() as f64 / cases.len() as f64
        },
        seconds_p50: at(&mut seconds, 0.5),
        seconds_p90: at(&mut seconds, 0.9),
        customers_lost_p50: at(&mut lost, 0.5),
        customers_lost_p90: at(&mut lost, 0.9),
    }
}
