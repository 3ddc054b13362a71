//! An ordinary day of one account, with what makes honest people look odd: sales days, trips, new laptops, covering for
//! a colleague, taking over a leaver's customers, evenings before a deadline, exports at the end of a quarter.

use std::net::Ipv4Addr;

use crate::dice::Dice;
use crate::event::{Deed, Event, Token, Touch};
use crate::people::{Job, Person};

/// Local midnight of 2026-01-05, a Monday, in China: milliseconds since 1970 UTC.
const FIRST_MIDNIGHT: i64 = 20_458 * 86_400_000 - 8 * 3_600_000;
/// Kinds of personal data by module, as the product numbers its kinds.
const KINDS: [(&str, u32); 8] = [
    ("customers", 1 | 1 << 1 | 1 << 8 | 1 << 19),
    ("orders", 1 | 1 << 1 | 1 << 3 | 1 << 16),
    ("chats", 1 | 1 << 17),
    ("tickets", 1 | 1 << 1),
    ("campaigns", 1 | 1 << 9),
    ("exports", 1 | 1 << 1 | 1 << 3),
    ("finance", 1 | 1 << 6 | 1 << 16),
    ("admin", 1),
];

pub(crate) fn kinds_of(module: &str) -> u32 {
    KINDS
        .iter()
        .find(|(name, _)| *name == module)
        .map_or(0, |(_, kinds)| *kinds)
}

/// Milliseconds since 1970 UTC of an hour (with its fraction) of a day.
pub(crate) fn moment(day: i32, hour: f64) -> i64 {
    FIRST_MIDNIGHT + i64::from(day) * 86_400_000 + (hour * 3_600_000.0) as i64
}

/// Saturday or Sunday.
pub(crate) const fn is_rest(day: i32) -> bool {
    day.rem_euclid(7) >= 5
}

/// How much there is to do for everybody.
pub(crate) fn season(seed: u64, day: i32) -> f64 {
    let year = 1.0 + 0.18 * (f64::from(day) / 365.0 * std::f64::consts::TAU + 1.0).sin();
    let week = [1.15, 1.05, 1.0, 1.0, 0.9, 0.55, 0.5];
    let week = week.get(day.rem_euclid(7) as usize).copied().unwrap_or(1.0);
    let mut dice = Dice::new(seed, &[2, day as u64]);
    // A sales day about every three weeks, and the two that everybody knows.
    let sale = if matches!(day, 164 | 310) {
        3.0
    } else if dice.chance(0.05) {
        dice.between(1.7, 2.6)
    } else {
        1.0
    };
    year * week * sale
}

/// Where somebody sits at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) ip: Ipv4Addr,
    pub(crate) device: String,
    pub(crate) session: u64,
    pub(crate) rtt_ms: u32,
    pub(crate) region: &'static str,
}

/// Writes a day's events down.
pub(crate) struct Diary<'a> {
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) name: &'a str,
    pub(crate) role: &'a str,
    pub(crate) seat: Seat,
    pub(crate) owners: &'a [u32],
    /// The person's number, whose customers are no colleague's.
    pub(crate) me: u32,
}

impl Diary<'_> {
    pub(crate) fn log_in(&mut self, time: i64, success: bool) {
        let deed = Deed::Login {
            success,
            rtt_ms: self.seat.rtt_ms,
            region: self.seat.region.to_owned(),
        };
        self.push(time, deed);
    }

    pub(crate) fn open(&mut self, time: i64, module: &str, customer: u32) {
        self.touch(time, module, &[customer], |_| {});
    }

    pub(crate) fn touch(
        &mut self,
        time: i64,
        module: &str,
        customers: &[u32],
        more: impl FnOnce(&mut Touch),
    ) {
        let foreign = customers
            .iter()
            .filter(|customer| self.owners.get(**customer as usize) != Some(&self.me))
            .count();
        let mut touch = Touch {
            module: module.to_owned(),
            subjects: customers
                .iter()
                .map(|customer| Token::of(*customer))
                .collect(),
            kinds: if customers.is_empty() {
                0
            } else {
                kinds_of(module)
            },
            rows: customers.len() as u64,
            foreign_rows: foreign as u64,
            ..Touch::default()
        };
        more(&mut touch);
        self.push(time, Deed::Access(touch));
    }

    fn push(&mut self, time: i64, deed: Deed) {
        self.events.push(Event {
            uid: 0,
            time,
            actor: self.name.to_owned(),
            role: self.role.to_owned(),
            ip: self.seat.ip,
            device: self.seat.device.clone(),
            session: self.seat.session,
            deed,
        });
    }
}

/// Everybody, as one day needs them.
pub(crate) struct Firm<'a> {
    pub(crate) seed: u64,
    pub(crate) people: &'a [Person],
    pub(crate) owners: &'a [u32],
}

/// The ordinary day of one account.
pub(crate) fn live(firm: &Firm<'_>, me: usize, day: i32, events: &mut Vec<Event>) {
    let Some(person) = firm.people.get(me) else {
        return;
    };
    if person.job == Job::Sync {
        synchronise(firm, person, me, day, events);
        return;
    }
    if !person.is_here(day) {
        return;
    }
    let job = person.job_on(day);
    let mut dice = Dice::new(firm.seed, &[3, me as u64, day as u64]);
    let on_duty = match job {
        Job::Service => dice.chance(if is_rest(day) { 0.5 } else { 0.85 }),
        Job::Sales => dice.chance(if is_rest(day) { 0.15 } else { 0.96 }),
        _ => dice.chance(if is_rest(day) { 0.04 } else { 0.96 }),
    };
    if !on_duty {
        return;
    }
    let season = match job {
        Job::Sales | Job::Service | Job::Marketing | Job::Manager => season(firm.seed, day),
        _ => season(firm.seed, day).sqrt(),
    };
    // Who is new looks at much that he has not seen; who lately took customers over as well.
    let fresh = if (0..12).contains(&(day - person.starts)) && person.starts > 0 {
        1.4
    } else {
        1.0
    };
    let mood = dice.lognormal(1.0, 0.3);
    let amount = dice.poisson(person.busy * season * mood * fresh);
    let seat = sit(person, day, &mut dice);
    let role = job.role();
    let mut diary = Diary {
        events,
        name: &person.name,
        role,
        seat,
        owners: firm.owners,
        me: me as u32,
    };
    let begin = person.begin + dice.between(-0.3, 0.5);
    let end = (person.end
        + dice.between(-0.5, 0.8)
        + if season > 1.6 {
            dice.between(0.0, 2.0)
        } else {
            0.0
        })
    .min(23.5);
    if dice.chance(0.04) {
        diary.log_in(moment(day, begin - 0.01), false);
    }
    diary.log_in(moment(day, begin), true);

    let mut hours = working_hours(amount, begin, end, &mut dice);
    // An hour of calls: one customer after another.
    if matches!(job, Job::Sales | Job::Service) && dice.chance(0.25) {
        let mut at = dice.between(begin + 0.5, end - 1.0);
        for _ in 0..8 + dice.below(18) {
            at += dice.pause(75.0) / 3_600.0 + 0.005;
            hours.push(at);
        }
    }
    hours.sort_by(f64::total_cmp);
    let mut page = 0;
    for hour in hours {
        let time = moment(day, hour);
        work(
            firm, person, me, job, day, time, &mut page, &mut dice, &mut diary,
        );
    }
    rare(person, job, day, begin, end, &mut dice, &mut diary);
    if dice.chance(person.evenings) {
        let at = dice.between(20.0, 22.8);
        diary.seat = phone(person, day, &mut dice);
        diary.log_in(moment(day, at), true);
        for step in 0..1 + dice.poisson(4.0) {
            let time = moment(day, at + (step as f64 + 1.0) * dice.between(0.01, 0.04));
            work(
                firm, person, me, job, day, time, &mut page, &mut dice, &mut diary,
            );
        }
    }
}

/// One thing done at work.
#[allow(clippy::too_many_arguments)]
fn work(
    firm: &Firm<'_>,
    person: &Person,
    me: usize,
    job: Job,
    day: i32,
    time: i64,
    page: &mut usize,
    dice: &mut Dice,
    diary: &mut Diary<'_>,
) {
    let all = firm.owners.len();
    match job {
        Job::Sales => {
            let customer = customer_of(firm, person, day, dice);
            let roll = dice.unit();
            if roll < 0.22 {
                let from = *page * 20;
                *page = (*page + 1) % 5;
                let list: Vec<u32> = person.book.iter().skip(from).take(20).copied().collect();
                diary.touch(time, "customers", &list, |_| {});
            } else if roll < 0.34 {
                let hits: Vec<u32> = customer.into_iter().collect();
                let rows = 1 + dice.lognormal(2.0, 1.0) as u64;
                diary.touch(time, "customers", &hits, |touch| {
                    touch.search = true;
                    touch.rows = rows;
                });
            }
            if let Some(customer) = customer {
                let module = ["customers", "customers", "orders", "chats"];
                diary.open(
                    time + 20_000,
                    dice.pick(&module).unwrap_or("customers"),
                    customer,
                );
                if dice.chance(0.3) {
                    diary.touch(time + 90_000, "customers", &[customer], |touch| {
                        touch.write = true
                    });
                }
            }
            if dice.chance(0.004) {
                diary.touch(time, "customers", &[], |touch| touch.failed = true);
            }
        }
        Job::Service => {
            let customer = dice.below(all) as u32;
            if dice.chance(0.3) {
                let queue: Vec<u32> = (0..10).map(|_| dice.below(all) as u32).collect();
                diary.touch(time, "tickets", &queue, |_| {});
            }
            if dice.chance(0.35) {
                diary.touch(time + 3_000, "customers", &[customer], |touch| {
                    touch.search = true
                });
            }
            let module = ["tickets", "customers", "orders", "chats"];
            diary.open(
                time + 15_000,
                dice.pick(&module).unwrap_or("tickets"),
                customer,
            );
            if dice.chance(0.5) {
                diary.touch(time + 120_000, "tickets", &[customer], |touch| {
                    touch.write = true
                });
            }
        }
        Job::Manager => {
            let team: Vec<&Person> = firm
                .people
                .iter()
                .filter(|member| member.job == Job::Sales)
                .skip(me * 7 % 40)
                .take(8)
                .collect();
            let Some(member) = team.get(dice.below(team.len())) else {
                return;
            };
            if dice.chance(0.3) {
                let from = dice.below(3) * 20;
                let list: Vec<u32> = member.book.iter().skip(from).take(20).copied().collect();
                diary.touch(time, "customers", &list, |_| {});
            }
            if let Some(customer) = dice.pick(&member.book) {
                diary.open(
                    time + 10_000,
                    if dice.chance(0.15) {
                        "chats"
                    } else {
                        "customers"
                    },
                    customer,
                );
            }
        }
        Job::Marketing => {
            let list: Vec<u32> = (0..30).map(|_| dice.below(all / 4 + 1) as u32).collect();
            diary.touch(time, "campaigns", &list, |touch| touch.search = true);
            if dice.chance(0.2) {
                diary.touch(time + 60_000, "campaigns", &[], |touch| touch.write = true);
            }
        }
        Job::Operations => {
            let list: Vec<u32> = (0..20).map(|_| dice.below(all) as u32).collect();
            diary.touch(time, "orders", &list, |touch| {
                touch.search = dice.chance(0.4)
            });
        }
        Job::Finance => {
            let module = if dice.chance(0.5) {
                "finance"
            } else {
                "orders"
            };
            diary.open(time, module, dice.below(all) as u32);
        }
        Job::Admin | Job::Sync => {
            diary.touch(time, "admin", &[], |touch| touch.write = dice.chance(0.3))
        }
    }
}

/// Which customer a salesperson turns to: mostly the ones in work, now and then a new one, seldom a colleague's.
fn customer_of(firm: &Firm<'_>, person: &Person, day: i32, dice: &mut Dice) -> Option<u32> {
    if let Some((from, leaver)) = person.takes_over
        && (0..20).contains(&(day - from))
        && dice.chance(0.35)
    {
        return dice.pick(&firm.people.get(leaver)?.book);
    }
    if let Some((_, _, colleague)) = person
        .covers
        .iter()
        .find(|(from, to, _)| (*from..=*to).contains(&day))
        && dice.chance(0.18)
    {
        let book = &firm.people.get(*colleague)?.book;
        return book.get(dice.below(40.min(book.len()))).copied();
    }
    if dice.chance(0.006) {
        return Some(dice.below(firm.owners.len()) as u32);
    }
    let book = &person.book;
    if book.is_empty() {
        return None;
    }
    // The part of the book that is in work moves on by two customers a day.
    let share = dice.unit().powf(1.8);
    let in_work = (book.len() as f64 * 0.35).max(20.0);
    let at = (share * in_work) as usize + (day.max(0) as usize) * 2;
    book.get(at % book.len()).copied()
}

/// What is done once in a while.
fn rare(
    person: &Person,
    job: Job,
    day: i32,
    begin: f64,
    end: f64,
    dice: &mut Dice,
    diary: &mut Diary<'_>,
) {
    let quarter_end = day.rem_euclid(91) > 86;
    let more = if quarter_end { 3.0 } else { 1.0 };
    let (chance, median, spread) = match job {
        Job::Sales => (0.012, 60.0, 0.6),
        Job::Manager => (0.08, 350.0, 0.7),
        Job::Marketing => (0.15, 1_200.0, 0.7),
        Job::Operations => (0.45, 2_500.0, 0.6),
        Job::Finance => (0.18, 700.0, 0.6),
        _ => (0.0, 0.0, 0.0),
    };
    if dice.chance(chance * more) {
        let rows = dice.lognormal(median, spread).min(15_000.0) as usize;
        let owned = diary.owners.len().max(1);
        let list: Vec<u32> = if job == Job::Sales {
            person.book.iter().take(rows).copied().collect()
        } else {
            let from = dice.below(owned);
            (from..from + rows)
                .map(|customer| (customer % owned) as u32)
                .collect()
        };
        let time = moment(day, dice.between(begin + 0.3, end));
        diary.touch(time, "exports", &list, |touch| touch.export = true);
    }
    if job == Job::Marketing && dice.chance(0.12) {
        // A campaign is sent in a few hundred portions.
        let at = dice.between(begin + 0.5, end - 1.0);
        for step in 0..20 + dice.below(60) {
            diary.touch(
                moment(day, at + step as f64 * 0.002 + dice.pause(0.002)),
                "campaigns",
                &[],
                |touch| touch.write = true,
            );
        }
    }
    if job == Job::Manager && dice.chance(0.03) {
        // Customers are moved within the team.
        let from = dice.below(diary.owners.len());
        let at = dice.between(begin + 0.5, end - 0.5);
        for step in 0..5 + dice.below(30) {
            diary.touch(
                moment(day, at + step as f64 * 0.004 + dice.pause(0.008)),
                "customers",
                &[(from + step) as u32],
                |touch| touch.write = true,
            );
        }
    }
}

/// An import at night and an exchange of orders by day, always alike.
fn synchronise(firm: &Firm<'_>, person: &Person, me: usize, day: i32, events: &mut Vec<Event>) {
    let seat = Seat {
        ip: person.desk,
        device: "sync-client/2.4".to_owned(),
        session: 1 + me as u64,
        rtt_ms: 2,
        region: "Zhejiang",
    };
    let mut dice = Dice::new(firm.seed, &[4, me as u64, day as u64]);
    let all = firm.owners.len();
    let mut diary = Diary {
        events,
        name: &person.name,
        role: "integration",
        seat,
        owners: firm.owners,
        me: me as u32,
    };
    for step in 0..60 {
        let from = dice.below(all);
        let list: Vec<u32> = (from..from + 50)
            .map(|customer| (customer % all.max(1)) as u32)
            .collect();
        diary.touch(
            moment(day, 2.0) + i64::from(step) * 20_000,
            "orders",
            &list,
            |touch| touch.write = true,
        );
    }
    for hour in 8..20 {
        let list: Vec<u32> = (0..20).map(|_| dice.below(all) as u32).collect();
        diary.touch(moment(day, f64::from(hour)), "orders", &list, |_| {});
    }
}

/// Hours of work, spread over the day with a pause at noon.
fn working_hours(amount: usize, begin: f64, end: f64, dice: &mut Dice) -> Vec<f64> {
    let mut hours = Vec::with_capacity(amount);
    while hours.len() < amount {
        let hour = dice.between(begin, end);
        if !(12.0..13.2).contains(&hour) || dice.chance(0.12) {
            hours.push(hour);
        }
    }
    hours
}

fn sit(person: &Person, day: i32, dice: &mut Dice) -> Seat {
    let on_trip = person
        .trips
        .iter()
        .any(|(from, to)| (*from..=*to).contains(&day));
    let session = dice.next() | 1;
    let device = person.laptop_on(day);
    if on_trip {
        let ip = Ipv4Addr::new(
            58,
            30 + dice.below(40) as u8,
            dice.below(250) as u8,
            dice.below(250) as u8,
        );
        return Seat {
            ip,
            device,
            session,
            rtt_ms: 30 + dice.below(60) as u32,
            region: "Guangdong",
        };
    }
    if dice.chance(0.12) {
        return Seat {
            ip: person.home,
            device,
            session,
            rtt_ms: 14 + dice.below(20) as u32,
            region: "Zhejiang",
        };
    }
    if dice.chance(0.08) {
        return phone(person, day, dice);
    }
    Seat {
        ip: person.desk,
        device,
        session,
        rtt_ms: 2 + dice.below(4) as u32,
        region: "Zhejiang",
    }
}

fn phone(person: &Person, day: i32, dice: &mut Dice) -> Seat {
    let [a, b] = person.mobile;
    Seat {
        ip: Ipv4Addr::new(a, b, dice.below(256) as u8, dice.below(256) as u8),
        device: person.phone_on(day),
        session: dice.next() | 1,
        rtt_ms: 35 + dice.below(60) as u32,
        region: "Zhejiang",
    }
}
