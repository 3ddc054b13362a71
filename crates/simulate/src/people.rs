//! The firm: its people, how they work, what happens to them in a year, and its machines.

use std::net::Ipv4Addr;

use crate::dice::Dice;

/// What a person does for a living.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Sales,
    Service,
    Marketing,
    Manager,
    Operations,
    Finance,
    Admin,
    Sync,
}

impl Job {
    pub(crate) const fn role(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Service => "service",
            Self::Marketing => "marketing",
            Self::Manager => "manager",
            Self::Operations => "operations",
            Self::Finance => "finance",
            Self::Admin => "admin",
            Self::Sync => "integration",
        }
    }
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) job: Job,
    /// The day of a promotion from sales to manager.
    pub(crate) promoted: Option<i32>,
    pub(crate) starts: i32,
    pub(crate) leaves: i32,
    /// First and last day of each leave.
    pub(crate) away: Vec<(i32, i32)>,
    /// Customers opened on an ordinary day.
    pub(crate) busy: f64,
    pub(crate) begin: f64,
    pub(crate) end: f64,
    /// Share of days on which some work is done in the evening.
    pub(crate) evenings: f64,
    pub(crate) desk: Ipv4Addr,
    pub(crate) home: Ipv4Addr,
    /// The operator's range of the telephone: its last two octets change.
    pub(crate) mobile: [u8; 2],
    pub(crate) laptop: usize,
    pub(crate) phone: usize,
    /// The day on which the laptop is replaced.
    pub(crate) new_laptop: i32,
    pub(crate) book: Vec<u32>,
    /// Days on which a colleague's customers are looked after, with the colleague.
    pub(crate) covers: Vec<(i32, i32, usize)>,
    /// The day on which the book of a leaver is taken over.
    pub(crate) takes_over: Option<(i32, usize)>,
    pub(crate) trips: Vec<(i32, i32)>,
}

impl Person {
    pub(crate) fn job_on(&self, day: i32) -> Job {
        match self.promoted {
            Some(from) if day >= from => Job::Manager,
            _ => self.job,
        }
    }

    pub(crate) fn is_here(&self, day: i32) -> bool {
        (self.starts..self.leaves).contains(&day)
            && !self
                .away
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&day))
    }

    /// The browser of the day: versions move on every six weeks.
    pub(crate) fn laptop_on(&self, day: i32) -> String {
        let version = 136 + (day + self.laptop as i32 % 9) / 42;
        let system = [
            "Windows NT 10.0; Win64; x64",
            "Macintosh; Intel Mac OS X 10_15_7",
            "Windows NT 10.0; WOW64",
        ];
        let at = if day >= self.new_laptop {
            self.laptop + 1
        } else {
            self.laptop
        };
        let system = system.get(at % system.len()).copied().unwrap_or_default();
        let engine = if self.laptop.is_multiple_of(5) {
            "Edg"
        } else {
            "Chrome"
        };
        format!("Mozilla/5.0 ({system}) AppleWebKit/537.36 {engine}/{version}.0")
    }

    pub(crate) fn phone_on(&self, day: i32) -> String {
        let version = 8 + (day / 60) % 4;
        let model = [
            "iPhone; iPhone OS 18",
            "Android 15; HUAWEI Pura",
            "Android 15; Xiaomi",
            "Android 14; OPPO",
        ];
        let model = model
            .get(self.phone % model.len())
            .copied()
            .unwrap_or_default();
        format!(
            "Mozilla/5.0 ({model}) MicroMessenger/{version}.0 wxwork/4.{}",
            version % 3
        )
    }
}

/// A firm with so many people, over so many days. Customers are numbered from 0; each has one owner.
pub(crate) fn hire(seed: u64, staff: usize, days: i32) -> (Vec<Person>, Vec<u32>) {
    let mut dice = Dice::new(seed, &[1]);
    let mut people = Vec::new();
    let mut owners: Vec<u32> = Vec::new();
    for at in 0..staff {
        let share = at as f64 / staff as f64;
        let job = match share {
            _ if share < 0.55 => Job::Sales,
            _ if share < 0.75 => Job::Service,
            _ if share < 0.82 => Job::Marketing,
            _ if share < 0.91 => Job::Manager,
            _ if share < 0.94 => Job::Operations,
            _ if share < 0.98 => Job::Finance,
            _ => Job::Admin,
        };
        let mut person = someone(&mut dice, at, job, days);
        if job == Job::Sales {
            let size = dice.lognormal(260.0, 0.45).clamp(60.0, 1_200.0) as usize;
            for _ in 0..size {
                person.book.push(owners.len() as u32);
                owners.push(at as u32);
            }
        }
        people.push(person);
    }
    arrange(&mut dice, &mut people, days);
    for at in 0..3 {
        let mut machine = someone(&mut dice, staff + at, Job::Sync, days);
        machine.name = format!("sync-{at}");
        machine.desk = Ipv4Addr::new(10, 90, 0, 10 + at as u8);
        machine.starts = 0;
        machine.leaves = i32::MAX;
        machine.away.clear();
        people.push(machine);
    }
    (people, owners)
}

fn someone(dice: &mut Dice, at: usize, job: Job, days: i32) -> Person {
    let busy = match job {
        Job::Sales => dice.lognormal(28.0, 0.4),
        Job::Service => dice.lognormal(38.0, 0.3),
        Job::Manager => dice.lognormal(16.0, 0.5),
        Job::Marketing | Job::Finance => dice.lognormal(8.0, 0.5),
        Job::Operations => dice.lognormal(12.0, 0.5),
        Job::Admin | Job::Sync => dice.lognormal(2.0, 0.5),
    };
    let starts = if dice.chance(0.08) {
        dice.below(days.max(1) as usize) as i32
    } else {
        0
    };
    let mut away = Vec::new();
    let mut day = dice.below(90) as i32;
    while day < days {
        let length = if dice.chance(0.03) {
            60
        } else {
            2 + dice.below(10) as i32
        };
        away.push((day, day + length));
        day += length + 60 + dice.below(90) as i32;
    }
    let mut trips = Vec::new();
    while dice.chance(0.25) && trips.len() < 4 {
        let from = dice.below(days.max(1) as usize) as i32;
        trips.push((from, from + 1 + dice.below(4) as i32));
    }
    Person {
        name: format!("{}-{at}", job.role()),
        job,
        promoted: (job == Job::Sales && dice.chance(0.03))
            .then(|| dice.below(days.max(1) as usize) as i32),
        starts,
        leaves: i32::MAX,
        away,
        busy,
        begin: dice.between(8.3, 9.8),
        end: dice.between(17.6, 19.5),
        evenings: dice.between(0.0, 1.0).powi(3) * 0.5,
        desk: Ipv4Addr::new(10, 20, (at / 200) as u8, (at % 200) as u8 + 10),
        home: Ipv4Addr::new(
            114,
            80 + dice.below(20) as u8,
            dice.below(250) as u8,
            dice.below(250) as u8,
        ),
        mobile: [117, 130 + dice.below(6) as u8],
        laptop: dice.below(1_000),
        phone: dice.below(1_000),
        new_laptop: if dice.chance(0.2) {
            dice.below(days.max(1) as usize) as i32
        } else {
            i32::MAX
        },
        book: Vec::new(),
        covers: Vec::new(),
        takes_over: None,
        trips,
    }
}

/// Who covers for whom, who leaves and who takes the customers over.
fn arrange(dice: &mut Dice, people: &mut [Person], days: i32) {
    let sales: Vec<usize> = people
        .iter()
        .enumerate()
        .filter(|(_, person)| person.job == Job::Sales)
        .map(|(at, _)| at)
        .collect();
    for &at in &sales {
        let Some(away) = people.get(at).map(|person| person.away.clone()) else {
            continue;
        };
        for (from, to) in away {
            if !dice.chance(0.35) {
                continue;
            }
            if let Some(colleague) = dice.pick(&sales).filter(|colleague| *colleague != at)
                && let Some(person) = people.get_mut(colleague)
            {
                person.covers.push((from, to, at));
            }
        }
    }
    for &at in &sales {
        if !dice.chance(0.04) {
            continue;
        }
        let last = dice.below(days.max(1) as usize) as i32;
        let Some(heir) = dice.pick(&sales).filter(|heir| *heir != at) else {
            continue;
        };
        if let Some(leaver) = people.get_mut(at) {
            leaver.leaves = last.max(leaver.starts + 1);
        }
        if let Some(person) = people.get_mut(heir) {
            person.takes_over = Some((last, at));
        }
    }
}
