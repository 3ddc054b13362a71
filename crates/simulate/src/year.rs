//! A year, day by day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attack::{AttackKind, Label, Plan, plan};
use crate::day::{Firm, live};
use crate::event::Event;
use crate::people::{Person, hire};

/// What is simulated. The same settings give the same events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Makes everything.
    pub seed: u64,
    /// Days, from Monday 2026-01-05 on.
    pub days: u32,
    /// People, service accounts aside.
    pub staff: u32,
    /// Kinds of attack.
    pub attacks: Vec<AttackKind>,
    /// Attacks of each kind.
    pub each: u32,
    /// Days without attacks at the beginning, in which the engine learns and nothing is counted.
    pub quiet_days: u32,
}

impl Scenario {
    /// Checks the bounds.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let wrong = |field, problem| Err(ScenarioError { field, problem });
        if !(20..=20_000).contains(&self.staff) {
            return wrong("staff", "from 20 to 20,000");
        }
        if !(10..=3_650).contains(&self.days) {
            return wrong("days", "from 10 to 3,650");
        }
        if self.quiet_days + 5 > self.days {
            return wrong("quiet days", "leave at least 5 days for attacks");
        }
        if self.each > 1_000 {
            return wrong("each", "at most 1,000 attacks of a kind");
        }
        Ok(())
    }
}

/// A scenario that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ScenarioError {
    field: &'static str,
    problem: &'static str,
}

/// A year under way: [`Year::next_day`] gives the events of one day after the other, in order of time.
#[derive(Debug)]
pub struct Year {
    scenario: Scenario,
    people: Vec<Person>,
    owners: Vec<u32>,
    plans: Vec<Plan>,
    labels: BTreeMap<u32, Label>,
    day: i32,
    uid: u64,
    /// Events past midnight, which belong to the next day's order.
    late: Vec<(Option<u32>, Event)>,
}

impl Year {
    /// Begins a year.
    ///
    /// # Errors
    /// The setting that can't be used.
    pub fn begin(scenario: Scenario) -> Result<Self, ScenarioError> {
        scenario.check()?;
        let days = scenario.days as i32;
        let (people, owners) = hire(scenario.seed, scenario.staff as usize, days);
        let firm = Firm {
            seed: scenario.seed,
            people: &people,
            owners: &owners,
        };
        let plans = plan(
            &firm,
            &scenario.attacks,
            scenario.each as usize,
            scenario.quiet_days as i32,
            days,
        );
        Ok(Self {
            scenario,
            people,
            owners,
            plans,
            labels: BTreeMap::new(),
            day: 0,
            uid: 0,
            late: Vec::new(),
        })
    }

    /// Events of the next day; `None` at the end.
    pub fn next_day(&mut self) -> Option<Vec<Event>> {
        if self.day >= self.scenario.days as i32 {
            return None;
        }
        let day = self.day;
        self.day += 1;
        let firm = Firm {
            seed: self.scenario.seed,
            people: &self.people,
            owners: &self.owners,
        };
        let mut marked = std::mem::take(&mut self.late);
        let mut events = Vec::new();
        for me in 0..self.people.len() {
            live(&firm, me, day, &mut events);
        }
        marked.extend(events.drain(..).map(|event| (None, event)));
        for plan in self.plans.iter().filter(|plan| plan.covers(day)) {
            plan.act(&firm, day, &mut events);
            marked.extend(events.drain(..).map(|event| (Some(plan.number), event)));
        }
        let midnight = crate::day::moment(day + 1, 0.0);
        let (mut today, late): (Vec<_>, Vec<_>) = marked
            .into_iter()
            .partition(|(_, event)| event.time < midnight);
        self.late = late;
        today.sort_by_key(|(_, event)| event.time);
        let mut ordered = Vec::with_capacity(today.len());
        for (attack, mut event) in today {
            self.uid += 1;
            event.uid = self.uid;
            if let Some(number) = attack {
                self.note(number, &event);
            }
            ordered.push(event);
        }
        Some(ordered)
    }

    /// The truth about the attacks so far.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.labels.values()
    }

    /// What is simulated.
    pub const fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn note(&mut self, number: u32, event: &Event) {
        let Some(plan) = self.plans.iter().find(|plan| plan.number == number) else {
            return;
        };
        let label = self.labels.entry(number).or_insert_with(|| Label {
            attack: number,
            kind: plan.kind,
            actor: event.actor.clone(),
            from: event.time,
            to: event.time,
            events: Vec::new(),
        });
        label.to = event.time;
        label.events.push(event.uid);
    }
}
