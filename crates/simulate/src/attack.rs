//! Attacks with their labels: sixteen kinds, seven for tuning and nine held back for reporting.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::day::{Diary, Firm, Seat, is_rest, moment};
use crate::dice::Dice;
use crate::event::Event;
use crate::people::{Job, Person};

/// What an attack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttackKind {
    /// A stolen session opens one customer after another, one to three a second. Tuning.
    FastScrape,
    /// A stolen password at night from a strange network. Tuning.
    NightTheft,
    /// A member of staff exports everything. Tuning.
    BulkExport,
    /// Who resigns takes own and colleagues' customers along, over three evenings. Tuning.
    ResignationHarvest,
    /// Fifteen to forty strangers' customers a day for ten working days. Tuning. Slow.
    SlowScrape,
    /// Walks through customer numbers; many do not exist. Tuning.
    IdWalk,
    /// Exports the customers of colleagues. Tuning.
    ColleagueExport,
    /// Pages through lists of customers. Held back.
    ListScrape,
    /// Reads the chat archive out of role. Held back.
    ChatArchive,
    /// The token of a service account used from elsewhere, for other modules. Held back.
    TokenDrift,
    /// Customers are moved or tagged in masses before a resignation. Held back.
    MassReassign,
    /// A session goes on in two places at once. Held back.
    SessionHijack,
    /// An account that slept for weeks wakes up and reads. Held back.
    DormantAccount,
    /// Eight to fifteen customers of colleagues a day for twenty working days. Held back. Slow.
    PatientScrape,
    /// Counts and describes what there is, then exports it. Held back.
    CountThenExport,
    /// A program that opens a customer every ninety seconds, day and night. Held back. Slow.
    RobotAllDay,
}

impl AttackKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::FastScrape,
        Self::NightTheft,
        Self::BulkExport,
        Self::ResignationHarvest,
        Self::SlowScrape,
        Self::IdWalk,
        Self::ColleagueExport,
        Self::ListScrape,
        Self::ChatArchive,
        Self::TokenDrift,
        Self::MassReassign,
        Self::SessionHijack,
        Self::DormantAccount,
        Self::PatientScrape,
        Self::CountThenExport,
        Self::RobotAllDay,
    ];

    /// Its name on the command line and in labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FastScrape => "fast-scrape",
            Self::NightTheft => "night-theft",
            Self::BulkExport => "bulk-export",
            Self::ResignationHarvest => "resignation-harvest",
            Self::SlowScrape => "slow-scrape",
            Self::IdWalk => "id-walk",
            Self::ColleagueExport => "colleague-export",
            Self::ListScrape => "list-scrape",
            Self::ChatArchive => "chat-archive",
            Self::TokenDrift => "token-drift",
            Self::MassReassign => "mass-reassign",
            Self::SessionHijack => "session-hijack",
            Self::DormantAccount => "dormant-account",
            Self::PatientScrape => "patient-scrape",
            Self::CountThenExport => "count-then-export",
            Self::RobotAllDay => "robot-all-day",
        }
    }

    /// Whether numbers of the engine may be chosen by looking at this kind. The others are for reporting alone.
    pub const fn is_for_tuning(self) -> bool {
        (self as u8) <= Self::ColleagueExport as u8
    }

    /// Whether it takes days on purpose.
    pub const fn is_slow(self) -> bool {
        matches!(
            self,
            Self::SlowScrape | Self::PatientScrape | Self::RobotAllDay | Self::ResignationHarvest
        )
    }
}

/// The truth about one attack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Counts up through the year.
    pub attack: u32,
    /// What it is.
    pub kind: AttackKind,
    /// The account that was used.
    pub actor: String,
    /// Time of its first event, milliseconds since 1970 UTC.
    pub from: i64,
    /// Time of its last event.
    pub to: i64,
    /// Its events.
    pub events: Vec<u64>,
}

/// An attack that will be carried out.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u32,
    pub(crate) kind: AttackKind,
    pub(crate) victim: usize,
    pub(crate) day: i32,
    strength: f64,
}

/// Draws the attacks of a year: each kind so many times, after the days in which the engine learns.
pub(crate) fn plan(
    firm: &Firm<'_>,
    kinds: &[AttackKind],
    each: usize,
    quiet_days: i32,
    days: i32,
) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for (at, kind) in kinds.iter().enumerate() {
        for round in 0..each {
            let mut dice = Dice::new(firm.seed, &[5, *kind as u64, round as u64]);
            let room = (days - quiet_days - kind.days()).max(1) as usize;
            // Some tries: somebody of a fitting job who is there, and whom no other attack uses.
            for _ in 0..200 {
                let mut day = quiet_days + dice.below(room) as i32;
                while is_rest(day) && *kind != AttackKind::TokenDrift {
                    day += 1;
                }
                let victim = dice.below(firm.people.len());
                let free = plans.iter().all(|other| other.victim != victim);
                if free
                    && firm
                        .people
                        .get(victim)
                        .is_some_and(|person| kind.fits(person, day))
                {
                    let number = (at * each + round) as u32;
                    plans.push(Plan {
                        number,
                        kind: *kind,
                        victim,
                        day,
                        strength: dice.lognormal(1.0, 0.35),
                    });
                    break;
                }
            }
        }
    }
    plans
}

impl AttackKind {
    /// Days from the first event to the last.
    const fn days(self) -> i32 {
        match self {
            Self::SlowScrape => 14,
            Self::PatientScrape => 28,
            Self::ResignationHarvest | Self::RobotAllDay => 3,
            Self::CountThenExport => 2,
            _ => 1,
        }
    }

    fn fits(self, person: &Person, day: i32) -> bool {
        let job = person.job_on(day);
        let there =
            (day..day + self.days()).all(|day| person.is_here(day)) && person.starts + 10 < day;
        match self {
            Self::TokenDrift => job == Job::Sync,
            Self::DormantAccount => {
                // Asleep: on a long leave, or gone.
                person.job != Job::Sync
                    && person.starts + 20 < day
                    && (day - 25..=day).all(|day| !person.is_here(day))
            }
            Self::BulkExport | Self::CountThenExport => {
                there && matches!(job, Job::Sales | Job::Service | Job::Manager)
            }
            Self::ColleagueExport
            | Self::ResignationHarvest
            | Self::PatientScrape
            | Self::MassReassign => there && job == Job::Sales,
            Self::ChatArchive => {
                there
                    && matches!(
                        job,
                        Job::Marketing | Job::Finance | Job::Operations | Job::Sales
                    )
            }
            _ => {
                there
                    && matches!(
                        job,
                        Job::Sales | Job::Service | Job::Manager | Job::Finance | Job::Marketing
                    )
            }
        }
    }
}

impl Plan {
    /// Whether the attack is at work on this day.
    pub(crate) fn covers(&self, day: i32) -> bool {
        (self.day..self.day + self.kind.days()).contains(&day)
    }

    /// Carries out what belongs to one day.
    pub(crate) fn act(&self, firm: &Firm<'_>, day: i32, events: &mut Vec<Event>) {
        let Some(person) = firm.people.get(self.victim) else {
            return;
        };
        let mut dice = Dice::new(
            firm.seed,
            &[6, u64::from(self.number), self.kind as u64, day as u64],
        );
        let own = Seat {
            ip: person.desk,
            device: person.laptop_on(day),
            session: dice.next() | 1,
            rtt_ms: 3,
            region: "Zhejiang",
        };
        let strange = Seat {
            ip: Ipv4Addr::new(
                45,
                dice.below(250) as u8,
                dice.below(250) as u8,
                dice.below(250) as u8,
            ),
            device: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0".to_owned(),
            session: dice.next() | 1,
            rtt_ms: 120 + dice.below(150) as u32,
            region: "Elsewhere",
        };
        let role = person.job_on(day).role();
        let all = firm.owners.len();
        let mut diary = Diary {
            events,
            name: &person.name,
            role,
            seat: own,
            owners: firm.owners,
            me: self.victim as u32,
        };
        let scaled = |amount: f64| (amount * self.strength).max(3.0) as usize;
        let noon = dice.between(9.5, 16.0);
        match self.kind {
            AttackKind::FastScrape => {
                // A stolen session: no log-in, the same network half of the time.
                if dice.chance(0.5) {
                    diary.seat = strange;
                }
                walk(
                    &mut diary,
                    &mut dice,
                    moment(day, noon),
                    scaled(600.0),
                    0.3,
                    1.0,
                    "customers",
                );
            }
            AttackKind::NightTheft => {
                diary.seat = strange;
                let at = moment(day, dice.between(0.5, 5.0));
                if dice.chance(0.5) {
                    diary.log_in(at - 40_000, false);
                }
                diary.log_in(at, true);
                walk(
                    &mut diary,
                    &mut dice,
                    at + 20_000,
                    scaled(250.0),
                    5.0,
                    20.0,
                    "customers",
                );
            }
            AttackKind::BulkExport => {
                let rows = scaled(4_000.0).min(all);
                let list: Vec<u32> = (0..rows as u32).collect();
                diary.touch(moment(day, noon), "exports", &list, |touch| {
                    touch.export = true
                });
            }
            AttackKind::ResignationHarvest => {
                let at = dice.between(18.5, 21.0);
                diary.log_in(moment(day, at), true);
                walk(
                    &mut diary,
                    &mut dice,
                    moment(day, at) + 30_000,
                    scaled(70.0),
                    10.0,
                    40.0,
                    "customers",
                );
                let book: Vec<u32> = person.book.iter().take(scaled(120.0)).copied().collect();
                for step in 0..book.len() / 20 {
                    let page = book.get(step * 20..step * 20 + 20).unwrap_or_default();
                    diary.touch(
                        moment(day, at + 1.0) + step as i64 * 8_000,
                        "customers",
                        page,
                        |_| {},
                    );
                }
            }
            AttackKind::SlowScrape => {
                if !is_rest(day) {
                    trickle(&mut diary, &mut dice, day, scaled(26.0).clamp(15, 60));
                }
            }
            AttackKind::IdWalk => {
                let start = dice.below(all);
                let mut time = moment(day, noon);
                for step in 0..scaled(300.0) {
                    time += (dice.between(0.5, 3.0) * 1_000.0) as i64;
                    if dice.chance(0.4) {
                        diary.touch(time, "customers", &[], |touch| touch.failed = true);
                    } else {
                        diary.open(time, "customers", ((start + step) % all) as u32);
                    }
                }
            }
            AttackKind::ColleagueExport => {
                let from = dice.below(all);
                let list: Vec<u32> = (from..from + scaled(900.0))
                    .map(|customer| (customer % all) as u32)
                    .collect();
                diary.touch(moment(day, noon), "exports", &list, |touch| {
                    touch.export = true
                });
            }
            AttackKind::ListScrape => {
                if dice.chance(0.5) {
                    diary.seat = strange;
                    diary.log_in(moment(day, noon) - 60_000, true);
                }
                let start = dice.below(all);
                let mut time = moment(day, noon);
                for step in 0..scaled(60.0) {
                    time += (dice.between(2.0, 9.0) * 1_000.0) as i64;
                    let from = start + step * 20;
                    let page: Vec<u32> = (from..from + 20)
                        .map(|customer| (customer % all) as u32)
                        .collect();
                    diary.touch(time, "customers", &page, |_| {});
                }
            }
            AttackKind::ChatArchive => {
                walk(
                    &mut diary,
                    &mut dice,
                    moment(day, noon),
                    scaled(90.0),
                    8.0,
                    40.0,
                    "chats",
                );
            }
            AttackKind::TokenDrift => {
                diary.seat = Seat {
                    session: 0,
                    device: "python-requests/2.32".to_owned(),
                    ..strange
                };
                let start = dice.below(all);
                let mut time = moment(day, dice.between(0.0, 23.0));
                for step in 0..scaled(40.0) {
                    time += (dice.between(3.0, 30.0) * 1_000.0) as i64;
                    let from = start + step * 50;
                    let page: Vec<u32> = (from..from + 50)
                        .map(|customer| (customer % all) as u32)
                        .collect();
                    diary.touch(time, "customers", &page, |_| {});
                }
            }
            AttackKind::MassReassign => {
                let mut time = moment(day, noon);
                for step in 0..scaled(150.0) {
                    time += (dice.between(2.0, 12.0) * 1_000.0) as i64;
                    let customer = person.book.get(step % person.book.len().max(1)).copied();
                    diary.touch(time, "customers", customer.as_slice(), |touch| {
                        touch.write = true
                    });
                }
            }
            AttackKind::SessionHijack => {
                let session = diary.seat.session;
                diary.log_in(moment(day, noon) - 1_800_000, true);
                for step in 0..5 {
                    if let Some(customer) = dice.pick(&person.book) {
                        diary.open(
                            moment(day, noon) - 1_500_000 + step * 200_000,
                            "customers",
                            customer,
                        );
                    }
                }
                diary.seat = Seat { session, ..strange };
                walk(
                    &mut diary,
                    &mut dice,
                    moment(day, noon),
                    scaled(70.0),
                    10.0,
                    45.0,
                    "customers",
                );
            }
            AttackKind::DormantAccount => {
                diary.seat = strange;
                diary.log_in(moment(day, noon), true);
                walk(
                    &mut diary,
                    &mut dice,
                    moment(day, noon) + 30_000,
                    scaled(120.0),
                    6.0,
                    40.0,
                    "customers",
                );
            }
            AttackKind::PatientScrape => {
                if !is_rest(day) {
                    trickle(&mut diary, &mut dice, day, scaled(11.0).clamp(8, 20));
                }
            }
            AttackKind::CountThenExport => {
                if day == self.day {
                    for step in 0..scaled(40.0) {
                        let rows = dice.lognormal(2_000.0, 1.0) as u64;
                        diary.touch(
                            moment(day, noon) + step as i64 * 25_000,
                            "customers",
                            &[],
                            |touch| {
                                touch.search = true;
                                touch.rows = rows;
                            },
                        );
                    }
                } else {
                    let from = dice.below(all);
                    let list: Vec<u32> = (from..from + scaled(1_500.0))
                        .map(|customer| (customer % all) as u32)
                        .collect();
                    diary.touch(moment(day, noon), "exports", &list, |touch| {
                        touch.export = true
                    });
                }
            }
            AttackKind::RobotAllDay => {
                let mut time = moment(day, if day == self.day { noon } else { 0.0 });
                let end = moment(day + 1, 0.0);
                while time < end {
                    diary.open(time, "customers", dice.below(all) as u32);
                    time += 90_000 + (dice.normal() * 2_000.0) as i64;
                }
            }
        }
    }
}

/// Opens strangers' customers one by one.
fn walk(
    diary: &mut Diary<'_>,
    dice: &mut Dice,
    from: i64,
    count: usize,
    least: f64,
    most: f64,
    module: &str,
) {
    let all = diary.owners.len();
    let start = dice.below(all);
    let mut time = from;
    for step in 0..count {
        time += (dice.between(least, most) * 1_000.0) as i64;
        diary.open(time, module, ((start + step * 3) % all.max(1)) as u32);
    }
}

/// A few strangers' customers between ordinary work.
fn trickle(diary: &mut Diary<'_>, dice: &mut Dice, day: i32, count: usize) {
    let all = diary.owners.len();
    for _ in 0..count {
        let time = moment(day, dice.between(9.2, 18.0));
        diary.open(time, "customers", dice.below(all) as u32);
    }
}
